#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds with real containers: RUN, stages, the cache, failures, Ctrl-C. What ends up where is in tests/unit/build_*.c.
. "$(dirname "$0")/../lib.sh"
need root

cat_in() { # SERVICE FILE: its text in a container of the image
	ok c run --rm -T --no-deps "$1" cat "$2"
	is "$out" "$3"
}

steps() {
	project steps <<-'E'
		services:
		  a:
		    build: { context: ., args: { WHO: world } }
	E
	mkdir -p src/sub
	echo one >src/one
	echo two >src/sub/two
	echo no >src/left.log
	echo '**/*.log' >.dockerignore
	cat >Dockerfile <<-'E'
		FROM busybox AS base
		ARG WHO=nobody
		ENV GREETING="hello $WHO"
		RUN echo "$GREETING" >/greeting && id -u >/uid
		RUN echo maker:x:1234:1234::/:/bin/sh >>/etc/passwd
		FROM base AS made
		WORKDIR /srv/app
		COPY --chown=maker src .
		USER maker
		RUN id -u >/tmp/uid && ls -R /srv/app >/tmp/list && touch /tmp/mine
		RUN ["sh", "-c", "echo exec form: $0 >/tmp/exec"]
		RUN <<EOF
		set -e
		echo first >/tmp/doc
		echo second >>/tmp/doc
		EOF
		FROM base
		COPY --from=made /tmp /out
		COPY --from=made --chown=0:0 /srv/app/sub/two /two
		CMD ["cat", "/greeting"]
	E
	ok c build
	cat_in a /greeting "hello world"
	cat_in a /out/uid 1234
	cat_in a /uid 0
	has "$(c run --rm -T a cat /out/list)" one
	hasnt "$(c run --rm -T a cat /out/list)" left.log
	has "$(c run --rm -T a cat /out/exec)" "exec form:"
	cat_in a /out/doc $'first\nsecond'
	cat_in a /two two
	ok c run --rm -T a
	is "$out" "hello world"
}

cached() {
	local before

	cd steps || return
	before=$(c image inspect steps-a | jq -r '.[0].Id')
	ok c --progress plain build
	has "$out$err" CACHED
	is "$(c image inspect steps-a | jq -r '.[0].Id')" "$before"
	echo changed >src/sub/two
	ok c --progress plain build
	has "$out$err" CACHED
	has "$out$err" DONE
	[ "$(c image inspect steps-a | jq -r '.[0].Id')" != "$before" ] || flunk "the same image after a change"
	ok c --progress plain build --no-cache
	hasnt "$out$err" CACHED
	ok c down
}

clean_layer() { # what the runtime puts into the root for its mounts is not in the image
	project clean <<-'E'
		services:
		  a: { build: . }
	E
	printf 'FROM busybox\nRUN --mount=type=tmpfs,target=/deep/mnt touch /made\nRUN rm /made && touch /other\n' >Dockerfile
	ok c build
	ok c run --rm -T a sh -c 'ls -d /deep /made /other /.dockerenv 2>/dev/null; true'
	is "$out" /other
	ok c down
}

isolated() {
	project isolated <<-'E'
		services:
		  a: { build: . }
	E
	cat >Dockerfile <<-'E'
		FROM busybox
		RUN --network=none ip -o link | wc -l >/links
		RUN grep -E '^Cap(Eff|Inh|Amb)' /proc/self/status >/caps; ls /proc/self/fd | wc -l >/fds; cat /proc/self/mountinfo >/mounts
		RUN ! mount -t tmpfs x /mnt 2>/dev/null && ! echo x 2>/dev/null >/proc/sysrq-trigger && echo refused >/refused
		RUN echo $$ >/pid; hostname >/hostname
	E
	ok c build
	cat_in a /links 1
	has "$(c run --rm -T a cat /caps)" "00000000a80425fb"
	hasnt "$(c run --rm -T a cat /mounts)" "$W"
	cat_in a /refused refused
	cat_in a /pid 1
	ok c down
}

mounts() {
	project mounts <<-'E'
		services:
		  a:
		    build: { context: ., secrets: [tok] }
		secrets:
		  tok: { file: ./token }
	E
	echo s3cret >token
	echo data >data
	cat >Dockerfile <<-'E'
		FROM busybox AS other
		RUN mkdir /o && echo from-stage >/o/f
		FROM busybox
		RUN --mount=type=cache,target=/c echo a >>/c/n; wc -l </c/n >/count1
		RUN --mount=type=cache,target=/c echo b >>/c/n; wc -l </c/n >/count2
		RUN --mount=type=bind,source=data,target=/d cat /d >/got && ! echo x 2>/dev/null >/d
		RUN --mount=type=bind,from=other,source=/o,target=/o,rw cat /o/f >>/got; rm /o/f
		RUN --mount=type=secret,source=tok cat /run/secrets/tok >>/got
		RUN ls /run/secrets /c /o 2>&1 | grep -c 'No such' >/gone
	E
	ok c build
	cat_in a /count1 1
	cat_in a /count2 2
	cat_in a /got $'data\nfrom-stage\ns3cret'
	cat_in a /gone 3
	is "$(cat data)" data
	ok c down
}

env_secret() {
	project envsecret <<-'E'
		services:
		  a: { build: { context: ., secrets: [{ source: tok, target: other }] } }
		secrets:
		  tok: { environment: BUILD_TOKEN }
	E
	cat >Dockerfile <<-'E'
		FROM busybox
		RUN --mount=type=secret,id=other,required=true sha256sum </run/secrets/other >/sum
		RUN --mount=type=secret,id=other,env=T sh -c 'printf %s "$T" | sha256sum' >/sum2
	E
	fails 3 c build
	has "$err" 'the environment variable "BUILD_TOKEN" of build secret "tok" is not set'
	has "$err" "compose.yaml:2:"
	BUILD_TOKEN=env-s3cret ok c build
	want=$(printf env-s3cret | sha256sum)
	cat_in a /sum "$want"
	cat_in a /sum2 "$want"
	is "$(grep -rl env-s3cret "$COMPOSE_ROOT" || true)" ""   # nowhere on disk
	BUILD_TOKEN=env-s3cret ok c down
}

failing() {
	project failing <<-'E'
		services:
		  a: { build: . }
	E
	printf 'FROM busybox\nRUN echo the last words; exit 7\n' >Dockerfile
	fails 1 c build
	has "$err" "exit code 7"
	has "$err" "the last words"
	has "$err" "Dockerfile:2:1"
	printf 'FROM busybox\nRUN /no/such\nRUN ["/no/such"]\n' >Dockerfile
	fails 1 c build
	printf 'FROM busybox\nRUNN x\nCOPY y\n' >Dockerfile
	fails 3 c build
	has "$err" "Dockerfile:2:1"
	has "$err" "did you mean \`RUN\`?"
	has "$err" "Dockerfile:3:1"
	printf 'FROM busybox\nCOPY nosuch /\n' >Dockerfile
	fails 1 c build
	has "$err" "\`nosuch\`: not found"
	rm Dockerfile
	fails 3 c build
	has "$err" "Dockerfile does not exist"
	fails 1 c image inspect failing-a
	ok c down
}

ctrl_c() {
	project ctrlc <<-'E'
		services:
		  a: { build: . }
	E
	printf 'FROM busybox\nRUN echo started; sleep 1000\n' >Dockerfile
	env --default-signal=INT "$COMPOSE" --progress plain build >"$T/out/build" 2>&1 &
	soon 20 grep -q '#2 started' "$T/out/build"
	kill -INT $!
	rc=0
	wait $! || rc=$?
	is $rc 130
	fails 1 c image inspect ctrlc-a
	is "$(ls "$COMPOSE_ROOT/layers" | grep -c '^tmp')" 0
	ok c down
}

disk_full() {
	project full <<-'E'
		services:
		  a: { build: . }
	E
	printf 'FROM scratch\nCOPY big /\n' >Dockerfile
	head -c 6000000 /dev/zero >big
	# shellcheck disable=SC2016 # for the inner shell
	fails 1 unshare -m sh -c 'mkdir -p small && mount -t tmpfs -o size=4m ct small && exec "$COMPOSE" --root "$PWD/small" build'
	has "$err" "No space left"
}

parallel() {
	project par <<-'E'
		services:
		  a: { build: . }
	E
	cat >Dockerfile <<-'E'
		FROM busybox AS one
		RUN sleep 2; date +%s.%N >/t
		FROM busybox AS two
		RUN sleep 2; date +%s.%N >/t
		FROM busybox
		COPY --from=one /t /1
		COPY --from=two /t /2
	E
	ok c build
	ok c run --rm -T a cat /1 /2
	awk 'NR == 1 { a = $1 } NR == 2 { d = $1 - a; exit !(d < 1.9 && d > -1.9) }' <<<"$out" || flunk "one after the other: $out"
	ok c down
}

t "a Dockerfile of three stages builds and runs" steps
t "a second build is cached, a changed file is not" cached
t "mount points are not in the layer" clean_layer
t "RUN is isolated as a container is" isolated
t "RUN --mount: cache, bind, secret" mounts
t "a build secret from the environment" env_secret
t "failures: exit code, output, position; mistakes of the file; missing files" failing
t "Ctrl-C ends a build and leaves nothing" ctrl_c
t "disk full is an error" disk_full
t "independent stages are built side by side" parallel
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a service says of its build, seen in the image: the Dockerfile writes down what it finds.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

file_in() { c run --rm -T "$1" cat "$2"; }

sources() {
	project src <<-'E'
		services:
		  short: { build: ./ctx }
		  long: { build: { context: ctx, dockerfile: sub/Other } }
		  outside: { build: { context: ctx, dockerfile: ../Outside } }
		  inline: { build: { context: ctx, dockerfile_inline: "FROM busybox\nCOPY data /from-inline\nRUN echo $$HOME >/my-home" } }
		  named: { image: "local/named:7", build: { context: ctx, tags: ["local/also:1", "local/also:2"] } }
		  target: { build: { context: ctx, dockerfile: Stages, target: Middle } }
	E
	mkdir -p ctx/sub
	echo data >ctx/data
	printf 'FROM busybox\nCOPY data /from-default\n' >ctx/Dockerfile
	printf 'FROM busybox\nCOPY data /from-other\n' >ctx/sub/Other
	printf 'FROM busybox\nCOPY data /from-outside\n' >Outside
	printf 'FROM busybox AS middle\nRUN touch /middle\nFROM middle\nRUN touch /last; exit 3\n' >ctx/Stages
	ok c build
	is "$(file_in short /from-default)$(file_in long /from-other)$(file_in outside /from-outside)$(file_in inline /from-inline)" \
		datadatadatadata
	is "$(file_in inline /my-home)" /root
	is "$(c run --rm -T target sh -c 'ls /middle /last 2>/dev/null')" /middle
	for n in src-short src-long local/named:7 local/also:1 local/also:2; do ok c image inspect $n; done
	is "$(c image inspect local/also:2 | jq -r '.[0].Id')" "$(c image inspect local/named:7 | jq -r '.[0].Id')"
	fails 1 c image inspect src-named
	ok c down
}
# observes: build build.context build.dockerfile build.dockerfile_inline build.tags build.target
t "where from, and under which names" sources

inside() {
	project inside <<-'E'
		services:
		  map:
		    build:
		      context: .
		      args: { WHO: map, FROM_ENV: null, EMPTY: "" }
		      labels: { com.example: built, over: file }
		      extra_hosts: ["told:192.0.2.7"]
		      shm_size: 3m
		      secrets: [plain, { source: renamed, target: other, uid: "5" }]
		  list: { build: { context: ., args: [WHO=list, FROM_ENV], labels: ["com.example=list"], network: none, secrets: [plain, { source: renamed, target: other }] } }
		  host: { build: { context: ., network: host, secrets: [plain, { source: renamed, target: other }] } }
		secrets: { plain: { file: ./plain }, renamed: { file: ./renamed } }
	E
	echo s1 >plain
	echo s2 >renamed
	cat >Dockerfile <<-'E'
		FROM busybox
		ARG WHO=default
		ARG FROM_ENV=default
		ARG EMPTY=default
		LABEL over=dockerfile kept=1
		RUN echo "$WHO/$FROM_ENV/$EMPTY" >/args
		RUN cat /etc/hosts >/hosts; df -k /dev/shm | awk 'NR == 2 { print $2 }' >/shm; ls /sys/class/net | xargs >/net; readlink /proc/self/ns/net >/ns
		RUN --mount=type=secret,id=plain --mount=type=secret,id=other cat /run/secrets/plain /run/secrets/other | xargs >/secrets
	E
	export FROM_ENV=environment
	ok c build
	has "$err" "\`uid\` has no effect here"
	is "$(file_in map /args) $(file_in list /args) $(file_in host /args)" \
		"map/environment/ list/environment/default default/default/default"
	is "$(c image inspect inside-map | jq -r '.[0].Config.Labels | .["com.example"] + .over + .kept')" builtfile1
	is "$(c image inspect inside-list | jq -r '.[0].Config.Labels["com.example"]')" list
	matches "$(file_in map /hosts)" $'192.0.2.7\ttold'
	hasnt "$(file_in list /hosts)" told
	is "$(file_in map /shm)/$(file_in list /shm)" 3072/65536
	is "$(file_in list /net)/$(file_in map /net)" "lo/eth0 lo"
	is "$(file_in host /ns)" "$(readlink /proc/self/ns/net)"
	[ "$(file_in map /ns)" != "$(readlink /proc/self/ns/net)" ]
	is "$(file_in map /secrets)" "s1 s2"
	is "$(c run --rm -T map ls /run/secrets 2>&1 | grep -c s1)" 0
	ok c down
}
# observes: build.args build.labels build.extra_hosts build.shm_size build.network build.secrets build.secrets[].source build.secrets[].target
t "arguments, labels, hosts, /dev/shm, network, secrets" inside

entitled() {
	project entitled <<-'E'
		services:
		  yes: { build: { context: ., entitlements: [network.host] } }
		  no: { build: . }
		  more: { build: { context: ., entitlements: [network.host, security.insecure] } }
	E
	printf 'FROM busybox\nRUN --network=host readlink /proc/self/ns/net >/ns\nRUN readlink /proc/self/ns/net >/ns2\n' >Dockerfile
	ok c build yes
	is "$(file_in yes /ns)" "$(readlink /proc/self/ns/net)"
	[ "$(file_in yes /ns2)" != "$(readlink /proc/self/ns/net)" ] || flunk "every step is on the host's network"
	fails 1 c build no
	has "$err" "\`--network=host\` is not allowed"
	has "$err" "entitlements: [network.host]"
	fails 3 c build more
	has "$err" "never runs without its confinement"
	has "$err" "compose.yaml:4:"
	ok c down
}
# observes: build.entitlements
t "entitlements: the host's network for the steps that ask for it" entitled

again() {
	local one port

	start_registry "$T/registry"
	port=$registry_port
	project again <<-E
		services:
		  cached: { build: { dockerfile_inline: "FROM busybox\nRUN cat /proc/sys/kernel/random/uuid >/stamp" } }
		  fresh: { build: { dockerfile_inline: "FROM busybox\nRUN cat /proc/sys/kernel/random/uuid > /stamp", no_cache: true } }
		  base: { image: "127.0.0.1:$port/base:1", build: { dockerfile_inline: "FROM busybox\nRUN echo 1 >/base" } }
		  pulls: { build: { dockerfile_inline: "FROM 127.0.0.1:$port/base:1\nRUN cat /base >/got", pull: true } }
		  keeps: { build: { dockerfile_inline: "FROM 127.0.0.1:$port/base:1\nRUN cat /base >/kept" } }
	E
	ok c build cached fresh base
	one="$(file_in cached /stamp) $(file_in fresh /stamp)"
	ok c build cached fresh
	is "$(file_in cached /stamp)" "${one% *}"
	[ "$(file_in fresh /stamp)" != "${one#* }" ] || flunk "no_cache: the same step"
	# another base in the registry than here
	ok c push base
	c image tag "127.0.0.1:$port/base:1" local/first
	sed -i 's|echo 1 >/base|echo 2 >/base|' compose.yaml
	ok c build base
	ok c push base
	ok c image tag local/first "127.0.0.1:$port/base:1"
	ok c build keeps
	is "$(file_in keeps /kept)" 1
	ok c build pulls
	is "$(file_in pulls /got)" 2
	kill "$registry"
	ok c down
}
# observes: build.no_cache build.pull
t "no_cache, and the newest base with pull" again
contexts() {
	project ctxs <<-'E'
		services:
		  app:
		    build:
		      context: app
		      no_cache_filter: first
		      ulimits: { nofile: { soft: 77, hard: 99 }, core: 0 }
		      additional_contexts: { base: "service:base", shared: ./shared, other: "docker-image://busybox" }
		  base: { build: { dockerfile_inline: "FROM busybox\nRUN echo from-base >/base" } }
	E
	mkdir app shared
	echo kept >shared/file
	echo no >shared/left-out
	echo left-out >shared/.dockerignore
	cat >app/Dockerfile <<-'E'
		FROM base AS first
		RUN cat /proc/sys/kernel/random/uuid >/first; ulimit -Sn >/limits; ulimit -Hn >>/limits; ulimit -c >>/limits
		FROM other:latest AS shared
		RUN exit 3
		FROM first AS last
		COPY --from=shared . /s/
		COPY --from=other /bin/busybox /other
		RUN --mount=type=bind,from=shared,target=/m cat /m/file >/mounted
		FROM base
		COPY --from=last / /all/
		RUN cat /proc/sys/kernel/random/uuid >/second
	E
	ok c build app                       # and base first, which is not asked for
	is "$(file_in app /all/base) $(c run --rm -T app ls -A /all/s | xargs) $(file_in app /all/mounted)" "from-base .dockerignore file kept"
	is "$(file_in app /all/limits | xargs)" "77 99 0"
	ok c run --rm -T app cmp /bin/busybox /all/other
	first=$(file_in app /all/first) base=$(c image inspect ctxs-base | jq -r '.[0].Id')
	ok c build app
	[ "$(file_in app /all/first)" != "$first" ] || flunk "no_cache_filter: the stage was not made anew"
	is "$(c image inspect ctxs-base | jq -r '.[0].Id')" "$base"
	sed -i 's/no_cache_filter: first/no_cache_filter: [another]/' compose.yaml
	first=$(file_in app /all/first)
	ok c build app
	is "$(file_in app /all/first)" "$first"
	echo changed >shared/file
	ok c build app
	is "$(file_in app /all/mounted) $(file_in app /all/first)" "changed $first"
	ok c down
}
# observes: build.additional_contexts build.no_cache_filter build.ulimits build.ulimits.*.hard build.ulimits.*.soft
t "contexts with names, stages made anew, limits of steps" contexts

context_mistakes() {
	project mist <<-'E'
		services:
		  dir: { build: { dockerfile_inline: "FROM d", additional_contexts: { d: ./d } } }
		  url: { build: { dockerfile_inline: "FROM busybox", additional_contexts: { d: "oci-layout://d" } } }
		  gone: { build: { dockerfile_inline: "FROM busybox", additional_contexts: { d: ./gone } } }
		  limit: { build: { dockerfile_inline: "FROM busybox", ulimits: { nosuch: 3 } } }
	E
	mkdir d
	fails 3 c build dir
	has "$err" "the additional context \`d\` is a directory, not an image"
	has "$err" "dockerfile_inline:1"
	fails 3 c build url
	has "$err" "compose.yaml:3"
	has "$err" "not supported yet"
	fails 3 c build gone
	has "$err" "/gone"
	fails 3 c build limit
	has "$err" "nosuch"
	ok c down
}
t "contexts that cannot be used: which, and where" context_mistakes
done_testing

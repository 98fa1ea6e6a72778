#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# RUN --mount=type=ssh: an agent of the host, or keys, lent to a build step for listing and signing only.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root
need cmd ssh-agent
need cmd ssh-add
need cmd openssl

in_image() { c run --rm -T --no-deps "$1" cat "$2"; }

# An agent of the host with one key: $SSH_AUTH_SOCK, $agent_pid; its public key is in $T/user.pub.
host_agent() {
	[ -e "$T/user" ] || ssh-keygen -q -t ed25519 -N '' -C the-users-key -f "$T/user"
	rm -f "$T/agent.sock"
	ssh-agent -D -a "$T/agent.sock" >/dev/null 2>&1 &
	agent_pid=$!
	export SSH_AUTH_SOCK=$T/agent.sock
	soon 10 test -S "$SSH_AUTH_SOCK"
	ssh-add -q "$T/user"
}

# Does the second line of TEXT sign MESSAGE with the key of the first one?
verified() { # TEXT MESSAGE
	local key sig

	key=$(sed -n '/^[0-9a-f]\{64\}$/p' <<<"$1")
	sig=$(sed -n '/^[0-9a-f]\{128\}$/p' <<<"$1")
	[ -n "$key" ] && [ -n "$sig" ] || flunk "no key or signature in: $1"
	{ printf '302a300506032b6570032100%s' "$key"; } | xxd_r >"$T/key.der"
	xxd_r <<<"$sig" >"$T/sig"
	printf %s "$2" >"$T/message"
	openssl pkeyutl -verify -pubin -keyform DER -inkey "$T/key.der" -rawin -in "$T/message" -sigfile "$T/sig"
}

agents() { # of builds: they stand in a directory of the installation
	for p in /proc/[0-9]*; do
		case $(readlink "$p/cwd") in "$COMPOSE_ROOT"/*) ! grep -qs ssh-agent "$p/comm" || echo "$p" ;; esac
	done
}

xxd_r() { # hexadecimal numbers to bytes
	local hex

	hex=$(tr -d '\n')
	# shellcheck disable=SC2059 # the escapes are the point
	printf "$(sed 's/../\\x&/g' <<<"$hex")"
}

users_agent() {
	project mine <<-'E'
		services:
		  a: { build: { context: ., ssh: [default] } }
	E
	cat >Dockerfile <<-'E'
		FROM busybox
		RUN --mount=type=ssh echo "$SSH_AUTH_SOCK" >/sock; stat -c '%u %g %a %F' "$SSH_AUTH_SOCK" >/stat; payload agent list >/keys
		RUN --mount=type=ssh payload agent sign 'sign this' >/signature
		RUN --mount=type=ssh,target=/tmp/s,uid=7,gid=8,mode=0640 echo "$SSH_AUTH_SOCK $(stat -c '%u %g %a' /tmp/s)" >/stat2
		RUN --mount=type=ssh --mount=type=ssh,id=default ls /run/buildkit >/two; echo "$SSH_AUTH_SOCK" >>/two
		ENV SSH_AUTH_SOCK=/mine
		RUN --mount=type=ssh echo "$SSH_AUTH_SOCK" >/env
		USER 7
		RUN --mount=type=ssh,uid=7,target=/tmp/s SSH_AUTH_SOCK=/tmp/s payload agent list >/tmp/by7
		RUN --mount=type=ssh,target=/tmp/s SSH_AUTH_SOCK=/tmp/s payload agent list >/tmp/not7 2>&1 || true
	E
	host_agent
	ok c build
	is "$(in_image a /sock)" /run/buildkit/ssh_agent.0
	is "$(in_image a /stat)" "0 0 600 socket"
	is "$(in_image a /keys)" "ssh-ed25519 the-users-key"
	verified "$(in_image a /signature)" 'sign this'
	is "$(in_image a /stat2)" "/tmp/s 7 8 640"
	is "$(in_image a /two)" $'ssh_agent.0\nssh_agent.1\n/run/buildkit/ssh_agent.0'
	is "$(in_image a /env)" /mine
	is "$(in_image a /tmp/by7)" "ssh-ed25519 the-users-key"
	has "$(in_image a /tmp/not7)" EACCES
	# nothing of it stays: not in the image, not here, not in its configuration
	is "$(c run --rm -T a sh -c 'ls -d /run/buildkit /tmp/s 2>/dev/null; true')" ""
	is "$(find "$COMPOSE_ROOT" -name agent -o -name 'tmp.*')" ""
	hasnt "$(c image inspect mine-a)" ssh_agent
	is "$(ssh-add -l | wc -l)" 1
	kill "$agent_pid"
	ok c down
}
# observes: build.ssh
t "the user's agent: list and sign, owner and mode, gone afterwards" users_agent

only_two_requests() {
	project only <<-'E'
		services:
		  a: { build: { context: ., ssh: { default: } } }
	E
	# add, add constrained, remove one, remove all, lock, unlock, a smart card, an extension, SSH 1, none at all
	cat >Dockerfile <<-'E'
		FROM busybox
		RUN --mount=type=ssh for t in 17 25 18 19 22 23 20 26 27 1 9 0 255; do payload agent ask $t 40; done | sort -u >/refused
		RUN --mount=type=ssh payload agent ask 11 >/listed; payload agent ask 13 300000 >/long; payload agent ask 13 >/short
		RUN --mount=type=ssh payload agent hold 14 >/held & until grep -q held /held; do sleep 0.1; done; payload agent list >/beside; \
			kill $!; payload agent hold 14 >/held & until grep -q held /held; do sleep 0.1; done; payload agent list >/after
	E
	host_agent
	ok c build
	is "$(in_image a /refused)" 5
	is "$(in_image a /listed)/$(in_image a /long)/$(in_image a /short)" 12/0/5
	is "$(in_image a /beside)/$(in_image a /after)" "ssh-ed25519 the-users-key/ssh-ed25519 the-users-key"
	is "$(ssh-add -l | wc -l)" 1     # not removed, not locked
	kill "$agent_pid"
	ok c down
}
t "a step cannot do more with the agent than list and sign" only_two_requests

key_files() {
	local before

	project keys <<-'E'
		services:
		  a: { build: { context: ., ssh: ["deploy=./one,two", "other=../keys/two"] } }
		  b: { build: { context: . } }
	E
	unset SSH_AUTH_SOCK
	ssh-keygen -q -t ed25519 -N '' -C key-one -f one
	ssh-keygen -q -t ed25519 -N '' -C key-two -f two
	chmod 644 two                    # the file's mode is not our business
	cat >Dockerfile <<-'E'
		FROM busybox
		RUN --mount=type=ssh,id=deploy,required payload agent list >/keys; payload agent sign yes >/signature
		RUN --mount=type=ssh,id=other payload agent list >/other
	E
	ok c build a
	is "$(in_image a /keys)" $'ssh-ed25519 key-one\nssh-ed25519 key-two'
	is "$(in_image a /other)" "ssh-ed25519 key-two"
	verified "$(in_image a /signature)" yes
	fails 1 c build b
	has "$err" 'ssh `deploy` is required and not given'
	has "$err" Dockerfile:2:1
	has "$err" 'compose build --ssh deploy=SOCKET-OR-KEY'
	# the command line, which wins over the file
	ok c build --no-cache --ssh deploy=two --ssh other=one a
	is "$(in_image a /keys)$(in_image a /other)" "ssh-ed25519 key-twossh-ed25519 key-one"
	is "$(grep -rl OPENSSH "$COMPOSE_ROOT" || true)" ""
	is "$(agents)" ""
	ok c down
}
t "key files are served by an agent of the build's own" key_files

not_given() {
	project none <<-'E'
		services:
		  a: { build: . }
	E
	unset SSH_AUTH_SOCK
	cat >Dockerfile <<-'E'
		FROM busybox
		RUN --mount=type=ssh echo "${SSH_AUTH_SOCK-unset}" >/sock; ls /run/buildkit >>/sock 2>&1; true
	E
	ok c build
	has "$(in_image a /sock)" unset
	has "$(in_image a /sock)" "No such file"
	# what is lent is not in the step's key, which id is
	host_agent
	ok c --progress plain build --ssh default
	has "$out$err" CACHED
	sed -i 's/type=ssh/type=ssh,id=default/' Dockerfile
	ok c --progress plain build --ssh default
	has "$out$err" CACHED
	sed -i 's/id=default/id=other/' Dockerfile
	ok c --progress plain build --ssh default --ssh "other=$SSH_AUTH_SOCK"
	hasnt "$out$err" CACHED
	has "$(in_image a /sock)" ssh_agent.0
	kill "$agent_pid"
	ok c down
}
t "nothing given: no variable; the cache knows the id only" not_given

mistakes() {
	project bad <<-'E'
		services:
		  a: { build: { context: ., ssh: [default] } }
		  list: { build: . }
		  id: { build: { context: ., ssh: { other: } } }
	E
	unset SSH_AUTH_SOCK
	printf 'FROM busybox\nRUN --mount=type=ssh true\n' >Dockerfile
	fails 1 c build a
	has "$err" "SSH_AUTH_SOCK is not set"
	has "$err" "compose.yaml:2:"
	has "$err" "preserve-env=SSH_AUTH_SOCK"
	SSH_AUTH_SOCK=/no/such fails 1 c build a
	has "$err" "/no/such: No such file"
	SSH_AUTH_SOCK=$PWD/Dockerfile fails 3 c build a
	has "$err" "which is no socket"
	fails 2 c build id
	has "$err" 'only the id `default` may stand without a path'
	has "$err" compose.yaml:4:
	fails 2 c build --ssh other list
	has "$err" "--ssh other"
	fails 1 c build --ssh other=./nosuch list
	has "$err" "nosuch: No such file"
	echo no key >garbage
	fails 3 c build --ssh other=garbage list
	has "$err" "does not take garbage"
	ssh-keygen -q -t ed25519 -N secret -f locked
	fails 3 c build --ssh default=locked list
	has "$err" "the key locked has a passphrase"
	# nobody listens any more
	host_agent
	kill -KILL "$agent_pid"
	wait "$agent_pid" || true
	fails 1 c build a
	has "$err" "Connection refused"
	has "$err" Dockerfile:2:1
	has "$err" 'lend ssh `default` to the step'
	is "$(agents)" ""
	is "$(find "$COMPOSE_ROOT" -name 'tmp.*')" ""
	ok c down
}
t "mistakes: no agent, no socket, no key, a passphrase, nobody there" mistakes

killed() {
	project killed <<-'E'
		services:
		  a: { build: . }
	E
	ssh-keygen -q -t ed25519 -N '' -f key
	printf 'FROM busybox\nRUN --mount=type=ssh payload agent list; echo started; sleep 1000\n' >Dockerfile
	"$COMPOSE" --progress plain build --ssh default=key >"$T/out/build" 2>&1 &
	soon 20 grep -q '#2 started' "$T/out/build"
	matches "$(agents)" '^/proc/[0-9]+$'
	kill -KILL $!
	wait $! || true
	soon 10 no_agent
	soon 10 no_step
	printf 'FROM busybox\n' >Dockerfile
	ok c down
	ok c build                       # sweeps what the killed one left
	is "$(find "$COMPOSE_ROOT" -name 'tmp.*')" ""
	ok c down
}
no_agent() { [ -z "$(agents)" ]; }
no_step() { [ -z "$(our_processes)" ]; }      # nor the supervisor, which had nothing else
t "a killed build leaves neither agent nor step" killed
done_testing

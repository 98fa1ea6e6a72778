#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# interrupt.sh - Ctrl-C while a build, a pull, an up is at work: it ends soon, with 130, and half of nothing is left.
. "$(dirname "$0")/../lib.sh"
need root

# ended SECONDS CODE: the command in the background ends in time with that status.
ended() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000)) code=0

	while kill -0 $bg 2>/dev/null && [ "$(ps -o stat= -p $bg)" != Z ]; do
		[ "${EPOCHREALTIME/./}" -lt $end ] || flunk "still there after $1 s" "$(cat "$T/out/bg")"
		sleep 0.02
	done
	wait $bg || code=$?
	[ "$code" = "$2" ] || flunk "status $code, not $2" "$(cat "$T/out/bg")"
}

said() { grep -qF -- "$1" "$T/out/bg"; }
no_containers() {
	[ -z "$(find "$COMPOSE_ROOT/projects" -mindepth 2 -maxdepth 2 -name '*[0-9a-f]*' 2>/dev/null)" ] ||
		flunk "left: $(find "$COMPOSE_ROOT/projects" -maxdepth 3)"
}

build() {
	project build <<<'services: { a: { build: . } }'
	printf 'FROM busybox\nRUN echo begun; payload sleep 60\n' >Dockerfile
	c_bg build
	soon 10 said "#2 begun"
	kill -INT $bg
	ended 3 130
	said interrupted
	fails 1 c image inspect build-a
	soon 5 eval "! our_processes | grep -F 'payload sleep'"
	is "$(our_mounts | grep -v netns || true)" ""
	is "$(find "$COMPOSE_ROOT/layers" -maxdepth 1 -name '*tmp*')" ""
	no_containers
	printf 'FROM busybox\nRUN echo again\n' >Dockerfile
	ok c build
}

# A registry that takes the connection and says nothing.
silent_registry() {
	port=$(free_port)
	perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 9, LocalAddr => $ARGV[0]); sleep 60' "127.0.0.1:$port" &
	silent=$!
	soon 5 eval "ss -Hltn 'sport = :$port' | grep -q ."
}

pull() {
	silent_registry
	project pull <<<"services: { a: { image: '127.0.0.1:$port/x' }, b: { image: '127.0.0.1:$port/y' } }"
	for cmd in pull "up -d" "up"; do
		# shellcheck disable=SC2086
		c_bg $cmd
		soon 5 eval "ss -Htn state established 'dport = :$port' | grep -q ."
		kill -INT $bg
		ended 2 130
		said interrupted
		is "$(grep -c '^compose: ' "$T/out/bg")" 1
		no_containers
	done
	kill $silent
	is "$(find "$COMPOSE_ROOT/images" -name '*tmp*')" ""
}

never_healthy() {
	project "$1" <<-'E'
		services:
		  db:
		    image: busybox
		    command: payload sleep
		    healthcheck: { test: "false", interval: 100ms, retries: 1000, start_period: 100s }
		  web:
		    image: busybox
		    command: payload sleep
		    depends_on: { db: { condition: service_healthy } }
	E
}

# Attached: what has been started is stopped, as a Ctrl-C later would do.
up_attached() {
	never_healthy attached
	c_bg up
	soon 10 service_is db running
	kill -INT $bg
	ended 5 130
	is "$(field db .State)" exited
	is "$(field web .State)" created
	ok c down
	no_containers
}

# In the background what runs stays, as with docker compose; `down` takes it.
up_detached() {
	never_healthy detached
	c_bg up -d
	soon 10 service_is db running
	kill -INT $bg
	ended 3 130
	said interrupted
	is "$(field web .State)" created
	ok c down -t 0
	no_containers
}

# Ctrl-C of a `run` that waits for its dependency
run_waits() {
	never_healthy run_waits
	c_bg run --rm -T web echo never
	soon 10 service_is db running
	kill -INT $bg
	ended 3 130
	ok c down -t 0
	no_containers
}

t "Ctrl-C during a build" build
t "Ctrl-C during a pull from a registry that is silent" pull
t "Ctrl-C during up, while it waits for health" up_attached
t "Ctrl-C during up -d, while it waits for health" up_detached
t "Ctrl-C during run, while it waits for health" run_waits
done_testing

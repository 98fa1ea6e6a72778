#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the host cannot give, and state that is damaged: a clear error, and nothing half-made.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

# nothing_made: no container, network or volume
nothing_made() {
	is "$(c ps -aq 2>/dev/null)" ""
	is "$(ls -A "$COMPOSE_ROOT/networks" "$COMPOSE_ROOT/volumes" 2>/dev/null | grep -v ':$' | xargs)" ""
}

no_image() {
	project img <<-'E'
		services:
		  a: { image: busybox, init: true, command: payload ticks 1000 }
		  b: { image: "localhost:1/none:1" }
		  c: { image: "no-such-image-here", pull_policy: never }
	E
	fails 1 c up -d a b
	has "$err" "localhost:1/none:1"
	is "$(c ps -aq)" ""
	fails 1 c up -d c
	has "$err" "no-such-image-here"
	has "$err" "compose.yaml:4"
	fails 1 c run --rm -T c true
	fails 1 c up -d --no-build --pull never b
	nothing_made
}
t "an image that is not to be had: nothing is started" no_image

commands() {
	project cmds <<-'E'
		services:
		  gone: { image: busybox, command: /no/such/thing }
		  noexec: { image: busybox, command: /etc/passwd }
		  wd: { image: busybox, working_dir: /etc/passwd, command: "true" }
		  user: { image: busybox, user: nobody-of-that-name, command: "true" }
		  loop: { image: busybox, command: [/bin/loop] }
	E
	fails 127 c up -d gone
	has "$err" "/no/such/thing"
	fails 126 c up -d noexec
	has "$err" "/etc/passwd"
	run c up -d user
	[ "$rc" != 0 ]
	has "$err" "nobody-of-that-name"
	run c up -d wd
	[ "$rc" != 0 ]
	has "$err" "/etc/passwd"
	fails 127 c run --rm -T gone
	fails 126 c run --rm -T noexec
	ok c down
	nothing_made
}
t "commands that cannot be run: 127 and 126" commands

readonly_root() {
	project ro <<-'E'
		services: { a: { image: busybox } }
	E
	mkdir "$T/ro"
	mount -t tmpfs -o ro none "$T/ro"
	run env COMPOSE_ROOT="$T/ro/sub" "$COMPOSE" up -d
	code=$rc
	umount -l "$T/ro"
	is "$code" 1
	has "$err" "Read-only"
	run env COMPOSE_ROOT=/dev/null/x "$COMPOSE" ps
	is "$rc" 1
}
t "a place that cannot be written" readonly_root

damaged() {
	local f

	project dmg <<-'E'
		services: { a: { image: busybox, init: true, command: payload ticks 1000 }, b: { image: busybox, init: true, command: payload ticks 1000 } }
	E
	ok c up -d
	ok c stop -t 0
	for f in "$COMPOSE_ROOT"/projects/dmg/*/status.json; do
		printf '{"state": "runn' >"$f"
		break
	done
	run c ps -a
	hasnt "$err" "Segmentation"
	[ "$rc" -lt 126 ]
	for f in "$COMPOSE_ROOT"/projects/dmg/*/record.json; do
		head -c 4096 /dev/urandom >"$f"
		break
	done
	run c ps -a
	[ "$rc" -lt 126 ]
	run c down -t 0
	[ "$rc" -lt 126 ]
	rm -rf "$COMPOSE_ROOT/projects/dmg"
	run c down -t 0
	ok c down
}
t "state files that are damaged" damaged

# What a file system leaves of files that were renamed but not yet written when the machine went down: their names.
emptied() {
	local one two

	project gone <<-'E'
		services:
		  a: { image: busybox, init: true, command: payload ticks 1000, volumes: ["v:/v"] }
		  b: { image: busybox, init: true, command: payload ticks 1000 }
		volumes: { v: {} }
	E
	ok c up -d
	ok c exec -T a sh -c 'echo kept >/v/f'
	one=$(c ps -q --no-trunc a) two=$(c ps -q --no-trunc b)
	ok c stop -t 0
	cp -a "$COMPOSE_ROOT/projects/gone" "$COMPOSE_ROOT/networks" "$T/"
	ok c down                            # the kernel keeps nothing over such a night either
	cp -a "$T/gone" "$COMPOSE_ROOT/projects/"
	cp -a "$T/networks" "$COMPOSE_ROOT/"
	: >"$COMPOSE_ROOT/projects/gone/$one/record.json"
	: >"$COMPOSE_ROOT/projects/gone/$two/status.json"
	: >"$COMPOSE_ROOT/networks/gone_default.json"
	ok c ps -a
	ok c up -d
	is "$(c exec -T a cat /v/f)" kept
	is "$(c exec -T a sh -c 'getent hosts b >/dev/null && echo reached')" reached
	is "$(c ps -q --no-trunc b)" "$two"
	[ "$(c ps -q --no-trunc a)" != "$one" ] || flunk "a container without a record"
	ok c down -v
	is "$(find "$COMPOSE_ROOT/projects" -mindepth 1)" ""
}
t "state files that a dying machine left empty" emptied
done_testing

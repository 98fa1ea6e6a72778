#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Races: a process beside us exchanges directories and links while we mount, copy, build, exec (CVE-2021-30465, -2024-23651,
# -2024-11218, -2016-9962, -2025-31133).     RACE_S=60 for longer ones.
# shellcheck source=tests/e2e/threats.inc
. "$(dirname "$0")/threats.inc"
make_racer || { echo "Bail out! cannot build tests/tools/racer.c"; exit 1; }
RACE_S=${RACE_S:-4}
limit=$((60 + 4 * RACE_S))

until_s() { [ "$EPOCHSECONDS" -lt "$1" ]; }

mount_through_volume() {
	local end

	mkdir -p race
	cp "$racer" race/racer
	project race <<-E
		services:
		  bad:
		    image: busybox
		    command: sh -c "mkdir -p /s/dir/sub /s/plain && ln -s ../../../../../../..$V /s/link && exec /racer /s/dir /s/link"
		    volumes: ["./racer:/racer:ro", "shared:/s"]
		  good:
		    image: busybox
		    network_mode: none
		    command: sh -c "cat /s/dir/sub/file /s/dir/file 2>/dev/null; echo here; touch /s/dir/sub/made"
		    volumes: ["shared:/s", "other:/s/dir/sub", "./racer:/s/dir/r:ro"]
		    tmpfs: ["/s/dir/tmp"]
		    working_dir: /s/dir/new
		volumes: { shared: {}, other: {} }
	E
	ok c up -d bad
	end=$((EPOCHSECONDS + RACE_S))
	while until_s $end; do
		run timeout 30 "$COMPOSE" run --rm -T --no-deps good
		[ "$rc" != 124 ] || flunk "it hangs" "$err"
		hasnt "$out" canary
		canary_same
	done
	c logs --no-log-prefix bad
	is "$(field bad .State)" running
	ok c down -v -t 0
	canary_same
}
t "mounts and a working directory below a shared volume" mount_through_volume

build_of_moving_context() {
	local end pid

	mkdir -p ctx/dir ctx/plain
	echo fine >ctx/dir/file
	ln -s "$V" ctx/link
	cp ctx/dir/file ctx/f && ln -s "$V/file" ctx/fl
	"$racer" ctx/dir ctx/link "$RACE_S" &
	pid=$!
	"$racer" ctx/f ctx/fl "$RACE_S" &
	end=$((EPOCHSECONDS + RACE_S))
	while until_s $end; do
		inline $'FROM busybox\nCOPY . /all\nCOPY dir /d/\nCOPY dir/file f* /g/\nRUN --mount=type=bind,source=dir,target=/m ! grep -r canary-secre[t] /all /d /g /m'
		hasnt "$out$err" canary-secret
		[ "$rc" = 0 ] || matches "$err" "not found|is not in|changed|read|copy|open"
	done
	wait $pid
}
t "a build while its context changes" build_of_moving_context

exec_is_watched() {
	mkdir -p peek
	cp "$racer" peek/racer
	project peek <<-'E'
		services:
		  a:
		    image: busybox
		    command: /racer -p
		    volumes: ["./racer:/racer:ro"]
		  b:
		    image: busybox
		    command: /racer -p
		    cap_add: [SYS_PTRACE]
		    volumes: ["./racer:/racer:ro"]
	E
	ok c up -d
	for _ in $(seq 15); do
		ok c exec -T a true
		run c exec -T b true # may be hurt
	done
	ok c logs --no-log-prefix a
	has "$out" "seen compose-exec"
	hasnt "$out" BREACH
	# one that may trace sees what is being started, but nothing of the host's
	ok c logs --no-log-prefix b
	hasnt "$out" "fd/9"
	hasnt "$out" "fd/6"
	ok c down -t 0
}
t "exec is watched from inside" exec_is_watched

done_testing

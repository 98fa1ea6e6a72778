#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# up_attached.sh - `up` in the foreground: prefixes, exits, Ctrl-C once and twice, and whose exit code it ends with.
. "$(dirname "$0")/../lib.sh"
need root

said() { grep -qE -- "$1" "$T/out/bg" || { cat "$T/out/bg"; return 1; }; }

ended() { # SECONDS CODE: as of the command in the background
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000)) code=0

	while kill -0 $bg 2>/dev/null && [ "$(ps -o stat= -p $bg)" != Z ]; do
		[ "${EPOCHREALTIME/./}" -lt $end ] || flunk "still there after $1 s" "$(cat "$T/out/bg")"
		sleep 0.02
	done
	wait $bg || code=$?
	[ "$code" = "$2" ] || flunk "status $code, not $2" "$(cat "$T/out/bg")"
}

# All end by themselves: up ends too, with 0; every line has its service in front, padded to one width.
all_end() {
	project all_end <<-'E'
		services:
		  a: { image: busybox, command: echo from a }
		  longer: { image: busybox, command: sh -c "echo to stderr >&2; printf 'no newline'; exit 3" }
	E
	run c up
	is "$rc" 0
	matches "$out$err" $'(^|\n)a-1 +\\| from a\n'
	matches "$out$err" $'(^|\n)longer-1 +\\| to stderr\n'
	has "$out$err" "| no newline"
	matches "$out" $'longer-1 exited with code 3(\n|$)'
	matches "$out" $'a-1 exited with code 0(\n|$)'
	hasnt "$out$err" $'\e['
	is "$(awk '/ \| / { print index($0, "|") }' <<<"$out" | sort -u | wc -l)" 1
	ok c up --no-log-prefix a
	matches "$out$err" $'(^|\n)from a\n'
	ok c down
}

# A new up shows new output only.
again() {
	project again <<<'services: { a: { image: busybox, command: sh -c "date +stamp%N" } }'
	ok c up
	ok c up
	is "$(grep -c '| stamp' <<<"$out")" 1
	ok c logs
	is "$(grep -c '| stamp' <<<"$out")" 2
	ok c down
}

chosen() {
	project chosen <<-'E'
		services:
		  a: { image: busybox, command: echo from a, depends_on: [b] }
		  b: { image: busybox, command: echo from b }
		  quiet: { image: busybox, command: echo from quiet, attach: false }
	E
	ok c up
	has "$out" "from a"
	has "$out" "from b"
	hasnt "$out" "from quiet"
	ok c down
	ok c up --no-attach a
	hasnt "$out" "from a"
	ok c down
	ok c up a
	has "$out" "from a"
	hasnt "$out" "from b"
	ok c down
	ok c up --attach-dependencies a
	has "$out" "from b"
	ok c down
}

graceful() {
	project graceful <<-'E'
		services:
		  a: { image: busybox, command: payload signal-report 7 }
		  b: { image: busybox, command: payload signal-report 0, depends_on: [a] }
	E
	c_bg up
	soon 10 service_is b running
	soon 5 said 'b-1 +\|'
	kill -INT $bg
	ended 5 130
	said "Gracefully stopping"
	said "a-1 +\| .*TERM"
	said "a-1 exited with code 7"
	said "b-1 exited with code 0"
	is "$(field a '.State + " " + (.ExitCode | tostring)')" "exited 7"
	[ "$(grep -n 'b-1 exited' "$T/out/bg" | cut -d: -f1)" -lt "$(grep -n 'a-1 exited' "$T/out/bg" | cut -d: -f1)" ] ||
		flunk "not in reverse order" "$(cat "$T/out/bg")"
	ok c down
}

# SIGTERM, as from a service manager or a closed terminal
terminated() {
	project terminated <<<'services: { a: { image: busybox, command: payload signal-report 0 } }'
	c_bg up
	soon 10 service_is a running
	soon 5 said 'a-1 +\|'
	kill -TERM $bg
	ended 5 143
	is "$(field a .State)" exited
	ok c down
}

forced() {
	project forced <<<"services: { a: { image: busybox, command: sh -c \"trap 'echo no' TERM; echo ready; while :; do sleep 0.1; done\", stop_grace_period: 50s } }"
	c_bg up
	soon 10 said '\| ready'
	kill -INT $bg
	soon 5 said '\| no'
	kill -INT $bg
	ended 5 130
	is "$(field a .ExitCode)" 137
	ok c down
}

abort() {
	project abort <<-'E'
		services:
		  a: { image: busybox, command: payload sleep, init: true }
		  b: { image: busybox, command: sh -c "sleep 1.5; exit 5" }
		  c: { image: busybox, command: "true" }
	E
	fails 5 c up --abort-on-container-failure
	is "$(field a .State)" exited
	fails 0 c up --abort-on-container-exit
	is "$(field a .State)" exited
	is "$(field b .ExitCode)" 137 # process 1 without a handler
	fails 5 c up --exit-code-from b a b
	is "$(field a .State)" exited
	fails 143 c up --exit-code-from a b a
	ok c down
	fails 2 c up -d --abort-on-container-exit
	fails 2 c up --exit-code-from nosuch
}

# Other commands may act meanwhile; up sees it.
meanwhile() {
	project meanwhile <<<'services: { a: { image: busybox, command: payload ticks 20, init: true }, b: { image: busybox, command: payload sleep, init: true } }'
	c_bg up
	soon 10 said 'a-1 +\| tick 5$'
	ok c restart a
	soon 5 said 'a-1 exited with code'
	twice() { [ "$(grep -c '| tick 1$' "$T/out/bg")" = 2 ]; }
	soon 5 twice
	ok c stop
	ended 5 0
	ok c down
}

# What fails to start is told, and what runs is left for a look.
start_fails() {
	project fails <<-'E'
		services:
		  a: { image: busybox, command: payload sleep, init: true }
		  b: { image: busybox, command: nosuch, depends_on: [a] }
	E
	fails 127 c up
	has "$err" nosuch
	is "$(field a .State)" running
	ok c down
}

# Columns of tables stay in line, whatever is in them.
columns() {
	local at line

	project columns <<-'E'
		services:
		  a: { image: busybox, command: payload sleep 1000000000 and more than fits, init: true }
		  b: { image: busybox, command: payload sleep, init: true }
	E
	ok c up -d
	ok c ps
	has "$out" "…"
	at=${out%%SERVICE*}
	while read -r line; do
		matches "${line:${#at}:2}" '^(SE|a |b )$'
	done <<<"$out"
	ok c images
	hasnt "$out" " 0B "
	ok c down -t 0
}

t "containers that end: prefixes, exit codes, the end of up" all_end
t "a second up shows new output only" again
t "whose output is shown" chosen
t "Ctrl-C stops gracefully, in reverse order" graceful
t "SIGTERM does too" terminated
t "a second Ctrl-C kills" forced
t "--abort-on-container-exit, -failure, --exit-code-from" abort
t "restart and stop from another terminal" meanwhile
t "a container that cannot start" start_fails
t "tables of ps and images" columns
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cmd_attach.sh - `compose attach`: input, output, signals, exit code, and leaving with the detach keys.
. "$(dirname "$0")/../lib.sh"
need root

start() {
	project at <<-'E'
		services:
		  echo:
		    image: busybox
		    command: sh -c 'echo early; while read -r x; do echo "got $$x"; [ "$$x" = end ] && exit 7; done; exit 9'
		    stdin_open: true
		  sig:
		    image: busybox
		    command: sh -c 'trap "echo caught; exit 5" INT; trap "exit 6" USR1; while :; do sleep 0.1; done'
		  term:
		    image: busybox
		    command: sh -c 'stty -echo; tty; while read -r x; do echo "<$$x>"; stty size; [ "$$x" = end ] && exit 4; done'
		    stdin_open: true
		    tty: true
		  loud:
		    image: busybox
		    command: sh -c 'while :; do echo out; echo err >&2; sleep 0.1; done'
		    init: true
	E
	ok c up -d
}

pipes() {
	cd at
	run bash -c "printf 'one\nend\n' | '$COMPOSE' attach echo"
	is "$rc" 7
	is "$out" "$(printf 'got one\ngot end')"
	fails 1 c attach echo
	has "$err" "is not running"
	ok c start echo
	# Our end of input is not the container's: somebody else may attach after us.
	run timeout 2 bash -c "echo two | '$COMPOSE' attach echo"
	is "$rc" 124
	is "$out" "got two"
	is "$(field echo .State)" running
	fails 2 c attach nope
	fails 1 c attach --index 3 echo
	has "$err" "no container 3"
}

signals() {
	local n

	cd at
	c_bg attach sig
	soon 5 attached sig
	sleep 0.3
	kill -INT "$bg"
	wait "$bg" && n=0 || n=$?
	is "$n" 5
	is "$(cat "$T/out/bg")" caught
	ok c start sig
	c_bg attach --sig-proxy=false sig
	sleep 0.5
	kill -INT "$bg"
	wait "$bg" && n=0 || n=$?
	is "$n" 130
	is "$(field sig .State)" running
}
attached() { [ "$(field "$1" .State)" = running ]; }

streams() {
	cd at
	run timeout -s INT 1 "$COMPOSE" attach --no-stdin --sig-proxy=false loud
	is "$(sort -u <<<"$out")" out
	is "$(sort -u <<<"$err")" err
	# A reader that goes away ends it, and only it.
	"$COMPOSE" attach --sig-proxy=false loud 2>/dev/null | head -n 1
	is "$(field loud .State)" running
}

# typed into a terminal of our own
typed() { # KEYS THEN-KEYS [ATTACH-ARG...]
	local keys=$1 then=$2
	shift 2
	# shellcheck disable=SC2059 # they hold escapes
	{ sleep 1; printf "$keys"; sleep 0.5; printf "$then"; sleep 0.5; } | script -qec "stty rows 33 cols 101; '$COMPOSE' attach $* term; echo status \$?" /dev/null | tr -d '\r'
}

terminal() {
	cd at
	out=$(typed 'hello\r' '\020\021')
	has "$out" "<hello>"
	has "$out" "33 101"
	has "$out" "read escape sequence"
	has "$out" "status 0"
	is "$(field term .State)" running
	# a beginning of the keys that is none reaches the container
	out=$(typed 'a\020b\r' '\001x' --detach-keys ctrl-a,x)
	has "$out" "$(printf '<a\020b>')"
	has "$out" "status 0"
	out=$(typed 'end' '\r')
	has "$out" "<end>"
	has "$out" "status 4"
	fails 2 c attach --detach-keys ctrl-pq loud
	has "$err" "no detach keys"
}

run_detaches() {
	cd at
	out=$({ sleep 1.5; printf '\020\021'; sleep 1; } | script -qec "'$COMPOSE' run --name left echo cat; echo status \$?" /dev/null | tr -d '\r')
	has "$out" "status 0"
	is "$(ps_json | jq -r 'select(.Name == "left") | .State')" running
}

stop() {
	cd at
	ok c down -t 0 --remove-orphans
}

t "services start" start
t "attach carries input, output and the exit code" pipes
t "attach hands signals on, unless told otherwise" signals
t "attach keeps output and errors apart" streams
t "attach to a terminal: size, detach keys" terminal
t "run is left with the detach keys" run_detaches
t "down" stop
done_testing

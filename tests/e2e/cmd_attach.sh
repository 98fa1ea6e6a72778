#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cmd_attach.sh - `compose attach`: input, output, signals, exit code, and leaving with the detach keys.
. "$(dirname "$0")/../lib.sh"
need root
make_tool pty || exit 1

start() {
	project at <<-'E'
		services:
		  echo:
		    image: busybox
		    command: sh -c 'echo early; while read -r x; do echo "got $$x"; [ "$$x" = end ] && exit 7; done; exit 9'
		    stdin_open: true
		  sig:
		    image: busybox
		    command: sh -c 'trap "echo caught; exit 5" INT; trap "exit 6" USR1; while :; do echo on; sleep 0.1; done'
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
	echo two | env --default-signal=INT "$COMPOSE" attach --sig-proxy=false echo >"$T/out/bg" &
	soon 10 said "got two"
	is "$(field echo .State)" running
	kill -INT $!
	wait $! || true
	fails 2 c attach nope
	fails 1 c attach --index 3 echo
	has "$err" "no container 3"
}

signals() {
	local n

	cd at
	c_bg attach sig
	soon 10 said on
	kill -INT "$bg"
	wait "$bg" && n=0 || n=$?
	is "$n" 5
	is "$(uniq "$T/out/bg" | xargs)" "on caught"
	ok c start sig
	c_bg attach --sig-proxy=false sig
	soon 10 said on
	kill -INT "$bg"
	wait "$bg" && n=0 || n=$?
	is "$n" 130
	is "$(field sig .State)" running
}
said() { grep -qx "$1" "$T/out/bg"; }

streams() {
	cd at
	env --default-signal=INT "$COMPOSE" attach --no-stdin --sig-proxy=false loud >"$T/out/bg" 2>"$T/out/bg.err" &
	soon 10 said out
	soon 10 grep -qx err "$T/out/bg.err"
	kill -INT $!
	wait $! || true
	is "$(sort -u "$T/out/bg")" out
	is "$(sort -u "$T/out/bg.err")" err
	# A reader that goes away ends it, and only it.
	"$COMPOSE" attach --sig-proxy=false loud 2>/dev/null | head -n 1
	is "$(field loud .State)" running
}

# at_terminal TYPED ARG...: the program on a terminal of 33 by 101; TYPED as of tools/pty.c, and its escapes
at_terminal() {
	local typed=$1
	shift
	rc=0
	# shellcheck disable=SC2059 # it holds escapes
	printf "$typed" | "$O/tests/pty" 33x101 "$COMPOSE" "$@" >"$T/out/tty" 2>&1 || rc=$?
	out=$(tr -d '\r' <"$T/out/tty")
}

terminal() {
	cd at
	at_terminal 'hello\n#until 33 101\n\020\021\n' attach term
	is "$rc" 0
	has "$out" "<hello>"
	has "$out" "read escape sequence"
	is "$(field term .State)" running
	# a beginning of the keys that is none reaches the container
	at_terminal 'a\020b\n#until >\n\001x\n' attach --detach-keys ctrl-a,x term
	is "$rc" 0
	has "$out" "$(printf '<a\020b>')"
	is "$(field term .State)" running
	# where they are others, the usual ones are keys like any other
	at_terminal 'c\020\021d\n#until >\n\001x\n' attach --detach-keys ctrl-a,x term
	is "$rc" 0
	has "$out" "$(printf '<c\020d>')" # the terminal inside takes Ctrl-Q for itself
	at_terminal 'end\n' attach term
	is "$rc" 4
	has "$out" "<end>"
	fails 2 c attach --detach-keys ctrl-pq loud
	has "$err" "no detach keys"
}

run_detaches() {
	cd at
	at_terminal '#until ready\n\020\021\n' run --name left echo sh -c 'echo ready; cat'
	is "$rc" 0
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

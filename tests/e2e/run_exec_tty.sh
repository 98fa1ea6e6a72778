#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run, exec and up with a terminal: size, raw bytes, Ctrl-C, and the terminal as it was afterwards.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root
make_tool pty || exit 1

# tty CMD...: run it on a terminal of 33 by 99; what it prints goes to $out, and standard input is typed (tools/pty.c).
tty() {
	rc=0
	"$O/tests/pty" 33x99 "$@" >"$T/out/tty" 2>&1 || rc=$?
	out=$(tr -d '\r' <"$T/out/tty")
}

up_once() {
	project term <<-'E'
		services:
		  a: { image: busybox, init: true, command: payload ticks 1000 }
		  w: { image: busybox, init: true, tty: true, stdin_open: true, command: payload winsize }
		  t: { image: busybox, tty: true, command: sh -c "tty; stty size; echo to-tty; payload ticks 1000" }
	E
	ok c up -d a
}
t "up" up_once

terminal() {
	local how

	cd "$W/term"
	for how in "exec a" "run --rm --quiet a"; do
		# shellcheck disable=SC2086
		{
			tty "$COMPOSE" $how tty
			is "$(tail -n 1 <<<"$out")" /dev/pts/0
			tty "$COMPOSE" $how stty size
			is "$(tail -n 1 <<<"$out")" "33 99"
			tty "$COMPOSE" $how sh -c 'exit 6'
			is "$rc" 6
			tty "$COMPOSE" $how sh -c 'echo term=$TERM'
			matches "$out" 'term=.+'
			tty "$COMPOSE" ${how/a/-T a} tty
			has "$out" "not a tty"
		}
	done
}
t "a terminal of the right size; -T: none" terminal

typed() {
	local how

	cd "$W/term"
	for how in "exec a" "run --rm --quiet a"; do
		# shellcheck disable=SC2086
		tty "$COMPOSE" $how sh <<-'E'
			#until #
			echo $((40+2))
			#until 42
			exit 5
		E
		has "$out" $'\n42'
		is "$rc" 5
	done
}
t "a shell that is typed into" typed

ctrl_c() {
	cd "$W/term"
	printf '#until ready\n\003\n' >"$T/keys"
	tty "$COMPOSE" exec a sh -c 'trap "echo caught; exit 8" INT; echo ready; while :; do sleep 0.1; done' <"$T/keys"
	has "$out" caught
	is "$rc" 8
	tty "$COMPOSE" run --rm a sh -c 'trap "echo caught; exit 8" INT; echo ready; while :; do sleep 0.1; done' <"$T/keys"
	has "$out" caught
	is "$rc" 8
}
t "Ctrl-C is for the program inside" ctrl_c

restored() {
	cd "$W/term"
	tty bash -c "stty -a >$T/stty.1; $COMPOSE exec a true; stty -a >$T/stty.2; $COMPOSE run --rm a true; stty -a >$T/stty.3"
	cmp "$T/stty.1" "$T/stty.2"
	cmp "$T/stty.1" "$T/stty.3"
	tty bash -c "$COMPOSE exec a nosuch; stty -a >$T/stty.4"
	cmp "$T/stty.1" "$T/stty.4"
	has "$out" nosuch
}
t "the terminal is as before" restored

resized() {
	local how

	cd "$W/term"
	ok c up -d w
	# as the program inside sees it, at SIGWINCH; twice, and back
	printf '#until size 33 99\n#size 20x50\n#until size 20 50\n#size 33x99\n#until size 33 99\n\003\n' >"$T/keys"
	for how in "exec a payload winsize" "run --rm --quiet a payload winsize" "attach w"; do
		# shellcheck disable=SC2086 # words
		tty "$COMPOSE" $how <"$T/keys"
		is "$rc" 130
	done
	is "$(field w .ExitCode)" 130
}
t "a change of size is handed on" resized

progress() {
	cd "$W/term"
	tty "$COMPOSE" restart -t 0 a
	has "$out" $'\e['
	has "$out" term-a-1
	NO_COLOR=1 tty "$COMPOSE" restart -t 0 a
	hasnt "$out" $'\e[3'
}
t "progress on a terminal" progress

service_tty() {
	cd "$W/term"
	ok c up -d t
	soon 5 logs_have t to-tty
	c logs --no-log-prefix t >"$T/raw"
	grep -q $'to-tty\r$' "$T/raw" || flunk "$(od -c "$T/raw" | head)"
	has "$(cat "$T/raw")" /dev/pts/0
	ok c exec -T t sh -c 'ls -l /dev/console /proc/1/fd/0'
	has "$out" pts
	ok c down -t 0
}
t "tty: true" service_tty
done_testing

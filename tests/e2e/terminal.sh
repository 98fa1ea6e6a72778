#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# terminal.sh - at a real terminal (script(1) makes one): exec, run and up with size, keys, exit codes, modes put back.
. "$(dirname "$0")/../lib.sh"
need root
need cmd script

# on_tty COMMAND: run in a new terminal; $out is what it shows, $rc its status
on_tty() { run script -qec "$1" /dev/null; out=${out//$'\r'/}; }

# tty_bg COMMAND: the same in the background, keys go to descriptor 9, the screen to $T/out/tty, its name to $T/tty
tty_bg() {
	rm -f "$T/keys" "$T/tty"
	mkfifo "$T/keys"
	: >"$T/out/tty"
	script -qfec "tty >$T/tty; stty rows 24 cols 80; $1" /dev/null <"$T/keys" >"$T/out/tty" 2>&1 &
	bg=$!
	exec 9>"$T/keys"
}
shows() { grep -aqF -- "$1" "$T/out/tty" || { cat "$T/out/tty"; return 1; }; }
tty_ends() { # CODE
	local code=0

	soon 10 eval "! kill -0 $bg 2>/dev/null || [ \"\$(ps -o stat= -p $bg)\" = Z ]"
	wait $bg || code=$?
	exec 9>&-
	[ "$code" = "$1" ] || flunk "status $code, not $1" "$(cat "$T/out/tty")"
}

up() {
	project terminal <<<'services: { a: { image: busybox, command: payload sleep, init: true } }'
	ok c up -d
}

basics() {
	cd terminal
	on_tty "stty rows 33 cols 77; $COMPOSE exec a sh -c 'stty size; tty; test -t 0 && test -t 1 && test -t 2 && echo all; exit 5'"
	is "$rc" 5
	has "$out" "33 77"
	has "$out" /dev/pts/
	has "$out" all
	on_tty "$COMPOSE exec -T a sh -c 'test -t 0 || echo none; exit 6'"
	is "$rc" 6
	has "$out" none
	on_tty "$COMPOSE exec a sh -c 'echo \$TERM; kill -9 \$\$'"
	is "$rc" 137
	has "$out" xterm
	on_tty "$COMPOSE exec a nosuch"
	is "$rc" 127
}

# Raw while it runs, as before afterwards, whatever the end.
modes() {
	cd terminal
	for cmd in "exec a true" "exec a false" "exec a nosuch" "exec a sh -c 'kill -9 \$\$'" "run --rm a stty raw" "run --rm a nosuch"; do
		on_tty "stty -g; $COMPOSE --progress quiet $cmd; echo; stty -g"
		is "$(tail -n 1 <<<"$out")" "$(head -n 1 <<<"$out")"
	done
}

resize() {
	cd terminal
	tty_bg "$COMPOSE exec a payload winsize"
	soon 10 shows "24 80"
	stty -F "$(cat "$T/tty")" rows 50 cols 132
	soon 5 shows "50 132"
	printf '\003' >&9
	tty_ends 130
}

# Ctrl-C belongs to the process inside, Ctrl-D ends its input, Ctrl-Z stays inside too.
keys() {
	cd terminal
	tty_bg "$COMPOSE exec a sh -c 'trap \"echo got INT; exit 9\" INT; echo ready; while :; do sleep 0.1; done'"
	soon 10 shows ready
	printf '\003' >&9
	tty_ends 9
	shows "got INT"
	tty_bg "$COMPOSE exec a sh -c 'echo ready; cat'"
	soon 10 shows ready
	printf 'hello\r' >&9
	soon 10 eval '[ "$(grep -ac hello "$T/out/tty")" = 2 ]'
	printf '\004' >&9
	tty_ends 0
	tty_bg "$COMPOSE run --rm a sh"
	soon 10 shows '#'
	printf 'exit 11\r' >&9
	tty_ends 11
}

# The client goes with its terminal; what ran inside is told so by its own terminal.
hangup() {
	cd terminal
	tty_bg "$COMPOSE exec a payload sleep 12345"
	soon 10 pgrep -f '^payload sleep 12345$'
	kill -KILL $bg
	wait $bg || true
	exec 9>&-
	soon 5 eval "! pgrep -f '^payload sleep 12345$'"
}

lines() { grep -ac "$1" "$T/out/tty"; }
more_lines() { [ "$(lines "$1")" -gt "$2" ]; }

# up in a terminal: progress is drawn, prefixes have colours, Ctrl-C stops, a second one is not needed.
attached() {
	project attached <<-'E'
		services:
		  a: { image: busybox, command: payload ticks 50, init: true }
		  b: { image: busybox, command: payload ticks 50, init: true }
	E
	tty_bg "$COMPOSE up"
	soon 10 shows "tick 5"
	shows $'\e['
	# another size is no reason to stop
	stty -F "$(cat "$T/tty")" rows 30 cols 60
	before=$(lines tick)
	soon 20 more_lines tick $((before + 10))
	printf '\003' >&9
	tty_ends 130
	shows "Gracefully stopping"
	is "$(field a .State) $(field b .State)" "exited exited"
	is "$(tr -d '\r' <"$T/out/tty" | grep -ac 'exited with code 143')" 2
}

# d leaves the containers alone, and the terminal is as before; without the menu it is a letter like any other.
detached() {
	cd attached
	tty_bg "$COMPOSE up; stty -a; $COMPOSE up --menu=false"
	soon 20 shows "tick 5"
	shows "d Detach"
	printf d >&9
	soon 20 shows " echo "
	shows " icanon "
	is "$(field a .State) $(field b .State)" "running running"
	printf d >&9
	before=$(lines tick)
	soon 20 more_lines tick $((before + 10))
	printf '\003' >&9
	tty_ends 130
	is "$(grep -ac 'd Detach' "$T/out/tty")" "$(grep -a -B9999 ' icanon ' "$T/out/tty" | grep -ac 'd Detach')"
	is "$(field a .State) $(field b .State)" "exited exited"
	ok c down
}

# w begins to watch and ends it; where nothing is configured it says so.
watched() {
	project watched <<-'E'
		services:
		  a:
		    image: busybox
		    command: payload sleep
		    init: true
		    develop: { watch: [ { action: sync, path: src, target: /src } ] }
	E
	mkdir src
	tty_bg "$COMPOSE up"
	soon 30 shows "w Enable Watch   d Detach"
	printf w >&9
	soon 30 shows "Watch enabled"
	soon 30 shows "w Disable Watch   d Detach"
	echo text >src/file
	soon 30 sh -c '[ "$("$COMPOSE" exec -T a cat /src/file)" = text ]'
	printf w >&9
	soon 30 shows "Watch disabled"
	[ ! -e "$COMPOSE_ROOT/run/projects/watched/watch" ] || flunk "it watches on"
	printf '\003' >&9
	tty_ends 130
	ok c down -t 0
}

# Without a terminal: pipes as they are, the two streams apart.
piped() {
	cd terminal
	is "$(printf 'a\0b' | c exec -T a cat | od -An -c | tr -d ' \n')" 'a\0b'
	is "$(c exec -T a sh -c 'echo o; echo e >&2' 2>/dev/null)" o
	is "$(c exec -T a sh -c 'echo o; echo e >&2' 2>&1 >/dev/null)" e
	is "$(head -c 3000000 /dev/zero | c exec -T a wc -c)" 3000000
	is "$(c exec -T a head -c 3000000 /dev/zero | wc -c)" 3000000
	is "$(head -c 3000000 /dev/zero | c run --rm -T a cat | wc -c)" 3000000
	# a reader that has seen enough
	c exec -T a yes 12345 | head -n 1 >"$T/out/yes"
	soon 5 eval "! pgrep -f '^yes 12345$'"
}

down() {
	cd terminal
	ok c down
}

t "up" up
t "exec at a terminal: size, streams, exit codes" basics
t "the terminal is as before afterwards" modes
t "a change of size goes inside" resize
t "keys go inside" keys
t "a terminal that is closed" hangup
t "up at a terminal" attached
t "d detaches" detached
t "w watches" watched
t "no terminal: bytes as they are" piped
t "down" down
done_testing

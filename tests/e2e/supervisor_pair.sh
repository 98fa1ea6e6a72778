#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# supervisor_pair.sh - a supervisor and those who ask it: another program than its own, another command at the same time,
# files of another version, and no supervisor at all.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

role() { our_processes | awk -v r="$1" '$2 !~ /Z/ && $3 == "compose:" && $4 == r { print $1; exit }'; }
runs_newer() { local pid; pid=$(role "$1") && [ -n "$pid" ] && grep -qaF "$newer" "/proc/$pid/exe"; }
containers() { our_processes | grep -E 'payload (http|ticks)' | awk '{ print $1 }' | sort; }

# The same program but for the version it says it has.
hand_over() {
	local version old before i

	version=$("$COMPOSE" version --short)
	version=${version#v}
	newer=compose/${version%?}9
	# as a part of "compose/VERSION", or beside it where the linker merges no texts
	sed -E "s|(compose/)$version|\\1${newer#*/}|g; s|\\x00$version\\x00|\\x00${newer#*/}\\x00|g" "$COMPOSE" >"$T/newer"
	chmod +x "$T/newer"
	is "$("$T/newer" version --short | sed 's/^v//')" "${newer#*/}"
	port=$(free_port)
	project handover <<-E
		services:
		  web: { image: busybox, init: true, command: payload http 80 hi, ports: ["127.0.0.1:$port:80"] }
		  tick: { image: busybox, init: true, command: payload ticks 5 }
	E
	ok c up -d
	before=$(containers)
	old=$(role worker)
	ok "$T/newer" up -d
	[ "$(role worker)" != "$old" ] || flunk "the worker is the same: $(our_processes)"
	for i in keeper worker relay; do soon 20 runs_newer $i; done
	is "$(containers)" "$before"
	is "$(get "http://127.0.0.1:$port/")" hi
	lines() { [ "$("$T/newer" logs --no-log-prefix tick | wc -l)" -gt 100 ]; }
	soon 20 lines
	"$T/newer" logs --no-log-prefix tick | awk '$2 != ++n { print "line " n ": " $0; exit 1 }' || flunk "lines are missing"
	old=$(role worker)
	ok c stop -t 0 web # an older one does not take it back
	is "$(role worker)" "$old"
	runs_newer worker || flunk "the older program took over"
	ok "$T/newer" down -t 0
}

# The same version built anew: the one that is used last has it, the same one leaves it alone.
other_build() {
	local before old

	python3 - "$COMPOSE" "$T/other" <<-'PY'
		import re, sys
		b = bytearray(open(sys.argv[1], "rb").read())
		at = re.search(rb"\x04\0\0\0.\0\0\0\x03\0\0\0GNU\0", b, re.S).end()
		b[at] ^= 1
		open(sys.argv[2], "wb").write(b)
	PY
	chmod +x "$T/other"
	is "$("$T/other" version)" "$("$COMPOSE" version)"
	project builds <<<'services: { tick: { image: busybox, init: true, command: payload ticks 5 } }'
	ok c up -d
	before=$(containers)
	old=$(role worker)
	ok c up -d
	is "$(role worker)" "$old"
	ok "$T/other" up -d
	[ "$(role worker)" != "$old" ] || flunk "the worker is the same: $(our_processes)"
	soon 20 runs_program keeper "$T/other"
	is "$(containers)" "$before"
	old=$(role worker)
	ok c up -d
	[ "$(role worker)" != "$old" ] || flunk "the other build still has it"
	is "$(containers)" "$before"
	ok c down -t 0
}
runs_program() { local pid; pid=$(role "$1") && [ -n "$pid" ] && cmp -s "/proc/$pid/exe" "$2"; }

waits() {
	project waits <<-'E'
		services:
		  slow:
		    image: busybox
		    init: true
		    command: payload sleep
		    healthcheck: { test: "test -e /ok", interval: 100ms, retries: 1000, start_period: 100s }
		  last: { image: busybox, init: true, command: payload sleep, depends_on: { slow: { condition: service_healthy } } }
	E
	c_bg up -d
	soon 20 service_is slow running
	c stop -t 0 last >"$T/out/stop" 2>&1 &
	second=$!
	soon 20 grep -q "pid $bg (compose up -d)" "$T/out/stop"
	ok c exec -T slow touch /ok
	wait $bg || flunk "up: $(cat "$T/out/bg")"
	wait $second || flunk "stop: $(cat "$T/out/stop")"
	is "$(field last .State)" exited
	is "$(field slow .State)" running
	ok c down -t 0
}

# State of a version to come is not guessed at, and left as it is.
newer_files() {
	local file sum

	project files <<<'services: { a: { image: busybox, init: true, command: payload sleep } }'
	ok c up -d
	ok c stop -t 0
	for file in "$COMPOSE_ROOT"/projects/files/*/record.json; do
		cp "$file" "$T/record"
		jq '.version = 99' "$T/record" >"$file"
	done
	sum=$(md5sum <"$file")
	run c up -d
	[ "$rc" != 0 ] || flunk "up goes on" "$out" "$err"
	has "$err" "version 99"
	has "$err" "record.json"
	is "$(md5sum <"$file")" "$sum"
	cp "$T/record" "$file"
	ok c up -d
	ok c down -t 0
}

no_supervisor() {
	project none <<<'services: { a: { image: busybox, init: true, command: payload sleep } }'
	mkdir -p "$COMPOSE_ROOT/run/projects/none/ctl/x"
	run c up -d
	[ "$rc" != 0 ] || flunk "up goes on" "$out" "$err"
	has "$err" "cannot start the supervisor of project none"
	has "$err" "control socket"
	rm -r "$COMPOSE_ROOT/run/projects/none/ctl"
	ok c up -d
	ok c down -t 0
}

t "a newer program takes over with its first command: containers, ports and logs go on" hand_over
t "another build of the same version takes over when it is used" other_build
t "a second command waits for the first, and says for whom" waits
t "state of a newer version is refused" newer_files
t "a supervisor that cannot start says why" no_supervisor
done_testing

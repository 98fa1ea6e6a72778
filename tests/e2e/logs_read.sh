#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# logs: prefixes, streams, tail, since, until, timestamps, follow, rotation, long and binary lines.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

made() {
	project logs <<-'E'
		services:
		  web: { image: busybox, command: sh -c "echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three" }
		  longer-name: { image: busybox, command: sh -c "printf 'no newline'" }
		  named: { image: busybox, container_name: my.name, command: echo hi }
		  ticks: { image: busybox, init: true, command: payload ticks 50 }
		  bulk: { image: busybox, command: payload spew 20000 }
		  line: { image: busybox, command: payload spew-bytes 100000 }
		  quiet: { image: busybox, attach: false, command: echo not shown }
		  none: { image: busybox, logging: { driver: none }, command: echo lost }
		  bytes: { image: busybox, command: [sh, -c, "printf 'a\\033[2Jb\\377\\000c\\n'"] }
	E
	ok c up -d
	for s in web longer-name named bulk line bytes; do soon 10 service_ended $s 0; done
}
t "up" made
at() { cd "$W/logs"; }

prefixes() {
	at
	ok c logs web longer-name named
	is "$err" ""
	is "$(grep web <<<"$out")" $'web-1          | one\nweb-1          | two\nweb-1          | three'
	has "$out" "longer-name-1  | no newline"
	has "$out" "my.name        | hi"
	is "$(wc -l <<<"$out")" 5
	ok c logs --no-log-prefix web
	is "$out" $'one\ntwo\nthree'
	hasnt "$out" $'\e'
	ok c --ansi always logs web
	has "$out" $'\e['
	ok c --ansi always logs --no-color web
	hasnt "$out" $'\e'
	ok c logs
	hasnt "$out" "not shown"
	hasnt "$out" lost
	has "$err" none
	ok c logs quiet
	has "$out" "not shown"
}
t "prefixes, colours, attach: false, driver none" prefixes

tail_lines() {
	at
	ok c logs --no-log-prefix --tail 2 web
	is "$out" $'two\nthree'
	ok c logs --no-log-prefix -n 0 web
	is "$out" ""
	ok c logs --no-log-prefix --tail all web
	is "$(wc -l <<<"$out")" 3
	ok c logs --no-log-prefix --tail 1 bulk web
	is "$(wc -l <<<"$out")" 2
	ok c logs --no-log-prefix bulk
	is "$(wc -l <<<"$out")" 20000
	c logs --no-log-prefix bulk >"$T/all"
	"$COMPOSE" exec -T ticks payload spew 20000 >"$T/direct"
	cmp "$T/all" "$T/direct"
}
t "--tail; nothing lost in bulk" tail_lines

times() {
	local mid

	at
	ok c logs -t --no-log-prefix web
	matches "$(head -n 1 <<<"$out")" '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z one$'
	is "$(sort -c <<<"$out" 2>&1)" ""
	soon 5 enough_ticks
	mid=$(c logs -t --no-log-prefix ticks | sed -n 10p | cut -d' ' -f1)
	ok c logs -t --no-log-prefix --until "$mid" ticks
	[ "$(wc -l <<<"$out")" -le 10 ] && [ "$(wc -l <<<"$out")" -ge 9 ] || flunk "until: $(wc -l <<<"$out")"
	ok c logs -t --no-log-prefix --since "$mid" ticks
	is "$(head -n 1 <<<"$out" | cut -d' ' -f1)" "$mid"
	ok c logs --no-log-prefix --since 1h web
	is "$(wc -l <<<"$out")" 3
	ok c logs --no-log-prefix --since 2099-01-01T00:00:00Z web
	is "$out" ""
	fails 2 c logs --since yesterday web
	has "$err" yesterday
}
enough_ticks() { [ "$(c logs ticks | wc -l)" -ge 20 ]; }
t "--timestamps, --since, --until" times

long_line() {
	at
	c logs --no-log-prefix line >"$T/line"
	is "$(wc -l <"$T/line")" 1
	is "$(wc -c <"$T/line")" 100001
	"$COMPOSE" exec -T ticks payload spew-bytes 100000 >"$T/direct"
	cmp "$T/line" "$T/direct"
	c logs --no-log-prefix bytes >"$T/bytes"
	is "$(od -An -c <"$T/bytes" | xargs)" "$(printf 'a\033[2Jb\377\000c\n' | od -An -c | xargs)"
}
t "a line of 100000 bytes, and bytes that are no text, as they were" long_line

following() {
	local n

	at
	c_bg logs -f --tail 0 ticks
	soon 5 some_lines 5
	kill -INT $bg
	code=0
	wait $bg || code=$?
	is "$code" 130
	is "$(field ticks .State)" running
	sed 's/.*| //' "$T/out/bg" | awk '{ n = $NF; if (NR > 1 && n != last + 1) exit 1; last = n }' || flunk "a gap: $(cat "$T/out/bg")"
	# the end of the container is the end of following
	c_bg logs -f ticks
	soon 5 some_lines 5
	ok c stop -t 0 ticks
	soon 5 no_process $bg
	wait $bg
	# what is started later is followed too, while another of them runs
	ok c up -d ticks
	c_bg logs -f --tail 0 ticks web
	soon 10 connected "$bg"
	ok c up -d web
	soon 5 grep -q "web-1 .*| three" "$T/out/bg"
	kill -INT $bg
	wait $bg || true
	# of a container that has ended: all, and the end
	ok timeout 60 "$COMPOSE" logs -f --no-log-prefix named
	is "$out" hi
}
some_lines() { [ "$(wc -l <"$T/out/bg")" -ge "$1" ]; }
no_process() { ! grep -qs '^State:.[^Z]' "/proc/$1/status"; }
t "--follow" following

merged() {
	at
	ok c up -d --scale ticks=2 ticks
	some() { [ "$(c logs "$1" "$2" "$3" | wc -l)" -ge 10 ]; }
	soon 10 some --index 2 ticks
	ok c logs -t ticks
	has "$out" "ticks-1  | "
	has "$out" "ticks-2  | "
	is "$(sed 's/.*| //' <<<"$out" | cut -d' ' -f1 | sort -c 2>&1)" ""
	ok c logs --index 2 ticks
	hasnt "$out" "ticks-1"
	has "$out" "ticks-2"
}
t "several containers, merged by time; --index" merged

appended() {
	at
	n=$(c logs --no-log-prefix web | grep -c one)
	ok c up -d web
	soon 5 service_ended web 0
	is "$(c logs --no-log-prefix web | grep -c one)" $((n + 1))
	ok c down -t 0
	is "$(c logs web 2>&1)" ""
}
t "a restart appends; down takes the log along" appended

rotated() {
	local size

	project rot <<-'E'
		services:
		  a: { image: busybox, logging: { options: { max-size: 64k, max-file: "2" } }, command: payload spew 50000 }
	E
	ok c up -d
	soon 20 service_ended a 0
	c logs --no-log-prefix a >"$T/rot"
	[ "$(wc -l <"$T/rot")" -lt 20000 ] || flunk "$(wc -l <"$T/rot") lines"
	[ "$(wc -l <"$T/rot")" -gt 100 ] || flunk "$(wc -l <"$T/rot") lines"
	has "$(tail -n 1 "$T/rot")" 50000
	awk '{ n = $NF + 0; if (NR > 2 && n != last + 1) exit 1; last = n }' "$T/rot" || flunk "a gap" # the first may be cut
	size=$(du -sk "$COMPOSE_ROOT/projects/rot" | cut -f1)
	[ "$size" -lt 400 ] || flunk "$size KiB kept"
	ok c down
}
t "max-size and max-file" rotated
done_testing

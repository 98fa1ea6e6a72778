#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the worker again and again, at any moment (kill_worker.sh has each process once): nothing is lost.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

# The process of a role that came from this test.
role() { our_processes | awk -v r="$1" '$3 == "compose:" && $4 == r { print $1 }' | head -n 1; }
new_role() { local p; p=$(role "$1"); [ -n "$p" ] && [ "$p" != "$2" ]; }
kill_role() {
	local old

	old=$(role "$1")
	[ -n "$old" ] || flunk "no $1: $(our_processes)"
	kill -KILL "$old"
	soon 30 new_role "$1" "$old"
}

up_once() {
	port=$(free_port)
	echo "$port" >"$T/port"
	project kw <<-E
		services:
		  ticks: { image: busybox, init: true, command: payload ticks 5 }
		  both: { image: busybox, command: payload spew-both 400000 }
		  web: { image: busybox, init: true, command: payload http 80 still-here, ports: ["127.0.0.1:$port:80"] }
		  later: { image: busybox, command: sh -c "sleep 2; exit 42" }
		  sick: { image: busybox, init: true, command: payload ticks 1000, healthcheck: { test: "test ! -e /bad", interval: 200ms, retries: 2 } }
		  again: { image: busybox, restart: always, command: sh -c "echo begin; sleep 1; exit 1" }
	E
	ok c up -d
	ok get "http://127.0.0.1:$port/"
	c ps -q | sort >"$T/ids"
	ps_json | jq -r '.Name + " " + .ID' | sort >"$T/names"
}
t "up" up_once
at() { cd "$W/kw"; }

# A container that prints all the while, and the worker killed again and again.
no_gap() {
	local i began

	at
	began=$(c exec -T ticks cut -d' ' -f22 /proc/1/stat)
	c_bg logs -f --no-log-prefix ticks
	for i in 1 2 3 4 5; do
		kill_role worker
		sleep 0.2
	done
	is "$(ps_json | jq -r '.Name + " " + .ID' | sort)" "$(cat "$T/names")"
	is "$(field ticks .State)" running
	is "$(c exec -T ticks cut -d' ' -f22 /proc/1/stat)" "$began"
	c logs --no-log-prefix ticks >"$T/ticks"
	awk '{ n = $NF + 0; if (NR > 1 && n != last + 1) { print last " -> " n; bad = 1 } last = n } END { exit bad || NR < 100 }' "$T/ticks" ||
		flunk "lines are missing or doubled, of $(wc -l <"$T/ticks")"
	kill -INT $bg 2>/dev/null || true
	wait $bg || true
	awk '{ n = $NF + 0; if (NR > 1 && n != last + 1) { print last " -> " n; bad = 1 } last = n } END { exit bad }' "$T/out/bg" ||
		flunk "the follower lost lines"
}
t "no line of a running container is lost or doubled" no_gap

both_streams() {
	at
	soon 50 service_ended both 0
	c logs --no-log-prefix both >"$T/both"
	"$COMPOSE" exec -T ticks payload spew-both 400000 2>&1 | sort >"$T/direct"
	is "$(wc -l <"$T/both")" "$(wc -l <"$T/direct")"
	sort "$T/both" | cmp - "$T/direct" || flunk "lines differ"
}
t "400000 lines on two streams came through whole" both_streams

codes() {
	at
	soon 30 service_ended later 42
	matches "$(c ps -a)" 'kw-later-1 .*Exited \(42\)'
}
t "an exit while the worker was gone keeps its code" codes

# While a container starts or stops.
any_moment() {
	local i

	at
	for i in 1 2 3 4 5 6; do
		c_bg restart -t 0 web sick ticks
		sleep "0.0$((i * 3))"
		kill -KILL "$(role worker)" 2>/dev/null || true
		wait $bg || flunk "restart $i:" "$(cat "$T/out/bg")"
		is "$(ps_json | jq -r 'select(.Service | test("web|sick|ticks")).State' | sort -u)" running
		soon 20 get "http://127.0.0.1:$(cat "$T/port")/"
	done
	ok c up -d
	is "$(ps_json | jq -r 'select(.Service | test("web|sick|ticks")).State' | sort -u)" running
	soon 20 get "http://127.0.0.1:$(cat "$T/port")/"
}
t "killed in the midst of commands, the project comes to rest as asked" any_moment

ended() {
	at
	kill -KILL "$(role worker)"
	ok c down -t 0
	is "$(c ps -aq)" ""
}
t "down right after a kill" ended
done_testing

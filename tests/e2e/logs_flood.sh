#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# logs_flood.sh - one service that writes as fast as it can holds up nobody; what it writes is kept as it is: lines of any
# length, any bytes, no newline at the end; --follow goes on across restart and recreate.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# The flood goes on all the while: yes(1) writes some hundred MB a second where nobody holds it up.
flood() {
	local start took bytes

	port=$(free_port)
	project flood <<-E
		services:
		  loud: { image: busybox, command: yes 0123456789012345678901234567890123456789012345678901234567890123456789, init: true,
		    logging: { options: { max-size: 10m, max-file: "2" } } }
		  web: { image: busybox, command: payload http 80 hi, init: true, ports: ["127.0.0.1:$port:80"],
		    healthcheck: { test: "true", interval: 200ms, retries: 5 } }
		  tick: { image: busybox, command: payload ticks 20, init: true }
	E
	ok c up -d
	soon 10 service_is web running healthy
	loud=$(our_processes | awk '$3 == "yes" { print $1; exit }')
	bytes=$(awk '/^wchar/ { print $2 }' "/proc/$loud/io")
	start=$(now_ms)
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		is "$(get "http://127.0.0.1:$port/")" hi
		ok c exec -T web true
	done
	is "$(field web .Health)" healthy
	took=$(($(now_ms) - start))
	[ $took -lt 30000 ] || flunk "ten answers and ten commands beside the flood take $took ms"
	bytes=$((($(awk '/^wchar/ { print $2 }' "/proc/$loud/io") - bytes) / took / 1000))
	echo "$bytes" >"$T/rate"
	[ $bytes -ge 5 ] || flunk "the loud one is held up: $bytes MB/s"
	c logs --no-log-prefix tick | awk '$2 != ++n { print "line " n ": " $0; exit 1 } END { exit n < 10 }' || flunk "tick lost lines, or did not come to write"
	start=$(now_ms)
	ok c stop -t 2
	took=$(($(now_ms) - start))
	[ $took -lt 30000 ] || flunk "stop takes $took ms"
	# what is left of the flood are whole lines, but for the first and the last
	c logs --no-log-prefix --tail 1000 loud | sed '1d;$d' | awk 'length($0) != 70 { print; exit 1 }' || flunk "a line is not what was written"
	ok c down -t 0
}

# 3 MB in one line, all bytes there are, and an end without newline: the very bytes come back.
exact() {
	project exact <<-'E'
		services:
		  a:
		    image: busybox
		    volumes: ["./bytes:/bytes:ro"]
		    command: cat /bytes
	E
	{
		head -c 3000000 /dev/zero | tr '\0' x
		echo
		LC_ALL=C awk 'BEGIN { for (i = 0; i < 256; i++) printf "%c", i }'
		echo
		head -c 200000 /dev/urandom
		printf '\nno newline'
	} >bytes
	ok c up -d
	soon 20 service_ended a 0
	c logs --no-log-prefix --no-color a >"$T/got"
	{ cat bytes; echo; } >"$T/want" # the last line is ended for the reader
	cmp "$T/got" bytes || cmp "$T/got" "$T/want" || flunk "$(wc -c <"$T/got") bytes, $(wc -c <bytes) were written"
	ok c down -t 0
}

follows() {
	project follows <<-'E'
		services:
		  a: { image: busybox, init: true, command: sh -c "echo life $$LIFE of a; exec payload sleep", environment: { LIFE: 1 } }
		  stays: { image: busybox, init: true, command: payload sleep }
	E
	ok c up -d
	c logs -f --no-log-prefix a stays >"$T/out/follow" 2>&1 &
	follower=$!
	seen() { [ "$(grep -c "^life $1 " "$T/out/follow")" = "$2" ] || { cat "$T/out/follow"; return 1; }; }
	soon 10 seen 1 1
	ok c restart -t 0 a
	soon 10 seen 1 2
	sed -i 's/LIFE: 1/LIFE: 2/' compose.yaml
	ok c up -d -t 0
	soon 10 seen 2 1
	kill $follower 2>/dev/null || true
	wait $follower || true
	is "$(wc -l <"$T/out/follow")" 3
	ok c down -t 0
}

t "a flood holds up neither ports nor probes nor commands nor other logs" flood
[ ! -e "$T/rate" ] || echo "# $(cat "$T/rate") MB/s were taken"
t "very long lines, all bytes, no newline at the end" exact
t "--follow goes on across restart and recreate" follows
done_testing

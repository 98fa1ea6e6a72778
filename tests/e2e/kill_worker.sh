#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill_worker.sh - kill -9 of the worker, the relay, the keeper, a client: containers go on, no log line and no exit code is
# lost, connections are answered; where all of them are killed, `down` still cleans up.
. "$(dirname "$0")/../lib.sh"
need root

role() { # worker|relay|keeper PROJECT: its pid, or nothing
	our_processes | awk -v r="$1" -v p="$2" '$2 !~ /Z/ && $3 == "compose:" && $4 == r && $5 == p { print $1 }'
}

# A new one has taken its place, and it answers.
replaced() { # ROLE PROJECT OLDPID
	local now
	now=$(role "$1" "$2")
	[ -n "$now" ] && [ "$now" != "$3" ]
}

numbered() { # SERVICE AT-LEAST: its lines are tick 1, 2, 3 ... with no gap and none twice
	c logs --no-color --no-log-prefix "$1" >"$T/out/ticks"
	awk -v least="$2" '{ sub(/\r$/, "") } $2 != ++n { print "line " n " is: " $0; bad = 1; exit 1 }
		END { if (!bad && n < least) { print "only " n " lines"; exit 1 } exit bad }' "$T/out/ticks"
}

pages() {
	port=$(free_port)
	project "$1" <<-E
		services:
		  web:
		    image: busybox
		    command: payload http 80 hi
		    ports: ["$port:80"]
		    restart: always
		  tick: { image: busybox, command: payload ticks 5, restart: always }
		  both: { image: busybox, command: payload spew-both 3000, restart: "no" }
	E
	ok c up -d
	soon 10 page
}
page() { [ "$(get "http://127.0.0.1:$port/")" = hi ]; }

# What must be the same afterwards: who runs, since when.
lives() { ps_json | jq -r '"\(.Name) \(.ID)"' | sort; for s in web tick; do c top "$s" | awk 'NR > 1 { print $3, $4 }' | sort; done; }

worker() {
	local before old i
	pages worker
	before=$(lives)
	for i in 1 2 3 4 5; do
		old=$(role worker worker)
		[ -n "$old" ] || flunk "no worker" "$(our_processes)"
		kill -KILL "$old"
		is "$(get "http://127.0.0.1:$port/")" hi # before another worker is there, perhaps
		soon 5 replaced worker worker "$old"
		is "$(field web .State)" running
		is "$(field tick .State)" running
		is "$(get "http://127.0.0.1:$port/")" hi
	done
	is "$(lives)" "$before"
	soon 10 numbered tick 100
	is "$(field web .RestartCount)" "$(field tick .RestartCount)"
	ok c down -t 0
}

# Output that fills pipes while nobody reads them.
lines() {
	local old

	project lines <<<'services: { a: { image: busybox, command: sh -c "payload spew 200000; payload sleep", init: true } }'
	ok c up -d
	for _ in 1 2 3 4; do
		old=$(role worker lines)
		kill -KILL "$old"
		soon 5 replaced worker lines "$old"
	done
	all_there() {
		c logs --no-color --no-log-prefix a >"$T/out/lines"
		[ "$(wc -l <"$T/out/lines")" -ge 200000 ] || { wc -l "$T/out/lines"; return 1; }
	}
	soon 20 all_there
	is "$(wc -l <"$T/out/lines")" 200000
	awk '$NF != ++n { print "line " n " is: " $0; exit 1 }' "$T/out/lines"
	ok c down -t 0
}

# Containers that end in the moment when there is no worker.
exit_codes() {
	local old

	project codes <<-'E'
		services:
		  a: { image: busybox, command: sh -c "sleep 1; exit 42" }
		  b: { image: busybox, command: sh -c "sleep 1.2; kill -9 $$$$; exit 3" }
		  c: { image: busybox, command: sh -c "sleep 1.1", restart: "on-failure" }
		  d: { image: busybox, command: payload sleep }
	E
	ok c up -d
	old=$(role worker codes)
	kill -STOP "$old" # it sees nothing of the exits
	over() { ! our_processes | grep -E 'sh -c sleep 1'; }
	soon 10 over
	kill -KILL "$old"
	soon 5 service_ended a 42
	soon 5 service_ended b 3
	soon 5 service_ended c 0
	is "$(field d .State)" running
	fails 42 c wait a
	has "$out" "exited with status code 42"
	ok c down -t 0
}

# Health and restart policies go on with the new worker.
goes_on() {
	local old

	project goes_on <<-'E'
		services:
		  h:
		    image: busybox
		    command: sh -c "payload sleep"
		    healthcheck: { test: "test -e /ok", interval: 100ms, retries: 2 }
		  r: { image: busybox, command: sh -c "sleep 0.5; exit 1", restart: "on-failure:3" }
	E
	ok c up -d
	old=$(role worker goes_on)
	kill -KILL "$old"
	ok c exec -T h touch /ok
	soon 5 service_is h running healthy
	soon 20 service_ended r 1
	ok c down -t 0
}

relay() {
	local old before

	pages relay
	before=$(lives)
	old=$(role relay relay)
	[ -n "$old" ] || flunk "no relay" "$(our_processes)"
	by_relay
	kill -STOP "$old"
	by_relay && flunk "the connection went past the relay"
	kill -KILL "$old"
	soon 5 get "http://127.0.0.1:$port/"
	soon 5 replaced relay relay "$old"
	soon 5 by_relay
	is "$(lives)" "$before"
	numbered tick 1
	ok c down -t 0
}

# Connections of this host take the kernel's shortcut; what comes over a link goes through the relay.
by_relay() {
	local host
	host=$(ip -4 -o addr show "cu$MARK" | awk '{ sub(/\/.*/, "", $4); print $4; exit }')
	[[ $(timeout 2 "$COMPOSE" exec -T tick payload tcp "$host" "$port" $'GET / HTTP/1.0\r\n\r\n') == *" 200 "* ]]
}

# A client dies in the middle of its work; the next one goes on where it stopped.
client() {
	project client <<-'E'
		services:
		  slow:
		    image: busybox
		    command: payload sleep
		    healthcheck: { test: "test -e /ok", interval: 100ms, retries: 1000, start_period: 100s }
		  last: { image: busybox, command: payload sleep, depends_on: { slow: { condition: service_healthy } } }
	E
	c_bg up -d
	soon 10 service_is slow running
	kill -KILL $bg
	wait $bg || true
	is "$(field slow .State)" running
	ok c exec -T slow touch /ok
	ok c up -d
	is "$(field last .State)" running
	ok c down -t 0
}

# An attached client that dies takes nothing with it.
attached() {
	project attached <<<'services: { a: { image: busybox, command: payload ticks 20 } }'
	c_bg up
	soon 10 service_is a running
	kill -KILL $bg
	wait $bg || true
	sleep 0.3
	is "$(field a .State)" running
	numbered a 10
	ok c down -t 0
}

# The keeper is the parent of all: the worker becomes another one, and goes on with what is there.
keeper() {
	local old before

	pages keeper
	before=$(lives)
	old=$(role keeper keeper)
	[ -n "$old" ] || flunk "no keeper" "$(our_processes)"
	kill -KILL "$old"
	is "$(get "http://127.0.0.1:$port/")" hi
	soon 5 replaced keeper keeper "$old"
	soon 5 replaced worker keeper ""
	is "$(get "http://127.0.0.1:$port/")" hi
	is "$(lives)" "$before"
	soon 10 numbered tick 100
	ok c exec -T web true
	ok c down -t 0
	soon 5 eval "! our_processes | grep -E 'payload|compose:'"
}

# All of them at once: stopped first, so that none sees another one go.
kill_all() {
	local pids
	pids="$(role keeper all) $(role worker all) $(role relay all)"
	# shellcheck disable=SC2086
	kill -STOP $pids
	# shellcheck disable=SC2086
	kill -KILL $pids
}

everything() {
	pages all
	kill_all
	soon 5 service_is web exited
	is "$(our_processes | grep -c 'payload http')" 1
	ok c up -d
	is "$(our_processes | grep -c 'payload http')" 1
	soon 10 page
	is "$(field web '.Publishers | length')" 2
	kill_all
	ok c down -t 0
	soon 5 eval "! our_processes | grep -E 'payload|compose:'"
}

t "the worker is killed: pages answer, nothing restarts, no line is lost" worker
t "the worker is killed while a lot is written" lines
t "exit codes of containers that end without a worker" exit_codes
t "health and restart policies go on" goes_on
t "the relay is killed: new connections work" relay
t "a client is killed in the middle of up" client
t "an attached client is killed" attached
t "the keeper is killed: the worker takes its place" keeper
t "all of them are killed: up begins again, down cleans up" everything
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cmd_events.sh - `compose events`: from create to destroy, in order, with docker's fields.
. "$(dirname "$0")/../lib.sh"
need root

told() { grep -q "$1" "$T/out/bg"; }
# It listens when it tells of the service n, which is there for this alone.
listens() { told ev-n-1 || { c up -d --force-recreate -t 0 n; told ev-n-1; }; }

life() {
	local n

	project ev <<-'E'
		services:
		  a:
		    image: busybox
		    command: sh -c 'trap "exit 3" TERM; while :; do sleep 1; done'
		    init: true
		    labels: { note: mine }
		  b: { image: busybox, command: sleep 1000, init: true }
		  n: { image: busybox, command: sleep 1000, init: true }
	E
	c_bg events --json
	soon 10 listens
	ok c up -d
	ok c pause a
	ok c unpause a
	ok c run --rm a true
	ok c stop a
	ok c down -t 1
	soon 10 told '"action":"destroy".*"service":"a"'
	kill -INT "$bg"
	wait "$bg" && n=0 || n=$?
	is "$n" 130
	is "$(jq -r 'select(.service == "a") | .action' "$T/out/bg" | tr '\n' ' ')" "create start pause unpause die stop destroy "
	is "$(jq -r 'select(.service == "b") | .action' "$T/out/bg" | tr '\n' ' ')" "create start die stop destroy "
	is "$(jq -c 'select(.service == "a" and .action == "die") | .attributes' "$T/out/bg")" \
		'{"image":"busybox","name":"ev-a-1","note":"mine","exitCode":"3"}'
	is "$(jq -r 'select(.action == "start") | .type + (.id | length | tostring)' "$T/out/bg" | sort -u)" container64
	matches "$(jq -r .time "$T/out/bg" | head -n 1)" '^20[0-9-]+T[0-9:]+\.[0-9]{6}[+-][0-9]{2}:[0-9]{2}$'
	is "$(jq -r .time "$T/out/bg" | sort -c && echo sorted)" sorted
}

lines() {
	local n

	cd ev
	c_bg events b n
	soon 10 listens
	ok c up -d
	soon 10 told 'container start [0-9a-f]* (image=busybox, name=ev-b-1)'
	hasnt "$(cat "$T/out/bg")" ev-a-1
	kill -INT "$bg"
	wait "$bg" && n=0 || n=$?
	ok c down -t 1
}

worker() { our_processes | awk '/compose: worker ev$/ { print $1 }'; }
another_than() { local now; now=$(worker); [ -n "$now" ] && [ "$now" != "$1" ]; }

# The supervisor is killed while somebody listens: the next one is listened to.
survives() {
	local pid

	cd ev
	ok c up -d a
	c_bg events a n
	soon 10 listens
	pid=$(worker)
	[ -n "$pid" ]
	kill -KILL "$pid"
	soon 10 another_than "$pid"
	ok c stop -t 1 a
	soon 10 told 'container die .*ev-a-1'
	kill -INT "$bg"
	ok c down
}

limits() {
	cd ev
	ok c events --until "$(date -d '+1 second' +%s)"
	is "$out" ""
	fails 2 c events nope
	fails 2 c events --until soon
	fails 2 c events --since whenever
	ok c events --since 1h --until 0s
	is "$out" ""
}

# What one does in a container, and what was done before one listened.
past() {
	local began

	cd ev
	began=$(date +%s.%N)
	ok c up -d
	c_bg events --json --since "$began" a
	soon 30 told '"action":"start"'
	fails 7 c exec -T a sh -c 'exit 7'
	soon 30 told 'exec_die.*"exitCode":"7"'
	ok c kill -s WINCH a
	soon 30 told '"action":"kill"'
	ok c stop -t 1 a
	soon 30 told '"action":"stop"'
	kill -INT "$bg"
	wait "$bg" || true
	is "$(jq -r .action "$T/out/bg" | tr '\n' ' ')" \
		"create start exec_create: sh -c exit 7 exec_start: sh -c exit 7 exec_die kill die stop "
	is "$(jq -r 'select(.action == "kill") | .attributes.signal' "$T/out/bg")" 28
	matches "$(jq -r 'select(.action == "exec_die") | .attributes.execID' "$T/out/bg")" '^[0-9]+$'
	# the same again, all of it in the past; of both services, in the order of time
	ok c events --json --since "$began" --until 0s a
	is "$(jq -r .action <<<"$out")" "$(jq -r .action "$T/out/bg")"
	ok c events --json --since "$began" --until 0s
	is "$(jq -r .time <<<"$out" | sort -c && echo sorted)" sorted
	has "$out" '"service":"b"'
	ok c events --since "$(date +%s.%N)" --until 0s
	is "$out" ""
	ok c down -t 1
}

t "create to destroy, as JSON" life
t "as lines, of one service" lines
t "a killed worker is listened to again" survives
t "--until ends it, --since of nothing" limits
t "exec and signals; --since tells what has happened" past
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cmd_events.sh - `compose events`: from create to destroy, in order, with docker's fields.
. "$(dirname "$0")/../lib.sh"
need root

listens() { [ -S "$COMPOSE_ROOT/run/projects/ev/ctl" ]; }
told() { grep -q "$1" "$T/out/bg"; }

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
	E
	c_bg events --json
	soon 10 listens
	sleep 0.3
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
	c_bg events b
	soon 10 listens
	sleep 0.3
	ok c up -d
	soon 10 told 'container start [0-9a-f]* (image=busybox, name=ev-b-1)'
	hasnt "$(cat "$T/out/bg")" ev-a-1
	kill -INT "$bg"
	wait "$bg" && n=0 || n=$?
	ok c down -t 1
}

# The supervisor is killed while somebody listens: the next one is listened to.
survives() {
	local pid

	cd ev
	ok c up -d a
	c_bg events a
	soon 10 listens
	sleep 0.3
	pid=$(our_processes | awk '/compose: worker ev$/ { print $1 }')
	[ -n "$pid" ]
	kill -KILL "$pid"
	sleep 0.5
	ok c stop -t 1 a
	soon 10 told 'container die'
	kill -INT "$bg"
	ok c down
}

limits() {
	cd ev
	fails 2 c events --since 10m
	has "$err" "events are not kept"
	ok c events --until "$(date -d '+1 second' +%s)"
	is "$out" ""
	fails 2 c events nope
	fails 2 c events --until soon
}

t "create to destroy, as JSON" life
t "as lines, of one service" lines
t "a killed worker is listened to again" survives
t "--since is refused, --until ends it" limits
done_testing

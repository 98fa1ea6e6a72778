#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# up without -d: what it shows, how it ends.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

shown() { grep -qF -- "$1" "$T/out/bg"; }
status_of() { code=0; wait "$1" || code=$?; }

both() {
	project both <<-'E'
		services:
		  web: { image: busybox, init: true, command: payload ticks 100, depends_on: [db] }
		  longer: { image: busybox, init: true, command: sh -c "echo to-stderr >&2; payload ticks 100" }
		  db: { image: busybox, init: true, command: payload ticks 100 }
		  calm: { image: busybox, init: true, attach: false, command: payload ticks 100 }
	E
	c_bg up
	soon 10 shown "web-1"
	soon 10 shown "tick 5"
	shown "longer-1  | to-stderr"
	cp "$T/out/bg" "$T/first"
	shown "web-1     | tick"
	shown "db-1      | tick"
	is "$(grep -c "calm-1 *|" "$T/out/bg")" 0
	kill -INT $bg
	status_of $bg
	[ "$code" = 130 ] || [ "$code" = 0 ] || flunk "status $code"
	shown "Gracefully stopping"
	is "$(ps_json | jq -r '.Name + " " + .State' | sort | xargs)" "both-calm-1 exited both-db-1 exited both-longer-1 exited both-web-1 exited"
	# reverse order
	[ "$(grep -n "both-web-1 Stopped" "$T/out/bg" | cut -d: -f1)" -lt "$(grep -n "both-db-1 Stopped" "$T/out/bg" | cut -d: -f1)" ]
	# what is there is started again
	c_bg up
	soon 10 shown "web-1     | tick"
	kill -INT $bg
	status_of $bg
	ok c down
}
t "output with prefixes; Ctrl-C stops in reverse order and keeps the containers" both

announced() { grep -qx "Attaching to db-1, longer-1, web-1" "$T/first" || flunk "$(cat "$T/first")"; }
t "whom it is attached to is said" announced

# A reader that has seen enough (up | grep -m 1 ready): nothing is stopped, and the command ends.
closed() {
	cd "$W/both"
	timeout 50 "$COMPOSE" up 2>/dev/null | grep -m 1 -c "tick 3"
	is "$(field web .State) $(field db .State)" "running running"
	ok c down
}
t "nobody reads its output any more: the containers run on" closed

named() {
	cd "$W/both"
	c_bg up web
	soon 10 shown "web-1  | tick"
	is "$(grep -c "db-1 *|" "$T/out/bg")" 0
	is "$(field db .State)" running
	is "$(field longer .State)" ""
	kill -INT $bg
	status_of $bg
	c_bg up --no-log-prefix --attach db
	soon 10 shown "tick 3"
	hasnt "$(cat "$T/out/bg")" "|"
	kill -INT $bg
	status_of $bg
	c_bg up --timestamps --no-attach db --no-attach longer
	soon 10 grep -qE 'web-1 +\| 20[0-9-]+T[0-9:.]+Z tick' "$T/out/bg"
	kill -INT $bg
	status_of $bg
	ok c down
}
t "up SERVICE shows that one; --attach, --no-attach, --no-log-prefix, --timestamps" named

restarting() {
	project again <<-'E'
		services: { a: { image: busybox, restart: "on-failure:2", command: sh -c "echo begin; exit 1" } }
	E
	run timeout 20 "$COMPOSE" up
	is "$(grep -c "| begin" <<<"$out")" 3
	ok c down
}
t "it stays while a container is being restarted" restarting

killed() {
	cd "$W/both"
	c_bg up
	soon 10 grep -q "web-1 .*| tick" "$T/out/bg"
	kill -KILL $bg
	wait $bg || true
	is "$(field web .State)" running
	# a closed terminal: containers go on
	c_bg up
	soon 10 grep -q "web-1 .*| tick" "$T/out/bg"
	kill -HUP $bg
	status_of $bg
	is "$(field db .State)" running
	ok c down -t 0
}
t "kill -9 of up, or a closed terminal, leaves the containers running" killed

done_testing

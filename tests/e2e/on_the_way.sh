#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Containers that are on their way when a command comes, because the one that sent them there was killed: to their end, or to run.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

id_of() { c ps -aq --no-trunc "$@"; }
began() { jq -r .started_ns "$COMPOSE_ROOT/projects/way/$(id_of a)/status.json"; }
state() { field a .State; }

# A container that takes its time to end: it says that it was asked (asked), and waits to be let go (go).
up() {
	project way <<-'E'
		services:
		  a:
		    image: busybox
		    command: ["sh", "-c", "trap 'touch /x/asked; while [ ! -e /x/go ]; do sleep 0.05; done; exit 7' TERM; touch /x/up; while :; do sleep 0.05; done"]
		    volumes: ["./x:/x"]
		    stop_grace_period: 5m
		  b: { image: busybox, command: sleep 1000 }
	E
	mkdir x
	ok c up -d
	soon 20 test -e x/up
}
t "up" up

# The client of a graceful stop is killed in the midst of it.
cut_stop() {
	rm -f x/asked x/go x/up
	c_bg stop a
	soon 20 test -e x/asked
	kill -9 "$bg"
	wait "$bg" || :
}
said() { grep -q "$1" "$T/out/bg"; }

up_again() {
	local was

	cd way
	was=$(began)
	cut_stop
	c_bg up -d
	soon 20 said "Container way-a-1 Starting"
	is "$(began)" "$was"
	touch x/go
	wait "$bg" || flunk "up failed: $(cat "$T/out/bg")"
	hasnt "$(cat "$T/out/bg")" "Container way-a-1 Running"
	is "$(state)" running
	[ "$(began)" != "$was" ] || flunk "it was not started again"
	soon 20 test -e x/up
	is "$(field a .ExitCode)" 0
}
t "up while a stop is going on waits for its end and starts the container again" up_again

start_again() {
	cd way
	cut_stop
	c_bg start a
	soon 20 said "Container way-a-1 Starting"
	touch x/go
	wait "$bg" || flunk "start failed: $(cat "$T/out/bg")"
	is "$(state)" running
	soon 20 test -e x/up
}
t "so does start" start_again

# The last word counts: stopped, wanted back by a command that is killed too, stopped.
stop_wins() {
	cd way
	cut_stop
	c_bg up -d
	soon 20 said "Container way-a-1 Starting"
	kill -9 "$bg"
	wait "$bg" || :
	c_bg stop a
	soon 20 said "Container way-a-1 Stopping"
	touch x/go
	wait "$bg" || flunk "stop failed: $(cat "$T/out/bg")"
	is "$(state) $(field a .ExitCode)" "exited 7"
	# nothing starts it behind our back
	ok c up -d b
	is "$(state)" exited
}
t "stop, up, stop: it stays stopped" stop_wins

# The start is held up by a frozen control group above it: b's, that is the project's.
freezer() { find /sys/fs/cgroup -type d -path "*compose-*/way" \( -exec test -e {}/freezer.state \; -o -exec test -e {}/cgroup.freeze \; \) -print | head -n 1; }
freeze() { # DIR on|off
	if [ -e "$1/freezer.state" ]; then
		if [ "$2" = on ]; then echo FROZEN; else echo THAWED; fi >"$1/freezer.state"
	else
		if [ "$2" = on ]; then echo 1; else echo 0; fi >"$1/cgroup.freeze"
	fi
}

cut_start() {
	local group was

	cd way
	rm -f x/*
	group=$(freezer)
	[ -d "$group" ] || skip "no freezer here"
	was=$(began)
	# shellcheck disable=SC2064 # now, for it is local
	trap "[ ! -d '$group' ] || freeze '$group' off" EXIT
	freeze "$group" on
	c_bg start a
	soon 20 test -d "$group/$(id_of a)"
	kill -9 "$bg"
	wait "$bg" || :
	c_bg stop a
	soon 20 said "Container way-a-1 Stopping"
	freeze "$group" off
	wait "$bg" || flunk "stop failed: $(cat "$T/out/bg")"
	is "$(state) $(began)" "exited $was"
	[ ! -e x/up ]
	touch x/go
	ok c down
}
t "stop sees a container whose start was cut short on its way to run" cut_start
done_testing

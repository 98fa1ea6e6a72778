#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# logs_follow.sh - `logs -f` and an attached `up` over what other commands do to the containers meanwhile, also where the
# followed service is the only one; and when they end.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

said() { [ "$(grep -cE -- "$1" "$T/out/bg")" -ge "${2:-1}" ] || { cat "$T/out/bg"; return 1; }; }

ended() { # CODE: as of the command in the background
	local code=0

	gone() { [ ! -e "/proc/$bg" ] || [ "$(ps -o stat= -p "$bg")" = Z ]; }
	soon 20 gone
	wait "$bg" || code=$?
	[ "$code" = "$1" ] || flunk "status $code, not $1" "$(cat "$T/out/bg")"
}
goes_on() { kill -0 "$bg" && [ "$(ps -o stat= -p "$bg")" != Z ] || flunk "it has ended" "$(cat "$T/out/bg")"; }

alone() {
	project alone <<-'E'
		services:
		  a: { image: busybox, init: true, command: sh -c "echo life $$LIFE; exec payload sleep", environment: { LIFE: 1 } }
	E
	ok c up -d
}

whole_life() {
	alone
	c_bg logs -f --no-color
	soon 10 said '^a-1  \| life 1$'
	ok c restart -t 0
	soon 10 said '^a-1 .*life 1$' 2
	ok c up -d --force-recreate -t 0
	soon 10 said '^a-1 .*life 1$' 3
	sed -i 's/LIFE: 1/LIFE: 2/' compose.yaml
	ok c up -d -t 0
	soon 10 said '^a-1 .*life 2$'
	ok c up -d --scale a=2
	soon 10 said '^a-2 .*life 2$'
	ok c up -d --scale a=1
	ok c restart -t 0 # the one that is left is the only one again
	soon 10 said '^a-1 .*life 2$' 2
	goes_on
	ok c down -t 0
	ended 0
	is "$(wc -l <"$T/out/bg")" 6 # each line once
}

# What stops for good ends it, as it does with docker compose; what is stopped while another runs may come again.
stop_and_start() {
	alone
	c_bg logs -f
	soon 10 said 'life 1'
	ok c stop -t 0
	ended 0
	ok c start
	cat >>compose.yaml <<<'  b: { image: busybox, init: true, command: payload sleep }'
	ok c up -d
	c_bg logs -f --no-log-prefix
	soon 10 said '^life 1$' 2
	ok c stop -t 0 a
	ok c start a
	soon 10 said '^life 1$' 3
	ok c rm -sf a
	ok c up -d
	soon 10 said '^life 1$' 4
	goes_on
	# of the named services, not of all
	ok c stop -t 0 a
	goes_on
	kill -INT "$bg"
	ended 130
	ok c start a
	c_bg logs -f --tail 1 a
	soon 10 said 'life 1'
	ok c stop -t 0 a
	ended 0
	ok c down -t 0
}

# A container that ends by itself is an end; one that its restart policy brings back is not.
by_itself() {
	project by_itself <<-'E'
		services:
		  once:
		    image: busybox
		    init: true
		    command: sh -c "echo begin; until [ -e /go ]; do sleep 0.05; done; printf 'no newline'"
		  again:
		    image: busybox
		    init: true
		    command: sh -c "until [ -e /go ]; do sleep 0.05; done; rm /go; echo end; exit 3"
		    restart: on-failure:2
	E
	ok c up -d once
	c_bg logs -f --no-log-prefix once
	soon 10 said begin
	ok c exec -T once touch /go
	ended 0
	is "$(cat "$T/out/bg")" $'begin\nno newline'
	ok c logs -f once # all have ended: what there is, and the end
	is "$out" $'once-1  | begin\nonce-1  | no newline'
	ok c up -d again
	c_bg logs -f again
	for i in 1 2 3; do
		goes_on
		soon 10 c exec -T again touch /go
		soon 10 said end $i
	done
	ended 0
	is "$(grep -c end "$T/out/bg")" 3
	ok c down -v -t 0
}

# Begun while `up` is at work and nothing runs yet.
before_it_runs() {
	mkdir -p bin
	cat >bin/compose-slow <<-'E'
		#!/bin/sh
		[ "$2" = metadata ] && exit 0
		: >"$ASKED"
		while [ ! -e "$GO" ]; do sleep 0.05; done
	E
	chmod +x bin/compose-slow
	project early <<-'E'
		services:
		  a: { image: busybox, init: true, command: sh -c "echo hi; exec payload sleep", depends_on: [p] }
		  p: { provider: { type: slow } }
	E
	export PATH="$W/bin:$PATH" ASKED=$W/asked GO=$W/go
	c up -d >"$T/out/up" 2>&1 &
	up=$!
	soon 10 test -e "$W/asked"
	c_bg logs -f
	touch "$W/go"
	wait $up || flunk "$(cat "$T/out/up")"
	soon 10 said 'a-1 .*hi'
	ok c down -t 0
	ended 0
}

# What takes the place of a container has its colour too.
colours() {
	project colours <<-'E'
		services:
		  a: { image: busybox, init: true, command: sh -c "echo hi; exec payload sleep" }
		  b: { image: busybox, init: true, command: sh -c "echo hi; exec payload sleep" }
	E
	ok c up -d
	c_bg --ansi always logs -f
	soon 10 said hi 2
	ok c up -d --force-recreate -t 0
	soon 10 said hi 4
	ok c restart -t 0 b
	soon 10 said hi 5
	is "$(grep -o $'^\e\\[[0-9]*m[ab]-1' "$T/out/bg" | sort -u | wc -l)" 2
	ok c down -t 0
	ended 0
}

# The same of `up` in the foreground.
attached() {
	alone
	ok c down -t 0
	c_bg up
	soon 10 said '^a-1 .*life 1$'
	ok c restart -t 0
	soon 10 said '^a-1 .*life 1$' 2
	ok c up -d --force-recreate -t 0
	soon 10 said '^a-1 .*life 1$' 3
	goes_on
	ok c stop -t 0
	ended 0
	ok c down
}

# An end that the restart policy answers is none for --abort-on-container-exit.
abort_after_restarts() {
	project aborts <<-'E'
		services:
		  a: { image: busybox, command: sh -c "echo life; exit 7", restart: "on-failure:2" }
		  b: { image: busybox, init: true, command: payload sleep }
	E
	fails 7 c up --abort-on-container-exit
	is "$(grep -c '| life' <<<"$out")" 3
	is "$(field b .State)" exited
	ok c down
}

t "logs -f of the only service over restart, recreate and scale" whole_life
t "logs -f over stop and start; what stops for good ends it" stop_and_start
t "logs -f and containers that end by themselves, and come back" by_itself
t "logs -f begins while up is at work" before_it_runs
t "the colour of a name stays" colours
t "an attached up of the only service over restart and recreate" attached
t "--abort-on-container-exit counts the last end of one that is restarted" abort_after_restarts
done_testing

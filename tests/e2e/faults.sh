#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# faults.sh - kill -9 of worker, keeper, client and container at random moments of up, restart, stop and down: no command
# hangs or fails that need not, the next `up` finds all as asked, no exit code is lost, `down` leaves a clean host.
#
# The moment is a system call of the victim (tools/killat.c), so that each is as likely as any other, on a slow machine too.
#	CYCLES=200   that many (`make check-faults`); else as many as fit into 20 s
#	SEED=N       the same kills again, as far as the machine allows
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root
make_tool killat || { echo "Bail out! cannot build tests/tools/killat.c"; exit 1; }
killat=$O/tests/killat
SEED=${SEED:-$((RANDOM * 32768 + RANDOM))}

role() { our_processes | awk -v r="$1" '$2 !~ /Z/ && $3 == "compose:" && $4 == r { print $1; exit }'; }
pick() { eval "picked=\${$((RANDOM % $# + 1))}"; }

web_answers() { [ "$(get "http://127.0.0.1:$port/")" = still-here ]; }
one_address() { # of each name, whoever was killed while it was given one
	local got
	got=$(c exec -T tick payload dns web | grep -c "^[0-9]")
	[ "$got" = 1 ] || { echo "addresses of web: $got"; return 1; }
}
states() { ps_json | jq -r '.Service + " " + .State' | sort; }

# watch ROLE N: the process of that role dies at its Nth stop; "next" is the worker that follows the one which is there.
watch() {
	local pid args=()

	pid=$(role "$1")
	if [ "$1" = next ]; then
		pid=$(role keeper)
		args=(-f worker)
	fi
	[ -n "$pid" ] || return 0
	: >"$T/out/killat"
	"$killat" "${args[@]}" "$pid" "$2" >"$T/out/killat" 2>&1 &
	watcher=$!
	until [ -s "$T/out/killat" ]; do sleep 0.01; done
	[ "$1" != next ] || kill -KILL "$(role worker)"
}

kill_container() {
	local pid
	pid=$(our_processes | awk '/payload http 80/ { print $1; exit }')
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
}

end_is_noticed() { our_processes | grep -q 'payload http 80' || [ "$(field web .State)" != running ]; }

# during VICTIM CMD...: run it, while the victim dies at some moment.
during() {
	local victim=$1 at
	shift

	watcher='' must=1
	case $victim in
	worker | next) at=$((RANDOM % 1500 + 1)) ;;
	keeper) at=$((RANDOM % 150 + 1)) ;;
	*) at=0.$(printf %03d $((RANDOM % 400))) ;;
	esac
	what="cycle $cycle: $* ($victim killed at $at)"
	[ -z "${VERBOSE-}" ] || echo "# $what" >&2
	: >"$T/out/killat"
	case $victim in worker | next | keeper) watch "$victim" "$at" ;; esac
	timeout -k 1 50 "$COMPOSE" "$@" >"$T/out/cmd" 2>&1 &
	client=$!
	case $victim in
	client)
		sleep "$at"
		kill -KILL "$(pgrep -P $client)" 2>/dev/null || true
		must=0
		;;
	container)
		sleep "$at"
		kill_container
		must=0
		;;
	esac
	code=0
	wait $client || code=$?
	if [ -n "$watcher" ]; then
		kill "$watcher" 2>/dev/null || true
		wait "$watcher" || true
		grep '^killed' "$T/out/killat" >>"$T/kills" || true
	fi
	[ $code != 124 ] || lost "it hangs"
	[ $must = 0 ] || [ $code = 0 ] || lost "status $code"
	[ "$victim" != container ] || check 20 "the end of web is not noticed" end_is_noticed
}

lost() {
	flunk "$what: $1" "$(told killat "$(cat "$T/out/killat")")" "$(told output "$(cat "$T/out/cmd")")" \
		"$(told ps "$(c ps -a)")" "$(told soon "$(cat "$T/out/soon" 2>/dev/null)")" "seed $SEED"
}

check() { # SECONDS WHAT CMD...
	local seconds=$1 text=$2
	shift 2
	(soon "$seconds" "$@") 2>/dev/null || lost "$text"
}

# What a person would do after it: up again. All must be as asked then.
heal() {
	timeout 50 "$COMPOSE" up -d >"$T/out/cmd" 2>&1 || lost "up after it: status $?"
	check 20 "the published port does not answer" web_answers
	check 20 "web is not healthy" service_is web running healthy
	check 20 "tick does not run" service_is tick running
	check 20 "the exit code of code is lost" service_ended code 7
	check 20 "names resolve to more than there is" one_address
}

clean() {
	timeout 50 "$COMPOSE" down -t 0 >"$T/out/cmd" 2>&1 || lost "down: status $?"
	check 20 "down leaves something" clean_host
}
clean_host() {
	local left

	left=$(our_processes | grep -E 'compose[: -]|payload|compose-init' || true)
	[ -z "$left" ] || { echo "$left"; return 1; }
	snapshot "$T/after"
	differences again
}

over() {
	if [ -n "${CYCLES-}" ]; then
		[ "$cycle" -gt "$CYCLES" ]
	else
		[ "$cycle" -gt 2 ] && [ $((SECONDS - began)) -gt 20 ]
	fi
}

cycles() {
	local cycle=1 began=$SECONDS

	RANDOM=$SEED
	: >"$T/kills"
	port=$(free_port)
	project faults <<-E
		services:
		  web:
		    image: busybox
		    init: true
		    command: payload http 80 still-here
		    ports: ["127.0.0.1:$port:80", "127.0.0.1:$port:81/udp"]
		    networks: { default: {}, side: { gw_priority: 1 } }
		    healthcheck: { test: "true", interval: 200ms, retries: 2 }
		  tick: { image: busybox, init: true, command: payload ticks 50, depends_on: [web] }
		  code: { image: busybox, command: sh -c "sleep 0.3; exit 7" }
		  again: { image: busybox, restart: always, command: sh -c "sleep 0.5; exit 1" }
		networks: { side: {} }
	E
	while ! over; do
		pick worker worker worker next keeper client container
		victim=$picked
		pick "up -d" "up -d --force-recreate web" "restart -t 0" "restart -t 0 web" "stop -t 0" "down -t 0" "up -d --force-recreate"
		# shellcheck disable=SC2086 # words
		during "$victim" $picked
		if [ $((cycle % 5)) = 0 ]; then
			clean
		else
			heal
		fi
		cycle=$((cycle + 1))
	done
	clean
	echo $((cycle - 1)) >"$T/cycles"
}

echo "# seed $SEED"
limit=$((${CYCLES:-12} * 20)) t "killed at random, the project is always brought up and down again" cycles
[ ! -e "$T/cycles" ] || echo "# $(cat "$T/cycles") cycles in $SECONDS s, $(wc -l <"$T/kills") kills at a system call"
done_testing

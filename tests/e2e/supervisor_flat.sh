#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# supervisor_flat.sh - a service that crashes again and again costs the supervisor no memory and no descriptor.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root
# a build with the address sanitizer keeps what is freed, to find its use; here it keeps little
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1:thread_local_quarantine_size_kb=64"

role() { our_processes | awk -v r="$1" '$2 !~ /Z/ && $3 == "compose:" && $4 == r { print $1; exit }'; }
lives() { c logs --no-log-prefix crash | grep -c begin; }

# ROLE KB DESCRIPTORS of each process, while nothing happens. Memory of its own: what is shared depends on who else runs.
measure() {
	local r pid

	for r in keeper worker relay; do
		pid=$(role $r)
		[ -n "$pid" ] || { echo "no $r"; continue; }
		echo "$r $(awk '/^Pss_Anon:/ { print $2 }' "/proc/$pid/smaps_rollup") $(find "/proc/$pid/fd" -type l | wc -l)"
	done
}

round() {
	local before

	before=$(lives)
	ok c start crash
	more() { [ "$(lives)" -ge $((before + 20)) ]; }
	soon 60 more
	ok c stop -t 0 crash
	[ -z "$(ps_json crash | jq -r 'select(.State != "exited").State')" ] || flunk "$(c ps -a)"
}

grown() { # ROLE KB DESCRIPTORS before, the same after
	[ "$1" = "$4" ] || flunk "before: $1 $2 $3, after: $4 $5 $6"
	[ "$5" -le $(($2 + 512)) ] || flunk "$1: $2 kB of memory became $5"
	[ "$6" -le "$3" ] || flunk "$1: $3 descriptors became $6: $(ls -l "/proc/$(role "$1")/fd")"
}

flat() {
	local i

	project flat <<-'E'
		services:
		  crash:
		    image: busybox
		    command: sh -c "echo begin; exit 1"
		    restart: always
		    ports: ["127.0.0.1::80", "127.0.0.1::81/udp"]
		    networks: { default: {}, other: {} }
		    healthcheck: { test: "true", interval: 100ms }
		    deploy: { replicas: 10 }
		  stays: { image: busybox, init: true, command: payload http 80 hi, ports: ["127.0.0.1::80"] }
		networks: { other: {} }
	E
	ok c up -d
	for i in 1 2 3; do round; done
	measure >"$T/before.txt"
	first=$(lives)
	while [ "$(lives)" -lt $((first + 200)) ]; do round; done
	measure >"$T/after.txt"
	paste -d' ' "$T/before.txt" "$T/after.txt" >"$T/both"
	while read -r line; do
		# shellcheck disable=SC2086 # words
		grown $line
	done <"$T/both"
	ok c down -t 0
}
limit=300 t "200 lives of a crashing service leave memory and descriptors of keeper, worker and relay as they are" flat
[ ! -e "$T/both" ] || sed 's/^/# role, kB, descriptors before; after: /' "$T/both"
done_testing

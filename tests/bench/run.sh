#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh - `make bench`: what our commands take, beside the kernel's own price of the same work and beside the tools that are
# installed. Ratios are what counts: each row runs all its commands alternately, and its figure is the median.
#
#	REPS=9      repetitions of a row           ROWS=REGEX   only rows whose number matches: ROWS='^(1|11)$'
#	BENCH_ROOT  where installations are made (a directory on a disk like that of /var/lib)
#
# The result is printed as a table and written to $O/bench.json: for each row the medians, and ours by each of the others.
# Row numbers are those of the project's list of speeds; `limit` is what ours may be, as a ratio to the floor where there is
# one, else in the row's unit.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
O=${O:-build}
case $O in /*) ;; *) O=$top/$O ;; esac
reps=${REPS:-9} rows=${ROWS:-.}
bin=$O/bench
export LC_ALL=C.UTF-8
for v in "${!COMPOSE_@}"; do unset "$v"; done

[ "$(id -u)" = 0 ] || { echo "bench: needs root" >&2; exit 1; }
tmp=$(mktemp -d "${BENCH_ROOT:-/var/tmp}/compose-bench.XXXXXX")
export COMPOSE_ROOT=$tmp/r
compose=$O/compose

at_exit() {
	for f in "$tmp"/*/compose.yaml; do
		[ -f "$f" ] && "$compose" -f "$f" down -v -t 0 >/dev/null 2>&1
	done
	rm -rf --one-file-system "$tmp"
}
trap at_exit EXIT
trap 'exit 130' INT TERM

# ---- what is measured ------------------------------------------------------------------------

services() { # N [WAITING]: N services, two thirds of them waiting for another
	local i

	for ((i = 0; i < $1; i++)); do
		echo "  s$i:"
		echo "    image: busybox"
		echo "    command: sleep 1000"
		[ -z "${2-}" ] || [ $((i % 3)) = 0 ] || echo "    depends_on: [s$((i - 1))]"
	done
}

project() { # NAME, services on standard input
	mkdir -p "$tmp/$1"
	{ echo "services:"; cat; } >"$tmp/$1/compose.yaml"
}

large() { # a file of 1,000 services
	local i

	for ((i = 0; i < 1000; i++)); do
		cat <<-E
			  svc$i:
			    image: registry.example.com/app/svc$i:1.2.3
			    command: ["run", "--id", "$i"]
			    environment:
			      DEBUG: "\${DEBUG:-0}"
			      NAME: svc$i
			      URL: http://svc$((i ? i - 1 : 1)):8080/
			      CACHE_SIZE: 64m
			    ports:
			      - "$((10000 + i)):80"
			    volumes:
			      - data$((i % 10)):/data
			    networks: [front]
			    restart: unless-stopped
			    labels:
			      app: demo
			    healthcheck:
			      test: ["CMD", "true"]
			      interval: 10s
		E
	done
	echo "networks: { front: {} }"
	echo "volumes: { $(printf 'data%d: {}, ' {0..9})}"
}

json=()
load0=$(cut -d' ' -f1 /proc/loadavg)

# result NUMBER WORK UNIT LIMIT, and on standard input lines "ours 1.5", "floor 0.7", "podman 12" ...: a line of the table, and JSON
result() {
	local line name value ours="" others="" text="" worst="-"

	while IFS=$'\t' read -r name value _; do
		if [ "$name" = ours ]; then
			ours=$value
		else
			line=$(awk -v a="$ours" -v b="$value" 'BEGIN { printf "%.2f", (b ? a / b : 0) }')
			text+=$(printf '  %s %s (x %s)' "$name" "$value" "$line")
			others+=$(printf ',"%s":%s,"by_%s":%s' "$name" "$value" "$name" "$line")
			[ "$name" != floor ] || worst=$line
		fi
	done
	[ "$worst" != - ] || worst=$ours
	printf '%3s  %-44s %9s %-3s %s  limit %s%s\n' "$1" "$2" "$ours" "$3" "$text" "$4" \
		"$(awk -v a="$worst" -v b="$4" 'BEGIN { if (a > b) print "  MISSED" }')"
	json+=("$(printf '{"row":%s,"work":"%s","unit":"%s","limit":%s,"ours":%s%s}' "$1" "$2" "$3" "$4" "$ours" "$others")")
}

wanted() { # one of these rows
	local row

	for row; do
		[[ $row =~ $rows ]] && return 0
	done
	return 1
}
# time_rows: rows of timer(1) on standard input, tabs as |
time_rows() { tr '|' '\t' | "$bin/timer" "${1:-$reps}"; }
few=$(((reps + 2) / 3))

scratch=$tmp/scratch
fresh="rm -rf $scratch; mkdir $scratch"
prepare() {
	local tar

	tar=$("$here/../tools/mkbusybox.sh" "${COMPOSE_TEST_CACHE:-$HOME/.cache/compose-tests}/busybox.tar" | tail -n 1)
	mkdir "$tmp/rootfs" "$scratch"
	tar -C "$tmp/rootfs" -xf "$tar"
	"$compose" image import "$tar" busybox >/dev/null
	project bench-one < <(services 1)
	project bench-ten < <(services 10 waiting)
	project bench-fifty < <(services 50 waiting)
	project bench-stubborn <<-'E'
		  s0: { image: busybox, command: [sh, -c, "while :; do sleep 1; done"] }
	E
	project bench-lines <<-'E'
		  s0: { image: busybox, command: seq 2000000, logging: { options: { max-size: 100m } } }
	E
	project bench-large < <(large)
	mkdir "$tmp/bundle"
	(cd "$tmp/bundle" && "$compose" oci --root "$tmp/oci" spec &&
		sed -i -e "s|\"rootfs\"|\"$tmp/rootfs\"|; s|\"terminal\": true|\"terminal\": false|; s|\"sh\"|\"true\"|" config.json)
	if command -v podman >/dev/null && command -v runc >/dev/null; then
		podman=(podman --root "$tmp/podman" --runroot "$tmp/podrun" --storage-driver vfs --runtime runc --cgroup-manager cgroupfs)
		"${podman[@]}" import -q "$tar" bench >/dev/null 2>&1 || podman=()
		[ ${#podman[@]} = 0 ] || podman+=(run --rm --ulimit nofile=1000:1000 --ulimit nproc=1000:1000 --network none bench true)
		[ ${#podman[@]} = 0 ] || "${podman[@]}" >/dev/null 2>&1 || podman=()
	fi
}
podman=()
p() { echo "$compose -f $tmp/$1/compose.yaml"; }
down() { echo "$(p "$1") down -t 0 2>&1"; }

# ---- rows ------------------------------------------------------------------------------------

starts() { # ROW PROJECT N LIMIT TIMES
	result "$1" "up -d, $3 services" ms "$4" < <(time_rows "$5" <<-E
		ours|$(p "$2") up -d|$(down "$2")
		@floor|$bin/floor up $tmp/rootfs $scratch $3|$fresh
	E
	)
}

running() { # rows of a project that runs
	"$compose" -f "$tmp/bench-ten/compose.yaml" up -d >/dev/null 2>&1
	! wanted 5 || result 5 "up -d with nothing to do, 10 services" ms 8 < <(time_rows <<<"ours|$(p bench-ten) up -d|")
	! wanted 6 || result 6 "ps, 10 services" ms 4 < <(time_rows <<<"ours|$(p bench-ten) ps|")
	! wanted 7 || result 7 "exec SERVICE true" ms 6 < <(time_rows <<<"ours|$(p bench-ten) exec -T s0 true|")
	"$compose" -f "$tmp/bench-ten/compose.yaml" down -t 0 >/dev/null 2>&1
	wanted 4 6 17 || return 0
	! wanted 4 || result 4 "down, 50 services" ms 10 < <(downs)
	"$compose" -f "$tmp/bench-fifty/compose.yaml" up -d >/dev/null 2>&1
	! wanted 6 || result 6 "ps, 50 services" ms 6 < <(time_rows <<<"ours|$(p bench-fifty) ps|")
	! wanted 17 || result 17 "memory of what stays, 50 services" MB 5 < <(memory)
	"$compose" -f "$tmp/bench-fifty/compose.yaml" down -t 0 >/dev/null 2>&1
}

downs() { # each needs an up before it: the first comes before the clock, the others behind it
	"$compose" -f "$tmp/bench-fifty/compose.yaml" up -d >/dev/null 2>&1
	time_rows "$few" <<-E
		ours|$(p bench-fifty) down -t 0|$(p bench-fifty) up -d 2>&1
		@floor|$bin/floor down $tmp/rootfs $scratch 50|$fresh
	E
	"$compose" -f "$tmp/bench-fifty/compose.yaml" down -t 0 >/dev/null 2>&1
}

memory() { # what the project's own processes have for themselves, and their part of what they share
	local pid sum=0

	for pid in $(pgrep -f '^compose: [a-z]+ bench-fifty'); do
		sum=$((sum + $(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup")))
	done
	awk -v k="$sum" 'BEGIN { printf "ours\t%.2f\n", k / 1024 }'
}

stop_row() {
	"$compose" -f "$tmp/bench-stubborn/compose.yaml" up -d >/dev/null 2>&1
	time_rows "$few" <<<"ours|$(p bench-stubborn) stop|$(p bench-stubborn) start 2>&1"
	"$compose" -f "$tmp/bench-stubborn/compose.yaml" down -t 0 >/dev/null 2>&1
}

runs() {
	! wanted 8 || result 8 "run --rm of true, with network" ms 4 < <(
		{
			echo "ours|$(p bench-one) run --rm s0 true|"
			echo "floor|$bin/floor run $tmp/rootfs $scratch|$fresh"
		} | time_rows)
	"$compose" -f "$tmp/bench-one/compose.yaml" down -t 0 >/dev/null 2>&1
	! wanted 9 || result 9 "oci run of true, no network" ms 3 < <(
		{
			echo "ours|$compose oci --root $tmp/oci run -b $tmp/bundle bench|"
			echo "floor|$bin/floor bare $tmp/rootfs $scratch|$fresh"
			[ -z "$(command -v runc)" ] || echo "runc|$(command -v runc) --root $tmp/runc run -b $tmp/bundle bench|"
			[ ${#podman[@]} = 0 ] || echo "podman|$(command -v podman) ${podman[*]:1}|"
		} | time_rows)
}

collect() { # until the last line is stored
	local began

	began=$(date +%s%N)
	"$compose" -f "$tmp/bench-lines/compose.yaml" up -d >/dev/null 2>&1
	"$compose" -f "$tmp/bench-lines/compose.yaml" wait s0 >/dev/null 2>&1 || :
	printf 'ours\t%s\n' $((($(date +%s%N) - began) / 1000000))
}

logs() {
	collect >"$tmp/collected"
	[ "$("$compose" -f "$tmp/bench-lines/compose.yaml" logs --no-color | wc -l)" = 2000000 ] ||
		{ echo "bench: lines are missing" >&2; exit 1; }
	! wanted 15 || result 15 "collect 2,000,000 lines of one service" ms 600 <"$tmp/collected"
	! wanted 16 || result 16 "logs of 2,000,000 lines" ms 500 < <(time_rows "$few" <<<"ours|$(p bench-lines) logs --no-color|")
	"$compose" -f "$tmp/bench-lines/compose.yaml" down -t 0 >/dev/null 2>&1
}

files() {
	! wanted 11 || result 11 "config, 1,000 services" ms 4 < <(time_rows <<-E
		ours|$(p bench-large) config|
		floor|$bin/events $tmp/bench-large/compose.yaml|
	E
	)
	! wanted 20 || result 20 "compose version: ms above a C program's start" ms 2 < <(time_rows <<-E | awk -F'\t' '{ v[$1] = $2 } END { printf "ours\t%.2f\n", v["ours"] - v["start"] }'
		ours|$compose version|
		start|$bin/floor start|
	E
	)
	! wanted 21 || result 21 "size of the program, stripped" MB 1 < <(
		strip -o "$tmp/stripped" "$compose"
		awk -v n="$(stat -c %s "$tmp/stripped")" 'BEGIN { printf "ours\t%.3f\n", n / 1e6 }')
}

prepare
files
runs
! wanted 1 || starts 1 bench-one 1 3 "$reps"
! wanted 2 || starts 2 bench-ten 10 3 "$few"
! wanted 3 || starts 3 bench-fifty 50 2 "$few"
! wanted 4 5 6 7 17 || running
! wanted 10 || result 10 "stop of a PID 1 without a handler" ms 50 < <(stop_row)
! wanted 15 16 || logs

load1=$(cut -d' ' -f1 /proc/loadavg)
printf '{"cpus":%s,"load_before":%s,"load_after":%s,"repetitions":%s,"rows":[%s]}\n' "$(nproc)" "$load0" "$load1" "$reps" \
	"$(IFS=,; echo "${json[*]}")" >"$O/bench.json"
awk -v a="$load0" -v n="$(nproc)" 'BEGIN {
	if (a > n / 4) printf "bench: the machine was busy with other work (load %s on %s processors): only the ratios mean something\n", a, n }'
echo "bench: $O/bench.json"

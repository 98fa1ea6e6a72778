#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cmd_list.sh - what `ps`, `stats` and `volumes` show, and the forms of --format.
. "$(dirname "$0")/../lib.sh"
need root

start() {
	project ls <<-'E'
		services:
		  busy:
		    image: busybox
		    command: sh -c 'trap "exit 0" TERM; echo $$$$ > /data/pid; while :; do :; done'
		    volumes: [ "data:/data" ]
		    labels: { my.note: "x,y" }
		  idle:
		    image: busybox
		    command: sleep 1000
		    mem_limit: 64m
		    init: true
		  gone: { image: busybox, command: "false" }
		volumes:
		  data: { labels: { kind: "it's, mine" } }
		  unused: {}
	E
	ok c up -d
}

templates() {
	cd ls
	ok c ps --format '{{.Service}}={{.State}}' busy idle
	is "$out" "$(printf 'busy=running\nidle=running')"
	ok c ps --format 'table {{.Name | upper}}\t{{.Label "my.note"}}' busy
	is "$out" "$(printf 'NAME        note\nLS-BUSY-1   x,y')"
	ok c ps -a --format '{{.ExitCode}} {{join (split .Name "-") "/"}}' gone
	is "$out" "1 ls/gone/1"
	ok c ps --format '{{truncate .ID 12}}' busy
	is "$out" "$(c ps -q busy | cut -c1-12)"
	fails 2 c ps --format '{{.Nam}}'
	has "$err" "did you mean .Name?"
	fails 2 c ps --format '{{range .Publishers}}x{{end}}'
	has "$err" '"range" of Go'
}

# As docker shows them: ports that follow each other joined, what is only exposed, words with blanks quoted, cut by characters.
shown() {
	local p

	p=$(free_ports 3)
	project shown <<-E
		services:
		  a:
		    image: busybox
		    command: [sh, -c, 'echo "ä"; sleep 1000']
		    init: true
		    ports: [ "127.0.0.1:$p-$((p + 2)):$p-$((p + 2))", "127.0.0.1::80" ]
		    expose: [ "81", "6000-6001/udp", "80" ]
		  b: { image: busybox, command: [echo, äöüäöüäöüäöüäöüäöüäöü] }
	E
	ok c up -d
	matches "$(c ps --format '{{.Ports}}' a)" \
		"^127.0.0.1:$p-$((p + 2))->$p-$((p + 2))/tcp, 127.0.0.1:[0-9]+->80/tcp, 81/tcp, 6000-6001/udp\$"
	is "$(field a '[.Publishers[] | select(.PublishedPort == 0) | .URL + " " + (.TargetPort | tostring) + "/" + .Protocol] | join(",")')" \
		" 81/tcp, 6000/udp, 6001/udp"
	is "$(field a '.Publishers | length')" 7
	is "$(c ps -a --no-trunc --format '{{.Command}}' a)" '"sh -c '"'"'echo \"ä\"; sleep 1000'"'"'"'
	is "$(c ps -a --format '{{.Command}}' b)" '"echo äöüäöüäöüäöüäö…"'
	ok c stop -t 0
	is "$(field a .Ports)" ""
	ok c down -t 0
}
# N ports in a row that nobody listens on: the first
free_ports() {
	local p

	while :; do
		p=$(free_port)
		[ -z "$(ss -Htan "sport >= :$p and sport < :$((p + $1))")" ] && break
	done
	echo "$p"
}

states() {
	cd ls
	is "$(c ps -q --status exited)" "$(c ps -aq gone)"
	is "$(c ps -q --filter status=exited)" "$(c ps -aq gone)"
	is "$(c ps -q --status paused)" ""
	fails 2 c ps --status stopped
	has "$err" '"stopped" is no state'
	fails 2 c ps --filter status=stopped
	fails 2 c ps --filter name=busy
}

projects() {
	ok c -p ls ls
	is "$(c ls --format json | jq -r '.[] | .Name + " " + .Status')" "ls running(2)"
	is "$(c ls -a --format json | jq -r '.[] | .Name + " " + .Status')" "ls exited(1), running(2)"
	is "$(c ls -q --filter 'name=^l.$')" ls
	is "$(c ls -q --filter 'name=^s')" ""
	fails 2 c ls --filter 'name=('
	fails 2 c ls --filter status=running
}

# What the control group says and what stats says are the same thing.
stats() {
	cd ls
	ok c stats --no-stream --format json
	is "$(jq -s length <<<"$out")" 2
	is "$(jq -r 'select(.Service == "busy") | .CPUPerc | rtrimstr("%") | tonumber > 10' <<<"$out")" true
	is "$(jq -r 'select(.Service == "idle") | .CPUPerc | rtrimstr("%") | tonumber < 10' <<<"$out")" true
	has "$(jq -r 'select(.Service == "idle") | .MemUsage' <<<"$out")" "/ 64MiB"
	is "$(jq -r 'select(.Service == "idle") | .PIDs' <<<"$out")" 2
	is "$(jq -r 'select(.Service == "idle") | .ID | length' <<<"$out")" 12
	ok c stats --no-stream --no-trunc --format '{{.ID}}' idle
	is "$out" "$(c ps -q idle)"
	ok c stats -a --no-stream --format '{{.Name}} {{.CPUPerc}}' gone
	is "$out" "ls-gone-1 --"
	ok c stats --no-stream busy
	has "$out" "MEM USAGE / LIMIT"
	hasnt "$out" "ls-idle-1"
	fails 2 c stats --no-stream nope
	has "$err" "no such service: nope"
}

# Bytes that a container receives are counted.
stats_network() {
	local before after

	cd ls
	before=$(c stats --no-stream --format '{{.NetIO}}' idle)
	ok c exec -T busy ping -q -c 5 -s 60000 idle
	after=$(c stats --no-stream --format '{{.NetIO}}' idle)
	matches "$after" '^[0-9.]+[kM]B / [0-9.]+[kM]B$'
	[ "$before" != "$after" ]
}

stats_streams() {
	local n

	cd ls
	c_bg stats --format json idle
	soon 10 two_lines
	kill -INT "$bg"
	wait "$bg" && n=0 || n=$?
	is "$n" 130
}
two_lines() { [ "$(wc -l <"$T/out/bg")" -ge 2 ]; }

volumes() {
	cd ls
	ok c volumes -q
	is "$out" ls_data
	ok c volumes
	is "$out" "$(printf 'DRIVER   VOLUME NAME\nlocal    ls_data')"
	ok c volumes --format '{{.Name}} {{.Label "kind"}}'
	is "$out" "ls_data it's, mine"
	ok c volumes --format '{{.Mountpoint}}' busy
	is "$(cat "$out/pid")" 1
	ok c volumes -q idle
	is "$out" ""
	fails 2 c volumes nope
	ok c -p ls volumes --format json
	is "$(jq -r '.Driver + " " + .Scope' <<<"$out")" "local local"
}

stop() {
	cd ls
	ok c down -v -t 1
	ok c volumes -q
	is "$out" ""
}

# names as docker-compose v1 made them, whatever made the container
compatibility() {
	project co <<-'E'
		services: { a: { image: busybox, command: sleep 1000, init: true } }
	E
	ok c --compatibility up -d
	is "$(field a .Name)" co_a_1
	ok c --compatibility up -d
	has "$err" "Container co_a_1 Running, unchanged"
	ok c --verbose up -d --force-recreate
	has "$err" "recreate"
	ok c down -t 1
}

t "services start" start
t "ps --format takes templates" templates
t "ps --status, --filter" states
t "ls: states, --filter" projects
t "ps: ports and commands as docker shows them" shown
t "stats shows what the control group counts" stats
t "stats counts the network's bytes" stats_network
t "stats streams until Ctrl-C" stats_streams
t "volumes lists what exists" volumes
t "down" stop
t "--compatibility, --verbose" compatibility
# what containers have written, what is in volumes; and who ended last
sizes_and_ends() {
	project sizes <<-'E'
		services:
		  a:
		    image: busybox
		    command: sh -c 'head -c 3000000 /dev/zero >/big; head -c 5000000 /dev/zero >/v/f; touch /ready; trap "exit 4" TERM; while :; do sleep 0.1; done'
		    init: true
		    volumes: ["v:/v", /anonymous]
		  b: { image: busybox, command: sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done', init: true }
		volumes: { v: {} }
	E
	ok c up -d
	soon 30 c exec -T a test -e /ready
	ok c ps --format '{{.Size}} {{.LocalVolumes}}' a
	is "$out" "3MB 2"
	is "$(echo in | c exec -T a cat)" in
	is "$(echo in | c exec -T --interactive=false a cat)" ""
	ok c volumes --format '{{.Name}} {{.Size}}'
	has "$out" "sizes_v 5MB"
	is "$(c images --format json | jq -c '.[0] | keys')" \
		'["ContainerName","Created","ID","LastTagTime","Platform","Repository","Size","Tag"]'
	[ "$(c images --format json | jq '.[0].Size')" -gt 100000 ]
	"$COMPOSE" wait b a >"$T/waited" &
	wait_pid=$!
	soon 10 connected $wait_pid
	ok c kill -s TERM a
	soon 30 grep -q "status code 4" "$T/waited"
	ok c kill -s TERM b
	rc=0
	wait $wait_pid || rc=$?
	is $rc 5
	matches "$(head -n 1 "$T/waited")" '^container "[0-9a-f]{64}" exited with status code 4$'
	ok c up -d
	c_bg wait --down-project a b
	soon 10 connected "$bg"
	ok c stop -t 0
	wait "$bg" || true
	ok c ps -aq
	is "$out" ""
	ok c down -v
}
limit=120 t "sizes; wait tells each end and ends with the last" sizes_and_ends

done_testing

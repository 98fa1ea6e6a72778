#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Logging drivers: syslog and journald get every line, the local copy stays; rotation; what is not carried out is refused.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root
need cmd socat

# A logger: socat, from ADDRESS into the file $1. Its pid is in $logger.
listen() { # FILE ADDRESS
	socat -u "$2" "OPEN:$1,creat,append" &
	logger=$!
}
lines_in() { [ "$(tr '\0' ' ' <"$1" | grep -c "$2")" = "$3" ]; }
there() { [ -e "$1" ]; }
holds() { grep -qF -- "$2" "$1"; }

local_socket() {
	listen "$W/got5424" "UNIX-RECV:$W/log.sock"
	soon 5 there "$W/log.sock"
	project local <<-E
		x-log: &log
		  driver: syslog
		  options:
		    syslog-address: unix://$W/log.sock
		    syslog-facility: local3
		    tag: "{{.Name}}/{{ .ImageName }}"
		services:
		  a:
		    image: busybox
		    command: sh -c 'echo to stdout; echo to stderr >&2; printf "no end"'
		    logging: { <<: *log, options: { syslog-address: "unix://$W/log.sock", syslog-format: rfc5424, syslog-facility: local3, tag: "{{.Name}}/{{ .ImageName }}" } }
		  b:
		    image: busybox
		    command: echo the local form
		    logging: *log
		  c:
		    image: busybox
		    command: echo with a host
		    logging: { driver: syslog, options: { syslog-address: "unix://$W/log.sock", syslog-format: rfc3164, tag: old } }
		  d:
		    image: busybox
		    command: echo exact
		    logging: { driver: syslog, options: { syslog-address: "unix://$W/log.sock", syslog-format: rfc5424micro } }
	E
	ok c up -d
	for text in "to stdout" "to stderr" "no end" "the local form" "with a host" exact; do
		soon 20 holds "$W/got5424" "$text"
	done
	out=$(cat "$W/got5424")
	host=$(hostname)
	# 19 * 8 + 6 and + 3; local3 is 19, daemon 3
	matches "$out" "<158>1 20[0-9-]{8}T[0-9:]{8}Z $host local-a-1/busybox [1-9][0-9]* local-a-1/busybox - to stdout"
	matches "$out" "<155>1 20[0-9-]{8}T[0-9:]{8}Z $host local-a-1/busybox [1-9][0-9]* local-a-1/busybox - to stderr"
	matches "$out" "<158>[A-Z][a-z][a-z] [ 0-9]{2} [0-9:]{8} local-b-1/busybox\[[1-9][0-9]*\]: the local form"
	matches "$out" "<30>[A-Z][a-z][a-z] [ 0-9]{2} [0-9:]{8} $host old\[[1-9][0-9]*\]: with a host"
	id=$(c ps -a -q --no-trunc d)
	matches "$out" "<30>1 20[0-9-]{8}T[0-9:]{8}\.[0-9]{6}Z $host ${id:0:12} [1-9][0-9]* ${id:0:12} - exact"
	ok c logs --no-log-prefix a
	is "$(sort <<<"$out")" "$(printf 'no end\nto stderr\nto stdout')"
	ok c down -t 0
	kill "$logger"
}
# observes: logging.driver logging.options
t "syslog on a local socket: each format, facility, tag; the local copy stays" local_socket

by_udp() {
	local port
	port=$(free_port udp)
	listen "$W/gotudp" "UDP-RECV:$port,bind=127.0.0.1"
	project udp <<-E
		services:
		  a:
		    image: busybox
		    command: sh -c 'i=0; while [ \$\$i -lt 50 ]; do echo line \$\$i.; i=\$\$((i+1)); done; payload ticks 50'
		    logging: { driver: syslog, options: { syslog-address: "udp://localhost:$port", tag: web } }
	E
	soon 5 grep -q "$(printf ':%04X ' "$port")" /proc/net/udp
	ok c up -d
	soon 20 holds "$W/gotudp" "line 49."
	matches "$(cat "$W/gotudp")" "<30>[A-Z][a-z][a-z] [ 0-9]{2} [0-9:]{8} web\[[0-9]+\]: line 0\."
	kill "$logger" # nobody listens: the container goes on, and so does its local log
	n=$(c logs --no-log-prefix a | wc -l)
	more() { [ "$(c logs --no-log-prefix a | wc -l)" -gt $((n + 5)) ]; }
	soon 20 more
	is "$(field a .State)" running
	ok c down -t 0
}
t "syslog by UDP" by_udp

by_tcp() {
	local port
	port=$(free_port)
	listen "$W/gottcp" "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork"
	project tcp <<-E
		services:
		  a:
		    image: busybox
		    command: payload ticks 100
		    logging: { driver: syslog, options: { syslog-address: "tcp://127.0.0.1:$port", syslog-format: rfc5424, tag: t } }
	E
	soon 5 grep -q "$(printf ':%04X ' "$port")" /proc/net/tcp
	ok c up -d
	soon 20 holds "$W/gottcp" " - "
	matches "$(head -n 1 "$W/gottcp")" "^<30>1 .* t [0-9]+ t - " # a line is a message
	kill "$logger"
	for p in $(ss -Htnp "sport = :$port" | sed -n 's/.*pid=\([0-9]*\).*/\1/p'); do kill "$p"; done
	soon 20 holds "$COMPOSE_ROOT/run/projects/tcp/supervisor.log" "takes nothing"
	listen "$W/gotagain" "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork"
	soon 20 holds "$W/gotagain" " - "
	is "$(field a .State)" running
	ok c down -t 0
	kill "$logger"
}
t "syslog by TCP; a logger that was away is found again" by_tcp

# What a logger takes too slowly holds the container up, unless it asks for the opposite.
slow() {
	listen "$W/gotslow" "UNIX-RECV:$W/slow.sock"
	soon 5 there "$W/slow.sock"
	kill -STOP "$logger"
	project slow <<-E
		services:
		  waits:
		    image: busybox
		    command: payload spew 20000
		    logging: { driver: syslog, options: { syslog-address: "unix://$W/slow.sock", max-buffer-size: 32k, tag: waits } }
		  drops:
		    image: busybox
		    command: payload spew 20000
		    logging: { driver: syslog, options: { syslog-address: "unix://$W/slow.sock", max-buffer-size: 32k, mode: non-blocking, tag: drops } }
	E
	# a stopped logger still answers a connection: it is the kernel that does
	ok c up -d
	soon 30 service_ended drops 0
	is "$(c logs --no-log-prefix drops | wc -l)" 20000
	is "$(field waits .State)" running
	kill -CONT "$logger"
	soon 60 service_ended waits 0
	all_there() { [ "$(grep -o 'waits\[[0-9]*\]: ' "$W/gotslow" | wc -l)" = 20000 ]; }
	soon 30 all_there
	is "$(c logs --no-log-prefix waits | wc -l)" 20000
	[ "$(grep -o 'drops\[[0-9]*\]: ' "$W/gotslow" | wc -l)" -lt 20000 ] || flunk "nothing was dropped"
	ok c down -t 0
	kill "$logger"
}
limit=120 t "mode: blocking loses nothing, non-blocking never waits" slow

# The journal of a mount namespace of its own: the host's is left alone.
in_journal() {
	mount -t tmpfs none /run
	mkdir -p /run/systemd/journal
	listen "$W/gotjournal" UNIX-RECV:/run/systemd/journal/socket
	soon 5 there /run/systemd/journal/socket
	ok c up -d
	soon 20 holds "$W/gotjournal" "to the journal"
	soon 20 holds "$W/gotjournal" "an error"
	ok c logs --no-log-prefix a
	has "$out" "to the journal"
	id=$(c ps -a -q --no-trunc a)
	ok c down -t 0
	kill "$logger"
	got=$(tr -d '\0' <"$W/gotjournal")
	for field in PRIORITY=6 PRIORITY=3 SYSLOG_IDENTIFIER=journal-a-1 "CONTAINER_ID_FULL=$id" "CONTAINER_ID=${id:0:12}" \
		CONTAINER_NAME=journal-a-1 CONTAINER_TAG=journal-a-1 IMAGE_NAME=busybox ORG_TEAM=blue STAGE=test MESSAGE; do
		has "$got" "$field"
	done
	hasnt "$got" SECRET
}
journal() {
	project journal <<-'E'
		services:
		  a:
		    image: busybox
		    command: sh -c 'echo to the journal; echo an error >&2'
		    labels: { org.team: blue, other: SECRET }
		    environment: { STAGE: test, KEY: SECRET }
		    logging: { driver: journald, options: { tag: "{{.Name}}", labels: org.team, env: "STAGE,NONE" } }
	E
	export -f in_journal listen soon holds there ok run has hasnt flunk told c
	export W T COMPOSE slow
	unshare -m bash -euc in_journal
}
t "journald: the message and its fields" journal

elsewhere() {
	listen "$W/gotalone" "UNIX-RECV:$W/alone.sock"
	soon 5 there "$W/alone.sock"
	project alone <<-E
		services:
		  a:
		    image: busybox
		    command: echo only there
		    logging: { driver: syslog, options: { syslog-address: "unixgram://$W/alone.sock", cache-disabled: "true" } }
	E
	ok c up -d
	soon 20 holds "$W/gotalone" "only there"
	ok c logs
	is "$out" ""
	has "$err" "kept by syslog at unixgram://$W/alone.sock alone"
	ok c down -t 0
	kill "$logger"
}
t "cache-disabled: logs says where the output is" elsewhere

nobody() {
	project nobody <<-E
		services:
		  a: { image: busybox, command: echo x, logging: { driver: syslog, options: { syslog-address: "unix://$W/none.sock" } } }
	E
	fails 1 c up -d
	has "$err" "no logger can be reached at unix://$W/none.sock"
	has "$err" "compose.yaml:2:"
	is "$(c ps -a -q)" ""
	ok c down
}
t "an address where nobody listens is told with its place" nobody

refused() {
	project refused <<-'E'
		services:
		  a: { image: busybox, logging: { driver: splunk } }
		  b: { image: busybox, logging: { driver: local, options: { max-sise: 1m } } }
		  c: { image: busybox, logging: { options: { max-file: many } } }
		  d: { image: busybox, logging: { driver: syslog, options: { syslog-address: "tcp+tls://x:1" } } }
		  e: { image: busybox, logging: { driver: syslog, options: { syslog-facility: local9, mode: sometimes } } }
		  f: { image: busybox, logging: { driver: journald, options: { label-regex: ".*" } } }
	E
	fails 3 c up -d
	for line in 2 3 4 5 6 7; do
		has "$err" "compose.yaml:$line:"
	done
	has "$err" 'the logging driver "splunk" is not supported'
	has "$err" "max-size"
	has "$err" 'must be a number from 1 to 1000, not "many"'
	has "$err" "unix:///PATH, udp://HOST[:PORT] or tcp://HOST[:PORT]"
	has "$err" "blocking or non-blocking"
	has "$err" 'no option "label-regex"'
	sed -i '2,$d' compose.yaml
	cat >>compose.yaml <<-'E'
		  a: { image: busybox, command: echo x, logging: { driver: syslog, options: { syslog-address: "udp://127.0.0.1", tag: "{{.Nam}}" } } }
	E
	fails 3 c up -d
	has "$err" "{{.Nam}} is no part of a tag"
	has "$err" "compose.yaml:2:"
	ok c down
}
t "drivers, options and values that are not carried out are refused with their place" refused

rotation() {
	project rotation <<-'E'
		services:
		  a: { image: busybox, command: payload spew 30000, logging: { driver: local, options: { max-size: 40k, max-file: "2", compress: "false" } } }
		  b: { image: busybox, command: payload spew 30000, logging: { options: { max-size: 60k, max-file: "3", tag: x, labels: y, labels-regex: z, env-regex: z } } }
	E
	ok c up -d
	hasnt "$err" "services.a.logging.options"
	for o in tag labels labels-regex env-regex; do
		has "$err" "services.b.logging.options.$o has no effect here"
	done
	soon 30 service_ended a 0
	soon 30 service_ended b 0
	for s in a b; do
		dir=$COMPOSE_ROOT/projects/rotation/$(c ps -a -q --no-trunc $s)/log
		is "$(find "$dir" -type f | wc -l)" $([ $s = a ] && echo 2 || echo 3)
		[ -z "$(find "$dir" -size +$([ $s = a ] && echo 40k || echo 60k))" ] || flunk "too large: $(ls -l "$dir")"
	done
	has "$(c logs --no-log-prefix --tail 1 a)" 30000
	ok c down -t 0
}
t "max-size and max-file of json-file and local" rotation

only_newest_plain() { [ "$(ls "$1" | grep -cv '\.gz$')" = 1 ] && [ "$(ls "$1" | grep -c '\.gz$')" -ge 2 ]; }
compressed() {
	local dir s

	project packed <<-'E'
		x-more: &more { image: busybox, command: "sh -c 'payload spew 60000; until [ -e /go ]; do sleep 0.1; done; payload spew 30000; sleep 1000'" }
		services:
		  a: { <<: *more, logging: { options: { max-size: 300k, max-file: "20", compress: "true" } } }
		  b: { <<: *more, logging: { driver: syslog, options: { syslog-address: "udp://127.0.0.1:9", cache-max-size: 300k, cache-max-file: "20", cache-compress: "true" } } }
	E
	ok c up -d
	hasnt "$err" "no effect"
	for s in a b; do
		dir=$COMPOSE_ROOT/projects/packed/$(c ps -a -q --no-trunc $s)/log
		soon 30 last_is $s 60000
		ok c exec -T $s touch /go
		soon 30 count_is $s 90000
		soon 30 only_newest_plain "$dir"
		gzip -t "$dir"/*.gz
		is "$(c logs --no-log-prefix $s | md5sum)" "$( (seq_spew 60000; seq_spew 30000) | md5sum)"
		is "$(c logs --no-log-prefix --tail 50000 $s | head -n 1)" "$( (seq_spew 60000; seq_spew 30000) | tail -n 50000 | head -n 1)"
	done
	ok c down -t 0
}
last_is() { [ "$(c logs --no-log-prefix --tail 1 "$1" | grep -o '[0-9]*$')" = "$2" ]; }
count_is() { [ "$(c logs --no-log-prefix "$1" | wc -l)" = "$2" ]; }
seq_spew() { seq -f 'line %.0f' "$1"; }
t "compress: full files are packed, and read as before" compressed
done_testing

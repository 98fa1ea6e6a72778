#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Published ports: addresses, ranges, UDP, ephemeral ones, conflicts, restarts, replicas.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

listens() { ss -Hltn "sport = :$1" | awk '{ print $4 }' | sort | xargs; }

made() {
	P=$(free_port) Q=$(free_port) U=$(free_port udp)
	R=$(free_port)
	while [ -n "$(listens $((R + 1)))$(listens $((R + 2)))$(listens $((R + 3)))" ]; do R=$(free_port); done
	printf 'P=%s\nQ=%s\nU=%s\nR=%s\n' "$P" "$Q" "$U" "$R" >"$T/ports"
	project ports <<-E
		services:
		  all: { image: busybox, init: true, command: payload http-who 80, ports: ["$P:80"] }
		  one: { image: busybox, init: true, command: payload http 8080 one, ports: ["127.0.0.1:$Q:8080", "8081"] }
		  udp: { image: busybox, init: true, command: payload udp-echo 53, ports: ["127.0.0.1:$U:53/udp"] }
		  range: { image: busybox, init: true, scale: 2, command: payload http 80 range, ports: ["127.0.0.1:$R-$((R + 3)):80"] }
		  several: { image: busybox, init: true, command: payload http 7001 several, ports: [ { target: 7001, host_ip: 127.0.0.1 } ] }
	E
	ok c up -d
}
t "up" made
at() { cd "$W/ports"; . "$T/ports"; }

addresses() {
	at
	is "$(listens "$P")" "0.0.0.0:$P [::]:$P"
	is "$(listens "$Q")" "127.0.0.1:$Q"
	has "$(get "http://127.0.0.1:$P/")" "$(c exec -T all hostname)"
	has "$(get "http://[::1]:$P/")" "$(c exec -T all hostname)"
	has "$(get "http://$(hostname -i | awk '{ print $1 }'):$P/")" "$(c exec -T all hostname)"
	is "$(get "http://127.0.0.1:$Q/")" one
	ok c port all 80
	is "$out" "0.0.0.0:$P"
	ok c port one 8080
	is "$out" "127.0.0.1:$Q"
	matches "$(c ps)" "0.0.0.0:$P->80/tcp, \[::\]:$P->80/tcp"
	is "$(field all '.Publishers[0].PublishedPort')" "$P"
	is "$(field all '.Publishers[0].TargetPort')" 80
}
t "all addresses, or the one that was given" addresses

ephemeral() {
	local at

	at
	ok c port one 8081
	matches "$out" '^0\.0\.0\.0:[0-9]{4,5}$'
	ok c port several 7001
	matches "$out" '^127\.0\.0\.1:[0-9]{4,5}$'
	is "$(get "http://$out/")" several
	fails 1 c port all 81
	has "$err" "81/tcp"
	has "$err" "80/tcp"
}
t "a port that the kernel chooses" ephemeral

udp() {
	at
	is "$(printf 'ping' | timeout 3 bash -c "exec 3<>/dev/udp/127.0.0.1/$U; cat >&3; head -c 4 <&3")" ping
	ok c port --protocol udp udp 53
	is "$out" "127.0.0.1:$U"
	fails 1 c port udp 53
	# two at once, each gets its own answer
	for i in 1 2 3 4 5; do
		is "$(printf "m%s" "$i" | timeout 3 bash -c "exec 3<>/dev/udp/127.0.0.1/$U; cat >&3; head -c 2 <&3")" "m$i"
	done
}
t "UDP" udp

ranges() {
	at
	is "$(for n in 1 2; do c port --index $n range 80; done | sort | xargs)" "127.0.0.1:$R 127.0.0.1:$((R + 1))"
	is "$(get "http://127.0.0.1:$R/")" range
	is "$(get "http://127.0.0.1:$((R + 1))/")" range
	ok c up -d --scale range=4
	is "$(get "http://127.0.0.1:$((R + 3))/")" range
	fails 1 c up -d --scale range=5
	has "$err" "$R-$((R + 3))"
	ok c up -d --scale range=1
	is "$(listens $((R + 3)))" ""
}
t "a range, a port each" ranges

restarts() {
	at
	before=$(c port one 8081)
	ok c restart -t 0 all one
	soon 5 get "http://127.0.0.1:$P/"
	ok c stop -t 0 all
	is "$(listens "$P")" ""
	ok c start all
	soon 5 get "http://127.0.0.1:$P/"
	[ -n "$before" ]
}
t "ports come and go with the container" restarts

many() {
	at
	head -c 5000000 /dev/urandom >"$T/data"
	# a page under load; every answer whole
	seq 200 | xargs -P 8 -I{} curl -sS --max-time 10 -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:$Q/" >"$T/codes"
	is "$(sort "$T/codes" | uniq -c | xargs)" "200 200"
	project echo <<-E
		services: { e: { image: busybox, init: true, command: payload tcp-echo 7, ports: ["127.0.0.1:0:7"] } }
	E
	ok c up -d
	port=$(c port e 7)
	timeout 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/${port##*:}; cat '$T/data' >&3 & head -c 5000000 <&3" >"$T/back"
	cmp "$T/data" "$T/back"
	ok c down -t 0
}
t "many connections, and much data both ways" many

conflict() {
	at
	project conflict <<-E
		services:
		  a:
		    image: busybox
		    init: true
		    command: payload http 80 second
		    ports:
		      - "$P:80"
		  b: { image: busybox, init: true, command: payload ticks 1000 }
	E
	fails 1 c up -d
	has "$err" "$P"
	matches "$err" "Address already in use|already allocated"
	has "$err" "compose.yaml:7:9"
	has "$err" "hint:"
	[ "$(field a .State)" != running ]
	has "$(get "http://127.0.0.1:$P/")" "" # the first one's still answers
	ok c down -t 0
	# fixed, with two replicas: the first keeps running
	F=$(free_port)
	sed -i "s/\"$P:80\"/\"$F:80\"/" compose.yaml
	fails 1 c up -d --scale a=2
	has "$err" "already allocated"
	is "$(ps_json a | jq -r .State | sort | xargs)" "created running"
	ok c down -t 0
	# somebody else's listener
	nc -l -s 127.0.0.1 -p "$F" >/dev/null 2>&1 &
	python3 - "$F" <<-'PY' &
		import socket, sys, time
		s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		try:
		    s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen()
		except OSError:
		    pass
		time.sleep(20)
	PY
	soon 5 somebody_listens "$F"
	fails 1 c up -d a
	has "$err" "in use"
	ok c down -t 0
}
somebody_listens() { [ -n "$(listens "$1")" ]; }
t "a port that is taken" conflict

loopback_only() {
	at
	project lo <<-E
		services: { a: { image: busybox, init: true, command: payload ticks 1000, ports: ["127.0.0.1:0:80"] } }
	E
	ok c up -d
	port=$(c port a 80)
	# nobody listens inside: the connection is closed, and nothing hangs
	run curl -sS --max-time 5 "http://$port/"
	[ "$rc" != 0 ] && [ "$rc" != 28 ] || flunk "curl: $rc"
	ok c down -t 0
}
t "a port behind which nobody listens" loopback_only

down() {
	at
	ok c down -t 0
	is "$(listens "$P")$(listens "$Q")$(listens "$R")" ""
}
t "down closes them" down
# Each side ends its own direction: an echo that sees the end of input ends too, and says all before.
half_closed() {
	local port

	port=$(free_port)
	project half <<<"services: { a: { image: busybox, init: true, command: payload tcp-echo 7, ports: ['127.0.0.1:$port:7'] } }"
	ok c up -d
	ok perl -MIO::Socket::INET -e 'alarm 100; $s = IO::Socket::INET->new(PeerAddr => $ARGV[0]) or die "$!";
		print $s "x" x 100000; $s->flush; shutdown($s, 1); local $/; print length(<$s>)' "127.0.0.1:$port"
	is "$out" 100000
	ok c down -t 0
}
t "a connection that is half closed" half_closed
done_testing

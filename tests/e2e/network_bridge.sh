#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# network_mode: bridge: one network for containers of all projects, without names, there as long as somebody is on it.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

address() { c -f "$W/$1/compose.yaml" exec -T "$2" ip -o -4 addr show eth0 | awk '{ print $4 }'; }
shared() { find "$COMPOSE_ROOT/run/networks" -maxdepth 1 -name 'b41d9e*' 2>/dev/null; }

up() {
	port=$(free_port)
	echo "$port" >"$T/port"
	project one <<-E
		services:
		  web: { image: busybox, command: payload http 80 hello, network_mode: bridge, ports: ["127.0.0.1:$port:80"], mac_address: "02:00:00:00:00:77" }
		  app: { image: busybox, command: sleep 1000, network_mode: bridge, links: ["web:site", web] }
	E
	ok c up -d
	project two <<-'E'
		services: { other: { image: busybox, command: sleep 1000, network_mode: bridge, stop_grace_period: 0s } }
	E
	ok c up -d
	is "$(find "$COMPOSE_ROOT/networks" -name '*.json' 2>/dev/null)" ""
}
t "up" up

reached() {
	local web

	web=$(address one web)
	# one subnet for all of them; by address they meet, also across projects
	is "$(for a in "$web" "$(address one app)" "$(address two other)"; do echo "${a#*/} ${a%.*/*}"; done | sort -u | wc -l)" 1
	is "$(c -f two/compose.yaml exec -T other wget -qO- "http://${web%/*}/")" hello
	is "$(get "http://127.0.0.1:$(cat "$T/port")/")" hello
	is "$(c -f two/compose.yaml exec -T other ip route | grep -c ^default)" 1
	has "$(c -f one/compose.yaml exec -T web ip -o link show eth0)" 02:00:00:00:00:77
}
# observes: network_mode
t "addresses, published ports, the way out" reached

names() {
	local web

	web=$(address one web)
	for n in web one-web-1 site; do
		hasnt "$(timeout 5 "$COMPOSE" -f two/compose.yaml exec -T other payload dns $n a 2>&1)" "${web%/*}"
	done
	# but for who has links
	for n in web site; do has "$(c -f one/compose.yaml exec -T app payload dns $n a)" "${web%/*}"; done
	is "$(c -f one/compose.yaml exec -T app wget -qO- http://site/)" hello
}
t "no names, but those of links" names

lives() {
	local web

	cd one
	# another project's last container goes, ours stay
	ok c -f ../two/compose.yaml down
	[ "$(shared)" ] || flunk "the network went with others on it"
	web=$(address one web)
	is "$(c exec -T app wget -qO- "http://${web%/*}/")" hello
	ok c restart -t 0
	is "$(c exec -T app wget -qO- http://site/)" hello
	is "$(get "http://127.0.0.1:$(cat "$T/port")/")" hello
	ok c down -t 0
	is "$(shared)" ""
}
t "it is there as long as somebody is on it" lives

# The supervisor dies with all it had: what is left of the network goes with `down`, or is taken up by the next.
die() {
	local all

	mapfile -t all < <(our_processes | awk '$3 == "compose:" && $4 ~ /^(keeper|worker|relay)$/ { print $1 }')
	kill -STOP "${all[@]}"          # so that none sees the other die and makes it anew
	kill -9 "${all[@]}"
}
crash() {
	cd one
	ok c up -d
	die
	ok c up -d
	is "$(c exec -T app wget -qO- http://site/)" hello
	die
	ok c down -t 0
	is "$(shared)" ""
}
t "after a crash" crash

refused() {
	project refused <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, network_mode: bridge, links: [b] }
		  b: { image: busybox, command: sleep 1000 }
	E
	fails 3 c up -d
	has "$err" 'service b is not on the network of `network_mode: bridge`'
	has "$err" "compose.yaml:2:"
	project taken <<-'E'
		services: { a: { image: busybox, command: sleep 1000 } }
		networks: { default: { name: bridge } }
	E
	fails 3 c up -d
	has "$err" '"bridge" is the network of `network_mode: bridge`'
}
t "a link that leads nowhere, and the name for another network, are refused" refused
done_testing

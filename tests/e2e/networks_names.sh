#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Networks: names and addresses, who reaches whom, aliases, several networks, internal, static addresses, modes.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

# The addresses that NAME has, as SERVICE sees them, sorted.
addresses() { c exec -T "$1" payload dns "$2" a | grep -oE '([0-9]{1,3}\.){3}[0-9]{1,3}' | sort | xargs; }
address() { c exec -T "$1" hostname -i | tr ' ' '\n' | head -n 1; }
reaches() { c exec -T "$1" payload tcp "$2" 80 "GET / HTTP/1.0"$'\r\n\r\n' | grep -q "200 OK"; }
reaches_not() { if timeout 4 "$COMPOSE" exec -T "$1" sh -c "timeout 2 payload tcp $2 80 x" >/dev/null 2>&1; then flunk "$1 reaches $2"; fi; }

made() {
	project net <<-'E'
		services:
		  web: { image: busybox, init: true, command: payload http 80 web, networks: { front: { aliases: [www, shared] }, back: { aliases: [shared] } } }
		  api: { image: busybox, init: true, command: payload http 80 api, networks: { back: { aliases: [shared] } }, scale: 3 }
		  db: { image: busybox, init: true, command: payload http 80 db, networks: [dark], hostname: db-host }
		  out: { image: busybox, init: true, command: payload http 80 out, networks: [front], container_name: net-own-name }
		  fixed: { image: busybox, init: true, command: payload http 80 fixed, networks: { fixed: { ipv4_address: 10.213.7.9 } } }
		  both: { image: busybox, init: true, command: payload http 80 both, networks: { front: { priority: 1 }, dark: {}, back: { priority: 5 } } }
		networks:
		  front: {}
		  back: {}
		  dark: { internal: true }
		  fixed: { ipam: { config: [ { subnet: 10.213.7.0/24 } ] } }
	E
	ok c up -d
}
t "up" made
at() { cd "$W/net"; }

names() {
	at
	is "$(addresses out web | wc -w)" 1
	has "$(c exec -T web ip -o -4 addr show)" "inet $(addresses out web)/"
	for n in www net-web-1 "$(c exec -T web hostname)" web.net_front; do
		is "$(addresses out "$n")" "$(addresses out web)"
	done
	is "$(addresses web api | wc -w)" 3
	is "$(addresses web net-api-2 | wc -w)" 1
	is "$(addresses web net-own-name)" "$(addresses web out)"
	# an alias of several services answers for all, on the network where it was given
	is "$(addresses both shared | wc -w)" 4
	is "$(addresses out shared | wc -w)" 1
	# hostname: is no name for others
	is "$(addresses both db-host)" ""
	is "$(addresses both db | wc -w)" 1
	has "$(c exec -T web payload dns nosuch a)" NXDOMAIN
	has "$(c exec -T web payload dns api aaaa)" NOERROR
	ok c exec -T web cat /etc/resolv.conf
	has "$out" "nameserver 127.0.0.11"
	has "$out" "ndots:0"
}
t "services, containers, ids, aliases have names where they are" names

rotation() {
	local i first=

	at
	for i in 1 2 3 4 5 6 7 8; do
		first+=" $(c exec -T web payload dns api a | grep -oE '([0-9]{1,3}\.){3}[0-9]{1,3}' | head -n 1)"
	done
	[ "$(tr ' ' '\n' <<<"$first" | sort -u | grep -c .)" -gt 1 ] || flunk "always $first first"
}
t "replicas in rotating order" rotation

reverse() {
	at
	ip=$(addresses out net-web-1)
	has "$(c exec -T out payload dns "$ip" ptr)" "net-web-1.net_front"
}
t "an address has a name" reverse

apart() {
	at
	reaches out web
	reaches web api
	reaches both db
	is "$(addresses out api)" ""
	is "$(addresses out db)" ""
	reaches_not out "$(address db)"
	reaches_not out "$(address api)"
	reaches_not fixed "$(address web)"
	reaches_not db "$(address out)"
}
t "networks are apart" apart

internal() {
	at
	ok c exec -T db ip route
	hasnt "$out" default
	ok c exec -T web ip route
	is "$(grep -c default <<<"$out")" 1
	fails 1 c exec -T db sh -c 'ip route get 198.51.100.1 || exit 1'
	# no way to the outside by the resolver either
	hasnt "$(c exec -T db payload dns example.org a)" NOERROR
}
t "internal has no way out" internal

fixed() {
	at
	is "$(address fixed)" 10.213.7.9
	ok c exec -T fixed ip route
	has "$out" "default via 10.213.7.1"
	ok c exec -T both ip -o -4 addr
	is "$(awk '{ print $2 }' <<<"$out" | sort -u | xargs)" "eth0 eth1 eth2 lo"
	is "$(awk '$2 == "eth0" { print $4 }' <<<"$out" | cut -d. -f1-3)" "$(c exec -T --index 1 api ip -o -4 addr show eth0 | awk '{ print $4 }' | cut -d. -f1-3)"
}
t "a static address; priority orders the interfaces" fixed

leaves() {
	at
	ok c stop -t 0 out
	is "$(addresses web out)" ""
	ok c start out
	soon 3 has_address web out
	ok c up -d --scale api=1
	is "$(addresses web api | wc -w)" 1
	# the host name of a container that has been made anew is the new one
	old=$(addresses web out)
	ok c up -d --force-recreate --no-deps out
	is "$(addresses web out | wc -w)" 1
	reaches web out
	[ -n "$old" ]
}
has_address() { [ -n "$(addresses "$1" "$2")" ]; }
t "who stops leaves the names at once" leaves

modes() {
	project modes <<-'E'
		services:
		  main: { image: busybox, init: true, command: payload http 80 main }
		  beside: { image: busybox, init: true, command: payload ticks 1000, network_mode: "service:main" }
		  none: { image: busybox, network_mode: none, command: payload sysinfo }
		  host: { image: busybox, network_mode: host, command: sh -c "hostname; readlink /proc/self/ns/net" }
		  sees: { image: busybox, init: true, pid: "service:main", command: payload ticks 1000 }
	E
	ok c up -d main beside sees
	ok c exec -T beside payload tcp 127.0.0.1 80 "GET / HTTP/1.0"$'\r\n\r\n'
	has "$out" "200 OK"
	is "$(c exec -T beside ip -o -4 addr show eth0)" "$(c exec -T main ip -o -4 addr show eth0)"
	ok c run --rm -T none
	is "$(awk '$1 == "if" { print $2 }' <<<"$out" | xargs)" lo
	ok c run --rm -T host
	is "$(head -n 1 <<<"$out")" "$(hostname)"
	is "$(sed -n 2p <<<"$out")" "$(readlink /proc/self/ns/net)"
	ok c exec -T sees ps
	has "$out" "payload http 80 main"
	main=$(c ps -q main) beside=$(c ps -q beside)
	ok c up -d --force-recreate main
	[ "$(c ps -q main)" != "$main" ]
	[ "$(c ps -q beside)" != "$beside" ] || flunk "beside still lives in the old container's network"
	soon 3 c exec -T beside payload tcp 127.0.0.1 80 "GET / HTTP/1.0"$'\r\n\r\n'
	ok c down -t 0
}
t "network_mode none, host, service:X; pid: service:X" modes

# What goes with a network is the other's, and who asks for more is told.
shared() {
	local key

	project shared <<-'E'
		services:
		  main: { image: busybox, init: true, command: payload ticks 1000, hostname: chosen, extra_hosts: ["other:1.2.3.4"] }
		  beside:
		    image: busybox
		    network_mode: service:main
		    hostname: mine
		    extra_hosts: ["own:1.2.3.5"]
		    dns: [192.0.2.53]
		    ports: ["80"]
	E
	ok c run --rm -T beside sh -c 'hostname; cat /etc/hostname; getent hosts other; getent hosts chosen | wc -l; getent hosts own; cat /etc/resolv.conf'
	is "$(head -n 4 <<<"$out" | awk '{ print $NF }' | xargs)" "chosen chosen other 1"
	hasnt "$out" own
	hasnt "$out" 192.0.2.53
	for key in hostname extra_hosts dns ports; do
		matches "$err" "services.beside.$key: left out with network_mode: service:main.*compose.yaml:"
	done
	ok c down -t 0
}
t "who shares a network has its names" shared

extra() {
	project extra <<-'E'
		services:
		  a:
		    image: busybox
		    command: cat /etc/hosts /etc/resolv.conf
		    hostname: chosen
		    domainname: example.test
		    extra_hosts: ["other:1.2.3.4", "six:::1", "gw:host-gateway"]
		    dns: [192.0.2.53]
		    dns_search: [corp.test]
		    dns_opt: ["timeout:1"]
	E
	ok c run --rm -T a
	for x in "1.2.3.4 other" "::1 six" "search corp.test" "timeout:1"; do has "$(tr '\t' ' ' <<<"$out")" "$x"; done
	matches "$(tr '\t' ' ' <<<"$out")" '[0-9.]+ gw'
	matches "$out" 'chosen'
	ok c run --rm -T a hostname
	matches "$out" '^chosen'
	ok c down
}
t "hostname, extra_hosts, dns options" extra

subnet() { c exec -T a ip route | awk '$1 != "default" { print $1 }'; }
two_projects() {
	mkdir -p "$W/p1" "$W/p2"
	for p in p1 p2; do
		cat >"$W/$p/compose.yaml" <<-'E'
			services:
			  a: { image: busybox, init: true, command: payload http 80 hi }
		E
		(cd "$W/$p" && ok c up -d)
	done
	cd "$W/p1"
	ip1=$(address a)
	cd "$W/p2"
	ip2=$(address a)
	[ "$(cd "$W/p1" && subnet)" != "$(subnet)" ] || flunk "one subnet: $(subnet)"
	reaches a "$ip2"
	reaches_not a "$ip1"
	is "$(addresses a p1-a-1)" ""
	# a network of one that the other joins
	cat >compose.yaml <<-'E'
		services:
		  a: { image: busybox, init: true, command: payload http 80 hi, networks: [theirs] }
		networks: { theirs: { external: true, name: p1_default } }
	E
	ok c up -d
	reaches a p1-a-1
	cd "$W/p1"
	fails 1 c down -t 0
	has "$err" p1_default
	cd "$W/p2"
	ok c down -t 0
	cd "$W/p1"
	ok c down -t 0
}
t "projects are apart, unless one joins the other's network" two_projects

host_side() {
	at
	# from the host a container answers at its address
	ip=$(address web)
	ok curl -sS --max-time 5 "http://$ip/"
	is "$out" web
	ok c down -t 0
}
t "a container's address answers from the host" host_side
done_testing

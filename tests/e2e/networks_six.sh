#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# IPv6 on networks: addresses, names, who reaches whom, published ports; options of the bridge driver.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root
[ -e /proc/net/if_inet6 ] || skip_file "the kernel has no IPv6"

# A host may have switched IPv6 off for itself.
host_has() { grep -q '^0*1 .* lo$' /proc/net/if_inet6 && [ "$(cat /proc/sys/net/ipv6/conf/default/disable_ipv6)" = 0 ]; }
lo=127.0.0.1
! host_has || lo='[::1]'

at() { cd "$W/six"; . "$T/ports"; }
up() {
	printf 'A=%s B=%s U=%s\n' "$(free_port)" "$(free_port)" "$(free_port udp)" >"$T/ports"
	. "$T/ports"
	project six <<-E
		services:
		  web:
		    image: busybox
		    command: payload http-who 80
		    deploy: { replicas: 2 }
		    networks: { lan: { aliases: [www] } }
		  own:
		    image: busybox
		    command: payload http-who 80
		    networks: { lan: { ipv6_address: "fd77:6::0:99", ipv4_address: 10.216.9.9, link_local_ips: [ 169.254.8.8, "fe80::88" ] } }
		    ports: [ "127.0.0.1:$A:80" ]
		  only:
		    image: busybox
		    command: payload http 80 only
		    networks: [only]
		    ports: [ "$lo:$B:80" ]
		    extra_hosts: [ "gw:host-gateway" ]
		  echo:
		    image: busybox
		    command: payload udp-echo 5353
		    networks: [only]
		    ports: [ "127.0.0.1:$U:5353/udp" ]
		  asks: { image: busybox, command: sleep 1000, networks: { lan: {}, four: {} } }
		  far: { image: busybox, command: payload http 80 far, networks: [other] }
		  inside: { image: busybox, command: payload http 80 inside, networks: [inside] }
		  off:
		    image: busybox
		    command: sleep 1000
		    networks: [lan]
		    sysctls: { net.ipv6.conf.all.disable_ipv6: 1 }
		networks:
		  lan:
		    enable_ipv6: true
		    ipam: { config: [ { subnet: 10.216.9.0/24 }, { subnet: "fd77:6::/64", gateway: "fd77:6::fe", ip_range: "fd77:6::100/120" } ] }
		  only:
		    enable_ipv4: false
		    enable_ipv6: true
		    ipam: { config: [ { subnet: "fd77:7::/64", aux_addresses: { printer: "fd77:7::2" } } ] }
		  four: {}
		  other: { enable_ipv6: true }
		  inside: { enable_ipv6: true, internal: true }
	E
	ok c up -d
	hasnt "$err" "no effect"
}
t "up" up

# six_of SERVICE INTERFACE [PREFIX]: its IPv6 addresses there, the link-local ones left out
six_of() { c exec -T "$1" ip -o -6 addr show "$2" | awk '$4 !~ /^fe80/ { print $4 }'; }
addresses() {
	at
	is "$(six_of own eth0)" fd77:6::99/64
	matches "$(six_of web eth0)" '^fd77:6::1[0-9a-f][0-9a-f]/64$'
	is "$(six_of only eth0)" "$(six_of only eth0 | grep -vx fd77:7::2/64)"
	is "$(c exec -T only ip -o -4 addr show eth0)" ""
	matches "$(six_of far eth0)" '^fd[0-9a-f:]*/64$'
	is "$(c exec -T asks ip -o -6 addr show eth0)" ""       # four comes before lan
	matches "$(six_of asks eth1)" '^fd77:6::'
	is "$(six_of off eth0)" ""
	is "$(c exec -T own ip -6 route | awk '$1 == "default" { print $3 }')" fd77:6::fe
	is "$(c exec -T inside ip -6 route | grep default)" ""
	# usable at once (not tentative), and deaf to router advertisements
	is "$(c exec -T own awk '$6 == "eth0" && $4 == "00" { print $5 }' /proc/net/if_inet6)" 82
	is "$(c exec -T own cat /proc/sys/net/ipv6/conf/eth0/accept_ra)" 0
	has "$(c exec -T own cat /etc/hosts)" $'fd77:6::99\t'
	has "$(c exec -T own ip -o addr show eth0)" "169.254.8.8/16 brd 169.254.255.255 scope link"
	has "$(c exec -T own ip -o addr show eth0)" "fe80::88/64 scope link"
	is "$(c exec -T only awk '$2 == "gw" { print $1 }' /etc/hosts)" fd77:7::1
}
# observes: networks.*.ipv6_address networks.*.link_local_ips
t "addresses: static, from the range, chosen; none where there is no IPv6" addresses

# answers SERVICE NAME TYPE
answers() { c exec -T "$1" payload dns "$2" "$3" | grep -v '^[A-Z]' | sort | xargs; }
names() {
	at
	is "$(answers asks own aaaa)" fd77:6::99
	is "$(answers asks own a)" 10.216.9.9
	is "$(answers asks web aaaa | wc -w)" 2
	is "$(answers asks www aaaa)" "$(answers asks web aaaa)"
	is "$(answers echo only a)" ""
	has "$(c exec -T echo payload dns only a)" NOERROR
	matches "$(answers echo only aaaa)" '^fd77:7::[0-9a-f]+$'
	is "$(answers asks off aaaa)" ""
	has "$(c exec -T asks payload dns off aaaa)" NOERROR
	has "$(c exec -T asks nslookup fd77:6::99)" "six-own-1.six_lan"
}
t "names: AAAA for services, aliases and replicas, and back" names

# where a name has IPv6 alone, or the address is written out
fetch() { c exec -T "$1" timeout 20 wget -qO- "http://$2/"; }
traffic() {
	at
	has "$(fetch asks '[fd77:6::99]')" fd77:6::1
	is "$(fetch echo only)" only
	host_has || return 0
	is "$(curl -s -m 10 "http://[$(six_of far eth0 | cut -d/ -f1)]/")" far
	is "$(curl -s -m 10 "http://[$(six_of inside eth0 | cut -d/ -f1)]/")" inside
}
t "containers talk by IPv6 on one network, the host to all" traffic

# cannot FROM TO: a connection is refused at once, not given up after a while
cannot() {
	run c exec -T "$1" timeout 20 wget -qO- "http://[$(six_of "$2" eth0 | cut -d/ -f1)]/"
	has "$err" "can't connect to remote host"
}
isolation() {
	at
	cannot only far
	cannot only inside
	cannot only own
	cannot inside far
}
t "other networks are out of reach, and that is told at once" isolation

ports() {
	at
	has "$(get "http://127.0.0.1:$A/")" "$(c exec -T own hostname)"
	is "$(get "http://$lo:$B/")" only
	is "$(printf ping | timeout 10 bash -c "exec 3<>/dev/udp/127.0.0.1/$U; cat >&3; head -c 4 <&3")" ping
}
t "published ports lead to a container without IPv4 too" ports

worker() { our_processes | awk '$2 !~ /Z/ && $3 == "compose:" && $4 == "worker" && $5 == "six" { print $1 }'; }
knows() { [ "$(answers asks own aaaa)" = fd77:6::99 ]; }
# What listens on the host's own loopback is not at the gateway's address.
loopback() {
	local port server

	at
	host_has || skip "the host has no IPv6"
	command -v python3 >/dev/null || skip "needs python3"
	port=$(free_port)
	python3 -c 'import http.server, socket, sys
http.server.HTTPServer.address_family = socket.AF_INET6
http.server.HTTPServer(("::1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()' "$port" >/dev/null 2>&1 &
	server=$!
	soon 10 get "http://[::1]:$port/" >/dev/null
	run c exec -T only timeout 20 wget -qO- "http://[fd77:7::1]:$port/"
	has "$err" "can't connect to remote host"
	run c exec -T only timeout 20 wget -qO- "http://[::1]:$port/"
	has "$err" "can't connect to remote host"
	kill $server
}
t "the host's loopback is out of reach" loopback

killed() {
	at
	kill -9 "$(worker)"
	soon 20 knows
	is "$(get "http://$lo:$B/")" only
	ok c restart -t 0 only
	is "$(get "http://$lo:$B/")" only
}
t "after a kill -9 of the worker names and ports are as before" killed

again() {
	local before

	at
	before=$(c exec -T far ip -o -6 addr show eth0 | awk '{ print $4 }' | cut -d: -f1-4)
	ok c restart -t 0 own
	is "$(six_of own eth0)" fd77:6::99/64
	ok c down -t 0
	ok c up -d far
	is "$(c exec -T far ip -o -6 addr show eth0 | awk '{ print $4 }' | cut -d: -f1-4)" "$before"
	ok c down -t 0
}
t "a restart keeps a static address, a new network its subnet" again

# A host of its own, whose default route the kernel has learned from a router; then one that has none of its own.
learned() {
	project learned <<-E
		services: { a: { image: busybox, command: sleep 1000 } }
		networks: { default: { enable_ipv6: true } }
	E
	ok unshare -n bash -eu <<-E
		ip link set lo up
		ip link add d0 type veth peer name d1
		ip link set d0 up; ip link set d1 up
		sysctl -qw net.ipv6.conf.all.forwarding=0 net.ipv6.conf.d0.accept_ra=1
		ip -6 route add default via fe80::1 dev d0 proto ra
		"$COMPOSE" up -d
		cat /proc/sys/net/ipv6/conf/all/forwarding
		ip -6 route replace default via fe80::1 dev d0 proto static
		ip -6 route delete default proto ra 2>/dev/null || true
		"$COMPOSE" restart -t 0 a 2>/dev/null
		cat /proc/sys/net/ipv6/conf/all/forwarding
		"$COMPOSE" down -t 0 2>/dev/null
		cat /proc/sys/net/ipv6/conf/all/forwarding
	E
	has "$err" "warning: learned_default: containers reach nothing outside by IPv6: d0 learns the host's default route"
	is "$(xargs <<<"$out")" "0 1 0"
}
t "a host that learns its own route is left as it is, and that is told; another forwards as long as there is a network" learned

taken() {
	project taken <<-E
		services:
		  a: { image: busybox, command: sleep 1000, networks: { n: { ipv6_address: "fd77:8::9" } } }
		  b: { image: busybox, command: sleep 1000, depends_on: [a],
		       networks: { n: { ipv6_address: "fd77:8::9" } } }
		networks: { n: { enable_ipv6: true, ipam: { config: [ { subnet: "fd77:8::/64" } ] } } }
	E
	run c up -d
	is "$rc" 1
	has "$err" "address fd77:8::9 is in use by container taken-a-1"
	has "$err" "compose.yaml:4:39 services.b.networks.n"
	has "$err" "hint: give it another address"
	ok c down -t 0
}
t "an address that is taken: by whom, and where it is asked for" taken

options() {
	local p

	p=$(free_port)
	project opts <<-E
		services:
		  a: { image: busybox, command: payload http 80 a, ports: [ "$p:80" ], networks: [n] }
		  b: { image: busybox, command: payload http 80 b, networks: [n] }
		networks:
		  n:
		    driver_opts:
		      com.docker.network.driver.mtu: 1320
		      com.docker.network.bridge.enable_icc: "false"
		      com.docker.network.bridge.host_binding_ipv4: 127.0.0.1
		      com.docker.network.container_iface_prefix: lan
		      com.docker.network.bridge.name: br-mine
		      com.docker.network.bridge.gateway_mode_ipv4: nat
		      com.example.other: x
	E
	ok c up -d
	has "$err" "networks.n.driver_opts.com.docker.network.bridge.name has no effect: bridges live in a network namespace"
	has "$err" "(compose.yaml:11:7)"
	has "$err" "networks.n.driver_opts.com.example.other has no effect: no such option is known"
	is "$(grep -c 'has no effect' <<<"$err")" 2
	is "$(c exec -T a cat /sys/class/net/lan0/mtu)" 1320
	is "$(ss -Hltn "sport = :$p" | awk '{ print $4 }')" "127.0.0.1:$p"
	is "$(get "http://127.0.0.1:$p/")" a
	run c exec -T b timeout 3 wget -qO- http://a/
	[ "$rc" != 0 ] && [ -z "$out" ] || flunk "a container reaches another in spite of enable_icc: false"
	ok c down -t 0
}
t "driver_opts: carried out, or told to have no effect" options
done_testing

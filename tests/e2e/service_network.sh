#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A service's own say in its networks: addresses, interfaces, routes, resolvers, published ports in the long form.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

at() { cd "$W/nets"; . "$T/ports"; }
up() {
	printf 'A=%s B=%s U=%s\n' "$(free_port)" "$(free_port)" "$(free_port udp)" >"$T/ports"
	. "$T/ports"
	project nets <<-E
		services:
		  fixed:
		    image: busybox
		    command: payload http 80 fixed
		    mac_address: "02:00:00:00:00:11"
		    networks: { lan: { ipv4_address: 10.214.9.9, aliases: [one, two] } }
		    extra_hosts: ["told:192.0.2.7", "six=2001:db8::7", "gw:host-gateway"]
		    ports:
		      - { target: 80, published: "$A", host_ip: 127.0.0.1, protocol: tcp, mode: host, name: web, app_protocol: http }
		      - { target: 80, published: $B, host_ip: "::1" }
		  several:
		    image: busybox
		    command: payload udp-echo 5353
		    networks:
		      lan: { interface_name: inside, mac_address: "02:00:00:00:00:22" }
		      out: { gw_priority: 10, priority: 5 }
		      third: { priority: 9 }
		    ports: [ { target: 5353, published: "$U", host_ip: 127.0.0.1, protocol: udp } ]
		  asks:
		    image: busybox
		    command: sleep 1000
		    networks: [lan]
		    dns: [10.214.9.53]
		    dns_search: [corp.test, lab.test]
		    dns_opt: ["timeout:1", "attempts:1"]
		  host: { image: busybox, command: sleep 1000, network_mode: host, dns: 192.0.2.54, dns_search: . }
		  resolver: { image: busybox, command: sleep 1000, networks: { lan: { ipv4_address: 10.214.9.53 } } }
		networks:
		  lan: { ipam: { config: [ { subnet: 10.214.9.0/24 } ] } }
		  out: {}
		  third: {}
	E
	ok c up -d
}
t "up" up

# of SERVICE INTERFACE WORD: what stands behind it in `ip addr`
of() { c exec -T "$1" ip addr show "$2" | awk -v w="$3" '$1 == w { print $2 }'; }

addresses() {
	at
	is "$(of fixed eth0 inet)" 10.214.9.9/24
	is "$(of fixed eth0 link/ether)" 02:00:00:00:00:11
	is "$(of several inside link/ether)" 02:00:00:00:00:22
	for n in fixed one two; do has "$(c exec -T asks payload dns $n a)" 10.214.9.9; done
}
# observes: mac_address networks.*.ipv4_address networks.*.mac_address networks.*.aliases
t "addresses of its own: IPv4, MAC; aliases" addresses

subnet_of() { c exec -T several ip -o -4 addr show "$1" | awk '{ print $4 }' | cut -d. -f1-3; }
interfaces() {
	at
	is "$(c exec -T several ip -o -4 addr | awk '{ print $2 }' | sort | xargs)" "eth0 eth1 inside lo"
	is "$(subnet_of inside)" 10.214.9
	# third has the highest priority and comes first; the default route goes out where gw_priority is highest
	is "$(c exec -T several ip route | awk '$1 == "default" { print $5 }')" eth1
	has "$(c exec -T several payload dns several.nets_third a)" "$(subnet_of eth0)."
	has "$(c exec -T several payload dns several.nets_out a)" "$(subnet_of eth1)."
}
# observes: networks networks.*.interface_name networks.*.priority networks.*.gw_priority
t "interfaces: names, order, the default route" interfaces

# A resolver in the network of SERVICE, for a minute: whatever is asked for is at 192.0.2.99.
serve_names() {
	local pid

	pid=$(jq -r .pid "$COMPOSE_ROOT/projects/nets/$(c ps -q --no-trunc "$1")/status.json")
	nsenter -t "$pid" -n python3 - <<-'PY' &
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("10.214.9.53", 53))
		s.settimeout(60)
		while True:
		    q, who = s.recvfrom(512)
		    end = q.index(0, 12) + 5
		    s.sendto(q[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + q[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x05\0\4\xc0\0\2\x63", who)
	PY
}
answered() { c exec -T asks payload dns only.known.there a | grep -qx "192.0.2.99"; }
resolvers() {
	at
	ok c exec -T asks cat /etc/resolv.conf
	is "$(grep -v '^#' <<<"$out" | xargs)" "nameserver 127.0.0.11 search corp.test lab.test options ndots:0 timeout:1 attempts:1"
	if command -v python3 >/dev/null; then
		serve_names resolver
		soon 20 answered
		hasnt "$(c exec -T several payload dns only.known.there a)" 192.0.2.99
	fi
	ok c exec -T host cat /etc/resolv.conf
	has "$out" "nameserver 192.0.2.54"
	hasnt "$out" search
	ok c exec -T fixed cat /etc/hosts
	matches "$out" $'192.0.2.7\ttold'
	matches "$out" $'2001:db8::7\tsix'
	is "$(awk '$2 == "gw" { print $1 }' <<<"$out")" 10.214.9.1
}
# observes: dns dns_search dns_opt extra_hosts
t "resolvers, search list, options, names in /etc/hosts" resolvers

ports() {
	at
	is "$(get "http://127.0.0.1:$A/")" fixed
	is "$(get "http://[::1]:$B/")" fixed
	is "$(ss -Hltn "sport = :$A or sport = :$B" | awk '{ print $4 }' | sort | xargs)" "127.0.0.1:$A [::1]:$B"
	is "$(printf ping | timeout 5 bash -c "exec 3<>/dev/udp/127.0.0.1/$U; cat >&3; head -c 4 <&3")" ping
	is "$(ss -Hltn "sport = :$U")" ""
	is "$(field fixed '[.Publishers[] | "\(.URL) \(.TargetPort) \(.PublishedPort) \(.Protocol)"] | sort | join("/")')" \
		"127.0.0.1 80 $A tcp/::1 80 $B tcp"
	ok c down -t 0
}
# observes: ports ports[].target ports[].published ports[].host_ip ports[].protocol
t "ports in the long form" ports
done_testing

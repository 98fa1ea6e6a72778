#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Behaviours 1-32: networks, names, published ports.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/behaviours.inc
. "$TESTS/e2e/behaviours.inc" || exit
need root

# ---- names ----

r1() {
	a '' cat /etc/resolv.conf
	has "$out" "nameserver 127.0.0.11"
	matches "$out" '(^|'$'\n'')options .*ndots:0'
	is "$(sed -n 's/^search //p' <<<"$out")" "$(sed -n 's/^search //p' /etc/resolv.conf | tail -n 1)"
}
row 1 "resolv.conf names the resolver at 127.0.0.11, the host's search list, ndots:0" r1

r2() {
	u 'scale: 3' exec -T a sh -c 'for i in 1 2 3 4 5 6; do nslookup a; echo .; done'
	is "$(grep -c ^Address: <<<"$out")" 24 # each answer begins with the resolver's
	is "$(addresses "$out" | tr ' ' '\n' | sort -u | wc -l)" 3
	[ "$(awk '/^Name:/ && !seen { getline; print $2; seen = 1 } /^\./ { seen = 0 }' <<<"$out" | sort -u | wc -l)" -gt 1 ] ||
		flunk "always in one order: $out"
}
row 2 "a service's name has every replica's address, in changing order" r2

r3() {
	# shellcheck disable=SC2016
	u 'networks: {default: {aliases: [al]}}' exec -T a sh -c 'for n in t-a-1 a al $(hostname); do getent hosts $n; done'
	is "$(awk '{ print $2 }' <<<"$out" | head -n 3 | xargs)" "t-a-1 a al"
	is "$(awk '{ print $1 }' <<<"$out" | sort | uniq -c | awk '{ print $1 }')" 4
}
row 3 "container name, service, alias and short id are names" r3

r4() {
	y '{services: {
		a: {image: busybox, init: true, command: sleep 99, networks: {default: {aliases: [x]}}},
		b: {image: busybox, init: true, command: sleep 99, networks: {default: {aliases: [x]}}}}}' up -d
	ok C exec -T a nslookup x
	is "$(addresses "$out" | wc -w)" 2
}
row 4 "services may share an alias: it answers for all" r4

r5() {
	y '{services: {a: {image: busybox, init: true, hostname: foo, command: sleep 99}, b: {image: busybox}}}' up -d a
	fails 2 C run --rm -T b getent hosts foo
	is "$out" ""
	ok C run --rm -T b getent hosts a
}
row 5 "hostname: is no name for others" r5

r6() {
	y '{services: {
		a: {image: busybox, init: true, command: payload http 80 a, networks: [n1]},
		b: {image: busybox, networks: [n2]}}, networks: {n1: {}, n2: {}}}' up -d a
	fails 1 C run --rm -T b ping -c1 -W1 a
	has "$err" "bad address"
	run C run --rm -T b timeout 2 payload tcp "$(C exec -T a hostname -i)" 80 x
	[ "$rc" != 0 ]
	ok C exec -T a payload tcp a 80 "GET / HTTP/1.0"$'\r\n\r\n'
}
row 6 "no common network: no name, no way" r6

r7() {
	# shellcheck disable=SC2016
	u '' exec -T a sh -c 'nslookup $(hostname -i)'
	has "$out" "name = t-a-1.t_default"
}
row 7 "an address has the name CONTAINER.NETWORK" r7

r8() {
	u '' exec -T a payload dns a aaaa
	has "$out" NOERROR
	hasnt "$out" NXDOMAIN
	# what is no name of ours goes to dns:, here nobody's: an answer, but not ours
	run C exec -T a payload dns nosuch.example a
	hasnt "$out" NOERROR
}
row 8 "AAAA of a service is empty, not unknown" r8

r9() {
	a 'dns_search: [.], dns_opt: ["timeout:1"]' cat /etc/resolv.conf
	hasnt "$out" search
	has "$out" timeout:1
}
row 9 "dns_search: [.] is no search list; dns_opt is added" r9

r10() {
	u 'scale: 2' exec -T --index 2 a nslookup a
	is "$(addresses "$out" | wc -w)" 2
	ok C stop a
	ok C up -d --scale a=1
	ok C exec -T a nslookup a
	is "$(addresses "$out" | wc -w)" 1
}
row 10 "who stops leaves the names" r10

r11() {
	local id

	u '' exec -T a sh -c 'hostname; cat /etc/hostname'
	id=$(C ps -q | cut -c1-12)
	matches "$id" '^[0-9a-f]{12}$'
	is "$(xargs <<<"$out")" "$id $id"
}
row 11 "the host name is the short id" r11

r12() {
	local line

	a 'extra_hosts: ["h=1.2.3.4"]' sh -c 'cat /etc/hosts; echo; echo "$(hostname -i) $(hostname)"'
	out=$(tr -s '\t ' ' ' <<<"$out")
	for line in "127.0.0.1 localhost" "::1 localhost ip6-localhost ip6-loopback" "fe00::0 ip6-localnet" "ff00::0 ip6-mcastprefix" \
		"ff02::1 ip6-allnodes" "ff02::2 ip6-allrouters" "1.2.3.4 h"; do
		grep -qxF "$line" <<<"$out" || flunk "no line $line in" "$out"
	done
	is "$(grep -cxF "$(tail -n 1 <<<"$out")" <<<"$out")" 2
}
row 12 "/etc/hosts: the standard lines, extra_hosts, the container itself" r12

r13() {
	a 'extra_hosts: ["gw:host-gateway"]' sh -c 'getent hosts gw; ip route'
	is "$(awk '$2 == "gw" { print $1 }' <<<"$out")" "$(awk '/^default via/ { print $3 }' <<<"$out")"
	has "$out" "default via"
}
row 13 "host-gateway is the bridge's gateway" r13

r14() {
	a '' sh -c 'echo 1.1.1.1 q >>/etc/hosts && getent hosts q && cp /etc/hosts /h && mv /h /etc/hosts'
	has "$out" "1.1.1.1"
	has "$err" busy
	[ "$rc" != 0 ]
}
row 14 "/etc/hosts can be written, not replaced" r14

# ---- published ports ----

r15() {
	local p

	p=$(free_port)
	u "command: payload http 80 hi, ports: [\"$p:80\"]" ps
	is "$(listens tcp "$p")" "0.0.0.0:$p [::]:$p"
	is "$(get "http://127.0.0.1:$p/")" hi
	is "$(get "http://[::1]:$p/")" hi
}
row 15 "a published port listens on IPv4 and IPv6" r15

r16() {
	local p

	p=$(free_port)
	u "ports: [\"127.0.0.1:$p:80\"]" ps
	is "$(listens tcp "$p")" "127.0.0.1:$p"
}
row 16 "with an address, on that alone" r16

r17() {
	local p host

	p=$(free_port)
	u "command: payload http 80 Welcome, ports: [\"$p:80\"]" ps
	for host in localhost $(hostname -I | awk '{ print $1 }'); do
		is "$(get "http://$host:$p/")" Welcome
	done
	# from a container: of this network, and of another project
	C exec -T a ip route >"$T/route"
	ok C exec -T a timeout 5 wget -qO- "http://$(awk '/^default/ { print $3 }' "$T/route"):$p/"
	is "$out" Welcome
	# shellcheck disable=SC2016
	ok c -p t2 -f "$Y" run --rm -T --no-deps a sh -c 'timeout 5 wget -qO- "http://$(ip route | awk "/^default/ { print \$3 }"):'"$p"'/"'
	is "$out" Welcome
	ok c -p t2 -f "$Y" down
}
row 17 "a published port answers on this host, at its address, and in containers by their gateway" r17

r18() {
	u 'ports: [80], command: payload http 80 hi' port a 80
	matches "$out" '^0\.0\.0\.0:[0-9]{4,5}$'
	is "$(get "http://127.0.0.1:${out##*:}/")" hi
	ok C up -d --force-recreate
	ok C port a 80
	soon 10 get "http://127.0.0.1:${out##*:}/"
}
row 18 "a container port alone gets a port that is free" r18

r19() {
	local p

	p=$(free_port)
	while [ -n "$(listens tcp $((p + 1)))" ]; do p=$(free_port); done
	u "ports: [\"$p-$((p + 5)):80\"], scale: 2" ps --format '{{.Ports}}'
	is "$(grep -oE "0\.0\.0\.0:[0-9]+" <<<"$out" | sort | xargs)" "0.0.0.0:$p 0.0.0.0:$((p + 1))"
}
row 19 "replicas share a range of host ports" r19

r20() {
	local p

	p=$(free_port)
	y "{services: {a: {image: busybox, init: true, command: sleep 300, ports: [\"$p:80\"], scale: 2}}}" up -d
	is "$rc" 1
	has "$err" "port is already allocated"
	is "$(cd "$W/t" && c -p t ps -a --format json | jq -rs 'flatten | .[].State' | sort | xargs)" "created running"
}
row 20 "one host port for two replicas: the second fails, the first runs" r20

r21() {
	local p

	p=$(free_port udp)
	while [ -n "$(listens tcp "$p")" ]; do p=$(free_port udp); done
	u "ports: [\"$p:53/udp\"]" ps
	is "$(listens udp "$p")" "0.0.0.0:$p [::]:$p"
	is "$(listens tcp "$p")" ""
}
row 21 "udp ports are udp's alone" r21

# ---- modes ----

r22() {
	a 'network_mode: none' ip -o link
	is "$(awk -F': ' '{ print $2 }' <<<"$out" | xargs)" lo
}
row 22 "network_mode none: lo alone" r22

r23() {
	local p

	p=$(free_port)
	a 'network_mode: host' sh -c 'hostname; ls /sys/class/net'
	is "$(head -n 1 <<<"$out")" "$(hostname)"
	has "$(xargs <<<"$out")" "$(ip route get 192.0.2.1 | grep -o 'dev [^ ]*' | cut -c5-)"
	y "$(model "network_mode: host, ports: [\"$p:80\"]")" up -d
	is "$rc" 0
	matches "$err" 'services.a.ports: left out with network_mode: host.*compose.yaml:1:'
	is "$(listens tcp "$p")" ""
}
row 23 "network_mode host: the host's name and interfaces, ports are left out" r23

r24() {
	y '{services: {x: {image: busybox, init: true, command: payload http 80 Welcome}, b: {image: busybox, network_mode: "service:x"}}}' up -d x
	ok C run --rm -T b sh -c 'wget -qO- localhost; hostname -i; hostname'
	is "$out" "Welcome"$'\n'"$(C exec -T x sh -c 'hostname -i; hostname')"
}
row 24 "network_mode service:X: its address, its loopback, its host name" r24

r25() {
	local before

	y '{services: {x: {image: busybox, init: true, command: sleep 99}, b: {image: busybox, init: true, command: sleep 98, network_mode: "service:x"}}}' up -d
	before=$(C ps -q b)
	ok C up -d --force-recreate x
	has "$err" "b-1"
	[ "$(C ps -q b)" != "$before" ]
	is "$(C exec -T b hostname -i)" "$(C exec -T x hostname -i)"
}
row 25 "who shares X's network is made anew with X" r25

# ---- apart ----

r26() {
	u 'command: payload http 80 hi' exec -T a hostname -i
	fails 1 c -p t2 -f "$Y" run --rm -T a ping -c1 -W1 t-a-1
	has "$err" "bad address"
	run c -p t2 -f "$Y" run --rm -T a timeout 2 payload tcp "$(C exec -T a hostname -i)" 80 x
	[ "$rc" != 0 ]
	ok c -p t2 -f "$Y" down
}
row 26 "other projects are out of reach" r26

r27() {
	y '{services: {a: {image: busybox, networks: [n]}}, networks: {n: {internal: true}}}' run --rm -T a ip route get 198.51.100.1
	[ "$rc" != 0 ]
	has "$err" unreachable
}
row 27 "internal: no way out" r27

r28() {
	a 'networks: {default: {ipv4_address: 10.9.8.7}}' true
	[ "$rc" != 0 ]
	has "$err" "subnet"
	has "$err" "compose.yaml:1:"
	has "$err" "hint:"
}
row 28 "a static address needs a subnet in the file" r28

r29() {
	y '{services: {a: {image: busybox, networks: {n: {ipv4_address: 10.77.0.9}}}}, networks: {n: {ipam: {config: [{subnet: 10.77.0.0/24}]}}}}' \
		run --rm -T a sh -c 'hostname -i; ip route'
	is "$(head -n 1 <<<"$out")" 10.77.0.9
	has "$out" "default via 10.77.0.1"
}
row 29 "a static address, the gateway is .1" r29

r30() {
	y '{services: {a: {image: busybox, networks: {m: {priority: 1}, n: {gw_priority: 1}}}},
		networks: {m: {ipam: {config: [{subnet: 10.78.0.0/24}]}}, n: {ipam: {config: [{subnet: 10.79.0.0/24}]}}}}' \
		run --rm -T a sh -c 'ip -o -4 addr; ip route'
	has "$(awk '$2 == "eth0" { print $4 }' <<<"$out")" 10.78.0.
	has "$out" "default via 10.79.0.1"
}
row 30 "priority makes eth0, gw_priority the default route" r30

r31() {
	u '' exec -T a ip route
	grep -v default <<<"$out" | awk '{ print $1 }' >"$T/net1"
	ok c -p t2 -f "$Y" run --rm -T a ip route
	grep -v default <<<"$out" | awk '{ print $1 }' >"$T/net2"
	matches "$(cat "$T/net1" "$T/net2" | xargs)" '^[0-9./]+ [0-9./]+$'
	is "$(sort -u "$T/net1" "$T/net2" | wc -l)" 2
	ok c -p t2 -f "$Y" down
}
row 31 "projects have subnets of their own" r31

r32() {
	local p

	p=$(free_port)
	u "ports: [\"$p:80\"], command: httpd -f -h /etc -p 127.0.0.1:80" ps
	soon 10 C exec -T a wget -qO- http://127.0.0.1/passwd
	run curl -sS -m 5 "http://localhost:$p/passwd"
	[ "$rc" != 0 ] && [ "$rc" != 28 ] || flunk "curl: $rc $out"
}
row 32 "a service on its own loopback is not published" r32
rows_end

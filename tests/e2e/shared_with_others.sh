#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Namespaces of other containers: of a service, of a container of another project; /dev/shm goes with the IPC namespace. What
# becomes of it when the other one begins anew, is another one, or is not there.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

id_of() { c ps -aq --no-trunc "$@"; }
# ns SERVICE KIND: which namespace its first process is in
ns() { readlink "/proc/$(jq -r .pid "$COMPOSE_ROOT"/projects/*/"$(id_of "$1")/status.json")/ns/$2"; }
vpn() { c -f "$W/vpn/compose.yaml" "$@"; }
vpn_ns() { readlink "/proc/$(jq -r .pid "$COMPOSE_ROOT/projects/vpn/$(vpn ps -aq --no-trunc tun)/status.json")/ns/$1"; }

up() {
	project vpn <<-'E'
		services:
		  tun: { image: busybox, command: payload http 80 tunnel, container_name: the-tunnel, hostname: tunnel-host, shm_size: 3m }
		  db: { image: busybox, command: sleep 1000 }
	E
	ok c up -d
	project client <<-'E'
		services:
		  net: { image: busybox, command: sleep 1000, network_mode: "container:the-tunnel" }
		  pid: { image: busybox, command: sleep 1000, pid: "container:the-tunnel" }
		  ipc: { image: busybox, command: sleep 1000, ipc: "container:the-tunnel" }
	E
	ok c up -d
	is "$(ns net net) $(ns pid pid) $(ns ipc ipc)" "$(vpn_ns net) $(vpn_ns pid) $(vpn_ns ipc)"
	[ "$(ns pid net)" != "$(vpn_ns net)" ] || flunk "nothing but the pid namespace is shared by pid"
}
t "network_mode, pid and ipc: container:NAME of another project" up

seen() {
	cd client
	is "$(c exec -T net wget -qO- http://127.0.0.1/)" tunnel
	is "$(c exec -T net ip -o -4 addr show eth0 | awk '{ print $4 }')" "$(vpn exec -T tun ip -o -4 addr show eth0 | awk '{ print $4 }')"
	# names of the other's networks, its host name and hosts
	c exec -T net payload dns db a >/dev/null || flunk "the other's neighbours are not found"
	is "$(c exec -T net hostname)" tunnel-host
	is "$(c exec -T net cat /etc/hosts)" "$(vpn exec -T tun cat /etc/hosts)"
	has "$(c exec -T pid ps)" "payload http 80"
}
t "what is seen of the other: its server, addresses, names, processes" seen

shm_of_other() {
	cd client
	vpn exec -T tun sh -c 'echo hello >/dev/shm/x'
	is "$(c exec -T ipc cat /dev/shm/x)" hello
	is "$(c exec -T ipc df -k /dev/shm | awk 'END { print $2 }')" 3072
	c exec -T ipc sh -c 'echo back >/dev/shm/y'
	is "$(vpn exec -T tun cat /dev/shm/y)" back
	# as tight as it was, and not that of others
	for o in nosuid nodev noexec; do has "$(c exec -T ipc grep ' /dev/shm ' /proc/self/mountinfo)" $o; done
	is "$(c exec -T net ls /dev/shm)" ""
}
t "/dev/shm of a container of another project" shm_of_other

# The other one begins anew: what was shared is its last life's until `up` says so and mends it.
begins_anew() {
	local id

	cd client
	id=$(id_of net)
	ok vpn stop -t 0 tun
	# what is left of the old network has no address that somebody else may get
	is "$(c exec -T net ip -o -4 addr show eth0 2>/dev/null)" ""
	ok vpn start tun
	ok c --dry-run up -d
	has "$out" "container the-tunnel, whose namespaces it shares, has begun anew since"
	ok c up -d
	is "$(id_of net)" "$id"
	is "$(ns net net) $(ns ipc ipc)" "$(vpn_ns net) $(vpn_ns ipc)"
	is "$(c exec -T net wget -qO- http://127.0.0.1/)" tunnel
	ok c --dry-run up -d
	hasnt "$out" "stop"
	ok vpn up -d --force-recreate -t 0 tun
	ok c up -d
	has "$err" "the container whose namespaces it shares is gone"
	is "$(c exec -T net wget -qO- http://127.0.0.1/)" tunnel
	is "$(ns ipc ipc)" "$(vpn_ns ipc)"
}
t "the other one restarts, or is made anew: up mends it" begins_anew

not_there() {
	cd client
	ok c down -t 0
	ok vpn stop -t 0 tun
	fails 1 c up -d net
	has "$err" "container the-tunnel, whose net namespace client-net-1 shares, does not run"
	has "$err" "start service tun of project vpn first"
	ok c down
	ok vpn down -t 0
	fails 1 c up -d net
	has "$err" "there is no container the-tunnel"
	has "$err" "compose.yaml:2:"
	is "$(ls "$COMPOSE_ROOT/networks")" ""
}
t "it does not run; there is none of that name" not_there

# POSIX shared memory between services, with the owner's size.
shm_of_service() {
	project shm <<-'E'
		services:
		  owner: { image: busybox, command: sleep 1000, ipc: shareable, shm_size: 5m }
		  guest: { image: busybox, command: sleep 1000, ipc: "service:owner" }
		  own: { image: busybox, command: sleep 1000, ipc: "service:owner", tmpfs: ["/dev/shm:size=1m"] }
		  alone: { image: busybox, command: sleep 1000 }
	E
	ok c up -d
	c exec -T owner sh -c 'echo 1 >/dev/shm/sem'
	is "$(c exec -T guest cat /dev/shm/sem)" 1
	is "$(c exec -T guest stat -f -c '%T %b %S' /dev/shm)" "$(c exec -T owner stat -f -c '%T %b %S' /dev/shm)"
	is "$(c exec -T guest df -k /dev/shm | awk 'END { print $2 }')" 5120
	is "$(c exec -T own ls /dev/shm) $(c exec -T own df -k /dev/shm | awk 'END { print $2 }')" " 1024"
	is "$(c exec -T alone ls /dev/shm)" ""
	# the owner is restarted, and with it who shares: both see the new one
	ok c restart -t 0 owner
	is "$(c exec -T guest ls /dev/shm)" ""
	c exec -T guest touch /dev/shm/again
	c exec -T owner ls /dev/shm/again >/dev/null
	# it dies by itself and comes back
	ok c kill owner
	soon 10 test "$(c ps -aq --status exited owner)"
	ok c up -d
	c exec -T owner touch /dev/shm/third
	c exec -T guest ls /dev/shm/third >/dev/null
	ok c down -t 0
}
# observes: ipc shm_size
t "/dev/shm of another service, as large as the owner has it" shm_of_service
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Rights and namespaces: what a service adds to the default, and what it gives up.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

said() { c logs --no-color --no-log-prefix "$1"; }
# The line of `payload sysinfo` or `payload caps` with that name.
info() { said "$1" | awk -v k="$2" '$1 == k { print $2 }'; }
caps() { info "$1" CapPrm:; }
# The namespace of process 1 of a service, and of this shell.
ns() { c exec -T "$1" readlink "/proc/1/ns/$2"; }
host_ns() { readlink "/proc/self/ns/$1"; }

readonly DEFAULT=a80425fb
hex() { printf '%016x' "$1"; }

rights_up() {
	cat >"$W/deny.json" <<-'E'
		{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [ { "names": [ "mkdir", "mkdirat" ], "action": "SCMP_ACT_ERRNO", "errnoRet": 95 } ] }
	E
	project rights <<-'E'
		services:
		  plain: { image: busybox, command: payload sysinfo }
		  add: { image: busybox, cap_add: [NET_ADMIN, CAP_SYS_PTRACE, sys_time], command: payload caps }
		  drop: { image: busybox, cap_drop: [CHOWN, CAP_KILL, net_raw], command: payload caps }
		  only: { image: busybox, cap_drop: [ALL], cap_add: [NET_BIND_SERVICE], command: payload caps }
		  all: { image: busybox, cap_add: [ALL], cap_drop: [SYS_ADMIN], command: payload caps }
		  user: { image: busybox, user: "1000", cap_add: [NET_ADMIN], command: payload caps }
		  nnp: { image: busybox, security_opt: ["no-new-privileges:true"], command: payload caps }
		  nnp-bare: { image: busybox, security_opt: [no-new-privileges], command: payload caps }
		  nnp-not: { image: busybox, security_opt: ["no-new-privileges=false"], command: payload caps }
		  unconfined: { image: busybox, security_opt: ["seccomp=unconfined"], command: payload caps }
		  profile: { image: busybox, security_opt: ["seccomp:../deny.json", "apparmor=unconfined", "label=disable"], command: sh -c "mkdir /x; payload caps" }
		  paths: { image: busybox, security_opt: ["systempaths=unconfined"], command: sh -c "grep -E ' /(proc|sys)/' /proc/self/mountinfo | grep -v cgroup; true" }
		  masked: { image: busybox, command: sh -c "grep -E ' /(proc|sys)/' /proc/self/mountinfo | grep -vc cgroup" }
		  wrong-cap: { image: busybox, cap_add: [NO_SUCH], command: "true", profiles: [wrong] }
		  wrong-pid: { image: busybox, pid: "nothing", command: "true", profiles: [wrong] }
		  wrong-opt: { image: busybox, security_opt: [no-such], command: "true", profiles: [wrong] }
		  gone: { image: busybox, security_opt: ["seccomp=gone.json"], command: "true", profiles: [wrong] }
	E
	ok c up -d
	# shellcheck disable=SC2046
	ok c wait $(c config --services)
}
t "up" rights_up

capabilities() {
	cd "$W/rights"
	is "$(caps plain)" $(hex 0x$DEFAULT)
	is "$(caps add)" "$(hex $((0x$DEFAULT | 1 << 12 | 1 << 19 | 1 << 25)))"
	is "$(caps drop)" "$(hex $((0x$DEFAULT & ~(1 << 0 | 1 << 5 | 1 << 13))))"
	is "$(caps only)" "$(hex $((1 << 10)))"
	is "$(caps all)" "$(hex $((0x$(awk '/^CapBnd/ { print $2 }' /proc/self/status) & ~(1 << 21))))"
	for s in add drop only all; do
		is "$(info $s CapEff:)" "$(caps $s)"
		is "$(info $s CapBnd:)" "$(caps $s)"
		is "$(info $s CapAmb:)" "$(hex 0)"
	done
	is "$(caps user)" "$(hex 0)"
	is "$(info user CapBnd:)" "$(hex $((0x$DEFAULT | 1 << 12)))"
	fails 3 c up -d wrong-cap
	has "$err" NO_SUCH
	has "$err" compose.yaml:
}
# observes: cap_add cap_drop
t "cap_add and cap_drop: by any name, ALL, for a user that is not root" capabilities

options() {
	cd "$W/rights"
	is "$(info plain NoNewPrivs:) $(info nnp NoNewPrivs:) $(info nnp-bare NoNewPrivs:) $(info nnp-not NoNewPrivs:)" "0 1 1 0"
	is "$(info plain Seccomp:) $(info unconfined Seccomp:) $(info profile Seccomp:)" "2 0 2"
	has "$(said profile)" "mkdir: can't create directory '/x': Operation not supported"
	is "$(said paths)" ""
	[ "$(said masked)" -gt 8 ]
	fails 3 c up -d wrong-opt
	has "$err" "no-such"
	fails 1 c up -d gone
	has "$err" "gone.json"
	has "$err" "compose.yaml:18:"
	fails 3 c up -d wrong-pid
	has "$err" 'pid: nothing'
	ok c --profile wrong down -t 0
}
# observes: security_opt
t "security_opt: no-new-privileges, seccomp, apparmor, label, systempaths" options

spaces_up() {
	project spaces <<-'E'
		x-run: &run { image: busybox, command: sleep 1000 }
		services:
		  a: { <<: *run, ipc: shareable, hostname: a-host }
		  plain: { <<: *run, userns_mode: host, cgroup: private, ipc: private }
		  pid-a: { <<: *run, pid: "service:a" }
		  ipc-a: { <<: *run, ipc: "service:a" }
		  uts-a: { <<: *run, uts: "service:a" }
		  net-a: { <<: *run, network_mode: "service:a" }
		  host: { <<: *run, pid: host, ipc: host, uts: host, cgroup: host, network_mode: host }
		  no-shm: { <<: *run, ipc: none }
	E
	ok c up -d
}
t "up" spaces_up

spaces() {
	local k

	cd "$W/spaces"
	for k in pid ipc uts net cgroup mnt; do
		[ "$(ns plain $k)" != "$(host_ns $k)" ] || flunk "plain shares $k with the host"
		[ "$(ns plain $k)" != "$(ns a $k)" ] || flunk "plain shares $k with a"
	done
	is "$(ns plain user)" "$(host_ns user)"
	is "$(ns pid-a pid)" "$(ns a pid)"
	has "$(c exec -T pid-a ps -o args | sort | uniq -c | xargs)" "2 sleep 1000"
	is "$(ns ipc-a ipc)" "$(ns a ipc)"
	is "$(ns uts-a uts)" "$(ns a uts)"
	is "$(c exec -T uts-a hostname)" a-host
	is "$(ns net-a net)" "$(ns a net)"
	for k in pid ipc uts net cgroup; do is "$(c exec -T host readlink /proc/self/ns/$k)" "$(host_ns $k)"; done
	[ "$(c exec -T host readlink /proc/self/ns/mnt)" != "$(host_ns mnt)" ]
	is "$(c exec -T host hostname)" "$(hostname)"
	matches "$(c exec -T host cat /proc/self/cgroup)" "compose-$MARK/spaces/"
	is "$(c exec -T plain grep -v ':/$' /proc/self/cgroup)" ""
}
# observes: pid ipc uts cgroup userns_mode network_mode
t "namespaces: its own, another service's, the host's" spaces

# What outlives the first process goes with it, also where the kernel does not see to that; the other's own stays.
left_alone() {
	project left <<-'E'
		services:
		  a: { image: busybox, command: sleep 987650 }
		  beside: { image: busybox, pid: "service:a", command: sh -c "sleep 987651 & exit 3", depends_on: [a] }
		  host: { image: busybox, pid: host, command: sh -c "sleep 987652 & exit 4" }
	E
	ok c up -d
	soon 10 service_ended beside 3
	soon 10 service_ended host 4
	soon 10 only_the_others
	ok c down -t 0
}
only_the_others() { [ "$(our_processes | grep -o 'sleep 98765[0-9]' | xargs)" = "sleep 987650" ]; }
t "what outlives the first process ends with it, in whatever namespace" left_alone

shared_memory() {
	cd "$W/spaces"
	ok c exec -T a sh -c 'ipcmk -Q 2>/dev/null; echo x >/dev/shm/of-a'
	touch "/dev/shm/ct-$MARK"
	ok c exec -T host ls /dev/shm
	rm "/dev/shm/ct-$MARK"
	has "$out" "ct-$MARK"
	is "$(c exec -T plain ls /dev/shm)" ""
	is "$(c exec -T no-shm grep -c ' /dev/shm ' /proc/self/mountinfo)" 0
	ok c down -t 0
}
t "/dev/shm goes with the IPC namespace" shared_memory

devices_up() {
	project devs <<-E
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    devices:
		      - $W/devs/d1
		      - $W/devs/d2:/dev/short
		      - $W/devs/d3:/dev/read:r
		      - { source: $W/devs/d4, target: /dev/long/one, permissions: rw }
		  none: { image: busybox, command: sleep 1000 }
	E
	# numbers that no driver has: an open that is allowed ends with ENXIO, one that is not with EPERM
	for i in 1 2 3 4; do mknod d$i c 511 $i; done
	chmod 640 d2
	ok c up -d
}
t "up" devices_up

# may PATH r|w: what becomes of an attempt to open it
may() { c exec -T "${3-a}" sh -c "if [ $2 = r ]; then : <$1; else : >>$1; fi" 2>&1 | sed 's/.*: //'; }
devices() {
	local no="Operation not permitted" yes="No such device or address"

	cd "$W/devs"
	is "$(c exec -T a stat -c '%F %t:%T %a' "$W/devs/d1" /dev/short /dev/read /dev/long/one | xargs)" \
		"character special file 1ff:1 644 character special file 1ff:2 640 character special file 1ff:3 644 character special file 1ff:4 644"
	is "$(may "$W/devs/d1" r)/$(may "$W/devs/d1" w)" "$yes/$yes"
	is "$(may /dev/short w)" "$yes"
	is "$(may /dev/read r)/$(may /dev/read w)" "$yes/$no"
	is "$(may /dev/long/one r)/$(may /dev/long/one w)" "$yes/$yes"
	ok c exec -T none mknod /tmp/d1 c 511 1 # which all may, as with docker; opening it is another thing
	is "$(may /tmp/d1 r none)" "$no"
	sed -i "s|devs/d1|devs/compose.yaml|" compose.yaml
	run c up -d
	[ "$rc" != 0 ]
	has "$err" "compose.yaml is not a device"
	has "$err" "compose.yaml:6:"
	ok c down -t 0
}
# observes: devices devices[].source devices[].target devices[].permissions
t "devices: the nodes, and what may be done with them" devices

privileged_up() {
	project priv <<-'E'
		services:
		  a: { image: busybox, privileged: true, command: sleep 1000 }
		  b: { image: busybox, privileged: true, security_opt: [no-new-privileges], user: "1000", command: sleep 1000 }
		  ro: { image: busybox, read_only: true, volumes: ["data:/data"], tmpfs: [/t], command: sleep 1000 }
		volumes: { data: {} }
	E
	ok c up -d
}
t "up" privileged_up

privileged() {
	cd "$W/priv"
	ok c exec -T a payload caps
	is "$(awk '/^CapEff/ { print $2 }' <<<"$out")" "$(awk '/^CapBnd/ { print $2 }' /proc/self/status)"
	is "$(awk '/^Seccomp/ { print $2 }' <<<"$out")" 0
	is "$(c exec -T a sh -c 'grep -E " /(proc|sys)/" /proc/self/mountinfo | grep -v /sys/fs/cgroup; true')" ""
	ok c exec -T a sh -c 'mount -t tmpfs x /mnt && umount /mnt && mknod /tmp/d c 511 9'
	is "$(may /tmp/d r)" "No such device or address"
	matches "$(c exec -T a sh -c 'grep " /sys " /proc/self/mountinfo | cut -d" " -f6')" "^rw"
	# the devices of the host
	is "$(c exec -T a stat -c %t:%T /dev/kmsg /dev/mem 2>/dev/null | head -n 1)" "$(stat -c %t:%T /dev/kmsg)"
	is "$(c exec -T a sh -c 'stat -c %t:%T /dev/null; ls -A /dev/pts')" "$(printf '1:3\nptmx')"
	ok c exec -T b payload caps
	is "$(awk '/^(NoNewPrivs|CapEff)/ { print $2 }' <<<"$out" | xargs)" "$(hex 0) 1"
}
# observes: privileged
t "privileged: all capabilities, devices and paths, no filter" privileged

read_only() {
	cd "$W/priv"
	for f in /x /etc/x /etc/hosts /etc/hostname /etc/resolv.conf; do
		fails 1 c exec -T ro sh -c "echo x >>$f"
		has "$err" "Read-only file system"
	done
	ok c exec -T ro sh -c 'echo x >/data/x; echo x >/t/x; echo x >/dev/shm/x; echo x >/dev/null'
	matches "$(c exec -T ro sh -c 'grep " / / " /proc/self/mountinfo')" " ro,"
	ok c down -v -t 0
}
# observes: read_only
t "read_only: the root and the files made for it, not its volumes" read_only

sysctls() {
	project sysctls <<-'E'
		services:
		  a:
		    image: busybox
		    sysctls: { net.core.somaxconn: 77, kernel.msgmax: 9000, fs.mqueue.msg_max: "11", net.ipv4.ip_local_port_range: 30000 30100 }
		    command: sysctl -n net.core.somaxconn kernel.msgmax fs.mqueue.msg_max net.ipv4.ip_local_port_range net.ipv4.ip_unprivileged_port_start
		  list: { image: busybox, sysctls: ["net.core.somaxconn=78", "net.ipv4.ip_unprivileged_port_start=1024"], command: sysctl -n net.core.somaxconn net.ipv4.ip_unprivileged_port_start }
		  bad: { image: busybox, sysctls: { vm.swappiness: 7 }, command: "true", profiles: [bad] }
		  bad-host: { image: busybox, network_mode: host, sysctls: { net.core.somaxconn: 7 }, command: "true", profiles: [bad] }
	E
	before=$(cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax)
	ok c up -d
	ok c wait a list
	is "$(said a | xargs)" "77 9000 11 30000 30100 0"
	is "$(said list | xargs)" "78 1024"
	is "$(cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax)" "$before"
	fails 3 c up -d bad
	has "$err" "vm.swappiness is not in a namespace of its own"
	has "$err" "compose.yaml:7:"
	fails 3 c up -d bad-host
	has "$err" "net.core.somaxconn"
	ok c --profile bad down -t 0
}
# observes: sysctls
t "sysctls: of its own namespaces, none of the host's" sysctls
done_testing

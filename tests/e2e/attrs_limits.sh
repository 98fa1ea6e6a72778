#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a service may use, as the kernel has it: the files of its control group, on cgroup v1 and v2 alike.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

v2=$([ -e /sys/fs/cgroup/cgroup.controllers ] && echo 1)

# The group of a service's container in the hierarchy of a v1 controller (v2: the only one).
group() { # SERVICE CONTROLLER
	local id

	id=$(c ps -a -q --no-trunc "$1")
	find "/sys/fs/cgroup$([ -n "$v2" ] || echo "/$2")" -type d -name "$id" | head -n 1
}

# The content of the first of the files that there is.
limit_of() { # SERVICE CONTROLLER FILE...
	local dir f
	dir=$(group "$1" "$2")
	shift 2
	for f; do
		[ ! -e "$dir/$f" ] || { cat "$dir/$f"; return; }
	done
	echo "no $* in $dir" >&2
	return 1
}

# A block device that is nobody else's.
loop_disk() {
	truncate -s 8M "$W/disk.$1"
	losetup -f --show "$W/disk.$1" || skip "no loop device can be had"
}
number() { printf '%d:%d' "0x$(stat -c %t "$1")" "0x$(stat -c %T "$1")"; }

limits() {
	project limits <<-'E'
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    mem_limit: 64m
		    memswap_limit: 96m
		    mem_reservation: 32m
		    pids_limit: 77
		    cpu_shares: 512
		    cpu_quota: 25000
		    cpu_period: 50000
		    cpuset: "0"
		    oom_score_adj: 321
		    ulimits: { nofile: { soft: 111, hard: 222 } }
		  b:
		    image: busybox
		    command: sleep 1000
		    deploy:
		      resources:
		        limits: { cpus: "0.5", memory: 48M, pids: 66 }
		        reservations: { memory: 16M, cpus: "0.1" }
	E
	ok c up -d
	is "$(limit_of a memory memory.limit_in_bytes memory.max)" 67108864
	is "$(limit_of a pids pids.max)" 77
	is "$(limit_of a cpuset cpuset.cpus)" 0
	is "$(c exec -T a cat /proc/self/oom_score_adj)" 321
	is "$(c exec -T a sh -c 'ulimit -Sn; ulimit -Hn' | xargs)" "111 222"
	is "$(limit_of b memory memory.limit_in_bytes memory.max)" 50331648
	is "$(limit_of b pids pids.max)" 66
	if [ -n "$v2" ]; then
		is "$(limit_of a memory memory.low)" 33554432
		is "$(limit_of a cpu cpu.max)" "25000 50000"
		is "$(limit_of a cpu cpu.weight)" 20
		is "$(limit_of b cpu cpu.max)" "50000 100000"
		is "$(limit_of b memory memory.low)" 16777216
	else
		is "$(limit_of a memory memory.soft_limit_in_bytes)" 33554432
		is "$(limit_of a cpu cpu.cfs_quota_us) $(limit_of a cpu cpu.cfs_period_us)" "25000 50000"
		is "$(limit_of a cpu cpu.shares)" 512
		is "$(limit_of b cpu cpu.cfs_quota_us) $(limit_of b cpu cpu.cfs_period_us)" "50000 100000"
		is "$(limit_of b memory memory.soft_limit_in_bytes)" 16777216
	fi
	run limit_of a memory memory.memsw.limit_in_bytes memory.swap.max
	[ "$rc" != 0 ] || is "$out" "$([ -n "$v2" ] && echo 33554432 || echo 100663296)" # a kernel may not count swap
	ok c down -t 0
}
t "mem_limit, memswap_limit, mem_reservation, cpu_*, cpuset, pids_limit, oom_score_adj, ulimits, deploy.resources" limits

v1_only() {
	project v1only <<-'E'
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    mem_swappiness: 7
		    oom_kill_disable: true
		    scale: 2
	E
	ok c up -d
	if [ -n "$v2" ]; then
		has "$err" "compose.yaml:5:"
		has "$err" "services.a.mem_swappiness: only cgroup v1 has it: left out"
		has "$err" "services.a.oom_kill_disable: only cgroup v1 has it: left out"
		is "$(grep -c swappiness <<<"$err")" 1
	else
		hasnt "$err" swappiness
		is "$(c ps -a -q --no-trunc a | while read -r id; do
			cat "/sys/fs/cgroup/memory/compose-$MARK/v1only/$id/memory.swappiness"; done | xargs)" "7 7"
		has "$(c ps -q --no-trunc a | while read -r id; do
			cat "/sys/fs/cgroup/memory/compose-$MARK/v1only/$id/memory.oom_control"; done)" "oom_kill_disable 1"
	fi
	ok c down -t 0
	sed -i 's/mem_swappiness: 7/mem_swappiness: 101/' compose.yaml
	fails 3 c up -d
	has "$err" "compose.yaml:5:21"
	has "$err" "not within 0-100"
	ok c down -t 0
}
# observes: mem_swappiness oom_kill_disable
t "mem_swappiness and oom_kill_disable: on cgroup v1; on v2 left out with a warning" v1_only

realtime() {
	project rt <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, cpu_rt_runtime: 12ms, cpu_rt_period: "500000" }
	E
	if [ -n "$v2" ] || [ ! -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ]; then
		run c up -d
		is "$rc" 3
		has "$err" "compose.yaml:2:61"
		has "$err" "realtime processor time"
		is "$(c ps -a -q)" ""
	else
		ok c up -d
		is "$(limit_of a cpu cpu.rt_runtime_us) $(limit_of a cpu cpu.rt_period_us)" "12000 500000"
		ok c restart -t 0 # what its parents were given is taken again
		is "$(limit_of a cpu cpu.rt_runtime_us)" 12000
		is "$(cat "/sys/fs/cgroup/cpu/compose-$MARK/cpu.rt_runtime_us")" 24000
	fi
	ok c down -t 0
}
# observes: cpu_rt_runtime cpu_rt_period
t "cpu_rt_runtime and cpu_rt_period, refused where the kernel has no such groups" realtime

block_io() {
	local disk n
	disk=$(loop_disk io)
	n=$(number "$disk")
	project io <<-E
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    blkio_config:
		      weight: 300
		      device_read_bps: [{ path: $disk, rate: 1mb }]
		      device_write_bps: [{ path: $disk, rate: 2mb }]
		      device_read_iops: [{ path: $disk, rate: 30 }]
		      device_write_iops: [{ path: $disk, rate: 40 }]
	E
	ok c up -d
	if [ -n "$v2" ]; then
		is "$(limit_of a io io.max)" "$n rbps=1048576 wbps=2097152 riops=30 wiops=40"
	else
		is "$(limit_of a blkio blkio.throttle.read_bps_device)" "$n 1048576"
		is "$(limit_of a blkio blkio.throttle.write_bps_device)" "$n 2097152"
		is "$(limit_of a blkio blkio.throttle.read_iops_device)" "$n 30"
		is "$(limit_of a blkio blkio.throttle.write_iops_device)" "$n 40"
	fi
	if [[ $err == *"no weights"* ]]; then
		has "$err" "compose.yaml:6:"
	else
		matches "$(limit_of a blkio blkio.weight blkio.bfq.weight io.bfq.weight io.weight)" "(300|2930)"
	fi
	ok c down -t 0
	losetup -d "$disk"
}
# observes: blkio_config.weight blkio_config.device_read_bps[].path blkio_config.device_read_bps[].rate blkio_config.device_write_bps[].path blkio_config.device_write_bps[].rate
# observes: blkio_config.device_read_iops[].path blkio_config.device_read_iops[].rate blkio_config.device_write_iops[].path blkio_config.device_write_iops[].rate
t "blkio_config: weight and the limits of a device" block_io

# Of a device with a scheduler that knows weights, and of one without.
block_weight() {
	local disk n queue
	disk=$(loop_disk weight)
	n=$(number "$disk")
	queue=/sys/block/${disk##*/}/queue/scheduler
	grep -q bfq "$queue" || { losetup -d "$disk"; skip "this kernel has no bfq"; }
	project weight <<-E
		services:
		  a: { image: busybox, command: sleep 1000, blkio_config: { weight_device: [{ path: $disk, weight: 700 }] } }
	E
	echo none >"$queue"
	run c up -d
	[ "$rc" != 0 ] || flunk "a device without weights was taken"
	has "$err" "a scheduler that knows no weights"
	has "$err" "echo bfq"
	echo bfq >"$queue"
	ok c up -d
	has "$(limit_of a blkio blkio.bfq.weight_device io.bfq.weight)" "$n 700"
	ok c down -t 0
	echo none >"$queue"
	losetup -d "$disk"
}
# observes: blkio_config.weight_device[].path blkio_config.weight_device[].weight
t "blkio_config: the weight of a device" block_weight

no_disk() {
	project nodisk <<-'E'
		services:
		  a:
		    image: busybox
		    blkio_config: { device_read_bps: [{ path: /dev/null, rate: 1mb }] }
	E
	fails 3 c up -d
	has "$err" "compose.yaml:4:"
	has "$err" "/dev/null is not a block device of this host"
	is "$(c ps -a -q)" ""
	ok c down
}
t "blkio_config: what is no disk is refused with its place" no_disk

cgroup_parent() {
	local at=/sys/fs/cgroup/memory
	[ -z "$v2" ] || at=/sys/fs/cgroup
	mkdir -p "$at/parent-$MARK"
	project parent <<-E
		services:
		  a: { image: busybox, command: sleep 1000, cgroup_parent: /parent-$MARK/deep, mem_limit: 32m }
	E
	ok c up -d
	id=$(c ps -q --no-trunc a)
	is "$(group a memory)" "$at/parent-$MARK/deep/compose-$MARK/parent/$id"
	is "$(limit_of a memory memory.limit_in_bytes memory.max)" 33554432
	ok c top a
	has "$out" "sleep 1000"
	ok c stats --no-stream --format json a
	has "$out" 32MiB
	ok c exec -T a true
	ok c down -t 0
	[ ! -e "$at/parent-$MARK/deep/compose-$MARK" ] || flunk "the group is still there"
	[ -d "$at/parent-$MARK" ] || flunk "the parent is gone: it is not ours"
	find /sys/fs/cgroup -depth -type d -path "*/parent-$MARK*" -exec rmdir {} \; 2>/dev/null || true   # others' groups come and go
	sed -i 's,/parent[^,]*,../up,' compose.yaml
	fails 3 c up -d
	has "$err" "compose.yaml:2:"
	has "$err" "not a plain path"
	ok c down
}
# observes: cgroup_parent
t "cgroup_parent: the group is below it, and top, stats, exec and down know it" cgroup_parent

cgroup_namespace() {
	project cgns <<-'E'
		services:
		  private: { image: busybox, command: sleep 1000, cgroup: private }
		  host: { image: busybox, command: sleep 1000, cgroup: host }
	E
	ok c up -d
	is "$(c exec -T private cut -d: -f3 /proc/self/cgroup | sort -u)" /
	has "$(c exec -T host cat /proc/self/cgroup)" "/compose-$MARK/cgns/$(c ps -q --no-trunc host)"
	is "$(c exec -T host readlink /proc/self/ns/cgroup)" "$(readlink /proc/self/ns/cgroup)"
	[ "$(c exec -T private readlink /proc/self/ns/cgroup)" != "$(readlink /proc/self/ns/cgroup)" ] || flunk "the host's namespace"
	ok c down -t 0
	sed -i 's/cgroup: host/cgroup: shared/' compose.yaml
	fails 3 c config
	has "$err" "compose.yaml:3:"
}
t "cgroup: private and host" cgroup_namespace

device_rules() {
	project rules <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, device_cgroup_rules: ["c 10:229 rm", "b 7:* rwm"] }
		  b: { image: busybox, command: sleep 1000 }
	E
	ok c up -d
	# what is not permitted is not opened; whether the device is there is another matter
	try='mknod /tmp/f c 10 229; mknod /tmp/l b 7 3; for how in "</tmp/f" ">/tmp/f" "</tmp/l"; do
		why=$( (eval "exec 3$how") 2>&1); case $why in *permitted*) echo no ;; *) echo yes ;; esac; done'
	ok c exec -T a sh -c "$try"
	is "$(xargs <<<"$out")" "yes no yes"
	ok c exec -T b sh -c "$try"
	is "$(xargs <<<"$out")" "no no no"
	ok c down -t 0
	sed -i 's/c 10:229 rm/c 10:229/' compose.yaml
	fails 3 c up -d
	has "$err" "compose.yaml:2:"
	has "$err" "a rule such as"
}
# observes: device_cgroup_rules
t "device_cgroup_rules" device_rules

device_dir() {
	mkdir -p "$W/nodes/sub"
	mknod "$W/nodes/a" c 1 3
	mknod "$W/nodes/sub/b" c 1 5
	project nodes <<-E
		services:
		  a: { image: busybox, command: sleep 1000, devices: ["$W/nodes:/dev/mine:r"] }
		  b: { image: busybox, command: sleep 1000, privileged: true }
	E
	ok c up -d
	is "$(c exec -T a sh -c 'cd /dev/mine; stat -c "%n %t:%T" a sub/b' | xargs)" "a 1:3 sub/b 1:5"
	ok c exec -T b sh -c 'ls /dev'
	for n in loop-control kmsg; do
		[ ! -e /dev/$n ] || has " $(xargs <<<"$out") " " $n "
	done
	ok c down -t 0
	sed -i 's/mine:r"/mine:x"/' compose.yaml
	fails 3 c up -d
	has "$err" "compose.yaml:2:"
	has "$err" "letters of rwm"
	ok c down
}
t "devices: a directory of them; privileged has the host's" device_dir

host_users() {
	project users <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, userns_mode: host, isolation: default }
	E
	ok c up -d
	is "$(c exec -T a cat /proc/self/uid_map | xargs)" "$(xargs </proc/self/uid_map)"
	is "$(c exec -T a readlink /proc/self/ns/user)" "$(readlink /proc/self/ns/user)"
	ok c down -t 0
	sed -i 's/userns_mode: host/userns_mode: "keep-id"/; s/isolation: default/isolation: hyperv/' compose.yaml
	fails 3 c up -d
	has "$err" "userns_mode: keep-id"
	has "$err" "isolation: hyperv"
	has "$err" "compose.yaml:2:"
}
t "userns_mode: host, isolation: default; others are refused" host_users

runtimes() {
	project runtimes <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, runtime: io.containerd.runc.v2 }
		  b: { image: busybox, command: sleep 1000, runtime: compose }
	E
	ok c up -d
	has "$err" "compose.yaml:2:"
	has "$err" "services.a.runtime: the built-in runtime is used instead of io.containerd.runc.v2"
	hasnt "$err" services.b
	is "$(field a .State)" running
	ok c down -t 0
	sed -i 's/runtime: compose/runtime: nvidia/' compose.yaml
	fails 3 c up -d
	has "$err" "compose.yaml:3:"
	has "$err" 'the runtime "nvidia" is not supported'
	has "$err" "gpus: all"
	is "$(c ps -a -q)" ""
}
# observes: runtime
t "runtime: names of runc mean ours, with a warning; others are refused" runtimes

windows() {
	project windows <<-'E'
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    cpu_count: 2
		    cpu_percent: 50
		    credential_spec: { file: x.json }
	E
	ok c up -d
	for key in cpu_count cpu_percent credential_spec; do
		has "$err" "$key"
	done
	has "$err" "Windows"
	ok c down -t 0
}
t "cpu_count, cpu_percent, credential_spec: a warning" windows
done_testing

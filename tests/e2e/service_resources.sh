#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Limits as they stand in the control group files on the host, and those of the process itself.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

said() { c logs --no-color --no-log-prefix "$1"; }
readonly V2=/sys/fs/cgroup/cgroup.controllers
[ -e $V2 ] && v2=1 || v2=

# group CONTROLLER SERVICE: the directory on the host that holds its limits
group() {
	local pid

	pid=$(jq -r .pid "$COMPOSE_ROOT/projects/res/$(c ps -q --no-trunc "$2")/status.json")
	if [ $v2 ]; then
		echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")"
	else
		echo "/sys/fs/cgroup/$1$(awk -F: -v k="$1" '("," $2 ",") ~ ("," k ",") { print $3 }' "/proc/$pid/cgroup")"
	fi
}
# limit SERVICE CONTROLLER V1-FILE V2-FILE
limit() {
	local dir

	dir=$(group "$2" "$1")
	if [ $v2 ]; then cat "$dir/$4"; else cat "$dir/$3"; fi
}
# either V1 V2: what is wanted on this host
either() { if [ $v2 ]; then echo "$2"; else echo "$1"; fi; }
readonly M=1048576

up() {
	project res <<-'E'
		x-run: &run { image: busybox, command: sleep 1000 }
		services:
		  free: { <<: *run }
		  cpus: { <<: *run, cpus: 0.25 }
		  quota: { <<: *run, cpu_quota: 30000, cpu_period: 60000 }
		  shares: { <<: *run, cpu_shares: 512 }
		  set: { <<: *run, cpuset: "0" }
		  memory: { <<: *run, mem_limit: 64m, mem_reservation: 32m }
		  swap: { <<: *run, mem_limit: 64m, memswap_limit: 96m }
		  swap-free: { <<: *run, mem_limit: 64m, memswap_limit: -1 }
		  pids: { <<: *run, pids_limit: 33 }
		  pids-free: { <<: *run, pids_limit: -1 }
		  score: { <<: *run, oom_score_adj: 321 }
		  shm: { <<: *run, shm_size: 3m }
		  deploy: { <<: *run, deploy: { resources: { limits: { cpus: "0.5", memory: 48M, pids: 44 }, reservations: { memory: 24M, cpus: "0.1" } } } }
		  limits:
		    image: busybox
		    ulimits: { nofile: { soft: 100, hard: 200 }, nproc: 5000, core: { soft: 0, hard: -1 }, memlock: 65536, stack: 4194304 }
		    command: payload sysinfo
	E
	ok c up -d
	ok c wait limits
}
t "up" up

cpu() {
	cd "$W/res"
	if [ $v2 ]; then
		is "$(limit free cpu '' cpu.max)" "max 100000"
		is "$(limit cpus cpu '' cpu.max)" "25000 100000"
		is "$(limit quota cpu '' cpu.max)" "30000 60000"
		is "$(limit shares cpu '' cpu.weight)" 20
	else
		is "$(limit free cpu cpu.cfs_quota_us)" -1
		is "$(limit cpus cpu cpu.cfs_quota_us)/$(limit cpus cpu cpu.cfs_period_us)" 25000/100000
		is "$(limit quota cpu cpu.cfs_quota_us)/$(limit quota cpu cpu.cfs_period_us)" 30000/60000
		is "$(limit shares cpu cpu.shares)" 512
		is "$(limit free cpu cpu.shares)" 1024
	fi
	is "$(limit set cpuset cpuset.cpus cpuset.cpus)" 0
	is "$(c exec -T set awk '/^Cpus_allowed_list/ { print $2 }' /proc/1/status)" 0
}
# observes: cpus cpu_quota cpu_period cpu_shares cpuset
t "processors: cpus, quota and period, shares, which ones" cpu

memory() {
	cd "$W/res"
	is "$(limit memory memory memory.limit_in_bytes memory.max)" $((64 * M))
	is "$(limit memory memory memory.soft_limit_in_bytes memory.low)" $((32 * M))
	if limit free memory memory.memsw.limit_in_bytes memory.swap.max >/dev/null 2>&1; then # a kernel may not count swap
		is "$(limit memory memory memory.memsw.limit_in_bytes memory.swap.max)" "$(either $((128 * M)) $((64 * M)))"
		is "$(limit swap memory memory.memsw.limit_in_bytes memory.swap.max)" "$(either $((96 * M)) $((32 * M)))"
		is "$(limit swap-free memory memory.memsw.limit_in_bytes memory.swap.max)" "$(either 9223372036854771712 max)"
	fi
	is "$(limit free memory memory.limit_in_bytes memory.max)" "$(either 9223372036854771712 max)"
	is "$(c exec -T score cat /proc/1/oom_score_adj)/$(c exec -T free cat /proc/1/oom_score_adj)" 321/0
	is "$(c exec -T shm df -k /dev/shm | awk 'NR == 2 { print $2 }')/$(c exec -T free df -k /dev/shm | awk 'NR == 2 { print $2 }')" 3072/65536
}
# observes: mem_limit mem_reservation memswap_limit oom_score_adj shm_size
t "memory: limit, reservation, swap, who dies first, /dev/shm" memory

processes() {
	cd "$W/res"
	is "$(limit pids pids pids.max pids.max)" 33
	is "$(limit free pids pids.max pids.max)" max
	is "$(limit pids-free pids pids.max pids.max)" max
}
# observes: pids_limit
t "how many processes" processes

deploy() {
	cd "$W/res"
	is "$(limit deploy memory memory.limit_in_bytes memory.max)" $((48 * M))
	is "$(limit deploy memory memory.soft_limit_in_bytes memory.low)" $((24 * M))
	is "$(limit deploy pids pids.max pids.max)" 44
	if [ $v2 ]; then is "$(limit deploy cpu '' cpu.max)" "50000 100000"; else is "$(limit deploy cpu cpu.cfs_quota_us)" 50000; fi
}
# observes: deploy.resources.limits.cpus deploy.resources.limits.memory deploy.resources.limits.pids deploy.resources.reservations.memory
t "deploy.resources" deploy

of_process() {
	cd "$W/res"
	has "$(said limits)" "limit nofile 100 200"
	has "$(said limits)" "limit nproc 5000 5000"
	has "$(said limits)" "limit core 0 -1"
	has "$(said limits)" "limit memlock 65536 65536"
	has "$(said limits)" "limit stack 4194304 4194304"
	cat >wrong.yaml <<-'E'
		services: { free: { ulimits: { nosuch: 1 } } }
	E
	fails 3 c -f compose.yaml -f wrong.yaml up -d free
	has "$err" nosuch
	ok c down -t 0 --remove-orphans
}
# observes: ulimits ulimits.*.soft ulimits.*.hard
t "ulimits: one number, or soft and hard" of_process
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Behaviours 33-69: the process, its user, rights, environment, limits.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/behaviours.inc
. "$TESTS/e2e/behaviours.inc" || exit
need root

r33() {
	a '' ps
	is "$(awk 'NR > 1 { print $1, $3 }' <<<"$out")" "1 ps"
}
row 33 "the command is process 1, no shell in between" r33

r34() {
	# shellcheck disable=SC2016
	a '' sh -c 'echo $PATH; which true'
	is "$(head -n 1 <<<"$out")" /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	is "$(tail -n 1 <<<"$out")" /bin/true
}
row 34 "the usual PATH where the image has none" r34

r35() {
	a '' sh -c 'env; hostname'
	has "$out" "HOSTNAME=$(tail -n 1 <<<"$out")"
	has "$out" HOME=/root
	hasnt "$out" TERM=
	u 'init: false, tty: true, command: env' ps -a
	soon 10 logs_have_line TERM=xterm
}
logs_have_line() { C logs --no-log-prefix | tr -d '\r' | grep -qxF -- "$1"; }
row 35 "HOSTNAME and HOME are set, TERM with a terminal only" r35

r36() {
	a 'user: guest' id
	is "$out" "uid=405(guest) gid=100(users) groups=35(games),100(users)"
}
row 36 "a user's name gives its groups" r36

r37() {
	# shellcheck disable=SC2016
	a 'user: "1234"' sh -c 'id; echo $HOME'
	is "$out" "uid=1234 gid=0(root) groups=0(root)"$'\n'/
}
row 37 "a number that the image does not know: group 0, HOME=/" r37

r38() {
	a 'user: "0:5"' id
	is "$out" "uid=0(root) gid=5(tty) groups=5(tty)"
}
row 38 "user: UID:GID has no other groups" r38

r39() {
	a 'user: nosuch' true
	[ "$rc" != 0 ]
	has "$err" nosuch
	has "$err" passwd
}
row 39 "an unknown user is refused" r39

r40() {
	a 'group_add: [audio, "2000"]' id
	has "$out" "29(audio)"
	has "$out" ",2000"
}
row 40 "group_add by name and by number" r40

r41() {
	a '' grep CapEff /proc/self/status
	is "$(awk '{ print $2 }' <<<"$out")" 00000000a80425fb
}
row 41 "the 14 default capabilities" r41

r42() {
	a 'user: "1000"' grep Cap /proc/self/status
	is "$(awk '/CapEff|CapPrm|CapBnd/ { print $1 $2 }' <<<"$out" | xargs)" \
		"CapPrm:0000000000000000 CapEff:0000000000000000 CapBnd:00000000a80425fb"
}
row 42 "a user has no capabilities, but their bound" r42

r43() {
	a 'cap_drop: [ALL], cap_add: [NET_ADMIN]' grep CapEff /proc/self/status
	is "$(awk '{ print $2 }' <<<"$out")" 0000000000001000
}
row 43 "cap_drop ALL, then cap_add" r43

r44() {
	a '' sh -c 'grep ^Seccomp: /proc/self/status; unshare -m true'
	is "$(awk '{ print $2 }' <<<"$out")" 2
	has "$err" "Operation not permitted"
}
row 44 "the default filter of system calls" r44

r45() {
	a 'security_opt: ["no-new-privileges:true", "seccomp=unconfined"]' grep -E 'NoNewPrivs|Seccomp:' /proc/self/status
	is "$(awk '{ print $2 }' <<<"$out" | xargs)" "1 0"
}
row 45 "security_opt: no-new-privileges, seccomp=unconfined" r45

r46() {
	a '' sh -c 'for f in acpi asound interrupts kcore keys latency_stats sched_debug scsi timer_list timer_stats; do
		[ -d /proc/$f ] && ls -A /proc/$f
		[ -f /proc/$f ] && echo "a file: $f"
		[ -c /proc/$f ] && head -c 1 /proc/$f
	done; ls -A /sys/firmware; ls -A /sys/devices/virtual/powercap 2>/dev/null; echo end'
	is "$out" end
}
row 46 "masked paths are empty" r46

r47() {
	a '' sh -c 'for f in /proc/sys/vm/swappiness /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/power/state /sys/fs/cgroup/cgroup.procs; do
		(echo 1 >$f) && echo wrote $f
	done; mkdir /sys/fs/cgroup/x; true'
	is "$out" ""
	matches "$err" "swappiness: Read-only file system"
	matches "$err" "cgroup/x.*: Read-only file system"
}
row 47 "read-only paths" r47

r48() {
	# shellcheck disable=SC2016
	a 'privileged: true' sh -c 'grep CapEff /proc/self/status; mount -t tmpfs x /mnt && echo mounted; cd /dev && for f in *; do [ -c $f -o -b $f ] && echo $f; done'
	has "$out" mounted
	is "$(awk '/CapEff/ { print $2 }' <<<"$out")" "$(awk '/CapBnd/ { print $2 }' /proc/self/status)"
	# every device of the host, but the terminals
	(cd /dev && for f in *; do if [ -c "$f" ] || [ -b "$f" ]; then echo "$f"; fi; done) | grep -vE '^(console|fd|ptmx|std(in|out|err))$' | sort >"$T/host"
	is "$(sort <<<"$out" | comm -13 - "$T/host")" ""
}
row 48 "privileged: all capabilities, mounts, the host's devices" r48

r49() {
	a 'user: "1000"' sh -c 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start; payload ping 127.0.0.1; timeout 1 payload http 80 x; echo $?'
	is "$(xargs <<<"$out")" "0 reply listening on 80 143"
}
row 49 "a user may ping, and listen on low ports" r49

r50() {
	a '' ls -A /dev
	is "$(xargs <<<"$out")" "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
	u 'tty: true, init: false, command: ls -d /dev/console' ps -a
	soon 10 logs_have_line /dev/console
}
row 50 "the standard devices, console with a terminal" r50

r51() {
	a '' sh -c 'df -m /dev/shm | tail -n 1; stat -c %a /dev/shm'
	is "$(awk 'NR == 1 { print $2 } NR == 2' <<<"$out" | xargs)" "64 1777"
}
row 51 "/dev/shm of 64 MiB, for everybody" r51

r52() {
	a 'shm_size: 128m' df -m /dev/shm
	is "$(awk 'NR == 2 { print $2 }' <<<"$out")" 128
}
row 52 "shm_size" r52

r53() {
	a '' sh -c 'umask; cat /proc/self/oom_score_adj'
	is "$(xargs <<<"$out")" "0022 0"
}
row 53 "umask 0022, oom_score_adj 0" r53

r54() {
	a 'ulimits: {nofile: {soft: 100, hard: 200}}' sh -c 'ulimit -Sn; ulimit -Hn; ulimit -Ss'
	is "$(xargs <<<"$out")" "100 200 $(ulimit -Ss)"
}
row 54 "ulimits; the others are the caller's" r54

r55() {
	a 'working_dir: /x/y, user: "1000"' sh -c 'pwd; stat -c "%U %a" /x/y'
	is "$out" "/x/y"$'\n'"root 755"
}
row 55 "a missing working_dir is made, root's" r55

r56() {
	a '' sh -c 'echo o; echo e >&2'
	is "$out" o
	has "$err" e
}
row 56 "standard output and error stay apart" r56

r57() {
	u 'tty: true, init: false, command: sh -c "echo hi; echo error >&2"' ps -a
	soon 10 logs_have_line error
	C logs --no-log-prefix a 2>/dev/null | od -c >"$T/od"
	has "$(head -n 1 "$T/od")" 'h   i  \r  \n   e   r   r   o   r  \r  \n'
}
row 57 "with a terminal they are one, lines end with \\r\\n" r57

r58() {
	u 'command: cat' ps -a
	soon 10 service_is_ended a 0
}
service_is_ended() { is "$(cd "$W/t" && C ps -a --format '{{.State}} {{.ExitCode}}' "$1")" "exited $2"; }
row 58 "standard input is at its end" r58

r59() {
	a 'init: true' sh -c 'ps -o pid,comm | sed -n 2p; payload orphan'
	matches "$(head -n 1 <<<"$out")" ' 1 .*init'
	matches "$out" "reaped|yes|OK"
}
row 59 "init: true puts a reaper before the command" r59

# A process 1 without a handler cannot react: it is not waited for.
r60() {
	u 'init: false, stop_grace_period: 1000s' ps
	ok C stop
	has "$err" "Stopped (killed at once: process 1 has no handler for the stop signal)"
	service_is_ended a 137
	# one with a handler has its time
	u 'init: false, command: payload signal-report 7' ps
	soon 10 logs_have_something
	ok C stop
	hasnt "$err" "no handler"
	service_is_ended a 7
}
logs_have_something() { [ -n "$(C logs)" ]; }
differs 60 "Stopping does not wait in vain"
row 60 "a process 1 that cannot hear the stop signal is killed" r60

r61() {
	printf 'X=file\nY=file\n' >"$W/t/env"
	# shellcheck disable=SC2016
	a 'env_file: ./env, environment: {X: env}' sh -c 'echo $X $Y'
	is "$out" "env file"
}
row 61 "environment goes before env_file" r61

r62() {
	FOO=1 a 'environment: [FOO, BAR]' env
	is "$(grep -E 'FOO|BAR' <<<"$out")" FOO=1
}
row 62 "a key without a value is the caller's, or not there" r62

r63() {
	echo Q=1 >"$W/t/.env"
	# shellcheck disable=SC2016
	a 'command: [sh, -c, "env; echo seen ${Q}"]'
	rm "$W/t/.env"
	is "$(grep -c ^Q= <<<"$out")" 0
	has "$out" "seen 1"
}
row 63 ".env is for the file, not for the containers" r63

r64() {
	u 'init: false, command: echo a && echo b' ps -a
	soon 10 logs_have_line a
	is "$(C logs --no-log-prefix a)" a
}
row 64 "a string is split into words, no shell reads it" r64

r65() {
	# shellcheck disable=SC2016
	a 'command: [sh, -c, "echo $$HOME"]'
	is "$out" /root
}
row 65 "\$\$ is a dollar" r65

r66() {
	printf 'FROM busybox\nENTRYPOINT ["echo", "entry"]\nCMD ["cmd"]\n' >"$W/t/Dockerfile"
	y '{services: {a: {build: .}, b: {build: ., entrypoint: [echo, hi]}}}' build -q
	ok C run --rm -T a
	is "$out" "entry cmd"
	ok C run --rm -T b
	is "$out" hi
}
row 66 "an entrypoint drops the image's command" r66

# The same on both versions of control groups.
r67() {
	# shellcheck disable=SC2016
	a 'cpus: 0.5, pids_limit: 50, mem_limit: 64m' sh -c 'cd /sys/fs/cgroup
		if [ -e cgroup.controllers ]; then
			cat cpu.max pids.max memory.max
		else
			echo $(cat cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us); cat pids/pids.max memory/memory.limit_in_bytes
		fi'
	is "$(xargs <<<"$out")" "50000 100000 50 67108864"
}
row 67 "cpus, pids_limit, mem_limit in the control group" r67

r68() {
	a 'mem_limit: 20m' payload memhog 200 60
	is "$rc" 137
	u 'mem_limit: 20m, init: false, command: payload memhog 200 60' ps -a
	soon 20 service_is_ended a 137
	has "$(C ps -a)" OOM
}
row 68 "over the memory limit: 137, and it is said" r68

r69() {
	a 'sysctls: {kernel.panic: "1"}' true
	[ "$rc" != 0 ]
	has "$err" kernel.panic
	has "$err" namespace
	a 'sysctls: {net.core.somaxconn: "77"}' cat /proc/sys/net/core/somaxconn
	is "$out" 77
}
row 69 "sysctls of the host are refused" r69
rows_end

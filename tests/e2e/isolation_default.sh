#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a container gets when its service asks for nothing: seen from its first process, from exec, run and a healthcheck.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

readonly DEFAULT_CAPS=00000000a80425fb

up_once() {
	project iso <<-'E'
		services:
		  a:
		    image: busybox
		    command: sh -c "payload caps >/tmp/caps; payload fds >/tmp/fds; payload ticks 1000"
		    healthcheck: { test: "payload caps >/tmp/hcaps && payload fds >/tmp/hfds", interval: 1s, start_interval: 200ms, start_period: 5s }
		  other:
		    image: busybox
		    init: true
		    command: sh -c "payload caps >/tmp/caps; payload ticks 1000"
	E
	ok c up -d
	ls -l /proc/self/ns >"$T/ns"
}
t "up" up_once
in_a() { cd "$W/iso" && ok c exec -T a "$@"; }

# caps-file: what `payload caps` said
rights_of() {
	is "$(awk '/^CapPrm/ { print $2 }' <<<"$1")" $DEFAULT_CAPS
	is "$(awk '/^CapEff/ { print $2 }' <<<"$1")" $DEFAULT_CAPS
	is "$(awk '/^CapBnd/ { print $2 }' <<<"$1")" $DEFAULT_CAPS
	is "$(awk '/^CapInh/ { print $2 }' <<<"$1")" 0000000000000000
	is "$(awk '/^CapAmb/ { print $2 }' <<<"$1")" 0000000000000000
	is "$(awk '/^Seccomp/ { print $2 }' <<<"$1")" 2
}

rights() {
	soon 5 in_a cat /tmp/caps
	in_a cat /tmp/caps
	rights_of "$out"
	in_a payload caps
	rights_of "$out"
	soon 10 in_a cat /tmp/hfds
	in_a cat /tmp/hcaps
	rights_of "$out"
	ok c run --rm -T a payload caps
	rights_of "$out"
	ok c exec -T other cat /tmp/caps
	rights_of "$out"
	ok c exec -T --user 1000:1000 a payload caps
	is "$(awk '/^CapEff/ { print $2 }' <<<"$out")" 0000000000000000
	is "$(awk '/^CapPrm/ { print $2 }' <<<"$out")" 0000000000000000
	is "$(awk '/^CapBnd/ { print $2 }' <<<"$out")" $DEFAULT_CAPS
}
t "the default capabilities and the filter, however a process gets in" rights

descriptors() {
	for f in fds hfds; do
		in_a cat /tmp/$f
		is "$(awk '{ print $1 }' <<<"$out" | xargs)" "0 1 2"
	done
	in_a payload fds
	is "$(awk '{ print $1 }' <<<"$out" | xargs)" "0 1 2"
	ok c run --rm -T a payload fds
	is "$(awk '{ print $1 }' <<<"$out" | xargs)" "0 1 2"
	# not even when the caller leaks some
	exec 17</etc/passwd 23<"$T"
	in_a payload fds
	is "$(awk '{ print $1 }' <<<"$out" | xargs)" "0 1 2"
	ok c run --rm -T a payload fds
	is "$(awk '{ print $1 }' <<<"$out" | xargs)" "0 1 2"
	in_a sh -c 'ls -l /proc/1/fd'
	hasnt "$out" "$T"
}
t "no descriptor above 2, whatever the caller has open" descriptors

calls() {
	in_a payload syscall all
	cp "$T/out/out" "$T/exec"
	ok c run --rm -T a payload syscall all
	is "$out" "$(cat "$T/exec")"
	for call in mount umount2 remount pivot_root fsopen open_tree move_mount mount_setattr unshare-user unshare-mnt unshare-net \
		clone-user setns keyctl add_key request_key bpf perf_event_open userfaultfd io_uring_setup open_by_handle_at init_module \
		finit_module delete_module kexec_load reboot swapon acct syslog sethostname clock_settime quotactl kcmp open-disk; do
		grep -qx "$call EPERM" "$T/exec" || flunk "$call: $(grep "^$call " "$T/exec")"
	done
	in_a sh -c 'mount -t tmpfs x /mnt; unshare -m true; hostname other; dmesg; date -s 2000-01-01; true'
	hasnt "$out$err" "kernel:"
	in_a hostname
	hasnt "$out" other
	[ "$(date +%Y)" -gt 2020 ]
}
t "mount, unshare, keyctl, bpf and their like are refused" calls

alone() {
	local ns

	in_a payload sysinfo
	for ns in mnt pid net ipc uts cgroup; do
		hasnt "$(cat "$T/ns")" "$(awk -v n=$ns '$1 == "ns" && $2 == n { print $3 }' <<<"$out")"
	done
	is "$(awk '$1 == "if" { print $2 }' <<<"$out" | xargs)" "lo eth0"
	in_a sh -c 'ps -o pid,args | grep -v " ps \| sh -c"'
	is "$(awk '$1 == 1 { $1 = ""; print }' <<<"$out" | xargs)" "payload ticks 1000" # the shell execs its last command
	[ "$(wc -l <<<"$out")" -le 5 ] || flunk "other processes: $out"
	in_a cat /proc/1/cgroup
	hasnt "$out" compose
	in_a sh -c 'kill -0 $$ && ! kill -0 99999 2>/dev/null; ls -d /proc/[0-9]* | wc -l'
	[ "$out" -lt 12 ] || flunk "$out processes"
	ok c exec -T other sh -c 'ls -d /proc/[0-9]* | wc -l'
	[ "$out" -lt 12 ]
}
t "no process, interface or control group of the host is to be seen" alone

mounts() {
	in_a cat /proc/self/mountinfo
	is "$(awk '$5 == "/"' <<<"$out" | wc -l)" 1
	has "$(awk '$5 == "/"' <<<"$out")" " - overlay "
	hasnt "$(awk '{ print $5 }' <<<"$out")" "$T"
	is "$(awk '$5 !~ "^/(proc|sys|dev|etc)(/|$)" && $5 != "/"' <<<"$out")" ""
	hasnt "$(awk '{ for (i = 7; $i != "-"; i++) print $i }' <<<"$out")" "shared:"
	hasnt "$(awk '{ for (i = 7; $i != "-"; i++) print $i }' <<<"$out")" "master:"
	for m in /sys /sys/fs/cgroup /proc/sys /proc/bus /proc/irq; do
		matches "$(awk -v m=$m '$5 == m { print $6 }' <<<"$out")" '^ro,'
	done
	for m in /proc /sys /dev/shm /dev/mqueue; do
		has "$(awk -v m=$m '$5 == m { print $6 }' <<<"$out")" nosuid
		has "$(awk -v m=$m '$5 == m { print $6 }' <<<"$out")" nodev
		has "$(awk -v m=$m '$5 == m { print $6 }' <<<"$out")" noexec
	done
	in_a df -k /dev/shm
	has "$out" 65536
	# nothing mounted inside shows outside
	is "$(grep -c " /etc/hostname " /proc/self/mountinfo)" 0
}
t "only its own mounts, with the right flags" mounts

kernel_files() {
	in_a sh -c '
		for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/vm/swappiness /proc/sys/kernel/hostname \
			/proc/irq/default_smp_affinity /sys/kernel/mm/transparent_hugepage/enabled /sys/fs/cgroup/memory/tasks \
			/sys/fs/cgroup/cgroup.procs /sys/power/state /proc/kcore /proc/kmsg /sys/class/net/eth0/mtu; do
			[ "$(stat -c %t:%T $f 2>/dev/null)" = 1:3 ] && continue # masked by /dev/null, which takes everything
			( echo 1 >$f ) 2>/dev/null && echo "wrote $f"
		done
		for f in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts /proc/sched_debug /proc/latency_stats /proc/kmsg; do
			[ -n "$(timeout 1 head -c 1 $f 2>/dev/null)" ] && echo "read $f"
		done
		for d in /proc/acpi /proc/scsi /proc/asound /sys/firmware /sys/devices/virtual/powercap; do
			[ -n "$(ls -A $d 2>/dev/null)" ] && echo "listed $d"
		done
		mkdir /sys/fs/cgroup/x /sys/fs/cgroup/memory/x 2>/dev/null && echo "made a control group"
		true'
	is "$out" ""
}
t "kernel files can be neither written nor, where masked, read" kernel_files

devices() {
	in_a ls -A /dev
	is "$(xargs <<<"$out")" "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
	in_a sh -c 'mknod /tmp/mem c 1 1; mknod /tmp/disk b 254 0; mknod /tmp/kmsg c 1 11; head -c 1 /tmp/mem; head -c 1 /tmp/disk; head -c 1 /tmp/kmsg; echo end'
	is "$out" end
	in_a sh -c 'echo x >/dev/null; head -c 2 /dev/zero | wc -c; head -c 2 /dev/urandom | wc -c; echo x >/dev/full; true'
	is "$(xargs <<<"$out")" "2 2"
	has "$err" "No space left"
	in_a sh -c 'stat -c %a /dev/shm /tmp; umask'
	is "$(xargs <<<"$out")" "1777 1777 0022"
}
t "the standard devices and no others" devices

files_of_its_own() {
	in_a sh -c 'echo mine >/etc/mine; echo "1.2.3.4 extra" >>/etc/hosts; cat /etc/hostname; hostname'
	is "$(sed -n 1p <<<"$out")" "$(sed -n 2p <<<"$out")"
	[ ! -e /etc/mine ]
	is "$(grep extra /etc/hosts)" ""
	ok c exec -T other sh -c 'cat /etc/hosts; ls /etc'
	hasnt "$out" extra
	hasnt "$out" mine
	in_a cat /etc/hosts
	for line in "127.0.0.1 localhost" "::1 localhost ip6-localhost ip6-loopback" "ff02::1 ip6-allnodes"; do
		has "$(tr '\t' ' ' <<<"$out")" "$line"
	done
	in_a sh -c 'cp /etc/hosts /h; mv /h /etc/hosts; true'
	has "$err" busy
}
t "a file system of its own; /etc/hosts and hostname are made for it" files_of_its_own

# Directories of the installation are for root alone.
modes() {
	local d

	for d in "$COMPOSE_ROOT" "$COMPOSE_ROOT"/*/; do
		case $(stat -c %a "$d") in 700 | 710 | 711) ;; *) flunk "$d has mode $(stat -c %a "$d")" ;; esac
	done
	# no socket that another network namespace could reach by name
	is "$(grep '@.*compose' /proc/net/unix)" ""
}
t "what lies on disk is for root alone" modes

asked_for() {
	project asked <<-'E'
		services:
		  drop: { image: busybox, cap_drop: [ALL], cap_add: [NET_ADMIN], command: payload caps }
		  priv: { image: busybox, privileged: true, command: payload caps }
		  free: { image: busybox, security_opt: ["seccomp=unconfined", "no-new-privileges:true"], command: payload caps }
		  user: { image: busybox, user: "1000:1001", group_add: ["2000"], command: id }
		  ro: { image: busybox, read_only: true, tmpfs: [/t], command: sh -c "touch /x; touch /t/x && echo tmpfs-works; touch /dev/shm/x && echo shm-works" }
		  init: { image: busybox, init: true, command: payload orphan }
		  limits: { image: busybox, ulimits: { nofile: { soft: 100, hard: 200 }, nproc: 50 }, command: payload sysinfo }
		  sysctl: { image: busybox, sysctls: { net.core.somaxconn: 77 }, command: cat /proc/sys/net/core/somaxconn }
	E
	ok c run --rm -T drop
	is "$(awk '/^CapEff/ { print $2 }' <<<"$out")" 0000000000001000
	ok c run --rm -T priv
	is "$(awk '/^CapEff/ { print $2 }' <<<"$out")" "$(awk '/^CapBnd/ { print $2 }' /proc/self/status)"
	is "$(awk '/^Seccomp/ { print $2 }' <<<"$out")" 0
	ok c run --rm -T free
	is "$(awk '/^(Seccomp|NoNewPrivs)/ { print $2 }' <<<"$out" | xargs)" "1 0"
	ok c run --rm -T user
	is "$out" "uid=1000(app) gid=1001 groups=1001,2000"
	run c run --rm -T ro
	is "$(xargs <<<"$out")" "tmpfs-works shm-works"
	has "$err" "Read-only file system"
	ok c run --rm -T init
	matches "$out" "reaped|yes|OK"
	ok c run --rm -T limits
	has "$out" "limit nofile 100 200"
	has "$out" "limit nproc 50 50"
	ok c run --rm -T sysctl
	is "$out" 77
	ok c down -t 0
}
t "more or less, where the service asks for it" asked_for

down() {
	cd "$W/iso"
	ok c down -t 0
}
t "down" down
done_testing

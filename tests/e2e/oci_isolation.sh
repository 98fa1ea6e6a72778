#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Isolation of a default container, seen from inside; and what hostile images and processes try.
IMAGES=""
. "$(dirname "$0")/../lib.sh"
. "$TESTS/e2e/oci_bundle.inc"

rights() {
	bundle rights
	inside payload caps
	has "$out" "00000000a80425fb"
	inside grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status
	is "$(awk '{ print $1 $2 }' <<<"$out" | xargs)" "CapInh:0000000000000000 CapPrm:00000000a80425fb CapEff:00000000a80425fb CapBnd:00000000a80425fb CapAmb:0000000000000000 NoNewPrivs:0 Seccomp:2"
	inside payload fds
	is "$(wc -l <<<"$out")" 3
	jq '.process.noNewPrivileges = true' config.json >c && mv c config.json
	inside grep -E '^(Seccomp:|NoNewPrivs)' /proc/self/status
	is "$(awk '{ print $2 }' <<<"$out" | xargs)" "1 2"
}
t "exactly the 14 capabilities, a filter, three descriptors" rights

calls() {
	bundle calls
	inside payload syscall all
	for call in mount umount2 remount pivot_root fsopen open_tree move_mount mount_setattr unshare-user unshare-mnt unshare-net \
		clone-user setns keyctl add_key request_key bpf perf_event_open userfaultfd io_uring_setup open_by_handle_at \
		init_module finit_module delete_module kexec_load reboot swapon acct syslog sethostname clock_settime quotactl open-disk; do
		matches "$out" "(^|"$'\n'")$call[: ]+EPERM"
	done
	matches "$out" "clone3[: ]+ENOSYS"
}
t "mount, unshare, keyctl, bpf and their like are refused" calls

namespaces() {
	bundle namespaces
	for ns in mnt pid net ipc uts cgroup; do
		inside readlink /proc/self/ns/$ns
		[ "$out" != "$(readlink /proc/self/ns/$ns)" ] || flunk "shares the host's $ns namespace"
	done
	inside sh -c 'ps -o pid= | wc -l; ls /sys/class/net; cat /proc/self/cgroup'
	is "$(sed -n 2p <<<"$out")" lo
	[ "$(head -n 1 <<<"$out")" -le 4 ]
	hasnt "$out" compose
	inside cat /proc/self/mountinfo
	hasnt "$(cut -d' ' -f5 <<<"$out")" /tmp/ct
	is "$(awk '$5 == "/"' <<<"$out" | wc -l)" 1
	has "$(awk '$5 == "/sys"' <<<"$out")" "ro,nosuid,nodev,noexec"
	has "$(awk '$5 == "/sys/fs/cgroup"' <<<"$out")" "ro,nosuid,nodev,noexec"
	has "$(awk '$5 == "/proc"' <<<"$out")" "nosuid,nodev,noexec"
	has "$(awk '$5 == "/dev/shm"' <<<"$out")" "size=65536k"
	hasnt "$(awk '{ print $7, $8 }' <<<"$out")" "shared:"
	hasnt "$(awk '{ print $7, $8 }' <<<"$out")" "master:"
	inside sh -c 'ip -o addr show lo'
	has "$out" 127.0.0.1/8
}
t "no host process, mount, interface or group is visible" namespaces

protected() {
	bundle protected
	inside sh -c '
		for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/vm/drop_caches /proc/irq/default_smp_affinity \
			/sys/kernel/uevent_helper /sys/kernel/mm/transparent_hugepage/enabled /sys/fs/cgroup/x \
			/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cgroup.procs; do
			( echo 1 >$f ) 2>/dev/null && echo "wrote $f"
		done
		for f in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts /proc/sched_debug /proc/latency_stats; do
			[ -e $f ] && [ -n "$(head -c 1 $f 2>/dev/null)" ] && echo "read $f"
		done
		for d in /proc/acpi /proc/scsi /proc/asound /sys/firmware /sys/devices/virtual/powercap; do
			[ -n "$(ls -A $d 2>/dev/null)" ] && echo "listed $d"
		done
		true'
	is "$out" ""
	is "$rc" 0
}
t "kernel files can neither be written nor, where masked, read" protected

devices() {
	bundle devices
	inside sh -c 'cd /dev; ls -A | xargs; stat -c "%n %F %t:%T %a" null zero full random urandom tty; for l in fd stdin stdout stderr ptmx; do readlink $l; done'
	is "$(head -n 1 <<<"$out")" "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
	has "$out" "null character special file 1:3 666"
	has "$out" "urandom character special file 1:9 666"
	has "$out" $'/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx'
	inside sh -c 'echo x >/dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c; mknod /tmp/kmsg c 1 11 && cat /tmp/kmsg'
	is "$(xargs <<<"$out")" "4 4"
	has "$err" "not permitted"
	[ -c /dev/fuse ] || return 0
	bundle devices2 '.linux.resources.devices += [{allow: true, type: "c", major: 10, minor: 229, access: "r"}]
		| .linux.devices = [{path: "/dev/deep/fuse", type: "c", major: 10, minor: 229, fileMode: 256, uid: 1000, gid: 29}]'
	inside sh -c 'stat -c "%t:%T %a %u:%g" /dev/deep/fuse; : </dev/deep/fuse && echo readable; ( : >>/dev/deep/fuse )'
	is "$(xargs <<<"$out")" "a:e5 400 1000:29 readable"
	has "$err" "not permitted"
}
t "only the standard devices, and only these can be used" devices

# A directory outside with everything that could be hurt, and a fingerprint of it.
canary() {
	rm -rf "$T/canary"
	mkdir -p "$T/canary/sub"
	echo keep >"$T/canary/file"
	ln -s file "$T/canary/link"
	mknod "$T/canary/dev" c 1 3
	chmod 4755 "$T/canary/file"
}
fingerprint() { (cd "$T/canary" && find . -printf '%p %y %m %U:%G %s %T@ %C@ %l\n' | sort); }

hostile_root() {
	local dir was victim

	canary
	was=$(fingerprint)
	for dir in dev proc sys etc run tmp; do
		for victim in "$T/canary" "../../../../../../../..$T/canary"; do
			bundle "hostile-$dir"
			rm -rf root
			cp -a "$ROOTFS" root
			rm -rf "root/$dir"
			ln -s "$victim" "root/$dir"
			jq '.root.path = "root" | .process.cwd = "/etc/new/deep"
				| .mounts += [{destination: "/run/data", type: "tmpfs", options: ["size=1m"]},
					{destination: "/etc/hosts", type: "bind", source: "config.json", options: ["bind", "ro"]}]' config.json >c && mv c config.json
			inside sh -c 'echo inside >/etc/x; echo inside >/run/y; : >/dev/z; mkdir -p /tmp/w; true'
			case $dir in
			proc | sys) is "$rc" 1; has "$err" "link or file" ;;
			*) [ "$rc" = 0 ] || flunk "$dir: status $rc: $err" ;;
			esac
			is "$(fingerprint)" "$was"
		done
	done
}
t "an image with /dev, /proc, /sys, /etc as links changes nothing outside" hostile_root

hostile_files() {
	local was

	canary
	was=$(fingerprint)
	bundle files
	cp -a "$ROOTFS" root
	jq '.root.path = "root"' config.json >c && mv c config.json
	rm root/etc/passwd root/etc/group
	ln -s "$T/canary/file" root/etc/passwd
	mkfifo root/etc/group
	jq '.annotations["org.compose.user"] = "app"' config.json >c && mv c config.json
	inside id; has "$err" "not a regular file"
	rm root/etc/group
	inside id; has "$err" "user app is not in"
	rm root/etc/passwd
	mkdir root/etc/passwd
	inside id; has "$err" "not a regular file"
	rmdir root/etc/passwd
	truncate -s 1G root/etc/passwd
	inside id; has "$err" "larger than"
	rm root/etc/passwd
	{ printf 'app:x:1000:1000::/:\n'; head -c 1000000 /dev/zero | tr '\0' ':'; } >root/etc/passwd
	{ printf 'big:x:7:'; seq -s, 1000000; printf 'mine:x:8:a,app,b'; } >root/etc/group
	inside id -G; is "$(tr ' ' '\n' <<<"$out" | sort -n | xargs)" "8 1000"
	is "$(fingerprint)" "$was"
}
t "hostile user files are read inside, without blocking, up to a limit" hostile_files

workdir() {
	local n

	for n in $(seq 3 40) self; do
		bundle cwd
		jq --arg d "/proc/self/fd/$n" '.process.cwd = $d' config.json >c && mv c config.json
		inside sh -c 'ls -d . ; cat etc/hostname'
		[ "$rc" != 0 ] || flunk "cwd /proc/self/fd/$n: $out"
	done
	bundle cwd2
	args sleep 100
	ok oci run --detach cwd2 </dev/null
	for n in $(seq 3 40); do
		run oci exec --cwd "/proc/self/fd/$n" cwd2 pwd
		[ "$rc" != 0 ] || flunk "exec --cwd /proc/self/fd/$n: $out"
	done
	fails 1 oci exec --cwd /a/new/place cwd2 pwd
	has "$err" "/a/new/place"
	ok oci delete --force cwd2
}
t "a working directory cannot be a descriptor that leads outside" workdir

own_binary() {
	local was at

	at=$(realpath "$COMPOSE")
	was=$(sha256sum <"$at")
	bundle exe
	printf '#!/proc/self/exe\n' >"$ROOTFS/bin/self"
	chmod 755 "$ROOTFS/bin/self"
	inside self
	[ "$rc" != 0 ]
	inside /proc/self/exe --version
	args sh -c 'while :; do for p in /proc/[0-9]*; do ( : 3<>$p/exe && echo "wrote $p" ) 2>/dev/null; done; done'
	oci run --detach exe >"$W/exe-out" </dev/null
	for _ in $(seq 20); do run oci exec exe /proc/self/exe --help; run oci exec exe self; done
	ok oci delete --force exe
	# the shell's own busybox is the container's and may be written to
	hasnt "$(cat "$W/exe-out")" compose
	is "$(sha256sum <"$at")" "$was"
	rm "$ROOTFS/bin/self"
}
t "the program cannot be overwritten through /proc/self/exe" own_binary

peek() {
	bundle peek
	args sh -c 'while :; do for p in /proc/[0-9]*; do [ $p = /proc/1 ] || cat $p/environ $p/maps 2>/dev/null; ls $p/fd/ $p/cwd/ 2>/dev/null; done; done | grep -aE "/work|COMPOSE|compose-oci|/usr/lib/x86" '
	SECRET_OF_HOST=1 oci run --detach peek >"$W/peek-out" </dev/null
	for _ in $(seq 30); do run env COMPOSE_SECRET=1 "$COMPOSE" oci --root "$T/oci" exec peek true; done
	ok oci delete --force peek
	is "$(grep -ac 'COMPOSE\|compose' "$W/peek-out")" 0
}
t "a process on its way in cannot be looked into" peek

memory() {
	bundle memory '.linux.resources.memory = {limit: 33554432, swap: 33554432}'
	args sh -c 'payload memhog 200 1; echo "hog $?"; sleep 0.1; echo alive'
	run oci run memory
	has "$out" "hog 137"
	has "$out" alive
	inside payload memhog 200 1
	is "$rc" 137
	inside payload memhog 8 0
	is "$rc" 0
}
t "a memory hog is killed alone" memory

pids() {
	bundle pids '.linux.resources.pids = {limit: 20}'
	inside sh -c 'payload forkbomb 200; true'
	matches "$out$err" "EAGAIN|1[0-9] "
	hasnt "$out" 200
	is "$rc" 0
	is "$(pgrep -cf 'payload forkbomb 200')" 0
}
t "a fork bomb stops at the limit" pids

readonly_root() {
	bundle ro '.root.readonly = true | .process.cwd = "/made/for/it"
		| .mounts += [{destination: "/mnt", type: "tmpfs", options: ["tmpcopyup", "size=1m"]}]'
	inside sh -c 'pwd; ( : >/x ); : >/mnt/y && echo tmpfs'
	is "$out" $'/made/for/it\ntmpfs'
	has "$err" "Read-only"
	rm -r "$ROOTFS/made"
}
t "a read-only root is one" readonly_root

binds() {
	mkdir -p "$T/src/below"
	echo text >"$T/src/file"
	mount -t tmpfs none "$T/src/below"
	: >"$T/src/below/f"
	bundle binds
	jq --arg s "$T/src" '.mounts += [
		{destination: "/a", type: "bind", source: $s, options: ["rbind", "rro"]},
		{destination: "/b", type: "bind", source: $s, options: ["bind", "nosuid", "noexec"]},
		{destination: "/c/d/file", type: "bind", source: ($s + "/file"), options: ["bind", "ro"]}]' config.json >c && mv c config.json
	inside sh -c 'ls /a/below /b/below; ( : >/a/x ); ( : >/a/below/x ); ( : >/c/d/file ); cat /c/d/file; : >/b/new && echo wrote; grep -c " /a/below ro" /proc/self/mountinfo || grep " /a/below " /proc/self/mountinfo'
	has "$out" $'/a/below:\nf'
	has "$out" text
	has "$out" wrote
	is "$(grep -c Read-only <<<"$err")" 3
	[ -e "$T/src/new" ]
	umount "$T/src/below"
}
t "bind mounts: recursive, read-only all the way, single files" binds

seccomp_profile() {
	bundle profile 'del(.annotations["org.compose.seccomp"]) | .linux.seccomp = {
		defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
		syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28},
			{names: ["kill"], action: "SCMP_ACT_ERRNO", args: [{index: 1, value: 10, op: "SCMP_CMP_EQ"}]}]}'
	inside sh -c 'mkdir /tmp/q; kill -USR1 $$; kill -0 $$ && echo other'
	has "$err" "No space left"
	has "$err" "not permitted"
	is "$out" other
	bundle unconfined 'del(.annotations["org.compose.seccomp"])'
	inside grep '^Seccomp:' /proc/self/status
	is "$(awk '{ print $2 }' <<<"$out")" 0
}
t "a bundle's own seccomp profile is honoured" seccomp_profile

user_namespace() {
	bundle userns '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
	chmod 711 "$T" "$W"
	inside sh -c 'cat /proc/self/uid_map | xargs; id -u; echo x >/dev/null && ls -l /dev/null; echo 1 >/proc/sys/kernel/core_pattern'
	has "$out" "0 100000 65536"
	has "$out" "1,   3"
	[ "$rc" != 0 ]
}
t "with a user namespace the root inside is nobody outside" user_namespace

# Something that shares a volume with the container exchanges a directory and a link to the outside, as fast as it can.
racer() {
	cat >"$T/racer.py" <<-'E'
		import ctypes, os, sys
		libc = ctypes.CDLL(None)
		os.chdir(sys.argv[1])
		while True:
		    libc.syscall(316, -100, b"dir", -100, b"link", 2)   # renameat2, RENAME_EXCHANGE
	E
	python3 "$T/racer.py" "$T/vol" &
}

exchange() {
	local was n good=0

	[ "$(uname -m)" = x86_64 ] && command -v python3 >/dev/null || skip "needs python3 on x86-64"
	canary
	mkdir -p "$T/vol/dir/deep" "$T/canary/deep" "$T/vol/devdir"
	ln -s "../../../../../../../..$T/canary" "$T/vol/link"
	was=$(fingerprint)
	bundle race
	jq --arg v "$T/vol" '.mounts += [
		{destination: "/vol", type: "bind", source: $v, options: ["rbind"]},
		{destination: "/vol/dir/deep", type: "tmpfs", options: ["size=1m"]},
		{destination: "/vol/dir/conf", type: "bind", source: "config.json", options: ["bind", "ro"]},
		{destination: "/vol/dir/new/er", type: "tmpfs", options: ["size=1m"]}]
		| .linux.maskedPaths += ["/vol/dir/file"] | .linux.readonlyPaths += ["/vol/dir/sub"]
		| .process.cwd = "/vol/dir/made"' config.json >c && mv c config.json
	racer
	for n in $(seq 60); do
		inside sh -c ': >deep-inside; : >/vol/dir/deep/x; pwd'
		[ "$rc" != 0 ] || good=$((good + 1))
	done
	echo "$good of 60 ran"
	[ "$good" -gt 0 ]
	is "$(fingerprint)" "$was"
}
limit=120 t "a directory exchanged for a link while it is mounted on leads nowhere" exchange

cleanup_groups
done_testing

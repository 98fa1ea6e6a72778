#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vm_guest.sh - the first process of the emulated machine (see tests/vm/cgroup2.sh): mounts what a host has, runs the tests, switches off.
# The program and the tests are in /src, read-only; results go to the second serial line.
[ $$ = 1 ] || { echo "vm_guest.sh: this is the first process of a machine that it switches off" >&2; exit 2; }
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=755 run /run
mount -t securityfs none /sys/kernel/security 2>/dev/null
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
[ -e /dev/stdin ] || ln -s /proc/self/fd/0 /dev/stdin
[ -e /dev/stdout ] || ln -s /proc/self/fd/1 /dev/stdout
ip link set lo up
hostname vm
for m in loop overlay bfq quota_v2; do modprobe -q $m; done
mount -o remount,rw / 2>/dev/null
mkdir -p /root/.cache
ln -sfn /src/cache /root/.cache/compose-tests
export O=/src/build TEST_SLOW=${TEST_SLOW:-8} STRICT=1 TERM=linux

off() {
	sync
	echo o >/proc/sysrq-trigger
	sleep 60
}
if [ -e /src/shell ]; then
	setsid bash -c 'exec bash </dev/ttyS0 >/dev/ttyS0 2>&1'
	off
fi
exec >/dev/ttyS1 2>&1
stty -F /dev/ttyS1 -opost 2>/dev/null
cd /src || off
. /src/env
while read -r f; do
	case $f in unit/*) program=/src/build/tests/$f ;; *) program=/src/tests/$f ;; esac
	echo "### begin $f"
	if [ -x "$program" ]; then
		timeout -k 20 "${FILE_LIMIT:-600}" "$program" </dev/null
		code=$?
		[ $code != 124 ] || { ps -eo pid,ppid,stat,wchan:20,args; dmesg | tail -n 20; } | sed 's/^/# /'
		echo "### end $f $code"
	else
		echo "### end $f 127"
	fi
	echo "# $f: $SECONDS s since the start"
done <files
echo "### all"
off

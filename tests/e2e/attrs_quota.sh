#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# storage_opt size: what a container writes over its image has a limit, where the file system has project quotas.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

# An installation on a file system of its own. A mount namespace keeps it the test's.
on_disk() { # FUNCTION MOUNT-OPTIONS MKFS-OPTION...
	local what=$1 how=$2
	shift 2
	truncate -s 200M "$W/quota.img"
	mkfs.ext4 -q -F "$@" "$W/quota.img"
	mkdir -p "$W/disk"
	mount -o "loop,$how" "$W/quota.img" "$W/disk" || skip "this kernel has no project quotas"
	export COMPOSE_ROOT=$W/disk/root
	image busybox
	"$what"
	soon 10 umount "$W/disk" # the keeper may still be on its way out
}

sized() {
	project sized <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, storage_opt: { size: 16m }, volumes: ["v:/v"] }
		  b: { image: busybox, command: sleep 1000 }
		volumes: { v: {} }
	E
	ok c up -d
	run c exec -T a dd if=/dev/zero of=/big bs=1M count=24
	[ "$rc" != 0 ] || flunk "24 MiB went into 16"
	matches "$err" "(No space left|quota exceeded)"
	size=$(c exec -T a stat -c %s /big)
	[ "$size" -gt $((12 << 20)) ] && [ "$size" -le $((16 << 20)) ] || flunk "it has $size bytes"
	ok c exec -T a dd if=/dev/zero of=/v/big bs=1M count=20 # a volume is no part of it
	ok c exec -T b dd if=/dev/zero of=/big bs=1M count=24
	ok c exec -T a rm /big
	ok c exec -T a dd if=/dev/zero of=/big bs=1M count=8
	ok c down -v -t 0
}
quota() { on_disk sized prjquota -O quota,project -E quotatype=prjquota; }
# observes: storage_opt
t "storage_opt size: a limit for what the container writes" quota

refused() {
	project unsized <<-'E'
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    storage_opt: { size: 16m }
	E
	fails 3 c up -d
	has "$err" "compose.yaml:5:"
	has "$err" "no project quotas that are on"
	has "$err" prjquota
	is "$(c ps -a -q)" ""
	ok c down
	sed -i 's/size: 16m/dm.basesize: 10g/' compose.yaml
	fails 3 c up -d
	has "$err" "compose.yaml:5:"
	has "$err" 'storage_opt has no option "dm.basesize"'
}
no_quota() { on_disk refused defaults -O ^quota; }
t "storage_opt size: refused where the file system has no quotas" no_quota
done_testing

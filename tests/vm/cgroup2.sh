#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cgroup2.sh - tests of control groups, namespaces and devices again, on Debian's own kernel with cgroup v2, in an emulated machine.
#
# usage: tests/vm/cgroup2.sh [FILE...]      default: the list below; make check-vm calls it through tests/run.sh
#
# Prints the TAP of all of them as one.  The machine is qemu-system-x86_64 in software, so that it needs nothing of the host:
# a root file system and a kernel of Debian's packages (made once, kept in the cache), the program and the tests on a second disk.
# The first serial line is the kernel's (in $O/vm/console), the second carries the results.
#
#	O                   build directory (build)       COMPOSE_TEST_CACHE  where the machine's disk is kept
#	MUST_RUN=1          skipped is failed             VM_SECONDS          time for all of it (1500); then the rest is skipped
#	VM_FILE_LIMIT=SECONDS  for one file there (600)   TEST_ONLY=RE        as in tests/lib.sh
#	VM_SHELL=1          a shell in the machine instead of the tests
set -u

here=$(cd "$(dirname "$0")" && pwd)
tests=$(dirname "$here")
top=$(dirname "$tests")
O=${O:-build}
case $O in /*) ;; *) O=$top/$O ;; esac
cache=${COMPOSE_TEST_CACHE:-$HOME/.cache/compose-tests}
seconds=${VM_SECONDS:-1500}

files=("$@")
[ $# -gt 0 ] || files=(unit/runtime_cgroup e2e/attrs_limits.sh e2e/attrs_quota.sh e2e/isolation_default.sh
	e2e/isolation_limits.sh e2e/oci_isolation.sh)

# What the program and the tests need there; no compiler: what is built comes along.
packages="bash busybox-static curl diffutils e2fsprogs git iproute2 jq kmod libarchive13 libcap2 libcurl4 libjansson4 libmnl0
	libnftables1 libseccomp2 libssl3 libyaml-0-2 nftables openssl procps socat util-linux"
packages=$(xargs <<<"$packages")

skip() {
	if [ "${MUST_RUN-}" = 1 ]; then
		printf '1..1\nnot ok 1 - skipped (%s) although MUST_RUN=1\n' "$*"
		exit 1
	fi
	echo "1..0 # SKIP $*"
	exit 0
}
say() { echo "# $*"; }

[ "$(id -u)" = 0 ] || skip "needs root, to make the machine's disk"
[ "$(uname -m)" = x86_64 ] || skip "the machine is an x86-64 one"
for cmd in qemu-system-x86_64 mke2fs cpio; do
	command -v $cmd >/dev/null || skip "needs the program $cmd (tests/tools/deps.sh --vm installs it)"
done
[ -x "$O/compose" ] || { echo "Bail out! no program at $O/compose (run make)"; exit 1; }

tmp=$(mktemp -d /tmp/ctvm.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$O/vm" "$cache"

# ---- the machine's disk and its kernel, once ----

kernel=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p' | head -n 1)
[ -n "$kernel" ] || skip "apt knows no package linux-image-cloud-amd64"
key=$(printf '2 %s %s' "$packages" "$kernel" | cksum | cut -d' ' -f1)
disk=$cache/vm-$key/disk
linux=$cache/vm-$key/linux
first=$cache/vm-$key/first

# The kernel has ext4 in it, but its disk is a module: a first root that loads it.
make_initrd() {
	cat >"$first/init" <<-E
		#!/busybox sh
		/busybox mount -t devtmpfs none /dev
		for m in $modules; do
			/busybox insmod /mods/\$m.ko
		done
		i=0
		while [ ! -b /dev/vdb ] && [ \$i -lt 100 ]; do /busybox sleep 0.1; i=\$((i + 1)); done
		/busybox mount -t ext4 /dev/vda /new
		/busybox mount -o move /dev /new/dev
		exec /busybox switch_root /new /sbin/vm-init
	E
	chmod 755 "$first/init"
	(cd "$first" && find . | cpio -o -H newc --quiet) >"$tmp/initrd"
}

make_disk() {
	local root=$tmp/root m
	say "making the machine's disk from Debian's packages (some minutes, once)"
	mkdir "$root" "$tmp/kernel"
	"$tests/tools/mkbase.sh" -p "$packages" "$tmp/root.tar" >"$tmp/log" 2>&1 || return
	(cd "$tmp" && apt-get -q download "$kernel") >>"$tmp/log" 2>&1 || return
	dpkg-deb -x "$tmp/$kernel"_*.deb "$tmp/kernel" && tar -C "$root" -xf "$tmp/root.tar" || return
	rm -rf "$cache"/vm-*
	mkdir -p "$first/mods" "$first/new" "$first/dev"
	cp "$root/bin/busybox" "$first/busybox"
	for m in $modules; do
		find "$tmp/kernel/lib/modules" -name "$m.ko" -exec cp {} "$first/mods/" \;
	done
	cp -a "$tmp/kernel/lib/modules" "$root/lib/"
	chroot "$root" depmod "$(ls "$tmp/kernel/lib/modules")" || return
	printf '#!/bin/bash\nmount -t ext4 -o ro /dev/vdb /src && exec /src/init\n' >"$root/sbin/vm-init"
	chmod 755 "$root/sbin/vm-init"
	mkdir -p "$root/src"
	cp "$tmp"/kernel/boot/vmlinuz-* "$linux"
	mke2fs -q -t ext4 -O ^has_journal -d "$root" "$disk.$$" 1500M >>"$tmp/log" 2>&1 && mv "$disk.$$" "$disk"
	rm -rf "$root" "$tmp/root.tar"
}
modules="virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk"
if [ ! -s "$disk" ]; then
	make_disk || { sed 's/^/# /' "$tmp/log"; skip "the machine's disk cannot be made from Debian's archive"; }
fi

# ---- the program and the tests ----

make_source() {
	local src=$tmp/src f
	mkdir -p "$src/build/tests/unit" "$src/cache"
	cp "$O/compose" "$src/build/" && ln -s compose "$src/build/compose-oci"
	cp -a "$tests" "$src/tests" && ln -s tests/tools/vm_guest.sh "$src/init"
	rm -rf "$src/tests/golden" "$src/tests/fuzz"
	cc -std=gnu11 -D_GNU_SOURCE -O2 -o "$src/build/tests/reap" "$tests/tools/reap.c" || return
	for f in "${files[@]}"; do
		case $f in unit/*) cp "$O/tests/$f" "$src/build/tests/unit/" || return ;; esac
	done
	cp "$("$tests/tools/mkbusybox.sh" "$cache/busybox.tar" | tail -n 1)" "$src/cache/" || return
	[ ! -s "$cache/debian-bookworm-slim.tar" ] || cp "$cache/debian-bookworm-slim.tar" "$src/cache/"
	touch "$src/build/tests/reap" "$src/cache"/*
	printf '%s\n' "${files[@]}" >"$src/files"
	printf 'export TEST_ONLY=%q FILE_LIMIT=%q\n' "${TEST_ONLY-}" "${VM_FILE_LIMIT:-600}" >"$src/env"
	[ -z "${VM_SHELL-}" ] || touch "$src/shell"
	mke2fs -q -t ext4 -O ^has_journal -d "$src" "$tmp/src.ext4" 400M
}
{ make_initrd && make_source; } >"$tmp/log" 2>&1 || { echo "Bail out! cannot collect the program and the tests"; sed 's/^/# /' "$tmp/log"; exit 1; }

# ---- run ----

# shellcheck disable=SC2054 # the commas are its own
qemu=(qemu-system-x86_64 -M pc,accel=tcg -cpu max -smp 2 -m 1536 -no-reboot -nodefaults -display none
	-kernel "$linux" -initrd "$tmp/initrd" -append "console=ttyS0 loglevel=4 panic=-1 quiet"
	-drive "file=$disk,format=raw,if=virtio,snapshot=on" -drive "file=$tmp/src.ext4,format=raw,if=virtio,snapshot=on"
	-device virtio-rng-pci)
if [ -n "${VM_SHELL-}" ]; then
	"${qemu[@]}" -serial mon:stdio -serial null
	exit
fi
rm -f "$O/vm/results" "$O/vm/console"
touch "$O/vm/results" "$O/vm/console"
start=$SECONDS
timeout -k 10 "$seconds" "${qemu[@]}" -serial "file:$O/vm/console" -serial "file:$O/vm/results" </dev/null
code=$?
say "the machine ran for $((SECONDS - start)) s"

# Each file is framed by "### begin FILE" and "### end FILE STATUS"; their results become one row.
tr -d '\r' <"$O/vm/results" | awk -v code=$code -v seconds="$seconds" '
	function say(good, text) { n++; print (good ? "ok " : "not ok ") n " - " text }
	function close_file() {
		if (file == "") return
		if (ended && planned && seen == plan && (status == 0 || bad)) { }
		else say(0, file ": " (ended ? "status " status ", " seen + 0 " results of " plan : "the machine ended within it"))
		file = ""
	}
	/^### begin / { close_file(); file = $3; seen = bad = planned = ended = 0; plan = "?"; next }
	/^### end / { ended = 1; status = $4; close_file(); next }
	/^### all/ { whole = 1; next }
	file == "" { next }
	/^1\.\.0/ { planned = 1; plan = 0; sub(/^1\.\.0 *(# *SKIP *)?/, ""); n++; print "ok " n " - " file " # SKIP " $0; next }
	/^1\.\.[0-9]+/ { planned = 1; plan = substr($1, 4); next }
	/^(not )?ok / { seen++; if (/^not/) bad = 1; good = !/^not/; sub(/^(not )?ok [0-9]+ (- )?/, ""); say(good, file ": " $0); next }
	{ print ($0 ~ /^#/ ? $0 : "# " $0) }
	END {
		if (!whole && code == 124) {      # a file that hangs is ended by its own limit long before
			n++; print "ok " n " - the rest # SKIP not done after " seconds " s: this host is too slow to emulate one"
		} else {
			close_file()
			if (!whole) say(0, "the machine ran to its end (qemu: status " code ")")
		}
		print "1.." n
	}
' | tee "$tmp/tap"
if ! grep -q '^### all' "$O/vm/results"; then
	tail -n 30 "$O/vm/console" | tr -d '\r' | sed 's/^/# /'
fi
! grep -q '^not ok' "$tmp/tap"

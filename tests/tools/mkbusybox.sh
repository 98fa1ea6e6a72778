#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mkbusybox.sh - make the small image of the tests: busybox:latest.
#
# usage: tests/tools/mkbusybox.sh [-f] [FILE.tar]
#        -f makes it again although FILE is newer than its sources.  The default FILE is
#        ${COMPOSE_TEST_CACHE:-$HOME/.cache/compose-tests}/busybox.tar
#
# The last line of the output is FILE.  In it: Debian's static busybox with all its applets, tests/tools/payload*.c
# as /bin/payload (and /bin/getent), and the files in /etc that name resolution and user look-up need.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
force=0
[ "${1-}" = -f ] && { force=1; shift; }
out=${1:-${COMPOSE_TEST_CACHE:-$HOME/.cache/compose-tests}/busybox.tar}
cc=${CC:-cc}

if [ $force = 0 ] && [ -s "$out" ] && [ -z "$(find "$here" \( -name 'payload*' -o -name mkbusybox.sh \) -newer "$out")" ]; then
	echo "$out"
	exit 0
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
root=$tmp/root
umask 022
mkdir -p "$root"/{bin,dev,etc,home,mnt,proc,root,run,sbin,sys,usr/bin,usr/sbin,var/lib,var/spool/cron}
mkdir -m 1777 "$root/tmp" "$root/var/tmp"
chmod 700 "$root/root"

# static_busybox FILE: is FILE a busybox that needs no shared library?
static_busybox() {
	[ -x "$1" ] && ! readelf -lW "$1" 2>/dev/null | grep -q INTERP && "$1" --list >/dev/null 2>&1
}

busybox=/bin/busybox
if ! static_busybox "$busybox"; then
	# Unpacked beside, not installed: the package would displace the dynamic busybox.
	(cd "$tmp" && apt-get -q download busybox-static >apt.log 2>&1) || {
		cat "$tmp/apt.log" >&2
		echo "mkbusybox: cannot download the package busybox-static" >&2
		exit 1
	}
	dpkg-deb -x "$tmp"/busybox-static_*.deb "$tmp/pkg"
	busybox=$(find "$tmp/pkg" -name busybox -type f -perm -100 | head -n 1)
fi
install -m 755 "$busybox" "$root/bin/busybox"
for applet in $("$busybox" --list); do
	[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done

"$cc" -std=gnu11 -D_GNU_SOURCE -Os -Wall -Wextra -Werror -static -s -I"$here/../.." -o "$root/bin/payload" \
	"$here"/payload.c "$here"/payload_agent.c "$here"/payload_net.c
ln -s payload "$root/bin/getent"

cat >"$root/etc/passwd" <<'E'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
guest:x:405:100:guest:/dev/null:/bin/sh
app:x:1000:1000:app:/home/app:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
E
cat >"$root/etc/group" <<'E'
root:x:0:root
daemon:x:1:root,bin,daemon
bin:x:2:root,bin,daemon
adm:x:4:root,daemon
tty:x:5:
disk:x:6:root
audio:x:29:
www-data:x:33:
users:x:100:
games:x:35:guest
app:x:1000:
nogroup:x:65533:
nobody:x:65534:
E
install -d -m 755 "$root/home/app" "$root/var/www"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
printf 'tests\n' >"$root/etc/issue"

# Reproducible: the same sources make the same bytes, and so the same layer digest.
mkdir -p "$(dirname "$out")"
part=$out.$$
tar -C "$root" --sort=name --mtime=@1700000000 --format=pax --pax-option=delete=atime,delete=ctime \
	--owner=0 --group=0 --numeric-owner --exclude=./home/app -cf "$part" .
# /home/app belongs to its user, which an ordinary build user cannot set on disk.
mkdir "$tmp/own" && install -d -m 755 "$tmp/own/home/app"
tar -C "$tmp/own" --mtime=@1700000000 --format=pax --pax-option=delete=atime,delete=ctime \
	--owner=1000 --group=1000 --numeric-owner -rf "$part" ./home/app
mv "$part" "$out"
echo "$out"

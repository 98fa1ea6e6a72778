#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hostile Dockerfiles, contexts and archives (CVE-2024-1753, -2024-9407, -2024-9675, -2024-23652, -2024-23653, -2026-33747,
# -2025-47290, -2023-25153), and what a RUN step leaves in its layer.
# shellcheck source=tests/e2e/threats.inc
. "$(dirname "$0")/threats.inc"

# What the last layer made has; parents that the images have too are only copies of their attributes.
newest_layer() {
	local l

	l=$(find "$COMPOSE_ROOT/layers" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn | head -n 1)
	find "${l#* }" -mindepth 1 ! -type d -printf '%P\n'
	find "${l#* }" -mindepth 1 -type d -empty -printf '%P/\n' | grep -vxE '(etc|var|run|real|other/etc)/'
	true
}

context_links() {
	mkdir -p one/ctx
	cd one
	echo own >ctx/a
	ln -s "$V" ctx/abs
	ln -s ../../../../../../../../.."$V" ctx/rel
	ln -s "$V/file" ctx/file
	ln -s /proc/self/root ctx/magic
	for src in abs abs/file rel/file file "../../../../../../..$V/file" "magic$V/file" 'a*/file' 'f*'; do
		inline $'FROM busybox\nCOPY '"$src"$' /x\nRUN ! grep -r canary /x'
		[ "$rc" = 0 ] || has "$err" "not found in the build context"
	done
	inline $'FROM busybox\nRUN ln -s '"$V"$' /o && ln -s ../../..'"$V"$' /p && ln -s /proc/self/root'"$V"$' /q\nCOPY a /o/\nCOPY a /p/b\nADD a /q/c\nWORKDIR /o/w\nRUN touch /o/d'
	is "$rc" 0
	inline $'FROM busybox AS x\nRUN ln -s / /r; ln -s '"$V"$' /v; ln -s /proc/self/root /m\nFROM busybox\nCOPY --from=x /v/file /x'
	has "$err" "not found in x"
	inline $'FROM busybox AS x\nRUN ln -s / /r\nFROM busybox\nRUN --mount=type=bind,from=x,source=/r,target=/m,rw test -e /m/bin && ! test -e /m'"$V"$' && touch /m/made'
	is "$rc" 0
	inline $'FROM busybox AS x\nRUN ln -s /proc/self/root /m\nFROM busybox\nRUN --mount=type=bind,from=x,source=/m,target=/m,rw ls /m'
	has "$err" "is not in x"
}
t "links in the context and in stages" context_links

requests() {
	mkdir -p two/ctx
	cd two
	inline $'FROM busybox\nRUN --mount=type=bind,source=.,target=/m,bind-propagation=shared ls'
	has "$err" propagation
	inline $'FROM busybox\nRUN --mount=type=cache,id=a,source=../../..,target=/m ls'
	[ "$rc" != 0 ] || flunk "cache with source"
	inline $'FROM busybox\nRUN --security=insecure id'
	has "$err" insecure
	inline $'FROM busybox\nRUN --network=host id'
	has "$err" "is not allowed"
	inline $'# syntax=evil.example/frontend\nFROM busybox\nRUN true'
	is "$rc" 0
	has "$err" "no external frontend"
	inline $'FROM busybox\nRUN --mount=type=cache,id=../../../../../..'"$V"$',target=/c echo x >/c/x\nRUN --mount=type=cache,target=/c/../../..'"$V"$' touch '"$V"$'/inside'
	is "$rc" 0
	inline $'FROM busybox\nBO\033[31mGUS'
	hasnt "$err" $'\033'
	inline $'FROM busybox\nRUN printf "\\033]0;pwn\\007\\033[2J"; exit 3'
	is "$rc" 1
	hasnt "$out$err" $'\033'
}
t "requests that are refused or stay inside" requests

stubs() {
	hostile linky:1 <<-'E'
		rm -rf dev proc sys var/run
		mkdir -p other real run var
		mv etc other/
		ln -s /other/etc etc
		ln -s /real/dev dev
		ln -s ../run var/run
		ln -s /nowhere/resolv.conf other/etc/resolv.conf
	E
	mkdir -p three/ctx
	cd three
	echo a >ctx/a
	for base in busybox linky:1; do
		inline "FROM $base
		RUN --mount=type=secret,id=none,target=/var/run/secrets/x --mount=type=tmpfs,target=/var/run/t/u --mount=type=bind,source=a,target=/var/run/f --mount=type=cache,target=/var/cache/c echo >/made"
		is "$rc" 0
		is "$(newest_layer)" made
	done
	# what a step makes in their place, or tries to, is the step's
	inline $'FROM linky:1\nRUN --mount=type=tmpfs,target=/var/run/t/u mkdir /run/t/mine; rm -rf /etc/hosts; ln -s / /dev/x; echo >/second'
	is "$rc" 0
	is "$(newest_layer | sort)" $'run/t/mine/\nsecond'
}
t "a step's layer has no mount points of ours" stubs

# member NAME TYPE LINK SIZE: a tar header
member() {
	python3 -c '
import sys
name, kind, link, size = sys.argv[1].encode(), sys.argv[2].encode(), sys.argv[3].encode(), int(sys.argv[4])
h = bytearray(512)
h[0:len(name)] = name; h[100:107] = b"0004755"; h[108:115] = b"0000000"; h[116:123] = b"0000000"
h[124:135] = b"%011o" % size; h[136:147] = b"00000000000"; h[156:157] = kind; h[157:157 + len(link)] = link
h[257:265] = b"ustar\x0000"; h[148:156] = b" " * 8
h[148:155] = b"%06o\0" % sum(h)
sys.stdout.buffer.write(bytes(h) + (b"canary\n" + b"\0" * 505 if size else b""))' "$@"
}

archives() {
	command -v python3 >/dev/null || skip "needs python3"
	mkdir -p four/ctx
	cd four
	local deep=../../../../../../../../..
	{ member up 2 "$V" 0; member up/file 0 "" 7; member up/new 0 "" 7; } >ctx/through-link.tar
	{ member "$deep$V/new" 0 "" 7; } >ctx/dotdot.tar
	{ member "$V/new" 0 "" 7; } >ctx/absolute.tar
	{ member hard 1 "$V/file" 0; member hard 0 "" 7; } >ctx/hardlink.tar
	{ member hard 1 "$deep$V/file" 0; } >ctx/hardlink-up.tar
	{ member l 2 "$V" 0; member l/.wh.file 0 "" 0; member l/.wh..wh..opq 0 "" 0; } >ctx/whiteout.tar
	{ member l 2 "$V" 0; member hard 1 l/file 0; } >ctx/hardlink-through.tar
	for f in ctx/*.tar; do
		head -c 1024 /dev/zero >>"$f"
		inline $'FROM busybox\nADD '"${f#ctx/}"$' /x/\nRUN find / -xdev -type f -name file -exec cat {} +; find / -xdev -name new'
		hasnt "$out" canary-secret
		run c image import "$f" tar:1
		canary_same
		c image rm tar:1 >/dev/null 2>&1 || true
		{ hostile tar:2 <<<"ln -s $V l"; canary_same; }
	done
}
t "archives that lead elsewhere" archives

bombs() {
	mkdir -p five/ctx
	cd five
	# 64 MiB of zeros in 64 KiB, in a store of 48 MiB: an error, and nothing half-made
	head -c 64M /dev/zero | gzip -9 >ctx/zeros.gz
	(mkdir z && truncate -s 64M z/big && tar -C z --sparse -cf z.tar . && tar -C z -cf full.tar . && gzip -f full.tar)
	mkdir store
	mount -t tmpfs -o size=48M,mode=700 tmpfs store
	run env COMPOSE_ROOT="$PWD/store/r" timeout 60 "$COMPOSE" image import full.tar.gz bomb:1
	[ "$rc" = 1 ] || { umount store; flunk "status $rc" "$err"; }
	left=$(find store/r/layers -mindepth 1 | wc -l)
	umount store
	is "$left" 0
	has "$err" "No space left"
}
t "an archive larger than the disk" bombs

over() {
	for d in one two three four five; do
		(cd "$W/$d" && [ ! -e compose.yaml ] || c down >/dev/null 2>&1)
	done
}
t "down" over
done_testing

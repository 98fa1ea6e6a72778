#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# disk_full.sh - an installation on a small file system that fills up: it is told, nothing half is left, and with room
# again the same command goes on.
IMAGES=
. "$(dirname "$0")/../lib.sh"
need root

small() { # MB: an installation of that size, with the image busybox
	export COMPOSE_ROOT=$T/small
	mkdir "$COMPOSE_ROOT"
	mount -t tmpfs -o "size=${1}m" "ct-$MARK" "$COMPOSE_ROOT"
}
# It goes, and nothing of it is in the kernel.
gone() {
	local mark
	mark=$(mark_of "$COMPOSE_ROOT")

	soon 2 eval "! { host_links; host_nft; host_cgroups; } | grep -F $mark"
	soon 5 eval "! our_processes | grep ."
	umount "$COMPOSE_ROOT"
	rmdir "$COMPOSE_ROOT"
}

build() {
	small 16
	image busybox
	project full <<<'services: { a: { build: . } }'
	cat >Dockerfile <<-'E'
		FROM busybox
		RUN echo kept >/kept
		RUN dd if=/dev/zero of=/big bs=1M count=40
	E
	fails 1 c build
	has "$err" Dockerfile:3:1
	has "$err" "No space left"
	fails 1 c image inspect full-a
	is "$(find "$COMPOSE_ROOT/layers" -maxdepth 1 -name '*tmp*')" ""
	[ "$(df --output=pcent "$COMPOSE_ROOT" | tail -n 1 | tr -dc 0-9)" -lt 60 ] || flunk "what was half written still takes its room"

	dd if=/dev/zero of=big bs=1M count=40 status=none
	printf 'FROM busybox\nCOPY big /big\n' >Dockerfile
	fails 1 c build
	has "$err" Dockerfile:2:1
	has "$err" "No space left"
	fails 1 c image inspect full-a

	mount -o remount,size=64m "$COMPOSE_ROOT"
	ok c build
	ok c image inspect full-a
	gone
}

import() {
	small 2
	image busybox && flunk "an import into 2 MB ended well"
	run c image import "$CACHE/busybox.tar" busybox:latest
	is "$rc" 1
	has "$err" "No space left"
	ok c image ls -q
	is "$out" ""
	mount -o remount,size=64m "$COMPOSE_ROOT"
	image busybox
	gone
}

# `up` on a full disk: told, and `down` cleans up although nothing can be written.
up() {
	small 16
	image busybox
	project up <<<'services: { a: { image: busybox, command: payload sleep, init: true } }'
	ok c up -d
	dd if=/dev/zero of="$COMPOSE_ROOT/fill" bs=4k status=none 2>/dev/null || true
	fails 1 c up -d --scale a=3
	has "$err" "No space left"
	is "$(field a .State | sort -u)" running
	ok c down
	soon 5 eval "! our_processes | grep payload"
	gone
}

t "a build on a full disk" build
t "an import on a full disk" import
t "up and down on a full disk" up
done_testing

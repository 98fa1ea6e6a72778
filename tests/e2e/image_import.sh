#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# image_import.sh - `compose image`: import, ls, inspect, tag, rm, load, with real archives.
IMAGES=
. "$(dirname "$0")/../lib.sh"
need root

make_root() {
	mkdir -p root/bin root/etc
	echo '#!/bin/sh' >root/bin/sh
	chmod 04755 root/bin/sh
	ln -s bin/sh root/link
	echo hello >root/etc/motd
	tar --owner=0 --group=0 -C root -cf root.tar .
}

import_forms() {
	local f

	make_root
	gzip -k root.tar
	xz -k root.tar
	for f in root.tar root.tar.gz root.tar.xz; do
		ok c image import "$f" "forms/$f:1" -c 'CMD ["/bin/sh"]' -c 'ENV A=b' -m note
		matches "$out" '^sha256:[0-9a-f]{64}$'
	done
	ok c image inspect forms/root.tar:1
	is "$(jq -r '.[0].Config.Cmd[0]' <<<"$out")" /bin/sh
	is "$(jq -r '.[0].Config.Env[0]' <<<"$out")" A=b
	is "$(jq -r '.[0].RepoTags[0]' <<<"$out")" forms/root.tar:1
	is "$(jq -r '.[0].RootFS.Layers[0]' <<<"$out")" "sha256:$(sha256sum root.tar | cut -d' ' -f1)"
	# one content, one layer on the disk
	is "$(find "$COMPOSE_ROOT/layers" -mindepth 1 -maxdepth 1 -type d | wc -l)" 1
	local l
	l=$(find "$COMPOSE_ROOT/layers" -mindepth 1 -maxdepth 1 -type d)
	is "$(cat "$l/etc/motd")" hello
	is "$(stat -c %a "$l/bin/sh")" 4755
	is "$(readlink "$l/link")" bin/sh
}

from_stdin() {
	make_root
	c image import - stdin:1 <root.tar >id
	matches "$(cat id)" '^sha256:'
	ok c image ls --format json
	has "$out" stdin
}

names() {
	make_root
	ok c image import root.tar one
	ok c image tag one two:2
	ok c image rm one
	has "$out" "Untagged: docker.io/library/one:latest"
	ok c image inspect two:2
	ok c image rm two:2
	has "$out" "Deleted: sha256:"
	fails 1 c image inspect two:2
	has "$err" "no such image"
}

refused() {
	make_root
	fails 1 c image import absent.tar x
	has "$err" absent.tar
	fails 2 c image import root.tar UPPER
	has "$err" "lower case"
	fails 2 c image import root.tar x -c 'RUN y'
	has "$err" "RUN y"
	mkdir -p evil
	echo evil >evil/f
	tar -C evil --transform 's|^f$|../../../f|' -P -cf evil.tar f
	fails 1 c image import evil.tar x
	has "$err" ".."
	head -c 20000 /dev/urandom >noise
	fails 1 c image import noise x
	[ ! -e "$COMPOSE_ROOT/../f" ] && [ ! -e "$COMPOSE_ROOT/f" ]
	ok c image ls -q
	is "$out" ""
	is "$(find "$COMPOSE_ROOT/layers" -mindepth 1 | wc -l)" 0
}

interrupted() {
	make_root
	mkfifo slow
	(cat root.tar; head -c 100000000 /dev/zero; sleep 20) >slow &
	c_bg image import slow x
	soon 5 sh -c 'ls "$COMPOSE_ROOT"/layers | grep -q ^tmp'
	kill -KILL "$bg"
	wait "$bg" || true
	kill %1 2>/dev/null || true
	ok c image ls -q
	is "$out" ""
	ok c image import root.tar next
	is "$(find "$COMPOSE_ROOT/layers" -maxdepth 1 -name 'tmp.*' | wc -l)" 0
}

fresh() { rm -rf "$COMPOSE_ROOT" ./*; "$@"; }

t "import: plain, gzip and xz, changes, attributes, one layer for one content" fresh import_forms
t "import from standard input" fresh from_stdin
t "tag, rm: the last name takes the image along" fresh names
t "what is wrong is refused, and leaves nothing" fresh refused
t "kill -9 during an import leaves nothing for long" fresh interrupted
done_testing

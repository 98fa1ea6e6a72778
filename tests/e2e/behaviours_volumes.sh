#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Behaviours 102-124: volumes, mounts, secrets, configs, devices.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/behaviours.inc
. "$TESTS/e2e/behaviours.inc" || exit
need root

mkdir "$W/t/h" # bound by several rows
echo inner >"$W/t/h/file"

r102() {
	y '{services: {
		i: {image: "local/seed:1", build: {dockerfile_inline: "FROM busybox\nRUN mkdir /d && echo image >/d/f && chown 5:6 /d/f && chmod 640 /d/f\n"}},
		a: {image: "local/seed:1", volumes: ["v:/d"]},
		b: {image: "local/seed:1", volumes: ["./bound:/d"]}}, volumes: {v: {}}}' build -q
	ok C run --rm -T a sh -c 'cat /d/f; stat -c "%u:%g %a" /d/f; echo changed >/d/f'
	is "$(xargs <<<"$out")" "image 5:6 640"
	ok C run --rm -T a cat /d/f # once
	is "$out" changed
	ok C run --rm -T b ls -A /d # not a bind mount
	is "$out" ""
}
row 102 "an empty named volume gets the image's files, once" r102

r103() {
	y '{services: {a: {image: "local/nocopy:1", build: {dockerfile_inline: "FROM busybox\nRUN mkdir /d && touch /d/f"}, volumes: ["v2:/d:nocopy", "v1:/d/x"]}}, volumes: {v1: {}, v2: {}}}' \
		run --rm -T a ls -A /d
	is "$rc$out" 0x
}
row 103 "nocopy leaves it empty" r103

r104() {
	y '{services: {a: {build: {dockerfile_inline: "FROM busybox\nRUN mkdir /d && chown 1000 /d && chmod 2750 /d"}, user: "1000", volumes: ["v3:/d"]}}, volumes: {v3: {}}}' \
		run --rm -T a sh -c 'touch /d/x && stat -c "%u %a" /d'
	is "$(tail -n 1 <<<"$out")" "1000 2750"
}
row 104 "a volume's root has owner and mode of the image's directory" r104

r105() {
	u 'volumes: [/d]' exec -T a touch /d/x
	ok C up -d --force-recreate
	ok C exec -T a ls -A /d
	is "$out" x
	ok C up -d --force-recreate -V
	ok C exec -T a ls -A /d
	is "$out" ""
}
row 105 "anonymous volumes go along when a container is made anew, unless -V" r105

r106() {
	local own

	y '{services: {o: {image: busybox, command: "true", volumes: ["e:/d"]}}, volumes: {e: {name: outside}}}' up
	is "$rc" 0
	ok C down
	y '{services: {a: {image: busybox, init: true, command: sleep 99, volumes: ["v:/d", "/anon", "e:/e"]}},
		volumes: {v: {}, e: {external: true, name: outside}}}' up -d
	is "$rc" 0
	volume_names >"$T/vols"
	is "$(wc -l <"$T/vols")" 3
	ok C down -t 0
	is "$(volume_names)" "$(cat "$T/vols")"
	ok C down -v
	is "$(volume_names)" outside
	y '{services: {o: {image: busybox, volumes: ["e:/d"]}}, volumes: {e: {name: outside}}}' down -v
	is "$(volume_names)" ""
}
volume_names() { find "$COMPOSE_ROOT/volumes" -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null | sort; }
row 106 "volumes survive down, not down -v; external ones always" r106

r107() {
	a 'volumes: ["./missing/dir:/x"]' true
	is "$rc" 0
	is "$(stat -c '%F %U' "$W/t/missing/dir")" "directory root"
}
row 107 "a bind source that is missing is made as a directory" r107

r108() {
	a 'volumes: [{type: bind, source: ./nope, target: /x, bind: {create_host_path: false}}]' true
	[ "$rc" != 0 ]
	has "$err" "bind source path"
	has "$err" "$W/t/nope"
	[ ! -e "$W/t/nope" ]
}
row 108 "create_host_path: false refuses" r108

r109() {
	echo 1 >"$W/t/f"
	u 'volumes: ["./f:/f"]' exec -T a cat /f
	is "$out" 1
	echo 2 >"$W/t/g"
	mv "$W/t/g" "$W/t/f"
	ok C exec -T a cat /f
	is "$out" 1
}
row 109 "a file that is bound is that file, not its name" r109

r110() {
	a 'volumes: ["./h:/a/b"], tmpfs: [/a]' sh -c 'cat /a/b/file; awk "{ print \$5 }" /proc/self/mountinfo'
	has "$out" inner
	is "$(grep '^/a' <<<"$out" | xargs)" "/a /a/b"
}
row 110 "mounts are made parents first" r110

r111() {
	a 'read_only: true, volumes: ["./h:/new/dir"]' sh -c 'ls /new/dir; touch /new/x'
	is "$out" file
	has "$err" "Read-only"
}
row 111 "mount points are made, also with read_only" r111

r112() {
	a 'read_only: true, tmpfs: [/t], volumes: ["v:/v"]}}, volumes: {v: {}}, x-: {y: {z: 1' \
		sh -c 'touch /x; (echo >>/etc/hosts); touch /t/x /dev/shm/x /v/x && echo rest'
	is "$(grep -c "Read-only file system" <<<"$err")" 2
	is "$out" rest
}
row 112 "read_only: the image and /etc/hosts; not tmpfs, volumes, /dev/shm" r112

r113() {
	a 'tmpfs: /t' sh -c 'grep " /t " /proc/self/mountinfo; stat -c %a /t'
	matches "$out" 'nosuid,nodev,noexec'
	is "$(tail -n 1 <<<"$out")" 1777
}
row 113 "tmpfs: noexec, nosuid, nodev, for everybody" r113

r114() {
	a 'volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0700}}]' sh -c 'df -k /t | tail -n 1; stat -c %a /t'
	is "$(awk 'NR == 1 { print $2 } NR == 2' <<<"$out" | xargs)" "1024 700"
}
row 114 "tmpfs: size, mode" r114

r115() {
	a 'volumes: ["./h:/m:ro"]' sh -c 'grep " /m " /proc/self/mountinfo; touch /m/x'
	has "$err" "Read-only file system"
	hasnt "$out" shared:
	hasnt "$out" master:
}
row 115 "bind mounts are private; :ro" r115

r116() {
	y '{services: {
		a: {image: busybox, init: true, volumes: ["./h:/h", "/anon"], command: sh -c "echo a >/anon/a; exec sleep 99"},
		b: {image: busybox, volumes_from: [a]}}}' up -d a
	is "$rc" 0
	soon 10 C exec -T a ls /anon/a
	ok C run --rm -T b cat /h/file /anon/a
	is "$(xargs <<<"$out")" "inner a"
}
row 116 "volumes_from takes all mounts" r116

r117() {
	local m='{services: {a: {image: busybox, volumes: [{type: volume, source: v, target: /d, volume: {subpath: sub}}]},
		b: {image: busybox, volumes: ["v:/d"]}}, volumes: {v: {}}}'

	y "$m" run --rm -T a true
	[ "$rc" != 0 ]
	has "$err" sub
	ok C run --rm -T b sh -c 'mkdir /d/sub; echo in >/d/sub/f'
	ok C run --rm -T a cat /d/f
	is "$out" in
	# a link in the volume leads nowhere else, whenever it came
	ok C create a
	ok C run --rm -T b sh -c 'rm -r /d/sub; ln -s /etc /d/sub'
	run C run --rm -T a true
	[ "$rc" != 0 ]
	has "$err" sub
	run C start a
	[ "$rc" != 0 ]
	has "$err" "open sub in"
}
row 117 "volume.subpath must be there" r117

r118() {
	a 'volumes: [{type: image, source: busybox, target: /bb}]' sh -c '[ -x /bb/bin/busybox ] && touch /bb/x'
	has "$err" "Read-only file system"
}
row 118 "an image as a volume, read-only" r118

r119() {
	echo s >"$W/t/s"
	chmod 640 "$W/t/s"
	y '{services: {a: {image: busybox, secrets: [k]}}, secrets: {k: {file: ./s}}}' \
		run --rm -T a sh -c 'cat /run/secrets/k; stat -c %a /run/secrets/k; echo x >/run/secrets/k'
	is "$(xargs <<<"$out")" "s 640"
	has "$err" "Read-only file system"
}
row 119 "a secret from a file: bound read-only, the host's mode" r119

r120() {
	K=v y '{services: {a: {image: busybox, secrets: [{source: k, uid: "7", mode: 0400}, {source: k, target: plain}]}}, secrets: {k: {environment: K}}}' \
		run --rm -T a sh -c 'cd /run/secrets; stat -c "%u %a" k plain; cat k'
	is "$(xargs <<<"$out")" "7 400 0 444 v"
}
row 120 "a secret from the environment: uid, gid, mode as asked, else 0444" r120

r121() {
	y '{services: {a: {image: busybox, configs: [c]}}, configs: {c: {content: hi}}}' run --rm -T a cat /c
	is "$out" hi
}
row 121 "a config lands at /NAME" r121

r122() {
	y '{services: {a: {image: busybox, read_only: true, configs: [c]}}, configs: {c: {content: hi}}}' run --rm -T a cat /c
	is "$out" hi
}
differs 122 "Files from \`configs\` and \`secrets\`"
row 122 "configs with content, and read_only" r122

r123() {
	y '{services: {a: {image: busybox, volumes: ["v:/d"]}}, volumes: {v: {driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}}}' \
		run --rm -T a df -k /d
	is "$(awk 'NR == 2 { print $2 }' <<<"$out")" 1024
	mkdir -p "$W/t/device"
	y "{services: {a: {image: busybox, volumes: [\"b:/etc\", \"b:/d:ro\"]}},
		volumes: {b: {driver_opts: {type: none, device: $W/t/device, o: bind}}}}" \
		run --rm -T a sh -c 'grep " /d " /proc/self/mountinfo; touch /d/x; echo more >/etc/more'
	matches "$out" ' /d ro,'
	has "$err" "Read-only file system"
	is "$(cat "$W/t/device/more")" more
	[ -s "$W/t/device/passwd" ] # seeded, as a volume is
	ok C down -v
	is "$(cat "$W/t/device/more")" more
}
row 123 "the local driver's options: mounted when used" r123

r124() {
	[ -c /dev/fuse ] || mknod "$W/t/fuse" c 10 229
	a "devices: [\"$([ -c /dev/fuse ] && echo /dev || echo "$W/t")/fuse:/dev/xx:rw\"]" sh -c 'ls -l /dev/xx; dd if=/dev/xx count=0 2>&1'
	matches "$out" '^c.* 10, *229 '
	hasnt "$out" "not permitted"
	a '' sh -c 'mknod /tmp/xx c 10 229; dd if=/tmp/xx count=0'
	has "$err" "not permitted"
}
row 124 "a device under its new name, and allowed" r124
rows_end

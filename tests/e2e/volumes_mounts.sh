#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Volumes, bind mounts, tmpfs, secrets and configs.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

sh_in() { local s=$1; shift; c exec -T "$s" sh -c "$*"; }

image_with_data() {
	mkdir -p "$W/img"
	cat >"$W/img/Dockerfile" <<-'E'
		FROM busybox
		RUN mkdir -p /data/sub && echo from-image >/data/file && echo deep >/data/sub/deep && chown -R 1000:1001 /data && chmod 2750 /data
		RUN ln -s file /data/link && mkdir /empty
		VOLUME /vol
		RUN mkdir -p /etc/app && echo conf >/etc/app/conf
	E
	cat >"$W/img/compose.yaml" <<-'E'
		services: { x: { build: ., image: "local/data:1" } }
	E
	cd "$W/img"
	ok c build
}
t "an image with data" image_with_data

seeding() {
	project seed <<-'E'
		services:
		  a: { image: "local/data:1", init: true, command: payload ticks 1000, volumes: ["data:/data", "plain:/empty", "nothing:/new/deep"] }
		  b: { image: "local/data:1", init: true, command: payload ticks 1000, volumes: [ { type: volume, source: none, target: /data, volume: { nocopy: true } } ] }
		volumes: { data: {}, plain: {}, nothing: {}, none: {} }
	E
	ok c up -d
	is "$(sh_in a 'cat /data/file /data/sub/deep /data/link; stat -c "%u:%g %a" /data; readlink /data/link' | xargs)" "from-image deep from-image 1000:1001 2750 file"
	is "$(sh_in a 'ls -A /empty /new/deep' | xargs)" "/empty: /new/deep:"
	is "$(sh_in b 'ls -A /data')" ""
	# once: what is there is kept, what was taken away stays away
	sh_in a 'echo changed >/data/file; rm -r /data/sub'
	ok c up -d --force-recreate
	is "$(sh_in a 'cat /data/file; ls /data' | xargs)" "changed file link"
	ok c down
	ok c up -d
	is "$(sh_in a 'cat /data/file')" changed
	ok c down -v
	ok c up -d
	is "$(sh_in a 'cat /data/file')" from-image
	ok c down -v
	is "$(ls -A "$COMPOSE_ROOT/volumes" 2>/dev/null)" ""
}
# observes: volumes volumes[].volume.nocopy
t "an empty named volume gets the image's content, once, as it is" seeding

anonymous() {
	project anon <<-'E'
		services:
		  a: { image: "local/data:1", init: true, command: payload ticks 1000, volumes: [/own], environment: { A: "1" } }
	E
	ok c up -d
	sh_in a 'echo mine >/own/x; echo mine >/vol/x; echo layer >/layer'
	sed -i 's/A: "1"/A: "2"/' compose.yaml
	ok c up -d
	is "$(sh_in a 'cat /own/x /vol/x; ls /layer 2>/dev/null' | xargs)" "mine mine"
	ok c up -d --force-recreate -V
	is "$(sh_in a 'ls -A /own /vol' | xargs)" "/own: /vol:"
	is "$(find "$COMPOSE_ROOT/volumes" -mindepth 1 -maxdepth 1 | wc -l)" 2
	ok c down
	is "$(find "$COMPOSE_ROOT/volumes" -mindepth 1 -maxdepth 1 | wc -l)" 2
	ok c up -d
	ok c down -v
	is "$(ls -A "$COMPOSE_ROOT/volumes")" ""
}
t "anonymous volumes, and those of the image, go along to the next container" anonymous

external() {
	project ext <<-'E'
		services: { a: { image: busybox, command: "true", volumes: ["v:/v"] } }
		volumes: { v: { external: true, name: seed_data } }
	E
	fails 1 c up -d
	has "$err" seed_data
	has "$err" compose.yaml:2
	(cd "$W/seed" && ok c up -d)
	ok c run --rm -T a cat /v/file
	is "$out" from-image
	ok c down -v
	(cd "$W/seed" && is "$(sh_in a 'cat /data/file')" from-image && ok c down -v -t 0)
}
t "an external volume is used, and never removed" external

binds() {
	project binds <<-'E'
		services:
		  a:
		    image: busybox
		    init: true
		    command: payload ticks 1000
		    volumes:
		      - ./rw:/rw
		      - ./ro:/ro:ro
		      - ./one-file:/etc/one-file
		      - ./made/for/me:/made
		      - { type: bind, source: ./rw, target: /long, read_only: true }
		      - ./link:/link
	E
	mkdir -p rw ro
	echo host >rw/file
	echo ro >ro/file
	echo one >one-file
	ln -s rw link
	ok c up -d
	[ -d made/for/me ]
	is "$(sh_in a 'cat /rw/file /ro/file /etc/one-file /long/file /link/file' | xargs)" "host ro one host host"
	sh_in a 'echo inside >/rw/new; chown 5:6 /rw/new; echo one-more >>/etc/one-file; echo m >/made/m'
	is "$(cat rw/new made/for/me/m | xargs)" "inside m"
	is "$(stat -c %u:%g rw/new)" 5:6
	is "$(tail -n 1 one-file)" one-more
	for f in /ro/x /long/x; do
		fails 1 c exec -T a touch $f
		has "$err" "Read-only"
	done
	echo outside >rw/outside
	is "$(sh_in a 'cat /rw/outside')" outside
	# the content of a mount is no reason to make the container anew
	ok c up -d
	has "$err" unchanged
	ok c down -t 0
	[ -e rw/file ]
	rm -rf made
	sed -i 's/- .\/made\/for\/me:\/made/- { type: bind, source: .\/made, target: \/made, bind: { create_host_path: false } }/' compose.yaml
	fails 1 c up -d
	has "$err" "/made"
	has "$err" compose.yaml:10
	[ ! -e made ]
	ok c down -t 0
}
# observes: volumes[].type volumes[].source volumes[].target volumes[].read_only volumes[].bind.create_host_path
t "bind mounts: directories, files, links, read-only, made when missing" binds

tmpfs() {
	project tmp <<-'E'
		services:
		  a:
		    image: busybox
		    init: true
		    command: payload ticks 1000
		    read_only: true
		    tmpfs: [/short, "/opts:size=1m,mode=0700"]
		    volumes:
		      - { type: tmpfs, target: /long, tmpfs: { size: 2m, mode: 0711 } }
		      - data:/data
		volumes: { data: {} }
	E
	ok c up -d
	is "$(sh_in a 'stat -c %a /short /opts /long' | xargs)" "1777 700 711"
	is "$(sh_in a 'df -k /opts /long' | awk 'NR > 1 { print $2 }' | xargs)" "1024 2048"
	matches "$(sh_in a 'grep " /short " /proc/self/mountinfo')" 'nosuid,nodev,noexec'
	sh_in a 'echo x >/short/x; echo x >/data/x; echo x >/dev/shm/x'
	fails 1 c exec -T a touch /etc/x
	ok c restart -t 0 a
	is "$(sh_in a 'ls -A /short; cat /data/x')" x
	ok c down -v -t 0
}
# observes: tmpfs volumes[].tmpfs.size volumes[].tmpfs.mode
t "tmpfs, read_only" tmpfs

propagation() {
	local k

	project prop <<-'E'
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    volumes:
		      - ./host:/private
		      - { type: bind, source: ./host, target: /slave, bind: { propagation: rslave } }
		      - { type: bind, source: ./host, target: /shared, bind: { propagation: rshared } }
		      - ./host:/short:rslave
		      - { type: bind, source: ./host, target: /flat, bind: { recursive: disabled } }
		      - { type: bind, source: ./host, target: /deep, bind: { recursive: enabled } }
	E
	mkdir host
	mount -t tmpfs ct host
	mount --make-shared host
	mkdir host/before host/after
	mount -t tmpfs ct host/before
	touch host/before/x
	ok c up -d
	sh_in a 'grep host /proc/self/mountinfo; cat /proc/self/mountinfo' >"$T/info" || true
	of() { awk -v m="$1" '$5 == m { for (i = 7; $i != "-"; i++) print $i }' "$T/info" | cut -d: -f1; }
	is "$(of /private)" ""
	is "$(of /slave)/$(of /shared)/$(of /short)" master/shared/master
	for k in private slave shared deep; do is "$(sh_in a "ls /$k/before")" x; done
	is "$(sh_in a 'ls /flat/before')" ""
	mount -t tmpfs ct host/after
	touch host/after/y
	is "$(sh_in a 'ls /private/after')" ""
	for k in slave shared short; do is "$(sh_in a "ls /$k/after")" y; done
	umount host/after
	ok c down -t 0
	umount -R host
}
# observes: volumes[].bind.propagation volumes[].bind.recursive
t "what is mounted below a bind mount, before and while it is there" propagation

nested() {
	project nested <<-'E'
		services:
		  a:
		    image: busybox
		    command: sh -c "cat /a/b/file; cat /a/other"
		    volumes: ["./inner:/a/b", "./outer:/a"]
	E
	mkdir -p inner outer
	echo inner >inner/file
	echo other >outer/other
	ok c run --rm -T a
	is "$(xargs <<<"$out")" "inner other"
	ok c down
}
t "mounts are made parents first, whatever their order" nested

shared() {
	project shared <<-'E'
		services:
		  w: { image: busybox, init: true, command: payload ticks 1000, volumes: ["data:/data", "./bind:/bind"] }
		  r: { image: busybox, init: true, command: payload ticks 1000, volumes: ["data:/data:ro", "./bind:/bind"] }
		volumes: { data: {} }
	E
	ok c up -d w r
	sh_in w 'mkdir -p /data/deep/er; echo s >/data/deep/er/file; echo b >/bind/b'
	is "$(sh_in r 'cat /data/deep/er/file /bind/b' | xargs)" "s b"
	fails 1 c exec -T r touch /data/x
	ok c down -v -t 0
}
t "one volume in several services" shared

secrets() {
	project secrets <<-'E'
		services:
		  a:
		    image: busybox
		    init: true
		    command: payload ticks 1000
		    secrets: [from-file, { source: from-env, uid: "7", gid: "8", mode: 0400, target: renamed }]
		    configs: [inline, { source: from-file, target: /etc/app.conf }, { source: inline, target: deep/er, uid: "9", gid: "10", mode: "0640" }]
		secrets:
		  from-file: { file: ./secret }
		  from-env: { environment: MY_SECRET }
		configs:
		  inline: { content: "inline text" }
		  from-file: { file: ./conf }
	E
	echo s3cret >secret
	chmod 640 secret
	echo conf >conf
	export MY_SECRET=from-env-value
	ok c up -d
	is "$(sh_in a 'cat /run/secrets/from-file /run/secrets/renamed; echo; cat /inline; echo; cat /etc/app.conf' | xargs)" "s3cret from-env-value inline text conf"
	is "$(sh_in a 'stat -c "%a" /run/secrets/from-file; stat -c "%u:%g %a" /run/secrets/renamed' | xargs)" "640 7:8 400"
	is "$(sh_in a 'stat -c "%u:%g %a" /deep/er; stat -c "%u:%g %a" /inline; cat /deep/er' | xargs)" "9:10 640 0:0 444 inline text"
	fails 1 c exec -T a sh -c 'echo x >/deep/er'
	hasnt "$(sh_in a env)" from-env-value
	# what the environment gave is in no file of the installation that others could read
	is "$(find "$COMPOSE_ROOT" -type f -perm /077 -exec grep -l from-env-value {} + 2>/dev/null)" ""
	ok c down -t 0
	is "$(grep -rl from-env-value "$COMPOSE_ROOT/projects" "$COMPOSE_ROOT/run" 2>/dev/null)" ""
}
# observes: secrets secrets[].source secrets[].target secrets[].uid secrets[].gid secrets[].mode
# observes: configs configs[].source configs[].target configs[].uid configs[].gid configs[].mode
t "secrets and configs" secrets

hostile() {
	# what a container leaves in a volume leads nowhere on the next start
	project hostile <<-'E'
		services:
		  evil: { image: busybox, volumes: ["v:/v"], command: sh -c "ln -s /etc /v/sub; ln -s / /v/root; ln -s /proc/self/root/etc /v/magic" }
		  below: { image: busybox, volumes: ["v:/v", "./bind:/v/root/canary"], command: ls /v/root/canary }
		volumes: { v: {} }
	E
	mkdir bind
	echo mine >bind/file
	ok c run --rm -T evil
	run c run --rm -T below
	[ ! -e /canary ] || flunk "a directory was made on the host"
	rmdir /canary 2>/dev/null || true
	ok c down -v
}
t "links in a volume stay inside the container" hostile
labels() {
	project labels <<-'E'
		services: { a: { image: busybox, command: "true", volumes: [{ type: volume, target: /v, volume: { labels: { team: blue } } }] } }
	E
	ok c up -d
	hasnt "$err" "no effect"
	is "$(jq -r '.labels[] | select(.key == "team") | .val' "$COMPOSE_ROOT"/volumes/*/volume.json)" blue
	ok c down -v
}
# observes: volumes[].volume.labels
t "labels of an anonymous volume" labels

subpath() {
	project subpath <<-'E'
		services:
		  fill: { image: busybox, command: sh -c 'mkdir -p /d/in/deep && echo deep >/d/in/deep/f && ln -s /etc /d/out && ln -s ../.. /d/up', volumes: ["data:/d"] }
		  dir: { image: busybox, init: true, command: payload ticks 1000, volumes: [{ type: volume, source: data, target: /s, volume: { subpath: in/deep } }] }
		  file: { image: busybox, init: true, command: payload ticks 1000, volumes: [{ type: volume, source: data, target: /etc/one, read_only: true, volume: { subpath: in/deep/f } }] }
		  link: { image: busybox, command: ls /s, volumes: [{ type: volume, source: data, target: /s, volume: { subpath: out } }] }
		  up: { image: busybox, command: ls /s, volumes: [{ type: volume, source: data, target: /s, volume: { subpath: up } }] }
		volumes: { data: }
	E
	ok c run --rm fill
	ok c up -d dir file
	is "$(sh_in dir 'cat /s/f; ls /s; echo new >/s/g' | xargs)" "deep f"
	is "$(sh_in file 'cat /etc/one; echo x >/etc/one' 2>&1 | grep -c 'deep\|Read-only')" 2
	is "$(cat "$COMPOSE_ROOT/volumes/subpath_data/_data/in/deep/g")" new
	# a link is followed inside the volume only: /etc is not there, .. leads no higher than its top
	fails 1 c run --rm link
	has "$err" "volume data has no out"
	is "$(c run --rm up | xargs)" "in out up"
	sed -i 's/subpath: out/subpath: none/' compose.yaml
	fails 1 c run --rm link
	has "$err" "volume data has no none"
	has "$err" "compose.yaml:5:"
	sed -i 's/subpath: none/subpath: ..\/x/' compose.yaml
	fails 3 c run --rm link
	has "$err" "is not below data"
	# gone or changed to a link between two starts
	ok c stop dir
	rm -r "$COMPOSE_ROOT/volumes/subpath_data/_data/in/deep"
	ln -s /etc "$COMPOSE_ROOT/volumes/subpath_data/_data/in/deep"
	fails 1 c start dir
	has "$err" "in/deep in"
	ok c down -v
}
# observes: volumes[].volume.subpath
t "volume.subpath: a directory or file of the volume, never what lies outside" subpath

recursive() {
	mkdir -p tree/sub
	mount -t tmpfs -o size=1m inner "$W/tree/sub"
	echo inner >tree/sub/f
	trap 'umount "$W/tree/sub"' EXIT
	project recursive <<-E
		x-b: &b { image: busybox, command: cat /proc/mounts }
		services:
		  plain: { <<: *b, volumes: ["$W/tree:/t:ro"] }
		  enabled: { <<: *b, volumes: [{ type: bind, source: $W/tree, target: /t, bind: { recursive: enabled } }] }
		  disabled: { <<: *b, volumes: [{ type: bind, source: $W/tree, target: /t, bind: { recursive: disabled } }] }
		  writable: { <<: *b, volumes: [{ type: bind, source: $W/tree, target: /t, read_only: true, bind: { recursive: writable } }] }
		  readonly: { <<: *b, volumes: [{ type: bind, source: $W/tree, target: /t, read_only: true, bind: { recursive: readonly } }] }
	E
	seen() { c run --rm -T "$1" | awk '$2 ~ /^\/t/ { print $2, substr($4, 1, 2) }' | xargs; }
	is "$(seen plain)" "/t ro /t/sub ro"
	is "$(seen enabled)" "/t rw /t/sub rw"
	is "$(seen disabled)" "/t rw"
	is "$(seen writable)" "/t ro /t/sub rw"
	is "$(seen readonly)" "/t ro /t/sub ro"
	sed -i 's/read_only: true, bind: { recursive: readonly }/bind: { recursive: readonly }/' compose.yaml
	fails 3 c up -d readonly
	has "$err" "needs a mount that is read-only"
	ok c down
	umount "$W/tree/sub"
	trap - EXIT
}
t "bind.recursive: what is mounted below the source" recursive

image_mount() {
	mkdir -p lib
	printf 'FROM busybox\nRUN mkdir -p /lib1/d && echo one >/lib1/d/f\nRUN echo two >/lib1/g && rm -r /bin\n' >lib/Dockerfile
	echo 'services: { l: { build: ., image: "local/lib:1" } }' >lib/compose.yaml
	ok c -f "$W/lib/compose.yaml" -p lib build
	project imgmount <<-'E'
		services:
		  a:
		    image: busybox
		    init: true
		    command: payload ticks 1000
		    volumes:
		      - { type: image, source: "local/lib:1", target: /whole }
		      - { type: image, source: "local/lib:1", target: /part, image: { subpath: lib1/d } }
		      - { type: image, source: "local/lib:1", target: /etc/g, image: { subpath: lib1/g } }
		      - { type: image, source: busybox, target: /base }
	E
	ok c up -d
	is "$(sh_in a 'cat /whole/lib1/d/f /whole/lib1/g /part/f /etc/g; ls /part; ls -d /whole/bin /base/bin' 2>/dev/null | xargs)" \
		"one two one two f /base/bin"
	is "$(sh_in a 'echo x >/whole/x; echo x >/part/x; echo x >/etc/g; echo x >/base/x' 2>&1 | grep -c Read-only)" 4
	is "$(sh_in a 'cat /proc/mounts' | awk '$2 ~ /^.(whole|part|base)/ { print $2, substr($4, 1, 2) }' | sort | xargs)" "/base ro /part ro /whole ro"
	ok c restart
	is "$(sh_in a cat /part/f)" one
	# in use: not collected; changed: made anew
	sed -i 's/echo one/echo other/' "$W/lib/Dockerfile"
	ok c -f "$W/lib/compose.yaml" -p lib build
	ok c image prune
	is "$(sh_in a cat /part/f)" one
	ok c --dry-run up -d
	has "$out" "recreate a: image local/lib:1, which it mounts, changed"
	ok c up -d
	is "$(sh_in a cat /part/f)" other
	ok c down
	sed -i 's/subpath: lib1.d/subpath: nope/' compose.yaml
	fails 1 c up -d
	has "$err" "open nope in local/lib:1"
	ok c down
}
# observes: volumes[].image.subpath
t "mounts of type image: its files, read-only, whole or in part" image_mount

driver_opts() {
	mkdir -p outside
	echo o >outside/f
	project opts <<-E
		services:
		  a: { image: "local/data:1", init: true, command: payload ticks 1000, volumes: ["mem:/m", "dir:/d", "ro:/r", "seeded:/data"] }
		  b: { image: busybox, init: true, command: payload ticks 1000, volumes: ["mem:/m"] }
		volumes:
		  mem: { driver: local, driver_opts: { type: tmpfs, device: tmpfs, o: "size=3m,mode=1770,uid=12,noexec" } }
		  dir: { driver_opts: { type: none, o: bind, device: "$W/outside" } }
		  ro: { driver_opts: { type: tmpfs, device: none, o: ro } }
		  seeded: { driver_opts: { o: bind, device: "$W/empty" } }
	E
	mounted() { grep -c " $COMPOSE_ROOT/volumes/opts_" /proc/mounts || true; }
	unmounted() { [ "$(mounted)" = 0 ]; }
	fails 1 c up -d
	has "$err" "volume opts_seeded: device $W/empty"
	ok c down
	soon 20 unmounted
	mkdir "$W/empty"
	ok c up -d
	is "$(sh_in a 'stat -c "%a %u" /m; df -k /m | awk "END { print \$2 }"; cat /d/f; cat /data/file' | xargs)" "1770 12 3072 o from-image"
	is "$(sh_in a 'cat /proc/mounts' | awk '$2 == "/m" { print $3, $4 ~ /noexec/ } $2 == "/r" { print $3, substr($4, 1, 2) }' | xargs)" "tmpfs 1 tmpfs ro"
	sh_in a 'echo shared >/m/x; echo new >/d/g'
	is "$(sh_in b cat /m/x)" shared
	is "$(cat "$W/outside/g" "$W/empty/file" | xargs)" "new from-image"
	is "$(mounted)" 2
	ok c stop a                                # b still uses it
	is "$(sh_in b cat /m/x)" shared
	ok c start a
	is "$(sh_in a cat /m/x)" shared
	# a restart by the policy, a new worker, a one-off
	kill -9 "$(pgrep -f '^compose: worker opts')"
	ok c restart b
	is "$(c run --rm -T b cat /m/x)" shared
	ok c stop
	soon 20 unmounted
	ok c start
	is "$(sh_in a ls /m)" ""
	# a client that died after mounting
	ok c stop
	soon 20 unmounted
	mount -t tmpfs left "$COMPOSE_ROOT/volumes/opts_mem/_data"
	ok c down
	unmounted
	ok c up -d
	ok c down -v
	unmounted
	is "$(ls -A "$COMPOSE_ROOT/volumes" 2>/dev/null)" ""
	is "$(ls "$W/outside" "$W/empty" | xargs)" "$W/empty: file link sub $W/outside: f g"
}
t "driver_opts of the local driver: a mount that is there while somebody uses the volume" driver_opts

driver_opts_wrong() {
	project wrong <<-'E'
		services: { a: { image: busybox, command: "true", volumes: ["v:/v"] } }
		volumes:
		  v: { driver_opts: { type: nfs, device: ":/export", o: "addr=127.0.0.1,soft,timeo=1,retrans=0" } }
	E
	run c up -d                                # no such file system here, or nobody serves it
	hasnt "$rc" 0
	has "$err" "compose.yaml:3:"
	has "$err" "mount :/export (type nfs) for volume wrong_v"
	ok c down -v
	sed -i 's/type: nfs/type: nosuchfs/' compose.yaml
	fails 3 c up -d
	has "$err" "the kernel has no file system \"nosuchfs\""
	ok c down -v
	sed -i 's/type: nosuchfs, device/mountpoint/' compose.yaml
	fails 3 c up -d
	has "$err" "\"mountpoint\" is no option of the local driver"
	has "$err" "compose.yaml:3:"
	sed -i 's/driver_opts:.*/driver: nfs }/' compose.yaml
	fails 3 c up -d
	has "$err" "\`driver: nfs\` is not supported yet"
}
t "driver_opts that cannot be: told with the reason" driver_opts_wrong

done_testing

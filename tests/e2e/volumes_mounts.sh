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
t "tmpfs, read_only" tmpfs

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
		    configs: [inline, { source: from-file, target: /etc/app.conf }]
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
	hasnt "$(sh_in a env)" from-env-value
	# what the environment gave is in no file of the installation that others could read
	is "$(find "$COMPOSE_ROOT" -type f -perm /077 -exec grep -l from-env-value {} + 2>/dev/null)" ""
	ok c down -t 0
	is "$(grep -rl from-env-value "$COMPOSE_ROOT/projects" "$COMPOSE_ROOT/run" 2>/dev/null)" ""
}
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
done_testing

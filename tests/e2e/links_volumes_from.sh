#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a service has from others: links with other names, external_links, volumes_from.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

addr() { c exec -T "$1" getent hosts "$2" | sed 's/ .*//'; }
own() { jq -r '.endpoints[0].ipv4' "$COMPOSE_ROOT"/projects/"$1"/"$(c -p "$1" ps -aq "$2")"*/status.json; }

links() {
	project links <<-'E'
		services:
		  a: { image: busybox, init: true, command: payload ticks 1000, links: ["db:database", "db:Store", "db"] }
		  b: { image: busybox, init: true, command: payload ticks 1000 }
		  db: { image: busybox, init: true, command: payload ticks 1000 }
	E
	# who is linked comes along, and first
	ok c --dry-run up a
	has "$out" "links-db-1"
	ok c up -d
	is "$(addr a database)" "$(own links db)"
	is "$(addr a STORE)" "$(own links db)"
	is "$(addr a db)" "$(own links db)"
	is "$(c exec -T b getent hosts database)" ""       # for the one that says so alone
	sed -i 's/db:database/db:other/' compose.yaml
	ok c --dry-run up
	has "$out" "recreate a: links changed, compose.yaml:2:"
	ok c up -d
	matches "$(addr a other)" '^[0-9]'
	is "$(c exec -T a getent hosts database)" ""
	kill -9 "$(pgrep -f '^compose: worker links')"     # the next worker knows them as well
	again() { [ -n "$(addr a other)" ]; }
	soon 20 again
	ok c down
}
# observes: links
t "links: another name for a service, in this container alone" links

external() {
	project outer <<-'E'
		services: { db: { image: busybox, init: true, command: payload ticks 1000, container_name: the-db } }
		networks: { default: { name: shared } }
	E
	ok c up -d
	project inner <<-'E'
		services:
		  a: { image: busybox, init: true, command: payload ticks 1000, external_links: ["the-db:db", the-db] }
		  b: { image: busybox, init: true, command: payload ticks 1000, external_links: [the-db], networks: [own] }
		networks: { default: { name: shared, external: true }, own: }
	E
	ok c up -d
	has "$err" "service b: external_links the-db: container the-db shares no network with it"
	is "$(addr a db)" "$(own outer db)"
	is "$(addr a the-db)" "$(own outer db)"
	ok c down
	sed -i 's/external_links: \[the-db\]/external_links: [no-db]/' compose.yaml
	fails 1 c up -d
	has "$err" "there is no container no-db"
	has "$err" "compose.yaml:3:"
	ok c down
	cd ../outer
	ok c down
}
# observes: external_links
t "external_links: a container of another project by its name" external

volumes_from() {
	mkdir -p host
	echo bind >host/f
	project from <<-E
		services:
		  a:
		    image: busybox
		    init: true
		    command: payload ticks 1000
		    volumes: ["data:/data", "/anon", "$W/host:/host:ro", { type: tmpfs, target: /tmp/fs }, "$W/host:/both"]
		    configs: [{ source: c, target: /conf }]
		  b: { image: busybox, init: true, command: payload ticks 1000, volumes_from: [a], volumes: ["other:/both"] }
		  r: { image: busybox, init: true, command: payload ticks 1000, volumes_from: ["a:ro"] }
		volumes: { data: , other: }
		configs: { c: { content: x } }
	E
	ok c --dry-run up b
	has "$out" "from-a-1"
	ok c up -d
	c exec -T a sh -c 'echo 1 >/data/x; echo 2 >/anon/x'
	is "$(c exec -T b sh -c 'cat /data/x /anon/x /host/f; ls /both /tmp /conf 2>/dev/null' | xargs)" "1 2 bind /both: /tmp:"
	is "$(c exec -T b cat /proc/mounts | grep -cE ' /(data|anon|both) .*rw')" 3
	is "$(c exec -T b cat /proc/mounts | grep -cE ' /host [^ ]* ro')" 1
	is "$(c exec -T r cat /proc/mounts | awk '{ print $2, substr($4, 1, 2) }' | grep -E '^/(data|anon|both|host) ' | sort | xargs)" \
		"/anon ro /both ro /data ro /host ro"
	is "$(c exec -T r sh -c 'echo no >/data/y' 2>&1 | grep -c 'Read-only')" 1
	is "$(c run --rm b ls -d /data /anon /host | xargs)" "/anon /data /host"
	# made anew with what it is taken from
	sed -i 's/payload ticks 1000$/payload ticks 1001/' compose.yaml
	ok c --dry-run up
	has "$out" "recreate b: it shares what belongs to a, which is made anew"
	ok c up -d
	is "$(c exec -T b cat /anon/x)" 2
	ok c down -v
	is "$(ls -A "$COMPOSE_ROOT/volumes" 2>/dev/null)" ""
}
# observes: volumes_from
t "volumes_from: a service's mounts, also read-only; its own come first" volumes_from

from_container() {
	project src <<-'E'
		services: { a: { image: busybox, init: true, command: payload ticks 1000, container_name: src, volumes: ["data:/data"] } }
		volumes: { data: }
	E
	ok c up -d
	c exec -T a sh -c 'echo from-src >/data/x'
	project dst <<-'E'
		services:
		  a: { image: busybox, command: cat /data/x, volumes_from: ["container:src:ro"] }
	E
	ok c up -d
	logged() { has "$(c logs a)" from-src; }
	soon 20 logged
	ok c down
	sed -i 's/container:src:ro/container:none/' compose.yaml
	fails 1 c up -d
	has "$err" "there is no container none"
	has "$err" "compose.yaml:2:"
	ok c down
	cd ../src
	ok c down -v
	project mode <<-'E'
		services: { a: { image: busybox, command: "true" }, b: { image: busybox, volumes_from: ["a:rx"] } }
	E
	fails 3 c up -d
	has "$err" "mode rx is neither ro nor rw"
	has "$err" "compose.yaml:1:"
	ok c down
}
t "volumes_from container:NAME" from_container

done_testing

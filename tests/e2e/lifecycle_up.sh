#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# up, again, changed, scaled, with orphans; stop, start, restart, kill, rm, down; ps and ls tell the truth all along.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

ids() { c ps -aq | sort; }
id_of() { c ps -q "$1"; }
# When the first process of a service's container began.
began() { c exec -T "$1" cut -d' ' -f22 /proc/1/stat; }
states() { ps_json | jq -r '.Name + " " + .State' | sort | xargs; }

three() {
	cat <<-E
		services:
		  web: { image: busybox, depends_on: [api], init: true, command: payload ticks 1000, environment: { A: "${1-1}" } }
		  api: { image: busybox, depends_on: [db], init: true, command: payload ticks 1000 }
		  db: { image: busybox, init: true, command: payload ticks 1000, volumes: ["data:/data"] }
		volumes: { data: {} }
	E
}

first() {
	project app < <(three)
	ok c up -d
	is "$out" ""
	for n in web api db; do
		has "$err" "Container app-$n-1 Started"
		[ "$(grep -n "app-$n-1 Started" <<<"$err" | cut -d: -f1)" -gt "$(grep -n "app-$n-1 Created" <<<"$err" | cut -d: -f1)" ]
	done
	has "$err" "Network app_default Created"
	has "$err" "Volume app_data Created"
	is "$(grep Started <<<"$err" | xargs)" "Container app-db-1 Started Container app-api-1 Started Container app-web-1 Started"
	is "$(states)" "app-api-1 running app-db-1 running app-web-1 running"
	ok c exec -T db sh -c 'echo kept >/data/file; echo kept >/layer'
	ids >"$T/ids"
}
# observes: depends_on
t "the first up makes everything, dependencies first" first

second() {
	cd "$W/app"
	ok c up -d
	is "$(ids)" "$(cat "$T/ids")"
	for n in web api db; do has "$err" "Container app-$n-1 Running, unchanged"; done
	hasnt "$err" Creat
	hasnt "$err" Start
	ok c --dry-run up -d
	is "$(ids)" "$(cat "$T/ids")"
	has "$out" "unchanged: app-web-1"
}
t "the second changes nothing and says so" second

changed() {
	local web

	project app < <(three 2)
	web=$(id_of web)
	ok c --dry-run up -d
	has "$out" "recreate web: environment.A changed, compose.yaml:2:"
	is "$(ids)" "$(cat "$T/ids")"
	ok c up -d
	echo "$err" >"$T/changed"
	has "$err" "Container app-db-1 Running, unchanged"
	[ "$(id_of web)" != "$web" ] || flunk "web is the old one"
	is "$(comm -12 <(ids) "$T/ids" | wc -l)" 2
	ok c exec -T web sh -c 'echo $A'
	is "$out" 2
	ok c exec -T db cat /layer
	is "$(states)" "app-api-1 running app-db-1 running app-web-1 running"
	ids >"$T/ids"
}
t "a change makes that service anew alone" changed

told() { has "$(cat "$T/changed")" "environment.A changed, compose.yaml:2:"; }
t "and its cause is told" told

changed_image() {
	cd "$W/app"
	c image tag busybox:latest local/other:1
	sed -i '/ api:/s/image: busybox/image: "local\/other:1"/' compose.yaml
	ok c up -d
	is "$(comm -12 <(ids) "$T/ids" | wc -l)" 2
	ids >"$T/ids"
	# the same name, another image
	mkdir -p ctx
	printf 'FROM busybox\nRUN echo 2 >/version\n' >ctx/Dockerfile
	sed -i '/ api:/s/image: "local\/other:1"/image: "local\/other:1", build: .\/ctx/' compose.yaml
	ok c build api
	ok c up -d
	is "$(comm -12 <(ids) "$T/ids" | wc -l)" 2
	ok c exec -T api cat /version
	is "$out" 2
	ids >"$T/ids"
	ok c up -d --build
	is "$(ids)" "$(cat "$T/ids")"
}
t "another image, or another one of that name" changed_image

stopped() {
	local api

	cd "$W/app"
	ok c stop api
	is "$(states)" "app-api-1 exited app-db-1 running app-web-1 running"
	is "$(field api .ExitCode)" 143
	ok c ps
	hasnt "$out" app-api-1
	matches "$(c ps -a)" 'app-api-1 .*Exited \(143\)'
	ok c stop api
	ok c start api
	is "$(states)" "app-api-1 running app-db-1 running app-web-1 running"
	is "$(ids)" "$(cat "$T/ids")"
	ok c exec -T api sh -c 'echo x >/layer'
	api=$(field api .ID)
	before=$(began api)
	ok c restart api
	is "$(field api .ID)" "$api"
	[ "$(began api)" != "$before" ] || flunk "it has not been restarted"
	ok c exec -T api cat /layer
	is "$out" x
}
t "stop, start, restart keep the container and its files" stopped

order() {
	cd "$W/app"
	ok c --progress plain stop
	is "$(grep -o 'app-[a-z]*-1 Stopped' <<<"$err" | xargs)" "app-web-1 Stopped app-api-1 Stopped app-db-1 Stopped"
	ok c --progress plain start
	is "$(grep -o 'app-[a-z]*-1 Started' <<<"$err" | xargs)" "app-db-1 Started app-api-1 Started app-web-1 Started"
}
t "stop goes from dependents to dependencies, start the other way" order

killed() {
	cd "$W/app"
	ok c kill api
	soon 5 service_ended api 137
	ok c kill -s SIGTERM web
	soon 5 service_ended web 143
	ok c kill web
	has "$err" "No container to kill"
	fails 2 c kill -s SIGNOSUCH db
	has "$err" SIGNOSUCH
	is "$(field db .State)" running
	ok c rm -f
	is "$(states)" "app-db-1 running"
	ok c rm -f db
	is "$(states)" "app-db-1 running"
	ok c rm -fs db
	is "$(states)" ""
	ok c up -d
	ok c exec -T db cat /data/file
	is "$out" kept
	fails 1 c exec -T db cat /layer
}
t "kill, rm; a named volume outlives its container" killed

paused() {
	cd "$W/app"
	ok c pause db
	is "$(field db .State)" paused
	matches "$(c ps)" 'app-db-1 .*\(Paused\)'
	n=$(c logs --no-log-prefix db | wc -l)
	sleep 1.5
	is "$(c logs --no-log-prefix db | wc -l)" "$n"
	fails 1 c exec -T db true
	ok c unpause db
	is "$(field db .State)" running
	ok c exec -T db true
	ok c pause db
	ok c stop -t 1 db
	is "$(field db .State)" exited
	ok c up -d
}
t "pause and unpause" paused

scaled() {
	cd "$W/app"
	ok c up -d --scale web=3
	is "$(states)" "app-api-1 running app-db-1 running app-web-1 running app-web-2 running app-web-3 running"
	one=$(ps_json | jq -r 'select(.Name == "app-web-1").ID')
	ok c exec -T --index 2 web hostname
	is "$out" "$(ps_json | jq -r 'select(.Name == "app-web-2").ID[:12]')"
	ok c up -d --scale web=2
	is "$(states)" "app-api-1 running app-db-1 running app-web-1 running app-web-2 running"
	is "$(ps_json | jq -r 'select(.Name == "app-web-1").ID')" "$one"
	ok c scale web=1
	is "$(states)" "app-api-1 running app-db-1 running app-web-1 running"
	ok c up -d --scale web=0
	is "$(states)" "app-api-1 running app-db-1 running"
	ok c up -d
}
# observes: scale
t "scale up and down" scaled

named() {
	cd "$W/app"
	ok c down
	ok c up -d api
	is "$(states)" "app-api-1 running app-db-1 running"
	ok c up -d --no-deps web
	ok c down
	ok c up -d --no-deps web
	is "$(states)" "app-web-1 running"
	ok c create
	is "$(states)" "app-api-1 created app-db-1 created app-web-1 running"
	ok c up -d
	is "$(states)" "app-api-1 running app-db-1 running app-web-1 running"
}
t "up of named services, --no-deps, create" named

orphans() {
	cd "$W/app"
	ok c ls
	matches "$out" "app +running\(3\) +$W/app/compose.yaml"
	printf 'services:\n  web: { image: busybox, init: true, command: payload ticks 1000 }\n' >compose.yaml
	ok c up -d
	has "$err" "orphan"
	has "$err" app-api-1
	is "$(states)" "app-api-1 running app-db-1 running app-web-1 running"
	ok c up -d --remove-orphans
	is "$(states)" "app-web-1 running"
}
t "orphans are named, and removed when asked for" orphans

without_file() {
	cd "$W"
	ok c -p app ps
	has "$out" app-web-1
	ok c -p app stop
	ok c -p app start
	ok c -p app exec -T web true
	ok c -p app logs web
	has "$out" "web-1"
	ok c -p app down -v
	is "$(c -p app ps -aq)" ""
	ok c ls -a
	hasnt "$out" app
	ok c -p app down -v
}
t "-p NAME alone; down, twice" without_file

images_removed() {
	project rmi <<-'E'
		services:
		  built: { build: { dockerfile_inline: "FROM busybox\nCMD payload ticks 1000" } }
		  tagged: { image: "local/other:1", init: true, command: payload ticks 1000 }
	E
	ok c up -d
	ok c images
	has "$out" rmi-built
	ok c image inspect rmi-built
	ok c down --rmi local
	fails 1 c image inspect rmi-built
	ok c image inspect local/other:1
	ok c up -d tagged
	ok c down --rmi all
	fails 1 c image inspect local/other:1
	ok c image inspect busybox:latest
}
t "down --rmi" images_removed

# What one `up` makes and another removes, at the same time: no half of anything.
concurrent() {
	local i pids=()

	project conc < <(three)
	for i in 1 2 3; do
		c up -d >"$T/out/$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || flunk "$(cat "$T"/out/[123])"; done
	is "$(states)" "conc-api-1 running conc-db-1 running conc-web-1 running"
	c down -v -t 0 >"$T/out/1" 2>&1 &
	c down -v -t 0 >"$T/out/2" 2>&1 || flunk "$(cat "$T/out/2")"
	wait $! || flunk "$(cat "$T/out/1")"
	is "$(states)" ""
}
t "commands at the same time take turns" concurrent
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From what there is to what the file says: what is made anew and why, what is kept, started, renamed, removed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

id_of() { c ps -aq --no-trunc "$@"; }
states() { ps_json | jq -r '.Name + " " + .State' | sort | xargs; }
# The first process of a service's container is another one than before.
began() { jq -r '.pid, .started_ns' "$COMPOSE_ROOT/projects/$1/$(id_of "$2")/status.json" | xargs; }

chain() {
	cat <<-E
		services:
		  web: { image: busybox, command: sleep 1000, depends_on: [api], environment: { A: "${1-1}" } }
		  api: { image: busybox, command: sleep 1000, depends_on: [db], environment: { A: "${2-1}" } }
		  db: { image: busybox, command: sleep 1000, environment: { A: "${3-1}" } }
		  side: { image: busybox, command: sleep 1000, environment: { A: "${4-1}" } }
	E
}
# remember: the containers as they are; same NAME.../other NAME...: those services have still the same one, or another
remember() { for s in web api db side; do id_of $s >"$T/id.$s"; done; }
same() { for s; do is "$s $(id_of "$s")" "$s $(cat "$T/id.$s")"; done; }
other() { for s; do [ "$(id_of "$s")" != "$(cat "$T/id.$s")" ] || flunk "$s was not made anew"; done; }

how_far() {
	project flags < <(chain)
	ok c up -d
	remember
	project flags < <(chain 2 2 2 2)
	ok c up -d --no-recreate
	same web api db side
	is "$(c exec -T web sh -c 'echo $A')" 1
	# of a named service what it depends on is brought up to date too; the others are not looked at
	ok c up -d api
	has "$err" "Container flags-api-1 Recreat"
	same web side
	other api db
	remember
	ok c up -d --no-deps web
	same api db side
	other web
	remember
	ok c up -d
	same web api db
	other side
	remember
	ok c --dry-run up -d --force-recreate api
	matches "$out" "api.*--force-recreate"
	ok c up -d --force-recreate api
	same web db side
	other api
	remember
	ok c up -d --force-recreate --always-recreate-deps api
	same web side
	other api db
	remember
	ok c up -d --force-recreate
	other web api db side
	fails 2 c up -d --force-recreate --no-recreate
	fails 2 c up -d --no-recreate --always-recreate-deps
	ok c down -t 0
}
t "--no-recreate, --force-recreate, --always-recreate-deps; named services and what they depend on" how_far

# Keys that are not of the container.
apart() {
	project apart <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, environment: { A: "1" } }
		  b: { image: busybox, command: sleep 1000 }
	E
	ok c up -d
	id_of a >"$T/a"
	cat >more.yaml <<-'E'
		services:
		  a:
		    attach: false
		    depends_on: [b]
		    pull_policy: never
		    scale: 1
		    profiles: []
		    expose: [80]
		    develop: { watch: [ { action: sync, path: ., target: /t } ] }
		    deploy: { replicas: 1, labels: { l: v }, placement: { constraints: [x] }, update_config: { order: start-first } }
		    x-mine: { any: thing }
	E
	ok c -f compose.yaml -f more.yaml up -d
	has "$err" "Container apart-a-1 Running, unchanged"
	is "$(id_of a)" "$(cat "$T/a")"
	change() { # KEY: VALUE, CAUSE
		printf 'services: { a: { %s } }\n' "$1" >one.yaml
		ok c -f compose.yaml -f one.yaml --dry-run up -d
		has "$out" "recreate a: $2, one.yaml:1:"
	}
	change 'environment: { A: "2" }' "environment.A changed"
	change 'labels: { l: v }' "labels added"
	change 'stop_grace_period: 3s' "stop_grace_period added"
	change 'healthcheck: { test: "true" }' "healthcheck added"
	change 'restart: always' "restart added"
	change 'deploy: { resources: { limits: { pids: 7 } } }' "deploy added"
	change 'command: sleep 2000' "command changed"
	is "$(id_of a)" "$(cat "$T/a")"
	ok c down -t 0
}
t "what makes a container anew, with its cause, and what does not" apart

image() {
	project image <<-'E'
		services:
		  a: { image: local/moving, command: sleep 1000 }
		  b: { image: busybox, command: sleep 1000 }
	E
	c image tag busybox local/moving
	ok c up -d
	id_of a >"$T/a"
	id_of b >"$T/b"
	printf 'services: { x: { image: local/moving, build: { dockerfile_inline: "FROM busybox\\nRUN touch /new" } } }\n' >build.yaml
	ok c -f build.yaml -p other build
	ok c --dry-run up -d
	has "$out" "recreate a: image local/moving changed"
	ok c up -d
	[ "$(id_of a)" != "$(cat "$T/a")" ]
	is "$(id_of b)" "$(cat "$T/b")"
	ok c exec -T a ls /new
	ok c up -d
	has "$err" "image-a-1 Running, unchanged"
	ok c down -t 0
}
t "an image that changed under its name" image

again() {
	project again <<-'E'
		services:
		  stopped: { image: busybox, command: sleep 1000 }
		  ended: { image: busybox, command: sh -c "echo run >>/runs; exit 3" }
		  killed: { image: busybox, command: sleep 1000 }
		  paused: { image: busybox, command: sleep 1000 }
		  runs: { image: busybox, command: sleep 1000 }
	E
	ok c up -d
	for s in stopped ended killed paused runs; do id_of $s >"$T/id.$s"; done
	c exec -T stopped touch /mine
	ok c stop -t 0 stopped
	ok c kill killed
	ok c pause paused
	soon 20 service_ended ended 3
	began again runs >"$T/began"
	ok c up -d
	for s in stopped ended killed paused runs; do is "$s $(id_of $s)" "$s $(cat "$T/id.$s")"; done
	is "$(ps_json | jq -r 'select(.Service != "ended").State' | sort -u)" running
	ok c exec -T stopped ls /mine
	soon 20 ran_twice
	is "$(began again runs)" "$(cat "$T/began")"
	ok c down -t 0
}
ran_twice() { [ "$(cat "$COMPOSE_ROOT/projects/again/$(id_of ended)/fs/upper/runs")" = $'run\nrun' ]; }
t "what was stopped, ended, killed or paused goes on, with its files; what runs is left alone" again

volumes() {
	project anon <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, volumes: [/own, "named:/named"], environment: { A: "1" }, scale: 2 }
		volumes: { named: }
	E
	ok c up -d
	for n in 1 2; do c exec -T --index $n a sh -c "echo $n >/own/x; echo $n >/named/$n"; done
	sed -i 's/A: "1"/A: "2"/' compose.yaml
	ok c up -d
	is "$(for n in 1 2; do c exec -T --index $n a cat /own/x; done | xargs)" "1 2"
	is "$(find "$COMPOSE_ROOT/volumes" -mindepth 1 -maxdepth 1 | wc -l)" 3
	ok c up -d -V
	is "$(c exec -T a cat /own/x)" 1 # nothing is made anew, so nothing is thrown away
	sed -i 's/A: "2"/A: "3"/' compose.yaml
	ok c up -d -V
	is "$(for n in 1 2; do c exec -T --index $n a ls /own /named; done | xargs)" "/named: 1 2 /own: /named: 1 2 /own:"
	is "$(find "$COMPOSE_ROOT/volumes" -mindepth 1 -maxdepth 1 | wc -l)" 3
	ok c down -v -t 0
	is "$(ls -A "$COMPOSE_ROOT/volumes")" ""
}
t "anonymous volumes go to the next container, each to its own; -V gives new ones" volumes

renamed() {
	local port

	port=$(free_port)
	project renamed <<-E
		services:
		  old: { image: busybox, command: payload http 80 old, ports: ["127.0.0.1:$port:80"], volumes: ["data:/data"] }
		  calm: { image: busybox, command: sleep 1000 }
		volumes: { data: }
	E
	ok c up -d
	c exec -T old sh -c 'echo kept >/data/x'
	id_of calm >"$T/calm"
	sed -i 's/ old:/ new:/; s/80 old/80 new/' compose.yaml
	fails 1 c up -d
	has "$err" "orphan"
	has "$err" "renamed-old-1"
	has "$err" "$port"
	is "$(get "http://127.0.0.1:$port/")" old # what serves goes on
	ok c up -d --remove-orphans
	is "$(states)" "renamed-calm-1 running renamed-new-1 running"
	soon 10 get "http://127.0.0.1:$port/"
	is "$(get "http://127.0.0.1:$port/")" new
	is "$(c exec -T new cat /data/x)" kept
	is "$(id_of calm)" "$(cat "$T/calm")"
	ok c down -v -t 0
}
t "a renamed service: the old one is an orphan, whose port and volume the new one gets" renamed

orphans() {
	project orphans <<-'E'
		services:
		  stays: { image: busybox, command: sleep 1000 }
		  goes: { image: busybox, command: sleep 1000 }
		  hidden: { image: busybox, command: sleep 1000, profiles: [p] }
	E
	ok c --profile p up -d
	ok c run -d --name one-off stays sleep 1000
	sed -i '/ goes:/d' compose.yaml
	ok c up -d
	has "$err" "orphans-goes-1"
	hasnt "$err" "orphans-hidden-1"
	hasnt "$err" "one-off"
	COMPOSE_IGNORE_ORPHANS=1 ok c up -d
	hasnt "$err" "found orphan"
	COMPOSE_REMOVE_ORPHANS=1 ok c up -d
	is "$(states)" "one-off running orphans-hidden-1 running orphans-stays-1 running"
	ok c --profile p down -t 0 --remove-orphans
	is "$(states)" ""
}
t "orphans: told, ignored, removed; profiles and one-offs are none" orphans

scaled() {
	project scaled <<-'E'
		services: { a: { image: busybox, command: sleep 1000, environment: { A: "1" } } }
	E
	names() { ps_json | jq -r .Name | sort | xargs; }
	ok c up -d --scale a=3
	id_of a | sort >"$T/ids"
	ok c rm -sf a
	ok c up -d --scale a=3
	is "$(names)" "scaled-a-1 scaled-a-2 scaled-a-3"
	ps_json | jq -r 'select(.Name == "scaled-a-1").ID' >"$T/one"
	# down: the highest numbers go
	ok c up -d --scale a=1
	is "$(names)" scaled-a-1
	is "$(ps_json | jq -r .ID)" "$(cat "$T/one")"
	# those that are made anew go first: with 2 left of the old and of the new
	ok c up -d --scale a=2
	sed -i 's/A: "1"/A: "2"/' compose.yaml
	ok c up -d --scale a=4 --no-recreate
	is "$(for n in 1 2 3 4; do c exec -T --index $n a sh -c 'echo $A'; done | xargs)" "1 1 2 2"
	ok c up -d --scale a=2
	is "$(names)" "scaled-a-3 scaled-a-4"
	ok c up -d --scale a=3
	is "$(names)" "scaled-a-3 scaled-a-4 scaled-a-5"
	ok c down -t 0
}
t "scale: the next number up; down those that must go anyway, then the highest" scaled

done_testing

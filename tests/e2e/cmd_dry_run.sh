#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cmd_dry_run.sh - --dry-run on every command that acts: it says what would be done, and nothing is.
IMAGES=busybox
. "$(dirname "$0")/../lib.sh"
need root

# Everything that a command could change: files with their content and times, processes, kernel objects.
state() {
	find "$COMPOSE_ROOT" "$W" -printf '%p %y %m %s %T@ %C@\n' | grep -v "^$COMPOSE_ROOT/run/projects/dry/ctl" | sort
	ps -eo pid=,stat=,args= | grep -F sleep\ 6543 | grep -v grep | awk '{ $2 = substr($2, 1, 1); print }'
	ip -o link show | grep -F "$MARK" | cut -d: -f2
}

dry_run() {
	local line

	project dry <<-'E'
		services:
		  web:
		    image: busybox:latest
		    command: sleep 6543
		    init: true
		    volumes: ["data:/data", /anonymous]
		    develop: { watch: [ { action: sync, path: ., target: /x } ] }
		  db: { image: "busybox:latest", command: sleep 6543, init: true, depends_on: [web] }
		  built: { build: { context: ., dockerfile_inline: "FROM busybox:latest" }, image: "127.0.0.1:1/x/built", profiles: [more] }
		volumes: { data: }
	E
	ok c up -d
	ok c stop db
	ok c image tag busybox:latest spare:1
	ok c ps
	sleep 1.1 # what the supervisor still writes about the stop, and a change of the clock's second
	state >"$T/was"
	while read -r line; do
		# shellcheck disable=SC2086
		run c --dry-run $line </dev/null
		[ $rc = 0 ] || flunk "$line: status $rc" "$err"
		grep -q '^ DRY-RUN MODE - ' <<<"$out" || flunk "$line says nothing:" "$out" "$err"
		! grep -v '^ DRY-RUN MODE - ' <<<"$out" || flunk "$line"
		state >"$T/now"
		diff "$T/was" "$T/now" || flunk "$line changed something"
	done <<-'E'
		up
		up -d --force-recreate --build --scale web=3
		up --wait --remove-orphans
		create --force-recreate
		run --rm web ls
		run -d --build built true
		start
		stop
		restart
		kill
		kill -s USR1
		rm -f
		rm -sfv
		down
		down -v --rmi all --remove-orphans
		pause
		scale web=4
		build built
		build --push built
		pull
		push built
		publish -y 127.0.0.1:1/x/app:1
		cp compose.yaml web:/there
		cp web:/etc/passwd here
		exec web touch /touched
		exec -d web touch /touched
		attach web
		commit web some/image
		export web -o file.tar
		wait --down-project db
		watch
		image rm spare:1
		image tag busybox other:1
		image prune
		image import compose.yaml x:1
	E
	# what only looks is not hindered
	ok c --dry-run ps -q
	is "$(wc -l <<<"$out")" 1
	ok c --dry-run exec web true
	is "$out" " DRY-RUN MODE - run true in container dry-web-1"
	ok c --dry-run up
	has "$out" "end of 'compose up' output, interactive run is not supported in dry-run mode"
	ok c --dry-run down
	has "$out" "remove container dry-web-1"
	ok c down -v -t 0
}
limit=180 t "every command that acts" dry_run

# Nothing is there yet, and nothing comes to be but the empty directories of the installation.
from_nothing() {
	project none <<-'E'
		services: { a: { image: "busybox:latest", ports: ["127.0.0.1:0:80"] } }
	E
	COMPOSE_ROOT=$T/fresh ok c --dry-run up -d
	has "$out" "create container none-a-1"
	is "$(find "$T/fresh" -type f ! -name oci-layout ! -name lock ! -name pin)" ""
}
t "on a host without anything" from_nothing
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cmd_commit.sh - `compose commit`: what the image of a container holds, and what runs from it.
. "$(dirname "$0")/../lib.sh"
need root

start() {
	project co <<-'E'
		services:
		  a:
		    image: busybox
		    command: sh -c 'mkdir -p /d; echo made > /d/made; sleep 1000'
		    init: true
		    working_dir: /tmp
		    environment: { COLOUR: green }
		    labels: { note: kept }
		    volumes: [ "vol:/vol" ]
		volumes: { vol: {} }
	E
	ok c up -d
	soon 5 c exec -T a test -e /d/made
	c exec -T a sh -c 'rm /etc/issue; rm -rf /var/spool; mkdir /var/spool; echo new > /var/spool/new; echo v > /vol/v; echo s > /d/suid; chown 5:6 /d/suid; chmod 4711 /d/suid; ln /d/made /d/hard'
}

commit() {
	local n

	cd co
	ok c commit -a me -m "a note" a co/img:1
	matches "$out" '^sha256:[0-9a-f]{64}$'
	c image inspect co/img:1 >"$T/out/img"
	is "$(jq -r '.[0] // . | .Author + "/" + .Comment' "$T/out/img")" "me/a note"
	is "$(jq -r '.[0] // . | .Config.WorkingDir' "$T/out/img")" /tmp
	is "$(jq -r '.[0] // . | .Config.Labels | to_entries | map(.key) | join(" ")' "$T/out/img")" note
	has "$(jq -r '.[0] // . | .Config.Env | join(" ")' "$T/out/img")" COLOUR=green
	hasnt "$(jq -r '.[0] // . | .Config.Env | join(" ")' "$T/out/img")" HOSTNAME
	is "$(field a .State)" running
	n=$(jq -r '.[0] // . | .RootFS.Layers | length' "$T/out/img")
	is "$n" "$(($(c image inspect busybox | jq -r '.[0] // . | .RootFS.Layers | length') + 1))"
}

runs() {
	project co2 <<-'E'
		services:
		  look: { image: "co/img:1", command: sh -c 'cat /d/made; ls /var/spool; ls /etc/issue; ls /vol; stat -c %u:%g:%a /d/suid; stat -c %h /d/hard; pwd; echo $$COLOUR' }
		  same: { image: "co/img:1", init: true }
	E
	run c up look
	out=$(c logs --no-log-prefix look)
	is "$out" "$(printf 'made\nnew\nls: /etc/issue: No such file or directory\n5:6:4711\n2\n/tmp\ngreen')"
	ok c up -d same
	has "$(c ps --no-trunc --format '{{.Command}}' same)" "sleep 1000"
	ok c down -t 1
}

changes() {
	cd co
	ok c commit -c 'CMD ["echo", "hello"]' -c 'ENV X=1' --pause=false a co/img:2
	is "$(c image inspect co/img:2 | jq -c '.[0] // . | .Config.Cmd')" '["echo","hello"]'
	fails 2 c commit -c 'RUN x' a co/img:3
	fails 1 c image inspect co/img:3
	fails 2 c commit a 'Bad Name'
	fails 2 c commit nope x
	ok c --dry-run commit a co/img:4
	has "$out" "commit container co-a-1"
	fails 1 c image inspect co/img:4
	is "$(field a .State)" running
}

# the writer is stopped while its layer is copied, and goes on after
pauses() {
	local n

	cd co
	c_bg events --json a
	told() { c kill -s WINCH a && grep -q '"kill"' "$T/out/bg"; }
	soon 10 told
	ok c commit a
	kill -INT "$bg"
	wait "$bg" && n=0 || n=$?
	is "$(jq -r 'select(.action != "kill") | .action' "$T/out/bg" | tr '\n' ' ')" "pause unpause "
}

at_rest() {
	cd co
	ok c stop -t 1 a
	ok c commit a co/img:rest
	ok c down -v
	for i in 1 2 rest; do ok c image rm "co/img:$i"; done
}

t "a service writes" start
t "commit makes an image" commit
t "the image holds what was written, and runs the same" runs
t "--change, and what is refused" changes
t "paused meanwhile" pauses
t "a stopped container" at_rest
done_testing

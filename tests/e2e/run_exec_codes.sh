#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run and exec: exit codes, standard input and output byte for byte, users, directories, variables, what stays behind.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

up_once() {
	project re <<-'E'
		services:
		  a:
		    image: busybox
		    init: true
		    command: payload ticks 1000
		    environment: { FROM_FILE: "1", Z: z }
		    volumes: ["/anon"]
		    ports: ["127.0.0.1:0:80"]
		  b: { image: busybox, depends_on: [dep], command: echo default, working_dir: /srv/app/deep, restart: always, container_name: fixed-name }
		  dep: { image: busybox, init: true, command: payload ticks 1000 }
	E
	ok c up -d a
}
t "up" up_once
at() { cd "$W/re"; }

codes() {
	local how

	at
	for how in "exec -T a" "run --rm -T a"; do
		# shellcheck disable=SC2086
		{
			ok c $how true
			fails 7 c $how sh -c 'exit 7'
			fails 255 c $how payload exit 255
			fails 137 c $how sh -c 'kill -KILL $$'
			fails 143 c $how sh -c 'kill -TERM $$; sleep 5'
			fails 127 c $how nosuch
			has "$err" nosuch
			fails 127 c $how /no/such/file
			fails 126 c $how /etc/passwd
			has "$err" /etc/passwd
			fails 126 c $how /etc
		}
	done
	is "$(ps_json | jq -r .Name | xargs)" re-a-1
}
t "exit codes: the program's own, 126, 127, 128 + signal" codes

up_codes() {
	project upcodes <<-'E'
		services:
		  gone: { image: busybox, command: nosuch }
	E
	fails 127 c up -d
	has "$err" nosuch
	has "$err" upcodes-gone-1
	sed -i 's/nosuch/\/etc\/passwd/' compose.yaml
	fails 126 c up -d
	has "$err" /etc/passwd
	ok c down
}
t "a command that is not there, or not executable, fails up" up_codes

streams() {
	local how

	at
	head -c 3000000 /dev/urandom >"$T/bytes"
	for how in "exec -T a" "run --rm -T a"; do
		# shellcheck disable=SC2086
		{
			c $how cat <"$T/bytes" >"$T/back"
			cmp "$T/bytes" "$T/back"
			is "$(printf 'a\0b\r\n\377' | c $how od -An -tx1 | xargs)" "61 00 62 0d 0a ff"
			run c $how sh -c 'echo out; echo err >&2'
			is "$out" out
			is "$err" err
			is "$(c $how cat </dev/null)" ""
			is "$(echo line | c $how sh -c 'read x; echo got $x')" "got line"
			# it may end without reading what it is given
			yes | head -c 1000000 | c $how true
			is "$(c $how payload spew 20000 | tail -n 1 | tr -d ' ')" "$(c $how payload spew 20000 | tail -n 1 | tr -d ' ')"
			is "$(c $how payload spew 20000 | wc -l)" 20000
		}
	done
}
t "standard input, output and error, byte for byte" streams

reader_goes() {
	at
	# shellcheck disable=SC2016
	run timeout 20 bash -c '"$COMPOSE" exec -T a payload spew 1000000 | head -n 1'
	is "$rc" 0
	soon 5 no_spew
}
no_spew() { [ -z "$(c exec -T a sh -c 'ps -o args | grep "[s]pew"')" ]; }
t "a reader that goes away ends the writer" reader_goes

options() {
	at
	ok c exec -T -e NEW=n -e Z=over --user 1000 -w /tmp a sh -c 'id -u; pwd; echo $NEW $Z $FROM_FILE'
	is "$(xargs <<<"$out")" "1000 /tmp n over 1"
	ok c run --rm -T -e NEW=n -e Z=over --user 1000:1001 -w /tmp a sh -c 'id -u; id -g; pwd; echo $NEW $Z $FROM_FILE'
	is "$(xargs <<<"$out")" "1000 1001 /tmp n over 1"
	export OUTER=from-outside
	ok c run --rm -T -e OUTER a sh -c 'echo $OUTER'
	is "$out" from-outside
	ok c run --rm -T --entrypoint "echo instead" a of it
	is "$out" "instead of it"
	mkdir -p host
	echo hello >host/file
	ok c run --rm -T -v ./host:/h:ro a cat /h/file
	is "$out" hello
	fails 1 c run --rm -T -v ./host:/h:ro a touch /h/new
	has "$err" "Read-only"
	ok c run --rm -T --name my-name a hostname
	ok c run --rm -T a sh -c 'hostname; cat /proc/1/comm'
	ok c exec -d a sh -c 'echo done >/tmp/detached'
	soon 5 c exec -T a cat /tmp/detached
	ok c exec -T --privileged a payload caps
	is "$(awk '/^CapEff/ { print $2 }' <<<"$out")" "$(awk '/^CapBnd/ { print $2 }' /proc/self/status)"
	run c exec -T --user nosuch a true
	[ "$rc" != 0 ]
	has "$err" "user nosuch"
}
t "-e, --user, -w, --entrypoint, -v, --name, -d, --privileged" options

one_off() {
	at
	ok c run -T b
	is "$out" default
	is "$(field dep .State)" running
	has "$(c ps -a)" "b-run-"
	hasnt "$(c ps)" "b-run-"
	is "$(ps_json b | jq -r '.State + " " + (.ExitCode | tostring)')" "exited 0"
	hasnt "$(c ps -a)" fixed-name
	ok c run --rm -T b pwd
	is "$out" /srv/app/deep
	ok c run --rm --no-deps -T b echo alone
	# in the background
	ok c run -d a payload ticks 1000
	name=$out
	matches "$name" '^re-a-run-'
	has "$(c ps -a)" "$name"
	# it does not take the service's port, nor its place as a replica
	ok c up -d a
	has "$err" unchanged
	ok c run --rm -T --service-ports a true
	ok c down --remove-orphans -t 0
	is "$(c ps -aq)" ""
	ok c up -d a
}
t "one-off containers: dependencies, names, --rm, -d" one_off

published() {
	local port

	at
	port=$(free_port)
	c_bg run --rm -T -p "127.0.0.1:$port:80" a payload http 80 from-run
	soon 10 get "http://127.0.0.1:$port/"
	is "$(get "http://127.0.0.1:$port/")" from-run
	kill -TERM $bg
	sleep 0.3
	kill -TERM $bg || true
	wait $bg || true
	soon 5 nothing_listens "$port"
}
nothing_listens() { [ -z "$(ss -Hltn "sport = :$1")" ]; }
t "run -p; a signal to run ends the container" published

interrupted() {
	at
	c_bg run --rm -T a payload signal-report 3
	soon 10 grep -q ready "$T/out/bg"
	kill -INT $bg
	code=0
	wait $bg || code=$?
	has "$(cat "$T/out/bg")" "got SIGINT"
	is "$code" 3
	is "$(ps_json | jq -r .Name | xargs)" re-a-1
}
t "Ctrl-C goes to the program; --rm removes it after" interrupted

killed_client() {
	at
	c_bg run -T a payload ticks 100
	soon 10 grep -q 1 "$T/out/bg"
	kill -KILL $bg
	wait $bg || true
	sleep 0.3
	is "$(ps_json a | jq -r 'select(.Name | test("run")).State')" running
	ok c down --remove-orphans -t 0
	ok c up -d a
}
t "kill -9 of run leaves the container to the supervisor" killed_client

not_possible() {
	at
	ok c stop -t 0 a
	fails 1 c exec -T a true
	has "$err" "not running"
	fails 1 c exec -T --index 7 a true
	has "$err" "no container 7"
	ok c down -v -t 0
}
t "exec where nothing runs" not_possible
done_testing

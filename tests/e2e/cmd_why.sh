#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cmd_why.sh - `compose why`: the cause comes first, and it is the right one.
. "$(dirname "$0")/../lib.sh"
need root

because() { sed -n 's/^  because: //p' <<<"$out" | head -n 1; }

# why SERVICE STATE TEXT: once it is in that state, the first cause holds TEXT
why() {
	soon 15 service_is "$1" "$2"
	ok c why "$1"
	has "$(because)" "$3"
}

start() {
	project why <<-'E'
		services:
		  none: { image: busybox, command: /no/such }
		  interp: { image: busybox, command: /bad, volumes: [ "./bad:/bad" ] }
		  crlf: { image: busybox, command: /crlf, volumes: [ "./crlf:/crlf" ] }
		  perm: { image: busybox, command: /plain, volumes: [ "./plain:/plain" ] }
		  arch: { image: busybox, command: /arch, volumes: [ "./arch:/arch" ] }
		  loader: { image: busybox, command: /loader, volumes: [ "./loader:/loader" ] }
		  oom: { image: busybox, command: tail /dev/zero, mem_limit: 16m }
		  library:
		    image: busybox
		    command: [ sh, -c, "echo 'x: error while loading shared libraries: libmagic.so.1: cannot open' >&2; exit 127" ]
		  code: { image: busybox, command: [ sh, -c, "echo one; echo 'fatal: no config'; exit 3" ] }
		  done: { image: busybox, command: "true" }
		  crash: { image: busybox, command: [ sh, -c, "kill -SEGV $$$$" ], init: true }
		  sick:
		    image: busybox
		    command: sleep 1000
		    init: true
		    healthcheck: { test: "echo not yet; exit 1", interval: 200ms, retries: 2, timeout: 5s }
		  after: { image: busybox, command: sleep 1, depends_on: { code: { condition: service_completed_successfully } } }
		  fine: { image: busybox, command: sleep 1000, init: true }
		  deaf: { image: busybox, command: [ sh, -c, "trap '' TERM; while :; do sleep 0.2; done" ], stop_grace_period: 300ms }
	E
	printf '#!/opt/python9 -u\nx\n' >bad
	printf '#!/bin/sh\r\necho\r\n' >crlf
	echo hello >plain
	printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\026\000\001\000\000\000' >arch
	head -c 100 /dev/zero >>arch
	cp /bin/true loader
	chmod +x bad crlf arch loader
	for s in none interp crlf perm arch loader oom library code done crash sick fine deaf; do
		run c up -d $s
	done
	run c up -d after
}

not_run() {
	cd why
	why none exited "exec /no/such"
	why interp exited "it is a script for /opt/python9, which is not there"
	why crlf exited "ends with a carriage return"
	why perm exited "not an executable file"
	why arch exited "it is a program for s390x"
	why loader exited "its loader /lib"
}

ended() {
	cd why
	why oom exited "out of memory at its limit of 16 MiB"
	why library exited "the library libmagic.so.1 is missing"
	why code exited "ended by itself with code 3"
	has "$out" "    | fatal: no config"
	ok c why -n 1 code
	hasnt "$out" "| one"
	why done exited "done its work"
	why crash exited "crashed: SIGSEGV"
}

running() {
	cd why
	service_unhealthy() { [ "$(field sick .Health)" = unhealthy ]; }
	soon 15 service_unhealthy
	why sick running "the last one said: not yet"
	why fine running "nothing is wrong"
	why after created "it waits for code, which failed: its program ended by itself with code 3"
	ok c why
	hasnt "$out" why-fine-1
	hasnt "$out" why-done-1
	has "$out" why-oom-1
	fails 2 c why nope
}

by_us() {
	local pid

	cd why
	ok c stop deaf
	why deaf exited "compose killed it"
	has "$out" "SIGTERM"
	ok c stop -t 5 fine
	why fine exited "compose stopped it"
	ok c start fine
	pid=$(c top fine | awk '/sleep 1000/ { print $4; exit }')
	kill -KILL "$pid"
	why fine exited "SIGKILL ended it, and compose did not send it"
	ok c start fine
	ok c kill fine
	why fine exited "compose killed it"
}

ports() {
	local port pid

	port=$(free_port)
	project whyport <<-E
		services:
		  a: { image: busybox, command: sleep 1000, ports: [ "127.0.0.1:$port:80" ] }
		  b: { image: busybox, command: sleep 1000, ports: [ "127.0.0.1:$port:80" ] }
	E
	ok c up -d a
	run c up -d b
	ok c why b
	has "$out" "already allocated by container whyport-a-1"
	run c -p other up -d a
	ok c -p other why a
	has "$out" "port $port/tcp is held by project whyport"
	ok c -p other down
	ok c down -t 0
	ok c why a
	has "$out" "it has no container"
}

stop() {
	cd why
	ok c down -t 0
}

t "services in all states" start
t "commands that could not be run" not_run
t "containers that ended" ended
t "containers that run, or wait" running
t "who sent the signal" by_us
t "who holds the port" ports
t "down" stop
done_testing

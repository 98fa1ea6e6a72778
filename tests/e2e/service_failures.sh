#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Why a service failed: `up` says so at once, `compose why` says so later, and both tell the cause first.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

because() { sed -n 's/^  because: //p' <<<"$1" | head -n 1; }
# cause SERVICE CAUSE: the `up` that failed tells it once, and `why` begins with it
cause() {
	is "$(grep '^  because: ' <<<"$err" | grep -cF -- "$2")" 1
	ok c why "$1"
	has "$(because "$out")" "$2"
}
# A program of this image, and one that the kernel or a loader will not run.
program() { printf "$2" >"$1" && chmod "${3-755}" "$1"; }
down() { ok c down -t 0; }

# cannot_start COMMAND CAUSE FILE TEXT [MODE]
cannot_start() {
	local what=$1 why=$2

	shift 2
	project start <<-E
		services: { a: { image: busybox, command: $what, volumes: ["./$1:/$1"] } }
	E
	program "$@"
	run c up -d
	[ "$rc" = 126 ] || [ "$rc" = 127 ] || flunk "status $rc" "$err" # as a shell ends that cannot run it
	cause a "$why"
	[ "$(field a .State)" = exited ]
	down
	rm "$1"
}
# wants: the check of up --wait that is never met, so that an end is a failure
readonly NEVER='healthcheck: { test: "false", interval: 100s }'
# died KEYS CODE CAUSE
died() {
	project died <<-E
		services: { a: { image: busybox, $1, $NEVER } }
	E
	fails 1 c up --wait
	is "$(field a .ExitCode)" "$2"
	cause a "$3"
}

interpreter() { cannot_start /prog "it is a script for /opt/python9, which is not there" prog '#!/opt/python9 -u\nx\n'; }
t "a script whose interpreter is not there" interpreter
carriage() { cannot_start /prog "ends with a carriage return" prog '#!/bin/sh\r\necho\r\n'; }
t "a script written on another system" carriage
architecture() {
	cannot_start /prog "it is a program for s390x" prog \
		"\\177ELF\\002\\001\\001\\0\\0\\0\\0\\0\\0\\0\\0\\0\\002\\0\\026\\0\\001\\0\\0\\0$(printf '\\0%.0s' {1..80})"
}
t "a program for another architecture" architecture
permission() { cannot_start /prog "not an executable file: permission denied" prog '#!/bin/sh\n' 644; }
t "a program that may not be executed" permission
missing() {
	project gone <<<'services: { a: { image: busybox, command: [no-such-program, x] } }'
	fails 127 c up -d
	cause a 'exec "no-such-program": executable file not found in $PATH'
	down
}
t "a program that is not there" missing
loader() {
	project loader <<<'services: { a: { image: busybox, command: /prog, volumes: ["./prog:/prog"] } }'
	cp /bin/true prog
	fails 127 c up -d
	cause a "its loader /lib"
	down
}
t "a program whose loader is not there" loader

library() {
	died 'command: [sh, -c, "echo \"x: error while loading shared libraries: libmagic.so.1: cannot open\" >&2; exit 127"]' 127 \
		"the library libmagic.so.1 is missing"
	down
}
t "a library that is missing" library
memory() {
	died 'command: sh -c "sleep 0.2; exec tail /dev/zero", mem_limit: 16m' 137 "out of memory at its limit of 16 MiB"
	down
}
t "out of memory" memory
signal() {
	died 'init: true, command: [sh, -c, "kill -SEGV $$$$"]' 139 "its program crashed: SIGSEGV"
	down
}
t "a crash" signal
code() {
	died 'command: [sh, -c, "echo one; echo \"fatal: no config\" >&2; exit 3"]' 3 "its program ended by itself with code 3"
	has "$out" "    | fatal: no config"
	run c up --wait
	has "$err" "    | fatal: no config" # the last lines, beside the cause
	down
}
t "a program that gives up, with its last words" code

probe() {
	project sick <<-'E'
		services:
		  web: { image: busybox, command: sleep 1000, depends_on: { a: { condition: service_healthy } } }
		  a: { image: busybox, command: sleep 1000, healthcheck: { test: "echo no schema; exit 1", interval: 200ms, retries: 2 } }
	E
	fails 1 c up -d
	cause a "its healthcheck failed"
	has "$(because "$out")" "the last one said: no schema"
	ok c why web
	has "$(because "$out")" "it waits for a, which is unhealthy: its healthcheck failed"
	down
}
t "an unhealthy service: what its probe said" probe

port() {
	local p

	p=$(free_port)
	project holder <<<"services: { a: { image: busybox, command: sleep 1000, ports: ['127.0.0.1:$p:80'] } }"
	ok c up -d
	project wants <<<"services: { a: { image: busybox, command: sleep 1000, ports: ['127.0.0.1:$p:80'] } }"
	fails 1 c up -d
	cause a "port $p/tcp is held by project holder"
	down
	cd "$W/holder"
	down
}
t "a port that somebody holds, and who" port

killed() {
	project killed <<<'services: { a: { image: busybox, command: sleep 1000 } }'
	ok c up -d
	kill -KILL "$(jq -r .pid "$COMPOSE_ROOT/projects/killed/$(c ps -q --no-trunc a)/status.json")"
	soon 20 service_ended a 137
	ok c why a
	has "$(because "$out")" "SIGKILL ended it, and compose did not send it"
	ok c start a
	ok c kill a
	soon 20 service_ended a 137
	ok c why a
	has "$(because "$out")" "compose killed it"
	down
}
t "who sent the signal" killed
done_testing

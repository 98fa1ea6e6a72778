#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cmd_told.sh - what commands tell: each thing once, nothing that is not so, and what to do next.
. "$(dirname "$0")/../lib.sh"
need root

stays() {
	project stays <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, init: true }
		  b: { image: busybox, command: "true" }
	E
	ok c create
	ok c create
	has "$err" "Container stays-a-1 Created, unchanged"
	ok c up -d
	ok c up -d a
	has "$err" "Container stays-a-1 Running, unchanged"
	ok c pause a
	fails 1 c exec -T a true
	has "$err" "is paused"
	has "$err" '`compose unpause a` lets it go on'
	fails 2 c logs --index 1
	has "$err" "--index needs one service"
	fails 1 c logs --index 7 a
	has "$err" 'service "a" has no container 7'
	ok c logs --index 1 a
	ok c down -t 0
	is "$(grep -c warning <<<"$err")" 0
	ok c down -t 0
	has "$err" 'no resource found to remove for project "stays"'
}
t "what stays as it is; a paused container; logs --index; down of nothing" stays

typos() {
	project typos <<<'services: { web: { image: busybox } }'
	for cmd in "up -d" create "up --no-start" build pull push start stop restart kill "rm -f" pause unpause logs ps top images port "run --rm" exec \
		attach wait events stats down watch commit export; do
		case $cmd in port) args="webb 80" ;; exec | "run --rm") args="webb true" ;; *) args=webb ;; esac
		# shellcheck disable=SC2086 # words
		fails 2 c $cmd $args
		is "$err" $'compose: no such service: webb\n     hint: did you mean web?'
	done
	for o in --attach --no-attach --exit-code-from; do
		fails 2 c up $o webb
		has "$err" "$o"
		has "$err" "did you mean web?"
	done
	fails 2 c scale webb=2
	has "$err" "did you mean web?"
	fails 2 c scale web
	is "$err" 'compose: "web" is not SERVICE=NUMBER'
	is "$(c ps -aq)" ""
}
t "a service that there is not: one message, and which one may have been meant" typos

# Mistakes in the file that were told poorly: where, what, and what to do, once
mistakes() {
	project mistakes <<<'services: { web: { image: "UPPER/Image" } }'
	fails 3 c up -d
	has "$err" "compose.yaml:1:27 services.web.image"
	has "$err" "lower case"
	printf 'services:\n  web: &a\n    image: busybox\n    <<: *b\n' >compose.yaml
	fails 3 c config -q
	is "$(grep -c '^compose:' <<<"$err")" 1
	printf 'services:\n  web:\n    image: busybox\n    ports: "80:80"\n' >compose.yaml
	fails 3 c config -q
	has "$err" 'write a list: ["80:80"]'
	printf 'services:\n  web:\n    image: busybox\n    environment: ["=x"]\n' >compose.yaml
	fails 3 c config -q
	has "$err" 'there is no name in "=x"'
	echo 'services: { web: { image: busybox, cap_add: [NET_ADMN] } }' >compose.yaml
	fails 3 c up -d
	has "$err" "capabilities(7)"
	ok c down
	echo 'services: { web: { image: busybox } }' >compose.yaml
	fails 1 env DOCKER_DEFAULT_PLATFORM=linux/s390x "$COMPOSE" up -d
	matches "$err" "the one that is here is for linux/[a-z0-9]+, not linux/s390x"
	has "$err" "compose.yaml:1:27 services.web.image"
	fails 3 c --project-directory /no/such config -q
	has "$err" "the project directory /no/such is none"
	fails 2 c port web 80/udp
	has "$err" "--protocol udp"
	fails 2 c help pus
	has "$err" 'unknown command "pus"'
}
t "mistakes in the file and on the command line" mistakes

# Who holds the port is found out; the failure itself is told once.
once() {
	local port

	port=$(free_port)
	project first <<-E
		services: { a: { image: busybox, command: sleep 1000, init: true, ports: ["$port:80"] } }
	E
	ok c up -d
	mkdir "$W/second"
	sed 's/\ba:/b:/' compose.yaml >"$W/second/compose.yaml"
	fails 1 c --project-directory "$W/second" -f "$W/second/compose.yaml" up -d
	is "$(grep -c "bind 0.0.0.0:$port" <<<"$err")" 1
	fails 1 c --progress json --project-directory "$W/second" -f "$W/second/compose.yaml" up -d
	has "$(jq -r 'select(.error) | .message' <<<"$err")" "bind 0.0.0.0:$port/tcp"
	ok c --project-directory "$W/second" -f "$W/second/compose.yaml" down
	ok c down -t 0
	printf 'services: { a: { image: busybox, command: no-such-program } }' >compose.yaml
	fails 127 c up -d
	is "$(grep -c no-such-program <<<"$err")" 1
	ok c down
}
t "why a container does not start is told once; --progress json has failures too" once

wait_steady() {
	project steady <<-'E'
		services:
		  job: { image: busybox, command: "true" }
		  late: { image: busybox, command: sleep 1000, init: true, depends_on: { job: { condition: service_completed_successfully } } }
	E
	ok c up -d --wait
	ok c down -t 0
	printf 'services: { a: { image: busybox, command: sh -c "echo cannot; exit 2" } }' >compose.yaml
	fails 1 c up -d --wait
	has "$err" "container steady-a-1 has exited (2)"
	has "$err" "    | cannot"
	ok c up -d
	fails 1 c start --wait
	printf 'services: { a: { image: busybox, command: "true" } }' >compose.yaml
	ok c up -d --wait                    # it has done what it was there for
	is "$(c ps -a --format '{{.State}} {{.ExitCode}}')" "exited 0"
	ok c start --wait
	printf 'services: { a: { image: busybox, command: "true", healthcheck: { test: "true" } } }' >compose.yaml
	fails 1 c up -d --wait
	printf 'services: { a: { image: busybox, command: "true", restart: always } }' >compose.yaml
	fails 1 c up -d --wait --wait-timeout 2
	printf 'services: { a: { image: busybox, command: "false", restart: always } }' >compose.yaml
	fails 1 c up -d --wait --wait-timeout 2
	ok c up -d --wait-timeout 2
	has "$err" "--wait-timeout does nothing without --wait"
	ok c down -t 0
}
t "up --wait: what gives up at once does not run" wait_steady

probe_hint() {
	project probe <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, init: true, healthcheck: { test: "echo one; echo two; exit 1", interval: 100ms, retries: 1 } }
	E
	fails 1 c up -d --wait
	has "$err" 'try it: `compose exec a sh -c '"'echo one; echo two; exit 1'"'`'
	matches "$err" "hint: its last probe said: one\$"
	ok c down -t 0
}
t "a probe that fails: how to try it" probe_hint

status_stdout() {
	project out <<<'services: { a: { image: busybox, command: sleep 1000, init: true } }'
	ok env COMPOSE_STATUS_STDOUT=1 "$COMPOSE" up -d
	has "$out" "Container out-a-1 Started"
	is "$err" ""
	ok c down -t 0
	is "$out" ""
	has "$err" "Container out-a-1 Removed"
}
t "COMPOSE_STATUS_STDOUT" status_stdout
# More lines than the screen has: the rest is counted.
small_screen() {
	project small <<<"services: { $(for i in $(seq 20); do printf 'a%s: { image: busybox }, ' "$i"; done) }"
	run script -qec "stty rows 10 cols 60; '$COMPOSE' create" /dev/null
	matches "$out" " \\.\\.\\. [0-9]+ more; [0-9]+ of [0-9]+ done"
	has "$(tr '\r' '\n' <<<"$out" | grep -a 'more; ' | tail -n 1)" " ... 14 more; 21 of 21 done"
	run script -qec "stty rows 50 cols 60; '$COMPOSE' create --force-recreate" /dev/null
	hasnt "$out" "more; "
	ok c down
}
t "progress on a small screen" small_screen
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Behaviours 70-84: exit codes and stopping.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/behaviours.inc
. "$TESTS/e2e/behaviours.inc" || exit
need root

ended() { is "$(C ps -a --format '{{.State}} {{.ExitCode}}' "$1")" "exited $2"; }
# seconds COMMAND...: how long it takes, in tenths
tenths() {
	local start=${EPOCHREALTIME/./}

	ok "$@"
	echo $(((${EPOCHREALTIME/./} - start) / 100000))
}

r70() {
	a '' sh -c 'exit 7'
	is "$rc" 7
	u '' exec -T a sh -c 'exit 8'
	is "$rc" 8
}
row 70 "run and exec end with the command's status" r70

r71() {
	a '' nosuch
	is "$rc" 127
	a '' /etc/passwd
	is "$rc" 126
	u '' exec -T a nosuch
	is "$rc" 127
	run C exec -T a /etc/passwd
	is "$rc" 126
}
differs 71 "\`run\` and \`exec\` end with 127 or 126"
row 71 "not found is 127, not executable 126" r71

r72() {
	y '{services: {a: {image: "localhost:1/none"}}}' up -d
	is "$rc" 1
	has "$err" localhost:1
}
row 72 "a failure of our own is 1" r72

r73() {
	u '' ps
	[ "$(tenths C stop)" -lt 80 ] # of a grace of 10 s
	ended a 143
}
row 73 "stop: who ends by SIGTERM has 143, at once" r73

r74() {
	local took

	u 'stop_grace_period: 1s, stop_signal: SIGUSR1, init: false, command: [sh, -c, "trap \"echo heard\" USR1; echo up; while :; do sleep 0.1; done"]' ps
	soon 10 printed up
	took=$(tenths C stop)
	[ "$took" -ge 9 ] && [ "$took" -lt 80 ] || flunk "took $took tenths"
	printed heard
	ended a 137
}
printed() { C logs --no-log-prefix | grep -qx -- "$1"; }
row 74 "stop_signal, stop_grace_period" r74

r75() {
	u 'init: false, command: [sh, -c, "trap : TERM; echo up; while :; do sleep 0.1; done"]' ps
	soon 10 printed up
	[ "$(tenths C stop -t 0)" -lt 80 ]
	ended a 137
}
row 75 "-t 0 kills at once" r75

r76() {
	y '{services: {
		db: {image: busybox, init: true, command: sleep 99},
		web: {image: busybox, init: true, command: sleep 99, depends_on: [db]}}}' up -d
	ok C --progress plain stop
	is "$(grep -oE '(web|db)-1 Stopp(ing|ed)' <<<"$err" | xargs)" "web-1 Stopping web-1 Stopped db-1 Stopping db-1 Stopped"
}
row 76 "who depends is stopped first, to the end" r76

r77() {
	mkdir -p "$W/t/h"
	u 'volumes: ["./h:/h"], command: [sh, -c, "trap \"touch /h/signal; exit\" TERM; while :; do sleep 0.1; done"], init: false,
		pre_stop: [{command: [sh, -c, "[ ! -e /h/signal ] && sleep 0.3 && touch /h/done"]}]' stop
	is "$rc" 0
	[ -e "$W/t/h/done" ]
	[ -e "$W/t/h/signal" ]
}
row 77 "pre_stop runs before the signal" r77

r78() {
	y "$(model 'command: sleep 300, post_start: [{command: ["false"]}]')" up -d
	is "$rc" 1
	has "$err" "hook exited with status 1"
}
row 78 "a post_start that fails fails up" r78

r79() {
	model '' >"$Y"
	: >"$T/dirty"
	c_bg -p t -f "$Y" up
	soon 20 runs a
	kill -INT "$bg"
	wait "$bg" || true
	ended a 143
	c network ls 2>/dev/null | grep -q t_default || [ -e "$COMPOSE_ROOT/networks/t_default.json" ]
}
runs() { is "$(C ps -a --format '{{.State}}' "$1")" running; }
row 79 "Ctrl-C stops what up shows, and keeps it" r79

r80() {
	y '{services: {a: {image: busybox, command: "false"}}}' up
	is "$rc" 0
	has "$out$err" "exited with code 1"
}
row 80 "up ends with 0 whatever the containers ended with" r80

r81() {
	y '{services: {
		a: {image: busybox, command: sh -c "sleep 0.5;exit 3"},
		b: {image: busybox, init: true, command: sleep 99}}}' up --abort-on-container-exit
	is "$rc" 3
	ended b 143
	stays
}
row 81 "--abort-on-container-exit: the first end's status, the rest is stopped" r81

r82() {
	run C up --exit-code-from b
	is "$rc" 143
}
row 82 "--exit-code-from a service that is stopped: 143" r82

r83() {
	u 'command: payload ticks 100' ps
	c_bg -p t -f "$Y" logs -f
	soon 10 grep -q tick "$T/out/bg"
	kill -INT "$bg"
	wait "$bg" || true
	is "$(C ps --status running -q | wc -l)" 1
}
row 83 "Ctrl-C of logs -f leaves the containers alone" r83

r84() {
	u 'init: false, command: sh -c "echo hi;exit 5"' ps -a
	soon 10 ended a 5
	has "$(C logs)" "a-1  | hi"
}
row 84 "what is detached lives on; later commands find state, output, status" r84
rows_end

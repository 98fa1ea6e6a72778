#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Wrong usage: status 2, on standard error, with a suggestion; and what goes where.
IMAGES=
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# wrong REASON HINT ARG...: status 2, both texts on standard error, nothing on standard output
wrong() {
	local reason=$1 hint=$2
	shift 2
	fails 2 c "$@"
	is "$out" ""
	has "$err" "compose: $reason"
	[ -z "$hint" ] || matches "$err" "hint: .*$hint"
}

small() {
	project small <<-'E'
		services:
		  web: { image: "busybox:latest", command: "true" }
		  worker: { image: "busybox:latest" }
	E
}

commands() {
	wrong 'unknown command "upp"' 'compose up' upp
	wrong 'unknown command "pss"' 'compose ps' pss
	wrong 'unknown command "biuld"' 'compose build' biuld -d
	wrong 'unknown command "frobnicate"' 'compose --help' frobnicate
	wrong 'unknown command "../up"' '' ../up
}
t "unknown commands" commands

options() {
	small
	wrong 'unknown option --detatch' 'did you mean --detach' up --detatch
	wrong 'unknown option -Z' 'compose up --help' up -Z
	wrong 'unknown option --fil' 'did you mean --file' --fil x up
	wrong 'unknown option --folow' 'did you mean --follow' logs --folow
	wrong '-t: "soon" is not a number of seconds' '' stop -t soon
	wrong '--index: "first" is not a number' '' logs --index first
	wrong '--format: "xml" is not known here' 'yaml json' config --format xml
	wrong '--pull: "often" is not known here' 'always' up --pull often
	wrong '--output needs FILE' '' config --output
	wrong 'SERVICE is missing' 'compose exec --help' exec
	wrong 'COMMAND is missing' 'compose exec --help' exec web
	wrong 'unexpected argument "extra"' 'compose version --help' version extra
	wrong '--tail: "few" is neither' '' logs --tail few
	wrong '-s: "NOSIG" is no signal' 'SIGHUP' kill -s NOSIG
}
t "unknown options, and values that are none" options

combinations() {
	small
	fails 2 c up --build --no-build
	has "$err" "--build and --no-build"
	fails 2 c up --force-recreate --no-recreate
	has "$err" "--force-recreate and --no-recreate"
	fails 2 c up -d --abort-on-container-exit
	has "$err" "--detach"
	fails 2 c up --exit-code-from nobody
	has "$err" "no such service: nobody"
	fails 2 c up -d --scale web=many
	has "$err" 'SERVICE=NUMBER'
	fails 2 c up -d --scale nobody=2
	has "$err" "no such service: nobody"
}
t "options that contradict each other" combinations

services() {
	small
	for cmd in up stop logs restart kill ps rm create images top; do
		fails 2 c $cmd wbe
		has "$err" "no such service: wbe"
		is "$out" ""
	done
	fails 2 c up wbe
	matches "$err" "hint: did you mean web"
	fails 2 c run wbe true
	has "$err" "no such service: wbe"
	fails 2 c exec wbe true
	has "$err" "no such service: wbe"
	fails 2 c port wbe 80
	has "$err" "no such service: wbe"
	[ ! -e "$COMPOSE_ROOT/containers" ] || is "$(ls "$COMPOSE_ROOT/containers")" ""
}
t "unknown services" services

not_running() {
	small
	fails 1 c exec web true
	has "$err" 'service "web" has no container'
	has "$err" "compose up -d web"
	fails 1 c port web 80
	fails 1 c start web
	has "$err" "no container to start"
}
t "services without a container" not_running

no_file() {
	mkdir -p "$W/empty" && cd "$W/empty"
	fails 3 c config
	has "$err" "compose.yaml"
	is "$out" ""
	fails 3 c up -d
	fails 3 c -f nosuch.yaml up -d
	has "$err" "nosuch.yaml"
	ok c -p nothing down
	ok c -p nothing ps
	ok c ls
}
t "no file" no_file

nothing_there() {
	small
	ok c ps
	matches "$out" "^NAME +IMAGE +COMMAND"
	is "$(wc -l <<<"$out")" 1
	ok c ps -q
	is "$out" ""
	ok c ps --format json
	is "$(tr -d '[] \n' <<<"$out")" ""
	ok c stop
	ok c kill
	has "$err" "No container to kill"
	ok c rm -f
	has "$err" "No stopped containers"
	ok c down
	ok c down
	ok c logs
	is "$out" ""
	ok c ls --format json
	is "$(jq -c . <<<"$out")" "[]"
}
t "nothing there is no failure" nothing_there

versions() {
	ok c version
	matches "$out" '^compose version v[0-9]+\.[0-9]+\.[0-9]+$'
	is "$err" ""
	ok c --version
	matches "$out" '^compose version v'
	ok c -v
	ok c version --short
	matches "$out" '^[0-9]+\.[0-9]+\.[0-9]+$'
	short=$out
	ok c version --format json
	is "$(jq -r .version <<<"$out")" "v$short"
	ok c version -f json
	is "$(jq -r .version <<<"$out")" "v$short"
}
t "version" versions

colours() {
	small
	sed -i 's/web:/web:\n    nokey: 1/' compose.yaml
	for ansi in "--ansi never" "--ansi auto" ""; do
		# shellcheck disable=SC2086
		run c $ansi config
		hasnt "$err" $'\e'
	done
	run c --ansi always config
	has "$err" $'\e['
	NO_COLOR=1 run c config
	hasnt "$err" $'\e'
	# on a terminal: colours unless NO_COLOR says otherwise
	run script -qec "'$COMPOSE' config" /dev/null
	has "$out" $'\e['
	NO_COLOR=1 run script -qec "'$COMPOSE' config" /dev/null
	hasnt "$out" $'\e[3'
	COMPOSE_ANSI=never run script -qec "'$COMPOSE' config" /dev/null
	hasnt "$out" $'\e[3'
}
need cmd script
t "colours only where they are wanted" colours

broken_pipe() {
	small
	# whoever reads may stop reading: no message, and no endless run
	"$COMPOSE" --help 2>"$T/err" | true
	is "$(cat "$T/err")" ""
	"$COMPOSE" config 2>"$T/err" | head -n 1 >/dev/null
	is "$(cat "$T/err")" ""
	run sh -c '"$COMPOSE" version >/dev/full'
	[ "$rc" != 0 ] || flunk "output that cannot be written is no failure"
	has "$err" "No space left"
}
t "a reader that goes away, a full disk behind standard output" broken_pipe
done_testing

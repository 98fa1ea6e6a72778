#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Which services there are, from where, how many of each, whose output is shown, and what happens when one ends.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

said() { c logs --no-color --no-log-prefix "$1"; }
states() { ps_json | jq -r '.Service + " " + .State' | sort | uniq -c | xargs; }

restarts() {
	project again <<-'E'
		x-fail: &fail { image: busybox, command: sh -c "echo x; exit 1" }
		services:
		  twice: { <<: *fail, deploy: { restart_policy: { condition: on-failure, max_attempts: 2 } } }
		  none: { <<: *fail, restart: always, deploy: { restart_policy: { condition: none } } }
		  well: { image: busybox, command: echo x, deploy: { restart_policy: { condition: on-failure } } }
		  any: { image: busybox, command: sh -c "echo x; sleep 0.1", deploy: { restart_policy: { condition: any } } }
		  own: { <<: *fail, restart: "on-failure:1" }
	E
	ok c up -d
	soon 20 ended_after twice 3
	soon 20 ended_after own 2
	is "$(said none | grep -c x)/$(said well | grep -c x)" 1/1
	soon 20 lines any 3
	is "$(field none .State)/$(field well .State)" exited/exited
	ok c down -t 0
}
lines() { [ "$(said "$1" | grep -c x)" -ge "$2" ]; }
ended_after() { [ "$(field "$1" .State)" = exited ] && [ "$(said "$1" | grep -c x)" = "$2" ]; }
# observes: restart deploy.restart_policy.condition deploy.restart_policy.max_attempts
t "deploy.restart_policy, which overrides restart" restarts

copies() {
	project copies <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, deploy: { replicas: 2 } }
		  b: { image: busybox, command: sleep 1000, scale: 3 }
		  c: { image: busybox, command: sleep 1000, deploy: { replicas: 0 } }
		  d: { image: busybox, command: sleep 1000, scale: 2, deploy: { replicas: 2 } }
	E
	ok c up -d
	is "$(states)" "2 a running 3 b running 2 d running"
	is "$(ps_json b | jq -r .Name | sort | xargs)" "copies-b-1 copies-b-2 copies-b-3"
	sed -i 's/replicas: 0/replicas: 1/; s/scale: 3/scale: 1/' compose.yaml
	ok c up -d
	is "$(states)" "2 a running 1 b running 1 c running 2 d running"
	ok c up -d --scale a=1
	is "$(states)" "1 a running 1 b running 1 c running 2 d running"
	ok c down -t 0
	sed -i '/ d:/s/scale: 2/scale: 3/' compose.yaml
	fails 3 c up -d
	has "$err" compose.yaml:5
}
# observes: deploy.replicas scale
t "how many: scale and deploy.replicas" copies

# What it says on the command line takes the place of stop_grace_period, whether that is longer or shorter.
timeouts() {
	project timeouts <<-'E'
		services:
		  deaf: { image: busybox, command: sh -c "trap 'echo asked' TERM; echo up; while :; do sleep 0.1; done", stop_grace_period: 1000s }
		  slow: { image: busybox, command: sh -c "trap 'sleep 1.5; exit 7' TERM; echo up; while :; do sleep 0.1; done", stop_grace_period: 0s }
	E
	local how

	for how in "stop -t 1" "restart -t 1" "up -d --force-recreate -t 1" "down -t 1"; do
		ok c up -d
		soon 10 lines_of up deaf
		soon 10 lines_of up slow
		# shellcheck disable=SC2086 # words
		ok timeout 300 "$COMPOSE" $how deaf
	done
	ok c up -d deaf
	soon 10 lines_of up deaf
	ok c stop -t 1 deaf
	is "$(field deaf .ExitCode) $(said deaf | grep -c asked)" "137 1"
	ok c stop -t 300 slow
	is "$(field slow .ExitCode)" 7
	ok c down -t 0
}
lines_of() { said "$2" | grep -qx "$1"; }
t "-t of stop, restart, up and down" timeouts

profiles() {
	project profiles <<-'E'
		services:
		  always: { image: busybox, command: sleep 1000 }
		  one: { image: busybox, command: sleep 1000, profiles: [debug] }
		  two: { image: busybox, command: sleep 1000, profiles: [debug, other], depends_on: [always] }
		  needs: { image: busybox, command: sleep 1000, profiles: [third], depends_on: [one] }
	E
	ok c up -d
	is "$(states)" "1 always running"
	ok c --profile other up -d
	is "$(states)" "1 always running 1 two running"
	COMPOSE_PROFILES=debug ok c up -d
	is "$(states)" "1 always running 1 one running 1 two running"
	ok c down -t 0
	is "$(states)" "1 one running 1 two running" # what is not asked for is not ours to stop
	ok c --profile '*' down -t 0
	is "$(states)" ""
	ok c up -d two
	is "$(states)" "1 always running 1 two running"
	fails 3 c --profile third up -d
	has "$err" one
	ok c --profile '*' down -t 0
}
# observes: profiles
t "profiles: asked for, by variable, by name" profiles

base() {
	project base <<-'E'
		services:
		  plain: { image: busybox, command: sleep 1000, environment: { A: base, B: base }, labels: { l: base }, volumes: ["./data:/data"] }
		  same: { extends: plain, environment: { B: own } }
		  long: { extends: { service: plain }, command: sleep 2000 }
		  other: { extends: { file: sub/other.yaml, service: theirs }, environment: { B: own } }
	E
	mkdir -p sub/data data
	echo theirs >sub/data/file
	echo ours >data/file
	cat >sub/other.yaml <<-'E'
		services:
		  theirs: { extends: deeper, volumes: ["./data:/data"], environment: { A: theirs } }
		  deeper: { image: busybox, command: sleep 3000, environment: { A: deeper, C: deeper } }
	E
	ok c up -d
	of() { c exec -T "$1" sh -c "echo \"\$A/\$B/\$C \$(cat /data/file) \$(tr '\\0' ' ' </proc/1/cmdline)\"" | sed 's/ *$//'; }
	is "$(of plain)" "base/base/ ours sleep 1000"
	is "$(of same)" "base/own/ ours sleep 1000"
	is "$(of long)" "base/base/ ours sleep 2000"
	is "$(of other)" "theirs/own/deeper theirs sleep 3000"
	ok c down -t 0
}
# observes: extends extends.service extends.file
t "extends: in the same file, and another one whose paths are its own" base

shown() {
	project shown <<-'E'
		services:
		  loud: { image: busybox, command: echo from loud }
		  quiet: { image: busybox, command: echo from quiet, attach: false }
	E
	ok c up
	has "$out" "from loud"
	hasnt "$out" "from quiet"
	ok c up --attach quiet
	has "$out" "from quiet"
	ok c logs
	hasnt "$out" "from quiet"
	has "$(said quiet)" "from quiet"
	ok c down -t 0
}
# observes: attach
t "attach: false is not shown unless asked for" shown

images() {
	local port

	start_registry "$T/registry"
	port=$registry_port
	project pulls <<-E
		x-run: &run { image: "127.0.0.1:$port/app:1", command: cat /version }
		services:
		  always: { <<: *run, pull_policy: always }
		  never: { <<: *run, pull_policy: never }
		  missing: { <<: *run, pull_policy: missing }
		  not-present: { <<: *run, pull_policy: if_not_present }
		  default: { <<: *run }
		  build: { image: local/built, build: { dockerfile_inline: "FROM busybox\nCOPY version /version\nCMD cat /version" }, pull_policy: build }
	E
	version 1
	fails 1 c up -d never
	has "$err" "is not present"
	has "$err" "compose.yaml"
	ok c run --rm -T missing
	is "$out" 1
	version 2
	for s in missing not-present never default; do
		ok c run --rm -T $s
		is "$s $out" "$s 1"
	done
	ok c run --rm -T always
	is "$out" 2
	ok c run --rm -T default
	is "$out" 2
	# without the registry: what is there is used, but where the newest was asked for
	kill "$registry"
	wait "$registry" || true
	ok c run --rm -T missing
	fails 1 c run --rm -T always
	has "$err" "127.0.0.1:$port"
	ok c up build
	has "$out" "build-1  | 2"
	echo 3 >version
	ok c up build
	has "$out" "build-1  | 3"
	ok c down -t 0
}
# A new image of that name in the registry, and none here; or what is here is what it was.
version() {
	local had

	echo "$1" >version
	had=$(c image inspect "127.0.0.1:$registry_port/app:1" 2>/dev/null | jq -r '.[0].Id')
	cat >push.yaml <<-E
		services: { p: { image: "127.0.0.1:$registry_port/app:1", build: { dockerfile_inline: "FROM busybox\nCOPY version /version" } } }
	E
	ok c -f push.yaml -p push build
	ok c -f push.yaml -p push push
	ok c image rm "127.0.0.1:$registry_port/app:1"
	[ -z "$had" ] || ok c image tag "$had" "127.0.0.1:$registry_port/app:1"
}
# observes: pull_policy image
t "pull_policy: always, never, missing, build" images

# The name is as if it had been pulled SECONDS ago; "never": nobody knows when.
pulled_ago() { # SECONDS
	local index=$COMPOSE_ROOT/images/index.json

	jq --arg name "127.0.0.1:$registry_port/app:1" --arg ago "$1" '(.manifests[].annotations
		| select(.["io.containerd.image.name"] == $name) | .["vnd.compose.tagged"])
		|= if $ago == "never" then empty else (now - ($ago | tonumber) | floor | tostring) end' "$index" >"$T/index"
	[ "$(cat "$T/index")" != "$(cat "$index")" ] || flunk "no time of a pull in $(cat "$index")"
	cat "$T/index" >"$index"
}

by_age() {
	local day=86400 s ago

	start_registry "$T/registry-age"
	project ages <<-E
		x-run: &run { image: "127.0.0.1:$registry_port/app:1", command: cat /version }
		services:
		  daily: { <<: *run, pull_policy: daily }
		  weekly: { <<: *run, pull_policy: weekly }
		  every: { <<: *run, pull_policy: every_2d12h }
		  after: { <<: *run, pull_policy: refresh, pull_refresh_after: 10m }
		  refresh: { <<: *run, pull_policy: refresh }
	E
	version 1
	ok c run --rm -T daily           # it was not here
	is "$out" 1
	version 2
	ok c run --rm -T after           # it was pulled just now
	is "$out" 1
	for s in daily:$day weekly:$((7 * day)) every:$((5 * day / 2)) after:600; do
		ago=${s#*:} s=${s%:*}
		pulled_ago $((ago - 300))
		ok c --dry-run up -d "$s"
		hasnt "$out$err" "pull policy"
		pulled_ago $((ago + 300))
		ok c --dry-run up -d "$s"
		has "$out$err" "pull policy: "
	done
	# the pull brings what is newer, and its time counts
	ok c run --rm -T every
	is "$out" 1
	ok c run --rm -T after
	is "$out" 2
	ok c --dry-run up -d after
	hasnt "$out$err" "pull policy"
	# a pull that finds nothing newer counts too
	pulled_ago $((2 * day))
	ok c run --rm -T daily
	is "$out" 2
	ok c --dry-run up -d daily
	hasnt "$out$err" "pull policy"
	version 3
	# the command line wins; an explicit pull is always due; nobody knows when is long ago
	pulled_ago $((2 * day))
	ok c run --rm -T --pull missing daily
	is "$out" 2
	ok c pull weekly
	ok c run --rm -T weekly
	is "$out" 3
	version 4
	pulled_ago never
	ok c run --rm -T weekly
	is "$out" 4
	# as docker compose has it
	ok c run --rm -T refresh
	has "$err" "refresh means \`missing\` as long as pull_refresh_after does not say when"
	kill "$registry"
	wait "$registry" || true
	pulled_ago $((2 * day))
	fails 1 c run --rm -T daily
	has "$err" "127.0.0.1:$registry_port"
	ok c down -t 0
}
# observes: pull_refresh_after
t "pull_policy: daily, weekly, every_DURATION, refresh" by_age

platform() {
	local mine other

	case $(uname -m) in x86_64) mine=amd64 other=arm64 ;; *) mine=arm64 other=amd64 ;; esac
	project platform <<-E
		services:
		  mine: { image: local/mine, platform: linux/$mine, build: { dockerfile_inline: "FROM busybox\nARG TARGETARCH\nRUN echo \$\$TARGETARCH >/arch\nCMD cat /arch" } }
		  other: { image: "127.0.0.1:1/x:1", platform: linux/$other, command: "true" }
	E
	ok c up mine
	has "$out" "| $mine"
	c image tag busybox "127.0.0.1:1/x:1"
	fails 1 c up -d other # what is there under that name is of another platform: it is fetched
	has "$err" "pull image 127.0.0.1:1/x:1"
	is "$(c ps -aq other)" ""
	fails 1 c up -d --pull never other
	has "$err" "is not present"
	sed -i "s|linux/$other|linux/$mine|" compose.yaml
	ok c up -d other
	ok c down -t 0
}
# observes: platform
t "platform: this machine's, another one's" platform
done_testing

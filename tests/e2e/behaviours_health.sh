#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Behaviours 85-101: restarts, health, dependencies.  What has to wait waits together: services of one project, named by row.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/behaviours.inc
. "$TESTS/e2e/behaviours.inc" || exit
need root
limit=90

H() { c -p h -f "$W/h/compose.yaml" "$@"; }
is_now() { is "$(H ps -a --format '{{.State}} {{.Health}}' "$1")" "$2"; }

# A probe notes its time in /p, a command its start in /s: seconds that this machine is up.
together() {
	mkdir "$W/h"
	printf 'FROM busybox\nHEALTHCHECK --interval=1s CMD true\nCMD ["sleep", "300"]\n' >"$W/h/Dockerfile"
	cat >"$W/h/compose.yaml" <<-'M'
		x-probe: &probe { image: busybox, init: true, command: sh -c "cut -d. -f1 /proc/uptime >>/s; echo started; exec sleep 300" }
		services:
		  r85: { image: busybox, restart: always, command: sh -c "cat /proc/uptime; false" }
		  r86: { image: busybox, restart: "on-failure:2", command: [ sh, -c, "echo x; exit 1" ] }
		  r86-well: { image: busybox, restart: "on-failure:2", command: [ echo, x ] }
		  r87: { image: busybox, init: true, restart: always, command: sleep 300 }
		  r88: { image: busybox, init: true, restart: unless-stopped, command: sleep 300 }
		  r91: { <<: *probe, healthcheck: { test: test -f /ok, interval: 1s, retries: 2 } }
		  r92: { <<: *probe, healthcheck: { test: "cut -d. -f1 /proc/uptime >>/p", interval: 3s } }
		  r93:
		    <<: *probe
		    healthcheck: { test: "cut -d. -f1 /proc/uptime >>/p; false", interval: 1s, retries: 1, start_period: 5s, start_interval: 1s }
		  r93-well: { <<: *probe, healthcheck: { test: "[ ! -e /f ] && touch /f", interval: 1s, retries: 1, start_period: 5m, start_interval: 1s } }
		  r94: { <<: *probe, healthcheck: { test: "sleep 99", interval: 1s, timeout: 1s, retries: 1 } }
		  r96: { <<: *probe, restart: always, healthcheck: { test: "false", interval: 1s, retries: 1 } }
		  r97: { build: . }
		  traced:
		    image: busybox
		    init: true
		    cap_add: [ SYS_PTRACE ]
		    command: [ sh, -c, "until payload seize $$(pidof ping); do sleep 0.1; done" ]
		    healthcheck: { test: [ CMD, ping, -c, "4", -W, "1", 127.0.0.1 ], interval: 500ms, retries: 1 }
		  r97-off: { build: ., healthcheck: { disable: true } }
	M
	H build -q
	ok H up -d
	is_now r91 "running starting"
	is_now r92 "running starting"
	ok H exec -T r91 touch /ok
	ok H kill r87
	ok H stop r88
}
t "services that wait together" together || rows_end

r85() {
	soon 30 starts r85 5
	H logs --no-log-prefix r85 | awk '{ print $1 }' | head -n 5 >"$T/times"
	awk 'NR > 1 { if ($1 - last < 0.1 * 2 ^ (NR - 2) - 0.02) { print "gap", NR - 1, $1 - last; bad = 1 } } { last = $1 } END { exit bad }' "$T/times"
}
starts() { [ "$(H logs --no-log-prefix "$1" | wc -l)" -ge "$2" ]; }
row 85 "restarts come slower and slower" r85

r86() {
	soon 30 is_now r86 "exited "
	is "$(H logs --no-log-prefix r86 | grep -c x)" 3
	is "$(H logs --no-log-prefix r86-well | grep -c x)" 1
	is_now r86-well "exited "
}
row 86 "on-failure:N: N restarts, none after 0" r86

r87() {
	is "$(H ps -a --format '{{.State}} {{.ExitCode}}' r87)" "exited 137" # killed seconds ago
}
row 87 "who is killed by hand stays so" r87

r88() {
	is "$(H ps -a --format '{{.State}} {{.ExitCode}}' r88)" "exited 143"
}
differs 88 "Nothing starts by itself after a reboot"
row 88 "who is stopped by hand stays so" r88

r89() {
	u '' exec -T a touch /keep
	C ps -q >"$T/id"
	ok C restart
	ok C exec -T a ls /keep
	is "$(C ps -q)" "$(cat "$T/id")"
}
row 89 "restart keeps the container and its files" r89

r90() {
	a 'restart: always' false
	is "$rc" 1
	is "$(C ps -aq)" ""
}
row 90 "run has no restart policy" r90

r91() {
	soon 30 is_now r91 "running healthy"
	ok H exec -T r91 rm /ok
	soon 30 is_now r91 "running unhealthy"
	ok H exec -T r91 touch /ok
	soon 30 is_now r91 "running healthy"
}
row 91 "starting, healthy, unhealthy after so many failures, healthy after one success" r91

r92() {
	soon 30 is_now r92 "running healthy"
	[ $(($(H exec -T r92 head -n 1 /p) - $(H exec -T r92 cat /s))) -ge 2 ] # whole seconds, cut off
}
row 92 "the first probe comes after an interval" r92

r93() {
	soon 60 is_now r93 "running unhealthy"
	H exec -T r93 sh -c 'head -n 1 /s; cat /p' >"$T/probes"
	[ "$(wc -l <"$T/probes")" -gt 2 ]
	[ $(($(tail -n 1 "$T/probes") - $(head -n 1 "$T/probes"))) -ge 4 ]
	# the first success ended it, minutes before its time
	soon 30 is_now r93-well "running unhealthy"
}
row 93 "failures in start_period do not count, until a success" r93

r94() {
	soon 30 is_now r94 "running unhealthy"
	has "$(H ps -a --format json r94; H why r94 2>&1)" "1000 ms"
}
row 94 "a probe that takes too long has failed" r94

r95() {
	y '{services: {a: {image: busybox, healthcheck: {test: [curl, x]}}}}' config
	is "$rc" 3
	has "$err" CMD-SHELL
	has "$err" compose.yaml:1:
}
row 95 "a probe's list begins with NONE, CMD or CMD-SHELL" r95

r96() {
	soon 30 is_now r96 "running unhealthy"
	sleep 1
	is "$(H logs --no-log-prefix r96)" started
}
row 96 "who is unhealthy is not restarted for it" r96

# The end of its first probe is told to the tracer alone; the next one is made all the same.
traced() {
	has "$(H logs --no-log-prefix traced)" seized
	soon 30 is_now traced "running healthy"
}
t "a probe that is held by a tracer" traced

r97() {
	soon 30 is_now r97 "running healthy"
	is_now r97-off "running "
	ok H down -t 0
}
row 97 "an image's HEALTHCHECK, unless disabled" r97

r98() {
	y '{services: {
		db: {image: busybox, init: true, command: sleep 99, healthcheck: {test: "false", interval: 500ms, retries: 1}},
		web: {image: busybox, depends_on: {db: {condition: service_healthy}}}}}' up -d
	is "$rc" 1
	has "$err" "dependency failed to start"
	has "$err" "container t-db-1 is unhealthy"
	is "$(C ps -a --format '{{.State}}' web)" created
}
row 98 "a dependency that is unhealthy ends up with 1" r98

r99() {
	y '{services: {
		m: {image: busybox, command: echo mig},
		w: {image: busybox, init: true, command: sleep 99, depends_on: {m: {condition: service_completed_successfully}}}}}' up -d
	is "$rc" 0
	ok C up -d
	is "$(C logs m | grep -c mig)" 2
}
row 99 "a service that must complete runs again with each up" r99

r100() {
	y "$(model 'healthcheck: {test: "false", interval: 500ms, retries: 1}')" up -d --wait
	is "$rc" 1
	has "$err" unhealthy
	y "$(model 'healthcheck: {test: "true", interval: 500ms, retries: 1}')" up -d --wait
	is "$rc" 0
	is "$(C ps --format '{{.Health}}')" healthy
}
row 100 "up --wait waits for health" r100

r101() {
	y '{services: {
		db: {image: busybox, init: true, command: sleep 99},
		w: {image: busybox, init: true, command: sh -c "echo up; exec sleep 99", depends_on: {db: {condition: service_started, restart: true}}}}}' up -d
	ok C restart db
	has "$err" w-1
	soon 10 twice_up
}
twice_up() { is "$(C logs --no-log-prefix w | grep -c up)" 2; }
row 101 "depends_on restart: restarted with the dependency" r101
rows_end

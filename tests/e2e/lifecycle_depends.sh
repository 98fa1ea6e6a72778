#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# depends_on conditions, healthchecks, restart policies, one-shots, grace periods.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

health_is() { local got; got=$(field "$1" .Health); [ "$got" = "$2" ] || { echo "$1 is $got"; return 1; }; }
runs() { [ "$(field "$1" .State)" = running ]; }
no_probe() { [ "$(c exec -T "$1" sh -c 'ps -o args | grep "[s]leep 60"')" = "" ]; }
now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

healthy() {
	local start

	project healthy <<-'E'
		services:
		  web: { image: busybox, command: sh -c "cat /proc/uptime >/t; payload ticks 1000", depends_on: { db: { condition: service_healthy } } }
		  db:
		    image: busybox
		    command: sh -c "sleep 1; touch /ok; cat /proc/uptime >/t; payload ticks 1000"
		    healthcheck: { test: [CMD, test, -e, /ok], interval: 200ms, retries: 12 }
	E
	start=$(now_ms)
	ok c up -d
	[ $(($(now_ms) - start)) -ge 1000 ] || flunk "did not wait"
	is "$(field db .Health)" healthy
	matches "$(c ps)" 'healthy-db-1 .*Up .*\(healthy\)'
	awk -v w="$(c exec -T web cat /t)" -v d="$(c exec -T db cat /t)" 'BEGIN { exit !(w + 0 > d + 0) }' || flunk "web began before db was healthy"
	ok c exec -T db rm /ok
	soon 30 health_is db unhealthy
	is "$(field db .State)" running
	matches "$(c ps)" '\(unhealthy\)'
	ok c exec -T db touch /ok
	soon 5 health_is db healthy
	ok c down -t 0
}
# observes: depends_on.*.condition
t "service_healthy is waited for; health goes and comes back" healthy

unhealthy() {
	project sick <<-'E'
		services:
		  web: { image: busybox, command: payload ticks 1000, depends_on: { db: { condition: service_healthy } } }
		  db: { image: busybox, command: payload ticks 1000, healthcheck: { test: "echo why; false", interval: 100ms, retries: 2 } }
	E
	fails 1 c up -d
	has "$err" "sick-db-1 is unhealthy"
	[ "$(field web .State)" != running ]
	is "$(field db .State)" running
	ok c down -t 0
}
t "a dependency that turns unhealthy fails up" unhealthy

ends_early() {
	project early <<-'E'
		services:
		  web: { image: busybox, command: payload ticks 1000, depends_on: { db: { condition: service_healthy } } }
		  db: { image: busybox, command: sh -c "exit 4", healthcheck: { test: "true", interval: 10s } }
	E
	fails 1 c up -d
	has "$err" early-db-1
	has "$err" 4
	ok c down -t 0
}
t "a dependency that ends instead of getting healthy" ends_early

completed() {
	project oneshot <<-'E'
		services:
		  app: { image: busybox, command: payload ticks 1000, depends_on: { migrate: { condition: service_completed_successfully } } }
		  migrate: { image: busybox, command: sh -c "sleep 0.5; echo migrated" }
	E
	ok c up -d
	is "$(field migrate '.State + " " + (.ExitCode | tostring)')" "exited 0"
	is "$(field app .State)" running
	id=$(c ps -q app)
	ok c up -d
	is "$(c ps -q app)" "$id"
	soon 5 service_ended migrate 0
	is "$(c logs --no-log-prefix migrate | grep -c migrated)" 2
	ok c down -t 0
	sed -i 's/echo migrated/exit 3/' compose.yaml
	fails 1 c up -d
	has "$err" oneshot-migrate-1
	has "$err" 3
	[ "$(field app .State)" != running ]
	ok c down -t 0
}
t "service_completed_successfully; a one-shot runs again; one that fails" completed

optional() {
	project opt <<-'E'
		services:
		  web: { image: busybox, command: payload ticks 1000, depends_on: { db: { condition: service_healthy, required: false } } }
		  db: { image: busybox, command: sh -c "exit 1", healthcheck: { test: "true", interval: 1s } }
	E
	ok c up -d
	is "$(field web .State)" running
	has "$err" opt-db-1
	ok c down -t 0
}
# observes: depends_on.*.required
t "required: false only warns" optional

wait_flag() {
	local start

	project waits <<-'E'
		services:
		  a: { image: busybox, command: sh -c "sleep 0.7; touch /ok; payload ticks 1000", healthcheck: { test: "test -e /ok", interval: 100ms, retries: 50 } }
		  b: { image: busybox, command: payload ticks 1000 }
	E
	start=$(now_ms)
	ok c up --wait
	[ $(($(now_ms) - start)) -ge 700 ]
	is "$(field a .Health)" healthy
	ok c up --wait
	ok c down -t 0
	sed -i 's/sleep 0.7/sleep 60/' compose.yaml
	start=$(now_ms)
	fails 1 c up --wait --wait-timeout 1
	[ $(($(now_ms) - start)) -lt 20000 ] || flunk "$(($(now_ms) - start)) ms"
	ok c down -t 0
}
t "up --wait, --wait-timeout" wait_flag

probes() {
	local start

	project probes <<-'E'
		services:
		  slow: { image: busybox, command: payload ticks 1000, healthcheck: { test: sleep 60, interval: 200ms, timeout: 300ms, retries: 1 } }
		  grace: { image: busybox, command: payload ticks 1000, healthcheck: { test: "false", interval: 100ms, retries: 1, start_period: 2s, start_interval: 100ms } }
		  off: { image: busybox, command: payload ticks 1000, healthcheck: { disable: true } }
		  env: { image: busybox, command: payload ticks 1000, environment: { X: "yes" }, user: "1000", healthcheck: { test: "test $$X = yes && test $$(id -u) = 1000", interval: 100ms, retries: 5 } }
	E
	start=$(now_ms)
	ok c up -d
	is "$(field off .Health)" ""
	soon 5 health_is slow unhealthy
	soon 5 health_is env healthy
	soon 5 no_probe slow
	soon 5 health_is grace unhealthy
	[ $(($(now_ms) - start)) -ge 2000 ] || flunk "unhealthy within its start_period"
	ok c down -t 0
}
t "time-out, start_period, disable; probes run in the container as its user" probes

came_back() { local n; n=$(c logs --no-log-prefix "$1" | grep -c x); [ "$n" -ge "$2" ] || { echo "$1 ran $n times"; return 1; }; }

policies() {
	project policies <<-'E'
		services:
		  never: { image: busybox, command: sh -c "echo x; exit 1" }
		  twice: { image: busybox, restart: "on-failure:2", command: sh -c "echo x; exit 1" }
		  well: { image: busybox, restart: on-failure, command: sh -c "echo x; exit 0" }
		  always: { image: busybox, restart: always, command: sh -c "echo x; sleep 0.1" }
		  stopped: { image: busybox, restart: unless-stopped, init: true, command: payload ticks 1000 }
	E
	ok c up -d
	soon 10 service_ended twice 1
	soon 10 service_ended never 1
	soon 10 service_ended well 0
	is "$(c logs --no-log-prefix twice | grep -c x)" 3
	is "$(c logs --no-log-prefix never | grep -c x)" 1
	is "$(c logs --no-log-prefix well | grep -c x)" 1
	soon 10 came_back always 3
	ok c kill stopped
	sleep 0.5
	is "$(field stopped .State)" exited
	ok c stop always
	n=$(c logs --no-log-prefix always | grep -c x)
	sleep 1
	is "$(c logs --no-log-prefix always | grep -c x)" "$n"
	# killed from inside it comes back
	ok c start stopped
	c exec -T stopped sh -c 'kill -9 1; kill -TERM 1' || true
	soon 5 runs stopped
	ok c down -t 0
}
# observes: restart
t "restart policies" policies

grace() {
	local start

	project grace <<-'E'
		services:
		  deaf: { image: busybox, stop_grace_period: 1s, command: [sh, -c, "trap : TERM; while :; do sleep 0.1; done"] }
		  polite: { image: busybox, command: payload signal-report 5 }
		  usr: { image: busybox, stop_signal: SIGUSR1, command: [sh, -c, "trap 'echo got usr1; exit 9' USR1; while :; do sleep 0.1; done"] }
	E
	ok c up -d
	soon 5 logs_have polite ""
	start=$(now_ms)
	ok c stop polite usr
	[ $(($(now_ms) - start)) -lt 3000 ] || flunk "$(($(now_ms) - start)) ms"
	is "$(field polite .ExitCode)" 5
	is "$(field usr .ExitCode)" 9
	start=$(now_ms)
	ok c stop deaf
	ms=$(($(now_ms) - start))
	[ $ms -ge 1000 ] && [ $ms -lt 4000 ] || flunk "$ms ms"
	is "$(field deaf .ExitCode)" 137
	ok c start deaf
	start=$(now_ms)
	ok c stop -t 0 deaf
	[ $(($(now_ms) - start)) -lt 900 ] || flunk "$(($(now_ms) - start)) ms"
	ok c down
}
# observes: stop_signal stop_grace_period
t "stop_signal, stop_grace_period, -t" grace

began() { c exec -T "$1" cut -d' ' -f22 /proc/1/stat; }
restarts_dependents() {
	project rdep <<-'E'
		services:
		  db: { image: busybox, init: true, command: payload ticks 1000, environment: { A: "1" } }
		  web: { image: busybox, init: true, command: payload ticks 1000, depends_on: { db: { condition: service_started, restart: true } } }
		  calm: { image: busybox, init: true, command: payload ticks 1000, depends_on: [db] }
	E
	ok c up -d
	web=$(began web) calm=$(began calm)
	ok c restart db
	[ "$(began web)" != "$web" ] || flunk "web was not restarted"
	is "$(began calm)" "$calm"
	web=$(began web) id=$(c ps -q web)
	sed -i 's/A: "1"/A: "2"/' compose.yaml
	ok c up -d
	[ "$(began web)" != "$web" ] || flunk "web was not restarted by up"
	is "$(c ps -q web)" "$id"
	is "$(began calm)" "$calm"
	ok c down -t 0
}
# observes: depends_on.*.restart
t "restart: true takes dependents along" restarts_dependents
done_testing

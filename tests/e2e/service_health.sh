#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each setting of a healthcheck, seen by when the probes ran: each writes a line with the seconds since the start to /p.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

health_is() { local got; got=$(field "$1" .Health); [ "$got" = "$2" ] || { echo "$1 is \"$got\""; return 1; }; }
probes() { c exec -T "$1" cat /p 2>/dev/null; }
ran() { [ "$(probes "$1" | wc -l)" -ge "$2" ]; }

up() {
	project health <<-'E'
		x-run: &run { image: busybox, command: sleep 1000 }
		x-mark: &mark "cut -d' ' -f1 /proc/uptime >>/p; test -e /ok"
		services:
		  shell: { <<: *run, healthcheck: { test: "test $$0 = /bin/sh || echo $$0; test -n \"$$HOSTNAME\" && false || exit 3", interval: 300ms, retries: 1 } }
		  list: { <<: *run, healthcheck: { test: [CMD, echo, "a b", "$$HOSTNAME"], interval: 300ms } }
		  cmd-shell: { <<: *run, healthcheck: { test: [CMD-SHELL, "echo said; exit 1"], interval: 300ms, retries: 1 } }
		  none: { image: local/checked, build: { context: . }, healthcheck: { test: [NONE] } }
		  off: { image: local/checked, build: { context: . }, healthcheck: { disable: true } }
		  images: { image: local/checked, build: { context: . } }
		  part: { image: local/checked, build: { context: . }, healthcheck: { retries: 2 } }
		  every: { <<: *run, healthcheck: { test: *mark, interval: 1s, retries: 1000 } }
		  four: { <<: *run, healthcheck: { test: *mark, interval: 200ms, retries: 4 } }
		  slow: { <<: *run, healthcheck: { test: "echo x >>/p; sleep 1000", interval: 200ms, timeout: 400ms, retries: 5 } }
		  grace: { <<: *run, healthcheck: { test: *mark, interval: 200ms, retries: 1, start_period: 3s, start_interval: 200ms } }
		  waits: { <<: *run, healthcheck: { test: *mark, interval: 100s, retries: 1, start_period: 60s, start_interval: 300ms } }
	E
	cat >Dockerfile <<-'E'
		FROM busybox
		HEALTHCHECK --interval=300ms --retries=1 CMD echo from-image >>/p; exit 1
		CMD ["sleep", "1000"]
	E
	ok c up -d
	date +%s%N >"$T/began"
}
t "up" up

output() { jq -r .health_output "$COMPOSE_ROOT/projects/health/$(c ps -q --no-trunc "$1")/status.json"; }
tests() {
	cd "$W/health"
	soon 20 health_is shell unhealthy
	soon 20 health_is list healthy
	is "$(output list)" "a b \$HOSTNAME"
	soon 20 health_is cmd-shell unhealthy
	is "$(output cmd-shell)" said
	is "$(field none .Health)/$(field off .Health)" /
	soon 20 health_is images unhealthy
	soon 20 health_is part unhealthy
	[ "$(probes part | wc -l)" -ge 2 ]
	is "$(probes none)$(probes off)" ""
}
# observes: healthcheck.test healthcheck.disable
t "test: a shell's text, a list, CMD-SHELL, NONE, the image's; disable" tests

intervals() {
	cd "$W/health"
	soon 30 ran every 4
	# the time between two is the interval or more, never less
	probes every | awk 'NR > 1 && $1 - last < 0.95 { bad = 1 } { last = $1 } END { exit bad }' || flunk "$(probes every)"
	is "$(field every .Health)" starting
	soon 20 health_is four unhealthy
	[ "$(probes four | wc -l)" -ge 4 ]
	probes four | awk 'NR == 1 { first = $1 } { last = $1 } END { exit !(last - first < 20 * NR) }' # far from the default of 30 s
}
# Both fail four times, then no more.
exactly() {
	project exactly <<-'E'
		x-run: &run { image: busybox, command: sleep 1000 }
		x-test: &test "echo x >>/n; [ $$(wc -l </n) -gt 4 ]"
		services:
		  four: { <<: *run, healthcheck: { test: *test, interval: 200ms, retries: 4 } }
		  five: { <<: *run, healthcheck: { test: *test, interval: 200ms, retries: 5 } }
	E
	began=$(date +%s.%N)
	ok c up -d
	soon 30 health_is four healthy
	soon 30 health_is five healthy
	ok c events --json --since "$began" --until 0s
	is "$(jq -r 'select(.action | startswith("health")) | .service + " " + .action' <<<"$out" | sort | xargs)" \
		"five health_status: healthy four health_status: healthy four health_status: unhealthy"
	ok c down -t 0
}
# observes: healthcheck.interval healthcheck.retries
t "interval and retries" intervals
t "as many failures as retries make it unhealthy, one fewer does not" exactly

timeouts() {
	cd "$W/health"
	soon 20 health_is slow unhealthy
	[ "$(probes slow | wc -l)" -ge 2 ] || flunk "$(probes slow)"
	soon 10 no_more_than_one
}
no_more_than_one() { [ "$(c exec -T slow ps -o args | grep -c 'sleep 100[0]')" -le 2 ]; } # the container's own, a probe's
# observes: healthcheck.timeout
t "timeout: the probe is ended and counts as failed" timeouts

starting() {
	local age

	cd "$W/health"
	# within start_period failures do not count, and start_interval is how often it is tried
	soon 20 health_is grace unhealthy
	age=$(($(c exec -T grace sed -n 's/\..*//p' /proc/uptime | head -n 1) - $(probes grace | head -n 1 | cut -d. -f1)))
	[ "$age" -ge 2 ] || flunk "unhealthy $age s after the first probe, within start_period"
	[ "$(probes grace | wc -l)" -ge 3 ] || flunk "$(probes grace)"
	soon 30 ran waits 5
	probes waits | awk 'NR > 1 && $1 - last < 4 { often = 1 } { last = $1 } END { exit !often }' || # not as by default, every 5 s
		flunk "$(probes waits)"
	is "$(field waits .Health)" starting
	ok c exec -T waits touch /ok
	soon 20 health_is waits healthy # a success ends the start period at once
	ok c down -t 0
}
# observes: healthcheck.start_period healthcheck.start_interval
t "start_period and start_interval" starting
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Lifecycle hooks: post_start and pre_stop in the container, pre_start in containers of their own.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

# ---- post_start, pre_stop ----

hooks_run() {
	mkdir -p h
	project hooks <<-E
		services:
		  a:
		    image: busybox
		    init: true
		    user: "1000:1000"
		    environment: { A: service, B: service }
		    command: payload ticks 1000
		    volumes: ["$W/h:/h"]
		    post_start:
		      - command: sh -c 'echo "one \$\$(id -u) \$\$A \$\$B \$\$PWD" >>/h/post; grep CapEff /proc/self/status >>/h/caps'
		        user: root
		        environment: { B: hook }
		        working_dir: /h
		      - command: ["sh", "-c", "echo said by two; sleep .2; echo two \$\$(id -u) >>/h/post"]
		        environment: ["C=list"]
		      - command: "sh -c 'grep -E \"CapEff|Seccomp:\" /proc/self/status >>/h/caps'"
		        user: root
		        privileged: true
		    pre_stop:
		      - command: sh -c 'echo before >>/h/pre; grep -c payload /proc/[0-9]*/comm | grep -c :1 >>/h/pre; echo leaving'
	E
	touch "$W/h/post" "$W/h/pre"
	chmod 666 "$W/h/post" "$W/h/pre"
	ok c up -d
	is "$(cat "$W/h/post")" $'one 0 service hook /h\ntwo 1000'
	is "$(sed -n 1p "$W/h/caps")" $'CapEff:\t00000000a80425fb'
	matches "$(sed -n 2p "$W/h/caps")" 'CapEff:.0000.1ff'
	is "$(sed -n 3p "$W/h/caps")" $'Seccomp:\t0'
	has "$(c logs a)" "post_start -> said by two"
	# again only when it is started again
	ok c up -d
	is "$(wc -l <"$W/h/post")" 2
	ok c restart
	is "$(wc -l <"$W/h/post")" 4
	is "$(head -1 "$W/h/pre")" before
	is "$(wc -l <"$W/h/pre")" 2
	matches "$(sed -n 2p "$W/h/pre")" "^[1-9]"
	has "$(c logs a)" "pre_stop -> leaving"
	ok c stop
	is "$(wc -l <"$W/h/pre")" 4
	ok c start
	is "$(wc -l <"$W/h/post")" 6
	sed -i 's/A: service/A: changed/' compose.yaml
	ok c up -d
	is "$(wc -l <"$W/h/pre") $(tail -2 "$W/h/post" | head -1)" "6 one 0 changed hook /h"
	ok c rm -sf
	is "$(wc -l <"$W/h/pre")" 8
	ok c up -d
	ok c kill
	killed() { [ "$(field a .State)" = exited ]; }
	soon 20 killed
	is "$(wc -l <"$W/h/pre")" 8                # not for a signal
	ok c start
	ok c down
	is "$(wc -l <"$W/h/pre")" 10
}
# observes: post_start[].command post_start[].environment post_start[].privileged post_start[].user post_start[].working_dir pre_stop[].command
t "post_start and pre_stop: in order, as who and where they say, at every start and stop" hooks_run

by_policy() {
	project policy <<-E
		services:
		  a:
		    image: busybox
		    restart: always
		    command: sh -c 'sleep .3; exit 3'
		    volumes: ["$W/h:/h"]
		    post_start: [{ command: sh -c 'echo x >>/h/policy' }]
		    pre_stop: [{ command: sh -c 'echo x >>/h/policy.stop' }]
	E
	restarted() { [ "$(jq .restarts "$COMPOSE_ROOT"/projects/policy/*/status.json)" -gt 1 ]; }
	ok c up -d
	soon 20 restarted
	is "$(wc -l <"$W/h/policy")" 1             # the restart policy runs none
	is "$(cat "$W/h/policy.stop" 2>/dev/null)" ""
	c kill
	ok c down
}
t "a restart by the policy and an end of its own run no hook" by_policy

post_fails() {
	project fails <<-E
		services:
		  a:
		    image: busybox
		    init: true
		    command: payload ticks 1000
		    volumes: ["$W/h:/h"]
		    post_start:
		      - command: sh -c 'echo first >>/h/order'
		      - command: sh -c 'echo cannot reach the database; test -e /h/good || exit 9'
		      - command: sh -c 'echo third >>/h/order'
		  b: { image: busybox, command: payload ticks 1000, depends_on: [a] }
	E
	fails 1 c up -d
	has "$err" "hook exited with status 9: cannot reach the database"
	has "$err" "compose.yaml:9:9 services.a.post_start[1]"
	is "$(cat "$W/h/order")" first
	is "$(field a .State)" running
	is "$(field b .State)" created
	ok c why a
	has "$out" "it runs, but: "
	has "$out" "hook exited with status 9: cannot reach the database"
	# as long as it fails, up says so; when it can, up makes it good
	fails 1 c up -d
	has "$err" "hook exited with status 9"
	touch "$W/h/good"
	ok c --dry-run up -d
	has "$out" "its post_start hook failed"
	ok c up -d
	is "$(xargs <"$W/h/order")" "first first first third"
	is "$(field b .State)" running
	ok c --dry-run up -d
	hasnt "$out" post_start
	ok c down
}
t "a failing post_start fails up, says why and where, and the next up mends it" post_fails

not_found() {
	project nf <<-'E'
		services: { a: { image: busybox, init: true, command: payload ticks 1000, post_start: [{ command: [/no/such, x] }] } }
	E
	fails 1 c up -d
	has "$err" "/no/such"
	has "$err" "post_start"
	ok c down
	project short <<-'E'
		services: { a: { image: busybox, command: "true", post_start: [{ command: sleep 60 }] } }
	E
	fails 1 c up -d
	has "$err" "before its post_start hooks had come to their end"
	ok c down
}
t "a hook that cannot be run, or outlives its container" not_found

pre_fails() {
	project pre <<-'E'
		services:
		  a:
		    image: busybox
		    init: true
		    command: payload ticks 1000
		    pre_stop: [{ command: sh -c 'echo still busy; exit 4' }]
	E
	ok c up -d
	fails 1 c stop
	has "$err" "hook exited with status 4: still busy"
	has "$err" "services.a.pre_stop[0]"
	is "$(field a .State)" running
	fails 1 c down
	is "$(field a .State)" running
	# nor is it replaced: what was made for that is gone again
	sed -i 's/payload ticks 1000/payload ticks 1001/' compose.yaml
	fails 1 c up -d
	has "$err" "hook exited with status 4: still busy"
	is "$(c ps -a --format json | jq -r .State)" running
	ok c exec -T a true
	ok c kill
	ok c down
	is "$(c ps -aq)" ""
}
t "a failing pre_stop: it runs on, and the way out is told" pre_fails

client_killed() {
	mkfifo "$W/h/gate"
	project killed <<-E
		services:
		  a:
		    image: busybox
		    init: true
		    command: payload ticks 1000
		    volumes: ["$W/h:/h"]
		    post_start:
		      - command: sh -c 'echo one >>/h/killed; cat /h/gate; echo two >>/h/killed'
		      - command: sh -c 'echo three >>/h/killed'
		    pre_stop: [{ command: sh -c 'echo stopping >>/h/killed; cat /h/gate; echo stopped >>/h/killed' }]
	E
	told() { [ "$(tail -1 "$W/h/killed" 2>/dev/null)" = "$1" ]; }
	c_bg up -d
	soon 20 told one
	kill -9 $bg
	wait $bg || true
	# the supervisor goes on with it; up waits for it, and does nothing twice
	c_bg up -d
	soon 10 connected "$bg"
	echo >"$W/h/gate"
	wait $bg
	is "$(xargs <"$W/h/killed")" "one two three"
	c_bg stop
	soon 20 told stopping
	kill -9 $bg
	wait $bg || true
	is "$(field a .State)" running
	echo >"$W/h/gate"
	stopped() { [ "$(field a .State)" = exited ]; }
	soon 20 stopped
	told stopped
	ok c down
	rm "$W/h/gate"
}
t "a client that is killed meanwhile: hooks go on, up joins them" client_killed

worker_killed() {
	project wk <<-E
		services:
		  a:
		    image: busybox
		    init: true
		    command: payload ticks 1000
		    volumes: ["$W/h:/h"]
		    post_start: [{ command: sh -c 'echo one >>/h/wk; test -e /h/good2 || sleep 600' }]
		    pre_stop: [{ command: sh -c 'echo stopping >>/h/wk.stop; while test -e /h/block; do sleep .1; done' }]
	E
	begun() { [ -s "$W/h/wk" ]; }
	c_bg up -d
	soon 20 begun
	touch "$W/h/good2"
	kill -9 "$(pgrep -f '^compose: worker wk')"
	run wait $bg
	is "$rc" 1
	has "$(cat "$T/out/bg")" "its supervisor was killed"
	ok c up -d
	is "$(wc -l <"$W/h/wk")" 2
	ok c --dry-run up -d
	hasnt "$out" post_start
	# before the signal: the next worker runs it again; a paused container goes on for it
	ok c pause
	touch "$W/h/block"
	: >"$W/h/wk.stop"
	stopping() { [ "$(grep -c stopping "$W/h/wk.stop")" = "$1" ]; }
	c_bg stop
	soon 20 stopping 1
	kill -9 "$(pgrep -f '^compose: worker wk')"
	soon 20 stopping 2
	rm "$W/h/block"
	wait $bg
	is "$(field a .State)" exited
	ok c down
}
t "a worker that is killed meanwhile: up fails, the next up runs the hooks again" worker_killed

oneoff() {
	project one <<-E
		services:
		  a:
		    image: busybox
		    volumes: ["$W/h:/h"]
		    post_start: [{ command: sh -c 'echo x >/h/oneoff' }]
		  b:
		    image: busybox
		    post_start: [{ command: sh -c 'exit 6' }]
	E
	ok c run --rm a sh -c 'while ! test -e /h/oneoff; do sleep .1; done; echo seen'
	is "$out" seen
	run c run --rm b sleep 2
	is "$rc" 1
	has "$err" "hook exited with status 6"
	is "$(c ps -aq)" ""
	ok c down
}
t "run: post_start beside the command" oneoff

changed() {
	project changed <<-'E'
		services: { a: { image: busybox, init: true, command: payload ticks 1000, pre_stop: [{ command: "true" }] } }
	E
	ok c up -d
	sed -i 's/command: "true"/command: echo/' compose.yaml
	ok c --dry-run up -d
	has "$out" "recreate a: pre_stop changed, compose.yaml:1:"
	ok c down
}
t "a changed hook makes the container anew, with the cause" changed

# ---- pre_start ----

pre_start() {
	project init <<-E
		services:
		  web:
		    image: busybox
		    init: true
		    command: payload ticks 1000
		    environment: { A: service, B: service }
		    volumes: ["$W/h:/h", "data:/data", /anon]
		    depends_on: [db]
		    pre_start:
		      - command: sh -c 'echo "one \$\$(id -u) \$\$A \$\$B \$\$PWD \$\$(getent hosts db | wc -l)" >>/h/init; echo x >/data/x; echo y >/anon/y'
		        environment: { B: hook }
		        working_dir: /h
		      - command: sh -c 'echo said by two; echo two \$\$(id -u) \$\$(cat /data/x /anon/y) >>/h/init'
		        user: "0:0"
		      - command: sh -c 'grep Seccomp: /proc/self/status | tr -d "\\t" >>/h/init'
		        image: other/base:1
		        privileged: true
		  db: { image: busybox, init: true, command: payload ticks 1000 }
		volumes: { data: }
	E
	sed -i "s/command: sh -c 'grep Seccomp: \\(.*\\)'$/command: [sh, -c, 'grep Seccomp: \\1']/" compose.yaml
	mkdir -p b
	printf 'FROM busybox\nENTRYPOINT ["/bin/false"]\n' >b/Dockerfile
	echo 'services: { b: { build: ., image: "other/base:1" } }' >b/compose.yaml
	ok c -f b/compose.yaml -p b build
	ok c --dry-run up
	has "$out" "run pre_start hook init-web-pre_start-0 (before web starts)"
	fails 1 c up -d                            # its image's entrypoint is /bin/false
	has "$err" "pre_start hook exited with status 1"
	sed -i 's/ENTRYPOINT.*/ENV X=y/' b/Dockerfile
	ok c -f b/compose.yaml -p b build
	rm "$W/h/init"
	ok c up -d
	has "$err" "said by two"
	is "$(cat "$W/h/init")" $'one 0 service hook /h 1\ntwo 0 x y\nSeccomp:0'
	is "$(c ps -aq | wc -l)" 2                 # none of theirs is left
	is "$(c exec -T web cat /anon/y)" y
	# not while one runs
	ok c up -d --scale web=2
	is "$(wc -l <"$W/h/init")" 3
	ok c restart
	is "$(wc -l <"$W/h/init")" 3
	ok c stop
	ok c start
	is "$(wc -l <"$W/h/init")" 6
	sed -i 's/A: service/A: new/' compose.yaml
	ok c up -d
	is "$(wc -l <"$W/h/init")" 9
	ok c down -v
	is "$(ls -A "$COMPOSE_ROOT/volumes" 2>/dev/null)" ""
}
# observes: pre_start[].command pre_start[].environment pre_start[].image pre_start[].privileged pre_start[].working_dir
t "pre_start: in order, in containers of their own beside the service's volumes and networks" pre_start

pre_start_fails() {
	project initfail <<-E
		services:
		  web:
		    image: busybox
		    init: true
		    command: payload ticks 1000
		    volumes: ["$W/h:/h"]
		    pre_start:
		      - command: sh -c 'echo no schema; test -e /h/good3 || exit 5'
		      - command: sh -c 'echo second >>/h/second'
		  after: { image: busybox, command: payload ticks 1000, depends_on: [web] }
	E
	fails 1 c up -d
	has "$err" "pre_start hook exited with status 5: no schema"
	has "$err" "compose.yaml:8:9 services.web.pre_start[0]"
	has "$err" "initfail-web-pre_start-0 was kept"
	is "$(field web .State | head -1) $(field after .State)" "created created"
	is "$(ls "$W/h/second" 2>/dev/null)" ""
	ok c why web
	has "$out" "initfail-web-pre_start-0, ended with code 5"
	is "$(c ps -aq | wc -l)" 3
	fails 1 c up -d
	is "$(c ps -aq | wc -l)" 3
	touch "$W/h/good3"
	ok c up -d
	is "$(c ps -aq | wc -l) $(field web .State) $(field after .State) $(cat "$W/h/second")" "2 running running second"
	rm "$W/h/good3"
	ok c stop
	fails 1 c start
	ok c down
	is "$(c ps -aq)" ""
	sed -i 's/      *- command: sh -c .echo second.*/&\n        per_replica: true/' compose.yaml
	fails 3 c up -d
	has "$err" "per_replica"
	has "$err" "compose.yaml:9:"
}
# observes: pre_start[].per_replica
t "a failing pre_start: nothing starts, it is kept and told, and the next up runs it again" pre_start_fails

pre_start_cut() {
	mkfifo "$W/h/gate"
	project initcut <<-E
		services:
		  web:
		    image: busybox
		    init: true
		    command: payload ticks 1000
		    volumes: ["$W/h:/h"]
		    pre_start: [{ command: sh -c 'echo begun >>/h/cut; cat /h/gate; echo over >>/h/cut' }]
	E
	begun() { [ "$(grep -c begun "$W/h/cut" 2>/dev/null)" = "$1" ]; }
	c_bg up -d
	soon 20 begun 1
	kill -9 $bg
	wait $bg || true
	is "$(c ps -aq | wc -l)" 2
	c_bg up -d                                 # that of the dead client is ended, and it is run again
	soon 20 begun 2
	echo >"$W/h/gate"
	wait $bg
	is "$(grep -c over "$W/h/cut") $(field web .State) $(c ps -aq | wc -l)" "1 running 1"
	ok c stop
	c_bg up -d                                 # Ctrl-C: it is gone
	soon 20 begun 3
	kill -INT $bg
	run wait $bg
	is "$rc" 130
	is "$(c ps -aq | wc -l)" 1
	c_bg up -d
	soon 20 begun 4
	kill -9 $bg
	ok c down
	is "$(c ps -aq)" ""
	rm "$W/h/gate"
}
t "pre_start whose client is killed or interrupted" pre_start_cut

done_testing

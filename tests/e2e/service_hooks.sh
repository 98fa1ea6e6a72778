#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# As whom hooks run, and where: what each of the three kinds, and the command of a watch, may say of it.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

# What a hook finds: user, directory, two variables, whether it has all rights.
readonly SAYS='echo "$$(id -u):$$(id -g) $$PWD $$A $$B $$(grep -c "^Seccomp:.*0" /proc/self/status)" >>/h/$$0'

made() {
	mkdir "$W/h"
	for f in init post stop watch; do install -m 666 /dev/null "$W/h/$f"; done # each writes as another user
	project hooks <<-E
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    user: "1000:1000"
		    working_dir: /tmp
		    environment: { A: service, B: service }
		    volumes: ["$W/h:/h"]
		    pre_start: [ { command: [sh, -c, '$SAYS', init] },
		                 { command: [sh, -c, '$SAYS', init], user: "7:8", working_dir: /etc, privileged: true, environment: { B: hook } } ]
		    post_start: [ { command: [sh, -c, '$SAYS', post] },
		                  { command: [sh, -c, '$SAYS', post], user: "7:8", working_dir: /etc, privileged: true, environment: [B=hook] } ]
		    pre_stop: [ { command: [sh, -c, '$SAYS', stop] },
		                { command: [sh, -c, '$SAYS', stop], user: "7:8", working_dir: /etc, privileged: true, environment: { B: hook } } ]
		    develop: { watch: [ { action: sync+exec, path: src, target: /src, exec: { command: [sh, -c, '$SAYS', watch], user: "0", privileged: true } } ] }
	E
	mkdir src
	ok c up -d
	is "$(cat "$W/h/post")" $'1000:1000 /tmp service service 0\n7:8 /etc service hook 1'
	is "$(cat "$W/h/init")" $'1000:1000 /tmp service service 0\n7:8 /etc service hook 1'
	is "$(cat "$W/h/stop")" ""
	ok c stop
	is "$(cat "$W/h/stop")" $'1000:1000 /tmp service service 0\n7:8 /etc service hook 1'
}
# observes: pre_start[].user pre_stop[].user pre_stop[].working_dir pre_stop[].privileged pre_stop[].environment
t "pre_start, post_start, pre_stop: user, directory, environment, rights" made

watched() { [ "$(cat "$W/h/watch" 2>/dev/null)" = "0:0 /tmp service service 1" ]; }
enabled() { grep -qF "Watch enabled" "$T/out/bg"; }
watching() {
	cd "$W/hooks"
	c_bg watch
	soon 60 enabled
	echo 1 >src/file
	soon 30 watched
	kill -INT $bg
	wait $bg || true
	ok c down -t 0
}
# observes: develop.watch[].exec.privileged
t "the command of a watch" watching
done_testing

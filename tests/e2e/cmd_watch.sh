#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cmd_watch.sh - `compose watch` and `up --watch`: what changes on the host arrives in the container, what is ignored does not,
# and nothing lands outside of it.
IMAGES=busybox
. "$(dirname "$0")/../lib.sh"
need root

in_web() { c exec -T web "$@"; }
said() { grep -qF -- "$1" "$T/out/bg"; }
file_is() { [ "$(in_web cat "$1")" = "$2" ]; }
absent() { ! in_web test -e "$1" && ! in_web test -L "$1"; }

files() {
	project w <<-'E'
		services:
		  web:
		    image: busybox:latest
		    command: sleep 600
		    init: true
		    user: "1234:2345"
		    scale: 2
		    develop:
		      watch:
		        - { action: sync, path: src, target: /app/src, ignore: [skip/, "*.log"], initial_sync: true }
		        - { action: sync, path: only, target: /only, include: ["*.js", "lib/"] }
		        - { action: sync, path: one.conf, target: /etc/one.conf }
		        - action: sync+exec
		          path: exec
		          target: /exec
		          exec: { command: [sh, -c, 'echo "$$WHO $$(id -u) $$(pwd)" >/tmp/ran'], user: root, working_dir: /etc, environment: { WHO: me } }
		        - { action: sync+restart, path: restart, target: /restart }
	E
	mkdir -p src/deep/er src/skip only/lib exec restart
	echo first >src/first
	echo 1 >one.conf
}

sync() {
	files
	c_bg watch
	soon 60 said "Watch enabled"
	echo $bg >"$T/watch.pid"
	# the first sync, as the user that the container runs as, into every replica
	soon 30 file_is /app/src/first first
	is "$(in_web stat -c '%u:%g' /app/src/first)" 1234:2345
	is "$(c exec -T --index 2 web cat /app/src/first)" first
	# written, in a new directory, renamed, removed, a link, a mode
	echo two >src/first
	soon 30 file_is /app/src/first two
	has "$(cat "$T/out/bg")" 'Syncing service "web" after 1 changes were detected'
	mkdir -p src/new/below && echo deep >src/new/below/file && chmod 750 src/new && ln -s below/file src/new/link
	soon 30 file_is /app/src/new/below/file deep
	soon 30 sh -c '[ "$("$COMPOSE" exec -T web readlink /app/src/new/link)" = below/file ]'
	is "$(in_web stat -c '%a %u' /app/src/new)" "750 1234"
	mv src/new src/renamed
	soon 30 file_is /app/src/renamed/below/file deep
	soon 30 absent /app/src/new
	echo more >>src/renamed/below/file
	soon 30 file_is /app/src/renamed/below/file $'deep\nmore'
	rm -r src/renamed
	soon 30 absent /app/src/renamed
	# a directory becomes a file, and back
	rm -r src/deep && echo plain >src/deep
	soon 30 file_is /app/src/deep plain
	rm src/deep && mkdir src/deep && echo x >src/deep/x
	soon 30 file_is /app/src/deep/x x
	# moved in whole from elsewhere
	mkdir -p elsewhere/tree && echo in >elsewhere/tree/in && mv elsewhere/tree src/tree
	soon 30 file_is /app/src/tree/in in
	# as editors save: another file takes the name
	echo saved >src/.first.swp && echo three >src/.tmp && mv src/.tmp src/first
	soon 30 file_is /app/src/first three
	# many at once
	mkdir src/many && for i in $(seq 500); do echo $i >src/many/$i; done
	soon 60 file_is /app/src/many/500 500
	soon 30 sh -c '[ "$("$COMPOSE" exec -T web ls /app/src/many | wc -l)" = 500 ]'
	# one file, and one that is replaced
	echo 2 >one.new && mv one.new one.conf
	soon 30 file_is /etc/one.conf 2
	# what is left out; the last one shows that the others had their time
	echo no >src/skip/no && echo no >src/no.log && mkdir -p src/.git && echo no >src/.git/no && echo no >src/no~
	echo no >only/no && echo yes >only/yes.js && echo yes >only/lib/yes
	echo end >src/end
	soon 30 file_is /app/src/end end
	soon 30 file_is /only/yes.js yes
	soon 30 file_is /only/lib/yes yes
	for f in /app/src/skip/no /app/src/no.log /app/src/.git /app/src/no~ /app/src/.first.swp /only/no; do
		absent $f || flunk "$f was copied"
	done
}
exec_and_restart() {
	local before

	echo 1 >exec/file
	soon 30 file_is /tmp/ran "me 0 /etc"
	file_is /exec/file 1
	before=$(jq -s .[0].ID <<<"$(ps_json web)" | tr -d '"')
	is "$(c exec -T --index 2 web cat /tmp/ran)" "me 0 /etc"
	started() { jq -r .started_ns "$COMPOSE_ROOT/projects/w/$before/status.json"; }
	was=$(started)
	echo 1 >restart/file
	soon 60 said 'service(s) ["web"] restarted'
	[ "$(started)" != "$was" ] || flunk "it was not restarted"
	soon 30 file_is /restart/file 1
}
one_only() {
	fails 1 c watch
	has "$err" "project w is watched already, by pid $(cat "$T/watch.pid") (compose watch)"
	kill -INT "$(cat "$T/watch.pid")"
	soon 30 sh -c "! kill -0 $(cat "$T/watch.pid") 2>/dev/null"
	c_bg watch --no-up
	soon 30 said "Watch enabled"
	kill -TERM $bg
	rc=0
	wait $bg || rc=$?
	is $rc 143
	ok c down -t 0
	no_traces() { [ -z "$(ls -A "$COMPOSE_ROOT/run/projects" 2>/dev/null)" ]; }
	soon 10 no_traces
}
sync_all() {
	sync
	exec_and_restart
	one_only
}
# observes: develop.watch[].action develop.watch[].path develop.watch[].target develop.watch[].ignore develop.watch[].include develop.watch[].initial_sync
# observes: develop.watch[].exec.command develop.watch[].exec.user develop.watch[].exec.working_dir develop.watch[].exec.environment
limit=300 t "sync: written, made, moved, removed, replaced, ignored; sync+exec, sync+restart; one watch per project" sync_all

hostile() {
	project h <<-'E'
		services:
		  web:
		    image: busybox:latest
		    command: sleep 600
		    init: true
		    develop:
		      watch:
		        - { action: sync, path: src, target: /app }
	E
	mkdir -p src "$T/victim"
	echo untouched >"$T/victim/file"
	ok c up -d
	# the container turns the places it will be written to into ways out
	in_web sh -c "mkdir /app; ln -s ../../../../../../..$T/victim /app/up; ln -s $T/victim /app/abs; ln -s $T/victim/file /app/file
		ln -s /proc/1/root$T/victim /app/magic; mkdir /app/was"
	c_bg watch --no-up
	soon 30 said "Watch enabled"
	mkdir src/up src/abs src/magic src/was
	echo evil | tee src/up/file src/abs/file src/magic/file src/file src/was/file >/dev/null
	ln -s "$T/victim" src/was/link
	soon 30 file_is /app/was/file evil
	soon 30 file_is /app/file evil
	rm -r src/up src/abs src/file src/magic src/was
	echo end >src/end
	soon 30 file_is /app/end end
	is "$(cat "$T/victim/file")" untouched
	is "$(ls -A "$T/victim")" file
	kill -INT $bg
	wait $bg || true
	ok c down -t 0
}
limit=120 t "a container's links lead nowhere outside of it" hostile

build_project() {
	project b <<-'E'
		services:
		  app:
		    build: .
		    image: example/app
		    command: sleep 600
		    init: true
		    develop:
		      watch:
		        - { action: rebuild, path: . , ignore: [data/] }
		        - { action: sync, path: data, target: /data }
		  other: { image: "busybox:latest", command: sleep 600, init: true }
	E
	printf 'FROM busybox:latest\nCOPY version /version\n' >Dockerfile
	printf 'node_modules\n' >.dockerignore
	mkdir -p node_modules data
	echo 1 >version
}

app_is() { [ "$(c exec -T app cat /version)" = "$1" ]; }

rebuild() {
	local other before

	build_project
	c_bg watch --quiet
	soon 60 said "Watch enabled"
	soon 30 app_is 1
	other=$(field other .ID) before=$(c image inspect example/app | jq -r '.[0].Id')
	echo x >node_modules/x && echo d >data/d
	soon 30 sh -c '[ "$("$COMPOSE" exec -T app cat /data/d)" = d ]'
	hasnt "$(cat "$T/out/bg")" Rebuilding
	echo 2 >version
	soon 60 app_is 2
	soon 30 said 'service(s) ["app"] successfully built'
	has "$(cat "$T/out/bg")" 'Rebuilding service(s) ["app"] after changes were detected...'
	is "$(field other .ID)" "$other"
	# the former image is gone
	fails 1 c image inspect "$before"
	# a mistake is told, and the watch goes on
	echo 'NONSENSE' >>Dockerfile
	soon 60 said NONSENSE
	app_is 2
	sed -i '/NONSENSE/d' Dockerfile && echo 3 >version
	soon 60 app_is 3
	kill -INT $bg
	wait $bg || true
	ok c down -t 0
}
limit=240 t "rebuild: the image and its container, nothing else; the former image goes" rebuild

up_watch() {
	build_project
	c_bg up --watch
	soon 60 said "Watch enabled"
	echo 4 >version
	soon 60 app_is 4
	kill -INT $bg
	wait $bg || true
	is "$(field app .State)" exited
	[ ! -e "$COMPOSE_ROOT/run/projects/b/watch" ] || flunk "its watch is still there"
	ok c down -t 0
	project none <<-'E'
		services: { a: { image: "busybox:latest", command: "true" } }
	E
	fails 1 c watch
	has "$err" "none of the selected services is configured for watch"
	fails 1 c up --watch
	has "$err" "none of the selected services is configured for watch"
	fails 2 c up --watch -d
	fails 2 c up --watch --no-build
	project mounted <<-'E'
		services:
		  a: { image: "busybox:latest", command: "true", volumes: [".:/x"], develop: { watch: [ { action: sync, path: ., target: /x } ] } }
		  b: { image: "busybox:latest", develop: { watch: [ { action: rebuild, path: . } ] } }
	E
	fails 3 c watch b
	has "$err" "no build section"
	has "$err" "compose.yaml:3:"
	ok c --dry-run watch a
	has "$err" "also declared by a bind mount volume"
}
limit=240 t "up --watch; what cannot be watched" up_watch
done_testing

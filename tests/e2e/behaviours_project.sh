#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Behaviours 125-143: the life of a project.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/behaviours.inc
. "$TESTS/e2e/behaviours.inc" || exit
need root

r125() {
	u '' ps -q
	cp "$T/out/out" "$T/id"
	ok C up -d
	is "$(C ps -q)" "$(cat "$T/id")"
}
row 125 "up again: nothing is touched" r125

r126() {
	y '{services: {a: {image: busybox, init: true, command: sleep 300}, b: {image: busybox, init: true, command: sleep 300}}}' up -d
	C ps -q a >"$T/a"
	C ps -q b >"$T/b"
	y '{services: {a: {image: busybox, init: true, command: sleep 300, environment: {A: 1}}, b: {image: busybox, init: true, command: sleep 300}}}' up -d
	[ "$(C ps -q a)" != "$(cat "$T/a")" ]
	is "$(C ps -q b)" "$(cat "$T/b")"
}
row 126 "who is changed is made anew, nobody else" r126

r127() {
	echo y >"$W/t/f"
	u 'volumes: ["./f:/f"]' ps -q
	cp "$T/out/out" "$T/id"
	echo z >"$W/t/f"
	ok C up -d
	is "$(C ps -q)" "$(cat "$T/id")"
	is "$(C exec -T a cat /f)" z
}
row 127 "the content of a bound file changes nothing" r127

r128() {
	y '{services: {a: {build: {dockerfile_inline: "FROM busybox\nRUN cat /proc/sys/kernel/random/uuid >/x"}, init: true, command: sleep 99}}}' up -d
	C ps -q >"$T/id"
	ok C build --no-cache
	ok C up -d
	[ "$(C ps -q)" != "$(cat "$T/id")" ]
}
row 128 "another image under the same name: made anew" r128

r129() {
	u '' ps -q
	sed -i 's/busybox,/busybox, environment: {N: 1},/' "$Y"
	ok C restart
	ok C exec -T a env
	hasnt "$out" N=1
	ok C up -d
	ok C exec -T a env
	has "$out" N=1
}
row 129 "restart takes over no changes" r129

r130() {
	y '{services: {a: {image: busybox, init: true, command: sleep 300}, old: {image: busybox, init: true, command: sleep 300}}}' up -d
	y '{services: {a: {image: busybox, init: true, command: sleep 300}}}' up -d
	is "$rc" 0
	matches "$err" "orphan.*t-old-1|t-old-1.*orphan"
	is "$(c -p t ps -a --orphans --format '{{.Name}} {{.State}}' | grep old)" "t-old-1 running"
	ok C up -d --remove-orphans
	hasnt "$(c -p t ps -a --orphans)" t-old-1
}
row 130 "a service that is gone from the file: a warning" r130

r131() {
	u 'scale: 3' up -d --scale a=1
	is "$(C ps --format '{{.Name}}')" t-a-1
	ok C up -d --scale a=2
	is "$(C ps --format '{{.Name}}' | sort | xargs)" "t-a-1 t-a-2"
}
row 131 "fewer: the highest numbers go" r131

r132() {
	y '{services: {
		a: {image: busybox, init: true, command: sleep 99, depends_on: [b]},
		b: {image: busybox, init: true, command: sleep 99},
		c: {image: busybox, command: sleep 99}}}' up -d a
	is "$(C ps --services | sort | xargs)" "a b"
	stays
}
row 132 "up SERVICE: with what it depends on, and no others" r132

r133() {
	c_bg -p t -f "$Y" up a
	soon 20 grep -q Attaching "$T/out/bg"
	kill -INT "$bg"
	wait "$bg" || true
	is "$(grep Attaching "$T/out/bg")" "Attaching to a-1"
}
row 133 "up SERVICE shows that one alone" r133

r134() {
	u '' ps
	ok C stop
	ok C stop
	ok C down
	ok C down
}
row 134 "stop and down, again" r134

r135() {
	y '{services: {a: {image: busybox, init: true, command: sleep 99, profiles: [p]}}}' --profile p up -d
	is "$rc" 0
	ok C down
	is "$(C --profile p ps -q | wc -l)" 1
	ok C --profile p down -t 0
}
row 135 "down leaves a profile that is off" r135

r136() {
	mkdir -p "$W/p/sub"
	echo 'services: {a: {image: busybox, volumes: ["./x:/x"]}}' >"$W/p/compose.yaml"
	cd "$W/p/sub"
	ok c config
	is "$(head -n 1 <<<"$out")" "name: p"
	has "$out" "source: $W/p/x"
}
row 136 "the file is found from below; paths begin where it is" r136

r137() {
	mkdir -p "$W/q/p"
	echo 'services: {a: {image: busybox}}' >"$W/q/p/compose.yaml"
	ok c -f "$W/q/p/compose.yaml" config
	is "$(head -n 1 <<<"$out")" "name: p"
}
row 137 "a project is called by its directory's last name" r137

r138() {
	u '' run -d a sleep 99
	is "$(C ps -q | wc -l) $(C ps -aq | wc -l)" "1 2"
	ok C up -d
	is "$(C ps -q | wc -l)" 1
	stays
}
row 138 "one-offs are hidden without -a, and are no replicas" r138

r139() {
	ok C down -t 0
	has "$err" "t_default stays"
	has "$err" "t-a-run-"
	is "$(c -p t ps -a --orphans --format '{{.State}}' 2>/dev/null | sort -u)" running
}
row 139 "down leaves a one-off that runs, and so the network" r139

r140() {
	u 'environment: {Z: 1}, entrypoint: [sh, -c, "exec sleep 300"], user: app' exec -T a env
	has "$out" Z=1
	has "$out" HOME=/home/app
	hasnt "$out" sleep
}
row 140 "exec: no entrypoint, the container's environment, the user's HOME" r140

r141() {
	local l

	y '{services: {a: {image: busybox, init: true, command: sleep 300, depends_on: [b]}, b: {image: busybox, init: true, command: sleep 300}}}' up -d
	ok C ps --format json a
	for l in config-hash container-number depends_on image oneoff project project.config_files project.working_dir service version; do
		has "$out" "com.docker.compose.$l="
	done
	has "$out" "com.docker.compose.project=t"
	has "$out" "com.docker.compose.depends_on=b:service_started:false"
	has "$out" "com.docker.compose.oneoff=False"
	has "$out" "com.docker.compose.project.working_dir=$W/t"
}
row 141 "the labels com.docker.compose.*" r141

r142() {
	y '{services: {a: {image: "local/x:1", build: {dockerfile_inline: "FROM busybox"}}}}' run --rm -T a true
	is "$rc" 0
	ok c image inspect local/x:1
}
row 142 "an image that is absent is built" r142

r143() {
	y '{services: {a: {image: "localhost:1/x"}, b: {image: busybox}}}' up -d
	is "$rc" 1
	is "$(C ps -aq)" ""
}
row 143 "an image that cannot be had: nothing is started" r143
rows_end

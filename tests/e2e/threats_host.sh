#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who is on the host besides us: modes whatever the umask, sockets, rights of our processes, the caller's environment and
# descriptors, escape sequences in compose files, and what a container reaches by network (CVE-2024-25621, -2020-15257,
# -2022-24769, -2024-29018).
# shellcheck source=tests/e2e/threats.inc
. "$(dirname "$0")/threats.inc"

PORT=$(free_port)

up_with_umask_0() {
	project host <<-E
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    init: true
		    ports: ["127.0.0.1:$PORT:80"]
		    volumes: ["data:/data"]
		  inner: { image: busybox, command: sleep 1000, networks: [inner] }
		networks: { inner: { internal: true } }
		volumes: { data: {} }
	E
	umask 000
	CALLER_SECRET=do-not-tell ok c up -d
	ok c exec -T a sh -c 'umask; touch /tmp/f; stat -c %a /tmp/f /data'
	is "$out" $'0022\n644\n755'
}
t "up with umask 000" up_with_umask_0

modes() {
	local bad

	is "$(stat -c %a "$COMPOSE_ROOT")" 700
	bad=$(find "$COMPOSE_ROOT" -maxdepth 3 \( -path '*/layers/*' -o -path '*/_data' \) -prune -o -perm /022 ! -type l -print)
	is "$bad" ""
	bad=$(find "$COMPOSE_ROOT" -maxdepth 2 -type d -perm /077 ! -path '*/layers/*' -print)
	is "$bad" ""
	hasnt "$(cat /proc/net/unix)" "@compose"
	setpriv --reuid 65534 --regid 65534 --clear-groups test ! -e "$COMPOSE_ROOT/run/projects/host/ctl"
	fails 2 setpriv --reuid 65534 --regid 65534 --clear-groups ls "$COMPOSE_ROOT"
}
t "modes of what is on disk, no abstract socket" modes

# A peer that is neither root nor us is turned away even when a descriptor of the socket's directory leaks.
peer() {
	command -v python3 >/dev/null || skip "needs python3"
	ok python3 - "$COMPOSE_ROOT/run/projects/host/ctl" <<-'E'
		import os, socket, sys
		d = os.open(os.path.dirname(sys.argv[1]), os.O_RDONLY | os.O_DIRECTORY)
		os.chmod(sys.argv[1], 0o777)
		os.fchdir(d)
		if os.fork() == 0:
		    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
		    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		    try:
		        s.connect("ctl"); s.settimeout(5); s.send(b'{"op":"list","id":1}')
		        print("answer", s.recv(4096))
		    except OSError as e:
		        print("refused", e.errno)
		    os._exit(0)
		os.wait()
		os.chmod(sys.argv[1], 0o755)
	E
	hasnt "$out" '{'
}
t "the control socket asks who is there" peer

ours() { our_processes | awk -v r="compose: $1 host" 'index($0, r) { print $1 }' | head -n 1; }

processes() {
	local p r

	for r in keeper worker relay; do
		p=$(ours $r)
		[ -n "$p" ] || flunk "no $r" "$(our_processes)"
		hasnt "$(tr '\0' '\n' <"/proc/$p/environ")" do-not-tell
		is "$(awk '/^CapInh|^CapAmb/ { print $2 }' "/proc/$p/status" | sort -u)" 0000000000000000
		is "$(readlink "/proc/$p/cwd")" /
	done
	is "$(awk '/^Cap(Prm|Eff|Bnd)/ { print $2 }' "/proc/$p/status" | sort -u)" 0000000000000000
	is "$(awk '/^(NoNewPrivs|Seccomp):/ { print $2 }' "/proc/$p/status" | xargs)" "1 2"
	is "$(awk '/^[UG]id/ { print $2, $3, $4, $5 }' "/proc/$p/status" | sort -u)" "65534 65534 65534 65534"
	[ "$(readlink "/proc/$p/ns/net")" != "$(readlink /proc/self/ns/net)" ] || flunk "the relay is in the host's network"
	hasnt "$(ls -l "/proc/$p/fd")" "$COMPOSE_ROOT/projects"
}
t "rights, environment and descriptors of keeper, worker and relay" processes

inside() {
	cd host
	ok c exec -T a env
	hasnt "$out" do-not-tell
	hasnt "$out" COMPOSE_ROOT
	ok c exec -T a sh -c 'cat /proc/1/environ /proc/1/maps /proc/1/mem; ls -l /proc/1/fd /proc/1/root/ /proc/1/exe; true'
	is "$(grep -c -- '->' <<<"$out")" 0
	hasnt "$out$err" "$COMPOSE_ROOT"
	hasnt "$out" do-not-tell
	CALLER_SECRET=do-not-tell ok c exec -T a env
	hasnt "$out" do-not-tell
	exec 7<"$V/file" 8<"$V"
	ok c exec -T a payload fds
	is "$(wc -l <<<"$out")" 3
	ok c run --rm -T a payload fds
	is "$(wc -l <<<"$out")" 3
}
t "nothing of the caller's and the supervisor's inside" inside

closed_streams() {
	cd host
	c exec -T a payload fds <&- >"$W/fds"
	is "$(wc -l <"$W/fds")" 3
	c exec -T a true <&- >&- 2>&-
	c ps <&- >"$W/ps" 2>&-
	has "$(cat "$W/ps")" host-a-1
	c config <&- >/dev/null 2>&-
	run bash -c "'$COMPOSE' ps >&-"
	[ "$rc" != 0 ] || flunk "output nowhere, and nobody told"
	(ulimit -n 64 && c ps >"$W/ps")
	ok c ps
	has "$out" host-a-1
}
t "0, 1, 2 closed; low limits" closed_streams

# tcp SERVICE HOST PORT
tcp() { timeout 5 "$COMPOSE" exec -T "$1" payload tcp "$2" "$3" hello 2>/dev/null </dev/null; }

reach() {
	local gate addr port2 server

	command -v python3 >/dev/null || skip "needs python3"

	port2=$(free_port)
	project other <<<'services: { s: { image: busybox, command: payload tcp-echo 80 } }'
	ok c up -d
	ok c exec -T s sh -c 'ip -4 -o addr show dev eth0'
	addr=$(awk '{ sub("/.*", "", $4); print $4 }' <<<"$out")
	cd ../host
	python3 -c 'import http.server, sys; http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")' \
		"$port2" >/dev/null 2>&1 &
	server=$!
	soon 5 get "http://127.0.0.1:$port2/" >/dev/null
	ok c exec -T a sh -c 'ip route | sed -n "s/default via \([0-9.]*\).*/\1/p"'
	gate=$out
	matches "$gate" '^[0-9.]+$'
	for at in "$gate $port2" "$gate $PORT" "$addr 80" "127.0.0.1 $port2"; do
		# shellcheck disable=SC2086
		is "$(tcp a $at)" ""
		# shellcheck disable=SC2086
		is "$(tcp inner $at)" ""
	done
	run c exec -T inner payload dns example.org
	hasnt "$out" "NOERROR"
	run c exec -T inner getent hosts a
	is "$out" ""
	run c exec -T a getent hosts s
	is "$out" ""
	kill $server
	cd ../other
	ok c down -t 0
}
t "the host's loopback, other projects and outside names are out of reach" reach

texts() {
	local i=0 f
	mkdir -p texts
	cd texts
	# shellcheck disable=SC2016
	for f in 'image: "\e]0;pwn\a"' 'image: busybox, "bo\e[31mgus": 1' 'image: busybox, container_name: "a\e[31m"' \
		'image: busybox, user: "a\e[31m"' 'image: busybox, command: ["i\e[31md"]' \
		'image: busybox, environment: {"A": "${X?\e[31mno}"}' 'image: busybox, depends_on: ["z\e[31m"]' \
		'image: busybox, networks: ["n\e[31m"]' 'image: busybox, env_file: "q\e[31m"' \
		'image: busybox, volumes: [{type: bind, source: "/n\e[31m", target: /z, bind: {create_host_path: false}}]' \
		'image: busybox, sysctls: {"a\e[31m": 1}' 'image: busybox, cap_add: ["\e[31m"]' 'image: busybox, ulimits: {"\e[31m": 1}' \
		'image: busybox, devices: ["/dev/\e[31m"]' 'image: busybox, security_opt: ["\e[31m"]'; do
		i=$((i + 1))
		echo "services: { a: { network_mode: none, $f } }" | sed 's/network_mode: none, \(.*networks:\)/\1/' >"$i.yaml"
		run timeout 20 "$COMPOSE" -p texts -f "$i.yaml" up --no-attach a
		[ "$rc" != 0 ] || flunk "$f: went well"
		hasnt "$out$err" $'\033'
		hasnt "$out$err" $'\007'
		c -p texts -f "$i.yaml" down -t 0 >/dev/null 2>&1 || true
	done
	for f in "-f a ps" "a" "image rm a" "exec a b" "-p a ps"; do
		# shellcheck disable=SC2086
		run c ${f//a/a$'\033'[31m}
		[ "$rc" != 0 ] || flunk "$f: went well"
		hasnt "$out$err" $'\033'
	done
	echo "services: { a: { image: busybox } }" >compose.yaml
	c -p texts down -t 0 >/dev/null 2>&1 || true
}
t "escape sequences in compose files and arguments" texts

over() { cd host && ok c down -v -t 0; }
t "down" over
done_testing

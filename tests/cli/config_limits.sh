#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files that would take for ever or all memory are refused at once, with the place; large honest ones take linear time and little memory.
IMAGES=
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

quick() { # WANTED TEXT: config of compose.yaml is refused with it, within a second of processor time
	local spent

	TIMEFORMAT=%U
	spent=$({ time run c config -q >/dev/null; } 2>&1)
	fails 3 c config -q
	has "$err" "$1"
	matches "$err" 'at: .*:[0-9]+:[0-9]+'
	awk -v s="${spent//,/.}" 'BEGIN { exit !(s < 1) }'
}

laughs() {
	local last=a c

	project laughs < <(
		echo 'x-a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]'
		for c in b c d e f g h i j k; do
			echo "x-$c: &$c [*$last, *$last, *$last, *$last, *$last, *$last, *$last, *$last, *$last]"
			last=$c
		done
		echo 'services: { a: { image: x } }'
	)
	quick "aliases of this file expand to too many values"
}
t "a billion laughs" laughs

deep() {
	project deep < <(printf 'x-a: '; head -c 100000 /dev/zero | tr '\0' '[')
	quick "nested too deeply"
	{ printf 'services: { a: { image: "'; printf '${A:-%.0s' {1..500}; printf '}%.0s' {1..500}; echo '" } }'; } >compose.yaml
	quick "nested too deeply"
}
t "depth of lists, depth of variables" deep

size() {
	project size < <(echo 'services: { a: { image: x } }')
	{ printf '#'; head -c $((65 << 20)) /dev/zero | tr '\0' x; } >>compose.yaml
	fails 1 c config -q
	has "$err" "larger than the 67108864 bytes allowed"
}
t "the size of a file" size

chains() {
	local i

	mkdir chains
	cd chains
	for i in {0..80}; do
		echo "include: [$((i + 1)).yaml]" >$i.yaml
	done
	echo 'include: [0.yaml]' >compose.yaml
	quick "files include each other too deeply"
	{ echo 'services:'; for i in {0..80}; do echo "  s$i: { extends: s$((i + 1)) }"; done; echo '  s81: { image: x }'; } >compose.yaml
	quick "services extend each other too deeply"
	{ echo 'services:'; for i in {0..50}; do echo "  s$i: { extends: s$((i + 1)) }"; done; echo '  s51: { image: x }'; } >compose.yaml
	ok c config -q
}
t "depth of include and extends" chains

write_services() { # N
	awk -v n="$1" 'BEGIN {
		print "services:"
		for (i = 0; i < n; i++) {
			printf "  svc%d:\n    image: registry.example.org/team/app%d:1.2.3\n    command: [\"run\", \"--port\", \"%d\"]\n", i, i, i
			printf "    environment:\n      A: \"${VALUE:-%d}\"\n      B: text\n    ports: [\"%d:80\"]\n", i, i % 60000 + 1
			printf "    volumes: [\"data%d:/data\"]\n    networks: [front]\n", i
			if (i) printf "    depends_on: [svc%d]\n", i - 1
		}
		print "networks: { front: {} }\nvolumes:"
		for (i = 0; i < n; i++) printf "  data%d: {}\n", i
	}'
}

seconds() { # processor time of config
	TIMEFORMAT=%U
	{ time "$COMPOSE" config >/dev/null; } 2>&1
}

many() {
	local few lots kib

	project many < <(write_services 1000)
	seconds >/dev/null
	few=$(seconds)
	write_services 10000 >compose.yaml
	lots=$(seconds)
	echo "1,000 services: $few s, 10,000: $lots s"
	awk -v f="$few" -v l="$lots" 'BEGIN { exit !(l < 30 * (f + 0.01)) }'     # quadratic would be 100
	kib=$(($(stat -c %s compose.yaml) * 40 / 1024))
	grep -qa __asan_init "$COMPOSE" || # the sanitizer's shadow is larger than any limit
		ok bash -c "ulimit -v $((kib + 30 * 1024)) && '$COMPOSE' config -q"         # 30 MiB: the program and its libraries
	is "$("$COMPOSE" config --services | wc -l)" 10000
}
t "10,000 services: linear time, memory below 40 times the file" many
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bad_input.sh - what a user gets wrong: one clear error with its position, the status of the README, nothing half-made.
. "$(dirname "$0")/../lib.sh"
need root

# Nothing of the current project was made: no record, no network, no supervisor.
nothing_made() {
	local name
	name=$(basename "$PWD")

	[ ! -e "$COMPOSE_ROOT/projects/$name" ] || flunk "left: $(find "$COMPOSE_ROOT/projects/$name")"
	[ -z "$(find "$COMPOSE_ROOT/networks" -name "${name}_*" 2>/dev/null)" ] || flunk "a network's record is left"
	soon 5 eval "! our_processes | grep -F -- '$name'"      # a supervisor that found nothing to do takes a moment to go
}

# refused STATUS PLACE TEXT...: `up -d` of the file on standard input ends so, tells PLACE and each TEXT, makes nothing
refused() {
	local code=$1 place=$2 text start=${EPOCHREALTIME/./}
	shift 2

	project "bad$RANDOM"
	fails "$code" c up -d
	[ $((${EPOCHREALTIME/./} - start)) -lt 5000000 ] || flunk "too slow"
	has "$err" "$place"
	for text; do has "$err" "$text"; done
	is "$(grep -c '^compose: ' <<<"$err")" 1
	nothing_made
}

yaml() {
	refused 3 "at: compose.yaml:2:17" "never closed" <<-'E'
		services:
		  web: { image: "busybox }
	E
	printf 'services:\n\tweb:\n\t\timage: busybox\n' | refused 3 "at: compose.yaml:2:1" "tab" "indent with spaces"
	printf 'services:\n  web: { image: busybox }\n  web: { image: busybox }\n' | refused 3 "at: compose.yaml:3:3" web
	printf '' | refused 3 "at: compose.yaml:1:1" "empty"
}

keys() {
	refused 3 "at: compose.yaml:4:5 services.web.comand" "unknown key" "did you mean \`command\`?" <<-'E'
		services:
		  web:
		    image: busybox
		    comand: x
	E
	refused 3 "at: compose.yaml:4:12 services.web.ports" "must be a list, not a number" <<-'E'
		services:
		  web:
		    image: busybox
		    ports: 80
	E
	refused 3 "at: compose.yaml:1:41 services.web.mem_limit" <<-'E'
		services: { web: { image: x, mem_limit: lots } }
	E
	refused 3 "at: compose.yaml:1:" "models" "not supported yet" <<-'E'
		{ services: { web: { image: busybox, models: [m] } }, models: { m: { model: x } } }
	E
}

# All mistakes of a run at once.
several() {
	project several <<-'E'
		services:
		  a:
		    image: busybox
		    comand: x
		    ports: 80
	E
	fails 3 c up -d
	has "$err" "compose.yaml:4:5"
	has "$err" "compose.yaml:5:12"
	nothing_made
}

references() {
	refused 3 "at: compose.yaml:4:" "a -> b -> c -> a" <<-'E'
		services:
		  a: { image: busybox, depends_on: [b] }
		  b: { image: busybox, depends_on: [c] }
		  c: { image: busybox, depends_on: [a] }
	E
	refused 3 "at: compose.yaml:1:48 services.a.depends_on" 'undefined service "bb"' <<-'E'
		services: { a: { image: busybox, depends_on: [ bb ] } }
	E
	refused 3 "at: compose.yaml:1:46 services.a.networks" "undefined network nope" <<-'E'
		services: { a: { image: busybox, networks: [ nope ] } }
	E
	refused 3 "at: compose.yaml:1:45 services.a.volumes" "undefined volume data" <<-'E'
		services: { a: { image: busybox, volumes: [ "data:/data" ] } }
	E
}

missing_files() {
	mkdir -p empty
	cd empty || return
	fails 3 c up -d
	has "$err" "no compose file"
	fails 3 c -f nope.yaml up -d
	has "$err" nope.yaml
	cd ..
	refused 3 "at: compose.yaml:1:44 services.a.env_file" "missing.env not found" <<-'E'
		services: { a: { image: busybox, env_file: missing.env } }
	E
	refused 3 "at: compose.yaml:1:11" missing.yaml <<-'E'
		include: [missing.yaml]
	E
}

usage() {
	project usage <<<'services: { a: { image: busybox } }'
	fails 2 c upp
	has "$err" "did you mean \`compose up\`?"
	fails 2 c up --nope
	fails 2 c up nosuch
	has "$err" "no such service: nosuch"
	nothing_made
}

# A name that cannot be resolved, a registry that refuses: told at once.
images() {
	refused 1 "at: compose.yaml:1:" "no.such.host.invalid" "hint:" <<-'E'
		services: { a: { image: no.such.host.invalid/x:1 } }
	E
	refused 1 "at: compose.yaml:1:" "127.0.0.1:1" "hint:" <<-'E'
		services: { a: { image: "127.0.0.1:1/x" } }
	E
	project never <<<'services: { a: { image: nosuch, pull_policy: never } }'
	fails 1 c up -d
	has "$err" nosuch
	nothing_made
}

commands() {
	local code cmd

	for code in 127 126; do
		cmd=nosuchcommand
		[ $code = 126 ] && cmd=/etc/passwd
		project "cmd$code" <<-E
			services: { a: { image: busybox, command: $cmd } }
		E
		fails $code c up -d
		has "$err" "$cmd"
		has "$err" "hint:"
		is "$(field a .ExitCode)" $code
		fails $code c run --rm a
		ok c down
		nothing_made
	done
	project entered <<<'services: { a: { image: busybox, command: payload sleep, init: true } }'
	ok c up -d
	fails 127 c exec -T a nosuchcommand
	has "$err" nosuchcommand
	fails 126 c exec -T a /etc/passwd
	ok c down -t 1
}

# Another's listener is in the way: the port, its line, and what came before it is kept for `down`.
port_in_use() {
	local port
	port=$(free_port)

	perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 1, LocalAddr => $ARGV[0]); sleep 60' "127.0.0.1:$port" &
	soon 5 eval "ss -Hltn 'sport = :$port' | grep -q ."
	project taken <<-E
		services:
		  a:
		    image: busybox
		    command: payload sleep
		    ports:
		      - "127.0.0.1:$port:80"
	E
	fails 1 c up -d
	has "$err" "127.0.0.1:$port/tcp: Address already in use"
	has "$err" "at: compose.yaml:6:9 services.a.ports[0]"
	is "$(field a .State)" created
	kill $!
	wait $! || true
	ok c up -d
	is "$(field a .State)" running
	ok c down
	nothing_made
}

bind_source() {
	project bind <<-'E'
		services:
		  a:
		    image: busybox
		    volumes: [{ type: bind, source: ./nope, target: /x, bind: { create_host_path: false } }]
	E
	fails 1 c up -d
	has "$err" "nope"
	has "$err" "at: compose.yaml:4:"
	[ ! -e nope ] || flunk "the missing source was made"
	ok c down
	nothing_made
}

not_root() {
	project plain <<<'services: { a: { image: busybox } }'
	chmod 755 "$T" "$W" .
	cp "$COMPOSE" "$T/compose"
	for cmd in "up -d" ps "down" "image ls"; do
		# shellcheck disable=SC2086
		fails 1 setpriv --reuid 65534 --regid 65534 --clear-groups env -u COMPOSE_ROOT -u XDG_RUNTIME_DIR "$T/compose" $cmd
		has "$err" "need root"
		has "$err" "sudo"
	done
	ok setpriv --reuid 65534 --regid 65534 --clear-groups "$T/compose" config -q
	fails 1 setpriv --bounding-set -sys_admin "$COMPOSE" up -d
	has "$err" CAP_SYS_ADMIN
	nothing_made
}

t "broken YAML, a tab, a key twice, nothing at all" yaml
t "unknown keys, wrong types, what is not supported yet" keys
t "several mistakes are told together" several
t "cycles, undefined services, networks, volumes" references
t "files that are missing" missing_files
t "wrong usage" usage
t "images that are nowhere are told fast" images
t "a command that is not there (127), or no program (126)" commands
t "a port that is taken" port_in_use
t "a bind source that is missing" bind_source
t "who is not root, or half of it, is told so" not_root
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bad_build.sh - Dockerfiles that are wrong, and steps that fail: the line, the exit code, the output; no image, no rest.
. "$(dirname "$0")/../lib.sh"
need root

# What a build may leave: layers of steps that ended well.  Not: containers, work in progress, the image.
nothing_half() {
	[ -z "$(find "$COMPOSE_ROOT/projects" -mindepth 2 -maxdepth 2 2>/dev/null)" ] || flunk "left: $(ls -R "$COMPOSE_ROOT/projects")"
	soon 5 eval "! our_mounts | grep ."
	is "$(find "$COMPOSE_ROOT/layers" -maxdepth 1 -name '*tmp*')" ""
	fails 1 c image inspect "$(basename "$PWD")-a"
}

# wrong STATUS PLACE TEXT...: the build of the Dockerfile on standard input ends so
wrong() {
	local code=$1 place=$2 text
	shift 2

	project "wrong$RANDOM" <<<'services: { a: { build: . } }'
	cat >Dockerfile
	for cmd in build "up -d"; do
		# shellcheck disable=SC2086
		fails "$code" c $cmd
		has "$err" "at: $place"
		for text; do has "$err" "$text"; done
		nothing_half
	done
}

lines() {
	wrong 3 Dockerfile:2:1 "unknown instruction \`RUNN\`" "did you mean \`RUN\`?" <<<$'FROM busybox\nRUNN echo'
	wrong 3 Dockerfile:3:1 COPPY <<<$'FROM busybox\n# a comment\nCOPPY a b'
	wrong 3 Dockerfile:4:1 ENV <<<$'FROM busybox\nRUN true \\\n  && true\nENV'
	wrong 3 Dockerfile:1: FROM <<<$'RUN true'
	wrong 3 Dockerfile:2: "--nope" <<<$'FROM busybox\nCOPY --nope a b'
	wrong 1 Dockerfile:2:1 nosuch "not found in the build context" <<<$'FROM busybox\nCOPY nosuch /x'
	wrong 1 Dockerfile:2:1 "../x" <<<$'FROM busybox\nCOPY ../x /x'
}

two_mistakes() {
	project two <<<'services: { a: { build: . } }'
	printf 'FROM busybox\nRUNN x\nCOPPY y\n' >Dockerfile
	fails 3 c build
	has "$err" Dockerfile:2:1
	has "$err" Dockerfile:3:1
}

failing_run() {
	wrong 1 Dockerfile:3:1 "exit code 7" "to stdout" "to stderr" <<-'E'
		FROM busybox
		RUN echo kept
		RUN echo to stdout; echo to stderr >&2; exit 7
	E
	wrong 1 Dockerfile:2:1 "exit code 127" nosuchcmd <<<$'FROM busybox\nRUN nosuchcmd'
	wrong 1 Dockerfile:2:1 nosuchcmd "executable file not found" <<<$'FROM busybox\nRUN ["nosuchcmd"]'
	wrong 1 Dockerfile:2:1 "exit code 137" <<<$'FROM busybox\nRUN sh -c "kill -9 \\$\\$" && true'
}

nothing_to_build() {
	project missing <<<'services: { a: { build: . } }'
	fails 3 c build
	has "$err" "the Dockerfile"
	has "$err" "at: compose.yaml:1:"
	project missing_context <<<'services: { a: { build: ./nope } }'
	fails 3 c build
	has "$err" nope
	has "$err" "at: compose.yaml:1:"
	project base <<<'services: { a: { build: . } }'
	printf 'FROM busybox\nRUN true\nFROM 127.0.0.1:1/nope\n' >Dockerfile
	fails 1 c build
	has "$err" 127.0.0.1:1
	has "$err" Dockerfile:3:1
	printf 'FROM busybox AS x\nCOPY --from=y /a /b\n' >Dockerfile
	fails 1 c build
	has "$err" Dockerfile:2:1
	project target <<<'services: { a: { build: { context: ., target: nope } } }'
	printf 'FROM busybox AS x\n' >Dockerfile
	fails 3 c build
	has "$err" nope
}

# One service of two that fails: the other is not brought up, its image may stay.
one_of_two() {
	project half <<-'E'
		services:
		  good: { image: busybox, command: payload sleep }
		  a: { build: . }
	E
	printf 'FROM busybox\nRUN exit 3\n' >Dockerfile
	fails 1 c up -d
	has "$err" "exit code 3"
	is "$(ps_json)" ""
	nothing_half
}

t "mistakes of a Dockerfile, with their line" lines
t "two mistakes are told together" two_mistakes
t "a RUN that fails: its exit code and its output" failing_run
t "no Dockerfile, no context, no base image, no such stage" nothing_to_build
t "a failing build brings nothing up" one_of_two
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Limits: what asks for too much is stopped alone, and it is said why.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

memory() {
	project mem <<-'E'
		services:
		  hog: { image: busybox, mem_limit: 24m, command: payload memhog 200 60 }
		  calm: { image: busybox, mem_limit: 24m, command: payload ticks 100 }
	E
	ok c up -d
	soon 20 service_ended hog 137
	is "$(field calm .State)" running
	ok c ps -a
	matches "$out" "hog .*Exited \(137\).*OOM"
	hasnt "$(grep calm <<<"$out")" OOM
	run c run --rm -T hog
	is "$rc" 137
	is "$(field calm .State)" running
	ok c down -t 0
}
t "a memory hog is killed alone, and ps says so" memory

# The first process lives on, a child of it is killed.
memory_child() {
	project memchild <<-'E'
		services:
		  a: { image: busybox, mem_limit: 24m, command: sh -c "payload memhog 200 60; echo child ended with $$?; payload ticks 1000" }
	E
	ok c up -d
	soon 20 logs_have a "child ended with 137"
	is "$(field a .State)" running
	ok c down -t 0
}
t "a hog that is not the first process" memory_child

pids() {
	project bomb <<-'E'
		services:
		  a: { image: busybox, pids_limit: 30, command: sh -c "payload forkbomb 200; payload ticks 1000" }
		  b: { image: busybox, command: payload ticks 1000 }
	E
	ok c up -d
	soon 15 logs_have a "EAGAIN"
	ok c exec -T b sh -c 'for i in 1 2 3; do true & done; wait; echo fine'
	is "$out" fine
	sh -c 'for i in 1 2 3; do true & done; wait'
	ok c logs --no-log-prefix a
	forked=$(sed -n 's/^[^0-9]*\([0-9]\{1,\}\).*/\1/p' <<<"$out" | head -n 1)
	[ "${forked:-999}" -lt 31 ] || flunk "forked $forked times: $out"
	ok c down -t 0
}
t "a fork bomb stops at pids_limit" pids

cpus() {
	project cpu <<-'E'
		services:
		  a: { image: busybox, cpus: 0.2, command: payload burn 2 }
	E
	ok c run --rm -T a
	ms=${out#cpu_ms }
	[ "$ms" -gt 10 ] && [ "$ms" -lt 800 ] || flunk "of 2 s at 0.2 processors it had: $out"
	ok c down -t 0
}
t "cpus is a ceiling" cpus

shm() {
	project shm <<-'E'
		services:
		  a:
		    image: busybox
		    shm_size: 1m
		    tmpfs: ["/t:size=2m,mode=700"]
		    command:
		      - sh
		      - -c
		      - df -k /dev/shm /t | awk '{ print $$2 }' | tail -n 2; dd if=/dev/zero of=/dev/shm/x bs=1k count=2000 2>&1 | head -n 1; stat -c %a /t
	E
	ok c run --rm -T a
	is "$(sed -n 1,2p <<<"$out" | xargs)" "1024 2048"
	has "$out$err" "No space left"
	is "$(tail -n 1 <<<"$out")" 700
	ok c down -t 0
}
t "shm_size and tmpfs sizes" shm
done_testing

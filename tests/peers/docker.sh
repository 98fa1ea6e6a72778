#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Docker Engine, with compose-oci as its runtime, through containerd's shim.  Run by `make check-peers`; needs the package
# docker.io.  The engine is a private one: own directories and socket, no bridge, no firewall rules.
IMAGES=""
. "$(dirname "$0")/../lib.sh"
need root
need cmd dockerd
need cmd docker

tar_file=$("$TESTS/tools/mkbusybox.sh" "$CACHE/busybox.tar" | tail -n 1)
ln -s "$COMPOSE" "$T/compose-oci"
echo "{\"runtimes\": {\"ours\": {\"path\": \"$T/compose-oci\"}}}" >"$T/daemon.json"
dockerd --config-file "$T/daemon.json" --iptables=false --ip6tables=false --ip-forward=false --bridge=none \
	--data-root "$T/data" --exec-root "$T/exec" -H "unix://$T/sock" -p "$T/pid" --storage-driver vfs >"$T/dockerd.log" 2>&1 &
engine=$!
doc() { docker -H "unix://$T/sock" "$@"; }
new() { doc run --network none --runtime ours "$@"; }

up() {
	soon 30 doc version
	ok doc import "$tar_file" bb
}
t "the engine runs" up

codes() {
	ok new --rm bb true
	fails 3 new --rm bb sh -c 'exit 3'
	fails 127 new --rm bb nosuch
	fails 126 new --rm bb /etc/passwd
	ok new --rm -t bb sh -c 'test -t 1 && echo terminal'
	has "$out" terminal
	is "$(echo through | new --rm -i bb cat)" through
	ok new --rm -u app:audio -w /tmp -e A=1 --hostname there bb sh -c 'id -u; id -g; pwd; echo $A; hostname'
	is "$(xargs <<<"$out")" "1000 29 /tmp 1 there"
	ok new --rm --read-only --tmpfs /t -v "$T:/in:ro" bb sh -c '! touch /x; touch /t/x && ls /in/daemon.json && ! touch /in/y'
	ok new --rm bb sh -c 'grep CapEff /proc/self/status; grep ^Seccomp: /proc/self/status'
	has "$out" a80425fb
	has "$out" 2
	ok new --rm --privileged bb mount -t tmpfs none /mnt
	ok new --rm --memory 64m --pids-limit 30 --cpus 0.5 --ulimit nofile=100:100 --sysctl net.core.somaxconn=99 bb \
		sh -c 'ulimit -n; cat /proc/sys/net/core/somaxconn; cat /sys/fs/cgroup/pids/pids.max || cat /sys/fs/cgroup/pids.max'
	is "$(xargs <<<"$out")" "100 99 30"
	fails 137 new --rm --memory 16m --memory-swap 16m bb payload memhog 100
}
limit=120 t "run gives exit codes, streams, users, mounts, limits" codes

detached() {
	ok new -d --name sl bb sleep 300
	ok doc exec sl ps
	has "$out" "sleep 300"
	fails 4 doc exec sl sh -c 'exit 4'
	ok doc exec -t -w /tmp -u app sl sh -c 'test -t 0 && pwd && id -u'
	has "$out" 1000
	ok doc pause sl
	ok doc unpause sl
	ok doc top sl
	has "$out" "sleep 300"
	ok doc update --memory 100m --memory-swap 100m sl
	ok doc stop -t 1 sl
	is "$(doc inspect -f '{{.State.ExitCode}}' sl)" 137
	ok doc start sl
	ok doc rm -f sl
	ok new -d --name oom --memory 16m --memory-swap 16m bb payload memhog 100
	soon 10 test "$(doc wait oom)" = 137
	ok doc rm oom
}
limit=120 t "a detached container: exec, pause, top, update, stop, start, remove" detached

kill "$engine"
wait "$engine"
grep -F "$T/" /proc/self/mountinfo | cut -d' ' -f5 | tac | while read -r m; do umount -l "$m"; done
find /sys/fs/cgroup -depth -type d \( -name docker -o -path '*/docker/*' \) -exec rmdir {} \; 2>/dev/null
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# podman, with compose-oci as its runtime: a client that nobody here wrote.  Run by `make check-peers`; needs the packages
# podman and conmon.
IMAGES=""
. "$(dirname "$0")/../lib.sh"
need root
need cmd podman
need cmd conmon

tar_file=$("$TESTS/tools/mkbusybox.sh" "$CACHE/busybox.tar" | tail -n 1)
ln -s "$COMPOSE" "$T/compose-oci"
cat >"$T/storage.conf" <<E
[storage]
driver = "vfs"
runroot = "$T/run"
graphroot = "$T/graph"
E
export CONTAINERS_STORAGE_CONF=$T/storage.conf
pod() { podman --runtime "$T/compose-oci" --cgroup-manager cgroupfs --events-backend none --tmpdir "$T/tmp" "$@"; }
# podman's default limits need CAP_SYS_RESOURCE, which the host may not have
new() { pod run --network none --ulimit nofile=1000:1000 --ulimit nproc=1000:1000 "$@"; }

imported() { ok pod import "$tar_file" bb; }
t "an image is imported" imported

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
	ok new --rm --read-only --tmpfs /t -v "$T:/in:ro" bb sh -c '! touch /x; touch /t/x && ls /in/storage.conf && ! touch /in/y'
	ok new --rm bb grep CapEff /proc/self/status
	ok new --rm --privileged bb sh -c 'mount -t tmpfs none /mnt && echo 1 >/proc/sys/kernel/panic_print; cat /proc/self/status'
	has "$out" $'Seccomp:\t0'
	ok new --rm --memory 64m --pids-limit 30 --cpus 0.5 bb sh -c 'cat /sys/fs/cgroup/pids/pids.max || cat /sys/fs/cgroup/pids.max'
	is "$out" 30
	fails 137 new --rm --memory 16m --memory-swap 16m bb payload memhog 100
}
t "run gives exit codes, streams, users, mounts, limits" codes

detached() {
	ok new -d --name sl bb sleep 300
	ok pod exec sl sh -c 'echo in; ps'
	has "$out" "sleep 300"
	fails 4 pod exec sl sh -c 'exit 4'
	fails 127 pod exec sl nosuch
	ok pod exec -t -w /tmp -u app sl sh -c 'test -t 0 && pwd && id -u'
	has "$out" 1000
	is "$(echo given | pod exec -i sl cat)" given
	ok pod pause sl
	is "$(pod inspect -f '{{.State.Status}}' sl)" paused
	ok pod unpause sl
	ok pod top sl pid
	ok pod stop -t 1 sl
	is "$(pod inspect -f '{{.State.ExitCode}}' sl)" 137
	ok pod start sl
	ok pod kill -s KILL sl
	ok pod rm -f sl
	ok new -d --name tr bb sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done'
	ok pod stop -t 5 tr
	is "$(pod inspect -f '{{.State.ExitCode}}' tr)" 7
	ok pod rm tr
}
t "a detached container: exec, pause, stop, start, kill, remove" detached

pods() {
	ok new -d --name a bb sleep 300
	ok new --rm --pid container:a --ipc container:a bb sh -c 'ps | grep -c "sleep 300"'
	ok pod rm -f -t 0 a
}
t "a container that joins another's namespaces" pods

clean() {
	ok pod rm -af
	ok pod rmi -af
	is "$(ls /run/compose-oci 2>/dev/null)" ""
	is "$(find /sys/fs/cgroup -type d -path '*libpod_parent/libpod-*')" ""
}
t "nothing is left" clean
find /sys/fs/cgroup -depth -type d -path '*libpod_parent*' -exec rmdir {} \; 2>/dev/null
done_testing

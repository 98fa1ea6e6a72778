#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hostile images: what an image holds or says never reaches the host (CVE-2026-41579, -2023-28642, -2024-21626, -2019-5736,
# -2024-40635, -2024-9676, -2022-23648, -2025-24965, GHSA-q6r4-3wmg-fwcq).
# shellcheck source=tests/e2e/threats.inc
. "$(dirname "$0")/threats.inc"

linked_dirs() {
	local d

	for d in dev etc run tmp; do
		hostile "linked/$d:1" <<<"rm -rf $d; ln -s $V $d"
		one_off "linked/$d:1" '[payload, caps]'
		is "$rc" 0
		has "$out" "CapEff:	00000000a80425fb"
	done
	for d in proc sys; do
		hostile "linked/$d:1" <<<"rm -rf $d; ln -s $V $d"
		one_off "linked/$d:1" '[payload, caps]'
		is "$rc" 1
		has "$err" "must be mounted"
	done
}
t "/dev /etc /run /tmp /proc /sys of the image are links to the host" linked_dirs

linked_files() {
	hostile dangling:1 <<-'E'
		rm -f etc/hosts etc/hostname etc/resolv.conf
		ln -s ../../../..$V/hosts etc/hosts
		ln -s $V/new/hostname etc/hostname
		ln -s /run/systemd/resolve/stub.conf etc/resolv.conf
	E
	one_off dangling:1 '[sh, -c, "cat /etc/hosts && test -s /run/systemd/resolve/stub.conf"]'
	is "$rc" 0
	has "$out" localhost
	hostile magic:1 <<<'rm -f etc/hosts; ln -s /proc/self/fd/7 etc/hosts'
	one_off magic:1 '[cat, /etc/hosts]'
	is "$rc" 1
	hostile wrong:1 <<<'rm -f etc/hosts; mkdir etc/hosts'
	one_off wrong:1 '[cat, /etc/hosts]'
	is "$rc" 3
	has "$err" "is a file, but the container has a directory there"
}
t "/etc/hosts, hostname and resolv.conf are links" linked_files

accounts() {
	hostile pw:1 <<<'rm -f etc/passwd; mkfifo etc/passwd'
	one_off pw:1 '[id]'
	has "$err" "not a regular file"
	hostile pw:2 <<<'rm -f etc/passwd; ln -s /proc/kmsg etc/passwd'
	one_off pw:2 '[id]'
	has "$err" "leads into /proc"
	hostile pw:3 <<<"rm -f etc/passwd; ln -s $V/dir/passwd etc/passwd"
	one_off pw:3 '[id, -u]' 'user: root'
	has "$err" "user root is not in the container's /etc/passwd"
	hostile pw:4 <<<'truncate -s 200M etc/group'
	one_off pw:4 '[id]'
	has "$err" "larger than"
}
t "/etc/passwd and group: FIFO, /proc, the host's, huge" accounts

numbers() {
	local u

	for u in 4294967296:4294967296 4294967295 -1 2147483648 18446744073709551616 0x0 00 0:4294967296 0:-1 nobody:0x0; do
		one_off busybox:latest '[id]' "user: '$u'"
		is "$rc" 3
		is "$out" ""
	done
}
t "numbers of users and groups that overflow" numbers

workdirs() {
	local d

	for d in /proc/self/fd/3 /proc/self/fd/7 /proc/self/cwd /proc/1/root /proc/self/root/../..; do
		one_off busybox:latest '[pwd]' "working_dir: $d"
		is "$out" ""
		[ "$rc" != 0 ] || flunk "$d was entered"
	done
	hostile wd:1 -c "WORKDIR /link/new" <<<"ln -s $V link"
	one_off wd:1 '[pwd]'
	is "$out" "$V/new" # inside
	project wd <<<'services: { a: { image: busybox, command: sleep 100 } }'
	ok c up -d
	for d in 3 4 5 6 7 8 9 10 11 12; do
		run c exec -T -w /proc/self/fd/$d a ls
		is "$out" ""
		[ "$rc" != 0 ] || flunk "fd $d was entered"
	done
	ok c down -t 0
	canary_same
}
t "working directories that are descriptors or links" workdirs

own_program() {
	local sum

	sum=$(sha256sum "$COMPOSE")
	hostile self:1 <<<'printf "#!/proc/self/exe version\n" >evil; chmod 755 evil'
	one_off self:1 '[/evil]'
	one_off self:1 '[/proc/self/exe, version]'
	one_off self:1 '[sh, -c, "for p in /proc/[0-9]*/exe; do echo x >$$p; done; true"]'
	is "$(sha256sum "$COMPOSE")" "$sum"
}
t "the program is not overwritten through /proc/self/exe" own_program

volumes() {
	local v

	hostile vol:1 <<<"ln -s $V data; mkdir full; ln -s $V full/link; ln -s $V/file full/file; mkdir full/fifo; rmdir full/fifo; mkfifo full/fifo"
	one_off vol:1 '[ls, /data/]' "volumes: ['/data']"
	is "$out" ""
	one_off vol:1 '[sh, -c, "ls /full; cat /full/file"]' "volumes: ['/full']"
	has "$out" fifo
	hasnt "$out" canary
	for v in "/../..$V" /.. /. ../x "$V" /proc /proc/self/fd /proc/sys/kernel /dev /dev/pts /sys/fs/cgroup; do
		hostile vol:2 -c "VOLUME [\"$v\"]" <<<:
		one_off vol:2 '[sh, -c, "ls -a / /proc/1; echo x >/proc/sys/kernel/core_pattern; echo x >/proc/sysrq-trigger"]'
		hasnt "$out" "$(basename "$T")"
		hasnt "$(cat /proc/sys/kernel/core_pattern)" x$'\n'
	done
}
t "VOLUME of the image, and what a fresh volume takes from it" volumes

words() {
	local esc=$'\033' labels

	hostile words:1 -c 'LABEL com.docker.compose.project=other com.docker.compose.service=zz' \
		-c "CMD [\"sh\", \"-c\", \": \\u001b]0;pwn\\u0007; ln -s /bin/payload '/tmp/e\\u001b[31m'; exec '/tmp/e\\u001b[31m' sleep 100\"]" <<<:
	project words <<<'services: { a: { image: "words:1" } }'
	ok c up -d
	for cmd in ps "ps -a --no-trunc" top images ls "image ls" "image inspect words:1" config; do
		# shellcheck disable=SC2086
		ok c $cmd
		hasnt "$out$err" "$esc"
	done
	labels=$(field a .Labels)
	has "$labels" com.docker.compose.project=words
	hasnt "$labels" com.docker.compose.project=other
	ok c down -t 0
}
t "labels and escape sequences of an image" words

over() { cd one && ok c down -v; }
t "down" over
done_testing

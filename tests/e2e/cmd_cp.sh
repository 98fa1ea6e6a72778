#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cmd_cp.sh - `compose cp`: both ways, running and at rest, tars, links, owners; hostile containers; and `compose export`.
. "$(dirname "$0")/../lib.sh"
need root

in_a() { c exec -T a "$@"; }

start() {
	project cp <<-'E'
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    init: true
		    volumes: [ "vol:/vol", "./bound:/bound" ]
		    tmpfs: [ /ram ]
		  two:
		    image: busybox
		    command: sleep 1000
		    init: true
		    scale: 2
		  ro: { image: busybox, command: sleep 1000, init: true, read_only: true, volumes: [ "vol:/vol" ] }
		volumes: { vol: {} }
	E
	mkdir -p bound dir/sub
	echo one >file
	echo two >dir/two
	echo three >dir/sub/three
	ln -s two dir/link
	ln dir/two dir/hard
	chmod 751 dir/sub
	chown 1234:5678 dir/two
	ok c up -d
}

# docker's table: file or directory, to what is there or not
to_container() {
	cd cp
	ok c cp file a:/tmp/new
	is "$(in_a cat /tmp/new)" one
	ok c cp file a:/tmp
	is "$(in_a cat /tmp/file)" one
	echo other >other
	ok c cp other a:/tmp/new
	is "$(in_a cat /tmp/new)" other
	fails 1 c cp file a:/tmp/none/
	fails 1 c cp file a:/none/new
	has "$err" "/none/new in the container"
	ok c cp dir a:/tmp/copy
	is "$(in_a cat /tmp/copy/sub/three)" three
	ok c cp dir a:/tmp/copy
	is "$(in_a cat /tmp/copy/dir/sub/three)" three
	ok c cp dir/. a:/tmp
	is "$(in_a cat /tmp/sub/three)" three
	is "$(in_a stat -c %a /tmp)" 1777
	ok c cp dir/. a:/tmp/fresh
	is "$(in_a cat /tmp/fresh/two)" two
	fails 1 c cp dir a:/tmp/new
	has "$err" "is a file"
	is "$(in_a readlink /tmp/copy/link)" two
	is "$(in_a stat -c %a /tmp/copy/sub)" 751
	is "$(in_a stat -c %h /tmp/copy/two)" 2
	is "$(in_a stat -c %u:%g /tmp/copy/two)" 0:0
	ok c cp -a dir a:/tmp/kept
	is "$(in_a stat -c %u:%g /tmp/kept/two)" 1234:5678
	ok c cp -L dir/link a:/tmp/plain
	is "$(in_a stat -c %F /tmp/plain)" "regular file"
	ok c cp dir/link a:/tmp/alink
	is "$(in_a readlink /tmp/alink)" two
}

# what is mounted in a running container is part of it
mounts() {
	cd cp
	ok c cp file a:/vol/f
	is "$(in_a cat /vol/f)" one
	ok c cp file a:/bound/f
	is "$(cat bound/f)" one
	ok c cp file a:/ram/f
	is "$(in_a cat /ram/f)" one
	ok c cp a:/vol/f back
	is "$(cat back)" one
	fails 1 c cp file ro:/tmp/f
	has "$err" "Read-only file system"
	ok c cp file ro:/vol/g
	is "$(in_a cat /vol/g)" one
	fails 2 c cp file nope:/tmp
	fails 2 c cp file other
	fails 2 c cp a:/tmp two:/tmp
	has "$err" "copying between services"
}

from_container() {
	cd cp
	in_a sh -c 'mkdir -p /src/d; echo x > /src/x; echo y > /src/d/y; ln -s /src/x /src/abs; ln -s ../src/d /src/rel; chown -R 77:88 /src; chmod 4755 /src/x'
	ok c cp a:/src/x .
	is "$(cat x)" x
	is "$(stat -c %u:%g x)" "$(id -u):$(id -g)"
	ok c cp a:/src out
	is "$(cat out/d/y)" y
	is "$(readlink out/abs)" /src/x
	ok c cp a:/src out
	is "$(cat out/src/d/y)" y
	ok c cp a:/src/. out2
	is "$(cat out2/d/y)" y
	ok c cp -a a:/src/x kept
	is "$(stat -c %u:%g:%a kept)" 77:88:4755
	ok c cp -L a:/src/abs followed
	is "$(cat followed)" x
	ok c cp a:/src/abs link
	is "$(readlink link)" /src/x
	ok c cp a:/src/rel/ behind
	is "$(cat behind/y)" y
	ok c cp -L a:/src/rel behind2
	is "$(cat behind2/y)" y
	fails 1 c cp a:/src/none .
	has "$err" "/src/none in the container"
	in_a mkfifo /src/fifo
	fails 1 c cp a:/src/fifo .
	has "$err" "devices and FIFOs"
	in_a rm /src/fifo
	# the kernel's own file systems are no part of a whole
	ok c cp a:/ all
	[ -x all/bin/busybox ]
	[ ! -e all/proc ] && [ ! -e all/sys ] && [ ! -e all/dev ]
	is "$(cat all/vol/f)" one
}

tars() {
	cd cp
	ok c cp a:/src/d -
	run bash -c "'$COMPOSE' cp a:/src - | tar tf - | sort"
	is "$out" "$(printf 'src/\nsrc/abs\nsrc/d/\nsrc/d/y\nsrc/rel\nsrc/x')"
	run bash -c "'$COMPOSE' cp a:/src/x - | tar xOf - x"
	is "$out" x
	tar cf - dir | c cp - two:/tmp
	is "$(c exec -T --index 1 two cat /tmp/dir/sub/three)" three
	is "$(c exec -T --index 2 two cat /tmp/dir/sub/three)" three
	is "$(c exec -T --index 2 two stat -c %u /tmp/dir/two)" 1234
	tar czf - file | c cp --index 2 - two:/tmp
	fails 1 c exec -T --index 1 two test -e /tmp/file
	ok c exec -T --index 2 two test -e /tmp/file
	fails 1 bash -c "tar cf - file | '$COMPOSE' cp - a:/tmp/nodir"
	has "$err" "must be a directory"
	fails 1 bash -c "head -c 2000 /dev/urandom | '$COMPOSE' cp - a:/tmp"
	fails 2 script -qec "'$COMPOSE' cp a:/src -" /dev/null
	is "$(find "$COMPOSE_ROOT" -maxdepth 1 -type f)" ""
}

replicas() {
	cd cp
	ok c cp file two:/all
	is "$(c exec -T --index 1 two cat /all)$(c exec -T --index 2 two cat /all)" oneone
	ok c cp --index 2 other two:/all
	is "$(c exec -T --index 1 two cat /all)$(c exec -T --index 2 two cat /all)" oneother
	ok c cp two:/all first
	is "$(cat first)" one
	ok c --dry-run cp file two:/dry
	has "$out" "copy file to cp-two-2:/dry"
	fails 1 c exec -T two test -e /dry
}

at_rest() {
	cd cp
	ok c stop -t 1 a
	ok c cp a:/src/x rested
	is "$(cat rested)" x
	ok c cp dir a:/late
	# its volumes and directories of this host are there without it
	ok c cp file a:/vol/put
	ok c cp a:/vol/f got_rest
	is "$(cat got_rest)" one
	ok c cp a:/vol whole
	is "$(cat whole/put)" one
	mkdir -p into && ok c cp a:/vol into
	is "$(cat into/vol/put)" one
	is "$(c cp a:/vol - | tar t | head -n 1)" vol/
	ok c cp dir/two a:/bound/put
	is "$(cat bound/put)" two
	tar c file | c cp - a:/vol
	ok c cp a:/vol/file tarred
	# a link in a volume leads to a place in it, and nowhere else; one in the container to what is not there
	ln -sf "$T/victim_rest" bound/out && mkdir -p "$T/victim_rest"
	fails 1 c cp file a:/bound/out/planted
	is "$(ls -A "$T/victim_rest")" ""
	fails 1 c cp file a:/ram/lost
	has "$err" "only while container cp-a-1 runs"
	ok c cp a:/ rest
	has "$err" "volume cp_vol is not part"
	is "$(cat rest/late/sub/three)" three
	is "$(grep -c overlay /proc/self/mountinfo)" "$(grep -c overlay /proc/1/mountinfo)"
	ok c start a
	is "$(in_a cat /late/sub/three)" three
	is "$(in_a cat /vol/f)" one
	is "$(in_a cat /vol/put)$(in_a cat /vol/file)" oneone
}

# a container's links lead to places in the container
hostile() {
	cd cp
	mkdir -p "$T/victim"
	echo secret >"$T/victim/file"
	in_a sh -c "mkdir -p $T; ln -s / /root/top; ln -s $T/victim /root/out; ln -s ../../../../../..$T/victim /root/up; ln -s /proc/1/root /root/magic; ln -s /proc/self/cwd /root/cwd"
	for link in out up magic/root/out; do
		fails 1 c cp "a:/root/$link/file" got
		fails 1 c cp file "a:/root/$link/planted"
	done
	ok c cp file a:/root/top/at-top
	is "$(in_a cat /at-top)" one
	ok c cp file "a:/../../../../tmp/dots"
	is "$(in_a cat /tmp/dots)" one
	fails 1 c cp a:/root/cwd/file got
	# a link that leads to what is not there yet is followed inside, as a shell's > would
	in_a sh -c "mkdir -p $T/victim"
	in_a ln -s "$T/victim/new" /root/dangling
	ok c cp file a:/root/dangling
	is "$(in_a cat "$T/victim/new")" one
	is "$(ls "$T/victim")" file
	is "$(cat "$T/victim/file")" secret
	# an archive with such links unpacks inside
	mkdir evil
	ln -s "$T/victim" evil/l
	tar cf evil.tar evil
	rm -r evil
	mkdir -p evil/l
	echo bad >evil/l/file
	tar rf evil.tar evil/l/file
	run bash -c "'$COMPOSE' cp - a:/tmp <evil.tar"
	is "$(cat "$T/victim/file")" secret
	[ ! -e got ]
}

# directory and link change places all the time: nothing of the host is read or written
racer() {
	local i end

	cd cp
	in_a sh -c "mkdir -p /race/d $T/victim; echo inside > /race/d/file; ln -s $T/victim /race/l; ln -s /proc/1/root$T/victim /race/m"
	c exec -T a sh -c 'cd /race; while :; do mv d x; mv l d; mv d l; mv x d; mv d x; mv m d; mv d m; mv x d; done' &
	end=$((SECONDS + 5))
	i=0
	while [ $SECONDS -lt $end ]; do
		i=$((i + 1))
		c cp file a:/race/d/planted >/dev/null 2>&1 || true
		rm -rf raced
		if c cp a:/race/d/file raced >/dev/null 2>&1; then
			is "$(cat raced)" inside
		fi
	done
	[ $i -gt 10 ]
	is "$(ls "$T/victim")" file
	is "$(cat "$T/victim/file")" secret
}

export_tar() {
	cd cp
	ok c export -o all.tar a
	is "$(tar xOf all.tar src/x)" x
	is "$(tar tvf all.tar etc/hosts | awk '{ print $3 }')" 0
	is "$(tar tf all.tar | grep -c '^\(proc\|sys\|dev\|vol\|ram\)/.')" 0
	is "$(tar tvf all.tar src/x | cut -c1-10)" "-rwsr-xr-x"
	is "$(tar tf all.tar | grep -c '^vol/$')" 1
	ok c image import all.tar exported:1
	ok c stop -t 1 a
	ok c export a
	run bash -c "'$COMPOSE' export a | tar xOf - src/d/y"
	is "$out" y
	fails 2 script -qec "'$COMPOSE' export a" /dev/null
	fails 1 c export -o /nowhere/x.tar a
	run bash -c "'$COMPOSE' export a | head -c 100 >/dev/null"
	ok c image rm exported:1
}

stop() {
	cd cp
	ok c down -v -t 1
}

t "services start" start
t "host to container" to_container
t "volumes, binds and tmpfs of a running container" mounts
t "container to host" from_container
t "tars in and out" tars
t "replicas" replicas
t "a container at rest" at_rest
t "links of a container stay inside" hostile
t "a container that changes under our hands" racer
t "export" export_tar
t "down" stop
done_testing

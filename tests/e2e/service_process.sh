#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a service's first process is: its words, user, directory, names and terminal.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

said() { c logs --no-color --no-log-prefix "$1"; }
# What `payload sysinfo` said of one thing.
info() { said "$1" | tr -d '\r' | awk -v k="$2" '$1 == k { $1 = ""; print substr($0, 2) }'; }

words_up() {
	project words <<-'E'
		x-image: &image { image: local/words, build: { context: ., tags: [local/words] } }
		services:
		  def: { <<: *image }
		  list: { <<: *image, command: [x, "y z", "$$HOME", ""] }
		  string: { <<: *image, command: a 'b c' "d e" f\ g }
		  none: { <<: *image, command: null }
		  empty: { <<: *image, command: [] }
		  entry: { <<: *image, entrypoint: [echo, alone] }
		  both: { <<: *image, entrypoint: printf '<%s>', command: [a, "b c"] }
		  no-entry: { <<: *image, entrypoint: [], command: null }
		  empty-entry: { <<: *image, entrypoint: "", command: echo direct }
		  here: { <<: *image, entrypoint: pwd }
		  there: { <<: *image, entrypoint: sh -c "pwd; stat -c %u:%a .", working_dir: /made/new }
	E
	cat >Dockerfile <<-'E'
		FROM busybox
		WORKDIR /srv
		ENTRYPOINT ["printf", "%s|"]
		CMD ["echo", "image's"]
	E
	ok c build def
	ok c up -d
	ok c wait def list string none empty entry both no-entry empty-entry here there
}
t "up" words_up

words() {
	cd "$W/words"
	is "$(said def)" "echo|image's|"
	is "$(said list)" 'x|y z|$HOME||'
	is "$(said string)" "a|b c|d e|f g|"
	is "$(said none)" "echo|image's|"
	is "$(said empty)" "echo|image's|"
	is "$(said entry)" alone
	is "$(said both)" "<a><b c>"
	is "$(said no-entry)" "image's"
	is "$(said empty-entry)" direct
	is "$(said here)" /srv
	is "$(said there | xargs)" "/made/new 0:755"
	is "$(ps_json list | jq -r .Image)" local/words
	ok c down -t 0
}
# observes: image command entrypoint working_dir
t "command and entrypoint over the image's, as a list, a text, null and empty; the working directory" words

people_up() {
	project people <<-'E'
		services:
		  root: { image: busybox, command: payload sysinfo }
		  uid: { image: busybox, user: "4321", command: payload sysinfo }
		  pair: { image: busybox, user: "1000:1001", command: payload sysinfo }
		  name: { image: busybox, user: bin, command: payload sysinfo }
		  names: { image: busybox, user: "bin:daemon", command: payload sysinfo }
		  groups: { image: busybox, user: "1000:1001", group_add: [daemon, "2000", 7], command: payload sysinfo }
		  nobody: { image: busybox, user: no-such-user, command: payload sysinfo }
		  no-group: { image: busybox, group_add: [no-such-group], command: payload sysinfo }
	E
	ok c up -d root uid pair name names groups
	ok c wait root uid pair name names groups
}
t "up" people_up

person() { echo "$(info "$1" uid):$(info "$1" gid):$(info "$1" Groups: | xargs)"; }
people() {
	cd "$W/people"
	is "$(person root)" "0:0:0 1 2 4 6" # as /etc/group has it
	is "$(person uid)" "4321:0:0"
	is "$(person pair)" "1000:1001:1001"
	is "$(person name)" "2:2:1 2"
	is "$(person names)" "2:1:1"
	is "$(person groups)" "1000:1001:1 7 1001 2000"
	fails 3 c up -d nobody
	has "$err" "no-such-user"
	fails 3 c up -d no-group
	has "$err" "no-such-group"
	ok c down -t 0
}
# observes: user group_add
t "user and group_add, by number and by name" people

named_up() {
	project named <<-'E'
		services:
		  plain: { image: busybox, command: sh -c "payload sysinfo; cat /etc/hosts" }
		  host: { image: busybox, hostname: chosen, command: sh -c "payload sysinfo; cat /etc/hostname /etc/hosts" }
		  domain: { image: busybox, hostname: chosen, domainname: example.test, command: sh -c "payload sysinfo; hostname -f; cat /etc/hosts" }
		  own: { image: busybox, container_name: own.name_1, command: sleep 1000 }
	E
	ok c up -d
	ok c wait plain host domain
}
t "up" named_up

named() {
	local id

	cd "$W/named"
	id=$(c ps -aq plain)
	is "$(info plain hostname)" "${id:0:12}"
	matches "$(said plain)" "[0-9.]+"$'\t'"${id:0:12}"
	is "$(info host hostname)" chosen
	is "$(said host | grep -cx chosen)" 1
	matches "$(said host)" "[0-9.]+"$'\t'"chosen"
	is "$(info host domainname)" "(none)"
	is "$(info domain hostname)" chosen
	is "$(info domain domainname)" example.test
	is "$(said domain | grep -cx chosen.example.test)" 1
	matches "$(said domain)" "[0-9.]+"$'\t'"chosen.example.test chosen"
	is "$(field own .Name)" own.name_1
	ok c exec -T own true
	fails 3 c up -d --scale own=2
	has "$err" own.name_1
	ok c down -t 0
}
# observes: hostname domainname container_name
t "host name, domain name, container name" named

terminal_up() {
	project terminal <<-'E'
		services:
		  without: { image: busybox, command: sh -c "payload sysinfo; echo" }
		  orphans: { image: busybox, command: payload orphan }
		  with: { image: busybox, tty: true, command: sh -c "payload sysinfo; readlink /proc/self/fd/1; echo term $$TERM; stty -a" }
		  init: { image: busybox, init: true, command: sh -c "payload sysinfo; payload orphan" }
		  open: { image: busybox, stdin_open: true, command: cat }
		  closed: { image: busybox, command: cat }
	E
	ok c up -d
	ok c wait without orphans with init closed
}
t "up" terminal_up

terminal() {
	cd "$W/terminal"
	is "$(info without tty)" 000
	is "$(info with tty)" 111
	has "$(said with)" $'/dev/pts/0\r\n'
	is "$(info with term)" xterm
	matches "$(said with)" ' onlcr'
	is "$(info without ppid)" 1
	is "$(said orphans)" zombie
	[ "$(info init ppid)" -gt 1 ] || flunk "no init: $(said init)"
	matches "$(said init)" $'\nreaped$'
	is "$(field open .State)" running
	is "$(field closed '.State + " " + (.ExitCode | tostring)')" "exited 0"
	ok c down -t 0
}
# observes: tty stdin_open init
t "a terminal, an open standard input, an init" terminal
done_testing

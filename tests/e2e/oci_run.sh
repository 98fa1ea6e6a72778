#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The OCI command line: life of a container, exit codes, exec, terminals, hooks, errors.
IMAGES=""
. "$(dirname "$0")/../lib.sh"
. "$TESTS/e2e/oci_bundle.inc"

exit_codes() {
	bundle codes
	inside true; is "$rc" 0
	inside sh -c 'exit 3'; is "$rc" 3
	inside sh -c 'echo out; echo err >&2'; is "$out" out; is "$err" err
	args cat
	is "$(echo through | oci run codes-in)" through
	is "$(oci list -q)" ""
}
t "run gives the command's output and exit code" exit_codes

not_run() {
	bundle missing
	inside nosuch; is "$rc" 127; has "$err" 'exec "nosuch": executable file not found'
	inside /nosuch/file; is "$rc" 127
	inside /etc/passwd; is "$rc" 126; has "$err" "permission denied"
	printf 'x' >"$ROOTFS/bin/garbage"; chmod 755 "$ROOTFS/bin/garbage"
	inside garbage; is "$rc" 126; has "$err" "Exec format error"
	printf '#!/no/such/interpreter\n' >"$ROOTFS/bin/lost"; chmod 755 "$ROOTFS/bin/lost"
	inside lost; is "$rc" 127; has "$err" "interpreter"
	rm "$ROOTFS/bin/garbage" "$ROOTFS/bin/lost"
	is "$(oci list -q)" ""
}
t "a command that is missing is 127, one that cannot run 126" not_run

status() { oci state "$1" | jq -r .status; }

life() {
	local pid

	bundle life
	args sleep 300
	ok oci create --pid-file "$W/pid" life </dev/null
	pid=$(cat "$W/pid")
	is "$(status life)" created
	is "$(oci state life | jq -r .pid)" "$pid"
	is "$(cat /proc/$pid/comm)" compose-ready
	fails 1 oci create life; has "$err" exists
	ok oci start life
	is "$(status life)" running
	is "$(cat /proc/$pid/comm)" sleep
	fails 1 oci start life
	fails 1 oci delete life; has "$err" running
	ok oci pause life
	is "$(status life)" paused
	ok oci resume life
	is "$(oci ps --format json life)" "[$pid]"
	ok oci kill life KILL
	soon 5 eval '[ "$(status life)" = stopped ]'
	fails 1 oci kill life; has "$err" "not running"
	ok oci delete life
	fails 1 oci state life; has "$err" "does not exist"
	ok oci delete --force life
}
t "create, start, pause, kill, delete" life

delete_force() {
	bundle force
	args sh -c 'sleep 300 & sleep 300 & wait'
	ok oci run --detach force </dev/null
	soon 5 eval '[ "$(oci ps --format json force | jq length)" = 3 ]'
	ok oci delete --force force
	[ ! -e "/sys/fs/cgroup/pids/compose-$MARK/force" ] && [ ! -e "/sys/fs/cgroup/compose-$MARK/force" ]
	ok oci create force </dev/null
	ok oci delete --force force
}
t "delete --force ends everything and leaves no group" delete_force

exec_in() {
	bundle ex '.process.env += ["A=1"] | .hostname = "exhost"'
	args sleep 300
	ok oci run --detach ex </dev/null
	fails 5 oci exec ex sh -c 'exit 5'
	fails 127 oci exec ex nosuch
	ok oci exec ex hostname; is "$out" exhost
	ok oci exec --cwd /tmp --env B=2 --user app ex sh -c 'pwd; echo $A$B; id -un'
	is "$out" $'/tmp\n12\napp'
	is "$(echo piped | oci exec ex cat)" piped
	ok oci exec ex payload caps
	has "$out" 80425fb
	ok oci exec ex payload fds
	is "$(wc -l <<<"$out")" 3
	ok oci exec ex cat /proc/1/cgroup; local own=$out
	ok oci exec ex cat /proc/self/cgroup; is "$out" "$own"
	for ns in mnt pid net ipc uts cgroup; do
		ok oci exec ex sh -c "readlink /proc/1/ns/$ns; readlink /proc/self/ns/$ns"
		is "$(uniq <<<"$out" | wc -l)" 1
	done
	jq '.process | .args = ["sh", "-c", "exit 9"]' config.json >p.json
	fails 9 oci exec --process p.json ex
	jq '.process | .args = ["sleep", "100"]' config.json >p.json
	ok oci exec --detach --pid-file "$W/epid" --process p.json ex
	is "$(cat "/proc/$(cat "$W/epid")/comm")" sleep
	ok oci delete --force ex
}
t "exec joins the container and gives its exit code" exec_in

terminal() {
	bundle term '.process.terminal = true | .process.consoleSize = {height: 33, width: 99}'
	fails 2 oci create term; has "$err" console-socket
	inside sh -c 'test -t 0 && test -t 1 && test -t 2 && readlink /proc/self/fd/0; stty -a | head -n 1; ls -l /dev/console'
	is "$rc" 0
	has "$out" /dev/pts/0
	has "$out" "rows 33; columns 99"
	has "$out" "136,"
	bundle term2
	args sleep 100
	ok oci run --detach term2 </dev/null
	ok oci exec -t term2 readlink /proc/self/fd/1
	has "$out" /dev/pts/0
	ok oci delete --force term2
}
t "a terminal is the container's own" terminal

users() {
	local u

	bundle users
	for u in 4294967296:0 -1 2147483648 18446744073709551616 0x0 00 nobody-here app:nogroup-here; do
		jq --arg u "$u" '.annotations["org.compose.user"] = $u' config.json >c && mv c config.json
		inside id
		is "$rc" 3
		matches "$err" "user|group"
	done
	jq '.annotations["org.compose.user"] = "app"' config.json >c && mv c config.json
	inside id; is "$out" "uid=1000(app) gid=1000(app) groups=1000(app)"
	jq '.annotations["org.compose.user"] = "guest:audio" | .annotations["org.compose.groups"] = "tty,77"' config.json >c && mv c config.json
	inside sh -c 'id -u; id -g; id -G; echo $HOME'
	is "$(sed -n '1,2p;4p' <<<"$out" | xargs)" "405 29 /dev/null"
	is "$(sed -n 3p <<<"$out" | tr ' ' '\n' | sort -n | xargs)" "5 29 77"
	jq '.annotations["org.compose.user"] = ""' config.json >c && mv c config.json
	inside id -G
	is "$(tr ' ' '\n' <<<"$out" | sort -n | xargs)" "0 1 2 4 5 6 77"
	inside grep -E 'Cap(Eff|Prm|Inh|Amb)' /proc/self/status
	jq '.annotations["org.compose.user"] = "app" ' config.json >c && mv c config.json
	inside grep -E 'Cap(Eff|Prm|Inh|Amb)' /proc/self/status
	is "$(awk '{ print $2 }' <<<"$out" | sort -u)" 0000000000000000
}
t "users and groups come from the container's own files" users

init_process() {
	bundle init '.annotations["org.compose.init"] = "true"'
	inside sh -c 'cat /proc/1/comm; echo $$; exit 6'
	is "$rc" 6
	is "$out" $'compose-init\n2'
	inside sh -c 'kill -15 $$'; is "$rc" 143
	inside sh -c 'kill -9 $$'; is "$rc" 137
	inside nosuch; is "$rc" 127
	inside payload orphan; is "$rc" 0
	args payload signal-report 4
	oci run --detach init1 </dev/null >"$W/sig" 2>&1
	soon 5 sh -c "'$COMPOSE' oci --root '$T/oci' exec init1 true"
	ok oci kill init1 TERM
	soon 5 eval '[ "$(status init1)" = stopped ]'
	has "$(cat "$W/sig")" TERM
	ok oci delete init1
	inside sh -c 'ls -l /proc/1/fd /proc/1/exe; cat /proc/1/environ; kill -0 1 && head -c 1 /proc/1/mem'
	has "$err" "ermission denied"
}
t "init reaps, forwards signals, and cannot be looked into" init_process

hooks() {
	cat >"$T/hook" <<-'E'
		#!/bin/sh
		echo "$1 $(tr -d ' \n\t' | sed 's/.*"status":"\([a-z]*\)".*/\1/') $(pwd | head -c 1) $A" >>"$HOOK_OUT"
	E
	chmod 755 "$T/hook"
	bundle hooks
	jq --arg h "$T/hook" --arg o "HOOK_OUT=$T/hooks" '
		def h($n): [{path: $h, args: ["hook", $n], env: [$o, "A=env", "PATH=/usr/bin:/bin"], timeout: 10}];
		.hooks = {prestart: h("prestart"), createRuntime: h("createRuntime"), poststart: h("poststart"), poststop: h("poststop")}' \
		config.json >c && mv c config.json
	inside sh -c 'exit 0'
	is "$rc" 0
	is "$(cut -d' ' -f1,2 "$T/hooks" | xargs)" "prestart creating createRuntime creating poststart running poststop stopped"
	hasnt "$(cat "$T/hooks")" "  "
	jq '.hooks.createRuntime = [{path: "/bin/false"}]' config.json >c && mv c config.json
	inside true
	is "$rc" 1
	has "$err" "createRuntime hook /bin/false: exit status 1"
	jq '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "100"], timeout: 1}]' config.json >c && mv c config.json
	inside true
	has "$err" "did not end within 1 s"
	is "$(oci list -q)" ""
}
t "hooks run in order, with the state, and their failure ends the container" hooks

bad_config() {
	bundle bad
	bad() { # JQ MESSAGE
		jq "$1" config.json >c && cp config.json good && mv c config.json
		run oci run bad
		mv good config.json
		[ "$rc" = 3 ] || [ "$rc" = 1 ] || flunk "$1: status $rc"
		has "$err" "$2"
	}
	bad '.process.user.uid = 4294967296' process.user.uid
	bad '.process.user.uid = "root"' process.user.uid
	bad '.process.args = "true"' process.args
	bad '.process.args = []' "no command"
	bad '.process.cwd = "tmp"' process.cwd
	bad '.process.capabilities.bounding = ["CAP_EVERYTHING"]' CAP_EVERYTHING
	bad '.process.rlimits = [{type: "RLIMIT_X", soft: 1, hard: 1}]' RLIMIT_X
	bad '.linux.namespaces += [{type: "time"}]' time
	bad '.linux.namespaces = []' "mount namespace"
	bad '.linux.seccomp = {defaultAction: "SCMP_ACT_NONSENSE"}' SCMP_ACT_NONSENSE
	bad '.linux.sysctl = {"kernel.core_pattern": "|/bin/sh"}' kernel.core_pattern
	bad '.linux.sysctl = {"net/../kernel/core_pattern": "x"}' "not a parameter"
	bad '.linux.cgroupsPath = "../../x"' "cgroup path"
	bad '.mounts += [{destination: "/mnt", type: "bind", source: "/no/such/source", options: ["bind"]}]' "/no/such/source"
	bad '.mounts += [{destination: "/mnt", type: "nosuchfs"}]' nosuchfs
	bad '.ociVersion = "2.0.0"' ociVersion
	bad '.linux.intelRdt = {closID: "x"}' "not supported"
	printf '{"ociVersion": "1.0.2",' >config.json
	run oci run bad; has "$err" "config.json:1"
	fails 2 oci run ../escape
	fails 2 oci nosuch; has "$err" "unknown command"
	is "$(oci list -q)" ""
}
t "a bad configuration names its place and leaves nothing" bad_config

logs() {
	bundle logs
	args nosuch
	run oci --log "$W/log" --log-format json run logs
	is "$(jq -r .level "$W/log")" error
	has "$(jq -r .msg "$W/log")" "executable file not found"
}
t "errors go to the log that an engine asks for" logs

limits() {
	bundle limits '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 0}]
		| .process.oomScoreAdj = 300 | .linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "99", "kernel.msgmax": "7777"}'
	inside sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_unprivileged_port_start
		cat /proc/sys/kernel/msgmax; umask; nproc >/dev/null'
	is "$(xargs <<<"$out")" "100 200 0 300 99 7777 0022"
	isnt_host=$(cat /proc/sys/kernel/msgmax)
	[ "$isnt_host" != 7777 ]
}
t "limits, OOM score and kernel parameters are set" limits

# As on a kernel that lacks what we prefer: copy of the program in memory, freezing instead of cgroup.kill.
fallbacks() {
	export COMPOSE_WITHOUT=selfexe-mount,cgroup-kill
	bundle fallback
	inside sh -c 'exit 3'; is "$rc" 3
	args sh -c 'sleep 300 & sleep 300 & wait'
	ok oci run --detach fallback </dev/null
	ok oci exec fallback true
	ok oci delete --force fallback
	is "$(oci list -q)" ""
}
t "the fallbacks for older kernels work" fallbacks

many() {
	local i

	bundle many 'del(.linux.cgroupsPath)'
	args true
	for i in $(seq 30); do oci run "many-$i" & done
	wait
	is "$(oci list -q)" ""
}
t "thirty at once" many

cleanup_groups
done_testing

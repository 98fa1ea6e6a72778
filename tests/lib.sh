# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lib.sh - the shell side of the tests: results as TAP, a private installation, and a look at the host before and after.
#
# A test file (tests/e2e/NAME.sh, tests/cli/NAME.sh) sources it, defines functions, and runs them:
#
#	. "$(dirname "$0")/../lib.sh"
#
#	up_and_down() {
#		project web <<-'E'
#			services: { a: { image: busybox, command: payload http 80 hi } }
#		E
#		ok c up -d
#		is "$(field a .State)" running
#		ok c down
#	}
#	t "up starts a service, down removes it" up_and_down
#	done_testing
#
# Before sourcing it a file may set
#	IMAGES="busybox debian"   images imported into its installation (default: busybox; empty: none, and no look at the host)
#
# From the environment
#	COMPOSE         the program (build/compose)            O                    build directory (build)
#	MUST_RUN=1      a skipped test is a failed test        COMPOSE_TEST_CACHE   where the base images are kept
#	TEST_ONLY=RE    only tests whose description matches   TEST_KEEP=1          keep the temporary directory
#	TEST_SLOW=N     a machine N times slower: limits and patience times N
#	STRICT=1        also fail for changes of the host that do not carry this installation's mark
#
# A test function runs in a subshell under `set -eu`, in the directory $W, with its own process group, and for at most
# $limit seconds (180; `limit=300 t ...`).  Its output is shown when it fails.  What it needs from an earlier test it finds
# in files.
#
#	t DESC FUNCTION [ARG...]   one test                     c ARG...              the program
#	c_bg ARG...                the program in the background: $bg is its pid, $T/out/bg its output
#	skip WHY                   in a test: it is skipped     need WHAT             skip the file unless: root, net, cgroup2,
#	                                                                              cmd NAME
#	run CMD...                 fills $out $err $rc; never fails
#	ok CMD...                  must end with 0 (fills $out $err)
#	fails CODE CMD...          must end with CODE (fills $out $err)
#	is GOT WANT                has TEXT PART       hasnt TEXT PART       matches TEXT REGEX
#	soon SECONDS CMD...        CMD (a function may be) succeeds within that time, or five times that on a busy machine
#	connected PID              that command has found its project's supervisor
#	project NAME               make $W/NAME, write standard input to its compose.yaml, go there
#	field SERVICE PATH         of `ps -a --format json`, as jq has it: field web .State
#	free_port [udp]            a port that nobody listens on
#	get URL [CURL-ARG...]      the body of an HTTP answer
#	start_registry DIR [YAML]  an image registry on loopback: $registry_port, $registry (its pid)
#
# done_testing compares the host with what it was: processes that came from this file, mounts, links, nft rules, routes,
# control groups and names that carry the installation's mark, and the files of the installation.  Any difference fails.
#
# examples/NAME/expect.txt, for expect_example: one expectation a line, # begins a comment
#	base REF                       an image that must be there
#	port VARIABLE                  set VARIABLE to a free port
#	up [ARG...]                    `up -d --build ARG...` ends well
#	run ARG...                     `compose ARG...` ends well
#	ps SERVICE STATE [HEALTH]      its container gets there within 30 s
#	absent SERVICE                 it has no container
#	exit SERVICE CODE              its container ends with CODE within 30 s
#	logs SERVICE contains TEXT     within 30 s
#	http SERVICE:PORT PATH contains TEXT | is TEXT | status CODE          within 30 s, through the published port
#	post SERVICE:PORT PATH FORM contains TEXT | is TEXT | status CODE     once
#	exec SERVICE ARG...            `exec -T` ends well       exec-fails SERVICE ARG...   ends with another status than 0

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(dirname "$TESTS")
O=${O:-build}
case $O in /*) ;; *) O=$TOP/$O ;; esac
COMPOSE=${COMPOSE:-$O/compose}
case $COMPOSE in */*) COMPOSE=$(realpath -m "$COMPOSE") ;; esac
export O COMPOSE
CACHE=${COMPOSE_TEST_CACHE:-$HOME/.cache/compose-tests}

# ---- under a subreaper, so that every process that comes from here can be found ----

# The program made of tests/tools/NAME.c is at $O/tests/NAME.
make_tool() {
	[ "$O/tests/$1" -nt "$TESTS/tools/$1.c" ] && return
	mkdir -p "$O/tests"
	"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O2 -o "$O/tests/$1.$$" "$TESTS/tools/$1.c" &&
		mv "$O/tests/$1.$$" "$O/tests/$1"
}

if [ "${TEST_REAPER-}" != "$PPID" ]; then
	make_tool reap || { echo "Bail out! cannot build tests/tools/reap.c"; exit 1; }
	exec "$O/tests/reap" bash "$0" "$@"
fi

set -u
tap_n=0 tap_bad=0 tap_over=0
slow=${TEST_SLOW:-1}
limit=180

# ---- a place and an installation of its own ----

if [ ! -x "$COMPOSE" ]; then
	echo "Bail out! no program at $COMPOSE (run make)"
	exit 1
fi
T=$(mktemp -d /tmp/ct.XXXXXX)
W=$T/w
mkdir "$W" "$T/out"
cd "$W" || exit 1
# whatever the environment is: a terminal that shows colours, nothing of the user's own settings
for v in NO_COLOR CLICOLOR CLICOLOR_FORCE "${!COMPOSE_@}" "${!DOCKER_@}"; do
	[ "$v" = COMPOSE ] || [ "$v" = COMPOSE_TEST_CACHE ] || unset "$v"
done
export COMPOSE_ROOT=$T/r LC_ALL=C.UTF-8 TERM=xterm NO_PROXY='*' no_proxy='*'

at_exit() {
	local code=$?

	if [ $tap_over = 0 ]; then
		echo "Bail out! ended before done_testing"
		[ $code = 0 ] && code=1
	fi
	if [ $tap_over = 0 ] || [ $tap_bad -gt 0 ]; then
		sweep
	fi
	if [ "${TEST_KEEP-}" = 1 ]; then
		echo "# kept $T"
	else
		rm -rf --one-file-system "$T"
	fi
	exit $code
}
trap at_exit EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

c() { "$COMPOSE" "$@"; }

# A shell without job control starts background commands with SIGINT ignored; nobody at a terminal does.
# shellcheck disable=SC2034 # for the caller
c_bg() {
	: >"$T/out/bg" # now: what an earlier one said is not to be taken for what this one says
	env --default-signal=INT,QUIT "$COMPOSE" "$@" >"$T/out/bg" 2>&1 &
	bg=$!
}

# ---- results ----

diag() { sed 's/^/# /' <<<"$*"; }

# result GOOD DESC
result() {
	tap_n=$((tap_n + 1))
	if [ "$1" = 1 ]; then
		echo "ok $tap_n - $2"
	else
		tap_bad=$((tap_bad + 1))
		echo "not ok $tap_n - $2"
	fi
}

result_skip() { # DESC WHY
	tap_n=$((tap_n + 1))
	if [ "${MUST_RUN-}" = 1 ]; then
		tap_bad=$((tap_bad + 1))
		echo "not ok $tap_n - $1: skipped ($2) although MUST_RUN=1"
	else
		echo "ok $tap_n - $1 # SKIP $2"
	fi
}

readonly SKIPPED=77

t() {
	local desc=${1//[#$'\n']/ } log=$T/log pid dog ended='' code=0 start=$EPOCHREALTIME
	shift

	if [ -n "${TEST_ONLY-}" ] && ! [[ $desc =~ $TEST_ONLY ]]; then
		return
	fi
	: >"$log"
	rm -f "$T/why"
	set -m # a process group of its own, to end it as a whole
	(
		set +m -eu
		trap - EXIT TERM INT
		cd "$W"
		"$@"
	) >"$log" 2>&1 </dev/null &
	pid=$!
	sleep $((limit * slow)) &
	dog=$!
	set +m
	{ wait -n -p ended "$pid" "$dog"; code=$?; } 2>/dev/null
	if [ "$ended" = "$dog" ]; then
		echo "over the time limit of $((limit * slow)) s" >>"$log"
		kill -KILL -- "-$pid"
		wait "$pid" 2>/dev/null
		code=124
	else
		kill -KILL "$dog" # not TERM: it may not be a sleep yet, but this shell with its traps
		wait "$dog" 2>/dev/null
		kill -KILL -- "-$pid" 2>/dev/null # what the test left in the background
	fi
	case $code in
	0) result 1 "$desc" ;;
	"$SKIPPED") result_skip "$desc" "$(cat "$T/why" 2>/dev/null)" ;;
	*)
		result 0 "$desc"
		echo "# status $code after $(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s, $0"
		tail -n 100 "$log" | sed 's/^/# /'
		scene | sed 's/^/# /'
		;;
	esac
	[ "$code" = 0 ]
}

# What there is after a failure, for who reads it without the machine at hand.
scene() {
	local log

	echo "-- processes"
	our_processes | cut -c 1-160
	for log in "$COMPOSE_ROOT"/run/projects/*/supervisor.log; do
		[ -s "$log" ] || continue
		echo "-- $log"
		tail -n 20 "$log"
	done
	echo "-- load $(cut -d' ' -f1-4 /proc/loadavg)"
}

skip() {
	echo "$*" >"$T/why"
	exit $SKIPPED
}

skip_file() {
	tap_over=1
	if [ "${MUST_RUN-}" = 1 ]; then
		echo "not ok 1 - $(basename "$0"): skipped ($*) although MUST_RUN=1"
		echo 1..1
		exit 1
	fi
	echo "1..0 # SKIP $*"
	exit 0
}

need() {
	case $1 in
	root) [ "$(id -u)" = 0 ] || skip_file "needs root" ;;
	net) curl -sI -m 10 "$(mirror)" >/dev/null || skip_file "needs Debian's archive" ;;
	cgroup2) [ -e /sys/fs/cgroup/cgroup.controllers ] || skip_file "needs cgroup v2" ;;
	cmd) command -v "$2" >/dev/null || skip_file "needs the program $2" ;;
	*) echo "Bail out! need $1?"; exit 1 ;;
	esac
}

# The first archive that apt knows on this host.
# shellcheck disable=SC2016
mirror() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | head -n 1; }

# ---- inside a test ----

flunk() {
	printf '%s\n' "$@" "at $(caller 1)" >&2
	exit 1
}

# shellcheck disable=SC2034 # for the caller
run() {
	local dir=$T/out

	rc=0
	"$@" >"$dir/out" 2>"$dir/err" || rc=$?
	out=$(tr -d '\0' <"$dir/out")
	err=$(tr -d '\0' <"$dir/err")
}

told() { printf -- '-- %s\n' "$1"; printf '%s\n' "$2"; }

ok() {
	run "$@"
	[ "$rc" = 0 ] || flunk "$*: status $rc" "$(told stdout "$out")" "$(told stderr "$err")"
}

fails() {
	local want=$1
	shift
	run "$@"
	[ "$rc" = "$want" ] || flunk "$*: status $rc, not $want" "$(told stdout "$out")" "$(told stderr "$err")"
}

is() { [ "$1" = "$2" ] || flunk "got:  $1" "want: $2"; }
has() { [[ $1 == *"$2"* ]] || flunk "got:         $1" "want, in it: $2"; }
hasnt() { [[ $1 != *"$2"* ]] || flunk "got:             $1" "want, not in it: $2"; }
matches() { [[ $1 =~ $2 ]] || flunk "got:         $1" "want, as in: $2"; }

# SECONDS is what it takes on a machine that does nothing else; one that is five times slower is fine too.
soon() {
	local end=$((${EPOCHREALTIME/./} + ($1 > 4 ? $1 : 4) * (slow > 5 ? slow : 5) * 1000000))
	shift
	until ("$@") >"$T/out/soon" 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt $end ] || flunk "not soon enough: $*" "$(cat "$T/out/soon")"
		sleep 0.05
	done
}

project() {
	mkdir -p "$W/$1"
	cd "$W/$1" || return
	cat >compose.yaml
}

connected() { ls -l "/proc/$1/fd" 2>/dev/null | grep -q 'socket:'; }

# One object a line, whether `ps` prints an array or lines.
ps_json() { c ps -a --format json "$@" | jq -cs 'flatten | .[]'; }
field() { ps_json "$1" | jq -r "$2"; }

# shellcheck disable=SC2120
free_port() {
	local kind=${1:-tcp} port

	while :; do
		port=$((RANDOM % 12000 + 20000)) # below the ports that the kernel hands out itself
		[ -z "$(ss -Han "--$kind" "sport = :$port")" ] && break
	done
	echo $port
}

get() {
	local url=$1
	shift
	curl -sS --max-time 15 "$@" "$url"
}

# ---- the host before and after ----

# The mark that kernel objects of this installation carry, as compose/state/paths.c makes it (FNV-1a of the path).
mark_of() {
	local h=2166136261 i ch s=$1

	for ((i = 0; i < ${#s}; i++)); do
		printf -v ch %d "'${s:i:1}"
		h=$((((h ^ ch) * 16777619) & 0xffffffff))
	done
	printf %08x $h
}
MARK=$(mark_of "$COMPOSE_ROOT")

# Below the reaper, but for this script and its own children: "PID STATE ARGS".
our_processes() {
	ps -eo pid=,ppid=,stat=,args= | awk -v reaper="$TEST_REAPER" -v self=$$ '
	{
		pid[NR] = $1; parent[$1] = $2; state[$1] = $3
		$1 = $2 = $3 = ""; args[pid[NR]] = $0
	}
	END {
		for (i = 1; i <= NR; i++) {
			p = pid[i]
			for (a = p; a != "" && a != reaper && a != self && a != 1; a = parent[a]) ;
			if (a == reaper && p != reaper) print p, state[p], args[p]
		}
	}'
}

our_mounts() { grep -F -e "$T/" -e "$MARK" /proc/self/mountinfo | cut -d' ' -f5-; }

host_links() { ip -o link show | awk -F': ' '{ print $2 }'; }
host_nft() { command -v nft >/dev/null && nft -s list ruleset 2>/dev/null; }
host_routes() { ip -4 route show table all; ip -6 route show table all | sed 's/ expires .*//'; ip rule; }
host_cgroups() { find /sys/fs/cgroup -type d -path '*compose*' 2>/dev/null; }
host_forward() { cat /proc/sys/net/ipv4/ip_forward; }

# Files of the installation outside the image store; directories count from the second level on.
own_files() {
	[ -d "$COMPOSE_ROOT" ] || return
	find "$COMPOSE_ROOT" -mindepth 1 \( -path "$COMPOSE_ROOT/images" -o -path "$COMPOSE_ROOT/layers" \
		-o -path "$COMPOSE_ROOT/build" \) -prune -o -printf '%P %y\n' |
		grep -vE '^(([^/]+|run/[^/]+) d|run/router/lock f)$'   # the router's lock file stays, as its directory does
}

SNAPS="our_mounts host_links host_nft host_routes host_cgroups host_forward own_files"

snapshot() { # into directory $1
	local s

	mkdir -p "$1"
	for s in $SNAPS; do $s | LC_ALL=C sort >"$1/$s"; done
}

# Print what is different and ours.  A change without our mark (another program at work) is only a remark, unless STRICT=1.
differences() {
	local s change bad=0

	for s in $SNAPS; do
		change=$(diff "$T/before/$s" "$T/after/$s" | grep '^[<>]') || continue
		case $s in
		our_* | own_*) ;;
		*)
			if [ "${STRICT-}" != 1 ] && ! grep -qF "$MARK" <<<"$change"; then
				[ "$1" = final ] && printf '(not ours) %s: %s\n' "$s" "$change"
				continue
			fi
			;;
		esac
		printf '%s:\n%s\n' "$s" "$change"
		bad=1
	done
	return $bad
}

nothing_left() {
	local i left text

	for i in $(seq 40); do # a process that has been told to end may take a moment
		left=$(our_processes)
		snapshot "$T/after"
		text=$(differences again) && [ -z "$left" ] && break
		sleep 0.05
	done
	text=$(differences final)
	i=$?
	if [ -n "$left" ]; then
		text="processes:"$'\n'"$left"$'\n'"$text"
		i=1
	fi
	result $((1 - i)) "nothing is left behind on the host"
	[ -z "$text" ] || diag "$text"
}

# After a failure: take away what carries our mark, so that the next file starts clean.
sweep() {
	local m l pids

	# Processes first, and none of a supervisor's may see another one go: it would put things back.
	for m in 1 2 3 4 5; do
		pids=$(our_processes | awk '{ print $1 }')
		[ -n "$pids" ] || break
		# shellcheck disable=SC2086 # words
		kill -STOP $pids 2>/dev/null
		# shellcheck disable=SC2086
		kill -KILL $pids 2>/dev/null
		sleep 0.1
	done
	grep -F "$T/" /proc/self/mountinfo | cut -d' ' -f5 | tac | while read -r m; do umount -l "$m" 2>/dev/null; done
	for l in $(host_links); do
		case $l in *"$MARK"*) ip link del "${l%@*}" 2>/dev/null ;; esac
	done
	if command -v nft >/dev/null; then
		nft list tables 2>/dev/null | grep -F "$MARK" | while read -r _ m l; do nft delete table "$m" "$l"; done
	fi
	find /sys/fs/cgroup -depth -type d -path "*compose-$MARK*" -exec rmdir {} \; 2>/dev/null
	return 0
}

done_testing() {
	[ -d "$T/before" ] && nothing_left
	tap_over=1
	echo "1..$tap_n"
	[ $tap_bad = 0 ] && [ $tap_n -gt 0 ]
	exit
}

# ---- images ----

# image NAME: import a test image into the installation, unless it is there.
image() {
	local tar

	case $1 in
	busybox | busybox:latest)
		c image inspect busybox:latest >/dev/null 2>&1 && return
		tar=$("$TESTS/tools/mkbusybox.sh" "$CACHE/busybox.tar") &&
			c image import "$tar" busybox:latest -c 'CMD ["sh"]' >/dev/null
		;;
	debian | debian:bookworm-slim)
		c image inspect debian:bookworm-slim >/dev/null 2>&1 && return
		tar=$("$TESTS/tools/mkbase.sh" "$CACHE/debian-bookworm-slim.tar" | tail -n 1) &&
			c image import "$tar" debian:bookworm-slim -c 'CMD ["bash"]' >/dev/null
		;;
	*) echo "no test image $1" >&2; return 1 ;;
	esac
}

# start_registry DIR [YAML]: an image registry on loopback that keeps its files in DIR: $registry_port, and its process:
# $registry. YAML: a further line of its configuration.
start_registry() {
	local program

	program=$("$TESTS/tools/mkregistry.sh" "$CACHE/docker-registry" | tail -n 1) || skip "no docker-registry"
	registry_port=$(free_port)
	cat >"$1.yml" <<-E
		version: 0.1
		log: {level: error}
		storage: {filesystem: {rootdirectory: $1}, delete: {enabled: true}}
		http: {addr: 127.0.0.1:$registry_port}
		${2-}
	E
	OTEL_TRACES_EXPORTER=none "$program" serve "$1.yml" >"$1.log" 2>&1 &
	registry=$!
	soon 20 get "http://127.0.0.1:$registry_port/v2/"
}

# ---- examples ----

# The address on this host of SERVICE:PORT.
published() {
	local at

	at=$(c port "${1%%:*}" "${1##*:}") || return
	echo "127.0.0.1:${at##*:}"
}

# answer_is BODY-FILE CODE contains|is|status WANT
answer_is() {
	local body

	body=$(tr -d '\0' <"$1")
	case $3 in
	contains) [[ $body == *"$4"* ]] ;;
	is) [ "$body" = "$4" ] ;;
	status) [ "$2" = "$4" ] ;;
	*) echo "expect: $3?"; false ;;
	esac || { printf 'status %s\n%s\n' "$2" "$body"; return 1; }
}

# http_try SERVICE:PORT PATH FORM contains|is|status WANT
http_try() {
	local at code form=()

	at=$(published "$1") || return
	[ -z "$3" ] || form=(--data "$3")
	# A stream of events does not end by itself: what has come within two seconds counts.
	code=$(curl -sS -o "$T/out/body" -w '%{http_code}' --max-time 2 "${form[@]}" "http://$at$2") ||
		[ "$code" = 200 ] || { echo "no answer at $at"; return 1; }
	answer_is "$T/out/body" "$code" "$4" "$5"
}

service_is() { # SERVICE STATE [HEALTH]
	local got

	got=$(field "$1" '.State + " " + .Health') || return
	[ "$got" = "$2 ${3-}" ] || [ "${got%% *}:${3-}" = "$2:" ] || { echo "$1 is $got"; return 1; }
}
service_ended() { # SERVICE CODE
	local got

	got=$(field "$1" '.State + " " + (.ExitCode | tostring)') || return
	[ "$got" = "exited $2" ] || { echo "$1 is $got"; return 1; }
}
logs_have() { # SERVICE TEXT
	c logs --no-color --no-log-prefix "$1" >"$T/out/logs" 2>&1
	grep -qF -- "$2" "$T/out/logs" || { cat "$T/out/logs"; return 1; }
}
logs_tail() { c ps -a; c logs --no-color --tail 20; }

expect_line() {
	local verb=$1 rest a b
	shift
	rest=$*

	case $verb in
	up) run c up -d --build "$@"; [ "$rc" = 0 ] || { logs_tail; flunk "up: status $rc" "$out" "$err"; } ;;
	run) ok c "$@" ;;
	ps) soon 30 service_is "$@" ;;
	absent) is "$(field "$1" .Name)" "" ;;
	exit) soon 30 service_ended "$@" ;;
	logs) soon 30 logs_have "$1" "${rest#"$1 contains "}" ;;
	http)
		read -r a b _ <<<"$rest"
		soon 30 http_try "$a" "$b" "" "$3" "${rest#"$a $b $3 "}"
		;;
	post) http_try "$1" "$2" "$3" "$4" "${rest#"$1 $2 $3 $4 "}" ;;
	exec) ok c exec -T "$@" ;;
	exec-fails)
		run c exec -T "$@"
		[ "$rc" != 0 ] || flunk "exec $*: ended well"
		;;
	*) flunk "expect: unknown word $verb" ;;
	esac
}

in_example() {
	cd "$example" || return
	expect_line "$@"
}

example_down() {
	cd "$example" || return
	ok c --profile '*' down -v --remove-orphans -t 5
}

# Carry out DIR/expect.txt: a test for each line.  After an `up` that failed the rest is left out.
expect_example() {
	local line words name
	example=$TOP/examples/$1
	name=$1

	while IFS= read -r line; do
		set -f
		# shellcheck disable=SC2206 # words
		words=($line)
		set +f
		case ${words[0]-} in
		'' | '#'*) continue ;;
		base)
			image "${words[1]}" || { result 0 "$name: image ${words[1]}"; break; }
			continue
			;;
		port)
			export "${words[1]}=$(free_port tcp)"
			continue
			;;
		esac
		local limit=180
		[ "${words[0]}" = up ] && limit=600
		t "$name: $line" in_example "${words[@]}" || [ "${words[0]}" != up ] || break
	done <"$TOP/examples/$name/expect.txt"
	t "$name: down" example_down
}

# ---- ready ----

for i in ${IMAGES-busybox}; do
	image "$i" >"$T/log" 2>&1 || { echo "Bail out! cannot import the image $i"; diag "$(cat "$T/log")"; tap_over=1; exit 1; }
done
[ -z "${IMAGES-busybox}" ] || snapshot "$T/before"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh - run the tests and add up their results.
#
# usage: tests/run.sh [unit|golden|cli|e2e|fuzz|peers|vm|FILE...]      default: unit golden cli e2e
#
# A suite is the programs in $O/tests/SUITE (C) and tests/SUITE/*.sh; each prints TAP.  Unit, golden and cli programs run
# two at a time, e2e one after the other (they look at the host before and after).
# The last line is `N passed, N failed`, with `, N skipped` behind it if there are any; the exit status is 0 when nothing
# failed and something passed.
#	JOBS=N            programs at a time (2)        FILE_LIMIT=SECONDS   for one program (900)
#	VERBOSE=1         show all output               MUST_RUN=1           a skipped test is a failed test
#	RETRY=1           a program that fails is run once more, alone, and judged by that; both runs are shown
set -u
export LC_ALL=C.UTF-8
tests=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$tests")
cd "$top" || exit 1
export O=${O:-build}
case $O in /*) ;; *) O=$top/$O ;; esac
tmp=$(mktemp -d /tmp/ctrun.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

[ $# -gt 0 ] || set -- unit golden cli e2e

programs() { # of one suite, or the file itself
	local f

	if [ -f "$1" ]; then
		echo "$1"
		return
	fi
	for f in "$O/tests/$1"/* "tests/$1"/*.sh; do
		case $f in *.d | *.o) continue ;; esac
		[ -f "$f" ] && [ -x "$f" ] && echo "$f"
	done
}

# Is a unit test's program that of a source that is gone?
stale() { [[ $1 == "$O/tests/unit/"* ]] && [ ! -e "$top/tests/unit/${1##*/}.c" ]; }

# one PROGRAM OUTFILE: run it; its exit status goes to OUTFILE.rc, its seconds to OUTFILE.s.
one() {
	local start=$SECONDS rc=0

	timeout -k 20 "${FILE_LIMIT:-900}" "$1" >"$2" 2>"$2.err" </dev/null || rc=$?
	echo $rc >"$2.rc"
	echo $((SECONDS - start)) >"$2.s"
}

# judge OUTFILE: print "PASSED FAILED SKIPPED", and what is wrong behind that.
judge() {
	awk -v rc="$(cat "$1.rc")" '
	/^ok / { n++; if (/# SKIP/) { skipped++; why[skipped] = $0 } else passed++; show = 0 }
	/^not ok / { n++; failed++; show = 1 }
	/^1\.\.[0-9]+/ { planned = 1; plan = substr($1, 4); show = 0; if (/# SKIP/) { skipped++; why[skipped] = $0 } }
	/^Bail out!/ { bail = 1; text = text "    " $0 "\n" }
	show { text = text "    " $0 "\n" }
	END {
		if (!planned) { failed++; text = text "    no plan: it ended with status " rc " after " n + 0 " results\n" }
		else if (plan != n + 0) { failed++; text = text "    planned " plan " tests, ran " n + 0 "\n" }
		else if (rc != 0 && !failed) { failed++; text = text "    ended with status " rc "\n" }
		if (rc == 124 || rc == 137) text = text "    (over the time limit of a file)\n"
		printf "%d %d %d\n%s", passed, failed, skipped, text
		for (i = 1; i <= skipped; i++) printf "  ~ %s\n", why[i]
	}' "$1"
}

passed=0 failed=0 skipped=0 again=0
failures=

report() { # PROGRAM OUTFILE
	local name=${1#"$top/"} verdict counts p f s

	name=${name#"$O/"}
	name=${name#tests/}
	verdict=$(judge "$2")
	counts=${verdict%%$'\n'*}
	read -r p f s <<<"$counts"
	if [ "$f" -gt 0 ] && [ "${RETRY-}" = 1 ]; then
		again=$((again + 1))
		printf 'AGAIN %s (%d of %d failed the first time)\n%s\n' "$name" "$f" $((p + f)) "${verdict#*$'\n'}"
		one "$1" "$2"
		verdict=$(judge "$2")
		counts=${verdict%%$'\n'*}
		read -r p f s <<<"$counts"
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	if [ "$f" -gt 0 ]; then
		printf 'FAIL  %s (%d of %d failed, %d s)\n' "$name" "$f" $((p + f)) "$(cat "$2.s")"
		[ -s "$2.err" ] && verdict+=$'\n'$(tail -n 40 "$2.err" | sed 's/^/    ! /')
		failures+="FAIL  $name"$'\n'
	else
		printf 'ok    %s (%d, %d s)\n' "$name" "$p" "$(cat "$2.s")"
	fi
	[ "$verdict" = "$counts" ] || printf '%s\n' "${verdict#*$'\n'}"
	[ "${VERBOSE-}" = 1 ] && sed 's/^/    | /' "$2" "$2.err"
}

n=0
run_suite() {
	local jobs=${JOBS:-2} list=() outs=() p i running=0

	case $1 in e2e | peers | vm | */e2e/*) jobs=1 ;; esac
	while read -r p; do
		stale "$p" || list+=("$p")
	done < <(programs "$1")
	if [ ${#list[@]} = 0 ]; then
		echo "      $1: no tests"
		return
	fi
	for i in "${!list[@]}"; do
		n=$((n + 1))
		outs[i]=$tmp/$n
		if [ "$jobs" = 1 ]; then
			one "${list[i]}" "${outs[i]}"
			report "${list[i]}" "${outs[i]}"
			continue
		fi
		one "${list[i]}" "${outs[i]}" &
		running=$((running + 1))
		if [ $running -ge "$jobs" ]; then
			wait -n
			running=$((running - 1))
		fi
	done
	wait
	[ "$jobs" = 1 ] && return
	for i in "${!list[@]}"; do
		report "${list[i]}" "${outs[i]}"
	done
}

for suite in "$@"; do
	run_suite "$suite"
done

[ $again = 0 ] || printf '\n%d programs failed the first time and were run again (AGAIN above)\n' $again
[ -z "$failures" ] || printf '\n%s' "$failures"
echo
if [ $skipped -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ $failed = 0 ] && [ $passed -gt 0 ]

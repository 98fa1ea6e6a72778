#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# config.sh - what `compose config` prints, whole: tests/golden/config/CASE/NAME.cmd holds the arguments (one line),
# NAME.want the exit status, standard output and standard error.  Paths of this checkout read as @DIR@,
# hashes, in which such paths are, as @HASH@ (tests/unit/graph_hash.c looks at what changes them).
# And the output of every example and every case here loads again to the same.
#	UPDATE=1    write the .want files anew: read the difference before you commit it
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$(dirname "$here")")
O=${O:-build}
case $O in /*) ;; *) O=$top/$O ;; esac
COMPOSE=${COMPOSE:-$O/compose}
tmp=$(mktemp -d /tmp/ctconfig.XXXXXX) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0 bad=0

result() { # GOOD NAME
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; bad=$((bad + 1)); fi
}

compose() { env -i PATH=/usr/bin:/bin HOME=/home/me LC_ALL=C.UTF-8 COLOUR=blue "$COMPOSE" "$@"; }

one_case() { # CMD-FILE
	local dir=${1%/*} name=${1%.cmd} args rc=0

	read -r args <"$1"
	cd "$dir" || return 1
	eval "set -- $args"
	compose "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	{ echo "status $rc"; echo "--- out"; cat "$tmp/out"; echo "--- err"; cat "$tmp/err"; } | sed -E "s#$dir#@DIR@#g; s/ [0-9a-f]{64}\$/ @HASH@/" >"$tmp/got"
	[ "${UPDATE-}" = 1 ] && cp "$tmp/got" "$name.want"
	diff -u "$name.want" "$tmp/got" >"$tmp/diff"
	rc=$?
	sed 's/^/# /' "$tmp/diff"
	return $rc
}

round_trip() { # FILE
	cd "${1%/*}" || return 1
	compose -f "$1" --profile '*' config >"$tmp/once.yaml" 2>/dev/null || return 1
	compose -f "$tmp/once.yaml" --profile '*' config >"$tmp/twice.yaml" 2>"$tmp/err" || { sed 's/^/# /' "$tmp/err"; return 1; }
	cmp "$tmp/once.yaml" "$tmp/twice.yaml"
}

for f in "$here"/config/*/*.cmd; do
	one_case "$f"
	result $? "${f#"$here/config/"}"
done
for f in "$top"/examples/*/compose.yaml "$here"/config/{forms,files,profiles}/compose.yaml; do
	round_trip "$f"
	result $? "loads again to the same: ${f#"$top/"}"
done
echo "1..$n"
[ "$bad" = 0 ] && [ "$n" -gt 0 ]

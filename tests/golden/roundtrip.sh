#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# roundtrip.sh - what `compose config` prints of real files loads again to the same: YAML and JSON.
# The files are those of ../shared (fixtures, conformance), which are not part of this repository; without them this is skipped.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$(dirname "$here")")
shared=${SHARED:-$top/../shared}
O=${O:-build}
case $O in /*) ;; *) O=$top/$O ;; esac
COMPOSE=${COMPOSE:-$O/compose}
if [ ! -d "$shared/fixtures" ] || [ ! -f "$shared/conformance/golden.json" ]; then
	echo "1..0 # SKIP the files of ../shared are absent"
	exit 0
fi
tmp=$(mktemp -d /tmp/ctround.XXXXXX) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0 bad=0

compose() { env -i PATH="$PATH" HOME=/root LC_ALL=C.UTF-8 "$COMPOSE" "$@" 2>>"$tmp/err" </dev/null; }

same() { # FORM: once.FORM loads to itself
	compose -f "$tmp/once.$1" --profile '*' config --format "$1" >"$tmp/twice.$1" && cmp "$tmp/once.$1" "$tmp/twice.$1"
}

round_trip() { # FILE
	: >"$tmp/err"
	cd "$(dirname "$1")" || return 1
	compose -f "$1" --profile '*' config >"$tmp/once.yaml" || return 1
	compose -f "$1" --profile '*' config --format json >"$tmp/once.json" || return 1
	same yaml || return 1
	grep -q '^models:' "$tmp/once.yaml" && return 0         # the JSON of the reference leaves them out, and so does ours
	same json && compose -f "$tmp/once.yaml" --profile '*' config --format json | cmp - "$tmp/once.json"
}

while read -r f; do
	n=$((n + 1))
	if round_trip "$f" >"$tmp/out" 2>&1; then
		echo "ok $n - ${f#"$shared/"}"
	else
		echo "not ok $n - ${f#"$shared/"}"
		sed 's/^/# /' "$tmp/out" "$tmp/err" | head -n 20
		bad=$((bad + 1))
	fi
done < <(
	find "$shared/fixtures" -mindepth 2 -maxdepth 2 \( -name 'compose.y*ml' -o -name 'docker-compose.y*ml' \) | sort
	python3 -c 'import json, sys
for f, v in sorted(json.load(open(sys.argv[1] + "/golden.json")).items()):
    if v != "error": print(sys.argv[1] + "/stacks/" + f)' "$shared/conformance"
)
echo "1..$n"
[ "$bad" = 0 ] && [ "$n" -gt 0 ]

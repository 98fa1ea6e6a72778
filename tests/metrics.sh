#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# metrics.sh - fail when a function is longer than 100 lines or a file longer than 1000.
#
# usage: tests/metrics.sh [-v]      -v: also list functions over 60 lines and files over 700
#
# Functions are found by this tree's own layout: the body begins with a { and ends with a } in the first column.
set -u
cd "$(dirname "$0")/.." || exit 2
verbose=0
[ "${1-}" = -v ] && verbose=1

# shellcheck disable=SC2016
find parser graph compose tests examples -name '*.[ch]' -print0 | sort -z | xargs -0 awk -v verbose=$verbose '
function say(limit, soft, size, what) {
	if (size > limit) { printf "%s: %d lines, at most %d\n", what, size, limit; bad = 1 }
	else if (verbose && size > soft) printf "%s: %d lines, long from %d on\n", what, size, soft
}
function file_end() { if (file != "") say(1000, 700, lines, file) }
FNR == 1 { file_end(); file = FILENAME; body = 0; head = "" }
{ lines = FNR }
/^[A-Za-z_].*\(/ && !/;[ \t]*$/ { head = $0 }
/^\{/ { body = FNR; next }
/^\}/ {
	if (body && match(head, /[A-Za-z_][A-Za-z_0-9]*\(/))
		say(100, 60, FNR - body - 1, FILENAME ":" body " " substr(head, RSTART, RLENGTH - 1) "()")
	body = 0
}
END { file_end(); exit bad }'

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The numbered behaviours of tests/e2e/behaviours_*.sh: none is forgotten, and what differs is told in the README.
# shellcheck disable=SC2034 # for lib.sh
IMAGES=""
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

readonly LAST=150

# The numbers of the lines "row N ..." or "differs N ..." of the files.
numbers() { grep -hoE "^($1) [0-9]+ " "$TESTS"/e2e/behaviours_*.sh | awk '{ print $2 }' | sort -n; }

all_there() {
	is "$(numbers 'row|differs' | uniq | xargs)" "$(seq $LAST | xargs)"
	is "$(numbers row | uniq -d | xargs)" ""
}
t "every behaviour from 1 to $LAST has a test, or an entry in the README" all_there

# Each function that looks like a row's is one.
all_run() {
	local f

	for f in "$TESTS"/e2e/behaviours_*.sh; do
		is "$(grep -oE '^r[0-9]+\(\)' "$f" | tr -dc '0-9\n')" "$(grep -oE '^row [0-9]+ .* r[0-9]+$' "$f" | sed 's/.* r//')"
		is "$(grep -cE '^row ' "$f")" "$(grep -cE '^row ([0-9]+) .* r\1$' "$f")"
	done
}
t "every test of a behaviour is run, under its own number" all_run

list_of_differences() { sed -n '/^## What differs from docker compose, on purpose/,/^## [^W]/p' "$TOP/README.md"; }

told() {
	local title

	list_of_differences >"$T/list"
	[ -s "$T/list" ]
	sed -n 's/^differs [0-9]* "\(.*\)"$/\1/p' "$TESTS"/e2e/behaviours_*.sh | tr -d '\\' >"$T/titles"
	[ -s "$T/titles" ]
	while read -r title; do
		grep -qF "* **$title" "$T/list" || flunk "no entry \"* **$title\" in the README's list of differences"
	done <"$T/titles"
}
t "what differs is in the README's list of differences" told
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every example does what its expect.txt says.  usage: tests/e2e/examples.sh [NAME...]
# shellcheck disable=SC2034
IMAGES=debian
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root
need net

every_example_has_expectations() {
	for dir in "$TOP"/examples/*/; do
		[ -s "$dir/expect.txt" ] || flunk "$dir has no expect.txt"
		[ -s "$dir/compose.yaml" ] || flunk "$dir has no compose.yaml"
	done
}
t "every example says what is expected of it" every_example_has_expectations

if [ $# -gt 0 ]; then
	names=("$@")
else
	names=(hello wait-for-it voting-app)
	for dir in "$TOP"/examples/*/; do
		dir=$(basename "$dir")
		[[ " ${names[*]} " == *" $dir "* ]] || names+=("$dir")
	done
fi
for name in "${names[@]}"; do
	expect_example "$name"
done
done_testing

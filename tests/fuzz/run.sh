#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh - build every fuzz target with clang under ASan and UBSan and run each for FUZZ_SECONDS (5).
# usage: tests/fuzz/run.sh [BUILD-DIR] [TARGET...]       seeds: tests/fuzz/corpus/TARGET/
# One TAP line each; a finding is left in BUILD-DIR/fuzz/TARGET-*.
set -u
cd "$(dirname "$0")/../.."
out=${1:-build}/fuzz
shift || true
seconds=${FUZZ_SECONDS:-5}
targets=("$@")
[ ${#targets[@]} -gt 0 ] || for f in tests/fuzz/*.c; do targets+=("$(basename "$f" .c)"); done
if ! echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { (void)d; (void)n; return 0; }' |
	clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null; then
	echo "1..0 # SKIP clang with libFuzzer is not installed (packages clang, libclang-rt-14-dev)"
	exit 0
fi
mkdir -p "$out"
make -s -j2 CC=clang O="$out/lib" OPT="-O1 -g" SAN="-fsanitize=fuzzer-no-link,address,undefined" \
	DIRS="parser graph compose/base compose/image compose/net compose/engine compose/build" "$out/lib/libcompose.a" >&2 || exit 1
echo "1..${#targets[@]}"
n=0 bad=0
for t in "${targets[@]}"; do
	n=$((n + 1))
	corpus=("tests/fuzz/corpus/$t")
	[ -d "${corpus[0]}" ] || corpus=()
	mkdir -p "$out/corpus-$t"
	if clang -D_GNU_SOURCE -std=gnu11 -O1 -g -I. -fsanitize=fuzzer,address,undefined -o "$out/$t" "tests/fuzz/$t.c" "$out/lib/libcompose.a" \
		-lyaml -ljansson -lmnl -lcap -lseccomp -lpthread -ldl >"$out/$t.log" 2>&1 &&
		"$out/$t" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -artifact_prefix="$out/$t-" "$out/corpus-$t" "${corpus[@]}" >>"$out/$t.log" 2>&1; then
		echo "ok $n - $t: $(grep -o 'stat::number_of_executed_units.*\|Done [0-9]* runs.*' "$out/$t.log" | tail -n 1)"
	else
		echo "not ok $n - $t"
		tail -n 30 "$out/$t.log" | sed 's/^/# /'
		bad=1
	fi
done
exit $bad

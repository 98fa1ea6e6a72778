#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Behaviours 144-150: logs.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/behaviours.inc
. "$TESTS/e2e/behaviours.inc" || exit
need root

ended() { is "$(C ps -a --format '{{.State}}' a)" exited; }

r144() {
	u 'init: false, command: echo hi' ps -a
	soon 10 ended
	ok C start
	soon 10 hi_twice
}
hi_twice() { is "$(C logs --no-log-prefix | grep -c hi)" 2; }
row 144 "kept until the container goes; the next start adds" r144

r145() {
	y '{services: {a: {image: busybox, command: echo hi}, longer: {image: busybox, command: echo ho}}}' up
	is "$rc" 0
	is "$(C logs --no-color | sort)" "a-1       | hi"$'\n'"longer-1  | ho"
	ok C down
	u 'container_name: my.name, command: echo hi' ps -a
	soon 10 ended
	is "$(C logs --no-color)" "my.name  | hi"
}
row 145 "the prefix: service and number, or the container's own name" r145

r146() {
	u 'command: [sh, -c, "head -c 40000 /dev/zero | tr \\\\0 x; echo; echo end"]' ps -a
	soon 10 ended
	is "$(C logs --no-log-prefix | wc -L)" 40000
	is "$(C logs --no-log-prefix | tail -n 1)" end
}
row 146 "a long line is one line" r146

r147() {
	local n

	u 'logging: {options: {max-size: 1k, max-file: "1"}}, command: seq 100000 105000' ps -a
	soon 10 ended
	n=$(C logs --no-log-prefix | wc -l)
	[ "$n" -gt 0 ] && [ "$n" -lt 1000 ]
	is "$(C logs --no-log-prefix)" "$(seq $((105001 - n)) 105000)" # no half line at the beginning
	is "$(C logs --no-log-prefix --tail $n)" "$(C logs --no-log-prefix)"
}
row 147 "max-size and max-file" r147

r148() {
	y '{services: {a: {image: busybox, command: echo hi, logging: {driver: none}}}}' up
	is "$rc" 0
	hasnt "$out" hi
	has "$err" "driver none keeps no output"
	ok C logs
	is "$out" ""
	has "$err" "driver none keeps no output"
	# who wants to see it attaches
	y '{services: {a: {image: busybox, init: true, command: payload ticks 50, logging: {driver: none}}}}' up -d
	c_bg -p t -f "$Y" attach --no-stdin a
	soon 10 grep -q tick "$T/out/bg"
	kill -KILL "$bg"
}
differs 148 "\`logging.driver: none\` keeps nothing"
row 148 "driver none: nothing is kept, and it is said" r148

r149() {
	u 'attach: false, command: echo hi' ps -a
	soon 10 ended
	is "$(C logs)" ""
	has "$(C logs a)" hi
}
row 149 "attach: false hides a service from up and bare logs" r149

r150() {
	u 'command: [sh, -c, "echo before; while ! test -e /go; do sleep 0.1; done; echo after; sleep 99"]' ps
	soon 10 has_line before
	c_bg -p t -f "$Y" logs --no-color --tail 0 -f
	soon 10 connected "$bg"
	ok C exec -T a touch /go
	soon 10 grep -q "a-1  | after" "$T/out/bg"
	ok C up -d --scale a=2
	soon 10 grep -q "a-2  | before" "$T/out/bg"
	kill -INT "$bg"
	wait "$bg" || true
	is "$(grep -c "a-1  | before" "$T/out/bg")" 0
}
has_line() { C logs --no-log-prefix | grep -qx -- "$1"; }
row 150 "--tail 0 -f: new lines alone, of replicas that come later, too" r150
rows_end

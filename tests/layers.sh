#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# layers.sh - fail when a folder includes what the table forbids.
#
# usage: tests/layers.sh [ROOT]
#
# The picture that the table guards: parser and graph are pure, runtime knows no compose words, siblings meet only in
# engine and supervisor.  Own folders are always allowed; compose/main.c may include everything.
cd "${1:-$(dirname "$0")/..}" || exit 2
# shellcheck disable=SC2016
bad=$(find parser graph compose -name '*.[ch]' -print0 | xargs -0 awk '
function may(dir, list) { allowed[dir] = list }
BEGIN {  # folder -> allowed prefixes
	base = "compose/base/"
	may("compose/base", "")
	may("parser", base)
	may("graph", base " parser/project.h parser/node.h parser/schema.h")
	may("compose/runtime", base)
	may("compose/net", base)
	may("compose/logs", base)
	may("compose/cli", base)
	may("compose/image", base " parser/imageref.h")
	may("compose/build", base " compose/image/ compose/runtime/spec.h " \
		"parser/dockerfile parser/dockerignore.h parser/glob.h")
	may("compose/state", base " graph/observed.h")
	may("compose/supervisor", base " compose/runtime/ compose/net/ compose/logs/ compose/state/")
	may("compose/engine", base " graph/ parser/project.h parser/value.h parser/cdi.h parser/io.h parser/imageref.h compose/logs/read.h compose/image/ compose/build/ " \
		"compose/state/ compose/runtime/ compose/supervisor/client.h")
	may("compose/oci", base " compose/cli/ compose/runtime/")
	may("compose/cmd", base " compose/cli/ compose/engine/ compose/state/ compose/logs/ compose/image/ parser/ " \
		"graph/ compose/supervisor/client.h")
}
function dir(f) { sub(/\/[^\/]*$/, "", f); return f }
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, q, "\""); d = dir(FILENAME)
	if (FILENAME == "compose/main.c" || index(q[2], d "/") == 1) next
	if (!(d in allowed)) { printf "%s:%d: %s is in no row of tests/layers.sh\n", FILENAME, FNR, d; next }
	if (q[2] !~ /\//) { printf "%s:%d: include from the root: \"%s/%s\"\n", FILENAME, FNR, d, q[2]; next }
	n = split(allowed[d], p, " "); good = 0
	for (i = 1; i <= n; i++) if (index(q[2], p[i]) == 1) good = 1
	if (!good) printf "%s:%d: %s must not include %s\n", FILENAME, FNR, d, q[2]
}')
[ -z "$bad" ] || { echo "$bad"; exit 1; }

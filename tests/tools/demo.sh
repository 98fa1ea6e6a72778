#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh - bring up examples/voting-app and show that it works; `make demo` calls it after building the program.
#
# Where the image debian:bookworm-slim is neither here nor to be pulled, it is made from Debian's packages.
#	COMPOSE       the program (build/compose)
#	VOTE_PORT, RESULT_PORT   ports on this host (8080, 8081)
set -euo pipefail
cd "$(dirname "$0")/../.."
COMPOSE=${COMPOSE:-build/compose}
base=debian:bookworm-slim
file=examples/voting-app/compose.yaml
vote=http://localhost:${VOTE_PORT:-8080}
result=http://localhost:${RESULT_PORT:-8081}

say() { printf '\n==> %s\n' "$*"; }
die() { printf 'demo: %s\n' "$*" >&2; exit 1; }

[ -x "$COMPOSE" ] || die "no program at $COMPOSE: run make"
sudo=()
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || die "needs root: containers of another user's are not supported yet, and there is no sudo"
	# --preserve-env: ports and COMPOSE_ROOT are given in the environment.
	sudo=(sudo --preserve-env)
fi
compose() { "${sudo[@]}" "$COMPOSE" "$@"; }

get_base() {
	local tar log

	if compose image inspect "$base" >/dev/null 2>&1; then
		return
	fi
	log=$(mktemp)
	if timeout 120 "${sudo[@]}" "$COMPOSE" image pull "$base" >"$log" 2>&1; then
		say "Pulled the image $base"
	else
		say "The image $base could not be pulled:"
		sed 's/^/    /' "$log"
		echo "    So it is made here, from Debian's packages with mmdebstrap."
		tar=$(tests/tools/mkbase.sh | tail -n 1)
		compose image import "$tar" "$base" --change 'CMD ["bash"]'
	fi
	rm -f "$log"
}

curl_() { curl -sS --fail --noproxy '*' --max-time 5 "$@"; }
votes() { curl_ "$result/api/votes"; }
total() { votes | sed 's/.*"total":\([0-9]*\).*/\1/'; }

cast_a_vote() {
	local before after

	before=$(total) || die "the result page does not answer at $result"
	curl_ -o /dev/null --data vote=a "$vote/" || die "the vote page does not answer at $vote"
	for _ in $(seq 100); do
		after=$(total)
		[ "$after" -le "$before" ] || break
		sleep 0.1
	done
	[ "$after" -gt "$before" ] || die "the vote was cast but is not counted after ten seconds (see: $COMPOSE -f $file logs)"
	echo "    before: $before votes, now: $(votes)"
}

get_base
say "Building and starting the voting application (the first build installs packages: some minutes)"
compose -f "$file" up -d --build --wait
compose -f "$file" ps
say "Casting a vote over HTTP, and looking for it on the result page"
cast_a_vote

prefix=${sudo[*]:+sudo }
cat <<E

It runs.
    vote here:        $vote
    see the result:   $result

    more votes:       $prefix$COMPOSE -f $file --profile seed run --rm seed
    its logs:         $prefix$COMPOSE -f $file logs -f
    stop it:          $prefix$COMPOSE -f $file down       (down -v: and forget the votes)
E

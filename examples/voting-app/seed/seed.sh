#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Casts VOTES_A and VOTES_B votes over HTTP, each as a new voter (no cookie).  bash alone does it.
set -euo pipefail

host=${VOTE_HOST:-vote}

cast() { # cast a|b
	local status

	exec 3<>"/dev/tcp/$host/80"
	printf 'POST / HTTP/1.0\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\r\nvote=%s' \
		"$host" "$1" >&3
	read -r _ status _ <&3
	exec 3>&-
	if [ "$status" != 200 ]; then
		echo "seed: $host answered with status $status" >&2
		exit 1
	fi
}

for ((i = 0; i < ${VOTES_A:-20}; i++)); do cast a; done
for ((i = 0; i < ${VOTES_B:-10}; i++)); do cast b; done
echo "seed: cast ${VOTES_A:-20} + ${VOTES_B:-10} votes"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mkregistry.sh - have Debian's docker-registry for tests: unpacked beside, not installed (the package would start a service).
#
# usage: tests/tools/mkregistry.sh [FILE]      default ${COMPOSE_TEST_CACHE:-$HOME/.cache/compose-tests}/docker-registry
#
# The last line of the output is the program.
set -euo pipefail

out=${1:-${COMPOSE_TEST_CACHE:-$HOME/.cache/compose-tests}/docker-registry}
if [ -x "$out" ]; then
	echo "$out"
	exit 0
fi
if command -v docker-registry; then
	exit 0
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
(cd "$tmp" && apt-get -q download docker-registry >apt.log 2>&1) || {
	cat "$tmp/apt.log" >&2
	echo "mkregistry: cannot download the package docker-registry" >&2
	exit 1
}
dpkg-deb -x "$tmp"/docker-registry_*.deb "$tmp/pkg"
mkdir -p "$(dirname "$out")"
install -m 755 "$tmp/pkg/usr/bin/docker-registry" "$out.$$"
mv "$out.$$" "$out"
echo "$out"

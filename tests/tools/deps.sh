#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deps.sh - install what the build and the tests need and is not there yet, from Debian's packages.
#
# usage: tests/tools/deps.sh [--fuzz] [--vm] [--list]      as root, or as a user with sudo
#        --fuzz: also what tests/fuzz needs      --vm: also what `make check-vm` needs      --list: print what is missing, install nothing
set -eu

# The program: compiler and libraries.
build='gcc make libc6-dev pkg-config libyaml-dev libjansson-dev libcap-dev libseccomp-dev libmnl-dev
	libcurl4-openssl-dev libarchive-dev libssl-dev libnftables-dev'
# Images made here, and what the tests look at the host with.
tests='mmdebstrap ca-certificates binutils curl git jq iproute2 nftables openssh-client openssl procps socat util-linux xz-utils'

# tests/fuzz
fuzz='clang libclang-rt-14-dev'

# tests/vm: the emulated machine
vm='cpio e2fsprogs qemu-system-x86'

if [ "${1-}" = --fuzz ]; then
	tests="$tests $fuzz"
	shift
fi
if [ "${1-}" = --vm ]; then
	tests="$tests $vm"
	shift
fi
missing=
for p in $build $tests; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) || status=
	[ "$status" = installed ] || missing="$missing $p"
done
if [ "${1-}" = --list ]; then
	[ -z "$missing" ] || echo "${missing# }"
	exit 0
fi
[ -n "$missing" ] || exit 0

echo "deps: installing$missing"
if [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v sudo >/dev/null; then
	sudo=sudo
else
	echo "deps: neither root nor sudo: install the packages above" >&2
	exit 1
fi
$sudo apt-get -q update
# shellcheck disable=SC2086 # a list of words
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends $missing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mkbase.sh - make the base image debian:bookworm-slim from Debian's packages.
#
# usage: tests/tools/mkbase.sh [-f] [-p "PACKAGE ..."] [FILE.tar]
#        -f makes it again although FILE is there; -p: with these packages too.  The default FILE is
#        ${COMPOSE_TEST_CACHE:-$HOME/.cache/compose-tests}/debian-bookworm-slim.tar
#
# The last line of the output is FILE.  Its root file system holds the packages of mmdebstrap's
# minbase (the required ones and apt), without documentation, manual pages, translations and apt's
# caches.  The archives and the proxy are those that apt uses on this host, so that `apt-get
# install` works during a build wherever it works on the host.
set -euo pipefail

force=0
packages=
[ "${1-}" = -f ] && { force=1; shift; }
[ "${1-}" = -p ] && { packages=$2; shift 2; }
out=${1:-${COMPOSE_TEST_CACHE:-$HOME/.cache/compose-tests}/debian-bookworm-slim.tar}
suite=bookworm

say() { printf 'mkbase: %s\n' "$*" >&2; }

if [ $force = 0 ] && [ -s "$out" ]; then
	say "$out is there (-f makes it again)"
	echo "$out"
	exit 0
fi

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi
}

if ! command -v mmdebstrap >/dev/null; then
	say "installing mmdebstrap"
	as_root apt-get -q update
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends mmdebstrap
fi

# host_sources: one line "deb URI SUITE COMPONENT" for each index of $suite that apt knows here;
# nothing where the host runs another release or apt has no lists yet.
# shellcheck disable=SC2016 # the variables are apt's
host_sources() {
	apt-get indextargets --format '$(ORIGIN)|$(CODENAME)|deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null |
		sed -n "s/^Debian|${suite}[^|]*|\(deb https\?:.*\)/\1/p" | sort -u
}

sources=$(host_sources)
if [ -z "$sources" ] && as_root apt-get -q update >&2; then
	sources=$(host_sources)
fi

# Without the hook the package usrmerge comes in, and with it all of perl.
args=(--variant=minbase --format=tar --quiet --skip=output/dev
	--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr)
# What the host's apt must be told to reach its archive, the image's apt must be told as well.
for key in Acquire::http::Proxy Acquire::https::Proxy Acquire::Check-Date Acquire::Check-Valid-Until; do
	eval "$(apt-config shell val "$key")"
	[ -n "${val-}" ] && args+=(--aptopt="$key \"$val\"")
	unset val
done
case $sources in *https:*) args+=(--include=ca-certificates) ;; esac
[ -z "$packages" ] || args+=(--include="${packages// /,}")

# Files that no container needs; copyright files stay.
for p in /usr/share/doc /usr/share/man /usr/share/info /usr/share/locale /usr/share/lintian \
	/usr/share/linda /usr/share/groff; do
	args+=(--dpkgopt="path-exclude=$p/*")
done
args+=(--dpkgopt='path-include=/usr/share/doc/*/copyright'
	--dpkgopt='path-include=/usr/share/locale/locale.alias')

# shellcheck disable=SC2016 # the hooks' $1 is the root
# policy: a package's installation starts no service.  apt: keep no archives, no translations.
# dpkg: no fsync after each file (a layer is finished or thrown away).
args+=(--customize-hook='printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d"'
	--customize-hook='printf "%s\n" "Acquire::Languages \"none\";" "Acquire::GzipIndexes \"true\";" "Dir::Cache::pkgcache \"\";" "Dir::Cache::srcpkgcache \"\";" "DPkg::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb\"; };" >"$1/etc/apt/apt.conf.d/container"'
	--customize-hook='echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/container"'
	--customize-hook='rm -rf "$1"/var/log/* "$1"/var/cache/ldconfig/aux-cache "$1"/var/cache/apt/*.bin "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/*-old'
	--customize-hook='rm -f "$1/etc/hostname" "$1/etc/resolv.conf"')

mkdir -p "$(dirname "$out")"
tmp=$(mktemp "$out.XXXXXX")
log=$(mktemp)
trap 'rm -f "$tmp" "$log"' EXIT
say "making $out from Debian's packages with mmdebstrap (about a minute)"
from=()
if [ -n "$sources" ]; then
	from=(-)
else
	say "apt has no archive of $suite here, using mmdebstrap's own default"
fi
if ! printf '%s\n' "$sources" | mmdebstrap "${args[@]}" "$suite" "$tmp" "${from[@]}" >"$log" 2>&1; then
	cat "$log" >&2
	say "mmdebstrap failed"
	exit 1
fi
# An empty /dev: the runtime mounts its own there.
empty=$(mktemp -d)
mkdir -m 755 "$empty/dev"
tar -C "$empty" --owner=0 --group=0 --numeric-owner -rf "$tmp" ./dev
rm -r "$empty"
chmod 644 "$tmp"
mv "$tmp" "$out"
rm -f "$log"
trap - EXIT
say "done, $(du -h "$out" | cut -f1)"
echo "$out"

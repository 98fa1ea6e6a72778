#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pull_registry.sh - `compose image pull` from Debian's docker-registry on a loopback port.
IMAGES=
. "$(dirname "$0")/../lib.sh"
need root

put_blob() { # FILE -> digest
	local digest place

	digest=sha256:$(sha256sum "$1" | cut -d' ' -f1)
	place=$(curl -sS -i -X POST "http://127.0.0.1:$registry_port/v2/demo/app/blobs/uploads/" | tr -d '\r' | sed -n 's/^Location: //p')
	curl -sSf -o /dev/null -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$1" "$place&digest=$digest"
	echo "$digest"
}

put_image() {
	local l1 l2 d1 d2 config

	mkdir -p one two
	head -c 3000000 /dev/urandom >one/random
	echo first >one/file
	echo second >two/file
	: >two/.wh.random
	tar --owner=0 --group=0 -C one -cf one.tar random file
	tar --owner=0 --group=0 -C two -cf two.tar file .wh.random
	gzip -k one.tar two.tar
	d1=$(sha256sum one.tar | cut -d' ' -f1) d2=$(sha256sum two.tar | cut -d' ' -f1)
	l1=$(put_blob one.tar.gz) l2=$(put_blob two.tar.gz)
	printf '{"os":"linux","architecture":"amd64","config":{"Cmd":["x"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s"]}}' \
		"$d1" "$d2" >config.json
	config=$(put_blob config.json)
	jq -nc --arg c "$config" --arg l1 "$l1" --arg l2 "$l2" --argjson cs "$(stat -c %s config.json)" \
		--argjson s1 "$(stat -c %s one.tar.gz)" --argjson s2 "$(stat -c %s two.tar.gz)" '{schemaVersion: 2,
		mediaType: "application/vnd.docker.distribution.manifest.v2+json",
		config: {mediaType: "application/vnd.docker.container.image.v1+json", digest: $c, size: $cs},
		layers: [{mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", digest: $l1, size: $s1},
			{mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", digest: $l2, size: $s2}]}' >manifest.json
	curl -sSf -o /dev/null -X PUT -H 'Content-Type: application/vnd.docker.distribution.manifest.v2+json' \
		--data-binary @manifest.json "http://127.0.0.1:$registry_port/v2/demo/app/manifests/1"
}

pull_it() {
	start_registry "$T/registry"
	put_image
	ok c image pull "127.0.0.1:$registry_port/demo/app:1"
	is "$out" "sha256:$(sha256sum config.json | cut -d' ' -f1)"
	ok c image inspect "127.0.0.1:$registry_port/demo/app:1"
	local top
	top=$(jq -r '.[0].GraphDriver.Data.UpperDir' <<<"$out")
	is "$(cat "$top/file")" second
	is "$(stat -c '%F %t %T' "$top/random")" "character special file 0 0"
	has "$(jq -r '.[0].RepoDigests[0]' <<<"$out")" "demo/app@sha256:$(sha256sum manifest.json | cut -d' ' -f1)"
	fails 1 c image pull "127.0.0.1:$registry_port/demo/app:2"
	has "$err" "no tag 2"
	fails 1 c image pull "127.0.0.1:$registry_port/other/app:1"
	kill "$registry"
	wait "$registry" || true
	fails 1 c image pull "127.0.0.1:$registry_port/demo/app:1"
	has "$err" "hint:"
	ok c image inspect "127.0.0.1:$registry_port/demo/app:1"
}

t "pull two layers with a whiteout, what is missing, what is gone" pull_it
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# push_registry.sh - `compose push` and `build --push` to Debian's docker-registry on a loopback port, read back by our
# own pull into another installation.
IMAGES=busybox
. "$(dirname "$0")/../lib.sh"
need root

# another installation, so that nothing is there but what the registry gives
other() { COMPOSE_ROOT=$T/other "$COMPOSE" "$@"; }

write_files() {
	project push <<-E
		services:
		  app:
		    build:
		      context: .
		      tags: ["$reg/demo/app:extra"]
		    image: $reg/demo/app:1
		    depends_on: [base]
		  base: { image: "busybox:latest" }
		  unnamed: { build: . }
	E
	cat >Dockerfile <<-'E'
		FROM busybox:latest
		RUN mkdir /d /e && echo one >/d/gone && echo two >/d/kept && ln -s kept /d/link && ln /d/link /d/l2 && echo p >/d/p1 && ln /d/p1 /d/p2 && echo x >/e/x
		RUN rm /d/gone && rm -r /e && mkdir /e && echo new >/e/new && chmod 4711 /d/kept && chown 7:8 /e/new
		ENV GREETING=hello
		CMD ["sh", "-c", "cat /d/kept; echo $$GREETING"]
	E
	dd if=/dev/urandom of=big bs=1M count=40 status=none
	echo 'COPY big /big' >>Dockerfile
}

manifest() { get "http://$reg/v2/demo/app/manifests/$1" -H 'Accept: application/vnd.oci.image.manifest.v1+json'; }

push_and_pull() {
	start_registry "$T/registry"
	reg=127.0.0.1:$registry_port
	write_files
	fails 1 c push
	has "$err" "no such image"
	has "$err" "compose.yaml:"
	ok c build app
	ok c push
	has "$err" "Image $reg/demo/app:1 Pushed"
	has "$err" "Image $reg/demo/app:extra Pushed"
	has "$err" "Service base Skipped"
	has "$err" "Service unnamed Skipped"
	# what the registry has is whole: every blob of the manifest, with its size
	is "$(manifest 1 | jq -r .mediaType)" application/vnd.oci.image.manifest.v1+json
	is "$(manifest 1)" "$(manifest extra)"
	manifest 1 | jq -r '.layers[], .config | "\(.digest) \(.size)"' | while read -r digest size; do
		get "http://$reg/v2/demo/app/blobs/$digest" -o blob
		is "sha256:$(sha256sum blob | cut -d' ' -f1)" "$digest"
		is "$(stat -c %s blob)" "$size"
	done
	# and each layer's tar has the diff id of the configuration
	get "http://$reg/v2/demo/app/blobs/$(manifest 1 | jq -r .config.digest)" -o config
	i=0
	for digest in $(manifest 1 | jq -r '.layers[].digest'); do
		is "sha256:$(get "http://$reg/v2/demo/app/blobs/$digest" | zcat | sha256sum | cut -d' ' -f1)" \
			"$(jq -r ".rootfs.diff_ids[$i]" config)"
		i=$((i + 1))
	done
	ok other image pull "$reg/demo/app:1"
	ok other image inspect "$reg/demo/app:1"
	has "$out" GREETING=hello
	mkdir -p "$W/run" && cd "$W/run"
	cat >compose.yaml <<-E
		services: { a: { image: "$reg/demo/app:1" } }
	E
	ok other run --rm a sh -c 'ls -A /d; ls /e; stat -c "%a %u:%g %h" /d/kept /e/new /d/p1; readlink /d/link; sha256sum </big'
	is "$out" "$(printf '%s\n' kept l2 link p1 p2 new "4711 0:0 1" "644 7:8 1" "644 0:0 2" kept "$(sha256sum <"$W/push/big")")"
	ok other down
	# a second push has nothing to send, and the manifest stays
	cd "$W/push"
	before=$(manifest 1)
	ok c push app
	is "$(manifest 1)" "$before"
	# what was pulled goes back as it came
	ok other image tag "$reg/demo/app:1" "$reg/demo/app:back"
	ok other image push "$reg/demo/app:back"
	is "$out" "sha256:$(manifest 1 | tr -d '\n' | sha256sum | cut -d' ' -f1)"
	is "$(manifest back)" "$before"
	# into another repository of the same registry
	ok other image tag "$reg/demo/app:1" "$reg/demo/second:1"
	ok other image push "$reg/demo/second:1"
	is "$(get "http://$reg/v2/demo/second/manifests/1" -H 'Accept: application/vnd.oci.image.manifest.v1+json')" "$before"
	sed -i 's/hello/bonjour/' Dockerfile
	ok c build --push -q app
	matches "$out" '^sha256:[0-9a-f]{64}$'
	ok other image pull "$reg/demo/app:1"
	ok other image inspect "$reg/demo/app:1"
	has "$out" GREETING=bonjour
	ok c --dry-run push
	has "$out" "push image $reg/demo/app:1"
	kill "$registry"
	wait "$registry" || true
	fails 1 c push app
	has "$err" "compose.yaml:"
	ok c push --ignore-push-failures app
	has "$err" "push image"
}
limit=240 t "push, read back, push again, into another repository, build --push, no registry" push_and_pull

denied() {
	# someone, with the password "secret"
	echo 'someone:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a' >"$T/htpasswd"
	start_registry "$T/registry2" "auth: {htpasswd: {realm: test, path: $T/htpasswd}}"
	reg=127.0.0.1:$registry_port
	ok c image tag busybox:latest "$reg/private/box:1"
	fails 1 c image push "$reg/private/box:1"
	has "$err" "denies access"
	has "$err" "config.json"
	mkdir -p docker
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$reg" "$(printf someone:wrong | base64)" >docker/config.json
	DOCKER_CONFIG=$PWD/docker fails 1 c image push "$reg/private/box:1"
	has "$err" "denies access"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$reg" "$(printf someone:secret | base64)" >docker/config.json
	DOCKER_CONFIG=$PWD/docker ok c image push "$reg/private/box:1"
	is "$(get "http://someone:secret@$reg/v2/private/box/tags/list" | jq -c .tags)" '["1"]'
}
t "a registry that wants to know who it is" denied
done_testing

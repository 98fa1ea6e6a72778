#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cmd_publish.sh - `compose publish`: what a registry gets is what `-f oci://` and include read; and what does not leave unasked.
IMAGES=busybox
. "$(dirname "$0")/../lib.sh"
need root

write_project() {
	project app <<-E
		include: [more.yaml]
		services:
		  web:
		    image: "busybox:\${TAG:-latest}"
		    extends: { file: base.yaml, service: base }
		    env_file: [web.env]
		    command: ["sh", "-c", "echo \$\$HOME"]
		    environment: { FROM_OUTSIDE: "\${WHO:-nobody}" }
		volumes: { data: }
	E
	echo 'services: { base: { hostname: from-base, volumes: ["data:/data"] } }' >base.yaml
	echo 'services: { other: { image: "busybox:latest", profiles: [extra] } }' >more.yaml
	echo 'FROM_FILE=yes' >web.env
}

oci_config() { # ARG...
	(cd / && c -f "oci://$ref" --profile '*' config --format json "$@")
}

there_and_back() {
	local digest

	start_registry "$T/registry"
	reg=127.0.0.1:$registry_port ref=127.0.0.1:$registry_port/team/app:1
	write_project
	fails 3 c publish "$ref"
	has "$err" "service web has an env_file, which is not published unless you say so"
	matches "$err" 'compose.yaml:6:'
	has "$err" "--with-env"
	fails 22 get "http://$reg/v2/team/app/tags/list" -f
	ok c publish --with-env "$ref"
	digest=$out
	matches "$digest" '^sha256:[0-9a-f]{64}$'
	is "$digest" "sha256:$(get "http://$reg/v2/team/app/manifests/1" -H 'Accept: application/vnd.oci.image.manifest.v1+json' | sha256sum | cut -d' ' -f1)"
	is "$(get "http://$reg/v2/team/app/manifests/1" -H 'Accept: application/vnd.oci.image.manifest.v1+json' | jq -r .artifactType)" \
		application/vnd.docker.compose.project
	# nothing of this directory is needed any more
	rm -r ./*
	oci_config >got.json
	is "$(jq -r .name got.json)" app
	is "$(jq -r .services.web.hostname got.json)" from-base
	is "$(jq -r .services.web.image got.json)" busybox:latest
	is "$(jq -c .services.web.command got.json)" '["sh","-c","echo $$HOME"]'
	is "$(jq -r .services.web.environment.FROM_FILE got.json)" yes
	is "$(jq -r .services.web.environment.FROM_OUTSIDE got.json)" nobody
	is "$(jq -r .services.other.image got.json)" busybox:latest
	is "$(WHO=me TAG=2 oci_config | jq -r '.services.web | .image + .environment.FROM_OUTSIDE')" busybox:2me
	# included by another project, and run
	project user <<-E
		include: ["oci://$ref"]
	E
	ok c run --rm -T web sh -c 'echo $FROM_FILE $(hostname)'
	has "$out" yes
	ok c down -v
}

oci_1_0() {
	write_project
	ok c publish --with-env --oci-version 1.0 "$reg/team/old:1"
	is "$(get "http://$reg/v2/team/old/manifests/1" -H 'Accept: application/vnd.oci.image.manifest.v1+json' | jq -r .config.mediaType)" \
		application/vnd.docker.compose.config.empty.v1+json
	ref=$reg/team/old:1
	is "$(oci_config | jq -r .services.web.hostname)" from-base
}

with_images() {
	project pinned <<-E
		services:
		  a: { image: "$reg/team/image:1", build: { context: ., dockerfile_inline: "FROM busybox:latest" } }
	E
	ok c build -q
	ok c publish --app "$reg/team/withimages:1"
	is "$(get "http://$reg/v2/team/image/tags/list" | jq -c .tags)" '["1"]'
	ok c publish --resolve-image-digests "$reg/team/pinned:1"
	ref=$reg/team/pinned:1
	matches "$(oci_config | jq -r .services.a.image)" "^$reg/team/image:1@sha256:[0-9a-f]{64}$"
	project unnamed <<-'E'
		services:
		  a: { build: . }
	E
	fails 3 c publish "$reg/team/never:1"
	has "$err" "service a has only a build section"
	matches "$err" "compose.yaml:2:"
}

questions() {
	project asks <<-'E'
		services:
		  a:
		    image: busybox:latest
		    environment: { DB_PASSWORD: hunter2, PLAIN: "${PLAIN-}" }
		    volumes: ["./here:/there"]
		configs: { c: { content: "inline" } }
	E
	fails 130 c publish "$reg/team/asks:1"
	has "$err" "service a: the value of DB_PASSWORD, which looks like a secret"
	has "$err" "service a: a bind mount of ./here"
	has "$err" "configs c: its content"
	hasnt "$err" PLAIN
	hasnt "$err" hunter2
	fails 22 curl -sf "http://$reg/v2/team/asks/tags/list"
	ok c publish -y "$reg/team/asks:1"
	ref=$reg/team/asks:1
	is "$(oci_config | jq -r .services.a.environment.DB_PASSWORD)" hunter2
	fails 2 c publish
	fails 2 c publish "bad/Case:1"
	kill "$registry"
	wait "$registry" || true
	fails 1 c publish -y "$reg/team/asks:1"
	has "$err" "cannot publish the project"
}

all() {
	there_and_back
	oci_1_0
	with_images
	questions
	rm -rf "$COMPOSE_ROOT/remote"
}
limit=240 t "publish and read back, both layouts, images, questions" all
done_testing

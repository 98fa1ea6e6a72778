#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# config_remote.sh - compose files in git repositories (git daemon on a loopback port) and in a registry (Debian's
# docker-registry): what they hold is used, and what is hostile in them is refused and changes nothing outside.
. "$(dirname "$0")/../lib.sh"
need root
need cmd git

G() { env -u GIT_DIR git -c init.defaultBranch=main -c user.name=t -c user.email=t@localhost "$@"; }

make_repo() {
	rm -rf "$T/git"
	mkdir -p "$T/git/team/app/deploy/more" "$T/git/team/app/web"
	cd "$T/git/team/app"
	G init -q .
	cat >compose.yaml <<-'Y'
		services:
		  web: { build: ./web, env_file: web.env }
	Y
	echo FROM=git >web.env
	echo 'services: { api: { image: "api:1", volumes: ["./data:/data"] } }' >deploy/compose.yaml
	echo 'services: { job: { image: "job:1" } }' >deploy/more/job.yaml
	echo 'include: [../../../../../../../../etc/passwd]' >deploy/climb.yaml
	printf 'services:\n  a: { extends: { file: leak.yaml, service: b } }\n' >deploy/link.yaml
	ln -s /etc/passwd deploy/leak.yaml
	ln -s /etc etc
	ln -s deploy inner
	mkdir bad
	ln -s /etc/passwd bad/compose.yaml
	printf '*.txt filter=evil\n' >.gitattributes
	echo plain >some.txt
	G add -A
	G commit -qm one
	G tag -a v1 -m v1
	sed -i s/api:1/api:2/ deploy/compose.yaml
	G commit -qam two
}

start_git() {
	make_repo
	gport=$(free_port)
	"$(git --exec-path)/git-daemon" --listen=127.0.0.1 --port="$gport" --base-path="$T/git" --export-all --reuseaddr \
		--pid-file="$T/git.pid" "$T/git" 2>"$T/git.log" &
	soon 10 git ls-remote -q "git://127.0.0.1:$gport/team/app"
	app=git://127.0.0.1:$gport/team/app
}

stop_git() { kill "$(cat "$T/git.pid")"; wait; }

use_git() {
	start_git
	ok c -f "$app" config --format json
	is "$(jq -r .name <<<"$out")" app
	is "$(jq -r .services.web.environment.FROM <<<"$out")" git
	matches "$(jq -r .services.web.build.context <<<"$out")" "^$COMPOSE_ROOT/remote/[0-9a-f]{64}/app/web\$"
	ok c -f "$app#main:deploy" config --format json
	is "$(jq -r .services.api.image <<<"$out")" api:2
	ok c -f "$app#v1:deploy" config --format json
	is "$(jq -r .services.api.image <<<"$out")" api:1
	ok c -f "$app#$(git -C "$T/git/team/app" rev-parse HEAD~1):deploy/compose.yaml" config --format json
	is "$(jq -r .services.api.image <<<"$out")" api:1
	mkdir -p "$W/mixed"
	cd "$W/mixed"
	cat >compose.yaml <<-Y
		include:
		  - $app#v1:deploy
		services:
		  more: { extends: { file: "$app#main:deploy/more/job.yaml", service: job } }
	Y
	ok c config --format json
	is "$(jq -r '.services.api.image + " " + .services.more.image' <<<"$out")" "api:1 job:1"
	matches "$(jq -r '.services.api.volumes[0].source' <<<"$out")" "/remote/[0-9a-f]{64}/app/deploy/data\$"
	is "$(find "$COMPOSE_ROOT/remote" -name .git -o -name 'tmp-*')" ""
	is "$(stat -c %a "$COMPOSE_ROOT/remote")" 700
	local commit
	commit=$(git -C "$T/git/team/app" rev-parse HEAD)
	stop_git
	ok c -f "$app#$commit:deploy" config -q
	fails 1 c -f "$app#main:deploy" config -q
	has "$err" "git could not list the branches of $app"
}

hostile_git() {
	start_git
	local bad before

	before=$(find "$T" -path "$COMPOSE_ROOT" -prune -o -print | sort | sha256sum)
	for bad in '#main:../..' '#main:/etc' '#main:deploy/../../etc' '#main:.git' '#main:.GIT/config' '#--upload-pack=x' '#a b' \
		'#a..b'; do
		fails 2 c -f "$app$bad" config -q
	done
	for bad in etc etc/passwd inner; do
		fails 3 c -f "$app#main:$bad" config -q
		has "$err" "symbolic link"
	done
	fails 3 c -f "$app#main:bad" config -q
	has "$err" "leads out of it"
	fails 3 c -f "$app#main:deploy/climb.yaml" config -q
	has "$err" "leads out of the project that was fetched"
	fails 3 c -f "$app#main:deploy/link.yaml" config -q
	has "$err" "leads out of the project that was fetched"
	hasnt "$out$err" root:x
	fails 1 c -f "$app#main:nowhere" config -q
	fails 1 c -f "$app#nothing" config -q
	has "$err" "has no branch or tag nothing"
	is "$(find "$T" -path "$COMPOSE_ROOT" -prune -o -print | sort | sha256sum)" "$before"
	is "$(find "$COMPOSE_ROOT/remote" -name 'tmp-*')" ""
	stop_git
}

no_hooks_no_filters() {
	rm -rf "$COMPOSE_ROOT/remote"
	start_git
	mkdir -p "$T/home/tpl/hooks"
	printf '#!/bin/sh\ntouch %s/hooked\n' "$T" >"$T/home/tpl/hooks/post-checkout"
	chmod +x "$T/home/tpl/hooks/post-checkout"
	cat >"$T/home/.gitconfig" <<-C
		[filter "evil"]
			smudge = touch $T/smudged; cat
		[init]
			templateDir = $T/home/tpl
		[core]
			hooksPath = $T/home/tpl/hooks
	C
	HOME=$T/home GIT_DIR=$T/elsewhere GIT_WORK_TREE=$T/elsewhere ok c -f "$app" config -q
	is "$(cat "$COMPOSE_ROOT"/remote/*/app/some.txt | sort -u)" plain
	fails 1 test -e "$T/hooked"
	fails 1 test -e "$T/smudged"
	fails 1 test -e "$T/elsewhere"
	stop_git
}

no_local_no_secrets() {
	local port

	port=$(free_port)
	mkdir -p "$W/secrets"
	cd "$W/secrets"
	fails 3 c -f "file://$T/git/team/app" config -q
	fails 3 c -f "ext::sh -c touch% $T/ext" config -q
	fails 2 c -f "ssh://-oProxyCommand=touch/x.git" config -q
	fails 2 c -f "https://127.0.0.1:$port/compose.yaml" config -q
	has "$err" "end the address of a repository with .git"
	fails 1 c -f "http://user:hunter2@127.0.0.1:$port/app.git" config -q
	hasnt "$out$err" hunter2
	has "$err" "http://127.0.0.1:$port/app.git"
	printf 'include:\n  - http://user:hunter2@127.0.0.1:%s/app.git\n' "$port" >compose.yaml
	fails 1 c config -q
	has "$err" "compose.yaml:2:5"
	hasnt "$out$err" hunter2
	hasnt "$(grep -rs hunter2 "$COMPOSE_ROOT" || true)" hunter2
	COMPOSE_EXPERIMENTAL_GIT_REMOTE=0 fails 3 c config -q
	has "$err" "COMPOSE_EXPERIMENTAL_GIT_REMOTE is off"
	hasnt "$out$err" hunter2
}

# ---- OCI

put_blob() { # FILE -> digest
	local digest place

	digest=sha256:$(sha256sum "$1" | cut -d' ' -f1)
	place=$(curl -sS -i -X POST "http://127.0.0.1:$registry_port/v2/team/stack/blobs/uploads/" | tr -d '\r' |
		sed -n 's/^Location: //p')
	curl -sSf -o /dev/null -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$1" "$place&digest=$digest"
	echo "$digest"
}

layer() { # FILE TYPE ANNOTATIONS(JSON) -> descriptor
	jq -nc --arg d "$(put_blob "$1")" --argjson s "$(stat -c %s "$1")" --arg t "$2" --argjson a "$3" \
		'{mediaType: $t, digest: $d, size: $s, annotations: $a}'
}

put_artefact() { # TAG DESCRIPTOR...
	local tag=$1

	shift
	printf '%s\n' "$@" | jq -sc --arg d "sha256:$(sha256sum empty.json | cut -d' ' -f1)" '{schemaVersion: 2,
		mediaType: "application/vnd.oci.image.manifest.v1+json", artifactType: "application/vnd.docker.compose.project",
		config: {mediaType: "application/vnd.oci.empty.v1+json", digest: $d, size: 2}, layers: .}' >manifest.json
	curl -sSf -o /dev/null -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @manifest.json \
		"http://127.0.0.1:$registry_port/v2/team/stack/manifests/$tag"
}

yaml=application/vnd.docker.compose.file+yaml
env=application/vnd.docker.compose.envfile

use_oci() {
	local one two base vars pinned

	start_registry "$T/registry"
	cd "$W"
	printf '{}' >empty.json
	put_blob empty.json >/dev/null
	printf 'services:\n  web: { image: "web:1", env_file: v.env }\n' >one.yaml
	printf 'services:\n  web: { extends: { file: base.yaml, service: b }, tty: true }\n' >two.yaml
	printf 'services:\n  b: { image: "b:1", hostname: base }\n' >base.yaml
	echo SOURCE=oci >v.env
	one=$(layer one.yaml $yaml '{"com.docker.compose.file":"compose.yaml"}')
	two=$(layer two.yaml $yaml '{"com.docker.compose.file":"compose.override.yaml"}')
	base=$(layer base.yaml $yaml '{"com.docker.compose.extends":"true","com.docker.compose.file":"base.yaml"}')
	vars=$(layer v.env $env '{"com.docker.compose.envfile":"v.env"}')
	put_artefact 1 "$one" "$two" "$base" "$vars"
	ok c -f "oci://127.0.0.1:$registry_port/team/stack:1" config --format json
	is "$(jq -c '[.name, .services.web.image, .services.web.hostname, .services.web.tty, .services.web.environment.SOURCE]' \
		<<<"$out")" '["stack","b:1","base",true,"oci"]'
	ok c -f "oci://127.0.0.1:$registry_port/team/stack@sha256:$(sha256sum manifest.json | cut -d' ' -f1)" config -q
	fails 1 c -f "oci://127.0.0.1:$registry_port/team/stack:2" config -q
	COMPOSE_EXPERIMENTAL_OCI_REMOTE=false fails 3 c -f "oci://127.0.0.1:$registry_port/team/stack:1" config -q

	printf 'services:\n  a: { image: "127.0.0.1:%s/team/stack:1" }\n  b: { build: ., tty: true }\n' "$registry_port" >pin.yaml
	pinned="127.0.0.1:$registry_port/team/stack:1@sha256:$(sha256sum manifest.json | cut -d' ' -f1)"
	ok c -f pin.yaml config --resolve-image-digests --format json
	is "$(jq -r '.services.a.image, .services.b.tty' <<<"$out")" "$pinned"$'\n'true
	ok c -f pin.yaml config --lock-image-digests
	is "$out" "services:"$'\n'"  a:"$'\n'"    image: $pinned"
	c -f pin.yaml config --lock-image-digests >lock.yaml
	is "$(c -f pin.yaml -f lock.yaml config --images | sort | head -n 1)" "$pinned"
	sed -i s/:1/:none/ pin.yaml
	fails 1 c -f pin.yaml config --lock-image-digests
	has "$err" "pin the image of the service a"
	has "$err" "pin.yaml:2:"

	local name key file before
	before=$(find "$T" -path "$COMPOSE_ROOT" -prune -o -path "$T/registry" -prune -o -name manifest.json -prune -o -path "$T/out" -prune \
		-o -print | sort | sha256sum)
	for name in ../../../x.env /tmp/x.env a/b.env .. . 'a\b' '' -rf "$(printf 'x%.0s' {1..300})" 'a b'; do
		for key in envfile file; do
			file=$(layer v.env $env '{}')
			[ $key = file ] && file=$(layer base.yaml $yaml '{"com.docker.compose.extends":"true"}')
			file=$(jq -c --arg k "com.docker.compose.$key" --arg n "$name" '.annotations[$k] = $n' <<<"$file")
			put_artefact evil "$one" "$file"
			run c -f "oci://127.0.0.1:$registry_port/team/stack:evil" config -q
			is "$rc" 3
			has "$err" "none of its own"
		done
	done
	put_artefact twice "$one" "$vars" "$vars"
	fails 3 c -f "oci://127.0.0.1:$registry_port/team/stack:twice" config -q
	has "$err" "two layers are named v.env"
	put_artefact empty "$vars"
	fails 3 c -f "oci://127.0.0.1:$registry_port/team/stack:empty" config -q
	sed -i s/vnd.docker.compose.project/vnd.other/ manifest.json
	curl -sSf -o /dev/null -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @manifest.json \
		"http://127.0.0.1:$registry_port/v2/team/stack/manifests/other"
	fails 3 c -f "oci://127.0.0.1:$registry_port/team/stack:other" config -q
	has "$err" "no compose project"
	is "$(find "$T" -path "$COMPOSE_ROOT" -prune -o -path "$T/registry" -prune -o -name manifest.json -prune -o -path "$T/out" -prune \
		-o -print | sort | sha256sum)" "$before"
	is "$(find "$COMPOSE_ROOT/remote" -name 'tmp-*')" ""

	rm -rf "$COMPOSE_ROOT/remote"
	mkdir "$T/victim"
	ln -s "$T/victim" "$COMPOSE_ROOT/remote"
	run c -f "oci://127.0.0.1:$registry_port/team/stack:1" config -q
	is "$rc" 1
	is "$(ls -A "$T/victim")" ""
	rm "$COMPOSE_ROOT/remote"
	kill "$registry"
	wait "$registry" || true
}

build_from_git() {
	start_git
	cd "$T/git/team/app"
	mkdir -p img/sub hostile
	printf 'FROM busybox\nCOPY . /all/\nCOPY --from=more sub/data /more\n' >img/Dockerfile
	printf 'FROM busybox\nRUN touch /from-other\n' >img/sub/Other
	echo one >img/sub/data
	echo left >img/left-out
	echo left-out >img/.dockerignore
	ln -s /etc/hostname hostile/Dockerfile
	ln -s /etc hostile/up
	printf 'FROM busybox\nCOPY up/hostname /x\n' >hostile/Copies
	G add -A
	G commit -qm img
	cd "$T"
	project gitb <<-E
		services:
		  web: { build: { context: "$app#main:img", additional_contexts: { more: "$app#main:img" } } }
		  other: { build: { context: "$app#main:img", dockerfile: sub/Other } }
		  linked: { build: "$app#main:etc" }
		  dockerfile: { build: "$app#main:hostile" }
		  copies: { build: { context: "$app#main:hostile", dockerfile: Copies } }
		  absolute: { build: { context: "$app#main:hostile", dockerfile: /etc/hostname } }
		  none: { build: "$app#no-such-branch" }
		  web-page: { build: "https://127.0.0.1:1/context.tar.gz" }
	E
	ok c build web other
	is "$(c run --rm -T web sh -c 'cat /all/sub/data /more; cd /all; ls -A; stat -c %u /all/sub/data' | xargs)" "one one .dockerignore Dockerfile sub 0"
	ok c run --rm -T other test -e /from-other
	(cd "$T/git/team/app" && echo two >img/sub/data && G commit -qam two)
	ok c build web
	is "$(c run --rm -T web cat /all/sub/data /more | xargs)" "two two"
	fails 3 c build linked
	has "$err" "symbolic link"
	has "$err" "compose.yaml:4"
	for s in dockerfile absolute; do
		fails 3 c build $s
		has "$err" "does not exist"
		has "$err" "#main:hostile"
	done
	run c build copies
	[ "$rc" != 0 ] || flunk "a link led out of the repository"
	has "$err" "not found"
	fails 1 c build none
	has "$err" "no-such-branch"
	run c build web-page
	[ "$rc" != 0 ]
	has "$err" "no git repository"
	ok c down --rmi local
	rm -rf "$COMPOSE_ROOT/remote"
	stop_git
}

t "files of a git repository: -f, include, extends, tags, commits, cached" use_git
t "build contexts in a git repository; links lead nowhere outside it" build_from_git
t "a hostile repository leads nowhere outside its checkout" hostile_git
t "neither hooks nor filters run, and no GIT_ variable redirects" no_hooks_no_filters
t "no local protocol, no password in any message" no_local_no_secrets
limit=120 t "files of an OCI artefact, and names that leave its directory" use_oci
done_testing

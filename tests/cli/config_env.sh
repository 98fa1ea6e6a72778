#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# COMPOSE_ variables: honoured, from the environment and from .env, or a warning; warnings once; --strict; no colours.
IMAGES=
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

image() { c "$@" config --format json | jq -r '.services.a.image'; }

files() {
	project files <<-'E'
		services: { a: { image: one } }
	E
	echo 'services: { a: { image: two } }' >two.yaml
	echo 'services: { a: { image: "$X" } }' >var.yaml
	is "$(COMPOSE_FILE=compose.yaml:two.yaml image)" two
	is "$(COMPOSE_FILE=two.yaml,compose.yaml COMPOSE_PATH_SEPARATOR=, image)" one
	is "$(COMPOSE_FILE=two.yaml image -f compose.yaml)" one
	echo COMPOSE_FILE=two.yaml >.env
	is "$(image)" two
	is "$(COMPOSE_DISABLE_ENV_FILE=1 image)" one
	echo X=env >e1
	echo X=more >e2
	is "$(COMPOSE_ENV_FILES=e1,e2 image -f var.yaml)" more
	is "$(COMPOSE_ENV_FILES=e1 image -f var.yaml --env-file e2)" more
	fails 2 env COMPOSE_DISABLE_ENV_FILE=maybe "$COMPOSE" config -q
	fails 3 env COMPOSE_ENV_FILES=none "$COMPOSE" config -q
	fails 3 env COMPOSE_FILE=none.yaml "$COMPOSE" config -q
	has "$err" COMPOSE_FILE
}
t "COMPOSE_FILE, _PATH_SEPARATOR, _ENV_FILES, _DISABLE_ENV_FILE" files

names() {
	project names <<-'E'
		services: { a: { image: a }, b: { image: b, profiles: [p] }, d: { image: d, profiles: [q] } }
	E
	is "$(COMPOSE_PROJECT_NAME=other c config | head -n 1)" "name: other"
	is "$(COMPOSE_PROJECT_NAME=other c -p third config | head -n 1)" "name: third"
	fails 2 env COMPOSE_PROJECT_NAME=Bad "$COMPOSE" config -q
	is "$(COMPOSE_PROFILES=p,q c config --services | tr '\n' ' ')" "a b d "
	is "$(COMPOSE_PROFILES=q c --profile p config --services | tr '\n' ' ')" "a b "
	is "$(COMPOSE_PROFILES='*' c config --services | tr '\n' ' ')" "a b d "
	printf 'COMPOSE_PROJECT_NAME=dotenv\nCOMPOSE_PROFILES=q\n' >.env
	is "$(c config | head -n 1)" "name: dotenv"
	is "$(c config --services | tr '\n' ' ')" "a d "
}
t "COMPOSE_PROJECT_NAME, COMPOSE_PROFILES" names

colours() {
	project colours <<-'E'
		services: { a: { imag: a } }
	E
	local esc=$'\e'

	fails 3 c config -q
	hasnt "$err" "$esc"
	fails 3 env COMPOSE_ANSI=always "$COMPOSE" config -q
	has "$err" "$esc"
	echo COMPOSE_ANSI=always >.env
	fails 3 c config -q
	has "$err" "$esc"
	fails 3 env COMPOSE_ANSI=never "$COMPOSE" config -q
	hasnt "$err" "$esc"
	fails 3 c --ansi never config -q
	hasnt "$err" "$esc"
	rm .env
	run script -qec "'$COMPOSE' config -q" /dev/null
	has "$out" "$esc"
	run env NO_COLOR=1 script -qec "'$COMPOSE' config -q" /dev/null
	hasnt "$out" "${esc}["
}
t "COMPOSE_ANSI, also from .env; NO_COLOR; no terminal, no colours" colours

no_effect() {
	project effect <<-'E'
		services: { a: { image: "x:${COMPOSE_MINE}${UNSET}${UNSET}" }, b: { image: "y:${UNSET}" } }
	E
	run env COMPOSE_MINE=1 COMPOSE_PROFILE=x COMPOSE_CONVERT_WINDOWS_PATHS=1 COMPOSE_COMPATIBILITY=1 COMPOSE_MENU=1 COMPOSE_FOO=1 \
		"$COMPOSE" config -q
	is "$rc" 0
	is "$(sort <<<"$err")" "$(sort <<-'E'
		warning: the variable COMPOSE_CONVERT_WINDOWS_PATHS has no effect here: paths are those of Linux
		warning: the variable COMPOSE_FOO has no effect here
		warning: the variable COMPOSE_PROFILE has no effect here; did you mean COMPOSE_PROFILES?
		warning: the variable UNSET is not set, an empty text is used in its place (compose.yaml:1:43)
	E
	)"
	run env COMPOSE_FOO=1 COMPOSE_MINE=1 UNSET= "$COMPOSE" --strict config -q
	is "$rc" 3
	has "$err" "COMPOSE_FOO has no effect"
	ok env COMPOSE_MINE=1 UNSET= "$COMPOSE" --strict config -q
	is "$err" ""
	fails 3 env COMPOSE_MINE=1 "$COMPOSE" --strict config
	is "$(grep -c "UNSET is not set" <<<"$err")" 1
	is "$out" ""
}
t "a variable without effect is told, each warning once; --strict" no_effect

# A value that means nothing is not taken for one that does.
nonsense() {
	project nonsense <<<'services: { a: { image: a } }'
	for v in COMPOSE_REMOVE_ORPHANS COMPOSE_IGNORE_ORPHANS COMPOSE_MENU COMPOSE_STATUS_STDOUT COMPOSE_COMPATIBILITY; do
		fails 2 env $v=maybe "$COMPOSE" config -q
		has "$err" "$v is neither true nor false: maybe"
		ok env $v=False "$COMPOSE" config -q
		ok env $v= "$COMPOSE" config -q
	done
	fails 2 env COMPOSE_PROGRESS=fancy "$COMPOSE" config -q
	has "$err" 'COMPOSE_PROGRESS: "fancy" is not known here'
	fails 2 env COMPOSE_ANSI=fancy "$COMPOSE" config -q
	fails 2 env COMPOSE_PARALLEL_LIMIT=few "$COMPOSE" config -q
	has "$err" "is not a number"
	ok env BUILDKIT_PROGRESS=rawjson "$COMPOSE" config -q # another program's words
	ok env BUILDKIT_PROGRESS=fancy "$COMPOSE" config -q
	echo COMPOSE_ANSI=fancy >.env
	fails 2 c config -q
}
t "variables with values that mean nothing" nonsense

# What would lead elsewhere with docker does not here, and that is said.
elsewhere() {
	project elsewhere <<<'services: { a: { image: a } }'
	for v in DOCKER_HOST=ssh://other DOCKER_CONTEXT=other BUILDX_BUILDER=other; do
		ok env "$v" "$COMPOSE" config -q
		has "$err" "the variable ${v%%=*} has no effect here: "
	done
	ok env DOCKER_HOST=unix:///run/docker.sock DOCKER_CONTEXT=default BUILDX_BUILDER= "$COMPOSE" config -q
	is "$err" ""
}
t "DOCKER_HOST, DOCKER_CONTEXT, BUILDX_BUILDER" elsewhere

compatible() {
	project compatible <<<'services: { a: { build: . } }'
	is "$(c config --images)" compatible-a
	is "$(COMPOSE_COMPATIBILITY=1 c config --images)" compatible_a
	echo COMPOSE_COMPATIBILITY=t >.env
	is "$(c config --images)" compatible_a
}
t "COMPOSE_COMPATIBILITY, also from .env" compatible

orphans() {
	project orphans <<-'E'
		services: { a: { image: a } }
	E
	fails 2 env COMPOSE_IGNORE_ORPHANS=1 "$COMPOSE" --dry-run up -d --remove-orphans
	has "$err" "cannot combine COMPOSE_IGNORE_ORPHANS and --remove-orphans"
	echo COMPOSE_REMOVE_ORPHANS=true >.env
	fails 2 env COMPOSE_IGNORE_ORPHANS=1 "$COMPOSE" --dry-run up -d
	has "$err" "cannot combine"
}
t "COMPOSE_IGNORE_ORPHANS, COMPOSE_REMOVE_ORPHANS" orphans
done_testing

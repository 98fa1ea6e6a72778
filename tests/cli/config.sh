#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# config: what it prints, where, and how mistakes in the files end.
IMAGES=
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

two() {
	project "${1:-two}" <<-'E'
		services:
		  web: { image: "web:${TAG:-1}", depends_on: [db], profiles: [front] }
		  db: { image: db, volumes: ["data:/d"], networks: [back] }
		networks: { back: {} }
		volumes: { data: {} }
	E
}

printed() {
	two
	ok c config
	is "$err" ""
	is "$(head -n 1 <<<"$out")" "name: two"
	hasnt "$out" "web:"
	ok c --profile front config
	has "$out" "image: web:1"
	ok c --profile front config --format json
	is "$(jq -r '.services.web.image' <<<"$out")" web:1
	is "$(jq -r '.services.db.volumes[0].source' <<<"$out")" data
	# what is printed reads back to the same
	c --profile front config >"$T/once.yaml"
	ok c --profile front -f "$T/once.yaml" config
	is "$out" "$(cat "$T/once.yaml")"
}
t "the canonical form, as YAML and JSON" printed

parts() {
	two
	ok c config -q
	is "$out$err" ""
	ok c --profile '*' config --services
	is "$out" "db"$'\n'"web"
	ok c config --images
	is "$out" db
	ok c config --volumes
	is "$out" data
	ok c config --networks
	is "$out" back
	ok c config --profiles
	is "$out" front
	ok c config --hash '*'
	matches "$out" '^db [0-9a-f]{64}$'
	first=$out
	ok c config --hash db
	is "$out" "$first"
	sed -i 's/image: db/image: db2/' compose.yaml
	ok c config --hash db
	[ "$out" != "$first" ] || flunk "another image, the same hash"
	ok c config -o out.yaml
	is "$out" ""
	has "$(cat out.yaml)" "image: db2"
}
t "single parts" parts

environment() {
	two
	TAG=env ok c --profile front config --images
	has "$out" web:env
	echo TAG=dotenv >.env
	ok c --profile front config --images
	has "$out" web:dotenv
	TAG=env ok c --profile front config --images
	has "$out" web:env
	echo TAG=other >other.env
	ok c --env-file other.env --profile front config --images
	has "$out" web:other
	fails 3 c --env-file nosuch.env config
	has "$err" nosuch.env
	COMPOSE_PROFILES=front ok c config --services
	has "$out" web
	COMPOSE_PROJECT_NAME=renamed ok c config
	is "$(head -n 1 <<<"$out")" "name: renamed"
	ok c -p given config
	is "$(head -n 1 <<<"$out")" "name: given"
	ok c --profile front config --no-interpolate
	has "$out" '${TAG:-1}'
}
t "variables, .env, --env-file, -p" environment

files() {
	two base
	printf 'services: { db: { image: "db:override" }, extra: { image: extra } }\n' >compose.override.yaml
	ok c config --images
	is "$(sort <<<"$out")" "db:override"$'\n'"extra"
	ok c -f compose.yaml config --images
	is "$out" db
	ok c -f compose.yaml -f compose.override.yaml config --services
	has "$out" extra
	COMPOSE_FILE=compose.yaml ok c config --images
	is "$out" db
	c -f - config --images <compose.override.yaml >"$T/got"
	is "$(sort "$T/got")" "db:override"$'\n'"extra"
	mkdir -p sub/dir
	cd sub/dir
	ok c config
	is "$(head -n 1 <<<"$out")" "name: base"
	ok c --project-directory "$W/two" -f ../../compose.yaml config
	is "$(head -n 1 <<<"$out")" "name: two"
}
t "which files are read" files

# wrong YAML-TEXT POSITION PART: config, up and ps end with status 3, on standard error, with the position
wrong() {
	project wrong <<<"$1"
	for cmd in "config -q" "up -d" ps; do
		# shellcheck disable=SC2086
		fails 3 c $cmd
		is "$out" ""
		has "$err" "compose.yaml:$2"
		has "$err" "$3"
	done
}

mistakes() {
	wrong $'services:\n  web:\n    imgae: x' 3:5 "imgae"
	has "$err" "image"
	wrong $'services:\n  web:\n    image: x\n    ports: 80' 4:12 "ports"
	wrong $'services:\n  web:\n\timage: x' 3:1 "tab"
	wrong $'services:\n  web: { image: x' 2:8 ""
	wrong $'services:\n  web: { image: x, depends_on: [api] }\n  api: { image: x, depends_on: [web] }' "" "web -> api -> web"
	wrong $'services:\n  web: { image: x, depends_on: [db] }' 2: "db"
	wrong $'services:\n  web: { image: x, networks: [none-such] }' 2: "none-such"
	wrong $'services:\n  web: { image: x, volumes: ["none-such:/x"] }' 2: "none-such"
	wrong $'services:\n  web: { image: "${UNCLOSED" }' 2: ""
	wrong $'services:\n  web: { image: "${MUST:?say what}" }' 2: "say what"
	wrong $'services:\n  web: {}' 2: "image"
	wrong $'services: []' 1: "services"
}
t "mistakes: status 3, with their place" mistakes

several() {
	project several <<-'E'
		services:
		  web:
		    image: x
		    nokey: 1
		    ports: ["80:99999"]
		  db:
		    image: y
		    mem_limit: much
	E
	fails 3 c config
	has "$err" compose.yaml:4
	has "$err" compose.yaml:5
	has "$err" compose.yaml:8
}
t "every mistake of a file at once" several

# A key that is valid but not carried out is told by `up`, never passed over.
unsupported() {
	project later <<-'E'
		services:
		  web:
		    image: x
		    use_api_socket: true
		    restart: sometimes
	E
	ok c config -q
	fails 3 c up -d
	has "$err" compose.yaml:4
	has "$err" "not supported yet"
	has "$err" compose.yaml:5
	has "$err" '"sometimes" is no restart policy'
}
t "keys that are not carried out yet" unsupported
done_testing

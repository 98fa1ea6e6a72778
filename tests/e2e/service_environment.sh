#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The environment of a service, and the words that are stuck on it: labels and annotations.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root
export FROM_HOST=host BARE='bare value' FILES=interpolated

said() { c logs --no-color --no-log-prefix "$1"; }
# of SERVICE NAME: its value, or nothing
of() { said "$1" | sed -n "s/^$2=//p"; }

variables() {
	project env <<-'E'
		services:
		  map:
		    image: local/env
		    build: { dockerfile_inline: "FROM busybox\nENV IMAGE=from-image BOTH=from-image PATH=/image:/bin\nCMD env" }
		    environment: { BOTH: service, BARE: null, UNSET: null, EMPTY: "", NUMBER: 1.50, FLAG: true, SPACES: " a  b ", VALUE: "$FROM_HOST $$HOME" }
		  list:
		    image: local/env
		    environment: [BOTH=list, BARE, UNSET, EMPTY=, "EQUALS=a=b", "TWICE=1", "TWICE=2"]
		  files:
		    image: local/env
		    env_file: [one.env, { path: two.env }, { path: gone.env, required: false }, { path: raw.env, format: raw }]
		    environment: { OVER: service }
		  file: { image: local/env, env_file: one.env }
		  gone: { image: local/env, env_file: [{ path: gone.env, required: true }] }
		  user: { image: busybox, user: app, command: env }
	E
	cat >one.env <<-'E'
		# a remark
		ONE=1
		BOTH=file
		OVER=file
		LATER=one
		export QUOTED="a b" # behind
		SINGLE='$FILES'
		EXPANDED=$FILES-${ONE}
	E
	printf 'LATER=two\n' >two.env
	printf 'RAW="$FILES" # as it is\n' >raw.env
	fails 3 c up -d
	has "$err" "gone.env"
	has "$err" "compose.yaml:14:48"
	sed -i '/^  gone:/d' compose.yaml
	ok c up -d
	ok c wait map list files file user
}
t "up" variables

environment() {
	cd "$W/env"
	is "$(of map IMAGE)/$(of map BOTH)/$(of map PATH)" "from-image/service//image:/bin"
	is "$(of map BARE)/$(of map NUMBER)/$(of map FLAG)/$(of map SPACES)/$(of map VALUE)" 'bare value/1.5/true/ a  b /host $HOME'
	is "$(said map | grep -c '^EMPTY=$')" 1
	is "$(said map | grep -c '^UNSET')" 0
	is "$(of list BOTH)/$(of list BARE)/$(of list EQUALS)/$(of list TWICE)" "list/bare value/a=b/2"
	is "$(said list | grep -c '^EMPTY=$')" 1
	is "$(said list | grep -c '^UNSET')" 0
	is "$(of user HOME)" /home/app
	is "$(of user HOSTNAME)" "$(c ps -aq user | cut -c 1-12)"
	is "$(said user | grep -c FROM_HOST)" 0
}
# observes: environment
t "environment: over the image's, from the shell, empty, none" environment

files() {
	cd "$W/env"
	is "$(of files ONE)/$(of files BOTH)/$(of files OVER)/$(of files LATER)" 1/file/service/two
	is "$(of files QUOTED)/$(of files SINGLE)/$(of files EXPANDED)" 'a b/$FILES/interpolated-1'
	is "$(of files RAW)" '"$FILES" # as it is'
	is "$(of file ONE)/$(of file LATER)/$(of file RAW)" 1/one/
	ok c down -t 0
}
# observes: env_file env_file[].path env_file[].required env_file[].format
t "env_file: order, quotes, raw, one that is not there" files

words() {
	local labels bundle

	project words <<-'E'
		services:
		  a:
		    image: local/labelled
		    build: { dockerfile_inline: "FROM busybox\nLABEL from.image=1 both=image" }
		    command: sleep 1000
		    label_file: [one.labels, two.labels]
		    labels: { both: service, com.example.a: "x y", empty: null, com.docker.compose.service: mine }
		    annotations: { org.example.note: "a note", plain: null }
		  list:
		    image: busybox
		    command: sleep 1000
		    label_file: one.labels
		    labels: ["k=v=w", bare]
		    annotations: ["k=v=w"]
	E
	printf 'both=file\nfile=one\nover=one\n' >one.labels
	printf 'over=two\n' >two.labels
	ok c up -d
	labels=$(field a .Labels | tr ',' '\n')
	for l in from.image=1 both=service "com.example.a=x y" empty= file=one over=two com.docker.compose.service=a com.docker.compose.project=words \
		com.docker.compose.oneoff=False com.docker.compose.container-number=1; do
		grep -qxF "$l" <<<"$labels" || flunk "no $l in" "$labels"
	done
	labels=$(field list .Labels | tr ',' '\n')
	for l in k=v=w bare= file=one both=file; do grep -qxF "$l" <<<"$labels" || flunk "no $l in" "$labels"; done
	bundle=$COMPOSE_ROOT/projects/words/$(c ps -q --no-trunc a)/config.json
	is "$(jq -r '.annotations["org.example.note"], .annotations.plain' "$bundle" | xargs)" "a note"
	bundle=$COMPOSE_ROOT/projects/words/$(c ps -q --no-trunc list)/config.json
	is "$(jq -r .annotations.k "$bundle")" v=w
	ok c down -t 0
}
# observes: labels label_file annotations
t "labels, label files, annotations" words
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# completion.sh - completion scripts, global options, old names of commands.
IMAGES=""
. "$(dirname "$0")/../lib.sh"

# What bash would offer for a line; the last word is the one being typed.
complete_bash() {
	bash -c '
		source <("$COMPOSE" completion bash)
		compopt() { :; }
		COMP_WORDS=("$COMPOSE" "$@") COMP_CWORD=$#
		_compose
		printf "%s\n" "${COMPREPLY[@]}"' - "$@" | tr '\n' ' '
}

bash_script() {
	project p <<-'E'
		services: { web: { image: x }, worker: { image: x }, db: { image: x } }
	E
	has " $(complete_bash '') " " up "
	is "$(complete_bash vol)" "volumes "
	is "$(complete_bash up --det)" "--detach "
	is "$(complete_bash up w)" "web worker "
	is "$(complete_bash -f compose.yaml logs d)" "db "
	is "$(complete_bash --progress pl)" "plain "
	is "$(complete_bash ps --format '')" " "
	is "$(complete_bash down --rmi a)" "all "
	is "$(complete_bash config -o comp)" "compose.yaml "
	is "$(complete_bash run --no-TT)" " "
}

# Every option that --help shows is in every script.
all_options() {
	local cmd o n=0

	for shell in bash zsh fish; do
		c completion $shell >"$T/out/$shell"
	done
	bash -n "$T/out/bash"
	command -v zsh >/dev/null && zsh -n "$T/out/zsh"
	command -v fish >/dev/null && fish -n "$T/out/fish"
	for cmd in $(c --help | awk '/^Commands/ { on = 1; next } /^$/ { on = 0 } on { print $1 }'); do
		[ "$cmd" = oci ] && continue
		for o in $(c "$cmd" --help | grep -oE '^  (-., |    )--[a-z-]+' | grep -oE '[a-z-]{2,}$' | sed 's/^--//'); do
			n=$((n + 1))
			grep -qE "^	$cmd\) flags='([^']* )?--$o[ ']" "$T/out/bash" || flunk "bash: $cmd --$o"
			grep -qE "^		$cmd\) .*--$o\[" "$T/out/zsh" || flunk "zsh: $cmd --$o"
			grep -qE "seen_subcommand_from $cmd' -l $o " "$T/out/fish" || flunk "fish: $cmd --$o"
		done
	done
	[ $n -gt 100 ]
	fails 2 c completion tcsh
	has "$err" "bash, zsh and fish"
}

globals() {
	project g <<-'E'
		services: { a: { build: . } }
		volumes: { unused: {} }
	E
	ok c config --volumes
	ok c --all-resources config
	has "$out" unused
	ok c config
	hasnt "$out" unused
	ok c --compatibility config --images
	is "$out" g_a
	COMPOSE_COMPATIBILITY=1 ok c config --images
	is "$out" g_a
	ok c config --images
	is "$out" g-a
	ok c --no-ansi --verbose config -q
	ok c --workdir "$W/g" config -q
	fails 2 c --insecure-registry example.org config
	has "$err" "over TLS"
	fails 3 c --env-file none.env config
	ok c -v
	matches "$out" 'v[0-9]'
}

old_names() {
	cd g
	ok c alpha viz --format dot
	has "$out" digraph
	ok c convert -q
	fails 2 c alpha generate
	has "$err" "not carried out"
	fails 2 c bridge convert
	has "$err" Kubernetes
	fails 2 c alpha nonsense
	fails 2 c alpha
}

t "bash completes commands, options, words and services" bash_script
t "every option is in every script" all_options
t "global options" globals
t "old names" old_names
done_testing

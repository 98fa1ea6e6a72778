#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What --help lists is what the command line takes, and the other way round.
IMAGES=
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# Options that people know from docker compose: COMMAND OPTION...
known() {
	cat <<-'E'
		global --env-file --file -f --profile --project-name -p --project-directory --progress --ansi --parallel --dry-run
		build --build-arg --no-cache --pull --quiet -q
		config --format --images --quiet -q --services --volumes --networks --profiles --hash --no-interpolate --output -o
		create --build --force-recreate --no-recreate --pull --scale
		down --remove-orphans --rmi --timeout -t --volumes -v
		exec --env -e --index --no-tty -T --user -u --workdir -w --detach -d --privileged
		images --format --quiet -q
		kill --signal -s --remove-orphans
		logs --follow -f --no-color --no-log-prefix --since --until --tail -n --timestamps -t --index
		ls --all -a --format --quiet -q
		port --index --protocol
		ps --all -a --format --quiet -q --services --status --filter
		pull --quiet -q
		restart --timeout -t --no-deps
		rm --force -f --stop -s --volumes -v
		run --build --detach -d --entrypoint --env -e --no-deps --no-tty -T --publish -p --rm --service-ports -P --user -u
		run --volume -v --workdir -w --name --label -l --use-aliases
		scale --no-deps
		stop --timeout -t
		up --abort-on-container-exit --build --detach -d --exit-code-from --force-recreate --no-recreate --no-deps --pull
		up --quiet-pull --remove-orphans --scale --timeout -t --wait --wait-timeout --no-build --no-start --renew-anon-volumes -V
		version --short --format -f
	E
}

commands() { c --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)  *.*/\1/p' | grep -vx oci; }
help_of() { if [ "$1" = global ]; then c --help; else c "$1" --help; fi; }
# Long names, and short ones, that a help text lists.
long_options() { sed -n '/^Options:/,$s/^  \(-.,\|   \) \(--[a-z-]*\).*/\2/p'; }
short_options() { sed -n '/^Options:/,$s/^  \(-.\), --.*/\1/p'; }
# The metavariable behind --name, if it has one.
value_of() { sed -n "s/^  ..\(,\| \) $1 \([^ ][^ ]*\)\( .*\|\)$/\2/p"; }

overview() {
	ok c --help
	is "$err" ""
	has "$out" "Usage: compose [OPTION...] COMMAND"
	[ "$(commands | wc -l)" -ge 25 ] || flunk "only $(commands | wc -l) commands"
	is "$(commands | sort)" "$(commands)"
	all=$out
	ok c
	is "$out" "$all"
	ok c help
	is "$out" "$all"
	ok c -h
	is "$out" "$all"
}
t "compose, compose --help, -h and help print the overview on standard output" overview

one_command() {
	ok c "$1" --help
	is "$err" ""
	matches "$out" "^Usage: compose $1( |$)"
	text=$out
	ok c "$1" -h
	is "$out" "$text"
	ok c help "$1"
	is "$out" "$text"
	is "$(long_options <<<"$text" | sort | uniq -d)" ""
	is "$(short_options <<<"$text" | sort | uniq -d)" ""
	hasnt "$text" "(null)"
}

# The first unknown option is the one complained of: what stands before it was taken.
taken() { # COMMAND OPTION [VALUE]
	local cmd=() command=$1
	[ "$command" = global ] || cmd=("$command")
	shift
	fails 2 c "${cmd[@]}" "$@" --no-such-option-at-all
	has "$err" "unknown option --no-such-option-at-all"
	is "$out" ""
}

value_for() { # METAVARIABLE LINE
	case $1 in
	WORD) sed 's/.*(\([a-z0-9.-]*\).*/\1/;t;s/.*/running/' <<<"$2" ;;
	SECONDS | N) echo 1 ;;
	status=WORD) echo status=running ;;
	name=TEXT) echo name=x ;;
	*) echo x ;;
	esac
}

every_listed_option_is_taken() {
	local text line opt meta

	text=$(help_of "$1")
	while read -r opt; do
		line=$(grep -e "  $opt\( \|\$\)" -e ", $opt\( \|\$\)" <<<"$text" | grep '^  ' | head -n 1)
		meta=$(value_of "$opt" <<<"$text")
		if [ -n "$meta" ]; then
			taken "$1" "$opt" "$(value_for "$meta" "$line")"
			taken "$1" "$opt=$(value_for "$meta" "$line")"
			# shellcheck disable=SC2086
			fails 2 c ${1/global/} "$opt"
			has "$err" "$opt needs"
		else
			taken "$1" "$opt"
			taken "$1" "$opt=false"
			# shellcheck disable=SC2086
			fails 2 c ${1/global/} "$opt=perhaps"
			has "$err" "neither true nor false"
		fi
	done < <(long_options <<<"$text")
}

every_known_option_is_listed() {
	local text opt

	text=$(help_of "$1")
	for opt in $(known | awk -v c="$1" '$1 == c { $1 = ""; print }'); do
		{ long_options <<<"$text"; short_options <<<"$text"; } | grep -qxe "$opt" || flunk "$1 does not list $opt"
	done
}

for cmd in $(commands); do
	t "$cmd: help" one_command "$cmd"
	t "$cmd: every option of the help is taken" every_listed_option_is_taken "$cmd"
done
t "every global option of the help is taken" every_listed_option_is_taken global
for cmd in $(known | awk '{ print $1 }' | uniq); do
	t "$cmd: the well-known options are there" every_known_option_is_listed "$cmd"
done

# The source's own table, so that no row is hidden by mistake.
nothing_is_hidden() {
	local cmd n

	for cmd in up down ps logs stop; do
		for n in $(sed -n "/^static const struct opt ${cmd}_opts/,/^};/{/OPT_HIDDEN/d;s/.*OPT_[A-Z]*('\?.'\?, \"\([a-z-]*\)\".*/\1/p}" "$TOP/compose/cmd/$cmd.c"); do
			c "$cmd" --help | long_options | grep -qxe "--$n" || flunk "$cmd --help lacks --$n"
		done
	done
}
t "every row of a table is in the help" nothing_is_hidden
done_testing

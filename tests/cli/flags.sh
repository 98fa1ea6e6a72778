#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# flags.sh - every command and option of docker compose is taken here, or refused with a reason.
# The table is docker compose's own reference (v5): a command, then its options with a value where they need one. "!" in front:
# refused. A command or option that is missing from a table row is one that nobody has looked at.
IMAGES=
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

commands='attach build commit config convert cp create down events exec export images kill logs ls pause port ps publish pull push
	restart rm run scale start stats stop top unpause up version volumes wait watch'
refused='alpha.generate bridge bridge.convert bridge.transformations bridge.transformations.create bridge.transformations.list'

table() {
	cat <<-'E'
		global: --all-resources --ansi=never --compatibility --dry-run --env-file=x --file=x -f=x --insecure-registry=x
		global: --no-ansi --parallel=1 --profile=x --progress=plain --project-directory=x --project-name=x -p=x --verbose
		global: --version -v --workdir=x
		alpha publish: --app !--insecure-registry --oci-version=1.0 --resolve-image-digests --with-env --yes -y
		alpha scale: --no-deps
		alpha viz: --image --indentation-size=1 --networks --ports --spaces
		alpha watch: --no-up --quiet
		attach: --detach-keys=x --index=1 --no-stdin --sig-proxy
		build: --build-arg=x !--builder=x --check --compress --force-rm !--memory=1m !-m=1m --no-cache --no-rm --parallel
		build: --print --progress=plain !--provenance=x --pull --push --quiet -q !--sbom=x --ssh=x --with-dependencies
		commit: --author=x -a=x --change=x -c=x --index=1 --message=x -m=x --pause -p
		config: --environment --format=json --hash=x --images --lock-image-digests --models --networks --no-consistency
		config: --no-env-resolution --no-interpolate --no-normalize --no-path-resolution --output=x -o=x --profiles --quiet -q
		config: --resolve-image-digests --services --variables --volumes
		convert: --format=json --hash=x --images --no-consistency --no-interpolate --no-normalize --output=x -o=x --profiles
		convert: --quiet -q --resolve-image-digests --services --volumes
		cp: --all --archive -a --follow-link -L --index=1
		create: --build --force-recreate --no-build --no-recreate --pull=always --quiet-pull --remove-orphans --scale=x --yes -y
		down: --remove-orphans --rmi=all --timeout=1 -t=1 --volumes -v
		events: --json --since=x --until=x
		exec: --detach -d --env=x -e=x --index=1 --interactive -i --no-tty -T --privileged --tty -t --user=x -u=x --workdir=x
		exec: -w=x
		export: --index=1 --output=x -o=x
		images: --format=json --quiet -q
		kill: --remove-orphans --signal=x -s=x
		logs: --follow -f --index=1 --no-color --no-log-prefix --since=x --tail=x -n=x --timestamps -t --until=x
		ls: --all -a --filter=name=x --format=json --quiet -q
		port: --index=1 --protocol=udp
		ps: --all -a --filter=x --format=x --no-trunc --orphans --quiet -q --services --status=x
		publish: --app !--insecure-registry --oci-version=1.0 --resolve-image-digests --with-env --yes -y
		pull: --ignore-buildable --ignore-pull-failures --include-deps --no-parallel --parallel --policy=missing --quiet -q
		push: --ignore-push-failures --include-deps --quiet -q
		restart: --no-deps --timeout=1 -t=1
		rm: --all -a --force -f --stop -s --volumes -v
		run: --build --cap-add=x --cap-drop=x --detach -d --entrypoint=x --env=x -e=x --env-from-file=x --interactive -i
		run: --label=x -l=x --name=x --no-deps --no-tty -T --publish=x -p=x --pull=always --quiet -q --quiet-build --quiet-pull
		run: --remove-orphans --rm --service-ports -P --tty -t --use-aliases --user=x -u=x --volume=x -v=x --workdir=x -w=x
		scale: --no-deps
		start: --wait --wait-timeout=1
		stats: --all -a --format=x --no-stream --no-trunc
		stop: --timeout=1 -t=1
		up: --abort-on-container-exit --abort-on-container-failure --always-recreate-deps --attach=x --attach-dependencies
		up: --build --detach -d --exit-code-from=x --force-recreate --menu --no-attach=x --no-build --no-color --no-deps
		up: --no-log-prefix --no-recreate --no-start --pull=always --quiet-build --quiet-pull --remove-orphans
		up: --renew-anon-volumes -V --scale=x --timeout=1 -t=1 --timestamps --wait --wait-timeout=1 --watch -w --yes -y
		version: --format=json -f=json --short
		volumes: --format=x --quiet -q
		wait: --down-project
		watch: --no-up --prune --quiet
	E
}
# Spellings that docker compose takes beside its reference.
tolerated() {
	cat <<-'E'
		exec: --no-TTY
		run: --no-TTY --volumes=v:/v --labels=a=b
		down: --volume
		up: -y
	E
}

a_project() {
	project flags <<-'E'
		services:
		  web: { image: "busybox:latest" }
	E
}

known_commands() {
	a_project
	for cmd in $commands; do
		ok c "$cmd" --help
		matches "$out" "^Usage: compose "
		[ "$cmd" = convert ] || has "$(c --help)" " $cmd "
	done
	for cmd in $refused; do
		# shellcheck disable=SC2086 # words
		fails 2 c ${cmd//./ }
		has "$err" "is not carried out: "
	done
	for cmd in viz watch scale publish; do
		ok c alpha $cmd --help
	done
	ok c alpha dry-run -- up --help
}
t "every command" known_commands

# one_command LINE: "command: option...", all options that are taken in one go, those that are refused one by one
one_command() {
	local cmd=${1%%:*} options=() o

	a_project
	[ "$cmd" = global ] && cmd=
	for o in ${1#*:}; do
		# -f=x would be the file "=x" to a short option of docker compose's: written apart
		case $o in
		!*)
			# shellcheck disable=SC2086
			fails 2 c $cmd "${o#!}"
			matches "$err" "is not possible here: [a-zA-Z]"
			;;
		--*) options+=("$o") ;;
		-*=*) options+=("${o%%=*}" "${o#*=}") ;;
		*) options+=("$o") ;;
		esac
	done
	# shellcheck disable=SC2086
	ok c $cmd "${options[@]}" --help
	matches "$out" "^Usage: compose "
}

both() { table; tolerated; }
while read -r line; do
	t "${line%%:*}: ${line#*: }" one_command "$line"
done < <(both)

# What is taken but has no effect has none in docker compose either; a false one asks for nothing.
vain() {
	a_project
	ok c config -q
	ok c build --provenance=false --sbom=false --check
	for o in --compress --force-rm --no-rm --parallel; do
		ok c build $o --check
	done
	for o in --parallel --no-parallel; do
		ok c --dry-run pull $o
	done
}
t "options without effect" vain

contradictions() {
	a_project
	for pair in "--build --no-build" "--force-recreate --no-recreate" "-V --no-recreate" "--always-recreate-deps --no-recreate" \
		"--abort-on-container-exit --abort-on-container-failure" "--attach=web --attach-dependencies" "-d --attach=web" \
		"-d --attach-dependencies" "-d --abort-on-container-failure" "--wait --abort-on-container-exit" "-d --watch" "--no-build -w" \
		"--wait --exit-code-from=web"; do
		# shellcheck disable=SC2086
		fails 2 c up $pair
		has "$err" "contradict each other"
	done
}
t "up: what does not go together" contradictions
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cmd_flags.sh - options that no other file is about: each is seen to do what its help says.
. "$(dirname "$0")/../lib.sh"
need root

# another installation, so that nothing is there but what the registry gives
other() { COMPOSE_ROOT=$T/other "$COMPOSE" "$@"; }
held() { other image ls | awk -v r="$reg" 'index($1, r) { sub(".*/", "", $1); print $1 }' | sort | tr '\n' ' '; }
forget() { other image rm -f "$@" >/dev/null; }

registry() {
	start_registry "$T/registry"
	reg=127.0.0.1:$registry_port
	project pulls <<-E
		services:
		  a: { image: $reg/a:1, build: { dockerfile_inline: "FROM busybox\nRUN echo one >/one" }, command: sleep 1000, init: true }
		  b: { image: $reg/b:1, build: { dockerfile_inline: "FROM busybox\nRUN echo b >/b" }, depends_on: [a], command: sleep 1000, init: true }
	E
	ok c build --push -q
	sed -E 's/build: \{[^}]*\}, //' compose.yaml >plain.yaml
	sed 's/b:1, build/b:1, depends_on: [a], build/; s/depends_on: \[a\], command/command/' compose.yaml >built.yaml
}

pushed() { get "http://$reg/v2/_catalog" | jq -r '.repositories | join(" ")'; }
pushes() {
	registry
	kill "$registry"
	wait "$registry" || true
	start_registry "$T/empty"
	sed -i "s/$reg/127.0.0.1:$registry_port/" compose.yaml
	reg=127.0.0.1:$registry_port
	ok c build -q
	ok c push -q b
	is "$err" ""
	is "$(pushed)" b
	ok c push --include-deps b
	is "$(pushed)" "a b"
	kill "$registry"
}
limit=300 t "push: --include-deps, --quiet" pushes

pulls() {
	registry
	ok other -f plain.yaml pull b
	is "$(held)" "b "
	ok other -f plain.yaml pull --include-deps b
	is "$(held)" "a b "
	# the same name for another image: only "always" asks
	local old
	old=$(other image inspect "$reg/a:1" | jq -r '.[0].Id')
	sed -i 's/echo one/echo two/' compose.yaml
	ok c build --push -q a
	ok other -f plain.yaml pull --policy missing
	is "$(other image inspect "$reg/a:1" | jq -r '.[0].Id')" "$old"
	ok other -f plain.yaml pull --policy always -q
	is "$err" ""
	[ "$(other image inspect "$reg/a:1" | jq -r '.[0].Id')" != "$old" ]
	forget "$reg/a:1" "$reg/b:1"
	ok other -f compose.yaml pull --ignore-buildable
	is "$(held)" ""
	ok other -f compose.yaml pull
	is "$(held)" "a b "
	sed -i 's/a:1/nosuch:1/' plain.yaml
	forget "$reg/b:1"
	fails 1 other -f plain.yaml pull
	ok other -f plain.yaml pull --ignore-pull-failures
	has "$err" "nosuch"
	is "$(held)" "a b "
	ok other --dry-run -f plain.yaml pull --parallel --no-parallel=false
	kill "$registry"
}
limit=300 t "pull: --include-deps, --policy, --quiet, --ignore-buildable, --ignore-pull-failures" pulls

# create, run and up get images by the same words
words() {
	registry
	local old
	ok other -f plain.yaml create --quiet-pull
	hasnt "$err" Pull
	is "$(held)" "a b "
	old=$(other image inspect "$reg/a:1" | jq -r '.[0].Id')
	sed -i 's/echo one/echo two/' compose.yaml
	ok c build --push -q a
	ok other -f plain.yaml create --pull missing
	is "$(other image inspect "$reg/a:1" | jq -r '.[0].Id')" "$old"
	ok other -f plain.yaml create --pull always
	has "$err" "Recreat"
	[ "$(other image inspect "$reg/a:1" | jq -r '.[0].Id')" != "$old" ]
	ok other -f plain.yaml down
	forget "$reg/a:1" "$reg/b:1"
	fails 1 other -f plain.yaml create --pull never
	fails 1 other -f plain.yaml run --rm --pull never a true
	ok other -f plain.yaml run --rm --quiet-pull a cat /one
	is "$out" two
	hasnt "$err" Pull
	ok other -f plain.yaml run --rm --pull always -q a cat /one
	is "$err" ""
	ok other -f plain.yaml down
	forget "$reg/a:1"
	ok other -f plain.yaml up -d --quiet-pull
	hasnt "$err" Pull
	ok other -f plain.yaml down -t 0
	kill "$registry"
	rm -rf "$T/other"
}
limit=300 t "create, run, up: --pull, --quiet-pull" words

builds() {
	project builds <<-'E'
		services:
		  app:
		    build: { dockerfile_inline: "FROM busybox\nARG A=none\nARG B=none\nRUN echo $$A $$B | tee /args", args: { A: file } }
		    command: sleep 1000
		    init: true
		    depends_on: [base]
		  base: { build: { dockerfile_inline: "FROM busybox\nRUN echo base >/base" }, command: sleep 1000, init: true }
	E
	fails 1 c create --no-build
	is "$(c ps -aq)" ""
	B=shell ok c build --build-arg A=flag --build-arg B app
	ok c run --rm --no-deps app cat /args
	is "$out" "flag shell"
	fails 1 c image inspect builds-base
	ok c build --with-dependencies app
	ok c image inspect builds-base
	ok c build --check
	sed -i 's/RUN echo base/RAN echo base/' compose.yaml
	fails 3 c build --check
	has "$err" RAN
	sed -i 's/RAN echo base/RUN echo other/' compose.yaml
	ok c build --print
	is "$(jq -r '.target.base["dockerfile-inline"]' <<<"$out")" $'FROM busybox\nRUN echo other >/base'
	is "$(jq -r '.target.app.args.A' <<<"$out")" file
	local id
	id=$(c image inspect builds-base | jq -r '.[0].Id')
	ok c create --no-build
	is "$(c image inspect builds-base | jq -r '.[0].Id')" "$id"
	ok c create --build
	[ "$(c image inspect builds-base | jq -r '.[0].Id')" != "$id" ]
	is "$(c images -q | sort -u | wc -l)" 2
	is "$(c images -q base)" "$(c image inspect builds-base | jq -r '.[0].Id')"
	sed -i 's/echo other/echo third/' compose.yaml
	ok c up -d --build --quiet-build
	hasnt "$err" "RUN echo"
	sed -i 's/echo third/echo fourth/' compose.yaml
	ok c run --rm --no-deps --build --quiet-build base cat /base
	is "$out" fourth
	hasnt "$err" "RUN echo"
	ok c down -t 0 --rmi local
}
limit=300 t "build: --build-arg, --with-dependencies, --check, --print; create --build, --no-build; --quiet-build" builds

creates() {
	project creates <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, init: true }
		  old: { image: busybox, command: sleep 1000, init: true }
	E
	ok c create --scale a=2 --scale old=1 -y
	is "$(c ps -a --format '{{.Name}}' | sort | tr '\n' ' ')" "creates-a-1 creates-a-2 creates-old-1 "
	local id
	id=$(c ps -aq a)
	printf 'services: { a: { image: busybox, command: sleep 2000, init: true, scale: 2 } }' >compose.yaml
	ok c create --no-recreate
	is "$(c ps -aq a)" "$id"
	has "$err" "creates-old-1"
	ok c create --remove-orphans
	is "$(c ps -a --format '{{.Service}}' | sort -u)" a
	[ "$(c ps -aq a)" != "$id" ]
	id=$(c ps -aq a)
	ok c create
	is "$(c ps -aq a)" "$id"
	ok c create --force-recreate
	[ "$(c ps -aq a)" != "$id" ]
	is "$(c ps -q)" ""
	ok c down
}
t "create: --scale, --no-recreate, --remove-orphans, --force-recreate" creates

runs() {
	project runs <<-'E'
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    init: true
		    networks: { default: { aliases: [nick] } }
		  c: { image: busybox, command: sleep 1000, init: true }
	E
	echo 'FROM_FILE=file
	BOTH=file' | tr -d '\t' >vars
	echo DOT=env >.env
	SHELL_VAR=shell ok c run --rm --env-from-file vars -e BOTH=flag -e SHELL_VAR -e DOT -e NOT_SET a env
	has "$out" FROM_FILE=file
	has "$out" BOTH=flag
	has "$out" SHELL_VAR=shell
	has "$out" DOT=env
	hasnt "$out" NOT_SET
	caps() { ok c run --rm "$@" a grep CapEff /proc/self/status; printf %s "$((0x${out##*$'\t'}))"; }
	is $(($(caps) & 1 << 12 | ($(caps) & 1))) 1                 # chown; not net_admin
	is $(($(caps --cap-add NET_ADMIN --cap-drop CHOWN) & (1 << 12 | 1))) $((1 << 12))
	ok c up -d c
	ok c run -d --name plain a
	fails 1 c exec -T c nslookup nick
	ok c run -d --name named --use-aliases a
	ok c exec -T c nslookup nick
	ok c run --rm -v "$PWD:/x:ro,z" -v /y a sh -c 'ls /x; touch /x/f 2>&1; ls -d /y'
	has "$out" compose.yaml
	has "$out" "Read-only"
	has "$out" /y
	fails 2 c run --rm -v "$PWD:/x:sideways" a true
	fails 2 c run --rm -v rel a true
	fails 2 c run --rm -e =x a true
	has "$err" 'there is no name in "=x"'
	fails 2 c run --rm -w rel a true
	fails 2 c run --rm --name 'bad name' a true
	fails 1 c run --rm --name named a true
	has "$err" "the name named is that of a container of service a"
	fails 2 c exec -T -e =x c true
	BARE=shell ok c exec -T -e BARE -e NOT_SET c env
	has "$out" BARE=shell
	hasnt "$out" NOT_SET
	fails 1 c exec -T -w /no/such c pwd
	fails 1 c exec -T c ls -d /no
	ok c run --rm -w /no/such a pwd
	is "$out" /no/such
	ok c down -t 0 --remove-orphans
}
t "run: --env-from-file, -e, --cap-add, --cap-drop, --use-aliases, -v" runs

replicas() {
	project replicas <<-'E'
		services:
		  a: { image: busybox, command: sh -c 'hostname >/name; sleep 1000', init: true, scale: 2 }
	E
	ok c up -d
	soon 10 c exec -T --index 2 a test -s /name
	local two
	two=$(c exec -T --index 2 a cat /name)
	is "$(c export --index 2 a | tar -xO name)" "$two"
	ok c commit --index 2 a replicas:two
	printf 'services: { a: { image: "replicas:two" } }' >other.yaml
	is "$(c -p second -f other.yaml run --rm a cat /name)" "$two"
	ok c -p second -f other.yaml down
	ok c run -d --name once a
	echo text >file
	ok c cp file a:/f
	ok c exec -T --index 1 a cat /f
	ok c exec -T --index 2 a cat /f
	ok c cp --all file a:/g
	ok c down -t 0 --remove-orphans
}
t "export, commit: --index; cp --all" replicas

# alpha viz is graphviz, whatever graph prints by itself
viz() {
	project viz <<-'E'
		services:
		  a: { image: "img:1", networks: [n], ports: ["1234:80"], depends_on: [b] }
		  b: { image: "img:2", networks: [n] }
		networks: { n: {} }
	E
	ok c alpha viz
	matches "$out" '^digraph'
	hasnt "$out" img:1
	ok c alpha viz --image
	has "$out" img:1
	ok c alpha viz --networks
	matches "$out" '[^a-z]n[^a-z]'
	ok c alpha viz --ports
	has "$out" 1234
	ok c alpha viz --indentation-size 3 --spaces
	matches "$out" $'\n   [^ ]'
	ok c graph --image
	matches "$out" '^digraph'
	fails 2 c graph --format tree --image
	ok c alpha scale --no-deps --help
	ok c --dry-run alpha scale a=2 --no-deps
	hasnt "$out" viz-b-1
	ok c --dry-run scale a=2
	has "$out" viz-b-1
}
t "alpha viz and its options; scale --no-deps" viz

starts() {
	project starts <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, init: true, healthcheck: { test: "test -e /ok", interval: 100ms, retries: 1000 } }
	E
	ok c create
	fails 1 c start --wait --wait-timeout 1
	has "$err" "--wait-timeout"
	(sleep 1; c exec -T a touch /ok) &
	ok c start --wait
	is "$(field a .Health)" healthy
	ok c -p starts stop -t 0
	c -p starts start --wait &
	waiting=$!
	soon 10 c exec -T a touch /ok
	wait $waiting
	is "$(field a .Health)" healthy
	ok c down -t 0
}
t "start --wait, --wait-timeout" starts

# --no-color: on a terminal too; --parallel 1: one after the other
colours() {
	project colours <<<'services: { a: { image: busybox, command: echo hi }, b: { image: busybox, command: echo ho } }'
	run script -qec "'$COMPOSE' up" /dev/null
	matches "$out" $'\e\\[[0-9]+ma-1'
	run script -qec "'$COMPOSE' up --no-color" /dev/null
	matches "$out" "a-1  *\\| hi"
	hasnt "$(grep 'a-1 .*| ' <<<"$out")" $'\e[3'
	ok c down
	ok c --parallel 1 up --no-start
	is "$(grep -oE 'Container .*' <<<"$err" | tr '\n' ' ')" \
		"Container colours-a-1 Creating Container colours-a-1 Created Container colours-b-1 Creating Container colours-b-1 Created "
	ok c down
}
t "up --no-color; --parallel" colours
orphans() {
	project orphaned <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, init: true }
		  old: { image: busybox, command: sleep 1000, init: true }
	E
	ok c up -d
	sed -i /old/d compose.yaml
	is "$(c ps --orphans=false --services)" a
	is "$(c ps --services | tr '\n' ' ')" "a old "
	ok c kill
	is "$(field old .State)" running
	is "$(field a .State)" exited
	ok c kill --remove-orphans
	is "$(field old .State)" exited
	ok c up -d
	has "$err" orphaned-old-1
	ok c run --rm --no-deps --remove-orphans a true
	is "$(field old .State)" ""
	ok c down -t 0
}
t "ps --orphans=false, kill --remove-orphans, run --remove-orphans" orphans

removes() {
	project removes <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, init: true, volumes: [/anon, "named:/named"] }
		  b: { image: busybox, command: sleep 1000, init: true }
		volumes: { named: {} }
	E
	ok c up -d
	is "$(c volumes -q | wc -l)" 2
	ok c rm -f
	has "$err" "No stopped containers"
	ok c stop -t 0 a
	ok sh -c 'echo n | "$COMPOSE" rm'
	has "$err" "Going to remove removes-a-1"
	ok sh -c '"$COMPOSE" rm </dev/null' # nobody answers
	has "$err" "Nothing removed"
	[ -n "$(c ps -aq a)" ]
	ok sh -c 'yes | "$COMPOSE" rm'
	is "$(c ps -aq a)" ""
	ok c create a
	ok c rm -f a
	is "$(c ps -aq a)" ""
	local volumes
	volumes=$(c volumes -q | wc -l)
	ok c up -d a
	is "$(c volumes -q | wc -l)" $((volumes + 1))
	ok c rm -sfv a
	is "$(c volumes -q | wc -l)" "$volumes"
	is "$(c ps -a --format '{{.Name}}')" removes-b-1
	has "$(c volumes -q)" removes_named
	ok c down -t 0 -v
}
t "rm: -f, -s, -v" removes

restarts() {
	local before

	project restarts <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, init: true }
		  b: { image: busybox, command: sleep 1000, init: true, depends_on: { a: { condition: service_started, restart: true } } }
	E
	ok c up -d
	started() { cat "$COMPOSE_ROOT"/projects/restarts/"$(c ps -q b)"/status.json | jq .started_ns; }
	before=$(started)
	ok c restart --no-deps -t 0 a
	is "$(started)" "$before"
	ok c restart -t 0 a
	[ "$(started)" != "$before" ]
	ok c down -t 0
}
t "restart: --no-deps" restarts

indices() {
	project indices <<-'E'
		services: { a: { image: busybox, command: sh -c 'while read l; do echo "$$l" >>/got; done', stdin_open: true, init: true, scale: 2 } }
	E
	ok c up -d
	(echo hello; sleep 1) | c attach --index 2 --sig-proxy=false a >/dev/null &
	soon 10 c exec -T --index 2 a grep -q hello /got
	fails 1 c exec -T --index 1 a test -e /got
	echo file >file
	ok c cp --index 2 file a:/f
	ok c exec -T --index 2 a test -e /f
	fails 1 c exec -T --index 1 a test -e /f
	is "$(c cp --index 2 a:/f - | tar -xO)" file
	ok c exec -d --index 1 a sh -c 'sleep 0.2; echo $0 >/detached'
	is "$out$err" ""
	soon 10 c exec -T --index 1 a test -s /detached
	ok c down -t 0
}
t "attach, cp, exec: --index; exec -d" indices

watches() {
	local before

	project watches <<-'E'
		services: { a: { build: ., image: "watches/a", command: sleep 1000, init: true, develop: { watch: [ { action: rebuild, path: . } ] } } }
	E
	printf 'FROM busybox\nCOPY v /v\n' >Dockerfile
	echo 1 >v
	c_bg watch --quiet --prune=false
	soon 60 grep -q "Watch enabled" "$T/out/bg"
	before=$(c image inspect watches/a | jq -r '.[0].Id')
	echo 2 >v
	soon 60 grep -q "successfully built" "$T/out/bg"
	ok c image inspect "$before"
	hasnt "$(cat "$T/out/bg")" "COPY v"
	kill -INT "$bg"
	wait "$bg" || true
	ok c down -t 0
}
t "watch --prune=false, --quiet" watches

models() {
	project models <<<'{ services: { a: { image: x, models: [m] } }, models: { m: { model: "ai/x" } } }'
	is "$(c config --models)" m
	ok c convert --models
	is "$out" m
	ok c convert --format json -o out.json
	is "$(jq -r .name out.json)" models
	is "$(c convert --services)" a
	is "$(c convert --images)" x
}
t "config --models; convert" models
done_testing

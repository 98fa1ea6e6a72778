#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Services that a provider provides: another program instead of a container.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

mkdir bin
export PATH="$W/bin:$PATH"
cat >bin/compose-cloud <<'E2'
#!/bin/bash
# notes how it is called, and answers as $CLOUD says
[ "$1" = compose ] || exit 9
if [ "$2" = metadata ]; then
	[ "${CLOUD_META-}" ] && echo "$CLOUD_META"
	exit 0
fi
echo "$PWD $*" >>"$CALLS"
case $3 in
up)
	echo '{"type":"info","message":"making it"}'
	echo '{"type":"debug","message":"a detail"}'
	echo '{"type":"setenv","message":"URL=db://'"${CLOUD_HOST-one}"'/x=y"}'
	echo '{"type":"rawsetenv","message":"TOKEN=t0ken"}'
	echo words on standard error >&2
	if [ "${CLOUD_ASK-}" ]; then
		echo '{"type":"get-service-config"}'
		read -r line
		printf '%s\n' "$line" >"$CALLS.config"
	fi
	[ "${CLOUD_FAIL-}" ] && echo '{"type":"error","message":"no credit left"}' && sleep 100
	printf '{"type":"setenv","message":"LAST=without newline"}'
	exit "${CLOUD_EXIT-0}"
	;;
esac
E2
chmod +x bin/compose-cloud
export CALLS=$W/calls

cloud() {
	project cloud <<-'E'
		services:
		  app: { image: busybox, init: true, command: payload ticks 1000, environment: { TOKEN: own, A: a }, depends_on: [db] }
		  other: { image: busybox, init: true, command: payload ticks 1000 }
		  db:
		    provider: { type: cloud, options: { size: 12, tag: [a, "b c"] } }
	E
}

up() {
	cloud
	ok c --dry-run up -d
	has "$out" "bring up provider db"
	is "$(cat "$CALLS" 2>/dev/null)" ""
	CLOUD_ASK=1 ok c up -d
	is "$(cat "$CALLS")" "$W/cloud compose --project-name=cloud up --size=12 --tag=a --tag=b c db"
	has "$err" "words on standard error"
	has "$err" "provider db overrides the variable TOKEN of service app"
	is "$(jq -r .provider.type "$CALLS.config")" cloud
	is "$(c exec -T app env | grep -E '^(DB_|TOKEN|A=)' | sort | xargs)" "A=a DB_LAST=without newline DB_URL=db://one/x=y TOKEN=t0ken"
	is "$(c exec -T other env | grep -cE '^(DB_|TOKEN)')" 0
	is "$(c ps -aq | wc -l)" 2
	# asked each time; the same answer changes nothing, another one makes its dependents anew
	ok c up -d
	has "$err" "cloud-app-1 Running, unchanged"
	is "$(wc -l <"$CALLS")" 2
	ok c --dry-run up -d                       # nobody is asked: as before
	hasnt "$out" DB_URL
	is "$(wc -l <"$CALLS")" 2
	CLOUD_HOST=two ok c up -d
	has "$err" "Recreating: environment.DB_URL changed"
	hasnt "$err" "other-1 Rec"
	is "$(c exec -T app sh -c "echo \$DB_URL")" "db://two/x=y"
	is "$(CLOUD_HOST=two c run --rm -T app sh -c "echo \$DB_URL")" "db://two/x=y"
	: >"$CALLS"
	ok c stop                                  # it does not know that word
	is "$(cat "$CALLS")" ""
	ok c start
	CLOUD_META='{"description":"d","up":{"parameters":[]},"down":{"parameters":[{"name":"size"}]},"stop":{}}' ok c down
	is "$(cat "$CALLS")" "$W/cloud compose --project-name=cloud down --size=12 db"
	ok c down
}
# observes: provider.type provider.options
t "a provider is asked, its variables reach those who depend on it, down tells it" up

metadata() {
	cloud
	: >"$CALLS"
	export CLOUD_META='{"description":"d","up":{"parameters":[{"name":"tag"}]},"stop":{"parameters":[]},"down":{}}'
	ok c up -d
	is "$(cat "$CALLS")" "$W/cloud compose --project-name=cloud up --tag=a --tag=b c db"
	: >"$CALLS"
	ok c stop
	is "$(cat "$CALLS")" "$W/cloud compose --project-name=cloud stop db"
	ok c down
	export CLOUD_META='{"description":"d","up":{"parameters":[{"name":"region","required":true}]}}'
	fails 3 c up -d
	has "$err" 'provider "cloud" needs the option "region"'
	has "$err" "compose.yaml:5:"
	unset CLOUD_META
	ok c down
}
t "its metadata says which options it takes" metadata

failing() {
	cloud
	CLOUD_FAIL=1 fails 1 c up -d
	has "$err" "no credit left"
	has "$err" "compose.yaml:5:"
	is "$(c ps -aq)" ""
	CLOUD_EXIT=7 fails 1 c up -d
	has "$err" "it ended with status 7"
	printf '#!/bin/sh\necho "not json \\033[31m"\n' >"$W/bin/docker-odd"
	chmod +x "$W/bin/docker-odd"
	sed -i 's/type: cloud/type: odd/' compose.yaml
	fails 1 c up -d
	has "$err" "answered what cannot be understood: not json ?[31m"
	sed -i 's/type: odd/type: nowhere/' compose.yaml
	fails 1 c up -d
	has "$err" 'no provider "nowhere" is installed'
	has "$err" "compose.yaml:5:"
	sed -i 's/type: nowhere/type: ..\/x/' compose.yaml
	fails 3 c up -d
	has "$err" "cannot be the name of a provider"
	fails 3 c up -d app
	sed -i 's/    provider:/    depends_on: [other]\n&/' compose.yaml
	fails 3 c up -d
	has "$err" "a provider's service cannot wait for a container (other) yet"
	has "$err" "compose.yaml:5:"
	sed -i '/    depends_on: .other/d' compose.yaml
	fails 3 c run --rm db
	sed -i 's/type: ...x/type: cloud/' compose.yaml
	ok c down
}
t "a provider that fails, is not there, or talks nonsense" failing

interrupted() {
	printf '#!/bin/sh\n[ "$2" = metadata ] || { echo up >>"$CALLS"; exec sleep 300; }\n' >"$W/bin/compose-slow"
	chmod +x "$W/bin/compose-slow"
	project slow <<-'E'
		services: { db: { provider: { type: slow } } }
	E
	: >"$CALLS"
	asked() { [ -s "$CALLS" ]; }
	c_bg up -d
	soon 20 asked
	kill -INT $bg
	run wait $bg
	is "$rc" 130
}
t "Ctrl-C ends it" interrupted

models() {
	project models <<-'E'
		services: { app: { image: busybox, models: [llm] } }
		models: { llm: { model: ai/x } }
	E
	fails 3 c up -d
	has "$err" "\`models\` is not supported"
	has "$err" "provider"
	has "$err" "compose.yaml:1:"
	ok c config
	has "$out" "ai/x"
}
t "models are refused, and what to do instead is told" models

done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Devices by CDI: names in `devices`, `gpus`, deploy's device requests. The specs are in a mount namespace of the test.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

# Run a function where /etc/cdi and /var/run/cdi are the test's own.
with_specs() {
	export -f inside ok run fails is has hasnt flunk told c field ps_json specs "$1"
	export W T COMPOSE
	unshare -m bash -euc "inside $1"
}
inside() {
	rm -rf "${W:?}/etc"
	mkdir "$W/etc"
	cp -a /etc/. "$W/etc/"
	mount --bind "$W/etc" /etc
	mount -t tmpfs none /run
	mkdir -p /etc/cdi /run/cdi
	[ /var/run -ef /run ] || mount --bind /run /var/run
	"$1"
}

# A spec in YAML, one in JSON, and one in /var/run/cdi that replaces a device of the first.
specs() {
	[ -e "$W/card0" ] || mknod "$W/card0" c 1 3
	mkdir -p "$W/driver"
	echo library >"$W/driver/lib.so"
	cat >/etc/cdi/acme.yaml <<-E
		cdiVersion: "0.6.0"
		kind: acme.com/gpu
		containerEdits:
		  env: [ACME_DRIVER=1]
		  mounts:
		    - { hostPath: $W/driver, containerPath: /usr/lib/acme, options: [ro, nosuid, bind] }
		devices:
		  - name: "0"
		    containerEdits:
		      env: [ACME_0=yes]
		      deviceNodes:
		        - { path: /dev/acme0, hostPath: $W/card0, permissions: rw }
		  - name: "1"
		    containerEdits:
		      env: [ACME_1=yes]
		      deviceNodes: [{ path: /dev/acme1, type: c, major: 1, minor: 5, fileMode: 384, uid: 7, gid: 8 }]
		  - name: all
		    containerEdits: { env: [ACME_ALL=yes] }
	E
	cat >/etc/cdi/beta.json <<-E
		{
			"cdiVersion": "0.5.0", "kind": "beta.org/tpu",
			"devices": [ { "name": "t0", "containerEdits": { "env": ["TPU=etc"],
				"deviceNodes": [ { "path": "\/dev\/tpu0", "hostPath": "/dev/zero" } ] } },
				{ "name": "hooked", "containerEdits": { "hooks": [ { "hookName": "createContainer", "path": "/bin/true" } ] } } ]
		}
	E
	cat >/run/cdi/beta.json <<-E
		{ "cdiVersion": "0.5.0", "kind": "beta.org/tpu", "devices": [ { "name": "t0", "containerEdits": { "env": ["TPU=run"] } } ] }
	E
}

names() {
	specs
	ok c up -d
	ok c exec -T named sh -c 'stat -c "%n %t:%T" /dev/acme0; cat /usr/lib/acme/lib.so; echo $ACME_DRIVER $ACME_0 ${ACME_1-none} $TPU; head -c 1 /dev/acme0 | wc -c'
	is "$(xargs <<<"$out")" "/dev/acme0 1:3 library 1 yes none run 0"
	ok c exec -T named sh -c 'grep " /usr/lib/acme " /proc/self/mountinfo; ls /dev'
	has "$out" " ro,nosuid,"
	hasnt "$out" acme1
	is "$(c exec -T every sh -c 'echo $ACME_ALL ${ACME_0-none}')" "yes none"
	is "$(c exec -T second sh -c 'echo ${ACME_0-none} $ACME_1; stat -c "%a %u:%g" /dev/acme1' | xargs)" "none yes 600 7:8"
	is "$(c exec -T counted sh -c 'echo $ACME_0 ${ACME_1-none}')" "yes none"
	is "$(c exec -T tpu sh -c 'echo $TPU')" run
	ok c down -t 0
}
in_names() {
	project cdi <<-'E'
		services:
		  named: { image: busybox, command: sleep 1000, devices: [acme.com/gpu=0, beta.org/tpu=t0] }
		  every: { image: busybox, command: sleep 1000, gpus: all }
		  second: { image: busybox, command: sleep 1000, gpus: [{ driver: acme, device_ids: ["1"] }] }
		  counted:
		    image: busybox
		    command: sleep 1000
		    deploy: { resources: { reservations: { devices: [{ capabilities: [gpu], count: 1 }] } } }
		  tpu:
		    image: busybox
		    command: sleep 1000
		    deploy: { resources: { reservations: { devices: [{ driver: cdi, capabilities: [tpu], device_ids: [beta.org/tpu=t0] }] } } }
	E
	with_specs names
}
# observes: gpus gpus[].capabilities gpus[].count gpus[].device_ids gpus[].driver
# observes: deploy.resources.reservations.devices[].capabilities deploy.resources.reservations.devices[].count deploy.resources.reservations.devices[].device_ids deploy.resources.reservations.devices[].driver
t "devices, gpus and device requests: nodes, mounts, variables" in_names

absent() {
	fails 1 c up -d named
	has "$err" "compose.yaml:2:"
	has "$err" "no CDI spec of this host has acme.com/gpu=9: looked in /etc/cdi and /var/run/cdi, which have no spec"
	# all that is missing is told at once, and nothing was made
	fails 1 c up -d named other
	has "$err" "has acme.com/gpu=9"
	has "$err" "a device for amd gpu"
	fails 1 c run named true
	has "$err" "compose.yaml:2:"
	is "$(ls "$COMPOSE_ROOT/networks" "$COMPOSE_ROOT/projects" 2>/dev/null | grep absent)" ""
	specs
	run c up -d named
	has "$err" "has acme.com/gpu=9"
	has "$err" "acme.com/gpu (/etc/cdi/acme.yaml), beta.org/tpu (/etc/cdi/beta.json), beta.org/tpu (/var/run/cdi/beta.json)"
	run c up -d many
	has "$err" "compose.yaml:3:"
	has "$err" "7 devices of acme.com/gpu"
	run c up -d other
	has "$err" "compose.yaml:4:"
	has "$err" "a device for amd gpu"
	run c up -d hooked
	has "$err" "/etc/cdi/beta.json asks for hooks, which are not carried out"
	has "$err" "compose.yaml:5:"
	is "$(c ps -a -q)" ""
	printf 'kind: x\n' >/etc/cdi/zz.yaml
	run c up -d named
	has "$err" "/etc/cdi/zz.yaml"
	has "$err" "no cdiVersion"
	ok c down
}
in_absent() {
	project absent <<-'E'
		services:
		  named: { image: busybox, command: sleep 1000, devices: [acme.com/gpu=9] }
		  many: { image: busybox, gpus: [{ count: 7 }] }
		  other: { image: busybox, gpus: [{ driver: amd }] }
		  hooked: { image: busybox, devices: [beta.org/tpu=hooked] }
	E
	with_specs absent
}
t "a device that no spec has, too few of them, hooks, a broken spec: each told with its place" in_absent
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Networks and volumes that the file asks for otherwise than they are: made anew, given other labels, or left as they are.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root

id_of() { c ps -aq --no-trunc "$@"; }
states() { ps_json | jq -r '.Name + " " + .State' | sort | xargs; }
# The life of a service's container: another one after a restart.
began() { jq -r '[.pid, .started_ns] | @text' "$COMPOSE_ROOT/projects/$1/$(id_of "$2")/status.json"; }
net_id() { jq -r .id "$COMPOSE_ROOT/networks/$1.json"; }
ways_out() { c exec -T "$1" ip route | grep -c default || :; }

network_remade() {
	local a b side id

	project netchange <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, networks: [one], depends_on: [b] }
		  b: { image: busybox, command: sleep 1000, networks: [one] }
		  off: { image: busybox, command: sleep 1000, networks: [one], profiles: [off] }
		  side: { image: busybox, command: sleep 1000, networks: [two] }
		networks: { one: {}, two: {} }
	E
	ok c --profile off up -d
	ok c stop -t 0 off
	is "$(ways_out a)" 1
	id=$(id_of a) a=$(began netchange a) b=$(began netchange b) side=$(began netchange side)
	sed -i 's/one: {}/one: { internal: true }/' compose.yaml
	ok c --dry-run up -d
	has "$out" "recreate network netchange_one (networks.one.internal added, "
	has "$out" "compose.yaml:6:20)"
	is "$(began netchange a)" "$a"
	# one service is enough to name: whoever is on the network is stopped and started again
	ok c up -d b
	has "$err" "Network netchange_one Recreated"
	is "$(id_of a)" "$id"
	isnt_same "$a" "$(began netchange a)"
	isnt_same "$b" "$(began netchange b)"
	is "$(began netchange side)" "$side"
	is "$(states)" "netchange-a-1 running netchange-b-1 running netchange-off-1 exited netchange-side-1 running"
	is "$(ways_out a) $(ways_out b) $(ways_out side)" "0 0 1"
	c exec -T a payload dns b b >/dev/null || flunk "a does not find b"
	# what was stopped finds the new one
	ok c --profile off start off
	is "$(ways_out off)" 0
	# that was it
	a=$(began netchange a)
	ok c up -d
	is "$(began netchange a)" "$a"
	# subnet and MTU: what is inside follows
	sed -i 's/one: .*internal: true }/one: { ipam: { config: [ { subnet: 10.231.7.0\/24 } ] }, driver_opts: { com.docker.network.driver.mtu: "1340" } }/' compose.yaml
	grep -q 10.231 compose.yaml
	ok c up -d
	has "$(c exec -T a ip -o -4 addr show eth0)" "inet 10.231.7."
	has "$(c exec -T a ip -o link show eth0)" "mtu 1340"
	is "$(ways_out a) $(ways_out off)" "1 1"
	ok c --profile off down -t 0
}
isnt_same() { [ "$1" != "$2" ] || flunk "it was not started again: $1"; }
t "a network whose settings changed is made anew: its containers stop and start again, nobody else does" network_remade

# Labels are told of, nothing more: nobody stops for them.
network_labels() {
	local a id

	project netlabels <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, volumes: ["v:/v"] }
		networks: { default: { labels: { tier: one, gone: "1" } } }
		volumes: { v: { labels: { kept: "no" } } }
	E
	ok c up -d
	c exec -T a touch /v/file
	a=$(began netlabels a) id=$(net_id netlabels_default)
	sed -i 's/{ tier: one, gone: "1" }/{ tier: two }/; s/kept: "no"/kept: "yes"/' compose.yaml
	ok c --dry-run up -d
	has "$out" "relabel network netlabels_default (networks.default.labels.tier changed, "
	has "$out" "relabel volume netlabels_v (volumes.v.labels.kept changed, "
	ok c up -d
	is "$(began netlabels a)" "$a"
	is "$(net_id netlabels_default)" "$id"
	is "$(jq -c '[.labels[] | select(.key | startswith("com.") | not) | .key + "=" + .val]' "$COMPOSE_ROOT/networks/netlabels_default.json")" '["tier=two"]'
	has "$(c volumes --format '{{.Labels}}')" "kept=yes"
	c exec -T a ls /v/file >/dev/null
	ok c --dry-run up -d
	hasnt "$out" relabel
	ok c down -v -t 0
}
t "labels of networks and volumes change in place, without a restart" network_labels

# A network that cannot be made leaves the old one; a container of another project on it leaves everything.
network_kept() {
	local a b id

	project taken <<-'E'
		services: { x: { image: busybox, command: sleep 1000 } }
		networks: { default: { ipam: { config: [ { subnet: 10.231.8.0/24 } ] } } }
	E
	ok c up -d
	project kept <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000 }
		  b: { image: busybox, command: sleep 1000, environment: { A: "1" } }
		networks: { default: { name: kept_net } }
	E
	ok c up -d
	id=$(net_id kept_net) b=$(id_of b)
	sed -i 's/A: "1"/A: "2"/' compose.yaml
	sed -i 's/{ name: kept_net }/{ name: kept_net, ipam: { config: [ { subnet: 10.231.8.0\/25 } ] } }/' compose.yaml
	fails 1 c up -d
	has "$err" "overlaps 10.231.8.0/24 of network taken_default"
	is "$(net_id kept_net)" "$id"
	# whoever was stopped for it runs as before, also one that was to be another
	is "$(states)" "kept-a-1 running kept-b-1 running"
	is "$(id_of b)" "$b"
	is "$(ways_out a) $(ways_out b)" "1 1"
	sed -i 's/, ipam.*/ } }/' compose.yaml
	ok c up -d
	is "$(ways_out a)" 1
	a=$(began kept a)
	# a guest from another project
	project guest <<-'E'
		services: { g: { image: busybox, command: sleep 1000, networks: [theirs] } }
		networks: { theirs: { external: true, name: kept_net } }
	E
	ok c up -d
	cd ../kept
	sed -i 's/name: kept_net/name: kept_net, internal: true/' compose.yaml
	fails 1 c up -d
	has "$err" "network kept_net has to be made anew (networks.default.internal added, "
	has "$err" "but container guest-g-1 of project guest is on it"
	has "$err" "stop service g of project guest first"
	is "$(began kept a)" "$a"
	ok c -f ../guest/compose.yaml stop -t 0
	ok c up -d
	is "$(ways_out a)" 0
	ok c -f ../guest/compose.yaml start
	is "$(c -f ../guest/compose.yaml exec -T g ip route | grep -c default)" 0
	ok c -f ../guest/compose.yaml down -t 0
	ok c down -t 0
	cd ../taken && ok c down -t 0
}
t "a network that cannot be made anew stays, and so does one that others are on" network_kept

volume_remade() {
	project volchange <<-'E'
		services:
		  a: { image: busybox, command: sleep 1000, volumes: ["data:/data"] }
		  b: { image: busybox, command: sleep 1000, volumes: ["data:/data:ro"] }
		volumes: { data: {} }
	E
	ok c up -d
	c exec -T a touch /data/old
	sed -i 's/data: {}/data: { driver_opts: { type: tmpfs, device: tmpfs, o: size=1m } }/' compose.yaml
	# nobody is there to ask: nothing is lost, and it says so
	ok c up -d </dev/null
	has "$err" "volume volchange_data is used as it is although the file asks for another (volumes.data.driver_opts added"
	has "$(c exec -T b ls /data)" old
	# at a terminal: the answer is no unless it is yes
	run script -qec "'$COMPOSE' up -d" /dev/null <<<""
	has "$out" 'Volume "volchange_data" exists but doesn'"'"'t match configuration in compose file. Recreate (data will be lost)?'
	has "$(c exec -T b ls /data)" old
	run script -qec "'$COMPOSE' up -d" /dev/null <<<"y"
	matches "$out" "Volume volchange_data +Recreated"
	is "$(c exec -T b ls /data)" ""
	is "$(c exec -T a stat -f -c %T /data)" tmpfs
	is "$(c exec -T a df -k /data | awk 'END { print $2 }')" 1024
	c exec -T a touch /data/new
	# back again
	sed -i 's/data: { driver_opts.*/data: {} }/' compose.yaml
	ok c --dry-run up -d -y
	has "$out" "recreate volume volchange_data (volumes.data.driver_opts removed"
	has "$(c exec -T b ls /data)" new
	ok c up -d -y
	is "$(c exec -T b ls /data)" ""
	isnt "$(c exec -T a stat -f -c %T /data)" tmpfs
	is "$(states)" "volchange-a-1 running volchange-b-1 running"
	ok c down -v -t 0
}
isnt() { [ "$1" != "$2" ] || flunk "got: $1"; }
t "a volume that changed: its data stays unless somebody says yes" volume_remade

# It is filled from the image again, and who has it beside us keeps it.
volume_users() {
	project volshare <<-'E'
		services: { a: { image: busybox, command: sleep 1000, volumes: ["data:/bin"] } }
		volumes: { data: { labels: { a: b } } }
	E
	ok c up -d
	c exec -T a touch /bin/old
	project volguest <<-'E'
		services: { g: { image: busybox, command: "true", volumes: ["data:/d"] } }
		volumes: { data: { external: true, name: volshare_data } }
	E
	ok c up -d
	cd ../volshare
	mkdir host
	sed -i "s|labels: { a: b }|driver_opts: { type: none, o: bind, device: $PWD/host }|" compose.yaml
	ok c up -d -y
	has "$err" "container volguest-g-1 of project volguest has it too"
	c exec -T a ls /bin/old
	ok c -f ../volguest/compose.yaml down
	ok c up -d -y
	[ -L host/sh ] || flunk "the new volume has nothing of the image"
	[ ! -e host/old ]
	c exec -T a ls /bin/sh
	ok c down -v -t 0
}
t "a volume made anew is filled from the image; one that another project has stays" volume_users
done_testing

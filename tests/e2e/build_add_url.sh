#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ADD from http addresses: a server on loopback that a shell plays.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need root
need cmd socat

# Serves $W/www on $port; what is asked for goes to $T/asked, a line each. Files whose name has "moved" lead to /file.
serve() {
	mkdir -p "$W/www/sub dir"
	cat >"$T/answer" <<-'E'
		#!/bin/bash
		read -r _ path _
		while read -r line && [ "$line" != $'\r' ]; do :; done
		echo "$path" >>"$1/asked"
		printf -v file '%b' "${path//%/\\x}"
		file=$2${file%%\?*}
		case $path in
		*moved*) printf 'HTTP/1.1 302 Found\r\nLocation: /file\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' ;;
		*broken*) printf 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\nhalf' ;;
		*) if [ -f "$file" ]; then
			printf 'HTTP/1.1 200 OK\r\nContent-Length: %s\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n\r\n' "$(stat -c %s "$file")"
			cat "$file"
		else
			printf 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
		fi ;;
		esac
	E
	chmod +x "$T/answer"
	port=$(free_port)
	: >"$T/asked"
	socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork" "EXEC:$T/answer $T $W/www" 2>/dev/null &
	soon 10 get "http://127.0.0.1:$port/asked?"  >/dev/null || true
	soon 10 grep -q asked "$T/asked"
}

in_image() { c run --rm -T --no-deps a sh -c "$1"; }

added() {
	serve
	project url <<-E
		services:
		  a: { build: { context: ., args: { AT: "http://127.0.0.1:$port" } } }
	E
	echo content >"$W/www/file"
	echo spaced >"$W/www/sub dir/a b"
	mkdir tree && echo packed >tree/f && tar czf "$W/www/tree.tgz" -C tree .
	echo local >local
	cat >Dockerfile <<-'E'
		FROM busybox
		ARG AT
		ADD $AT/file /into/
		ADD --chmod=u=rw,go=r --chown=7:8 ${AT}/file?x=/y#z /as
		ADD $AT/sub%20dir/a%20b $AT/moved local /many/
		ADD $AT/tree.tgz /packed/
		ADD --unpack=true $AT/tree.tgz /unpacked/
		ADD $AT/sub%20dir/../file /last/
	E
	ok c build
	is "$(in_image "stat -c '%a %u %g %Y' /into/file; cat /into/file")" $'600 0 0 784111777\ncontent'
	is "$(in_image "stat -c '%a %u %g' /as; cat /as")" $'644 7 8\ncontent'
	is "$(in_image 'cd /many && for f in *; do echo "$f=$(cat "$f")"; done')" $'a b=spaced\nlocal=local\nmoved=content'
	is "$(in_image 'ls /packed; cat /unpacked/f; ls /last')" $'tree.tgz\npacked\nfile'
	# the content is what counts
	ok c --progress plain build
	is "$(grep -c CACHED <<<"$out$err")" 6
	echo other >"$W/www/file"
	ok c build
	is "$(in_image 'cat /into/file')" other
	ok c down
}
t "ADD of addresses: names, modes, times, redirects, archives, the cache" added

checked() {
	local sum

	serve
	project sum <<-'E'
		services:
		  a: { build: . }
	E
	echo content >"$W/www/file"
	sum=$(sha256sum <"$W/www/file" | cut -d' ' -f1)
	printf 'FROM busybox\nADD --checksum=sha256:%s http://127.0.0.1:%s/file /f\n' "$sum" "$port" >Dockerfile
	ok c build
	is "$(in_image 'cat /f')" content
	: >"$T/asked"
	ok c --progress plain build
	has "$out$err" CACHED
	is "$(cat "$T/asked")" ""        # nobody had to be asked
	echo forged >"$W/www/file"
	fails 1 c build --no-cache
	has "$err" "not sha256:$sum"
	has "$err" Dockerfile:2:1
	is "$(find "$COMPOSE_ROOT/layers" -name 'tmp.*')" ""
	ok c down
}
t "--checksum: what does not match is refused, what matches is not fetched again" checked

mistakes() {
	serve
	project bad <<-'E'
		services:
		  a: { build: . }
	E
	printf 'FROM busybox\nADD http://127.0.0.1:%s/nosuch /f\n' "$port" >Dockerfile
	fails 1 c build
	has "$err" "fetch http://127.0.0.1:$port/nosuch"
	has "$err" "the server answers 404"
	has "$err" Dockerfile:2:1
	printf 'FROM busybox\nARG X=git@example:r\nADD $X /f\n' >Dockerfile
	fails 3 c build
	has "$err" "can't be a source of ADD"
	printf 'FROM busybox\nADD http://127.0.0.1:%s/broken /f\n' "$port" >Dockerfile
	fails 1 c build
	has "$err" "fetch http://127.0.0.1:$port/broken"
	is "$(grep -c broken "$T/asked")" 5      # a cut transfer is tried again, from the start
	is "$(find "$COMPOSE_ROOT/layers" -name 'tmp.*')" ""
	ok c down
}
t "mistakes: no such file, a git repository, a server that cuts" mistakes
done_testing

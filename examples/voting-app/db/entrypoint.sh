#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the database cluster in the volume on the first start, then becomes the server.
#
# POSTGRES_USER (postgres)   the superuser's name
# POSTGRES_PASSWORD          its password, required
# POSTGRES_DB ($POSTGRES_USER)  the database made for it, with schema.sql in it
set -euo pipefail

: "${POSTGRES_USER:=postgres}" "${POSTGRES_DB:=$POSTGRES_USER}"

# The server without network or other sessions, reading statements that end at an empty line.
single() {
	postgres --single -j -D "$1" -c log_min_messages=warning "$2" >/dev/null
}

make_cluster() {
	local new=$PGDATA.new

	: "${POSTGRES_PASSWORD:?must be set}"
	rm -rf "$new" # left by a first start that did not get to its end
	initdb -D "$new" --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
		--auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
	printf '%s\n' 'host all all all scram-sha-256' >>"$new/pg_hba.conf"
	if [ "$POSTGRES_DB" != postgres ]; then
		printf 'CREATE DATABASE "%s";\n' "$POSTGRES_DB" | single "$new" postgres
	fi
	single "$new" "$POSTGRES_DB" </usr/local/share/schema.sql
	mv "$new" "$PGDATA" # complete from here on
}

if [ "${1-}" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
	echo "entrypoint: first start, making the database $POSTGRES_DB"
	make_cluster
fi
exec "$@"

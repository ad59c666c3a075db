#!/bin/sh
# Starts PostgreSQL as the well-known image does, as far as the examples need it: POSTGRES_USER, POSTGRES_PASSWORD,
# POSTGRES_DB and PGDATA are honoured, *.sql files in /docker-entrypoint-initdb.d run once on an empty data directory.
set -eu
: "${POSTGRES_USER:=postgres}" "${POSTGRES_DB:=$POSTGRES_USER}" "${PGDATA:=/var/lib/postgresql/data}"
bin=/usr/lib/postgresql/15/bin
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

if [ "${1:-postgres}" != postgres ]; then exec "$@"; fi
[ $# -eq 0 ] || shift
mkdir -p "$PGDATA" /run/postgresql
chown -R postgres:postgres "$PGDATA" /run/postgresql
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	: "${POSTGRES_PASSWORD:?POSTGRES_PASSWORD must be set for an empty data directory}"
	umask 077
	printf %s "$POSTGRES_PASSWORD" >/tmp/password
	chown postgres /tmp/password
	as_postgres "$bin/initdb" --no-sync -D "$PGDATA" --username="$POSTGRES_USER" --pwfile=/tmp/password \
		--auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
	rm /tmp/password
	echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
	# The first start listens on the socket alone, so that nobody who waits for the port sees half a database.
	as_postgres "$bin/pg_ctl" -D "$PGDATA" -w -o "-c listen_addresses=''" start
	if [ "$POSTGRES_DB" != postgres ]; then
		as_postgres "$bin/createdb" --username="$POSTGRES_USER" --maintenance-db=postgres "$POSTGRES_DB"
	fi
	for sql in /docker-entrypoint-initdb.d/*.sql; do
		[ -e "$sql" ] || continue
		as_postgres "$bin/psql" -v ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" -f "$sql"
	done
	as_postgres "$bin/pg_ctl" -D "$PGDATA" -m fast -w stop
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups "$bin/postgres" -D "$PGDATA" -c listen_addresses='*' "$@"

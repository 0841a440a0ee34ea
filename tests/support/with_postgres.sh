#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: with_postgres.sh COMMAND...
# Runs COMMAND with a PostgreSQL server of its own, in a temporary folder and on
# a Unix socket only; POSTERN_TEST_PG is its URL, complete but for "&key=value".
# Status 77 (skipped) where PostgreSQL is not installed.
set -uo pipefail

bin=$(pg_config --bindir 2>/dev/null || true)
for dir in "$bin" /usr/lib/postgresql/*/bin; do
    [ -x "$dir/initdb" ] && bin=$dir && break
done
if [ ! -x "$bin/initdb" ]; then
    echo "1..0 # SKIP PostgreSQL is not installed"
    exit 77
fi

dir=$(mktemp -d /tmp/postern-pg-XXXXXX)
as=()
# The server refuses to run as root.
if [ "$(id -u)" = 0 ]; then
    chown postgres "$dir"
    as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi

# shellcheck disable=SC2317  # called by the trap
leave()
{
    [ -z "${server:-}" ] || { kill -INT "$server"; wait "$server"; }
    rm -rf "$dir"
}
trap leave EXIT

cd "$dir" || exit 1
${as[@]+"${as[@]}"} "$bin/initdb" --pgdata=db --username=postgres --auth=trust \
    --encoding=UTF8 --no-locale --no-sync >initdb.log 2>&1 \
    || { cat initdb.log >&2; exit 1; }
# Tests of crashes start servers of their own, with fsync.
${as[@]+"${as[@]}"} "$bin/postgres" -D "$dir/db" -k "$dir" \
    -c listen_addresses= -c fsync=off -c full_page_writes=off \
    -c max_connections=200 >server.log 2>&1 &
server=$!
for _ in $(seq 600); do
    "$bin/pg_isready" -q -h "$dir" && break
    kill -0 "$server" 2>/dev/null || { cat server.log >&2; exit 1; }
    sleep 0.05
done
cd - >/dev/null || exit 1

export POSTERN_TEST_PG="postgresql://postgres@/postgres?host=$dir"
"$@"

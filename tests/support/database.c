/* SPDX-License-Identifier: Apache-2.0 */
/* See database.h. */
#include "database.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#ifdef PN_WITH_POSTGRES
#include <libpq-fe.h>
#endif

static const char *
server(void)
{
    return getenv("POSTERN_TEST_PG");
}

bool
database_is_sqlite(void)
{
    return server() == NULL;
}

#ifdef PN_WITH_POSTGRES
static int
run_postgres(const char *url, const char *sql)
{
    PGconn *conn = PQconnectdb(url);
    PGresult *result;
    bool ok;

    PQclear(PQexec(conn, "SET client_min_messages = warning"));
    result = PQexec(conn, sql);
    ok = PQresultStatus(result) == PGRES_COMMAND_OK
         || PQresultStatus(result) == PGRES_TUPLES_OK;

    if (!ok) {
        printf("# %s\n", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    }
    PQclear(result);
    PQfinish(conn);
    return ok ? 0 : 1;
}
#else
static int
run_postgres(const char *url, const char *sql)
{
    (void) url;
    (void) sql;
    return 1;
}
#endif

static int
run_sqlite(const char *file, const char *sql)
{
    sqlite3 *db = NULL;
    int rc = sqlite3_open(file, &db);

    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    }
    (void) sqlite3_close(db);
    return rc;
}

void
database_new(struct database *db, const char *dir, const char *name)
{
    static unsigned count;
    char sql[128];

    memset(db, 0, sizeof(*db));
    if (database_is_sqlite()) {
        (void) snprintf(db->file, sizeof(db->file), "%s/%s.db", dir, name);
        (void) snprintf(db->url, sizeof(db->url), "sqlite:%s", db->file);
        return;
    }
    (void) snprintf(db->schema, sizeof(db->schema), "t%ld_%u", (long) getpid(),
                    ++count);
    (void) snprintf(db->url, sizeof(db->url), "%s&options=-csearch_path%%3D%s",
                    server(), db->schema);
    (void) snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", db->schema);
    assert_int_equal(run_postgres(server(), sql), 0);
}

void
database_drop(struct database *db)
{
    char sql[128];

    if (db->schema[0] != '\0') {
        (void) snprintf(sql, sizeof(sql), "DROP SCHEMA %s CASCADE", db->schema);
        (void) run_postgres(server(), sql);
    }
}

int
database_run(const struct database *db, const char *sql)
{
    return database_is_sqlite() ? run_sqlite(db->file, sql)
                                : run_postgres(db->url, sql);
}

int
database_open_audit(const struct database *db)
{
    return database_run(db, database_is_sqlite()
                                ? "DROP TRIGGER audit_keeps_rows;"
                                  "DROP TRIGGER audit_keeps_content"
                                : "ALTER TABLE audit DISABLE TRIGGER USER");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fresh, empty database for one test: a file of SQLite in the test's folder,
 * or a schema in the server that POSTERN_TEST_PG names (tests/support/
 * with_postgres.sh).
 */
#ifndef PN_TESTS_DATABASE_H
#define PN_TESTS_DATABASE_H

#include <stdbool.h>

enum { DATABASE_URL_MAX = 256 };

struct database {
    char url[DATABASE_URL_MAX];       /* for pn_store_open() */
    char file[DATABASE_URL_MAX - 16]; /* "" = PostgreSQL */
    char schema[64];                  /* "" = SQLite */
};

/* name tells several databases of one folder apart. */
void database_new(struct database *db, const char *dir, const char *name);
void database_drop(struct database *db);

/* What an intruder with the database would do, or a test that looks under it:
 * 0 when it accepts the statements. */
int database_run(const struct database *db, const char *sql);

/* Take away what keeps audit rows as they are. */
int database_open_audit(const struct database *db);

bool database_is_sqlite(void);

#endif

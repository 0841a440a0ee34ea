/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The narrow interface to an SQL database, for SQLite (sqlite.c) and PostgreSQL
 * (postgres.c).
 *
 * SQL is portable (what SQLite and PostgreSQL have in common) with parameters
 * written $1, $2, ….  A statement remembers the first error, of preparing or
 * binding too, and yields it when stepped: callers write the happy path and
 * look once.  Statements are cached per connection by their text and must be
 * finished with pn_stmt_done() or pn_stmt_run() before the next use of the
 * same text.
 */
#ifndef PN_DAEMON_STORE_DB_H
#define PN_DAEMON_STORE_DB_H

#include "base/arena.h"
#include "base/defs.h"

struct pn_db;
struct pn_stmt;

enum pn_db_use { PN_DB_WRITE = 0, PN_DB_READ_ONLY };

/*
 * "sqlite:/path/to/file" (made, 0600, if missing and WRITE), "sqlite::memory:",
 * or "postgresql://…" as libpq reads it (PostgreSQL manual, 34.1.1.2), with TLS
 * verified unless the URL says otherwise.  PN_E_SYNTAX for another scheme.
 */
PN_MUST_USE enum pn_err pn_db_open(const char *url, enum pn_db_use use,
                                   struct pn_db **out);
void pn_db_close(struct pn_db *db); /* NULL is fine */

/* What the database said when the last pn_db_open() of this thread failed; ""
 * when it said nothing. */
const char *pn_db_open_why(void);

enum pn_db_kind { PN_DB_SQLITE = 0, PN_DB_POSTGRES };
enum pn_db_kind pn_db_kind(const struct pn_db *db);

/* What the database said about the last error; never NULL. */
const char *pn_db_why(const struct pn_db *db);

/* How little the URL asks of TLS, as its sslmode says it ("require"); NULL when
 * the server is verified, or on this machine by its nature.  Borrowed. */
const char *pn_db_weakness(struct pn_db *db);

/* Was the server out of reach when it was last asked? */
bool pn_db_is_away(const struct pn_db *db);

/* Leave no copy of former rows beside the tables (SQLite's write-ahead log).
 * PN_E_BUSY when somebody still reads there. */
PN_MUST_USE enum pn_err pn_db_settle(struct pn_db *db);

/* Statements without parameters and results, separated by ";". */
PN_MUST_USE enum pn_err pn_db_exec(struct pn_db *db, const char *sql);
/* Likewise, for CREATE and ALTER in SQLite's words, which are translated. */
PN_MUST_USE enum pn_err pn_db_exec_schema(struct pn_db *db, const char *sql);

/* Takes the write lock at once, on PostgreSQL that of all nodes; PN_E_BUSY
 * after some seconds of waiting. */
PN_MUST_USE enum pn_err pn_db_begin(struct pn_db *db);
/* Always the same rows; takes no lock that others wait for; ends with
 * pn_db_rollback(). */
PN_MUST_USE enum pn_err pn_db_begin_reading(struct pn_db *db);
PN_MUST_USE enum pn_err pn_db_commit(struct pn_db *db);
void pn_db_rollback(struct pn_db *db); /* without a transaction: nothing */
bool pn_db_in_transaction(const struct pn_db *db);

/* Never NULL; see above. */
struct pn_stmt *pn_db_query(struct pn_db *db, const char *sql);

/* Text and bytes are borrowed until the statement is done; n from 1. */
void pn_stmt_int(struct pn_stmt *stmt, int n, int64_t value);
void pn_stmt_id(struct pn_stmt *stmt, int n, uint64_t id); /* below 2^63 */
void pn_stmt_str(struct pn_stmt *stmt, int n, struct pn_str text);
void pn_stmt_text(struct pn_stmt *stmt, int n, const char *text); /* or NULL */
void pn_stmt_blob(struct pn_stmt *stmt, int n, const void *bytes, size_t len);

/* PN_OK: a row; PN_E_NOT_FOUND: no more; PN_E_EXISTS: a unique name is taken;
 * other errors as in store.h. */
PN_MUST_USE enum pn_err pn_stmt_step(struct pn_stmt *stmt);
void pn_stmt_done(struct pn_stmt *stmt);

/* Step once, expecting no row, and finish: for INSERT, UPDATE, DELETE. */
PN_MUST_USE enum pn_err pn_stmt_run(struct pn_stmt *stmt);

/* Rows that the last INSERT, UPDATE or DELETE touched. */
int64_t pn_db_touched(const struct pn_db *db);

/*
 * A word to every connection that waits, sent when the transaction commits.
 * PN_OK and nothing where only this process has the database (SQLite).
 */
PN_MUST_USE enum pn_err pn_db_notify(struct pn_db *db);
/* Wait for such a word, from now on: PN_E_NOT_FOUND when none came in time,
 * PN_E_STATE for SQLite, other errors when the connection broke. */
PN_MUST_USE enum pn_err pn_db_await(struct pn_db *db, int timeout_ms);

/* Columns from 0, of the present row; borrowed until the next step.  NULL is 0
 * or {NULL, 0}. */
int64_t pn_stmt_col_int(struct pn_stmt *stmt, int column);
uint64_t pn_stmt_col_id(struct pn_stmt *stmt, int column);
struct pn_str pn_stmt_col_str(struct pn_stmt *stmt, int column);
struct pn_str pn_stmt_col_blob(struct pn_stmt *stmt, int column);

#endif

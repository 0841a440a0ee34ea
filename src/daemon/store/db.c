/* SPDX-License-Identifier: Apache-2.0 */
/* What all drivers share: choosing one, cached statements, the first error. */
#include "daemon/store/db.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/store/driver.h"

static const struct pn_db_driver *const drivers[] = {
    &pn_db_sqlite,
#ifdef PN_WITH_POSTGRES
    &pn_db_postgres,
#endif
};

static bool
is_of(const struct pn_db_driver *driver, const char *url)
{
    for (size_t i = 0; i < PN_LEN(driver->schemes); i++) {
        const char *scheme = driver->schemes[i];

        if (scheme != NULL && strncmp(url, scheme, strlen(scheme)) == 0) {
            return true;
        }
    }
    return false;
}

static _Thread_local char open_why[PN_DB_WHY_MAX];

const char *
pn_db_open_why(void)
{
    return open_why;
}

enum pn_err
pn_db_open(const char *url, enum pn_db_use use, struct pn_db **out)
{
    struct pn_db *db = NULL;

    open_why[0] = '\0';
    for (size_t i = 0; i < PN_LEN(drivers); i++) {
        const struct pn_db_driver *driver = drivers[i];

        if (!is_of(driver, url)) {
            continue;
        }
        enum pn_err err = driver->open(url, use, open_why, &db);

        if (err == PN_OK) {
            db->driver = driver;
            db->broken = (struct pn_stmt){.db = db, .err = PN_E_NOMEM};
            *out = db;
        }
        return err;
    }
    return PN_E_SYNTAX;
}

void
pn_db_close(struct pn_db *db)
{
    if (db == NULL) {
        return;
    }
    while (db->cache != NULL) {
        struct pn_stmt *stmt = db->cache;

        db->cache = stmt->next;
        db->driver->close_stmt(stmt);
        free(stmt->sql);
        free(stmt);
    }
    db->driver->close(db);
}

enum pn_db_kind
pn_db_kind(const struct pn_db *db)
{
    return db->driver->kind;
}

const char *
pn_db_why(const struct pn_db *db)
{
    return db->driver->why(db);
}

const char *
pn_db_weakness(struct pn_db *db)
{
    return db->driver->weakness == NULL ? NULL : db->driver->weakness(db);
}

bool
pn_db_is_away(const struct pn_db *db)
{
    return db->driver->is_away != NULL && db->driver->is_away(db);
}

enum pn_err
pn_db_exec(struct pn_db *db, const char *sql)
{
    return db->driver->exec(db, sql);
}

enum pn_err
pn_db_exec_schema(struct pn_db *db, const char *sql)
{
    return db->driver->exec_schema(db, sql);
}

/* --- transactions -------------------------------------------------------- */

enum pn_err
pn_db_begin(struct pn_db *db)
{
    enum pn_err err = db->driver->begin(db);

    if (err == PN_OK) {
        db->begun = true;
    }
    return err;
}

enum pn_err
pn_db_begin_reading(struct pn_db *db)
{
    enum pn_err err = db->driver->begin_reading(db);

    if (err == PN_OK) {
        db->begun = true;
    }
    return err;
}

enum pn_err
pn_db_commit(struct pn_db *db)
{
    enum pn_err err = db->driver->commit(db);

    if (err == PN_OK) {
        db->begun = false;
    }
    return err;
}

void
pn_db_rollback(struct pn_db *db)
{
    if (db->begun) {
        db->driver->rollback(db);
    }
    db->begun = false;
}

bool
pn_db_in_transaction(const struct pn_db *db)
{
    return db->begun;
}

int64_t
pn_db_touched(const struct pn_db *db)
{
    return db->driver->touched(db);
}

enum pn_err
pn_db_notify(struct pn_db *db)
{
    return db->driver->notify == NULL ? PN_OK : db->driver->notify(db);
}

enum pn_err
pn_db_await(struct pn_db *db, int timeout_ms)
{
    return db->driver->await == NULL ? PN_E_STATE
                                     : db->driver->await(db, timeout_ms);
}

/* --- statements ---------------------------------------------------------- */

static struct pn_stmt *
stmt_new(struct pn_db *db, const char *sql)
{
    struct pn_stmt *stmt = calloc(1, db->driver->stmt_size);

    if (stmt == NULL) {
        return &db->broken;
    }
    stmt->sql = strdup(sql);
    if (stmt->sql == NULL) {
        free(stmt);
        return &db->broken;
    }
    stmt->db = db;
    stmt->next = db->cache;
    db->cache = stmt;
    return stmt;
}

struct pn_stmt *
pn_db_query(struct pn_db *db, const char *sql)
{
    struct pn_stmt *stmt = db->cache;

    while (stmt != NULL && strcmp(stmt->sql, sql) != 0) {
        stmt = stmt->next;
    }
    if (stmt == NULL) {
        stmt = stmt_new(db, sql);
    }
    if (stmt == &db->broken) {
        return stmt;
    }
    /* Not prepared before, or in vain (a lock, no memory, no server). */
    stmt->err = stmt->prepared ? PN_OK : db->driver->prepare(stmt);
    stmt->prepared = stmt->err == PN_OK;
    return stmt;
}

/* Is n a parameter to bind?  If not, an error is noted. */
static bool
may_bind(struct pn_stmt *stmt, int n)
{
    if (stmt->err == PN_OK && (n < 1 || n > PN_DB_PARAMS_MAX)) {
        stmt->err = PN_E_STORE;
    }
    return stmt->err == PN_OK;
}

void
pn_stmt_int(struct pn_stmt *stmt, int n, int64_t value)
{
    if (may_bind(stmt, n)) {
        stmt->err = stmt->db->driver->bind_int(stmt, n, value);
    }
}

void
pn_stmt_id(struct pn_stmt *stmt, int n, uint64_t id)
{
    /* An id no object has (2^63 and above) is simply not found. */
    pn_stmt_int(stmt, n, id > INT64_MAX ? -1 : (int64_t) id);
}

void
pn_stmt_str(struct pn_stmt *stmt, int n, struct pn_str text)
{
    if (may_bind(stmt, n)) {
        stmt->err = stmt->db->driver->bind_text(
            stmt, n, text.len == 0 ? PN_STR("") : text);
    }
}

void
pn_stmt_text(struct pn_stmt *stmt, int n, const char *text)
{
    if (text != NULL) {
        pn_stmt_str(stmt, n, pn_str_from(text));
    } else if (may_bind(stmt, n)) {
        stmt->err = stmt->db->driver->bind_null(stmt, n);
    }
}

void
pn_stmt_blob(struct pn_stmt *stmt, int n, const void *bytes, size_t len)
{
    if (may_bind(stmt, n)) {
        stmt->err = stmt->db->driver->bind_blob(
            stmt, n, len == 0 ? PN_STR("") : (struct pn_str){bytes, len});
    }
}

enum pn_err
pn_stmt_step(struct pn_stmt *stmt)
{
    return stmt->err != PN_OK ? stmt->err : stmt->db->driver->step(stmt);
}

void
pn_stmt_done(struct pn_stmt *stmt)
{
    if (stmt->prepared) {
        stmt->db->driver->done(stmt);
    }
}

enum pn_err
pn_stmt_run(struct pn_stmt *stmt)
{
    enum pn_err err = pn_stmt_step(stmt);

    pn_stmt_done(stmt);
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

int64_t
pn_stmt_col_int(struct pn_stmt *stmt, int column)
{
    return stmt->db->driver->col_int(stmt, column);
}

uint64_t
pn_stmt_col_id(struct pn_stmt *stmt, int column)
{
    return (uint64_t) stmt->db->driver->col_int(stmt, column);
}

struct pn_str
pn_stmt_col_str(struct pn_stmt *stmt, int column)
{
    return stmt->db->driver->col_str(stmt, column);
}

struct pn_str
pn_stmt_col_blob(struct pn_stmt *stmt, int column)
{
    return stmt->db->driver->col_blob(stmt, column);
}

enum pn_err
pn_db_settle(struct pn_db *db)
{
    struct pn_stmt *q;
    enum pn_err err;

    if (pn_db_kind(db) != PN_DB_SQLITE) {
        return PN_OK; /* its log is the administrator's */
    }
    q = pn_db_query(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    err = pn_stmt_step(q);
    if (err == PN_OK && pn_stmt_col_int(q, 0) != 0) {
        err = PN_E_BUSY;
    }
    pn_stmt_done(q);
    return err;
}

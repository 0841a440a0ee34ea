/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite behind db.h: WAL, synchronous FULL, foreign keys.
 *
 * A connection has a chain of cached statements; the number of texts is bounded
 * by the code.  SQLite ends a transaction by itself after some errors (disk
 * full, no memory); from then on every statement until the rollback fails, so
 * that nothing of the rest is ever committed on its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "daemon/store/db.h"

enum { BUSY_TIMEOUT_MS = 5000, PARAMS_MAX = 32, TEXT_MAX = 8 << 20 };

struct pn_stmt {
    struct pn_stmt *next;
    struct pn_db *db;
    char *sql;
    sqlite3_stmt *handle;
    enum pn_err err; /* first error since the statement was asked for */
    uint8_t param[PARAMS_MAX + 1]; /* "$n" -> SQLite's index */
};

struct pn_db {
    sqlite3 *handle;
    struct pn_stmt *cache;
    struct pn_stmt broken; /* stands in when there is no memory */
    bool begun;
};

static enum pn_err
err_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
        return PN_OK;
    case SQLITE_DONE:
        return PN_E_NOT_FOUND;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return PN_E_BUSY;
    case SQLITE_FULL:
        return PN_E_NO_SPACE;
    case SQLITE_NOMEM:
        return PN_E_NOMEM;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return PN_E_PERMISSION;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return PN_E_DAMAGED;
    case SQLITE_TOOBIG:
        return PN_E_TOO_LONG;
    case SQLITE_CONSTRAINT:
        return rc == SQLITE_CONSTRAINT_UNIQUE
                       || rc == SQLITE_CONSTRAINT_PRIMARYKEY
                   ? PN_E_EXISTS
                   : PN_E_STORE;
    default:
        return PN_E_STORE;
    }
}

/* --- connections --------------------------------------------------------- */

/* SQLite gives its companions (-wal, -shm) the mode of the file. */
static enum pn_err
make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);

    if (fd < 0) {
        return errno == EACCES || errno == EPERM || errno == EROFS
                   ? PN_E_PERMISSION
                   : PN_E_IO;
    }
    (void) close(fd);
    return PN_OK;
}

enum pn_err
pn_db_exec(struct pn_db *db, const char *sql)
{
    return err_of(sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

static enum pn_err
configure(struct pn_db *db, enum pn_db_use use)
{
    enum pn_err err;

    (void) sqlite3_extended_result_codes(db->handle, 1);
    (void) sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    (void) sqlite3_limit(db->handle, SQLITE_LIMIT_LENGTH, TEXT_MAX);
    (void) sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void) sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0,
                             NULL);
    err = pn_db_exec(db, "PRAGMA foreign_keys=ON;");
    if (err == PN_OK && use == PN_DB_WRITE) {
        /* A page that several commits wrote is copied back once, so the log
         * may grow (to 32 MiB); the writer meets pages all over the file. */
        err = pn_db_exec(db, "PRAGMA journal_mode=WAL;"
                             "PRAGMA synchronous=FULL;"
                             "PRAGMA wal_autocheckpoint=8000;"
                             "PRAGMA cache_size=-16384;");
    }
    return err;
}

enum pn_err
pn_db_open(const char *where, enum pn_db_use use, struct pn_db **out)
{
    bool in_memory = strcmp(where, ":memory:") == 0;
    int flags =
        SQLITE_OPEN_NOMUTEX
        | (use == PN_DB_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                              : SQLITE_OPEN_READONLY);
    struct pn_db *db = calloc(1, sizeof(*db));
    enum pn_err err = PN_E_NOMEM;

    if (db == NULL) {
        return PN_E_NOMEM;
    }
    db->broken = (struct pn_stmt){.db = db, .err = PN_E_NOMEM};
    if (use == PN_DB_WRITE && !in_memory) {
        err = make_private(where);
        if (err != PN_OK) {
            goto out;
        }
    }
    err = err_of(sqlite3_open_v2(where, &db->handle, flags, NULL));
    if (err == PN_OK) {
        err = configure(db, use);
    }
    if (err != PN_OK) {
        goto out;
    }
    *out = db;
    db = NULL; /* now the caller's */

out:
    pn_db_close(db);
    return err;
}

void
pn_db_close(struct pn_db *db)
{
    if (db == NULL) {
        return;
    }
    while (db->cache != NULL) {
        struct pn_stmt *next = db->cache->next;

        (void) sqlite3_finalize(db->cache->handle);
        free(db->cache->sql);
        free(db->cache);
        db->cache = next;
    }
    (void) sqlite3_close(db->handle);
    free(db);
}

const char *
pn_db_why(const struct pn_db *db)
{
    return sqlite3_errmsg(db->handle);
}

/* --- transactions -------------------------------------------------------- */

static enum pn_err
begin(struct pn_db *db, const char *sql)
{
    enum pn_err err = pn_db_exec(db, sql);

    if (err == PN_OK) {
        db->begun = true;
    }
    return err;
}

enum pn_err
pn_db_begin(struct pn_db *db)
{
    return begin(db, "BEGIN IMMEDIATE");
}

enum pn_err
pn_db_begin_reading(struct pn_db *db)
{
    return begin(db, "BEGIN");
}

enum pn_err
pn_db_commit(struct pn_db *db)
{
    enum pn_err err = pn_db_exec(db, "COMMIT");

    if (err == PN_OK) {
        db->begun = false;
    }
    return err;
}

void
pn_db_rollback(struct pn_db *db)
{
    if (db->begun && sqlite3_get_autocommit(db->handle) == 0) {
        /* After a failed rollback the connection is of no more use, and
         * whatever comes next says so. */
        (void) sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    }
    db->begun = false;
}

bool
pn_db_in_transaction(const struct pn_db *db)
{
    return db->begun;
}

/* --- statements ---------------------------------------------------------- */

/* SQLite numbers "$2" by appearance, we by what it says. */
static void
map_params(struct pn_stmt *stmt)
{
    for (int i = 1; i <= sqlite3_bind_parameter_count(stmt->handle); i++) {
        const char *name = sqlite3_bind_parameter_name(stmt->handle, i);
        long n = name == NULL ? 0 : strtol(name + 1, NULL, 10);

        if (n < 1 || n > PARAMS_MAX) {
            stmt->err = PN_E_STORE;
            return;
        }
        stmt->param[n] = (uint8_t) i;
    }
}

static struct pn_stmt *
prepare(struct pn_db *db, const char *sql)
{
    struct pn_stmt *stmt = calloc(1, sizeof(*stmt));

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
        stmt = prepare(db, sql);
    }
    if (stmt == &db->broken) {
        return stmt;
    }
    stmt->err = PN_OK;
    if (stmt->handle == NULL) {
        /* Not prepared before, or in vain (a lock, no memory). */
        stmt->err = err_of(sqlite3_prepare_v3(db->handle, sql, -1,
                                              SQLITE_PREPARE_PERSISTENT,
                                              &stmt->handle, NULL));
        if (stmt->err == PN_OK) {
            map_params(stmt);
        }
    }
    return stmt;
}

/* SQLite's index of $n; 0, with an error noted, if there is none. */
static int
param(struct pn_stmt *stmt, int n)
{
    if (stmt->err != PN_OK) {
        return 0;
    }
    if (n < 1 || n > PARAMS_MAX || stmt->param[n] == 0) {
        stmt->err = PN_E_STORE;
        return 0;
    }
    return stmt->param[n];
}

static void
note(struct pn_stmt *stmt, int rc)
{
    if (rc != SQLITE_OK && stmt->err == PN_OK) {
        stmt->err = err_of(rc);
    }
}

void
pn_stmt_int(struct pn_stmt *stmt, int n, int64_t value)
{
    int at = param(stmt, n);

    if (at != 0) {
        note(stmt, sqlite3_bind_int64(stmt->handle, at, value));
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
    int at = param(stmt, n);

    if (at != 0) {
        note(stmt, sqlite3_bind_text64(stmt->handle, at,
                                       text.len == 0 ? "" : text.ptr, text.len,
                                       SQLITE_STATIC, SQLITE_UTF8));
    }
}

void
pn_stmt_text(struct pn_stmt *stmt, int n, const char *text)
{
    if (text != NULL) {
        pn_stmt_str(stmt, n, pn_str_from(text));
        return;
    }
    int at = param(stmt, n);

    if (at != 0) {
        note(stmt, sqlite3_bind_null(stmt->handle, at));
    }
}

void
pn_stmt_blob(struct pn_stmt *stmt, int n, const void *bytes, size_t len)
{
    int at = param(stmt, n);

    if (at != 0) {
        note(stmt,
             sqlite3_bind_blob64(stmt->handle, at, bytes, len, SQLITE_STATIC));
    }
}

enum pn_err
pn_stmt_step(struct pn_stmt *stmt)
{
    if (stmt->err != PN_OK) {
        return stmt->err;
    }
    if (stmt->db->begun && sqlite3_get_autocommit(stmt->db->handle) != 0) {
        return PN_E_STORE; /* the transaction ended by itself */
    }
    return err_of(sqlite3_step(stmt->handle));
}

void
pn_stmt_done(struct pn_stmt *stmt)
{
    if (stmt->handle != NULL) {
        /* Its result repeats the error that the step returned. */
        (void) sqlite3_reset(stmt->handle);
        (void) sqlite3_clear_bindings(stmt->handle);
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
pn_db_touched(const struct pn_db *db)
{
    return sqlite3_changes64(db->handle);
}

int64_t
pn_stmt_col_int(struct pn_stmt *stmt, int column)
{
    return sqlite3_column_int64(stmt->handle, column);
}

uint64_t
pn_stmt_col_id(struct pn_stmt *stmt, int column)
{
    return (uint64_t) sqlite3_column_int64(stmt->handle, column);
}

struct pn_str
pn_stmt_col_str(struct pn_stmt *stmt, int column)
{
    const unsigned char *text = sqlite3_column_text(stmt->handle, column);
    int len = sqlite3_column_bytes(stmt->handle, column);

    return (struct pn_str){(const char *) text,
                           text == NULL ? 0 : (size_t) len};
}

struct pn_str
pn_stmt_col_blob(struct pn_stmt *stmt, int column)
{
    const void *bytes = sqlite3_column_blob(stmt->handle, column);
    int len = sqlite3_column_bytes(stmt->handle, column);

    return (struct pn_str){bytes, bytes == NULL ? 0 : (size_t) len};
}

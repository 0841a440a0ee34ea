/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite behind db.h: WAL, synchronous FULL, foreign keys.
 *
 * SQLite ends a transaction by itself after some errors (disk full, no memory);
 * from then on every statement until the rollback fails, so that nothing of the
 * rest is ever committed on its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "daemon/store/driver.h"

#define SCHEME "sqlite:"

enum { BUSY_TIMEOUT_MS = 5000, TEXT_MAX = 8 << 20 };

struct lite_stmt {
    struct pn_stmt base;
    sqlite3_stmt *handle;
    uint8_t param[PN_DB_PARAMS_MAX + 1]; /* "$n" -> SQLite's index, 0 = none */
};

struct lite_db {
    struct pn_db base;
    sqlite3 *handle;
};

static struct lite_db *
lite(struct pn_db *db)
{
    return (struct lite_db *) db;
}

static struct lite_stmt *
lite_stmt(struct pn_stmt *stmt)
{
    return (struct lite_stmt *) stmt;
}

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

static enum pn_err
lite_exec(struct pn_db *db, const char *sql)
{
    return err_of(sqlite3_exec(lite(db)->handle, sql, NULL, NULL, NULL));
}

static enum pn_err
configure(struct lite_db *db, enum pn_db_use use)
{
    enum pn_err err;

    (void) sqlite3_extended_result_codes(db->handle, 1);
    (void) sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    (void) sqlite3_limit(db->handle, SQLITE_LIMIT_LENGTH, TEXT_MAX);
    (void) sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void) sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0,
                             NULL);
    err = lite_exec(&db->base,
                    "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;");
    if (err == PN_OK && use == PN_DB_WRITE) {
        /* A page that several commits wrote is copied back once, so the log
         * may grow (to 32 MiB); the writer meets pages all over the file. */
        err = lite_exec(&db->base, "PRAGMA journal_mode=WAL;"
                                   "PRAGMA synchronous=FULL;"
                                   "PRAGMA wal_autocheckpoint=8000;"
                                   "PRAGMA cache_size=-16384;");
    }
    return err;
}

static void
lite_free(struct lite_db *db)
{
    if (db != NULL) {
        (void) sqlite3_close(db->handle);
        free(db);
    }
}

static void
lite_close(struct pn_db *db)
{
    lite_free(lite(db));
}

static enum pn_err
lite_open(const char *url, enum pn_db_use use, char why[PN_DB_WHY_MAX],
          struct pn_db **out)
{
    const char *where = url + sizeof(SCHEME) - 1;
    bool in_memory = strcmp(where, ":memory:") == 0;
    int flags =
        SQLITE_OPEN_NOMUTEX
        | (use == PN_DB_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                              : SQLITE_OPEN_READONLY);
    struct lite_db *db = calloc(1, sizeof(*db));
    enum pn_err err = PN_OK;

    if (db == NULL) {
        return PN_E_NOMEM;
    }
    if (use == PN_DB_WRITE && !in_memory) {
        err = make_private(where);
    }
    if (err == PN_OK) {
        err = err_of(sqlite3_open_v2(where, &db->handle, flags, NULL));
    }
    if (err == PN_OK) {
        err = configure(db, use);
    }
    if (err != PN_OK) {
        (void) snprintf(why, PN_DB_WHY_MAX, "%s",
                        db->handle == NULL ? "" : sqlite3_errmsg(db->handle));
        goto out;
    }
    *out = &db->base;
    db = NULL; /* now the caller's */

out:
    lite_free(db);
    return err;
}

static const char *
lite_why(const struct pn_db *db)
{
    return sqlite3_errmsg(((const struct lite_db *) db)->handle);
}

/* --- transactions -------------------------------------------------------- */

static enum pn_err
lite_begin(struct pn_db *db)
{
    return lite_exec(db, "BEGIN IMMEDIATE");
}

static enum pn_err
lite_begin_reading(struct pn_db *db)
{
    return lite_exec(db, "BEGIN");
}

static enum pn_err
lite_commit(struct pn_db *db)
{
    return lite_exec(db, "COMMIT");
}

static void
lite_rollback(struct pn_db *db)
{
    if (sqlite3_get_autocommit(lite(db)->handle) == 0) {
        /* After a failed rollback the connection is of no more use, and
         * whatever comes next says so. */
        (void) sqlite3_exec(lite(db)->handle, "ROLLBACK", NULL, NULL, NULL);
    }
}

static int64_t
lite_touched(const struct pn_db *db)
{
    return sqlite3_changes64(((const struct lite_db *) db)->handle);
}

/* --- statements ---------------------------------------------------------- */

/* SQLite numbers "$2" by appearance, we by what it says. */
static enum pn_err
map_params(struct lite_stmt *stmt)
{
    for (int i = 1; i <= sqlite3_bind_parameter_count(stmt->handle); i++) {
        const char *name = sqlite3_bind_parameter_name(stmt->handle, i);
        long n = name == NULL ? 0 : strtol(name + 1, NULL, 10);

        if (n < 1 || n > PN_DB_PARAMS_MAX) {
            return PN_E_STORE;
        }
        stmt->param[n] = (uint8_t) i;
    }
    return PN_OK;
}

static void
lite_close_stmt(struct pn_stmt *stmt)
{
    (void) sqlite3_finalize(lite_stmt(stmt)->handle);
    lite_stmt(stmt)->handle = NULL;
}

static enum pn_err
lite_prepare(struct pn_stmt *stmt)
{
    struct lite_stmt *mine = lite_stmt(stmt);
    enum pn_err err;

    lite_close_stmt(stmt); /* of an attempt in vain */
    err = err_of(sqlite3_prepare_v3(lite(stmt->db)->handle, stmt->sql, -1,
                                    SQLITE_PREPARE_PERSISTENT, &mine->handle,
                                    NULL));
    return err == PN_OK ? map_params(mine) : err;
}

static enum pn_err
lite_bind_int(struct pn_stmt *stmt, int n, int64_t value)
{
    struct lite_stmt *mine = lite_stmt(stmt);

    return err_of(sqlite3_bind_int64(mine->handle, mine->param[n], value));
}

static enum pn_err
lite_bind_text(struct pn_stmt *stmt, int n, struct pn_str text)
{
    struct lite_stmt *mine = lite_stmt(stmt);

    return err_of(sqlite3_bind_text64(mine->handle, mine->param[n], text.ptr,
                                      text.len, SQLITE_STATIC, SQLITE_UTF8));
}

static enum pn_err
lite_bind_blob(struct pn_stmt *stmt, int n, struct pn_str bytes)
{
    struct lite_stmt *mine = lite_stmt(stmt);

    return err_of(sqlite3_bind_blob64(mine->handle, mine->param[n], bytes.ptr,
                                      bytes.len, SQLITE_STATIC));
}

static enum pn_err
lite_bind_null(struct pn_stmt *stmt, int n)
{
    struct lite_stmt *mine = lite_stmt(stmt);

    return err_of(sqlite3_bind_null(mine->handle, mine->param[n]));
}

static enum pn_err
lite_step(struct pn_stmt *stmt)
{
    if (stmt->db->begun && sqlite3_get_autocommit(lite(stmt->db)->handle) != 0)
    {
        return PN_E_STORE; /* the transaction ended by itself */
    }
    return err_of(sqlite3_step(lite_stmt(stmt)->handle));
}

static void
lite_done(struct pn_stmt *stmt)
{
    /* The result repeats the error that the step returned. */
    (void) sqlite3_reset(lite_stmt(stmt)->handle);
    (void) sqlite3_clear_bindings(lite_stmt(stmt)->handle);
}

static int64_t
lite_col_int(struct pn_stmt *stmt, int column)
{
    return sqlite3_column_int64(lite_stmt(stmt)->handle, column);
}

static struct pn_str
lite_col_str(struct pn_stmt *stmt, int column)
{
    sqlite3_stmt *handle = lite_stmt(stmt)->handle;
    const unsigned char *text = sqlite3_column_text(handle, column);
    int len = sqlite3_column_bytes(handle, column);

    return (struct pn_str){(const char *) text,
                           text == NULL ? 0 : (size_t) len};
}

static struct pn_str
lite_col_blob(struct pn_stmt *stmt, int column)
{
    sqlite3_stmt *handle = lite_stmt(stmt)->handle;
    const void *bytes = sqlite3_column_blob(handle, column);
    int len = sqlite3_column_bytes(handle, column);

    return (struct pn_str){bytes, bytes == NULL ? 0 : (size_t) len};
}

const struct pn_db_driver pn_db_sqlite = {
    .kind = PN_DB_SQLITE,
    .schemes = {SCHEME},
    .stmt_size = sizeof(struct lite_stmt),
    .open = lite_open,
    .close = lite_close,
    .why = lite_why,
    .exec = lite_exec,
    .exec_schema = lite_exec,
    .begin = lite_begin,
    .begin_reading = lite_begin_reading,
    .commit = lite_commit,
    .rollback = lite_rollback,
    .touched = lite_touched,
    .prepare = lite_prepare,
    .close_stmt = lite_close_stmt,
    .bind_int = lite_bind_int,
    .bind_text = lite_bind_text,
    .bind_blob = lite_bind_blob,
    .bind_null = lite_bind_null,
    .step = lite_step,
    .done = lite_done,
    .col_int = lite_col_int,
    .col_str = lite_col_str,
    .col_blob = lite_col_blob,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a database driver provides; db.c is its only caller.
 *
 * db.c keeps the cache of statements and the first error of each, so a driver's
 * function is called only on a statement that is in order.  A driver's structs
 * begin with the ones below.
 */
#ifndef PN_DAEMON_STORE_DRIVER_H
#define PN_DAEMON_STORE_DRIVER_H

#include "daemon/store/db.h"

enum { PN_DB_PARAMS_MAX = 32, PN_DB_WHY_MAX = 768 };

struct pn_stmt {
    struct pn_stmt *next;
    struct pn_db *db;
    char *sql;
    enum pn_err err; /* first error since the statement was asked for */
    bool prepared;
};

struct pn_db {
    const struct pn_db_driver *driver;
    struct pn_stmt *cache;
    struct pn_stmt broken; /* stands in when there is no memory */
    bool begun;
};

/* Steps and columns as in db.h.  n is within 1..PN_DB_PARAMS_MAX. */
struct pn_db_driver {
    enum pn_db_kind kind;
    const char *schemes[2]; /* what a URL begins with; NULL = no second */
    size_t stmt_size;
    /* why gets a phrase when it fails for a reason that has one. */
    enum pn_err (*open)(const char *url, enum pn_db_use use,
                        char why[PN_DB_WHY_MAX], struct pn_db **out);
    void (*close)(struct pn_db *db); /* statements are closed before */
    const char *(*why)(const struct pn_db *db);
    /* As pn_db_weakness() and pn_db_is_away(); NULL where there is no network.
     */
    const char *(*weakness)(struct pn_db *db);
    bool (*is_away)(const struct pn_db *db);
    enum pn_err (*exec)(struct pn_db *db, const char *sql);
    enum pn_err (*exec_schema)(struct pn_db *db, const char *sql);
    enum pn_err (*begin)(struct pn_db *db);
    enum pn_err (*begin_reading)(struct pn_db *db);
    enum pn_err (*commit)(struct pn_db *db);
    void (*rollback)(struct pn_db *db);
    int64_t (*touched)(const struct pn_db *db);
    /* NULL where nobody else has the database. */
    enum pn_err (*notify)(struct pn_db *db);
    enum pn_err (*await)(struct pn_db *db, int timeout_ms);
    /* Called when the statement is not prepared (any more). */
    enum pn_err (*prepare)(struct pn_stmt *stmt);
    void (*close_stmt)(struct pn_stmt *stmt);
    enum pn_err (*bind_int)(struct pn_stmt *stmt, int n, int64_t value);
    enum pn_err (*bind_text)(struct pn_stmt *stmt, int n, struct pn_str text);
    enum pn_err (*bind_blob)(struct pn_stmt *stmt, int n, struct pn_str bytes);
    enum pn_err (*bind_null)(struct pn_stmt *stmt, int n);
    enum pn_err (*step)(struct pn_stmt *stmt);
    void (*done)(struct pn_stmt *stmt);
    int64_t (*col_int)(struct pn_stmt *stmt, int column);
    struct pn_str (*col_str)(struct pn_stmt *stmt, int column);
    struct pn_str (*col_blob)(struct pn_stmt *stmt, int column);
};

extern const struct pn_db_driver pn_db_sqlite;
extern const struct pn_db_driver pn_db_postgres;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL behind db.h, by libpq.
 *
 * One writer at a time, as with SQLite, but of all nodes: a transaction begins
 * with an advisory lock that it holds to its end.  So what a change was judged
 * by cannot be changed by another node before it commits, positions of the feed
 * are in the order of commits, and migrations run once.
 *
 * A result is fetched whole, so that other statements may run between its rows:
 * queries have a LIMIT or few rows by nature.
 *
 * A connection that broke is made anew when the next transaction begins, or by
 * a statement outside one; inside a transaction every statement fails until the
 * rollback.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/store/postgres_link.h"
#include "daemon/store/postgres_words.h"

enum {
    NUMBER_MAX = 24,
    NAME_MAX_LEN = 16,
};

struct post_stmt {
    struct pn_stmt base;
    char name[NAME_MAX_LEN];
    int param_count;
    unsigned connection; /* the one that it was prepared on */
    const char *value[PN_DB_PARAMS_MAX];
    int length[PN_DB_PARAMS_MAX];
    int format[PN_DB_PARAMS_MAX]; /* 0 = text, 1 = binary */
    char number[PN_DB_PARAMS_MAX][NUMBER_MAX];
    PGresult *result;
    int row; /* of result, that the next step yields */
};

struct post_db {
    struct pn_db base;
    struct pn_link link;
    unsigned statements; /* names given so far */
};

static struct post_db *
post(struct pn_db *db)
{
    return (struct post_db *) db;
}

static struct post_stmt *
post_stmt(struct pn_stmt *stmt)
{
    return (struct post_stmt *) stmt;
}

static enum pn_err
post_exec(struct pn_db *db, const char *sql)
{
    return pn_link_run(&post(db)->link, sql);
}

static enum pn_err
post_exec_schema(struct pn_db *db, const char *sql)
{
    char *ours = pn_postgres_words(sql);
    enum pn_err err =
        ours == NULL ? PN_E_NOMEM : pn_link_run(&post(db)->link, ours);

    free(ours);
    return err;
}

static void
post_free(struct post_db *db)
{
    if (db != NULL) {
        pn_link_close(&db->link);
        free(db);
    }
}

static void
post_close(struct pn_db *db)
{
    post_free(post(db));
}

static enum pn_err
post_open(const char *url, enum pn_db_use use, char why[PN_DB_WHY_MAX],
          struct pn_db **out)
{
    struct post_db *db = calloc(1, sizeof(*db));
    enum pn_err err;

    if (db == NULL) {
        return PN_E_NOMEM;
    }
    err = pn_link_open(&db->link, url, use);
    if (err != PN_OK) {
        memcpy(why, db->link.why, sizeof(db->link.why));
        goto out;
    }
    *out = &db->base;
    db = NULL; /* now the caller's */

out:
    post_free(db);
    return err;
}

static const char *
post_why(const struct pn_db *db)
{
    return ((const struct post_db *) db)->link.why;
}

static const char *
post_weakness(struct pn_db *db)
{
    return pn_dial_weakness(post(db)->link.conn);
}

static bool
post_is_away(const struct pn_db *db)
{
    return ((const struct post_db *) db)->link.lost;
}

/* --- transactions -------------------------------------------------------- */

static enum pn_err
post_begin(struct pn_db *db)
{
    enum pn_err err = pn_link_begin(&post(db)->link, "BEGIN");

    if (err != PN_OK) {
        return err;
    }
    /* The number is "postern" in ASCII. */
    err = pn_link_run(&post(db)->link,
                      "SELECT pg_advisory_xact_lock(31647739056321134)");
    if (err != PN_OK) {
        pn_link_rollback(&post(db)->link);
    }
    return err;
}

static enum pn_err
post_begin_reading(struct pn_db *db)
{
    return pn_link_begin(&post(db)->link,
                         "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

static enum pn_err
post_commit(struct pn_db *db)
{
    PGresult *result = PQexec(post(db)->link.conn, "COMMIT");
    /* COMMIT of a transaction that failed answers ROLLBACK, without error. */
    bool undone = PQresultStatus(result) == PGRES_COMMAND_OK
                  && strcmp(PQcmdStatus(result), "COMMIT") != 0;
    enum pn_err err = pn_link_take(&post(db)->link, result, NULL);

    return undone ? PN_E_STORE : err;
}

static void
post_rollback(struct pn_db *db)
{
    pn_link_rollback(&post(db)->link);
}

static int64_t
post_touched(const struct pn_db *db)
{
    return ((const struct post_db *) db)->link.touched;
}

static enum pn_err
post_notify(struct pn_db *db)
{
    return pn_link_notify(&post(db)->link);
}

static enum pn_err
post_await(struct pn_db *db, int timeout_ms)
{
    return pn_link_await(&post(db)->link, timeout_ms);
}

/* --- statements ---------------------------------------------------------- */

/* The highest "$n". */
static int
count_params(const char *sql)
{
    long highest = 0;

    for (const char *at = strchr(sql, '$'); at != NULL;
         at = strchr(at + 1, '$')) {
        long n = strtol(at + 1, NULL, 10);

        highest = n > highest ? n : highest;
    }
    return (int) highest;
}

static enum pn_err
prepare(struct post_stmt *mine, struct post_db *db)
{
    (void) snprintf(mine->name, sizeof(mine->name), "p%u", ++db->statements);
    mine->connection = db->link.number;
    return pn_link_take(
        &db->link,
        PQprepare(db->link.conn, mine->name, mine->base.sql, 0, NULL), NULL);
}

/* Done when the statement is executed, which knows how to begin anew. */
static enum pn_err
post_prepare(struct pn_stmt *stmt)
{
    struct post_stmt *mine = post_stmt(stmt);

    mine->connection = 0;
    mine->param_count = count_params(stmt->sql);
    return mine->param_count > PN_DB_PARAMS_MAX ? PN_E_STORE : PN_OK;
}

static void
post_done(struct pn_stmt *stmt)
{
    struct post_stmt *mine = post_stmt(stmt);

    PQclear(mine->result);
    mine->result = NULL;
    memset(mine->value, 0, sizeof(mine->value));
}

static enum pn_err
bind_value(struct pn_stmt *stmt, int n, struct pn_str bytes, int format)
{
    struct post_stmt *mine = post_stmt(stmt);

    if (n > mine->param_count || bytes.len > INT32_MAX) {
        return PN_E_STORE;
    }
    mine->value[n - 1] = bytes.ptr;
    mine->length[n - 1] = (int) bytes.len;
    mine->format[n - 1] = format;
    return PN_OK;
}

static enum pn_err
post_bind_int(struct pn_stmt *stmt, int n, int64_t value)
{
    char *text = post_stmt(stmt)->number[n - 1];

    (void) snprintf(text, NUMBER_MAX, "%lld", (long long) value);
    return bind_value(stmt, n, pn_str_from(text), 0);
}

/* Binary, since the text has no NUL behind it: the bytes are the same. */
static enum pn_err
post_bind_bytes(struct pn_stmt *stmt, int n, struct pn_str bytes)
{
    return bind_value(stmt, n, bytes, 1);
}

static enum pn_err
post_bind_null(struct pn_stmt *stmt, int n)
{
    return bind_value(stmt, n, (struct pn_str){NULL, 0}, 0);
}

static enum pn_err
execute_once(struct post_stmt *mine, struct post_db *db)
{
    if (mine->connection != db->link.number) {
        enum pn_err err = prepare(mine, db);

        if (err != PN_OK) {
            mine->connection = 0;
            return err;
        }
    }
    return pn_link_take(&db->link,
                        PQexecPrepared(db->link.conn, mine->name,
                                       mine->param_count, mine->value,
                                       mine->length, mine->format, 1),
                        &mine->result);
}

/* What only reads may be asked again on a new connection. */
static enum pn_err
execute(struct pn_stmt *stmt)
{
    struct post_stmt *mine = post_stmt(stmt);
    struct post_db *db = post(stmt->db);
    bool again = !stmt->db->begun && db->link.use == PN_DB_READ_ONLY;
    enum pn_err err = PN_E_IO;

    mine->row = 0;
    for (int attempt = 0; attempt < (again ? PN_LINK_ATTEMPTS : 1); attempt++) {
        err = stmt->db->begun ? PN_OK : pn_link_ready(&db->link);
        if (err != PN_OK) {
            break; /* nobody is there: once is long enough */
        }
        err = execute_once(mine, db);
        if (!db->link.lost) {
            break;
        }
    }
    return err;
}

static enum pn_err
post_step(struct pn_stmt *stmt)
{
    struct post_stmt *mine = post_stmt(stmt);

    if (mine->result == NULL) {
        enum pn_err err = execute(stmt);

        if (err != PN_OK) {
            return err;
        }
    } else {
        mine->row++;
    }
    return mine->result != NULL && mine->row < PQntuples(mine->result)
               ? PN_OK
               : PN_E_NOT_FOUND;
}

/* Integers come in network order, as wide as their type. */
static int64_t
post_col_int(struct pn_stmt *stmt, int column)
{
    struct post_stmt *mine = post_stmt(stmt);
    const char *bytes = PQgetvalue(mine->result, mine->row, column);
    uint64_t wide = 0;
    uint32_t narrow = 0;

    switch (PQgetlength(mine->result, mine->row, column)) {
    case sizeof(wide):
        memcpy(&wide, bytes, sizeof(wide));
        return (int64_t) be64toh(wide);
    case sizeof(narrow):
        memcpy(&narrow, bytes, sizeof(narrow));
        return (int32_t) be32toh(narrow);
    default:
        return 0; /* NULL */
    }
}

static struct pn_str
post_col_bytes(struct pn_stmt *stmt, int column)
{
    struct post_stmt *mine = post_stmt(stmt);

    if (PQgetisnull(mine->result, mine->row, column)) {
        return (struct pn_str){NULL, 0};
    }
    return (struct pn_str){
        PQgetvalue(mine->result, mine->row, column),
        (size_t) PQgetlength(mine->result, mine->row, column)};
}

const struct pn_db_driver pn_db_postgres = {
    .kind = PN_DB_POSTGRES,
    .schemes = {"postgresql://", "postgres://"},
    .stmt_size = sizeof(struct post_stmt),
    .open = post_open,
    .close = post_close,
    .why = post_why,
    .weakness = post_weakness,
    .is_away = post_is_away,
    .exec = post_exec,
    .exec_schema = post_exec_schema,
    .begin = post_begin,
    .begin_reading = post_begin_reading,
    .commit = post_commit,
    .rollback = post_rollback,
    .touched = post_touched,
    .notify = post_notify,
    .await = post_await,
    .prepare = post_prepare,
    .close_stmt = post_done,
    .bind_int = post_bind_int,
    .bind_text = post_bind_bytes,
    .bind_blob = post_bind_bytes,
    .bind_null = post_bind_null,
    .step = post_step,
    .done = post_done,
    .col_int = post_col_int,
    .col_str = post_col_bytes,
    .col_blob = post_col_bytes,
};

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
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/store/driver.h"
#include "daemon/store/postgres_words.h"

enum {
    NUMBER_MAX = 24,
    NAME_MAX_LEN = 16,
    ATTEMPTS = 2, /* the second on a new connection */
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
    PGconn *conn;
    enum pn_db_use use;
    bool lost;           /* the connection; libpq may not know yet */
    unsigned connection; /* counts connections */
    unsigned listening;  /* the connection that listens; 0 = none */
    unsigned statements; /* names given so far */
    int64_t touched;
    char why[PN_DB_WHY_MAX];
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

/* --- errors -------------------------------------------------------------- */

/* SQLSTATEs (PostgreSQL manual, appendix A) that callers tell apart. */
static enum pn_err
err_of_state(const char *state)
{
    static const struct {
        const char *begins;
        enum pn_err err;
    } rows[] = {
        {"23505", PN_E_EXISTS},     /* unique_violation */
        {"40001", PN_E_BUSY},       /* serialization_failure */
        {"40P01", PN_E_BUSY},       /* deadlock_detected */
        {"55P03", PN_E_BUSY},       /* lock_not_available */
        {"57014", PN_E_BUSY},       /* query_canceled: a timeout */
        {"53100", PN_E_NO_SPACE},   /* disk_full */
        {"53200", PN_E_NOMEM},      /* out_of_memory */
        {"54", PN_E_TOO_LONG},      /* program_limit_exceeded */
        {"42501", PN_E_PERMISSION}, /* insufficient_privilege */
        {"25006", PN_E_PERMISSION}, /* read_only_sql_transaction */
        {"28", PN_E_PERMISSION},    /* invalid_authorization_specification */
        {"XX001", PN_E_DAMAGED},    /* data_corrupted */
        {"XX002", PN_E_DAMAGED},    /* index_corrupted */
    };

    for (size_t i = 0; state != NULL && i < PN_LEN(rows); i++) {
        if (strncmp(state, rows[i].begins, strlen(rows[i].begins)) == 0) {
            return rows[i].err;
        }
    }
    return PN_E_STORE;
}

/* libpq's own errors have no SQLSTATE; a server that ends says so. */
static bool
is_loss(const char *state)
{
    return state == NULL || strncmp(state, "08", 2) == 0 /* connection */
           || strncmp(state, "57P0", 4) == 0;            /* shutdown, crash */
}

/* libpq ends its messages with a newline, and may have several lines. */
static void
keep_why(struct post_db *db, const char *message)
{
    size_t n = 0;

    for (; message[n] != '\0' && n + 1 < sizeof(db->why); n++) {
        db->why[n] = message[n] == '\n' ? ' ' : message[n];
    }
    while (n > 0 && db->why[n - 1] == ' ') {
        n--;
    }
    db->why[n] = '\0';
}

/* The result's own verdict; takes the result unless kept is given and there
 * are rows. */
static enum pn_err
take_result(struct post_db *db, PGresult *result, PGresult **kept)
{
    enum pn_err err = PN_OK;

    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    switch ((int) PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
        if (kept != NULL) {
            *kept = result;
            return PN_OK;
        }
        break;
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        break;
    default:
        db->lost = is_loss(state);
        err = db->lost ? PN_E_IO : err_of_state(state);
        keep_why(db, PQerrorMessage(db->conn));
        break;
    }
    if (err == PN_OK) {
        const char *rows = PQcmdTuples(result);

        db->touched = rows[0] == '\0' ? 0 : strtoll(rows, NULL, 10);
    }
    PQclear(result);
    return err;
}

/* --- connections --------------------------------------------------------- */

/* One or several statements without parameters. */
static enum pn_err
run(struct post_db *db, const char *sql)
{
    return take_result(db, PQexec(db->conn, sql), NULL);
}

static enum pn_err
furnish(struct post_db *db)
{
    enum pn_err err =
        run(db, "SET client_min_messages = warning;"
                "SET lock_timeout = '5s';"
                "SET statement_timeout = '60s';"
                "SET idle_in_transaction_session_timeout = '30s';");

    /* A commit that was answered is on disk; a site may ask for more. */
    if (err == PN_OK && db->use == PN_DB_WRITE) {
        err = run(db, "SELECT set_config('synchronous_commit', 'on', false)"
                      " WHERE current_setting('synchronous_commit') = 'off'");
    }
    if (err == PN_OK && db->use == PN_DB_READ_ONLY) {
        err = run(db, "SET default_transaction_read_only = on");
    }
    return err;
}

/* After an error of the connection itself. */
static enum pn_err
connection_lost(struct post_db *db)
{
    keep_why(db, PQerrorMessage(db->conn));
    db->lost = true;
    return PN_E_IO;
}

/* Make sure that there is a connection, outside of a transaction. */
static enum pn_err
connected(struct post_db *db)
{
    if (!db->lost) {
        return PN_OK;
    }
    PQreset(db->conn);
    db->connection++;
    db->lost = false;
    return PQstatus(db->conn) == CONNECTION_OK ? furnish(db)
                                               : connection_lost(db);
}

static enum pn_err
post_exec(struct pn_db *db, const char *sql)
{
    return run(post(db), sql);
}

static enum pn_err
post_exec_schema(struct pn_db *db, const char *sql)
{
    char *ours = pn_postgres_words(sql);
    enum pn_err err = ours == NULL ? PN_E_NOMEM : run(post(db), ours);

    free(ours);
    return err;
}

static void
post_close(struct pn_db *db)
{
    if (db != NULL) {
        PQfinish(post(db)->conn);
        free(db);
    }
}

/*
 * libpq's own defaults are those of an interactive client; these are for a
 * server.  What the URL says comes later and wins.  TLS and the server's name
 * are verified unless the URL asks for less; libpq ignores that for a socket of
 * this machine.
 */
static PGconn *
dial(const char *url)
{
    static const char *const names[] = {
        "sslmode",          "sslrootcert",      "connect_timeout",
        "keepalives_idle",  "keepalives_count", "keepalives_interval",
        "tcp_user_timeout", "application_name", "target_session_attrs",
        "client_encoding",  "dbname",           NULL};
    const char *const values[] = {
        "verify-full", "/etc/ssl/certs/ca-certificates.crt",
        "5",           "10",
        "3",           "5",
        "10000",       "postern",
        "read-write",  "UTF8",
        url,           NULL};

    return PQconnectdbParams(names, values, 1);
}

static enum pn_err
post_open(const char *url, enum pn_db_use use, char why[PN_DB_WHY_MAX],
          struct pn_db **out)
{
    struct post_db *db = calloc(1, sizeof(*db));
    enum pn_err err = PN_E_NOMEM;

    if (db == NULL) {
        return PN_E_NOMEM;
    }
    db->use = use;
    db->connection = 1;
    db->conn = dial(url);
    if (db->conn == NULL) {
        goto out;
    }
    err =
        PQstatus(db->conn) == CONNECTION_OK ? furnish(db) : connection_lost(db);
    if (err != PN_OK) {
        memcpy(why, db->why, sizeof(db->why));
        goto out;
    }
    *out = &db->base;
    db = NULL; /* now the caller's */

out:
    post_close(db != NULL ? &db->base : NULL);
    return err;
}

static const char *
post_why(const struct pn_db *db)
{
    return ((const struct post_db *) db)->why;
}

/* --- transactions -------------------------------------------------------- */

/* That a connection broke is seen when it is used: then once more. */
static enum pn_err
begin(struct post_db *db, const char *sql)
{
    enum pn_err err = PN_E_IO;

    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        err = connected(db);
        if (err == PN_OK) {
            err = run(db, sql);
        }
        if (!db->lost) {
            break;
        }
    }
    return err;
}

static enum pn_err
post_begin(struct pn_db *db)
{
    enum pn_err err = begin(post(db), "BEGIN");

    if (err != PN_OK) {
        return err;
    }
    /* The number is "postern" in ASCII. */
    err = run(post(db), "SELECT pg_advisory_xact_lock(31647739056321134)");
    if (err != PN_OK) {
        (void) run(post(db), "ROLLBACK");
    }
    return err;
}

static enum pn_err
post_begin_reading(struct pn_db *db)
{
    return begin(post(db), "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

static enum pn_err
post_commit(struct pn_db *db)
{
    PGresult *result = PQexec(post(db)->conn, "COMMIT");
    /* COMMIT of a transaction that failed answers ROLLBACK, without error. */
    bool undone = PQresultStatus(result) == PGRES_COMMAND_OK
                  && strcmp(PQcmdStatus(result), "COMMIT") != 0;
    enum pn_err err = take_result(post(db), result, NULL);

    return undone ? PN_E_STORE : err;
}

static void
post_rollback(struct pn_db *db)
{
    /* Without a connection there is nothing left to undo. */
    (void) run(post(db), "ROLLBACK");
}

static int64_t
post_touched(const struct pn_db *db)
{
    return ((const struct post_db *) db)->touched;
}

/* --- words between nodes ------------------------------------------------- */

/* A word says only "look", so one meant for somebody else does no harm. */
#define CHANNEL "postern"

static enum pn_err
post_notify(struct pn_db *db)
{
    return run(post(db), "NOTIFY " CHANNEL);
}

/* Was there a word?  All that have come count as one. */
static bool
take_words(PGconn *conn)
{
    bool any = false;
    PGnotify *word;

    while ((word = PQnotifies(conn)) != NULL) {
        any = true;
        PQfreemem(word);
    }
    return any;
}

static enum pn_err
post_await(struct pn_db *db, int timeout_ms)
{
    struct post_db *mine = post(db);
    struct pollfd fd = {.events = POLLIN};
    enum pn_err err = connected(mine);

    /* Once a connection; changes from before are the caller's business. */
    if (err == PN_OK && mine->listening != mine->connection) {
        err = run(mine, "LISTEN " CHANNEL);
        mine->listening = err == PN_OK ? mine->connection : 0;
        return err; /* there may have been a word meanwhile */
    }
    if (err != PN_OK) {
        return err;
    }
    if (take_words(mine->conn)) {
        return PN_OK;
    }
    fd.fd = PQsocket(mine->conn);
    (void) poll(&fd, 1, timeout_ms);
    if (!PQconsumeInput(mine->conn)) {
        return connection_lost(mine);
    }
    return take_words(mine->conn) ? PN_OK : PN_E_NOT_FOUND;
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
    mine->connection = db->connection;
    return take_result(
        db, PQprepare(db->conn, mine->name, mine->base.sql, 0, NULL), NULL);
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
    if (mine->connection != db->connection) {
        enum pn_err err = prepare(mine, db);

        if (err != PN_OK) {
            mine->connection = 0;
            return err;
        }
    }
    return take_result(db,
                       PQexecPrepared(db->conn, mine->name, mine->param_count,
                                      mine->value, mine->length, mine->format,
                                      1),
                       &mine->result);
}

/* What only reads may be asked again on a new connection. */
static enum pn_err
execute(struct pn_stmt *stmt)
{
    struct post_stmt *mine = post_stmt(stmt);
    struct post_db *db = post(stmt->db);
    bool again = !stmt->db->begun && db->use == PN_DB_READ_ONLY;
    enum pn_err err = PN_E_IO;

    mine->row = 0;
    for (int attempt = 0; attempt < (again ? ATTEMPTS : 1); attempt++) {
        err = stmt->db->begun ? PN_OK : connected(db);
        if (err == PN_OK) {
            err = execute_once(mine, db);
        }
        if (!db->lost) {
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

/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to PostgreSQL, by libpq; see postgres_link.h. */
#include "daemon/store/postgres_link.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

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
keep_why(struct pn_link *link, const char *message)
{
    size_t n = 0;

    for (; message[n] != '\0' && n + 1 < sizeof(link->why); n++) {
        link->why[n] = message[n] == '\n' ? ' ' : message[n];
    }
    while (n > 0 && link->why[n - 1] == ' ') {
        n--;
    }
    link->why[n] = '\0';
}

/* The result's own verdict; takes the result unless kept is given and there
 * are rows. */
enum pn_err
pn_link_take(struct pn_link *link, PGresult *result, PGresult **kept)
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
        link->lost = is_loss(state);
        err = link->lost ? PN_E_IO : err_of_state(state);
        keep_why(link, PQerrorMessage(link->conn));
        break;
    }
    if (err == PN_OK) {
        const char *rows = PQcmdTuples(result);

        link->touched = rows[0] == '\0' ? 0 : strtoll(rows, NULL, 10);
    }
    PQclear(result);
    return err;
}

/* --- connections --------------------------------------------------------- */

enum pn_err
pn_link_run(struct pn_link *link, const char *sql)
{
    return pn_link_take(link, PQexec(link->conn, sql), NULL);
}

/*
 * A node that is cut off must not keep the writers' lock, nor a place among the
 * server's connections: the server ends its transaction after 10 s and notices
 * within a minute that nobody is there.
 */
static enum pn_err
furnish(struct pn_link *link)
{
    enum pn_err err = pn_link_run(link, "SET client_min_messages = warning;"
                                        "SET lock_timeout = '5s';"
                                        "SET statement_timeout = '60s';"
                                        "SET tcp_keepalives_idle = 30;"
                                        "SET tcp_keepalives_interval = 10;"
                                        "SET tcp_keepalives_count = 3;");

    if (err == PN_OK) {
        err = pn_link_run(
            link, link->use == PN_DB_WRITE
                      ? "SET idle_in_transaction_session_timeout = '10s'"
                      : "SET idle_in_transaction_session_timeout = '30s'");
    }
    /* A commit that was answered is on disk; a site may ask for more. */
    if (err == PN_OK && link->use == PN_DB_WRITE) {
        err = pn_link_run(
            link, "SELECT set_config('synchronous_commit', 'on', false)"
                  " WHERE current_setting('synchronous_commit') = 'off'");
    }
    if (err == PN_OK && link->use == PN_DB_READ_ONLY) {
        err = pn_link_run(link, "SET default_transaction_read_only = on");
    }
    return err;
}

/* After an error of the connection itself. */
static enum pn_err
connection_lost(struct pn_link *link)
{
    keep_why(link, PQerrorMessage(link->conn));
    link->lost = true;
    return PN_E_IO;
}

static enum pn_err
connect_link(struct pn_link *link)
{
    PGconn *conn = NULL;
    enum pn_err err = pn_dial(link->url, link->use, &conn, link->why);

    if (err != PN_OK) {
        link->lost = true;
        return err;
    }
    PQfinish(link->conn);
    link->conn = conn;
    link->number++;
    link->lost = false;
    return furnish(link);
}

enum pn_err
pn_link_ready(struct pn_link *link)
{
    return link->lost ? connect_link(link) : PN_OK;
}

enum pn_err
pn_link_open(struct pn_link *link, const char *url, enum pn_db_use use)
{
    *link = (struct pn_link){.use = use, .url = strdup(url)};
    return link->url == NULL ? PN_E_NOMEM : connect_link(link);
}

void
pn_link_close(struct pn_link *link)
{
    PQfinish(link->conn);
    link->conn = NULL;
    free(link->url);
    link->url = NULL;
}

void
pn_link_rollback(struct pn_link *link)
{
    enum pn_err err = pn_link_run(link, "ROLLBACK");

    (void) err;
}

enum pn_err
pn_link_begin(struct pn_link *link, const char *sql)
{
    enum pn_err err = PN_E_IO;

    for (int attempt = 0; attempt < PN_LINK_ATTEMPTS; attempt++) {
        err = pn_link_ready(link);
        if (err != PN_OK) {
            break; /* nobody is there: once is long enough */
        }
        err = pn_link_run(link, sql);
        if (!link->lost) {
            break;
        }
    }
    return err;
}

/* --- words between nodes ------------------------------------------------- */

/* A word says only "look", so one meant for somebody else does no harm. */
#define CHANNEL "postern"

enum pn_err
pn_link_notify(struct pn_link *link)
{
    return pn_link_run(link, "NOTIFY " CHANNEL);
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

enum pn_err
pn_link_await(struct pn_link *link, int timeout_ms)
{
    struct pollfd fd = {.events = POLLIN};
    enum pn_err err = pn_link_ready(link);

    /* Once a connection; changes from before are the caller's business. */
    if (err == PN_OK && link->listening != link->number) {
        err = pn_link_run(link, "LISTEN " CHANNEL);
        link->listening = err == PN_OK ? link->number : 0;
        return err; /* there may have been a word meanwhile */
    }
    if (err != PN_OK) {
        return err;
    }
    if (take_words(link->conn)) {
        return PN_OK;
    }
    fd.fd = PQsocket(link->conn);
    (void) poll(&fd, 1, timeout_ms);
    if (!PQconsumeInput(link->conn)) {
        return connection_lost(link);
    }
    return take_words(link->conn) ? PN_OK : PN_E_NOT_FOUND;
}

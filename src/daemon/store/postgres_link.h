/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to a PostgreSQL server that is made anew when it broke, and what
 * the server's answers mean.  For postgres.c only; not for two threads at once.
 */
#ifndef PN_DAEMON_STORE_POSTGRES_LINK_H
#define PN_DAEMON_STORE_POSTGRES_LINK_H

#include <libpq-fe.h>

#include "daemon/store/postgres_dial.h"

/* That a connection broke is seen when it is used: then once more. */
enum { PN_LINK_ATTEMPTS = 2 };

struct pn_link {
    PGconn *conn; /* the link's; NULL before it was opened */
    char *url;
    enum pn_db_use use;
    bool lost;          /* the connection; libpq may not know yet */
    unsigned number;    /* of the connection: 1, 2, … */
    unsigned listening; /* number of the connection that listens; 0 = none */
    int64_t touched;    /* rows, by the last statement */
    char why[PN_DB_WHY_MAX];
};

/* On an error too, what was opened is closed by pn_link_close(). */
PN_MUST_USE enum pn_err pn_link_open(struct pn_link *link, const char *url,
                                     enum pn_db_use use);
void pn_link_close(struct pn_link *link);

/* Make sure that there is a connection.  Outside of a transaction only. */
PN_MUST_USE enum pn_err pn_link_ready(struct pn_link *link);

/* One or several statements without parameters. */
PN_MUST_USE enum pn_err pn_link_run(struct pn_link *link, const char *sql);
/* ROLLBACK; without a connection there is nothing left to undo. */
void pn_link_rollback(struct pn_link *link);
/* The first of a transaction: on a new connection if the old one broke. */
PN_MUST_USE enum pn_err pn_link_begin(struct pn_link *link, const char *sql);

/* The verdict on a result, which is cleared, unless it has rows and *kept is
 * there to take them. */
PN_MUST_USE enum pn_err pn_link_take(struct pn_link *link, PGresult *result,
                                     PGresult **kept);

/* As pn_db_notify() and pn_db_await(). */
PN_MUST_USE enum pn_err pn_link_notify(struct pn_link *link);
PN_MUST_USE enum pn_err pn_link_await(struct pn_link *link, int timeout_ms);

#endif

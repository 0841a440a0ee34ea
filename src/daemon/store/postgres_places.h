/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a PostgreSQL URL leads: each address of each of its hosts.  For
 * postgres_dial.c only.
 */
#ifndef PN_DAEMON_STORE_POSTGRES_PLACES_H
#define PN_DAEMON_STORE_POSTGRES_PLACES_H

#include "daemon/store/driver.h"

enum {
    PN_PLACES_MAX = 16, /* more addresses are not tried */
    PN_PLACE_HOST_MAX = 256,
    PN_PLACE_ADDRESS_MAX = 64,
    PN_PLACE_PORT_MAX = 8,
    PN_PLACE_WAIT_S = 5,      /* unless connect_timeout says otherwise */
    PN_PLACE_WAIT_MAX_S = 60, /* whatever it says */
};

struct pn_place {
    /* As libpq's parameters; "" = as the URL has it. */
    char host[PN_PLACE_HOST_MAX];
    char address[PN_PLACE_ADDRESS_MAX]; /* hostaddr */
    char port[PN_PLACE_PORT_MAX];
};

struct pn_places {
    struct pn_place place[PN_PLACES_MAX];
    unsigned count;  /* at least 1 */
    unsigned wait_s; /* for all of them together */
    bool verifies;   /* the server's certificate: sslmode says so */
};

/*
 * Reads the URL, and asks for the addresses of names (which may take as long
 * as the resolver takes).  A name that is not found stays, for libpq to say so.
 * PN_E_SYNTAX with why, which holds nothing of the URL: a piece of it may be a
 * piece of a password.
 */
PN_MUST_USE enum pn_err pn_places_find(const char *url, struct pn_places *out,
                                       char why[PN_DB_WHY_MAX]);

#endif

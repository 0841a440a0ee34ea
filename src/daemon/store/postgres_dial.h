/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a connection to a PostgreSQL server: our settings, TLS, and several
 * attempts at once where nobody answers.  For postgres_link.c only.
 */
#ifndef PN_DAEMON_STORE_POSTGRES_DIAL_H
#define PN_DAEMON_STORE_POSTGRES_DIAL_H

#include <libpq-fe.h>

#include "daemon/store/driver.h"

/*
 * Connect within connect_timeout (5 s), or sooner when every address refuses.
 * An address that is silent is asked again every PN_DIAL_EVERY_MS, so that a
 * network that comes back is noticed then.  PN_E_IO with why in words, and what
 * helps against it where that is known; PN_E_SYNTAX, PN_E_NOMEM.
 */
enum { PN_DIAL_EVERY_MS = 300 };
PN_MUST_USE enum pn_err pn_dial(const char *url, enum pn_db_use use,
                                PGconn **out, char why[PN_DB_WHY_MAX]);

/* The sslmode of a connection whose server was not verified, as the URL asks;
 * NULL for one that was, and for a socket of this machine.  Borrowed. */
const char *pn_dial_weakness(PGconn *conn);

#endif

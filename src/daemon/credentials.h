/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets from systemd (LoadCredential=), in files that only this service sees:
 *
 *     postern.pgpass           a password file of PostgreSQL
 *     postern.admin-password   the first administrator's password
 */
#ifndef PN_DAEMON_CREDENTIALS_H
#define PN_DAEMON_CREDENTIALS_H

#include "daemon/first_admin.h"

/*
 * Use those that are there; what was said on the command line, or in
 * $PGPASSFILE, wins.  For the only thread of a process.  The files are not read
 * yet: one that cannot be is an error of whoever reads it.
 */
void pn_credentials_use(struct pn_first_admin *admin);

#endif

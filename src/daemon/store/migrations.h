/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema, as numbered steps that are never changed once released; each is
 * recorded with the SHA-256 of its text.
 */
#ifndef PN_DAEMON_STORE_MIGRATIONS_H
#define PN_DAEMON_STORE_MIGRATIONS_H

#include "daemon/store/db.h"

/*
 * Bring the database to this build's schema, in one transaction under the
 * write lock.  PN_E_VERSION when it is newer than this build knows,
 * PN_E_DAMAGED when a step was recorded with another text.
 */
PN_MUST_USE enum pn_err pn_migrate(struct pn_db *db);

/* For connections that only read: is it exactly this build's schema? */
PN_MUST_USE enum pn_err pn_migrated(struct pn_db *db);

#endif

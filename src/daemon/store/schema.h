/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of the schema, in the order in which a database takes them.  Only
 * migrations.c reads them.  A step that was in a release is never changed:
 * databases remember its SHA-256.
 */
#ifndef PN_DAEMON_STORE_SCHEMA_H
#define PN_DAEMON_STORE_SCHEMA_H

#include "daemon/store/db.h"

/* For both databases, in SQLite's words (pn_db_exec_schema). */
struct pn_schema_step {
    const char *name;
    const char *sql;
    enum pn_err (*run)(struct pn_db *db); /* after it; NULL = nothing */
};

/* What they have no common words for: belongs to the step of this name and
 * comes after it. */
struct pn_schema_own_step {
    const char *name;
    const char *sqlite, *postgres;
};

extern const struct pn_schema_step pn_schema_steps[];
extern const size_t pn_schema_step_count;
extern const struct pn_schema_own_step pn_schema_own_steps[];
extern const size_t pn_schema_own_step_count;

#endif

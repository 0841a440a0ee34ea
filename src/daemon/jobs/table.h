/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was used between two writes, added up by token, secret, outcome, app and
 * day: open addressing, never more than three quarters full.  What a rule only
 * reports is kept by address, too, as long as there is room for that.  Not for
 * two threads at once.
 */
#ifndef PN_DAEMON_JOBS_TABLE_H
#define PN_DAEMON_JOBS_TABLE_H

#include "core/usage.h"
#include "daemon/ops/ops.h"

enum {
    PN_USE_METHOD_MAX = 23, /* bytes that are kept of a method */
    /* Of a full table.  Who has one token chooses its addresses. */
    PN_USE_REPORTED_PART = 4,
};

struct pn_use_slot {
    struct pn_use use; /* its texts are set when it is read; count 0 = free */
    char app[PN_USAGE_TEXT_MAX + 1], method[PN_USE_METHOD_MAX + 1];
};

struct pn_use_table {
    struct pn_use_slot *slot;
    uint32_t *taken; /* in order of arrival */
    size_t slots;    /* a power of two */
    size_t count;
    size_t reported; /* of these: addresses that a rule reports */
};

/* For at most max of them. */
PN_MUST_USE enum pn_err pn_use_table_init(struct pn_use_table *table,
                                          size_t max);
void pn_use_table_done(struct pn_use_table *table);

/* Add a line up.  PN_E_TOO_LONG: no room. */
PN_MUST_USE enum pn_err pn_use_table_put(struct pn_use_table *table,
                                         const struct pn_usage *usage);

/* The uses, borrowed from the table, for the store; at most max from *at on,
 * which moves.  Returns how many. */
size_t pn_use_table_next(const struct pn_use_table *table, size_t *at,
                         struct pn_use *out, size_t max);

void pn_use_table_clear(struct pn_use_table *table);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The latest use of each token between two writes: open addressing by token
 * id, never more than three quarters full.  Not for two threads at once.
 */
#ifndef PN_DAEMON_JOBS_TABLE_H
#define PN_DAEMON_JOBS_TABLE_H

#include <netinet/in.h>

#include "core/usage.h"
#include "daemon/ops/ops.h"

struct pn_use {
    uint64_t token_id; /* 0 = free */
    int64_t at;
    char address[INET6_ADDRSTRLEN];
    char app[PN_USAGE_TEXT_MAX + 1], method[PN_USAGE_TEXT_MAX + 1];
};

struct pn_use_table {
    struct pn_use *slot;
    size_t slots; /* a power of two */
    size_t count;
};

/* For at most max tokens. */
PN_MUST_USE enum pn_err pn_use_table_init(struct pn_use_table *table,
                                          size_t max);
void pn_use_table_done(struct pn_use_table *table);

/* Keep it if it is the latest of its token.  PN_E_TOO_LONG: no room. */
PN_MUST_USE enum pn_err pn_use_table_put(struct pn_use_table *table,
                                         const struct pn_usage *usage);

/* The uses, borrowed from the table, for the store; at most max from *at on,
 * which moves.  Returns how many. */
size_t pn_use_table_next(const struct pn_use_table *table, size_t *at,
                         struct pn_last_use *out, size_t max);

void pn_use_table_clear(struct pn_use_table *table);

#endif

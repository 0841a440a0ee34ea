/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removes audit events that are older than audit_keep_days: at start, and
 * every hour, some thousand in each transaction.
 */
#ifndef PN_DAEMON_JOBS_KEEP_H
#define PN_DAEMON_JOBS_KEEP_H

#include "daemon/ops/audit.h"

struct pn_keeper;

/* ops outlives the keeper.  0 days: everything is kept. */
PN_MUST_USE enum pn_err pn_keeper_start(struct pn_ops *ops, uint32_t days,
                                        struct pn_keeper **out);
void pn_keeper_set_days(struct pn_keeper *keeper, uint32_t days);
void pn_keeper_stop(struct pn_keeper *keeper); /* NULL is fine */

#endif

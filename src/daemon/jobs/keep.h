/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removes audit events that are older than audit_keep_days: at start, and
 * every hour, some thousand in each transaction.
 */
#ifndef PN_DAEMON_JOBS_KEEP_H
#define PN_DAEMON_JOBS_KEEP_H

#include "daemon/ops/audit.h"

struct pn_keeper;

/* ops outlives the keeper.  days is at least 1. */
PN_MUST_USE enum pn_err pn_keeper_start(struct pn_ops *ops, uint32_t days,
                                        struct pn_keeper **out);
void pn_keeper_stop(struct pn_keeper *keeper); /* NULL is fine */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disables tokens that nobody uses, with notice, where the policy asks for it
 * (daemon/ops/unused.h): what is due within seconds; what is to be marked or
 * not any more at start, with every change of the policy, and every hour.
 */
#ifndef PN_DAEMON_JOBS_UNUSED_H
#define PN_DAEMON_JOBS_UNUSED_H

#include "daemon/ops/unused.h"

struct pn_unused_job;

/* ops outlives the job. */
PN_MUST_USE enum pn_err pn_unused_job_start(struct pn_ops *ops,
                                            struct pn_unused_job **out);
void pn_unused_job_stop(struct pn_unused_job *job); /* NULL is fine */

#endif

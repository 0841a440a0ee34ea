/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disabling tokens that nobody uses, with notice, as the policy says: one batch
 * at a time, for a job that calls it again and again.
 *
 * A notice is an event (token.unused_notice) and the token's disable_at; who is
 * to be told by mail stands there.
 */
#ifndef PN_DAEMON_OPS_UNUSED_H
#define PN_DAEMON_OPS_UNUSED_H

#include "daemon/ops/ops.h"
#include "daemon/store/unused.h"

/* One way through the tokens; zeroed = from the beginning. */
struct pn_unused_pass {
    enum pn_unused_what what;
    struct pn_unused_place at;
};

struct pn_unused_done {
    uint32_t marked, put_off, disabled, lifted;
    bool more; /* the pass has not come to its end */
};

/* The policy's version, so that the job notices a change; rule.days 0 = off. */
PN_MUST_USE enum pn_err pn_ops_unused_rule(struct pn_ops *ops,
                                           struct pn_unused_rule *rule,
                                           uint64_t *version);
/*
 * The next batch; now 0 = the present time.  A change is in force when this
 * returns.  PN_E_STORE when it could not be written (said in the log).
 */
PN_MUST_USE enum pn_err pn_ops_unused(struct pn_ops *ops, int64_t now,
                                      struct pn_unused_pass *pass,
                                      struct pn_unused_done *done);
/* Note that somebody looks after it, though there is nothing to do. */
PN_MUST_USE enum pn_err pn_ops_unused_ran(struct pn_ops *ops, int64_t now);

#endif

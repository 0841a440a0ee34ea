/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading, verifying and clearing up the audit; who may is judged here.
 * As in ops.h: false means that nothing was done and *fault says why.
 */
#ifndef PN_DAEMON_OPS_AUDIT_H
#define PN_DAEMON_OPS_AUDIT_H

#include "daemon/ops/ops.h"
#include "daemon/store/audit.h"

/* One page; auditors and administrators. */
PN_MUST_USE bool pn_ops_audit(struct pn_ops *ops,
                              const struct pn_caller *caller,
                              const struct pn_audit_query *query,
                              struct pn_arena *arena, struct pn_audit_list *out,
                              struct pn_fault *fault);

/* Walk the chain, or check->limit events of it; true also when something is
 * wrong: see check->bad. */
PN_MUST_USE bool pn_ops_audit_verify(struct pn_ops *ops,
                                     const struct pn_caller *caller,
                                     struct pn_audit_check *check,
                                     struct pn_arena *arena,
                                     struct pn_fault *fault);

enum { PN_PSEUDONYM_LEN = 23 }; /* "erased:" and 16 digits */

struct pn_audit_erasure {
    const char *username; /* in: somebody who has no account any more */
    char pseudonym[PN_PSEUDONYM_LEN + 1];
    uint64_t events; /* events that named the person */
};
/* Administrators, with a fresh sign-in.  Takes one transaction for every
 * PN_AUDIT_ERASE_MAX events; when it fails half-way it can be repeated. */
PN_MUST_USE bool pn_ops_audit_erase(struct pn_ops *ops,
                                    const struct pn_caller *caller,
                                    struct pn_audit_erasure *erasure,
                                    struct pn_arena *arena,
                                    struct pn_fault *fault);

/* --- jobs ---------------------------------------------------------------- */

/* Remove the oldest events that are older than before and not above up_to, at
 * most PN_AUDIT_TRIM_MAX; *removed 0 = there are none. */
PN_MUST_USE enum pn_err pn_ops_audit_trim(struct pn_ops *ops, int64_t before,
                                          uint64_t up_to, uint64_t *removed);

/* The position up to which events were sent to syslog. */
PN_MUST_USE enum pn_err pn_ops_audit_sent(struct pn_ops *ops, uint64_t *out);
PN_MUST_USE enum pn_err pn_ops_audit_sent_put(struct pn_ops *ops,
                                              uint64_t position);
/* Events above position, oldest first, at most limit. */
PN_MUST_USE enum pn_err pn_ops_audit_after(struct pn_ops *ops,
                                           uint64_t position, uint16_t limit,
                                           struct pn_arena *arena,
                                           struct pn_audit_list *out);

#endif

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

/* --- for receivers elsewhere --------------------------------------------- */

/*
 * The audit as it is read for one receiver, in order, by a connection of its
 * own.  Of all nodes of a store one reads for a receiver.  Not for two threads
 * at once.
 */
struct pn_audit_feed;

/* Where things stand. */
struct pn_audit_look {
    bool leads;        /* this node is the one that sends */
    bool known;        /* the store knows the receiver */
    uint64_t position; /* up to which the receiver has events */
    uint64_t head;     /* the newest event; 0 = none */
};

/* Reads nothing yet.  ops outlives it; the name is copied. */
PN_MUST_USE enum pn_err pn_audit_feed_open(struct pn_ops *ops, const char *name,
                                           struct pn_audit_feed **out);
void pn_audit_feed_close(struct pn_audit_feed *feed); /* NULL is fine */
PN_MUST_USE enum pn_err pn_audit_feed_look(struct pn_audit_feed *feed,
                                           struct pn_audit_look *out);
/* Events above position, oldest first, at most limit.  PN_E_BUSY: another node
 * sends now. */
PN_MUST_USE enum pn_err pn_audit_feed_read(struct pn_audit_feed *feed,
                                           uint64_t position, uint16_t limit,
                                           struct pn_arena *arena,
                                           struct pn_audit_list *out);
/* The receiver has everything up to there. */
PN_MUST_USE enum pn_err pn_audit_feed_sent(struct pn_audit_feed *feed,
                                           uint64_t position);

#endif

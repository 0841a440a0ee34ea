/* SPDX-License-Identifier: Apache-2.0 */
/* What the publisher's files share; nobody else includes it. */
#ifndef PN_DAEMON_PUBLISH_PUBLISH_IMPL_H
#define PN_DAEMON_PUBLISH_PUBLISH_IMPL_H

#include "daemon/publish/piece.h"
#include "daemon/publish/publish.h"

/* Where the comparison stands (sweep.c). */
struct pn_sweep {
    bool on;                 /* a pass is under way */
    struct pn_piece piece;   /* the next one */
    int64_t rest_until;      /* monotonic ms */
    struct pn_index_sum sum; /* of this pass */
    uint64_t healed;         /* in this pass */
    struct pn_sweep_totals totals;
    /* while a piece is made good */
    struct pn_index_span span;
    struct pn_index_key at; /* what comes next in the index, by where: from … */
    enum pn_index_seek where; /* … this key on, or after it */
    uint64_t found;
};

struct pn_publisher {
    struct pn_publication run; /* its policy and now: of the present run */
    struct pn_index_writer *writer;
    int64_t position;      /* feed position that the index holds */
    bool is_empty;         /* a new generation could not be filled */
    unsigned read;         /* objects, in the present snapshot */
    unsigned held;         /* objects of a new generation, in memory */
    atomic_bool *in_index; /* NULL = nobody watches */
    struct pn_publisher_progress progress;
    uint64_t written, total; /* objects of the fill that runs */
    struct pn_sweep sweep;
};

/* In one snapshot of the store, with the policy loaded, and one transaction of
 * the index: call, and commit at the position that it leaves. */
PN_MUST_USE enum pn_err pn_publisher_commit(
    struct pn_publisher *p, int64_t *position,
    enum pn_err (*call)(struct pn_publisher *p, int64_t *position));

/* Inside of that: the feed behind *position, which moves on. */
PN_MUST_USE enum pn_err pn_publisher_feed(struct pn_publisher *p,
                                          int64_t *position);

#endif

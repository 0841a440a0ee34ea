/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing in a thread of its own (lane.c).  Any thread may call; the lane is
 * its starter's until it is stopped or left.
 */
#ifndef PN_DAEMON_OPS_LANE_H
#define PN_DAEMON_OPS_LANE_H

#include "index/writer.h"

struct pn_lane;

struct pn_lane_options {
    const char *store_url;
    struct pn_index_options index;
    uint32_t compare_s; /* as in struct pn_ops_options */
    /* PREPARED: a new generation that nobody reads until it takes over. */
    enum { PN_LANE_PRESENT = 0, PN_LANE_NEW_GENERATION, PN_LANE_PREPARED } from;
};

/* Starts the thread, which opens store and index; texts are copied. */
PN_MUST_USE enum pn_err pn_lane_start(const struct pn_lane_options *options,
                                      struct pn_lane **out);
/* Has it opened, or failed to? */
bool pn_lane_is_open(struct pn_lane *lane);
/* Objects that were written of a generation that is filled, and of how many. */
void pn_lane_progress(struct pn_lane *lane, uint64_t *done, uint64_t *total);
/* A prepared one catches up and switches readers over.  The lane of the present
 * generation was stopped before; after an error this one has ended. */
PN_MUST_USE enum pn_err pn_lane_take_over(struct pn_lane *lane);
/* Wait until it is open, however long a rebuild takes. */
PN_MUST_USE enum pn_err pn_lane_wait_open(struct pn_lane *lane);
/* Publish everything committed so far.  PN_E_BUSY after
 * PN_PUBLISH_DEADLINE_S; it goes on trying. */
PN_MUST_USE enum pn_err pn_lane_publish(struct pn_lane *lane);
/* There may be something to publish that another node changed; does not wait.
 */
void pn_lane_wake(struct pn_lane *lane);
/* True when it hangs inside the index (not: rebuilds it). */
bool pn_lane_is_stuck(struct pn_lane *lane);
/* True when something could not be published, or hangs. */
bool pn_lane_is_behind(struct pn_lane *lane);
/* It came round in the last within_ms, or does what may take long and waits for
 * nobody. */
bool pn_lane_is_moving(struct pn_lane *lane, int64_t within_ms);
/* Ends the thread; one that hangs for the deadline is left behind. */
void pn_lane_stop(struct pn_lane *lane); /* NULL is fine */
/* Do not wait: it ends, and frees what it holds, when it can. */
void pn_lane_leave(struct pn_lane *lane);
/* False before it was opened. */
bool pn_lane_stats(struct pn_lane *lane, struct pn_index_stats *out);

#endif

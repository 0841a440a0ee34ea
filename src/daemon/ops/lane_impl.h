/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lane.c (the thread) and lane_calls.c (its callers) share.
 *
 *     wanted    raised by each pn_lane_publish()
 *     reached   the last of them that is in the index
 *     failed    the last of them that a run could not publish
 */
#ifndef PN_DAEMON_OPS_LANE_IMPL_H
#define PN_DAEMON_OPS_LANE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "daemon/ops/inside.h"
#include "daemon/publish/publish.h"

enum lane_state {
    LANE_OPENING = 0,
    LANE_IDLE,
    LANE_RUNNING,    /* from the store into the index; either may hang */
    LANE_REBUILDING, /* may take long, cannot hang: nobody else has it open */
    LANE_ENDED,
};

struct pn_lane {
    struct pn_lane_options options;
    char *store_url, *dir, *group;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum lane_state state;
    enum pn_err open_err;
    uint64_t wanted, reached, failed;
    bool stop, abandoned;
    int64_t round_at; /* when it last came round, monotonic ms */
    enum { TAKE_OVER_NO = 0, TAKE_OVER_WANTED, TAKE_OVER_DONE } take_over;
    enum pn_err take_over_err;
    _Atomic bool quit; /* also in the middle of filling a generation */
    _Atomic uint64_t done, total; /* objects of that */
    bool shared;                  /* other nodes change the store too */
    atomic_bool in_index;         /* the thread, in a call that may hang */
    bool has_stats;
    struct pn_index_stats stats;
    /* the thread's own */
    struct pn_store *store;
    struct pn_publisher *publisher;
    bool store_answers;
    bool in_step; /* the last run found the index to be what the store is */
    unsigned beats;
};

struct timespec pn_monotonic_in(int64_t seconds);
/* The body of the thread; arg is the lane. */
void *pn_lane_thread(void *arg);
void pn_lane_free(struct pn_lane *lane); /* NULL is fine */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What others ask of a lane; its thread is in lane.c. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/ops/lane_impl.h"

enum { TAKE_OVER_MAX_S = 30 };

void
pn_lane_free(struct pn_lane *lane)
{
    if (lane == NULL) {
        return;
    }
    (void) pthread_cond_destroy(&lane->changed);
    (void) pthread_mutex_destroy(&lane->mutex);
    free(lane->store_url);
    free(lane->dir);
    free(lane->group);
    free(lane);
}

static enum pn_err
lane_new(const struct pn_lane_options *options, struct pn_lane **out)
{
    struct pn_lane *lane = calloc(1, sizeof(*lane));
    if (lane == NULL) {
        return PN_E_NOMEM;
    }
    pthread_condattr_t attr;
    (void) pthread_condattr_init(&attr);
    (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void) pthread_mutex_init(&lane->mutex, NULL);
    (void) pthread_cond_init(&lane->changed, &attr);
    (void) pthread_condattr_destroy(&attr);
    lane->options = *options;
    lane->store_url = strdup(options->store_url);
    lane->dir = strdup(options->index.dir);
    if (options->index.group != NULL) {
        lane->group = strdup(options->index.group);
    }
    if (lane->store_url == NULL || lane->dir == NULL
        || (options->index.group != NULL && lane->group == NULL))
    {
        pn_lane_free(lane);
        return PN_E_NOMEM;
    }
    lane->options.store_url = lane->store_url;
    lane->options.index.dir = lane->dir;
    lane->options.index.group = lane->group;
    *out = lane;
    return PN_OK;
}

enum pn_err
pn_lane_start(const struct pn_lane_options *options, struct pn_lane **out)
{
    struct pn_lane *lane = NULL;
    enum pn_err err = lane_new(options, &lane);
    if (err != PN_OK) {
        return err;
    }
    if (pthread_create(&lane->thread, NULL, pn_lane_thread, lane) != 0) {
        pn_lane_free(lane);
        return PN_E_NOMEM;
    }
    *out = lane;
    return PN_OK;
}

enum pn_err
pn_lane_wait_open(struct pn_lane *lane)
{
    (void) pthread_mutex_lock(&lane->mutex);
    while (lane->state == LANE_OPENING) {
        (void) pthread_cond_wait(&lane->changed, &lane->mutex);
    }
    enum pn_err err = lane->open_err;
    (void) pthread_mutex_unlock(&lane->mutex);
    return err;
}

enum pn_err
pn_lane_publish(struct pn_lane *lane)
{
    struct timespec deadline = pn_monotonic_in(PN_PUBLISH_DEADLINE_S);
    (void) pthread_mutex_lock(&lane->mutex);
    uint64_t mine = ++lane->wanted;
    (void) pthread_cond_broadcast(&lane->changed);
    int rc = 0;
    while (rc == 0 && lane->reached < mine && lane->failed < mine
           && lane->state != LANE_ENDED)
    {
        rc = pthread_cond_timedwait(&lane->changed, &lane->mutex, &deadline);
    }
    enum pn_err err = PN_E_BUSY;
    if (lane->reached >= mine) {
        err = PN_OK;
    } else if (lane->failed >= mine || lane->state == LANE_ENDED) {
        err = PN_E_IO;
    }
    (void) pthread_mutex_unlock(&lane->mutex);
    return err;
}

bool
pn_lane_is_open(struct pn_lane *lane)
{
    (void) pthread_mutex_lock(&lane->mutex);
    bool open = lane->state != LANE_OPENING;
    (void) pthread_mutex_unlock(&lane->mutex);
    return open;
}

enum pn_err
pn_lane_take_over(struct pn_lane *lane)
{
    struct timespec deadline = pn_monotonic_in(TAKE_OVER_MAX_S);
    (void) pthread_mutex_lock(&lane->mutex);
    lane->take_over = TAKE_OVER_WANTED;
    (void) pthread_cond_broadcast(&lane->changed);
    int rc = 0;
    while (rc == 0 && lane->take_over != TAKE_OVER_DONE
           && lane->state != LANE_ENDED)
    {
        rc = pthread_cond_timedwait(&lane->changed, &lane->mutex, &deadline);
    }
    enum pn_err err =
        lane->take_over == TAKE_OVER_DONE ? lane->take_over_err : PN_E_BUSY;
    (void) pthread_mutex_unlock(&lane->mutex);
    return err;
}

void
pn_lane_progress(struct pn_lane *lane, uint64_t *done, uint64_t *total)
{
    *done = lane->done;
    *total = lane->total;
}

void
pn_lane_wake(struct pn_lane *lane)
{
    (void) pthread_mutex_lock(&lane->mutex);
    lane->wanted++;
    (void) pthread_cond_broadcast(&lane->changed);
    (void) pthread_mutex_unlock(&lane->mutex);
}

bool
pn_lane_is_stuck(struct pn_lane *lane)
{
    (void) pthread_mutex_lock(&lane->mutex);
    /* One that waits for the store is not: another would wait as well.  One
     * that could not even open is no better than one that hangs. */
    bool stuck =
        lane->state == LANE_ENDED
        || (lane->state == LANE_RUNNING && atomic_load(&lane->in_index));
    (void) pthread_mutex_unlock(&lane->mutex);
    return stuck;
}

bool
pn_lane_is_behind(struct pn_lane *lane)
{
    (void) pthread_mutex_lock(&lane->mutex);
    bool behind = lane->failed > lane->reached || lane->state == LANE_ENDED;
    (void) pthread_mutex_unlock(&lane->mutex);
    return behind;
}

bool
pn_lane_is_moving(struct pn_lane *lane, int64_t within_ms)
{
    (void) pthread_mutex_lock(&lane->mutex);
    bool moving = lane->state == LANE_OPENING || lane->state == LANE_REBUILDING
                  || (lane->state != LANE_ENDED
                      && pn_clock_ms() - lane->round_at <= within_ms);
    (void) pthread_mutex_unlock(&lane->mutex);
    return moving;
}

/* The lane's own thread frees it, unless that has ended already. */
static void
leave_locked(struct pn_lane *lane)
{
    bool ended = lane->state == LANE_ENDED;
    lane->abandoned = !ended;
    pthread_t thread = lane->thread;
    (void) pthread_mutex_unlock(&lane->mutex);
    if (ended) {
        (void) pthread_join(thread, NULL);
        pn_lane_free(lane);
    } else {
        (void) pthread_detach(thread);
    }
}

void
pn_lane_leave(struct pn_lane *lane)
{
    (void) pthread_mutex_lock(&lane->mutex);
    leave_locked(lane);
}

void
pn_lane_stop(struct pn_lane *lane)
{
    if (lane == NULL) {
        return;
    }
    struct timespec deadline = pn_monotonic_in(PN_PUBLISH_DEADLINE_S);
    lane->quit = true;
    (void) pthread_mutex_lock(&lane->mutex);
    lane->stop = true;
    (void) pthread_cond_broadcast(&lane->changed);
    int rc = 0;
    while (rc == 0 && lane->state != LANE_ENDED) {
        rc = pthread_cond_timedwait(&lane->changed, &lane->mutex, &deadline);
    }
    leave_locked(lane);
}

bool
pn_lane_stats(struct pn_lane *lane, struct pn_index_stats *out)
{
    (void) pthread_mutex_lock(&lane->mutex);
    bool known = lane->has_stats && lane->state != LANE_ENDED;
    if (known) {
        *out = lane->stats;
    }
    (void) pthread_mutex_unlock(&lane->mutex);
    return known;
}

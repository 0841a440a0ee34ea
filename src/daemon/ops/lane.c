/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The publishing lane: a thread with a store connection and a publisher of its
 * own, which also sends the heartbeat.
 *
 * Why a thread: whoever can write the index's lock file (a compromised nginx
 * worker) can hold LMDB's writer lock for ever.  Then this thread hangs, not
 * the writer of the store: the writer waits PN_PUBLISH_DEADLINE_S, leaves the
 * lane behind and starts another one in a new generation, which the hostile
 * holder does not have.
 *
 *     wanted    raised by each pn_lane_publish()
 *     reached   the last of them that is in the index
 *     failed    the last of them that a run could not publish
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/ops/inside.h"
#include "daemon/publish/publish.h"

enum {
    TIDY_BEATS = 60, /* workers need a request to leave a generation */
    LOOK_MS = 250,   /* between two looks at a store that others change */
};

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
    int64_t round_at;     /* when it last came round, monotonic ms */
    bool shared;          /* other nodes change the store too */
    atomic_bool in_index; /* the thread, in a call that may hang */
    bool has_stats;
    struct pn_index_stats stats;
    /* the thread's own */
    struct pn_store *store;
    struct pn_publisher *publisher;
    bool store_answers;
    bool in_step; /* the last run found the index to be what the store is */
    unsigned beats;
};

static struct timespec
monotonic_in(int64_t seconds)
{
    struct timespec at;
    (void) clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += seconds;
    return at;
}

static struct timespec
look_again(void)
{
    struct timespec at;
    (void) clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += LOOK_MS * 1000000L;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

static void
lane_free(struct pn_lane *lane)
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
lane_open(struct pn_lane *lane)
{
    enum pn_err err =
        pn_store_open(lane->store_url, PN_STORE_READ_ONLY, &lane->store);
    if (err != PN_OK) {
        return err;
    }
    lane->shared = pn_store_is_shared(lane->store);
    err = lane->options.from == PN_LANE_NEW_GENERATION
              ? pn_publisher_new_generation(lane->store, &lane->options.index,
                                            &lane->publisher)
              : pn_publisher_new(lane->store, &lane->options.index,
                                 &lane->publisher);
    if (err == PN_OK) {
        pn_publisher_watch(lane->publisher, &lane->in_index);
        lane->store_answers = lane->in_step = true;
    }
    return err;
}

/*
 * One that takes another's place has nobody behind it: it tries until it
 * succeeds, or is told to end.  The first one of all fails at once, and the
 * start with it.
 */
static enum pn_err
lane_open_at_last(struct pn_lane *lane)
{
    bool told = false, stop = false;
    for (;;) {
        enum pn_err err = lane_open(lane);
        if (err == PN_OK) {
            return err;
        }
        if (!told) {
            pn_log(PN_LOG_ERROR, "index_unusable", "dir", lane->dir, "error",
                   pn_err_text(err), NULL);
            told = true;
        }
        if (lane->options.from == PN_LANE_PRESENT) {
            return err;
        }
        pn_store_close(lane->store);
        lane->store = NULL;
        struct timespec next = look_again();
        (void) pthread_mutex_lock(&lane->mutex);
        if (!lane->stop && !lane->abandoned) {
            (void) pthread_cond_timedwait(&lane->changed, &lane->mutex, &next);
        }
        stop = lane->stop || lane->abandoned;
        (void) pthread_mutex_unlock(&lane->mutex);
        if (stop) {
            return err;
        }
    }
}

/* False, and nothing set, when the lane was left behind meanwhile. */
static bool
lane_set(struct pn_lane *lane, enum lane_state state)
{
    (void) pthread_mutex_lock(&lane->mutex);
    bool mine = !lane->abandoned;
    if (mine) {
        lane->state = state;
        (void) pthread_cond_broadcast(&lane->changed);
    }
    (void) pthread_mutex_unlock(&lane->mutex);
    return mine;
}

/* The next generation, because of err.  A lane that was left behind does not:
 * that is another one's business by then. */
static enum pn_err
rebuild(struct pn_lane *lane, enum pn_err err)
{
    if (!lane_set(lane, LANE_REBUILDING)) {
        return err;
    }
    pn_log(PN_LOG_ERROR, "publish_failed", "error", pn_err_text(err), "next",
           "new generation", NULL);
    err = pn_publisher_rebuild(lane->publisher);
    if (err != PN_OK) {
        pn_log(PN_LOG_ERROR, "rebuild_failed", "error", pn_err_text(err), NULL);
    }
    return err;
}

/* A database that is away says nothing about the index: that stays as it is,
 * and decides until it is too old. */
static bool
store_answers(struct pn_lane *lane)
{
    int64_t position = 0;
    /* one that was just called in vain is not called again */
    enum pn_err err = pn_store_is_away(lane->store)
                          ? PN_E_IO
                          : pn_store_position(lane->store, &position);
    if (err != PN_OK && lane->store_answers) {
        pn_log(PN_LOG_ERROR, "store_away", "error", pn_err_text(err), "why",
               pn_store_why(lane->store), NULL);
        lane->store_answers = false;
    }
    return err == PN_OK;
}

/* The index is what the store is, as of now: only then is there a sign of life,
 * or else an old index would look fresh. */
static void
note_in_step(struct pn_lane *lane)
{
    if (!lane->store_answers) {
        pn_log(PN_LOG_INFO, "store_back", NULL);
        lane->store_answers = true;
        pn_publisher_heartbeat(lane->publisher, pn_ops_now());
    }
    lane->in_step = true;
}

static enum pn_err
publish_now(struct pn_lane *lane)
{
    if (!lane_set(lane, LANE_RUNNING)) {
        return rebuild(lane, PN_E_STATE);
    }
    enum pn_err err = pn_publisher_run(lane->publisher);
    if (err != PN_OK) {
        lane->in_step = false;
        if (!store_answers(lane)) {
            return err;
        }
        err = pn_publisher_run(lane->publisher); /* it may be back since */
    }
    if (err != PN_OK) {
        err = rebuild(lane, err);
    }
    if (err == PN_OK) {
        note_in_step(lane);
    }
    return err;
}

/* The heartbeat and, as cheap as it is, a fresh look at the index's size.  What
 * a hostile reader did to the lock file is mended here when nobody changes
 * anything, and one that holds on to what it reads is left behind. */
static void
beat(struct pn_lane *lane)
{
    /* Otherwise nobody can say that the index is the truth. */
    if (lane->in_step) {
        pn_publisher_heartbeat(lane->publisher, pn_ops_now());
    }
    struct pn_index_stats stats;
    enum pn_err err = pn_publisher_stats(lane->publisher, &stats);
    if (err == PN_E_DAMAGED || err == PN_E_BUSY) {
        (void) rebuild(lane, err);
    } else if (err == PN_OK) {
        (void) pthread_mutex_lock(&lane->mutex);
        lane->stats = stats;
        lane->has_stats = true;
        (void) pthread_mutex_unlock(&lane->mutex);
    }
    if (lane->beats++ % TIDY_BEATS == 0) {
        pn_publisher_tidy(lane->publisher);
    }
}

/* Wait for something to publish or for the next beat.  True = publish. */
static bool
lane_idle(struct pn_lane *lane, const struct timespec *next_beat,
          uint64_t *target)
{
    lane->state = LANE_IDLE;
    lane->round_at = pn_clock_ms();
    (void) pthread_cond_broadcast(&lane->changed);
    int rc = 0;
    while (!lane->stop && rc == 0
           && (lane->wanted == lane->reached || lane->wanted == lane->failed))
    {
        rc = pthread_cond_timedwait(&lane->changed, &lane->mutex, next_beat);
    }
    *target = lane->wanted;
    /* one that failed is tried again with each beat */
    return lane->wanted != lane->reached;
}

static bool
is_due(const struct timespec *at)
{
    struct timespec now = monotonic_in(0);
    return now.tv_sec > at->tv_sec
           || (now.tv_sec == at->tv_sec && now.tv_nsec >= at->tv_nsec);
}

/* The beat is due once a second; a look at a shared store more often, in case
 * that no word came. */
static void
on_time(struct pn_lane *lane, struct timespec *next_beat,
        struct timespec *next_look)
{
    if (is_due(next_beat)) {
        beat(lane);
        *next_beat = monotonic_in(1);
    }
    if (!lane->shared) {
        *next_look = *next_beat;
    } else if (is_due(next_look)) {
        pn_lane_wake(lane);
        *next_look = look_again();
    }
}

static void
lane_loop(struct pn_lane *lane)
{
    struct timespec next_beat = monotonic_in(0), next_look = next_beat;
    for (;;) {
        on_time(lane, &next_beat, &next_look);
        uint64_t target = 0;
        (void) pthread_mutex_lock(&lane->mutex);
        bool publish = lane_idle(lane, &next_look, &target);
        bool stop = lane->abandoned || (lane->stop && !publish);
        (void) pthread_mutex_unlock(&lane->mutex);
        if (stop) {
            return;
        }
        if (!publish) {
            continue;
        }
        enum pn_err err = publish_now(lane);
        (void) pthread_mutex_lock(&lane->mutex);
        if (err == PN_OK) {
            lane->reached = target;
        } else {
            lane->failed = target;
        }
        stop = lane->abandoned || (lane->stop && err != PN_OK);
        (void) pthread_cond_broadcast(&lane->changed);
        (void) pthread_mutex_unlock(&lane->mutex);
        if (stop) {
            return;
        }
    }
}

static void *
lane_thread(void *arg)
{
    struct pn_lane *lane = arg;
    (void) pthread_setname_np(pthread_self(), "publisher");
    enum pn_err err = lane_open_at_last(lane);
    (void) pthread_mutex_lock(&lane->mutex);
    lane->open_err = err;
    lane->round_at = pn_clock_ms();
    lane->state = err == PN_OK ? LANE_IDLE : LANE_ENDED;
    (void) pthread_cond_broadcast(&lane->changed);
    (void) pthread_mutex_unlock(&lane->mutex);
    if (err == PN_OK) {
        lane_loop(lane);
    }
    pn_publisher_free(lane->publisher);
    pn_store_close(lane->store);
    (void) pthread_mutex_lock(&lane->mutex);
    lane->publisher = NULL;
    lane->store = NULL;
    lane->state = LANE_ENDED;
    bool abandoned = lane->abandoned;
    (void) pthread_cond_broadcast(&lane->changed);
    (void) pthread_mutex_unlock(&lane->mutex);
    if (abandoned) {
        lane_free(lane);
    }
    return NULL;
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
        lane_free(lane);
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
    if (pthread_create(&lane->thread, NULL, lane_thread, lane) != 0) {
        lane_free(lane);
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
    struct timespec deadline = monotonic_in(PN_PUBLISH_DEADLINE_S);
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
        lane_free(lane);
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
    struct timespec deadline = monotonic_in(PN_PUBLISH_DEADLINE_S);
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

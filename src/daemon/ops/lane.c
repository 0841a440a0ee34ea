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
 */
#include "daemon/ops/lane_impl.h"

#include "base/clock.h"
#include "base/log.h"

enum {
    TIDY_BEATS = 60,   /* workers need a request to leave a generation */
    LOOK_MS = 250,     /* between two looks at a store that others change */
    CATCH_UP_RUNS = 5, /* of a prepared generation, before it takes over */
    CATCH_UP_MS = 100, /* what such a run may take at last */
};

struct timespec
pn_monotonic_in(int64_t seconds)
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

/* While a generation is filled. */
static bool
watch_fill(void *arg, uint64_t done, uint64_t total)
{
    struct pn_lane *lane = arg;
    lane->total = total;
    lane->done = done;
    return !lane->quit;
}

/* What changed while it was filled, until little is left for the moment in
 * which everybody waits. */
static enum pn_err
prepare(struct pn_lane *lane)
{
    const struct pn_publisher_progress progress = {watch_fill, lane};
    enum pn_err err = pn_publisher_prepare(lane->store, &lane->options.index,
                                           &progress, &lane->publisher);
    for (int i = 0; err == PN_OK && i < CATCH_UP_RUNS; i++) {
        int64_t start = pn_clock_ms();
        err = pn_publisher_run(lane->publisher);
        if (pn_clock_ms() - start < CATCH_UP_MS) {
            break;
        }
    }
    return err;
}

static enum pn_err
open_publisher(struct pn_lane *lane)
{
    switch (lane->options.from) {
    case PN_LANE_PREPARED:
        return prepare(lane);
    case PN_LANE_NEW_GENERATION:
        return pn_publisher_new_generation(lane->store, &lane->options.index,
                                           &lane->publisher);
    case PN_LANE_PRESENT:
        break;
    }
    return pn_publisher_new(lane->store, &lane->options.index,
                            &lane->publisher);
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
    err = open_publisher(lane);
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
        if (lane->options.from == PN_LANE_PREPARED) {
            return err; /* whoever asked for it is told */
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

/* Does anybody read what this lane writes? */
static bool
is_current(struct pn_lane *lane)
{
    (void) pthread_mutex_lock(&lane->mutex);
    bool current = lane->options.from != PN_LANE_PREPARED
                   || lane->take_over == TAKE_OVER_DONE;
    (void) pthread_mutex_unlock(&lane->mutex);
    return current;
}

/* The next piece of the comparison with the store, if one is due. */
static void
compare(struct pn_lane *lane)
{
    if (lane->options.compare_s == 0 || !lane->in_step || !is_current(lane)
        || !lane_set(lane, LANE_RUNNING))
    {
        return;
    }
    enum pn_err err =
        pn_publisher_compare(lane->publisher, lane->options.compare_s);
    if (err == PN_E_DAMAGED) {
        (void) rebuild(lane, err);
    } else if (err != PN_OK && store_answers(lane)) {
        pn_log(PN_LOG_WARNING, "compare_failed", "error", pn_err_text(err),
               NULL);
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
    while (!lane->stop && rc == 0 && lane->take_over != TAKE_OVER_WANTED
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
    struct timespec now = pn_monotonic_in(0);
    return now.tv_sec > at->tv_sec
           || (now.tv_sec == at->tv_sec && now.tv_nsec >= at->tv_nsec);
}

/* The beat is due once a second; a look at a shared store more often, in case
 * that no word came, and so is a piece of a comparison. */
static void
on_time(struct pn_lane *lane, struct timespec *next_beat,
        struct timespec *next_look)
{
    if (is_due(next_beat)) {
        beat(lane);
        *next_beat = pn_monotonic_in(1);
    }
    if (!is_due(next_look)) {
        return;
    }
    compare(lane);
    bool often = lane->shared || pn_publisher_is_comparing(lane->publisher);
    *next_look = often ? look_again() : *next_beat;
    if (lane->shared) {
        pn_lane_wake(lane);
    }
}

/* False when it failed: what this lane writes then, nobody reads. */
static bool
take_over(struct pn_lane *lane)
{
    enum pn_err err = pn_publisher_take_over(lane->publisher);
    if (err == PN_OK) {
        pn_publisher_heartbeat(lane->publisher, pn_ops_now());
    }
    (void) pthread_mutex_lock(&lane->mutex);
    lane->take_over = TAKE_OVER_DONE;
    lane->take_over_err = err;
    (void) pthread_cond_broadcast(&lane->changed);
    (void) pthread_mutex_unlock(&lane->mutex);
    return err == PN_OK;
}

static void
lane_loop(struct pn_lane *lane)
{
    struct timespec next_beat = pn_monotonic_in(0), next_look = next_beat;
    for (;;) {
        on_time(lane, &next_beat, &next_look);
        uint64_t target = 0;
        (void) pthread_mutex_lock(&lane->mutex);
        bool publish = lane_idle(lane, &next_look, &target);
        bool stop = lane->abandoned || (lane->stop && !publish);
        bool takes_over = lane->take_over == TAKE_OVER_WANTED;
        (void) pthread_mutex_unlock(&lane->mutex);
        if (stop || (takes_over && !take_over(lane))) {
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

void *
pn_lane_thread(void *arg)
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
        pn_lane_free(lane);
    }
    return NULL;
}

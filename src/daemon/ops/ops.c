/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start, stop, the queue and the writer thread.
 *
 * Callers queue a task and wait.  The writer takes all that wait, gives each a
 * savepoint inside one transaction, commits, has the lane publish once, and
 * answers all of them.  So eight clients share one fsync.
 */
#include "daemon/ops/ops.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "daemon/ops/inside.h"

int64_t
pn_ops_now(void)
{
    struct timespec now;
    (void) clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

/* --- one batch ----------------------------------------------------------- */

static void
fail_all(struct pn_task *first, enum pn_err err)
{
    for (struct pn_task *task = first; task != NULL; task = task->next) {
        /* one that was refused for a reason of its own keeps that */
        if (task->ok || task->fault->status == 0) {
            task->ok = pn_task_store_error(task, err);
        }
    }
}

static bool
task_run(struct pn_task *task)
{
    const struct pn_act_row *row = pn_act_row(task->act);
    if (row == NULL) {
        return pn_task_refuse(task, 400, "unknown_act", "there is no such act");
    }
    if (!pn_task_authorise(task) || !row->apply(task)) {
        return false;
    }
    if (row->name == NULL || task->unchanged) {
        return true;
    }
    enum pn_err err = pn_audit_write(task);
    if (err != PN_OK) {
        pn_log(PN_LOG_ERROR, "audit_failed", "action", row->name, "error",
               pn_err_text(err), NULL);
        return err == PN_E_STORE
                   ? pn_task_refuse(task, 503, "audit_unavailable",
                                    "the audit cannot be written; nothing was "
                                    "changed")
                   : pn_task_store_error(task, err);
    }
    return true;
}

/* An error means that the whole transaction is lost. */
static enum pn_err
task_run_apart(struct pn_task *task, struct pn_store *store)
{
    task->store = store;
    task->now = pn_ops_now();
    enum pn_err err = pn_store_savepoint(store);
    if (err != PN_OK) {
        return err;
    }
    task->ok = task_run(task);
    if (task->rehearse) {
        task->feeds = false;
    }
    return task->ok && !task->rehearse ? pn_store_release(store)
                                       : pn_store_rollback_to(store);
}

/* Forget what every index has long read; inside the batch's transaction. */
static enum pn_err
trim_feed(struct pn_ops *ops)
{
    struct pn_index_stats stats;
    /* a generation that is being filled will want what changed meanwhile */
    if (pn_publishing_is_rebuilding(ops) || !pn_lane_stats(ops->lane, &stats)
        || stats.position - ops->trimmed < 2 * (int64_t) PN_OPS_FEED_KEEP)
    {
        return PN_OK;
    }
    int64_t up_to = stats.position - PN_OPS_FEED_KEEP;
    enum pn_err err = pn_store_changes_trim(ops->store, up_to);
    if (err == PN_OK) {
        ops->trimmed = up_to;
    }
    return err;
}

/* Now and then, forget sessions and hand-overs that have ended. */
static enum pn_err
purge_ended(struct pn_ops *ops)
{
    int64_t now = pn_ops_now();
    if (now - ops->purged_at < PN_SESSION_PURGE_EVERY_S) {
        return PN_OK;
    }
    ops->purged_at = now;
    enum pn_err err = pn_store_sessions_purge(
        ops->store, now - PN_SESSION_MAX_S, now - PN_SESSION_IDLE_S);
    return err == PN_OK
               ? pn_store_handovers_purge(ops->store, now - PN_HANDOVER_KEEP_S)
               : err;
}

/* Other nodes should look as soon as this is committed. */
static enum pn_err
tell_others(struct pn_ops *ops, const struct pn_task *first)
{
    for (const struct pn_task *task = first; task != NULL; task = task->next) {
        if (task->ok && task->feeds) {
            return pn_store_notify(ops->store);
        }
    }
    return PN_OK;
}

static enum pn_err
batch_store(struct pn_ops *ops, struct pn_task *first)
{
    enum pn_err err = pn_store_begin(ops->store);
    for (struct pn_task *task = first; task != NULL && err == PN_OK;
         task = task->next)
    {
        err = task_run_apart(task, ops->store);
    }
    if (err == PN_OK) {
        err = trim_feed(ops);
    }
    if (err == PN_OK) {
        err = purge_ended(ops);
    }
    if (err == PN_OK) {
        err = tell_others(ops, first);
    }
    if (err == PN_OK) {
        err = pn_store_commit(ops->store);
    }
    if (err != PN_OK) {
        pn_log(PN_LOG_ERROR, "store_failed", "error", pn_err_text(err), "why",
               pn_store_why(ops->store), NULL);
        pn_store_rollback(ops->store);
    }
    return err;
}

static void
batch_answer(struct pn_ops *ops, struct pn_task *first, enum pn_err err)
{
    (void) pthread_mutex_lock(&ops->mutex);
    ops->batches_total++;
    ops->store_ok = err == PN_OK;
    while (first != NULL) {
        struct pn_task *task = first;
        first = task->next; /* the task is its caller's once it is done */
        ops->changes_total++;
        ops->changes_failed_total += task->ok ? 0 : 1;
        task->done = true;
    }
    (void) pthread_mutex_unlock(&ops->mutex);
    /* now, so that nobody wakes up only to wait for the mutex */
    (void) pthread_cond_broadcast(&ops->answered);
}

static void
batch_run(struct pn_ops *ops, struct pn_task *first)
{
    enum pn_err err = batch_store(ops, first);
    if (err != PN_OK) {
        fail_all(first, err);
    } else {
        pn_publishing_batch(ops, first);
    }
    batch_answer(ops, first, err);
}

/* --- the queue ----------------------------------------------------------- */

/* ns is less than a second. */
static struct timespec
soon(long ns)
{
    struct timespec at;
    (void) clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += ns;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

/*
 * Clients that were answered together ask again together, some microseconds
 * apart.  Taking the first alone would make the others wait for a whole commit:
 * give them a moment, short beside an fsync, as long as fewer wait than last
 * time.
 */
static void
queue_gather(struct pn_ops *ops)
{
    struct timespec until = soon(PN_OPS_GATHER_NS);
    int rc = 0;
    while (rc == 0 && !ops->stopping && ops->waiting < ops->last_batch) {
        rc = pthread_cond_timedwait(&ops->arrived, &ops->mutex, &until);
    }
}

/* Until something waits, or something else is to do. */
static void
queue_wait(struct pn_ops *ops)
{
    while (ops->first == NULL && !ops->stopping && !pn_publishing_is_due(ops)) {
        ops->asked_at = 0;
        if (ops->rebuilding.state == PN_REBUILD_RUNNING) {
            struct timespec until = soon(PN_OPS_REBUILD_LOOK_NS);
            (void) pthread_cond_timedwait(&ops->arrived, &ops->mutex, &until);
        } else {
            (void) pthread_cond_wait(&ops->arrived, &ops->mutex);
        }
    }
}

/* What waits, at most PN_OPS_BATCH_MAX; NULL = nothing. */
static struct pn_task *
queue_take(struct pn_ops *ops, bool *stop)
{
    (void) pthread_mutex_lock(&ops->mutex);
    queue_wait(ops);
    ops->asked_at = 0;
    queue_gather(ops);
    ops->last_batch =
        ops->waiting < PN_OPS_BATCH_MAX ? ops->waiting : PN_OPS_BATCH_MAX;
    struct pn_task *first = ops->first, *last = first;
    for (unsigned n = 1; last != NULL; n++) {
        ops->waiting--;
        if (n == PN_OPS_BATCH_MAX || last->next == NULL) {
            break;
        }
        last = last->next;
    }
    if (last != NULL) {
        ops->first = last->next;
        last->next = NULL;
    }
    *stop = ops->stopping && first == NULL;
    (void) pthread_mutex_unlock(&ops->mutex);
    return first;
}

static void *
writer_thread(void *arg)
{
    struct pn_ops *ops = arg;
    bool stop = false;
    (void) pthread_setname_np(pthread_self(), "writer");
    while (!stop) {
        struct pn_task *first = queue_take(ops, &stop);
        if (first != NULL) {
            batch_run(ops, first);
        }
        pn_publishing_take_over(ops);
    }
    return NULL;
}

/* At the end of the queue; the mutex is held. */
static void
queue_add(struct pn_ops *ops, struct pn_task *task)
{
    task->next = NULL;
    if (ops->first == NULL) {
        ops->first = task;
    } else {
        ops->last->next = task;
    }
    ops->last = task;
    ops->waiting++;
}

static void
refuse_busy(struct pn_task *task)
{
    task->fault->retry_after_s = 1;
    task->ok = pn_task_refuse(task, 503, "busy",
                              "too many changes wait already; try again");
}

void
pn_ops_submit_all(struct pn_task *tasks, size_t count)
{
    struct pn_ops *ops = tasks[0].ops;
    (void) pthread_mutex_lock(&ops->mutex);
    if (ops->stopping || ops->waiting + count > PN_OPS_QUEUE_MAX) {
        (void) pthread_mutex_unlock(&ops->mutex);
        for (size_t i = 0; i < count; i++) {
            refuse_busy(&tasks[i]);
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        queue_add(ops, &tasks[i]);
    }
    (void) pthread_cond_signal(&ops->arrived);
    for (size_t i = 0; i < count; i++) {
        while (!tasks[i].done) {
            (void) pthread_cond_wait(&ops->answered, &ops->mutex);
        }
    }
    (void) pthread_mutex_unlock(&ops->mutex);
}

bool
pn_ops_submit(struct pn_task *task)
{
    pn_ops_submit_all(task, 1);
    return task->ok;
}

static void
change_clear(struct pn_change *change)
{
    change->token = NULL;
    change->handover = NULL;
    change->user = NULL;
    change->group = NULL;
    change->app = NULL;
    change->policy = NULL;
    change->warnings = NULL;
    change->warning_count = 0;
}

bool
pn_ops_change(struct pn_ops *ops, const struct pn_caller *caller,
              struct pn_change *change, struct pn_arena *arena,
              struct pn_fault *fault)
{
    struct pn_task task = {
        .ops = ops,
        .act = change->act,
        .caller = caller,
        .change = change,
        .arena = arena,
        .fault = fault,
    };
    change_clear(change);
    bool ok = change->act > 0 && change->act < PN_ACT_COUNT
              && change->act != PN_ACT_SIGN_IN;
    if (!ok) {
        return pn_task_refuse(&task, 400, "unknown_act",
                              "there is no such act");
    }
    if (change->act == PN_ACT_PASSWORD_CHANGE) {
        ok = pn_prepare_password_change(&task);
    } else if (change->act == PN_ACT_USER_CREATE
               || change->act == PN_ACT_USER_EDIT) {
        ok = pn_prepare_user(&task);
    }
    ok = ok && pn_ops_submit(&task);
    if (!ok) {
        change_clear(change);
        pn_secret_done(change->secret);
    }
    return ok;
}

void
pn_ops_wake(struct pn_ops *ops)
{
    (void) pthread_mutex_lock(&ops->mutex);
    pn_lane_wake(ops->lane);
    (void) pthread_mutex_unlock(&ops->mutex);
}

/* --- start and stop ------------------------------------------------------ */

static struct pn_throttle *
throttle_new(uint32_t limit)
{
    struct pn_throttle *table = malloc(pn_throttle_size(PN_SIGNIN_SLOTS));
    if (table != NULL) {
        uint32_t seed = 0;
        pn_random(&seed, sizeof(seed));
        pn_throttle_init(table, PN_SIGNIN_SLOTS, seed, limit,
                         PN_SIGNIN_WINDOW_S);
    }
    return table;
}

static enum pn_err
ops_new(const struct pn_ops_options *options, struct pn_ops **out)
{
    struct pn_ops *ops = calloc(1, sizeof(*ops));
    if (ops == NULL) {
        return PN_E_NOMEM;
    }
    (void) pthread_mutex_init(&ops->mutex, NULL);
    pthread_condattr_t attr;
    (void) pthread_condattr_init(&attr);
    (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void) pthread_cond_init(&ops->arrived, &attr);
    (void) pthread_condattr_destroy(&attr);
    (void) pthread_cond_init(&ops->answered, NULL);
    (void) pthread_mutex_init(&ops->readers_mutex, NULL);
    ops->store_ok = true;
    ops->stale_after_s = options->stale_after_s;
    ops->compare_s = options->compare_s;
    ops->store_url = strdup(options->store_url);
    ops->index_dir = strdup(options->index_dir);
    if (options->index_group != NULL) {
        ops->index_group = strdup(options->index_group);
    }
    ops->arena = pn_arena_new(65536);
    ops->by_address = throttle_new(PN_SIGNIN_ADDRESS_MAX);
    ops->by_pair = throttle_new(PN_SIGNIN_PAIR_MAX);
    ops->audited = throttle_new(PN_SIGNIN_AUDIT_MAX);
    bool ok = ops->store_url != NULL && ops->index_dir != NULL
              && ops->arena != NULL && ops->by_address != NULL
              && ops->by_pair != NULL && ops->audited != NULL
              && (options->index_group == NULL || ops->index_group != NULL);
    if (!ok) {
        pn_ops_stop(ops);
        return PN_E_NOMEM;
    }
    *out = ops;
    return PN_OK;
}

/* Whoever asked for that knows; whoever reads the log may not. */
static void
log_weakness(struct pn_ops *ops)
{
    const char *mode = pn_store_weakness(ops->store);
    if (mode != NULL) {
        char title[256];
        pn_store_title(ops->store_url, title, sizeof(title));
        pn_log(PN_LOG_WARNING, "store_not_verified", "store", title, "sslmode",
               mode, NULL);
    }
}

static enum pn_err
ops_open(struct pn_ops *ops)
{
    enum pn_err err =
        pn_store_open(ops->store_url, PN_STORE_WRITE, &ops->store);
    if (err == PN_OK) {
        log_weakness(ops);
        err = pn_store_epoch(ops->store, &ops->epoch);
    }
    if (err == PN_OK) {
        err = pn_store_prefixes(ops->store, ops->arena, &ops->prefixes);
    }
    if (err != PN_OK) {
        return err;
    }
    err = pn_publishing_start(ops);
    return err == PN_OK && pn_store_is_shared(ops->store)
               ? pn_listener_start(ops, ops->store_url, &ops->listener)
               : err;
}

enum pn_err
pn_ops_start(const struct pn_ops_options *options, struct pn_ops **out)
{
    struct pn_ops *ops = NULL;
    enum pn_err err = pn_password_init();
    if (err == PN_OK) {
        err = ops_new(options, &ops);
    }
    if (err == PN_OK) {
        err = ops_open(ops);
    }
    if (err == PN_OK
        && pthread_create(&ops->writer, NULL, writer_thread, ops) != 0) {
        err = PN_E_NOMEM;
    }
    if (err != PN_OK) {
        pn_ops_stop(ops);
        return err;
    }
    ops->started = true;
    *out = ops;
    return PN_OK;
}

void
pn_ops_stop(struct pn_ops *ops)
{
    if (ops == NULL) {
        return;
    }
    (void) pthread_mutex_lock(&ops->mutex);
    ops->stopping = true;
    (void) pthread_cond_signal(&ops->arrived);
    (void) pthread_mutex_unlock(&ops->mutex);
    if (ops->started) {
        (void) pthread_join(ops->writer, NULL);
    }
    pn_listener_stop(ops->listener);
    pn_publishing_stop(ops);
    /* The writer last: who may write puts SQLite's log into the file. */
    for (unsigned i = 0; i < ops->reader_count; i++) {
        pn_store_close(ops->readers[i]);
    }
    pn_store_close(ops->store);
    (void) pthread_mutex_destroy(&ops->mutex);
    (void) pthread_cond_destroy(&ops->arrived);
    (void) pthread_cond_destroy(&ops->answered);
    (void) pthread_mutex_destroy(&ops->readers_mutex);
    pn_arena_free(ops->arena);
    free(ops->by_address);
    free(ops->by_pair);
    free(ops->audited);
    free(ops->store_url);
    free(ops->index_dir);
    free(ops->index_group);
    free(ops);
}

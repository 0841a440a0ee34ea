/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which lane publishes: the present one; another one in a new generation, when
 * that one hangs; and one that fills a new generation on demand.
 *
 *     asked for   a lane of its own fills a generation that nobody reads; the
 *                 present lane goes on publishing
 *     filled      between two batches of changes the present lane ends, the
 *                 new one publishes what is left and switches readers over
 *
 * Changes of this node stand still only in that moment, so that readers are
 * never led back behind what was answered.
 */
#include "base/log.h"
#include "daemon/ops/inside.h"

static struct pn_lane_options
lane_options(const struct pn_ops *ops)
{
    return (struct pn_lane_options){
        .store_url = ops->store_url,
        .index = {.dir = ops->index_dir,
                  .epoch = ops->epoch,
                  .stale_after_s = ops->stale_after_s,
                  .group = ops->index_group},
        .compare_s = ops->compare_s,
    };
}

enum pn_err
pn_publishing_start(struct pn_ops *ops)
{
    struct pn_lane_options options = lane_options(ops);
    enum pn_err err = pn_lane_start(&options, &ops->lane);
    return err == PN_OK ? pn_lane_wait_open(ops->lane) : err;
}

void
pn_publishing_stop(struct pn_ops *ops)
{
    pn_lane_stop(ops->rebuilding.fresh);
    pn_lane_stop(ops->lane);
}

/* The lane from now on; returns the one before. */
static struct pn_lane *
exchange(struct pn_ops *ops, struct pn_lane *lane)
{
    (void) pthread_mutex_lock(&ops->mutex);
    struct pn_lane *before = ops->lane;
    ops->lane = lane;
    (void) pthread_mutex_unlock(&ops->mutex);
    return before;
}

/* --- a lane that hangs --------------------------------------------------- */

/* Somebody holds the index's lock: leave him that generation. */
static void
replace_lane(struct pn_ops *ops)
{
    struct pn_lane_options options = lane_options(ops);
    options.from = PN_LANE_NEW_GENERATION;
    struct pn_lane *fresh = NULL;
    enum pn_err err = pn_lane_start(&options, &fresh);
    pn_log(PN_LOG_ERROR, "publish_stuck", "dir", ops->index_dir, "next",
           err == PN_OK ? "new generation" : pn_err_text(err), NULL);
    if (err == PN_OK) {
        pn_lane_leave(exchange(ops, fresh));
    }
}

void
pn_publishing_batch(struct pn_ops *ops, struct pn_task *first)
{
    bool feeds = false;
    for (struct pn_task *task = first; task != NULL; task = task->next) {
        feeds = feeds || (task->ok && task->feeds);
    }
    if (!feeds) {
        return;
    }
    enum pn_err err = pn_lane_publish(ops->lane);
    if (err == PN_OK) {
        return;
    }
    if (pn_lane_is_stuck(ops->lane)) {
        replace_lane(ops);
    }
    for (struct pn_task *task = first; task != NULL; task = task->next) {
        if (task->ok && task->feeds) {
            task->ok = pn_task_refuse(
                task, 503, "not_in_force",
                "the change is stored but not yet in force: the index could "
                "not be written in time; it follows by itself");
        }
    }
}

/* --- making it anew ------------------------------------------------------ */

bool
pn_publishing_is_rebuilding(struct pn_ops *ops)
{
    (void) pthread_mutex_lock(&ops->mutex);
    bool running = ops->rebuilding.state == PN_REBUILD_RUNNING;
    (void) pthread_mutex_unlock(&ops->mutex);
    return running;
}

bool
pn_publishing_is_due(const struct pn_ops *ops)
{
    return ops->rebuilding.state == PN_REBUILD_RUNNING
           && pn_lane_is_open(ops->rebuilding.fresh);
}

static void
rebuild_ended(struct pn_ops *ops, enum pn_err err)
{
    if (err == PN_OK) {
        pn_log(PN_LOG_INFO, "index_rebuilt", NULL);
    } else {
        pn_log(PN_LOG_ERROR, "rebuild_failed", "error", pn_err_text(err), NULL);
    }
    (void) pthread_mutex_lock(&ops->mutex);
    struct pn_rebuilding *r = &ops->rebuilding;
    r->state = err == PN_OK ? PN_REBUILD_DONE : PN_REBUILD_FAILED;
    r->fresh = NULL;
    r->ended_at = pn_ops_now();
    r->err = err;
    (void) pthread_mutex_unlock(&ops->mutex);
}

void
pn_publishing_take_over(struct pn_ops *ops)
{
    (void) pthread_mutex_lock(&ops->mutex);
    bool due = pn_publishing_is_due(ops) && !ops->stopping;
    struct pn_lane *fresh = ops->rebuilding.fresh;
    if (due) {
        pn_lane_progress(fresh, &ops->rebuilding.done, &ops->rebuilding.total);
    }
    (void) pthread_mutex_unlock(&ops->mutex);
    if (!due) {
        return;
    }
    enum pn_err err = pn_lane_wait_open(fresh);
    if (err != PN_OK) {
        rebuild_ended(ops, err);
        pn_lane_stop(fresh);
        return;
    }
    pn_lane_stop(exchange(ops, fresh));
    err = pn_lane_take_over(fresh);
    if (err != PN_OK) {
        replace_lane(ops); /* nobody reads what that one writes */
    }
    rebuild_ended(ops, err);
}

/* Nothing in the store; the event says who did it, and when. */
bool
pn_apply_index_rebuild(struct pn_task *task)
{
    if (pn_publishing_is_rebuilding(task->ops)) {
        return pn_task_refuse(task, 409, "rebuild_running",
                              "the index is being made anew already");
    }
    pn_audit_note(task, "index", NULL, NULL);
    return true;
}

/* Starts the lane, unless somebody else was faster. */
static enum pn_err
rebuild_start(struct pn_ops *ops)
{
    struct pn_lane_options options = lane_options(ops);
    struct pn_lane *fresh = NULL;
    options.from = PN_LANE_PREPARED;
    enum pn_err err = pn_lane_start(&options, &fresh);
    if (err != PN_OK) {
        return err;
    }
    (void) pthread_mutex_lock(&ops->mutex);
    if (ops->rebuilding.state == PN_REBUILD_RUNNING || ops->stopping) {
        err = PN_E_STATE;
    } else {
        ops->rebuilding = (struct pn_rebuilding){.state = PN_REBUILD_RUNNING,
                                                 .fresh = fresh,
                                                 .started_at = pn_ops_now()};
        (void) pthread_cond_signal(&ops->arrived); /* the writer now looks */
    }
    (void) pthread_mutex_unlock(&ops->mutex);
    if (err != PN_OK) {
        pn_lane_stop(fresh);
    }
    return err;
}

bool
pn_ops_index_rebuild(struct pn_ops *ops, const struct pn_caller *caller,
                     struct pn_arena *arena, struct pn_fault *fault)
{
    struct pn_change change = {.act = PN_ACT_COUNT};
    struct pn_task task = {
        .ops = ops,
        .act = PN_ACT_INDEX_REBUILD,
        .caller = caller,
        .change = &change,
        .arena = arena,
        .fault = fault,
    };
    if (!pn_ops_submit(&task)) {
        return false;
    }
    enum pn_err err = rebuild_start(ops);
    if (err == PN_E_STATE) {
        return pn_task_refuse(&task, 409, "rebuild_running",
                              "the index is being made anew already");
    }
    return err == PN_OK ? true : pn_task_store_error(&task, err);
}

bool
pn_ops_index(struct pn_ops *ops, const struct pn_caller *caller,
             struct pn_arena *arena, struct pn_index_report *out,
             struct pn_fault *fault)
{
    struct pn_index_report report = {.known = false};
    struct pn_store *store = NULL;
    if (!pn_may_read(caller, PN_READ_INDEX, arena, fault)) {
        return false;
    }
    enum pn_err err = pn_reader_take(ops, &store);
    if (err == PN_OK) {
        err = pn_store_position(store, &report.store_position);
        pn_reader_give(ops, store);
    }
    if (err != PN_OK) {
        return pn_fault_store(fault, arena, err);
    }
    (void) pthread_mutex_lock(&ops->mutex);
    struct pn_rebuilding *r = &ops->rebuilding;
    report.known = pn_lane_stats(ops->lane, &report.index);
    if (r->fresh != NULL) {
        pn_lane_progress(r->fresh, &r->done, &r->total);
    }
    report.rebuild.state = r->state;
    report.rebuild.started_at = r->started_at;
    report.rebuild.ended_at = r->ended_at;
    report.rebuild.done = r->done;
    report.rebuild.total = r->total;
    report.rebuild.err = r->err;
    (void) pthread_mutex_unlock(&ops->mutex);
    *out = report;
    return true;
}

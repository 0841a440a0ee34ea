/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that nobody uses: found on a read connection, settled by the writer,
 * which judges each anew.  Several nodes may find the same ones; the first that
 * writes changes them, and the others find nothing left to do.
 */
#include "daemon/ops/unused.h"

#include "core/id.h"
#include "daemon/model/parts.h"
#include "daemon/ops/inside.h"

enum { BATCH_ARENA_MAX = 64 << 20 };

/* What the writer is asked for. */
struct pn_unused_step {
    enum pn_unused_what what;
    int64_t now; /* 0 = the task's */
    const uint64_t *id;
    uint16_t count;
    struct pn_unused_done *done;
};

/* --- events -------------------------------------------------------------- */

static bool
tell(const struct pn_task *batch, unsigned act, uint64_t token_id,
     json_t *facts)
{
    struct pn_task event = *batch;
    event.act = act;
    event.before = event.after = event.facts = NULL;
    pn_audit_facts(&event, pn_audit_id(batch->arena, PN_ID_TOKEN, token_id),
                   pn_json_defer(batch->arena, facts));
    enum pn_err err = facts != NULL ? pn_audit_write(&event) : PN_E_NOMEM;
    return err == PN_OK ? true
                        : pn_fault_store(batch->fault, batch->arena, err);
}

bool
pn_tell_unused_lift(const struct pn_task *batch, uint64_t token_id,
                    const char *because)
{
    return tell(batch, PN_ACT_UNUSED_LIFT, token_id,
                json_pack("{s:s}", "because", because));
}

static bool
tell_notice(const struct pn_task *task, const struct pn_unused_rule *rule,
            uint64_t token_id, int64_t disable_at)
{
    return tell(task, PN_ACT_UNUSED_NOTICE, token_id,
                json_pack("{s:o, s:I}", "disable_at",
                          pn_part_instant_json(disable_at), "unused_days",
                          (json_int_t) rule->days));
}

/* With what the token was, like any other change of one. */
static bool
tell_disabled(const struct pn_task *batch, const struct pn_token *before)
{
    struct pn_token after;
    struct pn_task event = *batch;
    enum pn_err err =
        pn_store_token_by_id(batch->store, before->id, batch->arena, &after);
    if (err == PN_OK) {
        event.act = PN_ACT_UNUSED_DISABLE;
        event.facts = NULL;
        pn_audit_note(&event,
                      pn_audit_id(batch->arena, PN_ID_TOKEN, before->id),
                      pn_token_to_json(before, batch->arena),
                      pn_token_to_json(&after, batch->arena));
        err = pn_audit_write(&event);
    }
    return err == PN_OK ? true
                        : pn_fault_store(batch->fault, batch->arena, err);
}

/* --- settling ------------------------------------------------------------ */

/* One batch inside the writer. */
struct settling {
    struct pn_task *task;
    const struct pn_unused_step *step;
    struct pn_unused_rule rule;
    int64_t now, hold_until;
};

static bool
settle(const struct settling *s, enum pn_unused_what what, int64_t disable_at,
       uint64_t id, bool *changed)
{
    const struct pn_unused_look look = {
        .what = what, .rule = s->rule, .now = s->now};
    enum pn_err err =
        pn_store_unused_settle(s->task->store, &look, disable_at, id, changed);
    return err == PN_OK ? true : pn_task_store_error(s->task, err);
}

static bool
mark(const struct settling *s, uint64_t id)
{
    int64_t at = s->now + (int64_t) s->rule.notice_days * PN_DAY_S;
    bool changed = false;
    at = at > s->hold_until ? at : s->hold_until;
    if (!settle(s, PN_UNUSED_TO_MARK, at, id, &changed)) {
        return false;
    }
    s->step->done->marked += changed;
    return !changed || tell_notice(s->task, &s->rule, id, at);
}

/* A mark of what ended by itself goes without a word. */
static bool
lift(const struct settling *s, uint64_t id)
{
    struct pn_token token;
    bool changed = false;
    if (!settle(s, PN_UNUSED_TO_LIFT, 0, id, &changed)) {
        return false;
    }
    if (!changed) {
        return true;
    }
    s->step->done->lifted++;
    enum pn_err err =
        pn_store_token_by_id(s->task->store, id, s->task->arena, &token);
    if (err != PN_OK) {
        return pn_task_store_error(s->task, err);
    }
    return token.state == PN_STATE_EXPIRED
           || pn_tell_unused_lift(s->task, id, "policy");
}

static bool
put_off(const struct settling *s, uint64_t id)
{
    bool changed = false;
    if (!settle(s, PN_UNUSED_DUE, s->hold_until, id, &changed)) {
        return false;
    }
    s->step->done->put_off += changed;
    return changed ? tell_notice(s->task, &s->rule, id, s->hold_until)
                   : lift(s, id);
}

static bool
disable(const struct settling *s, uint64_t id)
{
    struct pn_token before;
    bool changed = false;
    enum pn_err err =
        pn_store_token_by_id(s->task->store, id, s->task->arena, &before);
    if (err != PN_OK) {
        return pn_task_store_error(s->task, err);
    }
    if (!settle(s, PN_UNUSED_DUE, 0, id, &changed)) {
        return false;
    }
    if (!changed) {
        return lift(s, id);
    }
    s->step->done->disabled++;
    return pn_task_feed(s->task, PN_CHANGE_TOKEN, id, NULL)
           && tell_disabled(s->task, &before);
}

static bool
settle_one(const struct settling *s, uint64_t id)
{
    switch (s->step->what) {
    case PN_UNUSED_TO_MARK:
        return mark(s, id);
    case PN_UNUSED_DUE:
        return s->now < s->hold_until ? put_off(s, id) : disable(s, id);
    case PN_UNUSED_TO_LIFT:
        break;
    }
    return lift(s, id);
}

bool
pn_apply_unused(struct pn_task *task)
{
    const struct pn_unused_step *step = task->extra.unused;
    struct settling s = {.task = task,
                         .step = step,
                         .now = step->now != 0 ? step->now : task->now};
    *step->done = (struct pn_unused_done){.more = step->done->more};
    enum pn_err err = pn_store_unused_rule(task->store, task->arena, &s.rule);
    if (err == PN_OK) {
        err = pn_store_unused_ran(task->store, s.now,
                                  (int64_t) s.rule.notice_days * PN_DAY_S,
                                  &s.hold_until);
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    for (uint16_t i = 0; i < step->count; i++) {
        if (!settle_one(&s, step->id[i])) {
            return false;
        }
    }
    return true;
}

/* --- for the job --------------------------------------------------------- */

static enum pn_err
submit(struct pn_ops *ops, const struct pn_unused_step *step)
{
    struct pn_fault fault = {0};
    const struct pn_caller posternd = {.kind = PN_CALLER_SYSTEM};
    struct pn_arena *arena = pn_arena_new(BATCH_ARENA_MAX);
    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    struct pn_task task = {.ops = ops,
                           .act = PN_ACT_UNUSED,
                           .caller = &posternd,
                           .arena = arena,
                           .fault = &fault,
                           .extra = {.unused = step}};
    bool ok = pn_ops_submit(&task);
    pn_arena_free(arena);
    return ok ? PN_OK : PN_E_STORE;
}

/* The rule, and what it finds. */
static enum pn_err
find(struct pn_ops *ops, int64_t now, struct pn_unused_pass *pass,
     uint64_t id[PN_UNUSED_BATCH], uint16_t *count)
{
    struct pn_unused_look look = {.what = pass->what, .now = now};
    struct pn_store *store = NULL;
    struct pn_arena *arena = pn_arena_new(1 << 20);
    enum pn_err err = arena != NULL ? pn_reader_take(ops, &store) : PN_E_NOMEM;
    if (err == PN_OK) {
        err = pn_store_unused_rule(store, arena, &look.rule);
        if (err == PN_OK) {
            err = pn_store_unused_find(store, &look, &pass->at, id, count);
        }
        pn_reader_give(ops, store);
    }
    pn_arena_free(arena);
    return err;
}

enum pn_err
pn_ops_unused(struct pn_ops *ops, int64_t now, struct pn_unused_pass *pass,
              struct pn_unused_done *done)
{
    uint64_t id[PN_UNUSED_BATCH];
    uint16_t count = 0;
    enum pn_err err =
        find(ops, now != 0 ? now : pn_ops_now(), pass, id, &count);
    struct pn_unused_done result = {.more = count == PN_UNUSED_BATCH};
    const struct pn_unused_step step = {.what = pass->what,
                                        .now = now,
                                        .id = id,
                                        .count = count,
                                        .done = &result};
    if (err == PN_OK && count > 0) {
        err = submit(ops, &step);
    }
    if (err == PN_OK) {
        *done = result;
    }
    return err;
}

enum pn_err
pn_ops_unused_ran(struct pn_ops *ops, int64_t now)
{
    struct pn_unused_done done = {0};
    const struct pn_unused_step step = {.now = now, .done = &done};
    return submit(ops, &step);
}

enum pn_err
pn_ops_unused_rule(struct pn_ops *ops, struct pn_unused_rule *rule,
                   uint64_t *version)
{
    struct pn_policy policy;
    struct pn_store *store = NULL;
    struct pn_arena *arena = pn_arena_new(1 << 20);
    enum pn_err err = arena != NULL ? pn_reader_take(ops, &store) : PN_E_NOMEM;
    if (err == PN_OK) {
        err = pn_store_unused_rule(store, arena, rule);
        if (err == PN_OK) {
            err = pn_store_policy(store, arena, &policy);
        }
        pn_reader_give(ops, store);
    }
    if (err == PN_OK) {
        *version = policy.version;
    }
    pn_arena_free(arena);
    return err;
}

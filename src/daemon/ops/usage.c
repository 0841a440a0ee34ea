/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uses: written in batches, read by whoever may see the token.
 *
 * Two things about them are news.  A secret that was replaced is used: somebody
 * forgot a script, or has stolen the secret; the owner sees it at the token,
 * administrators in the audit, once a day.  And a token is used that was to be
 * disabled because nobody did.
 */
#include <netinet/in.h>
#include <string.h>

#include "base/str.h"
#include "core/id.h"
#include "daemon/ops/inside.h"
#include "daemon/store/address_reports.h"

enum { BATCH_ARENA_MAX = 8 << 20 };

/* --- writing ------------------------------------------------------------- */

/* The event stands in the batch's own transaction, as that of a change. */
static bool
tell_superseded(const struct pn_task *batch, const struct pn_use *use)
{
    char text[INET6_ADDRSTRLEN];
    struct pn_buf address = PN_BUF(text);
    struct pn_caller seen = *batch->caller;
    struct pn_task event = *batch;
    if (use->seen_count > 0) {
        pn_ip_format(&use->seen[0].ip, &address);
        seen.address = pn_arena_dup(batch->arena, pn_buf_str(&address));
    }
    event.act = PN_ACT_SUPERSEDED_USED;
    event.caller = &seen;
    event.before = event.after = NULL;
    pn_audit_note(&event, pn_audit_id(batch->arena, PN_ID_TOKEN, use->token_id),
                  NULL,
                  pn_json_defer(batch->arena,
                                json_pack("{s:s, s:s, s:I}", "app", use->app,
                                          "method", use->method, "count",
                                          (json_int_t) use->count)));
    enum pn_err err = pn_audit_write(&event);
    return err == PN_OK ? true
                        : pn_fault_store(batch->fault, batch->arena, err);
}

static bool
apply_use(struct pn_task *task, const struct pn_use *use)
{
    enum pn_use_news news = PN_USE_NOTHING_NEW;
    enum pn_err err = pn_store_use(task->store, use, &news);
    if (err == PN_OK && use->reporters != 0) {
        uint64_t id = pn_task_new_id(task);
        (void) pn_task_new_id(task); /* two rules may report it */
        err = pn_store_address_reports_add(task->store, use, id);
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    switch (news) {
    case PN_USE_NOTHING_NEW:
        break;
    case PN_USE_FIRST_SUPERSEDED:
        return tell_superseded(task, use);
    case PN_USE_LIFTS:
        return pn_tell_unused_lift(task, use->token_id, "used");
    }
    return true;
}

bool
pn_apply_uses(struct pn_task *task)
{
    for (size_t i = 0; i < task->extra.use_count; i++) {
        if (!apply_use(task, &task->extra.uses[i])) {
            return false;
        }
    }
    enum pn_err err = pn_store_usage_trim(task->store, task->now / PN_DAY_S);
    if (err == PN_OK) {
        err = pn_store_address_reports_trim(task->store, task->now);
    }
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

bool
pn_apply_never(struct pn_task *task)
{
    return pn_task_refuse(task, 400, "unknown_act", "there is no such act");
}

enum pn_err
pn_ops_uses(struct pn_ops *ops, const struct pn_use *uses, size_t count)
{
    struct pn_fault fault = {0};
    const struct pn_caller posternd = {.kind = PN_CALLER_SYSTEM};
    struct pn_arena *arena = pn_arena_new(BATCH_ARENA_MAX);
    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    struct pn_task task = {
        .ops = ops,
        .act = PN_ACT_USES,
        .caller = &posternd,
        .arena = arena,
        .fault = &fault,
        .extra = {.uses = uses, .use_count = count},
    };
    bool ok = count == 0 || pn_ops_submit(&task);
    pn_arena_free(arena);
    return ok ? PN_OK : PN_E_STORE;
}

/* --- posternd's own API as an application -------------------------------- */

void
pn_ops_on_use(struct pn_ops *ops, pn_ops_use_fn *call, void *arg)
{
    ops->on_use = call;
    ops->on_use_arg = arg;
}

void
pn_ops_tell_use(struct pn_ops *ops, const struct pn_credential *credential,
                const struct pn_decision *decision, const struct pn_ip *from)
{
    struct pn_usage usage = {
        .token_id = decision->token_id,
        .reason = decision->reason,
        .reporters = decision->reporters,
        .count = 1,
        .at = pn_ops_now(),
        .address = *from,
        .app = PN_STR("postern"),
    };
    if (ops->on_use == NULL || !decision->secret_known) {
        return;
    }
    memcpy(usage.secret, credential->hash.bytes, sizeof(usage.secret));
    ops->on_use(ops->on_use_arg, &usage);
}

/* --- reading ------------------------------------------------------------- */

static bool
may_ask(struct pn_ops *ops, const struct pn_caller *caller, uint64_t token_id,
        struct pn_arena *arena, struct pn_fault *fault)
{
    struct pn_token token;
    return token_id == 0
               ? pn_may_read(caller, PN_READ_USAGE, arena, fault)
               : pn_ops_token(ops, caller, token_id, arena, &token, fault);
}

bool
pn_ops_usage(struct pn_ops *ops, const struct pn_caller *caller,
             const struct pn_usage_question *question, struct pn_arena *arena,
             struct pn_usage_counts *out, struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    if (!may_ask(ops, caller, question->token_id, arena, fault)) {
        return false;
    }
    enum pn_err err = pn_reader_take(ops, &store);
    if (err == PN_OK) {
        err = question->token_id != 0
                  ? pn_store_usage_of_token(store, question->token_id,
                                            &question->days, arena, out)
                  : pn_store_usage(store, question->app, &question->days, arena,
                                   out);
        pn_reader_give(ops, store);
    }
    return err == PN_OK ? true : pn_fault_store(fault, arena, err);
}

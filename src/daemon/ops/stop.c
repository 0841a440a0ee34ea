/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending what a person has: tokens, sessions, hand-overs, in one act.
 *
 * What is stopped may be switched on again, its tokens may not: whoever
 * returns makes new ones.  Deleting ends the same and the account with it.
 */
#include "daemon/ops/inside.h"

bool
pn_user_end_all(struct pn_task *task, const struct pn_user *user,
                const char *reason, struct pn_stopped *out)
{
    struct pn_stopped ended = {0};
    const struct pn_revocation revocation = {
        .at = task->now, .by = pn_task_actor(task), .reason = reason};
    enum pn_err err = pn_store_tokens_revoke_of(
        task->store, user->id, &revocation, &ended.tokens_revoked);
    if (err == PN_OK) {
        err = pn_store_sessions_delete_of(task->store, user->id, 0,
                                          &ended.sessions_ended);
    }
    if (err == PN_OK) {
        err = pn_store_handovers_withdraw_of(task->store, user->id, &revocation,
                                             &ended.handovers_withdrawn);
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    task->feeds = true;
    *out = ended;
    return true;
}

/* doc with what was ended; NULL without memory. */
json_t *
pn_stopped_add(json_t *doc, const struct pn_stopped *ended)
{
    return doc != NULL
                   && json_object_set_new(doc, "tokens_revoked",
                                          json_integer(ended->tokens_revoked))
                          == 0
                   && json_object_set_new(doc, "sessions_ended",
                                          json_integer(ended->sessions_ended))
                          == 0
                   && json_object_set_new(
                          doc, "handovers_withdrawn",
                          json_integer(ended->handovers_withdrawn))
                          == 0
               ? doc
               : NULL;
}

bool
pn_apply_user_stop(struct pn_task *task)
{
    const char *reason = task->change->reason;
    struct pn_user before;
    struct pn_named_list kept = {0};
    if (!pn_reason_fits(task) || !pn_user_find(task, &before)
        || !pn_task_accounts_kept(task, before.id, &kept))
    {
        return false;
    }
    struct pn_user after = before;
    after.active = false;
    enum pn_err err = pn_store_user_update(task->store, &after);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    struct pn_stopped *ended = &task->change->stopped;
    if (!pn_user_end_all(task, &after, reason != NULL ? reason : "stopped",
                         ended)
        || !pn_user_admin_remains(task, &before)
        || !pn_task_warn_alone(task, &kept))
    {
        return false;
    }
    json_t *new = pn_stopped_add(pn_user_to_json(&after, task->arena), ended);
    if (new == NULL) {
        return pn_task_no_memory(task);
    }
    pn_audit_note(task, before.username, pn_user_to_json(&before, task->arena),
                  new);
    return pn_task_feed(task, PN_CHANGE_OWNER, after.id, NULL)
           && pn_user_answer(task, &after);
}

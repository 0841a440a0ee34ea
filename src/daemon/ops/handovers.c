/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hand-overs: an administrator prepares a token, its owner takes it.
 *
 * The secret is made when the owner takes it, so nobody else has ever seen it.
 * What is prepared is a wish: whether the owner may have such a token is
 * judged when it is taken, by the policy of that moment.
 */
#include <string.h>

#include "base/str.h"
#include "core/id.h"
#include "daemon/ops/token_rules.h"

/* --- preparing ----------------------------------------------------------- */

static bool
find_owner(struct pn_task *task, struct pn_user *out)
{
    const char *name = task->change->in.handover->owner;
    enum pn_err err =
        pn_store_user_by_name(task->store, pn_str_from(name), task->arena, out);
    if (err == PN_E_NOT_FOUND) {
        return pn_task_refuse_field(task, 422, "/owner", "unknown_user",
                                    "there is no user of this name");
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    if (out->service) {
        return pn_task_refuse_field(task, 422, "/owner", "service_account",
                                    "nobody signs in to a service account; its "
                                    "custodians make its tokens");
    }
    if (!out->active) {
        return pn_task_refuse_field(task, 422, "/owner", "owner_inactive",
                                    "this account is switched off");
    }
    return true;
}

static bool
has_room(struct pn_task *task, const struct pn_user *owner)
{
    uint32_t waiting = 0;
    enum pn_err err =
        pn_store_handovers_waiting(task->store, owner->id, task->now, &waiting);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    return waiting < PN_HANDOVERS_WAITING_MAX
               ? true
               : pn_task_refuse(task, 409, "too_many_handovers",
                                "too many hand-overs wait for this person; "
                                "withdraw some first");
}

/* Would the owner get it as things are?  Only a warning: groups and policy may
 * be meant to change before it is taken. */
static bool
warn_of_policy(struct pn_task *task, const struct pn_user *owner)
{
    struct pn_fault fault = {0};
    struct pn_task trial = *task;
    const struct pn_token_wish *wish = &task->change->in.handover->token;
    struct pn_token token = wish->token;
    struct pn_allowance allowance;
    trial.fault = &fault;
    pn_token_defaults(task, wish->given, &token);
    trial.owner = *owner;
    trial.who = (struct pn_who){.role = pn_role_of(owner, &task->policy),
                                .has_user = true,
                                .user = *owner};
    enum pn_err err =
        pn_allowance_for(&task->policy, owner, task->arena, &allowance);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    if (pn_token_may_make(&trial, &allowance)
        && pn_token_lifetime(&trial, &allowance, &wish->lifetime, &token)
        && pn_token_check(&trial, &token, owner, PN_TOKEN_CHECK_ALL))
    {
        return true;
    }
    return pn_task_warn(task, "as things are, \"%s\" could not take it: %s",
                        owner->username,
                        fault.detail != NULL ? fault.detail : "refused");
}

static bool
answer(struct pn_task *task, const struct pn_handover *handover)
{
    struct pn_handover *out = pn_arena_alloc(task->arena, sizeof(*out));
    if (out == NULL) {
        return pn_task_no_memory(task);
    }
    *out = *handover;
    task->change->handover = out;
    return true;
}

bool
pn_apply_handover_create(struct pn_task *task)
{
    const struct pn_handover_wish *wish = task->change->in.handover;
    struct pn_user owner;
    struct pn_hash hash;
    if (!find_owner(task, &owner) || !has_room(task, &owner)
        || !warn_of_policy(task, &owner))
    {
        return false;
    }
    pn_secret_random(task->change->secret, &hash);
    struct pn_handover handover = {
        .id = pn_task_new_id(task),
        .owner_id = owner.id,
        .owner = owner.username,
        .settings = wish->settings,
        .made_by_id = task->who.has_user ? task->who.user.id : 0,
        .made_by = pn_arena_dup(task->arena, pn_str_from(pn_task_actor(task))),
        .made_at = task->now,
        .expires_at = task->now + (int64_t) wish->valid_days * PN_DAY_S,
        .ended_by = pn_arena_dup(task->arena, PN_STR("")),
    };
    if (handover.made_by == NULL || handover.ended_by == NULL) {
        return pn_task_no_memory(task);
    }
    enum pn_err err = pn_store_handover_insert(task->store, &handover, &hash);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    pn_audit_note(task, pn_audit_id(task->arena, PN_ID_HANDOVER, handover.id),
                  NULL, pn_handover_to_json(&handover, task->now, task->arena));
    return answer(task, &handover);
}

/* --- who may ------------------------------------------------------------- */

/* The code in the task's change, or its id. */
static bool
load(struct pn_task *task)
{
    enum pn_err err = PN_E_NOT_FOUND;
    if (task->change->id != 0) {
        err = pn_store_handover_by_id(task->store, task->change->id,
                                      task->arena, &task->handover);
    } else if (task->change->code != NULL) {
        struct pn_hash hash;
        pn_hash_of(pn_str_from(task->change->code), &hash);
        err = pn_store_handover_by_code(task->store, &hash, task->arena,
                                        &task->handover);
    }
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

static bool
is_owner(const struct pn_task *task)
{
    return task->caller->kind == PN_CALLER_SESSION && task->who.has_user
           && task->who.user.id == task->handover.owner_id;
}

static bool
refuse_ended(struct pn_task *task)
{
    const struct pn_handover *handover = &task->handover;
    if (handover->ending == PN_HANDOVER_TAKEN) {
        return pn_task_refuse(task, 410, "handover_taken",
                              "this token was taken already; a link works "
                              "once");
    }
    if (handover->ending == PN_HANDOVER_WITHDRAWN) {
        return pn_task_refuse(task, 410, "handover_withdrawn",
                              "this hand-over was withdrawn; ask for another");
    }
    if (handover->expires_at <= task->now) {
        return pn_task_refuse(task, 410, "handover_expired",
                              "this hand-over has expired; ask for another");
    }
    return true;
}

/* To anybody but its owner a link leads nowhere. */
bool
pn_auth_handover_take(struct pn_task *task)
{
    if (task->caller->kind != PN_CALLER_SESSION) {
        return pn_task_refuse(task, 403, "sign_in_needed",
                              "only its owner, signed in, takes a token");
    }
    if (!load(task)) {
        return false;
    }
    if (!is_owner(task)) {
        return pn_task_store_error(task, PN_E_NOT_FOUND);
    }
    task->owner = task->who.user;
    return refuse_ended(task) && pn_task_is_fresh(task);
}

bool
pn_auth_handover_withdraw(struct pn_task *task)
{
    if (!load(task)) {
        return false;
    }
    if (is_owner(task)) {
        return true;
    }
    if (task->who.role < PN_ROLE_AUDITOR) {
        return pn_task_store_error(task, PN_E_NOT_FOUND);
    }
    return pn_auth_users(task);
}

/* --- taking -------------------------------------------------------------- */

/* What is wrong lies in the settings. */
static bool
refuse_settings(struct pn_task *task)
{
    struct pn_fault *fault = task->fault;
    for (uint8_t i = 0; i < fault->field_count; i++) {
        char *pointer = pn_arena_printf(task->arena, "/settings%s",
                                        fault->fields[i].pointer);
        if (pointer != NULL) {
            fault->fields[i].pointer = pointer;
        }
    }
    return false;
}

static bool
read_settings(struct pn_task *task, struct pn_token_wish *wish)
{
    json_t *doc = NULL;
    enum pn_err err =
        pn_json_parse(pn_str_from(task->handover.settings), &doc, NULL, 0);
    if (err == PN_OK) {
        doc = pn_json_defer(task->arena, doc);
        err = doc == NULL ? PN_E_NOMEM
                          : pn_token_wish_from_json(doc, task->arena, wish,
                                                    task->fault);
    }
    if (err == PN_E_RANGE) { /* accepted once, by an older version */
        return refuse_settings(task);
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    if (task->change->name != NULL) {
        wish->token.name =
            pn_arena_dup(task->arena, pn_str_from(task->change->name));
    }
    return wish->token.name != NULL ? true : pn_task_no_memory(task);
}

/* The token's first event names who prepared it. */
static bool
note_origin(struct pn_task *task)
{
    const struct pn_handover *handover = &task->handover;
    json_t *origin =
        json_pack("{s:s?, s:s}", "id",
                  pn_audit_id(task->arena, PN_ID_HANDOVER, handover->id),
                  "made_by", handover->made_by);
    return json_object_set_new(task->after, "handover", origin) == 0
               ? true
               : pn_task_no_memory(task);
}

bool
pn_apply_handover_take(struct pn_task *task)
{
    struct pn_token_wish wish;
    if (!read_settings(task, &wish)) {
        return false;
    }
    task->change->in.token = &wish;
    bool made = pn_apply_token_create(task);
    task->change->in.token = NULL;
    if (!made) {
        return refuse_settings(task);
    }
    struct pn_handover taken = task->handover;
    taken.ending = PN_HANDOVER_TAKEN;
    taken.ended_at = task->now;
    taken.ended_by = task->who.user.username;
    taken.token_id = task->change->token->id;
    enum pn_err err = pn_store_handover_end(task->store, &taken);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    return note_origin(task) && answer(task, &taken);
}

/* --- withdrawing --------------------------------------------------------- */

bool
pn_apply_handover_withdraw(struct pn_task *task)
{
    const struct pn_handover *before = &task->handover;
    struct pn_handover after = *before;
    if (before->ending == PN_HANDOVER_TAKEN) {
        return pn_task_refuse(task, 409, "handover_taken",
                              "the token was taken already; revoke it instead");
    }
    /* once more is fine, and keeps who did it first */
    if (before->ending == PN_HANDOVER_WAITING) {
        after.ending = PN_HANDOVER_WITHDRAWN;
        after.ended_at = task->now;
        after.ended_by =
            pn_arena_dup(task->arena, pn_str_from(pn_task_actor(task)));
        if (after.ended_by == NULL) {
            return pn_task_no_memory(task);
        }
        enum pn_err err = pn_store_handover_end(task->store, &after);
        if (err != PN_OK) {
            return pn_task_store_error(task, err);
        }
    }
    pn_audit_note(task, pn_audit_id(task->arena, PN_ID_HANDOVER, after.id),
                  pn_handover_to_json(before, task->now, task->arena),
                  pn_handover_to_json(&after, task->now, task->arena));
    return answer(task, &after);
}

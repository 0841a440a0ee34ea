/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole of who may do what.  tests/data/authorise.cases is its table.
 *
 * For a change everything is judged by the rows of the store at the moment of
 * the change, inside its transaction: a role, an account, a session or a token
 * that ended while the change waited in the queue counts as ended.
 */
#include <string.h>

#include "daemon/ops/effect.h"
#include "daemon/ops/inside.h"

/* --- roles --------------------------------------------------------------- */

bool
pn_text_list_has(const struct pn_text_list *list, const char *name)
{
    for (uint16_t i = 0; list->present && i < list->count; i++) {
        if (strcmp(list->item[i], name) == 0) {
            return true;
        }
    }
    return false;
}

enum pn_role
pn_role_of(const struct pn_user *user, const struct pn_policy *policy)
{
    enum pn_role role = user->role;
    for (uint16_t i = 0; i < user->group_count; i++) {
        const char *group = user->groups[i].name;
        if (pn_text_list_has(&policy->admin_groups, group)) {
            role = PN_ROLE_ADMIN;
        } else if (role < PN_ROLE_AUDITOR
                   && pn_text_list_has(&policy->auditor_groups, group))
        {
            role = PN_ROLE_AUDITOR;
        }
    }
    return role;
}

bool
pn_sees_all(const struct pn_caller *caller)
{
    return caller->kind != PN_CALLER_ANONYMOUS
           && caller->role >= PN_ROLE_AUDITOR;
}

/* --- reads --------------------------------------------------------------- */

static const struct {
    enum pn_role role;
    uint32_t scope; /* any of them; 0 = no token may.  Who may write, may read:
                       to change a thing one has to see it */
} reads[] = {
    [PN_READ_ME] = {PN_ROLE_USER, 0},
    [PN_READ_TOKENS] = {PN_ROLE_USER, PN_SCOPE_TOKENS_READ},
    [PN_READ_USERS] = {PN_ROLE_AUDITOR,
                       PN_SCOPE_USERS_READ | PN_SCOPE_USERS_WRITE},
    [PN_READ_APPS] = {PN_ROLE_USER,
                      PN_SCOPE_POLICY_READ | PN_SCOPE_POLICY_WRITE},
    [PN_READ_POLICY] = {PN_ROLE_AUDITOR,
                        PN_SCOPE_POLICY_READ | PN_SCOPE_POLICY_WRITE},
    [PN_READ_AUDIT] = {PN_ROLE_AUDITOR, PN_SCOPE_AUDIT_READ},
    [PN_READ_HANDOVERS] = {PN_ROLE_USER,
                           PN_SCOPE_USERS_READ | PN_SCOPE_USERS_WRITE},
    [PN_READ_INTROSPECT] = {PN_ROLE_AUDITOR, PN_SCOPE_INTROSPECT},
    [PN_READ_EXPLAIN] = {PN_ROLE_USER,
                         PN_SCOPE_POLICY_READ | PN_SCOPE_POLICY_WRITE},
    [PN_READ_USAGE] = {PN_ROLE_AUDITOR, PN_SCOPE_AUDIT_READ},
    [PN_READ_INDEX] = {PN_ROLE_AUDITOR, 0},
};

static bool
refuse(struct pn_fault *fault, struct pn_arena *arena, unsigned status,
       const char *code, const char *detail)
{
    pn_fault_set(fault, arena, status, code, "%s", detail);
    return false;
}

static bool
refuse_anonymous(struct pn_fault *fault, struct pn_arena *arena)
{
    return refuse(fault, arena, 401, "not_signed_in", "sign in first");
}

static bool
refuse_not_permitted(struct pn_fault *fault, struct pn_arena *arena)
{
    return refuse(fault, arena, 403, "not_permitted",
                  "your role does not allow this");
}

bool
pn_may_read(const struct pn_caller *caller, enum pn_read what,
            struct pn_arena *arena, struct pn_fault *fault)
{
    switch (caller->kind) {
    case PN_CALLER_ANONYMOUS:
        return refuse_anonymous(fault, arena);
    case PN_CALLER_LOCAL:
    case PN_CALLER_SYSTEM:
        return true;
    case PN_CALLER_TOKEN:
        if ((caller->scopes & reads[what].scope) == 0) {
            return refuse(fault, arena, 403, "scope_missing",
                          "this token has no scope for that");
        }
        break;
    case PN_CALLER_SESSION:
        if (caller->must_change_password && what != PN_READ_ME) {
            return refuse(fault, arena, 403, "password_change_required",
                          "choose a password of your own first");
        }
        break;
    }
    return caller->role >= reads[what].role
               ? true
               : refuse_not_permitted(fault, arena);
}

/* --- changes ------------------------------------------------------------- */

static bool
is_posternd(const struct pn_task *task)
{
    return task->caller->kind == PN_CALLER_LOCAL
           || task->caller->kind == PN_CALLER_SYSTEM;
}

static bool
not_permitted(struct pn_task *task)
{
    return refuse_not_permitted(task->fault, task->arena);
}

/* The caller's own token still lives, and its scopes by now. */
static bool
standing_of_token(struct pn_task *task, uint32_t *bits)
{
    struct pn_token own;
    enum pn_err err = pn_store_token_by_id(task->store, task->caller->token_id,
                                           task->arena, &own);
    if (err != PN_OK && err != PN_E_NOT_FOUND) {
        return pn_task_store_error(task, err);
    }
    uint16_t bad = 0;
    int64_t end = err == PN_OK
                      ? pn_earlier_end(own.expires_at, own.policy_expires_at)
                      : 0;
    if (err != PN_OK || own.owner_id != task->caller->user_id
        || own.revoked_at != 0 || own.disabled || (end != 0 && end <= task->now)
        || pn_scopes_bits(own.scopes, own.scope_count, bits, &bad) != PN_OK)
    {
        return refuse_anonymous(task->fault, task->arena);
    }
    *bits &= task->caller->scopes & pn_scopes_of_role(task->who.role);
    if (!task->policy.creation.own_tokens_write) {
        *bits &= ~(uint32_t) PN_SCOPE_OWN_TOKENS_WRITE;
    }
    return true;
}

static bool
has_scope(struct pn_task *task, uint32_t scope)
{
    uint32_t bits = 0;
    if (task->caller->kind != PN_CALLER_TOKEN) {
        return true;
    }
    if (!standing_of_token(task, &bits)) {
        return false;
    }
    return (bits & scope) != 0
               ? true
               : pn_task_refuse(task, 403, "scope_missing",
                                "this token has no scope for that");
}

/* Also the token of an account that is switched off may be ended. */
static bool
ends_itself(const struct pn_task *task)
{
    return task->act == PN_ACT_TOKEN_REVOKE
           && task->caller->kind == PN_CALLER_TOKEN
           && task->caller->token_id == task->change->id;
}

/* Signed out meanwhile, by himself or by whoever ended his sessions. */
static bool
session_lives(struct pn_task *task)
{
    uint64_t id = task->caller->session_id;
    bool there = false;
    if (task->caller->kind != PN_CALLER_SESSION || id == 0
        || task->act == PN_ACT_SIGN_OUT)
    {
        return true; /* 0 is nobody's: see caller_set() in sessions.c */
    }
    enum pn_err err = pn_store_session_is(task->store, id, &there);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    return there || refuse_anonymous(task->fault, task->arena);
}

static bool
standing_of_user(struct pn_task *task)
{
    enum pn_err err = pn_store_user_by_id(task->store, task->caller->user_id,
                                          task->arena, &task->who.user);
    if (err != PN_OK && err != PN_E_NOT_FOUND) {
        return pn_task_store_error(task, err);
    }
    if (err != PN_OK || (!task->who.user.active && !ends_itself(task))) {
        return refuse_anonymous(task->fault, task->arena);
    }
    if (!session_lives(task)) {
        return false;
    }
    task->who.has_user = true;
    task->who.role = pn_role_of(&task->who.user, &task->policy);
    if (task->caller->kind == PN_CALLER_SESSION
        && task->who.user.must_change_password
        && task->act != PN_ACT_PASSWORD_CHANGE && task->act != PN_ACT_SIGN_OUT)
    {
        return pn_task_refuse(task, 403, "password_change_required",
                              "choose a password of your own first");
    }
    return true;
}

bool
pn_task_authorise(struct pn_task *task)
{
    const struct pn_act_row *row = pn_act_row(task->act);
    if (row->authorise == pn_auth_anyone) {
        return true;
    }
    enum pn_err err = pn_store_policy(task->store, task->arena, &task->policy);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    switch (task->caller->kind) {
    case PN_CALLER_ANONYMOUS:
        return refuse_anonymous(task->fault, task->arena);
    case PN_CALLER_LOCAL:
    case PN_CALLER_SYSTEM:
        task->who.role = PN_ROLE_ADMIN;
        break;
    case PN_CALLER_SESSION:
    case PN_CALLER_TOKEN:
        if (!standing_of_user(task)) {
            return false;
        }
        break;
    }
    return row->authorise(task);
}

bool
pn_task_is_fresh(struct pn_task *task)
{
    if (task->caller->kind != PN_CALLER_SESSION) {
        return true;
    }
    int64_t age = task->now - task->caller->signed_in_at;
    if (age >= 0 && age <= PN_SUDO_S) {
        return true;
    }
    return pn_task_refuse(task, 403, "sign_in_again",
                          "this needs a sign-in at most 15 minutes old");
}

bool
pn_auth_anyone(struct pn_task *task)
{
    (void) task;
    return true;
}

bool
pn_auth_token_create(struct pn_task *task)
{
    if (!has_scope(task, PN_SCOPE_OWN_TOKENS_WRITE)) {
        return false;
    }
    if (!task->who.has_user) {
        return pn_task_refuse(task, 403, "no_account",
                              "a token belongs to a person who makes it "
                              "himself, signed in");
    }
    return pn_task_choose_owner(task) && pn_task_is_fresh(task);
}

/* Load the target; what one may not see does not exist. */
static bool
see_token(struct pn_task *task)
{
    enum pn_err err = pn_store_token_by_id(task->store, task->change->id,
                                           task->arena, &task->token);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    if (!pn_task_acts_for(task, task->token.owner_id, &task->owns)) {
        return false;
    }
    if (!task->owns && task->who.role < PN_ROLE_AUDITOR) {
        return pn_task_store_error(task, PN_E_NOT_FOUND);
    }
    return true;
}

/* own_tokens:write is about one's own, whatever role its owner has. */
static bool
own_by_token(struct pn_task *task)
{
    return task->owns || task->caller->kind != PN_CALLER_TOKEN
               ? true
               : not_permitted(task);
}

/* Owners and administrators; auditors look. */
bool
pn_auth_token_edit(struct pn_task *task)
{
    if (!has_scope(task, PN_SCOPE_OWN_TOKENS_WRITE) || !see_token(task)
        || !own_by_token(task))
    {
        return false;
    }
    return task->owns || task->who.role == PN_ROLE_ADMIN ? true
                                                         : not_permitted(task);
}

bool
pn_auth_token_enable(struct pn_task *task)
{
    return pn_auth_token_edit(task) && pn_task_is_fresh(task);
}

/* Whoever rotates learns the new secret. */
bool
pn_auth_token_rotate(struct pn_task *task)
{
    if (!has_scope(task, PN_SCOPE_OWN_TOKENS_WRITE) || !see_token(task)) {
        return false;
    }
    if (!task->owns) {
        return pn_task_refuse(task, 403, "owner_only",
                              "only its owner may have the new secret of a "
                              "token");
    }
    return pn_task_is_fresh(task);
}

bool
pn_auth_token_revoke(struct pn_task *task)
{
    if (!ends_itself(task) && !has_scope(task, PN_SCOPE_TOKENS_REVOKE)) {
        return false;
    }
    if (!see_token(task)) {
        return false;
    }
    return task->owns || task->who.role == PN_ROLE_ADMIN ? true
                                                         : not_permitted(task);
}

/* Whoever can bring the hash of a token he knows can act as its owner. */
bool
pn_auth_token_import(struct pn_task *task)
{
    return is_posternd(task)
               ? true
               : pn_task_refuse(task, 403, "local_only",
                                "existing tokens are imported by the "
                                "administrator of the machine, through "
                                "admin.sock");
}

static bool
auth_admin(struct pn_task *task, uint32_t scope)
{
    if (is_posternd(task)) {
        return true;
    }
    if (task->who.role != PN_ROLE_ADMIN) {
        return not_permitted(task);
    }
    return has_scope(task, scope);
}

bool
pn_auth_users(struct pn_task *task)
{
    return auth_admin(task, PN_SCOPE_USERS_WRITE);
}

bool
pn_auth_policy(struct pn_task *task)
{
    return auth_admin(task, PN_SCOPE_POLICY_WRITE);
}

bool
pn_auth_index(struct pn_task *task)
{
    return auth_admin(task, 0);
}

bool
pn_auth_session(struct pn_task *task)
{
    return task->caller->kind == PN_CALLER_SESSION ? true : not_permitted(task);
}

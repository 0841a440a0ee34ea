/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords: what is done in the caller's thread, since hashing is slow; the
 * change of one's own; the first administrator.
 */
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/ops/inside.h"

/* --- before the queue ---------------------------------------------------- */

static bool
check_length(struct pn_task *task, const char *pointer, const char *password)
{
    size_t len = strlen(password);
    if (len < PN_PASSWORD_MIN || len > PN_PASSWORD_MAX) {
        return pn_task_refuse_field(task, 422, pointer, "password_length",
                                    "a password has 8 to 512 bytes");
    }
    return true;
}

static bool
hash_into(struct pn_task *task, const char *password)
{
    struct pn_secret secret;
    char hash[PN_PASSWORD_HASH_MAX];
    enum pn_err err = pn_secret_set(&secret, pn_str_from(password));
    if (err == PN_OK) {
        err = pn_password_hash(&secret, hash);
        pn_secret_done(&secret);
    }
    if (err == PN_E_BUSY) {
        task->fault->retry_after_s = 1;
        return pn_task_refuse(task, 503, "busy",
                              "too many passwords are being checked; try "
                              "again");
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    task->new_hash = pn_arena_dup(task->arena, pn_str_from(hash));
    return task->new_hash != NULL ? true : pn_task_no_memory(task);
}

bool
pn_task_authorise_early(struct pn_task *task)
{
    enum pn_err err = pn_reader_take(task->ops, &task->store);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    task->now = pn_ops_now();
    bool ok = pn_task_authorise(task);
    pn_reader_give(task->ops, task->store);
    task->store = NULL;
    return ok;
}

bool
pn_prepare_user(struct pn_task *task)
{
    const struct pn_user_wish *wish = task->change->in.user;
    if ((wish->given & PN_FIELD_PASSWORD) == 0 || wish->password == NULL) {
        return true;
    }
    return pn_task_authorise_early(task)
           && check_length(task, "/password", wish->password)
           && hash_into(task, wish->password);
}

static bool
is_throttled(struct pn_task *task, uint64_t key)
{
    struct pn_throttle *table = task->ops->by_pair;
    uint32_t wait_s = 0;
    uint32_t count =
        pn_throttle_count(table, key, table->window_s, task->now, 0, &wait_s);
    if (count < table->limit) {
        return false;
    }
    (void) pn_task_refuse(task, 429, "too_many_failures",
                          "too many wrong passwords; try again later");
    task->fault->retry_after_s = wait_s > 0 ? wait_s : 1;
    return true;
}

/* Guessing the old password in a stolen session is throttled like sign-in. */
static bool
check_old_password(struct pn_task *task)
{
    uint64_t key = task->who.user.id;
    uint32_t wait_s = 0;
    struct pn_secret old = {0};
    enum pn_err err = PN_E_PERMISSION;
    if (is_throttled(task, key)) {
        return false;
    }
    if (pn_secret_set(&old, pn_str_from(task->change->old_password)) == PN_OK) {
        err = pn_password_verify(&old, task->who.user.password_hash);
        pn_secret_done(&old);
    }
    if (err == PN_E_PERMISSION) {
        (void) pn_throttle_count(task->ops->by_pair, key, PN_SIGNIN_WINDOW_S,
                                 task->now, 1, &wait_s);
        return pn_task_refuse_field(task, 422, "/old", "wrong",
                                    "this is not your present password");
    }
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

bool
pn_prepare_password_change(struct pn_task *task)
{
    const struct pn_change *change = task->change;
    if (change->old_password == NULL || change->new_password == NULL) {
        return pn_task_refuse_field(
            task, 422, change->old_password == NULL ? "/old" : "/new",
            "required", "both passwords are needed");
    }
    if (!pn_task_authorise_early(task)
        || !check_length(task, "/new", change->new_password))
    {
        return false;
    }
    if (strcmp(change->old_password, change->new_password) == 0) {
        return pn_task_refuse_field(task, 422, "/new", "unchanged",
                                    "the new password is the old one");
    }
    task->checked_hash = task->who.user.password_hash;
    return check_old_password(task) && hash_into(task, change->new_password);
}

/* Deactivation and a new password end what is signed in. */
bool
pn_user_end_sessions(struct pn_task *task, const struct pn_user *user)
{
    bool own = task->caller->kind == PN_CALLER_SESSION
               && task->caller->user_id == user->id && user->active;
    enum pn_err err = pn_store_sessions_delete_of(
        task->store, user->id, own ? task->caller->session_id : 0, NULL);
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

/* --- one's own password -------------------------------------------------- */

bool
pn_apply_password_change(struct pn_task *task)
{
    struct pn_user after = task->who.user;
    const char *present = after.password_hash;
    if (present == NULL || task->checked_hash == NULL
        || strcmp(present, task->checked_hash) != 0)
    {
        return pn_task_refuse(task, 409, "password_changed_meanwhile",
                              "the password was changed meanwhile");
    }
    after.password_hash =
        pn_arena_dup(task->arena, pn_str_from(task->new_hash));
    if (after.password_hash == NULL) {
        return pn_task_no_memory(task);
    }
    after.must_change_password = false;
    enum pn_err err = pn_store_user_update(task->store, &after);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    pn_audit_note(task, after.username, NULL, NULL);
    return pn_user_end_sessions(task, &after) && pn_user_answer(task, &after);
}

/* --- the first administrator --------------------------------------------- */

enum pn_err
pn_ops_admin_is_missing(struct pn_ops *ops)
{
    struct pn_store *store = NULL;
    enum pn_err err = pn_reader_take(ops, &store);
    if (err != PN_OK) {
        return err;
    }
    uint32_t admins = 0;
    err = pn_store_active_admins(store, &admins);
    pn_reader_give(ops, store);
    return err == PN_OK && admins > 0 ? PN_E_EXISTS : err;
}

/* The administrator, through the same path as every change. */
static enum pn_err
create_admin(struct pn_ops *ops, struct pn_secret *password,
             struct pn_arena *arena, bool must_change)
{
    struct pn_fault fault = {0};
    const struct pn_user_wish wish = {
        .user = {.username = pn_arena_dup(arena, PN_STR("admin")),
                 .role = PN_ROLE_ADMIN,
                 .active = true,
                 .must_change_password = must_change},
        .password = password->bytes,
        .given = PN_FIELD_USERNAME | PN_FIELD_ROLE | PN_FIELD_ACTIVE
                 | PN_FIELD_PASSWORD,
    };
    const struct pn_caller caller = {.kind = PN_CALLER_SYSTEM,
                                     .username = "posternd"};
    struct pn_change change = {.act = PN_ACT_USER_CREATE, .in.user = &wish};
    if (pn_ops_change(ops, &caller, &change, arena, &fault)) {
        return PN_OK;
    }
    pn_log(PN_LOG_ERROR, "first_admin_failed", "code", fault.code, "why",
           fault.detail, NULL);
    if (fault.status == 409) {
        return PN_E_EXISTS;
    }
    return fault.status == 422 ? PN_E_RANGE : PN_E_STORE;
}

enum pn_err
pn_ops_first_admin(struct pn_ops *ops, const struct pn_secret *given,
                   struct pn_secret *password)
{
    enum pn_err err = pn_ops_admin_is_missing(ops);
    if (err != PN_OK) {
        return err;
    }
    struct pn_arena *arena = pn_arena_new(1 << 20);
    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    struct pn_secret chosen = {0};
    if (given == NULL) {
        pn_password_generate(&chosen);
    } else {
        chosen = *given;
    }
    err = create_admin(ops, &chosen, arena, given == NULL);
    if (err == PN_OK) {
        *password = chosen;
    }
    pn_arena_free(arena);
    pn_secret_done(&chosen);
    return err;
}

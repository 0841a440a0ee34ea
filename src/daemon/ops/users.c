/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users: making, editing, deleting, the first administrator, and the change
 * of one's own password.
 *
 * The last active administrator stays: each change that could remove him is
 * made first and undone by the savepoint when none is left afterwards.
 */
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "core/id.h"
#include "daemon/ops/inside.h"

/* --- before the queue --------------------------------------------------------
 */

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

/* Judge the act now, on a read connection: who may not do it must not cost
 * us a hash.  The writer judges it again. */
static bool
authorise_early(struct pn_task *task)
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
    return authorise_early(task)
           && check_length(task, "/password", wish->password)
           && hash_into(task, wish->password);
}

/* Guessing the old password in a stolen session is throttled like sign-in. */
static bool
check_old_password(struct pn_task *task)
{
    struct pn_secret old;
    if (pn_secret_set(&old, pn_str_from(task->change->old_password)) != PN_OK) {
        return pn_task_refuse_field(task, 422, "/old_password", "wrong",
                                    "this is not your present password");
    }
    uint32_t wait_s = 0;
    struct pn_throttle *table = task->ops->by_pair;
    uint64_t key = task->who.user.id;
    bool ok = false;
    if (pn_throttle_count(table, key, table->window_s, task->now, 0, &wait_s)
        >= table->limit)
    {
        task->fault->retry_after_s = wait_s;
        (void) pn_task_refuse(task, 429, "too_many_failures",
                              "too many wrong passwords; try again later");
        task->fault->retry_after_s = wait_s;
        goto out;
    }
    enum pn_err err = pn_password_verify(&old, task->who.user.password_hash);
    if (err == PN_E_PERMISSION) {
        (void) pn_throttle_count(table, key, table->window_s, task->now, 1,
                                 &wait_s);
        (void) pn_task_refuse_field(task, 422, "/old_password", "wrong",
                                    "this is not your present password");
    } else if (err != PN_OK) {
        (void) pn_task_store_error(task, err);
    } else {
        ok = true;
    }

out:
    pn_secret_done(&old);
    return ok;
}

bool
pn_prepare_password_change(struct pn_task *task)
{
    const struct pn_change *change = task->change;
    if (change->old_password == NULL || change->new_password == NULL) {
        return pn_task_refuse_field(
            task, 422,
            change->old_password == NULL ? "/old_password" : "/new_password",
            "required", "both passwords are needed");
    }
    if (!authorise_early(task)
        || !check_length(task, "/new_password", change->new_password))
    {
        return false;
    }
    if (strcmp(change->old_password, change->new_password) == 0) {
        return pn_task_refuse_field(task, 422, "/new_password", "unchanged",
                                    "the new password is the old one");
    }
    task->checked_hash = task->who.user.password_hash;
    return check_old_password(task) && hash_into(task, change->new_password);
}

/* --- pieces ------------------------------------------------------------------
 */

static int
by_id(const void *a, const void *b)
{
    const struct pn_group *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

/* Names to groups, ascending by id, each once. */
static bool
resolve_groups(struct pn_task *task, struct pn_user *user)
{
    uint16_t count = user->group_count;
    struct pn_group *groups =
        pn_arena_array(task->arena, (size_t) count + 1, sizeof(*groups));
    if (groups == NULL) {
        return pn_task_no_memory(task);
    }
    for (uint16_t i = 0; i < count; i++) {
        enum pn_err err = pn_store_group_by_name(
            task->store, pn_str_from(user->groups[i].name), task->arena,
            &groups[i]);
        if (err == PN_E_NOT_FOUND) {
            const char *pointer =
                pn_arena_printf(task->arena, "/groups/%u", (unsigned) i);
            return pn_task_refuse_field(
                task, 422, pointer != NULL ? pointer : "/groups",
                "unknown_group", "there is no group of this name");
        }
        if (err != PN_OK) {
            return pn_task_store_error(task, err);
        }
    }
    qsort(groups, count, sizeof(*groups), by_id);
    uint16_t kept = 0;
    for (uint16_t i = 0; i < count; i++) {
        if (kept == 0 || groups[kept - 1].id != groups[i].id) {
            groups[kept++] = groups[i];
        }
    }
    user->groups = groups;
    user->group_count = kept;
    return true;
}

static bool
some_admin_is_left(struct pn_task *task)
{
    uint32_t admins = 0;
    enum pn_err err = pn_store_active_admins(task->store, &admins);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    if (admins == 0) {
        return pn_task_refuse(task, 409, "last_admin",
                              "this is the last active administrator");
    }
    return true;
}

static bool
answer_user(struct pn_task *task, const struct pn_user *user)
{
    struct pn_user *out = pn_arena_alloc(task->arena, sizeof(*out));
    if (out == NULL) {
        return pn_task_no_memory(task);
    }
    *out = *user;
    task->change->user = out;
    return true;
}

static bool
name_taken(struct pn_task *task, enum pn_err err)
{
    return err == PN_E_EXISTS
               ? pn_task_refuse_field(task, 409, "/username", "name_taken",
                                      "there is a user of this name")
               : pn_task_store_error(task, err);
}

static bool
find_user(struct pn_task *task, struct pn_user *out)
{
    enum pn_err err = pn_store_user_by_name(
        task->store, pn_str_from(task->change->name), task->arena, out);
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

/* --- making and editing
 * ------------------------------------------------------- */

bool
pn_apply_user_create(struct pn_task *task)
{
    const struct pn_user_wish *wish = task->change->in.user;
    struct pn_user user = wish->user;
    char *empty = pn_arena_dup(task->arena, PN_STR(""));
    char *hash = task->new_hash != NULL
                     ? pn_arena_dup(task->arena, pn_str_from(task->new_hash))
                     : NULL;
    char *source = pn_arena_dup(task->arena, PN_STR("local"));
    if (empty == NULL || source == NULL
        || (task->new_hash != NULL && hash == NULL)) {
        return pn_task_no_memory(task);
    }
    if (user.username == NULL || user.username[0] == '\0') {
        return pn_task_refuse_field(task, 422, "/username", "required",
                                    "a user needs a name");
    }
    user.id = pn_task_new_id(task);
    user.password_hash = hash;
    user.must_change_password = wish->user.must_change_password
                                && task->caller->kind == PN_CALLER_SYSTEM;
    user.active = (wish->given & PN_FIELD_ACTIVE) == 0 || wish->user.active;
    user.display_name = user.display_name != NULL ? user.display_name : empty;
    user.email = user.email != NULL ? user.email : empty;
    user.source = source;
    user.created_at = task->now;
    if (!resolve_groups(task, &user)) {
        return false;
    }
    enum pn_err err = pn_store_user_insert(task->store, &user);
    if (err != PN_OK) {
        return name_taken(task, err);
    }
    pn_audit_note(task, user.username, NULL,
                  pn_user_to_json(&user, task->arena));
    return pn_task_feed(task, PN_CHANGE_OWNER, user.id, NULL)
           && answer_user(task, &user);
}

static bool
merge_user(struct pn_task *task, struct pn_user *user)
{
    const struct pn_user_wish *wish = task->change->in.user;
    if ((wish->given & PN_FIELD_USERNAME) != 0) {
        user->username = wish->user.username;
    }
    if ((wish->given & PN_FIELD_DISPLAY_NAME) != 0) {
        user->display_name = wish->user.display_name;
    }
    if ((wish->given & PN_FIELD_EMAIL) != 0) {
        user->email = wish->user.email;
    }
    if ((wish->given & PN_FIELD_ROLE) != 0) {
        user->role = wish->user.role;
    }
    if ((wish->given & PN_FIELD_ACTIVE) != 0) {
        user->active = wish->user.active;
    }
    if ((wish->given & PN_FIELD_PASSWORD) != 0) {
        user->must_change_password = false;
        user->password_hash = NULL; /* null takes the password away */
        if (task->new_hash != NULL) {
            user->password_hash =
                pn_arena_dup(task->arena, pn_str_from(task->new_hash));
        }
    }
    if ((wish->given & PN_FIELD_GROUPS) == 0) {
        return true;
    }
    user->groups = wish->user.groups;
    user->group_count = wish->user.group_count;
    return resolve_groups(task, user);
}

/* Deactivation and a new password end what is signed in. */
static bool
end_sessions(struct pn_task *task, const struct pn_user *user)
{
    bool own = task->caller->kind == PN_CALLER_SESSION
               && task->caller->user_id == user->id && user->active;
    enum pn_err err = pn_store_sessions_delete_of(
        task->store, user->id, own ? task->caller->session_id : 0);
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

bool
pn_apply_user_edit(struct pn_task *task)
{
    const struct pn_user_wish *wish = task->change->in.user;
    struct pn_user before;
    if (!find_user(task, &before)) {
        return false;
    }
    struct pn_user after = before;
    if (!merge_user(task, &after)) {
        return false;
    }
    enum pn_err err = pn_store_user_update(task->store, &after);
    if (err != PN_OK) {
        return name_taken(task, err);
    }
    bool ends = !after.active || (wish->given & PN_FIELD_PASSWORD) != 0;
    bool lowers = before.role == PN_ROLE_ADMIN && before.active
                  && (after.role != PN_ROLE_ADMIN || !after.active);
    if ((ends && !end_sessions(task, &after))
        || (lowers && !some_admin_is_left(task)))
    {
        return false;
    }
    json_t *old = pn_user_to_json(&before, task->arena);
    json_t *new = pn_user_to_json(&after, task->arena);
    if ((wish->given & PN_FIELD_PASSWORD) != 0 && new != NULL
        && json_object_set_new(new, "password", json_string("changed")) != 0)
    {
        return pn_task_no_memory(task);
    }
    pn_audit_note(task, before.username, old, new);
    return pn_task_feed(task, PN_CHANGE_OWNER, after.id, NULL)
           && answer_user(task, &after);
}

/* --- deleting
 * ----------------------------------------------------------------- */

static bool
revoke_all(struct pn_task *task, uint64_t owner_id, uint32_t *revoked)
{
    const struct pn_token_filter filter = {.owner_id = owner_id};
    const char *cursor = "";
    do {
        const struct pn_page page = {.cursor = cursor, .limit = PN_LIST_MAX};
        struct pn_token_list list;
        enum pn_err err = pn_store_tokens(task->store, &filter, &page,
                                          task->now, task->arena, &list);
        if (err != PN_OK) {
            return pn_task_store_error(task, err);
        }
        for (uint16_t i = 0; i < list.count; i++) {
            if (list.item[i].revoked_at != 0) {
                continue;
            }
            if (!pn_token_revoke_row(task, &list.item[i], "user deleted")) {
                return false;
            }
            (*revoked)++;
        }
        cursor = list.next;
    } while (cursor != NULL && cursor[0] != '\0');
    return true;
}

bool
pn_apply_user_delete(struct pn_task *task)
{
    struct pn_user user;
    uint32_t revoked = 0;
    if (!find_user(task, &user) || !revoke_all(task, user.id, &revoked)) {
        return false;
    }
    enum pn_err err = pn_store_sessions_delete_of(task->store, user.id, 0);
    if (err == PN_OK) {
        err = pn_store_user_delete(task->store, user.id);
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    if (user.role == PN_ROLE_ADMIN && user.active && !some_admin_is_left(task))
    {
        return false;
    }
    json_t *before = pn_user_to_json(&user, task->arena);
    if (before != NULL
        && json_object_set_new(before, "tokens_revoked", json_integer(revoked))
               != 0)
    {
        return pn_task_no_memory(task);
    }
    pn_audit_note(task, user.username, before, NULL);
    return pn_task_feed(task, PN_CHANGE_OWNER, user.id, NULL);
}

/* --- one's own password
 * --------------------------------------------------------- */

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
    return end_sessions(task, &after) && answer_user(task, &after);
}

/* --- the first administrator
 * ------------------------------------------------------ */

static enum pn_err
admin_is_missing(struct pn_ops *ops)
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

enum pn_err
pn_ops_first_admin(struct pn_ops *ops, const struct pn_secret *given,
                   struct pn_secret *password)
{
    struct pn_secret generated = {0};
    struct pn_arena *arena = NULL;
    enum pn_err err = admin_is_missing(ops);
    if (err != PN_OK) {
        return err;
    }
    if (given == NULL) {
        pn_password_generate(&generated);
    } else {
        generated = *given;
    }
    struct pn_fault fault = {0};
    err = PN_E_NOMEM;
    arena = pn_arena_new(1 << 20);
    if (arena == NULL) {
        goto out;
    }
    struct pn_user_wish wish = {
        .user = {.username = pn_arena_dup(arena, PN_STR("admin")),
                 .role = PN_ROLE_ADMIN,
                 .active = true,
                 .must_change_password = given == NULL},
        .password = generated.bytes,
        .given = PN_FIELD_USERNAME | PN_FIELD_ROLE | PN_FIELD_ACTIVE
                 | PN_FIELD_PASSWORD,
    };
    const struct pn_caller caller = {.kind = PN_CALLER_SYSTEM,
                                     .username = "posternd"};
    struct pn_change change = {.act = PN_ACT_USER_CREATE, .in.user = &wish};
    if (pn_ops_change(ops, &caller, &change, arena, &fault)) {
        *password = generated;
        err = PN_OK;
    } else {
        pn_log(PN_LOG_ERROR, "first_admin_failed", "code", fault.code, "why",
               fault.detail, NULL);
        err = fault.status == 409   ? PN_E_EXISTS
              : fault.status == 422 ? PN_E_RANGE
                                    : PN_E_STORE;
    }

out:
    pn_arena_free(arena);
    pn_secret_done(&generated);
    return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users: making, editing, deleting.
 *
 * The last active administrator stays: each change that could remove him is
 * made first and undone by the savepoint when none is left afterwards.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/ops/inside.h"

/* --- pieces -------------------------------------------------------------- */

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

bool
pn_user_admin_remains(struct pn_task *task, const struct pn_user *before)
{
    uint32_t admins = 0;
    if (before->role != PN_ROLE_ADMIN || !before->active) {
        return true;
    }
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

bool
pn_user_answer(struct pn_task *task, const struct pn_user *user)
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

bool
pn_user_find(struct pn_task *task, struct pn_user *out)
{
    enum pn_err err = pn_store_user_by_name(
        task->store, pn_str_from(task->change->name), task->arena, out);
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

/* A service account again as the store has it, with what is derived. */
static bool
derive(struct pn_task *task, struct pn_user *user)
{
    if (!user->service) {
        return true;
    }
    enum pn_err err =
        pn_store_user_by_id(task->store, user->id, task->arena, user);
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

/* --- making and editing -------------------------------------------------- */

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
    if (!pn_user_check_service(task, &user) || !resolve_groups(task, &user)
        || !pn_user_take_custodians(task, &user))
    {
        return false;
    }
    enum pn_err err = pn_store_user_insert(task->store, &user);
    if (err != PN_OK) {
        return name_taken(task, err);
    }
    if (!derive(task, &user)) {
        return false;
    }
    pn_audit_note(task, user.username, NULL,
                  pn_user_to_json(&user, task->arena));
    return pn_task_feed(task, PN_CHANGE_OWNER, user.id, NULL)
           && pn_user_answer(task, &user);
}

static bool
merge_user(struct pn_task *task, struct pn_user *user, bool password)
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
    if (password) {
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

/* An import brings a password for who has none of his own here. */
static bool
sets_password(const struct pn_task *task, const struct pn_user *before)
{
    if ((task->change->in.user->given & PN_FIELD_PASSWORD) == 0) {
        return false;
    }
    if (!task->import || before->password_hash == NULL) {
        return true;
    }
    return pn_password_form(before->password_hash) != PN_PASSWORD_OURS
           && strcmp(before->password_hash, task->new_hash) != 0;
}

/* What a row of an import would change is there already. */
static bool
is_as_imported(struct pn_task *task, const struct pn_user *before,
               const struct pn_user *after, bool password)
{
    return task->import && !password && !before->service
           && json_equal(pn_user_to_json(before, task->arena),
                         pn_user_to_json(after, task->arena))
                  == 1;
}

bool
pn_apply_user_edit(struct pn_task *task)
{
    struct pn_user before;
    struct pn_named_list kept = {0};
    if (!pn_user_find(task, &before)
        || !pn_task_accounts_kept(task, before.id, &kept))
    {
        return false;
    }
    const bool password = sets_password(task, &before);
    struct pn_user after = before;
    if (!pn_user_check_service(task, &before)
        || !merge_user(task, &after, password)
        || !pn_user_take_custodians(task, &after))
    {
        return false;
    }
    if (is_as_imported(task, &before, &after, password)) {
        task->unchanged = true;
        return true;
    }
    enum pn_err err = pn_store_user_update(task->store, &after);
    if (err != PN_OK) {
        return name_taken(task, err);
    }
    if (!pn_task_warn_alone(task, &kept) || !derive(task, &after)) {
        return false;
    }
    bool ends = !after.active || password;
    if ((ends && !pn_user_end_sessions(task, &after))
        || !pn_user_admin_remains(task, &before))
    {
        return false;
    }
    json_t *old = pn_user_to_json(&before, task->arena);
    json_t *new = pn_user_to_json(&after, task->arena);
    if (password && new != NULL
        && json_object_set_new(new, "password", json_string("changed")) != 0)
    {
        return pn_task_no_memory(task);
    }
    pn_audit_note(task, before.username, old, new);
    return pn_task_feed(task, PN_CHANGE_OWNER, after.id, NULL)
           && pn_user_answer(task, &after);
}

/* --- deleting ------------------------------------------------------------ */

bool
pn_apply_user_delete(struct pn_task *task)
{
    struct pn_user user;
    struct pn_stopped *ended = &task->change->stopped;
    if (!pn_user_find(task, &user)
        || !pn_user_end_all(task, &user, "user deleted", ended))
    {
        return false;
    }
    enum pn_err err = pn_store_user_delete(task->store, user.id);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    if (!pn_user_admin_remains(task, &user)) {
        return false;
    }
    json_t *before = pn_stopped_add(pn_user_to_json(&user, task->arena), ended);
    if (before == NULL) {
        return pn_task_no_memory(task);
    }
    pn_audit_note(task, user.username, before, NULL);
    return pn_task_feed(task, PN_CHANGE_OWNER, user.id, NULL);
}

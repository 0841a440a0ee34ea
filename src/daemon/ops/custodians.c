/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service accounts: users that nobody signs in to, and their custodians, who
 * sign in as themselves and manage the account's tokens.
 */
#include <string.h>

#include "base/str.h"
#include "daemon/ops/inside.h"

/* --- who acts for whom --------------------------------------------------- */

bool
pn_task_acts_for(struct pn_task *task, uint64_t owner_id, bool *out)
{
    bool custodian = false;
    if (!task->who.has_user) {
        *out = false;
        return true;
    }
    if (owner_id == task->who.user.id) {
        *out = true;
        return true;
    }
    /* signed in as oneself: no token carries its owner's custodianship */
    if (task->caller->kind == PN_CALLER_SESSION) {
        enum pn_err err = pn_store_is_custodian(task->store, owner_id,
                                                task->who.user.id, &custodian);
        if (err != PN_OK) {
            return pn_task_store_error(task, err);
        }
    }
    *out = custodian;
    return true;
}

static bool
refuse_owner(struct pn_task *task)
{
    return pn_task_refuse_field(
        task, 422, "/owner", "read_only",
        "A token belongs to whoever made it. To have one for another account, "
        "sign in with that account, be the custodian of a service account, or "
        "have an administrator hand one over.");
}

bool
pn_task_choose_owner(struct pn_task *task)
{
    const char *name = task->change->name;
    bool acts = false;
    task->owner = task->who.user;
    if (name == NULL
        || pn_str_eq_nocase(pn_str_from(name),
                            pn_str_from(task->who.user.username)))
    {
        return true;
    }
    struct pn_user owner;
    enum pn_err err = pn_store_user_by_name(task->store, pn_str_from(name),
                                            task->arena, &owner);
    if (err != PN_OK && err != PN_E_NOT_FOUND) {
        return pn_task_store_error(task, err);
    }
    if (err == PN_OK && !pn_task_acts_for(task, owner.id, &acts)) {
        return false;
    }
    if (!acts) {
        return refuse_owner(task);
    }
    if (!task->policy.creation.service_accounts) {
        return pn_task_refuse(task, 403, "service_accounts_off",
                              "service accounts are switched off here: no new "
                              "tokens for them");
    }
    if (!owner.active) {
        return pn_task_refuse(task, 409, "owner_inactive",
                              "the service account is switched off");
    }
    task->owner = owner;
    return true;
}

/* --- naming them --------------------------------------------------------- */

static bool
refuse_name(struct pn_task *task, const char *list, unsigned at,
            const char *code, const char *detail)
{
    const char *pointer = pn_arena_printf(task->arena, "/%s/%u", list, at);
    return pn_task_refuse_field(task, 422, pointer != NULL ? pointer : "", code,
                                detail);
}

static bool
already_has(const struct pn_named_list *list, uint64_t id)
{
    for (uint16_t i = 0; i < list->count; i++) {
        if (list->item[i].id == id) {
            return true;
        }
    }
    return false;
}

static bool
resolve_people(struct pn_task *task, struct pn_named_list *list)
{
    uint16_t count = list->count;
    list->count = 0;
    for (uint16_t i = 0; i < count; i++) {
        struct pn_user user;
        enum pn_err err = pn_store_user_by_name(
            task->store, pn_str_from(list->item[i].name), task->arena, &user);
        if (err == PN_E_NOT_FOUND) {
            return refuse_name(task, "custodians", i, "unknown_user",
                               "there is no user of this name");
        }
        if (err != PN_OK) {
            return pn_task_store_error(task, err);
        }
        if (user.service) {
            return refuse_name(task, "custodians", i, "not_a_person",
                               "a custodian signs in; this is a service "
                               "account");
        }
        if (!already_has(list, user.id)) {
            list->item[list->count++] =
                (struct pn_named){.id = user.id, .name = user.username};
        }
    }
    return true;
}

static bool
resolve_groups(struct pn_task *task, struct pn_named_list *list)
{
    for (uint16_t i = 0; i < list->count; i++) {
        struct pn_group group;
        enum pn_err err = pn_store_group_by_name(
            task->store, pn_str_from(list->item[i].name), task->arena, &group);
        if (err == PN_E_NOT_FOUND) {
            return refuse_name(task, "custodian_groups", i, "unknown_group",
                               "there is no group of this name");
        }
        if (err != PN_OK) {
            return pn_task_store_error(task, err);
        }
        list->item[i].id = group.id;
    }
    return true;
}

/* A copy, which names are resolved in. */
static bool
take_list(struct pn_task *task, const struct pn_named_list *from,
          struct pn_named_list *to)
{
    struct pn_named *item =
        pn_arena_array(task->arena, (size_t) from->count + 1, sizeof(*item));
    if (item == NULL) {
        return pn_task_no_memory(task);
    }
    if (from->count > 0) {
        memcpy(item, from->item, from->count * sizeof(*item));
    }
    *to = (struct pn_named_list){item, from->count};
    return true;
}

static bool
refuse_for_person(struct pn_task *task, const struct pn_user_wish *wish)
{
    return wish->user.custodians.count + wish->user.custodian_groups.count == 0
               ? true
               : pn_task_refuse_field(task, 422, "/custodians",
                                      "not_a_service_account",
                                      "only a service account has custodians: "
                                      "\"kind\": \"service\"");
}

bool
pn_user_take_custodians(struct pn_task *task, struct pn_user *user)
{
    const struct pn_user_wish *wish = task->change->in.user;
    bool people = (wish->given & PN_FIELD_CUSTODIANS) != 0;
    bool groups = (wish->given & PN_FIELD_CUSTODIAN_GROUPS) != 0;
    uint32_t before = user->custodians.count + user->custodian_groups.count;
    if (!user->service) {
        return refuse_for_person(task, wish);
    }
    if (people
        && (!take_list(task, &wish->user.custodians, &user->custodians)
            || !resolve_people(task, &user->custodians)))
    {
        return false;
    }
    if (groups
        && (!take_list(task, &wish->user.custodian_groups,
                       &user->custodian_groups)
            || !resolve_groups(task, &user->custodian_groups)))
    {
        return false;
    }
    /* one whose custodians have all left may be edited as it is */
    bool making = task->act == PN_ACT_USER_CREATE;
    if (user->custodians.count + user->custodian_groups.count == 0
        && (making || before > 0))
    {
        return pn_task_refuse_field(task, 422, "/custodians", "required",
                                    "a service account needs a custodian: a "
                                    "user, or a group in custodian_groups");
    }
    return true;
}

bool
pn_user_check_service(struct pn_task *task, const struct pn_user *user)
{
    const struct pn_user_wish *wish = task->change->in.user;
    bool making = task->act == PN_ACT_USER_CREATE;
    if (!making && (wish->given & PN_FIELD_KIND) != 0
        && wish->user.service != user->service)
    {
        return pn_task_refuse_field(task, 422, "/kind", "fixed",
                                    "a person stays a person, and a service "
                                    "account one: make another account");
    }
    if (!user->service) {
        return true;
    }
    if (wish->password != NULL) {
        return pn_task_refuse_field(task, 422, "/password", "service_account",
                                    "nobody signs in to a service account; its "
                                    "custodians sign in as themselves");
    }
    if (making && !task->policy.creation.service_accounts) {
        return pn_task_refuse(task, 403, "service_accounts_off",
                              "service accounts are switched off: set "
                              "creation.service_accounts in the policy first");
    }
    return true;
}

/* --- losing the last one ------------------------------------------------- */

bool
pn_task_accounts_kept(struct pn_task *task, uint64_t user_id,
                      struct pn_named_list *out)
{
    enum pn_err err =
        pn_store_accounts_kept(task->store, user_id, task->arena, out);
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

bool
pn_task_warn_alone(struct pn_task *task, const struct pn_named_list *kept)
{
    for (uint16_t i = 0; i < kept->count; i++) {
        struct pn_user account;
        enum pn_err err = pn_store_user_by_id(task->store, kept->item[i].id,
                                              task->arena, &account);
        if (err != PN_OK) {
            return pn_task_store_error(task, err);
        }
        if (!account.has_custodian
            && !pn_task_warn(task,
                             "service account \"%s\" is without custodian; "
                             "its tokens go on",
                             account.username))
        {
            return false;
        }
    }
    return true;
}

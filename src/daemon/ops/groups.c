/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups.  Policy and applications name groups, so a new name is carried into
 * their documents by the same change, and a group that they name cannot be
 * deleted (docs/decisions/0021-group-names.md).
 */
#include <string.h>

#include "base/str.h"
#include "daemon/ops/inside.h"

static bool
find_group(struct pn_task *task, struct pn_group *out)
{
    enum pn_err err = pn_store_group_counted(
        task->store, pn_str_from(task->change->name), task->arena, out);
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

static bool
answer_group(struct pn_task *task, const struct pn_group *group)
{
    struct pn_group *out = pn_arena_alloc(task->arena, sizeof(*out));
    if (out == NULL) {
        return pn_task_no_memory(task);
    }
    *out = *group;
    task->change->group = out;
    return true;
}

static bool
name_taken(struct pn_task *task, enum pn_err err)
{
    return err == PN_E_EXISTS
               ? pn_task_refuse_field(task, 409, "/name", "name_taken",
                                      "there is a group of this name")
               : pn_task_store_error(task, err);
}

/* --- documents that name groups ------------------------------------------ */

/* Replace one name by another in a copy; *hits counts. */
static bool
list_rename(struct pn_arena *arena, struct pn_text_list *list, const char *from,
            char *to, unsigned *hits)
{
    if (!pn_text_list_has(list, from)) {
        return true;
    }
    char **items = pn_arena_array(arena, list->count, sizeof(*items));
    if (items == NULL) {
        return false;
    }
    for (uint16_t i = 0; i < list->count; i++) {
        bool hit = strcmp(list->item[i], from) == 0;
        items[i] = hit ? to : list->item[i];
        *hits += hit ? 1 : 0;
    }
    list->item = items;
    return true;
}

/* to NULL = only look. */
static bool
policy_rename(struct pn_task *task, char *from, char *to, unsigned *hits)
{
    struct pn_policy policy = task->policy;
    char *name = to != NULL ? to : from;
    uint16_t count = policy.creation.grant_count;
    struct pn_grant_doc *grants =
        pn_arena_array(task->arena, (size_t) count + 1, sizeof(*grants));
    if (grants == NULL) {
        return pn_task_no_memory(task);
    }
    for (uint16_t i = 0; i < count; i++) {
        grants[i] = policy.creation.grants[i];
        if (grants[i].group != NULL && strcmp(grants[i].group, from) == 0) {
            grants[i].group = name;
            (*hits)++;
        }
    }
    policy.creation.grants = grants;
    if (!list_rename(task->arena, &policy.admin_groups, from, name, hits)
        || !list_rename(task->arena, &policy.auditor_groups, from, name, hits))
    {
        return pn_task_no_memory(task);
    }
    if (to == NULL || *hits == 0) {
        return true;
    }
    policy.version++;
    enum pn_err err = pn_store_policy_put(
        task->store, &policy,
        task->who.has_user ? task->who.user.username : task->caller->username,
        task->now);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    task->policy = policy;
    return pn_task_feed(task, PN_CHANGE_POLICY, 0, NULL);
}

static bool
app_rename(struct pn_task *task, struct pn_app *app, char *from, char *to,
           unsigned *hits)
{
    unsigned here = 0;
    char *name = to != NULL ? to : from;
    if (!list_rename(task->arena, &app->groups, from, name, &here)) {
        return pn_task_no_memory(task);
    }
    *hits += here;
    if (to == NULL || here == 0) {
        return true;
    }
    enum pn_err err = pn_store_app_update(task->store, app);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    return pn_task_feed(task, PN_CHANGE_APP, app->id, NULL);
}

static bool
apps_rename(struct pn_task *task, char *from, char *to, unsigned *hits)
{
    const char *cursor = "";
    do {
        const struct pn_page page = {.cursor = cursor, .limit = PN_LIST_MAX};
        struct pn_app_list list;
        enum pn_err err = pn_store_apps(task->store, &page, task->arena, &list);
        if (err != PN_OK) {
            return pn_task_store_error(task, err);
        }
        for (uint16_t i = 0; i < list.count; i++) {
            if (!app_rename(task, &list.item[i], from, to, hits)) {
                return false;
            }
        }
        cursor = list.next;
    } while (cursor != NULL && cursor[0] != '\0');
    return true;
}

/* --- the acts ------------------------------------------------------------ */

bool
pn_apply_group_create(struct pn_task *task)
{
    struct pn_group group = *task->change->in.group;
    group.id = pn_task_new_id(task);
    group.member_count = 0;
    if (group.description == NULL) {
        group.description = pn_arena_dup(task->arena, PN_STR(""));
    }
    if (group.description == NULL) {
        return pn_task_no_memory(task);
    }
    enum pn_err err = pn_store_group_insert(task->store, &group);
    if (err != PN_OK) {
        return name_taken(task, err);
    }
    pn_audit_note(task, group.name, NULL,
                  pn_group_to_json(&group, task->arena));
    /* policy and applications may have named it before it existed */
    return pn_task_feed(task, PN_CHANGE_GROUP, group.id, NULL)
           && answer_group(task, &group);
}

bool
pn_apply_group_edit(struct pn_task *task)
{
    const struct pn_group *wish = task->change->in.group;
    struct pn_group before;
    if (!find_group(task, &before)) {
        return false;
    }
    struct pn_group after = before;
    after.name = wish->name != NULL ? wish->name : before.name;
    after.description =
        wish->description != NULL ? wish->description : before.description;
    if (task->import && strcmp(after.name, before.name) == 0
        && strcmp(after.description, before.description) == 0)
    {
        task->unchanged = true;
        return true;
    }
    enum pn_err err = pn_store_group_update(task->store, &after);
    if (err != PN_OK) {
        return name_taken(task, err);
    }
    unsigned hits = 0;
    if (strcmp(before.name, after.name) != 0
        && (!policy_rename(task, before.name, after.name, &hits)
            || !apps_rename(task, before.name, after.name, &hits)))
    {
        return false;
    }
    pn_audit_note(task, before.name, pn_group_to_json(&before, task->arena),
                  pn_group_to_json(&after, task->arena));
    return pn_task_feed(task, PN_CHANGE_GROUP, after.id, NULL)
           && answer_group(task, &after);
}

static enum pn_err
feed_member(void *arg, uint64_t id)
{
    struct pn_task *task = arg;
    return pn_store_change_add(task->store, PN_CHANGE_OWNER, id, NULL);
}

bool
pn_apply_group_delete(struct pn_task *task)
{
    struct pn_group group;
    if (!find_group(task, &group)) {
        return false;
    }
    unsigned hits = 0;
    task->change->group = &group;
    bool looked = policy_rename(task, group.name, NULL, &hits)
                  && apps_rename(task, group.name, NULL, &hits);
    task->change->group = NULL;
    if (!looked) {
        return false;
    }
    if (hits > 0) {
        return pn_task_refuse(task, 409, "group_in_use",
                              "the policy or an application names this group; "
                              "take it out there first");
    }
    /* afterwards nobody knows who was in it */
    enum pn_err err =
        pn_store_each_member(task->store, group.id, feed_member, task);
    if (err == PN_OK) {
        err = pn_store_group_delete(task->store, group.id);
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    pn_audit_note(task, group.name, pn_group_to_json(&group, task->arena),
                  NULL);
    return pn_task_feed(task, PN_CHANGE_GROUP, group.id, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applications.  Their name is fixed: nginx's configuration and tokens name
 * them (docs/decisions/0022-app-names.md).
 */
#include <string.h>

#include "base/str.h"
#include "daemon/ops/inside.h"
#include "daemon/store/address_reports.h"

static bool
answer_app(struct pn_task *task, const struct pn_app *app)
{
    struct pn_app *out = pn_arena_alloc(task->arena, sizeof(*out));
    if (out == NULL) {
        return pn_task_no_memory(task);
    }
    *out = *app;
    task->change->app = out;
    return pn_task_warn_groups(task, &app->groups, "groups");
}

static bool
find_app(struct pn_task *task, struct pn_app *out)
{
    enum pn_err err = pn_store_app_by_name(
        task->store, pn_str_from(task->change->name), task->arena, out);
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

bool
pn_apply_app_create(struct pn_task *task)
{
    struct pn_app app = *task->change->in.app;
    app.id = pn_task_new_id(task);
    enum pn_err err = pn_store_app_insert(task->store, &app);
    if (err == PN_E_EXISTS) {
        return pn_task_refuse_field(task, 409, "/name", "name_taken",
                                    "there is an application of this name");
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    pn_audit_note(task, app.name, NULL, pn_app_to_json(&app, task->arena));
    return pn_task_feed(task, PN_CHANGE_APP, app.id, NULL)
           && answer_app(task, &app);
}

bool
pn_apply_app_edit(struct pn_task *task)
{
    struct pn_app before, after;
    if (!find_app(task, &before)) {
        return false;
    }
    enum pn_err err = pn_app_from_json(task->change->in.patch, &before,
                                       task->arena, &after, task->fault);
    if (err != PN_OK) {
        return err == PN_E_RANGE ? false : pn_task_store_error(task, err);
    }
    if (strcmp(after.name, before.name) != 0) {
        return pn_task_refuse_field(task, 422, "/name", "name_fixed",
                                    "an application keeps its name: nginx and "
                                    "tokens refer to it");
    }
    after.id = before.id;
    err = pn_store_app_update(task->store, &after);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    pn_audit_note(task, after.name, pn_app_to_json(&before, task->arena),
                  pn_app_to_json(&after, task->arena));
    return pn_task_feed(task, PN_CHANGE_APP, after.id, NULL)
           && answer_app(task, &after)
           && pn_warn_of_reports(task, &before.ip, &after.ip, after.name);
}

static enum pn_err
feed_token(void *arg, uint64_t id)
{
    struct pn_task *task = arg;
    return pn_store_change_add(task->store, PN_CHANGE_TOKEN, id, NULL);
}

bool
pn_apply_app_delete(struct pn_task *task)
{
    struct pn_app app;
    if (!find_app(task, &app)) {
        return false;
    }
    /* their records name it; afterwards nobody knows which they were */
    enum pn_err err =
        pn_store_each_of_app(task->store, app.id, feed_token, task);
    if (err == PN_OK) {
        err = pn_store_app_delete(task->store, app.id);
    }
    if (err == PN_OK) {
        err = pn_store_address_reports_forget(task->store, app.name);
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    pn_audit_note(task, app.name, pn_app_to_json(&app, task->arena), NULL);
    return pn_task_feed(task, PN_CHANGE_APP, app.id, app.name);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy as a whole: replaced in one piece, by who read the version that
 * is replaced.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "daemon/ops/inside.h"
#include "daemon/publish/records.h"

bool
pn_task_warn(struct pn_task *task, const char *format, ...)
{
    struct pn_change *change = task->change;
    if (change->warnings == NULL) {
        change->warnings = pn_arena_array(task->arena, PN_OPS_WARNINGS_MAX,
                                          sizeof(*change->warnings));
    }
    if (change->warnings == NULL) {
        return pn_task_no_memory(task);
    }
    if (change->warning_count == PN_OPS_WARNINGS_MAX) {
        return true;
    }
    char text[512];
    va_list args;
    va_start(args, format);
    (void) vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    char *kept = pn_arena_dup(task->arena, pn_str_from(text));
    if (kept == NULL) {
        return pn_task_no_memory(task);
    }
    change->warnings[change->warning_count++] = kept;
    return true;
}

static bool
warn_group(struct pn_task *task, const char *name, const char *where)
{
    struct pn_group group;
    enum pn_err err = pn_store_group_by_name(task->store, pn_str_from(name),
                                             task->arena, &group);
    if (err == PN_E_NOT_FOUND) {
        return pn_task_warn(task, "%s: group \"%s\" does not exist (yet)",
                            where, name);
    }
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

bool
pn_task_warn_groups(struct pn_task *task, const struct pn_text_list *names,
                    const char *where)
{
    for (uint16_t i = 0; names->present && i < names->count; i++) {
        if (!warn_group(task, names->item[i], where)) {
            return false;
        }
    }
    return true;
}

/* Who shuts himself out should hear it at once. */
static bool
warn_own_address(struct pn_task *task, const struct pn_policy *policy)
{
    struct pn_ip address;
    struct pn_iprules rules;
    if (!policy->ip.present || task->caller->address == NULL
        || pn_ip_parse(pn_str_from(task->caller->address), &address) != PN_OK)
    {
        return true;
    }
    if (pn_rules_of_ip(&policy->ip, task->arena, &rules) != PN_OK) {
        return pn_task_no_memory(task);
    }
    return pn_iprules_allow(&rules, &address)
           || pn_task_warn(
               task, "ip_rules: tokens used from your own address %s are %s",
               task->caller->address,
               policy->ip.report == PN_IP_REPORT ? "reported" : "refused");
}

bool
pn_policy_warn(struct pn_task *task, const struct pn_policy *policy)
{
    for (uint16_t i = 0; i < policy->creation.grant_count; i++) {
        const char *group = policy->creation.grants[i].group;
        if (group != NULL && !warn_group(task, group, "creation.grants")) {
            return false;
        }
    }
    return pn_task_warn_groups(task, &policy->admin_groups, "admin_groups")
           && pn_task_warn_groups(task, &policy->auditor_groups,
                                  "auditor_groups")
           && warn_own_address(task, policy)
           && pn_warn_of_reports(task, &task->policy.ip, &policy->ip, NULL);
}

/* --- changing it --------------------------------------------------------- */

static bool
is_of_version(struct pn_task *task)
{
    if (task->change->if_version == 0) {
        return pn_task_refuse(task, 428, "version_required",
                              "say which version you read (If-Match)");
    }
    if (task->change->if_version != task->policy.version) {
        return pn_task_refuse(task, 412, "version_mismatch",
                              "somebody changed the policy meanwhile; read it "
                              "again");
    }
    return true;
}

static const char *
name_of(const struct pn_task *task)
{
    if (task->who.has_user) {
        return task->who.user.username;
    }
    return task->caller->username != NULL ? task->caller->username : "";
}

/* Store it as the next version, and read that again: what could not be read
 * would stop everything.  Then the tokens. */
static enum pn_err
store_and_enforce(struct pn_task *task, const struct pn_policy *wanted,
                  struct pn_policy *after)
{
    struct pn_policy_made made = {.enforce = task->change->enforce,
                                  .reverted_to = task->change->revert_to};
    enum pn_err err =
        pn_store_policy_put(task->store, wanted, name_of(task), task->now);
    if (err == PN_OK) {
        err = pn_store_policy(task->store, task->arena, after);
    }
    if (err == PN_OK) {
        err = pn_policy_enforce(task, after, &made.tokens_changed);
    }
    if (err != PN_OK) {
        return err;
    }
    made.version = after->version;
    if (made.enforce == PN_ENFORCE_AFTER) {
        made.days = task->change->enforce_days;
    }
    return pn_store_policy_note(task->store, &made);
}

/* The document with how it came about, for the audit. */
static json_t *
described(struct pn_task *task, const struct pn_policy *policy)
{
    json_t *doc = pn_policy_to_json(policy, task->arena);
    const char *mode = pn_enforce_text(task->change->enforce);
    int failed = doc == NULL
                 || json_object_set_new(doc, "enforce", json_string(mode)) != 0;
    if (!failed && task->change->revert_to != 0) {
        failed = json_object_set_new(
            doc, "reverted_to",
            json_integer((json_int_t) task->change->revert_to));
    }
    return failed ? NULL : doc;
}

static bool
replace(struct pn_task *task, const struct pn_policy *wanted)
{
    struct pn_policy *after = pn_arena_alloc(task->arena, sizeof(*after));
    if (after == NULL) {
        return pn_task_no_memory(task);
    }
    enum pn_err err = store_and_enforce(task, wanted, after);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    if (!pn_task_feed(task, PN_CHANGE_POLICY, after->version, NULL)
        || !pn_policy_warn(task, after))
    {
        return false;
    }
    pn_audit_note(task, "policy", pn_policy_to_json(&task->policy, task->arena),
                  described(task, after));
    task->change->policy = after;
    return true;
}

bool
pn_apply_policy_put(struct pn_task *task)
{
    task->change->revert_to = 0;
    return is_of_version(task) && replace(task, task->change->in.policy);
}

bool
pn_apply_policy_revert(struct pn_task *task)
{
    struct pn_policy wanted;
    struct pn_policy_made made;
    if (!is_of_version(task)) {
        return false;
    }
    enum pn_err err = pn_store_policy_version(
        task->store, task->change->revert_to, task->arena, &wanted, &made);
    if (err == PN_E_NOT_FOUND) {
        return pn_task_refuse_field(task, 422, "/version", "unknown_version",
                                    "the policy has no such version; see its "
                                    "history");
    }
    return err == PN_OK ? replace(task, &wanted)
                        : pn_task_store_error(task, err);
}

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

/* The rules as core judges them. */
static enum pn_err
ip_refuses(struct pn_task *task, const struct pn_ip_policy *ip,
           const struct pn_ip *address, bool *out)
{
    struct pn_iprange *ranges = pn_arena_array(
        task->arena, (size_t) ip->allow_count + ip->deny_count + 1,
        sizeof(*ranges));
    if (ranges == NULL) {
        return PN_E_NOMEM;
    }
    for (uint16_t i = 0; i < ip->allow_count; i++) {
        ranges[i] = ip->allow[i].range;
    }
    for (uint16_t i = 0; i < ip->deny_count; i++) {
        ranges[ip->allow_count + i] = ip->deny[i].range;
    }
    const struct pn_iprules rules = {
        .mode = ip->mode,
        .allow = ranges,
        .deny = ranges + ip->allow_count,
        .allow_count = ip->allow_count,
        .deny_count = ip->deny_count,
    };
    *out = !pn_iprules_allow(&rules, address);
    return PN_OK;
}

/* Who shuts himself out should hear it at once. */
static bool
warn_own_address(struct pn_task *task, const struct pn_policy *policy)
{
    struct pn_ip address;
    bool refused = false;
    if (!policy->ip.present || task->caller->address == NULL
        || pn_ip_parse(pn_str_from(task->caller->address), &address) != PN_OK)
    {
        return true;
    }
    if (ip_refuses(task, &policy->ip, &address, &refused) != PN_OK) {
        return pn_task_no_memory(task);
    }
    return !refused
           || pn_task_warn(task,
                           "ip_rules: tokens used from your own "
                           "address %s are refused",
                           task->caller->address);
}

static bool
warn_all(struct pn_task *task, const struct pn_policy *policy)
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
           && warn_own_address(task, policy);
}

bool
pn_apply_policy_put(struct pn_task *task)
{
    const struct pn_policy *before = &task->policy;
    struct pn_policy *after = pn_arena_alloc(task->arena, sizeof(*after));
    if (after == NULL) {
        return pn_task_no_memory(task);
    }
    if (task->change->if_version == 0) {
        return pn_task_refuse(task, 428, "version_required",
                              "say which version you read (If-Match)");
    }
    if (task->change->if_version != before->version) {
        return pn_task_refuse(task, 412, "version_mismatch",
                              "somebody changed the policy meanwhile; read it "
                              "again");
    }
    *after = *task->change->in.policy;
    enum pn_err err =
        pn_store_policy_put(task->store, after, pn_task_actor(task), task->now);
    if (err == PN_OK) {
        /* what could not be read again would stop everything */
        err = pn_store_policy(task->store, task->arena, after);
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    if (!pn_task_feed(task, PN_CHANGE_POLICY, 0, NULL)
        || !warn_all(task, after)) {
        return false;
    }
    pn_audit_note(task, "policy", pn_policy_to_json(before, task->arena),
                  pn_policy_to_json(after, task->arena));
    task->change->policy = after;
    return true;
}

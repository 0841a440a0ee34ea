/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the policy, the apps and the owner's role say about a token.
 */
#include "daemon/ops/token_rules.h"

#include "base/str.h"

/* --- lifetime ------------------------------------------------------------ */

static const char *
lifetime_pointer(const struct pn_lifetime *wanted)
{
    return wanted->kind == PN_LIFETIME_DAYS ? "/expires_in_days"
                                            : "/expires_at";
}

static bool
refuse_too_long(struct pn_task *task, const struct pn_lifetime *wanted,
                const struct pn_allowance *allowance)
{
    const char *detail = pn_arena_printf(
        task->arena, "at most %u days are allowed, and an end is needed",
        allowance->max_days);
    if (allowance->may_be_endless) {
        detail = "the end lies too far ahead";
    }
    return pn_task_refuse_field(task, 422, lifetime_pointer(wanted),
                                "lifetime_not_allowed",
                                detail != NULL ? detail : "too long");
}

static bool
refuse_past(struct pn_task *task, const struct pn_lifetime *wanted)
{
    return pn_task_refuse_field(task, 422, lifetime_pointer(wanted),
                                "not_in_future",
                                "the end must lie in the future");
}

bool
pn_token_lifetime(struct pn_task *task, const struct pn_allowance *allowance,
                  const struct pn_lifetime *wanted, struct pn_token *token)
{
    enum pn_err err =
        pn_lifetime_end(allowance, task->policy.creation.default_days, wanted,
                        task->now, &token->expires_at);
    if (err == PN_OK) {
        return true;
    }
    if (wanted->kind == PN_LIFETIME_UNTIL && wanted->until <= task->now) {
        return refuse_past(task, wanted);
    }
    return refuse_too_long(task, wanted, allowance);
}

static bool
is_later(int64_t end, int64_t than)
{
    return than != 0 && (end == 0 || end > than);
}

bool
pn_token_next_lifetime(struct pn_task *task,
                       const struct pn_allowance *allowance,
                       struct pn_token *token)
{
    const struct pn_lifetime *wanted = &task->change->in.token->lifetime;
    const struct pn_allowance everything = {.may_create = true,
                                            .may_be_endless = true};
    int64_t end = 0;
    if (pn_lifetime_end(&everything, task->policy.creation.default_days, wanted,
                        task->now, &end)
        != PN_OK)
    {
        return refuse_past(task, wanted);
    }
    if (is_later(end, token->expires_at)) {
        int64_t made_at = token->secrets[0].created_at;
        int64_t limit = made_at + (int64_t) allowance->max_days * PN_DAY_S;
        if (!allowance->may_create
            || (!allowance->may_be_endless && (end == 0 || end > limit)))
        {
            return refuse_too_long(task, wanted, allowance);
        }
    }
    token->expires_at = end;
    return true;
}

/* --- members ------------------------------------------------------------- */

static bool
check_name(struct pn_task *task, const struct pn_token *token)
{
    if (token->name == NULL || token->name[0] == '\0') {
        return pn_task_refuse_field(task, 422, "/name", "required",
                                    "a token needs a name");
    }
    return true;
}

static bool
check_access(struct pn_task *task, const struct pn_token *token)
{
    if (task->policy.creation.read_only && token->access != PN_ACCESS_READ_ONLY)
    {
        return pn_task_refuse_field(task, 422, "/access", "read_only_required",
                                    "only read-only tokens are allowed here");
    }
    return true;
}

static bool
check_ip(struct pn_task *task, const struct pn_token *token)
{
    if (task->policy.creation.require_ip_rule
        && (!token->ip.present || token->ip.mode != PN_IP_DEFAULT_DENY))
    {
        return pn_task_refuse_field(
            task, 422, "/ip_rules", "ip_rule_required",
            "a token must name the addresses from which it is used "
            "(default: deny)");
    }
    return true;
}

static bool
path_is_within(const char *path, const struct pn_text_list *limit)
{
    struct pn_pathpat inner = pn_pathpat_checked(pn_str_from(path));
    for (uint16_t i = 0; i < limit->count; i++) {
        struct pn_pathpat outer =
            pn_pathpat_checked(pn_str_from(limit->item[i]));
        if (pn_pathpat_within(&inner, &outer)) {
            return true;
        }
    }
    return false;
}

uint16_t
pn_paths_outside(const struct pn_text_list *paths,
                 const struct pn_text_list *limit)
{
    uint16_t i = 0;
    while (i < paths->count && path_is_within(paths->item[i], limit)) {
        i++;
    }
    return i;
}

static bool
refuse_item(struct pn_task *task, const char *list, unsigned at,
            const char *code, const char *detail)
{
    const char *pointer = pn_arena_printf(task->arena, "/%s/%u", list, at);
    if (pointer == NULL) {
        return pn_task_no_memory(task);
    }
    return pn_task_refuse_field(task, 422, pointer, code, detail);
}

static bool
check_paths(struct pn_task *task, const struct pn_token *token)
{
    const struct pn_text_list *limit = &task->policy.creation.paths;
    if (!limit->present) {
        return true;
    }
    if (!token->paths.present) {
        return pn_task_refuse_field(task, 422, "/paths", "paths_required",
                                    "the policy limits every token to paths; "
                                    "name some of those");
    }
    uint16_t outside = pn_paths_outside(&token->paths, limit);
    return outside == token->paths.count
               ? true
               : refuse_item(task, "paths", outside, "path_not_permitted",
                             "this reaches beyond the paths that the policy "
                             "allows");
}

static bool
check_not_before(struct pn_task *task, const struct pn_token *token)
{
    if (token->expires_at != 0 && token->not_before >= token->expires_at) {
        return pn_task_refuse_field(task, 422, "/not_before", "after_the_end",
                                    "the token would end before it begins");
    }
    return true;
}

static bool
in_groups(const struct pn_user *user, const struct pn_text_list *groups)
{
    for (uint16_t i = 0; i < user->group_count; i++) {
        if (pn_text_list_has(groups, user->groups[i].name)) {
            return true;
        }
    }
    return !groups->present;
}

static bool
check_apps(struct pn_task *task, const struct pn_token *token,
           const struct pn_user *owner)
{
    for (uint16_t i = 0; token->apps.present && i < token->apps.count; i++) {
        struct pn_app app;
        enum pn_err err = pn_store_app_by_name(
            task->store, pn_str_from(token->apps.item[i]), task->arena, &app);
        if (err == PN_E_NOT_FOUND) {
            return refuse_item(task, "apps", i, "unknown_app",
                               "there is no application of this name");
        }
        if (err != PN_OK) {
            return pn_task_store_error(task, err);
        }
        if (!in_groups(owner, &app.groups)) {
            return refuse_item(task, "apps", i, "app_not_allowed",
                               "none of your groups may use this application");
        }
    }
    return true;
}

static bool
check_scopes(struct pn_task *task, const struct pn_token *token,
             const struct pn_user *owner)
{
    uint32_t can = pn_scopes_of_role(pn_role_of(owner, &task->policy));
    if (!task->who.has_user || task->who.user.id != owner->id) {
        can &= pn_scopes_of_role(task->who.role); /* a custodian's own limit */
    }
    for (uint16_t i = 0; i < token->scope_count; i++) {
        uint32_t bit = 0;
        uint16_t bad = 0;
        if (pn_scopes_bits(&token->scopes[i], 1, &bit, &bad) != PN_OK) {
            return refuse_item(task, "scopes", i, "unknown_scope",
                               "there is no scope of this name");
        }
        if (bit == PN_SCOPE_OWN_TOKENS_WRITE
            && !task->policy.creation.own_tokens_write) {
            return refuse_item(task, "scopes", i, "scope_off",
                               "tokens that make tokens are switched off: "
                               "creation.own_tokens_write in the policy");
        }
        if (bit == PN_SCOPE_LEAKS || bit == PN_SCOPE_SCIM) {
            /* else it would gain power with an upgrade, unasked */
            return refuse_item(task, "scopes", i, "scope_not_available",
                               "this version has nothing that the scope is "
                               "for; ask for it when it has");
        }
        if ((bit & can) == 0) {
            return refuse_item(task, "scopes", i, "scope_not_permitted",
                               "your role does not include this scope");
        }
    }
    return true;
}

bool
pn_token_check(struct pn_task *task, const struct pn_token *token,
               const struct pn_user *owner, uint32_t fields)
{
    bool ok = (fields & PN_FIELD_NAME) == 0 || check_name(task, token);
    ok = ok && ((fields & PN_FIELD_ACCESS) == 0 || check_access(task, token));
    ok = ok && ((fields & PN_FIELD_IP) == 0 || check_ip(task, token));
    ok = ok && ((fields & PN_FIELD_PATHS) == 0 || check_paths(task, token));
    ok = ok
         && ((fields & (PN_FIELD_NOT_BEFORE | PN_FIELD_LIFETIME)) == 0
             || check_not_before(task, token));
    ok =
        ok && ((fields & PN_FIELD_APPS) == 0 || check_apps(task, token, owner));
    return ok
           && ((fields & PN_FIELD_SCOPES) == 0
               || check_scopes(task, token, owner));
}

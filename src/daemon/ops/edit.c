/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Editing a token.  Narrowing is free; whatever lets it do more than before
 * needs its owner and a fresh sign-in.
 */
#include <string.h>

#include "core/id.h"
#include "daemon/ops/effect.h"
#include "daemon/ops/token_rules.h"

/* --- does it widen? ------------------------------------------------------ */

/* All of part stands in whole. */
static bool
texts_within(char *const *part, uint16_t part_count, char *const *whole,
             uint16_t whole_count)
{
    for (uint16_t i = 0; i < part_count; i++) {
        uint16_t w = 0;
        while (w < whole_count && strcmp(part[i], whole[w]) != 0) {
            w++;
        }
        if (w == whole_count) {
            return false;
        }
    }
    return true;
}

static bool
list_widens(const struct pn_text_list *old, const struct pn_text_list *edited)
{
    if (!old->present) {
        return false;
    }
    return !edited->present
           || !texts_within(edited->item, edited->count, old->item, old->count);
}

static bool
ranges_within(const struct pn_ip_entry *part, uint16_t part_count,
              const struct pn_ip_entry *whole, uint16_t whole_count)
{
    for (uint16_t i = 0; i < part_count; i++) {
        uint16_t w = 0;
        while (w < whole_count
               && memcmp(&part[i].range, &whole[w].range, sizeof(part[i].range))
                      != 0)
        {
            w++;
        }
        if (w == whole_count) {
            return false;
        }
    }
    return true;
}

/*
 * Judged entry by entry: replacing 10.0.0.0/8 by 10.1.0.0/16 counts as
 * widening.  That asks for a sign-in too often, never too seldom.
 */
static bool
ip_widens(const struct pn_ip_policy *old, const struct pn_ip_policy *edited)
{
    if (!old->present) {
        return false;
    }
    if (!edited->present || edited->mode != old->mode) {
        return true;
    }
    return !ranges_within(edited->allow, edited->allow_count, old->allow,
                          old->allow_count)
           || !ranges_within(old->deny, old->deny_count, edited->deny,
                             edited->deny_count);
}

static bool
rate_widens(const struct pn_token *old, const struct pn_token *edited)
{
    if (old->rate_requests == 0) {
        return false;
    }
    if (edited->rate_requests == 0) {
        return true;
    }
    return edited->rate_requests > old->rate_requests
           || edited->rate_seconds < old->rate_seconds;
}

bool
pn_token_widens(const struct pn_token *old, const struct pn_token *edited)
{
    bool longer =
        old->expires_at != 0
        && (edited->expires_at == 0 || edited->expires_at > old->expires_at);
    return longer || edited->not_before < old->not_before
           || (edited->access == PN_ACCESS_READ_WRITE
               && old->access == PN_ACCESS_READ_ONLY)
           || list_widens(&old->apps, &edited->apps)
           || list_widens(&old->paths, &edited->paths)
           || ip_widens(&old->ip, &edited->ip) || rate_widens(old, edited)
           || !texts_within(edited->scopes, edited->scope_count, old->scopes,
                            old->scope_count);
}

/* --- the act ------------------------------------------------------------- */

struct pn_token
pn_token_merged(const struct pn_token *old, const struct pn_token_wish *wish)
{
    struct pn_token out = *old;
    const struct pn_token *in = &wish->token;
    if ((wish->given & PN_FIELD_NAME) != 0) {
        out.name = in->name;
    }
    if ((wish->given & PN_FIELD_DESCRIPTION) != 0) {
        out.description = in->description;
    }
    if ((wish->given & PN_FIELD_NOT_BEFORE) != 0) {
        out.not_before = in->not_before;
    }
    if ((wish->given & PN_FIELD_ACCESS) != 0) {
        out.access = in->access;
    }
    if ((wish->given & PN_FIELD_APPS) != 0) {
        out.apps = in->apps;
    }
    if ((wish->given & PN_FIELD_IP) != 0) {
        out.ip = in->ip;
    }
    if ((wish->given & PN_FIELD_PATHS) != 0) {
        out.paths = in->paths;
    }
    if ((wish->given & PN_FIELD_RATE) != 0) {
        out.rate_requests = in->rate_requests;
        out.rate_seconds = in->rate_seconds;
    }
    if ((wish->given & PN_FIELD_SCOPES) != 0) {
        out.scopes = in->scopes;
        out.scope_count = in->scope_count;
    }
    return out;
}

bool
pn_token_is_live(struct pn_task *task)
{
    if (task->token.state == PN_STATE_REVOKED) {
        return pn_task_refuse(task, 409, "token_revoked",
                              "a revoked token cannot be changed");
    }
    if (task->token.state == PN_STATE_EXPIRED) {
        return pn_task_refuse(task, 409, "token_expired",
                              "an expired token cannot be changed; make a new "
                              "one");
    }
    return true;
}

/* One that only a policy ended can be brought into line with that. */
static bool
may_edit(struct pn_task *task)
{
    const struct pn_token *token = &task->token;
    bool by_policy =
        token->state == PN_STATE_EXPIRED
        && (token->expires_at == 0 || token->expires_at > task->now);
    return by_policy || pn_token_is_live(task);
}

static bool
may_do_more(struct pn_task *task, struct pn_token *after)
{
    if (!task->owns) {
        return pn_task_refuse(task, 403, "owner_only",
                              "only its owner may let a token do more");
    }
    return pn_task_is_fresh(task)
           && pn_token_within_caller(task, after, PN_LIFETIME_SAID);
}

static bool
may_widen(struct pn_task *task, struct pn_token *after)
{
    return !pn_token_widens(&task->token, after) || may_do_more(task, after);
}

/* An edit that frees a token from an end that the policy gave it lets it work
 * again, even one that only narrows it. */
static bool
may_revive(struct pn_task *task, struct pn_token *after)
{
    int64_t end = pn_earlier_end(after->expires_at, after->policy_expires_at);
    return task->token.state != PN_STATE_EXPIRED
           || (end != 0 && end <= task->now) || may_do_more(task, after);
}

/*
 * What an edit changes has to fit the policy.  A longer life has to fit as a
 * whole, as a new token's: otherwise an end that was enforced could be put
 * aside by an earlier one of one's own, and that one moved on.
 */
static uint32_t
fields_to_check(const struct pn_token *before, const struct pn_token *after,
                uint32_t given)
{
    bool longer =
        before->expires_at != 0
        && (after->expires_at == 0 || after->expires_at > before->expires_at);
    return longer ? given | PN_FIELD_ACCESS | PN_FIELD_IP | PN_FIELD_PATHS
                  : given;
}

/* PATCH may send back an end that did not change. */
static bool
set_lifetime(struct pn_task *task, const struct pn_user *owner,
             struct pn_token *after)
{
    const struct pn_token_wish *wish = task->change->in.token;
    int64_t end = pn_earlier_end(after->expires_at, after->policy_expires_at);
    bool same = (wish->lifetime.kind == PN_LIFETIME_UNTIL
                 && wish->lifetime.until == end)
                || (wish->lifetime.kind == PN_LIFETIME_ENDLESS
                    && after->expires_at == 0);
    if ((wish->given & PN_FIELD_LIFETIME) == 0 || same) {
        return true;
    }
    struct pn_allowance allowance;
    enum pn_err err =
        pn_allowance_for(&task->policy, owner, task->arena, &allowance);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    return pn_token_next_lifetime(task, &allowance, after);
}

bool
pn_apply_token_edit(struct pn_task *task)
{
    const struct pn_token_wish *wish = task->change->in.token;
    struct pn_user owner;
    if (!may_edit(task)) {
        return false;
    }
    enum pn_err err = pn_store_user_by_id(task->store, task->token.owner_id,
                                          task->arena, &owner);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    struct pn_token after = pn_token_merged(&task->token, wish);
    if (!set_lifetime(task, &owner, &after) || !may_widen(task, &after)
        || !pn_token_check(task, &after, &owner,
                           fields_to_check(&task->token, &after, wish->given)))
    {
        return false;
    }
    err = pn_measure_again(task, &owner, &after);
    if (err == PN_OK && !may_revive(task, &after)) {
        return false;
    }
    if (err == PN_OK) {
        err = pn_store_token_update(task->store, &after);
    }
    if (err == PN_E_EXISTS) {
        return pn_task_refuse_field(task, 409, "/name", "name_taken",
                                    "there is a live token of this name");
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    return pn_task_feed(task, PN_CHANGE_TOKEN, after.id, NULL)
           && pn_token_changed(task, &task->token, &after);
}

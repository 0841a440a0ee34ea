/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measuring tokens by a policy.  Membership is core's own rule, lifetimes count
 * as for a new token.
 */
#include "daemon/ops/effect.h"

#include "base/str.h"
#include "core/decision.h"
#include "daemon/ops/token_rules.h"
#include "daemon/publish/records.h"

/* A grant of a group that does not exist: ids are below 2^63. */
#define NOBODY UINT64_MAX

int64_t
pn_earlier_end(int64_t a, int64_t b)
{
    if (a == 0 || b == 0) {
        return a + b;
    }
    return a < b ? a : b;
}

const char *
pn_because_text(enum pn_because because)
{
    static const char *const texts[] = {
        [PN_BECAUSE_NOTHING] = NULL,
        [PN_BECAUSE_LIFETIME] = "lifetime",
        [PN_BECAUSE_READ_ONLY] = "read_only",
        [PN_BECAUSE_IP_RULE] = "ip_rule_required",
        [PN_BECAUSE_PATHS] = "paths",
        [PN_BECAUSE_NOT_PERMITTED] = "owner_not_permitted",
        [PN_BECAUSE_ADDRESS] = "ip_not_allowed",
        [PN_BECAUSE_UNUSED] = "unused",
    };
    return texts[because];
}

/* --- the policy, resolved ------------------------------------------------ */

static enum pn_err
resolve_grants(struct pn_store *store, const struct pn_policy *policy,
               struct pn_arena *arena, struct pn_measure *out)
{
    uint16_t count = policy->creation.grant_count;
    out->grants = pn_arena_array(arena, count, sizeof(*out->grants));
    if (out->grants == NULL) {
        return PN_E_NOMEM;
    }
    for (uint16_t i = 0; i < count; i++) {
        const struct pn_grant_doc *doc = &policy->creation.grants[i];
        struct pn_grant *grant = &out->grants[i];
        grant->max_days = doc->max_days;
        grant->group_id = 0;
        if (doc->group == NULL) {
            continue;
        }
        struct pn_group group;
        enum pn_err err = pn_store_group_by_name(store, pn_str_from(doc->group),
                                                 arena, &group);
        if (err != PN_OK && err != PN_E_NOT_FOUND) {
            return err;
        }
        grant->group_id = err == PN_OK ? group.id : NOBODY;
    }
    return PN_OK;
}

enum pn_err
pn_measure_of(struct pn_store *store, const struct pn_policy *policy,
              struct pn_arena *arena, struct pn_measure *out)
{
    struct pn_measure measure = {
        .policy = policy,
        .unused = {.days = policy->creation.disable_unused_days,
                   .notice_days = policy->creation.unused_notice_days}};
    enum pn_err err = pn_permit_of(store, policy, arena, &measure.permit);
    if (err == PN_OK) {
        err = resolve_grants(store, policy, arena, &measure);
    }
    if (err == PN_OK && policy->ip.present) {
        err = pn_rules_of_ip(&policy->ip, arena, &measure.ip);
    }
    if (err != PN_OK) {
        return err;
    }
    measure.creation = (struct pn_creation){
        .enabled = policy->creation.enabled,
        .grants = measure.grants,
        .grant_count = policy->creation.grant_count,
        .admin_max_days = policy->creation.admin_max_days,
        .default_days = policy->creation.default_days,
    };
    *out = measure;
    return PN_OK;
}

bool
pn_measure_needs_rules(const struct pn_measure *measure)
{
    return measure->policy->creation.require_ip_rule
           || measure->policy->creation.paths.present;
}

/* Owners come one after the other with all their tokens. */
static void
ask_about(struct pn_measure *m, const struct pn_owner_facts *owner)
{
    if (m->owner_id == owner->id) {
        return;
    }
    bool admin = owner->role == PN_ROLE_ADMIN
                 || pn_ids_meet(owner->groups, m->permit.admin_groups);
    const struct pn_owner_record record = {
        .owner_id = owner->id,
        .flags = (uint8_t) ((owner->active ? PN_OWNER_ACTIVE : 0)
                            | (admin ? PN_OWNER_ADMIN : 0)),
        .groups = owner->groups,
    };
    m->owner_id = owner->id;
    m->permitted = pn_owner_permitted(&m->permit.policy, &record);
    pn_allowance_of(&m->creation, admin, owner->groups, &m->allowance);
}

/* --- rules of making ----------------------------------------------------- */

/* A rule that is broken ends the token then. */
static void
broken(int64_t end, enum pn_because because, int64_t *found,
       enum pn_because *why)
{
    if (*found == 0 || end < *found) {
        *found = end;
        *why = because;
    }
}

/* When the longest life ends that the owner could give it; 0 = never. */
static int64_t
life_ends(const struct pn_measure *m, const struct pn_token_facts *token)
{
    const struct pn_allowance *allowance = &m->allowance;
    /* who may make none is a matter of membership, not of lifetime */
    if (!allowance->may_create || allowance->may_be_endless) {
        return 0;
    }
    return token->made_at + (int64_t) allowance->max_days * PN_DAY_S;
}

static bool
has_ip_rule(const struct pn_token_facts *token)
{
    return token->ip.present && token->ip.mode == PN_IP_DEFAULT_DENY;
}

int64_t
pn_measure_end(struct pn_measure *m, const struct pn_token_facts *token,
               const struct pn_enforcement *how, enum pn_because *because)
{
    const struct pn_policy *policy = m->policy;
    int64_t deadline = token->policy_expires_at, end = 0;
    *because = PN_BECAUSE_NOTHING;
    if (how->when != PN_ENFORCE_NEW) {
        uint32_t days = how->when == PN_ENFORCE_AFTER ? how->days : 0;
        deadline = how->now + (int64_t) days * PN_DAY_S;
    }
    if (deadline == 0) {
        return 0; /* new tokens only, and nothing was enforced before */
    }
    ask_about(m, token->owner);
    int64_t life = life_ends(m, token);
    if (life != 0 && (token->expires_at == 0 || token->expires_at > life)) {
        broken(life > deadline ? life : deadline, PN_BECAUSE_LIFETIME, &end,
               because);
    }
    if (policy->creation.read_only && token->access != PN_ACCESS_READ_ONLY) {
        broken(deadline, PN_BECAUSE_READ_ONLY, &end, because);
    }
    if (policy->creation.require_ip_rule && !has_ip_rule(token)) {
        broken(deadline, PN_BECAUSE_IP_RULE, &end, because);
    }
    if (policy->creation.paths.present
        && (!token->paths.present
            || pn_paths_outside(&token->paths, &policy->creation.paths)
                   < token->paths.count))
    {
        broken(deadline, PN_BECAUSE_PATHS, &end, because);
    }
    if (token->expires_at != 0 && end >= token->expires_at) {
        *because = PN_BECAUSE_NOTHING;
        return 0; /* its own end comes first */
    }
    /* what has stopped already keeps the time at which it did */
    bool stopped =
        token->policy_expires_at != 0 && token->policy_expires_at <= how->now;
    return stopped && end != 0 && end <= how->now ? token->policy_expires_at
                                                  : end;
}

enum pn_err
pn_measure_again(struct pn_task *task, const struct pn_user *owner,
                 struct pn_token *token)
{
    if (token->policy_expires_at == 0) {
        return PN_OK;
    }
    struct pn_owner_facts owner_facts = {
        .id = owner->id, .active = owner->active, .role = owner->role};
    const struct pn_token_facts facts = {
        .id = token->id,
        .owner = &owner_facts,
        .made_at = token->secrets[0].created_at,
        .expires_at = token->expires_at,
        .policy_expires_at = token->policy_expires_at,
        .access = token->access,
        .ip = token->ip,
        .paths = token->paths,
    };
    const struct pn_enforcement how = {.now = task->now};
    struct pn_measure measure;
    enum pn_because because;
    enum pn_err err = pn_ids_of_user(owner, task->arena, &owner_facts.groups);
    if (err == PN_OK) {
        err = pn_measure_of(task->store, &task->policy, task->arena, &measure);
    }
    if (err == PN_OK) {
        token->policy_expires_at =
            pn_measure_end(&measure, &facts, &how, &because);
    }
    return err;
}

/* --- rules of use -------------------------------------------------------- */

static bool
works(struct pn_measure *m, const struct pn_token_facts *token)
{
    ask_about(m, token->owner);
    return !token->disabled && token->owner->active && m->permitted;
}

static bool
address_refused(const struct pn_measure *m, const struct pn_ip *address)
{
    const struct pn_ip_policy *ip = &m->policy->ip;
    return ip->present && ip->report != PN_IP_REPORT
           && !pn_iprules_allow(&m->ip, address);
}

/* Judged by the address it was used from last; nothing is known of a token that
 * was never used. */
static bool
address_lost(const struct pn_measure *before, const struct pn_measure *after,
             const struct pn_token_facts *token)
{
    struct pn_ip address;
    return token->last_address[0] != '\0'
           && pn_ip_parse(pn_str_from(token->last_address), &address) == PN_OK
           && address_refused(after, &address)
           && !address_refused(before, &address);
}

/* Will the job mark it, and would not without the change? */
static bool
is_marked(const struct pn_measure *before, const struct pn_measure *after,
          const struct pn_token_facts *token, int64_t now)
{
    const struct pn_idle_times times = {.created_at = token->created_at,
                                        .idle_from = token->idle_from,
                                        .not_before = token->not_before,
                                        .last_used_at = token->last_used_at};
    return !token->disabled && token->disable_at == 0
           && pn_is_unused(&times, &after->unused, now)
           && !pn_is_unused(&times, &before->unused, now);
}

void
pn_effect_of(struct pn_measure *before, struct pn_measure *after,
             const struct pn_token_facts *token,
             const struct pn_enforcement *how, struct pn_effect *out)
{
    int64_t old_end =
        pn_earlier_end(token->expires_at, token->policy_expires_at);
    struct pn_effect effect = {.kind = PN_UNAFFECTED};
    int64_t end = pn_measure_end(after, token, how, &effect.because);
    int64_t new_end = pn_earlier_end(token->expires_at, end);
    bool worked = works(before, token);
    if (worked && !works(after, token)) {
        effect = (struct pn_effect){.kind = PN_STOPPED,
                                    .because = PN_BECAUSE_NOT_PERMITTED};
    } else if (worked && address_lost(before, after, token)) {
        effect = (struct pn_effect){.kind = PN_STOPPED,
                                    .because = PN_BECAUSE_ADDRESS};
    } else if (new_end != 0 && (old_end == 0 || new_end < old_end)) {
        effect.kind = worked && new_end <= how->now ? PN_STOPPED : PN_SHORTENED;
        effect.new_expires_at = new_end;
    } else if (is_marked(before, after, token, how->now)) {
        effect = (struct pn_effect){
            .kind = PN_MARKED,
            .disable_at =
                how->now + (int64_t) after->unused.notice_days * PN_DAY_S,
            .because = PN_BECAUSE_UNUSED};
    } else {
        effect.because = PN_BECAUSE_NOTHING;
    }
    *out = effect;
}

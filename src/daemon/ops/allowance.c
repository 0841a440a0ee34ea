/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the policy lets a person make, and the state that a token derives from
 * policy, owner and time.
 */
#include <string.h>

#include "daemon/ops/inside.h"

/* A group that this person is not in: ids are below 2^63. */
#define NOT_A_MEMBER UINT64_MAX

static uint64_t
group_id_of(const struct pn_user *user, const char *name)
{
    for (uint16_t i = 0; i < user->group_count; i++) {
        if (strcmp(user->groups[i].name, name) == 0) {
            return user->groups[i].id;
        }
    }
    return NOT_A_MEMBER;
}

/* Little-endian, as the index has them. */
static bool
ids_of(const struct pn_user *user, struct pn_arena *arena, struct pn_ids *out)
{
    uint8_t *bytes = pn_arena_array(arena, (size_t) user->group_count + 1, 8);
    if (bytes == NULL) {
        return false;
    }
    for (size_t i = 0; i < user->group_count; i++) {
        for (size_t b = 0; b < 8; b++) {
            bytes[8 * i + b] = (uint8_t) (user->groups[i].id >> (8 * b));
        }
    }
    *out = (struct pn_ids){.bytes = bytes, .count = user->group_count};
    return true;
}

enum pn_err
pn_allowance_for(const struct pn_policy *policy, const struct pn_user *user,
                 struct pn_arena *arena, struct pn_allowance *out)
{
    uint16_t count = policy->creation.grant_count;
    struct pn_grant *grants =
        pn_arena_array(arena, (size_t) count + 1, sizeof(*grants));
    struct pn_ids groups;
    if (grants == NULL || !ids_of(user, arena, &groups)) {
        return PN_E_NOMEM;
    }
    for (uint16_t i = 0; i < count; i++) {
        const struct pn_grant_doc *doc = &policy->creation.grants[i];
        grants[i].group_id =
            doc->group != NULL ? group_id_of(user, doc->group) : 0;
        grants[i].max_days = doc->max_days;
    }
    const struct pn_creation creation = {
        .enabled = policy->creation.enabled,
        .grants = grants,
        .grant_count = count,
        .admin_max_days = policy->creation.admin_max_days,
        .default_days = policy->creation.default_days,
    };
    pn_allowance_of(&creation, pn_role_of(user, policy) == PN_ROLE_ADMIN,
                    groups, out);
    return PN_OK;
}

static int64_t
effective_end(const struct pn_token *token)
{
    int64_t end = token->expires_at;
    if (token->policy_expires_at != 0
        && (end == 0 || token->policy_expires_at < end))
    {
        end = token->policy_expires_at;
    }
    return end;
}

enum pn_err
pn_token_derive(struct pn_token *token, const struct pn_user *owner,
                const struct pn_policy *policy, int64_t now,
                struct pn_arena *arena)
{
    int64_t end = effective_end(token);
    token->suspended_because = NULL;
    if (token->revoked_at != 0) {
        token->state = PN_STATE_REVOKED;
        return PN_OK;
    }
    if (end != 0 && end <= now) {
        token->state = PN_STATE_EXPIRED;
        return PN_OK;
    }
    if (token->disabled) {
        token->state = PN_STATE_DISABLED;
        return PN_OK;
    }
    struct pn_allowance allowance = {0};
    if (owner != NULL) {
        enum pn_err err = pn_allowance_for(policy, owner, arena, &allowance);
        if (err != PN_OK) {
            return err;
        }
    }
    token->state = PN_STATE_SUSPENDED;
    if (owner == NULL || !owner->active) {
        token->suspended_because = "owner_inactive";
    } else if (!allowance.may_create
               && policy->creation.on_loss != PN_ON_LOSS_KEEP) {
        token->suspended_because = "owner_not_permitted";
    } else if (token->not_before > now) {
        token->state = PN_STATE_NOT_YET_VALID;
    } else {
        token->state = PN_STATE_ACTIVE;
    }
    return PN_OK;
}

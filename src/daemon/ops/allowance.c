/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the policy lets a person make.
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
enum pn_err
pn_ids_of_user(const struct pn_user *user, struct pn_arena *arena,
               struct pn_ids *out)
{
    uint8_t *bytes = pn_arena_array(arena, (size_t) user->group_count + 1, 8);
    if (bytes == NULL) {
        return PN_E_NOMEM;
    }
    for (size_t i = 0; i < user->group_count; i++) {
        for (size_t b = 0; b < 8; b++) {
            bytes[8 * i + b] = (uint8_t) (user->groups[i].id >> (8 * b));
        }
    }
    *out = (struct pn_ids){.bytes = bytes, .count = user->group_count};
    return PN_OK;
}

enum pn_err
pn_allowance_for(const struct pn_policy *policy, const struct pn_user *user,
                 struct pn_arena *arena, struct pn_allowance *out)
{
    uint16_t count = policy->creation.grant_count;
    struct pn_grant *grants =
        pn_arena_array(arena, (size_t) count + 1, sizeof(*grants));
    struct pn_ids groups;
    if (grants == NULL || pn_ids_of_user(user, arena, &groups) != PN_OK) {
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

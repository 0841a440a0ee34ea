/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes: what a token may do on Postern's own API.
 *
 * A token carries no more than its owner's role, judged when it is made and at
 * each use; and a token that makes or changes tokens makes none that may do
 * more, or lives longer, than itself.  Otherwise a token that leaked with
 * narrow rules could make itself one without.
 */
#include <string.h>

#include "base/str.h"
#include "daemon/ops/token_rules.h"

static const struct {
    const char *name;
    uint32_t bit;
    enum pn_role from; /* the least role that can carry it */
} scopes[] = {
    {"own_tokens:write", PN_SCOPE_OWN_TOKENS_WRITE, PN_ROLE_USER},
    {"tokens:read", PN_SCOPE_TOKENS_READ, PN_ROLE_USER},
    {"tokens:revoke", PN_SCOPE_TOKENS_REVOKE, PN_ROLE_USER},
    {"users:read", PN_SCOPE_USERS_READ, PN_ROLE_AUDITOR},
    {"users:write", PN_SCOPE_USERS_WRITE, PN_ROLE_ADMIN},
    {"policy:read", PN_SCOPE_POLICY_READ, PN_ROLE_AUDITOR},
    {"policy:write", PN_SCOPE_POLICY_WRITE, PN_ROLE_ADMIN},
    {"audit:read", PN_SCOPE_AUDIT_READ, PN_ROLE_AUDITOR},
    {"introspect", PN_SCOPE_INTROSPECT, PN_ROLE_AUDITOR},
    {"leaks", PN_SCOPE_LEAKS, PN_ROLE_ADMIN},
    {"scim", PN_SCOPE_SCIM, PN_ROLE_ADMIN},
};

enum pn_err
pn_scopes_bits(char *const *names, uint16_t count, uint32_t *out, uint16_t *bad)
{
    uint32_t bits = 0;
    for (uint16_t i = 0; i < count; i++) {
        size_t s = 0;
        while (s < PN_LEN(scopes) && strcmp(scopes[s].name, names[i]) != 0) {
            s++;
        }
        if (s == PN_LEN(scopes)) {
            *bad = i;
            return PN_E_NOT_FOUND;
        }
        bits |= scopes[s].bit;
    }
    *out = bits;
    return PN_OK;
}

uint32_t
pn_scopes_of_role(enum pn_role role)
{
    uint32_t bits = 0;
    for (size_t s = 0; s < PN_LEN(scopes); s++) {
        bits |= role >= scopes[s].from ? scopes[s].bit : 0;
    }
    return bits;
}

/* --- no more than itself ------------------------------------------------- */

static bool
ends_later(int64_t end, int64_t than)
{
    return than != 0 && (end == 0 || end > than);
}

bool
pn_token_within_caller(struct pn_task *task, struct pn_token *token,
                       enum pn_lifetime_said said)
{
    struct pn_token own;
    if (task->caller->kind != PN_CALLER_TOKEN) {
        return true;
    }
    enum pn_err err = pn_store_token_by_id(task->store, task->caller->token_id,
                                           task->arena, &own);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    if (own.policy_expires_at != 0
        && ends_later(own.expires_at, own.policy_expires_at))
    {
        own.expires_at = own.policy_expires_at;
    }
    if (said == PN_LIFETIME_UNSAID
        && ends_later(token->expires_at, own.expires_at)) {
        token->expires_at = own.expires_at;
    }
    return pn_token_widens(&own, token)
               ? pn_task_refuse(task, 403, "beyond_itself",
                                "a token makes or changes none that may do "
                                "more, or lives longer, than itself")
               : true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The words that stand for enumerations in documents; index = value. */
#include "base/str.h"
#include "daemon/model/parts.h"

const char *const pn_words_foreign[] = {"forward", "report", "block", NULL};
const char *const pn_words_challenge[] = {"auto", "always", "never", NULL};
const char *const pn_words_cookies[] = {"strip", "keep", NULL};
const char *const pn_words_user_value[] = {"username", "email", NULL};
const char *const pn_words_on_loss[] = {"suspend", "keep", NULL};
const char *const pn_words_ip_report[] = {"enforce", "report", NULL};
const char *const pn_words_ipmode[] = {"deny", "allow", NULL};
const char *const pn_words_access[] = {"read-only", "read-write", NULL};
const char *const pn_words_enforce[] = {"new", "after", "now", NULL};
const char *const pn_words_role[] = {"user", "auditor", "admin", NULL};
const char *const pn_words_kind[] = {"person", "service", NULL};
const char *const pn_words_state[] = {
    "revoked",       "expired", "disabled", "suspended",
    "not_yet_valid", "active",  NULL,
};
const char *const pn_words_scope[] = {
    "own_tokens:write", "tokens:read", "tokens:revoke", "users:read",
    "users:write",      "policy:read", "policy:write",  "audit:read",
    "introspect",       "leaks",       "scim",          NULL,
};

const char *
pn_role_text(enum pn_role role)
{
    return pn_words_role[role];
}

const char *
pn_token_state_text(enum pn_token_state state)
{
    return pn_words_state[state];
}

const char *
pn_enforce_text(enum pn_enforce enforce)
{
    return pn_words_enforce[enforce];
}

enum pn_err
pn_enforce_parse(struct pn_str text, enum pn_enforce *out)
{
    for (unsigned i = 0; pn_words_enforce[i] != NULL; i++) {
        if (pn_str_eq(text, pn_str_from(pn_words_enforce[i]))) {
            *out = (enum pn_enforce) i;
            return PN_OK;
        }
    }
    return PN_E_NOT_FOUND;
}

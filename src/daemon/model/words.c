/* SPDX-License-Identifier: Apache-2.0 */
/* The words that stand for enumerations in documents; index = value. */
#include "daemon/model/parts.h"

const char *const pn_words_foreign[] = {"forward", "report", "block", NULL};
const char *const pn_words_challenge[] = {"auto", "always", "never", NULL};
const char *const pn_words_cookies[] = {"strip", "keep", NULL};
const char *const pn_words_user_value[] = {"username", "email", NULL};
const char *const pn_words_on_loss[] = {"suspend", "keep", NULL};
const char *const pn_words_ip_report[] = {"enforce", "report", NULL};
const char *const pn_words_ipmode[] = {"deny", "allow", NULL};
const char *const pn_words_access[] = {"read-only", "read-write", NULL};
const char *const pn_words_role[] = {"user", "auditor", "admin", NULL};
const char *const pn_words_kind[] = {"person", "service", NULL};
const char *const pn_words_state[] = {
    "revoked",       "expired", "disabled", "suspended",
    "not_yet_valid", "active",  NULL,
};
const char *const pn_words_scope[] = {
    "own_tokens:write", "tokens:read", "tokens:revoke",
    "users:read",       "users:write", "policy:read",
    "policy:write",     "audit:read",  NULL,
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

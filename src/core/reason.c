/* SPDX-License-Identifier: Apache-2.0 */
/* The machine-readable code of each reason (docs/reference/decisions.md). */
#include "core/decision.h"

const char *
pn_reason_code(enum pn_reason reason)
{
    static const char *const codes[] = {
        [PN_REASON_UNDECIDED] = "not_ready",
        [PN_REASON_OK] = "ok",
        [PN_REASON_NONE] = "none",
        [PN_REASON_NOT_READY] = "not_ready",
        [PN_REASON_CREDENTIALS_MISSING] = "credentials_missing",
        [PN_REASON_CREDENTIALS_MALFORMED] = "credentials_malformed",
        [PN_REASON_TOKEN_MISPLACED] = "token_misplaced",
        [PN_REASON_PASSWORD_NOT_ALLOWED] = "password_not_allowed",
        [PN_REASON_CREDENTIAL_NOT_ALLOWED] = "credential_not_allowed",
        [PN_REASON_TOKEN_MALFORMED] = "token_malformed",
        [PN_REASON_TOKEN_UNKNOWN] = "token_unknown",
        [PN_REASON_TOO_MANY_FAILURES] = "too_many_failures",
        [PN_REASON_USERNAME_MISMATCH] = "username_mismatch",
        [PN_REASON_TOKEN_REVOKED] = "token_revoked",
        [PN_REASON_TOKEN_DISABLED] = "token_disabled",
        [PN_REASON_TOKEN_EXPIRED] = "token_expired",
        [PN_REASON_TOKEN_NOT_YET_VALID] = "token_not_yet_valid",
        [PN_REASON_TOKEN_SUPERSEDED] = "token_superseded",
        [PN_REASON_OWNER_INACTIVE] = "owner_inactive",
        [PN_REASON_OWNER_NOT_PERMITTED] = "owner_not_permitted",
        [PN_REASON_TLS_REQUIRED] = "tls_required",
        [PN_REASON_IP_NOT_ALLOWED] = "ip_not_allowed",
        [PN_REASON_APP_NOT_ALLOWED] = "app_not_allowed",
        [PN_REASON_PATH_NOT_ALLOWED] = "path_not_allowed",
        [PN_REASON_PATH_AMBIGUOUS] = "path_ambiguous",
        [PN_REASON_READ_ONLY_TOKEN] = "read_only_token",
        [PN_REASON_RATE_LIMITED] = "rate_limited",
    };
    _Static_assert(PN_LEN(codes) == PN_REASON_COUNT, "a code for each reason");

    return (unsigned) reason < PN_LEN(codes) ? codes[reason] : codes[0];
}

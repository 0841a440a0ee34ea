/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts for a refused caller.  They name the remedy, and nothing that the
 * caller did not know: rows before the look-up say nothing about tokens.
 */
#include "core/refusal.h"

#include "base/datetime.h"
#include "base/str.h"

static const char *const details[] = {
    [PN_REASON_UNDECIDED] = "The gate could not decide. Try again shortly; if "
                            "it lasts, tell your administrator.",
    [PN_REASON_OK] = "The request is allowed.",
    [PN_REASON_NONE] = "The request is passed on without a token.",
    [PN_REASON_NOT_READY] =
        "The gate cannot check tokens at the moment. Try again shortly; if it "
        "lasts, tell your administrator.",
    [PN_REASON_CREDENTIALS_MISSING] =
        "Send an API token: as the password of HTTP Basic authentication "
        "together with your user name, or as a Bearer token.",
    [PN_REASON_CREDENTIALS_MALFORMED] =
        "The Authorization header cannot be read. Basic wants the base64 form "
        "of \"user:token\" without a line end, Bearer the token alone.",
    [PN_REASON_TOKEN_MISPLACED] =
        "The token was sent as the user name. Send your user name there and "
        "the token as the password.",
    [PN_REASON_PASSWORD_NOT_ALLOWED] =
        "Passwords are not accepted here. Make an API token and send it in "
        "place of the password.",
    [PN_REASON_CREDENTIAL_NOT_ALLOWED] =
        "This Bearer credential is not accepted here. Make an API token and "
        "send it instead.",
    [PN_REASON_TOKEN_MALFORMED] =
        "The token is incomplete or mistyped. Copy it again, whole.",
    [PN_REASON_TOKEN_UNKNOWN] =
        "No such token. Check that it belongs to this installation, or make a "
        "new one.",
    [PN_REASON_TOO_MANY_FAILURES] =
        "Too many failed attempts from your address. Check the token and the "
        "user name, wait, and try again.",
    [PN_REASON_USERNAME_MISMATCH] =
        "The user name is not that of the token's owner. Send the owner's user "
        "name or e-mail address.",
    [PN_REASON_TOKEN_REVOKED] = "The token was revoked. Make a new one.",
    [PN_REASON_TOKEN_DISABLED] =
        "The token is paused. Its owner or an administrator can enable it "
        "again.",
    [PN_REASON_TOKEN_EXPIRED] =
        "The token has expired. Make a new one, or rotate it.",
    [PN_REASON_TOKEN_NOT_YET_VALID] =
        "The token is not valid yet. Wait until its start, or change that.",
    [PN_REASON_TOKEN_SUPERSEDED] =
        "The token was rotated and this is its former secret. Use the new one.",
    [PN_REASON_OWNER_INACTIVE] =
        "The account of the token's owner is not active. Ask an "
        "administrator.",
    [PN_REASON_OWNER_NOT_PERMITTED] =
        "The token's owner is in no group that may use tokens. It works again "
        "once an administrator adds the owner to one.",
    [PN_REASON_TLS_REQUIRED] =
        "Tokens are accepted over HTTPS only. Use https:// and, since this "
        "token was sent in the clear, rotate it.",
    [PN_REASON_IP_NOT_ALLOWED] =
        "Tokens are not accepted from your address. Ask an administrator, or "
        "change the token's own IP rules.",
    [PN_REASON_APP_NOT_ALLOWED] =
        "The token may not be used for this application. Choose another token, "
        "or ask an administrator.",
    [PN_REASON_PATH_NOT_ALLOWED] =
        "The token may not be used for this path. Ask an administrator to add "
        "it, or change the token's own paths.",
    [PN_REASON_PATH_AMBIGUOUS] =
        "The path can be read in more than one way. Send it in its plain form.",
    [PN_REASON_READ_ONLY_TOKEN] =
        "The token may only read. Use a token with write access.",
    [PN_REASON_RATE_LIMITED] =
        "The token's rate limit is reached. Wait, and try again.",
};
_Static_assert(PN_LEN(details) == PN_REASON_COUNT, "a sentence each");

const char *
pn_status_title(unsigned status)
{
    switch (status) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 429:
        return "Too Many Requests";
    case 503:
        return "Service Unavailable";
    default:
        return "Error";
    }
}

static bool
is_challenge_status(const struct pn_decision *decision)
{
    return decision->verdict == PN_DENY && decision->status == 401;
}

static enum pn_reason
reason_of(const struct pn_decision *decision)
{
    return (unsigned) decision->reason < PN_REASON_COUNT ? decision->reason
                                                         : PN_REASON_UNDECIDED;
}

/* What only this request's refusal can say, as a sentence of its own. */
static void
add_particulars(const struct pn_refusal *refusal, struct pn_buf *out)
{
    const struct pn_decision *decision = refusal->decision;

    if (decision->reason == PN_REASON_IP_NOT_ALLOWED) {
        if (refusal->has_address) {
            pn_buf_add_cstr(out, " The address seen was ");
            pn_ip_format(&refusal->address, out);
            pn_buf_add_cstr(out, ".");
        } else {
            pn_buf_add_cstr(out, " Your address could not be determined.");
        }
    } else if (decision->reason == PN_REASON_PATH_AMBIGUOUS) {
        pn_buf_add_cstr(out, " It holds ");
        pn_buf_add_cstr(out, pn_ambiguity_text(decision->ambiguity));
        pn_buf_add_cstr(out, ".");
    } else if (decision->status == 429) {
        pn_buf_addf(out, " Retry after %u s.",
                    (unsigned) decision->retry_after_s);
    }
}

void
pn_refusal_body(const struct pn_refusal *refusal, struct pn_buf *out)
{
    const struct pn_decision *decision = refusal->decision;
    enum pn_reason reason = reason_of(decision);
    unsigned status = decision->status != 0 ? decision->status : 503;
    char text[512], instant[PN_DATETIME_LEN + 1];
    struct pn_buf detail = PN_BUF(text);

    pn_buf_add_cstr(&detail, details[reason]);
    add_particulars(refusal, &detail);
    pn_buf_addf(out,
                "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,"
                "\"detail\":",
                pn_status_title(status), status);
    pn_buf_add_json(out, pn_buf_str(&detail));
    pn_buf_addf(out, ",\"code\":\"%s\"", pn_reason_code(reason));
    if (reason == PN_REASON_TOKEN_EXPIRED
        && pn_datetime_format(decision->expires_at, instant) == PN_OK)
    {
        pn_buf_addf(out, ",\"expires_at\":\"%s\"", instant);
    }
    if (refusal->request_id.len > 0) {
        pn_buf_add_cstr(out, ",\"request_id\":");
        pn_buf_add_json(out, refusal->request_id);
    }
    pn_buf_add_cstr(out, "}\n");
}

/* A quoted-string (RFC 9110 5.6.4) of printable ASCII; what lies outside it
 * becomes "?". */
static void
add_realm(struct pn_str app, struct pn_buf *out)
{
    if (app.len == 0) {
        app = PN_STR("Postern");
    }
    pn_buf_add_cstr(out, "realm=\"");
    for (size_t i = 0; i < app.len; i++) {
        char c = app.ptr[i];

        if (c < 0x20 || c > 0x7e) {
            c = '?';
        } else if (c == '"' || c == '\\') {
            pn_buf_add_char(out, '\\');
        }
        pn_buf_add_char(out, c);
    }
    pn_buf_add_char(out, '"');
}

bool
pn_refusal_basic(const struct pn_refusal *refusal, struct pn_buf *out)
{
    if (!is_challenge_status(refusal->decision)
        || refusal->challenge == PN_CHALLENGE_NEVER
        || (refusal->challenge == PN_CHALLENGE_AUTO
            && refusal->client == PN_CLIENT_IN_PAGE))
    {
        return false;
    }
    pn_buf_add_cstr(out, "Basic ");
    add_realm(refusal->app, out);
    pn_buf_add_cstr(out, ", charset=\"UTF-8\"");
    return true;
}

bool
pn_refusal_bearer(const struct pn_refusal *refusal, struct pn_buf *out)
{
    enum pn_reason reason = reason_of(refusal->decision);

    if (!is_challenge_status(refusal->decision)) {
        return false;
    }
    pn_buf_add_cstr(out, "Bearer ");
    add_realm(refusal->app, out);
    /* RFC 6750 3.1: no error where no credential was sent. */
    if (reason != PN_REASON_CREDENTIALS_MISSING) {
        pn_buf_addf(out, ", error=\"invalid_token\", error_description=\"%s\"",
                    pn_reason_code(reason));
    }
    return true;
}

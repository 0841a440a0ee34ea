/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Introspection (RFC 7662) and revocation (RFC 7009) as OAuth clients speak
 * them: a form in the body, with the token's value.
 */
#include <string.h>

#include "base/secret.h"
#include "base/str.h"
#include "core/id.h"
#include "daemon/api/call.h"

static int
hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char lower = c >= 'A' && c <= 'F' ? (char) (c - 'A' + 'a') : c;
    const char *at = lower != '\0' ? strchr(digits, lower) : NULL;

    return at != NULL ? (int) (at - digits) : -1;
}

/* "a%5Fb+c" -> "a_b c"; false for what is no such text, or too long. */
static bool
decode(struct pn_str from, struct pn_secret *out)
{
    for (size_t i = 0; i < from.len; i++) {
        char c = from.ptr[i] == '+' ? ' ' : from.ptr[i];

        if (c == '%') {
            int high = i + 2 < from.len ? hex_digit(from.ptr[i + 1]) : -1;
            int low = i + 2 < from.len ? hex_digit(from.ptr[i + 2]) : -1;

            if (high < 0 || low < 0) {
                return false;
            }
            c = (char) (high * 16 + low);
            i += 2;
        }
        if (c == '\0' || out->len == PN_SECRET_MAX) {
            return false;
        }
        out->bytes[out->len++] = c;
    }
    return out->len > 0;
}

static bool
refuse_form(struct pn_call *call, const char *detail)
{
    return pn_call_refuse(call, 400, "invalid_request", detail);
}

/* The parameter "token"; "token_type_hint" is known and of no use, others are
 * ignored, as the RFCs want. */
static bool
take_token(struct pn_call *call, struct pn_secret *out)
{
    struct pn_str rest = call->req->body, field, name, value;
    bool found = false;

    while (rest.len > 0) {
        if (!pn_str_cut(rest, '&', &field, &rest)) {
            field = rest;
            rest = PN_STR("");
        }
        if (!pn_str_cut(field, '=', &name, &value)
            || !pn_str_eq(name, PN_STR("token"))) {
            continue;
        }
        if (found) {
            return refuse_form(call, "\"token\" stands there twice.");
        }
        if (!decode(value, out)) {
            return refuse_form(call, "\"token\" is not a form's value.");
        }
        found = true;
    }
    return found || refuse_form(call, "The form needs \"token\".");
}

static int
add(json_t *doc, const char *name, json_t *value)
{
    return json_object_set_new(doc, name, value);
}

/* {"active": false}, or what RFC 7662 has names for. */
static json_t *
introspection_json(const struct pn_introspection *seen, struct pn_arena *arena)
{
    const struct pn_token *token = &seen->token;
    json_t *doc =
        pn_json_defer(arena, json_pack("{s:b}", "active", (int) seen->active));
    char id[PN_ID_TEXT_LEN + 1];
    const char *scope = "";
    int failed = 0;

    if (doc == NULL || !seen->active) {
        return doc;
    }
    pn_id_format(PN_ID_TOKEN, token->id, id);
    for (uint16_t i = 0; scope != NULL && i < token->scope_count; i++) {
        scope = pn_arena_printf(arena, "%s%s%s", scope, i > 0 ? " " : "",
                                token->scopes[i]);
    }
    failed |= add(doc, "scope", json_string(scope));
    failed |= add(doc, "username", json_string(token->owner));
    failed |= add(doc, "sub", json_string(token->owner));
    failed |= add(doc, "token_type", json_string("Bearer"));
    failed |= add(doc, "iat", json_integer(seen->made_at));
    failed |= add(doc, "jti", json_string(id));
    if (seen->ends_at != 0) {
        failed |= add(doc, "exp", json_integer(seen->ends_at));
    }
    if (token->not_before != 0) {
        failed |= add(doc, "nbf", json_integer(token->not_before));
    }
    return failed == 0 ? doc : NULL;
}

void
pn_api_introspect_post(void *context, const struct pn_http_request *req,
                       struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.body = PN_BODY_FORM};
    struct pn_introspection seen = {0};
    struct pn_secret token = {0};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &rule)
        && take_token(&call, &token)) {
        if (pn_ops_introspect(call.api->ops, &call.caller, &token, call.arena,
                              &seen, &call.fault))
        {
            pn_call_answer(&call, 200, introspection_json(&seen, call.arena));
        } else {
            (void) pn_call_fail(&call);
        }
    }
    pn_secret_done(&token);
}

/* Whoever has the value may end it; it is 200 whatever was sent. */
void
pn_api_revoke_post(void *context, const struct pn_http_request *req,
                   struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.who = PN_ANYONE,
                                             .body = PN_BODY_FORM};
    struct pn_secret token = {0};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &rule)
        && take_token(&call, &token)) {
        if (pn_ops_revoke_value(call.api->ops, &call.caller, &token, call.arena,
                                &call.fault))
        {
            pn_call_answer(&call, 200,
                           pn_json_defer(call.arena, json_object()));
        } else {
            (void) pn_call_fail(&call);
        }
    }
    pn_secret_done(&token);
}

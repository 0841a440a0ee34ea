/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to one token: ending, pausing, rotating. */
#include "base/secret.h"
#include "daemon/api/call.h"

static const struct pn_call_rule plain = {.who = PN_SIGNED_IN};

/* --- ending and pausing -------------------------------------------------- */

void
pn_api_token_revoke(void *context, const struct pn_http_request *req,
                    struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.body = PN_BODY_OPTIONAL};
    struct pn_change change = {.act = PN_ACT_TOKEN_REVOKE};
    char *reason = NULL;
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !pn_call_token_id(&call, &change.id)
        || !pn_call_reason(&call, &reason))
    {
        return;
    }
    change.reason = reason;
    if (pn_call_change(&call, &change)) {
        pn_call_answer(&call, 200, pn_token_to_json(change.token, call.arena));
    }
}

static void
pause_or_resume(void *context, const struct pn_http_request *req,
                struct pn_http_response *res, enum pn_act act)
{
    static const struct pn_call_rule rule = {.body = PN_BODY_OPTIONAL};
    struct pn_change change = {.act = act};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !pn_call_token_id(&call, &change.id))
    {
        return;
    }
    if (call.body != NULL && json_object_size(call.body) > 0) {
        pn_fault_field_add(&call.fault, call.arena, "", "unknown_field",
                           "This call takes no fields.");
        (void) pn_call_fail(&call);
        return;
    }
    if (pn_call_change(&call, &change)) {
        pn_call_answer(&call, 200, pn_token_to_json(change.token, call.arena));
    }
}

void
pn_api_token_disable(void *context, const struct pn_http_request *req,
                     struct pn_http_response *res)
{
    pause_or_resume(context, req, res, PN_ACT_TOKEN_DISABLE);
}

void
pn_api_token_enable(void *context, const struct pn_http_request *req,
                    struct pn_http_response *res)
{
    pause_or_resume(context, req, res, PN_ACT_TOKEN_ENABLE);
}

/* --- rotating ------------------------------------------------------------ */

void
pn_api_token_rotate(void *context, const struct pn_http_request *req,
                    struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.body = PN_BODY_OPTIONAL};
    struct pn_rotation_wish wish = {0};
    struct pn_secret secret = {0};
    struct pn_change change = {
        .act = PN_ACT_TOKEN_ROTATE, .in.rotation = &wish, .secret = &secret};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !pn_call_token_id(&call, &change.id))
    {
        return;
    }
    if (call.body != NULL
        && pn_rotation_from_json(call.body, call.arena, &wish, &call.fault)
               != PN_OK)
    {
        (void) pn_call_fail(&call);
        return;
    }
    if (pn_call_change(&call, &change)) {
        pn_call_answer_secret(&call, pn_token_to_json(change.token, call.arena),
                              "token", &secret);
        if (res->status == 201) {
            res->status = 200; /* the token was there before */
        }
    }
    pn_secret_done(&secret);
}

void
pn_api_token_overlap_delete(void *context, const struct pn_http_request *req,
                            struct pn_http_response *res)
{
    struct pn_change change = {.act = PN_ACT_TOKEN_OVERLAP_END};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &plain)
        && pn_call_token_id(&call, &change.id)
        && pn_call_change(&call, &change))
    {
        pn_call_no_content(&call);
    }
}

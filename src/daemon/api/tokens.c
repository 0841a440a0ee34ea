/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens. */
#include <string.h>

#include "base/secret.h"
#include "base/str.h"
#include "core/id.h"
#include "daemon/api/token_filter.h"

static const struct pn_call_rule plain = {.who = PN_SIGNED_IN};

/* --- lists --------------------------------------------------------------- */

static json_t *
token_json(const void *token, struct pn_arena *arena)
{
    return pn_token_to_json(token, arena);
}

void
pn_api_tokens_get(void *context, const struct pn_http_request *req,
                  struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.query = pn_token_filter_query};
    struct pn_token_query query;
    struct pn_token_list tokens;
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !pn_token_filter_from_query(&call, &query))
    {
        return;
    }
    if (!pn_ops_tokens(call.api->ops, &call.caller, &query, call.arena, &tokens,
                       &call.fault))
    {
        (void) pn_call_fail(&call);
        return;
    }
    pn_call_answer_list(&call, &(struct pn_call_items){
                                   .item = tokens.item,
                                   .size = sizeof(*tokens.item),
                                   .count = tokens.count,
                                   .next = tokens.next,
                                   .to_json = token_json,
                               });
}

/* --- what was pasted ----------------------------------------------------- */

/* The secret comes in the body, is wiped there, and stands nowhere else. */
void
pn_api_tokens_search(void *context, const struct pn_http_request *req,
                     struct pn_http_response *res)
{
    static const char *const names[] = {"token", NULL};
    static const struct pn_call_rule rule = {.body = PN_BODY_JSON};
    struct pn_secret pasted = {0};
    struct pn_token_found found;
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !pn_call_only(&call, names)
        || !pn_call_secret(&call, "token", &pasted))
    {
        return;
    }
    if (pn_ops_token_search(call.api->ops, &call.caller, &pasted, call.arena,
                            &found, &call.fault))
    {
        json_t *doc = pn_token_to_json(&found.token, call.arena);

        if (doc != NULL
            && json_object_set_new(doc, "pasted_secret",
                                   json_pack("{s:s, s:s}", "last_four",
                                             found.secret.last_four, "state",
                                             found.secret.ends_at == 0
                                                 ? "current"
                                             : found.works ? "overlap"
                                                           : "superseded"))
                   != 0)
        {
            doc = NULL;
        }
        pn_call_answer(&call, 200, doc);
    } else {
        (void) pn_call_fail(&call);
    }
    pn_secret_done(&pasted);
}

/* --- one ----------------------------------------------------------------- */

/* Whose token to make; NULL, which is the caller, when it is not said. */
static bool
take_owner(struct pn_call *call, const char **out)
{
    const json_t *given = json_object_get(call->body, "owner");

    *out = json_string_value(given);
    if (given == NULL || *out != NULL) {
        return true;
    }
    pn_fault_field_add(&call->fault, call->arena, "/owner", "invalid_type",
                       "The owner must be a user name in quotes.");
    return pn_call_fail(call);
}

/* What GET returned may be sent back, its owner too; but a token never gets
 * another one, and ignoring another name would look like it. */
static bool
owner_stays(struct pn_call *call, const char *owner)
{
    const json_t *given = json_object_get(call->body, "owner");
    const char *name = json_string_value(given);

    if (given == NULL || (name != NULL && strcmp(name, owner) == 0)) {
        return true;
    }
    pn_fault_field_add(&call->fault, call->arena, "/owner", "read_only",
                       "A token keeps its owner. Make a new one for the other "
                       "account.");
    return pn_call_fail(call);
}

void
pn_api_tokens_post(void *context, const struct pn_http_request *req,
                   struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.body = PN_BODY_JSON};
    struct pn_token_wish wish;
    struct pn_secret secret = {0};
    struct pn_change change = {
        .act = PN_ACT_TOKEN_CREATE, .in.token = &wish, .secret = &secret};
    char id[PN_ID_TEXT_LEN + 1];
    char *location;
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !take_owner(&call, &change.name))
    {
        return;
    }
    if (pn_token_wish_from_json(call.body, call.arena, &wish, &call.fault)
        != PN_OK) {
        (void) pn_call_fail(&call);
        return;
    }
    if (pn_call_change(&call, &change)) {
        pn_id_format(PN_ID_TOKEN, change.token->id, id);
        location = pn_arena_printf(call.arena, "/postern/api/v1/tokens/%s", id);
        pn_call_answer_secret(&call, pn_token_to_json(change.token, call.arena),
                              "token", &secret);
        if (location != NULL) {
            pn_http_add_header(res, "Location", location);
        }
    }
    pn_secret_done(&secret);
}

static void
answer_token(struct pn_call *call, uint64_t id)
{
    struct pn_token token;

    if (!pn_ops_token(call->api->ops, &call->caller, id, call->arena, &token,
                      &call->fault))
    {
        (void) pn_call_fail(call);
        return;
    }
    pn_call_answer(call, 200, pn_token_to_json(&token, call->arena));
}

void
pn_api_token_get(void *context, const struct pn_http_request *req,
                 struct pn_http_response *res)
{
    struct pn_call call;
    uint64_t id;

    if (pn_call_begin(&call, context, req, res, &plain)
        && pn_call_token_id(&call, &id))
    {
        answer_token(&call, id);
    }
}

void
pn_api_token_patch(void *context, const struct pn_http_request *req,
                   struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.body = PN_BODY_JSON};
    struct pn_token_wish wish;
    struct pn_change change = {.act = PN_ACT_TOKEN_EDIT, .in.token = &wish};
    struct pn_token token;
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !pn_call_token_id(&call, &change.id))
    {
        return;
    }
    /* a token that may change tokens need not read them */
    if (json_object_get(call.body, "owner") != NULL
        && ((!pn_ops_token(call.api->ops, &call.caller, change.id, call.arena,
                           &token, &call.fault)
             && !pn_call_fail(&call))
            || !owner_stays(&call, token.owner)))
    {
        return;
    }
    if (pn_token_wish_from_json(call.body, call.arena, &wish, &call.fault)
        != PN_OK) {
        (void) pn_call_fail(&call);
        return;
    }
    if (pn_call_change(&call, &change)) {
        pn_call_answer(&call, 200, pn_token_to_json(change.token, call.arena));
    }
}

void
pn_api_token_delete(void *context, const struct pn_http_request *req,
                    struct pn_http_response *res)
{
    struct pn_change change = {.act = PN_ACT_TOKEN_REVOKE};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &plain)
        && pn_call_token_id(&call, &change.id)
        && pn_call_change(&call, &change))
    {
        pn_call_no_content(&call);
    }
}

/* --- the token that asks ------------------------------------------------- */

static bool
is_token(struct pn_call *call)
{
    return call->caller.kind == PN_CALLER_TOKEN
           || pn_call_refuse(call, 403, "not_a_token",
                             "Only a token has itself: send one.");
}

void
pn_api_self_get(void *context, const struct pn_http_request *req,
                struct pn_http_response *res)
{
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &plain) && is_token(&call)) {
        answer_token(&call, call.caller.token_id);
    }
}

void
pn_api_self_delete(void *context, const struct pn_http_request *req,
                   struct pn_http_response *res)
{
    struct pn_change change = {.act = PN_ACT_TOKEN_REVOKE};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &plain) || !is_token(&call)) {
        return;
    }
    change.id = call.caller.token_id;
    if (pn_call_change(&call, &change)) {
        pn_call_no_content(&call);
    }
}

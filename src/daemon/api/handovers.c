/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that are prepared for somebody, who takes them. */
#include <stdio.h>
#include <time.h>

#include "base/secret.h"
#include "base/str.h"
#include "core/id.h"
#include "daemon/api/call.h"
#include "daemon/model/doc.h"

static const struct pn_call_rule plain = {.who = PN_SIGNED_IN};

static json_t *
handover_json(const void *handover, struct pn_arena *arena)
{
    return pn_handover_to_json(handover, (int64_t) time(NULL), arena);
}

void
pn_api_handovers_get(void *context, const struct pn_http_request *req,
                     struct pn_http_response *res)
{
    static const char *const query[] = {"cursor", "limit", "owner", NULL};
    static const struct pn_call_rule rule = {.query = query};
    struct pn_handover_query wanted = {.owner = NULL};
    struct pn_handover_list list;
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !pn_call_page(&call, &wanted.page))
    {
        return;
    }
    wanted.owner = pn_http_query(req, "owner");
    if (!pn_ops_handovers(call.api->ops, &call.caller, &wanted, call.arena,
                          &list, &call.fault))
    {
        (void) pn_call_fail(&call);
        return;
    }
    pn_call_answer_list(&call, &(struct pn_call_items){
                                   .item = list.item,
                                   .size = sizeof(*list.item),
                                   .count = list.count,
                                   .next = list.next,
                                   .to_json = handover_json,
                               });
}

/* The link is an address below that where people reach Postern. */
static void
answer_link(struct pn_call *call, const struct pn_change *change)
{
    static const char place[] = "/postern/handovers/";
    struct pn_secret link = {0};
    int len = snprintf(link.bytes, sizeof(link.bytes), "%s%s", place,
                       change->secret->bytes);

    link.len = (size_t) len;
    pn_call_answer_secret(
        call,
        pn_call_warned(handover_json(change->handover, call->arena), change),
        "link", &link);
    pn_secret_done(&link);
}

void
pn_api_handovers_post(void *context, const struct pn_http_request *req,
                      struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.body = PN_BODY_JSON};
    struct pn_handover_wish wish;
    struct pn_secret code = {0};
    struct pn_change change = {
        .act = PN_ACT_HANDOVER_CREATE, .in.handover = &wish, .secret = &code};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)) {
        return;
    }
    if (pn_handover_wish_from_json(call.body, call.arena, &wish, &call.fault)
        != PN_OK)
    {
        (void) pn_call_fail(&call);
    } else if (pn_call_change(&call, &change)) {
        answer_link(&call, &change);
    }
    pn_secret_done(&code);
}

/* The path's segment: an id, or the code of a link. */
static void
take_segment(const struct pn_call *call, uint64_t *id, const char **code)
{
    const char *text = call->req->segment[0];

    *code = NULL;
    if (pn_id_parse(PN_ID_HANDOVER, pn_str_from(text), id) != PN_OK) {
        *id = 0;
        *code = text;
    }
}

void
pn_api_handover_get(void *context, const struct pn_http_request *req,
                    struct pn_http_response *res)
{
    struct pn_handover handover;
    const char *code;
    struct pn_call call;
    uint64_t id;

    if (!pn_call_begin(&call, context, req, res, &plain)) {
        return;
    }
    take_segment(&call, &id, &code);
    if (code != NULL
            ? pn_ops_handover_by_code(call.api->ops, &call.caller, code,
                                      call.arena, &handover, &call.fault)
            : pn_ops_handover(call.api->ops, &call.caller, id, call.arena,
                              &handover, &call.fault))
    {
        pn_call_answer(&call, 200, handover_json(&handover, call.arena));
    } else {
        (void) pn_call_fail(&call);
    }
}

void
pn_api_handover_delete(void *context, const struct pn_http_request *req,
                       struct pn_http_response *res)
{
    struct pn_change change = {.act = PN_ACT_HANDOVER_WITHDRAW};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &plain)) {
        return;
    }
    take_segment(&call, &change.id, &change.code);
    if (pn_call_change(&call, &change)) {
        pn_call_no_content(&call);
    }
}

/* {"name": "another"}, or nothing. */
static bool
take_name(struct pn_call *call, const char **out)
{
    static const char *const names[] = {"name", NULL};
    static const struct pn_doc_text rule = {
        .what = "name", .min = 1, .max = PN_NAME_MAX};
    struct pn_doc_run run = {.arena = call->arena, .fault = &call->fault};
    struct pn_doc doc;
    char *name = NULL;

    if (call->body == NULL) {
        return true;
    }
    if (pn_doc_begin(&run, call->body, &doc)) {
        pn_doc_known(&doc, names, pn_no_names);
        pn_doc_text(&doc, "name", &rule, &name);
    }
    *out = name;
    return pn_doc_verdict(&run) == PN_OK || pn_call_fail(call);
}

void
pn_api_handover_take(void *context, const struct pn_http_request *req,
                     struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.body = PN_BODY_OPTIONAL};
    struct pn_secret secret = {0};
    struct pn_change change = {.act = PN_ACT_HANDOVER_TAKE,
                               .code = req->segment[0],
                               .secret = &secret};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !take_name(&call, &change.name))
    {
        return;
    }
    if (pn_call_change(&call, &change)) {
        pn_call_answer_secret(&call, pn_token_to_json(change.token, call.arena),
                              "token", &secret);
    }
    pn_secret_done(&secret);
}

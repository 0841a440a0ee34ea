/* SPDX-License-Identifier: Apache-2.0 */
/* The policy, guarded by its version; explain. */

#include "base/str.h"
#include "core/id.h"
#include "daemon/api/call.h"
#include "daemon/model/doc.h"

static const struct pn_call_rule with_body = {.body = PN_BODY_JSON};

/* --- policy -------------------------------------------------------------- */

static void
answer_policy(struct pn_call *call, const struct pn_policy *policy, json_t *doc)
{
    char *etag = pn_arena_printf(call->arena, "\"%llu\"",
                                 (unsigned long long) policy->version);

    if (etag == NULL) {
        (void) pn_call_no_memory(call);
        return;
    }
    pn_http_add_header(call->res, "ETag", etag);
    pn_call_answer(call, 200, doc);
}

void
pn_api_policy_get(void *context, const struct pn_http_request *req,
                  struct pn_http_response *res)
{
    static const struct pn_call_rule plain = {.who = PN_SIGNED_IN};
    struct pn_policy policy;
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &plain)) {
        return;
    }
    if (!pn_ops_policy(call.api->ops, &call.caller, call.arena, &policy,
                       &call.fault))
    {
        (void) pn_call_fail(&call);
        return;
    }
    answer_policy(&call, &policy, pn_policy_to_json(&policy, call.arena));
}

/* One strong tag of ours; anything else can match nothing (412). */
static uint64_t
version_of(struct pn_str tag)
{
    uint64_t version = 0;

    if (tag.len < 3 || tag.len > 21 || tag.ptr[0] != '"'
        || tag.ptr[tag.len - 1] != '"')
    {
        return 0;
    }
    for (size_t i = 1; i + 1 < tag.len; i++) {
        if (tag.ptr[i] < '0' || tag.ptr[i] > '9') {
            return 0;
        }
        version = version * 10 + (uint64_t) (tag.ptr[i] - '0');
    }
    return version;
}

static bool
take_version(struct pn_call *call, uint64_t *out)
{
    const char *tag = pn_http_header(call->req, "If-Match");

    if (tag == NULL) {
        return pn_call_refuse(call, 428, "if_match_required",
                              "Send If-Match with the ETag that GET returned.");
    }
    *out = version_of(pn_str_from(tag));
    return *out != 0
           || pn_call_refuse(call, 412, "version_mismatch",
                             "If-Match is not an ETag of this policy.");
}

void
pn_api_policy_put(void *context, const struct pn_http_request *req,
                  struct pn_http_response *res)
{
    struct pn_policy policy;
    struct pn_change change = {.act = PN_ACT_POLICY_PUT, .in.policy = &policy};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &with_body)
        || !take_version(&call, &change.if_version))
    {
        return;
    }
    if (pn_policy_from_json(call.body, call.arena, &policy, &call.fault)
        != PN_OK) {
        (void) pn_call_fail(&call);
        return;
    }
    if (pn_call_change(&call, &change)) {
        answer_policy(
            &call, change.policy,
            pn_call_warned(pn_policy_to_json(change.policy, call.arena),
                           &change));
    }
}

/* --- explain ------------------------------------------------------------- */

static void
need(const struct pn_doc *doc, const char *key, const char *value)
{
    if (value == NULL && !pn_doc_has(doc, key)) {
        pn_doc_bad(doc, key, "required", "The %s is missing.", key);
    }
}

static bool
read_question(struct pn_call *call, struct pn_question *out)
{
    static const char *const names[] = {"username", "token_id", "app",
                                        "method",   "url",      "address",
                                        "at",       "tls",      NULL};
    static const struct pn_doc_text text = {
        .what = "value", .min = 1, .max = PN_NAME_MAX};
    static const struct pn_doc_text url = {
        .what = "url", .min = 1, .max = PN_HTTP_BODY_MAX / 32 - 1};
    static const struct pn_doc_text address = {
        .what = "address", .max = 64, .null = PN_NULL_IS_ZERO};
    struct pn_doc_run run = {.arena = call->arena, .fault = &call->fault};
    char *token = NULL, *user = NULL, *app = NULL, *method = NULL;
    char *target = NULL, *from = NULL;
    struct pn_question q = {.tls = true};
    struct pn_doc doc;

    if (pn_doc_begin(&run, call->body, &doc)) {
        pn_doc_known(&doc, names, pn_no_names);
        pn_doc_text(&doc, "username", &text, &user);
        pn_doc_text(&doc, "token_id", &text, &token);
        pn_doc_text(&doc, "app", &text, &app);
        pn_doc_text(&doc, "method", &text, &method);
        pn_doc_text(&doc, "url", &url, &target);
        pn_doc_text(&doc, "address", &address, &from);
        pn_doc_instant(&doc, "at", PN_NULL_IS_ZERO, &q.at);
        pn_doc_bool(&doc, "tls", &q.tls);
        need(&doc, "app", app);
        need(&doc, "url", target);
        if (pn_doc_has(&doc, "username") == pn_doc_has(&doc, "token_id")) {
            pn_doc_bad(&doc, "username", "invalid_choice",
                       "Give either \"username\" or \"token_id\".");
        }
        if (token != NULL
            && pn_id_parse(PN_ID_TOKEN, pn_str_from(token), &q.token_id)
                   != PN_OK)
        {
            pn_doc_bad(&doc, "token_id", "invalid_id",
                       "A token id looks like tok_0123456789abc.");
        }
    }
    if (pn_doc_verdict(&run) != PN_OK) {
        return pn_call_fail(call);
    }
    q.username = user;
    q.app = app;
    q.method = method != NULL ? method : "GET";
    q.url = target;
    q.address = from != NULL && from[0] != '\0' ? from : NULL;
    *out = q;
    return true;
}

static json_t *
answer_json(struct pn_call *call, const struct pn_answer *answer)
{
    static const char *const verdicts[] = {
        [PN_DENY] = "deny", [PN_PASS] = "pass", [PN_ALLOW] = "allow"};
    const struct pn_decision *d = &answer->decision;

    return pn_json_defer(
        call->arena,
        json_pack("{s:s, s:i, s:s, s:{s:s, s:s}, s:s}", "verdict",
                  verdicts[d->verdict], "status",
                  d->verdict == PN_DENY ? (int) d->status : 200, "reason",
                  pn_reason_code(d->reason), "rule", "where",
                  answer->where != NULL ? answer->where : "", "pointer",
                  answer->pointer != NULL ? answer->pointer : "", "detail",
                  answer->detail != NULL ? answer->detail : ""));
}

void
pn_api_explain_post(void *context, const struct pn_http_request *req,
                    struct pn_http_response *res)
{
    struct pn_question question;
    struct pn_answer answer = {0};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &with_body)
        || !read_question(&call, &question))
    {
        return;
    }
    if (!pn_ops_explain(call.api->ops, &call.caller, &question, call.arena,
                        &answer, &call.fault))
    {
        (void) pn_call_fail(&call);
        return;
    }
    pn_call_answer(&call, 200, answer_json(&call, &answer));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the gate would say to a request. */

#include "base/str.h"
#include "core/id.h"
#include "daemon/api/call.h"
#include "daemon/model/doc.h"

static const struct pn_call_rule with_body = {.body = PN_BODY_JSON};

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
    static const struct pn_doc_text username = {
        .what = "user name", .min = 1, .max = PN_USERNAME_MAX};
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
        pn_doc_text(&doc, "username", &username, &user);
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

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

/* The documents of a draft; what points at them is in the arena. */
struct drafts {
    struct pn_draft draft;
    struct pn_policy policy;
    struct pn_app app;
    struct pn_token_wish token;
};

/* Reading a draft as a part of the question. */
struct reading {
    struct pn_call *call;
    const struct pn_doc *doc; /* of the draft */
    const char *app;          /* in question; NULL = there is none */
    uint8_t faults;           /* before the part that is read */
};

/* The part, if it is there. */
static json_t *
part_of(struct reading *r, const char *key)
{
    json_t *part = json_object_get(r->doc->obj, key);

    if (part != NULL && !json_is_object(part)) {
        pn_doc_bad(r->doc, key, "invalid_type",
                   "Give \"%s\" as an object, or leave it out.", key);
        return NULL;
    }
    r->faults = r->call->fault.field_count;
    return part;
}

/* Its faults are those of a document of its own: let them point into ours. */
static void
settle(const struct reading *r, enum pn_err err, const char *pointer)
{
    pn_fault_prefix(&r->call->fault, r->call->arena, r->faults, pointer);
    if (err == PN_E_NOMEM) {
        r->doc->run->no_memory = true;
    }
}

/* What a draft of the application changes.  One that is not there is a fault of
 * the question; its draft is read all the same. */
static enum pn_err
app_as_it_is(const struct reading *r, struct pn_app *out)
{
    struct pn_call *call = r->call;
    struct pn_fault ignored = {0};

    if (r->app != NULL
        && pn_ops_app(call->api->ops, &call->caller, r->app, call->arena, out,
                      &ignored))
    {
        return PN_OK;
    }
    ignored = (struct pn_fault){0};
    return pn_app_from_json(
        pn_json_defer(call->arena, json_pack("{s:s}", "name", "none")), NULL,
        call->arena, out, &ignored);
}

static void
read_draft(const struct pn_doc *doc, struct pn_call *call, const char *app,
           struct drafts *out)
{
    static const char *const names[] = {"policy", "app", "token", NULL};
    struct reading r = {.call = call, .doc = doc, .app = app};
    struct pn_app base;
    json_t *part;

    pn_doc_known(doc, names, pn_no_names);
    part = part_of(&r, "policy");
    if (part != NULL) {
        out->draft.policy = &out->policy;
        settle(
            &r,
            pn_policy_from_json(part, call->arena, &out->policy, &call->fault),
            "/draft/policy");
    }
    part = part_of(&r, "app");
    if (part != NULL) {
        enum pn_err err = app_as_it_is(&r, &base);

        out->draft.app = &out->app;
        settle(&r,
               err == PN_OK ? pn_app_from_json(part, &base, call->arena,
                                               &out->app, &call->fault)
                            : err,
               "/draft/app");
    }
    part = part_of(&r, "token");
    if (part != NULL) {
        out->draft.token = &out->token;
        settle(&r,
               pn_token_wish_from_json(part, call->arena, &out->token,
                                       &call->fault),
               "/draft/token");
    }
}

static bool
read_question(struct pn_call *call, struct drafts *drafts,
              struct pn_question *out)
{
    static const char *const names[] = {"username", "token_id", "app", "method",
                                        "url",      "address",  "at",  "tls",
                                        "draft",    NULL};
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
    struct pn_doc doc, draft;

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
        if (pn_doc_child(&doc, "draft", &draft)) {
            read_draft(&draft, call, app, drafts);
            q.draft = &drafts->draft;
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

/* A new reference. */
static json_t *
answer_json(const struct pn_answer *answer)
{
    static const char *const verdicts[] = {
        [PN_DENY] = "deny", [PN_PASS] = "pass", [PN_ALLOW] = "allow"};
    const struct pn_decision *d = &answer->decision;
    json_t *reported = json_array();

    for (uint8_t i = 0; i < answer->reporter_count; i++) {
        if (json_array_append_new(reported, json_pack("{s:s, s:s}", "where",
                                                      answer->reporter[i],
                                                      "pointer", "/ip_rules"))
            != 0)
        {
            json_decref(reported);
            return NULL;
        }
    }
    return json_pack("{s:s, s:i, s:s, s:{s:s, s:s}, s:s, s:o}", "verdict",
                     verdicts[d->verdict], "status",
                     d->verdict == PN_DENY ? (int) d->status : 200, "reason",
                     pn_reason_code(d->reason), "rule", "where", answer->where,
                     "pointer", answer->pointer, "detail", answer->detail,
                     "reported_by", reported);
}

static json_t *
explanation_json(struct pn_call *call, const struct pn_explanation *explanation)
{
    json_t *doc =
        pn_json_defer(call->arena, answer_json(&explanation->in_force));
    json_t *draft =
        explanation->has_draft ? answer_json(&explanation->draft) : json_null();

    return doc != NULL && draft != NULL
                   && json_object_set_new(doc, "draft", draft) == 0
               ? doc
               : NULL;
}

void
pn_api_explain_post(void *context, const struct pn_http_request *req,
                    struct pn_http_response *res)
{
    struct pn_question question;
    struct pn_explanation explanation;
    struct drafts drafts = {.draft = {.policy = NULL}};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &with_body)
        || !read_question(&call, &drafts, &question))
    {
        return;
    }
    if (!pn_ops_explain(call.api->ops, &call.caller, &question, call.arena,
                        &explanation, &call.fault))
    {
        (void) pn_call_fail(&call);
        return;
    }
    pn_call_answer(&call, 200, explanation_json(&call, &explanation));
}

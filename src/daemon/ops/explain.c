/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gate would say to a request, and whose rule says so.
 */
#include <string.h>

#include "base/str.h"
#include "core/credential.h"
#include "daemon/ops/facts.h"

/* The rows that a question is about. */
struct subject {
    struct pn_policy policy;
    struct pn_user owner;
    struct pn_token token;
    struct pn_app app;
    bool has_owner, has_token;
};

static bool
refuse_field(struct pn_fault *fault, struct pn_arena *arena,
             const char *pointer, const char *code, const char *detail)
{
    pn_fault_field_add(fault, arena, pointer, code, "%s", detail);
    return false;
}

static bool
not_found(struct pn_fault *fault, struct pn_arena *arena, const char *pointer,
          enum pn_err err)
{
    return err == PN_E_NOT_FOUND ? refuse_field(
               fault, arena, pointer, "unknown", "there is no such object")
                                 : pn_fault_store(fault, arena, err);
}

static bool
load_token(struct pn_store *store, const struct pn_question *question,
           struct pn_arena *arena, struct subject *out, struct pn_fault *fault)
{
    if (question->token_id == 0) {
        enum pn_err err = pn_store_user_by_name(
            store, pn_str_from(question->username), arena, &out->owner);
        out->has_owner = err == PN_OK;
        return err == PN_OK ? true : not_found(fault, arena, "/username", err);
    }
    enum pn_err err =
        pn_store_token_by_id(store, question->token_id, arena, &out->token);
    if (err != PN_OK) {
        return not_found(fault, arena, "/token_id", err);
    }
    out->has_token = true;
    err = pn_store_user_by_id(store, out->token.owner_id, arena, &out->owner);
    out->has_owner = err == PN_OK;
    return err == PN_OK || err == PN_E_NOT_FOUND
               ? true
               : pn_fault_store(fault, arena, err);
}

/* One's own; auditors and administrators ask about everybody. */
static bool
may_ask(const struct pn_caller *caller, const struct subject *subject)
{
    uint64_t owner =
        subject->has_token ? subject->token.owner_id : subject->owner.id;
    return pn_sees_all(caller) || caller->kind == PN_CALLER_LOCAL
           || owner == caller->user_id;
}

static bool
load_subject(struct pn_store *store, const struct pn_caller *caller,
             const struct pn_question *question, struct pn_arena *arena,
             struct subject *out, struct pn_fault *fault)
{
    if ((question->username == NULL) == (question->token_id == 0)) {
        return refuse_field(fault, arena, "/username", "required",
                            "give either a user name or a token id");
    }
    if (question->app == NULL || question->url == NULL) {
        return refuse_field(fault, arena,
                            question->app == NULL ? "/app" : "/url", "required",
                            "an application and a URL are needed");
    }
    if (!load_token(store, question, arena, out, fault)) {
        return false;
    }
    if (!may_ask(caller, out)) {
        return not_found(fault, arena,
                         out->has_token ? "/token_id" : "/username",
                         PN_E_NOT_FOUND);
    }
    enum pn_err err = pn_store_app_by_name(store, pn_str_from(question->app),
                                           arena, &out->app);
    if (err != PN_OK) {
        return not_found(fault, arena, "/app", err);
    }
    err = pn_store_policy(store, arena, &out->policy);
    return err == PN_OK ? true : pn_fault_store(fault, arena, err);
}

static bool
request_of(const struct pn_question *question, struct pn_arena *arena,
           struct pn_request *out, struct pn_fault *fault)
{
    *out = (struct pn_request){
        .method =
            pn_str_from(question->method != NULL ? question->method : "GET"),
        .target = pn_str_from(question->url),
        .mode = PN_MODE_REQUIRED,
        .tls = question->tls,
        .now = question->at != 0 ? question->at : pn_ops_now(),
    };
    if (question->address == NULL) {
        return true;
    }
    if (pn_ip_parse(pn_str_from(question->address), &out->address) != PN_OK) {
        return refuse_field(fault, arena, "/address", "invalid_address",
                            "this is no IP address");
    }
    out->has_address = true;
    return true;
}

/* --- the answer in words ------------------------------------------------- */

/* pointers by place: policy, app, token. */
struct wording {
    enum pn_reason reason;
    const char *policy, *app, *token;
    enum pn_where where; /* when core names none */
    const char *detail;
};

static const struct wording wordings[] = {
    {PN_REASON_OK, "", "", "", PN_WHERE_NONE,
     "The request is passed on as this person."},
    {PN_REASON_TOKEN_REVOKED, "", "", "/state", PN_WHERE_TOKEN,
     "The token is revoked; its owner can make a new one."},
    {PN_REASON_TOKEN_DISABLED, "", "", "/state", PN_WHERE_TOKEN,
     "The token is paused; enable it to use it again."},
    {PN_REASON_TOKEN_EXPIRED, "", "", "/expires_at", PN_WHERE_TOKEN,
     "The token has expired by then."},
    {PN_REASON_TOKEN_NOT_YET_VALID, "", "", "/not_before", PN_WHERE_TOKEN,
     "The token is not valid yet at that time."},
    {PN_REASON_TOKEN_SUPERSEDED, "", "", "/secrets", PN_WHERE_TOKEN,
     "The secret was replaced by a newer one."},
    {PN_REASON_OWNER_INACTIVE, "", "", "/owner", PN_WHERE_TOKEN,
     "The owner's account is not active or does not exist any more."},
    {PN_REASON_OWNER_NOT_PERMITTED, "/creation", "", "", PN_WHERE_POLICY,
     "The policy lets none of the owner's groups have tokens."},
    {PN_REASON_TLS_REQUIRED, "/tls_required", "", "", PN_WHERE_POLICY,
     "The policy takes tokens over TLS only."},
    {PN_REASON_IP_NOT_ALLOWED, "/ip_rules", "/ip_rules", "/ip_rules",
     PN_WHERE_NONE, "The address is refused by these rules."},
    {PN_REASON_APP_NOT_ALLOWED, "", "/groups", "/apps", PN_WHERE_NONE,
     "The token or its owner may not use this application."},
    {PN_REASON_PATH_NOT_ALLOWED, "", "/paths", "/paths", PN_WHERE_NONE,
     "No path pattern fits this method and path."},
    {PN_REASON_PATH_AMBIGUOUS, "", "/paths", "/paths", PN_WHERE_NONE,
     "The path can be read in two ways, so it fits no pattern but /**."},
    {PN_REASON_READ_ONLY_TOKEN, "/creation/read_only", "", "/access",
     PN_WHERE_TOKEN, "A read-only token may not use this method here."},
    {PN_REASON_RATE_LIMITED, "", "", "/rate_limit", PN_WHERE_TOKEN,
     "The token is used more often than it may be."},
};

static const struct wording *
wording_of(enum pn_reason reason)
{
    static const struct wording other = {PN_REASON_UNDECIDED,
                                         "",
                                         "",
                                         "",
                                         PN_WHERE_NONE,
                                         "The request is not passed on."};
    for (size_t i = 0; i < PN_LEN(wordings); i++) {
        if (wordings[i].reason == reason) {
            return &wordings[i];
        }
    }
    return &other;
}

static bool
word_answer(const struct subject *subject, const struct pn_decision *decision,
            struct pn_arena *arena, struct pn_answer *out)
{
    const struct wording *wording = wording_of(decision->reason);
    enum pn_where where =
        decision->where != PN_WHERE_NONE ? decision->where : wording->where;
    const char *pointer = "";
    struct pn_answer answer = {.decision = *decision};
    switch (where) {
    case PN_WHERE_POLICY:
        answer.where = pn_arena_dup(arena, PN_STR("policy"));
        pointer = wording->policy;
        break;
    case PN_WHERE_APP:
        answer.where = pn_arena_printf(arena, "app \"%s\"", subject->app.name);
        pointer = wording->app;
        break;
    case PN_WHERE_TOKEN:
        answer.where =
            pn_arena_printf(arena, "token \"%s\"",
                            subject->has_token ? subject->token.name : "");
        pointer = wording->token;
        break;
    case PN_WHERE_NONE:
        answer.where = pn_arena_dup(arena, PN_STR(""));
        break;
    }
    const char *detail = wording->detail;
    if (decision->ambiguity != PN_TARGET_CANONICAL
        && decision->reason == PN_REASON_PATH_AMBIGUOUS)
    {
        answer.detail = pn_arena_printf(arena, "%s It holds %s.", detail,
                                        pn_ambiguity_text(decision->ambiguity));
    } else {
        answer.detail = pn_arena_dup(arena, pn_str_from(detail));
    }
    answer.pointer = pn_arena_dup(arena, pn_str_from(pointer));
    if (answer.where == NULL || answer.pointer == NULL || answer.detail == NULL)
    {
        return false;
    }
    *out = answer;
    return true;
}

/* --- the question -------------------------------------------------------- */

static enum pn_err
decide(struct pn_store *store, const struct subject *subject,
       const struct pn_request *request, struct pn_arena *arena,
       struct pn_decision *out)
{
    struct pn_fact_set *set = pn_arena_alloc(arena, sizeof(*set));
    if (set == NULL) {
        return PN_E_NOMEM;
    }
    const struct pn_fact_rows rows = {
        .policy = &subject->policy,
        .owner = subject->has_owner ? &subject->owner : NULL,
        .token = subject->has_token ? &subject->token : NULL,
        .secret = subject->has_token ? &subject->token.secrets[0] : NULL,
        .app = &subject->app,
    };
    enum pn_err err = pn_fact_set_load(store, &rows, arena, set);
    if (err != PN_OK) {
        return err;
    }
    const struct pn_credential credential = {.kind = PN_CREDENTIAL_TOKEN,
                                             .scheme = PN_SCHEME_BEARER};
    const struct pn_counters counters = {.look_only = true};
    *out = (struct pn_decision){0};
    pn_decide(request, &credential, &set->facts, &counters, out);
    return PN_OK;
}

static bool
answer(struct pn_store *store, const struct pn_caller *caller,
       const struct pn_question *question, struct pn_arena *arena,
       struct pn_answer *out, struct pn_fault *fault)
{
    struct subject subject = {0};
    struct pn_request request;
    struct pn_decision decision;
    if (!load_subject(store, caller, question, arena, &subject, fault)
        || !request_of(question, arena, &request, fault))
    {
        return false;
    }
    enum pn_err err = decide(store, &subject, &request, arena, &decision);
    if (err == PN_OK && !word_answer(&subject, &decision, arena, out)) {
        err = PN_E_NOMEM;
    }
    return err == PN_OK ? true : pn_fault_store(fault, arena, err);
}

bool
pn_ops_explain(struct pn_ops *ops, const struct pn_caller *caller,
               const struct pn_question *question, struct pn_arena *arena,
               struct pn_answer *out, struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    if (!pn_may_read(caller, PN_READ_EXPLAIN, arena, fault)) {
        return false;
    }
    enum pn_err err = pn_reader_take(ops, &store);
    if (err != PN_OK) {
        return pn_fault_store(fault, arena, err);
    }
    bool ok = answer(store, caller, question, arena, out, fault);
    pn_reader_give(ops, store);
    return ok;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gate would say to a request, and whose rule says so; by the rules in
 * force and, beside that, by rules that are not saved yet.
 */
#include <string.h>

#include "base/str.h"
#include "core/credential.h"
#include "daemon/ops/explain.h"
#include "daemon/ops/facts.h"
#include "daemon/ops/token_rules.h"

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
           struct pn_arena *arena, struct pn_subject *out,
           struct pn_fault *fault)
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
may_ask(const struct pn_caller *caller, const struct pn_subject *subject)
{
    uint64_t owner =
        subject->has_token ? subject->token.owner_id : subject->owner.id;
    return pn_sees_all(caller) || caller->kind == PN_CALLER_LOCAL
           || owner == caller->user_id;
}

static bool
load_subject(struct pn_store *store, const struct pn_caller *caller,
             const struct pn_question *question, struct pn_arena *arena,
             struct pn_subject *out, struct pn_fault *fault)
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

/* --- rules that are not saved yet ---------------------------------------- */

static bool
apps_exist(struct pn_store *store, const struct pn_text_list *apps,
           struct pn_arena *arena, struct pn_fault *fault)
{
    struct pn_app app;
    for (uint16_t i = 0; apps->present && i < apps->count; i++) {
        enum pn_err err = pn_store_app_by_name(
            store, pn_str_from(apps->item[i]), arena, &app);
        if (err == PN_E_NOT_FOUND) {
            return refuse_field(fault, arena, "/draft/token/apps", "unknown",
                                "there is no such application");
        }
        if (err != PN_OK) {
            return pn_fault_store(fault, arena, err);
        }
    }
    return true;
}

/* The token with the draft's settings; of a person, an imagined one. */
static bool
take_token(struct pn_store *store, const struct pn_token_wish *wish,
           int64_t now, struct pn_arena *arena, struct pn_subject *subject,
           struct pn_fault *fault)
{
    static char imagined[] = "draft";
    const struct pn_allowance any = {.may_create = true,
                                     .may_be_endless = true};
    struct pn_token token = subject->token;
    if (!subject->has_token) {
        token = (struct pn_token){.id = 1,
                                  .name = imagined,
                                  .owner_id = subject->owner.id,
                                  .access = PN_ACCESS_READ_WRITE,
                                  .secrets = {{.id = 1, .created_at = now}},
                                  .secret_count = 1};
    }
    if (!apps_exist(store, &wish->token.apps, arena, fault)) {
        return false;
    }
    token = pn_token_merged(&token, wish);
    if ((wish->given & PN_FIELD_LIFETIME) != 0
        && pn_lifetime_end(&any, subject->policy.creation.default_days,
                           &wish->lifetime, now, &token.expires_at)
               != PN_OK)
    {
        return refuse_field(fault, arena, "/draft/token/expires_at", "past",
                            "the end must lie ahead of the time in question");
    }
    subject->token = token;
    subject->has_token = true;
    return true;
}

/* Put what the draft has in the place of what is stored. */
static bool
take_draft(struct pn_store *store, const struct pn_question *question,
           int64_t now, struct pn_arena *arena, struct pn_subject *subject,
           struct pn_fault *fault)
{
    const struct pn_draft *draft = question->draft;
    if (draft->policy != NULL) {
        subject->policy = *draft->policy;
    }
    if (draft->app != NULL) {
        uint64_t id = subject->app.id;
        if (strcmp(draft->app->name, subject->app.name) != 0) {
            return refuse_field(fault, arena, "/draft/app/name", "name_fixed",
                                "the draft is of another application");
        }
        subject->app = *draft->app;
        subject->app.id = id;
    }
    return draft->token == NULL
           || take_token(store, draft->token, now, arena, subject, fault);
}

/* --- the question -------------------------------------------------------- */

static enum pn_err
decide(struct pn_store *store, const struct pn_subject *subject,
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
answer(struct pn_store *store, const struct pn_subject *subject,
       const struct pn_request *request, struct pn_arena *arena,
       struct pn_answer *out, struct pn_fault *fault)
{
    struct pn_decision decision;
    enum pn_err err = decide(store, subject, request, arena, &decision);
    if (err == PN_OK && !pn_answer_in_words(subject, &decision, arena, out)) {
        err = PN_E_NOMEM;
    }
    return err == PN_OK ? true : pn_fault_store(fault, arena, err);
}

static bool
explain(struct pn_store *store, const struct pn_caller *caller,
        const struct pn_question *question, struct pn_arena *arena,
        struct pn_explanation *out, struct pn_fault *fault)
{
    struct pn_subject subject = {0};
    struct pn_request request;
    if (!load_subject(store, caller, question, arena, &subject, fault)
        || !request_of(question, arena, &request, fault)
        || !answer(store, &subject, &request, arena, &out->in_force, fault))
    {
        return false;
    }
    out->has_draft = question->draft != NULL;
    return !out->has_draft
           || (take_draft(store, question, request.now, arena, &subject, fault)
               && answer(store, &subject, &request, arena, &out->draft, fault));
}

bool
pn_ops_explain(struct pn_ops *ops, const struct pn_caller *caller,
               const struct pn_question *question, struct pn_arena *arena,
               struct pn_explanation *out, struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    struct pn_explanation explanation = {.has_draft = false};
    const struct pn_draft *draft = question->draft;
    bool rules = draft != NULL && (draft->policy != NULL || draft->app != NULL);
    if (rules && !pn_may_read(caller, PN_READ_POLICY, arena, fault)) {
        return false;
    }
    if (!pn_read_begin(ops, caller, PN_READ_EXPLAIN, arena, fault, &store)) {
        return false;
    }
    bool ok = explain(store, caller, question, arena, &explanation, fault);
    pn_reader_give(ops, store);
    if (ok) {
        *out = explanation;
    }
    return ok;
}

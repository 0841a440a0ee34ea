/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From credential to decision.  A request with a token costs two look-ups; app
 * and policy records are decoded and compiled once per version.
 */
#include "index/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { WHY_MAX = 160 };

/* A compiled app; record borrows from bytes and patterns. */
struct gate_app {
    struct pn_app_record record;
    struct pn_pathpat patterns[2 * PN_PATHPATS_MAX];
    char bytes[];
};

struct pn_gate {
    struct pn_index *index;
    bool live;
    bool compiled;
    uint64_t version; /* of what is compiled */
    uint64_t compilation;
    char *policy_bytes;
    struct pn_policy_record policy;
    struct gate_app *apps[PN_APPS_MAX]; /* the last one asked for first */
    size_t app_count;
    char why[WHY_MAX]; /* empty: ask the index */
};

enum pn_err
pn_gate_new(const char *index_dir, struct pn_gate **out)
{
    struct pn_gate *gate = calloc(1, sizeof(*gate));
    enum pn_err err;

    if (gate == NULL) {
        return PN_E_NOMEM;
    }
    err = pn_index_new(index_dir, &gate->index);
    if (err != PN_OK) {
        free(gate);
        return err;
    }
    *out = gate;
    return PN_OK;
}

static void
forget(struct pn_gate *gate)
{
    for (size_t i = 0; i < gate->app_count; i++) {
        free(gate->apps[i]);
    }
    gate->app_count = 0;
    free(gate->policy_bytes);
    gate->policy_bytes = NULL;
    gate->compiled = false;
}

void
pn_gate_free(struct pn_gate *gate)
{
    if (gate == NULL) {
        return;
    }
    forget(gate);
    pn_index_free(gate->index);
    free(gate);
}

static enum pn_err
compile_policy(struct pn_gate *gate)
{
    struct pn_str bytes;
    enum pn_err err;

    forget(gate);
    err = pn_index_policy(gate->index, &bytes);
    if (err == PN_E_NOT_FOUND) {
        return PN_E_DAMAGED; /* every writer puts one */
    }
    if (err != PN_OK) {
        return err;
    }
    gate->policy_bytes = malloc(bytes.len + 1);
    if (gate->policy_bytes == NULL) {
        return PN_E_NOMEM;
    }
    memcpy(gate->policy_bytes, bytes.ptr, bytes.len);
    err = pn_policy_record_decode(
        (struct pn_str){gate->policy_bytes, bytes.len}, &gate->policy);
    if (err != PN_OK) {
        forget(gate);
        return err;
    }
    gate->compiled = true;
    gate->compilation++;
    gate->version = pn_index_policy_version(gate->index);
    return PN_OK;
}

enum pn_err
pn_gate_begin(struct pn_gate *gate, int64_t now)
{
    enum pn_err err = pn_index_begin(gate->index, now);

    gate->why[0] = '\0';
    if (err != PN_OK) {
        return err;
    }
    if (!gate->compiled
        || gate->version != pn_index_policy_version(gate->index)) {
        err = compile_policy(gate);
    }
    if (err != PN_OK) {
        pn_index_end(gate->index);
        (void) snprintf(gate->why, sizeof(gate->why),
                        "cannot read the index's policy record: %s",
                        pn_err_text(err));
        return err;
    }
    gate->live = true;
    return PN_OK;
}

void
pn_gate_end(struct pn_gate *gate)
{
    gate->live = false;
    pn_index_end(gate->index);
}

bool
pn_gate_is_fresh(const struct pn_gate *gate, int64_t now)
{
    return gate->compiled && pn_index_is_at(gate->index, gate->version, now);
}

const char *
pn_gate_why(const struct pn_gate *gate)
{
    return gate->why[0] != '\0' ? gate->why : pn_index_why(gate->index);
}

static enum pn_err
compile_app(struct pn_gate *gate, struct pn_str name, struct gate_app **out)
{
    struct gate_app *app;
    struct pn_str bytes;
    enum pn_err err = pn_index_app(gate->index, name, &bytes);

    if (err != PN_OK) {
        return err;
    }
    if (gate->app_count == PN_LEN(gate->apps)) {
        return PN_E_TOO_LONG;
    }
    app = malloc(sizeof(*app) + bytes.len);
    if (app == NULL) {
        return PN_E_NOMEM;
    }
    memcpy(app->bytes, bytes.ptr, bytes.len);
    err = pn_app_record_decode((struct pn_str){app->bytes, bytes.len},
                               app->patterns, &app->record);
    if (err == PN_OK && !pn_str_eq(app->record.name, name)) {
        err = PN_E_DAMAGED; /* another app's record under this key */
    }
    if (err != PN_OK) {
        free(app);
        return err;
    }
    *out = app;
    return PN_OK;
}

const struct pn_app_record *
pn_gate_app(struct pn_gate *gate, struct pn_str name)
{
    struct gate_app *app = NULL;
    size_t at = 0;

    if (!gate->live) {
        return NULL;
    }
    while (at < gate->app_count
           && !pn_str_eq(gate->apps[at]->record.name, name)) {
        at++;
    }
    if (at < gate->app_count) {
        app = gate->apps[at];
    } else if (compile_app(gate, name, &app) == PN_OK) {
        gate->app_count++;
    } else {
        return NULL;
    }
    gate->apps[at] = gate->apps[0];
    gate->apps[0] = app;
    return &app->record;
}

const struct pn_policy_record *
pn_gate_policy(struct pn_gate *gate)
{
    return gate->live ? &gate->policy : NULL;
}

uint64_t
pn_gate_compilation(const struct pn_gate *gate)
{
    return gate->compilation;
}

/* The records a decision about one token needs. */
struct found {
    struct pn_token_record token;
    struct pn_owner_record owner;
    struct pn_rules_record rules;
};

/* PN_OK also for an unknown token; an error answers row 0. */
static enum pn_err
find(struct pn_gate *gate, const struct pn_hash *hash, struct found *found,
     struct pn_facts *facts)
{
    enum pn_err err = pn_index_token(gate->index, hash, &found->token);

    if (err == PN_E_NOT_FOUND) {
        /* No owner has id 0.  Looked for all the same, so that time does not
         * tell a token that exists from one that never did. */
        err = pn_index_owner(gate->index, 0, &found->owner);
        return err == PN_E_NOT_FOUND ? PN_OK : err;
    }
    if (err != PN_OK) {
        return err;
    }
    facts->token = &found->token;
    err = pn_index_owner(gate->index, found->token.owner_id, &found->owner);
    if (err == PN_OK) {
        facts->owner = &found->owner;
    } else if (err != PN_E_NOT_FOUND) {
        return err; /* a missing owner is refused by core */
    }
    if (found->token.rules.len == 0) {
        return PN_OK;
    }
    err = pn_rules_record_decode(found->token.rules, &found->rules);
    if (err == PN_OK) {
        facts->rules = &found->rules;
    }
    return err;
}

void
/* NOLINTNEXTLINE(readability-function-size): the header's agreed form */
pn_gate_decide(struct pn_gate *gate, const struct pn_app_record *app,
               const struct pn_request *request,
               const struct pn_credential *credential,
               const struct pn_counters *counters, struct pn_decision *out,
               struct pn_identity *identity)
{
    struct pn_facts facts = {0};
    struct found found;

    if (gate->live && app != NULL) {
        facts.policy = &gate->policy;
        facts.app = app;
        facts.ready = credential->kind != PN_CREDENTIAL_TOKEN
                      || find(gate, &credential->hash, &found, &facts) == PN_OK;
    }
    pn_decide(request, credential, &facts, counters, out);
    if (out->token_id != 0 && facts.owner != NULL) {
        identity->owner = *facts.owner;
        identity->token_id = out->token_id;
    }
}

enum pn_err
pn_gate_token_name(struct pn_gate *gate, uint64_t token_id, struct pn_str *out)
{
    enum pn_err err = pn_index_token_name(gate->index, token_id, out);

    return err == PN_OK ? PN_OK : PN_E_NOT_FOUND;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An Authorization header on posternd's own API.  Judged by core's decision
 * with an application that takes every path and no password, so that a token
 * that is refused in front of an application is refused here for the same
 * reason.  What restricts a token to applications and paths does not count:
 * this is none of them.
 */
#include <string.h>

#include "base/str.h"
#include "core/credential.h"
#include "daemon/ops/facts.h"

enum { SCRATCH_LEN = PN_CREDENTIAL_MAX + 2 * PN_USERNAME_MAX + 2 };

/* One presented credential and the rows behind it. */
struct presented {
    struct pn_ops *ops;
    struct pn_store *store;
    struct pn_arena *arena;
    struct pn_credential credential;
    struct pn_policy policy;
    struct pn_token token;
    const struct pn_token_secret *secret; /* with has_token */
    struct pn_user owner;
    bool has_token, has_owner;
};

/* The very secret that was presented: it may be one that was replaced. */
static enum pn_err
load_secret(struct presented *p)
{
    struct pn_token_secret *all = NULL;
    uint16_t count = 0;
    enum pn_err err =
        pn_store_secrets(p->store, p->token.id, p->arena, &all, &count);
    for (uint16_t i = 0; err == PN_OK && i < count; i++) {
        if (pn_bytes_eq_const_time(all[i].hash.bytes, p->credential.hash.bytes,
                                   PN_HASH_LEN))
        {
            p->secret = &all[i];
            return PN_OK;
        }
    }
    return err == PN_OK ? PN_E_NOT_FOUND : err;
}

static enum pn_err
load_rows(struct presented *p)
{
    enum pn_err err = pn_store_policy(p->store, p->arena, &p->policy);
    if (err != PN_OK || p->credential.kind != PN_CREDENTIAL_TOKEN) {
        return err;
    }
    err = pn_store_token_by_hash(p->store, &p->credential.hash, p->arena,
                                 &p->token);
    if (err == PN_E_NOT_FOUND) {
        return PN_OK;
    }
    if (err != PN_OK) {
        return err;
    }
    err = load_secret(p);
    if (err != PN_OK) {
        return err;
    }
    p->has_token = true;
    err = pn_store_user_by_id(p->store, p->token.owner_id, p->arena, &p->owner);
    p->has_owner = err == PN_OK;
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

static enum pn_err
judge(struct presented *p, const struct pn_caller *client,
      struct pn_decision *out)
{
    const char *address = client->address;
    enum pn_err err = load_rows(p);
    if (err != PN_OK) {
        return err;
    }
    struct pn_fact_set *set = pn_arena_alloc(p->arena, sizeof(*set));
    if (set == NULL) {
        return PN_E_NOMEM;
    }
    const struct pn_fact_rows asked = {
        .policy = &p->policy,
        .owner = p->has_owner ? &p->owner : NULL,
        .token = p->has_token ? &p->token : NULL,
        .secret = p->secret,
    };
    err = pn_fact_set_load(p->store, &asked, p->arena, set);
    if (err != PN_OK) {
        return err;
    }
    if (!p->has_token) {
        set->facts.token = NULL;
    }
    set->rules.has_apps = false;
    set->rules.has_paths = false;
    set->rules.rate_requests = 0;
    struct pn_request request = {
        .method = PN_STR("GET"), /* reading and revoking itself is no writing */
        .target = PN_STR("/"),
        .mode = PN_MODE_REQUIRED,
        .tls = !client->in_clear,
        .now = pn_ops_now(),
    };
    request.has_address =
        address != NULL
        && pn_ip_parse(pn_str_from(address), &request.address) == PN_OK;
    const struct pn_counters counters = {.failures = p->ops->by_address};
    *out = (struct pn_decision){0};
    pn_decide(&request, &p->credential, &set->facts, &counters, out);
    pn_ops_tell_use(p->ops, &p->credential, out, &request.address);
    return PN_OK;
}

static bool
refuse(const struct pn_decision *decision, struct pn_arena *arena,
       struct pn_fault *fault)
{
    unsigned status = decision->status != 0 ? decision->status : 401;
    pn_fault_set(fault, arena, status, pn_reason_code(decision->reason), "%s",
                 decision->reason == PN_REASON_PASSWORD_NOT_ALLOWED
                     ? "the API takes tokens and sessions, not passwords"
                     : "this credential is not accepted here");
    fault->retry_after_s = decision->retry_after_s;
    return false;
}

static void
caller_set(struct pn_caller *caller, const struct pn_caller *client,
           const struct presented *rows)
{
    uint32_t bits = 0;
    uint16_t bad = 0;
    if (pn_scopes_bits(rows->token.scopes, rows->token.scope_count, &bits, &bad)
        != PN_OK)
    {
        bits = 0;
    }
    enum pn_role role = pn_role_of(&rows->owner, &rows->policy);
    *caller = (struct pn_caller){
        .kind = PN_CALLER_TOKEN,
        .user_id = rows->owner.id,
        .username = rows->owner.username,
        .role = role,
        .token_id = rows->token.id,
        .scopes = bits & pn_scopes_of_role(role),
        .address = client->address,
        .user_agent = client->user_agent,
        .request_id = client->request_id,
    };
}

bool
pn_ops_authorization(struct pn_ops *ops, struct pn_str value,
                     const struct pn_caller *client, struct pn_arena *arena,
                     struct pn_caller *caller, struct pn_fault *fault)
{
    char bytes[SCRATCH_LEN];
    struct pn_buf scratch = PN_BUF(bytes);
    struct presented p = {.ops = ops, .arena = arena};
    struct pn_decision decision = {0};
    enum pn_err err = pn_reader_take(ops, &p.store);
    if (err != PN_OK) {
        return pn_fault_store(fault, arena, err);
    }
    pn_credential_parse(value, &ops->prefixes, &scratch, &p.credential);
    err = judge(&p, client, &decision);
    pn_wipe(bytes, sizeof(bytes));
    pn_reader_give(ops, p.store);
    if (err != PN_OK) {
        return pn_fault_store(fault, arena, err);
    }
    if (decision.verdict != PN_ALLOW || !p.has_token || !p.has_owner) {
        return refuse(&decision, arena, fault);
    }
    caller_set(caller, client, &p);
    return true;
}

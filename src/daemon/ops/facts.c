/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the store to records, through their bytes.
 */
#include "daemon/ops/facts.h"

#include "base/str.h"
#include "daemon/publish/records.h"

static const struct pn_pathpat everything = {
    .path = {"/**", 3},
    .everything = true,
};

/* A buffer in the arena for one record. */
static bool
record_buf(struct pn_arena *arena, struct pn_buf *out)
{
    char *bytes = pn_arena_alloc(arena, PN_RECORD_MAX);
    *out = (struct pn_buf){.ptr = bytes, .cap = PN_RECORD_MAX};
    return bytes != NULL;
}

static enum pn_err
load_policy(struct pn_store *store, const struct pn_policy *policy,
            struct pn_arena *arena, struct pn_policy_record *out)
{
    struct pn_buf buf;
    if (!record_buf(arena, &buf)) {
        return PN_E_NOMEM;
    }
    enum pn_err err = pn_record_of_policy(store, policy, arena, &buf);
    return err == PN_OK ? pn_policy_record_decode(pn_buf_str(&buf), out) : err;
}

static enum pn_err
load_owner(const struct pn_fact_rows *rows, struct pn_arena *arena,
           struct pn_owner_record *out)
{
    struct pn_buf buf;
    if (!record_buf(arena, &buf)) {
        return PN_E_NOMEM;
    }
    enum pn_err err =
        pn_record_of_owner(rows->owner, rows->policy, arena, &buf);
    return err == PN_OK ? pn_owner_record_decode(pn_buf_str(&buf), out) : err;
}

static enum pn_err
load_token(struct pn_store *store, const struct pn_fact_rows *rows,
           struct pn_arena *arena, struct pn_fact_set *out)
{
    struct pn_buf rules, buf;
    if (!record_buf(arena, &rules) || !record_buf(arena, &buf)) {
        return PN_E_NOMEM;
    }
    enum pn_err err = pn_record_of_rules(store, rows->token, arena, &rules);
    if (err == PN_OK) {
        err = pn_record_of_token(rows->token, rows->secret, pn_buf_str(&rules),
                                 &buf);
    }
    if (err == PN_OK) {
        err = pn_token_record_decode(pn_buf_str(&buf), &out->token);
    }
    if (err != PN_OK || out->token.rules.len == 0) {
        return err;
    }
    out->facts.rules = &out->rules;
    return pn_rules_record_decode(out->token.rules, &out->rules);
}

static enum pn_err
load_app(struct pn_store *store, const struct pn_app *app,
         struct pn_arena *arena, struct pn_app_record *out)
{
    struct pn_buf buf;
    struct pn_pathpat *patterns =
        pn_arena_array(arena, 2 * (size_t) PN_PATHPATS_MAX, sizeof(*patterns));
    if (patterns == NULL || !record_buf(arena, &buf)) {
        return PN_E_NOMEM;
    }
    enum pn_err err = pn_record_of_app(store, app, arena, &buf);
    return err == PN_OK ? pn_app_record_decode(pn_buf_str(&buf), patterns, out)
                        : err;
}

enum pn_err
pn_fact_set_load(struct pn_store *store, const struct pn_fact_rows *rows,
                 struct pn_arena *arena, struct pn_fact_set *out)
{
    *out = (struct pn_fact_set){
        .app = {.name = PN_STR("postern"),
                .passwords = PN_FOREIGN_BLOCK,
                .foreign_bearer = PN_FOREIGN_BLOCK,
                .block_status = 401,
                .paths = &everything,
                .path_count = 1},
        .token = {.token_id = 1,
                  .owner_id = rows->owner != NULL ? rows->owner->id : 0,
                  .access = PN_ACCESS_READ_WRITE},
        .facts = {.ready = true,
                  .policy = &out->policy,
                  .app = &out->app,
                  .token = &out->token,
                  .owner = rows->owner != NULL ? &out->owner : NULL},
    };
    enum pn_err err = load_policy(store, rows->policy, arena, &out->policy);
    if (err == PN_OK && rows->owner != NULL) {
        err = load_owner(rows, arena, &out->owner);
    }
    if (err == PN_OK && rows->token != NULL) {
        err = load_token(store, rows, arena, out);
    }
    if (err == PN_OK && rows->app != NULL) {
        err = load_app(store, rows->app, arena, &out->app);
    }
    return err;
}

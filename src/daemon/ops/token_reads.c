/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens, looked at: one, by what was pasted, or page by page.
 */
#include "base/str.h"
#include "daemon/ops/inside.h"

static bool
done(struct pn_ops *ops, struct pn_store *store, enum pn_err err,
     struct pn_arena *arena, struct pn_fault *fault)
{
    pn_reader_give(ops, store);
    return err == PN_OK ? true : pn_fault_store(fault, arena, err);
}

/* May the caller look at what this owner has?  It is his, or he sees all, or
 * he keeps the service account. */
static enum pn_err
may_look(struct pn_store *store, const struct pn_caller *caller,
         uint64_t owner_id, bool *out)
{
    *out = owner_id == caller->user_id || pn_sees_all(caller)
           || caller->kind == PN_CALLER_LOCAL;
    return *out || caller->kind != PN_CALLER_SESSION
               ? PN_OK
               : pn_store_is_custodian(store, owner_id, caller->user_id, out);
}

enum pn_err
pn_list_owner(struct pn_store *store, const struct pn_caller *caller,
              const char *owner, struct pn_arena *arena, uint64_t *id)
{
    struct pn_user user;
    bool may = false;
    if (owner == NULL) {
        *id = pn_sees_all(caller) || caller->kind == PN_CALLER_LOCAL
                  ? 0
                  : caller->user_id;
        return PN_OK;
    }
    enum pn_err err =
        pn_store_user_by_name(store, pn_str_from(owner), arena, &user);
    if (err == PN_OK) {
        err = may_look(store, caller, user.id, &may);
    }
    if (err != PN_OK || !may) {
        return err != PN_OK ? err : PN_E_NOT_FOUND;
    }
    *id = user.id;
    return PN_OK;
}

/* --- lists --------------------------------------------------------------- */

/* Names of the query into the ids of the filter; who is in which group is for
 * auditors. */
static enum pn_err
resolve(struct pn_store *store, const struct pn_caller *caller,
        const struct pn_token_query *query, struct pn_arena *arena,
        struct pn_token_filter *filter)
{
    struct pn_group group;
    struct pn_app app;
    enum pn_err err =
        pn_list_owner(store, caller, query->owner, arena, &filter->owner_id);
    if (err == PN_OK && query->group != NULL) {
        err = pn_sees_all(caller) || caller->kind == PN_CALLER_LOCAL
                  ? pn_store_group_by_name(store, pn_str_from(query->group),
                                           arena, &group)
                  : PN_E_NOT_FOUND;
        filter->group_id = err == PN_OK ? group.id : 0;
    }
    if (err == PN_OK && query->app != NULL) {
        err = pn_store_app_by_name(store, pn_str_from(query->app), arena, &app);
        filter->app_id = err == PN_OK ? app.id : 0;
    }
    return err;
}

bool
pn_ops_tokens(struct pn_ops *ops, const struct pn_caller *caller,
              const struct pn_token_query *query, struct pn_arena *arena,
              struct pn_token_list *out, struct pn_fault *fault)
{
    struct pn_token_filter filter = query->filter;
    struct pn_store *store = NULL;
    if (!pn_may_read(caller, PN_READ_TOKENS, arena, fault)) {
        return false;
    }
    enum pn_err err = pn_reader_take(ops, &store);
    if (err != PN_OK) {
        return pn_fault_store(fault, arena, err);
    }
    err = resolve(store, caller, query, arena, &filter);
    if (err == PN_OK) {
        err = pn_store_tokens(store, &filter, &query->page, pn_ops_now(), arena,
                              out);
    }
    return done(ops, store, err, arena, fault);
}

/* --- one ----------------------------------------------------------------- */

static enum pn_err
read_token(struct pn_store *store, const struct pn_caller *caller, uint64_t id,
           struct pn_arena *arena, struct pn_token *out)
{
    struct pn_token token;
    bool may = false;
    enum pn_err err = pn_store_token_by_id(store, id, arena, &token);
    if (err == PN_OK) {
        err = may_look(store, caller, token.owner_id, &may);
    }
    if (err != PN_OK || !may) {
        return err != PN_OK ? err : PN_E_NOT_FOUND;
    }
    *out = token;
    return PN_OK;
}

bool
pn_ops_token(struct pn_ops *ops, const struct pn_caller *caller, uint64_t id,
             struct pn_arena *arena, struct pn_token *out,
             struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    bool itself = caller->kind == PN_CALLER_TOKEN && caller->token_id == id;
    if (!itself && !pn_may_read(caller, PN_READ_TOKENS, arena, fault)) {
        return false;
    }
    enum pn_err err = pn_reader_take(ops, &store);
    if (err != PN_OK) {
        return pn_fault_store(fault, arena, err);
    }
    return done(ops, store, read_token(store, caller, id, arena, out), arena,
                fault);
}

/* --- what was pasted ----------------------------------------------------- */

static bool
refuse_pasted(struct pn_fault *fault, struct pn_arena *arena,
              enum pn_token_kind kind)
{
    pn_fault_field_add(fault, arena, "/token", "invalid_token",
                       kind == PN_TOKEN_FOREIGN
                           ? "this does not begin like a token of this "
                             "installation"
                           : "this is no whole token: characters are missing, "
                             "too many or wrong");
    return false;
}

/* What was pasted brings blanks and line ends along. */
static struct pn_str
trimmed(const struct pn_secret *pasted)
{
    struct pn_str text = {pasted->bytes, pasted->len};
    while (text.len > 0 && (unsigned char) text.ptr[0] <= ' ') {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (unsigned char) text.ptr[text.len - 1] <= ' ') {
        text.len--;
    }
    return text;
}

static enum pn_err
secret_of(struct pn_store *store, const struct pn_token *token,
          const struct pn_hash *hash, struct pn_arena *arena,
          struct pn_token_secret *out)
{
    struct pn_token_secret *all = NULL;
    uint16_t count = 0;
    enum pn_err err = pn_store_secrets(store, token->id, arena, &all, &count);
    for (uint16_t i = 0; err == PN_OK && i < count; i++) {
        if (pn_bytes_eq_const_time(all[i].hash.bytes, hash->bytes, PN_HASH_LEN))
        {
            *out = all[i];
            return PN_OK;
        }
    }
    return err == PN_OK ? PN_E_NOT_FOUND : err;
}

bool
pn_ops_token_search(struct pn_ops *ops, const struct pn_caller *caller,
                    const struct pn_secret *pasted, struct pn_arena *arena,
                    struct pn_token_found *out, struct pn_fault *fault)
{
    const struct pn_str text = trimmed(pasted);
    struct pn_token_found found;
    struct pn_store *store = NULL;
    struct pn_hash hash;
    bool may = false;
    if (!pn_may_read(caller, PN_READ_TOKENS, arena, fault)) {
        return false;
    }
    enum pn_token_kind kind = pn_token_classify(text, &ops->prefixes);
    if (kind != PN_TOKEN_WELL_FORMED) {
        return refuse_pasted(fault, arena, kind);
    }
    enum pn_err err = pn_reader_take(ops, &store);
    if (err != PN_OK) {
        return pn_fault_store(fault, arena, err);
    }
    pn_hash_of(text, &hash);
    err = pn_store_token_by_hash(store, &hash, arena, &found.token);
    if (err == PN_OK) {
        err = may_look(store, caller, found.token.owner_id, &may);
    }
    if (err == PN_OK && !may) { /* as if there were none */
        err = PN_E_NOT_FOUND;
    }
    if (err == PN_OK) {
        err = secret_of(store, &found.token, &hash, arena, &found.secret);
    }
    if (err == PN_OK) {
        found.works =
            found.secret.ends_at == 0 || found.secret.ends_at > pn_ops_now();
        *out = found;
    }
    return done(ops, store, err, arena, fault);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token by its value: is it active (RFC 7662), and away with it (RFC 7009).
 *
 * Who shows a value that is none learns nothing: it looks like one that ended.
 */
#include <string.h>

#include "base/str.h"
#include "daemon/ops/effect.h"
#include "daemon/ops/inside.h"

/* The secret of this value, if it still works: whoever has it is its holder. */
static const struct pn_token_secret *
held(const struct pn_token *token, const struct pn_hash *hash, int64_t now)
{
    for (uint8_t i = 0; i < token->secret_count; i++) {
        const struct pn_token_secret *secret = &token->secrets[i];
        if (memcmp(secret->hash.bytes, hash->bytes, PN_HASH_LEN) == 0) {
            return secret->ends_at == 0 || secret->ends_at > now ? secret
                                                                 : NULL;
        }
    }
    return NULL;
}

/* *found: there is a token of this value; out has its times. */
static enum pn_err
find(struct pn_ops *ops, const struct pn_secret *value, struct pn_arena *arena,
     struct pn_introspection *out, bool *found)
{
    struct pn_store *store = NULL;
    struct pn_token token;
    struct pn_hash hash;
    enum pn_err err = pn_reader_take(ops, &store);
    if (err != PN_OK) {
        return err;
    }
    pn_hash_of((struct pn_str){value->bytes, value->len}, &hash);
    err = pn_store_token_by_hash(store, &hash, arena, &token);
    pn_reader_give(ops, store);
    const struct pn_token_secret *secret =
        err == PN_OK ? held(&token, &hash, pn_ops_now()) : NULL;
    *found = secret != NULL;
    if (secret != NULL) {
        out->token = token;
        out->made_at = secret->created_at;
        out->ends_at = pn_earlier_end(
            secret->ends_at,
            pn_earlier_end(token.expires_at, token.policy_expires_at));
    }
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

bool
pn_ops_introspect(struct pn_ops *ops, const struct pn_caller *caller,
                  const struct pn_secret *value, struct pn_arena *arena,
                  struct pn_introspection *out, struct pn_fault *fault)
{
    struct pn_introspection seen = {0};
    bool found = false;
    if (!pn_may_read(caller, PN_READ_INTROSPECT, arena, fault)) {
        return false;
    }
    enum pn_err err = find(ops, value, arena, &seen, &found);
    if (err != PN_OK) {
        return pn_fault_store(fault, arena, err);
    }
    seen.active = found && seen.token.state == PN_STATE_ACTIVE;
    *out = seen;
    return true;
}

bool
pn_ops_revoke_value(struct pn_ops *ops, const struct pn_caller *client,
                    const struct pn_secret *value, struct pn_arena *arena,
                    struct pn_fault *fault)
{
    struct pn_introspection seen = {0};
    bool found = false;
    enum pn_err err = find(ops, value, arena, &seen, &found);
    if (err != PN_OK) {
        return pn_fault_store(fault, arena, err);
    }
    const struct pn_token token = seen.token;
    if (!found || token.revoked_at != 0) {
        return true;
    }
    const struct pn_caller holder = {
        .kind = PN_CALLER_TOKEN,
        .user_id = token.owner_id,
        .username = token.owner,
        .token_id = token.id,
        .address = client->address,
        .user_agent = client->user_agent,
        .request_id = client->request_id,
    };
    struct pn_change change = {
        .act = PN_ACT_TOKEN_REVOKE, .id = token.id, .reason = "by its holder"};
    return pn_ops_change(ops, &holder, &change, arena, fault);
}

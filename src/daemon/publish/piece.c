/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces, kind after kind. */
#include "daemon/publish/piece.h"

#include <string.h>

#include "base/str.h"
#include "daemon/publish/everything.h"

enum { STAGES = 5 };

/* The span of each kind, of which the last has no end. */
static const struct pn_index_key starts[STAGES + 1] = {
    {.len = 0},
    {.len = 1, .bytes = {PN_INDEX_KIND_META}},
    {.len = 1, .bytes = {PN_INDEX_KIND_OWNER}},
    {.len = 1, .bytes = {PN_INDEX_KIND_POLICY}},
    {.len = 2, .bytes = {PN_INDEX_KIND_POLICY, 0}},
    {.len = 0},
};

/* The key that comes next after this one. */
static struct pn_index_key
after(struct pn_index_key key)
{
    key.bytes[key.len++] = 0; /* there is room: it is an id's or a hash's */
    return key;
}

static enum pn_err
nothing_before(void *arg)
{
    (void) arg;
    return PN_OK;
}

static enum pn_err
emit_owners(struct pn_publication *run, size_t limit,
            struct pn_index_span *span)
{
    struct pn_id_batch batch;
    enum pn_err err = pn_store_owners_after(
        run->store, pn_index_key_id_of(&span->from), limit, &batch);

    for (size_t i = 0; err == PN_OK && i < batch.count; i++) {
        err = pn_publish_alone(run, pn_publish_owner, batch.id[i]);
    }
    if (err == PN_OK && batch.count == limit) {
        struct pn_index_key last;

        pn_index_key_id(PN_INDEX_KIND_OWNER, batch.id[limit - 1], &last);
        span->to = after(last);
    }
    return err;
}

/* Of a walk over tokens or secrets: the last key. */
struct walk {
    struct pn_publication *run;
    struct pn_index_key last;
};

static enum pn_err
emit_name(void *arg, const struct pn_token *token,
          const struct pn_token_secret *secret, struct pn_arena *arena)
{
    struct walk *walk = arg;

    (void) secret;
    (void) arena;
    pn_index_key_id(PN_INDEX_KIND_TOKEN_NAME, token->id, &walk->last);
    return pn_publish_name_of(walk->run, token);
}

static enum pn_err
emit_names(struct pn_publication *run, size_t limit, struct pn_index_span *span)
{
    struct walk walk = {.run = run};
    size_t count = 0;
    enum pn_err err =
        pn_store_tokens_after(run->store, pn_index_key_id_of(&span->from),
                              limit, emit_name, &walk, &count);

    if (err == PN_OK && count == limit) {
        span->to = after(walk.last);
    }
    return err;
}

static enum pn_err
emit_secret(void *arg, const struct pn_token *token,
            const struct pn_token_secret *secret, struct pn_arena *arena)
{
    struct walk *walk = arg;

    pn_index_key_token(&secret->hash, &walk->last);
    return pn_publish_secret_of(walk->run, token, secret, arena);
}

/* Of two hashes whose first half is the same the second is passed over: that is
 * as likely as a token that was guessed. */
static enum pn_err
emit_secrets(struct pn_publication *run, size_t limit,
             struct pn_index_span *span)
{
    struct walk walk = {.run = run};
    const bool first = span->from.len <= PN_HASH_KEY_LEN;
    struct pn_hash hash;
    size_t count = 0;
    enum pn_err err;

    memset(&hash, 0xff, sizeof(hash));
    if (!first) {
        memcpy(hash.bytes, span->from.bytes + 1, PN_HASH_KEY_LEN);
    }
    err = pn_store_secrets_after(run->store, first ? NULL : &hash, limit,
                                 emit_secret, &walk, &count);
    if (err == PN_OK && count == limit) {
        span->to = after(walk.last);
    }
    return err;
}

static enum pn_err
emit_apps(struct pn_publication *run, size_t limit, struct pn_index_span *span)
{
    struct pn_everything all = {run, nothing_before, NULL};

    (void) limit;
    (void) span;
    return pn_publish_apps(&all);
}

static enum pn_err
emit_policy(struct pn_publication *run, size_t limit,
            struct pn_index_span *span)
{
    (void) limit;
    (void) span;
    return pn_publish_alone(run, pn_publish_policy, 0);
}

enum pn_err
pn_piece_emit(struct pn_publication *run, const struct pn_piece *piece,
              struct pn_index_span *span)
{
    static enum pn_err (*const emit[STAGES])(struct pn_publication *, size_t,
                                             struct pn_index_span *) = {
        emit_apps, emit_names, emit_owners, emit_policy, emit_secrets};

    span->from = piece->from;
    span->to = starts[piece->stage + 1];
    return emit[piece->stage](run, piece->limit, span);
}

bool
pn_piece_next(struct pn_piece *piece, const struct pn_index_span *span)
{
    const struct pn_index_key *end = &starts[piece->stage + 1];

    piece->from = span->to;
    if (span->to.len == end->len
        && memcmp(span->to.bytes, end->bytes, end->len) == 0)
    {
        piece->stage++;
    }
    return piece->stage < STAGES;
}

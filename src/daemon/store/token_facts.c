/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens as policies look at them, in batches by owner: two statements a batch,
 * one for the tokens and one for who is in which groups.
 */
#include "daemon/store/token_facts.h"

#include "base/cursor.h"
#include "base/str.h"
#include "daemon/model/codec.h"
#include "daemon/store/internal.h"

enum { ID_BYTES = 8, FACTS_BATCH = 512, BATCH_ARENA_MAX = 64 << 20 };

struct batch {
    struct pn_arena *arena;
    struct pn_token_facts *token;
    struct pn_owner_facts *owner;
    uint16_t tokens, owners;
};

/* The row's owner, who is the last row's in most cases. */
static const struct pn_owner_facts *
owner_of_row(struct batch *b, struct pn_stmt *q)
{
    uint64_t id = pn_stmt_col_id(q, 1);

    if (b->owners == 0 || b->owner[b->owners - 1].id != id) {
        b->owner[b->owners++] = (struct pn_owner_facts){
            .id = id,
            .active = pn_stmt_col_int(q, 2) != 0,
            .role = (enum pn_role) pn_stmt_col_int(q, 3),
        };
    }
    return &b->owner[b->owners - 1];
}

static enum pn_err
load_rules(struct pn_str text, struct batch *b, struct pn_token_facts *facts)
{
    struct pn_token token = {0};
    enum pn_err err = pn_token_rules_load(text, b->arena, &token);

    if (err == PN_OK) {
        facts->ip = token.ip;
        facts->paths = token.paths;
    }
    return err;
}

static enum pn_err
take_row(struct batch *b, struct pn_stmt *q, const struct pn_facts_query *query)
{
    struct pn_row row = {.q = q, .arena = b->arena};
    struct pn_token_facts facts = {
        .id = pn_stmt_col_id(q, 0),
        .owner = owner_of_row(b, q),
        .owner_name = pn_row_text(&row, 4),
        .name = pn_row_text(&row, 5),
        .made_at = pn_stmt_col_int(q, 6),
        .expires_at = pn_stmt_col_int(q, 7),
        .policy_expires_at = pn_stmt_col_int(q, 8),
        .disabled = pn_stmt_col_int(q, 9) != 0,
        .access = (enum pn_access) pn_stmt_col_int(q, 10),
        .last_used_at = pn_stmt_col_int(q, 11),
        .last_address = pn_row_text(&row, 12),
        .created_at = pn_stmt_col_int(q, 14),
        .idle_from = pn_stmt_col_int(q, 15),
        .not_before = pn_stmt_col_int(q, 16),
        .disable_at = pn_stmt_col_int(q, 17),
    };
    enum pn_err err = row.no_memory ? PN_E_NOMEM : PN_OK;

    if (err == PN_OK && query->with == PN_FACTS_RULES) {
        err = load_rules(pn_stmt_col_str(q, 13), b, &facts);
    }
    if (err == PN_OK) {
        b->token[b->tokens++] = facts;
    }
    return err;
}

/* clang-format off */
#define FACTS_OF                                                               \
    "SELECT t.id, t.owner_id, COALESCE(u.active, 0), COALESCE(u.role, 0),"     \
    " COALESCE(u.username, t.owner_name), t.name,"                             \
    " COALESCE(s.created_at, t.created_at), t.expires_at,"                     \
    " t.policy_expires_at, t.disabled, t.access, t.last_used_at,"              \
    " t.last_used_address, t.rules, t.created_at, t.idle_from, t.not_before,"  \
    " t.disable_at FROM tokens t"                                              \
    " LEFT JOIN secrets s ON s.token_id = t.id AND s.ends_at = 0"              \
    " LEFT JOIN users u ON u.id = t.owner_id"                                  \
    " WHERE (t.owner_id, t.id) > ($1, $2) AND t.revoked_at = 0"                \
    " AND (t.expires_at = 0 OR t.expires_at > $3)"
#define IN_ORDER " ORDER BY t.owner_id, t.id LIMIT $4"
/* clang-format on */

static enum pn_err
read_tokens(struct pn_store *store, const struct pn_facts_query *query,
            struct batch *b)
{
    struct pn_stmt *q =
        query->which == PN_FACTS_ALL
            ? pn_db_query(store->db, FACTS_OF IN_ORDER)
            : pn_db_query(store->db,
                          FACTS_OF " AND t.policy_expires_at <> 0" IN_ORDER);
    enum pn_err err;

    pn_stmt_id(q, 1, query->after_owner);
    pn_stmt_id(q, 2, query->after_id);
    pn_stmt_int(q, 3, query->now);
    pn_stmt_int(q, 4, FACTS_BATCH);
    while ((err = pn_stmt_step(q)) == PN_OK) {
        err = take_row(b, q, query);
        if (err != PN_OK) {
            break;
        }
    }
    pn_stmt_done(q);
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

/* The groups that were collected for one owner, into the arena. */
static enum pn_err
settle(struct batch *b, struct pn_owner_facts *owner, const struct pn_buf *ids)
{
    char *bytes;

    if (ids->len == 0) {
        return PN_OK;
    }
    bytes = pn_arena_dup(b->arena, pn_buf_str(ids));
    if (bytes == NULL) {
        return PN_E_NOMEM;
    }
    owner->groups = (struct pn_ids){(const uint8_t *) bytes,
                                    (uint16_t) (ids->len / ID_BYTES)};
    return PN_OK;
}

/* Memberships come in the order of users, as the owners do: one walk. */
static enum pn_err
read_groups(struct pn_store *store, struct batch *b)
{
    char bytes[PN_GROUPS_MAX * ID_BYTES];
    struct pn_buf ids = PN_BUF(bytes);
    struct pn_stmt *q;
    uint16_t at = 0;
    enum pn_err err;

    if (b->owners == 0) {
        return PN_OK;
    }
    q = pn_db_query(store->db, "SELECT user_id, group_id FROM memberships"
                               " WHERE user_id >= $1 AND user_id <= $2"
                               " ORDER BY user_id, group_id");
    pn_stmt_id(q, 1, b->owner[0].id);
    pn_stmt_id(q, 2, b->owner[b->owners - 1].id);
    while ((err = pn_stmt_step(q)) == PN_OK) {
        uint64_t user = pn_stmt_col_id(q, 0);

        while (at < b->owners && b->owner[at].id < user && err == PN_OK) {
            err = settle(b, &b->owner[at++], &ids);
            ids.len = 0;
        }
        if (err != PN_OK) {
            break;
        }
        /* beyond PN_GROUPS_MAX they count nowhere */
        if (at < b->owners && b->owner[at].id == user
            && ids.len + ID_BYTES <= ids.cap) {
            pn_put_u64(&ids, pn_stmt_col_id(q, 1));
        }
    }
    pn_stmt_done(q);
    if (err == PN_E_NOT_FOUND && at < b->owners) {
        return settle(b, &b->owner[at], &ids);
    }
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

static enum pn_err
read_batch(struct pn_store *store, const struct pn_facts_query *query,
           struct batch *b)
{
    enum pn_err err;

    b->token = pn_arena_array(b->arena, FACTS_BATCH, sizeof(*b->token));
    b->owner = pn_arena_array(b->arena, FACTS_BATCH, sizeof(*b->owner));
    if (b->token == NULL || b->owner == NULL) {
        return PN_E_NOMEM;
    }
    err = read_tokens(store, query, b);
    return err == PN_OK ? read_groups(store, b) : err;
}

/* No statement is open while call runs. */
enum pn_err
pn_store_each_token_facts(struct pn_store *store,
                          const struct pn_facts_query *query, pn_facts_fn *call,
                          void *arg)
{
    struct pn_facts_query at = *query;
    enum pn_err err = PN_OK;
    bool enough = false;

    while (err == PN_OK && !enough) {
        struct batch b = {.arena = pn_arena_new(BATCH_ARENA_MAX)};

        err = b.arena == NULL ? PN_E_NOMEM : read_batch(store, &at, &b);
        for (uint16_t i = 0; err == PN_OK && !enough && i < b.tokens; i++) {
            err = call(arg, &b.token[i], &enough);
            at.after_owner = b.token[i].owner->id;
            at.after_id = b.token[i].id;
        }
        enough = enough || b.tokens < FACTS_BATCH;
        pn_arena_free(b.arena);
    }
    return err;
}

enum pn_err
pn_store_token_policy_end(struct pn_store *store, uint64_t id, int64_t end,
                          uint64_t version)
{
    struct pn_stmt *q = pn_db_query(
        store->db,
        "UPDATE tokens SET policy_expires_at = $2, policy_version = $3,"
        " live_name = CASE WHEN live_name IS NOT NULL OR EXISTS"
        " (SELECT 1 FROM tokens o WHERE o.owner_id = tokens.owner_id"
        " AND o.live_name = tokens.name) THEN live_name ELSE name END"
        " WHERE id = $1");

    pn_stmt_id(q, 1, id);
    pn_stmt_int(q, 2, end);
    pn_stmt_id(q, 3, version);
    return pn_run_on_row(store, q);
}

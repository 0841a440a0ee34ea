/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many tokens by one query each some hundred: where the database is another
 * machine, each question costs as much as some dozens of answers.
 */
#include <string.h>

#include "base/str.h"
#include "daemon/store/tokens.h"

enum {
    ROW_ARENA_MAX = 16 << 20,
    HASH_COLUMN = PN_TOKEN_COLUMN_COUNT,
    ENDS_COLUMN
};

struct step {
    struct pn_store *store;
    struct pn_stmt *q;
    pn_store_stored_fn *call;
    void *arg;
    bool has_secret;
};

static enum pn_err
hand_on(const struct step *step, struct pn_arena *arena)
{
    struct pn_row row = {.q = step->q};
    struct pn_token_secret secret = {.id = 0};
    struct pn_token token;
    enum pn_err err = pn_token_of_row(step->store, step->q, arena, &token);

    if (err == PN_OK && step->has_secret) {
        secret.ends_at = pn_stmt_col_int(step->q, ENDS_COLUMN);
        err = pn_row_hash(&row, HASH_COLUMN, &secret.hash);
    }
    return err == PN_OK ? step->call(step->arg, &token, &secret, arena) : err;
}

/* Each row of a query whose parameters are bound. */
static enum pn_err
each_row(const struct step *step, size_t *count)
{
    size_t found = 0;
    enum pn_err err;

    while ((err = pn_stmt_step(step->q)) == PN_OK) {
        struct pn_arena *arena = pn_arena_new(ROW_ARENA_MAX);

        err = arena == NULL ? PN_E_NOMEM : hand_on(step, arena);
        pn_arena_free(arena);
        if (err != PN_OK) {
            break;
        }
        found++;
    }
    pn_stmt_done(step->q);
    if (err != PN_E_NOT_FOUND) {
        return err;
    }
    *count = found;
    return PN_OK;
}

enum pn_err
pn_store_tokens_after(struct pn_store *store, uint64_t id, size_t limit,
                      pn_store_stored_fn *call, void *arg, size_t *count)
{
    const struct step step = {
        .store = store,
        .q = pn_db_query(store->db, "SELECT " PN_TOKEN_COLUMNS " FROM tokens t"
                                    " LEFT JOIN users u ON u.id = t.owner_id"
                                    " WHERE t.id > $1 ORDER BY t.id LIMIT $2"),
        .call = call,
        .arg = arg};

    pn_stmt_id(step.q, 1, id);
    pn_stmt_int(step.q, 2, (int64_t) limit);
    return each_row(&step, count);
}

enum pn_err
pn_store_secrets_after(struct pn_store *store, const struct pn_hash *hash,
                       size_t limit, pn_store_stored_fn *call, void *arg,
                       size_t *count)
{
    /* shorter than any hash: before it */
    const struct pn_str first = PN_STR("\0");
    const struct step step = {
        .store = store,
        .q = pn_db_query(store->db,
                         "SELECT " PN_TOKEN_COLUMNS ", s.hash, s.ends_at"
                         " FROM secrets s JOIN tokens t ON t.id = s.token_id"
                         " LEFT JOIN users u ON u.id = t.owner_id"
                         " WHERE s.hash > $1 ORDER BY s.hash LIMIT $2"),
        .call = call,
        .arg = arg,
        .has_secret = true};

    pn_stmt_blob(step.q, 1,
                 hash != NULL ? (const char *) hash->bytes : first.ptr,
                 hash != NULL ? PN_HASH_LEN : first.len);
    pn_stmt_int(step.q, 2, (int64_t) limit);
    return each_row(&step, count);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The change feed, and walks over everything.
 *
 * Positions come from one counter row: whoever raises it holds its lock until
 * the transaction ends, so position order is commit order, and a rollback gives
 * the number back.  A gap is therefore always a sign of trouble.
 */
#include "base/str.h"
#include "daemon/store/internal.h"

enum pn_err
pn_store_position(struct pn_store *store, int64_t *out)
{
    return pn_run_for_int(
        pn_db_query(store->db, "SELECT position FROM feed_head WHERE id = 1"),
        out);
}

enum pn_err
pn_store_change_add(struct pn_store *store, enum pn_change_kind kind,
                    uint64_t id, const char *old_name)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "UPDATE feed_head SET position = position + 1 WHERE id = 1");
    enum pn_err err = pn_run_on_row(store, q);

    if (err != PN_OK) {
        return err;
    }
    q = pn_db_query(store->db,
                    "INSERT INTO changes (position, kind, object_id, old_name)"
                    " SELECT position, $1, $2, $3 FROM feed_head WHERE id = 1");
    pn_stmt_int(q, 1, kind);
    pn_stmt_id(q, 2, id);
    pn_stmt_text(q, 3, old_name);
    return pn_stmt_run(q);
}

enum pn_err
pn_store_changes(struct pn_store *store, int64_t after, uint16_t limit,
                 struct pn_arena *arena, struct pn_feed_change **out,
                 uint16_t *count)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT position, kind, object_id, old_name FROM changes"
                   " WHERE position > $1 ORDER BY position LIMIT $2");
    struct pn_row row = {.q = q, .arena = arena};
    struct pn_feed_change *change =
        pn_arena_array(arena, limit, sizeof(*change));
    uint16_t found = 0;
    enum pn_err err = change == NULL ? PN_E_NOMEM : PN_OK;

    pn_stmt_int(q, 1, after);
    pn_stmt_int(q, 2, limit);
    while (err == PN_OK && (err = pn_stmt_step(q)) == PN_OK) {
        change[found++] = (struct pn_feed_change){
            .position = pn_stmt_col_int(q, 0),
            .kind = (enum pn_change_kind) pn_stmt_col_int(q, 1),
            .id = pn_stmt_col_id(q, 2),
            .old_name = pn_str_from(pn_row_text_or_null(&row, 3)),
        };
    }
    pn_stmt_done(q);
    if (err != PN_E_NOT_FOUND || row.no_memory) {
        return row.no_memory ? PN_E_NOMEM : err;
    }
    *out = change;
    *count = found;
    return PN_OK;
}

enum pn_err
pn_store_changes_trim(struct pn_store *store, int64_t up_to)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "DELETE FROM changes WHERE position <= $1");

    pn_stmt_int(q, 1, up_to);
    return pn_stmt_run(q);
}

enum pn_err
pn_store_counts(struct pn_store *store, struct pn_counts *out)
{
    static const char *const sql[] = {
        "SELECT COUNT(*) FROM apps",
        "SELECT COUNT(*) FROM users",
        "SELECT COUNT(*) FROM tokens",
        "SELECT COUNT(*) FROM secrets",
    };
    int64_t count[PN_LEN(sql)] = {0};
    enum pn_err err = PN_OK;

    for (size_t i = 0; err == PN_OK && i < PN_LEN(sql); i++) {
        err = pn_run_for_int(pn_db_query(store->db, sql[i]), &count[i]);
    }
    if (err == PN_OK) {
        *out = (struct pn_counts){.apps = (uint64_t) count[0],
                                  .owners = (uint64_t) count[1],
                                  .tokens = (uint64_t) count[2],
                                  .secrets = (uint64_t) count[3]};
    }
    return err;
}

/* --- walks --------------------------------------------------------------- */

/* Ids of one batch, at most limit; sql takes $1 = the last id, $2 = how many,
 * and $3 = group if that is not 0. */
static enum pn_err
next_batch(struct pn_store *store, const char *sql, uint64_t group,
           uint64_t last, struct pn_id_batch *out, size_t limit)
{
    struct pn_stmt *q = pn_db_query(store->db, sql);
    size_t found = 0;
    enum pn_err err = PN_OK;

    pn_stmt_id(q, 1, last);
    pn_stmt_int(q, 2, (int64_t) limit);
    if (group != 0) {
        pn_stmt_id(q, 3, group);
    }
    while (found < limit && (err = pn_stmt_step(q)) == PN_OK) {
        out->id[found++] = pn_stmt_col_id(q, 0);
    }
    pn_stmt_done(q);
    if (err != PN_OK && err != PN_E_NOT_FOUND) {
        return err;
    }
    out->count = found;
    return PN_OK;
}

/* No statement is open while call runs, so it may use the store freely. */
static enum pn_err
walk(struct pn_store *store, const char *sql, uint64_t group,
     pn_store_each_fn *call, void *arg)
{
    struct pn_id_batch batch = {.count = PN_STORE_BATCH};
    uint64_t last = 0;
    enum pn_err err = PN_OK;

    while (err == PN_OK && batch.count == PN_STORE_BATCH) {
        err = next_batch(store, sql, group, last, &batch, PN_STORE_BATCH);
        for (size_t i = 0; err == PN_OK && i < batch.count; i++) {
            err = call(arg, batch.id[i]);
            last = batch.id[i];
        }
    }
    return err;
}

#define TOKENS_AFTER "SELECT id FROM tokens WHERE id > $1 ORDER BY id LIMIT $2"
#define OWNERS_AFTER "SELECT id FROM users WHERE id > $1 ORDER BY id LIMIT $2"

enum pn_err
pn_store_each_token(struct pn_store *store, pn_store_each_fn *call, void *arg)
{
    return walk(store, TOKENS_AFTER, 0, call, arg);
}

enum pn_err
pn_store_each_owner(struct pn_store *store, pn_store_each_fn *call, void *arg)
{
    return walk(store, OWNERS_AFTER, 0, call, arg);
}

enum pn_err
pn_store_owners_after(struct pn_store *store, uint64_t id, size_t limit,
                      struct pn_id_batch *out)
{
    return next_batch(store, OWNERS_AFTER, 0, id, out, limit);
}

enum pn_err
pn_store_each_app(struct pn_store *store, pn_store_each_fn *call, void *arg)
{
    return walk(store,
                "SELECT id FROM apps WHERE id > $1 ORDER BY id"
                " LIMIT $2",
                0, call, arg);
}

enum pn_err
pn_store_each_member(struct pn_store *store, uint64_t group_id,
                     pn_store_each_fn *call, void *arg)
{
    if (group_id == 0) {
        return PN_OK;
    }
    return walk(store,
                "SELECT user_id FROM memberships WHERE user_id > $1"
                " AND group_id = $3 ORDER BY user_id LIMIT $2",
                group_id, call, arg);
}

enum pn_err
pn_store_each_of_app(struct pn_store *store, uint64_t app_id,
                     pn_store_each_fn *call, void *arg)
{
    if (app_id == 0) {
        return PN_OK;
    }
    return walk(store,
                "SELECT token_id FROM token_apps WHERE token_id > $1"
                " AND app_id = $3 ORDER BY token_id LIMIT $2",
                app_id, call, arg);
}

/* --- secrets ------------------------------------------------------------- */

struct secrets {
    uint64_t token_id[PN_STORE_BATCH];
    struct pn_token_secret secret[PN_STORE_BATCH];
    size_t count;
};

static enum pn_err
next_secrets(struct pn_store *store, const struct pn_hash *hash,
             struct secrets *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT token_id, hash, ends_at FROM secrets"
                               " WHERE hash > $1 ORDER BY hash LIMIT $2");
    /* shorter than any hash: before it */
    const struct pn_str first = PN_STR("\0");
    struct pn_row row = {.q = q};
    enum pn_err err = PN_OK;
    size_t found = 0;

    pn_stmt_blob(q, 1, hash != NULL ? (const char *) hash->bytes : first.ptr,
                 hash != NULL ? PN_HASH_LEN : first.len);
    pn_stmt_int(q, 2, PN_STORE_BATCH);
    while (found < PN_STORE_BATCH && (err = pn_stmt_step(q)) == PN_OK) {
        struct pn_token_secret *secret = &out->secret[found];

        *secret = (struct pn_token_secret){.ends_at = pn_stmt_col_int(q, 2)};
        out->token_id[found] = pn_stmt_col_id(q, 0);
        err = pn_row_hash(&row, 1, &secret->hash);
        if (err != PN_OK) {
            break;
        }
        found++;
    }
    pn_stmt_done(q);
    if (err != PN_OK && err != PN_E_NOT_FOUND) {
        return err;
    }
    out->count = found;
    return PN_OK;
}

enum pn_err
pn_store_each_secret(struct pn_store *store, pn_store_each_secret_fn *call,
                     void *arg)
{
    struct secrets batch = {.count = PN_STORE_BATCH};
    const struct pn_hash *after = NULL;
    struct pn_hash last;
    enum pn_err err = PN_OK;

    while (err == PN_OK && batch.count == PN_STORE_BATCH) {
        err = next_secrets(store, after, &batch);
        for (size_t i = 0; err == PN_OK && i < batch.count; i++) {
            err = call(arg, batch.token_id[i], &batch.secret[i]);
            last = batch.secret[i].hash;
            after = &last;
        }
    }
    return err;
}

enum pn_err
pn_store_each_of_policy(struct pn_store *store, uint64_t version,
                        pn_store_each_fn *call, void *arg)
{
    if (version == 0) {
        return PN_OK;
    }
    return walk(store,
                "SELECT id FROM tokens WHERE id > $1 AND policy_version = $3"
                " AND policy_version <> 0 ORDER BY id LIMIT $2",
                version, call, arg);
}

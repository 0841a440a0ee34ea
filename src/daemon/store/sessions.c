/* SPDX-License-Identifier: Apache-2.0 */
/* Sign-ins of people. */
#include "daemon/store/internal.h"

enum pn_err
pn_store_session_insert(struct pn_store *store, const struct pn_session *ses)
{
    struct pn_stmt *q = pn_db_query(
        store->db,
        "INSERT INTO sessions (id, user_id, hash, created_at, last_seen_at,"
        " signed_in_at, address, user_agent)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");

    pn_stmt_id(q, 1, ses->id);
    pn_stmt_id(q, 2, ses->user_id);
    pn_stmt_blob(q, 3, ses->hash.bytes, sizeof(ses->hash.bytes));
    pn_stmt_int(q, 4, ses->created_at);
    pn_stmt_int(q, 5, ses->last_seen_at);
    pn_stmt_int(q, 6, ses->signed_in_at);
    pn_stmt_text(q, 7, ses->address == NULL ? "" : ses->address);
    pn_stmt_text(q, 8, ses->user_agent == NULL ? "" : ses->user_agent);
    return pn_stmt_run(q);
}

static enum pn_err
read_session(struct pn_stmt *q, struct pn_arena *arena, struct pn_session *out)
{
    struct pn_row row = {.q = q, .arena = arena};
    struct pn_session ses = {
        .id = pn_stmt_col_id(q, 0),
        .user_id = pn_stmt_col_id(q, 1),
        .created_at = pn_stmt_col_int(q, 3),
        .last_seen_at = pn_stmt_col_int(q, 4),
        .signed_in_at = pn_stmt_col_int(q, 5),
        .address = pn_row_text(&row, 6),
        .user_agent = pn_row_text(&row, 7),
    };
    enum pn_err err = pn_row_hash(&row, 2, &ses.hash);

    if (row.no_memory || err != PN_OK) {
        return row.no_memory ? PN_E_NOMEM : err;
    }
    *out = ses;
    return PN_OK;
}

enum pn_err
pn_store_session_by_hash(struct pn_store *store, const struct pn_hash *hash,
                         struct pn_arena *arena, struct pn_session *out)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT id, user_id, hash, created_at, last_seen_at,"
                   " signed_in_at, address, user_agent"
                   " FROM sessions WHERE hash = $1");
    enum pn_err err;

    pn_stmt_blob(q, 1, hash->bytes, sizeof(hash->bytes));
    err = pn_stmt_step(q);
    if (err == PN_OK) {
        err = read_session(q, arena, out);
    }
    pn_stmt_done(q);
    return err;
}

enum pn_err
pn_store_session_is(struct pn_store *store, uint64_t id, bool *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT COUNT(*) FROM sessions WHERE id = $1");
    int64_t count = 0;
    enum pn_err err;

    pn_stmt_id(q, 1, id);
    err = pn_run_for_int(q, &count);
    if (err == PN_OK) {
        *out = count > 0;
    }
    return err;
}

enum pn_err
pn_store_session_delete(struct pn_store *store, uint64_t id)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "DELETE FROM sessions WHERE id = $1");

    pn_stmt_id(q, 1, id);
    return pn_run_on_row(store, q);
}

enum pn_err
pn_store_sessions_delete_of(struct pn_store *store, uint64_t user_id,
                            uint64_t except_id, uint32_t *count)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "DELETE FROM sessions WHERE user_id = $1 AND id <> $2");
    enum pn_err err;

    pn_stmt_id(q, 1, user_id);
    pn_stmt_id(q, 2, except_id);
    err = pn_stmt_run(q);
    if (err == PN_OK && count != NULL) {
        *count = (uint32_t) pn_db_touched(store->db);
    }
    return err;
}

enum pn_err
pn_store_sessions_purge(struct pn_store *store, int64_t created_before,
                        int64_t seen_before)
{
    struct pn_stmt *q = pn_db_query(
        store->db,
        "DELETE FROM sessions WHERE created_at < $1 OR last_seen_at < $2");

    pn_stmt_int(q, 1, created_before);
    pn_stmt_int(q, 2, seen_before);
    return pn_stmt_run(q);
}

enum pn_err
pn_store_session_seen(struct pn_store *store, uint64_t id, int64_t at)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "UPDATE sessions SET last_seen_at = $2"
                               " WHERE id = $1 AND last_seen_at < $2");

    pn_stmt_id(q, 1, id);
    pn_stmt_int(q, 2, at);
    return pn_stmt_run(q);
}

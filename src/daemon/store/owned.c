/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that one owner has, ended at once. */
#include "daemon/store/internal.h"

enum { BATCH = 512 };

/* Ids of the owner's tokens that are not revoked, above last, ascending. */
static enum pn_err
next_ids(struct pn_store *store, uint64_t owner_id, uint64_t last,
         uint64_t id[BATCH], size_t *count)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT id FROM tokens WHERE owner_id = $1 AND id > $2"
                   " AND revoked_at = 0 ORDER BY id LIMIT $3");
    size_t found = 0;
    enum pn_err err;

    pn_stmt_id(q, 1, owner_id);
    pn_stmt_id(q, 2, last);
    pn_stmt_int(q, 3, BATCH);
    while ((err = pn_stmt_step(q)) == PN_OK) {
        id[found++] = pn_stmt_col_id(q, 0);
    }
    pn_stmt_done(q);
    if (err != PN_E_NOT_FOUND) {
        return err;
    }
    *count = found;
    return PN_OK;
}

static enum pn_err
revoke(struct pn_store *store, const struct pn_revocation *r, uint64_t id)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "UPDATE tokens SET revoked_at = $2, revoked_by = $3,"
                   " revoked_reason = $4, live_name = NULL, disable_at = 0"
                   " WHERE id = $1");
    enum pn_err err;

    pn_stmt_id(q, 1, id);
    pn_stmt_int(q, 2, r->at);
    pn_stmt_text(q, 3, r->by);
    pn_stmt_text(q, 4, r->reason);
    err = pn_run_on_row(store, q);
    return err == PN_OK ? pn_store_change_add(store, PN_CHANGE_TOKEN, id, NULL)
                        : err;
}

/* Rows are changed one by one, since each needs its place in the feed; no
 * token is loaded, so an owner of thousands costs no memory. */
enum pn_err
pn_store_tokens_revoke_of(struct pn_store *store, uint64_t owner_id,
                          const struct pn_revocation *revocation,
                          uint32_t *count)
{
    uint64_t id[BATCH], last = 0;
    size_t found = BATCH;
    uint32_t revoked = 0;
    enum pn_err err = PN_OK;

    while (err == PN_OK && found == BATCH) {
        err = next_ids(store, owner_id, last, id, &found);
        for (size_t i = 0; err == PN_OK && i < found; i++) {
            err = revoke(store, revocation, id[i]);
            last = id[i];
            revoked++;
        }
    }
    if (err == PN_OK) {
        *count = revoked;
    }
    return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that were prepared for somebody.  A row stays after its end, so that
 * a link that is opened too late can be told why it does not work.
 */
#include "base/str.h"
#include "daemon/store/internal.h"

#define HANDOVER_COLUMNS                                                       \
    "h.id, h.owner_id, COALESCE(u.username, h.owner_name), h.settings,"        \
    " h.made_by_id, h.made_by, h.made_at, h.expires_at, h.ending, h.ended_at," \
    " h.ended_by, h.token_id"

#define HANDOVERS                                                              \
    "SELECT " HANDOVER_COLUMNS " FROM handovers h"                             \
    " LEFT JOIN users u ON u.id = h.owner_id"

static enum pn_err
read_handover(struct pn_stmt *q, struct pn_arena *arena, void *out)
{
    struct pn_row row = {.q = q, .arena = arena};
    struct pn_handover handover = {
        .id = pn_stmt_col_id(q, 0),
        .owner_id = pn_stmt_col_id(q, 1),
        .owner = pn_row_text(&row, 2),
        .settings = pn_row_text(&row, 3),
        .made_by_id = pn_stmt_col_id(q, 4),
        .made_by = pn_row_text(&row, 5),
        .made_at = pn_stmt_col_int(q, 6),
        .expires_at = pn_stmt_col_int(q, 7),
        .ending = (enum pn_handover_ending) pn_stmt_col_int(q, 8),
        .ended_at = pn_stmt_col_int(q, 9),
        .ended_by = pn_row_text(&row, 10),
        .token_id = pn_stmt_col_id(q, 11),
    };

    if (row.no_memory) {
        return PN_E_NOMEM;
    }
    *(struct pn_handover *) out = handover;
    return PN_OK;
}

static enum pn_err
load(struct pn_stmt *q, struct pn_arena *arena, struct pn_handover *out)
{
    enum pn_err err = pn_stmt_step(q);

    if (err == PN_OK) {
        err = read_handover(q, arena, out);
    }
    pn_stmt_done(q);
    return err;
}

enum pn_err
pn_store_handover_by_id(struct pn_store *store, uint64_t id,
                        struct pn_arena *arena, struct pn_handover *out)
{
    struct pn_stmt *q = pn_db_query(store->db, HANDOVERS " WHERE h.id = $1");

    pn_stmt_id(q, 1, id);
    return load(q, arena, out);
}

enum pn_err
pn_store_handover_by_code(struct pn_store *store, const struct pn_hash *hash,
                          struct pn_arena *arena, struct pn_handover *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, HANDOVERS " WHERE h.code_hash = $1");

    pn_stmt_blob(q, 1, hash->bytes, sizeof(hash->bytes));
    return load(q, arena, out);
}

enum pn_err
pn_store_handover_insert(struct pn_store *store,
                         const struct pn_handover *handover,
                         const struct pn_hash *code_hash)
{
    struct pn_stmt *q = pn_db_query(
        store->db,
        "INSERT INTO handovers (id, code_hash, owner_id, owner_name, settings,"
        " made_by_id, made_by, made_at, expires_at, ending, ended_at,"
        " ended_by, token_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, '', 0)");

    pn_stmt_id(q, 1, handover->id);
    pn_stmt_blob(q, 2, code_hash->bytes, sizeof(code_hash->bytes));
    pn_stmt_id(q, 3, handover->owner_id);
    pn_stmt_text(q, 4, handover->owner);
    pn_stmt_text(q, 5, handover->settings);
    pn_stmt_id(q, 6, handover->made_by_id);
    pn_stmt_text(q, 7, handover->made_by);
    pn_stmt_int(q, 8, handover->made_at);
    pn_stmt_int(q, 9, handover->expires_at);
    return pn_stmt_run(q);
}

enum pn_err
pn_store_handover_end(struct pn_store *store,
                      const struct pn_handover *handover)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "UPDATE handovers SET ending = $2, ended_at = $3,"
                   " ended_by = $4, token_id = $5 WHERE id = $1");

    pn_stmt_id(q, 1, handover->id);
    pn_stmt_int(q, 2, handover->ending);
    pn_stmt_int(q, 3, handover->ended_at);
    pn_stmt_text(q, 4, handover->ended_by);
    pn_stmt_id(q, 5, handover->token_id);
    return pn_run_on_row(store, q);
}

enum pn_err
pn_store_handovers_withdraw_of(struct pn_store *store, uint64_t user_id,
                               const struct pn_revocation *how, uint32_t *count)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "UPDATE handovers SET ending = $2, ended_at = $3,"
                   " ended_by = $4 WHERE ending = 0 AND expires_at > $3"
                   " AND (owner_id = $1 OR made_by_id = $1)");
    enum pn_err err;

    pn_stmt_id(q, 1, user_id);
    pn_stmt_int(q, 2, PN_HANDOVER_WITHDRAWN);
    pn_stmt_int(q, 3, how->at);
    pn_stmt_text(q, 4, how->by);
    err = pn_stmt_run(q);
    if (err == PN_OK) {
        *count = (uint32_t) pn_db_touched(store->db);
    }
    return err;
}

enum pn_err
pn_store_handovers_waiting(struct pn_store *store, uint64_t owner_id,
                           int64_t now, uint32_t *count)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT COUNT(*) FROM handovers WHERE owner_id = $1"
                   " AND ending = 0 AND expires_at > $2");
    int64_t waiting = 0;
    enum pn_err err;

    pn_stmt_id(q, 1, owner_id);
    pn_stmt_int(q, 2, now);
    err = pn_run_for_int(q, &waiting);
    if (err == PN_OK) {
        *count = (uint32_t) waiting;
    }
    return err;
}

static char *
cursor_of(const void *last, struct pn_arena *arena)
{
    return pn_cursor_of_number(((const struct pn_handover *) last)->id, arena);
}

enum pn_err
pn_store_handovers(struct pn_store *store, uint64_t owner_id,
                   const struct pn_page *page, struct pn_arena *arena,
                   struct pn_handover_list *out)
{
    static const struct pn_page_noun noun = {.size = sizeof(struct pn_handover),
                                             .read = read_handover,
                                             .cursor = cursor_of};
    struct pn_page_items items;
    struct pn_stmt *q;
    int64_t before = 0;
    enum pn_err err = pn_cursor_number(page, INT64_MAX, &before);

    if (err != PN_OK) {
        return err;
    }
    q = pn_db_query(store->db, owner_id == 0 ? HANDOVERS
                                   " WHERE h.id < $1 ORDER BY h.id DESC"
                                   " LIMIT $2"
                                             : HANDOVERS
                                   " WHERE h.id < $1 AND h.owner_id = $3"
                                   " ORDER BY h.id DESC LIMIT $2");
    pn_stmt_int(q, 1, before);
    pn_stmt_int(q, 2, pn_page_limit(page) + 1);
    if (owner_id != 0) {
        pn_stmt_id(q, 3, owner_id);
    }
    err = pn_page_read(q, page, &noun, arena, &items);
    if (err == PN_OK) {
        *out = (struct pn_handover_list){items.item, items.count, items.next};
    }
    return err;
}

enum pn_err
pn_store_handovers_purge(struct pn_store *store, int64_t expired_before)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "DELETE FROM handovers WHERE expires_at < $1");

    pn_stmt_int(q, 1, expired_before);
    return pn_stmt_run(q);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who keeps a service account: people by name, and the members of groups.
 *
 * Only active people count, judged at each question: whoever leaves a group or
 * is switched off is no custodian from that moment, and is one again when that
 * is taken back.
 */
#include "base/str.h"
#include "daemon/store/internal.h"

/* Rows of id and name, of the service account $1. */
static enum pn_err
load_named(struct pn_stmt *q, uint64_t account_id, struct pn_arena *arena,
           struct pn_named_list *out)
{
    struct pn_row row = {.q = q, .arena = arena};
    struct pn_named_list list = {0};
    enum pn_err err;

    pn_stmt_id(q, 1, account_id);
    while ((err = pn_stmt_step(q)) == PN_OK) {
        list.item = pn_grown(arena, list.item, list.count, sizeof(*list.item));
        if (list.item == NULL || list.count == UINT16_MAX) {
            err = PN_E_NOMEM;
            break;
        }
        list.item[list.count++] = (struct pn_named){
            .id = pn_stmt_col_id(q, 0), .name = pn_row_text(&row, 1)};
    }
    pn_stmt_done(q);
    if (err != PN_E_NOT_FOUND || row.no_memory) {
        return row.no_memory ? PN_E_NOMEM : err;
    }
    *out = list;
    return PN_OK;
}

/* An active person p keeps the account a, by name or through a group. */
#define KEPT_BY_P                                                              \
    " p.active = 1 AND p.service = 0 AND"                                      \
    " (EXISTS (SELECT 1 FROM custodians c"                                     \
    "  WHERE c.account_id = a.id AND c.user_id = p.id)"                        \
    " OR EXISTS (SELECT 1 FROM custodian_groups g"                             \
    "  JOIN memberships m ON m.group_id = g.group_id"                          \
    "  WHERE g.account_id = a.id AND m.user_id = p.id))"

static enum pn_err
has_custodian(struct pn_store *store, uint64_t account_id, bool *out)
{
    /* from the few who are named, not from all users */
    struct pn_stmt *q = pn_db_query(
        store->db,
        "SELECT COUNT(*) FROM users p WHERE p.active = 1 AND p.service = 0"
        " AND p.id IN (SELECT user_id FROM custodians WHERE account_id = $1"
        "  UNION SELECT m.user_id FROM custodian_groups g"
        "  JOIN memberships m ON m.group_id = g.group_id"
        "  WHERE g.account_id = $1)");
    int64_t count = 0;
    enum pn_err err;

    pn_stmt_id(q, 1, account_id);
    err = pn_run_for_int(q, &count);
    if (err == PN_OK) {
        *out = count > 0;
    }
    return err;
}

enum pn_err
pn_custodians_load(struct pn_store *store, struct pn_arena *arena,
                   struct pn_user *user)
{
    enum pn_err err;

    if (!user->service) {
        return PN_OK;
    }
    err = load_named(pn_db_query(store->db,
                                 "SELECT u.id, u.username FROM custodians c"
                                 " JOIN users u ON u.id = c.user_id"
                                 " WHERE c.account_id = $1"
                                 " ORDER BY u.username_key"),
                     user->id, arena, &user->custodians);
    if (err == PN_OK) {
        err = load_named(
            pn_db_query(store->db, "SELECT g.id, g.name FROM custodian_groups c"
                                   " JOIN user_groups g ON g.id = c.group_id"
                                   " WHERE c.account_id = $1 ORDER BY g.name"),
            user->id, arena, &user->custodian_groups);
    }
    return err == PN_OK ? has_custodian(store, user->id, &user->has_custodian)
                        : err;
}

static enum pn_err
put_named(struct pn_store *store, const char *const sql[2], uint64_t account_id,
          const struct pn_named_list *list)
{
    struct pn_stmt *q = pn_db_query(store->db, sql[0]);
    enum pn_err err;

    pn_stmt_id(q, 1, account_id);
    err = pn_stmt_run(q);
    for (uint16_t i = 0; err == PN_OK && i < list->count; i++) {
        q = pn_db_query(store->db, sql[1]);
        pn_stmt_id(q, 1, account_id);
        pn_stmt_id(q, 2, list->item[i].id);
        err = pn_stmt_run(q);
    }
    return err;
}

enum pn_err
pn_custodians_put(struct pn_store *store, const struct pn_user *user)
{
    static const char *const people[] = {
        "DELETE FROM custodians WHERE account_id = $1",
        "INSERT INTO custodians (account_id, user_id) VALUES ($1, $2)"};
    static const char *const groups[] = {
        "DELETE FROM custodian_groups WHERE account_id = $1",
        "INSERT INTO custodian_groups (account_id, group_id) VALUES ($1, $2)"};
    enum pn_err err;

    if (!user->service) {
        return PN_OK;
    }
    err = put_named(store, people, user->id, &user->custodians);
    return err == PN_OK
               ? put_named(store, groups, user->id, &user->custodian_groups)
               : err;
}

enum pn_err
pn_store_is_custodian(struct pn_store *store, uint64_t account_id,
                      uint64_t user_id, bool *out)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT COUNT(*) FROM users a JOIN users p ON p.id = $2"
                   " WHERE a.id = $1 AND a.service = 1 AND" KEPT_BY_P);
    int64_t count = 0;
    enum pn_err err;

    pn_stmt_id(q, 1, account_id);
    pn_stmt_id(q, 2, user_id);
    err = pn_run_for_int(q, &count);
    if (err == PN_OK) {
        *out = count > 0;
    }
    return err;
}

enum pn_err
pn_store_accounts_kept(struct pn_store *store, uint64_t user_id,
                       struct pn_arena *arena, struct pn_named_list *out)
{
    struct pn_stmt *q = pn_db_query(
        store->db,
        "SELECT a.id, a.username FROM users a WHERE a.service = 1"
        " AND a.id IN (SELECT account_id FROM custodians WHERE user_id = $1"
        "  UNION SELECT g.account_id FROM custodian_groups g"
        "  JOIN memberships m ON m.group_id = g.group_id"
        "  WHERE m.user_id = $1)"
        " ORDER BY a.username_key LIMIT 200");

    return load_named(q, user_id, arena, out);
}

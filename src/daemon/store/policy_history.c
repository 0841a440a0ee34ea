/* SPDX-License-Identifier: Apache-2.0 */
/* Former versions of the policy: who made them, when, and what came of it. */
#include "base/str.h"
#include "daemon/model/codec.h"
#include "daemon/store/internal.h"

#define MADE_COLUMNS                                                           \
    "version, made_by, made_at, enforce, enforce_days, tokens_changed,"        \
    " reverted_to"

static struct pn_policy_made
read_made(struct pn_row *row)
{
    struct pn_stmt *q = row->q;

    return (struct pn_policy_made){
        .version = pn_stmt_col_id(q, 0),
        .by = pn_row_text(row, 1),
        .at = pn_stmt_col_int(q, 2),
        .enforce = (enum pn_enforce) pn_stmt_col_int(q, 3),
        .days = (uint32_t) pn_stmt_col_int(q, 4),
        .tokens_changed = (uint32_t) pn_stmt_col_int(q, 5),
        .reverted_to = pn_stmt_col_id(q, 6),
    };
}

static struct pn_policy_made
default_made(void)
{
    static char nobody[] = "";

    return (struct pn_policy_made){.version = PN_POLICY_DEFAULT_VERSION,
                                   .by = nobody};
}

enum pn_err
pn_store_policy_note(struct pn_store *store, const struct pn_policy_made *made)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "UPDATE policies SET enforce = $2,"
                               " enforce_days = $3, tokens_changed = $4,"
                               " reverted_to = $5 WHERE version = $1");

    pn_stmt_id(q, 1, made->version);
    pn_stmt_int(q, 2, made->enforce);
    pn_stmt_int(q, 3, made->days);
    pn_stmt_int(q, 4, made->tokens_changed);
    pn_stmt_id(q, 5, made->reverted_to);
    return pn_run_on_row(store, q);
}

enum pn_err
pn_store_policy_version(struct pn_store *store, uint64_t version,
                        struct pn_arena *arena, struct pn_policy *policy,
                        struct pn_policy_made *made)
{
    struct pn_stmt *q;
    struct pn_row row = {.arena = arena};
    struct pn_policy_made found;
    enum pn_err err;

    if (version == PN_POLICY_DEFAULT_VERSION) {
        pn_policy_default(policy);
        *made = default_made();
        return PN_OK;
    }
    q = pn_db_query(store->db, "SELECT " MADE_COLUMNS ", document FROM policies"
                               " WHERE version = $1");
    pn_stmt_id(q, 1, version);
    err = pn_stmt_step(q);
    if (err == PN_OK) {
        row.q = q;
        found = read_made(&row);
        err = row.no_memory ? PN_E_NOMEM
                            : pn_policy_parse(version, pn_stmt_col_str(q, 7),
                                              arena, policy);
    }
    pn_stmt_done(q);
    if (err == PN_OK) {
        *made = found;
    }
    return err;
}

/* Append what the statement yields, one more than limit at most. */
static enum pn_err
read_versions(struct pn_stmt *q, uint16_t limit, struct pn_arena *arena,
              struct pn_policy_made_list *list)
{
    struct pn_row row = {.q = q, .arena = arena};
    enum pn_err err;

    while ((err = pn_stmt_step(q)) == PN_OK && list->count <= limit) {
        list->item[list->count++] = read_made(&row);
    }
    if (err == PN_E_NOT_FOUND && list->count <= limit) {
        list->item[list->count++] = default_made();
    }
    if (row.no_memory) {
        return PN_E_NOMEM;
    }
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

enum pn_err
pn_store_policy_versions(struct pn_store *store, const struct pn_page *page,
                         struct pn_arena *arena,
                         struct pn_policy_made_list *out)
{
    static char no_more[] = "";
    struct pn_policy_made_list list = {.next = no_more};
    uint16_t limit = pn_page_limit(page);
    int64_t before = 0;
    struct pn_stmt *q;
    enum pn_err err = pn_cursor_number(page, INT64_MAX, &before);

    list.item = pn_arena_array(arena, (size_t) limit + 1, sizeof(*list.item));
    if (err != PN_OK || list.item == NULL) {
        return err != PN_OK ? err : PN_E_NOMEM;
    }
    if (before <= PN_POLICY_DEFAULT_VERSION) {
        *out = list;
        return PN_OK;
    }
    q = pn_db_query(store->db, "SELECT " MADE_COLUMNS " FROM policies"
                               " WHERE version < $1 ORDER BY version DESC"
                               " LIMIT $2");
    pn_stmt_int(q, 1, before);
    pn_stmt_int(q, 2, (int64_t) limit + 1);
    err = read_versions(q, limit, arena, &list);
    pn_stmt_done(q);
    if (err == PN_OK && list.count > limit) {
        list.count = limit;
        list.next = pn_cursor_of_number(list.item[limit - 1].version, arena);
        err = list.next == NULL ? PN_E_NOMEM : PN_OK;
    }
    if (err == PN_OK) {
        *out = list;
    }
    return err;
}

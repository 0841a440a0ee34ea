/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of users. */
#include "base/str.h"
#include "daemon/store/internal.h"

#define GROUP_COLUMNS                                                          \
    "g.id, g.name, g.description,"                                             \
    " (SELECT COUNT(*) FROM memberships m WHERE m.group_id = g.id)"

static enum pn_err
read_group(struct pn_stmt *q, struct pn_arena *arena, struct pn_group *out)
{
    struct pn_row row = {.q = q, .arena = arena};
    struct pn_group group = {
        .id = pn_stmt_col_id(q, 0),
        .name = pn_row_text(&row, 1),
        .description = pn_row_text(&row, 2),
        .member_count = (uint32_t) pn_stmt_col_int(q, 3),
    };

    if (row.no_memory) {
        return PN_E_NOMEM;
    }
    *out = group;
    return PN_OK;
}

enum pn_err
pn_store_group_by_name(struct pn_store *store, struct pn_str name,
                       struct pn_arena *arena, struct pn_group *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT " GROUP_COLUMNS
                               " FROM user_groups g WHERE g.name = $1");
    enum pn_err err;

    pn_stmt_str(q, 1, name);
    err = pn_stmt_step(q);
    if (err == PN_OK) {
        err = read_group(q, arena, out);
    }
    pn_stmt_done(q);
    return err;
}

static const char *
or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

enum pn_err
pn_store_group_insert(struct pn_store *store, const struct pn_group *group)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "INSERT INTO user_groups (id, name, description)"
                               " VALUES ($1, $2, $3)");

    pn_stmt_id(q, 1, group->id);
    pn_stmt_text(q, 2, group->name);
    pn_stmt_text(q, 3, or_empty(group->description));
    return pn_stmt_run(q);
}

enum pn_err
pn_store_group_update(struct pn_store *store, const struct pn_group *group)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "UPDATE user_groups SET name = $2,"
                               " description = $3 WHERE id = $1");

    pn_stmt_id(q, 1, group->id);
    pn_stmt_text(q, 2, group->name);
    pn_stmt_text(q, 3, or_empty(group->description));
    return pn_run_on_row(store, q);
}

static enum pn_err
change_member(void *store, uint64_t user_id)
{
    return pn_store_change_add(store, PN_CHANGE_OWNER, user_id, NULL);
}

enum pn_err
pn_store_group_delete(struct pn_store *store, uint64_t id)
{
    enum pn_err err = pn_store_each_member(store, id, change_member, store);
    struct pn_stmt *q;

    if (err != PN_OK) {
        return err;
    }
    q = pn_db_query(store->db, "DELETE FROM user_groups WHERE id = $1");
    pn_stmt_id(q, 1, id);
    return pn_run_on_row(store, q);
}

enum pn_err
pn_store_groups(struct pn_store *store, const struct pn_page *page,
                struct pn_arena *arena, struct pn_group_list *out)
{
    static char no_more[] = "";
    struct pn_group_list list = {.next = no_more};
    uint16_t limit = pn_page_limit(page);
    struct pn_str after = {0};
    struct pn_stmt *q;
    enum pn_err err = pn_cursor_text(page, arena, &after);

    list.item = pn_arena_array(arena, limit, sizeof(*list.item));
    if (err != PN_OK || list.item == NULL) {
        return err != PN_OK ? err : PN_E_NOMEM;
    }
    q = pn_db_query(store->db, "SELECT " GROUP_COLUMNS " FROM user_groups g"
                               " WHERE g.name > $1 ORDER BY g.name LIMIT $2");
    pn_stmt_str(q, 1, after);
    pn_stmt_int(q, 2, limit + 1);
    while (err == PN_OK && (err = pn_stmt_step(q)) == PN_OK) {
        if (list.count == limit) {
            list.next = pn_cursor_of_text(list.item[limit - 1].name, arena);
            err = list.next == NULL ? PN_E_NOMEM : PN_E_NOT_FOUND;
        } else {
            err = read_group(q, arena, &list.item[list.count]);
            list.count = (uint16_t) (list.count + (err == PN_OK));
        }
    }
    pn_stmt_done(q);
    if (err != PN_E_NOT_FOUND) {
        return err;
    }
    *out = list;
    return PN_OK;
}

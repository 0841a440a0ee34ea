/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of users. */
#include "base/str.h"
#include "daemon/store/internal.h"

#define GROUP_COLUMNS "g.id, g.name, g.description"
#define MEMBERS       ", (SELECT COUNT(*) FROM memberships m WHERE m.group_id = g.id)"

static enum pn_err
read_group(struct pn_stmt *q, struct pn_arena *arena, void *out)
{
    struct pn_row row = {.q = q, .arena = arena};
    struct pn_group group = {
        .id = pn_stmt_col_id(q, 0),
        .name = pn_row_text(&row, 1),
        .description = pn_row_text(&row, 2),
    };

    if (row.no_memory) {
        return PN_E_NOMEM;
    }
    *(struct pn_group *) out = group;
    return PN_OK;
}

static enum pn_err
read_counted(struct pn_stmt *q, struct pn_arena *arena, void *out)
{
    struct pn_group *group = out;
    enum pn_err err = read_group(q, arena, out);

    if (err == PN_OK) {
        group->member_count = (uint32_t) pn_stmt_col_int(q, 3);
    }
    return err;
}

static enum pn_err
load_group(struct pn_stmt *q, struct pn_str name, struct pn_arena *arena,
           enum pn_err (*read)(struct pn_stmt *q, struct pn_arena *arena,
                               void *out),
           struct pn_group *out)
{
    enum pn_err err;

    pn_stmt_str(q, 1, name);
    err = pn_stmt_step(q);
    if (err == PN_OK) {
        err = read(q, arena, out);
    }
    pn_stmt_done(q);
    return err;
}

#define BY_NAME " FROM user_groups g WHERE g.name = $1"

enum pn_err
pn_store_group_by_name(struct pn_store *store, struct pn_str name,
                       struct pn_arena *arena, struct pn_group *out)
{
    return load_group(pn_db_query(store->db, "SELECT " GROUP_COLUMNS BY_NAME),
                      name, arena, read_group, out);
}

enum pn_err
pn_store_group_counted(struct pn_store *store, struct pn_str name,
                       struct pn_arena *arena, struct pn_group *out)
{
    return load_group(
        pn_db_query(store->db, "SELECT " GROUP_COLUMNS MEMBERS BY_NAME), name,
        arena, read_counted, out);
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

static char *
cursor_of(const void *last, struct pn_arena *arena)
{
    const struct pn_group *group = last;

    return pn_cursor_of_text(group->name, arena);
}

enum pn_err
pn_store_groups(struct pn_store *store, const struct pn_page *page,
                struct pn_arena *arena, struct pn_group_list *out)
{
    static const struct pn_page_noun noun = {.size = sizeof(struct pn_group),
                                             .read = read_counted,
                                             .cursor = cursor_of};
    struct pn_page_items items;
    enum pn_err err = pn_page_by_text(
        pn_db_query(
            store->db,
            "SELECT " GROUP_COLUMNS MEMBERS
            " FROM user_groups g WHERE g.name > $1 ORDER BY g.name LIMIT $2"),
        page, &noun, arena, &items);

    if (err == PN_OK) {
        *out = (struct pn_group_list){items.item, items.count, items.next};
    }
    return err;
}

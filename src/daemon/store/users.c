/* SPDX-License-Identifier: Apache-2.0 */
/* Users and who is in which group. */
#include <string.h>

#include "base/str.h"
#include "daemon/store/internal.h"

/* Folded names on the stack: users are looked up on every sign-in. */
enum { KEY_MAX = 1024 };

struct key {
    char bytes[KEY_MAX];
    size_t len;
};

static enum pn_err
key_of(struct pn_str username, struct key *out)
{
    if (username.len > KEY_MAX) {
        return PN_E_TOO_LONG;
    }
    out->len = username.len;
    for (size_t i = 0; i < username.len; i++) {
        char c = username.ptr[i];

        out->bytes[i] = c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
    }
    return PN_OK;
}

#define USER_COLUMNS                                                           \
    "id, username, display_name, email, password_hash, must_change_password,"  \
    " role, active, source, created_at, service"

static enum pn_err
read_user(struct pn_stmt *q, struct pn_arena *arena, void *out)
{
    struct pn_row row = {.q = q, .arena = arena};
    struct pn_user user = {
        .id = pn_stmt_col_id(q, 0),
        .username = pn_row_text(&row, 1),
        .display_name = pn_row_text(&row, 2),
        .email = pn_row_text(&row, 3),
        .password_hash = pn_row_text_or_null(&row, 4),
        .must_change_password = pn_stmt_col_int(q, 5) != 0,
        .role = (enum pn_role) pn_stmt_col_int(q, 6),
        .active = pn_stmt_col_int(q, 7) != 0,
        .source = pn_row_text(&row, 8),
        .created_at = pn_stmt_col_int(q, 9),
        .service = pn_stmt_col_int(q, 10) != 0,
    };

    if (row.no_memory) {
        return PN_E_NOMEM;
    }
    *(struct pn_user *) out = user;
    return PN_OK;
}

static enum pn_err
load_groups(struct pn_store *store, struct pn_arena *arena,
            struct pn_user *user)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT g.id, g.name, g.description"
                               " FROM memberships m"
                               " JOIN user_groups g ON g.id = m.group_id"
                               " WHERE m.user_id = $1 ORDER BY g.id");
    struct pn_row row = {.q = q, .arena = arena};
    enum pn_err err;

    user->groups = NULL;
    user->group_count = 0;
    pn_stmt_id(q, 1, user->id);
    while ((err = pn_stmt_step(q)) == PN_OK) {
        user->groups = pn_grown(arena, user->groups, user->group_count,
                                sizeof(*user->groups));
        if (user->groups == NULL || user->group_count == UINT16_MAX) {
            err = PN_E_NOMEM;
            break;
        }
        user->groups[user->group_count++] = (struct pn_group){
            .id = pn_stmt_col_id(q, 0),
            .name = pn_row_text(&row, 1),
            .description = pn_row_text(&row, 2),
        };
    }
    pn_stmt_done(q);
    if (row.no_memory) {
        err = PN_E_NOMEM;
    }
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

/* The one user that q, with its parameters bound, finds. */
static enum pn_err
load_user(struct pn_store *store, struct pn_stmt *q, struct pn_arena *arena,
          struct pn_user *out)
{
    struct pn_user user;
    enum pn_err err = pn_stmt_step(q);

    if (err == PN_OK) {
        err = read_user(q, arena, &user);
    }
    pn_stmt_done(q);
    if (err == PN_OK) {
        err = load_groups(store, arena, &user);
    }
    if (err == PN_OK) {
        err = pn_custodians_load(store, arena, &user);
    }
    if (err == PN_OK) {
        *out = user;
    }
    return err;
}

enum pn_err
pn_store_user_by_name(struct pn_store *store, struct pn_str username,
                      struct pn_arena *arena, struct pn_user *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT " USER_COLUMNS
                               " FROM users WHERE username_key = $1");
    struct key key;

    if (key_of(username, &key) != PN_OK) {
        return PN_E_NOT_FOUND;
    }
    pn_stmt_str(q, 1, (struct pn_str){key.bytes, key.len});
    return load_user(store, q, arena, out);
}

enum pn_err
pn_store_user_by_former_name(struct pn_store *store, struct pn_str username,
                             struct pn_arena *arena, struct pn_user *out)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT " USER_COLUMNS " FROM users WHERE id IN"
                   " (SELECT user_id FROM former_names WHERE username_key = $1)"
                   " ORDER BY id LIMIT 1");
    struct key key;

    if (key_of(username, &key) != PN_OK) {
        return PN_E_NOT_FOUND;
    }
    pn_stmt_str(q, 1, (struct pn_str){key.bytes, key.len});
    return load_user(store, q, arena, out);
}

enum pn_err
pn_store_user_by_id(struct pn_store *store, uint64_t id, struct pn_arena *arena,
                    struct pn_user *out)
{
    struct pn_stmt *q = pn_db_query(store->db, "SELECT " USER_COLUMNS
                                               " FROM users WHERE id = $1");

    pn_stmt_id(q, 1, id);
    return load_user(store, q, arena, out);
}

/* Memberships, and the custodians of a service account. */
static enum pn_err
put_relations(struct pn_store *store, const struct pn_user *user)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "DELETE FROM memberships WHERE user_id ="
                               " $1");
    enum pn_err err;

    pn_stmt_id(q, 1, user->id);
    err = pn_stmt_run(q);
    for (uint16_t i = 0; err == PN_OK && i < user->group_count; i++) {
        q = pn_db_query(store->db, "INSERT INTO memberships (user_id, group_id)"
                                   " VALUES ($1, $2)");
        pn_stmt_id(q, 1, user->id);
        pn_stmt_id(q, 2, user->groups[i].id);
        err = pn_stmt_run(q);
    }
    return err == PN_OK ? pn_custodians_put(store, user) : err;
}

static void
bind_user(struct pn_stmt *q, const struct pn_user *user, const struct key *key)
{
    pn_stmt_id(q, 1, user->id);
    pn_stmt_text(q, 2, user->username);
    pn_stmt_str(q, 3, (struct pn_str){key->bytes, key->len});
    pn_stmt_text(q, 4, user->display_name);
    pn_stmt_text(q, 5, user->email);
    pn_stmt_text(q, 6, user->password_hash);
    pn_stmt_int(q, 7, user->must_change_password);
    pn_stmt_int(q, 8, user->role);
    pn_stmt_int(q, 9, user->active);
    pn_stmt_text(q, 10, user->source);
}

enum pn_err
pn_store_user_insert(struct pn_store *store, const struct pn_user *user)
{
    struct pn_stmt *q = pn_db_query(
        store->db,
        "INSERT INTO users (id, username, username_key, display_name, email,"
        " password_hash, must_change_password, role, active, source,"
        " created_at, service)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");
    struct key key;
    enum pn_err err = key_of(pn_str_from(user->username), &key);

    if (err != PN_OK) {
        return err;
    }
    bind_user(q, user, &key);
    pn_stmt_int(q, 11, user->created_at);
    pn_stmt_int(q, 12, user->service);
    err = pn_stmt_run(q);
    return err == PN_OK ? put_relations(store, user) : err;
}

/* The name that it has until now, if that is another one. */
static enum pn_err
keep_name(struct pn_store *store, uint64_t id, const struct key *key)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "INSERT INTO former_names (username_key, user_id)"
                   " SELECT username_key, id FROM users"
                   " WHERE id = $1 AND username_key <> $2"
                   " ON CONFLICT DO NOTHING");

    pn_stmt_id(q, 1, id);
    pn_stmt_str(q, 2, (struct pn_str){key->bytes, key->len});
    return pn_stmt_run(q);
}

enum pn_err
pn_store_user_update(struct pn_store *store, const struct pn_user *user)
{
    struct pn_stmt *q;
    struct key key;
    enum pn_err err = key_of(pn_str_from(user->username), &key);

    if (err == PN_OK) {
        err = keep_name(store, user->id, &key);
    }
    if (err != PN_OK) {
        return err;
    }
    q = pn_db_query(
        store->db,
        "UPDATE users SET username = $2, username_key = $3, display_name = $4,"
        " email = $5, password_hash = $6, must_change_password = $7, role = $8,"
        " active = $9, source = $10 WHERE id = $1");
    bind_user(q, user, &key);
    err = pn_run_on_row(store, q);
    return err == PN_OK ? put_relations(store, user) : err;
}

enum pn_err
pn_store_user_delete(struct pn_store *store, uint64_t id)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "UPDATE tokens SET owner_name ="
                   " (SELECT username FROM users WHERE id = $1)"
                   " WHERE owner_id = $1"
                   " AND EXISTS (SELECT 1 FROM users WHERE id = $1)");
    enum pn_err err;

    pn_stmt_id(q, 1, id);
    err = pn_stmt_run(q);
    if (err != PN_OK) {
        return err;
    }
    q = pn_db_query(store->db, "DELETE FROM users WHERE id = $1");
    pn_stmt_id(q, 1, id);
    return pn_run_on_row(store, q);
}

enum pn_err
pn_store_active_admins(struct pn_store *store, uint32_t *count)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT COUNT(*) FROM users WHERE role = $1"
                               " AND active = 1 AND service = 0");
    int64_t admins = 0;
    enum pn_err err;

    pn_stmt_int(q, 1, PN_ROLE_ADMIN);
    err = pn_run_for_int(q, &admins);
    if (err == PN_OK) {
        *count = (uint32_t) admins;
    }
    return err;
}

static char *
cursor_of(const void *last, struct pn_arena *arena)
{
    const struct pn_user *user = last;
    char *key = pn_folded(pn_str_from(user->username), arena);

    return key != NULL ? pn_cursor_of_text(key, arena) : NULL;
}

enum pn_err
pn_store_users(struct pn_store *store, const struct pn_user_query *query,
               struct pn_arena *arena, struct pn_user_list *out)
{
    static const struct pn_page_noun noun = {
        .size = sizeof(struct pn_user), .read = read_user, .cursor = cursor_of};
    struct pn_page_items items;
    struct pn_user *user;
    bool all = query->kind == PN_USERS_ALL;
    struct pn_stmt *q = pn_db_query(
        store->db,
        all ? "SELECT " USER_COLUMNS " FROM users WHERE username_key > $1"
              " ORDER BY username_key LIMIT $2"
            : "SELECT " USER_COLUMNS " FROM users WHERE username_key > $1"
              " AND service = $3 ORDER BY username_key LIMIT $2");
    enum pn_err err;

    if (!all) {
        pn_stmt_int(q, 3, query->kind == PN_USERS_SERVICES);
    }
    err = pn_page_by_text(q, &query->page, &noun, arena, &items);

    if (err != PN_OK) {
        return err;
    }
    user = items.item;
    for (uint16_t i = 0; err == PN_OK && i < items.count; i++) {
        err = load_groups(store, arena, &user[i]);
        if (err == PN_OK) {
            err = pn_custodians_load(store, arena, &user[i]);
        }
    }
    if (err == PN_OK) {
        *out = (struct pn_user_list){user, items.count, items.next};
    }
    return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Protected applications, kept as the documents that the codec writes. */
#include "base/str.h"
#include "daemon/model/codec.h"
#include "daemon/store/internal.h"

static enum pn_err
parse_app(uint64_t id, struct pn_str text, struct pn_arena *arena,
          struct pn_app *out)
{
    struct pn_fault fault = {0};
    struct pn_app app;
    json_t *doc = NULL;
    enum pn_err err;

    if (pn_json_parse(text, &doc, NULL, 0) != PN_OK) {
        return PN_E_DAMAGED;
    }
    doc = pn_json_defer(arena, doc);
    if (doc == NULL) {
        return PN_E_NOMEM;
    }
    err = pn_app_from_json(doc, NULL, arena, &app, &fault);
    if (err != PN_OK) {
        return err == PN_E_RANGE ? PN_E_DAMAGED : err;
    }
    app.id = id;
    *out = app;
    return PN_OK;
}

static enum pn_err
load_app(struct pn_stmt *q, struct pn_arena *arena, struct pn_app *out)
{
    enum pn_err err = pn_stmt_step(q);

    if (err == PN_OK) {
        err =
            parse_app(pn_stmt_col_id(q, 0), pn_stmt_col_str(q, 1), arena, out);
    }
    pn_stmt_done(q);
    return err;
}

enum pn_err
pn_store_app_by_name(struct pn_store *store, struct pn_str name,
                     struct pn_arena *arena, struct pn_app *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT id, document FROM apps WHERE name = $1");

    pn_stmt_str(q, 1, name);
    return load_app(q, arena, out);
}

enum pn_err
pn_store_app_by_id(struct pn_store *store, uint64_t id, struct pn_arena *arena,
                   struct pn_app *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT id, document FROM apps WHERE id = $1");

    pn_stmt_id(q, 1, id);
    return load_app(q, arena, out);
}

enum { DOCUMENT_ARENA_MAX = 4 << 20 };

/* Run sql with $1 id, $2 name, $3 document. */
static enum pn_err
put_app(struct pn_store *store, const char *sql, const struct pn_app *app)
{
    struct pn_arena *arena = pn_arena_new(DOCUMENT_ARENA_MAX);
    enum pn_err err = PN_E_NOMEM;
    struct pn_stmt *q;
    char *text;

    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    text = pn_json_text(pn_app_to_json(app, arena), arena);
    if (text == NULL) {
        goto out;
    }
    q = pn_db_query(store->db, sql);
    pn_stmt_id(q, 1, app->id);
    pn_stmt_text(q, 2, app->name);
    pn_stmt_text(q, 3, text);
    err = pn_run_on_row(store, q);

out:
    pn_arena_free(arena);
    return err;
}

enum pn_err
pn_store_app_insert(struct pn_store *store, const struct pn_app *app)
{
    return put_app(store,
                   "INSERT INTO apps (id, name, document) VALUES ($1, $2, $3)",
                   app);
}

enum pn_err
pn_store_app_update(struct pn_store *store, const struct pn_app *app)
{
    return put_app(
        store, "UPDATE apps SET name = $2, document = $3 WHERE id = $1", app);
}

enum pn_err
pn_store_app_delete(struct pn_store *store, uint64_t id)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "DELETE FROM apps WHERE id = $1");

    pn_stmt_id(q, 1, id);
    return pn_run_on_row(store, q);
}

enum pn_err
pn_store_apps(struct pn_store *store, const struct pn_page *page,
              struct pn_arena *arena, struct pn_app_list *out)
{
    static char no_more[] = "";
    struct pn_app_list list = {.next = no_more};
    uint16_t limit = pn_page_limit(page);
    struct pn_str after = {0};
    struct pn_stmt *q;
    enum pn_err err = pn_cursor_text(page, arena, &after);

    list.item = pn_arena_array(arena, limit, sizeof(*list.item));
    if (err != PN_OK || list.item == NULL) {
        return err != PN_OK ? err : PN_E_NOMEM;
    }
    q = pn_db_query(store->db, "SELECT id, document FROM apps WHERE name > $1"
                               " ORDER BY name LIMIT $2");
    pn_stmt_str(q, 1, after);
    pn_stmt_int(q, 2, limit + 1);
    while (err == PN_OK && (err = pn_stmt_step(q)) == PN_OK) {
        if (list.count == limit) {
            list.next = pn_cursor_of_text(list.item[limit - 1].name, arena);
            err = list.next == NULL ? PN_E_NOMEM : PN_E_NOT_FOUND;
        } else {
            err = parse_app(pn_stmt_col_id(q, 0), pn_stmt_col_str(q, 1), arena,
                            &list.item[list.count]);
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

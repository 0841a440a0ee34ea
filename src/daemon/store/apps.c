/* SPDX-License-Identifier: Apache-2.0 */
/* Protected applications, kept as the documents that the codec writes. */
#include "base/str.h"
#include "daemon/model/codec.h"
#include "daemon/store/internal.h"

/* The present row of q: id, document. */
static enum pn_err
read_app(struct pn_stmt *q, struct pn_arena *arena, void *out)
{
    struct pn_fault fault = {0};
    struct pn_app app;
    json_t *doc = NULL;
    enum pn_err err;

    if (pn_json_parse(pn_stmt_col_str(q, 1), &doc, NULL, 0) != PN_OK) {
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
    app.id = pn_stmt_col_id(q, 0);
    *(struct pn_app *) out = app;
    return PN_OK;
}

static enum pn_err
load_app(struct pn_stmt *q, struct pn_arena *arena, struct pn_app *out)
{
    enum pn_err err = pn_stmt_step(q);

    if (err == PN_OK) {
        err = read_app(q, arena, out);
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

static char *
cursor_of(const void *last, struct pn_arena *arena)
{
    const struct pn_app *app = last;

    return pn_cursor_of_text(app->name, arena);
}

enum pn_err
pn_store_apps(struct pn_store *store, const struct pn_page *page,
              struct pn_arena *arena, struct pn_app_list *out)
{
    static const struct pn_page_noun noun = {
        .size = sizeof(struct pn_app), .read = read_app, .cursor = cursor_of};
    struct pn_page_items items;
    enum pn_err err = pn_page_by_text(
        pn_db_query(store->db, "SELECT id, document FROM apps WHERE name > $1"
                               " ORDER BY name LIMIT $2"),
        page, &noun, arena, &items);

    if (err == PN_OK) {
        *out = (struct pn_app_list){items.item, items.count, items.next};
    }
    return err;
}

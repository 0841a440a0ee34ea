/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a store, its transactions, and what the other files share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/store/chain.h"
#include "daemon/store/migrations.h"

enum { FIRST_ITEMS = 8 };

enum pn_err
pn_store_open(const char *url, enum pn_store_use use, struct pn_store **out)
{
    struct pn_store *store = calloc(1, sizeof(*store));
    enum pn_err err;

    if (store == NULL) {
        return PN_E_NOMEM;
    }
    err = pn_db_open(url, use == PN_STORE_WRITE ? PN_DB_WRITE : PN_DB_READ_ONLY,
                     &store->db);
    if (err == PN_OK) {
        err = use == PN_STORE_WRITE ? pn_migrate(store->db)
                                    : pn_migrated(store->db);
    }
    if (err != PN_OK) {
        goto out;
    }
    *out = store;
    store = NULL; /* now the caller's */

out:
    pn_store_close(store);
    return err;
}

const char *
pn_store_open_why(void)
{
    return pn_db_open_why();
}

void
pn_store_title(const char *url, char *out, size_t size)
{
    const char *place = strstr(url, "://");

    if (place == NULL) {
        (void) snprintf(out, size, "%s", url);
        return;
    }
    place += 3;
    size_t len = strcspn(place, "?");
    const char *at = memrchr(place, '@', len);

    if (at != NULL) {
        len -= (size_t) (at + 1 - place);
        place = at + 1;
    }
    (void) snprintf(out, size, "%.*s://%.*s", (int) strcspn(url, ":"), url,
                    (int) len, place);
}

void
pn_store_close(struct pn_store *store)
{
    if (store == NULL) {
        return;
    }
    pn_policy_forget(store);
    pn_db_close(store->db);
    free(store);
}

const char *
pn_store_why(const struct pn_store *store)
{
    return pn_db_why(store->db);
}

const char *
pn_store_weakness(struct pn_store *store)
{
    return pn_db_weakness(store->db);
}

bool
pn_store_is_away(const struct pn_store *store)
{
    return pn_db_is_away(store->db);
}

enum pn_err
pn_store_epoch(struct pn_store *store, uint64_t *out)
{
    int64_t epoch = 0;
    enum pn_err err = pn_run_for_int(
        pn_db_query(store->db, "SELECT epoch FROM feed_head WHERE id = 1"),
        &epoch);

    if (err == PN_OK) {
        *out = (uint64_t) epoch;
    }
    return err;
}

/* --- transactions -------------------------------------------------------- */

enum pn_err
pn_store_begin(struct pn_store *store)
{
    store->chain = (struct pn_chain){0};
    return pn_db_begin(store->db);
}

enum pn_err
pn_store_commit(struct pn_store *store)
{
    enum pn_err err = pn_chain_flush(store);

    if (err == PN_OK) {
        err = pn_db_commit(store->db);
    }
    if (err == PN_OK) {
        store->chain = (struct pn_chain){0};
    }
    return err;
}

void
pn_store_rollback(struct pn_store *store)
{
    pn_policy_forget(store);
    store->chain = (struct pn_chain){0};
    pn_db_rollback(store->db);
}

enum pn_err
pn_store_snapshot(struct pn_store *store)
{
    enum pn_err err = PN_OK;

    if (!pn_db_in_transaction(store->db)) {
        err = pn_db_begin_reading(store->db);
        store->in_snapshot = err == PN_OK;
    }
    return err;
}

void
pn_store_snapshot_end(struct pn_store *store)
{
    if (store->in_snapshot) {
        pn_db_rollback(store->db);
        store->in_snapshot = false;
    }
}

bool
pn_store_is_shared(const struct pn_store *store)
{
    return pn_db_kind(store->db) == PN_DB_POSTGRES;
}

enum pn_err
pn_store_notify(struct pn_store *store)
{
    return pn_db_notify(store->db);
}

enum pn_err
pn_store_await(struct pn_store *store, int timeout_ms)
{
    return pn_db_await(store->db, timeout_ms);
}

enum pn_err
pn_store_savepoint(struct pn_store *store)
{
    store->chain_at_savepoint = store->chain;
    return pn_stmt_run(pn_db_query(store->db, "SAVEPOINT change"));
}

enum pn_err
pn_store_release(struct pn_store *store)
{
    return pn_stmt_run(pn_db_query(store->db, "RELEASE SAVEPOINT change"));
}

/* Back to the savepoint, which ends with it. */
enum pn_err
pn_store_rollback_to(struct pn_store *store)
{
    enum pn_err err =
        pn_stmt_run(pn_db_query(store->db, "ROLLBACK TO SAVEPOINT change"));

    pn_policy_forget(store);
    store->chain = store->chain_at_savepoint;
    return err == PN_OK ? pn_store_release(store) : err;
}

/* --- rows ---------------------------------------------------------------- */

char *
pn_row_text(struct pn_row *row, int column)
{
    char *text = pn_arena_dup(row->arena, pn_stmt_col_str(row->q, column));

    if (text == NULL) {
        row->no_memory = true;
    }
    return text;
}

char *
pn_row_text_or_null(struct pn_row *row, int column)
{
    return pn_stmt_col_str(row->q, column).ptr == NULL
               ? NULL
               : pn_row_text(row, column);
}

enum pn_err
pn_row_hash(struct pn_row *row, int column, struct pn_hash *out)
{
    struct pn_str bytes = pn_stmt_col_blob(row->q, column);

    if (bytes.len != PN_HASH_LEN) {
        return PN_E_DAMAGED;
    }
    memcpy(out->bytes, bytes.ptr, PN_HASH_LEN);
    return PN_OK;
}

enum pn_err
pn_run_on_row(struct pn_store *store, struct pn_stmt *q)
{
    enum pn_err err = pn_stmt_run(q);

    if (err == PN_OK && pn_db_touched(store->db) == 0) {
        err = PN_E_NOT_FOUND;
    }
    return err;
}

enum pn_err
pn_run_for_int(struct pn_stmt *q, int64_t *out)
{
    enum pn_err err = pn_stmt_step(q);

    if (err == PN_OK) {
        *out = pn_stmt_col_int(q, 0);
    }
    pn_stmt_done(q);
    return err;
}

void *
pn_grown(struct pn_arena *arena, void *items, size_t count, size_t item_size)
{
    bool full =
        count == 0 || (count >= FIRST_ITEMS && (count & (count - 1)) == 0);
    size_t room = count < FIRST_ITEMS ? FIRST_ITEMS : 2 * count;
    void *more;

    if (!full) {
        return items;
    }
    more = pn_arena_array(arena, room, item_size);
    if (more != NULL && count > 0) {
        memcpy(more, items, count * item_size);
    }
    return more;
}

/* --- cursors and texts --------------------------------------------------- */

enum pn_err
pn_cursor_text(const struct pn_page *page, struct pn_arena *arena,
               struct pn_str *out)
{
    struct pn_str hex = pn_str_from(page->cursor);
    char *text = pn_arena_alloc(arena, hex.len / 2 + 1);

    if (text == NULL) {
        return PN_E_NOMEM;
    }
    if (hex.len % 2 != 0) {
        return PN_E_SYNTAX;
    }
    for (size_t i = 0; i < hex.len; i += 2) {
        int high = pn_hex_value(hex.ptr[i]), low = pn_hex_value(hex.ptr[i + 1]);

        if (high < 0 || low < 0) {
            return PN_E_SYNTAX;
        }
        text[i / 2] = (char) (high << 4 | low);
    }
    if (!pn_str_is_utf8((struct pn_str){text, hex.len / 2})) {
        return PN_E_SYNTAX;
    }
    *out = (struct pn_str){text, hex.len / 2};
    return PN_OK;
}

enum pn_err
pn_cursor_number(const struct pn_page *page, int64_t first, int64_t *out)
{
    struct pn_str hex = pn_str_from(page->cursor);
    uint64_t value = 0;

    if (hex.len == 0) {
        *out = first;
        return PN_OK;
    }
    if (hex.len != 16) {
        return PN_E_SYNTAX;
    }
    for (size_t i = 0; i < hex.len; i++) {
        int digit = pn_hex_value(hex.ptr[i]);

        if (digit < 0) {
            return PN_E_SYNTAX;
        }
        value = value << 4 | (uint64_t) digit;
    }
    if (value > INT64_MAX) {
        return PN_E_SYNTAX;
    }
    *out = (int64_t) value;
    return PN_OK;
}

char *
pn_cursor_of_text(const char *key, struct pn_arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = strlen(key);
    char *hex = pn_arena_alloc(arena, 2 * len + 1);

    for (size_t i = 0; hex != NULL && i < len; i++) {
        hex[2 * i] = digits[(unsigned char) key[i] >> 4];
        hex[2 * i + 1] = digits[(unsigned char) key[i] & 15];
    }
    return hex;
}

char *
pn_cursor_of_number(uint64_t number, struct pn_arena *arena)
{
    return pn_arena_printf(arena, "%016llx", (unsigned long long) number);
}

uint16_t
pn_page_limit(const struct pn_page *page)
{
    if (page->limit < 1) {
        return 1;
    }
    return page->limit > PN_LIST_MAX ? PN_LIST_MAX : page->limit;
}

enum pn_err
pn_page_read(struct pn_stmt *q, const struct pn_page *page,
             const struct pn_page_noun *noun, struct pn_arena *arena,
             struct pn_page_items *out)
{
    static char no_more[] = "";
    const uint16_t limit = pn_page_limit(page);
    struct pn_page_items items = {.next = no_more};
    enum pn_err err = PN_OK;
    char *item = pn_arena_array(arena, limit, noun->size);

    if (item == NULL) {
        err = PN_E_NOMEM;
    }
    while (err == PN_OK && (err = pn_stmt_step(q)) == PN_OK) {
        if (items.count == limit) {
            items.next = noun->cursor(item + (limit - 1) * noun->size, arena);
            err = items.next == NULL ? PN_E_NOMEM : PN_E_NOT_FOUND;
        } else {
            err = noun->read(q, arena, item + items.count * noun->size);
            items.count = (uint16_t) (items.count + (err == PN_OK));
        }
    }
    pn_stmt_done(q);
    if (err != PN_E_NOT_FOUND) {
        return err;
    }
    items.item = item;
    *out = items;
    return PN_OK;
}

enum pn_err
pn_page_by_text(struct pn_stmt *q, const struct pn_page *page,
                const struct pn_page_noun *noun, struct pn_arena *arena,
                struct pn_page_items *out)
{
    struct pn_str after;
    enum pn_err err = pn_cursor_text(page, arena, &after);

    if (err != PN_OK) {
        pn_stmt_done(q);
        return err;
    }
    pn_stmt_str(q, 1, after);
    pn_stmt_int(q, 2, pn_page_limit(page) + 1);
    return pn_page_read(q, page, noun, arena, out);
}

char *
pn_folded(struct pn_str text, struct pn_arena *arena)
{
    char *folded = pn_arena_dup(arena, text);

    for (size_t i = 0; folded != NULL && i < text.len; i++) {
        if (folded[i] >= 'A' && folded[i] <= 'Z') {
            folded[i] = (char) (folded[i] - 'A' + 'a');
        }
    }
    return folded;
}

char *
pn_json_text(const json_t *doc, struct pn_arena *arena)
{
    size_t len;
    char *text;

    if (doc == NULL) {
        return NULL;
    }
    len = json_dumpb(doc, NULL, 0, JSON_COMPACT);
    text = pn_arena_alloc(arena, len + 1);
    if (text != NULL) {
        (void) json_dumpb(doc, text, len, JSON_COMPACT);
    }
    return text;
}

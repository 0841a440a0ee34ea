/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Audit events: adding them to the chain, and reading them page by page.
 *
 * feed_head holds the end of the chain, so that a cut tail shows.  A
 * transaction reads it once and writes it once, however many events it adds.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/str.h"
#include "daemon/store/chain.h"

enum { SQL_MAX = 1024 };

static struct pn_str
text_or_empty(const char *text)
{
    return text == NULL ? PN_STR("") : pn_str_from(text);
}

/* --- the end of the chain ------------------------------------------------ */

static enum pn_err
end_as_stored(struct pn_store *store, struct pn_audit_mark *out)
{
    struct pn_stmt *q = pn_db_query(
        store->db,
        "SELECT audit_position, audit_hash FROM feed_head WHERE id = 1");
    struct pn_row row = {.q = q};
    enum pn_err err = pn_stmt_step(q);

    if (err == PN_OK) {
        out->position = pn_stmt_col_id(q, 0);
        err = pn_row_hash(&row, 1, &out->hash);
    }
    pn_stmt_done(q);
    return err;
}

static enum pn_err
end_store(struct pn_store *store, const struct pn_audit_mark *end)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "UPDATE feed_head SET audit_position = $1,"
                               " audit_hash = $2 WHERE id = 1");

    pn_stmt_id(q, 1, end->position);
    pn_stmt_blob(q, 2, end->hash.bytes, sizeof(end->hash.bytes));
    return pn_run_on_row(store, q);
}

enum pn_err
pn_chain_end(struct pn_store *store, struct pn_audit_mark *out)
{
    if (store->chain.known) {
        *out = (struct pn_audit_mark){store->chain.position, store->chain.hash};
        return PN_OK;
    }
    return end_as_stored(store, out);
}

enum pn_err
pn_chain_flush(struct pn_store *store)
{
    const struct pn_audit_mark end = {store->chain.position, store->chain.hash};

    return store->chain.moved ? end_store(store, &end) : PN_OK;
}

enum pn_err
pn_store_audit_head(struct pn_store *store, struct pn_audit_mark *out)
{
    return pn_chain_end(store, out);
}

/* Lock the counter row, which is what makes the chain one chain, and read it:
 * once in a transaction. */
static enum pn_err
end_to_continue(struct pn_store *store, struct pn_audit_mark *out)
{
    struct pn_stmt *q;
    enum pn_err err;

    if (store->chain.known) {
        return pn_chain_end(store, out);
    }
    q = pn_db_query(store->db, "UPDATE feed_head SET audit_position ="
                               " audit_position WHERE id = 1");
    err = pn_run_on_row(store, q);
    return err == PN_OK ? end_as_stored(store, out) : err;
}

/* The event is in; the head follows at commit, or now. */
static enum pn_err
end_move(struct pn_store *store, const struct pn_audit_mark *end)
{
    if (!pn_db_in_transaction(store->db)) {
        return end_store(store, end);
    }
    store->chain = (struct pn_chain){
        .known = true,
        .moved = true,
        .position = end->position,
        .hash = end->hash,
    };
    return PN_OK;
}

/* --- adding -------------------------------------------------------------- */

static enum pn_err
insert_row(struct pn_store *store, const struct pn_chain_row *row)
{
    const struct pn_str texts[] = {row->actor,   row->actor_kind, row->action,
                                   row->subject, row->detail,     row->personal,
                                   row->address, row->request_id};
    struct pn_stmt *q = pn_db_query(
        store->db,
        "INSERT INTO audit (position, at, actor, actor_kind, action, subject,"
        " detail, personal, address, request_id, salts, hash)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");

    pn_stmt_id(q, 1, row->position);
    pn_stmt_int(q, 2, row->at);
    for (int i = 0; i < (int) PN_LEN(texts); i++) {
        pn_stmt_str(q, 3 + i, texts[i]);
    }
    pn_stmt_blob(q, 11, row->salts.ptr, row->salts.len);
    pn_stmt_blob(q, 12, row->hash.bytes, sizeof(row->hash.bytes));
    return pn_stmt_run(q);
}

enum pn_err
pn_store_audit_add(struct pn_store *store, const struct pn_audit_event *event)
{
    char salts[PN_CHAIN_SALTS_LEN];
    struct pn_audit_mark end = {0};
    enum pn_err err;

    if (getentropy(salts, sizeof(salts)) != 0) {
        return PN_E_IO;
    }
    err = end_to_continue(store, &end);
    if (err != PN_OK) {
        return err;
    }
    struct pn_chain_row row = {
        .position = end.position + 1,
        .at = event->at,
        .actor = text_or_empty(event->actor),
        .actor_kind = text_or_empty(event->actor_kind),
        .action = text_or_empty(event->action),
        .subject = text_or_empty(event->subject),
        .detail = text_or_empty(event->detail),
        .personal = text_or_empty(event->personal),
        .address = text_or_empty(event->address),
        .request_id = text_or_empty(event->request_id),
        .salts = {salts, sizeof(salts)},
    };

    err = pn_chain_hash(&end.hash, &row, &row.hash);
    if (err == PN_OK) {
        err = insert_row(store, &row);
    }
    if (err != PN_OK) {
        return err;
    }
    end = (struct pn_audit_mark){row.position, row.hash};
    return end_move(store, &end);
}

/* --- reading ------------------------------------------------------------- */

static char *
copy(struct pn_arena *arena, struct pn_str text, bool *no_memory)
{
    char *out = pn_arena_dup(arena, text);

    *no_memory = *no_memory || out == NULL;
    return out;
}

static enum pn_err
read_event(struct pn_stmt *q, struct pn_arena *arena, void *out)
{
    struct pn_chain_row row = {0};
    bool no_memory = false;
    enum pn_err err = pn_chain_row_read(q, &row);

    if (err != PN_OK) {
        return err;
    }
    struct pn_audit_event event = {
        .position = row.position,
        .at = row.at,
        .actor = copy(arena, row.actor, &no_memory),
        .actor_kind = copy(arena, row.actor_kind, &no_memory),
        .action = copy(arena, row.action, &no_memory),
        .subject = copy(arena, row.subject, &no_memory),
        .detail = copy(arena, row.detail, &no_memory),
        .personal = copy(arena, row.personal, &no_memory),
        .address = copy(arena, row.address, &no_memory),
        .request_id = copy(arena, row.request_id, &no_memory),
        .erased_actor = row.erased[0] != 0,
        .erased_subject = row.erased[1] != 0,
        .erased_detail = row.erased[2] != 0,
        .hash = row.hash,
    };

    if (no_memory) {
        return PN_E_NOMEM;
    }
    *(struct pn_audit_event *) out = event;
    return PN_OK;
}

enum pn_err
pn_store_audit_event(struct pn_store *store, uint64_t position,
                     struct pn_arena *arena, struct pn_audit_event *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT " PN_CHAIN_COLUMNS
                               " FROM audit WHERE position = $1");
    enum pn_err err;

    pn_stmt_id(q, 1, position);
    err = pn_stmt_step(q);
    if (err == PN_OK) {
        err = read_event(q, arena, out);
    }
    pn_stmt_done(q);
    return err;
}

/* --- pages --------------------------------------------------------------- */

/* Positions that one page looks at, of all that there are; all included. */
struct window {
    uint64_t from, to;
    uint64_t first, last;
};

static enum pn_err
window_of(struct pn_store *store, const struct pn_audit_query *query,
          struct window *out)
{
    struct pn_chain_anchor anchor = {0};
    struct pn_audit_mark head = {0};
    bool newest_first = query->order == PN_AUDIT_NEWEST_FIRST;
    int64_t cursor = 0;
    enum pn_err err =
        pn_cursor_number(&query->page, newest_first ? INT64_MAX : 0, &cursor);

    if (err == PN_OK) {
        err = pn_chain_anchor(store, &anchor);
    }
    if (err == PN_OK) {
        err = pn_chain_end(store, &head);
    }
    if (err != PN_OK) {
        return err;
    }
    struct window w = {.from = anchor.last.position + 1, .to = head.position};

    w.first = w.from;
    w.last = w.to;
    if (newest_first) {
        uint64_t below = (uint64_t) cursor;

        w.to = below <= w.to ? below - (below > 0) : w.to;
        if (w.to >= w.from && w.to - w.from >= PN_AUDIT_SCAN_MAX) {
            w.from = w.to - PN_AUDIT_SCAN_MAX + 1;
        }
    } else {
        w.from = (uint64_t) cursor >= w.from ? (uint64_t) cursor + 1 : w.from;
        if (w.to >= w.from && w.to - w.from >= PN_AUDIT_SCAN_MAX) {
            w.to = w.from + PN_AUDIT_SCAN_MAX - 1;
        }
    }
    *out = w;
    return PN_OK;
}

/* One condition of a filter. */
struct condition {
    const char *before, *after; /* around the number of the parameter */
    const char *text;
    int64_t number;
    int n; /* the parameter's number; 0 = not asked for */
};

enum { CONDITIONS = 8 };

static void
conditions_of(const struct pn_audit_filter *filter,
              struct condition out[CONDITIONS])
{
    const bool is_noun =
        filter->action != NULL && strchr(filter->action, '.') == NULL;
    const struct condition all[CONDITIONS] = {
        {"LOWER(actor) = LOWER($", ")", filter->actor, 0, 0},
        {"action = $", "", is_noun ? NULL : filter->action, 0, 0},
        {"action LIKE $", " || '.%'", is_noun ? filter->action : NULL, 0, 0},
        {"LOWER(subject) = LOWER($", ")", filter->subject, 0, 0},
        {"address = $", "", filter->address, 0, 0},
        {"request_id = $", "", filter->request_id, 0, 0},
        {"at >= $", "", NULL, filter->since, 0},
        {"at < $", "", NULL, filter->until, 0},
    };

    memcpy(out, all, sizeof(all));
}

/* The texts are few: each condition is there or not. */
static struct pn_stmt *
query_page(struct pn_store *store, const struct pn_audit_query *query,
           const struct window *window, int limit)
{
    struct condition all[CONDITIONS];
    char text[SQL_MAX];
    struct pn_buf sql = PN_BUF(text);
    int n = 3;

    pn_buf_add_cstr(&sql, "SELECT " PN_CHAIN_COLUMNS " FROM audit"
                          " WHERE position >= $1 AND position <= $2");
    conditions_of(&query->filter, all);
    for (size_t i = 0; i < CONDITIONS; i++) {
        if (all[i].text != NULL || all[i].number != 0) {
            all[i].n = n++;
            pn_buf_addf(&sql, " AND %s%d%s", all[i].before, all[i].n,
                        all[i].after);
        }
    }
    pn_buf_addf(&sql, " ORDER BY position %s LIMIT $%d",
                query->order == PN_AUDIT_NEWEST_FIRST ? "DESC" : "ASC", n);
    struct pn_stmt *q = pn_db_query(store->db, pn_buf_cstr(&sql));

    pn_stmt_id(q, 1, window->from);
    pn_stmt_id(q, 2, window->to);
    for (size_t i = 0; i < CONDITIONS; i++) {
        if (all[i].n != 0 && all[i].text != NULL) {
            pn_stmt_text(q, all[i].n, all[i].text);
        } else if (all[i].n != 0) {
            pn_stmt_int(q, all[i].n, all[i].number);
        }
    }
    pn_stmt_int(q, n, limit);
    return q;
}

/* Where the next page goes on; "" = nowhere. */
static char *
next_of(const struct pn_audit_query *query, const struct window *window,
        struct pn_arena *arena)
{
    static char no_more[] = "";

    if (window->from > window->to) {
        return no_more;
    }
    if (query->order == PN_AUDIT_NEWEST_FIRST) {
        return window->from > window->first
                   ? pn_cursor_of_number(window->from, arena)
                   : no_more;
    }
    return window->to < window->last ? pn_cursor_of_number(window->to, arena)
                                     : no_more;
}

static char *
cursor_of(const void *last, struct pn_arena *arena)
{
    const struct pn_audit_event *event = last;

    return pn_cursor_of_number(event->position, arena);
}

enum pn_err
pn_store_audit(struct pn_store *store, const struct pn_audit_query *query,
               struct pn_arena *arena, struct pn_audit_list *out)
{
    static const struct pn_page_noun noun = {.size =
                                                 sizeof(struct pn_audit_event),
                                             .read = read_event,
                                             .cursor = cursor_of};
    struct pn_page_items items;
    struct window window = {0};
    enum pn_err err = window_of(store, query, &window);

    if (err != PN_OK) {
        return err;
    }
    err = pn_page_read(
        query_page(store, query, &window, pn_page_limit(&query->page) + 1),
        &query->page, &noun, arena, &items);
    if (err == PN_OK && items.next[0] == '\0') {
        items.next = next_of(query, &window, arena);
        err = items.next != NULL ? PN_OK : PN_E_NOMEM;
    }
    if (err == PN_OK) {
        *out = (struct pn_audit_list){items.item, items.count, items.next};
    }
    return err;
}

/* --- receivers ----------------------------------------------------------- */

enum pn_err
pn_store_audit_sink(struct pn_store *store, const char *name, uint64_t *out)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT position FROM audit_sinks WHERE name = $1");
    int64_t position = 0;

    pn_stmt_text(q, 1, name);
    enum pn_err err = pn_run_for_int(q, &position);

    if (err == PN_OK) {
        *out = (uint64_t) position;
    }
    return err;
}

enum pn_err
pn_store_audit_sink_put(struct pn_store *store, const char *name,
                        uint64_t position)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "INSERT INTO audit_sinks (name, position) VALUES ($1, $2)"
                   " ON CONFLICT (name) DO UPDATE SET"
                   " position = excluded.position");

    pn_stmt_text(q, 1, name);
    pn_stmt_id(q, 2, position);
    return pn_stmt_run(q);
}

/* The lock of a session: it ends with the connection.  Held already, it is
 * taken once more, which the server counts and nobody else sees. */
enum pn_err
pn_store_audit_lead(struct pn_store *store, const char *name)
{
    char text[128];
    struct pn_buf named = PN_BUF(text);
    struct pn_hash hash;
    int64_t key, taken = 0;
    struct pn_stmt *q;
    enum pn_err err;

    if (!pn_store_is_shared(store)) {
        return PN_OK;
    }
    pn_buf_addf(&named, "postern audit sink %s", name);
    pn_hash_of(pn_buf_str(&named), &hash);
    memcpy(&key, hash.bytes, sizeof(key));
    q = pn_db_query(store->db, "SELECT CASE WHEN pg_try_advisory_lock($1)"
                               " THEN 1 ELSE 0 END");
    pn_stmt_int(q, 1, key);
    err = pn_run_for_int(q, &taken);
    return err == PN_OK && taken == 0 ? PN_E_BUSY : err;
}

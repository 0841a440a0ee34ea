/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of tokens: newest first, page by page.
 *
 * The cursor is the id of the last token looked at, so a page stays right while
 * others come and go.  Whether a token is suspended follows from policy and
 * groups and is judged here, not in SQL; a page ends after SCAN_MAX tokens
 * looked at, even if fewer than limit fitted, and says where to go on.
 */
#include "base/str.h"
#include "daemon/store/tokens.h"

enum { BATCH = 256, SCAN_MAX = 20 * BATCH, LIKE_MAX = 1024, SQL_MAX = 1024 };

struct scan {
    struct pn_store *store;
    const struct pn_token_filter *filter;
    char like[LIKE_MAX]; /* NUL-terminated; "" = no search */
    int64_t before;      /* ids still to come are below */
    int64_t now;
};

/* "50%" -> "%50\%%", folded. */
static enum pn_err
make_like(const char *search, char out[LIKE_MAX])
{
    struct pn_buf buf = {.ptr = out, .cap = LIKE_MAX};

    out[0] = '\0';
    if (search == NULL || search[0] == '\0') {
        return PN_OK;
    }
    pn_buf_add_char(&buf, '%');
    for (const char *c = search; *c != '\0'; c++) {
        if (*c == '%' || *c == '_' || *c == '\\') {
            pn_buf_add_char(&buf, '\\');
        }
        pn_buf_add_char(&buf,
                        *c >= 'A' && *c <= 'Z' ? (char) (*c - 'A' + 'a') : *c);
    }
    pn_buf_add_char(&buf, '%');
    return pn_buf_cstr(&buf) == NULL ? PN_E_TOO_LONG : PN_OK;
}

#define EXPIRED                                                                \
    "((expires_at <> 0 AND expires_at <= $%d)"                                 \
    " OR (policy_expires_at <> 0 AND policy_expires_at <= $%d))"

/* As much of the state as SQL can tell; n is the parameter of now. */
static void
add_state(struct pn_buf *sql, enum pn_token_state state, int n)
{
    switch (state) {
    case PN_STATE_REVOKED:
        pn_buf_addf(sql, " AND revoked_at <> 0 AND created_at <= $%d", n);
        break;
    case PN_STATE_EXPIRED:
        pn_buf_addf(sql, " AND revoked_at = 0 AND " EXPIRED, n, n);
        break;
    case PN_STATE_DISABLED:
        pn_buf_addf(
            sql, " AND revoked_at = 0 AND disabled = 1 AND NOT " EXPIRED, n, n);
        break;
    case PN_STATE_SUSPENDED:
    case PN_STATE_NOT_YET_VALID:
    case PN_STATE_ACTIVE:
        pn_buf_addf(
            sql, " AND revoked_at = 0 AND disabled = 0 AND NOT " EXPIRED, n, n);
        break;
    }
}

/* The statement for a batch of ids, bound. */
static struct pn_stmt *
query_ids(const struct scan *scan)
{
    const struct pn_token_filter *filter = scan->filter;
    char text[SQL_MAX];
    struct pn_buf sql = PN_BUF(text);
    int n = 2, owner = 0, search = 0, now = 0;
    struct pn_stmt *q;

    pn_buf_add_cstr(&sql, "SELECT id FROM tokens WHERE id < $1");
    if (filter->owner_id != 0) {
        owner = ++n;
        pn_buf_addf(&sql, " AND owner_id = $%d", owner);
    }
    if (scan->like[0] != '\0') {
        search = ++n;
        pn_buf_addf(&sql, " AND name_key LIKE $%d ESCAPE '\\'", search);
    }
    if (filter->has_state) {
        now = ++n;
        add_state(&sql, filter->state, now);
    }
    pn_buf_add_cstr(&sql, " ORDER BY id DESC LIMIT $2");
    q = pn_db_query(scan->store->db, pn_buf_cstr(&sql));
    pn_stmt_int(q, 1, scan->before);
    pn_stmt_int(q, 2, BATCH);
    if (owner != 0) {
        pn_stmt_id(q, owner, filter->owner_id);
    }
    if (search != 0) {
        pn_stmt_text(q, search, scan->like);
    }
    if (now != 0) {
        pn_stmt_int(q, now, scan->now);
    }
    return q;
}

static enum pn_err
next_ids(const struct scan *scan, uint64_t id[BATCH], size_t *count)
{
    struct pn_stmt *q = query_ids(scan);
    size_t found = 0;
    enum pn_err err;

    while ((err = pn_stmt_step(q)) == PN_OK) {
        id[found++] = pn_stmt_col_id(q, 0);
    }
    pn_stmt_done(q);
    if (err != PN_E_NOT_FOUND) {
        return err;
    }
    *count = found;
    return PN_OK;
}

/* Append the token if it has the state asked for.  One that does not leaves
 * nothing in the caller's arena. */
static enum pn_err
consider(const struct scan *scan, uint64_t id, struct pn_judge *judge,
         struct pn_arena *arena, struct pn_token_list *list)
{
    struct pn_token token;
    enum pn_err err;

    if (scan->filter->has_state) {
        struct pn_arena *scratch = pn_arena_new(1 << 20);
        bool fits;

        if (scratch == NULL) {
            return PN_E_NOMEM;
        }
        err = pn_token_load(scan->store, id, judge, scratch, &token);
        fits = err == PN_OK && token.state == scan->filter->state;
        pn_arena_free(scratch);
        if (err != PN_OK || !fits) {
            return err == PN_E_NOT_FOUND ? PN_OK : err;
        }
    }
    err = pn_token_load(scan->store, id, judge, arena, &token);
    if (err == PN_OK) {
        list->item[list->count++] = token;
    }
    /* Deleted since its id was read: not in the list. */
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

/* Fill list; *more: there may be further tokens below scan->before. */
static enum pn_err
fill(struct scan *scan, uint16_t limit, struct pn_judge *judge,
     struct pn_arena *arena, struct pn_token_list *list, bool *more)
{
    size_t count = BATCH;
    enum pn_err err = PN_OK;

    *more = true;
    for (size_t seen = 0; seen < SCAN_MAX && count == BATCH; seen += count) {
        uint64_t id[BATCH];

        err = next_ids(scan, id, &count);
        for (size_t i = 0; err == PN_OK && i < count; i++) {
            if (list->count == limit) {
                return PN_OK;
            }
            err = consider(scan, id[i], judge, arena, list);
            scan->before = (int64_t) id[i];
        }
        if (err != PN_OK) {
            return err;
        }
    }
    *more = count == BATCH;
    return PN_OK;
}

enum pn_err
pn_store_tokens(struct pn_store *store, const struct pn_token_filter *filter,
                const struct pn_page *page, int64_t now, struct pn_arena *arena,
                struct pn_token_list *out)
{
    static char no_more[] = "";
    struct scan scan = {.store = store, .filter = filter, .now = now};
    struct pn_token_list list = {.next = no_more};
    uint16_t limit = pn_page_limit(page);
    struct pn_judge judge;
    bool more = false;
    enum pn_err err = pn_cursor_number(page, INT64_MAX, &scan.before);

    if (err == PN_OK) {
        err = make_like(filter->search, scan.like);
    }
    if (err == PN_OK) {
        err = pn_judge_begin(store, now, arena, &judge);
    }
    if (err != PN_OK) {
        return err;
    }
    list.item = pn_arena_array(arena, limit, sizeof(*list.item));
    if (list.item == NULL) {
        return PN_E_NOMEM;
    }
    err = fill(&scan, limit, &judge, arena, &list, &more);
    if (err == PN_OK && more) {
        list.next = pn_cursor_of_number((uint64_t) scan.before, arena);
        err = list.next == NULL ? PN_E_NOMEM : PN_OK;
    }
    if (err == PN_OK) {
        *out = list;
    }
    return err;
}

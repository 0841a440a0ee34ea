/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of tokens, page by page.
 *
 * Rows come in order, from an index of one of the filters when that has few
 * candidates, and are looked at one by one: what SQL says of them, and whether
 * their owner is permitted, which follows from policy and groups.  A page ends
 * when it is full, or when enough was looked at, and says where to go on.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "daemon/store/token_query.h"

enum {
    LOOK_MAX = 10000, /* what one page may cost: a row costs 1 */
    OWNER_COST = 4,   /* and an owner that was not met before, 4 more */
};

/* One page being made. */
struct scan {
    struct pn_token_search search;
    struct pn_judge *judge;
    struct pn_arena *arena;
    uint16_t limit;
    uint64_t id[PN_LIST_MAX]; /* that fit */
    uint16_t count;
    bool more;
};

/* --- cursors ------------------------------------------------------------- */

/* "SORT WAY ID KEY": what a cursor says once it is no hexadecimal any more. */
static enum pn_err
read_cursor(const struct pn_page *page, struct pn_arena *arena,
            struct pn_token_search *search)
{
    const struct pn_token_filter *filter = search->filter;
    unsigned sort = 0, way = 0;
    unsigned long long id = 0;
    struct pn_str text;
    int at = 0;
    enum pn_err err = pn_cursor_text(page, arena, &text);
    const char *copy;

    if (err != PN_OK || text.len == 0) {
        return err;
    }
    copy = pn_arena_dup(arena, text);
    if (copy == NULL) {
        return PN_E_NOMEM;
    }
    /* NOLINTNEXTLINE(cert-err34-c): what does not fit is compared below */
    if (sscanf(copy, "%1u %1u %19llu %n", &sort, &way, &id, &at) != 3 || at == 0
        || sort != (unsigned) filter->sort || way != filter->ascending
        || id > INT64_MAX)
    {
        return PN_E_SYNTAX;
    }
    search->has_after = true;
    search->after.id = id;
    search->after.text = copy + at;
    if (!pn_token_sort_is_text(filter->sort)) {
        long long number = 0;
        int end = 0;

        /* NOLINTNEXTLINE(cert-err34-c): likewise */
        if (sscanf(copy + at, "%19lld%n", &number, &end) != 1
            || copy[at + end] != '\0') {
            return PN_E_SYNTAX;
        }
        search->after.number = number;
    }
    return PN_OK;
}

static char *
write_cursor(const struct scan *scan)
{
    const struct pn_token_filter *filter = scan->search.filter;
    const struct pn_token_place *at = &scan->search.after;
    const char *text =
        pn_token_sort_is_text(filter->sort)
            ? pn_arena_printf(scan->arena, "%u %u %llu %s",
                              (unsigned) filter->sort,
                              (unsigned) filter->ascending,
                              (unsigned long long) at->id, at->text)
            : pn_arena_printf(
                scan->arena, "%u %u %llu %lld", (unsigned) filter->sort,
                (unsigned) filter->ascending, (unsigned long long) at->id,
                (long long) at->number);

    return text != NULL ? pn_cursor_of_text(text, scan->arena) : NULL;
}

/* --- looking ------------------------------------------------------------- */

/* Does the owner's standing agree with the state asked for? */
static enum pn_err
stands(struct scan *scan, uint64_t owner_id, int64_t *cost, bool *out)
{
    const struct pn_token_filter *filter = scan->search.filter;
    const size_t slot = owner_id % PN_LEN(scan->judge->known);
    enum pn_standing standing = PN_STANDING_INACTIVE;
    enum pn_err err;

    if (!filter->has_state || filter->state < PN_STATE_SUSPENDED) {
        *out = true;
        return PN_OK;
    }
    *cost += scan->judge->known[slot].owner_id == owner_id ? 0 : OWNER_COST;
    err = pn_judge_owner(scan->search.store, scan->judge, owner_id, &standing);
    *out =
        (standing == PN_STANDING_GOOD) == (filter->state != PN_STATE_SUSPENDED);
    return err;
}

/* The place of the present row; its text is good until the next step. */
static struct pn_token_place
place_of(const struct scan *scan, struct pn_stmt *q)
{
    struct pn_token_place at = {.id = pn_stmt_col_id(q, 0)};

    if (pn_token_sort_is_text(scan->search.filter->sort)) {
        at.text = pn_stmt_col_str(q, 2).ptr;
    } else {
        at.number = pn_stmt_col_int(q, 2);
    }
    return at;
}

static enum pn_err
keep_place(struct scan *scan, struct pn_stmt *q)
{
    struct pn_token_place at = place_of(scan, q);

    if (pn_token_sort_is_text(scan->search.filter->sort)) {
        at.text = pn_arena_dup(scan->arena, pn_stmt_col_str(q, 2));
        if (at.text == NULL) {
            return PN_E_NOMEM;
        }
    }
    scan->search.after = at;
    return PN_OK;
}

/* Rows of q until the page is full, they end, or cost is used up. */
static enum pn_err
look(struct scan *scan, struct pn_stmt *q, int64_t most)
{
    int64_t cost = 0;
    enum pn_err err;

    while ((err = pn_stmt_step(q)) == PN_OK) {
        bool fits = pn_stmt_col_int(q, 3) != 0;

        cost++;
        if (fits) {
            err = stands(scan, pn_stmt_col_id(q, 1), &cost, &fits);
        }
        if (err != PN_OK) {
            break;
        }
        if (fits && scan->count == scan->limit) {
            scan->more = true; /* of the next page, whose place is kept */
            break;
        }
        if (fits) {
            scan->id[scan->count++] = pn_stmt_col_id(q, 0);
        }
        if (cost >= most || (fits && scan->count == scan->limit)) {
            err = keep_place(scan, q);
            scan->more = cost >= most;
        }
        if (err != PN_OK || scan->more) {
            break;
        }
    }
    pn_stmt_done(q);
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

static enum pn_err
load(const struct scan *scan, struct pn_token_list *list)
{
    enum pn_err err = PN_OK;

    for (uint16_t i = 0; err == PN_OK && i < scan->count; i++) {
        err = pn_token_load(scan->search.store, scan->id[i], scan->judge,
                            scan->arena, &list->item[list->count]);
        if (err == PN_OK) {
            list->count++;
        } else if (err == PN_E_NOT_FOUND) { /* deleted meanwhile */
            err = PN_OK;
        }
    }
    return err;
}

static enum pn_err
run(struct scan *scan, struct pn_token_list *list)
{
    enum pn_token_driver driver = PN_DRIVER_ORDER;
    enum pn_err err = pn_token_driver_of(&scan->search, &driver);
    const bool bounded = driver != PN_DRIVER_ORDER;

    if (err == PN_OK) {
        /* few candidates: all of them, and then it is known that no more come
         */
        err = look(scan,
                   pn_token_query(&scan->search, driver,
                                  bounded ? INT64_MAX : LOOK_MAX + 1),
                   bounded ? INT64_MAX : LOOK_MAX);
    }
    return err == PN_OK ? load(scan, list) : err;
}

enum pn_err
pn_store_tokens(struct pn_store *store, const struct pn_token_filter *filter,
                const struct pn_page *page, int64_t now, struct pn_arena *arena,
                struct pn_token_list *out)
{
    static char no_more[] = "";
    struct pn_token_list list = {.next = no_more};
    struct scan *scan = pn_arena_alloc(arena, sizeof(*scan));
    struct pn_judge judge;
    enum pn_err err = pn_judge_begin(store, now, arena, &judge);

    if (scan == NULL) {
        return PN_E_NOMEM;
    }
    *scan = (struct scan){.search = {.store = store,
                                     .filter = filter,
                                     .permit = &judge.permit,
                                     .now = now},
                          .judge = &judge,
                          .arena = arena,
                          .limit = pn_page_limit(page)};
    if (err == PN_OK) {
        err = pn_token_search_init(&scan->search, arena);
    }
    if (err == PN_OK) {
        err = read_cursor(page, arena, &scan->search);
    }
    if (err != PN_OK) {
        return err;
    }
    list.item = pn_arena_array(arena, scan->limit, sizeof(*list.item));
    if (list.item == NULL) {
        return PN_E_NOMEM;
    }
    err = run(scan, &list);
    if (err == PN_OK && scan->more) {
        list.next = write_cursor(scan);
        err = list.next == NULL ? PN_E_NOMEM : PN_OK;
    }
    if (err == PN_OK) {
        *out = list;
    }
    return err;
}

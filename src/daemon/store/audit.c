/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Audit events, each bound to the one before by a hash
 * (docs/formats/audit.md).  feed_head holds the end of the chain, so that a cut
 * tail shows too.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/str.h"
#include "daemon/store/internal.h"

enum { EVENT_MAX = 4 << 20, FIXED_BYTES = PN_HASH_LEN + 8 + 8, TEXTS = 7 };

#define EVENT_COLUMNS                                                          \
    "position, at, actor, actor_kind, action, subject, detail, address,"       \
    " request_id, hash"

struct chain {
    uint64_t position; /* of the last event */
    struct pn_hash hash;
};

static struct pn_str
text_or_empty(const char *text)
{
    return text == NULL ? PN_STR("") : pn_str_from(text);
}

/* The texts in the order of the format. */
static void
texts_of(const struct pn_audit_event *event, struct pn_str out[TEXTS])
{
    out[0] = text_or_empty(event->actor);
    out[1] = text_or_empty(event->actor_kind);
    out[2] = text_or_empty(event->action);
    out[3] = text_or_empty(event->subject);
    out[4] = text_or_empty(event->detail);
    out[5] = text_or_empty(event->address);
    out[6] = text_or_empty(event->request_id);
}

/* The hash of position, at and texts behind the hash of the event before. */
static enum pn_err
chain_hash(const struct pn_hash *before, uint64_t position, int64_t at,
           const struct pn_str texts[TEXTS], struct pn_hash *out)
{
    size_t len = FIXED_BYTES;
    struct pn_buf buf = {0};

    for (size_t i = 0; i < TEXTS; i++) {
        len += 4 + texts[i].len;
    }
    if (len > EVENT_MAX) {
        return PN_E_TOO_LONG;
    }
    buf.ptr = malloc(len);
    if (buf.ptr == NULL) {
        return PN_E_NOMEM;
    }
    buf.cap = len;
    pn_buf_add(&buf, (struct pn_str){(const char *) before->bytes,
                                     sizeof(before->bytes)});
    pn_put_u64(&buf, position);
    pn_put_u64(&buf, (uint64_t) at);
    for (size_t i = 0; i < TEXTS; i++) {
        pn_put_u32(&buf, (uint32_t) texts[i].len);
        pn_buf_add(&buf, texts[i]);
    }
    pn_hash_of(pn_buf_str(&buf), out);
    free(buf.ptr);
    return PN_OK;
}

static enum pn_err
chain_end(struct pn_store *store, struct chain *out)
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
insert_event(struct pn_store *store, const struct chain *link, int64_t at,
             const struct pn_str texts[TEXTS])
{
    struct pn_stmt *q = pn_db_query(
        store->db, "INSERT INTO audit (" EVENT_COLUMNS ")"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");

    pn_stmt_id(q, 1, link->position);
    pn_stmt_int(q, 2, at);
    for (int i = 0; i < TEXTS; i++) {
        pn_stmt_str(q, 3 + i, texts[i]);
    }
    pn_stmt_blob(q, 10, link->hash.bytes, sizeof(link->hash.bytes));
    return pn_stmt_run(q);
}

enum pn_err
pn_store_audit_add(struct pn_store *store, const struct pn_audit_event *event)
{
    struct chain before = {0}, link;
    struct pn_str texts[TEXTS];
    struct pn_stmt *q;
    enum pn_err err;

    /* The counter row's lock is what makes the chain one chain. */
    q = pn_db_query(store->db, "UPDATE feed_head SET audit_position ="
                               " audit_position WHERE id = 1");
    err = pn_run_on_row(store, q);
    if (err == PN_OK) {
        err = chain_end(store, &before);
    }
    if (err != PN_OK) {
        return err;
    }
    texts_of(event, texts);
    link.position = before.position + 1;
    err = chain_hash(&before.hash, link.position, event->at, texts, &link.hash);
    if (err == PN_OK) {
        err = insert_event(store, &link, event->at, texts);
    }
    if (err != PN_OK) {
        return err;
    }
    q = pn_db_query(store->db, "UPDATE feed_head SET audit_position = $1,"
                               " audit_hash = $2 WHERE id = 1");
    pn_stmt_id(q, 1, link.position);
    pn_stmt_blob(q, 2, link.hash.bytes, sizeof(link.hash.bytes));
    return pn_run_on_row(store, q);
}

static enum pn_err
read_event(struct pn_stmt *q, struct pn_arena *arena, void *out)
{
    struct pn_row row = {.q = q, .arena = arena};
    struct pn_audit_event event = {
        .position = pn_stmt_col_id(q, 0),
        .at = pn_stmt_col_int(q, 1),
        .actor = pn_row_text(&row, 2),
        .actor_kind = pn_row_text(&row, 3),
        .action = pn_row_text(&row, 4),
        .subject = pn_row_text(&row, 5),
        .detail = pn_row_text(&row, 6),
        .address = pn_row_text(&row, 7),
        .request_id = pn_row_text(&row, 8),
    };
    enum pn_err err = pn_row_hash(&row, 9, &event.hash);

    if (row.no_memory || err != PN_OK) {
        return row.no_memory ? PN_E_NOMEM : err;
    }
    *(struct pn_audit_event *) out = event;
    return PN_OK;
}

static char *
cursor_of(const void *last, struct pn_arena *arena)
{
    const struct pn_audit_event *event = last;

    return pn_cursor_of_number(event->position, arena);
}

enum pn_err
pn_store_audit(struct pn_store *store, const struct pn_page *page,
               struct pn_arena *arena, struct pn_audit_list *out)
{
    static const struct pn_page_noun noun = {.size =
                                                 sizeof(struct pn_audit_event),
                                             .read = read_event,
                                             .cursor = cursor_of};
    struct pn_page_items items;
    int64_t after = 0;
    struct pn_stmt *q;
    enum pn_err err = pn_cursor_number(page, 0, &after);

    if (err != PN_OK) {
        return err;
    }
    q = pn_db_query(store->db,
                    "SELECT " EVENT_COLUMNS " FROM audit WHERE position > $1"
                    " ORDER BY position LIMIT $2");
    pn_stmt_int(q, 1, after);
    pn_stmt_int(q, 2, pn_page_limit(page) + 1);
    err = pn_page_read(q, page, &noun, arena, &items);
    if (err == PN_OK) {
        *out = (struct pn_audit_list){items.item, items.count, items.next};
    }
    return err;
}

/* Does the present row of q continue the chain?  last moves on if so;
 * PN_E_DAMAGED if not. */
static enum pn_err
check_link(struct pn_stmt *q, struct chain *last)
{
    struct pn_row row = {.q = q};
    struct pn_str texts[TEXTS];
    struct pn_hash stored, computed;
    enum pn_err err;

    if (pn_stmt_col_id(q, 0) != last->position + 1
        || pn_row_hash(&row, 9, &stored) != PN_OK)
    {
        return PN_E_DAMAGED;
    }
    for (int i = 0; i < TEXTS; i++) {
        texts[i] = pn_stmt_col_str(q, 2 + i);
    }
    err = chain_hash(&last->hash, last->position + 1, pn_stmt_col_int(q, 1),
                     texts, &computed);
    if (err != PN_OK) {
        return err;
    }
    if (memcmp(stored.bytes, computed.bytes, sizeof(stored.bytes)) != 0) {
        return PN_E_DAMAGED;
    }
    last->position++;
    last->hash = stored;
    return PN_OK;
}

enum pn_err
pn_store_audit_verify(struct pn_store *store, uint64_t *checked, uint64_t *bad)
{
    struct chain last = {0}, end = {0};
    struct pn_stmt *q;
    enum pn_err err = chain_end(store, &end);

    if (err != PN_OK) {
        return err;
    }
    /* Events that are written meanwhile do not belong to this walk. */
    q = pn_db_query(store->db, "SELECT " EVENT_COLUMNS " FROM audit"
                               " WHERE position <= $1 ORDER BY position");
    pn_stmt_id(q, 1, end.position);
    while ((err = pn_stmt_step(q)) == PN_OK) {
        err = check_link(q, &last);
        if (err != PN_OK) {
            break;
        }
    }
    pn_stmt_done(q);
    if (err != PN_E_NOT_FOUND && err != PN_E_DAMAGED) {
        return err;
    }
    *checked = last.position;
    *bad = last.position == end.position
                   && memcmp(last.hash.bytes, end.hash.bytes, PN_HASH_LEN) == 0
               ? 0
               : last.position + 1;
    return PN_OK;
}

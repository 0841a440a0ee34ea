/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking the chain: is every event what it was, where it was?
 *
 * Rows that were removed or erased must each be named by an event that says
 * so, and that event is in the chain itself.
 */
#include <string.h>

#include "base/str.h"
#include "daemon/store/chain.h"

enum { HEX_LEN = 2 * PN_HASH_LEN, WINDOW = 2000 };

struct walk {
    struct pn_store *store;
    struct pn_audit_check *check;
    struct pn_chain_anchor anchor;
    bool old_known; /* old: the first version's hash of the row before */
    struct pn_hash old;
    /* the act that erased what was met last */
    uint64_t act;
    json_t *hits; /* its positions; ours */
    char pseudonym[PN_NAME_MAX];
};

static bool
same(const struct pn_hash *a, const struct pn_hash *b)
{
    return memcmp(a->bytes, b->bytes, PN_HASH_LEN) == 0;
}

/* Note what is wrong, once; false. */
static bool
wrong(struct walk *walk, uint64_t position, const char *why)
{
    if (walk->check->bad == 0) {
        walk->check->bad = position;
        walk->check->why = why;
    }
    return false;
}

/* --- acts that took something away --------------------------------------- */

/* The detail of the event at a position, if it is that act; a new reference.
 * NULL = there is no such act. */
static json_t *
act_detail(struct walk *walk, uint64_t position, const char *action,
           char pseudonym[PN_NAME_MAX])
{
    struct pn_stmt *q =
        pn_db_query(walk->store->db, "SELECT action, subject, detail FROM audit"
                                     " WHERE position = $1");
    json_t *detail = NULL;

    pn_stmt_id(q, 1, position);
    if (pn_stmt_step(q) == PN_OK
        && pn_str_eq(pn_stmt_col_str(q, 0), pn_str_from(action)))
    {
        struct pn_str subject = pn_stmt_col_str(q, 1);

        if (subject.len < PN_NAME_MAX
            && pn_json_parse(pn_stmt_col_str(q, 2), &detail, NULL, 0) == PN_OK)
        {
            memcpy(pseudonym, subject.len > 0 ? subject.ptr : "", subject.len);
            pseudonym[subject.len] = '\0';
        }
    }
    pn_stmt_done(q);
    return detail;
}

/* The events before the anchor are gone; the act that removed them knows the
 * hash of the last one. */
static bool
anchor_holds(struct walk *walk)
{
    char subject[PN_NAME_MAX], hex[HEX_LEN + 1];
    json_t *detail;
    bool holds;

    if (walk->anchor.last.position == 0) {
        return true;
    }
    pn_hex(walk->anchor.last.hash.bytes, PN_HASH_LEN, hex);
    detail = act_detail(walk, walk->anchor.event, PN_ACTION_TRIM, subject);
    const char *said = json_string_value(json_object_get(detail, "hash"));

    holds = said != NULL && strcmp(said, hex) == 0
            && (uint64_t) json_integer_value(json_object_get(detail, "up_to"))
                   == walk->anchor.last.position;
    json_decref(detail);
    return holds;
}

static bool
load_act(struct walk *walk, uint64_t position)
{
    json_t *detail;

    if (walk->act == position) {
        return walk->hits != NULL;
    }
    json_decref(walk->hits);
    detail = act_detail(walk, position, PN_ACTION_ERASE, walk->pseudonym);
    walk->hits = json_incref(json_object_get(detail, "events"));
    walk->act = position;
    json_decref(detail);
    return walk->hits != NULL;
}

static bool
act_names(const struct walk *walk, uint64_t position, unsigned part)
{
    for (size_t i = 0; i < json_array_size(walk->hits); i++) {
        const json_t *hit = json_array_get(walk->hits, i);

        if ((uint64_t) json_integer_value(json_array_get(hit, 0)) == position) {
            return (json_integer_value(json_array_get(hit, 1)) >> part & 1)
                   != 0;
        }
    }
    return false;
}

/* What stands where something was erased. */
static bool
shows_pseudonym(const struct walk *walk, const struct pn_chain_row *row,
                unsigned part)
{
    const struct pn_str name = pn_str_from(walk->pseudonym);

    switch (part) {
    case 0:
        return row->address.len == 0
               && (row->actor.len == 0 || pn_str_eq(row->actor, name));
    case 1:
        return pn_str_eq(row->subject, name);
    default:
        return row->personal.len == 0;
    }
}

static bool
erasures_hold(struct walk *walk, const struct pn_chain_row *row)
{
    for (unsigned part = 0; part < PN_CHAIN_PARTS; part++) {
        uint64_t act = row->erased[part];

        if (act != 0
            && (act <= row->position || !load_act(walk, act)
                || !act_names(walk, row->position, part)
                || !shows_pseudonym(walk, row, part)))
        {
            return false;
        }
    }
    return true;
}

/* --- one row ------------------------------------------------------------- */

/* Rows from before the second version carry their first hash, too, so that a
 * checkpoint of that time still counts. */
static bool
old_hash_holds(struct walk *walk, const struct pn_chain_row *row)
{
    bool in_clear =
        row->erased[0] == 0 && row->erased[1] == 0 && row->erased[2] == 0;
    struct pn_hash computed;
    bool holds = true;

    if (row->has_old && walk->old_known && in_clear) {
        holds = pn_chain_old_hash(&walk->old, row, &computed) == PN_OK
                && same(&computed, &row->old_hash);
    }
    walk->old_known = row->has_old;
    walk->old = row->old_hash;
    return holds;
}

/* The event of the upgrade says where the first chain ended; nothing was cut
 * off before it. */
static bool
upgrade_holds(const struct walk *walk, const struct pn_chain_row *row)
{
    char hex[HEX_LEN + 1];
    json_t *detail = NULL;
    bool holds = false;

    if (!walk->old_known || !pn_str_eq(row->action, PN_STR(PN_ACTION_UPGRADE)))
    {
        return true;
    }
    pn_hex(walk->old.bytes, PN_HASH_LEN, hex);
    if (pn_json_parse(row->detail, &detail, NULL, 0) == PN_OK) {
        const json_t *old = json_object_get(detail, "chain_1");
        const char *hash = json_string_value(json_object_get(old, "hash"));

        holds =
            hash != NULL && strcmp(hash, hex) == 0
            && (uint64_t) json_integer_value(json_object_get(old, "position"))
                   == row->position - 1;
        json_decref(detail);
    }
    return holds;
}

static bool
kept_holds(struct walk *walk, const struct pn_chain_row *row)
{
    const struct pn_audit_mark *kept = &walk->check->kept;

    return kept->position != row->position || same(&kept->hash, &row->hash)
           || (row->has_old && same(&kept->hash, &row->old_hash));
}

/* Does the row continue the chain?  check->at moves on if so. */
static bool
row_holds(struct walk *walk, const struct pn_chain_row *row)
{
    struct pn_audit_mark *at = &walk->check->at;
    struct pn_hash computed;

    if (row->position != at->position + 1) {
        return wrong(walk, at->position + 1, "missing");
    }
    if (!upgrade_holds(walk, row)) {
        return wrong(walk, row->position, "upgrade");
    }
    if (pn_chain_hash(&at->hash, row, &computed) != PN_OK
        || !same(&computed, &row->hash) || !old_hash_holds(walk, row))
    {
        return wrong(walk, row->position, "changed");
    }
    if (!erasures_hold(walk, row)) {
        return wrong(walk, row->position, "erased");
    }
    if (!kept_holds(walk, row)) {
        return wrong(walk, row->position, "checkpoint");
    }
    at->position = row->position;
    at->hash = row->hash;
    walk->check->checked++;
    return true;
}

/* --- the walk ------------------------------------------------------------ */

/* Up to there, or to what is wrong. */
static enum pn_err
walk_window(struct walk *walk, uint64_t to)
{
    const uint64_t from = walk->check->at.position + 1;
    struct pn_stmt *q =
        pn_db_query(walk->store->db, "SELECT " PN_CHAIN_COLUMNS " FROM audit"
                                     " WHERE position >= $1 AND position <= $2"
                                     " ORDER BY position");
    enum pn_err err;

    pn_stmt_id(q, 1, from);
    pn_stmt_id(q, 2, to);
    while ((err = pn_stmt_step(q)) == PN_OK) {
        struct pn_chain_row row = {0};

        if (pn_chain_row_read(q, &row) != PN_OK) {
            (void) wrong(walk, walk->check->at.position + 1, "changed");
            break;
        }
        if (!row_holds(walk, &row)) {
            break;
        }
    }
    pn_stmt_done(q);
    if (err == PN_E_NOT_FOUND && walk->check->at.position < to) {
        (void) wrong(walk, walk->check->at.position + 1, "missing");
    }
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

/* A database may hand over a result as a whole: not everything at once. */
static enum pn_err
walk_rows(struct walk *walk, uint64_t to)
{
    struct pn_audit_check *check = walk->check;
    enum pn_err err = PN_OK;

    while (err == PN_OK && check->bad == 0 && check->at.position < to) {
        uint64_t left = to - check->at.position;

        err =
            walk_window(walk, left > WINDOW ? check->at.position + WINDOW : to);
    }
    return err;
}

/* The first version's hash of the row before the one to begin with. */
static enum pn_err
find_old(struct walk *walk)
{
    struct pn_stmt *q;
    struct pn_row row = {0};
    enum pn_err err;

    if (walk->check->at.position == walk->anchor.last.position) {
        walk->old_known =
            walk->anchor.last.position == 0 || walk->anchor.has_old;
        walk->old = walk->anchor.old_hash;
        return PN_OK;
    }
    q = pn_db_query(walk->store->db,
                    "SELECT old_hash FROM audit WHERE position = $1");
    row.q = q;
    pn_stmt_id(q, 1, walk->check->at.position);
    err = pn_stmt_step(q);
    walk->old_known = err == PN_OK && pn_row_hash(&row, 0, &walk->old) == PN_OK;
    pn_stmt_done(q);
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

/* At the end position and hash must be those that feed_head has, and nothing
 * may follow. */
static enum pn_err
check_end(struct walk *walk)
{
    struct pn_audit_check *check = walk->check;
    struct pn_stmt *q =
        pn_db_query(walk->store->db, "SELECT position FROM audit"
                                     " WHERE position > $1 LIMIT 1");
    enum pn_err err;

    pn_stmt_id(q, 1, check->head.position);
    err = pn_stmt_step(q);
    pn_stmt_done(q);
    if (err != PN_OK && err != PN_E_NOT_FOUND) {
        return err;
    }
    if (err == PN_OK || !same(&check->at.hash, &check->head.hash)) {
        (void) wrong(walk, check->at.position + 1, "head");
    } else if (check->kept.position > check->head.position) {
        (void) wrong(walk, check->head.position + 1, "missing");
    }
    return PN_OK;
}

static enum pn_err
begin(struct walk *walk)
{
    struct pn_audit_check *check = walk->check;
    enum pn_err err = pn_chain_anchor(walk->store, &walk->anchor);

    if (err == PN_OK) {
        err = pn_chain_end(walk->store, &check->head);
    }
    if (err != PN_OK) {
        return err;
    }
    check->from = walk->anchor.last.position + 1;
    check->checked = 0;
    check->bad = 0;
    check->why = NULL;
    if (check->at.position < walk->anchor.last.position
        || check->at.position == 0) {
        check->at = walk->anchor.last;
    }
    if (!anchor_holds(walk)) {
        (void) wrong(walk, walk->anchor.last.position + 1, "missing");
    } else if (check->kept.position != 0
               && check->kept.position == walk->anchor.last.position
               && !same(&check->kept.hash, &walk->anchor.last.hash)
               && !(walk->anchor.has_old
                    && same(&check->kept.hash, &walk->anchor.old_hash)))
    {
        (void) wrong(walk, walk->anchor.last.position, "checkpoint");
    }
    return find_old(walk);
}

static enum pn_err
verify(struct walk *walk)
{
    struct pn_audit_check *check = walk->check;
    enum pn_err err = begin(walk);
    uint64_t to = check->head.position;

    if (err != PN_OK) {
        return err;
    }
    if (check->limit != 0 && to > check->at.position
        && to - check->at.position > check->limit)
    {
        to = check->at.position + check->limit;
    }
    if (check->bad == 0) {
        err = walk_rows(walk, to);
    }
    check->done = check->bad != 0 || to == check->head.position;
    return err == PN_OK && check->done && check->bad == 0 ? check_end(walk)
                                                          : err;
}

enum pn_err
pn_store_audit_verify(struct pn_store *store, struct pn_audit_check *check)
{
    struct walk walk = {.store = store, .check = check};
    enum pn_err err = pn_store_snapshot(store);

    if (err != PN_OK) {
        return err;
    }
    err = verify(&walk);
    json_decref(walk.hits);
    pn_store_snapshot_end(store);
    return err;
}

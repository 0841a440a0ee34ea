/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the first version of the chain to the second: every event gets its
 * salts and a hash of the new kind, and keeps the old one, so that checkpoints
 * of that time still count.  An event says where the old chain ended.
 */
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "base/str.h"
#include "daemon/store/chain.h"

struct upgrade {
    struct pn_store store;
    struct pn_audit_mark end; /* of the new chain */
};

static enum pn_err
put_row(struct upgrade *up, const struct pn_chain_row *row)
{
    struct pn_stmt *q = pn_db_query(
        up->store.db, "UPDATE audit SET personal = detail, detail = '{}',"
                      " old_hash = hash, salts = $1, hash = $2"
                      " WHERE position = $3");

    pn_stmt_blob(q, 1, row->salts.ptr, row->salts.len);
    pn_stmt_blob(q, 2, row->hash.bytes, PN_HASH_LEN);
    pn_stmt_id(q, 3, row->position);
    return pn_run_on_row(&up->store, q);
}

/* PN_E_NOT_FOUND after the last one. */
static enum pn_err
upgrade_next(struct upgrade *up)
{
    char salts[PN_CHAIN_SALTS_LEN];
    struct pn_chain_row row = {0};
    struct pn_stmt *q = pn_db_query(
        up->store.db, "SELECT " PN_CHAIN_COLUMNS " FROM audit"
                      " WHERE position > $1 ORDER BY position LIMIT 1");
    enum pn_err err;

    pn_stmt_id(q, 1, up->end.position);
    err = pn_stmt_step(q);
    if (err == PN_OK) {
        err = pn_chain_row_read(q, &row);
    }
    if (err == PN_OK && getentropy(salts, sizeof(salts)) != 0) {
        err = PN_E_IO;
    }
    if (err == PN_OK) {
        row.salts = (struct pn_str){salts, sizeof(salts)};
        row.personal = row.detail;
        row.detail = (struct pn_str){"{}", 2};
        err = pn_chain_hash(&up->end.hash, &row, &row.hash);
    }
    if (err == PN_OK) {
        err = put_row(up, &row);
        up->end = (struct pn_audit_mark){row.position, row.hash};
    }
    pn_stmt_done(q);
    return err;
}

static enum pn_err
add_event(struct upgrade *up, const struct pn_audit_mark *old)
{
    char hex[2 * PN_HASH_LEN + 1], detail[160];
    struct pn_buf buf = PN_BUF(detail);

    pn_hex(old->hash.bytes, PN_HASH_LEN, hex);
    pn_buf_addf(&buf, "{\"chain_1\":{\"hash\":\"%s\",\"position\":%llu}}", hex,
                (unsigned long long) old->position);
    if (pn_buf_cstr(&buf) == NULL) {
        return PN_E_TOO_LONG;
    }
    char actor[] = "posternd", kind[] = "system", action[] = PN_ACTION_UPGRADE;
    const struct pn_audit_event event = {
        .at = (int64_t) time(NULL),
        .actor = actor,
        .actor_kind = kind,
        .action = action,
        .detail = detail,
    };

    /* The head is written once for both. */
    up->store.chain = (struct pn_chain){.known = true,
                                        .moved = true,
                                        .position = up->end.position,
                                        .hash = up->end.hash};
    enum pn_err err = pn_store_audit_add(&up->store, &event);

    return err == PN_OK ? pn_chain_flush(&up->store) : err;
}

/* Nothing has been removed yet. */
static enum pn_err
add_anchor(struct upgrade *up)
{
    static const uint8_t no_hash[PN_HASH_LEN];
    struct pn_stmt *q = pn_db_query(
        up->store.db, "INSERT INTO audit_anchor (id, position, hash,"
                      " event_position) VALUES (1, 0, $1, 0)");

    pn_stmt_blob(q, 1, no_hash, sizeof(no_hash));
    return pn_stmt_run(q);
}

enum pn_err
pn_chain_upgrade(struct pn_db *db)
{
    struct upgrade up = {.store = {.db = db}};
    struct pn_audit_mark stored = {0};
    enum pn_err err = add_anchor(&up);

    if (err == PN_OK) {
        err = pn_chain_end(&up.store, &stored);
    }

    if (err != PN_OK || stored.position == 0) {
        return err == PN_E_NOT_FOUND ? PN_OK : err; /* a new database */
    }
    while ((err = upgrade_next(&up)) == PN_OK) {
    }
    return err == PN_E_NOT_FOUND ? add_event(&up, &stored) : err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hashes of the audit.
 *
 * What names a person goes in as a salted digest, so that the clear text can
 * be erased later and the chain still holds (docs/formats/audit.md).
 */
#include "daemon/store/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "base/str.h"

enum {
    EVENT_MAX = 4 << 20,
    SMALL_MAX = 4096, /* most events; no allocation */
    TAG_LEN = 8,
    OLD_TEXTS = 7,
};

static const char chain_tag[] = "pn.aud.2"; /* TAG_LEN characters */

/* Bytes to be hashed: on the stack when they are few. */
struct bytes {
    struct pn_buf buf;
    char small[SMALL_MAX];
};

static enum pn_err
bytes_begin(struct bytes *bytes, size_t len)
{
    if (len > EVENT_MAX) {
        return PN_E_TOO_LONG;
    }
    bytes->buf = PN_BUF(bytes->small);
    if (len > SMALL_MAX) {
        bytes->buf = (struct pn_buf){.ptr = malloc(len), .cap = len};
    }
    return bytes->buf.ptr != NULL ? PN_OK : PN_E_NOMEM;
}

static void
bytes_hash(struct bytes *bytes, struct pn_hash *out)
{
    pn_hash_of(pn_buf_str(&bytes->buf), out);
    if (bytes->buf.ptr != bytes->small) {
        free(bytes->buf.ptr);
    }
}

static void
put_hash(struct pn_buf *buf, const struct pn_hash *hash)
{
    pn_buf_add(
        buf, (struct pn_str){(const char *) hash->bytes, sizeof(hash->bytes)});
}

static void
put_text(struct pn_buf *buf, struct pn_str text)
{
    pn_put_u32(buf, (uint32_t) text.len);
    pn_buf_add(buf, text);
}

static size_t
len_of(const struct pn_str *texts, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        len += 4 + texts[i].len;
    }
    return len;
}

enum pn_err
pn_chain_seal(const struct pn_chain_row *row, unsigned part,
              struct pn_hash *out)
{
    const struct pn_str texts[PN_CHAIN_PARTS][2] = {
        {row->actor, row->address},
        {row->subject, {NULL, 0}},
        {row->personal, {NULL, 0}},
    };
    const size_t count = part == 0 ? 2 : 1;
    struct bytes bytes;
    enum pn_err err;

    if (row->salts.len != PN_CHAIN_SALTS_LEN) {
        return PN_E_DAMAGED;
    }
    err =
        bytes_begin(&bytes, 1 + PN_CHAIN_SALT_LEN + len_of(texts[part], count));
    if (err != PN_OK) {
        return err;
    }
    pn_put_u8(&bytes.buf, (uint8_t) (part + 1));
    pn_buf_add(
        &bytes.buf,
        (struct pn_str){row->salts.ptr + (size_t) part * PN_CHAIN_SALT_LEN,
                        PN_CHAIN_SALT_LEN});
    for (size_t i = 0; i < count; i++) {
        put_text(&bytes.buf, texts[part][i]);
    }
    bytes_hash(&bytes, out);
    return PN_OK;
}

static enum pn_err
seal_of(const struct pn_chain_row *row, unsigned part, struct pn_hash *out)
{
    if (row->erased[part] == 0) {
        return pn_chain_seal(row, part, out);
    }
    if (row->seals.len != PN_CHAIN_SEALS_LEN) {
        return PN_E_DAMAGED;
    }
    memcpy(out->bytes, row->seals.ptr + (size_t) part * PN_HASH_LEN,
           PN_HASH_LEN);
    return PN_OK;
}

enum pn_err
pn_chain_hash(const struct pn_hash *before, const struct pn_chain_row *row,
              struct pn_hash *out)
{
    const struct pn_str texts[] = {row->actor_kind, row->action, row->detail,
                                   row->request_id};
    struct pn_hash seal[PN_CHAIN_PARTS];
    struct bytes bytes;
    enum pn_err err;

    for (unsigned part = 0; part < PN_CHAIN_PARTS; part++) {
        err = seal_of(row, part, &seal[part]);
        if (err != PN_OK) {
            return err;
        }
    }
    err = bytes_begin(&bytes, TAG_LEN + PN_HASH_LEN + 16
                                  + len_of(texts, PN_LEN(texts))
                                  + PN_CHAIN_SEALS_LEN);
    if (err != PN_OK) {
        return err;
    }
    pn_buf_add_cstr(&bytes.buf, chain_tag);
    put_hash(&bytes.buf, before);
    pn_put_u64(&bytes.buf, row->position);
    pn_put_u64(&bytes.buf, (uint64_t) row->at);
    for (size_t i = 0; i < PN_LEN(texts); i++) {
        put_text(&bytes.buf, texts[i]);
    }
    for (unsigned part = 0; part < PN_CHAIN_PARTS; part++) {
        put_hash(&bytes.buf, &seal[part]);
    }
    bytes_hash(&bytes, out);
    return PN_OK;
}

enum pn_err
pn_chain_old_hash(const struct pn_hash *before, const struct pn_chain_row *row,
                  struct pn_hash *out)
{
    const struct pn_str texts[OLD_TEXTS] = {
        row->actor,    row->actor_kind, row->action,    row->subject,
        row->personal, row->address,    row->request_id};
    struct bytes bytes;
    enum pn_err err =
        bytes_begin(&bytes, PN_HASH_LEN + 16 + len_of(texts, OLD_TEXTS));

    if (err != PN_OK) {
        return err;
    }
    put_hash(&bytes.buf, before);
    pn_put_u64(&bytes.buf, row->position);
    pn_put_u64(&bytes.buf, (uint64_t) row->at);
    for (size_t i = 0; i < OLD_TEXTS; i++) {
        put_text(&bytes.buf, texts[i]);
    }
    bytes_hash(&bytes, out);
    return PN_OK;
}

/* --- rows ---------------------------------------------------------------- */

enum pn_err
pn_chain_row_read(struct pn_stmt *q, struct pn_chain_row *out)
{
    struct pn_row row = {.q = q};
    struct pn_chain_row read = {
        .position = pn_stmt_col_id(q, 0),
        .at = pn_stmt_col_int(q, 1),
        .actor = pn_stmt_col_str(q, 2),
        .actor_kind = pn_stmt_col_str(q, 3),
        .action = pn_stmt_col_str(q, 4),
        .subject = pn_stmt_col_str(q, 5),
        .detail = pn_stmt_col_str(q, 6),
        .personal = pn_stmt_col_str(q, 7),
        .address = pn_stmt_col_str(q, 8),
        .request_id = pn_stmt_col_str(q, 9),
        .salts = pn_stmt_col_blob(q, 10),
        .seals = pn_stmt_col_blob(q, 11),
        .erased = {pn_stmt_col_id(q, 12), pn_stmt_col_id(q, 13),
                   pn_stmt_col_id(q, 14)},
    };
    enum pn_err err = pn_row_hash(&row, 15, &read.hash);

    if (err == PN_OK && pn_stmt_col_blob(q, 16).len > 0) {
        read.has_old = true;
        err = pn_row_hash(&row, 16, &read.old_hash);
    }
    if (err != PN_OK) {
        return err;
    }
    *out = read;
    return PN_OK;
}

enum pn_err
pn_chain_anchor(struct pn_store *store, struct pn_chain_anchor *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT position, hash, old_hash, event_position"
                               " FROM audit_anchor WHERE id = 1");
    struct pn_row row = {.q = q};
    struct pn_chain_anchor anchor = {0};
    enum pn_err err = pn_stmt_step(q);

    if (err == PN_OK) {
        anchor.last.position = pn_stmt_col_id(q, 0);
        anchor.event = pn_stmt_col_id(q, 3);
        err = pn_row_hash(&row, 1, &anchor.last.hash);
    }
    if (err == PN_OK && pn_stmt_col_blob(q, 2).len > 0) {
        anchor.has_old = true;
        err = pn_row_hash(&row, 2, &anchor.old_hash);
    }
    pn_stmt_done(q);
    if (err == PN_OK) {
        *out = anchor;
    }
    return err;
}

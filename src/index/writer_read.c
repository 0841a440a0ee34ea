/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer itself reads: sums of a span, and record after record. */
#include <string.h>

#include "core/sum.h"
#include "index/walk.h"
#include "index/writer_impl.h"

uint64_t
pn_index_sum_of(const struct pn_index_key *key, struct pn_str record)
{
    const uint64_t sums[] = {pn_sum(key->bytes, key->len),
                             pn_sum(record.ptr, record.len)};

    return pn_sum(sums, sizeof(sums));
}

static enum pn_err
entry_of(MDB_val k, MDB_val v, struct pn_index_entry *out)
{
    if (k.mv_size == 0 || k.mv_size > sizeof(out->key.bytes)) {
        return PN_E_DAMAGED;
    }
    out->key.len = k.mv_size;
    memcpy(out->key.bytes, k.mv_data, k.mv_size);
    out->record = (struct pn_str){v.mv_data, v.mv_size};
    return PN_OK;
}

static bool
is_before(const struct pn_index_key *a, const struct pn_index_key *b)
{
    return b->len == 0
           || pn_index_key_compare(a->bytes, a->len, b->bytes, b->len) < 0;
}

static enum pn_err
sum_up(MDB_cursor *cursor, const struct pn_index_span *span,
       struct pn_index_sum *out)
{
    MDB_val k = pn_index_val(span->from.bytes, span->from.len), v;
    struct pn_index_sum sum = {0, 0};
    struct pn_index_entry entry;
    int rc = mdb_cursor_get(cursor, &k, &v,
                            span->from.len == 0 ? MDB_FIRST : MDB_SET_RANGE);

    while (rc == MDB_SUCCESS) {
        enum pn_err err = entry_of(k, v, &entry);

        if (err != PN_OK) {
            return err;
        }
        if (!is_before(&entry.key, &span->to)) {
            rc = MDB_NOTFOUND;
            break;
        }
        if (!pn_index_key_is_meta(&entry.key)) {
            sum.digest += pn_index_sum_of(&entry.key, entry.record);
            sum.records++;
        }
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    if (rc != MDB_NOTFOUND) {
        return pn_index_lmdb_err(rc);
    }
    *out = sum;
    return PN_OK;
}

enum pn_err
pn_index_writer_sum(struct pn_index_writer *writer,
                    const struct pn_index_span *span, struct pn_index_sum *out)
{
    MDB_cursor *cursor = NULL;
    MDB_txn *txn = NULL;
    enum pn_err err = PN_E_STATE;

    if (writer->txn == NULL) {
        /* a lock file that was cut short kills whoever touches it */
        err = pn_index_env_is_sound(writer->env)
                  ? pn_index_env_read(writer->env, &txn)
                  : PN_E_DAMAGED;
    }
    if (err != PN_OK) {
        return err;
    }
    err = pn_index_lmdb_err(
        mdb_cursor_open(txn, pn_index_env_dbi(writer->env), &cursor));
    if (err == PN_OK) {
        err = sum_up(cursor, span, out);
        mdb_cursor_close(cursor);
    }
    pn_index_env_reset(writer->env, txn);
    mdb_txn_abort(txn);
    return err;
}

enum pn_err
pn_index_writer_seek(struct pn_index_writer *writer,
                     const struct pn_index_key *key, enum pn_index_seek where,
                     struct pn_index_entry *out)
{
    MDB_cursor *cursor = NULL;
    MDB_val k = pn_index_val(key->bytes, key->len), v;
    enum pn_err err = PN_E_STATE;
    int rc;

    if (writer->txn == NULL) {
        return PN_E_STATE;
    }
    err = pn_index_lmdb_err(
        mdb_cursor_open(writer->txn, pn_index_env_dbi(writer->env), &cursor));
    if (err != PN_OK) {
        return err;
    }
    rc = mdb_cursor_get(cursor, &k, &v,
                        key->len == 0 ? MDB_FIRST : MDB_SET_RANGE);
    if (rc == MDB_SUCCESS && where == PN_INDEX_SEEK_AFTER
        && k.mv_size == key->len
        && memcmp(k.mv_data, key->bytes, key->len) == 0)
    {
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    err = pn_index_lmdb_err(rc);
    if (err == PN_OK) {
        err = entry_of(k, v, out);
    }
    mdb_cursor_close(cursor);
    return err;
}

enum pn_err
pn_index_writer_recount(struct pn_index_writer *writer)
{
    struct pn_index_entry entry;
    MDB_cursor *cursor = NULL;
    MDB_val k, v;
    enum pn_err err;
    int rc;

    if (writer->txn == NULL) {
        return PN_E_STATE;
    }
    err = pn_index_lmdb_err(
        mdb_cursor_open(writer->txn, pn_index_env_dbi(writer->env), &cursor));
    if (err != PN_OK) {
        return err;
    }
    writer->draft.tokens = writer->draft.owners = writer->draft.apps = 0;
    for (rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
         rc == MDB_SUCCESS && entry_of(k, v, &entry) == PN_OK;
         rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT))
    {
        uint64_t *count = pn_index_count_of(writer, &entry.key);

        if (count != NULL) {
            (*count)++;
        }
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? PN_OK : PN_E_DAMAGED;
}

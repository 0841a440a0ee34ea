/* SPDX-License-Identifier: Apache-2.0 */
/* The puts and deletes of a writer's transaction. */
#include <string.h>

#include "core/record.h"
#include "index/writer_impl.h"

bool
pn_index_writer_is_new(const struct pn_index_writer *writer)
{
    return writer->base != writer->meta.generation;
}

static bool
key_follows(const struct pn_index_key *key, const struct pn_index_key *last)
{
    size_t len = key->len < last->len ? key->len : last->len;
    int order = memcmp(key->bytes, last->bytes, len);

    return order > 0 || (order == 0 && key->len > last->len);
}

enum pn_err
pn_index_put_any(struct pn_index_writer *writer, const struct pn_index_key *key,
                 struct pn_str record, uint64_t *count)
{
    MDB_val k = pn_index_val(key->bytes, key->len);
    MDB_val v = pn_index_val(record.ptr, record.len);
    unsigned flags = MDB_NOOVERWRITE;
    int rc;

    if (writer->txn == NULL) {
        return PN_E_STATE;
    }
    if (record.len > PN_RECORD_MAX) {
        return PN_E_TOO_LONG;
    }
    /* Keys that come sorted into a new generation fill its pages wholly. */
    if (pn_index_writer_is_new(writer) && key_follows(key, &writer->last)) {
        flags |= MDB_APPEND;
        memcpy(writer->last.bytes, key->bytes, key->len);
        writer->last.len = key->len;
    }
    rc = mdb_put(writer->txn, pn_index_env_dbi(writer->env), &k, &v, flags);
    if (rc == MDB_SUCCESS && count != NULL) {
        (*count)++;
    }
    if (rc == MDB_KEYEXIST) {
        v = pn_index_val(record.ptr, record.len);
        rc = mdb_put(writer->txn, pn_index_env_dbi(writer->env), &k, &v, 0);
    }
    writer->map_was_full = writer->map_was_full || rc == MDB_MAP_FULL;
    return pn_index_lmdb_err(rc);
}

uint64_t *
pn_index_count_of(struct pn_index_writer *writer,
                  const struct pn_index_key *key)
{
    switch (key->bytes[0]) {
    case PN_INDEX_KIND_TOKEN:
        return &writer->draft.tokens;
    case PN_INDEX_KIND_OWNER:
        return &writer->draft.owners;
    case PN_INDEX_KIND_APP:
        return &writer->draft.apps;
    default:
        return NULL;
    }
}

/* What workers compile changes with this key. */
static void
note_policy(struct pn_index_writer *writer, const struct pn_index_key *key)
{
    writer->policy_changed |= key->bytes[0] == PN_INDEX_KIND_APP
                              || key->bytes[0] == PN_INDEX_KIND_POLICY;
}

enum pn_err
pn_index_put(struct pn_index_writer *writer, const struct pn_index_key *key,
             struct pn_str record)
{
    note_policy(writer, key);
    return pn_index_put_any(writer, key, record,
                            pn_index_count_of(writer, key));
}

enum pn_err
pn_index_del(struct pn_index_writer *writer, const struct pn_index_key *key)
{
    MDB_val k = pn_index_val(key->bytes, key->len);
    uint64_t *count = pn_index_count_of(writer, key);
    int rc;

    if (writer->txn == NULL) {
        return PN_E_STATE;
    }
    note_policy(writer, key);
    rc = mdb_del(writer->txn, pn_index_env_dbi(writer->env), &k, NULL);
    if (rc == MDB_NOTFOUND) {
        return PN_OK;
    }
    if (rc == MDB_SUCCESS && count != NULL && *count > 0) {
        (*count)--;
    }
    writer->map_was_full = writer->map_was_full || rc == MDB_MAP_FULL;
    return pn_index_lmdb_err(rc);
}

enum pn_err
pn_index_put_token(struct pn_index_writer *writer, const struct pn_hash *hash,
                   struct pn_str record)
{
    struct pn_index_key key;

    pn_index_key_token(hash, &key);
    return pn_index_put(writer, &key, record);
}

enum pn_err
pn_index_del_token(struct pn_index_writer *writer, const struct pn_hash *hash)
{
    struct pn_index_key key;

    pn_index_key_token(hash, &key);
    return pn_index_del(writer, &key);
}

enum pn_err
pn_index_put_token_name(struct pn_index_writer *writer, uint64_t id,
                        struct pn_str name)
{
    struct pn_index_key key;

    pn_index_key_id(PN_INDEX_KIND_TOKEN_NAME, id, &key);
    return pn_index_put(writer, &key, name);
}

enum pn_err
pn_index_del_token_name(struct pn_index_writer *writer, uint64_t id)
{
    struct pn_index_key key;

    pn_index_key_id(PN_INDEX_KIND_TOKEN_NAME, id, &key);
    return pn_index_del(writer, &key);
}

enum pn_err
pn_index_put_owner(struct pn_index_writer *writer, uint64_t id,
                   struct pn_str record)
{
    struct pn_index_key key;

    pn_index_key_id(PN_INDEX_KIND_OWNER, id, &key);
    return pn_index_put(writer, &key, record);
}

enum pn_err
pn_index_del_owner(struct pn_index_writer *writer, uint64_t id)
{
    struct pn_index_key key;

    pn_index_key_id(PN_INDEX_KIND_OWNER, id, &key);
    return pn_index_del(writer, &key);
}

enum pn_err
pn_index_put_app(struct pn_index_writer *writer, struct pn_str name,
                 struct pn_str record)
{
    struct pn_index_key key;
    enum pn_err err = pn_index_key_app(name, &key);

    return err == PN_OK ? pn_index_put(writer, &key, record) : err;
}

enum pn_err
pn_index_del_app(struct pn_index_writer *writer, struct pn_str name)
{
    struct pn_index_key key;
    enum pn_err err = pn_index_key_app(name, &key);

    return err == PN_OK ? pn_index_del(writer, &key) : err;
}

enum pn_err
pn_index_put_policy(struct pn_index_writer *writer, struct pn_str record)
{
    struct pn_index_key key;

    pn_index_key_one(PN_INDEX_KIND_POLICY, &key);
    return pn_index_put(writer, &key, record);
}

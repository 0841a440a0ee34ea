/* SPDX-License-Identifier: Apache-2.0 */
/* A cursor over everything; what it finds is checked, not trusted. */
#include "index/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/str.h"
#include "core/id.h"
#include "core/record.h"
#include "index/datafile.h"
#include "index/env.h"
#include "index/files.h"
#include "index/page.h"

struct pn_index_walk {
    char dir[PN_INDEX_PATH_MAX];
    struct pn_index_env *env;
    uint64_t generation; /* of env */
    MDB_txn *txn;
    MDB_cursor *cursor; /* between begin and end */
};

enum pn_err
pn_index_walk_new(const char *dir, struct pn_index_walk **out)
{
    struct pn_index_walk *walk;

    if (strlen(dir) > PN_INDEX_DIR_MAX) {
        return PN_E_TOO_LONG;
    }
    walk = calloc(1, sizeof(*walk));
    if (walk == NULL) {
        return PN_E_NOMEM;
    }
    pn_index_path(walk->dir, dir, NULL);
    *out = walk;
    return PN_OK;
}

static void
close_env(struct pn_index_walk *walk)
{
    if (walk->txn != NULL) {
        mdb_txn_abort(walk->txn);
        walk->txn = NULL;
    }
    pn_index_env_done(walk->env);
    walk->env = NULL;
}

void
pn_index_walk_free(struct pn_index_walk *walk)
{
    if (walk == NULL) {
        return;
    }
    pn_index_walk_end(walk);
    close_env(walk);
    free(walk);
}

/* Which generation counts; PN_E_NOT_FOUND when none does yet. */
static enum pn_err
present_generation(const struct pn_index_walk *walk, uint64_t *out)
{
    struct pn_index_map map = {.page = NULL};
    enum pn_err err = pn_index_map_open(walk->dir, &map);

    if (err != PN_OK) {
        return err;
    }
    *out = atomic_load_explicit(&map.page->generation, memory_order_acquire);
    pn_index_map_done(&map);
    return *out != 0 ? PN_OK : PN_E_NOT_FOUND;
}

static enum pn_err
follow(struct pn_index_walk *walk)
{
    uint64_t generation = 0;
    enum pn_err err = present_generation(walk, &generation);

    if (err != PN_OK || (walk->env != NULL && generation == walk->generation)) {
        return err;
    }
    close_env(walk);
    walk->generation = generation;
    return pn_index_env_open(walk->dir, generation, PN_INDEX_READ, 0,
                             (gid_t) -1, &walk->env);
}

static enum pn_err
read_meta(struct pn_index_walk *walk, struct pn_index_meta *out)
{
    struct pn_index_entry entry = {.record = {NULL, 0}};
    struct pn_index_key key;
    struct pn_index_meta meta;
    enum pn_err err;

    pn_index_key_one(PN_INDEX_KIND_META, &key);
    err = pn_index_walk_seek(walk, &key, &entry);
    if (err != PN_OK) {
        /* nothing follows: a generation that was never committed */
        return err == PN_E_NOT_FOUND ? PN_E_DAMAGED : err;
    }
    if (entry.key.len != 1 || entry.key.bytes[0] != PN_INDEX_KIND_META) {
        return PN_E_DAMAGED;
    }
    err = pn_index_meta_decode(entry.record, &meta);
    if (err == PN_OK && meta.generation != walk->generation) {
        err = PN_E_DAMAGED; /* a directory that was copied */
    }
    if (err == PN_OK) {
        *out = meta;
    }
    return err;
}

enum pn_err
pn_index_walk_begin(struct pn_index_walk *walk, struct pn_index_meta *meta)
{
    enum pn_err err = follow(walk);

    if (err == PN_OK) {
        err = pn_index_env_read(walk->env, &walk->txn);
    }
    if (err != PN_OK) {
        return err;
    }
    err = pn_index_lmdb_err(
        mdb_cursor_open(walk->txn, pn_index_env_dbi(walk->env), &walk->cursor));
    if (err == PN_OK) {
        err = read_meta(walk, meta);
    } else {
        walk->cursor = NULL;
        pn_index_env_reset(walk->env, walk->txn);
    }
    if (err != PN_OK) {
        pn_index_walk_end(walk);
    }
    return err;
}

void
pn_index_walk_end(struct pn_index_walk *walk)
{
    if (walk->cursor != NULL) {
        mdb_cursor_close(walk->cursor);
        walk->cursor = NULL;
        pn_index_env_reset(walk->env, walk->txn);
    }
}

enum pn_err
pn_index_walk_pages(struct pn_index_walk *walk, uint64_t *pages)
{
    MDB_stat stat;
    int fd = -1;
    enum pn_err err;

    if (walk->cursor == NULL) {
        return PN_E_STATE;
    }
    err = pn_index_lmdb_err(mdb_env_get_fd(pn_index_env_lmdb(walk->env), &fd));
    if (err == PN_OK) {
        err = pn_index_datafile_check_tree(fd, mdb_txn_id(walk->txn), 0);
    }
    if (err == PN_OK) {
        err = pn_index_lmdb_err(
            mdb_stat(walk->txn, pn_index_env_dbi(walk->env), &stat));
    }
    if (err == PN_OK) {
        *pages =
            stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    }
    return err;
}

/* Move the cursor; k is what it looks for, or nothing. */
static enum pn_err
move(struct pn_index_walk *walk, MDB_val k, MDB_cursor_op op,
     struct pn_index_entry *out)
{
    MDB_val v;
    int rc;

    if (walk->cursor == NULL) {
        return PN_E_STATE;
    }
    rc = mdb_cursor_get(walk->cursor, &k, &v, op);
    if (rc != MDB_SUCCESS) {
        return pn_index_lmdb_err(rc);
    }
    if (k.mv_size == 0 || k.mv_size > sizeof(out->key.bytes)) {
        return PN_E_DAMAGED;
    }
    out->key.len = k.mv_size;
    memcpy(out->key.bytes, k.mv_data, k.mv_size);
    out->record = (struct pn_str){v.mv_data, v.mv_size};
    return PN_OK;
}

enum pn_err
pn_index_walk_seek(struct pn_index_walk *walk, const struct pn_index_key *key,
                   struct pn_index_entry *out)
{
    if (key->len == 0) {
        return move(walk, (MDB_val){0}, MDB_FIRST, out);
    }
    return move(walk, pn_index_val(key->bytes, key->len), MDB_SET_RANGE, out);
}

enum pn_err
pn_index_walk_next(struct pn_index_walk *walk, struct pn_index_entry *out)
{
    return move(walk, (MDB_val){0}, MDB_NEXT, out);
}

/* --- one record ---------------------------------------------------------- */

static bool
is_id(const struct pn_index_key *key, uint64_t *id)
{
    *id = pn_index_key_id_of(key);
    return key->len == 1 + sizeof(*id);
}

static enum pn_err
check_token(const struct pn_index_entry *entry)
{
    struct pn_token_record rec;
    struct pn_rules_record rules;
    enum pn_err err = pn_token_record_decode(entry->record, &rec);

    if (err == PN_OK && rec.rules.len > 0) {
        err = pn_rules_record_decode(rec.rules, &rules);
    }
    return err == PN_OK && entry->key.len != 1 + PN_HASH_KEY_LEN ? PN_E_DAMAGED
                                                                 : err;
}

static enum pn_err
check_owner(const struct pn_index_entry *entry)
{
    struct pn_owner_record rec;
    uint64_t id = 0;
    enum pn_err err = pn_owner_record_decode(entry->record, &rec);

    return err == PN_OK && (!is_id(&entry->key, &id) || rec.owner_id != id)
               ? PN_E_DAMAGED
               : err;
}

static enum pn_err
check_app(const struct pn_index_entry *entry)
{
    struct pn_pathpat patterns[2 * PN_PATHPATS_MAX];
    struct pn_app_record rec;
    const struct pn_str name = {(const char *) entry->key.bytes + 1,
                                entry->key.len - 1};
    enum pn_err err = pn_app_record_decode(entry->record, patterns, &rec);

    return err == PN_OK && !pn_str_eq(rec.name, name) ? PN_E_DAMAGED : err;
}

enum pn_err
pn_index_entry_check(const struct pn_index_entry *entry)
{
    struct pn_policy_record policy;
    struct pn_index_meta meta;
    uint64_t id;

    switch (entry->key.bytes[0]) {
    case PN_INDEX_KIND_TOKEN:
        return check_token(entry);
    case PN_INDEX_KIND_OWNER:
        return check_owner(entry);
    case PN_INDEX_KIND_APP:
        return check_app(entry);
    case PN_INDEX_KIND_TOKEN_NAME:
        return is_id(&entry->key, &id) && pn_str_is_utf8(entry->record)
                   ? PN_OK
                   : PN_E_DAMAGED;
    case PN_INDEX_KIND_POLICY:
        return entry->key.len == 1
                   ? pn_policy_record_decode(entry->record, &policy)
                   : PN_E_DAMAGED;
    case PN_INDEX_KIND_META:
        return entry->key.len == 1 ? pn_index_meta_decode(entry->record, &meta)
                                   : PN_E_DAMAGED;
    default:
        return PN_E_DAMAGED;
    }
}

void
pn_index_key_words(const struct pn_index_key *key,
                   char out[PN_INDEX_KEY_TEXT_MAX])
{
    struct pn_buf text = {.ptr = out, .cap = PN_INDEX_KEY_TEXT_MAX - 1};
    const struct pn_str rest = {(const char *) key->bytes + 1, key->len - 1};
    char hex[2 * PN_INDEX_KEY_MAX + 1], public[PN_ID_TEXT_LEN + 1];
    uint64_t id = 0;

    switch (key->bytes[0]) {
    case PN_INDEX_KIND_APP:
        pn_buf_add_cstr(&text, "app ");
        pn_buf_add_json(&text, rest);
        break;
    case PN_INDEX_KIND_OWNER:
    case PN_INDEX_KIND_TOKEN_NAME:
        (void) is_id(key, &id);
        pn_id_format(key->bytes[0] == PN_INDEX_KIND_OWNER ? PN_ID_USER
                                                          : PN_ID_TOKEN,
                     id, public);
        pn_buf_addf(&text, "%s %s",
                    key->bytes[0] == PN_INDEX_KIND_OWNER ? "owner"
                                                         : "name of token",
                    public);
        break;
    case PN_INDEX_KIND_TOKEN:
        pn_hex(rest.ptr, rest.len, hex);
        pn_buf_addf(&text, "secret %.*s", (int) (2 * rest.len), hex);
        break;
    case PN_INDEX_KIND_POLICY:
        pn_buf_add_cstr(&text, "policy");
        break;
    case PN_INDEX_KIND_META:
        pn_buf_add_cstr(&text, "generation");
        break;
    default:
        pn_hex(key->bytes, key->len, hex);
        pn_buf_addf(&text, "key %.*s", (int) (2 * key->len), hex);
    }
    out[text.len] = '\0';
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading.  Per request: one word of the page compared, one transaction
 * renewed, look-ups (of keys not found in this snapshot before), reset.
 * Everything else happens when something changed.
 */
#include "index/index.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "index/env.h"
#include "index/files.h"
#include "index/finds.h"
#include "index/key.h"
#include "index/page.h"

enum { OPEN_ATTEMPTS = 3, WHY_MAX = PN_INDEX_PATH_MAX + 256 };

struct pn_index {
    char dir[PN_INDEX_PATH_MAX];
    struct pn_index_map map;
    struct pn_index_boot boot;
    struct pn_index_env *env;
    uint64_t generation; /* of env */
    uint64_t policy_version;
    MDB_txn *txn;
    size_t snapshot;    /* txn's, which finds belong to */
    uint64_t moves;     /* of env's map, likewise */
    bool live;          /* between begin and end */
    int64_t checked_at; /* when current was last compared with its name */
    int64_t fresh_at;   /* when it was last found not to be stale */
    int64_t failed_at;  /* when opening last failed */
    enum pn_err failed; /* why, or PN_OK */
    char why[WHY_MAX];
    struct pn_index_finds finds;
};

enum pn_err
pn_index_new(const char *dir, struct pn_index **out)
{
    struct pn_index *index;

    if (dir[0] == '\0') {
        return PN_E_RANGE;
    }
    if (strlen(dir) > PN_INDEX_DIR_MAX) {
        return PN_E_TOO_LONG;
    }
    index = calloc(1, sizeof(*index));
    if (index == NULL) {
        return PN_E_NOMEM;
    }
    pn_index_path(index->dir, dir, NULL);
    index->fresh_at = -1;
    *out = index;
    return PN_OK;
}

static void
close_env(struct pn_index *index)
{
    if (index->txn != NULL) {
        mdb_txn_abort(index->txn); /* gives the reader's slot back */
        index->txn = NULL;
    }
    pn_index_env_done(index->env);
    index->env = NULL;
    index->generation = 0;
    pn_index_finds_forget(&index->finds);
}

static void
close_all(struct pn_index *index)
{
    close_env(index);
    pn_index_map_done(&index->map);
}

void
pn_index_free(struct pn_index *index)
{
    if (index == NULL) {
        return;
    }
    pn_index_end(index);
    close_all(index);
    free(index);
}

const char *
pn_index_why(const struct pn_index *index)
{
    return index->why;
}

uint64_t
pn_index_policy_version(const struct pn_index *index)
{
    return index->policy_version;
}

bool
pn_index_is_at(const struct pn_index *index, uint64_t policy_version,
               int64_t now)
{
    /* env: the last attempt to open was no failure; checked_at: the page is
     * still the one of that name. */
    return index->env != NULL && index->checked_at == now
           && atomic_load_explicit(&index->map.page->policy_version,
                                   memory_order_acquire)
                  == policy_version;
}

/* The sentence for an error on DIR/what. */
static enum pn_err
fail(struct pn_index *index, const char *what, enum pn_err err)
{
    (void) snprintf(index->why, sizeof(index->why),
                    "cannot read index '%s/%s': %s", index->dir, what,
                    pn_err_text(err));
    return err;
}

static enum pn_err
fail_generation(struct pn_index *index, uint64_t generation, const char *file,
                enum pn_err err)
{
    char what[64];

    (void) snprintf(what, sizeof(what), "%" PRIu64 "/%s", generation, file);
    return fail(index, what, err);
}

static uint64_t
page_generation(const struct pn_index *index)
{
    return atomic_load_explicit(&index->map.page->generation,
                                memory_order_acquire);
}

/* A directory that was copied to another number is refused. */
static enum pn_err
check_meta(struct pn_index *index)
{
    struct pn_index_meta meta;
    struct pn_index_key key;
    MDB_val k, v;
    enum pn_err err;

    pn_index_key_one(PN_INDEX_KIND_META, &key);
    k = (MDB_val){key.len, key.bytes};
    err = pn_index_lmdb_err(
        mdb_get(index->txn, pn_index_env_dbi(index->env), &k, &v));
    if (err == PN_E_NOT_FOUND) {
        return PN_E_DAMAGED; /* a generation that was never committed */
    }
    if (err == PN_OK) {
        err =
            pn_index_meta_decode((struct pn_str){v.mv_data, v.mv_size}, &meta);
    }
    if (err != PN_OK) {
        return err;
    }
    return meta.generation == index->generation ? PN_OK : PN_E_DAMAGED;
}

static enum pn_err
open_generation(struct pn_index *index, uint64_t generation)
{
    enum pn_err err;

    close_env(index);
    err = pn_index_env_open(index->dir, generation, PN_INDEX_READ, 0,
                            (gid_t) -1, &index->env);
    if (err != PN_OK) {
        return err;
    }
    index->generation = generation;
    err = pn_index_env_read(index->env, &index->txn);
    if (err != PN_OK) {
        close_env(index);
        return err;
    }
    err = check_meta(index);
    pn_index_env_reset(index->env, index->txn);
    if (err != PN_OK) {
        close_env(index);
    }
    return err;
}

/*
 * Follow the page to the present generation.  One that vanished while we
 * opened it was replaced: look again.
 */
static enum pn_err
follow(struct pn_index *index)
{
    enum pn_err err = PN_E_NOT_FOUND;

    for (int attempt = 0; attempt < OPEN_ATTEMPTS; attempt++) {
        uint64_t generation = page_generation(index);

        if (generation == 0) {
            close_env(index);
            return fail(index, "current", PN_E_NOT_FOUND);
        }
        if (index->env != NULL && generation == index->generation) {
            return PN_OK;
        }
        err = open_generation(index, generation);
        if (err == PN_OK) {
            continue; /* it may have changed again */
        }
        if (generation == page_generation(index)) {
            return fail_generation(index, generation, "data.mdb", err);
        }
    }
    /* Opened one, and the page moved on every time: the last one will do. */
    return index->env != NULL ? PN_OK
                              : fail_generation(index, page_generation(index),
                                                "data.mdb", err);
}

/* Somebody may have removed the directory and begun anew; the page that is
 * mapped would then stand still for ever.  Looked at once a second. */
static enum pn_err
map_page(struct pn_index *index, int64_t now)
{
    enum pn_err err;

    if (index->map.page != NULL) {
        if (index->checked_at == now
            || pn_index_map_is_current(&index->map, index->dir))
        {
            index->checked_at = now;
            return PN_OK;
        }
        close_all(index);
    }
    err = pn_index_map_open(index->dir, &index->map);
    if (err != PN_OK) {
        return fail(index, "current", err);
    }
    pn_index_boot_read(&index->boot);
    index->checked_at = now;
    return PN_OK;
}

/* Reads a clock, so asked once a second. */
static bool
is_stale(const struct pn_index *index)
{
    const struct pn_index_page *page = index->map.page;

    return atomic_load_explicit(&page->stale_after_s, memory_order_relaxed) != 0
           && pn_index_page_is_stale(page, &index->boot, pn_index_boot_ms());
}

/* After a commit, or when the map moved, what was found is no longer there. */
static void
follow_snapshot(struct pn_index *index)
{
    size_t snapshot = mdb_txn_id(index->txn);
    uint64_t moves = pn_index_env_moves(index->env);

    if (snapshot != index->snapshot || moves != index->moves) {
        index->snapshot = snapshot;
        index->moves = moves;
        pn_index_finds_forget(&index->finds);
    }
}

static enum pn_err
ready(struct pn_index *index, int64_t now)
{
    enum pn_err err = map_page(index, now);

    if (err != PN_OK) {
        return err;
    }
    /* Before the transaction: it is raised after a commit, so what is read
     * under this version is at least as new as the version. */
    index->policy_version = atomic_load_explicit(
        &index->map.page->policy_version, memory_order_acquire);
    err = follow(index);
    if (err != PN_OK) {
        return err;
    }
    if (index->fresh_at != now) {
        if (is_stale(index)) {
            return fail(index, "current", PN_E_STALE);
        }
        index->fresh_at = now;
    }
    err = pn_index_env_read(index->env, &index->txn);
    if (err != PN_OK) {
        return fail_generation(index, index->generation, "lock.mdb", err);
    }
    follow_snapshot(index);
    return PN_OK;
}

enum pn_err
pn_index_begin(struct pn_index *index, int64_t now)
{
    enum pn_err err;

    if (index->live) {
        return PN_E_STATE;
    }
    /* Opening is for once a second; staleness ends by itself. */
    if (index->failed != PN_OK && index->failed_at == now) {
        return index->failed;
    }
    err = ready(index, now);
    index->failed = err == PN_E_STALE ? PN_OK : err;
    index->failed_at = now;
    index->live = err == PN_OK;
    if (err != PN_OK && err != PN_E_STALE) {
        close_all(index);
    }
    return err;
}

void
pn_index_end(struct pn_index *index)
{
    if (index->live) {
        pn_index_env_reset(index->env, index->txn);
        index->live = false;
    }
}

static enum pn_err
get(struct pn_index *index, const struct pn_index_key *key, struct pn_str *out)
{
    MDB_val k = pn_index_val(key->bytes, key->len);
    MDB_val v;
    int rc;

    if (!index->live) {
        return PN_E_STATE;
    }
    if (pn_index_finds_get(&index->finds, key, out)) {
        return PN_OK;
    }
    rc = mdb_get(index->txn, pn_index_env_dbi(index->env), &k, &v);
    if (rc == MDB_SUCCESS) {
        *out = (struct pn_str){v.mv_data, v.mv_size};
        pn_index_finds_put(&index->finds, key, *out);
        return PN_OK;
    }
    return rc == MDB_NOTFOUND ? PN_E_NOT_FOUND : PN_E_DAMAGED;
}

enum pn_err
pn_index_token(struct pn_index *index, const struct pn_hash *hash,
               struct pn_token_record *out)
{
    struct pn_token_record rec;
    struct pn_index_key key;
    struct pn_str bytes;
    enum pn_err err;

    pn_index_key_token(hash, &key);
    err = get(index, &key, &bytes);
    if (err == PN_OK) {
        err = pn_token_record_decode(bytes, &rec);
    }
    if (err != PN_OK) {
        return err;
    }
    if (!pn_bytes_eq_const_time(rec.hash_rest, hash->bytes + PN_HASH_KEY_LEN,
                                sizeof(rec.hash_rest)))
    {
        return PN_E_NOT_FOUND;
    }
    *out = rec;
    return PN_OK;
}

static enum pn_err
get_by_id(struct pn_index *index, enum pn_index_kind kind, uint64_t id,
          struct pn_str *out)
{
    struct pn_index_key key;

    pn_index_key_id(kind, id, &key);
    return get(index, &key, out);
}

enum pn_err
pn_index_owner(struct pn_index *index, uint64_t id, struct pn_owner_record *out)
{
    struct pn_owner_record rec;
    struct pn_str bytes;
    enum pn_err err = get_by_id(index, PN_INDEX_KIND_OWNER, id, &bytes);

    if (err == PN_OK) {
        err = pn_owner_record_decode(bytes, &rec);
    }
    if (err != PN_OK) {
        return err;
    }
    if (rec.owner_id != id) {
        return PN_E_DAMAGED; /* somebody else's record under this key */
    }
    *out = rec;
    return PN_OK;
}

enum pn_err
pn_index_token_name(struct pn_index *index, uint64_t token_id,
                    struct pn_str *out)
{
    return get_by_id(index, PN_INDEX_KIND_TOKEN_NAME, token_id, out);
}

enum pn_err
pn_index_app(struct pn_index *index, struct pn_str name, struct pn_str *out)
{
    struct pn_index_key key;
    enum pn_err err = pn_index_key_app(name, &key);

    /* No app can have such a name. */
    return err == PN_OK ? get(index, &key, out) : PN_E_NOT_FOUND;
}

enum pn_err
pn_index_policy(struct pn_index *index, struct pn_str *out)
{
    struct pn_index_key key;

    pn_index_key_one(PN_INDEX_KIND_POLICY, &key);
    return get(index, &key, out);
}

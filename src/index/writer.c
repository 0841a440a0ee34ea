/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing: one LMDB transaction at a time into the present generation, or into
 * a new one that takes its place when it is committed.
 *
 * What a hostile reader can do to a writer is hold LMDB's write mutex (begin
 * then waits for ever) or cut the lock file short (looked for before LMDB
 * touches it).  A thread that waits in here may be abandoned: it holds no lock
 * of ours, and once a newer generation is current, its commits are refused.
 */
#include "index/writer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "index/index.h"
#include "index/writer_impl.h"

static const uint64_t default_reserve = (uint64_t) 64 << 30;
static const uint64_t min_reserve = (uint64_t) 256 << 10;

static uint64_t
page_generation(const struct pn_index_writer *writer)
{
    return atomic_load(&writer->map.page->generation);
}

static void
beat(struct pn_index_writer *writer, int64_t now)
{
    struct pn_index_page *page = writer->map.page;
    struct pn_index_boot boot;

    pn_index_boot_read(&boot);
    atomic_store(&page->beat_wall, now);
    atomic_store(&page->beat_boot_ms, pn_index_boot_ms());
    for (size_t i = 0; i < PN_LEN(boot.id); i++) {
        atomic_store(&page->boot_id[i], boot.id[i]);
    }
}

void
pn_index_writer_heartbeat(struct pn_index_writer *writer, int64_t now)
{
    beat(writer, now);
}

static enum pn_err
writer_new(const struct pn_index_options *options, enum pn_index_lock_use use,
           struct pn_index_writer **out)
{
    struct pn_index_writer *writer;
    enum pn_err err;

    if (options->dir[0] == '\0' || strlen(options->dir) > PN_INDEX_DIR_MAX) {
        return options->dir[0] == '\0' ? PN_E_RANGE : PN_E_TOO_LONG;
    }
    writer = calloc(1, sizeof(*writer));
    if (writer == NULL) {
        return PN_E_NOMEM;
    }
    pn_index_path(writer->dir, options->dir, NULL);
    writer->epoch = options->epoch;
    writer->reserve =
        options->map_reserve == 0 ? default_reserve : options->map_reserve;
    if (writer->reserve < min_reserve) {
        writer->reserve = min_reserve;
    }
    err = pn_index_group(options->group, &writer->gid);
    if (err == PN_OK) {
        err = pn_index_make_dir(writer->dir, writer->gid);
    }
    if (err == PN_OK) {
        err = pn_index_lock_take(writer->dir, use, &writer->lock);
    }
    if (err == PN_OK) {
        err = pn_index_map_create(writer->dir, writer->gid, &writer->map);
    }
    if (err != PN_OK) {
        pn_index_writer_free(writer);
        return err;
    }
    atomic_store(&writer->map.page->stale_after_s, options->stale_after_s);
    *out = writer;
    return PN_OK;
}

void
pn_index_writer_free(struct pn_index_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    pn_index_writer_abort(writer);
    pn_index_env_done(writer->env);
    pn_index_map_done(&writer->map);
    pn_index_lock_release(writer->lock);
    free(writer);
}

/* What the generation says of itself, and whether it is ours. */
static enum pn_err
read_meta(struct pn_index_writer *writer, struct pn_index_meta *out)
{
    struct pn_index_key key;
    MDB_txn *txn = NULL;
    MDB_val k, v;
    enum pn_err err = pn_index_env_read(writer->env, &txn);

    if (err != PN_OK) {
        return err;
    }
    pn_index_key_one(PN_INDEX_KIND_META, &key);
    k = (MDB_val){key.len, key.bytes};
    err =
        pn_index_lmdb_err(mdb_get(txn, pn_index_env_dbi(writer->env), &k, &v));
    if (err == PN_OK) {
        err = pn_index_meta_decode((struct pn_str){v.mv_data, v.mv_size}, out);
    }
    pn_index_env_reset(writer->env, txn);
    mdb_txn_abort(txn);
    return err;
}

static enum pn_err
open_present(struct pn_index_writer *writer)
{
    uint64_t generation = page_generation(writer);
    struct pn_index_meta meta;
    enum pn_err err;

    if (generation == 0) {
        return PN_E_NOT_FOUND;
    }
    err = pn_index_env_open(writer->dir, generation, PN_INDEX_WRITE_EXISTING,
                            writer->reserve, writer->gid, &writer->env);
    if (err == PN_OK) {
        err = read_meta(writer, &meta);
    }
    if (err == PN_E_DAMAGED || err == PN_E_VERSION) {
        return PN_E_NOT_FOUND;
    }
    if (err != PN_OK) {
        return err;
    }
    if (meta.epoch != writer->epoch || meta.generation != generation) {
        return PN_E_NOT_FOUND;
    }
    writer->meta = meta;
    writer->base = generation;
    return PN_OK;
}

enum pn_err
pn_index_writer_open(const struct pn_index_options *options,
                     struct pn_index_writer **out, int64_t *position)
{
    struct pn_index_writer *writer = NULL;
    enum pn_err err = writer_new(options, PN_INDEX_LOCK_ALONE, &writer);

    if (err == PN_OK) {
        err = open_present(writer);
    }
    if (err != PN_OK) {
        pn_index_writer_free(writer);
        return err;
    }
    /* The writer before us may have died between its commit and this. */
    (void) atomic_fetch_add(&writer->map.page->policy_version, 1);
    *position = writer->meta.position;
    *out = writer;
    return PN_OK;
}

enum pn_err
pn_index_writer_create(const struct pn_index_options *options,
                       struct pn_index_writer **out)
{
    struct pn_index_writer *writer = NULL;
    enum pn_err err = writer_new(options, PN_INDEX_LOCK_SHARED, &writer);

    if (err == PN_OK) {
        err = pn_index_writer_rebuild(writer);
    }
    if (err != PN_OK) {
        pn_index_writer_free(writer);
        return err;
    }
    *out = writer;
    return PN_OK;
}

/* A number that never had a directory, so that no file is used again. */
static enum pn_err
next_generation(struct pn_index_writer *writer, uint64_t *out)
{
    uint64_t present = page_generation(writer);
    uint64_t last;
    enum pn_err err = pn_index_last_generation(writer->dir, &last);

    if (err == PN_OK) {
        *out = (last > present ? last : present) + 1;
    }
    return err;
}

enum pn_err
pn_index_writer_rebuild(struct pn_index_writer *writer)
{
    char path[PN_INDEX_PATH_MAX];
    struct pn_index_env *env = NULL;
    uint64_t generation, unfinished = 0;
    enum pn_err err;

    if (writer->txn != NULL) {
        return PN_E_STATE;
    }
    err = next_generation(writer, &generation);
    if (err != PN_OK) {
        return err;
    }
    pn_index_generation_path(path, writer->dir, generation, NULL);
    err = pn_index_make_dir(path, writer->gid);
    if (err == PN_OK) {
        err = pn_index_env_open(writer->dir, generation, PN_INDEX_WRITE,
                                writer->reserve, writer->gid, &env);
    }
    if (err != PN_OK) {
        pn_index_remove_generation(writer->dir, generation);
        return err;
    }
    if (pn_index_writer_is_new(writer)) {
        unfinished = writer->meta.generation;
    }
    pn_index_env_done(writer->env);
    if (unfinished != 0) {
        pn_index_remove_generation(writer->dir, unfinished);
    }
    writer->env = env;
    writer->base = page_generation(writer);
    writer->last.len = 0;
    writer->meta = (struct pn_index_meta){.format = PN_INDEX_FORMAT,
                                          .epoch = writer->epoch,
                                          .generation = generation};
    return PN_OK;
}

/* Half full is the time to double: a transaction cannot, and one that fills
 * the map is lost. */
static enum pn_err
make_room(struct pn_index_writer *writer)
{
    MDB_env *lmdb = pn_index_env_lmdb(writer->env);
    MDB_envinfo info;
    MDB_stat stat;
    enum pn_err err = pn_index_lmdb_err(mdb_env_info(lmdb, &info));

    if (err == PN_OK) {
        err = pn_index_lmdb_err(mdb_env_stat(lmdb, &stat));
    }
    if (err != PN_OK) {
        return err;
    }
    if (!writer->map_was_full
        && (info.me_last_pgno + 1) * stat.ms_psize < info.me_mapsize / 2)
    {
        return PN_OK;
    }
    err = pn_index_env_grow(writer->env);
    if (err == PN_OK) {
        writer->map_was_full = false;
    }
    return err;
}

static enum pn_err
begin_txn(struct pn_index_writer *writer)
{
    enum pn_err err = make_room(writer);

    if (err == PN_OK) {
        err = pn_index_lmdb_err(mdb_txn_begin(pn_index_env_lmdb(writer->env),
                                              NULL, 0, &writer->txn));
    }
    if (err != PN_OK) {
        writer->txn = NULL;
    }
    return err;
}

enum pn_err
pn_index_writer_begin(struct pn_index_writer *writer)
{
    enum pn_err err;

    /* Readers have moved on past an abandoned writer. */
    if (writer->txn != NULL || page_generation(writer) != writer->base) {
        return PN_E_STATE;
    }
    if (!pn_index_env_is_sound(writer->env)) {
        return PN_E_DAMAGED;
    }
    err = begin_txn(writer);
    if (err != PN_OK) {
        return err;
    }
    writer->draft = writer->meta;
    writer->policy_changed = false;
    return PN_OK;
}

void
pn_index_writer_abort(struct pn_index_writer *writer)
{
    if (writer->txn != NULL) {
        mdb_txn_abort(writer->txn);
        writer->txn = NULL;
        writer->last.len = 0;
    }
}

static enum pn_err
put_meta(struct pn_index_writer *writer)
{
    char bytes[PN_INDEX_META_LEN];
    struct pn_buf buf = PN_BUF(bytes);
    struct pn_index_key key;

    pn_index_meta_encode(&writer->draft, &buf);
    pn_index_key_one(PN_INDEX_KIND_META, &key);
    return pn_index_put_any(writer, &key, pn_buf_str(&buf), NULL);
}

/* A power cut must not leave the page ahead of what it points to. */
static enum pn_err
sync_generation(struct pn_index_writer *writer)
{
    char path[PN_INDEX_PATH_MAX];
    enum pn_err err =
        pn_index_lmdb_err(mdb_env_sync(pn_index_env_lmdb(writer->env), 1));

    if (err == PN_OK) {
        pn_index_generation_path(path, writer->dir, writer->draft.generation,
                                 NULL);
        err = pn_index_sync_dir(path);
    }
    return err == PN_OK ? pn_index_sync_dir(writer->dir) : err;
}

static void
switch_readers(struct pn_index_writer *writer)
{
    struct pn_index_page *page = writer->map.page;

    atomic_store(&page->epoch, writer->epoch);
    atomic_store_explicit(&page->generation, writer->draft.generation,
                          memory_order_release);
    (void) msync(page, PN_INDEX_PAGE_LEN, MS_SYNC);
    writer->base = writer->draft.generation;
}

void
pn_index_writer_hold(struct pn_index_writer *writer)
{
    writer->held = pn_index_writer_is_new(writer);
}

enum pn_err
pn_index_writer_switch(struct pn_index_writer *writer)
{
    enum pn_err err;

    if (!writer->held || writer->txn != NULL
        || page_generation(writer) != writer->base)
    {
        return PN_E_STATE;
    }
    writer->draft = writer->meta;
    err = sync_generation(writer);
    if (err != PN_OK) {
        return err;
    }
    writer->held = false;
    switch_readers(writer);
    (void) atomic_fetch_add(&writer->map.page->policy_version, 1);
    return PN_OK;
}

static enum pn_err
commit_txn(struct pn_index_writer *writer)
{
    int rc = mdb_txn_commit(writer->txn);

    writer->txn = NULL; /* LMDB ends it, whatever comes of it */
    writer->map_was_full = writer->map_was_full || rc == MDB_MAP_FULL;
    return pn_index_lmdb_err(rc);
}

/* Its meta record comes last, and without one it is refused. */
enum pn_err
pn_index_writer_flush(struct pn_index_writer *writer)
{
    enum pn_err err;

    if (writer->txn == NULL || !pn_index_writer_is_new(writer)) {
        return PN_E_STATE;
    }
    err = commit_txn(writer);
    if (err == PN_OK) {
        err = pn_index_env_settle(writer->env);
    }
    return err == PN_OK ? begin_txn(writer) : err;
}

enum pn_err
pn_index_writer_commit(struct pn_index_writer *writer, int64_t position)
{
    bool is_new = pn_index_writer_is_new(writer) && !writer->held;
    enum pn_err err = PN_E_STATE;

    if (writer->txn == NULL) {
        return PN_E_STATE;
    }
    if (page_generation(writer) == writer->base) {
        writer->draft.position = position;
        err = put_meta(writer);
    }
    if (err != PN_OK) {
        pn_index_writer_abort(writer);
        return err;
    }
    err = commit_txn(writer);
    if (err == PN_OK) {
        err = pn_index_env_settle(writer->env);
    }
    if (err == PN_OK && is_new) {
        err = sync_generation(writer);
    }
    if (err != PN_OK) {
        return err;
    }
    writer->meta = writer->draft;
    if (is_new) {
        switch_readers(writer);
    }
    if (is_new || writer->policy_changed) {
        (void) atomic_fetch_add(&writer->map.page->policy_version, 1);
    }
    (void) mdb_reader_check(pn_index_env_lmdb(writer->env), NULL);
    return PN_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's housekeeping: old generations, figures. */
#include "index/writer.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "index/env.h"
#include "index/files.h"
#include "index/writer_impl.h"

enum {
    TIDY_MAX = 64,         /* generations looked at in one call */
    READ_MAX = 2,          /* old ones that stay because somebody reads them */
    LAG_MAX = 1000,        /* commits that a reader may lie behind */
    SLACK_BYTES = 16 << 20 /* that a file may grow because of one */
};

/* A reader that enters an old generation after this look finds its files gone
 * or reads them to its end; the page names another one in either case. */
static bool
is_unread(struct pn_index_writer *writer, uint64_t generation)
{
    struct pn_index_env *env = NULL;
    enum pn_err err = pn_index_env_open(writer->dir, generation, PN_INDEX_READ,
                                        0, (gid_t) -1, &env);
    struct pn_index_readers readers = {.count = 1};

    if (err == PN_E_NOT_FOUND || err == PN_E_DAMAGED) {
        return true; /* nobody can open it */
    }
    if (err != PN_OK) {
        return false;
    }
    if (!pn_index_env_is_shared(env) && pn_index_env_is_sound(env)) {
        pn_index_env_readers(env, &readers);
    }
    pn_index_env_done(env);
    return readers.count == 0;
}

static size_t
list_old(struct pn_index_writer *writer, uint64_t old[TIDY_MAX])
{
    uint64_t present = atomic_load(&writer->map.page->generation);
    DIR *stream = opendir(writer->dir);
    struct dirent *entry;
    size_t count = 0;

    if (stream == NULL) {
        return 0;
    }
    /* The stream is this call's own, which readdir(3) allows. */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
    while ((entry = readdir(stream)) != NULL) {
        uint64_t generation = pn_index_generation_of(entry->d_name);

        if (generation != 0 && generation < present && count < TIDY_MAX) {
            old[count++] = generation;
        }
    }
    (void) closedir(stream);
    return count;
}

static int
newest_first(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;

    return (*left < *right) - (*left > *right);
}

/* Whoever reads a file that is removed reads on; so that one who never ends
 * does not keep them all on the disk, only the newest wait for their readers.
 */
void
pn_index_writer_tidy(struct pn_index_writer *writer)
{
    uint64_t old[TIDY_MAX];
    size_t count = list_old(writer, old), read = 0;

    qsort(old, count, sizeof(old[0]), newest_first);
    for (size_t i = 0; i < count; i++) {
        if (read == READ_MAX || is_unread(writer, old[i])) {
            pn_index_remove_generation(writer->dir, old[i]);
        } else {
            read++;
        }
    }
}

/*
 * A decision reads for microseconds.  Who goes on reading through a thousand
 * commits keeps LMDB from using any page again, and the file grows with each:
 * a new generation leaves that reader behind.  Only once the file has doubled,
 * so that what it costs to write everything anew is in proportion.
 */
static bool
is_held(struct pn_index_writer *writer, const struct pn_index_readers *readers,
        uint64_t file_bytes)
{
    if (writer->sized_generation != writer->meta.generation) {
        writer->sized_generation = writer->meta.generation;
        writer->sized_bytes = file_bytes;
    }
    return readers->lag > LAG_MAX
           && file_bytes > 2 * writer->sized_bytes + SLACK_BYTES;
}

enum pn_err
pn_index_writer_stats(struct pn_index_writer *writer,
                      struct pn_index_stats *out)
{
    char path[PN_INDEX_PATH_MAX];
    struct pn_index_readers readers;
    MDB_stat tree;
    struct stat st;
    enum pn_err err = PN_E_DAMAGED;

    if (pn_index_env_is_sound(writer->env)) {
        err = pn_index_lmdb_err(
            mdb_env_stat(pn_index_env_lmdb(writer->env), &tree));
    }
    if (err != PN_OK) {
        return err;
    }
    pn_index_generation_path(path, writer->dir, writer->meta.generation,
                             "data.mdb");
    if (stat(path, &st) != 0) {
        return pn_index_errno();
    }
    pn_index_env_readers(writer->env, &readers);
    if (is_held(writer, &readers, (uint64_t) st.st_size)) {
        return PN_E_BUSY;
    }
    *out = (struct pn_index_stats){
        .generation = writer->meta.generation,
        .tokens = writer->meta.tokens,
        .owners = writer->meta.owners,
        .apps = writer->meta.apps,
        .live_bytes =
            (tree.ms_branch_pages + tree.ms_leaf_pages + tree.ms_overflow_pages)
            * tree.ms_psize,
        .file_bytes = (uint64_t) st.st_size,
        .position = writer->meta.position,
        .readers = readers.count,
    };
    return PN_OK;
}

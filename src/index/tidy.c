/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's housekeeping: old generations, figures. */
#include "index/writer.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "index/env.h"
#include "index/files.h"
#include "index/writer_impl.h"

enum { TIDY_MAX = 64 }; /* generations looked at in one call */

/* A reader that enters an old generation after this look finds its files gone
 * or reads them to its end; the page names another one in either case. */
static bool
is_unread(struct pn_index_writer *writer, uint64_t generation)
{
    struct pn_index_env *env = NULL;
    enum pn_err err = pn_index_env_open(writer->dir, generation, PN_INDEX_READ,
                                        0, (gid_t) -1, &env);
    bool unread;

    if (err == PN_E_NOT_FOUND || err == PN_E_DAMAGED) {
        return true; /* nobody can open it */
    }
    if (err != PN_OK) {
        return false;
    }
    unread = !pn_index_env_is_shared(env) && pn_index_env_is_sound(env)
             && pn_index_env_readers(env) == 0;
    pn_index_env_done(env);
    return unread;
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

void
pn_index_writer_tidy(struct pn_index_writer *writer)
{
    uint64_t old[TIDY_MAX];
    size_t count = list_old(writer, old);

    for (size_t i = 0; i < count; i++) {
        if (is_unread(writer, old[i])) {
            pn_index_remove_generation(writer->dir, old[i]);
        }
    }
}

enum pn_err
pn_index_writer_stats(struct pn_index_writer *writer,
                      struct pn_index_stats *out)
{
    char path[PN_INDEX_PATH_MAX];
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
        .readers = pn_index_env_readers(writer->env),
    };
    return PN_OK;
}

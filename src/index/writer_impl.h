/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer's files share; for src/index only. */
#ifndef PN_INDEX_WRITER_IMPL_H
#define PN_INDEX_WRITER_IMPL_H

#include "index/env.h"
#include "index/files.h"
#include "index/key.h"
#include "index/page.h"
#include "index/writer.h"
#include "index/writer_lock.h"

/*
 * While base != meta.generation a new generation is being written; the page
 * still names base.  With held that lasts until pn_index_writer_switch().
 */
struct pn_index_writer {
    char dir[PN_INDEX_PATH_MAX];
    uint64_t epoch;
    uint64_t reserve;
    gid_t gid;
    struct pn_index_lock *lock;
    struct pn_index_map map;
    struct pn_index_env *env;
    uint64_t base; /* the page's generation when env was chosen */
    MDB_txn *txn;
    struct pn_index_meta meta;  /* as of the last commit */
    struct pn_index_meta draft; /* as it will be after this one */
    struct pn_index_key last;   /* the largest key put into a new generation */
    uint64_t sized_generation, sized_bytes; /* its file, when first looked at */
    bool policy_changed;
    bool map_was_full;
    bool held; /* a new generation stays unread when it is committed */
};

/* Is a generation being written that is not current yet? */
bool pn_index_writer_is_new(const struct pn_index_writer *writer);

/* Raises *count, if not NULL, when the key is new. */
PN_MUST_USE enum pn_err pn_index_put_any(struct pn_index_writer *writer,
                                         const struct pn_index_key *key,
                                         struct pn_str record, uint64_t *count);

/* The number that this kind is counted in; NULL = none. */
uint64_t *pn_index_count_of(struct pn_index_writer *writer,
                            const struct pn_index_key *key);

#endif

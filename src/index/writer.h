/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the index: posternd only, one process, one thread.
 */
#ifndef PN_INDEX_WRITER_H
#define PN_INDEX_WRITER_H

#include "base/defs.h"
#include "core/hash.h"
#include "index/key.h"

struct pn_index_writer;

struct pn_index_options {
    const char *dir;        /* made, 0750, if missing; group kept */
    uint64_t epoch;         /* the store's */
    uint32_t stale_after_s; /* 0 = readers never call it stale */
    uint64_t map_reserve;   /* bytes; 0 = 64 GiB */
    const char *group;      /* readers' group, or NULL: unchanged; one that
                               does not exist is PN_E_RANGE */
};

/*
 * Open the present generation.  *position gets the feed position it holds.
 * PN_E_NOT_FOUND when there is none usable (missing, other epoch, damaged):
 * call pn_index_writer_rebuild().  PN_E_BUSY when another process writes.
 */
PN_MUST_USE enum pn_err
pn_index_writer_open(const struct pn_index_options *options,
                     struct pn_index_writer **out, int64_t *position);
void pn_index_writer_free(struct pn_index_writer *writer);

/*
 * Start an empty generation beside the present one.  What is put until
 * pn_index_writer_commit() goes there; that commit switches readers over.
 */
PN_MUST_USE enum pn_err pn_index_writer_rebuild(struct pn_index_writer *writer);

/*
 * Open as above, but always into a new, empty generation.  Works also while
 * another writer of this same process is stuck in the present generation, and
 * whatever that one does later never becomes the current generation again.
 */
PN_MUST_USE enum pn_err
pn_index_writer_create(const struct pn_index_options *options,
                       struct pn_index_writer **out);

/*
 * For a new generation that was not committed yet: its commits, however many,
 * stay unread until pn_index_writer_switch(), which switches readers over.
 * Meanwhile another writer of this process may go on in the present one; what
 * it commits after the last look at the store is lost with that generation, so
 * it must have ended before.
 */
void pn_index_writer_hold(struct pn_index_writer *writer);
/* PN_E_STATE when nothing is held, or another generation came in between. */
PN_MUST_USE enum pn_err pn_index_writer_switch(struct pn_index_writer *writer);

/* All puts and deletes happen inside begin … commit or abort. */
PN_MUST_USE enum pn_err pn_index_writer_begin(struct pn_index_writer *writer);
void pn_index_writer_abort(struct pn_index_writer *writer);

/*
 * Record bytes come from core/record.h.  Deleting what is absent is fine.  An
 * app or the policy raises the policy version.
 */
PN_MUST_USE enum pn_err pn_index_put(struct pn_index_writer *writer,
                                     const struct pn_index_key *key,
                                     struct pn_str record);
PN_MUST_USE enum pn_err pn_index_del(struct pn_index_writer *writer,
                                     const struct pn_index_key *key);
/* The same by kind. */
PN_MUST_USE enum pn_err pn_index_put_token(struct pn_index_writer *writer,
                                           const struct pn_hash *hash,
                                           struct pn_str record);
PN_MUST_USE enum pn_err pn_index_del_token(struct pn_index_writer *writer,
                                           const struct pn_hash *hash);
PN_MUST_USE enum pn_err pn_index_put_token_name(struct pn_index_writer *writer,
                                                uint64_t id,
                                                struct pn_str name);
PN_MUST_USE enum pn_err pn_index_del_token_name(struct pn_index_writer *writer,
                                                uint64_t id);
PN_MUST_USE enum pn_err pn_index_put_owner(struct pn_index_writer *writer,
                                           uint64_t id, struct pn_str record);
PN_MUST_USE enum pn_err pn_index_del_owner(struct pn_index_writer *writer,
                                           uint64_t id);
PN_MUST_USE enum pn_err pn_index_put_app(struct pn_index_writer *writer,
                                         struct pn_str name,
                                         struct pn_str record);
PN_MUST_USE enum pn_err pn_index_del_app(struct pn_index_writer *writer,
                                         struct pn_str name);
PN_MUST_USE enum pn_err pn_index_put_policy(struct pn_index_writer *writer,
                                            struct pn_str record);

/*
 * Make it durable and visible: readers that begin after this returns see it.
 * position is the feed position now reached.  Dead readers are cleared, a full
 * map grows.  PN_E_NO_SPACE, PN_E_IO, PN_E_BUSY.
 */
PN_MUST_USE enum pn_err pn_index_writer_commit(struct pn_index_writer *writer,
                                               int64_t position);

/*
 * While a new generation is being written: what has been put leaves memory for
 * the file, where it may be any amount, and the transaction goes on.  Readers
 * do not follow until the commit, and one that never comes leaves nothing that
 * could be read.  PN_E_STATE in the present generation.
 */
PN_MUST_USE enum pn_err pn_index_writer_flush(struct pn_index_writer *writer);

/* --- what the writer reads ------------------------------------------------ */

/* Keys from "from" on and before "to"; a "to" of length 0 is the end. */
struct pn_index_span {
    struct pn_index_key from, to;
};

/* What a record and its key come to; those of many are added up, so that their
 * order does not count.  64 bits, against accidents, not against forgers. */
uint64_t pn_index_sum_of(const struct pn_index_key *key, struct pn_str record);

struct pn_index_sum {
    uint64_t digest, records;
};
/* Of a span as of the last commit, without what the generation says of itself.
 * Outside of a transaction. */
PN_MUST_USE enum pn_err pn_index_writer_sum(struct pn_index_writer *writer,
                                            const struct pn_index_span *span,
                                            struct pn_index_sum *out);

enum pn_index_seek { PN_INDEX_SEEK_AT = 0, PN_INDEX_SEEK_AFTER };
struct pn_index_entry; /* index/walk.h */
/* Inside a transaction: the first record at or after a key.  Borrowed until the
 * next put or delete.  PN_E_NOT_FOUND at the end. */
PN_MUST_USE enum pn_err pn_index_writer_seek(struct pn_index_writer *writer,
                                             const struct pn_index_key *key,
                                             enum pn_index_seek where,
                                             struct pn_index_entry *out);

/* Inside a transaction: count tokens, owners and apps anew, as after somebody
 * else wrote to the file.  Takes as long as reading all of it. */
PN_MUST_USE enum pn_err pn_index_writer_recount(struct pn_index_writer *writer);

/* Wall clock and boot clock into the page; call at least once a second. */
void pn_index_writer_heartbeat(struct pn_index_writer *writer, int64_t now);

/* Remove generations that nobody reads any more, and of those that are still
 * read all but two. */
void pn_index_writer_tidy(struct pn_index_writer *writer);

struct pn_index_stats {
    uint64_t generation, tokens, owners, apps, live_bytes, file_bytes;
    int64_t position;
    uint32_t readers;
};

/*
 * Figures, and whether all is well: PN_E_DAMAGED when the lock file is not what
 * it was, PN_E_BUSY when a reader that never ends makes the data file grow.  A
 * new generation ends both.  Call it now and then.
 */
PN_MUST_USE enum pn_err pn_index_writer_stats(struct pn_index_writer *writer,
                                              struct pn_index_stats *out);

#endif

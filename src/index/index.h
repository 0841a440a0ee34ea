/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index: what the request path reads, what posternd publishes.
 *
 * One LMDB environment per generation under DIR/<generation>/, and DIR/current,
 * a 4 KiB page that is never replaced (docs/formats/index.md).  This folder is
 * the only place that sees lmdb.h.
 *
 * Reading: one struct pn_index per process and directory; not for two threads
 * at once.  Everything a getter returns is borrowed until pn_index_end().
 */
#ifndef PN_INDEX_INDEX_H
#define PN_INDEX_INDEX_H

#include "base/defs.h"
#include "core/hash.h"
#include "core/record.h"

enum { PN_INDEX_FORMAT = 2, PN_INDEX_READERS_MAX = 4096 };

struct pn_index;

/* Remembers the path; opens nothing.  The path is copied (at most 3 KiB). */
PN_MUST_USE enum pn_err pn_index_new(const char *dir, struct pn_index **out);
void pn_index_free(struct pn_index *index); /* NULL is fine */

/*
 * Begin a read transaction, opening or re-opening as needed.  Call only in the
 * process that reads (after fork).  PN_E_NOT_FOUND missing, PN_E_PERMISSION,
 * PN_E_VERSION, PN_E_DAMAGED, PN_E_STALE (heartbeat older than the limit that
 * the page carries), PN_E_BUSY (reader slots used up), PN_E_NOMEM.
 * After an error nothing is open and it may be tried again; failed attempts to
 * open are repeated at most once a second of now.
 */
PN_MUST_USE enum pn_err pn_index_begin(struct pn_index *index, int64_t now);
void pn_index_end(struct pn_index *index);

/* A sentence on the last error of pn_index_begin: what and which file. */
const char *pn_index_why(const struct pn_index *index);

/* Changes whenever an app or the policy did; valid after pn_index_begin. */
uint64_t pn_index_policy_version(const struct pn_index *index);

/* True when pn_index_begin would find this version, as far as that can be told
 * without a transaction. */
bool pn_index_is_at(const struct pn_index *index, uint64_t policy_version,
                    int64_t now);

/* PN_E_NOT_FOUND, PN_E_DAMAGED. */
PN_MUST_USE enum pn_err pn_index_token(struct pn_index *index,
                                       const struct pn_hash *hash,
                                       struct pn_token_record *out);
PN_MUST_USE enum pn_err pn_index_owner(struct pn_index *index, uint64_t id,
                                       struct pn_owner_record *out);
PN_MUST_USE enum pn_err pn_index_token_name(struct pn_index *index,
                                            uint64_t token_id,
                                            struct pn_str *out);
/* Raw bytes of the app and policy records, for whoever compiles them. */
PN_MUST_USE enum pn_err pn_index_app(struct pn_index *index, struct pn_str name,
                                     struct pn_str *out);
PN_MUST_USE enum pn_err pn_index_policy(struct pn_index *index,
                                        struct pn_str *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that an index holds, in the order of its keys: for whoever checks
 * it, beside its writer and its readers.  A slot in the table of readers, like
 * theirs; one walk per directory and process, not for two threads at once.
 */
#ifndef PN_INDEX_WALK_H
#define PN_INDEX_WALK_H

#include "base/defs.h"
#include "index/key.h"

struct pn_index_walk;

/* One record; borrowed until pn_index_walk_end(). */
struct pn_index_entry {
    struct pn_index_key key; /* its first byte is the kind */
    struct pn_str record;
};

/* Remembers the path, which is copied; opens nothing.  PN_E_TOO_LONG. */
PN_MUST_USE enum pn_err pn_index_walk_new(const char *dir,
                                          struct pn_index_walk **out);
void pn_index_walk_free(struct pn_index_walk *walk); /* NULL is fine */

/*
 * Begin to read the present generation as of one instant; *meta is what it says
 * of itself.  Whoever stays long keeps the writer from using pages again: end,
 * begin and go on at the next key.  PN_E_NOT_FOUND, PN_E_PERMISSION,
 * PN_E_VERSION, PN_E_DAMAGED, PN_E_BUSY (slots are used up).
 */
PN_MUST_USE enum pn_err pn_index_walk_begin(struct pn_index_walk *walk,
                                            struct pn_index_meta *meta);
void pn_index_walk_end(struct pn_index_walk *walk);

/*
 * Every page of that instant, as LMDB would write it, by reading the file; call
 * it before anything is looked up, since LMDB trusts its pages.  *pages gets
 * their number.  PN_E_DAMAGED.
 */
PN_MUST_USE enum pn_err pn_index_walk_pages(struct pn_index_walk *walk,
                                            uint64_t *pages);

/* The first record whose key is not before this one; from the very first with
 * a key of length 0.  PN_E_NOT_FOUND at the end, PN_E_DAMAGED. */
PN_MUST_USE enum pn_err pn_index_walk_seek(struct pn_index_walk *walk,
                                           const struct pn_index_key *key,
                                           struct pn_index_entry *out);
/* The record after the last that was found. */
PN_MUST_USE enum pn_err pn_index_walk_next(struct pn_index_walk *walk,
                                           struct pn_index_entry *out);

/* Does the record decode, its sum right, and belong to its key? */
PN_MUST_USE enum pn_err
pn_index_entry_check(const struct pn_index_entry *entry);

/* A key in words: "token secret 0f…", "owner usr_…", "app \"jira\"". */
enum { PN_INDEX_KEY_TEXT_MAX = 320 };
void pn_index_key_words(const struct pn_index_key *key,
                        char out[PN_INDEX_KEY_TEXT_MAX]);

#endif

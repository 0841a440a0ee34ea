/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over the pages of a data file before anything is looked up in it,
 * since LMDB follows whatever offsets and page numbers it finds in them.
 */
#ifndef PN_INDEX_TREECHECK_H
#define PN_INDEX_TREECHECK_H

#include "base/defs.h"

/* At each opening: 16 MiB, some 100,000 tokens, in a few milliseconds.  What
 * lies past it in a larger index is taken on trust. */
enum { PN_INDEX_PAGES_CHECKED = 4096 };

struct pn_index_tree {
    uint32_t page_len;
    uint64_t last_page;
    uint64_t root; /* UINT64_MAX = empty */
    uint16_t depth;
    uint64_t pages_max; /* to look at; 0 = all there are */
};

/* PN_E_DAMAGED when a page that is reached is not one that LMDB writes.  The
 * caller holds a read transaction on this tree, so that nobody writes on it. */
PN_MUST_USE enum pn_err pn_index_tree_check(int fd,
                                            const struct pn_index_tree *tree);

#endif

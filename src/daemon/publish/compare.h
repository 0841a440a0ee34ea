/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is what the index holds what the store says?  Every record is made anew from
 * the store and compared, byte by byte, with the one that is there, and every
 * page and sum of the index is checked.  For anybody beside the writer, in its
 * process or another one, while changes go on.
 *
 *     store    walked in the order of the index's keys …
 *     index    … and met there by a cursor that moves along
 *
 * Both are read as of one position in the change feed, renewed every some
 * hundred records; where the index lags, the comparison waits for it.
 */
#ifndef PN_DAEMON_PUBLISH_COMPARE_H
#define PN_DAEMON_PUBLISH_COMPARE_H

#include "daemon/store/store.h"
#include "index/walk.h"

enum pn_difference {
    PN_INDEX_MISSING = 0, /* the store has it, the index does not */
    PN_INDEX_EXTRA,       /* the other way round */
    PN_INDEX_DIFFERS,
    PN_INDEX_UNREADABLE, /* its sum is wrong, or it is no record */
    PN_INDEX_PAGES,      /* a page is not one that LMDB writes */
    PN_INDEX_COUNTS,     /* the index counts itself wrongly */
    PN_INDEX_FOREIGN,    /* it was made from another store, or is ahead */
    PN_INDEX_LAGS,       /* it did not catch up while the comparison waited */
    PN_INDEX_UNUSABLE,   /* there is none, or it cannot be opened */
};

/* "missing", … */
const char *pn_difference_text(enum pn_difference difference);

struct pn_compare {
    const char *index_dir;
    /* Both may be NULL.  subject is words for one record ("owner usr_…") or
     * what else is wrong; called for the first PN_COMPARE_SHOWN_MAX. */
    void (*found)(void *arg, enum pn_difference what, const char *subject);
    /* Now and then: records compared so far.  False ends it (PN_E_STATE). */
    bool (*progress)(void *arg, uint64_t records);
    void *arg;
    uint32_t wait_s; /* for an index that lags; 0 = 10 */
    /* out */
    uint64_t records, pages, differences;
    uint64_t generation;
    int64_t position;
};

enum { PN_COMPARE_SHOWN_MAX = 100 };

/*
 * PN_OK when it was done, whatever it found: compare->differences says whether
 * they are alike.  Other errors are the store's, PN_E_PERMISSION the index's.
 */
PN_MUST_USE enum pn_err pn_compare_index(struct pn_store *store,
                                         struct pn_compare *compare);

#endif

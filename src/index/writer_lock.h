/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR/writer.lock: one process writes an index.  Held through flock(2), so the
 * kernel takes it back from the dead.
 */
#ifndef PN_INDEX_WRITER_LOCK_H
#define PN_INDEX_WRITER_LOCK_H

#include "base/defs.h"

enum pn_index_lock_use {
    PN_INDEX_LOCK_ALONE = 0, /* PN_E_BUSY also for a writer of this process */
    PN_INDEX_LOCK_SHARED,    /* beside a writer of this process that is stuck */
};

struct pn_index_lock;

PN_MUST_USE enum pn_err pn_index_lock_take(const char *dir,
                                           enum pn_index_lock_use use,
                                           struct pn_index_lock **out);
void pn_index_lock_release(struct pn_index_lock *lock); /* NULL is fine */

#endif

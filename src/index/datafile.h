/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at data.mdb before LMDB maps it, which trusts what it finds: a file
 * cut short is SIGBUS, a page size of zero is SIGFPE.
 */
#ifndef PN_INDEX_DATAFILE_H
#define PN_INDEX_DATAFILE_H

#include "base/defs.h"

/*
 * PN_E_DAMAGED for headers that LMDB would not have written or a file shorter
 * than they say; PN_E_VERSION for another LMDB's file.  fd is open for reading.
 */
PN_MUST_USE enum pn_err pn_index_datafile_check(int fd);

/*
 * Check pages_max pages (0 = all) of the tree that transaction txn_id sees
 * (index/treecheck.h); it is open.  PN_E_BUSY when two more have been committed
 * meanwhile and its header page is gone.
 */
PN_MUST_USE enum pn_err pn_index_datafile_check_tree(int fd, uint64_t txn_id,
                                                     uint64_t pages_max);

#endif

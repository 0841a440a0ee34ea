/* SPDX-License-Identifier: Apache-2.0 */
/* LMDB's results and values in our words. */
#include <errno.h>
#include <string.h>

#include "index/env.h"
#include "index/files.h"

enum pn_err
pn_index_lmdb_err(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return PN_OK;
    case MDB_NOTFOUND:
        return PN_E_NOT_FOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
        return PN_E_NO_SPACE;
    case MDB_READERS_FULL:
        return PN_E_BUSY;
    case MDB_VERSION_MISMATCH:
        return PN_E_VERSION;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PANIC:
    case MDB_CURSOR_FULL:
    case MDB_PAGE_FULL:
    case MDB_INCOMPATIBLE:
    case MDB_BAD_DBI:
    case MDB_BAD_VALSIZE:
        return PN_E_DAMAGED;
    case MDB_BAD_TXN:
    case MDB_BAD_RSLOT:
        return PN_E_STATE;
    default:
        errno = rc > 0 ? rc : EIO;
        return pn_index_errno();
    }
}

MDB_val
pn_index_val(const void *bytes, size_t len)
{
    MDB_val val = {.mv_size = len};

    memcpy(&val.mv_data, &bytes, sizeof(bytes));
    return val;
}

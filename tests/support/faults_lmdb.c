/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-ins for functions of LMDB; the names are the linker's (--wrap). */
#include "faults.h"

#include <lmdb.h>

/* It takes the parameters for products. */
/* clang-format off */
/* NOLINTBEGIN(bugprone-reserved-identifier) */

FAULTS_WRAP(int, mdb_env_create, (MDB_env **env), (env), faults_lmdb())
FAULTS_WRAP(int, mdb_env_set_maxreaders, (MDB_env *env, unsigned readers),
            (env, readers), faults_lmdb())
FAULTS_WRAP(int, mdb_env_set_mapsize, (MDB_env *env, size_t size), (env, size),
            faults_lmdb())
FAULTS_WRAP(int, mdb_env_open,
            (MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode),
            (env, path, flags, mode), faults_lmdb())
FAULTS_WRAP(int, mdb_txn_begin,
            (MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn),
            (env, parent, flags, txn), faults_lmdb())
FAULTS_WRAP(int, mdb_txn_renew, (MDB_txn *txn), (txn), faults_lmdb())
FAULTS_WRAP(int, mdb_dbi_open,
            (MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *dbi),
            (txn, name, flags, dbi), faults_lmdb())
FAULTS_WRAP(int, mdb_set_compare,
            (MDB_txn *txn, MDB_dbi dbi, MDB_cmp_func *compare),
            (txn, dbi, compare), faults_lmdb())
FAULTS_WRAP(int, mdb_env_info, (MDB_env *env, MDB_envinfo *info), (env, info),
            faults_lmdb())
FAULTS_WRAP(int, mdb_env_stat, (MDB_env *env, MDB_stat *out), (env, out),
            faults_lmdb())
FAULTS_WRAP(int, mdb_env_get_fd, (MDB_env *env, mdb_filehandle_t *fd),
            (env, fd), faults_lmdb())
FAULTS_WRAP(int, mdb_env_sync, (MDB_env *env, int force), (env, force),
            faults_lmdb())
FAULTS_WRAP(int, mdb_reader_check, (MDB_env *env, int *dead), (env, dead),
            faults_lmdb())
FAULTS_WRAP(int, mdb_get,
            (MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data),
            (txn, dbi, key, data), faults_lmdb())
FAULTS_WRAP(int, mdb_put,
            (MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data,
             unsigned flags),
            (txn, dbi, key, data, flags), faults_lmdb())
FAULTS_WRAP(int, mdb_del,
            (MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data),
            (txn, dbi, key, data), faults_lmdb())

int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);

/* One that fails ends the transaction all the same. */
int
__wrap_mdb_txn_commit(MDB_txn *txn)
{
    if (faults_hit()) {
        mdb_txn_abort(txn);
        return faults_lmdb();
    }
    return __real_mdb_txn_commit(txn);
}

/* NOLINTEND(bugprone-reserved-identifier) */
/* clang-format on */

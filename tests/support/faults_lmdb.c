/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-ins for functions of LMDB; the names are the linker's (--wrap). */
#include "faults.h"

#include <lmdb.h>

/* NOLINTBEGIN(bugprone-reserved-identifier) */

int __real_mdb_env_create(MDB_env **env);
int __wrap_mdb_env_create(MDB_env **env);

int
__wrap_mdb_env_create(MDB_env **env)
{
    return faults_hit() ? faults_lmdb() : __real_mdb_env_create(env);
}

int __real_mdb_env_set_maxreaders(MDB_env *env, unsigned readers);
int __wrap_mdb_env_set_maxreaders(MDB_env *env, unsigned readers);

int
__wrap_mdb_env_set_maxreaders(MDB_env *env, unsigned readers)
{
    return faults_hit() ? faults_lmdb()
                        : __real_mdb_env_set_maxreaders(env, readers);
}

int __real_mdb_env_set_mapsize(MDB_env *env, size_t size);
int __wrap_mdb_env_set_mapsize(MDB_env *env, size_t size);

int
__wrap_mdb_env_set_mapsize(MDB_env *env, size_t size)
{
    return faults_hit() ? faults_lmdb() : __real_mdb_env_set_mapsize(env, size);
}

int __real_mdb_env_open(MDB_env *env, const char *path, unsigned flags,
                        mdb_mode_t mode);
int __wrap_mdb_env_open(MDB_env *env, const char *path, unsigned flags,
                        mdb_mode_t mode);

int
__wrap_mdb_env_open(MDB_env *env, const char *path, unsigned flags,
                    mdb_mode_t mode)
{
    return faults_hit() ? faults_lmdb()
                        : __real_mdb_env_open(env, path, flags, mode);
}

int __real_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags,
                         MDB_txn **txn);
int __wrap_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags,
                         MDB_txn **txn);

int
__wrap_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags,
                     MDB_txn **txn)
{
    return faults_hit() ? faults_lmdb()
                        : __real_mdb_txn_begin(env, parent, flags, txn);
}

int __real_mdb_txn_renew(MDB_txn *txn);
int __wrap_mdb_txn_renew(MDB_txn *txn);

int
__wrap_mdb_txn_renew(MDB_txn *txn)
{
    return faults_hit() ? faults_lmdb() : __real_mdb_txn_renew(txn);
}

int __real_mdb_dbi_open(MDB_txn *txn, const char *name, unsigned flags,
                        MDB_dbi *dbi);
int __wrap_mdb_dbi_open(MDB_txn *txn, const char *name, unsigned flags,
                        MDB_dbi *dbi);

int
__wrap_mdb_dbi_open(MDB_txn *txn, const char *name, unsigned flags,
                    MDB_dbi *dbi)
{
    return faults_hit() ? faults_lmdb()
                        : __real_mdb_dbi_open(txn, name, flags, dbi);
}

int __real_mdb_set_compare(MDB_txn *txn, MDB_dbi dbi, MDB_cmp_func *compare);
int __wrap_mdb_set_compare(MDB_txn *txn, MDB_dbi dbi, MDB_cmp_func *compare);

int
__wrap_mdb_set_compare(MDB_txn *txn, MDB_dbi dbi, MDB_cmp_func *compare)
{
    return faults_hit() ? faults_lmdb()
                        : __real_mdb_set_compare(txn, dbi, compare);
}

int __real_mdb_env_info(MDB_env *env, MDB_envinfo *info);
int __wrap_mdb_env_info(MDB_env *env, MDB_envinfo *info);

int
__wrap_mdb_env_info(MDB_env *env, MDB_envinfo *info)
{
    return faults_hit() ? faults_lmdb() : __real_mdb_env_info(env, info);
}

int __real_mdb_env_stat(MDB_env *env, MDB_stat *out);
int __wrap_mdb_env_stat(MDB_env *env, MDB_stat *out);

int
__wrap_mdb_env_stat(MDB_env *env, MDB_stat *out)
{
    return faults_hit() ? faults_lmdb() : __real_mdb_env_stat(env, out);
}

int __real_mdb_env_get_fd(MDB_env *env, mdb_filehandle_t *fd);
int __wrap_mdb_env_get_fd(MDB_env *env, mdb_filehandle_t *fd);

int
__wrap_mdb_env_get_fd(MDB_env *env, mdb_filehandle_t *fd)
{
    return faults_hit() ? faults_lmdb() : __real_mdb_env_get_fd(env, fd);
}

int __real_mdb_env_sync(MDB_env *env, int force);
int __wrap_mdb_env_sync(MDB_env *env, int force);

int
__wrap_mdb_env_sync(MDB_env *env, int force)
{
    return faults_hit() ? faults_lmdb() : __real_mdb_env_sync(env, force);
}

int __real_mdb_reader_check(MDB_env *env, int *dead);
int __wrap_mdb_reader_check(MDB_env *env, int *dead);

int
__wrap_mdb_reader_check(MDB_env *env, int *dead)
{
    return faults_hit() ? faults_lmdb() : __real_mdb_reader_check(env, dead);
}

int __real_mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data);
int __wrap_mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data);

int
__wrap_mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
    return faults_hit() ? faults_lmdb() : __real_mdb_get(txn, dbi, key, data);
}

int __real_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data,
                   unsigned flags);
int __wrap_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data,
                   unsigned flags);

int
__wrap_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data,
               unsigned flags)
{
    return faults_hit() ? faults_lmdb()
                        : __real_mdb_put(txn, dbi, key, data, flags);
}

int __real_mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data);
int __wrap_mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data);

int
__wrap_mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
    return faults_hit() ? faults_lmdb() : __real_mdb_del(txn, dbi, key, data);
}

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

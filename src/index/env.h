/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LMDB environments of this process, each opened once.
 *
 * LMDB forgets all of a process's readers when one of two environments on the
 * same file is closed, and its locks do not work between the two; so everybody
 * shares, through one table keyed by device and inode.  Only src/index sees
 * this header.  Any thread.
 */
#ifndef PN_INDEX_ENV_H
#define PN_INDEX_ENV_H

#include <lmdb.h>
#include <sys/types.h>

#include "base/defs.h"

enum pn_index_use {
    PN_INDEX_READ = 0,
    PN_INDEX_WRITE_EXISTING, /* PN_E_NOT_FOUND when there are no files */
    PN_INDEX_WRITE,          /* makes them */
};

struct pn_index_env;

/*
 * Open DIR/<generation>, or share it.  PN_INDEX_WRITE makes its files when
 * they are missing, with at least reserve bytes of map and gid as group.
 * PN_E_STATE when it must be written and was opened only for reading.
 * PN_E_DAMAGED when the file is shorter than its own header says, or that
 * header makes no sense.
 */
PN_MUST_USE enum pn_err pn_index_env_open(const char *dir, uint64_t generation,
                                          enum pn_index_use use,
                                          uint64_t reserve, gid_t gid,
                                          struct pn_index_env **out);
void pn_index_env_done(struct pn_index_env *env); /* NULL is fine */

MDB_env *pn_index_env_lmdb(struct pn_index_env *env);
MDB_dbi pn_index_env_dbi(const struct pn_index_env *env);

/*
 * A read transaction, begun or, when *txn is not NULL, renewed.  Follows a map
 * that grew.  When it fails *txn is NULL, and nothing is held.
 */
PN_MUST_USE enum pn_err pn_index_env_read(struct pn_index_env *env,
                                          MDB_txn **txn);
/* Let go of what it reads; the transaction stays, for the next read. */
void pn_index_env_reset(struct pn_index_env *env, MDB_txn *txn);

/* Raised whenever the map moved, and with it all that was read before.  Between
 * pn_index_env_read() and _reset(). */
uint64_t pn_index_env_moves(const struct pn_index_env *env);

/* Double the map.  PN_E_BUSY when this process reads just then. */
PN_MUST_USE enum pn_err pn_index_env_grow(struct pn_index_env *env);

/*
 * After a commit: LMDB need not have written the last pages it counts, and a
 * file shorter than that looks cut off to a reader that opens it.
 */
PN_MUST_USE enum pn_err pn_index_env_settle(struct pn_index_env *env);

struct pn_index_readers {
    uint32_t count;
    uint64_t lag; /* commits since the oldest that is still being read */
};

/* Who is in its table, after clearing the dead. */
void pn_index_env_readers(struct pn_index_env *env,
                          struct pn_index_readers *out);

/* Does anybody else in this process have it open? */
bool pn_index_env_is_shared(struct pn_index_env *env);

/* False once a hostile reader has cut the lock file short (touching it would be
 * SIGBUS) or written over its beginning: nobody could open it any more, and
 * LMDB goes by the number of readers that stands there. */
bool pn_index_env_is_sound(const struct pn_index_env *env);

/* Key or data for LMDB, which reads but does not write it: its type merely
 * cannot say so. */
MDB_val pn_index_val(const void *bytes, size_t len);

/* What an LMDB result means to us. */
enum pn_err pn_index_lmdb_err(int rc);

#endif

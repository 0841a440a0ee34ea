/* SPDX-License-Identifier: Apache-2.0 */
/* The table of open environments, and what LMDB demands of its callers. */
#include "index/env.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "index/datafile.h"
#include "index/files.h"
#include "index/index.h"
#include "index/key.h"
#include "index/treecheck.h"

enum {
    RESIZE_WAIT_S = 1, /* for readers of this process to let go */
    LMDB_FLAGS = MDB_NOMETASYNC | MDB_NOTLS,
};

/* How a lock file begins: LMDB's magic number and version. */
enum { LOCK_MARK_LEN = 8 };

/*
 * Everybody who reads holds resize shared; whoever changes the map holds it
 * alone, since LMDB unmaps under live transactions without asking.
 */
struct pn_index_env {
    struct pn_index_env *next;
    uint64_t device, inode;
    unsigned users;
    enum pn_index_use use;
    MDB_env *lmdb;
    MDB_dbi dbi;
    pthread_rwlock_t resize;
    uint64_t moves; /* of the map; under resize */
    char lock_path[PN_INDEX_PATH_MAX];
    off_t lock_len;
    /* To look at it with.  LMDB's locks are fcntl(2)'s, which end when any
     * descriptor of the file is closed: this one stays open as long as LMDB's.
     */
    int lock_fd;
    char lock_mark[LOCK_MARK_LEN];
};

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pn_index_env *table;
/* Those that LMDB cannot close: kept, so that a leak checker sees them.  Under
 * the table's lock, as is every call of env_free(). */
static struct pn_index_env *abandoned;

static void
env_free(struct pn_index_env *env)
{
    if (env == NULL) {
        return;
    }
    if (env->lmdb != NULL) {
        if (!pn_index_env_is_sound(env)) {
            env->next = abandoned;
            abandoned = env;
            return;
        }
        mdb_env_close(env->lmdb);
    }
    if (env->lock_fd >= 0) {
        (void) close(env->lock_fd);
    }
    (void) pthread_rwlock_destroy(&env->resize);
    free(env);
}

bool
pn_index_env_is_sound(const struct pn_index_env *env)
{
    char mark[LOCK_MARK_LEN];
    MDB_envinfo info;
    struct stat st;

    if (env->lock_fd < 0) {
        return true; /* not wholly open yet */
    }
    if (fstat(env->lock_fd, &st) != 0 || st.st_size < env->lock_len
        || pread(env->lock_fd, mark, sizeof(mark), 0) != (ssize_t) sizeof(mark)
        || memcmp(mark, env->lock_mark, sizeof(mark)) != 0)
    {
        return false;
    }
    return mdb_env_info(env->lmdb, &info) == MDB_SUCCESS
           && info.me_numreaders <= PN_INDEX_READERS_MAX;
}

/* What is_sound will compare with. */
static enum pn_err
remember_lock(struct pn_index_env *env)
{
    struct stat st;

    env->lock_fd = open(env->lock_path, O_RDONLY | O_CLOEXEC);
    if (env->lock_fd < 0) {
        return pn_index_errno();
    }
    if (fstat(env->lock_fd, &st) != 0) {
        return pn_index_errno();
    }
    env->lock_len = st.st_size;
    return pread(env->lock_fd, env->lock_mark, LOCK_MARK_LEN, 0)
                   == LOCK_MARK_LEN
               ? PN_OK
               : PN_E_DAMAGED;
}

static enum pn_err
begin_any(struct pn_index_env *env, unsigned flags, MDB_txn **txn)
{
    int rc = mdb_txn_begin(env->lmdb, NULL, flags, txn);

    /* Another process enlarged the map; nobody reads here yet. */
    if (rc == MDB_MAP_RESIZED) {
        rc = mdb_env_set_mapsize(env->lmdb, 0);
        if (rc == MDB_SUCCESS) {
            rc = mdb_txn_begin(env->lmdb, NULL, flags, txn);
        }
    }
    return pn_index_lmdb_err(rc);
}

/* A header page that was overwritten while we looked is no fault; the next
 * look, if anybody opens again, will do. */
static enum pn_err
check_tree(struct pn_index_env *env, MDB_txn *txn)
{
    int fd;
    enum pn_err err = pn_index_lmdb_err(mdb_env_get_fd(env->lmdb, &fd));

    if (err == PN_OK) {
        err = pn_index_datafile_check_tree(fd, mdb_txn_id(txn),
                                           PN_INDEX_PAGES_CHECKED);
    }
    return err == PN_E_BUSY ? PN_OK : err;
}

static int
compare(const MDB_val *a, const MDB_val *b)
{
    return pn_index_key_compare(a->mv_data, a->mv_size, b->mv_data, b->mv_size);
}

/* The one unnamed database has a fixed handle, but LMDB wants it asked for in
 * some transaction first. */
static enum pn_err
learn_dbi(struct pn_index_env *env)
{
    MDB_txn *txn = NULL;
    enum pn_err err = begin_any(env, MDB_RDONLY, &txn);

    if (err == PN_E_BUSY) { /* slots of killed workers */
        (void) mdb_reader_check(env->lmdb, NULL);
        err = begin_any(env, MDB_RDONLY, &txn);
    }
    if (err != PN_OK) {
        return err;
    }
    err = pn_index_lmdb_err(mdb_dbi_open(txn, NULL, 0, &env->dbi));
    if (err == PN_OK) {
        err = pn_index_lmdb_err(mdb_set_compare(txn, env->dbi, compare));
    }
    if (err == PN_OK) {
        err = check_tree(env, txn);
    }
    mdb_txn_abort(txn);
    return err;
}

/*
 * The lock file's blocks, before anybody maps it: a page of a sparse file that
 * a full disk cannot give is SIGBUS to who touches it.  It has LMDB's size for
 * these readers; that of nobody else is open yet, so closing it here drops no
 * lock.
 */
static enum pn_err
reserve_lock(const char *dir)
{
    enum { READER_LEN = 64, HEAD_LEN = 2 * READER_LEN }; /* LMDB's */

    const off_t len = HEAD_LEN + (off_t) PN_INDEX_READERS_MAX * READER_LEN;
    char path[PN_INDEX_PATH_MAX];
    int fd;

    pn_index_path(path, dir, "lock.mdb");
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, PN_INDEX_DATA_MODE);
    if (fd < 0) {
        return errno == EEXIST ? PN_OK : pn_index_errno();
    }
    errno = posix_fallocate(fd, 0, len);
    enum pn_err err = errno == 0 ? PN_OK : pn_index_errno();
    (void) close(fd);
    return err;
}

static enum pn_err
lmdb_open(struct pn_index_env *env, const char *dir, uint64_t reserve)
{
    unsigned flags =
        env->use == PN_INDEX_READ ? LMDB_FLAGS | MDB_RDONLY : LMDB_FLAGS;
    int rc = mdb_env_create(&env->lmdb);

    if (rc != MDB_SUCCESS) {
        env->lmdb = NULL;
        return pn_index_lmdb_err(rc);
    }
    rc = mdb_env_set_maxreaders(env->lmdb, PN_INDEX_READERS_MAX);
    if (rc == MDB_SUCCESS && env->use != PN_INDEX_READ) {
        rc = mdb_env_set_mapsize(env->lmdb, reserve);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_open(env->lmdb, dir, flags, PN_INDEX_DATA_MODE);
    }
    return pn_index_lmdb_err(rc);
}

static enum pn_err
env_make(const char *dir, enum pn_index_use use, uint64_t reserve,
         struct pn_index_env **out)
{
    struct pn_index_env *env = calloc(1, sizeof(*env));
    enum pn_err err;

    if (env == NULL || pthread_rwlock_init(&env->resize, NULL) != 0) {
        free(env);
        return PN_E_NOMEM;
    }
    env->use = use;
    env->users = 1;
    env->lock_fd = -1;
    pn_index_path(env->lock_path, dir, "lock.mdb");
    err = use == PN_INDEX_WRITE ? reserve_lock(dir) : PN_OK;
    if (err == PN_OK) {
        err = lmdb_open(env, dir, reserve);
    }
    if (err == PN_OK) {
        err = remember_lock(env);
    }
    if (err == PN_OK) {
        err = learn_dbi(env);
    }
    if (err != PN_OK) {
        goto out;
    }
    *out = env;
    env = NULL;

out:
    env_free(env);
    return err;
}

/* The table's entry for a data file; the caller holds the table's lock. */
static struct pn_index_env *
table_find(const struct stat *st)
{
    for (struct pn_index_env *env = table; env != NULL; env = env->next) {
        if (env->device == st->st_dev && env->inode == st->st_ino) {
            return env;
        }
    }
    return NULL;
}

/* PN_E_NOT_FOUND when there is no data file. */
static enum pn_err
data_look(const char *dir, struct stat *st)
{
    char path[PN_INDEX_PATH_MAX];
    enum pn_err err;
    int fd;

    pn_index_path(path, dir, "data.mdb");
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return pn_index_errno();
    }
    err = fstat(fd, st) == 0 ? pn_index_datafile_check(fd) : pn_index_errno();
    (void) close(fd);
    return err;
}

/* The lock file takes the data file's mode from LMDB, and then readers cannot
 * enter themselves in it. */
static enum pn_err
give_files(const char *dir, gid_t gid)
{
    char path[PN_INDEX_PATH_MAX];
    enum pn_err err;

    pn_index_path(path, dir, "data.mdb");
    err = pn_index_give(path, PN_INDEX_DATA_MODE, gid);
    if (err == PN_OK) {
        pn_index_path(path, dir, "lock.mdb");
        err = pn_index_give(path, PN_INDEX_LOCK_MODE, gid);
    }
    return err;
}

/* Not in the table yet; the caller holds the table's lock. */
static enum pn_err
table_add(const char *dir, enum pn_index_use use, uint64_t reserve, gid_t gid,
          struct pn_index_env **out)
{
    struct pn_index_env *env = NULL;
    enum pn_err err = env_make(dir, use, reserve, &env);
    struct stat st = {0};

    if (err == PN_OK && use != PN_INDEX_READ) {
        err = give_files(dir, gid);
    }
    if (err == PN_OK) {
        err = data_look(dir, &st);
    }
    if (err != PN_OK) {
        env_free(env);
        return err;
    }
    env->device = st.st_dev;
    env->inode = st.st_ino;
    env->next = table;
    table = env;
    *out = env;
    return PN_OK;
}

enum pn_err
pn_index_env_open(const char *dir, uint64_t generation, enum pn_index_use use,
                  uint64_t reserve, gid_t gid, struct pn_index_env **out)
{
    char path[PN_INDEX_PATH_MAX];
    struct pn_index_env *env = NULL;
    enum pn_err err;
    struct stat st = {0};

    pn_index_generation_path(path, dir, generation, NULL);
    (void) pthread_mutex_lock(&table_lock);
    err = data_look(path, &st);
    if (err == PN_OK) {
        env = table_find(&st);
    }
    if (env != NULL) {
        if (use != PN_INDEX_READ && env->use == PN_INDEX_READ) {
            err = PN_E_STATE;
        } else {
            env->users++;
            *out = env;
        }
    } else if (err == PN_OK || (err == PN_E_NOT_FOUND && use == PN_INDEX_WRITE))
    {
        err = table_add(path, use, reserve, gid, out);
    }
    (void) pthread_mutex_unlock(&table_lock);
    return err;
}

void
pn_index_env_done(struct pn_index_env *env)
{
    struct pn_index_env **at = &table;

    if (env == NULL) {
        return;
    }
    (void) pthread_mutex_lock(&table_lock);
    if (--env->users == 0) {
        while (*at != env) {
            at = &(*at)->next;
        }
        *at = env->next;
        env_free(env);
    }
    (void) pthread_mutex_unlock(&table_lock);
}

MDB_env *
pn_index_env_lmdb(struct pn_index_env *env)
{
    return env->lmdb;
}

MDB_dbi
pn_index_env_dbi(const struct pn_index_env *env)
{
    return env->dbi;
}

/* Alone in the environment, for a change of its map. */
static enum pn_err
resize_begin(struct pn_index_env *env)
{
    struct timespec until;

    if (clock_gettime(CLOCK_REALTIME, &until) != 0) {
        return PN_E_IO;
    }
    until.tv_sec += RESIZE_WAIT_S;
    return pthread_rwlock_timedwrlock(&env->resize, &until) == 0 ? PN_OK
                                                                 : PN_E_BUSY;
}

static int
begin_or_renew(struct pn_index_env *env, MDB_txn **txn)
{
    return *txn == NULL ? mdb_txn_begin(env->lmdb, NULL, MDB_RDONLY, txn)
                        : mdb_txn_renew(*txn);
}

/* What a first failure may be cured by; the caller holds nothing. */
static enum pn_err
cure(struct pn_index_env *env, int rc)
{
    enum pn_err err;

    if (rc == MDB_READERS_FULL) {
        return pn_index_lmdb_err(mdb_reader_check(env->lmdb, NULL));
    }
    if (rc != MDB_MAP_RESIZED) {
        return pn_index_lmdb_err(rc);
    }
    err = resize_begin(env);
    if (err == PN_OK) {
        err = pn_index_lmdb_err(mdb_env_set_mapsize(env->lmdb, 0));
        env->moves++;
        (void) pthread_rwlock_unlock(&env->resize);
    }
    return err;
}

enum pn_err
pn_index_env_read(struct pn_index_env *env, MDB_txn **txn)
{
    enum pn_err err = PN_OK;

    for (int attempt = 0; attempt < 2 && err == PN_OK; attempt++) {
        int rc;

        (void) pthread_rwlock_rdlock(&env->resize);
        rc = begin_or_renew(env, txn);
        if (rc == MDB_SUCCESS) {
            return PN_OK; /* the lock is held until pn_index_env_reset */
        }
        (void) pthread_rwlock_unlock(&env->resize);
        err = attempt == 0 ? cure(env, rc) : pn_index_lmdb_err(rc);
    }
    if (*txn != NULL) {
        mdb_txn_abort(*txn);
        *txn = NULL;
    }
    return err;
}

void
pn_index_env_reset(struct pn_index_env *env, MDB_txn *txn)
{
    mdb_txn_reset(txn);
    (void) pthread_rwlock_unlock(&env->resize);
}

uint64_t
pn_index_env_moves(const struct pn_index_env *env)
{
    return env->moves;
}

enum pn_err
pn_index_env_grow(struct pn_index_env *env)
{
    enum pn_err err;
    MDB_envinfo info;

    err = pn_index_lmdb_err(mdb_env_info(env->lmdb, &info));
    if (err == PN_OK) {
        err = resize_begin(env);
    }
    if (err == PN_OK) {
        err = pn_index_lmdb_err(
            mdb_env_set_mapsize(env->lmdb, info.me_mapsize * 2));
        env->moves++;
        (void) pthread_rwlock_unlock(&env->resize);
    }
    return err;
}

enum pn_err
pn_index_env_settle(struct pn_index_env *env)
{
    MDB_envinfo info;
    MDB_stat tree;
    struct stat st;
    int fd = -1;
    int rc = mdb_env_info(env->lmdb, &info);

    if (rc == MDB_SUCCESS) {
        rc = mdb_env_stat(env->lmdb, &tree);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_get_fd(env->lmdb, &fd);
    }
    if (rc != MDB_SUCCESS) {
        return pn_index_lmdb_err(rc);
    }
    off_t len = (off_t) ((info.me_last_pgno + 1) * tree.ms_psize);

    if (fstat(fd, &st) != 0 || (st.st_size < len && ftruncate(fd, len) != 0)) {
        return pn_index_errno();
    }
    return PN_OK;
}

struct reader_list {
    uint32_t count;
    uint64_t oldest; /* transaction; UINT64_MAX = nobody reads */
};

static bool
number(const char **at, int base, uint64_t *out)
{
    char *end;

    *out = strtoull(*at, &end, base);
    if (end == *at) {
        return false;
    }
    *at = end;
    return true;
}

/* A line of the table for each reader, after a line of titles: process, thread,
 * transaction or "-". */
static int
list_line(const char *line, void *context)
{
    struct reader_list *list = context;
    uint64_t process, thread, txn_id;

    if (!number(&line, 10, &process) || !number(&line, 16, &thread)) {
        return 0;
    }
    list->count++;
    if (number(&line, 10, &txn_id) && txn_id < list->oldest) {
        list->oldest = txn_id;
    }
    return 0;
}

void
pn_index_env_readers(struct pn_index_env *env, struct pn_index_readers *out)
{
    struct reader_list list = {.oldest = UINT64_MAX};
    MDB_envinfo info = {0};

    (void) mdb_reader_check(env->lmdb, NULL);
    (void) mdb_reader_list(env->lmdb, list_line, &list);
    (void) mdb_env_info(env->lmdb, &info);
    *out = (struct pn_index_readers){
        .count = list.count,
        .lag = list.oldest < info.me_last_txnid
                   ? info.me_last_txnid - list.oldest
                   : 0,
    };
}

bool
pn_index_env_is_shared(struct pn_index_env *env)
{
    bool shared;

    (void) pthread_mutex_lock(&table_lock);
    shared = env->users > 1;
    (void) pthread_mutex_unlock(&table_lock);
    return shared;
}

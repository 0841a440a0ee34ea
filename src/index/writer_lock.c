/* SPDX-License-Identifier: Apache-2.0 */
/* The lock of a writer, shared by the writers of one process. */
#include "index/writer_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/files.h"

struct pn_index_lock {
    struct pn_index_lock *next;
    dev_t device;
    ino_t inode;
    unsigned users;
    int fd;
};

static pthread_mutex_t locks_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct pn_index_lock *locks;

static struct pn_index_lock *
lock_find(const struct stat *st)
{
    for (struct pn_index_lock *lock = locks; lock != NULL; lock = lock->next) {
        if (lock->device == st->st_dev && lock->inode == st->st_ino) {
            return lock;
        }
    }
    return NULL;
}

/* fd becomes the lock's. */
static enum pn_err
lock_add(int fd, const struct stat *st, struct pn_index_lock **out)
{
    struct pn_index_lock *lock;

    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return pn_index_errno();
    }
    lock = calloc(1, sizeof(*lock));
    if (lock == NULL) {
        return PN_E_NOMEM;
    }
    lock->device = st->st_dev;
    lock->inode = st->st_ino;
    lock->users = 1;
    lock->fd = fd;
    lock->next = locks;
    locks = lock;
    *out = lock;
    return PN_OK;
}

enum pn_err
pn_index_lock_take(const char *dir, enum pn_index_lock_use use,
                   struct pn_index_lock **out)
{
    char path[PN_INDEX_PATH_MAX];
    struct pn_index_lock *lock;
    enum pn_err err = PN_OK;
    struct stat st;
    int fd;

    pn_index_path(path, dir, "writer.lock");
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return pn_index_errno();
    }
    (void) pthread_mutex_lock(&locks_mutex);
    if (fstat(fd, &st) != 0) {
        err = pn_index_errno();
    } else if ((lock = lock_find(&st)) == NULL) {
        err = lock_add(fd, &st, out);
        fd = err == PN_OK ? -1 : fd;
    } else if (use == PN_INDEX_LOCK_ALONE) {
        err = PN_E_BUSY;
    } else {
        lock->users++;
        *out = lock;
    }
    (void) pthread_mutex_unlock(&locks_mutex);
    if (fd >= 0) {
        (void) close(fd);
    }
    return err;
}

void
pn_index_lock_release(struct pn_index_lock *lock)
{
    struct pn_index_lock **at = &locks;

    if (lock == NULL) {
        return;
    }
    (void) pthread_mutex_lock(&locks_mutex);
    if (--lock->users == 0) {
        while (*at != lock) {
            at = &(*at)->next;
        }
        *at = lock->next;
        (void) close(lock->fd);
        free(lock);
    }
    (void) pthread_mutex_unlock(&locks_mutex);
}

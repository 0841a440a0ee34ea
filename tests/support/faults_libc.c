/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-ins for functions of libc; the names are the linker's (--wrap). */
#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* It takes the parameters for products. */
/* clang-format off */
/* NOLINTBEGIN(bugprone-reserved-identifier) */

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);

int
__wrap_open64(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return faults_hit() ? -1 : __real_open64(path, flags, mode);
}

/* NOLINTBEGIN(readability-function-size): mmap has these */
FAULTS_WRAP(void *, mmap64,
            (void *at, size_t len, int protection, int flags, int fd,
             off_t offset),
            (at, len, protection, flags, fd, offset), MAP_FAILED)
/* NOLINTEND(readability-function-size) */
FAULTS_WRAP(int, fstat64, (int fd, struct stat *st), (fd, st), -1)
FAULTS_WRAP(int, stat64, (const char *path, struct stat *st), (path, st), -1)
FAULTS_WRAP(ssize_t, pread64, (int fd, void *bytes, size_t len, off_t offset),
            (fd, bytes, len, offset), -1)
FAULTS_WRAP(ssize_t, pwrite64,
            (int fd, const void *bytes, size_t len, off_t offset),
            (fd, bytes, len, offset), -1)
FAULTS_WRAP(ssize_t, read, (int fd, void *bytes, size_t len), (fd, bytes, len),
            -1)
FAULTS_WRAP(int, ftruncate64, (int fd, off_t len), (fd, len), -1)
FAULTS_WRAP(int, posix_fallocate64, (int fd, off_t offset, off_t len),
            (fd, offset, len), errno)
FAULTS_WRAP(int, fsync, (int fd), (fd), -1)
FAULTS_WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
FAULTS_WRAP(int, chmod, (const char *path, mode_t mode), (path, mode), -1)
FAULTS_WRAP(int, chown, (const char *path, uid_t uid, gid_t gid),
            (path, uid, gid), -1)
FAULTS_WRAP(int, link, (const char *from, const char *to), (from, to), -1)
FAULTS_WRAP(int, flock, (int fd, int operation), (fd, operation), -1)
FAULTS_WRAP(DIR *, opendir, (const char *path), (path), NULL)
FAULTS_WRAP(int, getgrnam_r,
            (const char *name, struct group *entry, char *bytes, size_t len,
             struct group **found),
            (name, entry, bytes, len, found), errno)
FAULTS_WRAP(int, clock_gettime, (clockid_t clock, struct timespec *out),
            (clock, out), -1)
FAULTS_WRAP(int, pthread_rwlock_init,
            (pthread_rwlock_t *lock, const pthread_rwlockattr_t *attr),
            (lock, attr), errno)
FAULTS_WRAP(int, pthread_rwlock_timedwrlock,
            (pthread_rwlock_t *lock, const struct timespec *until),
            (lock, until), errno)

/* NOLINTEND(bugprone-reserved-identifier) */
/* clang-format on */

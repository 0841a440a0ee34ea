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
void *__real_mmap64(void *at, size_t len, int protection, int flags, int fd,
                    off_t offset);
void *__wrap_mmap64(void *at, size_t len, int protection, int flags, int fd,
                    off_t offset);

void *
__wrap_mmap64(void *at, size_t len, int protection, int flags, int fd,
              off_t offset)
{
    return faults_hit() ? MAP_FAILED
                        : __real_mmap64(at, len, protection, flags, fd, offset);
}
/* NOLINTEND(readability-function-size) */

int __real_fstat64(int fd, struct stat *st);
int __wrap_fstat64(int fd, struct stat *st);

int
__wrap_fstat64(int fd, struct stat *st)
{
    return faults_hit() ? -1 : __real_fstat64(fd, st);
}

int __real_stat64(const char *path, struct stat *st);
int __wrap_stat64(const char *path, struct stat *st);

int
__wrap_stat64(const char *path, struct stat *st)
{
    return faults_hit() ? -1 : __real_stat64(path, st);
}

ssize_t __real_pread64(int fd, void *bytes, size_t len, off_t offset);
ssize_t __wrap_pread64(int fd, void *bytes, size_t len, off_t offset);

ssize_t
__wrap_pread64(int fd, void *bytes, size_t len, off_t offset)
{
    return faults_hit() ? -1 : __real_pread64(fd, bytes, len, offset);
}

ssize_t __real_pwrite64(int fd, const void *bytes, size_t len, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t len, off_t offset);

ssize_t
__wrap_pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
    return faults_hit() ? -1 : __real_pwrite64(fd, bytes, len, offset);
}

ssize_t __real_read(int fd, void *bytes, size_t len);
ssize_t __wrap_read(int fd, void *bytes, size_t len);

ssize_t
__wrap_read(int fd, void *bytes, size_t len)
{
    return faults_hit() ? -1 : __real_read(fd, bytes, len);
}

int __real_ftruncate64(int fd, off_t len);
int __wrap_ftruncate64(int fd, off_t len);

int
__wrap_ftruncate64(int fd, off_t len)
{
    return faults_hit() ? -1 : __real_ftruncate64(fd, len);
}

int __real_posix_fallocate64(int fd, off_t offset, off_t len);
int __wrap_posix_fallocate64(int fd, off_t offset, off_t len);

int
__wrap_posix_fallocate64(int fd, off_t offset, off_t len)
{
    return faults_hit() ? errno : __real_posix_fallocate64(fd, offset, len);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int
__wrap_fsync(int fd)
{
    return faults_hit() ? -1 : __real_fsync(fd);
}

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);

int
__wrap_mkdir(const char *path, mode_t mode)
{
    return faults_hit() ? -1 : __real_mkdir(path, mode);
}

int __real_chmod(const char *path, mode_t mode);
int __wrap_chmod(const char *path, mode_t mode);

int
__wrap_chmod(const char *path, mode_t mode)
{
    return faults_hit() ? -1 : __real_chmod(path, mode);
}

int __real_chown(const char *path, uid_t uid, gid_t gid);
int __wrap_chown(const char *path, uid_t uid, gid_t gid);

int
__wrap_chown(const char *path, uid_t uid, gid_t gid)
{
    return faults_hit() ? -1 : __real_chown(path, uid, gid);
}

int __real_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);

int
__wrap_link(const char *from, const char *to)
{
    return faults_hit() ? -1 : __real_link(from, to);
}

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);

int
__wrap_flock(int fd, int operation)
{
    return faults_hit() ? -1 : __real_flock(fd, operation);
}

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);

DIR *
__wrap_opendir(const char *path)
{
    return faults_hit() ? NULL : __real_opendir(path);
}

int __real_getgrnam_r(const char *name, struct group *entry, char *bytes,
                      size_t len, struct group **found);
int __wrap_getgrnam_r(const char *name, struct group *entry, char *bytes,
                      size_t len, struct group **found);

int
__wrap_getgrnam_r(const char *name, struct group *entry, char *bytes,
                  size_t len, struct group **found)
{
    return faults_hit() ? errno
                        : __real_getgrnam_r(name, entry, bytes, len, found);
}

int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    return faults_hit() ? -1 : __real_clock_gettime(clock, out);
}

int __real_pthread_rwlock_init(pthread_rwlock_t *lock,
                               const pthread_rwlockattr_t *attr);
int __wrap_pthread_rwlock_init(pthread_rwlock_t *lock,
                               const pthread_rwlockattr_t *attr);

int
__wrap_pthread_rwlock_init(pthread_rwlock_t *lock,
                           const pthread_rwlockattr_t *attr)
{
    return faults_hit() ? errno : __real_pthread_rwlock_init(lock, attr);
}

int __real_pthread_rwlock_timedwrlock(pthread_rwlock_t *lock,
                                      const struct timespec *until);
int __wrap_pthread_rwlock_timedwrlock(pthread_rwlock_t *lock,
                                      const struct timespec *until);

int
__wrap_pthread_rwlock_timedwrlock(pthread_rwlock_t *lock,
                                  const struct timespec *until)
{
    return faults_hit() ? errno
                        : __real_pthread_rwlock_timedwrlock(lock, until);
}

/* NOLINTEND(bugprone-reserved-identifier) */

/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-ins for what takes memory and other things of the kernel's; the names
 * are the linker's (--wrap). */
#include "faults.h"

#include <stddef.h>
#include <sys/types.h>

/* NOLINTBEGIN(bugprone-reserved-identifier) */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *
__wrap_calloc(size_t count, size_t size)
{
    return faults_hit() ? NULL : __real_calloc(count, size);
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *
__wrap_malloc(size_t size)
{
    return faults_hit() ? NULL : __real_malloc(size);
}

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);

int
__wrap_socket(int domain, int type, int protocol)
{
    return faults_hit() ? -1 : __real_socket(domain, type, protocol);
}

ssize_t __real_getrandom(void *bytes, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t len, unsigned flags);

ssize_t
__wrap_getrandom(void *bytes, size_t len, unsigned flags)
{
    return faults_hit() ? -1 : __real_getrandom(bytes, len, flags);
}

/* NOLINTEND(bugprone-reserved-identifier) */

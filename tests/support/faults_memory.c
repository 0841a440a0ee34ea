/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-ins for what takes memory and other things of the kernel's; the names
 * are the linker's (--wrap). */
#include "faults.h"

#include <stddef.h>
#include <sys/types.h>

/* NOLINTBEGIN(bugprone-reserved-identifier) */

FAULTS_WRAP(void *, calloc, (size_t count, size_t size), (count, size), NULL)
FAULTS_WRAP(void *, malloc, (size_t size), (size), NULL)
FAULTS_WRAP(int, socket, (int domain, int type, int protocol),
            (domain, type, protocol), -1)
FAULTS_WRAP(ssize_t, getrandom, (void *bytes, size_t len, unsigned flags),
            (bytes, len, flags), -1)

/* NOLINTEND(bugprone-reserved-identifier) */

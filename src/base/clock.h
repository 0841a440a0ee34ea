/* SPDX-License-Identifier: Apache-2.0 */
/* A clock that nobody sets. */
#ifndef PN_BASE_CLOCK_H
#define PN_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since some moment; never 0 in practice, never backwards. */
static inline int64_t
pn_clock_ms(void)
{
    struct timespec now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters in a fixed array of atomics: failed attempts by address, requests
 * by token.  No lock, no allocation; safe between threads and, in shared
 * memory, between processes.  Two keys that fall into one slot take turns: the
 * newcomer replaces the older window, so a collision forgets, never refuses.
 */
#ifndef PN_CORE_THROTTLE_H
#define PN_CORE_THROTTLE_H

#include <stdatomic.h>

#include "base/defs.h"
#include "core/iprange.h"

/* One word: 24 bits of key, 20 bits of window number, 20 bits of count. */
struct pn_throttle {
    uint32_t slot_count; /* a power of two */
    uint32_t seed;       /* random per start: slots cannot be aimed at */
    uint32_t limit;      /* for failures: how many in window_s */
    uint32_t window_s;
    _Atomic uint64_t slots[];
};

/* Bytes for a table of that many slots. */
size_t pn_throttle_size(uint32_t slot_count);

void pn_throttle_init(struct pn_throttle *table, uint32_t slot_count,
                      uint32_t seed, uint32_t limit, uint32_t window_s);

/* An address as key; an IPv6 address counts by its /64. */
uint64_t pn_throttle_ip_key(const struct pn_ip *ip);

/*
 * Count one and say how many that makes in the present window; count == 0 only
 * looks.  *wait_s gets the seconds until the window ends.
 */
uint32_t pn_throttle_count(struct pn_throttle *table, uint64_t key,
                           uint32_t window_s, int64_t now, uint32_t count,
                           uint32_t *wait_s);

#endif

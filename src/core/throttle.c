/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting in a fixed array of atomic words.
 *
 *      63        40 39        20 19         0
 *     +------------+------------+------------+
 *     | key's tag  | window     | count      |
 *     +------------+------------+------------+
 *
 * Which slot, and the tag, come from one keyed mix of the whole key.
 */
#include "core/throttle.h"

#include <string.h>

enum {
    COUNT_BITS = 20,
    WINDOW_BITS = 20,
    COUNT_MAX = (1 << COUNT_BITS) - 1,
    WINDOW_MASK = (1 << WINDOW_BITS) - 1,
};

size_t
pn_throttle_size(uint32_t slot_count)
{
    return sizeof(struct pn_throttle) + slot_count * sizeof(_Atomic uint64_t);
}

void
pn_throttle_init(struct pn_throttle *table, uint32_t slot_count, uint32_t seed,
                 uint32_t limit, uint32_t window_s)
{
    table->slot_count = slot_count;
    table->seed = seed;
    table->limit = limit;
    table->window_s = window_s;
    for (uint32_t i = 0; i < slot_count; i++) {
        atomic_init(&table->slots[i], 0);
    }
}

uint64_t
pn_throttle_ip_key(const struct pn_ip *ip)
{
    static const uint8_t v4[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    /* A mapped address counts whole; it lies in the half that a true IPv6
     * address does not count by. */
    const uint8_t *from =
        memcmp(ip->bytes, v4, sizeof(v4)) == 0 ? ip->bytes + 8 : ip->bytes;
    uint64_t key = 0;

    for (size_t i = 0; i < 8; i++) {
        key = key << 8 | from[i];
    }
    return key;
}

/* The finaliser of splitmix64: every bit of the key moves every bit. */
static uint64_t
mix(uint64_t key, uint32_t seed)
{
    key ^= (uint64_t) seed << 32 | seed;
    key = (key ^ key >> 30) * 0xbf58476d1ce4e5b9U;
    key = (key ^ key >> 27) * 0x94d049bb133111ebU;
    return key ^ key >> 31;
}

uint32_t
pn_throttle_count(struct pn_throttle *table, uint64_t key, uint32_t window_s,
                  int64_t now, uint32_t count, uint32_t *wait_s)
{
    uint64_t time = now > 0 ? (uint64_t) now : 0;
    uint64_t length = window_s > 0 ? window_s : 1;
    uint64_t mixed = mix(key, table->seed);
    uint64_t owner =
        (mixed >> 40 << WINDOW_BITS | (time / length & WINDOW_MASK))
        << COUNT_BITS;
    _Atomic uint64_t *slot = &table->slots[mixed & (table->slot_count - 1)];
    uint64_t seen = atomic_load_explicit(slot, memory_order_relaxed);
    uint64_t total;

    *wait_s = (uint32_t) (length - time % length);
    do {
        bool mine = seen >> COUNT_BITS == owner >> COUNT_BITS;

        total = (mine ? seen & COUNT_MAX : 0) + count;
        if (total > COUNT_MAX) {
            total = COUNT_MAX;
        }
        if (count == 0) {
            break; /* only looking */
        }
    } while (!atomic_compare_exchange_weak_explicit(slot, &seen, owner | total,
                                                    memory_order_relaxed,
                                                    memory_order_relaxed));
    return (uint32_t) total;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Checksum of index records, eight bytes at a time. */
#include "core/sum.h"

#include <endian.h>
#include <string.h>

/* An odd factor has an inverse, and so has the shift. */
static uint64_t
step(uint64_t state, uint64_t word)
{
    state = (state ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return state ^ state >> 32;
}

uint64_t
pn_sum(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint64_t state = step(UINT64_C(0x506f737465726e31), len), word = 0;
    size_t left = len;

    for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        state = step(state, le64toh(word));
    }
    if (left > 0) {
        word = 0;
        memcpy(&word, at, left);
        state = step(state, le64toh(word));
    }
    return state;
}

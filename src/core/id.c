/* SPDX-License-Identifier: Apache-2.0 */
/* Public ids.  One id has one spelling, so ids compare as text. */
#include "core/id.h"

#include <string.h>

#include "base/str.h"

/* Crockford's digits in lower case: no i, l, o, u. */
static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

enum { KIND_LEN = 4, DIGIT_BITS = 5, RANDOM_BITS = 21 };

static const int64_t epoch_ms = 1577836800000; /* 2020-01-01T00:00:00Z */

void
pn_id_format(const char *kind, uint64_t id, char out[PN_ID_TEXT_LEN + 1])
{
    memcpy(out, kind, KIND_LEN);
    for (size_t i = PN_ID_TEXT_LEN; i-- > KIND_LEN;) {
        out[i] = digits[id & 31];
        id >>= DIGIT_BITS;
    }
    out[PN_ID_TEXT_LEN] = '\0';
}

enum pn_err
pn_id_parse(const char *kind, struct pn_str text, uint64_t *out)
{
    uint64_t id = 0;

    if (text.len != PN_ID_TEXT_LEN || memcmp(text.ptr, kind, KIND_LEN) != 0) {
        return PN_E_SYNTAX;
    }
    for (size_t i = KIND_LEN; i < PN_ID_TEXT_LEN; i++) {
        size_t value = pn_str_find((struct pn_str){digits, sizeof(digits) - 1},
                                   text.ptr[i]);

        if (value == sizeof(digits) - 1) {
            return PN_E_SYNTAX;
        }
        if (id >> (64 - DIGIT_BITS) != 0) {
            return PN_E_SYNTAX; /* the first digit holds four bits only */
        }
        id = id << DIGIT_BITS | value;
    }
    *out = id;
    return PN_OK;
}

uint64_t
pn_id_make(int64_t now_ms, uint32_t entropy)
{
    uint64_t ms = now_ms > epoch_ms ? (uint64_t) (now_ms - epoch_ms) : 0;
    uint64_t id;

    ms &= ((uint64_t) 1 << 42) - 1;
    id = ms << RANDOM_BITS | (entropy & ((1U << RANDOM_BITS) - 1));
    return id != 0 ? id : 1; /* 0 means "none" */
}

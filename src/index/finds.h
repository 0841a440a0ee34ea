/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where keys were found in one snapshot of the index.
 *
 * Inside a snapshot a key has one value, which does not move: asked for again,
 * it need not be searched again (some 1,000 instructions, and more with every
 * level of the tree).  Places are remembered, not answers: whoever reads the
 * value still checks its sum, the rest of the token's hash and all else.
 *
 *     slot of a key   = its bytes 1 to 8, mixed
 *     slot is in use  = its round is the present one
 *
 * A fixed table in the reader's own memory; a later key takes the slot of an
 * earlier one.  Only src/index sees this header.
 */
#ifndef PN_INDEX_FINDS_H
#define PN_INDEX_FINDS_H

#include "index/key.h"

enum {
    PN_INDEX_FINDS_BITS = 16,
    PN_INDEX_FINDS = 1 << PN_INDEX_FINDS_BITS,
    /* Tokens and owners; no others are remembered. */
    PN_INDEX_FIND_KEY_MIN = 9,
    PN_INDEX_FIND_KEY_MAX = 17,
};

struct pn_index_find {
    uint64_t round;
    const char *ptr;
    uint32_t len;
    uint8_t key_len;
    uint8_t key[PN_INDEX_FIND_KEY_MAX];
};

struct pn_index_finds {
    uint64_t round; /* never 0 once something is in use */
    struct pn_index_find slots[PN_INDEX_FINDS];
};

/* For another snapshot, another map, another file.  Once before first use. */
void pn_index_finds_forget(struct pn_index_finds *finds);

bool pn_index_finds_get(const struct pn_index_finds *finds,
                        const struct pn_index_key *key, struct pn_str *out);

/* value must stay where it is until pn_index_finds_forget(). */
void pn_index_finds_put(struct pn_index_finds *finds,
                        const struct pn_index_key *key, struct pn_str value);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A table of places, one slot a key. */
#include "index/finds.h"

#include <string.h>

void
pn_index_finds_forget(struct pn_index_finds *finds)
{
    finds->round++;
}

/* The key's slot, or PN_INDEX_FINDS for a key that is not remembered. */
static size_t
slot_of(const struct pn_index_key *key)
{
    uint64_t word;

    if (key->len < PN_INDEX_FIND_KEY_MIN || key->len > PN_INDEX_FIND_KEY_MAX) {
        return PN_INDEX_FINDS;
    }
    memcpy(&word, key->bytes + 1, sizeof(word));
    return (size_t) (word * UINT64_C(0x9e3779b97f4a7c15)
                     >> (64 - PN_INDEX_FINDS_BITS));
}

bool
pn_index_finds_get(const struct pn_index_finds *finds,
                   const struct pn_index_key *key, struct pn_str *out)
{
    size_t at = slot_of(key);
    const struct pn_index_find *slot = &finds->slots[at];

    if (at == PN_INDEX_FINDS || slot->round != finds->round
        || slot->key_len != key->len
        || memcmp(slot->key, key->bytes, key->len) != 0)
    {
        return false;
    }
    *out = (struct pn_str){slot->ptr, slot->len};
    return true;
}

void
pn_index_finds_put(struct pn_index_finds *finds, const struct pn_index_key *key,
                   struct pn_str value)
{
    size_t at = slot_of(key);
    struct pn_index_find *slot = &finds->slots[at];

    if (at == PN_INDEX_FINDS || value.len > UINT32_MAX) {
        return;
    }
    slot->round = finds->round;
    slot->ptr = value.ptr;
    slot->len = (uint32_t) value.len;
    slot->key_len = (uint8_t) key->len;
    memcpy(slot->key, key->bytes, key->len);
}

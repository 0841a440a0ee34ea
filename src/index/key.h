/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of the one LMDB database, and its record about itself
 * (docs/formats/index.md).
 */
#ifndef PN_INDEX_KEY_H
#define PN_INDEX_KEY_H

#include "base/buf.h"
#include "base/defs.h"
#include "core/hash.h"

enum {
    PN_INDEX_KEY_MAX = 256, /* an app's name and one byte */
    PN_INDEX_META_LEN = 64,
};

struct pn_index_key {
    size_t len;
    uint8_t bytes[PN_INDEX_KEY_MAX];
};

enum pn_index_kind {
    PN_INDEX_KIND_APP = 'a',
    PN_INDEX_KIND_META = 'm',
    PN_INDEX_KIND_TOKEN_NAME = 'n',
    PN_INDEX_KIND_OWNER = 'o',
    PN_INDEX_KIND_POLICY = 'p',
    PN_INDEX_KIND_TOKEN = 't',
};

void pn_index_key_token(const struct pn_hash *hash, struct pn_index_key *out);

/* Owner, token name. */
void pn_index_key_id(enum pn_index_kind kind, uint64_t id,
                     struct pn_index_key *out);

/* Is it the key under which a generation speaks of itself? */
static inline bool
pn_index_key_is_meta(const struct pn_index_key *key)
{
    return key->len == 1 && key->bytes[0] == PN_INDEX_KIND_META;
}

/* The id in such a key; 0 for a shorter one. */
uint64_t pn_index_key_id_of(const struct pn_index_key *key);

/* PN_E_TOO_LONG; an empty name is PN_E_RANGE. */
PN_MUST_USE enum pn_err pn_index_key_app(struct pn_str name,
                                         struct pn_index_key *out);

/* Policy, meta. */
void pn_index_key_one(enum pn_index_kind kind, struct pn_index_key *out);

/* The order of LMDB's own comparison (bytes, then length), by eight bytes at a
 * time: a file has the same order with either. */
int pn_index_key_compare(const void *a, size_t a_len, const void *b,
                         size_t b_len);

/* What a generation says of itself. */
struct pn_index_meta {
    uint32_t format;
    uint64_t epoch, generation;
    int64_t position;
    uint64_t tokens, owners, apps;
};

void pn_index_meta_encode(const struct pn_index_meta *meta, struct pn_buf *out);
/* PN_E_VERSION for another format, PN_E_DAMAGED. */
PN_MUST_USE enum pn_err pn_index_meta_decode(struct pn_str bytes,
                                             struct pn_index_meta *out);

#endif

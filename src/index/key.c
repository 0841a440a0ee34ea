/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys.  Numbers are big-endian in them, so that ascending ids are appended
 * at the end of their range rather than spread over all its pages.
 */
#include "index/key.h"

#include <string.h>

#include "base/cursor.h"
#include "core/sum.h"
#include "index/index.h"

enum { META_SUMMED = PN_INDEX_META_LEN - PN_SUM_LEN };

static const char meta_magic[4] = {'P', 'N', 'I', 'M'};

void
pn_index_key_one(enum pn_index_kind kind, struct pn_index_key *out)
{
    out->bytes[0] = (uint8_t) kind;
    out->len = 1;
}

void
pn_index_key_token(const struct pn_hash *hash, struct pn_index_key *out)
{
    pn_index_key_one(PN_INDEX_KIND_TOKEN, out);
    memcpy(out->bytes + 1, hash->bytes, PN_HASH_KEY_LEN);
    out->len += PN_HASH_KEY_LEN;
}

void
pn_index_key_id(enum pn_index_kind kind, uint64_t id, struct pn_index_key *out)
{
    uint64_t big = __builtin_bswap64(id);

    pn_index_key_one(kind, out);
    memcpy(out->bytes + 1, &big, sizeof(big));
    out->len += sizeof(big);
}

uint64_t
pn_index_key_id_of(const struct pn_index_key *key)
{
    uint64_t big = 0;

    if (key->len >= 1 + sizeof(big)) {
        memcpy(&big, key->bytes + 1, sizeof(big));
    }
    return __builtin_bswap64(big);
}

enum pn_err
pn_index_key_app(struct pn_str name, struct pn_index_key *out)
{
    if (name.len == 0) {
        return PN_E_RANGE;
    }
    if (name.len > PN_INDEX_KEY_MAX - 1) {
        return PN_E_TOO_LONG;
    }
    pn_index_key_one(PN_INDEX_KIND_APP, out);
    memcpy(out->bytes + 1, name.ptr, name.len);
    out->len += name.len;
    return PN_OK;
}

static uint64_t
first_eight(const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return __builtin_bswap64(word);
}

int
pn_index_key_compare(const void *a, size_t a_len, const void *b, size_t b_len)
{
    const uint8_t *x = a, *y = b;
    size_t len = a_len < b_len ? a_len : b_len, i = 0;

    if (len >= sizeof(uint64_t)) {
        uint64_t left = first_eight(a), right = first_eight(b);

        if (left != right) {
            return left < right ? -1 : 1; /* nearly always */
        }
        i = sizeof(uint64_t);
    }
    /* No call of memcmp(): it would cost the way above its registers. */
    for (; i < len; i++) {
        if (x[i] != y[i]) {
            return x[i] < y[i] ? -1 : 1;
        }
    }
    return (a_len > b_len) - (a_len < b_len);
}

void
pn_index_meta_encode(const struct pn_index_meta *meta, struct pn_buf *out)
{
    size_t start = out->len;

    pn_buf_add(out, (struct pn_str){meta_magic, sizeof(meta_magic)});
    pn_put_u32(out, meta->format);
    pn_put_u64(out, meta->epoch);
    pn_put_u64(out, meta->generation);
    pn_put_u64(out, (uint64_t) meta->position);
    pn_put_u64(out, meta->tokens);
    pn_put_u64(out, meta->owners);
    pn_put_u64(out, meta->apps);
    pn_put_u64(out, pn_sum(out->ptr + start, META_SUMMED));
}

enum pn_err
pn_index_meta_decode(struct pn_str bytes, struct pn_index_meta *out)
{
    struct pn_cursor cur = pn_cursor_from(bytes.ptr, bytes.len);
    struct pn_index_meta meta;
    const uint8_t *magic = pn_cursor_bytes(&cur, sizeof(meta_magic));

    meta.format = pn_cursor_u32(&cur);
    if (magic == NULL || memcmp(magic, meta_magic, sizeof(meta_magic)) != 0
        || cur.bad)
    {
        return PN_E_DAMAGED;
    }
    if (meta.format != PN_INDEX_FORMAT) {
        return PN_E_VERSION;
    }
    meta.epoch = pn_cursor_u64(&cur);
    meta.generation = pn_cursor_u64(&cur);
    meta.position = (int64_t) pn_cursor_u64(&cur);
    meta.tokens = pn_cursor_u64(&cur);
    meta.owners = pn_cursor_u64(&cur);
    meta.apps = pn_cursor_u64(&cur);
    if (bytes.len != PN_INDEX_META_LEN
        || pn_cursor_u64(&cur) != pn_sum(bytes.ptr, META_SUMMED))
    {
        return PN_E_DAMAGED;
    }
    *out = meta;
    return PN_OK;
}

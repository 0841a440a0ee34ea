/* SPDX-License-Identifier: Apache-2.0 */
/* Making and recognising the text of a token (docs/formats/token.md). */
#include "core/token.h"

#include <string.h>

#include "base/str.h"
#include "core/crc.h"

static const char alphabet[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

enum { BASE = 62, LIMBS = PN_TOKEN_ENTROPY_BYTES / 4 };

/* clang-format off */
static const bool alnum[256] = {
    ['0'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['A'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
             1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['a'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
             1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
};
/* clang-format on */

static bool
is_alnum(char c)
{
    return alnum[(uint8_t) c];
}

bool
pn_token_prefix_valid(struct pn_str prefix)
{
    if (prefix.len < PN_TOKEN_PREFIX_MIN || prefix.len > PN_TOKEN_PREFIX_MAX
        || prefix.ptr[0] < 'a' || prefix.ptr[0] > 'z'
        || prefix.ptr[prefix.len - 1] != '_')
    {
        return false;
    }
    for (size_t i = 0; i < prefix.len; i++) {
        if (!is_alnum(prefix.ptr[i]) && prefix.ptr[i] != '_') {
            return false;
        }
    }
    return true;
}

/* The 256-bit big-endian number as base62, most significant digit first. */
static void
put_body(const uint8_t entropy[PN_TOKEN_ENTROPY_BYTES],
         char out[PN_TOKEN_BODY_LEN])
{
    uint32_t limbs[LIMBS];

    for (size_t i = 0; i < LIMBS; i++) {
        limbs[i] = (uint32_t) entropy[4 * i] << 24
                   | (uint32_t) entropy[4 * i + 1] << 16
                   | (uint32_t) entropy[4 * i + 2] << 8 | entropy[4 * i + 3];
    }
    for (size_t digit = PN_TOKEN_BODY_LEN; digit-- > 0;) {
        uint64_t rest = 0;

        for (size_t i = 0; i < LIMBS; i++) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t) (rest / BASE);
            rest %= BASE;
        }
        out[digit] = alphabet[rest];
    }
    pn_wipe(limbs, sizeof(limbs));
}

static void
put_check(struct pn_str before, char out[PN_TOKEN_CHECK_LEN])
{
    uint32_t crc = pn_crc32(before.ptr, before.len);

    for (size_t digit = PN_TOKEN_CHECK_LEN; digit-- > 0;) {
        out[digit] = alphabet[crc % BASE];
        crc /= BASE;
    }
}

enum pn_err
pn_token_make(struct pn_str prefix,
              const uint8_t entropy[PN_TOKEN_ENTROPY_BYTES],
              struct pn_secret *out)
{
    char text[PN_TOKEN_LEN_MAX];
    size_t len = prefix.len;
    enum pn_err err;

    if (!pn_token_prefix_valid(prefix)) {
        return PN_E_SYNTAX;
    }
    memcpy(text, prefix.ptr, len);
    put_body(entropy, text + len);
    len += PN_TOKEN_BODY_LEN;
    put_check((struct pn_str){text, len}, text + len);
    len += PN_TOKEN_CHECK_LEN;

    err = pn_secret_set(out, (struct pn_str){text, len});
    pn_wipe(text, sizeof(text));
    return err;
}

/* text begins with prefix: is the rest of the right length, alphabet, sum? */
static bool
well_formed(struct pn_str text, struct pn_str prefix)
{
    char check[PN_TOKEN_CHECK_LEN];
    size_t summed = prefix.len + PN_TOKEN_BODY_LEN;
    const char *body = text.ptr + prefix.len;
    bool clean = true;

    if (text.len != summed + PN_TOKEN_CHECK_LEN) {
        return false;
    }
    for (size_t i = 0; i < PN_TOKEN_BODY_LEN; i++) {
        clean &= is_alnum(body[i]);
    }
    if (!clean) {
        return false;
    }
    put_check((struct pn_str){text.ptr, summed}, check);
    return memcmp(check, text.ptr + summed, sizeof(check)) == 0;
}

enum pn_token_kind
pn_token_classify(struct pn_str text, const struct pn_prefixes *prefixes)
{
    enum pn_token_kind kind = PN_TOKEN_FOREIGN;

    /* One prefix may begin with another, so the first that fits is not yet
     * the answer. */
    for (size_t i = 0; i < prefixes->count; i++) {
        if (!pn_str_starts(text, prefixes->item[i])) {
            continue;
        }
        if (well_formed(text, prefixes->item[i])) {
            return PN_TOKEN_WELL_FORMED;
        }
        kind = PN_TOKEN_MALFORMED;
    }
    return kind;
}

/* True if a well-formed token of one of the prefixes begins text. */
static bool
begins_with_token(struct pn_str text, const struct pn_prefixes *prefixes)
{
    for (size_t i = 0; i < prefixes->count; i++) {
        struct pn_str prefix = prefixes->item[i];
        size_t len = prefix.len + PN_TOKEN_BODY_LEN + PN_TOKEN_CHECK_LEN;

        if (len <= text.len && pn_str_starts(text, prefix)
            && well_formed((struct pn_str){text.ptr, len}, prefix))
        {
            return true;
        }
    }
    return false;
}

size_t
pn_token_find(struct pn_str text, const struct pn_prefixes *prefixes)
{
    for (size_t at = 0; at < text.len; at++) {
        struct pn_str rest = {text.ptr + at, text.len - at};

        if (begins_with_token(rest, prefixes)) {
            return at;
        }
    }
    return text.len;
}

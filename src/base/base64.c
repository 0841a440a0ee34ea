/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical base64, RFC 4648 section 4. */
#include "base/base64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 0..63, or -1; from '+' to 'z'. */
static const int8_t values[] = {
    62, -1, -1, -1, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1,
    -1, -1, -1, -1, -1, -1, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,
    10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
    -1, -1, -1, -1, -1, -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
    36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51};

static int
value_of(char c)
{
    uint8_t at = (uint8_t) (c - '+');

    return at < sizeof(values) ? values[at] : -1;
}

/* Without exact padding; false when the padding is not exact. */
static bool
strip_padding(struct pn_str *text)
{
    size_t pad = 0;

    while (pad < text->len && pad < 3 && text->ptr[text->len - 1 - pad] == '=')
    {
        pad++;
    }
    if (pad > 0 && (pad > 2 || text->len % 4 != 0)) {
        return false;
    }
    text->len -= pad;
    return text->len % 4 != 1 && (pad == 0 || text->len % 4 == 4 - pad);
}

enum pn_err
pn_base64_decode(struct pn_str text, struct pn_buf *out)
{
    char *to = out->ptr + out->len; /* room is checked below, once */
    uint32_t bits = 0;
    unsigned held = 0; /* bits not yet written */

    if (!strip_padding(&text)) {
        return PN_E_SYNTAX;
    }
    if (text.len / 4 * 3 + text.len % 4 * 6 / 8 > out->cap - out->len) {
        return PN_E_TOO_LONG;
    }
    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.ptr[i]);

        if (value < 0) {
            return PN_E_SYNTAX;
        }
        bits = bits << 6 | (uint32_t) value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            *to++ = (char) (uint8_t) (bits >> held);
        }
    }
    if (bits & ((1U << held) - 1)) {
        return PN_E_SYNTAX; /* a second spelling of the same bytes */
    }
    out->len = (size_t) (to - out->ptr);
    return PN_OK;
}

void
pn_base64_encode(const void *bytes, size_t len, struct pn_buf *out)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t bits = (uint32_t) p[i] << 16;

        if (left > 1) {
            bits |= (uint32_t) p[i + 1] << 8;
        }
        if (left > 2) {
            bits |= p[i + 2];
        }
        pn_buf_add_char(out, alphabet[bits >> 18]);
        pn_buf_add_char(out, alphabet[bits >> 12 & 63]);
        pn_buf_add_char(out, left > 1 ? alphabet[bits >> 6 & 63] : '=');
        pn_buf_add_char(out, left > 2 ? alphabet[bits & 63] : '=');
    }
}

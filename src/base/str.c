/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on borrowed text; ASCII rules whatever the locale. */
#include "base/str.h"

#include <string.h>

struct pn_str
pn_str_from(const char *cstr)
{
    return (struct pn_str){cstr, cstr == NULL ? 0 : strlen(cstr)};
}

bool
pn_str_eq(struct pn_str a, struct pn_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

bool
pn_str_eq_nocase(struct pn_str a, struct pn_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool
pn_str_starts(struct pn_str text, struct pn_str prefix)
{
    return text.len >= prefix.len
           && pn_str_eq((struct pn_str){text.ptr, prefix.len}, prefix);
}

size_t
pn_str_find(struct pn_str text, char c)
{
    const char *at = text.len == 0 ? NULL : memchr(text.ptr, c, text.len);

    return at == NULL ? text.len : (size_t) (at - text.ptr);
}

bool
pn_str_cut(struct pn_str text, char c, struct pn_str *head, struct pn_str *tail)
{
    size_t at = pn_str_find(text, c);

    if (at == text.len) {
        return false;
    }
    *head = (struct pn_str){text.ptr, at};
    *tail = (struct pn_str){text.ptr + at + 1, text.len - at - 1};
    return true;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

void
pn_hex(const void *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *byte = bytes;

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[byte[i] >> 4];
        out[2 * i + 1] = digits[byte[i] & 15];
    }
    out[2 * len] = '\0';
}

int
pn_hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

struct pn_str
pn_str_trim(struct pn_str text)
{
    while (text.len > 0 && is_blank(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && is_blank(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* Length of the well-formed sequence at p (RFC 3629 section 4), or 0. */
static size_t
utf8_sequence(const uint8_t *p, size_t left)
{
    size_t len;
    uint8_t low = 0x80, high = 0xbf; /* bounds of the second byte */

    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;
    }
    len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (left < len) {
        return 0;
    }
    if (p[0] == 0xe0) {
        low = 0xa0; /* shorter form exists */
    } else if (p[0] == 0xed) {
        high = 0x9f; /* surrogates */
    } else if (p[0] == 0xf0) {
        low = 0x90;
    } else if (p[0] == 0xf4) {
        high = 0x8f; /* past U+10FFFF */
    }
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

bool
pn_str_is_utf8(struct pn_str text)
{
    const uint8_t *bytes = (const uint8_t *) text.ptr;

    for (size_t i = 0; i < text.len;) {
        size_t len = utf8_sequence(bytes + i, text.len - i);

        if (len == 0) {
            return false;
        }
        i += len;
    }
    return true;
}

/*
 * Not 0 if a byte of the word lies outside 0x20..0x7e.  The lowest such byte
 * sets its high bit in one of the three terms (nothing below it carries or
 * borrows); without one, no term has a high bit set.
 */
static uint64_t
unprintable(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101U;
    const uint64_t high = ones * 0x80;

    return (word | (word + ones) | (word - ones * 0x20)) & high;
}

bool
pn_str_is_printable(struct pn_str text)
{
    size_t i = 0;

    for (; i + sizeof(uint64_t) <= text.len; i += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, text.ptr + i, sizeof(word));
        if (unprintable(word) != 0) {
            return false;
        }
    }
    for (; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

bool
pn_str_has_control(struct pn_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t) text.ptr[i];

        if (c < 0x20 || c == 0x7f) {
            return true;
        }
    }
    return false;
}

bool
pn_bytes_eq_const_time(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    /* volatile: no compiler may leave the loop once it is not 0. */
    volatile uint64_t differing = 0;
    size_t i = 0;

    for (; len - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
        uint64_t left, right;

        memcpy(&left, x + i, sizeof(left));
        memcpy(&right, y + i, sizeof(right));
        differing |= left ^ right;
    }
    for (; i < len; i++) {
        differing |= (uint64_t) (x[i] ^ y[i]);
    }
    return differing == 0;
}

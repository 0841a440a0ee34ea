/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and ranges in their 16-byte form. */
#include "core/iprange.h"

#include <arpa/inet.h>
#include <string.h>

enum { V4_OFFSET_BITS = 96 };

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

enum pn_err
pn_ip_parse(struct pn_str text, struct pn_ip *out)
{
    char buf[INET6_ADDRSTRLEN]; /* inet_pton() wants a NUL */
    struct pn_ip ip;

    if (text.len >= sizeof(buf)) {
        return PN_E_TOO_LONG;
    }
    memcpy(buf, text.ptr, text.len);
    buf[text.len] = '\0';

    if (inet_pton(AF_INET6, buf, ip.bytes) == 1) {
        *out = ip;
        return PN_OK;
    }

    memcpy(ip.bytes, v4_prefix, sizeof(v4_prefix));
    if (inet_pton(AF_INET, buf, ip.bytes + sizeof(v4_prefix)) != 1) {
        return PN_E_SYNTAX;
    }
    *out = ip;
    return PN_OK;
}

/* Decimal 0..max without sign, space or leading zero. */
static enum pn_err
parse_prefix(struct pn_str digits, unsigned max, uint8_t *out)
{
    unsigned value = 0;

    if (digits.len == 0 || digits.len > 3
        || (digits.len > 1 && digits.ptr[0] == '0'))
    {
        return PN_E_SYNTAX;
    }
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.ptr[i];

        if (c < '0' || c > '9') {
            return PN_E_SYNTAX;
        }
        value = value * 10 + (unsigned) (c - '0');
    }
    if (value > max) {
        return PN_E_RANGE;
    }
    *out = (uint8_t) value;
    return PN_OK;
}

/* The mask for byte i of an address under the given prefix length. */
static uint8_t
mask_byte(size_t i, unsigned prefix)
{
    if (prefix >= 8 * (i + 1)) {
        return 0xff;
    }
    if (prefix <= 8 * i) {
        return 0;
    }
    return (uint8_t) (0xff00U >> (prefix - 8 * i));
}

enum pn_err
pn_iprange_parse(struct pn_str text, struct pn_iprange *out)
{
    struct pn_iprange range = {.prefix = 128};
    struct pn_str addr = text;
    const char *slash = memchr(text.ptr, '/', text.len);
    enum pn_err err;

    if (slash != NULL) {
        addr.len = (size_t) (slash - text.ptr);
    }
    err = pn_ip_parse(addr, &range.net);
    if (err != PN_OK) {
        return err;
    }

    if (slash != NULL) {
        bool v4 = memchr(addr.ptr, ':', addr.len) == NULL;
        struct pn_str digits = {slash + 1, text.len - addr.len - 1};

        err = parse_prefix(digits, v4 ? 32 : 128, &range.prefix);
        if (err != PN_OK) {
            return err;
        }
        if (v4) {
            range.prefix = (uint8_t) (range.prefix + V4_OFFSET_BITS);
        }
    }

    for (size_t i = 0; i < sizeof(range.net.bytes); i++) {
        if (range.net.bytes[i] & (uint8_t) ~mask_byte(i, range.prefix)) {
            return PN_E_RANGE;
        }
    }
    *out = range;
    return PN_OK;
}

bool
pn_iprange_has(const struct pn_iprange *range, const struct pn_ip *ip)
{
    for (size_t i = 0; i < sizeof(ip->bytes); i++) {
        uint8_t mask = mask_byte(i, range->prefix);

        if ((ip->bytes[i] & mask) != range->net.bytes[i]) {
            return false;
        }
    }
    return true;
}

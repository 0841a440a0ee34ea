/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and ranges in their 16-byte form. */
#include "core/iprange.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include "base/str.h"

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
    if (text.len == 0 || memchr(text.ptr, '\0', text.len) != NULL) {
        return PN_E_SYNTAX; /* inet_pton() would stop at the NUL */
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

/* An address, or a mask, as two numbers. */
struct halves {
    uint64_t high, low;
};

static struct halves
halves_of(const struct pn_ip *ip)
{
    struct halves half;

    memcpy(&half.high, ip->bytes, sizeof(half.high));
    memcpy(&half.low, ip->bytes + sizeof(half.high), sizeof(half.low));
    return (struct halves){be64toh(half.high), be64toh(half.low)};
}

/* The first n bits, 64 at most. */
static uint64_t
first_bits(unsigned n)
{
    return n >= 64 ? UINT64_MAX : ~(UINT64_MAX >> n);
}

static struct halves
mask_of(unsigned prefix)
{
    return (struct halves){first_bits(prefix),
                           prefix > 64 ? first_bits(prefix - 64) : 0};
}

enum pn_err
pn_iprange_parse(struct pn_str text, struct pn_iprange *out)
{
    struct pn_iprange range = {.prefix = 128};
    struct pn_str addr = text;
    struct pn_str digits;
    bool has_prefix = pn_str_cut(text, '/', &addr, &digits);
    enum pn_err err;

    err = pn_ip_parse(addr, &range.net);
    if (err != PN_OK) {
        return err;
    }

    if (has_prefix) {
        bool v4 = pn_str_find(addr, ':') == addr.len;

        err = parse_prefix(digits, v4 ? 32 : 128, &range.prefix);
        if (err != PN_OK) {
            return err;
        }
        if (v4) {
            range.prefix = (uint8_t) (range.prefix + V4_OFFSET_BITS);
        }
    }

    if (!pn_iprange_sane(&range)) {
        return PN_E_RANGE;
    }
    *out = range;
    return PN_OK;
}

bool
pn_iprange_sane(const struct pn_iprange *range)
{
    struct halves net = halves_of(&range->net), mask = mask_of(range->prefix);

    return range->prefix <= 128
           && ((net.high & ~mask.high) | (net.low & ~mask.low)) == 0;
}

bool
pn_iprange_has(const struct pn_iprange *range, const struct pn_ip *ip)
{
    struct halves net = halves_of(&range->net), mask = mask_of(range->prefix);
    struct halves half = halves_of(ip);

    return (((half.high ^ net.high) & mask.high)
            | ((half.low ^ net.low) & mask.low))
           == 0;
}

static bool
list_has(const struct pn_iprange *list, uint16_t count, const struct pn_ip *ip)
{
    for (uint16_t i = 0; i < count; i++) {
        if (pn_iprange_has(&list[i], ip)) {
            return true;
        }
    }
    return false;
}

bool
pn_iprules_allow(const struct pn_iprules *rules, const struct pn_ip *ip)
{
    bool allowed = list_has(rules->allow, rules->allow_count, ip);
    bool denied = list_has(rules->deny, rules->deny_count, ip);

    if (rules->mode == PN_IP_DEFAULT_ALLOW) {
        return !denied || allowed;
    }
    return allowed && !denied;
}

static bool
is_mapped(const struct pn_ip *ip)
{
    return memcmp(ip->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool
pn_ip_is_loopback(const struct pn_ip *ip)
{
    static const struct pn_ip one = {{[15] = 1}}; /* ::1 */

    return is_mapped(ip) ? ip->bytes[sizeof(v4_prefix)] == 127
                         : memcmp(ip->bytes, one.bytes, sizeof(one.bytes)) == 0;
}

void
pn_ip_format(const struct pn_ip *ip, struct pn_buf *out)
{
    char text[INET6_ADDRSTRLEN];
    const char *done = is_mapped(ip)
                           ? inet_ntop(AF_INET, ip->bytes + sizeof(v4_prefix),
                                       text, sizeof(text))
                           : inet_ntop(AF_INET6, ip->bytes, text, sizeof(text));

    pn_buf_add_cstr(out, done); /* cannot fail: the text fits */
}

void
pn_iprange_format(const struct pn_iprange *range, struct pn_buf *out)
{
    bool v4 = range->prefix >= V4_OFFSET_BITS && is_mapped(&range->net);

    pn_ip_format(&range->net, out);
    if (range->prefix < 128) {
        pn_buf_add_char(out, '/');
        pn_buf_add_u64(out,
                       v4 ? range->prefix - V4_OFFSET_BITS : range->prefix);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP ranges and rule sets: "10.0.0.0/8", "2001:db8::/32", one bare address.
 *
 * Every address is held in its 16-byte IPv6 form, IPv4 as ::ffff:a.b.c.d.
 * A dual-stack listener reports IPv4 clients in exactly that form, so a rule
 * written for 10.0.0.0/8 cannot be sidestepped by connecting over IPv6.
 */
#ifndef PN_CORE_IPRANGE_H
#define PN_CORE_IPRANGE_H

#include "base/buf.h"
#include "base/defs.h"

enum { PN_IPRANGES_MAX = 256 }; /* entries in one list */

struct pn_ip {
    uint8_t bytes[16];
};

/* 17 bytes, alignment 1: an index record holds arrays of exactly this. */
struct pn_iprange {
    struct pn_ip net; /* bits past prefix are zero */
    uint8_t prefix;   /* 0..128, counted in the 16-byte form */
};

enum pn_ipmode {
    PN_IP_DEFAULT_DENY = 0, /* in allow and not in deny */
    PN_IP_DEFAULT_ALLOW,    /* unless in deny and not in allow */
};

/* Borrowed lists.  The all-zero value refuses every address. */
struct pn_iprules {
    enum pn_ipmode mode;
    const struct pn_iprange *allow;
    const struct pn_iprange *deny;
    uint16_t allow_count;
    uint16_t deny_count;
};

/*
 * Parse one address.  Zone ids ("fe80::1%eth0") are refused.
 * Writes *out only on PN_OK; otherwise PN_E_SYNTAX or PN_E_TOO_LONG.
 */
PN_MUST_USE enum pn_err pn_ip_parse(struct pn_str text, struct pn_ip *out);

/* "192.0.2.7" for a mapped address, RFC 5952 text otherwise. */
void pn_ip_format(const struct pn_ip *ip, struct pn_buf *out);

/* 127.0.0.0/8, ::1. */
bool pn_ip_is_loopback(const struct pn_ip *ip);

/*
 * Parse an address with an optional "/prefix".
 *
 * A range with host bits set ("10.0.0.1/8") is PN_E_RANGE rather than being
 * rounded down: it is usually a typo, and guessing widens access.
 */
PN_MUST_USE enum pn_err pn_iprange_parse(struct pn_str text,
                                         struct pn_iprange *out);

/* What pn_iprange_parse() gives: prefix in its bounds, no host bits set. */
bool pn_iprange_sane(const struct pn_iprange *range);

/* The shortest text that parses to the same range. */
void pn_iprange_format(const struct pn_iprange *range, struct pn_buf *out);

bool pn_iprange_has(const struct pn_iprange *range, const struct pn_ip *ip);

bool pn_iprules_allow(const struct pn_iprules *rules, const struct pn_ip *ip);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The datagram by which a worker tells posternd who used what: at most 8 KiB,
 * aggregated per worker and second (docs/formats/usage.md).  Contents are
 * untrusted: a decoder refuses anything it does not understand.
 */
#ifndef PN_CORE_USAGE_H
#define PN_CORE_USAGE_H

#include "base/buf.h"
#include "base/cursor.h"
#include "core/decision.h"

enum {
    PN_USAGE_DATAGRAM_MAX = 8192,
    PN_USAGE_TEXT_MAX = 64,
    PN_USAGE_SECRET_LEN = 8,
};

/* One line: this token (or address, for failures) on this app since the last
 * datagram. */
struct pn_usage {
    uint64_t token_id; /* 0 = no known token */
    /* Which of the token's secrets: the first bytes of its hash; else 0. */
    uint8_t secret[PN_USAGE_SECRET_LEN];
    enum pn_reason reason;
    uint8_t reporters; /* enum pn_reporter, with PN_REASON_OK; else 0 */
    uint32_t count;
    int64_t at; /* the latest, Unix seconds */
    struct pn_ip address;
    struct pn_str app; /* at most PN_USAGE_TEXT_MAX bytes, as the others */
    struct pn_str method;
    struct pn_str user;  /* report mode: who sent a password; else empty */
    struct pn_str agent; /* report mode; else empty */
    struct pn_str path;  /* report mode; else empty */
};

/* Begin a datagram, add lines until PN_E_TOO_LONG (the buffer is then as it
 * was before the line). */
void pn_usage_begin(struct pn_buf *datagram);
PN_MUST_USE enum pn_err pn_usage_add(struct pn_buf *datagram,
                                     const struct pn_usage *usage);

/* Check the header; then PN_OK for each line, PN_E_NOT_FOUND at the end,
 * PN_E_DAMAGED or PN_E_VERSION otherwise. */
PN_MUST_USE enum pn_err pn_usage_open(struct pn_str datagram,
                                      struct pn_cursor *out);
PN_MUST_USE enum pn_err pn_usage_next(struct pn_cursor *cur,
                                      struct pn_usage *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 (RFC 4648 section 4), strict: canonical only.
 */
#ifndef PN_BASE_BASE64_H
#define PN_BASE_BASE64_H

#include "base/buf.h"
#include "base/defs.h"

/*
 * Padding may be left out but, when present, must be exact; bits past the
 * last byte must be zero; no blanks.  PN_E_SYNTAX otherwise, PN_E_TOO_LONG
 * when out (appended to) is too small.
 */
PN_MUST_USE enum pn_err pn_base64_decode(struct pn_str text,
                                         struct pn_buf *out);

void pn_base64_encode(const void *bytes, size_t len, struct pn_buf *out);

#endif

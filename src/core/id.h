/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public ids: "tok_" and 13 characters of Crockford's base32 for the 64-bit
 * number that the store and the index use.  Opaque to callers.
 */
#ifndef PN_CORE_ID_H
#define PN_CORE_ID_H

#include "base/defs.h"

enum { PN_ID_TEXT_LEN = 17 };

#define PN_ID_TOKEN    "tok_"
#define PN_ID_USER     "usr_"
#define PN_ID_GROUP    "grp_"
#define PN_ID_APP      "app_"
#define PN_ID_EVENT    "evt_"
#define PN_ID_SESSION  "ses_"
#define PN_ID_HANDOVER "hnd_"

/* kind is one of the four-character strings above. */
void pn_id_format(const char *kind, uint64_t id, char out[PN_ID_TEXT_LEN + 1]);
PN_MUST_USE enum pn_err pn_id_parse(const char *kind, struct pn_str text,
                                    uint64_t *out);

/*
 * A fresh id below 2^63: milliseconds since 2020 in the upper 42 bits, random
 * below, so that ids ascend with time and cannot be guessed one by one.
 * entropy is 32 random bits.
 */
uint64_t pn_id_make(int64_t now_ms, uint32_t entropy);

#endif

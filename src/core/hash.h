/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4) of a token: what is stored and looked up.  A token
 * carries 256 random bits, so a fast unsalted hash is the right one
 * (OWASP ASVS 5.0, 6.5.2).  No allocation, no state; any thread.
 */
#ifndef PN_CORE_HASH_H
#define PN_CORE_HASH_H

#include "base/defs.h"

enum { PN_HASH_LEN = 32, PN_HASH_KEY_LEN = 16 };

/* bytes[0..15] are the look-up key in the index, the rest its proof. */
struct pn_hash {
    uint8_t bytes[PN_HASH_LEN];
};

void pn_hash_of(struct pn_str text, struct pn_hash *out);

#endif

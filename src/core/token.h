/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a token: prefix, 43 base62 characters that carry 256 random
 * bits, 6 base62 characters of CRC-32 over everything before them.
 * Byte-exact description and vectors: docs/formats/token.md.
 */
#ifndef PN_CORE_TOKEN_H
#define PN_CORE_TOKEN_H

#include "base/defs.h"
#include "base/secret.h"

enum {
    PN_TOKEN_ENTROPY_BYTES = 32,
    PN_TOKEN_BODY_LEN = 43,
    PN_TOKEN_CHECK_LEN = 6,
    PN_TOKEN_PREFIX_MIN = 2,
    PN_TOKEN_PREFIX_MAX = 16,
    PN_TOKEN_PREFIXES_MAX = 8, /* the present one and seven former */
    PN_TOKEN_LEN_MAX =
        PN_TOKEN_PREFIX_MAX + PN_TOKEN_BODY_LEN + PN_TOKEN_CHECK_LEN,
    PN_TOKEN_LAST_LEN = 4, /* characters shown of a token, its last */
};

#define PN_TOKEN_PREFIX_DEFAULT "pst_"

/* The prefixes this installation knows, the present one first.  Borrowed. */
struct pn_prefixes {
    struct pn_str item[PN_TOKEN_PREFIXES_MAX];
    uint8_t count;
};

enum pn_token_kind {
    PN_TOKEN_FOREIGN = 0, /* begins with none of the prefixes */
    PN_TOKEN_MALFORMED,   /* a prefix, but wrong length, alphabet or checksum */
    PN_TOKEN_WELL_FORMED,
};

/* Lower-case letter first, then letters, digits, "_"; ends with "_". */
bool pn_token_prefix_valid(struct pn_str prefix);

/*
 * The token text for this entropy, which the caller took from the operating
 * system's random source.  PN_E_SYNTAX for a bad prefix.
 */
PN_MUST_USE enum pn_err
pn_token_make(struct pn_str prefix,
              const uint8_t entropy[PN_TOKEN_ENTROPY_BYTES],
              struct pn_secret *out);

enum pn_token_kind pn_token_classify(struct pn_str text,
                                     const struct pn_prefixes *prefixes);

/* Where the first well-formed token of these prefixes begins in text, or
 * text.len.  For scrubbing log lines and for leak scanning. */
size_t pn_token_find(struct pn_str text, const struct pn_prefixes *prefixes);

#endif

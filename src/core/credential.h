/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an Authorization header carries (RFC 7617 Basic, RFC 6750 Bearer),
 * parsed once; the token's text is not kept, only its hash.
 */
#ifndef PN_CORE_CREDENTIAL_H
#define PN_CORE_CREDENTIAL_H

#include "base/buf.h"
#include "base/defs.h"
#include "core/hash.h"
#include "core/token.h"

enum {
    PN_CREDENTIAL_MAX = 8192, /* bytes of the header value */
    PN_USERNAME_MAX = 255,    /* bytes, UTF-8 */
};

enum pn_scheme { PN_SCHEME_NONE = 0, PN_SCHEME_BASIC, PN_SCHEME_BEARER };

enum pn_credential_kind {
    PN_CREDENTIAL_NONE = 0,  /* no header, or another scheme */
    PN_CREDENTIAL_MALFORMED, /* row 3 */
    PN_CREDENTIAL_MISPLACED, /* row 3b: a token where the user name belongs */
    PN_CREDENTIAL_PASSWORD,  /* row 4: Basic, the secret is not ours */
    PN_CREDENTIAL_FOREIGN,   /* row 4b: Bearer that is not ours */
    PN_CREDENTIAL_BAD_TOKEN, /* row 5: our prefix, wrong checksum or shape */
    PN_CREDENTIAL_TOKEN,     /* well-formed: hash is set */
};

/* The all-zero value is "no credential". */
struct pn_credential {
    enum pn_credential_kind kind;
    enum pn_scheme scheme;
    struct pn_str user; /* Basic: UTF-8, borrowed from scratch; Bearer: empty */
    struct pn_hash hash;
    bool holds_token; /* see pn_credential_holds_token() */
};

/*
 * Parse one header value.  scratch (at least as large as the value and twice
 * PN_USERNAME_MAX) receives the decoded bytes; the caller wipes it: it holds
 * the secret until then, and user points into it.  Before wiping, copy user,
 * or wipe only scratch->ptr[user.len .. ] (user stands at its start).
 *
 * Scheme in any letter case; surrounding blanks ignored.  Basic: canonical
 * base64, padding optional, split at the first colon, control bytes refused;
 * a user name that is not UTF-8 is read as Latin-1.  A user name over
 * PN_USERNAME_MAX is malformed.
 */
void pn_credential_parse(struct pn_str value,
                         const struct pn_prefixes *prefixes,
                         struct pn_buf *scratch, struct pn_credential *out);

/*
 * True if the value is of a known scheme and carries, as password, user name
 * or bearer, something that begins with one of the prefixes.  A malformed
 * Basic value is read leniently for this: an application behind an unprotected
 * location might do so too.
 */
bool pn_credential_holds_token(const struct pn_credential *credential);

#endif

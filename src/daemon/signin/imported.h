/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords as htpasswd files and /etc/shadow keep them: bcrypt ("$2y$…"),
 * SHA-crypt ("$5$…", "$6$…"), Apache's MD5 ("$apr1$…") and its elder ("$1$…"),
 * and "{SHA}…".  They are checked until their owner has signed in once; then
 * Argon2id takes their place.  DES crypt and plain text are not taken: eight
 * characters that count, and none.
 */
#ifndef PN_DAEMON_SIGNIN_IMPORTED_H
#define PN_DAEMON_SIGNIN_IMPORTED_H

#include "base/defs.h"
#include "base/secret.h"

enum {
    PN_BCRYPT_COST_MAX = 12,         /* a quarter of a second */
    PN_SHACRYPT_ROUNDS_MAX = 100000, /* likewise */
};

/* A form that pn_imported_verify() knows, and at a cost that it takes. */
bool pn_imported_is_known(struct pn_str hash);

/* Is it the password?  False for forms that are not known. */
bool pn_imported_verify(const struct pn_secret *password, const char *hash);

#endif

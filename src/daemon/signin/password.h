/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local passwords: Argon2id (RFC 9106) through libsodium, 19 MiB, 2 passes
 * (OWASP's minimum), as libsodium's "$argon2id$…" text.
 */
#ifndef PN_DAEMON_SIGNIN_PASSWORD_H
#define PN_DAEMON_SIGNIN_PASSWORD_H

#include "base/defs.h"
#include "base/secret.h"

enum { PN_PASSWORD_HASH_MAX = 128 };

/* Once per process, before threads.  PN_E_IO when the library will not start.
 */
PN_MUST_USE enum pn_err pn_password_init(void);

/*
 * Both run in the caller's thread.  At most PN_PASSWORD_RUNNING work at once
 * and PN_PASSWORD_WAITING wait their turn, so that a flood of sign-ins takes
 * bounded memory; beyond that PN_E_BUSY at once.  PN_E_NOMEM.
 */
enum { PN_PASSWORD_RUNNING = 2, PN_PASSWORD_WAITING = 16 };

PN_MUST_USE enum pn_err pn_password_hash(const struct pn_secret *password,
                                         char out[PN_PASSWORD_HASH_MAX]);

/* How a stored hash was made. */
enum pn_password_form {
    PN_PASSWORD_UNKNOWN = 0, /* no password is ever right */
    PN_PASSWORD_OURS,        /* Argon2id, at our cost or less than four times */
    PN_PASSWORD_IMPORTED,    /* signin/imported.h */
};
enum pn_password_form pn_password_form(const char *hash);

/*
 * PN_OK = it is the password, PN_E_PERMISSION = it is not.  hash NULL (no such
 * user, no local password): the same work is done, and the answer is no.  For
 * an imported hash that work comes on top of its own.
 */
PN_MUST_USE enum pn_err pn_password_verify(const struct pn_secret *password,
                                           const char *hash);

/* len random bytes from the operating system. */
void pn_random(void *bytes, size_t len);

/* A password for a person to type once: 20 unambiguous characters. */
void pn_password_generate(struct pn_secret *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: fixed storage, wiped when done, accepted by no print function.
 */
#ifndef PN_BASE_SECRET_H
#define PN_BASE_SECRET_H

#include "base/defs.h"

enum { PN_SECRET_MAX = 1024 };

struct pn_secret {
    size_t len;
    char bytes[PN_SECRET_MAX + 1]; /* NUL-terminated for libraries */
};

/* Overwrite in a way the compiler keeps. */
void pn_wipe(void *bytes, size_t len);

/* Copy; PN_E_TOO_LONG over PN_SECRET_MAX, with *out untouched. */
PN_MUST_USE enum pn_err pn_secret_set(struct pn_secret *out,
                                      struct pn_str text);

void pn_secret_done(struct pn_secret *secret); /* NULL is fine */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets in fixed storage. */
#include "base/secret.h"

#include <string.h>

void
pn_wipe(void *bytes, size_t len)
{
    explicit_bzero(bytes, len);
}

enum pn_err
pn_secret_set(struct pn_secret *out, struct pn_str text)
{
    if (text.len > PN_SECRET_MAX) {
        return PN_E_TOO_LONG;
    }
    pn_wipe(out, sizeof(*out));
    if (text.len > 0) {
        memcpy(out->bytes, text.ptr, text.len);
    }
    out->len = text.len;
    return PN_OK;
}

void
pn_secret_done(struct pn_secret *secret)
{
    if (secret != NULL) {
        pn_wipe(secret, sizeof(*secret));
    }
}

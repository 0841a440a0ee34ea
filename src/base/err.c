/* SPDX-License-Identifier: Apache-2.0 */
/* The text of each error code. */
#include "base/defs.h"

const char *
pn_err_text(enum pn_err err)
{
    /* No default: the compiler then reports a code without a text. */
    switch (err) {
    case PN_OK:
        return "success";
    case PN_E_NOMEM:
        return "out of memory";
    case PN_E_SYNTAX:
        return "malformed input";
    case PN_E_TOO_LONG:
        return "input too long";
    case PN_E_RANGE:
        return "value out of range";
    case PN_E_NOT_FOUND:
        return "not found";
    case PN_E_STORE:
        return "storage failure";
    case PN_E_IO:
        return "input or output failed";
    case PN_E_EXISTS:
        return "already exists";
    case PN_E_PERMISSION:
        return "permission denied";
    case PN_E_BUSY:
        return "busy";
    case PN_E_NO_SPACE:
        return "no space left";
    case PN_E_VERSION:
        return "unsupported format version";
    case PN_E_DAMAGED:
        return "damaged data";
    case PN_E_STALE:
        return "too old";
    case PN_E_STATE:
        return "not possible in this state";
    }
    return "unknown error";
}

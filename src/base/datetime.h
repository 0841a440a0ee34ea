/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instants as RFC 3339 text.  Unix seconds, UTC, years 1970 to 9999.
 */
#ifndef PN_BASE_DATETIME_H
#define PN_BASE_DATETIME_H

#include "base/defs.h"

enum { PN_DATETIME_LEN = 20 }; /* "2026-11-23T19:30:00Z" */

/* Writes PN_DATETIME_LEN characters and a NUL.  PN_E_RANGE outside 1970-9999.
 */
PN_MUST_USE enum pn_err pn_datetime_format(int64_t at,
                                           char out[PN_DATETIME_LEN + 1]);

/*
 * RFC 3339 section 5.6 with "T" and either "Z" or an offset; a fraction is
 * accepted and dropped; a leap second counts as :59.  PN_E_SYNTAX for another
 * form, PN_E_RANGE for a date that does not exist or lies outside 1970-9999.
 */
PN_MUST_USE enum pn_err pn_datetime_parse(struct pn_str text, int64_t *out);

#endif

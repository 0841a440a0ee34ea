/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that includes jansson, and strict reading for everybody:
 * duplicate keys refused, nesting at most PN_JSON_DEPTH, size capped, the
 * value must be an object or array, nothing may follow it.
 *
 * Values are reference-counted by jansson; pn_json_defer hands one to an
 * arena.  Never dump attacker-shaped deep trees (jansson 2.14 recurses).
 */
#ifndef PN_BASE_JSON_H
#define PN_BASE_JSON_H

#include <jansson.h>

#include "base/arena.h"
#include "base/defs.h"

enum { PN_JSON_DEPTH = 32, PN_JSON_MAX = 1 << 20 };

/*
 * On PN_OK *out is the caller's (json_decref).  PN_E_SYNTAX or PN_E_TOO_LONG
 * otherwise; why, if not NULL, then gets a sentence with line and column.
 */
PN_MUST_USE enum pn_err pn_json_parse(struct pn_str text, json_t **out,
                                      char *why, size_t why_len);

/* Give value to the arena; NULL passes through. Returns value, or NULL (and
 * releases it) when out of memory. */
PN_MUST_USE json_t *pn_json_defer(struct pn_arena *arena, json_t *value);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the records have in common: a kind byte in front, a checksum behind, and
 * lists in between.  For core/record*.c only.
 *
 * Readers mark the cursor bad for anything that no encoder writes; callers
 * check once at the end.
 */
#ifndef PN_CORE_RECORD_IO_H
#define PN_CORE_RECORD_IO_H

#include "base/cursor.h"
#include "core/record.h"

/* The text without kind and sum; PN_E_DAMAGED when one of them is wrong. */
PN_MUST_USE enum pn_err pn_record_open(struct pn_str bytes, char kind,
                                       struct pn_cursor *out);

/*
 * Append the sum over what stands in out since start.  Fails, with out as it
 * was at start, with PN_E_TOO_LONG when something did not fit and PN_E_RANGE
 * when PN_VALUES_BAD was found.
 */
enum pn_values { PN_VALUES_GOOD = 0, PN_VALUES_BAD };
PN_MUST_USE enum pn_err pn_record_seal(struct pn_buf *out, size_t start,
                                       enum pn_values values);

/* Text without control bytes, well-formed UTF-8: what may be sent in a
 * header. */
bool pn_record_text_ok(struct pn_str text);

/* One of 0..last. */
uint8_t pn_record_get_choice(struct pn_cursor *cur, uint8_t last);

bool pn_record_ids_ok(struct pn_ids ids, uint16_t max);
void pn_record_put_ids(struct pn_buf *out, struct pn_ids ids);
struct pn_ids pn_record_get_ids(struct pn_cursor *cur, uint16_t max);

bool pn_record_ip_ok(const struct pn_iprules *rules);
void pn_record_put_ip(struct pn_buf *out, const struct pn_iprules *rules);
struct pn_iprules pn_record_get_ip(struct pn_cursor *cur);

bool pn_record_patterns_ok(const struct pn_str *texts, uint16_t count);
void pn_record_put_patterns(struct pn_buf *out, const struct pn_str *texts,
                            uint16_t count);

/* Reads and compiles a whole list; the count. */
uint16_t pn_record_get_patterns(struct pn_cursor *cur,
                                struct pn_pathpat *compiled);
/* The same without a look at the patterns: *texts gets what stands behind the
 * count, each with its length in front. */
uint16_t pn_record_get_texts(struct pn_cursor *cur, struct pn_str *texts);

#endif

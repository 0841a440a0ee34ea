/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small operations on borrowed text.  No allocation; any thread.
 * ASCII rules only: letters outside ASCII never change case, whatever the
 * process's locale.
 */
#ifndef PN_BASE_STR_H
#define PN_BASE_STR_H

#include "base/defs.h"

/* NULL becomes {NULL, 0}. */
struct pn_str pn_str_from(const char *cstr);

bool pn_str_eq(struct pn_str a, struct pn_str b);

/* ASCII letter case ignored. */
bool pn_str_eq_nocase(struct pn_str a, struct pn_str b);

bool pn_str_starts(struct pn_str text, struct pn_str prefix);

/* Position of the first c, or text.len. */
size_t pn_str_find(struct pn_str text, char c);

/*
 * Cut at the first c: *head gets what stands before, *tail what follows it.
 * False, with both untouched, when c does not occur.
 */
bool pn_str_cut(struct pn_str text, char c, struct pn_str *head,
                struct pn_str *tail);

/* Two lower-case hexadecimal digits for each byte, and a NUL. */
void pn_hex(const void *bytes, size_t len, char *out);
/* 0 to 15; -1 for what is no lower-case hexadecimal digit. */
int pn_hex_value(char digit);

/* Without leading and trailing spaces and tabs. */
struct pn_str pn_str_trim(struct pn_str text);

/* True for well-formed UTF-8 (RFC 3629: shortest form, no surrogates). */
bool pn_str_is_utf8(struct pn_str text);

/*
 * True if every byte is printable ASCII (0x20-0x7e): nearly all text, and then
 * it is UTF-8 without control characters, told eight bytes at a time.
 */
bool pn_str_is_printable(struct pn_str text);

/* True if any byte is a control character (0x00-0x1f, 0x7f). */
bool pn_str_has_control(struct pn_str text);

/* Same length and content, in time that depends on the length only. */
bool pn_bytes_eq_const_time(const void *a, const void *b, size_t len);

#endif

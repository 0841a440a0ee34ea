/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An output buffer over memory the caller has, with a cap given at creation.
 *
 * Appending past the cap writes nothing more and sets full; callers append
 * freely and check once at the end.  Content is not NUL-terminated unless
 * pn_buf_cstr() is asked for.
 */
#ifndef PN_BASE_BUF_H
#define PN_BASE_BUF_H

#include "base/defs.h"

struct pn_buf {
    char *ptr;
    size_t len;
    size_t cap;
    bool full; /* something did not fit; content is a prefix of the intended */
};

/* Use an array as a buffer: struct pn_buf b = PN_BUF(bytes); */
#define PN_BUF(array) ((struct pn_buf){.ptr = (array), .cap = sizeof(array)})

void pn_buf_add(struct pn_buf *buf, struct pn_str text);
void pn_buf_add_cstr(struct pn_buf *buf, const char *text);
void pn_buf_add_char(struct pn_buf *buf, char c);
void pn_buf_add_u64(struct pn_buf *buf, uint64_t value);
void pn_buf_addf(struct pn_buf *buf, const char *format, ...) PN_PRINTF(2, 3);

/* Text as a JSON string, with its quotes; bytes that are not UTF-8 become
 * U+FFFD (RFC 8259 section 7). */
void pn_buf_add_json(struct pn_buf *buf, struct pn_str text);

/* What is in the buffer; borrowed from it. */
struct pn_str pn_buf_str(const struct pn_buf *buf);

/* NUL-terminated content (the NUL is not counted), or NULL when it is full. */
const char *pn_buf_cstr(struct pn_buf *buf);

#endif

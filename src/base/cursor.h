/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing little-endian records without running past their end.
 *
 * A read past the end sets bad and yields zero from then on; callers read a
 * whole record and check bad once.  Unaligned input is fine.
 */
#ifndef PN_BASE_CURSOR_H
#define PN_BASE_CURSOR_H

#include "base/defs.h"

struct pn_cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

struct pn_cursor pn_cursor_from(const void *bytes, size_t len);
uint8_t pn_cursor_u8(struct pn_cursor *cur);
uint16_t pn_cursor_u16(struct pn_cursor *cur);
uint32_t pn_cursor_u32(struct pn_cursor *cur);
uint64_t pn_cursor_u64(struct pn_cursor *cur);

/* len bytes, borrowed; NULL and bad when there are fewer. */
const uint8_t *pn_cursor_bytes(struct pn_cursor *cur, size_t len);

/* A u16 length and that many bytes. */
struct pn_str pn_cursor_str16(struct pn_cursor *cur);

bool pn_cursor_at_end(const struct pn_cursor *cur);

/* The writing side, into a capped buffer (base/buf.h). */
struct pn_buf;
void pn_put_u8(struct pn_buf *buf, uint8_t v);
void pn_put_u16(struct pn_buf *buf, uint16_t v);
void pn_put_u32(struct pn_buf *buf, uint32_t v);
void pn_put_u64(struct pn_buf *buf, uint64_t v);

/* Text longer than 65535 bytes marks the buffer full. */
void pn_put_str16(struct pn_buf *buf, struct pn_str text);

#endif

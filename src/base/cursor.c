/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian records, read and written within their bounds. */
#include "base/cursor.h"

#include <endian.h>
#include <string.h>

#include "base/buf.h"

struct pn_cursor
pn_cursor_from(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    return (struct pn_cursor){.at = at, .end = at + len};
}

const uint8_t *
pn_cursor_bytes(struct pn_cursor *cur, size_t len)
{
    const uint8_t *at = cur->at;

    if (cur->bad || len > (size_t) (cur->end - cur->at)) {
        cur->bad = true;
        return NULL;
    }
    cur->at += len;
    return at;
}

uint8_t
pn_cursor_u8(struct pn_cursor *cur)
{
    const uint8_t *bytes = pn_cursor_bytes(cur, 1);

    return bytes != NULL ? *bytes : 0;
}

uint16_t
pn_cursor_u16(struct pn_cursor *cur)
{
    const uint8_t *bytes = pn_cursor_bytes(cur, sizeof(uint16_t));
    uint16_t value = 0;

    if (bytes != NULL) {
        memcpy(&value, bytes, sizeof(value));
    }
    return le16toh(value);
}

uint32_t
pn_cursor_u32(struct pn_cursor *cur)
{
    const uint8_t *bytes = pn_cursor_bytes(cur, sizeof(uint32_t));
    uint32_t value = 0;

    if (bytes != NULL) {
        memcpy(&value, bytes, sizeof(value));
    }
    return le32toh(value);
}

uint64_t
pn_cursor_u64(struct pn_cursor *cur)
{
    const uint8_t *bytes = pn_cursor_bytes(cur, sizeof(uint64_t));
    uint64_t value = 0;

    if (bytes != NULL) {
        memcpy(&value, bytes, sizeof(value));
    }
    return le64toh(value);
}

struct pn_str
pn_cursor_str16(struct pn_cursor *cur)
{
    size_t len = pn_cursor_u16(cur);
    const uint8_t *bytes = pn_cursor_bytes(cur, len);

    if (bytes == NULL) {
        return (struct pn_str){NULL, 0};
    }
    return (struct pn_str){(const char *) bytes, len};
}

bool
pn_cursor_at_end(const struct pn_cursor *cur)
{
    return !cur->bad && cur->at == cur->end;
}

static void
put_le(struct pn_buf *buf, uint64_t value, size_t len)
{
    char bytes[8];

    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char) (uint8_t) (value >> (8 * i));
    }
    pn_buf_add(buf, (struct pn_str){bytes, len});
}

void
pn_put_u8(struct pn_buf *buf, uint8_t v)
{
    put_le(buf, v, 1);
}

void
pn_put_u16(struct pn_buf *buf, uint16_t v)
{
    put_le(buf, v, 2);
}

void
pn_put_u32(struct pn_buf *buf, uint32_t v)
{
    put_le(buf, v, 4);
}

void
pn_put_u64(struct pn_buf *buf, uint64_t v)
{
    put_le(buf, v, 8);
}

void
pn_put_str16(struct pn_buf *buf, struct pn_str text)
{
    if (text.len > UINT16_MAX) {
        buf->full = true;
        return;
    }
    pn_put_u16(buf, (uint16_t) text.len);
    pn_buf_add(buf, text);
}

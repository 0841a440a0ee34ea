/* SPDX-License-Identifier: Apache-2.0 */
/* Capped output buffers. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

void
pn_buf_add(struct pn_buf *buf, struct pn_str text)
{
    if (buf->full || text.len > buf->cap - buf->len) {
        buf->full = true;
        return;
    }
    if (text.len > 0) {
        memcpy(buf->ptr + buf->len, text.ptr, text.len);
        buf->len += text.len;
    }
}

void
pn_buf_add_cstr(struct pn_buf *buf, const char *text)
{
    pn_buf_add(buf, pn_str_from(text));
}

void
pn_buf_add_char(struct pn_buf *buf, char c)
{
    pn_buf_add(buf, (struct pn_str){&c, 1});
}

void
pn_buf_add_u64(struct pn_buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char) ('0' + value % 10);
        value /= 10;
    } while (value > 0);
    pn_buf_add(buf, (struct pn_str){digits + at, sizeof(digits) - at});
}

void
pn_buf_addf(struct pn_buf *buf, const char *format, ...)
{
    size_t room = buf->cap - buf->len;
    va_list ap;
    int n;

    if (buf->full) {
        return;
    }
    va_start(ap, format);
    n = vsnprintf(buf->ptr + buf->len, room, format, ap);
    va_end(ap);
    /* vsnprintf wants room for a NUL that we do not count. */
    if (n < 0 || (size_t) n >= room) {
        buf->full = true;
        return;
    }
    buf->len += (size_t) n;
}

/* Bytes of the UTF-8 sequence at the start of text, 0 if it is none. */
static size_t
sequence_len(struct pn_str text)
{
    for (size_t len = 1; len <= 4 && len <= text.len; len++) {
        if (pn_str_is_utf8((struct pn_str){text.ptr, len})) {
            return len;
        }
    }
    return 0;
}

void
pn_buf_add_json(struct pn_buf *buf, struct pn_str text)
{
    pn_buf_add_char(buf, '"');
    while (text.len > 0) {
        uint8_t c = (uint8_t) text.ptr[0];
        size_t len = 1;

        if (c == '"' || c == '\\') {
            pn_buf_add_char(buf, '\\');
            pn_buf_add_char(buf, (char) c);
        } else if (c < 0x20 || c == 0x7f) {
            pn_buf_addf(buf, "\\u%04x", c);
        } else if (c < 0x80) {
            pn_buf_add_char(buf, (char) c);
        } else if ((len = sequence_len(text)) > 0) {
            pn_buf_add(buf, (struct pn_str){text.ptr, len});
        } else {
            pn_buf_add_cstr(buf, "\xef\xbf\xbd"); /* U+FFFD */
            len = 1;
        }
        text.ptr += len;
        text.len -= len;
    }
    pn_buf_add_char(buf, '"');
}

struct pn_str
pn_buf_str(const struct pn_buf *buf)
{
    return (struct pn_str){buf->ptr, buf->len};
}

const char *
pn_buf_cstr(struct pn_buf *buf)
{
    if (buf->full || buf->len == buf->cap) {
        return NULL;
    }
    buf->ptr[buf->len] = '\0';
    return buf->ptr;
}

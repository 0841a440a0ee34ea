/* SPDX-License-Identifier: Apache-2.0 */
/* Usage datagrams (docs/formats/usage.md). */
#include "core/usage.h"

#include <string.h>

#include "base/str.h"

enum { MAGIC_LEN = 4, VERSION = 3 };

static const char magic[MAGIC_LEN] = {'P', 'N', 'U', 'S'};

/* Reasons travel as numbers: a new one means a new VERSION. */
_Static_assert(PN_REASON_COUNT == 27, "raise VERSION with enum pn_reason");

void
pn_usage_begin(struct pn_buf *datagram)
{
    datagram->len = 0;
    datagram->full = false;
    pn_buf_add(datagram, (struct pn_str){magic, MAGIC_LEN});
    pn_put_u8(datagram, VERSION);
}

/*
 * A text of at most PN_USAGE_TEXT_MAX bytes.  Clients choose agents and paths:
 * what is no UTF-8 or a control character becomes "?", a cut never leaves half
 * a character.
 */
static void
put_text(struct pn_buf *out, struct pn_str text)
{
    char clean[PN_USAGE_TEXT_MAX];
    size_t len =
        text.len < PN_USAGE_TEXT_MAX ? text.len : (size_t) PN_USAGE_TEXT_MAX;

    /* Step back over at most three continuation bytes of a cut character. */
    for (size_t i = 0; i < 3 && len < text.len && len > 0
                       && ((uint8_t) text.ptr[len] & 0xc0) == 0x80;
         i++)
    {
        len--;
    }
    text.len = len;
    bool utf8 = pn_str_is_utf8(text);

    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t) text.ptr[i];

        clean[i] =
            c < 0x20 || c == 0x7f || (c > 0x7f && !utf8) ? '?' : (char) c;
    }
    pn_put_u8(out, (uint8_t) len);
    pn_buf_add(out, (struct pn_str){clean, len});
}

enum pn_err
pn_usage_add(struct pn_buf *datagram, const struct pn_usage *usage)
{
    size_t start = datagram->len;

    pn_put_u64(datagram, usage->token_id);
    pn_buf_add(datagram, (struct pn_str){(const char *) usage->secret,
                                         sizeof(usage->secret)});
    pn_put_u8(datagram, (uint8_t) usage->reason);
    pn_put_u8(datagram, usage->reporters);
    pn_put_u32(datagram, usage->count);
    pn_put_u64(datagram, (uint64_t) usage->at);
    pn_buf_add(datagram, (struct pn_str){(const char *) usage->address.bytes,
                                         sizeof(usage->address.bytes)});
    put_text(datagram, usage->app);
    put_text(datagram, usage->method);
    put_text(datagram, usage->user);
    put_text(datagram, usage->agent);
    put_text(datagram, usage->path);
    if (datagram->full || datagram->len > PN_USAGE_DATAGRAM_MAX) {
        datagram->len = start;
        datagram->full = false;
        return PN_E_TOO_LONG;
    }
    return PN_OK;
}

enum pn_err
pn_usage_open(struct pn_str datagram, struct pn_cursor *out)
{
    struct pn_cursor cur = pn_cursor_from(datagram.ptr, datagram.len);
    const uint8_t *begin = pn_cursor_bytes(&cur, MAGIC_LEN);
    uint8_t version = pn_cursor_u8(&cur);

    if (cur.bad || datagram.len > PN_USAGE_DATAGRAM_MAX
        || memcmp(begin, magic, MAGIC_LEN) != 0)
    {
        return PN_E_DAMAGED;
    }
    if (version != VERSION) {
        return PN_E_VERSION;
    }
    *out = cur;
    return PN_OK;
}

static struct pn_str
get_text(struct pn_cursor *cur)
{
    size_t len = pn_cursor_u8(cur);
    const uint8_t *bytes = pn_cursor_bytes(cur, len);
    struct pn_str text = {(const char *) bytes, bytes == NULL ? 0 : len};

    if (len > PN_USAGE_TEXT_MAX || pn_str_has_control(text)
        || !pn_str_is_utf8(text))
    {
        cur->bad = true;
    }
    return text;
}

/* Rules report what is allowed, for a token that is known. */
static bool
reporters_ok(const struct pn_usage *usage, uint8_t reason)
{
    return usage->reporters == 0
           || (usage->reporters <= (PN_REPORTER_POLICY | PN_REPORTER_APP)
               && reason == PN_REASON_OK && usage->token_id != 0);
}

enum pn_err
pn_usage_next(struct pn_cursor *cur, struct pn_usage *out)
{
    struct pn_usage usage = {.count = 0};
    const uint8_t *secret, *address;
    uint8_t reason;

    if (pn_cursor_at_end(cur)) {
        return PN_E_NOT_FOUND;
    }
    usage.token_id = pn_cursor_u64(cur);
    secret = pn_cursor_bytes(cur, sizeof(usage.secret));
    reason = pn_cursor_u8(cur);
    usage.reporters = pn_cursor_u8(cur);
    usage.count = pn_cursor_u32(cur);
    usage.at = (int64_t) pn_cursor_u64(cur);
    address = pn_cursor_bytes(cur, sizeof(usage.address.bytes));
    usage.app = get_text(cur);
    usage.method = get_text(cur);
    usage.user = get_text(cur);
    usage.agent = get_text(cur);
    usage.path = get_text(cur);
    if (cur->bad || secret == NULL || address == NULL
        || reason >= PN_REASON_COUNT || usage.count == 0 || usage.at < 0
        || !reporters_ok(&usage, reason))
    {
        cur->bad = true;
        return PN_E_DAMAGED;
    }
    usage.reason = (enum pn_reason) reason;
    memcpy(usage.secret, secret, sizeof(usage.secret));
    memcpy(usage.address.bytes, address, sizeof(usage.address.bytes));
    *out = usage;
    return PN_OK;
}

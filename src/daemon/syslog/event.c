/* SPDX-License-Identifier: Apache-2.0 */
/* From an audit event to the bytes of a message. */
#include "daemon/syslog/event.h"

#include <string.h>

#include "base/str.h"

enum { SHORT_NAME = 64, DIGITS_MAX = 24 };

/* One attempt at fitting an event into a message. */
struct attempt {
    const struct pn_audit_event *event;
    const struct pn_syslog_receiver *receiver;
    const struct pn_syslog_origin *origin;
    struct pn_arena *arena;
    bool keeps_detail;
    size_t name_max; /* bytes of actor and subject */
};

/* --- the head ------------------------------------------------------------ */

/* What somebody should look at is a warning, what changed something a notice.
 */
static enum pn_syslog_severity
severity_of(const char *action)
{
    static const struct {
        const char *action;
        enum pn_syslog_severity severity;
    } rows[] = {
        {"session.refused", PN_SYSLOG_WARNING},
        {"token.superseded_used", PN_SYSLOG_WARNING},
        {"session.open", PN_SYSLOG_INFO},
        {"session.close", PN_SYSLOG_INFO},
    };

    for (size_t i = 0; i < PN_LEN(rows); i++) {
        if (strcmp(action, rows[i].action) == 0) {
            return rows[i].severity;
        }
    }
    return PN_SYSLOG_NOTICE;
}

/* The message in the receiver's form; false when it is too long. */
static bool
write_message(const struct pn_syslog_receiver *receiver,
              const struct pn_syslog_message *message, struct pn_buf *out)
{
    out->len = 0;
    out->full = false;
    if (receiver->place.kind == PN_SYSLOG_LOCAL) {
        pn_syslog_local(message, out);
    } else {
        pn_syslog_rfc5424(message, out);
    }
    return !out->full && out->len <= receiver->max_bytes;
}

static enum pn_err
new_buffer(const struct pn_syslog_receiver *receiver, struct pn_arena *arena,
           struct pn_buf *out)
{
    const size_t cap = (size_t) receiver->max_bytes + 1; /* printf's NUL */
    char *bytes = pn_arena_alloc(arena, cap);

    *out = (struct pn_buf){.ptr = bytes, .cap = cap};
    return bytes != NULL ? PN_OK : PN_E_NOMEM;
}

/* JSON leaves this one control character as it is. */
#define DEL         '\x7f'
#define DEL_ESCAPED "\\u007f"

static size_t
count_of(char c, struct pn_str text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == c;
    }
    return count;
}

static struct pn_str
without_del(struct pn_str text, struct pn_arena *arena)
{
    const size_t count = count_of(DEL, text);
    const size_t cap = text.len + count * sizeof(DEL_ESCAPED);
    struct pn_buf out = {.cap = cap};

    if (count == 0) {
        return text;
    }
    out.ptr = pn_arena_alloc(arena, cap);
    for (size_t i = 0; out.ptr != NULL && i < text.len; i++) {
        if (text.ptr[i] == DEL) {
            pn_buf_add_cstr(&out, DEL_ESCAPED);
        } else {
            pn_buf_add_char(&out, text.ptr[i]);
        }
    }
    return pn_buf_str(&out);
}

/* The document in printable ASCII; {NULL, 0} when it is longer than the message
 * may be, or is none. */
static struct pn_str
dumped(const json_t *doc, uint32_t max_bytes, struct pn_arena *arena)
{
    const size_t flags = JSON_COMPACT | JSON_ENSURE_ASCII;
    const size_t len = doc != NULL ? json_dumpb(doc, NULL, 0, flags) : 0;
    char *text = NULL;

    if (len > 0 && len <= max_bytes) {
        text = pn_arena_alloc(arena, len);
    }
    if (text == NULL) {
        return (struct pn_str){NULL, 0};
    }
    (void) json_dumpb(doc, text, len, flags);
    return without_del((struct pn_str){text, len}, arena);
}

/* --- fitting ------------------------------------------------------------- */

/* At most max bytes of text, without half a character. */
static struct pn_str
cut_name(const char *text, size_t max)
{
    struct pn_str name = pn_str_from(text);

    if (name.len <= max) {
        return name;
    }
    while (max > 0 && ((uint8_t) name.ptr[max] & 0xc0) == 0x80) {
        max--;
    }
    return (struct pn_str){name.ptr, max};
}

/* A name that does not fit becomes shorter, and "cut" says how long it was. */
static bool
shorten(json_t *doc, json_t *cut, const char *key, size_t max)
{
    const char *text = json_string_value(json_object_get(doc, key));
    const struct pn_str kept = cut_name(text != NULL ? text : "", max);

    if (text == NULL || kept.len == strlen(text)) {
        return true;
    }
    return json_object_set_new(cut, key,
                               json_integer((json_int_t) strlen(text)))
               == 0
           && json_object_set_new(doc, key, json_stringn(kept.ptr, kept.len))
                  == 0;
}

static bool
drop_detail(json_t *doc, json_t *cut)
{
    const size_t len = json_dumpb(json_object_get(doc, "detail"), NULL, 0,
                                  JSON_COMPACT | JSON_ENCODE_ANY);

    return json_object_set_new(cut, "detail", json_integer((json_int_t) len))
               == 0
           && json_object_del(doc, "detail") == 0;
}

/* The event without what this attempt leaves out; NULL = it cannot be had. */
static json_t *
reduced(const struct attempt *try)
{
    json_t *doc = pn_audit_to_json(try->event, try->arena);
    json_t *cut = json_object();
    bool good = doc != NULL && cut != NULL;

    if (good && !try->keeps_detail) {
        good = drop_detail(doc, cut);
    }
    good = good && shorten(doc, cut, "actor", try->name_max)
           && shorten(doc, cut, "subject", try->name_max);
    if (good && json_object_size(cut) > 0) {
        good = json_object_set(doc, "cut", cut) == 0;
    }
    json_decref(cut);
    return good ? doc : NULL;
}

static bool
write_attempt(const struct attempt *try, const json_t *doc, struct pn_buf *out)
{
    const struct pn_audit_event *event = try->event;
    char position[DIGITS_MAX], hash[2 * PN_HASH_LEN + 1];
    struct pn_buf digits = PN_BUF(position);

    pn_buf_add_u64(&digits, event->position);
    pn_hex(event->hash.bytes, PN_HASH_LEN, hash);
    const struct pn_syslog_message message = {
        .origin = try->origin,
        .severity = severity_of(event->action),
        .at = event->at,
        .id = event->action,
        .param = {{"position", pn_buf_str(&digits)},
                  {"hash", pn_str_from(hash)},
                  {"actor", cut_name(event->actor, try->name_max)},
                  {"subject", cut_name(event->subject, try->name_max)}},
        .param_count = 4,
        .text = dumped(doc, try->receiver->max_bytes, try->arena),
    };

    return message.text.len > 0 && write_message(try->receiver, &message, out);
}

/* What stays of an event that fits in no other way, or whose row holds bytes
 * that are no text: where it stands in the chain. */
static enum pn_err
write_place(const struct attempt *try, struct pn_buf *out)
{
    const struct pn_audit_event *event = try->event;
    struct pn_audit_event bare = {
        .position = event->position,
        .at = event->at,
        .hash = event->hash,
    };
    char nothing[] = "", empty[] = "{}";
    struct attempt last = *try;

    bare.actor = bare.actor_kind = bare.action = bare.subject = nothing;
    bare.personal = bare.address = bare.request_id = nothing;
    bare.detail = empty;
    last.event = &bare;

    json_t *doc = pn_audit_to_json(&bare, try->arena);

    if (doc == NULL
        || json_object_set_new(doc, "cut", json_pack("{s:b}", "all", 1)) != 0
        || !write_attempt(&last, doc, out))
    {
        return PN_E_NOMEM;
    }
    return PN_OK;
}

enum pn_err
pn_syslog_event(const struct pn_audit_event *event,
                const struct pn_syslog_receiver *receiver,
                const struct pn_syslog_origin *origin, struct pn_arena *arena,
                struct pn_str *out)
{
    static const struct {
        bool keeps_detail;
        size_t name_max;
    } ways[] = {{true, SIZE_MAX}, {false, SIZE_MAX}, {false, SHORT_NAME}};
    struct attempt try = {
        .event = event, .receiver = receiver, .origin = origin, .arena = arena};
    struct pn_buf buf;
    enum pn_err err = new_buffer(receiver, arena, &buf);
    bool fits = false;

    for (size_t i = 0; err == PN_OK && !fits && i < PN_LEN(ways); i++) {
        try.keeps_detail = ways[i].keeps_detail;
        try.name_max = ways[i].name_max;
        fits = write_attempt(&try, reduced(&try), &buf);
    }
    if (err == PN_OK && !fits) {
        err = write_place(&try, &buf);
    }
    if (err == PN_OK) {
        *out = pn_buf_str(&buf);
    }
    return err;
}

/* --- notes --------------------------------------------------------------- */

enum pn_err
pn_syslog_note(const struct pn_syslog_note *note, int64_t at,
               const struct pn_syslog_receiver *receiver,
               const struct pn_syslog_origin *origin, struct pn_arena *arena,
               struct pn_str *out)
{
    const json_t *doc = pn_json_defer(
        arena, json_pack("{s:s, s:I, s:I, s:s}", "note", note->id, "from",
                         (json_int_t) note->from, "to", (json_int_t) note->to,
                         "because", note->because));
    const struct pn_syslog_message message = {
        .origin = origin,
        .severity = PN_SYSLOG_WARNING,
        .at = at,
        .id = note->id,
        .text = dumped(doc, receiver->max_bytes, arena),
    };
    struct pn_buf buf;
    enum pn_err err = new_buffer(receiver, arena, &buf);

    if (err == PN_OK
        && (message.text.len == 0 || !write_message(receiver, &message, &buf)))
    {
        err = PN_E_NOMEM;
    }
    if (err == PN_OK) {
        *out = pn_buf_str(&buf);
    }
    return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever an event holds, its message keeps to the limit, is one line, and its
 * structured data and JSON can be read back.
 */
#include "base/json.h"
#include "daemon/syslog/event.h"
#include "property.h"

enum { PARTS = 4, FIELDS = 6 };

/* Texts of an event, cut from the input at line ends; NUL ends one. */
static void
cut_parts(struct pn_str text, struct pn_arena *arena, char *out[PARTS])
{
    for (int i = 0; i < PARTS; i++) {
        struct pn_str head = text, rest = {"", 0};

        if (i < PARTS - 1) {
            (void) pn_str_cut(text, '\n', &head, &rest);
        }
        out[i] = pn_arena_dup(arena, head);
        property(out[i] != NULL);
        text = rest;
    }
}

/* From behind '=' and its quote to behind the closing one (RFC 5424, 6.3.3). */
static const char *
skip_value(const char *at, const char *end)
{
    while (at < end && *at != '"') {
        property(*at != ']');
        if (*at == '\\') {
            at++;
            property(at < end && (*at == '"' || *at == '\\' || *at == ']'));
        }
        at++;
    }
    property(at < end);
    return at + 1;
}

/* Of the element that is ours; returns where it ends. */
static const char *
check_data(struct pn_str message)
{
    const struct pn_str head =
        PN_STR("[origin software=\"postern\" swVersion=\"" PN_VERSION
               "\"][postern@1 ");
    const char *end = message.ptr + message.len, *at = message.ptr;

    for (int blanks = 0; blanks < FIELDS; at++) {
        property(at < end);
        blanks += *at == ' ';
    }
    property(pn_str_starts((struct pn_str){at, (size_t) (end - at)}, head));
    at += head.len - 1;
    while (at < end && *at == ' ') {
        const char *quote = memchr(at, '"', (size_t) (end - at));

        property(quote != NULL);
        property(at < quote && *(quote - 1) == '=');
        at = skip_value(quote + 1, end);
    }
    property(at + 1 < end && at[0] == ']' && at[1] == ' ');
    return at + 2;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pn_syslog_origin origin = {
        .host = "h", .pid = 1, .facility = 10, .enterprise = 1};
    const struct pn_syslog_receiver receiver = {
        .place = {.kind = PN_SYSLOG_TCP}, .max_bytes = PN_SYSLOG_MESSAGE_MIN};
    struct pn_arena *arena = pn_arena_new(16 << 20);
    struct pn_audit_event event = {.position = 7, .at = 1800000000};
    struct pn_str message;
    char *part[PARTS], nothing[] = "";
    json_t *doc = NULL;

    if (arena == NULL || size > 1 << 16) {
        pn_arena_free(arena);
        return 0;
    }
    cut_parts(input(data, size), arena, part);
    event.actor = part[0];
    event.subject = part[1];
    event.action = part[2];
    event.detail = part[3];
    event.actor_kind = event.personal = event.address = nothing;
    event.request_id = nothing;
    property(pn_syslog_event(&event, &receiver, &origin, arena, &message)
             == PN_OK);
    property(message.len <= receiver.max_bytes);
    property(!pn_str_has_control(message) && pn_str_is_utf8(message));

    const char *json = check_data(message);
    const struct pn_str text = {json,
                                (size_t) (message.ptr + message.len - json)};

    property(pn_str_is_printable(text));
    property(pn_json_parse(text, &doc, NULL, 0) == PN_OK);
    property(json_integer_value(json_object_get(doc, "position")) == 7);
    json_decref(doc);
    pn_arena_free(arena);
    return 0;
}

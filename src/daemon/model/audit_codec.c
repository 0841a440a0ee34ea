/* SPDX-License-Identifier: Apache-2.0 */
/* Audit events, and the report of a check, as callers see them. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "daemon/model/parts.h"

enum { HEX_LEN = 2 * PN_HASH_LEN };

/* What stands only in more, or in objects of both, goes into doc. */
static bool
merge(json_t *doc, json_t *more)
{
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach(more, key, value)
    {
        json_t *present = json_object_get(doc, key);

        if (json_is_object(present) && json_is_object(value)
                ? json_object_update_missing(present, value) != 0
                : present == NULL && json_object_set(doc, key, value) != 0)
        {
            return false;
        }
    }
    return true;
}

/* A detail is a JSON object; one that is not is shown as it is. */
static json_t *
parsed(const char *text)
{
    json_t *value = NULL;

    if (pn_json_parse(pn_str_from(text), &value, NULL, 0) != PN_OK) {
        value = pn_part_text_json(text);
    }
    return value;
}

static json_t *
detail_json(const struct pn_audit_event *event)
{
    json_t *detail = parsed(event->detail), *personal;

    if (event->personal == NULL || event->personal[0] == '\0'
        || !json_is_object(detail))
    {
        return detail;
    }
    personal = parsed(event->personal);
    if (!merge(detail, personal)) {
        json_decref(detail);
        detail = NULL;
    }
    json_decref(personal);
    return detail;
}

/* Which members show a pseudonym, or lack what they had. */
static bool
add_erased(json_t *doc, const struct pn_audit_event *event)
{
    json_t *list = json_array();
    bool good = list != NULL;

    if (event->erased_actor) {
        good = good && json_array_append_new(list, json_string("actor")) == 0
               && json_array_append_new(list, json_string("address")) == 0;
    }
    if (event->erased_subject) {
        good = good && json_array_append_new(list, json_string("subject")) == 0;
    }
    if (event->erased_detail) {
        good = good && json_array_append_new(list, json_string("detail")) == 0;
    }
    good = good && json_object_set(doc, "erased", list) == 0;
    json_decref(list);
    return good;
}

json_t *
pn_audit_to_json(const struct pn_audit_event *event, struct pn_arena *arena)
{
    char hex[HEX_LEN + 1];
    json_t *doc;

    pn_hex(event->hash.bytes, PN_HASH_LEN, hex);
    doc = pn_json_defer(
        arena,
        json_pack("{s:I, s:o, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s}",
                  "position", (json_int_t) event->position, "at",
                  pn_part_instant_json(event->at), "actor", event->actor,
                  "actor_kind", event->actor_kind, "action", event->action,
                  "subject", event->subject, "detail", detail_json(event),
                  "address", pn_part_text_json(event->address), "request_id",
                  pn_part_text_json(event->request_id), "hash", hex));
    if (doc != NULL
        && (event->erased_actor || event->erased_subject
            || event->erased_detail)
        && !add_erased(doc, event))
    {
        return NULL;
    }
    return doc;
}

/* --- checkpoints --------------------------------------------------------- */

enum pn_err
pn_audit_mark_parse(struct pn_str text, struct pn_audit_mark *out)
{
    struct pn_audit_mark mark = {0};
    struct pn_str hex, number;

    if (text.len > PN_AUDIT_MARK_LEN || !pn_str_cut(text, '@', &hex, &number)
        || hex.len != HEX_LEN || number.len == 0 || number.len > 18
        || number.ptr[0] == '0')
    {
        return PN_E_SYNTAX;
    }
    for (size_t i = 0; i < PN_HASH_LEN; i++) {
        int high = pn_hex_value(hex.ptr[2 * i]);
        int low = pn_hex_value(hex.ptr[2 * i + 1]);

        if (high < 0 || low < 0) {
            return PN_E_SYNTAX;
        }
        mark.hash.bytes[i] = (uint8_t) (high << 4 | low);
    }
    for (size_t i = 0; i < number.len; i++) {
        if (number.ptr[i] < '0' || number.ptr[i] > '9') {
            return PN_E_SYNTAX;
        }
        mark.position = mark.position * 10 + (uint64_t) (number.ptr[i] - '0');
    }
    *out = mark;
    return PN_OK;
}

void
pn_audit_mark_format(const struct pn_audit_mark *mark,
                     char out[PN_AUDIT_MARK_LEN + 1])
{
    pn_hex(mark->hash.bytes, PN_HASH_LEN, out);
    (void) snprintf(out + HEX_LEN, PN_AUDIT_MARK_LEN + 1 - HEX_LEN, "@%llu",
                    (unsigned long long) mark->position);
}

/* --- the check ----------------------------------------------------------- */

static const char *
because(const char *why)
{
    static const char *const words[][2] = {
        {"missing", "an event is missing"},
        {"changed", "the event was changed, or stands in another's place"},
        {"head", "the end of the chain was moved"},
        {"erased", "something was erased without an act that says so"},
        {"checkpoint", "the event is not the one of the checkpoint"},
        {"upgrade", "events were cut off before the upgrade"},
    };

    for (size_t i = 0; why != NULL && i < PN_LEN(words); i++) {
        if (strcmp(words[i][0], why) == 0) {
            return words[i][1];
        }
    }
    return why;
}

static json_t *
mark_json(const struct pn_audit_mark *mark)
{
    char text[PN_AUDIT_MARK_LEN + 1];

    if (mark->position == 0) {
        return json_null();
    }
    pn_audit_mark_format(mark, text);
    return json_string(text);
}

json_t *
pn_audit_check_to_json(const struct pn_audit_check *check,
                       struct pn_arena *arena)
{
    const bool ok = check->bad == 0;

    return pn_json_defer(
        arena,
        json_pack(
            "{s:b, s:I, s:I, s:I, s:o, s:s?, s:s?, s:o, s:o}", "ok", ok, "from",
            (json_int_t) check->from, "to", (json_int_t) check->at.position,
            "checked", (json_int_t) check->checked, "first_bad",
            ok ? json_null() : json_integer((json_int_t) check->bad), "why",
            check->why, "because", because(check->why), "checkpoint",
            ok && check->done ? mark_json(&check->head) : json_null(),
            "next_cursor", check->done ? json_null() : mark_json(&check->at)));
}

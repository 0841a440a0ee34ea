/* SPDX-License-Identifier: Apache-2.0 */
/* Address rules, patterns and names inside documents. */
#include "daemon/model/parts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/datetime.h"
#include "base/str.h"

enum { V4_OFFSET = 96, RANGE_TEXT_MAX = 64 };

/* --- address rules ------------------------------------------------------- */

/* "10.0.0.1/8" -> "10.0.0.0/8"; false when text has no such reading. */
static bool
/* NOLINTNEXTLINE(readability-non-const-parameter): written through buf */
round_down(struct pn_str text, char out[RANGE_TEXT_MAX])
{
    struct pn_buf buf = {.ptr = out, .cap = RANGE_TEXT_MAX};
    struct pn_str address, digits;
    struct pn_iprange range;
    unsigned bits = 0;

    if (!pn_str_cut(text, '/', &address, &digits) || digits.len == 0
        || digits.len > 3 || pn_ip_parse(address, &range.net) != PN_OK)
    {
        return false;
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (!isdigit((unsigned char) digits.ptr[i])) {
            return false;
        }
        bits = bits * 10 + (unsigned) (digits.ptr[i] - '0');
    }
    bits += pn_str_find(address, ':') == address.len ? V4_OFFSET : 0;
    if (bits > 128) {
        return false;
    }
    for (unsigned bit = bits; bit < 128; bit++) {
        range.net.bytes[bit / 8] &= (uint8_t) ~(0x80U >> (bit % 8));
    }
    range.prefix = (uint8_t) bits;
    pn_iprange_format(&range, &buf);
    return pn_buf_cstr(&buf) != NULL;
}

static void
range_of(const struct pn_doc *item, const char *key, const char *text,
         struct pn_iprange *out)
{
    struct pn_str trimmed = pn_str_trim(pn_str_from(text));
    enum pn_err err = pn_iprange_parse(trimmed, out);
    const char *shown = pn_doc_clip(item, text);
    char better[RANGE_TEXT_MAX];

    if (err == PN_E_RANGE && round_down(trimmed, better)) {
        pn_doc_bad(item, key, "host_bits",
                   "\"%s\" has bits set beyond its prefix. Write \"%s\" for "
                   "that network, or leave out \"/…\" for the one address.",
                   shown, better);
    } else if (err != PN_OK) {
        pn_doc_bad(item, key, "invalid_range",
                   "\"%s\" is not an IP range. Example: 10.0.0.0/8 or "
                   "2001:db8::/32.",
                   shown);
    }
}

/* "10.0.0.0/8" or {"range", "note"}. */
static void
entry_of(const struct pn_doc *item, struct pn_ip_entry *out)
{
    static const char *const names[] = {"range", "note", NULL};
    static const char *const none[] = {NULL};
    static const struct pn_doc_text note = {
        .what = "note", .max = PN_NOTE_MAX, .null = PN_NULL_IS_ZERO};
    static char no_note[] = "";
    const char *text = json_string_value(item->obj);

    out->note = no_note;
    if (text != NULL) {
        range_of(item, "", text, &out->range);
        return;
    }
    if (!json_is_object(item->obj)) {
        pn_doc_bad(item, "", "invalid_type",
                   "An entry must be a range in quotes, or an object with "
                   "\"range\" and \"note\".");
        return;
    }
    pn_doc_known(item, names, none);
    pn_doc_text(item, "note", &note, &out->note);
    text = json_string_value(json_object_get(item->obj, "range"));
    if (text == NULL) {
        pn_doc_bad(item, "range", "required",
                   "Enter a range, for example 10.0.0.0/8.");
        return;
    }
    range_of(item, "range", text, &out->range);
}

static void
entries_of(const struct pn_doc *doc, const char *key, struct pn_ip_entry **out,
           uint16_t *count)
{
    json_t *array = pn_doc_array(doc, key, PN_IPRANGES_MAX);
    struct pn_ip_entry *entry;
    json_t *value;
    size_t i;

    if (array == NULL || json_array_size(array) == 0) {
        return;
    }
    entry = pn_doc_alloc(doc, json_array_size(array), sizeof(*entry));
    if (entry == NULL) {
        return;
    }
    json_array_foreach(array, i, value)
    {
        struct pn_doc item = pn_doc_at(doc, key, i, value);

        entry_of(&item, &entry[i]);
    }
    *out = entry;
    *count = (uint16_t) json_array_size(array);
}

void
pn_part_ip(const struct pn_doc *doc, const char *key, enum pn_ip_place place,
           struct pn_ip_policy *out)
{
    static const char *const names[] = {"mode", "default", "allow", "deny",
                                        NULL};
    static const char *const none[] = {NULL};
    struct pn_ip_policy ip = {.present = true};
    unsigned mode = PN_IP_DEFAULT_DENY, report = PN_IP_ENFORCE;
    struct pn_doc rules;

    if (pn_doc_is_null(doc, key)) {
        *out = (struct pn_ip_policy){0};
        return;
    }
    if (!pn_doc_child(doc, key, &rules)) {
        return;
    }
    pn_doc_known(&rules, place == PN_IP_OF_RULES ? names : names + 1, none);
    if (place == PN_IP_OF_RULES) {
        pn_doc_word(&rules, "mode", pn_words_ip_report, &report);
    }
    pn_doc_word(&rules, "default", pn_words_ipmode, &mode);
    entries_of(&rules, "allow", &ip.allow, &ip.allow_count);
    entries_of(&rules, "deny", &ip.deny, &ip.deny_count);
    ip.report = (enum pn_ip_report) report;
    ip.mode = (enum pn_ipmode) mode;
    if (ip.mode == PN_IP_DEFAULT_DENY && ip.allow_count == 0
        && json_array_size(json_object_get(rules.obj, "allow")) == 0)
    {
        pn_doc_bad(&rules, "allow", "nothing_allowed",
                   "With \"default\": \"deny\" and no entry in \"allow\" no "
                   "address could get in. Add a range to \"allow\", or set "
                   "\"default\" to \"allow\".");
    }
    *out = ip;
}

static json_t *
entries_json(const struct pn_ip_entry *entry, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        char text[RANGE_TEXT_MAX];
        struct pn_buf buf = PN_BUF(text);

        pn_iprange_format(&entry[i].range, &buf);
        if (json_array_append_new(array, json_pack("{s:s, s:s}", "range",
                                                   pn_buf_cstr(&buf), "note",
                                                   entry[i].note))
            != 0)
        {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *
pn_part_ip_json(const struct pn_ip_policy *ip, enum pn_ip_place place)
{
    json_t *allow, *deny;

    if (!ip->present) {
        return json_null();
    }
    allow = entries_json(ip->allow, ip->allow_count);
    deny = entries_json(ip->deny, ip->deny_count);
    return json_pack(
        "{s:s*, s:s, s:o, s:o}", "mode",
        place == PN_IP_OF_RULES ? pn_words_ip_report[ip->report] : NULL,
        "default", pn_words_ipmode[ip->mode], "allow", allow, "deny", deny);
}

/* --- patterns and names -------------------------------------------------- */

static void
check_pattern(const struct pn_doc *item, const char *text)
{
    struct pn_pathpat pattern;
    size_t at = 0;
    enum pn_err err = pn_pathpat_parse(pn_str_from(text), &pattern, &at);

    if (err == PN_OK) {
        return;
    }
    if (err == PN_E_TOO_LONG) {
        pn_doc_bad(item, "", "too_long",
                   "The pattern is too long. At most %d bytes are possible.",
                   PN_PATHPAT_MAX);
        return;
    }
    pn_doc_bad(item, "", "invalid_pattern",
               "\"%s\" is not a path pattern (look at character %zu). "
               "Examples: /rest/**, /projects/*, GET,HEAD /files/**.",
               pn_doc_clip(item, text), at + 1);
}

void
pn_part_patterns(const struct pn_doc *doc, const char *key,
                 const struct pn_doc_list *rule, struct pn_text_list *out)
{
    struct pn_doc_list patterns = *rule;
    struct pn_text_list list = *out;
    size_t bytes = 0;

    patterns.text = (struct pn_doc_text){
        .what = "path pattern", .min = 1, .max = UINT16_MAX};
    patterns.max = PN_PATHPATS_MAX;
    patterns.check = check_pattern;
    pn_doc_list(doc, key, &patterns, &list);
    for (size_t i = 0; i < list.count; i++) {
        bytes += strlen(list.item[i]);
    }
    if (bytes > PN_PATTERN_BYTES_MAX) {
        pn_doc_bad(doc, key, "too_long",
                   "The patterns have %zu bytes together. At most %d are "
                   "possible.",
                   bytes, PN_PATTERN_BYTES_MAX);
    }
    *out = list;
}

void
pn_part_check_app_name(const struct pn_doc *item, const char *text)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    if (text[strspn(text, alphabet)] != '\0' || text[0] == '.'
        || text[0] == '-') {
        pn_doc_bad(item, "", "invalid_name",
                   "An app's name stands in nginx's configuration: use "
                   "letters, digits, \".\", \"_\" and \"-\", and begin with a "
                   "letter, a digit or \"_\".");
    }
}

void
pn_part_check_group_name(const struct pn_doc *item, const char *text)
{
    /* The groups header separates names by commas. */
    if (strchr(text, ',') != NULL) {
        pn_doc_bad(item, "", "invalid_name",
                   "A group's name cannot hold a comma, which separates "
                   "groups in the header that applications read.");
    }
}

/* --- writing ------------------------------------------------------------- */

json_t *
pn_part_texts_json(char *const *item, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(array, json_string(item[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *
pn_part_list_json(const struct pn_text_list *list)
{
    return list->present ? pn_part_texts_json(list->item, list->count)
                         : json_null();
}

json_t *
pn_part_instant_json(int64_t at)
{
    char text[PN_DATETIME_LEN + 1];

    if (at == 0 || pn_datetime_format(at, text) != PN_OK) {
        return json_null();
    }
    return json_string(text);
}

json_t *
pn_part_number_json(uint32_t value)
{
    return value == 0 ? json_null() : json_integer(value);
}

json_t *
pn_part_text_json(const char *text)
{
    return text == NULL || text[0] == '\0' ? json_null() : json_string(text);
}

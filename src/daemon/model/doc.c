/* SPDX-License-Identifier: Apache-2.0 */
/* Members of JSON objects, checked one by one. */
#include "daemon/model/doc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/datetime.h"
#include "base/str.h"

enum { CLIP_MAX = 64, NEAR_MAX = 40 };

void *
pn_doc_alloc(const struct pn_doc *doc, size_t count, size_t size)
{
    void *mem = pn_arena_array(doc->run->arena, count, size);

    if (mem == NULL) {
        doc->run->no_memory = true;
    }
    return mem;
}

const char *
pn_doc_clip(const struct pn_doc *doc, const char *text)
{
    size_t len = strlen(text);
    char *copy;

    if (len <= CLIP_MAX) {
        return text;
    }
    len = CLIP_MAX;
    while (len > 0 && ((unsigned char) text[len] & 0xc0) == 0x80) {
        len--; /* stand on the first byte of a character */
    }
    copy = pn_arena_printf(doc->run->arena, "%.*s…", (int) len, text);
    return copy == NULL ? "…" : copy;
}

/* The JSON Pointer of a member (RFC 6901: "~" and "/" are escaped). */
static const char *
pointer_of(const struct pn_doc *doc, const char *key)
{
    size_t len = strlen(doc->at) + 2 * strlen(key) + 2;
    char *text = pn_doc_alloc(doc, len, 1);
    struct pn_buf buf = {.ptr = text, .cap = len};

    if (text == NULL) {
        return "";
    }
    pn_buf_add_cstr(&buf, doc->at);
    if (key[0] != '\0') {
        pn_buf_add_char(&buf, '/');
    }
    for (const char *c = key; *c != '\0'; c++) {
        if (*c == '~' || *c == '/') {
            pn_buf_add_cstr(&buf, *c == '~' ? "~0" : "~1");
        } else {
            pn_buf_add_char(&buf, *c);
        }
    }
    return text; /* zeroed memory ends it */
}

void
pn_doc_bad(const struct pn_doc *doc, const char *key, const char *code,
           const char *format, ...)
{
    char detail[512];
    va_list ap;

    va_start(ap, format);
    if (vsnprintf(detail, sizeof(detail), format, ap) < 0) {
        detail[0] = '\0';
    }
    va_end(ap);
    pn_fault_field_add(doc->run->fault, doc->run->arena,
                       pointer_of(doc, pn_doc_clip(doc, key)), code, "%s",
                       detail);
}

bool
pn_doc_begin(struct pn_doc_run *run, json_t *value, struct pn_doc *out)
{
    *out = (struct pn_doc){.run = run, .obj = value, .at = ""};
    if (!json_is_object(value)) {
        pn_doc_bad(out, "", "invalid_type",
                   "The document must be an object in braces: {…}.");
        return false;
    }
    return true;
}

enum pn_err
pn_doc_verdict(const struct pn_doc_run *run)
{
    if (run->no_memory) {
        return PN_E_NOMEM;
    }
    return run->fault->status != 0 ? PN_E_RANGE : PN_OK;
}

/* --- unknown members ----------------------------------------------------- */

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;

    return least < c ? least : c;
}

/* Letters to insert, delete or replace; texts of at most NEAR_MAX bytes. */
static unsigned
distance(const char *a, const char *b)
{
    unsigned row[NEAR_MAX + 1];
    size_t b_len = strlen(b);

    for (unsigned j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (unsigned i = 1; a[i - 1] != '\0'; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned above = row[j];

            row[j] = min3(above + 1, row[j - 1] + 1,
                          diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}

const char *
pn_doc_nearest(const char *text, const char *const *words)
{
    const char *best = NULL;
    unsigned best_distance = 4;

    if (strlen(text) > NEAR_MAX) {
        return NULL;
    }
    for (; *words != NULL; words++) {
        unsigned d =
            strlen(*words) > NEAR_MAX ? NEAR_MAX : distance(text, *words);

        if (d < best_distance && 2 * (size_t) d < strlen(*words)) {
            best = *words;
            best_distance = d;
        }
    }
    return best;
}

static bool
among(const char *text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(text, *words) == 0) {
            return true;
        }
    }
    return false;
}

void
pn_doc_known(const struct pn_doc *doc, const char *const *names,
             const char *const *read_only)
{
    const char *key;
    json_t *value;

    json_object_foreach(doc->obj, key, value)
    {
        const char *near;

        if (among(key, names) || among(key, read_only)) {
            continue;
        }
        near = pn_doc_nearest(key, names);
        if (near != NULL) {
            pn_doc_bad(doc, key, "unknown_field",
                       "There is no field \"%s\". Did you mean \"%s\"?",
                       pn_doc_clip(doc, key), near);
        } else {
            pn_doc_bad(doc, key, "unknown_field",
                       "There is no field \"%s\". Leave it out.",
                       pn_doc_clip(doc, key));
        }
    }
}

/* --- single values ------------------------------------------------------- */

bool
pn_doc_has(const struct pn_doc *doc, const char *key)
{
    return json_object_get(doc->obj, key) != NULL;
}

uint32_t
pn_doc_given(const struct pn_doc *doc, const struct pn_doc_field *fields)
{
    uint32_t given = 0;

    for (; fields->name != NULL; fields++) {
        given |= pn_doc_has(doc, fields->name) ? fields->bit : 0;
    }
    return given;
}

bool
pn_doc_is_null(const struct pn_doc *doc, const char *key)
{
    return json_is_null(json_object_get(doc->obj, key));
}

void
pn_doc_bool(const struct pn_doc *doc, const char *key, bool *out)
{
    json_t *value = json_object_get(doc->obj, key);

    if (value == NULL) {
        return;
    }
    if (!json_is_boolean(value)) {
        pn_doc_bad(doc, key, "invalid_type",
                   "\"%s\" must be true or false, without quotes.", key);
        return;
    }
    *out = json_is_true(value);
}

void
pn_doc_number(const struct pn_doc *doc, const char *key,
              const struct pn_doc_limits *limits, uint32_t *out)
{
    json_t *value = json_object_get(doc->obj, key);
    const char *or_null =
        limits->null == PN_NULL_IS_ZERO ? ", or null for no limit" : "";

    if (value == NULL) {
        return;
    }
    if (json_is_null(value) && limits->null == PN_NULL_IS_ZERO) {
        *out = 0;
    } else if (!json_is_integer(value)) {
        pn_doc_bad(doc, key, "invalid_type",
                   "\"%s\" must be a whole number from %u to %u%s.", key,
                   limits->min, limits->max, or_null);
    } else if (json_integer_value(value) < limits->min
               || json_integer_value(value) > limits->max)
    {
        pn_doc_bad(doc, key, "out_of_range",
                   "\"%s\" is %lld. Enter a number from %u to %u%s.", key,
                   (long long) json_integer_value(value), limits->min,
                   limits->max, or_null);
    } else {
        *out = (uint32_t) json_integer_value(value);
    }
}

/* "a", "b" or "c" */
static void
add_choices(struct pn_buf *buf, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (i > 0) {
            pn_buf_add_cstr(buf, words[i + 1] == NULL ? " or " : ", ");
        }
        pn_buf_addf(buf, "\"%s\"", words[i]);
    }
}

void
pn_doc_word(const struct pn_doc *doc, const char *key, const char *const *words,
            unsigned *out)
{
    const char *text = json_string_value(json_object_get(doc->obj, key));
    char choices[256];
    struct pn_buf buf = PN_BUF(choices);

    if (!pn_doc_has(doc, key)) {
        return;
    }
    for (unsigned i = 0; text != NULL && words[i] != NULL; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i;
            return;
        }
    }
    add_choices(&buf, words);
    pn_doc_bad(doc, key, text == NULL ? "invalid_type" : "invalid_value",
               "\"%s\" must be %s.", key, pn_buf_cstr(&buf));
}

void
pn_doc_instant(const struct pn_doc *doc, const char *key, enum pn_doc_null null,
               int64_t *out)
{
    json_t *value = json_object_get(doc->obj, key);
    const char *text = json_string_value(value);

    if (value == NULL) {
        return;
    }
    if (json_is_null(value) && null == PN_NULL_IS_ZERO) {
        *out = 0;
        return;
    }
    if (text == NULL || pn_datetime_parse(pn_str_from(text), out) != PN_OK) {
        pn_doc_bad(doc, key, text == NULL ? "invalid_type" : "invalid_instant",
                   "\"%s\" must be a date and time such as "
                   "\"2027-02-23T22:59:59Z\"%s.",
                   key, null == PN_NULL_IS_ZERO ? ", or null" : "");
    }
}

/* --- texts --------------------------------------------------------------- */

static bool
bad_control(const char *text, enum pn_doc_lines lines)
{
    for (const char *c = text; *c != '\0'; c++) {
        bool line_mark = *c == '\n' || *c == '\t' || *c == '\r';

        if (((unsigned char) *c < 0x20 || *c == 0x7f)
            && !(line_mark && lines == PN_MANY_LINES))
        {
            return true;
        }
    }
    return false;
}

/* Checks value as the member key of doc; NULL, with a fault, if it fails. */
static char *
checked_text(const struct pn_doc *doc, const char *key, json_t *value,
             const struct pn_doc_text *rule)
{
    struct pn_str text = pn_str_from(json_string_value(value));
    char *copy;

    if (text.ptr == NULL) {
        pn_doc_bad(doc, key, "invalid_type", "The %s must be a text in quotes.",
                   rule->what);
        return NULL;
    }
    text = pn_str_trim(text);
    if (text.len == 0 && rule->min > 0) {
        pn_doc_bad(doc, key, "required", "Enter a %s.", rule->what);
        return NULL;
    }
    if (text.len < rule->min || text.len > rule->max) {
        pn_doc_bad(doc, key, text.len < rule->min ? "too_short" : "too_long",
                   "The %s has %zu bytes. Enter %u to %u.", rule->what,
                   text.len, rule->min, rule->max);
        return NULL;
    }
    copy = pn_arena_dup(doc->run->arena, text);
    if (copy == NULL) {
        doc->run->no_memory = true;
        return NULL;
    }
    if (!pn_str_is_utf8(text) || bad_control(copy, rule->lines)) {
        pn_doc_bad(doc, key, "invalid_character",
                   "The %s holds a control character. Remove it.", rule->what);
        return NULL;
    }
    return copy;
}

void
pn_doc_text(const struct pn_doc *doc, const char *key,
            const struct pn_doc_text *rule, char **out)
{
    static char none[] = "";
    json_t *value = json_object_get(doc->obj, key);
    char *text;

    if (value == NULL) {
        return;
    }
    if (json_is_null(value) && rule->null == PN_NULL_IS_ZERO) {
        *out = none;
        return;
    }
    text = checked_text(doc, key, value, rule);
    if (text != NULL) {
        *out = text;
    }
}

/* --- objects and lists --------------------------------------------------- */

bool
pn_doc_child(const struct pn_doc *doc, const char *key, struct pn_doc *out)
{
    json_t *value = json_object_get(doc->obj, key);

    if (value == NULL || json_is_null(value)) {
        return false;
    }
    if (!json_is_object(value)) {
        pn_doc_bad(doc, key, "invalid_type",
                   "\"%s\" must be an object in braces: {…}.", key);
        return false;
    }
    *out = (struct pn_doc){doc->run, value, pointer_of(doc, key)};
    return true;
}

json_t *
pn_doc_array(const struct pn_doc *doc, const char *key, size_t max)
{
    json_t *value = json_object_get(doc->obj, key);

    if (value == NULL) {
        return NULL;
    }
    if (!json_is_array(value)) {
        pn_doc_bad(doc, key, "invalid_type",
                   "\"%s\" must be a list in brackets: […].", key);
        return NULL;
    }
    if (json_array_size(value) > max) {
        pn_doc_bad(doc, key, "too_many",
                   "\"%s\" has %zu entries. At most %zu are possible.", key,
                   json_array_size(value), max);
        return NULL;
    }
    return value;
}

struct pn_doc
pn_doc_at(const struct pn_doc *doc, const char *key, size_t index, json_t *item)
{
    const char *at =
        pn_arena_printf(doc->run->arena, "%s/%zu", pointer_of(doc, key), index);

    if (at == NULL) {
        doc->run->no_memory = true;
        at = "";
    }
    return (struct pn_doc){doc->run, item, at};
}

static bool
listed_before(const struct pn_text_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->item[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* Append one item; a fault if it is wrong or there already. */
static void
list_item(const struct pn_doc *item, const struct pn_doc_list *rule,
          struct pn_text_list *list)
{
    char *text = checked_text(item, "", item->obj, &rule->text);

    if (text == NULL) {
        return;
    }
    if (listed_before(list, text)) {
        pn_doc_bad(item, "", "duplicate",
                   "\"%s\" stands in the list twice. Remove one.",
                   pn_doc_clip(item, text));
        return;
    }
    if (rule->check != NULL) {
        rule->check(item, text);
    }
    list->item[list->count++] = text;
}

void
pn_doc_list(const struct pn_doc *doc, const char *key,
            const struct pn_doc_list *rule, struct pn_text_list *out)
{
    struct pn_text_list list = {.present = true};
    json_t *array, *value;
    size_t i;

    if (rule->null == PN_NULL_IS_ZERO && pn_doc_is_null(doc, key)) {
        *out = (struct pn_text_list){0};
        return;
    }
    array = pn_doc_array(doc, key, rule->max);
    if (array == NULL) {
        return;
    }
    if (json_array_size(array) == 0 && rule->empty == PN_EMPTY_REFUSED) {
        pn_doc_bad(doc, key, "empty_list",
                   rule->null == PN_NULL_IS_ZERO
                       ? "\"%s\" is empty, which would allow nothing. Add a "
                         "%s, or use null for no restriction."
                       : "\"%s\" is empty, which would allow nothing. Add a "
                         "%s.",
                   key, rule->text.what);
        return;
    }
    list.item = pn_doc_alloc(doc, json_array_size(array), sizeof(char *));
    if (list.item == NULL) {
        return;
    }
    json_array_foreach(array, i, value)
    {
        struct pn_doc item = pn_doc_at(doc, key, i, value);

        list_item(&item, rule, &list);
    }
    *out = list;
}

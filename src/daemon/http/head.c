/* SPDX-License-Identifier: Apache-2.0 */
/* The strict check of a request head, and the parts of a target. */
#include "daemon/http/head.h"

#include <string.h>

#include "base/str.h"
#include "daemon/http/http.h"

#define WRONG(s, c, d) ((struct pn_http_wrong){(s), (c), (d)})

/* --- fields -------------------------------------------------------------- */

/* RFC 9110 section 5.6.2 */
static bool
is_token(struct pn_str text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || (c != '\0' && strchr(others, c) != NULL)))
        {
            return false;
        }
    }
    return text.len > 0;
}

/* Field values: no control bytes but tab. */
static bool
is_value(struct pn_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t) text.ptr[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Visible ASCII, as RFC 9112 section 3.2 has it (and no "#"). */
static bool
is_target(struct pn_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t) text.ptr[i];

        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\') {
            return false;
        }
    }
    return text.len > 0 && text.ptr[0] == '/';
}

/* A name or address with an optional port, and nothing that could end it. */
static bool
is_host(struct pn_str text)
{
    static const char others[] = "-._~[]:%";

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || (c != '\0' && strchr(others, c) != NULL)))
        {
            return false;
        }
    }
    return text.len > 0 && text.len <= 255;
}

const struct pn_http_field *
pn_http_field_find(const struct pn_http_field *field, size_t count,
                   struct pn_str name)
{
    for (size_t i = 0; i < count; i++) {
        if (pn_str_eq_nocase(field[i].name, name)) {
            return &field[i];
        }
    }
    return NULL;
}

/* Digits only: no sign, no list, no blanks. */
static bool
parse_length(struct pn_str text, size_t *out)
{
    size_t value = 0;

    if (text.len == 0 || text.len > 12) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        value = value * 10 + (size_t) (text.ptr[i] - '0');
    }
    *out = value;
    return true;
}

static struct pn_http_wrong
check_fields(const struct pn_http_head *head)
{
    size_t bytes = 0;

    if (head->field_count > PN_HTTP_HEADERS_MAX) {
        return WRONG(431, "too_many_headers", "At most 64 headers.");
    }
    for (size_t i = 0; i < head->field_count; i++) {
        const struct pn_http_field *field = &head->field[i];

        bytes += field->name.len + field->value.len + 4;
        if (!is_token(field->name)) {
            return WRONG(400, "bad_header", "A header name is not a token.");
        }
        if (!is_value(field->value)) {
            return WRONG(400, "bad_header",
                         "A header value holds a control character.");
        }
        if (pn_http_field_find(head->field, i, field->name) != NULL) {
            return WRONG(400, "repeated_header", "A header was sent twice.");
        }
    }
    return bytes > PN_HTTP_HEAD_MAX ? WRONG(
               431, "head_too_long", "The request head is longer than 16 KiB.")
                                    : WRONG(0, NULL, NULL);
}

static struct pn_http_wrong
check_framing(const struct pn_http_head *head, size_t *length)
{
    const struct pn_http_field *host =
        pn_http_field_find(head->field, head->field_count, PN_STR("Host"));
    const struct pn_http_field *len = pn_http_field_find(
        head->field, head->field_count, PN_STR("Content-Length"));

    *length = 0;
    if (host == NULL || !is_host(host->value)) {
        return WRONG(400, "bad_host", "Exactly one valid Host is needed.");
    }
    if (pn_http_field_find(head->field, head->field_count,
                           PN_STR("Transfer-Encoding"))
        != NULL)
    {
        /* nginx sends a length; what does not exist cannot be confused. */
        return len != NULL
                   ? WRONG(400, "bad_framing",
                           "Content-Length and Transfer-Encoding exclude "
                           "each other.")
                   : WRONG(411, "length_required",
                           "Send a Content-Length; transfer codings are not "
                           "taken.");
    }
    if (len != NULL && !parse_length(len->value, length)) {
        return WRONG(400, "bad_framing", "Content-Length is not a number.");
    }
    return *length > PN_HTTP_BODY_MAX
               ? WRONG(413, "body_too_long", "The body is longer than 1 MiB.")
               : WRONG(0, NULL, NULL);
}

struct pn_http_wrong
pn_http_head_check(const struct pn_http_head *head, size_t *length)
{
    struct pn_http_wrong wrong;

    *length = 0;
    if (!is_token(head->method)) {
        return WRONG(400, "bad_request", "The method is not a token.");
    }
    if (head->target.len > PN_HTTP_TARGET_MAX) {
        return WRONG(414, "target_too_long", "The URL is longer than 4 KiB.");
    }
    if (!is_target(head->target)) {
        return WRONG(400, "bad_target",
                     "The request target is not a path of visible ASCII.");
    }
    if (!pn_str_eq(head->version, PN_STR("HTTP/1.1"))
        && !pn_str_eq(head->version, PN_STR("HTTP/1.0")))
    {
        return WRONG(505, "bad_version", "Only HTTP/1.0 and HTTP/1.1.");
    }
    wrong = check_fields(head);
    return wrong.status != 0 ? wrong : check_framing(head, length);
}

/* --- targets ------------------------------------------------------------- */

static int
hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char) (c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum plus { PLUS_IS_PLUS = 0, PLUS_IS_SPACE };

/* Decoded once into the arena.  Control bytes and what is not UTF-8 are
 * refused: no name or value of ours has them. */
static enum pn_err
decode(struct pn_str text, enum plus plus, struct pn_arena *arena,
       const char **out)
{
    char *bytes = pn_arena_alloc(arena, text.len + 1);
    size_t len = 0;

    if (bytes == NULL) {
        return PN_E_NOMEM;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%') {
            const bool whole = text.len - i > 2;
            const int high = whole ? hex(text.ptr[i + 1]) : -1;
            const int low = whole ? hex(text.ptr[i + 2]) : -1;

            if (high < 0 || low < 0) {
                return PN_E_SYNTAX;
            }
            c = (char) (uint8_t) (high * 16 + low);
            i += 2;
        } else if (c == '+' && plus == PLUS_IS_SPACE) {
            c = ' ';
        }
        bytes[len++] = c;
    }
    if (pn_str_has_control((struct pn_str){bytes, len})
        || !pn_str_is_utf8((struct pn_str){bytes, len}))
    {
        return PN_E_SYNTAX;
    }
    *out = bytes;
    return PN_OK;
}

enum pn_err
pn_http_query_parse(struct pn_str query, struct pn_arena *arena,
                    struct pn_http_param out[PN_HTTP_PARAMS_MAX], size_t *count)
{
    size_t n = 0;
    enum pn_err err = PN_OK;

    while (query.len > 0 && err == PN_OK) {
        struct pn_str pair = query, name, value;

        if (pn_str_cut(query, '&', &pair, &query)) {
            if (pair.len == 0) {
                continue;
            }
        } else {
            query.len = 0;
        }
        if (!pn_str_cut(pair, '=', &name, &value)) {
            name = pair;
            value = PN_STR("");
        }
        if (n == PN_HTTP_PARAMS_MAX) {
            return PN_E_TOO_LONG;
        }
        err = decode(name, PLUS_IS_SPACE, arena, &out[n].name);
        if (err == PN_OK) {
            err = decode(value, PLUS_IS_SPACE, arena, &out[n].value);
        }
        for (size_t i = 0; i < n && err == PN_OK; i++) {
            err = strcmp(out[i].name, out[n].name) == 0 ? PN_E_EXISTS : PN_OK;
        }
        n++;
    }
    if (err == PN_OK) {
        *count = n;
    }
    return err;
}

enum pn_err
pn_http_path_match(const char *pattern, struct pn_str path,
                   struct pn_arena *arena, const char **segment, size_t max)
{
    struct pn_str want = pn_str_from(pattern);
    struct pn_str matched[PN_HTTP_SEGMENTS_MAX];
    size_t n = 0;

    while (want.len > 0 && path.len > 0) {
        /* Both stand at a "/". */
        struct pn_str w = {want.ptr + 1, want.len - 1};
        struct pn_str p = {path.ptr + 1, path.len - 1};

        if (*want.ptr != '/' || *path.ptr != '/') {
            return PN_E_NOT_FOUND;
        }
        w.len = pn_str_find(w, '/');
        p.len = pn_str_find(p, '/');
        if (w.len > 0 && w.ptr[0] == '{') {
            if (n == max || n == PN_HTTP_SEGMENTS_MAX) {
                return PN_E_NOT_FOUND;
            }
            matched[n++] = p;
        } else if (!pn_str_eq(w, p)) {
            return PN_E_NOT_FOUND;
        }
        want.ptr += 1 + w.len;
        want.len -= 1 + w.len;
        path.ptr += 1 + p.len;
        path.len -= 1 + p.len;
    }
    if (want.len > 0 || path.len > 0) {
        return PN_E_NOT_FOUND;
    }
    for (size_t i = 0; i < n; i++) {
        enum pn_err err = matched[i].len == 0 ? PN_E_SYNTAX
                                              : decode(matched[i], PLUS_IS_PLUS,
                                                       arena, &segment[i]);

        if (err != PN_OK) {
            return err;
        }
    }
    return PN_OK;
}

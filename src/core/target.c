/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging a request target.  Most are plain, and one look tells.  For all
 * others two passes: over the bytes as sent, decoding them, then over the
 * decoded segments.
 */
#include "core/target.h"

#include "base/str.h"

/*
 * Code points whose NFKC form holds "." "/" "\" or "%" (Unicode 14).  An
 * application that normalises its input turns them into just that.
 * tests/unit/test_target.c derives the list again.
 */
static const struct {
    uint32_t first, last;
} compatible[] = {
    {0x2024, 0x2026},   /* one, two and three dot leaders */
    {0x2100, 0x2101},   /* a/c, a/s */
    {0x2105, 0x2106},   /* c/o, c/u */
    {0x2488, 0x249b},   /* digits with a full stop */
    {0x33c2, 0x33c2},   /* a.m. */
    {0x33c7, 0x33c7},   /* Co. */
    {0x33d8, 0x33d8},   /* p.m. */
    {0xfe19, 0xfe19},   /* vertical ellipsis */
    {0xfe30, 0xfe30},   /* vertical two dot leader */
    {0xfe52, 0xfe52},   /* small full stop */
    {0xfe68, 0xfe68},   /* small reverse solidus */
    {0xfe6a, 0xfe6a},   /* small per cent sign */
    {0xff05, 0xff05},   /* full-width per cent sign */
    {0xff0e, 0xff0f},   /* full-width full stop and solidus */
    {0xff3c, 0xff3c},   /* full-width reverse solidus */
    {0x1f100, 0x1f100}, /* digit zero with a full stop */
};

const char *
pn_ambiguity_text(enum pn_ambiguity why)
{
    static const char *const texts[] = {
        [PN_TARGET_CANONICAL] = "nothing",
        [PN_TARGET_DOT_SEGMENT] = "a dot segment",
        [PN_TARGET_EMPTY_SEGMENT] = "an empty segment (\"//\")",
        [PN_TARGET_BACKSLASH] = "a backslash",
        [PN_TARGET_ENCODED_SEPARATOR] = "an encoded \"/\", \"\\\" or \"%\"",
        [PN_TARGET_CONTROL] = "a control character",
        [PN_TARGET_RAW_BYTE] = "a byte that must be percent-encoded",
        [PN_TARGET_FRAGMENT] = "a fragment (\"#\")",
        [PN_TARGET_PARAMETER] = "a path parameter (\";\")",
        [PN_TARGET_ENCODING] = "a broken percent-encoding or bytes that are "
                               "not UTF-8",
        [PN_TARGET_COMPATIBILITY] = "a character that some applications read "
                                    "as \".\", \"/\", \"\\\" or \"%\"",
        [PN_TARGET_FORM] = "neither a path nor an http address",
        [PN_TARGET_TOO_LONG] = "more than 8192 bytes",
    };

    return (unsigned) why < PN_LEN(texts) ? texts[why] : "unknown";
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Is a byte, literal or decoded, one that no path may hold? */
static enum pn_ambiguity
judge_byte(uint8_t c)
{
    if (c < 0x20 || c == 0x7f) {
        return PN_TARGET_CONTROL;
    }
    if (c == '\\') {
        return PN_TARGET_BACKSLASH;
    }
    return c == ';' ? PN_TARGET_PARAMETER : PN_TARGET_CANONICAL;
}

static enum pn_ambiguity
judge_literal(uint8_t c)
{
    if (c == '#') {
        return PN_TARGET_FRAGMENT;
    }
    return c > 0x7f || c == ' ' ? PN_TARGET_RAW_BYTE : judge_byte(c);
}

/* text begins with "%".  *out gets the byte when canonical. */
static enum pn_ambiguity
judge_encoded(struct pn_str text, uint8_t *out)
{
    int high = text.len < 3 ? -1 : hex_value(text.ptr[1]);
    int low = text.len < 3 ? -1 : hex_value(text.ptr[2]);
    uint8_t c;

    if (high < 0 || low < 0) {
        return PN_TARGET_ENCODING;
    }
    c = (uint8_t) (high << 4 | low);
    if (c == '/' || c == '\\' || c == '%') {
        return PN_TARGET_ENCODED_SEPARATOR;
    }
    *out = c;
    return judge_byte(c);
}

static bool
is_encoded_slash(struct pn_str text)
{
    return text.len >= 3 && text.ptr[1] == '2'
           && (text.ptr[2] == 'f' || text.ptr[2] == 'F');
}

/*
 * First pass: text, up to "?", decoded into out, which has room for all of it.
 * An encoded slash that may stay is copied as it is.
 */
static enum pn_ambiguity
decode(struct pn_str text, enum pn_slash_policy slashes, char *out,
       size_t *out_len)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        struct pn_str rest = {text.ptr + i, text.len - i};
        uint8_t c = (uint8_t) text.ptr[i];
        enum pn_ambiguity why;

        if (c != '%') {
            why = judge_literal(c);
        } else if (slashes == PN_SLASH_LITERAL && is_encoded_slash(rest)) {
            why = PN_TARGET_CANONICAL;
        } else {
            why = judge_encoded(rest, &c);
            i += 2;
        }
        if (why != PN_TARGET_CANONICAL) {
            return why;
        }
        out[len++] = (char) c;
    }
    *out_len = len;
    return PN_TARGET_CANONICAL;
}

/*
 * Length of the slash at the start of text, 0 if there is none.  After the
 * first pass a "%" can only be that of an encoded slash; an application that
 * decodes it sees a separator, so the segments on both sides are judged.
 */
static size_t
slash_len(struct pn_str text)
{
    if (text.ptr[0] == '/') {
        return 1;
    }
    return text.ptr[0] == '%' ? 3 : 0;
}

/* A segment; only the last may be empty. */
static enum pn_ambiguity
judge_segment(struct pn_str segment, bool last)
{
    if (segment.len == 0) {
        return last ? PN_TARGET_CANONICAL : PN_TARGET_EMPTY_SEGMENT;
    }
    if (pn_str_eq(segment, PN_STR(".")) || pn_str_eq(segment, PN_STR(".."))) {
        return PN_TARGET_DOT_SEGMENT;
    }
    return PN_TARGET_CANONICAL;
}

static enum pn_ambiguity
judge_segments(struct pn_str path)
{
    size_t start = slash_len(path);
    enum pn_ambiguity why;

    for (size_t i = start; i < path.len;) {
        size_t slash = slash_len((struct pn_str){path.ptr + i, path.len - i});

        if (slash == 0) {
            i++;
            continue;
        }
        why =
            judge_segment((struct pn_str){path.ptr + start, i - start}, false);
        if (why != PN_TARGET_CANONICAL) {
            return why;
        }
        i += slash;
        start = i;
    }
    return judge_segment((struct pn_str){path.ptr + start, path.len - start},
                         true);
}

static bool
is_compatible(uint32_t point)
{
    for (size_t i = 0; i < PN_LEN(compatible); i++) {
        if (point >= compatible[i].first && point <= compatible[i].last) {
            return true;
        }
    }
    return false;
}

/* The code point at the start of well-formed UTF-8; *len gets its bytes. */
static uint32_t
code_point(const char *text, size_t *len)
{
    const uint8_t *p = (const uint8_t *) text;

    if (p[0] < 0x80) {
        *len = 1;
        return p[0];
    }
    if (p[0] < 0xe0) {
        *len = 2;
        return (p[0] & 0x1fU) << 6 | (p[1] & 0x3fU);
    }
    if (p[0] < 0xf0) {
        *len = 3;
        return (p[0] & 0xfU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
    }
    *len = 4;
    return (p[0] & 0x7U) << 18 | (p[1] & 0x3fU) << 12 | (p[2] & 0x3fU) << 6
           | (p[3] & 0x3fU);
}

static enum pn_ambiguity
judge_characters(struct pn_str path)
{
    size_t len;

    if (pn_str_is_printable(path)) {
        return PN_TARGET_CANONICAL; /* ASCII: nearly always */
    }
    if (!pn_str_is_utf8(path)) {
        return PN_TARGET_ENCODING;
    }
    for (size_t i = 0; i < path.len; i += len) {
        if (is_compatible(code_point(path.ptr + i, &len))) {
            return PN_TARGET_COMPATIBILITY;
        }
    }
    return PN_TARGET_CANONICAL;
}

/* Second pass. */
static enum pn_ambiguity
judge_decoded(struct pn_str path)
{
    enum pn_ambiguity why = judge_segments(path);

    return why == PN_TARGET_CANONICAL ? judge_characters(path) : why;
}

static bool
is_authority_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'
           || c == ':' || c == '[' || c == ']';
}

/* Without scheme, authority and query; false when it is of no such form. */
static bool
cut_path(struct pn_str target, struct pn_str *out)
{
    static const struct pn_str schemes[] = {{"http://", 7}, {"https://", 8}};
    struct pn_str text = {target.ptr, pn_str_find(target, '?')};

    for (size_t i = 0; i < PN_LEN(schemes); i++) {
        size_t at = schemes[i].len;
        struct pn_str head = {text.ptr, at};

        if (text.len <= at || !pn_str_eq_nocase(head, schemes[i])) {
            continue;
        }
        while (at < text.len && is_authority_byte(text.ptr[at])) {
            at++;
        }
        if (at == schemes[i].len) {
            return false;
        }
        text = at < text.len ? (struct pn_str){text.ptr + at, text.len - at}
                             : PN_STR("/");
        break;
    }
    if (text.len == 0 || text.ptr[0] != '/') {
        return false;
    }
    *out = text;
    return true;
}

enum { PLAIN = '0', SLASH, DOT, SPECIAL };

/* What each byte from 0x20 to 0x7e is; all others are special. */
static const char kinds[] = "3003030000000021" /*  !"#$%&'()*+,-./ */
                            "0000000000030003" /* 0123456789:;<=>? */
                            "0000000000000000" /* @ABCDEFGHIJKLMNO */
                            "0000000000003000" /* PQRSTUVWXYZ[\]^_ */
                            "0000000000000000" /* `abcdefghijklmno */
                            "000000000000000"; /* pqrstuvwxyz{|}~ */

/*
 * Length of the path, up to a "?", of a target in origin-form whose bytes all
 * stand for themselves and whose segments neither begin with a dot nor are
 * empty but for the last; 0 for any other.  Such a path is canonical.
 */
static size_t
plain_len(struct pn_str target)
{
    char most = DOT; /* what may come now: after a slash only plain bytes */
    size_t len = 0;

    if (target.len == 0 || target.ptr[0] != '/') {
        return 0;
    }
    for (; len < target.len; len++) {
        uint8_t at = (uint8_t) (target.ptr[len] - ' ');
        char kind = at < sizeof(kinds) - 1 ? kinds[at] : SPECIAL;

        if (kind > most) {
            break;
        }
        most = kind == SLASH ? PLAIN : DOT;
    }
    return len == target.len || target.ptr[len] == '?' ? len : 0;
}

enum pn_ambiguity
pn_target_path(struct pn_str target, enum pn_slash_policy slashes,
               struct pn_buf *path)
{
    struct pn_str text;
    struct pn_str decoded = {path->ptr + path->len, 0};
    enum pn_ambiguity why;

    if (target.len > PN_TARGET_MAX) {
        return PN_TARGET_TOO_LONG;
    }
    text = (struct pn_str){target.ptr, plain_len(target)};
    if (text.len > 0 && !path->full && text.len <= path->cap - path->len) {
        pn_buf_add(path, text);
        return PN_TARGET_CANONICAL;
    }
    if (!cut_path(target, &text)) {
        return PN_TARGET_FORM;
    }
    if (path->full || text.len > path->cap - path->len) {
        return PN_TARGET_TOO_LONG;
    }
    why = decode(text, slashes, path->ptr + path->len, &decoded.len);
    if (why == PN_TARGET_CANONICAL) {
        why = judge_decoded(decoded);
    }
    if (why == PN_TARGET_CANONICAL) {
        path->len += decoded.len;
    }
    return why;
}

enum pn_ambiguity
pn_target_judge_decoded(struct pn_str path)
{
    if (path.len == 0 || path.ptr[0] != '/') {
        return PN_TARGET_FORM;
    }
    for (size_t i = 0; i < path.len; i++) {
        uint8_t c = (uint8_t) path.ptr[i];
        enum pn_ambiguity why = judge_byte(c);

        if (c == '%') {
            why = PN_TARGET_ENCODED_SEPARATOR; /* sent as %25 */
        }
        if (why != PN_TARGET_CANONICAL) {
            return why;
        }
    }
    return judge_decoded(path);
}

bool
pn_target_below(struct pn_str path, struct pn_str context, struct pn_str *out)
{
    if (!pn_str_starts(path, context)) {
        return false;
    }
    if (path.len == context.len) {
        *out = PN_STR("/");
        return true;
    }
    if (path.ptr[context.len] != '/') {
        return false;
    }
    *out = (struct pn_str){path.ptr + context.len, path.len - context.len};
    return true;
}

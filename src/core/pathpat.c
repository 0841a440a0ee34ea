/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path patterns: parsing, and matching segment by segment without recursion.
 */
#include "core/pathpat.h"

#include "base/str.h"

static const struct pn_str double_star = {"**", 2};

/* The segment that begins at offset at. */
static struct pn_str
segment_at(struct pn_str path, size_t at)
{
    struct pn_str rest = {path.ptr + at, path.len - at};

    rest.len = pn_str_find(rest, '/');
    return rest;
}

/* Length of the method list at the start of text. */
static size_t
methods_len(struct pn_str text, size_t *wrong)
{
    size_t word = 0, i;

    for (i = 0; i < text.len && text.ptr[i] != ' '; i++) {
        char c = text.ptr[i];

        if (c == ',' && word > 0) {
            word = 0;
        } else if ((c >= 'A' && c <= 'Z') || (c == '-' && word > 0)) {
            word++;
        } else {
            *wrong = i;
            return 0;
        }
    }
    *wrong = i;
    return word > 0 && i < text.len ? i : 0;
}

/* May this byte stand in a pattern's path?  All others never stand in a
 * canonical path, so a pattern with one could not match. */
static bool
is_path_byte(char c)
{
    uint8_t byte = (uint8_t) c;

    return byte >= 0x20 && byte != 0x7f && c != '?' && c != '#' && c != '%'
           && c != '\\' && c != ';';
}

static bool
segment_is_valid(struct pn_str segment)
{
    if (pn_str_eq(segment, PN_STR(".")) || pn_str_eq(segment, PN_STR(".."))) {
        return false;
    }
    if (pn_str_eq(segment, double_star)) {
        return true;
    }
    for (size_t i = 1; i < segment.len; i++) {
        if (segment.ptr[i - 1] == '*' && segment.ptr[i] == '*') {
            return false;
        }
    }
    return true;
}

/* Offset of the first byte that is wrong, path.len if none is. */
static size_t
first_wrong(struct pn_str path)
{
    if (path.len == 0 || path.ptr[0] != '/') {
        return 0;
    }
    for (size_t i = 0; i < path.len; i++) {
        if (!is_path_byte(path.ptr[i])) {
            return i;
        }
    }
    for (size_t at = 1; at <= path.len;) {
        struct pn_str segment = segment_at(path, at);
        bool last = at + segment.len == path.len;

        if ((segment.len == 0 && !last) || !segment_is_valid(segment)) {
            return at;
        }
        at += segment.len + 1;
    }
    return path.len;
}

/* Safe whatever path and methods are; right when both are valid. */
static struct pn_pathpat
describe(struct pn_str methods, struct pn_str path)
{
    size_t literal = pn_str_find(path, '*');
    bool open_ended = literal > 0 && path.len - literal == double_star.len
                      && path.ptr[path.len - 1] == '*'
                      && path.ptr[literal - 1] == '/';

    return (struct pn_pathpat){.methods = methods,
                               .path = path,
                               .literal = literal,
                               .open_ended = open_ended,
                               .everything = open_ended && literal == 1};
}

struct pn_pathpat
pn_pathpat_checked(struct pn_str text)
{
    struct pn_str methods = {text.ptr, 0}, path = text;

    if (text.ptr[0] != '/') {
        (void) pn_str_cut(text, ' ', &methods, &path);
    }
    return describe(methods, path);
}

/* *wrong is written always. */
static enum pn_err
parse(struct pn_str text, struct pn_pathpat *out, size_t *wrong)
{
    struct pn_str methods = {text.ptr, 0}, path = text;

    *wrong = 0;
    if (text.len > 0 && text.ptr[0] != '/') {
        methods.len = methods_len(text, wrong);
        if (methods.len == 0) {
            return PN_E_SYNTAX;
        }
        path.ptr += methods.len + 1;
        path.len -= methods.len + 1;
    }
    *wrong = text.len - path.len;
    if (path.len == 0 || !(pn_str_is_printable(path) || pn_str_is_utf8(path))) {
        return PN_E_SYNTAX;
    }
    *wrong += first_wrong(path);
    if (*wrong < text.len) {
        return PN_E_SYNTAX;
    }
    *out = describe(methods, path);
    return PN_OK;
}

enum pn_err
pn_pathpat_parse(struct pn_str text, struct pn_pathpat *out, size_t *at)
{
    size_t wrong;
    enum pn_err err;

    if (text.len > PN_PATHPAT_MAX) {
        return PN_E_TOO_LONG;
    }
    err = parse(text, out, &wrong);
    if (err != PN_OK && at != NULL) {
        *at = wrong;
    }
    return err;
}

static bool
method_fits(struct pn_str methods, struct pn_str method)
{
    struct pn_str head, tail = methods;

    if (methods.len == 0) {
        return true;
    }
    while (pn_str_cut(tail, ',', &head, &tail)) {
        if (pn_str_eq(head, method)) {
            return true;
        }
    }
    return pn_str_eq(tail, method);
}

/*
 * One segment, in which "*" stands for any bytes.  An empty segment is what
 * follows a final slash; only an empty pattern segment fits it, so that
 * "/x/" and "*" does not match "/x/".
 *
 * Giving up a star's choice only in favour of the latest star is enough: the
 * text before that star was matched as early as possible.
 */
static bool
segment_fits(struct pn_str pattern, struct pn_str text)
{
    size_t p = 0, t = 0, star = pattern.len, resume = 0;

    if (text.len == 0) {
        return pattern.len == 0;
    }
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star < pattern.len) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

/* What a pattern is held against: a path, or another pattern. */
enum subject { SUBJECT_PATH = 0, SUBJECT_PATTERN };

/* In a pattern "**" is any number of segments, which no single one covers. */
static inline bool
segment_covers(struct pn_str pattern, struct pn_str text, enum subject subject)
{
    return (subject == SUBJECT_PATH || !pn_str_eq(text, double_star))
           && segment_fits(pattern, text);
}

/*
 * The same one level up: segments instead of bytes, "**" instead of "*".
 * Offsets are of a segment's first byte; length + 1 means past the last one.
 */
static inline bool
covers(struct pn_str pattern, struct pn_str path, enum subject subject)
{
    size_t p = 1, t = 1, after_star = 0, resume = 0;

    while (t <= path.len) {
        const struct pn_str text = segment_at(path, t);
        const bool more = p <= pattern.len;
        const struct pn_str want =
            more ? segment_at(pattern, p) : (struct pn_str){NULL, 0};

        if (more && pn_str_eq(want, double_star)) {
            if (p + want.len == pattern.len) {
                return true; /* a last "**" takes all, at least one */
            }
            p += want.len + 1;
            after_star = p;
            resume = t;
            continue;
        }
        if (more && segment_covers(want, text, subject)) {
            p += want.len + 1;
            t += text.len + 1;
            continue;
        }
        if (after_star == 0) {
            return false;
        }
        resume += segment_at(path, resume).len + 1;
        t = resume;
        p = after_star;
    }
    return p > pattern.len;
}

static bool
path_fits(struct pn_str pattern, struct pn_str path)
{
    return covers(pattern, path, SUBJECT_PATH);
}

bool
pn_pathpat_matches(const struct pn_pathpat *pattern, struct pn_str method,
                   struct pn_str path)
{
    if (path.len == 0 || path.ptr[0] != '/'
        || !method_fits(pattern->methods, method))
    {
        return false;
    }
    /* What stands before the first asterisk stands for itself; for most
     * patterns and paths that is all there is to ask. */
    if (!pn_str_starts(path,
                       (struct pn_str){pattern->path.ptr, pattern->literal})) {
        return false;
    }
    return pattern->open_ended || path_fits(pattern->path, path);
}

static bool
methods_within(struct pn_str inner, struct pn_str outer)
{
    struct pn_str head, tail = inner;

    if (outer.len == 0 || inner.len == 0) {
        return outer.len == 0;
    }
    while (pn_str_cut(tail, ',', &head, &tail)) {
        if (!method_fits(outer, head)) {
            return false;
        }
    }
    return method_fits(outer, tail);
}

/*
 * An asterisk of inner, taken as a byte, is covered by an asterisk of outer
 * alone, which covers whatever it may stand for too.
 */
bool
pn_pathpat_within(const struct pn_pathpat *inner,
                  const struct pn_pathpat *outer)
{
    return methods_within(inner->methods, outer->methods)
           && covers(outer->path, inner->path, SUBJECT_PATTERN);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path patterns: "/rest/" + two asterisks, "GET,HEAD /projects/" + "*".
 *
 * Split at "/".  One asterisk is any one segment or part of one; two, as a
 * whole segment, are zero or more segments, also an empty last one; at the end
 * of a pattern at least that: "/rest/" and two asterisks match "/rest/", not
 * "/rest".  A pattern that ends in "/" matches paths that do.
 * Letter case counts, dots are literal, the query is never looked at.
 */
#ifndef PN_CORE_PATHPAT_H
#define PN_CORE_PATHPAT_H

#include "base/defs.h"

enum {
    PN_PATHPAT_MAX = 512,  /* bytes of one pattern */
    PN_PATHPATS_MAX = 128, /* patterns in one list */
};

/* Parsed, borrowed from its text.  Matching never allocates and is bounded by
 * pattern length times path length. */
struct pn_pathpat {
    struct pn_str methods; /* "GET,HEAD", or empty for every method */
    struct pn_str path;    /* begins with "/" */
    size_t literal;        /* bytes of path before its first asterisk */
    bool open_ended;       /* path is those and two asterisks, no more */
    bool everything;       /* path is "/" + two asterisks */
};

/*
 * PN_E_SYNTAX: no leading "/", an empty segment that is not the last, a dot
 * segment, "**" beside other characters in a segment, bytes that are not
 * UTF-8, a control byte, "?", "#", "%", "\" or ";", a method that is not
 * upper-case letters and "-".  PN_E_TOO_LONG over the maximum.
 * *at, if not NULL, gets the offset of the first byte that is wrong.
 */
PN_MUST_USE enum pn_err pn_pathpat_parse(struct pn_str text,
                                         struct pn_pathpat *out, size_t *at);

/* The same for text that has been parsed before: not checked again. */
struct pn_pathpat pn_pathpat_checked(struct pn_str text);

/* path is canonical and decoded once (core/target.h). */
bool pn_pathpat_matches(const struct pn_pathpat *pattern, struct pn_str method,
                        struct pn_str path);

/*
 * True only if outer matches whatever inner does.  False may also mean that
 * this cannot be told from one pattern: the parts of inner that two patterns
 * share out between them are not looked for.
 */
bool pn_pathpat_within(const struct pn_pathpat *inner,
                       const struct pn_pathpat *outer);

#endif

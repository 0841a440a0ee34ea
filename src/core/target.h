/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The raw request target, as the client sent it: is it canonical, and what
 * path do patterns match?
 *
 * nginx matches locations on its decoded form but forwards the raw one, and
 * applications decode again.  A target that two parties could read differently
 * is ambiguous and matches nothing but "everything" (DESIGN section 4).
 */
#ifndef PN_CORE_TARGET_H
#define PN_CORE_TARGET_H

#include "base/buf.h"
#include "base/defs.h"

enum { PN_TARGET_MAX = 8192 };

enum pn_slash_policy { PN_SLASH_AMBIGUOUS = 0, PN_SLASH_LITERAL };

/* What made a target ambiguous; for the refusal's sentence. */
enum pn_ambiguity {
    PN_TARGET_CANONICAL = 0,
    PN_TARGET_DOT_SEGMENT,
    PN_TARGET_EMPTY_SEGMENT,
    PN_TARGET_BACKSLASH,
    PN_TARGET_ENCODED_SEPARATOR, /* %2f %5c %25 */
    PN_TARGET_CONTROL,
    PN_TARGET_RAW_BYTE, /* over 0x7f, or not allowed in a path */
    PN_TARGET_FRAGMENT,
    PN_TARGET_PARAMETER,     /* ";" */
    PN_TARGET_ENCODING,      /* broken %xx, not UTF-8 */
    PN_TARGET_COMPATIBILITY, /* NFKC form holds . / \ % */
    PN_TARGET_FORM,          /* neither "/…" nor "http://host/…" ; "*" */
    PN_TARGET_TOO_LONG,
};

/* A phrase, lower case: "a dot segment".  Never NULL. */
const char *pn_ambiguity_text(enum pn_ambiguity why);

/*
 * Judge target (origin-form, or absolute-form whose authority is skipped; from
 * "?" on ignored) and append its path, percent-decoded once, to path.  With
 * PN_SLASH_LITERAL "%2f" is kept undecoded and never counts as a slash.
 * path is written only for PN_TARGET_CANONICAL.
 */
enum pn_ambiguity pn_target_path(struct pn_str target,
                                 enum pn_slash_policy slashes,
                                 struct pn_buf *path);

/* The same judgement of a path that was decoded already: nginx's own path of a
 * sub-request. */
enum pn_ambiguity pn_target_judge_decoded(struct pn_str path);

/*
 * Path below an application's context path ("" or "/jira"): "/jira/rest" gives
 * "/rest", "/jira" gives "/".  False when path lies outside it.
 */
bool pn_target_below(struct pn_str path, struct pn_str context,
                     struct pn_str *out);

#endif

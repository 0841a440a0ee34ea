/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict check of a request head, and the parts of a target.  Pure.
 *
 * libmicrohttpd reads heads leniently (two lengths, "Name :", two hosts); what
 * it understood is judged again here before anything else looks at it.
 */
#ifndef PN_DAEMON_HTTP_HEAD_H
#define PN_DAEMON_HTTP_HEAD_H

#include "base/arena.h"
#include "base/defs.h"

enum { PN_HTTP_PARAMS_MAX = 16, PN_HTTP_TARGET_MAX = 4096 };

struct pn_http_field {
    struct pn_str name, value;
};

struct pn_http_head {
    struct pn_str method, target, version; /* as received */
    const struct pn_http_field *field;
    size_t field_count;
};

/* What is wrong: status 0 = nothing. Literals only. */
struct pn_http_wrong {
    unsigned status;
    const char *code;
    const char *detail;
};

/* *length gets the Content-Length, 0 when there is none. */
struct pn_http_wrong pn_http_head_check(const struct pn_http_head *head,
                                        size_t *length);

/* The one field of that name (ASCII letter case ignored), or NULL. */
const struct pn_http_field *
pn_http_field_find(const struct pn_http_field *field, size_t count,
                   struct pn_str name);

struct pn_http_param {
    const char *name, *value;
};

/*
 * "a=1&b=%20x" decoded once, "+" is a space.  PN_E_SYNTAX for a bad escape, an
 * encoded NUL or bytes that are not UTF-8; PN_E_EXISTS for a name given twice;
 * PN_E_TOO_LONG for more than PN_HTTP_PARAMS_MAX; PN_E_NOMEM.
 */
PN_MUST_USE enum pn_err
pn_http_query_parse(struct pn_str query, struct pn_arena *arena,
                    struct pn_http_param out[PN_HTTP_PARAMS_MAX],
                    size_t *count);

/*
 * Compare path with "/a/{x}/b".  PN_E_NOT_FOUND when it does not fit; else
 * segment[i] gets what the braces matched, decoded once.  PN_E_SYNTAX when
 * that cannot be decoded, is empty or holds an encoded control byte.
 */
PN_MUST_USE enum pn_err pn_http_path_match(const char *pattern,
                                           struct pn_str path,
                                           struct pn_arena *arena,
                                           const char **segment, size_t max);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP exchange, through libcurl; the only file that sees curl.h is
 * http.c.  Redirects are never followed: credentials go where they were meant
 * to go.
 */
#ifndef PN_CLI_HTTP_H
#define PN_CLI_HTTP_H

#include "base/arena.h"
#include "base/defs.h"
#include "base/secret.h"

enum { PN_REPLY_MAX = 8 << 20 };

struct pn_ask {
    const char *method;
    const char *url;
    const char *socket;   /* NULL, or a Unix socket to go through */
    const char *cacert;   /* NULL = the system's authorities */
    struct pn_str body;   /* JSON; ptr NULL = none */
    const char *cookie;   /* "name=value", or NULL */
    const char *origin;   /* Origin header, or NULL */
    const char *if_match; /* NULL = none */
    const char *username; /* HTTP Basic, with secret; NULL = none */
    const struct pn_secret *secret;
    unsigned timeout_s; /* 0 = 60 */
    /* Takes the body of a 200 piece by piece, however long it is; false ends
     * it.  NULL = the reply's body.  No timeout, as long as something comes. */
    bool (*sink)(void *arg, struct pn_str piece);
    void *sink_arg;
};

struct pn_reply {
    long status;
    struct pn_str body;
    const char *etag;       /* NULL = none */
    const char *set_cookie; /* the last one's "name=value"; NULL = none */
    const char *type;       /* Content-Type; "" = none */
};

/* PN_E_IO when there was no answer; why then gets a phrase. */
PN_MUST_USE enum pn_err pn_http_ask(const struct pn_ask *ask,
                                    struct pn_arena *arena,
                                    struct pn_reply *out, char *why,
                                    size_t why_len);

/* Text as one path segment or query value: everything but unreserved
 * characters is percent-encoded.  NULL when out of memory. */
const char *pn_http_escape(struct pn_arena *arena, const char *text);

#endif

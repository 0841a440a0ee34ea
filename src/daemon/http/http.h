/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posternd's HTTP server: libmicrohttpd behind a strict check of the request
 * head, a table of routes, one arena per request.  The only folder that sees
 * microhttpd.h.  Reached through nginx, over a Unix socket or on loopback.
 *
 * Handlers run on the server's threads and must not block for long.
 */
#ifndef PN_DAEMON_HTTP_HTTP_H
#define PN_DAEMON_HTTP_HTTP_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/defs.h"

enum {
    PN_HTTP_BODY_MAX = 1 << 20,
    PN_HTTP_HEAD_MAX = 16 << 10,
    PN_HTTP_HEADERS_MAX = 64,
    PN_HTTP_SEGMENTS_MAX = 4,
    PN_HTTP_ARENA_MAX = 16 << 20,
};

enum pn_http_method { PN_GET = 1, PN_POST, PN_PUT, PN_PATCH, PN_DELETE };

/* One request; everything is borrowed and ends with it. */
struct pn_http_request {
    enum pn_http_method method;
    struct pn_str path; /* raw, without query */
    struct pn_str body;
    const char *segment[PN_HTTP_SEGMENTS_MAX]; /* what "{…}" matched, decoded */
    char request_id[24];
    bool local;          /* came over admin.sock */
    uid_t peer_uid;      /* local: who */
    const char *address; /* client, as nginx said (X-Real-IP) or the peer */
    bool https;          /* the client's leg, as nginx said */
    struct pn_arena *arena;
    void *connection; /* the server's own */
};

/* NULL when absent; a header that occurs twice is refused before handlers. */
const char *pn_http_header(const struct pn_http_request *req, const char *name);
const char *pn_http_query(const struct pn_http_request *req, const char *name);
/* Calls for every query parameter name; to refuse unknown ones. */
void pn_http_query_each(const struct pn_http_request *req,
                        void (*call)(void *arg, const char *name), void *arg);

/*
 * A body of any length, made piece by piece while it is sent.  read fills at
 * most cap bytes and returns how many, 0 at the end, -1 when it cannot go on:
 * the connection is then cut, so that nobody takes a part for the whole.  done
 * is called once, maybe after the request has ended.
 */
struct pn_http_stream {
    ssize_t (*read)(void *arg, char *out, size_t cap); /* NULL = no stream */
    void (*done)(void *arg);
    void *arg;
};

struct pn_http_response {
    unsigned status;
    const char *content_type;     /* NULL = no body */
    struct pn_str body;           /* arena or static */
    struct pn_http_stream stream; /* instead of a body */
    struct {
        const char *name, *value;
    } headers[16];
    uint8_t header_count;
};

void pn_http_add_header(struct pn_http_response *res, const char *name,
                        const char *value);

typedef void pn_http_handler_fn(void *context,
                                const struct pn_http_request *request,
                                struct pn_http_response *response);

struct pn_http_route {
    enum pn_http_method method;
    const char *path; /* "/postern/api/v1/tokens/{id}" */
    pn_http_handler_fn *handler;
};

/* Which error pages the server makes itself (404, 405, 413, 400, …): given the
 * status and a code, the caller writes problem+json. */
typedef void pn_http_problem_fn(const struct pn_http_request *request,
                                unsigned status, const char *code,
                                const char *detail,
                                struct pn_http_response *response);

struct pn_http_options {
    const struct pn_http_route *routes;
    size_t route_count;
    pn_http_problem_fn *problem;
    void *context;
    int listen_fd;    /* bound and listening; the server's from here on */
    bool local;       /* admin.sock: peer credentials count, and requests with
                         Forwarded, X-Forwarded-*, X-Real-IP, Via are refused */
    unsigned threads; /* connections served at once, a thread each */
};

struct pn_http_server;
PN_MUST_USE enum pn_err pn_http_start(const struct pn_http_options *options,
                                      struct pn_http_server **out);
/* Stops taking connections, finishes running requests; NULL is fine. */
void pn_http_stop(struct pn_http_server *server);

/*
 * For a watchdog: does it answer a GET of target within timeout_ms?  The whole
 * way is taken, from its socket to a handler and back.  A server whose places
 * are all taken cannot; it passes as long as handlers end between two calls.
 */
bool pn_http_is_moving(struct pn_http_server *server, const char *target,
                       int timeout_ms);

/* "unix:/run/postern/http.sock" (mode given) or "127.0.0.1:8080", "[::1]:0".
 * A non-loopback address is PN_E_PERMISSION. */
PN_MUST_USE enum pn_err pn_http_listen(const char *where, unsigned mode,
                                       int *fd);

#endif

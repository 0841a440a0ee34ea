/* SPDX-License-Identifier: Apache-2.0 */
/* From a head to a route: everything that is judged before a handler runs. */
#include "daemon/http/exchange.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"

static bool
refuse(struct pn_http_exchange *ex, struct pn_http_wrong wrong,
       struct pn_http_response *res)
{
    ex->server->options.problem(&ex->req, wrong.status, wrong.code,
                                wrong.detail, res);
    return false;
}

#define REFUSE(ex, res, status, code, detail)                                  \
    refuse((ex), (struct pn_http_wrong){(status), (code), (detail)}, (res))

static enum MHD_Result
take_field(void *arg, enum MHD_ValueKind kind, const char *name,
           size_t name_len, const char *value, size_t value_len)
{
    struct pn_http_exchange *ex = arg;

    (void) kind;
    ex->field[ex->field_count++] = (struct pn_http_field){
        .name = {name, name_len},
        .value = {value != NULL ? value : "", value_len},
    };
    return ex->field_count <= PN_HTTP_HEADERS_MAX ? MHD_YES : MHD_NO;
}

/* --- who is at the other end --------------------------------------------- */

/* admin.sock: root, or the user that posternd runs as. */
static bool
check_peer(struct pn_http_exchange *ex, struct pn_http_response *res)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        ex->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred peer;
    socklen_t len = sizeof(peer);

    if (info == NULL
        || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len)
               != 0
        || (peer.uid != 0 && peer.uid != geteuid()))
    {
        return REFUSE(ex, res, 403, "not_local",
                      "Only root and posternd's own user may use this socket.");
    }
    ex->req.local = true;
    ex->req.peer_uid = peer.uid;
    return true;
}

/*
 * What a proxy adds never belongs here: a proxy in front of this socket would
 * make every client an administrator.
 */
static bool
check_not_forwarded(struct pn_http_exchange *ex, struct pn_http_response *res)
{
    static const struct pn_str family = {"X-Forwarded-", 12};

    for (size_t i = 0; i < ex->field_count; i++) {
        struct pn_str name = ex->field[i].name;
        struct pn_str start = {name.ptr,
                               name.len < family.len ? name.len : family.len};

        if (pn_str_eq_nocase(name, PN_STR("Forwarded"))
            || pn_str_eq_nocase(name, PN_STR("X-Real-IP"))
            || pn_str_eq_nocase(name, PN_STR("Via"))
            || pn_str_eq_nocase(start, family))
        {
            return REFUSE(ex, res, 400, "forwarded_request",
                          "This socket takes no requests that came through a "
                          "proxy.");
        }
    }
    return true;
}

static void
take_tcp_peer(struct pn_http_exchange *ex)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        ex->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *name = info != NULL ? info->client_addr : NULL;
    const void *bytes = NULL;

    if (name != NULL && name->sa_family == AF_INET) {
        bytes = &((const struct sockaddr_in *) (const void *) name)->sin_addr;
    } else if (name != NULL && name->sa_family == AF_INET6) {
        bytes = &((const struct sockaddr_in6 *) (const void *) name)->sin6_addr;
    }
    if (bytes != NULL
        && inet_ntop(name->sa_family, bytes, ex->address, sizeof(ex->address))
               != NULL)
    {
        ex->req.address = ex->address;
    }
}

/* What nginx says of its client: the address, and whether it used TLS. */
static bool
take_client(struct pn_http_exchange *ex, struct pn_http_response *res)
{
    const char *address = pn_http_header(&ex->req, "X-Real-IP");
    const char *scheme = pn_http_header(&ex->req, "X-Forwarded-Proto");
    uint8_t bytes[sizeof(struct in6_addr)];

    if (scheme != NULL) {
        ex->req.https = strcmp(scheme, "https") == 0;
        if (!ex->req.https && strcmp(scheme, "http") != 0) {
            return REFUSE(ex, res, 400, "bad_header",
                          "X-Forwarded-Proto must be http or https.");
        }
    }
    if (address == NULL) {
        take_tcp_peer(ex);
        return true;
    }
    if (strcmp(address, "unix:") == 0) { /* nginx's client, over a socket */
        return true;
    }
    if (inet_pton(AF_INET, address, bytes) != 1
        && inet_pton(AF_INET6, address, bytes) != 1)
    {
        return REFUSE(ex, res, 400, "bad_header",
                      "X-Real-IP must be an address.");
    }
    ex->req.address = address;
    return true;
}

/* --- routes -------------------------------------------------------------- */

static enum pn_http_method
method_of(struct pn_str text)
{
    static const struct {
        struct pn_str text;
        enum pn_http_method method;
    } methods[] = {
        {{"GET", 3}, PN_GET},     {{"HEAD", 4}, PN_GET},
        {{"POST", 4}, PN_POST},   {{"PUT", 3}, PN_PUT},
        {{"PATCH", 5}, PN_PATCH}, {{"DELETE", 6}, PN_DELETE},
    };

    for (size_t i = 0; i < PN_LEN(methods); i++) {
        if (pn_str_eq(text, methods[i].text)) {
            return methods[i].method;
        }
    }
    return 0;
}

static const char *
method_text(enum pn_http_method method)
{
    switch (method) {
    case PN_GET:
        return "GET, HEAD";
    case PN_POST:
        return "POST";
    case PN_PUT:
        return "PUT";
    case PN_PATCH:
        return "PATCH";
    case PN_DELETE:
        return "DELETE";
    }
    return "";
}

/* The path is one of ours, but not with this method. */
static bool
refuse_method(struct pn_http_exchange *ex, const struct pn_http_route *route,
              struct pn_http_response *res)
{
    const struct pn_http_options *o = &ex->server->options;
    enum { ALLOW_MAX = 64 };
    char *text = pn_arena_alloc(ex->req.arena, ALLOW_MAX);
    struct pn_buf allow = {.ptr = text, .cap = ALLOW_MAX};

    (void) REFUSE(ex, res, 405, "method_not_allowed",
                  "This path exists, but not with this method.");
    if (text == NULL) {
        return false;
    }
    for (size_t i = 0; i < o->route_count; i++) {
        if (strcmp(o->routes[i].path, route->path) == 0) {
            pn_buf_add_cstr(&allow, allow.len > 0 ? ", " : "");
            pn_buf_add_cstr(&allow, method_text(o->routes[i].method));
        }
    }
    if (pn_buf_cstr(&allow) != NULL) {
        pn_http_add_header(res, "Allow", text);
    }
    return false;
}

static bool
find_route(struct pn_http_exchange *ex, struct pn_http_response *res)
{
    const struct pn_http_options *o = &ex->server->options;
    const struct pn_http_route *other = NULL; /* fits but for the method */

    for (size_t i = 0; i < o->route_count; i++) {
        const struct pn_http_route *route = &o->routes[i];
        const char *segment[PN_HTTP_SEGMENTS_MAX] = {NULL};
        enum pn_err err =
            pn_http_path_match(route->path, ex->req.path, ex->req.arena,
                               segment, PN_HTTP_SEGMENTS_MAX);

        if (err == PN_E_NOT_FOUND) {
            continue;
        }
        if (err != PN_OK) {
            return REFUSE(ex, res, err == PN_E_NOMEM ? 503 : 400, "bad_target",
                          "The path cannot be decoded.");
        }
        if (route->method == ex->req.method) {
            memcpy(ex->req.segment, segment, sizeof(segment));
            ex->route = route;
            return true;
        }
        /* The first that fits: "/tokens/self" before "/tokens/{id}". */
        other = other != NULL ? other : route;
    }
    if (other != NULL) {
        return refuse_method(ex, other, res);
    }
    return REFUSE(ex, res, 404, "not_found", "There is nothing here.");
}

static bool
take_query(struct pn_http_exchange *ex, struct pn_str query,
           struct pn_http_response *res)
{
    enum pn_err err =
        pn_http_query_parse(query, ex->req.arena, ex->param, &ex->param_count);

    if (err == PN_E_NOMEM) {
        return REFUSE(ex, res, 503, "no_memory", "Out of memory.");
    }
    if (err == PN_E_EXISTS) {
        return REFUSE(ex, res, 400, "repeated_parameter",
                      "A query parameter was given twice.");
    }
    if (err == PN_E_TOO_LONG) {
        return REFUSE(ex, res, 400, "too_many_parameters",
                      "At most 16 query parameters.");
    }
    return err == PN_OK
           || REFUSE(ex, res, 400, "bad_query", "The query cannot be decoded.");
}

bool
pn_http_exchange_begin(struct pn_http_exchange *ex, const char *method,
                       const char *version, struct pn_http_response *res)
{
    struct pn_str path = pn_str_from(ex->target), query = PN_STR("");
    struct pn_http_wrong wrong;

    (void) MHD_get_connection_values_n(ex->connection, MHD_HEADER_KIND,
                                       take_field, ex);
    const struct pn_http_head head = {
        .method = pn_str_from(method),
        .target = pn_str_from(ex->target),
        .version = pn_str_from(version),
        .field = ex->field,
        .field_count = ex->field_count,
    };

    wrong = pn_http_head_check(&head, &ex->body_size);
    if (wrong.status != 0) {
        return refuse(ex, wrong, res);
    }
    ex->head_fits = true;
    if (ex->server->options.local
            ? !check_peer(ex, res) || !check_not_forwarded(ex, res)
            : !take_client(ex, res))
    {
        return false;
    }
    (void) pn_str_cut(path, '?', &path, &query);
    ex->req.path = path;
    ex->req.method = method_of(head.method);
    if (!take_query(ex, query, res) || !find_route(ex, res)) {
        return false;
    }
    if (ex->body_size > 0) {
        ex->body = pn_arena_alloc(ex->req.arena, ex->body_size);
        if (ex->body == NULL) {
            return REFUSE(ex, res, 503, "no_memory", "Out of memory.");
        }
    }
    return true;
}

/* --- what handlers ask --------------------------------------------------- */

const char *
pn_http_header(const struct pn_http_request *req, const char *name)
{
    const struct pn_http_exchange *ex = req->connection;
    const struct pn_http_field *field =
        pn_http_field_find(ex->field, ex->field_count, pn_str_from(name));

    /* MHD ends every value with NUL, and the check let none inside. */
    return field != NULL ? field->value.ptr : NULL;
}

const char *
pn_http_query(const struct pn_http_request *req, const char *name)
{
    const struct pn_http_exchange *ex = req->connection;

    for (size_t i = 0; i < ex->param_count; i++) {
        if (strcmp(ex->param[i].name, name) == 0) {
            return ex->param[i].value;
        }
    }
    return NULL;
}

void
pn_http_query_each(const struct pn_http_request *req,
                   void (*call)(void *arg, const char *name), void *arg)
{
    const struct pn_http_exchange *ex = req->connection;

    for (size_t i = 0; i < ex->param_count; i++) {
        call(arg, ex->param[i].name);
    }
}

void
pn_http_add_header(struct pn_http_response *res, const char *name,
                   const char *value)
{
    if (res->header_count < PN_LEN(res->headers)) {
        res->headers[res->header_count].name = name;
        res->headers[res->header_count].value = value;
        res->header_count++;
    }
}

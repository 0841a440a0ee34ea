/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd's callbacks, and starting and stopping it.
 *
 * A thread per connection: a handler may wait for a disk (a change is answered
 * when it is durable) or for Argon2, and with a pool of event loops it would
 * hold up every connection that shares its thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/str.h"
#include "daemon/http/exchange.h"

enum {
    CONNECTION_BYTES = 64 << 10, /* MHD's own buffers; heads are capped below */
    STACK_BYTES = 1 << 20,
    TIMEOUT_S = 60, /* of a silent connection */
    DRAIN_S = 10,
    STREAM_BYTES = 32 << 10, /* of a streamed body at a time */
};

/* --- one exchange -------------------------------------------------------- */

static void
make_request_id(char out[24])
{
    uint64_t random = 0;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t) sizeof(random)) {
        random = (uint64_t) (uintptr_t) out; /* an id, not a secret */
    }
    (void) snprintf(out, 24, "req_%016llx", (unsigned long long) random);
}

/* MHD calls this first for each request, with the target as it was sent. */
static void *
begin(void *arg, const char *target, struct MHD_Connection *connection)
{
    struct pn_http_server *server = arg;
    struct pn_arena *arena = pn_arena_new(PN_HTTP_ARENA_MAX);
    struct pn_http_exchange *ex =
        arena != NULL ? pn_arena_alloc(arena, sizeof(*ex)) : NULL;
    char *copy = ex != NULL ? pn_arena_dup(arena, pn_str_from(target)) : NULL;

    if (copy == NULL) {
        pn_arena_free(arena);
        return NULL;
    }
    ex->req.arena = arena;
    ex->req.connection = ex;
    ex->server = server;
    ex->connection = connection;
    ex->target = copy;
    make_request_id(ex->req.request_id);
    (void) pthread_mutex_lock(&server->mutex);
    server->active++;
    (void) pthread_mutex_unlock(&server->mutex);
    return ex;
}

static void
end(void *arg, struct MHD_Connection *connection, void **slot,
    enum MHD_RequestTerminationCode code)
{
    struct pn_http_server *server = arg;
    struct pn_http_exchange *ex = *slot;

    (void) connection;
    (void) code;
    if (ex == NULL) {
        return;
    }
    if (ex->body != NULL) {
        pn_wipe(ex->body, ex->body_size); /* passwords come this way */
    }
    pn_arena_free(ex->req.arena);
    *slot = NULL;
    (void) pthread_mutex_lock(&server->mutex);
    if (--server->active == 0) {
        (void) pthread_cond_broadcast(&server->idle);
    }
    (void) pthread_mutex_unlock(&server->mutex);
}

/* --- answers ------------------------------------------------------------- */

/* On every answer, unless the handler has set the same. */
static const struct {
    const char *name, *value;
} always[] = {
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
};

static bool
has_header(const struct pn_http_response *res, const char *name)
{
    for (uint8_t i = 0; i < res->header_count; i++) {
        if (strcasecmp(res->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool
add_headers(struct MHD_Response *response, const struct pn_http_exchange *ex,
            const struct pn_http_response *res)
{
    bool good = MHD_add_response_header(response, "Postern-Request-Id",
                                        ex->req.request_id)
                == MHD_YES;

    for (uint8_t i = 0; i < res->header_count && good; i++) {
        good = MHD_add_response_header(response, res->headers[i].name,
                                       res->headers[i].value)
               == MHD_YES;
    }
    for (size_t i = 0; i < PN_LEN(always) && good; i++) {
        good = has_header(res, always[i].name)
               || MHD_add_response_header(response, always[i].name,
                                          always[i].value)
                      == MHD_YES;
    }
    if (good && res->content_type != NULL) {
        good =
            MHD_add_response_header(response, "Content-Type", res->content_type)
            == MHD_YES;
    }
    return good;
}

static bool
is_stopping(struct pn_http_server *server)
{
    bool stopping;

    (void) pthread_mutex_lock(&server->mutex);
    stopping = server->stopping;
    (void) pthread_mutex_unlock(&server->mutex);
    return stopping;
}

/* A stream that is being sent, apart from its request. */
struct sending {
    struct pn_http_stream stream;
    struct pn_http_server *server;
};

static ssize_t
send_piece(void *arg, uint64_t at, char *out, size_t cap)
{
    struct sending *sending = arg;
    ssize_t n = is_stopping(sending->server)
                    ? -1
                    : sending->stream.read(sending->stream.arg, out, cap);

    (void) at;
    if (n < 0) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    return n > 0 ? n : MHD_CONTENT_READER_END_OF_STREAM;
}

static void
send_done(void *arg)
{
    struct sending *sending = arg;

    sending->stream.done(sending->stream.arg);
    free(sending);
}

static struct MHD_Response *
stream_response(struct pn_http_server *server,
                const struct pn_http_stream *stream)
{
    struct sending *sending = calloc(1, sizeof(*sending));
    struct MHD_Response *response = NULL;

    if (sending != NULL) {
        *sending = (struct sending){*stream, server};
        response = MHD_create_response_from_callback(
            MHD_SIZE_UNKNOWN, STREAM_BYTES, send_piece, sending, send_done);
    }
    if (response == NULL) {
        stream->done(stream->arg);
        free(sending);
    }
    return response;
}

enum after { KEEP_OPEN = 0, CLOSE };

static enum MHD_Result
answer(struct pn_http_exchange *ex, const struct pn_http_response *res,
       enum after after)
{
    struct MHD_Response *response =
        res->stream.read != NULL
            ? stream_response(ex->server, &res->stream)
            : MHD_create_response_from_buffer(res->body.len,
                                              pn_unconst(res->body.ptr),
                                              MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_NO;

    if (response == NULL) {
        return MHD_NO;
    }
    if (add_headers(response, ex, res)
        && (after == KEEP_OPEN
            || MHD_add_response_header(response, "Connection", "close")
                   == MHD_YES))
    {
        result = MHD_queue_response(
            ex->connection, res->status != 0 ? res->status : 500, response);
    }
    MHD_destroy_response(response);
    ex->answered = true;
    return result;
}

/*
 * The head was refused.  Closing with a body unread resets the connection, and
 * the answer with it; so a body of a size we take is read and forgotten first.
 */
static enum MHD_Result
refuse_head(struct pn_http_exchange *ex, const struct pn_http_response *res)
{
    if (!ex->head_fits || ex->body_size == 0) {
        return answer(ex, res, CLOSE);
    }
    ex->refused = true;
    ex->refusal = *res;
    return MHD_YES;
}

static void
handle(struct pn_http_exchange *ex, struct pn_http_response *res)
{
    struct pn_http_server *server = ex->server;

    (void) pthread_mutex_lock(&server->mutex);
    server->handling++;
    (void) pthread_mutex_unlock(&server->mutex);
    ex->route->handler(server->options.context, &ex->req, res);
    (void) pthread_mutex_lock(&server->mutex);
    server->handling--;
    server->handled++;
    (void) pthread_mutex_unlock(&server->mutex);
}

/*
 * MHD calls this once when the head is there, then for each piece of the body,
 * and last with none.  After a head that was refused the connection is closed;
 * nothing that follows can be taken for a request.
 */
static enum MHD_Result
/* NOLINTNEXTLINE(readability-function-size): MHD's type of callback */
serve(void *arg, struct MHD_Connection *connection, const char *url,
      const char *method, const char *version, const char *upload,
      size_t *upload_len, void **slot)
{
    struct pn_http_server *server = arg;
    struct pn_http_exchange *ex = *slot;
    struct pn_http_response res = {0};

    (void) connection;
    (void) url;
    if (ex == NULL || ex->answered) {
        return ex == NULL ? MHD_NO : MHD_YES;
    }
    if (!ex->begun) {
        ex->begun = true;
        return pn_http_exchange_begin(ex, method, version, &res)
                   ? MHD_YES
                   : refuse_head(ex, &res);
    }
    if (*upload_len > 0) {
        if (*upload_len > ex->body_size - ex->body_len) {
            return MHD_NO; /* more than was announced */
        }
        if (!ex->refused) {
            memcpy(ex->body + ex->body_len, upload, *upload_len);
        }
        ex->body_len += *upload_len;
        *upload_len = 0;
        return MHD_YES;
    }
    if (ex->body_len != ex->body_size) {
        return MHD_NO;
    }
    if (ex->refused) {
        return answer(ex, &ex->refusal, CLOSE);
    }
    ex->req.body = (struct pn_str){ex->body, ex->body_len};
    handle(ex, &res);
    return answer(ex, &res, is_stopping(server) ? CLOSE : KEEP_OPEN);
}

/* Targets are decoded by us, once. */
static size_t
keep_escaped(void *arg, struct MHD_Connection *connection, char *text)
{
    (void) arg;
    (void) connection;
    return strlen(text);
}

/* --- start and stop ------------------------------------------------------ */

enum pn_err
pn_http_start(const struct pn_http_options *options,
              struct pn_http_server **out)
{
    struct pn_http_server *server = calloc(1, sizeof(*server));

    if (server == NULL) {
        (void) close(options->listen_fd);
        return PN_E_NOMEM;
    }
    server->options = *options;
    server->name_len = sizeof(server->name);
    if (getsockname(options->listen_fd, (struct sockaddr *) &server->name,
                    &server->name_len)
        != 0)
    {
        server->name_len = 0; /* it will not pass a probe */
    }
    (void) pthread_mutex_init(&server->mutex, NULL);
    (void) pthread_cond_init(&server->idle, NULL);
    server->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD
            | MHD_USE_POLL | MHD_USE_ITC,
        0, NULL, NULL, serve, server, MHD_OPTION_LISTEN_SOCKET,
        options->listen_fd, MHD_OPTION_CONNECTION_LIMIT, options->threads,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) CONNECTION_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) TIMEOUT_S,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t) STACK_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_URI_LOG_CALLBACK, begin,
        server, MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, end, server, MHD_OPTION_END);
    if (server->daemon == NULL) {
        (void) close(options->listen_fd);
        (void) pthread_cond_destroy(&server->idle);
        (void) pthread_mutex_destroy(&server->mutex);
        free(server);
        return PN_E_IO;
    }
    *out = server;
    return PN_OK;
}

/* Until no request runs, or DRAIN_S is over. */
static void
drain(struct pn_http_server *server)
{
    struct timespec until;
    int rc = 0;

    (void) clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DRAIN_S;
    (void) pthread_mutex_lock(&server->mutex);
    server->stopping = true;
    while (server->active > 0 && rc == 0) {
        rc = pthread_cond_timedwait(&server->idle, &server->mutex, &until);
    }
    (void) pthread_mutex_unlock(&server->mutex);
}

void
pn_http_stop(struct pn_http_server *server)
{
    if (server == NULL) {
        return;
    }
    MHD_socket fd = MHD_quiesce_daemon(server->daemon);

    drain(server);
    MHD_stop_daemon(server->daemon);
    if (fd != MHD_INVALID_SOCKET) {
        (void) close(fd);
    }
    (void) pthread_cond_destroy(&server->idle);
    (void) pthread_mutex_destroy(&server->mutex);
    free(server);
}

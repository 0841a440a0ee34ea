/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request on its way through the server.  Nothing outside this folder
 * includes it.
 */
#ifndef PN_DAEMON_HTTP_EXCHANGE_H
#define PN_DAEMON_HTTP_EXCHANGE_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>

#include "daemon/http/head.h"
#include "daemon/http/http.h"

struct pn_http_server {
    struct MHD_Daemon *daemon;
    struct pn_http_options options;
    pthread_mutex_t mutex;
    pthread_cond_t idle;
    unsigned active; /* exchanges that exist */
    bool stopping;
    unsigned handling;                /* handlers that run */
    uint64_t handled, handled_before; /* that have ended; at the last probe */
    struct sockaddr_storage name;     /* where it listens */
    socklen_t name_len;
};

struct pn_http_exchange {
    struct pn_http_request req; /* req.connection points back here */
    struct pn_http_server *server;
    struct MHD_Connection *connection;
    const char *target;
    struct pn_http_field field[PN_HTTP_HEADERS_MAX + 1];
    size_t field_count;
    struct pn_http_param param[PN_HTTP_PARAMS_MAX];
    size_t param_count;
    const struct pn_http_route *route;
    char *body; /* body_size bytes, len of them received */
    size_t body_size, body_len;
    bool begun, answered;
    bool head_fits; /* body_size is what the client said, and not too much */
    bool refused;   /* refusal is sent when the body was read, and forgotten */
    struct pn_http_response refusal;
    char address[INET6_ADDRSTRLEN];
};

/*
 * Judge the head that MHD understood, and find the route.  Returns false with
 * an answer in *res when the request ends here; the connection must then be
 * closed, since its body was not read.
 */
PN_MUST_USE bool pn_http_exchange_begin(struct pn_http_exchange *ex,
                                        const char *method, const char *version,
                                        struct pn_http_response *res);

#endif

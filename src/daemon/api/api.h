/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The REST API (docs/openapi.yaml): a table of routes, one file per noun.
 * JSON becomes a call of ops, and its answer JSON again; nothing is decided
 * here but who is asking.
 */
#ifndef PN_DAEMON_API_API_H
#define PN_DAEMON_API_API_H

#include "daemon/http/http.h"
#include "daemon/ops/ops.h"

enum { PN_API_RECEIVERS_MAX = 4 };

/* A receiver of audit events. */
struct pn_api_receiver {
    const char *name; /* letters, digits, "_", "-", "." */
    bool leads, up;
    uint64_t behind, sent, failures;
};

/* Numbers that others count, for GET /metrics. */
struct pn_api_counts {
    uint64_t usage_datagrams, usage_refused, usage_lines, usage_lost;
    struct pn_api_receiver receiver[PN_API_RECEIVERS_MAX];
    unsigned receiver_count;
};

struct pn_api {
    struct pn_ops *ops;
    int64_t started_at;
    /* Fills in what the jobs counted; NULL = nothing to count. */
    void (*counts)(void *arg, struct pn_api_counts *out);
    void *counts_arg;
};

extern const struct pn_http_route pn_api_routes[];
extern const size_t pn_api_route_count;

/* For struct pn_http_options.problem; the context is a struct pn_api. */
void pn_api_problem(const struct pn_http_request *request, unsigned status,
                    const char *code, const char *detail,
                    struct pn_http_response *response);

#endif

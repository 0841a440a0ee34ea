/* SPDX-License-Identifier: Apache-2.0 */
/* What monitors ask, and the description of this interface. */
#include "base/buf.h"
#include "base/str.h"
#include "daemon/api/call.h"
#include "daemon/api/openapi.h"

static const struct pn_call_rule anyone = {.who = PN_ANYONE};

/* The process answers. */
void
pn_api_healthz_get(void *context, const struct pn_http_request *req,
                   struct pn_http_response *res)
{
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &anyone)) {
        pn_call_answer(
            &call, 200,
            pn_json_defer(call.arena, json_pack("{s:s}", "status", "ok")));
    }
}

/* Store and index work: changes can be made, and come into force. */
void
pn_api_readyz_get(void *context, const struct pn_http_request *req,
                  struct pn_http_response *res)
{
    struct pn_health health = {0};
    struct pn_call call;
    bool good;

    if (!pn_call_begin(&call, context, req, res, &anyone)) {
        return;
    }
    pn_ops_health(call.api->ops, &health);
    good = health.store_ok && health.index_ok;
    pn_call_answer(
        &call, good ? 200 : 503,
        pn_json_defer(call.arena,
                      json_pack("{s:s, s:b, s:b}", "status",
                                good ? "ready" : "not_ready", "store",
                                health.store_ok, "index", health.index_ok)));
}

/* --- metrics ------------------------------------------------------------- */

struct metric {
    const char *name, *type, *help;
    uint64_t value;
};

static void
add_head(struct pn_buf *out, const struct metric *m)
{
    pn_buf_addf(out, "# HELP postern_%s %s\n# TYPE postern_%s %s\n", m->name,
                m->help, m->name, m->type);
}

static void
add_metric(struct pn_buf *out, const struct metric *m)
{
    add_head(out, m);
    pn_buf_addf(out, "postern_%s %llu\n", m->name,
                (unsigned long long) m->value);
}

/* One line a receiver, for each of its numbers. */
static void
add_receivers(struct pn_buf *out, const struct pn_api_counts *counts)
{
    static const struct metric metrics[] = {
        {"syslog_leads", "gauge", "1 when this node sends to it.", 0},
        {"syslog_up", "gauge", "1 when it is connected.", 0},
        {"syslog_behind", "gauge", "Audit events it does not have yet.", 0},
        {"syslog_sent_total", "counter", "Messages sent to it.", 0},
        {"syslog_failures_total", "counter", "Attempts that failed.", 0},
    };

    for (size_t i = 0; counts->receiver_count > 0 && i < PN_LEN(metrics); i++) {
        add_head(out, &metrics[i]);
        for (unsigned n = 0; n < counts->receiver_count; n++) {
            const struct pn_api_receiver *r = &counts->receiver[n];
            const uint64_t values[] = {r->leads, r->up, r->behind, r->sent,
                                       r->failures};

            _Static_assert(PN_LEN(values) == PN_LEN(metrics), "one each");
            pn_buf_addf(out, "postern_%s{receiver=\"%s\"} %llu\n",
                        metrics[i].name, r->name,
                        (unsigned long long) values[i]);
        }
    }
}

static void
write_metrics(struct pn_call *call, struct pn_buf *out)
{
    struct pn_health h = {0};
    struct pn_api_counts c = {0};

    pn_ops_health(call->api->ops, &h);
    if (call->api->counts != NULL) {
        call->api->counts(call->api->counts_arg, &c);
    }
    const struct metric metrics[] = {
        {"start_time_seconds", "gauge", "When posternd started.",
         (uint64_t) call->api->started_at},
        {"store_up", "gauge", "1 when the database works.", h.store_ok},
        {"index_up", "gauge", "1 when the index can be written.", h.index_ok},
        {"store_position", "gauge", "Changes in the store.",
         (uint64_t) h.store_position},
        {"index_position", "gauge", "Changes in the index.",
         (uint64_t) h.index.position},
        {"index_generation", "gauge", "Generation of the index.",
         h.index.generation},
        {"index_tokens", "gauge", "Token secrets in the index.",
         h.index.tokens},
        {"index_owners", "gauge", "Owners in the index.", h.index.owners},
        {"index_apps", "gauge", "Apps in the index.", h.index.apps},
        {"index_live_bytes", "gauge", "Bytes of the index in use.",
         h.index.live_bytes},
        {"index_file_bytes", "gauge", "Bytes of the index file.",
         h.index.file_bytes},
        {"index_readers", "gauge", "Reader slots in use.", h.index.readers},
        {"changes_total", "counter", "Changes made.", h.changes_total},
        {"changes_failed_total", "counter", "Changes refused or failed.",
         h.changes_failed_total},
        {"change_batches_total", "counter", "Transactions they took.",
         h.batches_total},
        {"usage_datagrams_total", "counter", "Reports from workers.",
         c.usage_datagrams},
        {"usage_refused_total", "counter", "Reports that were not understood.",
         c.usage_refused},
        {"usage_lines_total", "counter", "Lines of those reports.",
         c.usage_lines},
        {"usage_lost_total", "counter", "Uses for which there was no room.",
         c.usage_lost},
    };

    for (size_t i = 0; i < PN_LEN(metrics); i++) {
        add_metric(out, &metrics[i]);
    }
    add_receivers(out, &c);
}

/* Not for the public: the administrator's socket, or whoever sees all. */
void
pn_api_metrics_get(void *context, const struct pn_http_request *req,
                   struct pn_http_response *res)
{
    enum { METRICS_MAX = 16 << 10 };
    static const struct pn_call_rule rule = {.who = PN_SIGNED_IN};
    struct pn_call call;
    struct pn_buf out = {.cap = METRICS_MAX};

    if (!pn_call_begin(&call, context, req, res, &rule)) {
        return;
    }
    if (call.caller.kind != PN_CALLER_LOCAL
        && (call.caller.kind != PN_CALLER_SESSION
            || call.caller.role < PN_ROLE_AUDITOR))
    {
        (void) pn_call_refuse(&call, 403, "not_permitted",
                              "Metrics are for auditors, administrators and "
                              "the administrator's socket.");
        return;
    }
    out.ptr = pn_arena_alloc(call.arena, METRICS_MAX);
    if (out.ptr == NULL) {
        (void) pn_call_no_memory(&call);
        return;
    }
    write_metrics(&call, &out);
    res->status = 200;
    res->content_type = "text/plain; version=0.0.4; charset=utf-8";
    res->body = pn_buf_str(&out);
}

/* --- description --------------------------------------------------------- */

void
pn_api_openapi_get(void *context, const struct pn_http_request *req,
                   struct pn_http_response *res)
{
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &anyone)) {
        res->status = 200;
        res->content_type = "application/yaml";
        res->body = pn_openapi;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The index: how it is, and making it anew. */
#include "daemon/api/call.h"
#include "daemon/model/parts.h"

static const char *const states[] = {
    [PN_REBUILD_NEVER] = "never",
    [PN_REBUILD_RUNNING] = "running",
    [PN_REBUILD_DONE] = "done",
    [PN_REBUILD_FAILED] = "failed",
};

static json_t *
number(uint64_t value)
{
    return json_integer((json_int_t) value);
}

static json_t *
rebuild_json(const struct pn_index_report *report)
{
    const bool failed = report->rebuild.state == PN_REBUILD_FAILED;

    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:s?}", "state",
                     states[report->rebuild.state], "started_at",
                     pn_part_instant_json(report->rebuild.started_at),
                     "ended_at", pn_part_instant_json(report->rebuild.ended_at),
                     "done", number(report->rebuild.done), "total",
                     number(report->rebuild.total), "error",
                     failed ? pn_err_text(report->rebuild.err) : NULL);
}

static json_t *
report_json(const struct pn_index_report *report, struct pn_arena *arena)
{
    const struct pn_index_stats *index = &report->index;
    json_t *doc = pn_json_defer(
        arena, json_pack("{s:b, s:I, s:o}", "known", report->known,
                         "store_position", (json_int_t) report->store_position,
                         "rebuild", rebuild_json(report)));
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"generation", index->generation},
        {"position", (uint64_t) index->position},
        {"secrets", index->tokens},
        {"owners", index->owners},
        {"apps", index->apps},
        {"live_bytes", index->live_bytes},
        {"file_bytes", index->file_bytes},
        {"readers", index->readers},
    };

    for (size_t i = 0; doc != NULL && i < PN_LEN(numbers); i++) {
        json_t *value = report->known ? number(numbers[i].value) : json_null();

        if (json_object_set_new(doc, numbers[i].name, value) != 0) {
            return NULL;
        }
    }
    return doc;
}

static void
answer_report(struct pn_call *call, unsigned status)
{
    struct pn_index_report report;

    if (!pn_ops_index(call->api->ops, &call->caller, call->arena, &report,
                      &call->fault))
    {
        (void) pn_call_fail(call);
        return;
    }
    pn_call_answer(call, status, report_json(&report, call->arena));
}

void
pn_api_index_get(void *context, const struct pn_http_request *req,
                 struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.who = PN_SIGNED_IN};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &rule)) {
        answer_report(&call, 200);
    }
}

void
pn_api_index_rebuild(void *context, const struct pn_http_request *req,
                     struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.who = PN_SIGNED_IN};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)) {
        return;
    }
    if (!pn_ops_index_rebuild(call.api->ops, &call.caller, call.arena,
                              &call.fault)) {
        (void) pn_call_fail(&call);
        return;
    }
    answer_report(&call, 202);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit: pages, an export of any length, the check of the chain, and the
 * erasing of a person.
 */
#include <stdlib.h>
#include <string.h>

#include "base/datetime.h"
#include "base/str.h"
#include "daemon/api/lines.h"
#include "daemon/model/doc.h"
#include "daemon/ops/audit.h"

enum {
    VERIFY_EVENTS = 100000, /* checked by one call; more: the next one */
    EXPORT_EVENTS = 100,    /* read at a time */
    FILTER_MAX = 255,       /* bytes of a filter */
};

#define FILTERS                                                                \
    "actor", "action", "subject", "address", "request_id", "since", "until"

/* --- query --------------------------------------------------------------- */

static bool
wrong_parameter(struct pn_call *call, const char *name, const char *detail)
{
    const char *pointer = pn_arena_printf(call->arena, "?%s", name);

    pn_fault_field_add(&call->fault, call->arena,
                       pointer != NULL ? pointer : "", "invalid_parameter",
                       "%s", detail);
    call->fault.status = 400;
    return pn_call_fail(call);
}

static bool
take_text(struct pn_call *call, const char *name, const char **out)
{
    const char *text = pn_http_query(call->req, name);
    struct pn_str value = pn_str_from(text);

    if (text != NULL && (value.len == 0 || value.len > FILTER_MAX)) {
        return wrong_parameter(call, name,
                               "The value must have 1 to 255 bytes.");
    }
    *out = text;
    return true;
}

static bool
take_instant(struct pn_call *call, const char *name, int64_t *out)
{
    const char *text = pn_http_query(call->req, name);

    return text == NULL || pn_datetime_parse(pn_str_from(text), out) == PN_OK
           || wrong_parameter(call, name,
                              "The instant must look like "
                              "2027-01-31T00:00:00Z.");
}

static bool
take_filter(struct pn_call *call, struct pn_audit_filter *out)
{
    return take_text(call, "actor", &out->actor)
           && take_text(call, "action", &out->action)
           && take_text(call, "subject", &out->subject)
           && take_text(call, "address", &out->address)
           && take_text(call, "request_id", &out->request_id)
           && take_instant(call, "since", &out->since)
           && take_instant(call, "until", &out->until);
}

static bool
take_order(struct pn_call *call, struct pn_audit_query *out)
{
    const char *order = pn_http_query(call->req, "order");

    if (order == NULL || strcmp(order, "oldest") == 0) {
        out->order = PN_AUDIT_OLDEST_FIRST;
    } else if (strcmp(order, "newest") == 0) {
        out->order = PN_AUDIT_NEWEST_FIRST;
    } else {
        return wrong_parameter(call, "order",
                               "The order is \"oldest\" or \"newest\".");
    }
    return true;
}

/* --- pages --------------------------------------------------------------- */

static json_t *
event_json(const void *event, struct pn_arena *arena)
{
    return pn_audit_to_json(event, arena);
}

void
pn_api_audit_get(void *context, const struct pn_http_request *req,
                 struct pn_http_response *res)
{
    static const char *const names[] = {"cursor", "limit", "order", FILTERS,
                                        NULL};
    static const struct pn_call_rule paged = {.query = names};
    struct pn_audit_list events = {0};
    struct pn_audit_query query = {.page = {0}};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &paged)
        || !pn_call_page(&call, &query.page) || !take_order(&call, &query)
        || !take_filter(&call, &query.filter))
    {
        return;
    }
    if (!pn_ops_audit(call.api->ops, &call.caller, &query, call.arena, &events,
                      &call.fault))
    {
        (void) pn_call_fail(&call);
        return;
    }
    pn_call_answer_list(&call, &(struct pn_call_items){
                                   .item = events.item,
                                   .size = sizeof(*events.item),
                                   .count = events.count,
                                   .next = events.next,
                                   .to_json = event_json,
                               });
}

/* --- export -------------------------------------------------------------- */

/* Texts of the filter are the request's and live until the answer is sent. */
struct export
{
    struct pn_lines_source source;
    struct pn_audit_filter filter;
};

static bool
export_read(struct pn_lines_source *source, struct pn_arena *arena,
            struct pn_lines_page *out, struct pn_fault *fault)
{
    const struct export *export = (const struct export *) source;
    const struct pn_audit_query query = {
        .page = {source->cursor, EXPORT_EVENTS},
        .filter = export->filter,
    };
    struct pn_audit_list events;

    if (!pn_ops_audit(source->ops, &source->caller, &query, arena, &events,
                      fault)) {
        return false;
    }
    *out = (struct pn_lines_page){events.item, sizeof(*events.item),
                                  events.count, false};
    return pn_lines_go_on(source, events.next, out);
}

static json_t *
export_line(struct pn_lines_source *source, const void *item,
            struct pn_arena *arena)
{
    (void) source;
    return pn_audit_to_json(item, arena);
}

void
pn_api_audit_export_get(void *context, const struct pn_http_request *req,
                        struct pn_http_response *res)
{
    static const char *const names[] = {FILTERS, NULL};
    static const struct pn_call_rule filtered = {.query = names};
    struct pn_audit_filter filter = {0};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &filtered)
        || !take_filter(&call, &filter))
    {
        return;
    }
    struct export *export = calloc(1, sizeof(*export));

    if (export != NULL) {
        export->filter = filter;
        export->source.read = export_read;
        export->source.line = export_line;
    }
    pn_call_answer_lines(&call, export != NULL ? &export->source : NULL);
}

/* --- verify -------------------------------------------------------------- */

static bool
take_mark(struct pn_call *call, const char *name, struct pn_audit_mark *out)
{
    const char *text = pn_http_query(call->req, name);

    return text == NULL || pn_audit_mark_parse(pn_str_from(text), out) == PN_OK
           || wrong_parameter(call, name,
                              "It must be HASH@POSITION, as an earlier check "
                              "printed it.");
}

void
pn_api_audit_verify_get(void *context, const struct pn_http_request *req,
                        struct pn_http_response *res)
{
    static const char *const names[] = {"cursor", "checkpoint", NULL};
    static const struct pn_call_rule rule = {.query = names};
    struct pn_audit_check check = {.limit = VERIFY_EVENTS};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !take_mark(&call, "cursor", &check.at)
        || !take_mark(&call, "checkpoint", &check.kept))
    {
        return;
    }
    if (!pn_ops_audit_verify(call.api->ops, &call.caller, &check, call.arena,
                             &call.fault))
    {
        (void) pn_call_fail(&call);
        return;
    }
    pn_call_answer(&call, 200, pn_audit_check_to_json(&check, call.arena));
}

/* --- erase --------------------------------------------------------------- */

static bool
read_username(struct pn_call *call, char **out)
{
    static const char *const names[] = {"username", NULL};
    static const struct pn_doc_text text = {
        .what = "user name", .min = 1, .max = PN_USERNAME_MAX};
    struct pn_doc_run run = {.arena = call->arena, .fault = &call->fault};
    struct pn_doc doc;

    if (pn_doc_begin(&run, call->body, &doc)) {
        pn_doc_known(&doc, names, pn_no_names);
        pn_doc_text(&doc, "username", &text, out);
        if (!pn_doc_has(&doc, "username")) {
            pn_doc_bad(&doc, "username", "required",
                       "The user name is missing.");
        }
    }
    return pn_doc_verdict(&run) == PN_OK || pn_call_fail(call);
}

void
pn_api_audit_erase_post(void *context, const struct pn_http_request *req,
                        struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.body = PN_BODY_JSON};
    struct pn_audit_erasure erasure = {.username = NULL};
    char *username = NULL;
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !read_username(&call, &username))
    {
        return;
    }
    erasure.username = username;
    if (!pn_ops_audit_erase(call.api->ops, &call.caller, &erasure, call.arena,
                            &call.fault))
    {
        (void) pn_call_fail(&call);
        return;
    }
    pn_call_answer(
        &call, 200,
        pn_json_defer(call.arena,
                      json_pack("{s:s, s:I}", "pseudonym", erasure.pseudonym,
                                "events", (json_int_t) erasure.events)));
}

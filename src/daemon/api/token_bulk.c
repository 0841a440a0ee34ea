/* SPDX-License-Identifier: Apache-2.0 */
/* One act for many tokens, with a preview. */
#include <string.h>

#include "base/str.h"
#include "core/id.h"
#include "daemon/api/token_filter.h"
#include "daemon/model/parts.h"

/* --- what is asked ------------------------------------------------------- */

static void
read_id(const struct pn_doc *item, const char *text, uint64_t *out)
{
    if (text != NULL
        && pn_id_parse(PN_ID_TOKEN, pn_str_from(text), out) != PN_OK) {
        pn_doc_bad(item, "", "invalid_id",
                   "A token id looks like tok_0123456789abc.");
    }
}

static void
read_ids(const struct pn_doc *doc, struct pn_bulk *out)
{
    json_t *list = pn_doc_array(doc, "ids", PN_BULK_IDS_MAX), *value;
    uint64_t *ids = pn_doc_alloc(doc, json_array_size(list) + 1, sizeof(*ids));
    size_t i;

    json_array_foreach(list, i, value)
    {
        const struct pn_doc item = pn_doc_at(doc, "ids", i, value);

        if (!json_is_string(value)) {
            pn_doc_bad(&item, "", "invalid_type", "An id is a text.");
        } else if (ids != NULL) {
            read_id(&item, json_string_value(value), &ids[i]);
        }
    }
    if (list != NULL && json_array_size(list) == 0) {
        pn_doc_bad(doc, "ids", "empty", "Name at least one token.");
    }
    out->ids = ids;
    out->id_count = json_array_size(list);
}

static void
read_filter(const struct pn_doc *doc, struct pn_token_query *query,
            struct pn_bulk *out)
{
    static const char *const names[] = {
        "state",      "owner",          "group",          "app",
        "search",     "never_used",     "unused_days",    "no_expiry",
        "no_ip_rule", "expires_before", "to_be_disabled", NULL};
    struct pn_doc filter;

    if (pn_doc_child(doc, "filter", &filter)) {
        pn_doc_known(&filter, names, pn_no_names);
        pn_token_filter_read(&filter, query);
        out->query = query;
    } else if (pn_doc_is_null(doc, "filter")) {
        pn_doc_bad(doc, "filter", "invalid_type",
                   "The filter must be an object; {} is every token.");
    }
}

static void
read_bulk(const struct pn_doc *doc, struct pn_token_query *query,
          struct pn_bulk *out)
{
    static const char *const names[] = {"action", "ids",        "filter",
                                        "reason", "expires_at", NULL};
    static const char *const actions[] = {"revoke", "disable", "enable",
                                          "shorten", NULL};
    static const struct pn_doc_text reason = {
        .what = "reason", .max = 200, .null = PN_NULL_IS_ZERO};
    char *why = NULL;
    unsigned action = 0;

    pn_doc_known(doc, names, pn_no_names);
    if (!pn_doc_has(doc, "action")) {
        pn_doc_bad(doc, "action", "required", "The action is missing.");
    }
    pn_doc_word(doc, "action", actions, &action);
    pn_doc_text(doc, "reason", &reason, &why);
    pn_doc_instant(doc, "expires_at", PN_NULL_REFUSED, &out->expires_at);
    if (pn_doc_has(doc, "ids") == pn_doc_has(doc, "filter")) {
        pn_doc_bad(doc, "ids", "invalid_choice",
                   "Give either \"ids\" or a \"filter\".");
        return;
    }
    if ((action == PN_BULK_SHORTEN) != pn_doc_has(doc, "expires_at")) {
        pn_doc_bad(doc, "expires_at",
                   action == PN_BULK_SHORTEN ? "required" : "conflict",
                   "\"shorten\" needs \"expires_at\", and nothing else does.");
    }
    if (pn_doc_has(doc, "ids")) {
        read_ids(doc, out);
    }
    read_filter(doc, query, out);
    out->action = action;
    out->reason = why;
}

static bool
take_preview(struct pn_call *call, bool *out)
{
    const char *text = pn_http_query(call->req, "preview");

    *out = text != NULL && strcmp(text, "true") == 0;
    if (text == NULL || *out || strcmp(text, "false") == 0) {
        return true;
    }
    pn_fault_field_add(&call->fault, call->arena, "?preview",
                       "invalid_parameter", "preview is true or false.");
    call->fault.status = 400;
    return pn_call_fail(call);
}

/* --- what is answered ---------------------------------------------------- */

static json_t *
item_json(const struct pn_bulk_item *item)
{
    static const char *const effects[] = {
        [PN_BULK_UNAFFECTED] = "unaffected",
        [PN_BULK_STOPPED] = "stopped",
        [PN_BULK_RESUMED] = "resumed",
        [PN_BULK_SHORTENED] = "shortened",
    };
    char id[PN_ID_TEXT_LEN + 1];

    pn_id_format(PN_ID_TOKEN, item->id, id);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "id", id, "owner",
                     item->owner, "name", item->name, "effect",
                     effects[item->effect], "new_expires_at",
                     pn_part_instant_json(item->new_expires_at), "last_used_at",
                     pn_part_instant_json(item->last_used_at));
}

static json_t *
items_json(const struct pn_bulk_result *result)
{
    json_t *list = json_array();

    for (size_t i = 0; list != NULL && i < result->count; i++) {
        if (json_array_append_new(list, item_json(&result->item[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *
failed_json(const struct pn_bulk_result *result)
{
    json_t *list = json_array();

    for (size_t i = 0; list != NULL && i < result->failed_count; i++) {
        const struct pn_bulk_failure *failure = &result->failed[i];
        char id[PN_ID_TEXT_LEN + 1];

        pn_id_format(PN_ID_TOKEN, failure->id, id);
        if (json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "id", id,
                                                  "code", failure->code,
                                                  "detail", failure->detail))
            != 0)
        {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *
result_json(struct pn_call *call, const struct pn_bulk_result *r)
{
    return pn_json_defer(
        call->arena,
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:{s:o}, s:o}",
                  "unaffected", (json_int_t) r->unaffected, "shortened",
                  (json_int_t) r->shortened, "stopped", (json_int_t) r->stopped,
                  "resumed", (json_int_t) r->resumed, "owners",
                  (json_int_t) r->owners, "used_24h", (json_int_t) r->used_24h,
                  "more", r->more, "tokens", "items", items_json(r), "failed",
                  failed_json(r)));
}

void
pn_api_tokens_bulk(void *context, const struct pn_http_request *req,
                   struct pn_http_response *res)
{
    static const char *const query_names[] = {"preview", NULL};
    static const struct pn_call_rule rule = {.body = PN_BODY_JSON,
                                             .query = query_names};
    struct pn_token_query query = {.owner = NULL};
    struct pn_bulk bulk = {.query = NULL};
    struct pn_bulk_result result;
    struct pn_doc_run run;
    struct pn_call call;
    struct pn_doc doc;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !take_preview(&call, &bulk.preview))
    {
        return;
    }
    run = (struct pn_doc_run){.arena = call.arena, .fault = &call.fault};
    if (pn_doc_begin(&run, call.body, &doc)) {
        read_bulk(&doc, &query, &bulk);
    }
    if (pn_doc_verdict(&run) != PN_OK
        || !pn_ops_token_bulk(call.api->ops, &call.caller, &bulk, call.arena,
                              &result, &call.fault))
    {
        (void) pn_call_fail(&call);
        return;
    }
    pn_call_answer(&call, 200, result_json(&call, &result));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Whom address rules in report mode would have refused. */
#include "daemon/ops/reports.h"

#include <netinet/in.h>

#include "base/str.h"
#include "core/id.h"
#include "daemon/api/query.h"
#include "daemon/model/parts.h"

static const char *const query_names[] = {
    "rule", "app", "owner", "token_id", "since", "cursor", "limit", NULL};

static void
read_filter(const struct pn_doc *doc, void *out)
{
    static const char *const rules[] = {"policy", "app", NULL};
    static const struct pn_doc_text name = {
        .what = "name", .min = 1, .max = PN_USERNAME_MAX};
    struct pn_report_query *query = out;
    char *app = NULL, *owner = NULL, *token = NULL;
    unsigned rule = 0;

    if (pn_doc_has(doc, "rule")) {
        pn_doc_word(doc, "rule", rules, &rule);
        query->rule = rule == 0 ? PN_REPORTER_POLICY : PN_REPORTER_APP;
    }
    pn_doc_text(doc, "app", &name, &app);
    pn_doc_text(doc, "owner", &name, &owner);
    pn_doc_text(doc, "token_id", &name, &token);
    pn_doc_instant(doc, "since", PN_NULL_REFUSED, &query->since);
    if (token != NULL
        && pn_id_parse(PN_ID_TOKEN, pn_str_from(token), &query->token_id)
               != PN_OK)
    {
        pn_doc_bad(doc, "token_id", "invalid_id",
                   "A token id looks like tok_0123456789abc.");
    }
    query->app = app;
    query->owner = owner;
}

static json_t *
now_json(enum pn_report_verdict now)
{
    return now == PN_REPORT_UNKNOWN ? json_null()
                                    : json_boolean(now == PN_REPORT_REFUSED);
}

static json_t *
report_json(const void *item, struct pn_arena *arena)
{
    const struct pn_report *report = item;
    const struct pn_address_report *seen = &report->seen;
    char id[PN_ID_TEXT_LEN + 1], text[INET6_ADDRSTRLEN];
    struct pn_buf address = PN_BUF(text);

    pn_id_format(PN_ID_TOKEN, seen->token_id, id);
    pn_ip_format(&seen->address, &address);
    return pn_json_defer(
        arena,
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:b, s:I, s:o, s:o, s:o}",
                  "rule", seen->rule == PN_REPORTER_APP ? "app" : "policy",
                  "app", seen->app, "token_id", id, "token", seen->token,
                  "owner", seen->owner, "address",
                  seen->has_address ? pn_buf_cstr(&address) : NULL,
                  "further_addresses", seen->further, "requests",
                  (json_int_t) seen->uses, "first_at",
                  pn_part_instant_json(seen->first_at), "last_at",
                  pn_part_instant_json(seen->last_at), "refused_now",
                  now_json(report->now)));
}

void
pn_api_policy_reports_get(void *context, const struct pn_http_request *req,
                          struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.query = query_names};
    static const struct pn_query_reader reader = {.names = query_names,
                                                  .read = read_filter};
    struct pn_report_query query = {.app = NULL};
    struct pn_report_list list = {0};
    struct pn_call call;
    json_t *more;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !pn_call_page(&call, &query.page)
        || !pn_query_read(&call, &reader, &query))
    {
        return;
    }
    if (!pn_ops_reports(call.api->ops, &call.caller, &query, call.arena, &list,
                        &call.fault))
    {
        (void) pn_call_fail(&call);
        return;
    }
    more = pn_json_defer(call.arena, json_pack("{s:I}", "unlisted_requests",
                                               (json_int_t) list.beyond));
    if (more == NULL) {
        (void) pn_call_no_memory(&call);
        return;
    }
    pn_call_answer_list(&call, &(struct pn_call_items){
                                   .item = list.item,
                                   .size = sizeof(*list.item),
                                   .count = list.count,
                                   .next = list.next,
                                   .to_json = report_json,
                                   .more = more,
                               });
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The policy, guarded by its version, with previews and its history. */
#include <string.h>

#include "base/str.h"
#include "core/id.h"
#include "daemon/api/call.h"
#include "daemon/model/doc.h"
#include "daemon/model/parts.h"

/* --- policy -------------------------------------------------------------- */

static void
answer_policy(struct pn_call *call, const struct pn_policy *policy, json_t *doc)
{
    char *etag = pn_arena_printf(call->arena, "\"%llu\"",
                                 (unsigned long long) policy->version);

    if (etag == NULL) {
        (void) pn_call_no_memory(call);
        return;
    }
    pn_http_add_header(call->res, "ETag", etag);
    pn_call_answer(call, 200, doc);
}

void
pn_api_policy_get(void *context, const struct pn_http_request *req,
                  struct pn_http_response *res)
{
    static const struct pn_call_rule plain = {.who = PN_SIGNED_IN};
    struct pn_policy policy;
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &plain)) {
        return;
    }
    if (!pn_ops_policy(call.api->ops, &call.caller, call.arena, &policy,
                       &call.fault))
    {
        (void) pn_call_fail(&call);
        return;
    }
    answer_policy(&call, &policy, pn_policy_to_json(&policy, call.arena));
}

/* One strong tag of ours; anything else can match nothing (412). */
static uint64_t
version_of(struct pn_str tag)
{
    uint64_t version = 0;

    if (tag.len < 3 || tag.len > 21 || tag.ptr[0] != '"'
        || tag.ptr[tag.len - 1] != '"')
    {
        return 0;
    }
    for (size_t i = 1; i + 1 < tag.len; i++) {
        if (tag.ptr[i] < '0' || tag.ptr[i] > '9') {
            return 0;
        }
        version = version * 10 + (uint64_t) (tag.ptr[i] - '0');
    }
    return version;
}

static bool
take_version(struct pn_call *call, uint64_t *out)
{
    const char *tag = pn_http_header(call->req, "If-Match");

    if (tag == NULL) {
        return pn_call_refuse(call, 428, "if_match_required",
                              "Send If-Match with the ETag that GET returned.");
    }
    *out = version_of(pn_str_from(tag));
    return *out != 0
           || pn_call_refuse(call, 412, "version_mismatch",
                             "If-Match is not an ETag of this policy.");
}

/* --- changing it, or looking what that would do -------------------------- */

enum { DAYS_DEFAULT = 14, DAYS_MAX = 3650 };

static const char *const query_change[] = {"preview", "enforce", "days",
                                           "cursor",  "limit",   NULL};

/* What the query of a change asks for. */
struct asked {
    bool preview;
    enum pn_enforce enforce;
    uint32_t days;
    struct pn_page page;
};

static bool
bad_parameter(struct pn_call *call, const char *name, const char *detail)
{
    pn_fault_field_add(&call->fault, call->arena, name, "invalid_parameter",
                       "%s", detail);
    call->fault.status = 400;
    return pn_call_fail(call);
}

static bool
read_preview(struct pn_call *call, struct asked *out)
{
    const char *text = pn_http_query(call->req, "preview");

    out->preview = text != NULL && strcmp(text, "true") == 0;
    if (text != NULL && !out->preview && strcmp(text, "false") != 0) {
        return bad_parameter(call, "?preview", "Use true or false.");
    }
    if (!out->preview
        && (pn_http_query(call->req, "cursor") != NULL
            || pn_http_query(call->req, "limit") != NULL))
    {
        return bad_parameter(call, "?cursor",
                             "Pages are those of a preview: add preview=true.");
    }
    return pn_call_page(call, &out->page);
}

/* A preview shows the most that a change can do, unless it is told how the
 * change would be enforced; the change itself leaves old tokens alone. */
static bool
read_enforce(struct pn_call *call, struct asked *out)
{
    const char *text = pn_http_query(call->req, "enforce");
    const char *days = pn_http_query(call->req, "days");
    uint32_t number = 0;

    out->enforce = out->preview ? PN_ENFORCE_NOW : PN_ENFORCE_NEW;
    if (text != NULL
        && pn_enforce_parse(pn_str_from(text), &out->enforce) != PN_OK) {
        return bad_parameter(call, "?enforce",
                             "Use new (tokens made from now on), after (with "
                             "days=N) or now.");
    }
    out->days = out->enforce == PN_ENFORCE_AFTER ? DAYS_DEFAULT : 0;
    if (days == NULL) {
        return true;
    }
    for (size_t i = 0; days[i] != '\0'; i++) {
        if (days[i] < '0' || days[i] > '9' || number > DAYS_MAX) {
            number = 0;
            break;
        }
        number = number * 10 + (uint32_t) (days[i] - '0');
    }
    if (out->enforce != PN_ENFORCE_AFTER || number == 0 || number > DAYS_MAX) {
        return bad_parameter(call, "?days",
                             "Days are a number from 1 to 3650, with "
                             "enforce=after.");
    }
    out->days = number;
    return true;
}

static json_t *
item_json(const struct pn_preview_item *item)
{
    char id[PN_ID_TEXT_LEN + 1];

    pn_id_format(PN_ID_TOKEN, item->token_id, id);
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:o, s:o, s:o}", "id", id,
                     "owner", item->owner, "name", item->name, "effect",
                     item->effect, "because", item->because, "new_expires_at",
                     pn_part_instant_json(item->new_expires_at), "disable_at",
                     pn_part_instant_json(item->disable_at), "last_used_at",
                     pn_part_instant_json(item->last_used_at));
}

/* What the address rules saw while they only reported. */
static json_t *
reports_json(const struct pn_preview *preview)
{
    const struct pn_report_figures *figures = &preview->reports;

    return preview->report_ends
               ? json_pack("{s:I, s:I, s:I, s:I}", "tokens",
                           (json_int_t) figures->tokens, "owners",
                           (json_int_t) figures->owners, "requests",
                           (json_int_t) figures->requests, "unlisted_requests",
                           (json_int_t) figures->unlisted)
               : json_null();
}

static void
answer_preview(struct pn_call *call, const struct pn_preview *preview)
{
    const struct pn_change warned = {.warnings = preview->warnings,
                                     .warning_count = preview->warning_count};
    json_t *items = json_array(), *doc;

    for (uint16_t i = 0; i < preview->count; i++) {
        if (json_array_append_new(items, item_json(&preview->item[i])) != 0) {
            json_decref(items);
            (void) pn_call_no_memory(call);
            return;
        }
    }
    doc = pn_json_defer(
        call->arena,
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:{s:o, s:o}}", "unaffected",
                  (json_int_t) preview->unaffected, "shortened",
                  (json_int_t) preview->shortened, "stopped",
                  (json_int_t) preview->stopped, "marked",
                  (json_int_t) preview->marked, "used_24h",
                  (json_int_t) preview->used_24h, "address_reports",
                  reports_json(preview), "tokens", "items", items,
                  "next_cursor", pn_part_text_json(preview->next)));
    pn_call_answer(call, 200, pn_call_warned(doc, &warned));
}

/* wanted: a document, or NULL for the version to go back to. */
static void
do_preview(struct pn_call *call, const struct pn_policy *wanted,
           uint64_t revert_to, const struct asked *asked)
{
    struct pn_preview_question question = {.policy = wanted,
                                           .revert_to = revert_to,
                                           .enforce = asked->enforce,
                                           .days = asked->days,
                                           .page = asked->page};
    struct pn_preview preview = {0};

    /* a preview changes nothing, so the version may be left out */
    if (pn_http_header(call->req, "If-Match") != NULL
        && !take_version(call, &question.if_version))
    {
        return;
    }
    if (!pn_ops_preview(call->api->ops, &call->caller, &question, call->arena,
                        &preview, &call->fault))
    {
        (void) pn_call_fail(call);
        return;
    }
    answer_preview(call, &preview);
}

static void
do_change(struct pn_call *call, struct pn_change *change,
          const struct asked *asked)
{
    change->enforce = asked->enforce;
    change->enforce_days = asked->days;
    if (take_version(call, &change->if_version) && pn_call_change(call, change))
    {
        answer_policy(
            call, change->policy,
            pn_call_warned(pn_policy_to_json(change->policy, call->arena),
                           change));
    }
}

void
pn_api_policy_put(void *context, const struct pn_http_request *req,
                  struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.body = PN_BODY_JSON,
                                             .query = query_change};
    struct pn_policy policy;
    struct pn_change change = {.act = PN_ACT_POLICY_PUT, .in.policy = &policy};
    struct asked asked;
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !read_preview(&call, &asked) || !read_enforce(&call, &asked))
    {
        return;
    }
    /* without it nothing else about the request matters */
    if (!asked.preview && !take_version(&call, &change.if_version)) {
        return;
    }
    if (pn_policy_from_json(call.body, call.arena, &policy, &call.fault)
        != PN_OK) {
        (void) pn_call_fail(&call);
    } else if (asked.preview) {
        do_preview(&call, &policy, 0, &asked);
    } else {
        do_change(&call, &change, &asked);
    }
}

static bool
read_revert(struct pn_call *call, uint64_t *out)
{
    static const char *const names[] = {"version", NULL};
    static const struct pn_doc_limits versions = {.min = 1, .max = INT32_MAX};
    struct pn_doc_run run = {.arena = call->arena, .fault = &call->fault};
    uint32_t version = 0;
    struct pn_doc doc;

    if (pn_doc_begin(&run, call->body, &doc)) {
        pn_doc_known(&doc, names, pn_no_names);
        if (!pn_doc_has(&doc, "version")) {
            pn_doc_bad(&doc, "version", "required",
                       "Enter the version to go back to.");
        }
        pn_doc_number(&doc, "version", &versions, &version);
    }
    if (pn_doc_verdict(&run) != PN_OK) {
        return pn_call_fail(call);
    }
    *out = version;
    return true;
}

void
pn_api_policy_revert(void *context, const struct pn_http_request *req,
                     struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.body = PN_BODY_JSON,
                                             .query = query_change};
    struct pn_change change = {.act = PN_ACT_POLICY_REVERT};
    struct asked asked;
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !read_preview(&call, &asked) || !read_enforce(&call, &asked)
        || (!asked.preview && !take_version(&call, &change.if_version))
        || !read_revert(&call, &change.revert_to))
    {
        return;
    }
    if (asked.preview) {
        do_preview(&call, NULL, change.revert_to, &asked);
    } else {
        do_change(&call, &change, &asked);
    }
}

/* --- former versions ----------------------------------------------------- */

static json_t *
version_json(const void *version, struct pn_arena *arena)
{
    const struct pn_history_item *item = version;
    json_t *doc = pn_policy_made_to_json(&item->made, arena);

    return doc != NULL && json_object_set(doc, "changes", item->changes) == 0
               ? doc
               : NULL;
}

void
pn_api_policy_history_get(void *context, const struct pn_http_request *req,
                          struct pn_http_response *res)
{
    static const struct pn_call_rule paged = {.query = pn_query_page};
    struct pn_history history = {0};
    struct pn_page page;
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &paged)
        && pn_call_page(&call, &page)
        && (pn_ops_policy_history(call.api->ops, &call.caller, &page,
                                  call.arena, &history, &call.fault)
            || pn_call_fail(&call)))
    {
        pn_call_answer_list(&call, &(struct pn_call_items){
                                       .item = history.item,
                                       .size = sizeof(*history.item),
                                       .count = history.count,
                                       .next = history.next,
                                       .to_json = version_json,
                                   });
    }
}

/* Digits only; 0 for anything else. */
static uint64_t
number_of(const char *text)
{
    uint64_t value = 0;

    for (size_t i = 0; text[i] != '\0'; i++) {
        if (i == 18 || text[i] < '0' || text[i] > '9') {
            return 0;
        }
        value = value * 10 + (uint64_t) (text[i] - '0');
    }
    return value;
}

void
pn_api_policy_version_get(void *context, const struct pn_http_request *req,
                          struct pn_http_response *res)
{
    static const char *const against[] = {"against", NULL};
    static const struct pn_call_rule rule = {.query = against};
    struct pn_history_question question = {0};
    struct pn_history_item item = {0};
    struct pn_call call;
    json_t *doc;

    if (!pn_call_begin(&call, context, req, res, &rule)) {
        return;
    }
    question.version = number_of(req->segment[0]);
    if (pn_http_query(req, "against") != NULL) {
        question.against = number_of(pn_http_query(req, "against"));
        if (question.against == 0) {
            (void) bad_parameter(&call, "?against",
                                 "Name a version: a number from 1.");
            return;
        }
    }
    if (!pn_ops_policy_version(call.api->ops, &call.caller, &question,
                               call.arena, &item, &call.fault))
    {
        (void) pn_call_fail(&call);
        return;
    }
    doc = version_json(&item, call.arena);
    if (doc != NULL
        && json_object_set(doc, "policy",
                           pn_policy_to_json(&item.policy, call.arena))
               != 0)
    {
        doc = NULL;
    }
    pn_call_answer(&call, 200, doc);
}

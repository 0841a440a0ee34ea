/* SPDX-License-Identifier: Apache-2.0 */
/* How often tokens were used, by day and outcome. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/datetime.h"
#include "base/str.h"
#include "daemon/api/call.h"

enum { DEFAULT_DAYS = 30, DAY_LEN = 10 };

/* One day of the answer: neighbours in the list of counts. */
struct day {
    const struct pn_usage_count *count;
    size_t outcomes;
};

static json_t *
day_json(const void *item, struct pn_arena *arena)
{
    const struct day *day = item;
    char text[PN_DATETIME_LEN + 1];
    json_t *outcomes, *doc;

    if (pn_datetime_format(day->count[0].day * PN_DAY_S, text) != PN_OK) {
        return NULL;
    }
    doc = pn_json_defer(arena, json_pack("{s:s#, s:{}}", "day", text,
                                         (int) DAY_LEN, "outcomes"));
    outcomes = json_object_get(doc, "outcomes");
    for (size_t i = 0; doc != NULL && i < day->outcomes; i++) {
        const struct pn_usage_count *count = &day->count[i];

        if (json_object_set_new(outcomes, pn_reason_code(count->outcome),
                                json_integer((json_int_t) count->count))
            != 0)
        {
            return NULL;
        }
    }
    return doc;
}

static void
answer_counts(struct pn_call *call, const struct pn_usage_counts *counts)
{
    struct day *days =
        pn_arena_array(call->arena, counts->count + 1, sizeof(*days));
    size_t found = 0;

    if (days == NULL) {
        (void) pn_call_no_memory(call);
        return;
    }
    for (size_t i = 0; i < counts->count; i++) {
        if (i == 0 || counts->item[i].day != counts->item[i - 1].day) {
            days[found++] = (struct day){.count = &counts->item[i]};
        }
        days[found - 1].outcomes++;
    }
    pn_call_answer_list(call, &(struct pn_call_items){
                                  .item = days,
                                  .size = sizeof(*days),
                                  .count = found,
                                  .to_json = day_json,
                              });
}

/* ?days=30: those, with today as the last. */
static bool
take_days(struct pn_call *call, struct pn_days *out)
{
    const char *text = pn_http_query(call->req, "days");
    int64_t days = text != NULL ? 0 : DEFAULT_DAYS;

    for (size_t i = 0; text != NULL && text[i] != '\0' && i < 4; i++) {
        if (text[i] < '0' || text[i] > '9') {
            days = 0;
            break;
        }
        days = days * 10 + (text[i] - '0');
    }
    if (days < 1 || days > PN_USAGE_DAYS) {
        pn_fault_field_add(
            &call->fault, call->arena, "?days", "invalid_parameter",
            "The days must be a number from 1 to %d.", PN_USAGE_DAYS);
        call->fault.status = 400;
        return pn_call_fail(call);
    }
    out->last = (int64_t) time(NULL) / PN_DAY_S;
    out->first = out->last - days + 1;
    return true;
}

static void
answer(struct pn_call *call, const struct pn_usage_question *question)
{
    struct pn_usage_counts counts;

    if (pn_ops_usage(call->api->ops, &call->caller, question, call->arena,
                     &counts, &call->fault))
    {
        answer_counts(call, &counts);
    } else {
        (void) pn_call_fail(call);
    }
}

void
pn_api_usage_get(void *context, const struct pn_http_request *req,
                 struct pn_http_response *res)
{
    static const char *const query[] = {"days", "app", NULL};
    static const struct pn_call_rule rule = {.query = query};
    struct pn_usage_question question = {.app = pn_http_query(req, "app")};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &rule)
        && take_days(&call, &question.days))
    {
        answer(&call, &question);
    }
}

void
pn_api_token_usage_get(void *context, const struct pn_http_request *req,
                       struct pn_http_response *res)
{
    static const char *const query[] = {"days", NULL};
    static const struct pn_call_rule rule = {.query = query};
    struct pn_usage_question question = {.app = NULL};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &rule)
        && pn_call_token_id(&call, &question.token_id)
        && take_days(&call, &question.days))
    {
        answer(&call, &question);
    }
}

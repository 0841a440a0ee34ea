/* SPDX-License-Identifier: Apache-2.0 */
/* Apps. */
#include "base/str.h"
#include "daemon/api/call.h"

static const struct pn_call_rule plain = {.who = PN_SIGNED_IN};
static const struct pn_call_rule paged = {.query = pn_query_page};
static const struct pn_call_rule with_body = {.body = PN_BODY_JSON};

static json_t *
app_json(const void *app, struct pn_arena *arena)
{
    return pn_app_to_json(app, arena);
}

void
pn_api_apps_get(void *context, const struct pn_http_request *req,
                struct pn_http_response *res)
{
    struct pn_app_list apps;
    struct pn_page page;
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &paged)
        && pn_call_page(&call, &page)
        && (pn_ops_apps(call.api->ops, &call.caller, &page, call.arena, &apps,
                        &call.fault)
            || pn_call_fail(&call)))
    {
        pn_call_answer_list(&call, &(struct pn_call_items){
                                       .item = apps.item,
                                       .size = sizeof(*apps.item),
                                       .count = apps.count,
                                       .next = apps.next,
                                       .to_json = app_json,
                                   });
    }
}

static void
change_app(struct pn_call *call, struct pn_change *change, unsigned status)
{
    if (pn_call_change(call, change)) {
        pn_call_answer_change(call, status,
                              pn_app_to_json(change->app, call->arena), change);
    }
}

void
pn_api_apps_post(void *context, const struct pn_http_request *req,
                 struct pn_http_response *res)
{
    struct pn_app app;
    struct pn_change change = {.act = PN_ACT_APP_CREATE, .in.app = &app};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &with_body)) {
        return;
    }
    if (pn_app_from_json(call.body, NULL, call.arena, &app, &call.fault)
        != PN_OK) {
        (void) pn_call_fail(&call);
        return;
    }
    change_app(&call, &change, 201);
}

void
pn_api_app_get(void *context, const struct pn_http_request *req,
               struct pn_http_response *res)
{
    struct pn_app app;
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &plain)
        && (pn_ops_app(call.api->ops, &call.caller, req->segment[0], call.arena,
                       &app, &call.fault)
            || pn_call_fail(&call)))
    {
        pn_call_answer(&call, 200, pn_app_to_json(&app, call.arena));
    }
}

void
pn_api_app_patch(void *context, const struct pn_http_request *req,
                 struct pn_http_response *res)
{
    struct pn_change change = {.act = PN_ACT_APP_EDIT, .name = req->segment[0]};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &with_body)) {
        change.in.patch = call.body;
        change_app(&call, &change, 200);
    }
}

void
pn_api_app_delete(void *context, const struct pn_http_request *req,
                  struct pn_http_response *res)
{
    pn_call_delete_named(context, req, res, PN_ACT_APP_DELETE);
}

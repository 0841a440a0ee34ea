/* SPDX-License-Identifier: Apache-2.0 */
/* Users and groups. */
#include <string.h>

#include "base/str.h"
#include "daemon/api/call.h"

static const struct pn_call_rule plain = {.who = PN_SIGNED_IN};
static const struct pn_call_rule paged = {.query = pn_query_page};
static const char *const user_query[] = {"cursor", "limit", "kind", NULL};
static const struct pn_call_rule users_paged = {.query = user_query};
static const struct pn_call_rule with_body = {.body = PN_BODY_JSON};

/* --- users --------------------------------------------------------------- */

static json_t *
user_json(const void *user, struct pn_arena *arena)
{
    return pn_user_to_json(user, arena);
}

static bool
take_kind(struct pn_call *call, struct pn_user_query *query)
{
    const char *text = pn_http_query(call->req, "kind");

    if (text == NULL) {
        return true;
    }
    query->kind = strcmp(text, "service") == 0  ? PN_USERS_SERVICES
                  : strcmp(text, "person") == 0 ? PN_USERS_PERSONS
                                                : PN_USERS_ALL;
    if (query->kind != PN_USERS_ALL) {
        return true;
    }
    pn_fault_field_add(&call->fault, call->arena, "?kind", "invalid_parameter",
                       "The kind must be person or service.");
    call->fault.status = 400;
    return pn_call_fail(call);
}

void
pn_api_users_get(void *context, const struct pn_http_request *req,
                 struct pn_http_response *res)
{
    struct pn_user_list users;
    struct pn_user_query query = {.kind = PN_USERS_ALL};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &users_paged)
        && pn_call_page(&call, &query.page) && take_kind(&call, &query)
        && (pn_ops_users(call.api->ops, &call.caller, &query, call.arena,
                         &users, &call.fault)
            || pn_call_fail(&call)))
    {
        pn_call_answer_list(&call, &(struct pn_call_items){
                                       .item = users.item,
                                       .size = sizeof(*users.item),
                                       .count = users.count,
                                       .next = users.next,
                                       .to_json = user_json,
                                   });
    }
}

static void
write_user(struct pn_call *call, struct pn_change *change, unsigned status)
{
    struct pn_user_wish wish;

    if (pn_user_wish_from_json(call->body, call->arena, &wish, &call->fault)
        != PN_OK)
    {
        (void) pn_call_fail(call);
        return;
    }
    change->in.user = &wish;
    if (pn_call_change(call, change)) {
        pn_call_answer_change(
            call, status, pn_user_to_json(change->user, call->arena), change);
    }
}

void
pn_api_users_post(void *context, const struct pn_http_request *req,
                  struct pn_http_response *res)
{
    struct pn_change change = {.act = PN_ACT_USER_CREATE};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &with_body)) {
        write_user(&call, &change, 201);
    }
}

void
pn_api_user_get(void *context, const struct pn_http_request *req,
                struct pn_http_response *res)
{
    struct pn_user user;
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &plain)
        && (pn_ops_user(call.api->ops, &call.caller, req->segment[0],
                        call.arena, &user, &call.fault)
            || pn_call_fail(&call)))
    {
        pn_call_answer(&call, 200, pn_user_to_json(&user, call.arena));
    }
}

void
pn_api_user_patch(void *context, const struct pn_http_request *req,
                  struct pn_http_response *res)
{
    struct pn_change change = {.act = PN_ACT_USER_EDIT,
                               .name = req->segment[0]};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &with_body)) {
        write_user(&call, &change, 200);
    }
}

void
pn_api_user_delete(void *context, const struct pn_http_request *req,
                   struct pn_http_response *res)
{
    pn_call_delete_named(context, req, res, PN_ACT_USER_DELETE);
}

void
pn_api_user_stop(void *context, const struct pn_http_request *req,
                 struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.body = PN_BODY_OPTIONAL};
    struct pn_change change = {.act = PN_ACT_USER_STOP,
                               .name = req->segment[0]};
    char *reason = NULL;
    struct pn_call call;
    json_t *doc;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !pn_call_reason(&call, &reason))
    {
        return;
    }
    change.reason = reason;
    if (!pn_call_change(&call, &change)) {
        return;
    }
    doc = pn_json_defer(
        call.arena,
        json_pack("{s:s, s:b, s:I, s:I, s:I}", "username",
                  change.user->username, "active", change.user->active,
                  "tokens_revoked", (json_int_t) change.stopped.tokens_revoked,
                  "sessions_ended", (json_int_t) change.stopped.sessions_ended,
                  "handovers_withdrawn",
                  (json_int_t) change.stopped.handovers_withdrawn));
    pn_call_answer(&call, 200, pn_call_warned(doc, &change));
}

/* --- groups -------------------------------------------------------------- */

static json_t *
group_json(const void *group, struct pn_arena *arena)
{
    return pn_group_to_json(group, arena);
}

void
pn_api_groups_get(void *context, const struct pn_http_request *req,
                  struct pn_http_response *res)
{
    struct pn_group_list groups;
    struct pn_page page;
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &paged)
        && pn_call_page(&call, &page)
        && (pn_ops_groups(call.api->ops, &call.caller, &page, call.arena,
                          &groups, &call.fault)
            || pn_call_fail(&call)))
    {
        pn_call_answer_list(&call, &(struct pn_call_items){
                                       .item = groups.item,
                                       .size = sizeof(*groups.item),
                                       .count = groups.count,
                                       .next = groups.next,
                                       .to_json = group_json,
                                   });
    }
}

static void
write_group(struct pn_call *call, struct pn_change *change, json_t *doc,
            unsigned status)
{
    struct pn_group group;

    if (doc == NULL) {
        (void) pn_call_no_memory(call);
        return;
    }
    if (pn_group_from_json(doc, call->arena, &group, &call->fault) != PN_OK) {
        (void) pn_call_fail(call);
        return;
    }
    change->in.group = &group;
    if (pn_call_change(call, change)) {
        pn_call_answer_change(
            call, status, pn_group_to_json(change->group, call->arena), change);
    }
}

void
pn_api_groups_post(void *context, const struct pn_http_request *req,
                   struct pn_http_response *res)
{
    struct pn_change change = {.act = PN_ACT_GROUP_CREATE};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &with_body)) {
        write_group(&call, &change, call.body, 201);
    }
}

static bool
read_group(struct pn_call *call, struct pn_group *out)
{
    return pn_ops_group(call->api->ops, &call->caller, call->req->segment[0],
                        call->arena, out, &call->fault)
           || pn_call_fail(call);
}

void
pn_api_group_get(void *context, const struct pn_http_request *req,
                 struct pn_http_response *res)
{
    struct pn_group group;
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &plain)
        && read_group(&call, &group))
    {
        pn_call_answer(&call, 200, pn_group_to_json(&group, call.arena));
    }
}

void
pn_api_group_patch(void *context, const struct pn_http_request *req,
                   struct pn_http_response *res)
{
    struct pn_change change = {.act = PN_ACT_GROUP_EDIT,
                               .name = req->segment[0]};
    struct pn_group group;
    struct pn_call call;
    json_t *base;

    if (!pn_call_begin(&call, context, req, res, &with_body)
        || !read_group(&call, &group))
    {
        return;
    }
    base = pn_group_to_json(&group, call.arena);
    write_group(&call, &change,
                base != NULL ? pn_call_overlay(&call, base, call.body) : NULL,
                200);
}

void
pn_api_group_delete(void *context, const struct pn_http_request *req,
                    struct pn_http_response *res)
{
    pn_call_delete_named(context, req, res, PN_ACT_GROUP_DELETE);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in and out, oneself, and one's password. */
#include <string.h>

#include "base/secret.h"
#include "base/str.h"
#include "daemon/api/call.h"
#include "daemon/model/doc.h"

static const struct pn_call_rule signed_in = {.who = PN_SIGNED_IN};

/* True when the document has these members and no others. */
static bool
check_members(struct pn_call *call, const char *const *names)
{
    struct pn_doc_run run = {.arena = call->arena, .fault = &call->fault};
    struct pn_doc doc;

    if (pn_doc_begin(&run, call->body, &doc)) {
        pn_doc_known(&doc, names, pn_no_names);
    }
    return pn_doc_verdict(&run) == PN_OK || pn_call_fail(call);
}

static json_t *
names_json(const struct pn_named_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++) {
        if (json_array_append_new(array, json_string(list->item[i].name)) != 0)
        {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* A user with what the policy lets it make. */
static json_t *
me_json(struct pn_call *call, const struct pn_me *me)
{
    static const char *const why[] = {
        [PN_WHY_ALLOWED] = NULL,
        [PN_WHY_OFF] = "creation_disabled",
        [PN_WHY_NO_GROUP] = "not_in_a_permitted_group",
    };
    const struct pn_allowance *a = &me->allowance;
    const bool limited = a->may_create && !a->may_be_endless;
    json_t *doc = pn_user_to_json(&me->user, call->arena);
    const char *reason =
        a->may_create ? NULL : why[(unsigned) a->why_not % PN_LEN(why)];

    if (doc == NULL
        || json_object_set_new(doc, "may_create", json_boolean(a->may_create))
               != 0
        || json_object_set_new(doc, "max_lifetime_days",
                               limited ? json_integer(a->max_days)
                                       : json_null())
               != 0
        || json_object_set_new(doc, "granted_by",
                               me->granted_by != NULL
                                   ? json_string(me->granted_by)
                                   : json_null())
               != 0
        || json_object_set_new(doc, "why_not",
                               reason != NULL ? json_string(reason)
                                              : json_null())
               != 0
        || json_object_set_new(doc, "must_change_password",
                               json_boolean(me->user.must_change_password))
               != 0
        || json_object_set_new(doc, "custodian_of",
                               names_json(&me->custodian_of))
               != 0)
    {
        return NULL;
    }
    return doc;
}

static void
answer_me(struct pn_call *call, unsigned status)
{
    struct pn_me me = {0};

    if (!pn_ops_me(call->api->ops, &call->caller, call->arena, &me,
                   &call->fault)) {
        (void) pn_call_fail(call);
        return;
    }
    pn_call_answer(call, status, me_json(call, &me));
}

void
pn_api_me_get(void *context, const struct pn_http_request *req,
              struct pn_http_response *res)
{
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &signed_in)) {
        answer_me(&call, 200);
    }
}

/* --- cookies ------------------------------------------------------------- */

/* Without __Host- there is no Secure: plain HTTP, to localhost only. */
static bool
set_cookie(struct pn_call *call, struct pn_str value, const char *more)
{
    struct pn_str name = pn_call_cookie_name(call);
    char *text = pn_arena_printf(
        call->arena, "%.*s=%.*s; Path=/; HttpOnly; SameSite=Lax%s%s",
        (int) name.len, name.ptr, (int) value.len,
        value.ptr != NULL ? value.ptr : "", call->req->https ? "; Secure" : "",
        more);

    if (text == NULL) {
        return pn_call_no_memory(call);
    }
    pn_http_add_header(call->res, "Set-Cookie", text);
    return true;
}

/* A name in the body: present, and text. */
static const char *
member_text(struct pn_call *call, const char *key)
{
    json_t *value = json_object_get(call->body, key);
    const char *text = json_string_value(value);

    if (text == NULL || text[0] == '\0') {
        pn_fault_field_add(&call->fault, call->arena, "/username",
                           value == NULL ? "required" : "invalid_type",
                           "The user name must be a text, and not empty.");
        (void) pn_call_fail(call);
        return NULL;
    }
    return text;
}

static void
sign_in(struct pn_call *call, const char *username,
        const struct pn_secret *password)
{
    struct pn_sign_in claim = {.username = pn_str_from(username),
                               .password = password,
                               .client = &call->caller};
    struct pn_secret cookie = {0};
    struct pn_caller who = {0};
    bool good;

    if (!pn_ops_sign_in(call->api->ops, &claim, call->arena, &cookie, &who,
                        &call->fault))
    {
        (void) pn_call_fail(call);
        return;
    }
    good = set_cookie(call, (struct pn_str){cookie.bytes, cookie.len}, "");
    pn_secret_done(&cookie);
    if (good) {
        call->caller = who;
        answer_me(call, 201);
    }
}

void
pn_api_session_post(void *context, const struct pn_http_request *req,
                    struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.who = PN_ANYONE,
                                             .body = PN_BODY_JSON};
    static const char *const names[] = {"username", "password", NULL};
    struct pn_secret password = {0};
    const char *username;
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !check_members(&call, names))
    {
        return;
    }
    username = member_text(&call, "username");
    if (username != NULL && pn_call_secret(&call, "password", &password)) {
        sign_in(&call, username, &password);
    }
    pn_secret_done(&password);
}

void
pn_api_session_delete(void *context, const struct pn_http_request *req,
                      struct pn_http_response *res)
{
    struct pn_change change = {.act = PN_ACT_SIGN_OUT};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &signed_in)
        && pn_call_change(&call, &change)
        && set_cookie(&call, PN_STR(""), "; Max-Age=0"))
    {
        pn_call_no_content(&call);
    }
}

void
pn_api_me_password(void *context, const struct pn_http_request *req,
                   struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.body = PN_BODY_JSON};
    static const char *const names[] = {"old", "new", NULL};
    struct pn_secret old = {0}, new = {0};
    struct pn_change change = {.act = PN_ACT_PASSWORD_CHANGE,
                               .old_password = old.bytes,
                               .new_password = new.bytes};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &rule)
        && check_members(&call, names) && pn_call_secret(&call, "old", &old)
        && pn_call_secret(&call, "new", &new) && pn_call_change(&call, &change))
    {
        pn_call_no_content(&call);
    }
    pn_secret_done(&old);
    pn_secret_done(&new);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, and may this browser ask at all. */
#include "daemon/api/call.h"

#include <string.h>

#include "base/secret.h"
#include "base/str.h"
#include "core/id.h"
#include "daemon/api/cookie.h"
#include "daemon/model/doc.h"

const char *const pn_query_page[] = {"cursor", "limit", NULL};
const char *const pn_no_names[] = {NULL};

struct pn_str
pn_call_cookie_name(const struct pn_call *call)
{
    return call->req->https ? PN_STR("__Host-postern") : PN_STR("postern");
}

/* --- who ----------------------------------------------------------------- */

/* As in front of applications: what comes from this machine is exempt. */
static bool
is_in_clear(const struct pn_http_request *req)
{
    struct pn_ip ip;

    return !req->https && !req->local && req->address != NULL
           && !(pn_ip_parse(pn_str_from(req->address), &ip) == PN_OK
                && pn_ip_is_loopback(&ip));
}

static struct pn_caller
client_of(const struct pn_http_request *req)
{
    return (struct pn_caller){
        .in_clear = is_in_clear(req),
        .address = req->address,
        .user_agent = pn_http_header(req, "User-Agent"),
        .request_id = req->request_id,
    };
}

static bool
is_unsafe(const struct pn_call *call)
{
    return call->req->method != PN_GET;
}

/* A cookie travels in clear over plain HTTP: only to oneself. */
static bool
check_plain_http(struct pn_call *call)
{
    const char *host = pn_http_header(call->req, "Host");

    return call->req->https || pn_host_is_loopback(pn_str_from(host))
           || pn_call_refuse(call, 403, "tls_required",
                             "Sign in over HTTPS; plain HTTP is for "
                             "localhost only.");
}

static bool
identify(struct pn_call *call, const struct pn_call_rule *rule)
{
    const struct pn_caller client = client_of(call->req);
    const char *authorization = pn_http_header(call->req, "Authorization");
    const char *cookies = pn_http_header(call->req, "Cookie");
    struct pn_str cookie;
    enum pn_err err;

    call->caller = client;
    if (call->req->local) {
        call->caller.kind = PN_CALLER_LOCAL;
        call->caller.role = PN_ROLE_ADMIN;
        call->caller.username =
            call->req->peer_uid == 0 ? "local:root" : "local:postern";
        return true;
    }
    if (rule->who == PN_ANYONE) {
        return true;
    }
    if (authorization != NULL) {
        return pn_ops_authorization(call->api->ops, pn_str_from(authorization),
                                    &client, call->arena, &call->caller,
                                    &call->fault)
               || pn_call_fail(call);
    }
    err = pn_cookie_find(pn_str_from(cookies), pn_call_cookie_name(call),
                         &cookie);
    if (err == PN_E_EXISTS) {
        return pn_call_refuse(call, 400, "repeated_cookie",
                              "The session cookie was sent twice.");
    }
    if (err != PN_OK) {
        return pn_call_refuse(call, 401, "not_signed_in",
                              "Sign in first, or send a token.");
    }
    return check_plain_http(call)
           && (pn_ops_session(call->api->ops, cookie, &client, call->arena,
                              &call->caller, &call->fault)
               || pn_call_fail(call));
}

/*
 * Requests that change something must come from a page of our own.  A session
 * needs proof of that; without one (a token, a sign-in) only proof of the
 * contrary refuses.
 */
static bool
check_origin(struct pn_call *call)
{
    const char *site = pn_http_header(call->req, "Sec-Fetch-Site");
    const char *origin = pn_http_header(call->req, "Origin");
    const char *host = pn_http_header(call->req, "Host");
    const struct pn_str scheme =
        call->req->https ? PN_STR("https") : PN_STR("http");

    if (call->req->local || !is_unsafe(call)) {
        return true;
    }
    if (site != NULL) {
        if (strcmp(site, "same-origin") == 0) {
            return true;
        }
        /* "none" is typed by the person, but no page of ours sends it. */
        return pn_call_refuse(call, 403, "origin_not_allowed",
                              "This request came from another site.");
    }
    if (origin != NULL
            ? pn_origin_is(pn_str_from(origin), scheme, pn_str_from(host))
            : call->caller.kind != PN_CALLER_SESSION)
    {
        return true;
    }
    return pn_call_refuse(call, 403, "origin_not_allowed",
                          origin != NULL
                              ? "The Origin is not that of this server."
                              : "A request with the session cookie needs its "
                                "Origin.");
}

/* --- query and body ------------------------------------------------------ */

struct query_check {
    struct pn_call *call;
    const char *const *known;
};

static void
check_parameter(void *arg, const char *name)
{
    struct query_check *check = arg;
    struct pn_call *call = check->call;
    const char *pointer;

    for (size_t i = 0; check->known != NULL && check->known[i] != NULL; i++) {
        if (strcmp(check->known[i], name) == 0) {
            return;
        }
    }
    pointer = pn_arena_printf(call->arena, "?%.64s", name);
    pn_fault_field_add(&call->fault, call->arena,
                       pointer != NULL ? pointer : "", "unknown_parameter",
                       "There is no query parameter \"%.64s\" here.", name);
}

static bool
check_query(struct pn_call *call, const char *const *known)
{
    struct query_check check = {call, known};

    pn_http_query_each(call->req, check_parameter, &check);
    if (call->fault.field_count == 0) {
        return true;
    }
    call->fault.status = 400;
    call->fault.code = "unknown_parameter";
    return pn_call_fail(call);
}

/* "application/json", with or without "; charset=utf-8". */
static bool
is_json_type(const char *text)
{
    struct pn_str type = pn_str_from(text), tail = PN_STR("");

    (void) pn_str_cut(type, ';', &type, &tail);
    tail = pn_str_trim(tail);
    return pn_str_eq_nocase(pn_str_trim(type), PN_STR("application/json"))
           && (tail.len == 0 || pn_str_eq_nocase(tail, PN_STR("charset=utf-8"))
               || pn_str_eq_nocase(tail, PN_STR("charset=\"utf-8\"")));
}

/* application/x-www-form-urlencoded; the handler reads it. */
static bool
check_form(struct pn_call *call)
{
    const char *type = pn_http_header(call->req, "Content-Type");
    struct pn_str text = pn_str_from(type != NULL ? type : ""), tail;

    (void) pn_str_cut(text, ';', &text, &tail);
    return pn_str_eq_nocase(pn_str_trim(text),
                            PN_STR("application/x-www-form-urlencoded"))
           || pn_call_refuse(call, 415, "unsupported_media_type",
                             "The body must be a form, "
                             "application/x-www-form-urlencoded.");
}

static void
release(void *value)
{
    json_decref(value);
}

static bool
take_body(struct pn_call *call, const struct pn_call_rule *rule)
{
    char why[256];
    json_t *body;
    enum pn_err err;

    if (rule->body == PN_BODY_FORM) {
        return check_form(call);
    }
    if (call->req->body.len == 0) {
        return rule->body != PN_BODY_JSON
               || pn_call_refuse(call, 400, "body_missing",
                                 "This call needs a JSON body.");
    }
    if (!is_json_type(pn_http_header(call->req, "Content-Type"))) {
        return pn_call_refuse(call, 415, "unsupported_media_type",
                              "The body must be application/json.");
    }
    if (rule->body == PN_BODY_NONE) {
        return pn_call_refuse(call, 400, "body_not_expected",
                              "This call takes no body.");
    }
    err = pn_json_parse(call->req->body, &body, why, sizeof(why));
    if (err != PN_OK) {
        pn_fault_set(&call->fault, call->arena, 400, "json_malformed",
                     "The body is not JSON: %s", why);
        return pn_call_fail(call);
    }
    if (pn_arena_defer(call->arena, release, body) != PN_OK) {
        json_decref(body);
        return pn_call_no_memory(call);
    }
    if (!json_is_object(body)) {
        pn_fault_field_add(&call->fault, call->arena, "", "invalid_type",
                           "The body must be a JSON object.");
        return pn_call_fail(call);
    }
    call->body = body;
    return true;
}

bool
pn_call_begin(struct pn_call *call, void *context,
              const struct pn_http_request *req, struct pn_http_response *res,
              const struct pn_call_rule *rule)
{
    memset(call, 0, sizeof(*call));
    call->api = context;
    call->req = req;
    call->res = res;
    call->arena = req->arena;
    return identify(call, rule) && check_origin(call)
           && (rule->who != PN_ANYONE || !is_unsafe(call) || req->local
               || check_plain_http(call))
           && check_query(call, rule->query) && take_body(call, rule);
}

/* --- pieces of requests -------------------------------------------------- */

bool
pn_call_page(struct pn_call *call, struct pn_page *out)
{
    const char *limit = pn_http_query(call->req, "limit");
    const char *cursor = pn_http_query(call->req, "cursor");
    unsigned number = limit != NULL ? 0 : 50;

    for (size_t i = 0; limit != NULL && limit[i] != '\0'; i++) {
        if (limit[i] < '0' || limit[i] > '9' || number > PN_LIST_MAX) {
            number = 0;
            break;
        }
        number = number * 10 + (unsigned) (limit[i] - '0');
    }
    if (number == 0 || number > PN_LIST_MAX) {
        pn_fault_field_add(
            &call->fault, call->arena, "?limit", "invalid_parameter",
            "The limit must be a number from 1 to %d.", PN_LIST_MAX);
        call->fault.status = 400;
        return pn_call_fail(call);
    }
    *out = (struct pn_page){.cursor = cursor != NULL ? cursor : "",
                            .limit = (uint16_t) number};
    return true;
}

bool
pn_call_token_id(struct pn_call *call, uint64_t *out)
{
    return pn_id_parse(PN_ID_TOKEN, pn_str_from(call->req->segment[0]), out)
               == PN_OK
           || pn_call_refuse(call, 404, "not_found", "There is no such token.");
}

bool
pn_call_change(struct pn_call *call, struct pn_change *change)
{
    return pn_ops_change(call->api->ops, &call->caller, change, call->arena,
                         &call->fault)
           || pn_call_fail(call);
}

bool
pn_call_secret(struct pn_call *call, const char *key, struct pn_secret *out)
{
    json_t *value = json_object_get(call->body, key);
    const char *text = json_string_value(value);
    const size_t len = json_string_length(value);
    const char *pointer = pn_arena_printf(call->arena, "/%s", key);
    enum pn_err err;

    if (text == NULL || len == 0) {
        pn_fault_field_add(&call->fault, call->arena,
                           pointer != NULL ? pointer : "",
                           value == NULL ? "required" : "invalid_type",
                           "The %s must be a text, and not empty.", key);
        return pn_call_fail(call);
    }
    err = strlen(text) == len ? pn_secret_set(out, (struct pn_str){text, len})
                              : PN_E_SYNTAX;
    pn_wipe(pn_unconst(text), len);
    if (err != PN_OK) {
        pn_fault_field_add(&call->fault, call->arena,
                           pointer != NULL ? pointer : "", "too_long",
                           "The %s is longer than %d bytes, or holds a NUL.",
                           key, PN_SECRET_MAX);
        return pn_call_fail(call);
    }
    return true;
}

bool
pn_call_only(struct pn_call *call, const char *const *names)
{
    struct pn_doc_run run = {.arena = call->arena, .fault = &call->fault};
    struct pn_doc doc;

    if (pn_doc_begin(&run, call->body, &doc)) {
        pn_doc_known(&doc, names, pn_no_names);
    }
    return pn_doc_verdict(&run) == PN_OK || pn_call_fail(call);
}

bool
pn_call_reason(struct pn_call *call, char **out)
{
    static const char *const names[] = {"reason", NULL};
    static const struct pn_doc_text rule = {
        .what = "reason", .max = 200, .null = PN_NULL_IS_ZERO};
    struct pn_doc_run run = {.arena = call->arena, .fault = &call->fault};
    struct pn_doc doc;

    if (call->body == NULL) {
        return true;
    }
    if (pn_doc_begin(&run, call->body, &doc)) {
        pn_doc_known(&doc, names, pn_no_names);
        pn_doc_text(&doc, "reason", &rule, out);
    }
    return pn_doc_verdict(&run) == PN_OK || pn_call_fail(call);
}

json_t *
pn_call_overlay(struct pn_call *call, json_t *base, json_t *patch)
{
    json_t *merged = pn_json_defer(call->arena, json_copy(base));

    return merged != NULL && json_object_update(merged, patch) == 0 ? merged
                                                                    : NULL;
}

void
pn_call_delete_named(void *context, const struct pn_http_request *req,
                     struct pn_http_response *res, enum pn_act act)
{
    static const struct pn_call_rule plain = {.who = PN_SIGNED_IN};
    struct pn_change change = {.act = act, .name = req->segment[0]};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &plain)
        && pn_call_change(&call, &change))
    {
        pn_call_no_content(&call);
    }
}

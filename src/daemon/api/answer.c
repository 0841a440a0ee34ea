/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: JSON documents, lists, and problem+json for everything refused. */
#include <stdio.h>

#include "base/buf.h"
#include "base/secret.h"
#include "base/str.h"
#include "daemon/api/call.h"

static const char *
title_of(unsigned status)
{
    static const struct {
        unsigned status;
        const char *title;
    } titles[] = {
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };

    for (size_t i = 0; i < PN_LEN(titles); i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }
    return "Internal Server Error";
}

enum { PROBLEM_MAX = 64 << 10 };

static void
add_fields(struct pn_buf *out, const struct pn_fault *fault)
{
    pn_buf_add_cstr(out, ",\"errors\":[");
    for (uint8_t i = 0; i < fault->field_count; i++) {
        pn_buf_add_cstr(out, i > 0 ? ",{\"pointer\":" : "{\"pointer\":");
        pn_buf_add_json(out, pn_str_from(fault->fields[i].pointer));
        pn_buf_add_cstr(out, ",\"code\":");
        pn_buf_add_json(out, pn_str_from(fault->fields[i].code));
        pn_buf_add_cstr(out, ",\"detail\":");
        pn_buf_add_json(out, pn_str_from(fault->fields[i].detail));
        pn_buf_add_char(out, '}');
    }
    pn_buf_add_char(out, ']');
}

static void
problem(const struct pn_http_request *req, const struct pn_fault *fault,
        struct pn_http_response *res)
{
    static const char none[] =
        "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\","
        "\"status\":503,\"code\":\"no_memory\",\"errors\":[]}";
    const unsigned status = fault->status != 0 ? fault->status : 500;
    char *bytes = pn_arena_alloc(req->arena, PROBLEM_MAX);
    struct pn_buf out = {.ptr = bytes, .cap = bytes != NULL ? PROBLEM_MAX : 0};

    pn_buf_add_cstr(&out, "{\"type\":\"about:blank\",\"title\":");
    pn_buf_add_json(&out, pn_str_from(title_of(status)));
    pn_buf_addf(&out, ",\"status\":%u,\"code\":", status);
    pn_buf_add_json(
        &out, pn_str_from(fault->code != NULL ? fault->code : "internal"));
    pn_buf_add_cstr(&out, ",\"detail\":");
    pn_buf_add_json(&out,
                    pn_str_from(fault->detail != NULL ? fault->detail : ""));
    add_fields(&out, fault);
    pn_buf_add_cstr(&out, ",\"request_id\":");
    pn_buf_add_json(&out, pn_str_from(req->request_id));
    pn_buf_add_char(&out, '}');
    res->content_type = "application/problem+json";
    res->status = out.full ? 503 : status;
    res->body = out.full ? PN_STR(none) : pn_buf_str(&out);
    if (status == 401) {
        /* Never Basic: a browser would pop up its own box. */
        pn_http_add_header(res, "WWW-Authenticate", "Bearer realm=\"Postern\"");
    }
    if (fault->retry_after_s > 0) {
        char *seconds = pn_arena_printf(req->arena, "%u", fault->retry_after_s);

        if (seconds != NULL) {
            pn_http_add_header(res, "Retry-After", seconds);
        }
    }
}

void
pn_api_problem(const struct pn_http_request *request, unsigned status,
               const char *code, const char *detail,
               struct pn_http_response *response)
{
    struct pn_fault fault = {.status = status, .code = code, .detail = detail};

    problem(request, &fault, response);
}

bool
pn_call_fail(struct pn_call *call)
{
    problem(call->req, &call->fault, call->res);
    return false;
}

bool
pn_call_refuse(struct pn_call *call, unsigned status, const char *code,
               const char *detail)
{
    pn_fault_set(&call->fault, call->arena, status, code, "%s", detail);
    return pn_call_fail(call);
}

bool
pn_call_no_memory(struct pn_call *call)
{
    return pn_call_refuse(call, 503, "no_memory",
                          "The server is out of memory.");
}

/* --- documents ----------------------------------------------------------- */

static char *
dump(struct pn_call *call, json_t *doc, size_t *len)
{
    const size_t flags = JSON_COMPACT;
    char *bytes;

    *len = json_dumpb(doc, NULL, 0, flags);
    bytes = *len > 0 ? pn_arena_alloc(call->arena, *len + 1) : NULL;
    if (bytes != NULL) {
        *len = json_dumpb(doc, bytes, *len, flags);
    }
    return bytes;
}

void
pn_call_answer(struct pn_call *call, unsigned status, json_t *doc)
{
    size_t len = 0;
    char *bytes = doc != NULL ? dump(call, doc, &len) : NULL;

    if (bytes == NULL) {
        (void) pn_call_no_memory(call);
        return;
    }
    call->res->status = status;
    call->res->content_type = "application/json";
    call->res->body = (struct pn_str){bytes, len};
}

static void
wipe_body(void *arg)
{
    struct pn_buf *body = arg;

    pn_wipe(body->ptr, body->cap);
}

/* The secret goes from its storage into the answer and nowhere else: jansson
 * would leave a copy on the heap. */
void
pn_call_answer_secret(struct pn_call *call, json_t *doc, const char *name,
                      const struct pn_secret *secret)
{
    enum { AROUND = 64 };
    size_t len = 0;
    char *bytes = doc != NULL ? dump(call, doc, &len) : NULL;
    const size_t cap = len + secret->len + AROUND;
    struct pn_buf *out = pn_arena_alloc(call->arena, sizeof(*out));

    if (bytes == NULL || out == NULL) {
        (void) pn_call_no_memory(call);
        return;
    }
    *out = (struct pn_buf){.ptr = pn_arena_alloc(call->arena, cap), .cap = cap};
    if (out->ptr == NULL
        || pn_arena_defer(call->arena, wipe_body, out) != PN_OK) {
        (void) pn_call_no_memory(call);
        return;
    }
    pn_buf_add(out, (struct pn_str){bytes, len - 1}); /* without its "}" */
    pn_buf_addf(out, ",\"%s\":\"", name);
    pn_buf_add(out, (struct pn_str){secret->bytes, secret->len});
    pn_buf_add_cstr(out, "\"}");
    call->res->status = 201;
    call->res->content_type = "application/json";
    call->res->body = pn_buf_str(out);
}

void
pn_call_no_content(struct pn_call *call)
{
    call->res->status = 204;
    call->res->content_type = NULL;
    call->res->body = (struct pn_str){NULL, 0};
}

static bool
append_all(struct pn_call *call, const struct pn_call_items *items, json_t *to)
{
    const char *item = items->item;

    for (size_t i = 0; i < items->count; i++) {
        json_t *doc = items->to_json(item + i * items->size, call->arena);

        if (doc == NULL || json_array_append(to, doc) != 0) {
            return false;
        }
    }
    return true;
}

void
pn_call_answer_list(struct pn_call *call, const struct pn_call_items *items)
{
    const bool last = items->next == NULL || items->next[0] == '\0';
    json_t *array = json_array();
    json_t *list = pn_json_defer(
        call->arena, json_pack("{s:o, s:s?}", "items", array, "next_cursor",
                               last ? NULL : items->next));

    if (list == NULL || !append_all(call, items, array)
        || (items->more != NULL && json_object_update(list, items->more) != 0))
    {
        (void) pn_call_no_memory(call);
        return;
    }
    pn_call_answer(call, 200, list);
}

json_t *
pn_call_warned(json_t *doc, const struct pn_change *change)
{
    json_t *list;

    if (doc == NULL || change->warning_count == 0) {
        return doc;
    }
    list = json_array();
    for (uint16_t i = 0; i < change->warning_count; i++) {
        if (json_array_append_new(list, json_string(change->warnings[i])) != 0)
        {
            json_decref(list);
            return NULL;
        }
    }
    return json_object_set_new(doc, "warnings", list) == 0 ? doc : NULL;
}

void
pn_call_answer_change(struct pn_call *call, unsigned status, json_t *doc,
                      const struct pn_change *change)
{
    pn_call_answer(call, status, pn_call_warned(doc, change));
}

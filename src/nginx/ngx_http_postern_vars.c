/* SPDX-License-Identifier: Apache-2.0 */
/*
 * $postern_* for logs and headers.  Never cached: sub-requests share their
 * parent's variables, and a redirect may lead to another location.
 */
#include "nginx/ngx_http_postern.h"

#include "core/id.h"

static void
answer(ngx_http_variable_value_t *v, u_char *data, size_t len)
{
    v->data = data;
    v->len = (unsigned) len & 0x0fffffff;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = len == 0;
}

static ngx_http_postern_ctx_t *
context(ngx_http_request_t *r)
{
    return ngx_http_get_module_ctx(r, ngx_http_postern_module);
}

/* data: offset of an ngx_str_t in the context. */
static ngx_int_t
get_text(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_postern_ctx_t *ctx = context(r);
    ngx_str_t *text;

    if (ctx == NULL) {
        answer(v, NULL, 0);
        return NGX_OK;
    }
    text = (ngx_str_t *) ((char *) ctx + data);
    answer(v, text->data, text->len);
    return NGX_OK;
}

/* The caller held the whole secret of this token, allowed or not. */
static ngx_uint_t
knows_token(const ngx_http_postern_ctx_t *ctx)
{
    return ctx != NULL && ctx->decision.secret_known
           && ctx->decision.token_id != 0;
}

static ngx_int_t
get_token_id(ngx_http_request_t *r, ngx_http_variable_value_t *v,
             uintptr_t data)
{
    ngx_http_postern_ctx_t *ctx = context(r);
    u_char *text;

    (void) data;
    answer(v, NULL, 0);
    if (!knows_token(ctx)) {
        return NGX_OK;
    }
    text = ngx_pnalloc(r->pool, PN_ID_TEXT_LEN + 1);
    if (text == NULL) {
        return NGX_ERROR;
    }
    pn_id_format(PN_ID_TOKEN, ctx->decision.token_id, (char *) text);
    answer(v, text, PN_ID_TEXT_LEN);
    return NGX_OK;
}

static ngx_int_t
get_token_name(ngx_http_request_t *r, ngx_http_variable_value_t *v,
               uintptr_t data)
{
    ngx_http_postern_ctx_t *ctx = context(r);
    struct pn_gate *gate;
    struct pn_str name;
    u_char *text;

    (void) data;
    answer(v, NULL, 0);
    if (!knows_token(ctx)) {
        return NGX_OK;
    }
    gate = ngx_http_postern_gate_begin(r);
    if (gate == NULL) {
        return NGX_OK;
    }
    if (pn_gate_token_name(gate, ctx->decision.token_id, &name) == PN_OK) {
        text = ngx_pnalloc(r->pool, name.len);
        if (text != NULL) {
            ngx_memcpy(text, name.ptr, name.len);
            answer(v, text, name.len);
        }
    }
    ngx_http_postern_gate_end(r);
    return NGX_OK;
}

static ngx_int_t
get_reason(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_postern_ctx_t *ctx = context(r);
    const char *code;

    (void) data;
    answer(v, NULL, 0);
    if (ctx == NULL || ctx->decision.reason == PN_REASON_UNDECIDED
        || ctx->decision.reason == PN_REASON_NONE)
    {
        return NGX_OK;
    }
    code = pn_reason_code(ctx->decision.reason);
    answer(v, (u_char *) code, ngx_strlen(code)); /* never written to */
    return NGX_OK;
}

static const ngx_http_variable_t variables[] = {
    {ngx_string("postern_user"), NULL, get_text,
     offsetof(ngx_http_postern_ctx_t, user), NGX_HTTP_VAR_NOCACHEABLE, 0},
    {ngx_string("postern_email"), NULL, get_text,
     offsetof(ngx_http_postern_ctx_t, email), NGX_HTTP_VAR_NOCACHEABLE, 0},
    {ngx_string("postern_groups"), NULL, get_text,
     offsetof(ngx_http_postern_ctx_t, groups), NGX_HTTP_VAR_NOCACHEABLE, 0},
    {ngx_string("postern_token_id"), NULL, get_token_id, 0,
     NGX_HTTP_VAR_NOCACHEABLE, 0},
    {ngx_string("postern_token_name"), NULL, get_token_name, 0,
     NGX_HTTP_VAR_NOCACHEABLE, 0},
    {ngx_string("postern_reason"), NULL, get_reason, 0,
     NGX_HTTP_VAR_NOCACHEABLE, 0},
};

ngx_int_t
ngx_http_postern_add_variables(ngx_conf_t *cf)
{
    for (size_t i = 0; i < PN_LEN(variables); i++) {
        ngx_str_t name = variables[i].name;
        ngx_http_variable_t *v =
            ngx_http_add_variable(cf, &name, variables[i].flags);

        if (v == NULL) {
            return NGX_ERROR;
        }
        v->get_handler = variables[i].get_handler;
        v->data = variables[i].data;
    }
    return NGX_OK;
}

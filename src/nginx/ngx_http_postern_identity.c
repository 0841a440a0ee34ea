/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handing the identity of an allowed request to the application.
 *
 * Names of headers change with the policy only, so a location keeps them in the
 * form nginx wants.  Requests copy all they use: both names and values may be
 * gone before the request is.
 */
#include "nginx/ngx_http_postern.h"

#include "base/str.h"

static void
shape(ngx_http_request_t *r, const struct pn_app_record *app,
      ngx_http_postern_shape_t *out)
{
    ngx_http_postern_main_conf_t *mcf =
        ngx_http_get_module_main_conf(r, ngx_http_postern_module);
    const struct pn_str names[NGX_HTTP_POSTERN_SHAPE] = {
        app->user_header, app->groups_header, app->name_header,
        app->email_header};

    out->known = 1;
    for (size_t i = 0; i < PN_LEN(names); i++) {
        u_char *text = out->names[i].text;
        size_t len = names[i].len;

        out->names[i].len = len;
        if (len == 0) {
            continue;
        }
        ngx_memcpy(text, names[i].ptr, len);
        /* proxy_set_header finds the one it replaces by this. */
        out->names[i].hash = ngx_hash_strlow(text + len, text, len);
        out->known &= ngx_http_postern_names_has(&mcf->identity, text, len);
    }
}

ngx_uint_t
ngx_http_postern_identity_known(ngx_http_request_t *r,
                                const struct pn_gate *gate,
                                const struct pn_app_record *app)
{
    ngx_http_postern_loc_conf_t *lcf =
        ngx_http_get_module_loc_conf(r, ngx_http_postern_module);

    if (lcf->shape == NULL) {
        return 0; /* only where no app is named */
    }
    if (lcf->shape->compilation != pn_gate_compilation(gate)) {
        shape(r, app, lcf->shape);
        lcf->shape->compilation = pn_gate_compilation(gate);
    }
    return lcf->shape->known;
}

static ngx_uint_t
is_clean(struct pn_str text)
{
    return pn_str_is_printable(text) || !pn_str_has_control(text);
}

/* Copies live as long as the request.  The NUL is for nginx's own log
 * functions. */
static ngx_int_t
copy(ngx_pool_t *pool, struct pn_str from, ngx_str_t *out)
{
    if (from.len == 0) {
        ngx_str_set(out, "");
        return NGX_OK;
    }
    out->data = ngx_pnalloc(pool, from.len + 1);
    if (out->data == NULL) {
        return NGX_ERROR;
    }
    *ngx_cpymem(out->data, from.ptr, from.len) = '\0';
    out->len = from.len;
    return NGX_OK;
}

/* values in the order of the shape's names. */
static ngx_int_t
give(ngx_http_request_t *r, const ngx_str_t *values)
{
    ngx_http_postern_loc_conf_t *lcf =
        ngx_http_get_module_loc_conf(r, ngx_http_postern_module);

    for (size_t i = 0; i < NGX_HTTP_POSTERN_SHAPE; i++) {
        size_t len = lcf->shape->names[i].len;
        ngx_table_elt_t *header;
        u_char *text;

        if (len == 0 || values[i].len == 0) {
            continue;
        }
        text = ngx_pnalloc(r->pool, 2 * len);
        header = ngx_http_postern_headers_push(r);
        if (text == NULL || header == NULL) {
            return NGX_ERROR;
        }
        ngx_memcpy(text, lcf->shape->names[i].text, 2 * len);
        header->key.data = text;
        header->key.len = len;
        header->lowcase_key = text + len;
        header->hash = lcf->shape->names[i].hash;
        header->value = values[i];
    }
    return NGX_OK;
}

ngx_int_t
ngx_http_postern_identity_set(ngx_http_request_t *r,
                              ngx_http_postern_ctx_t *ctx,
                              enum pn_user_value user_value,
                              const struct pn_owner_record *owner)
{
    ngx_str_t user, values[NGX_HTTP_POSTERN_SHAPE];

    if (owner->username.len == 0 || !is_clean(owner->username)
        || !is_clean(owner->email) || !is_clean(owner->group_names)
        || !is_clean(owner->display_name)
        || (user_value == PN_USER_VALUE_EMAIL && owner->email.len == 0))
    {
        return NGX_DECLINED;
    }
    if (copy(r->pool, owner->username, &user) != NGX_OK
        || copy(r->pool, owner->group_names, &values[1]) != NGX_OK
        || copy(r->pool, owner->display_name, &values[2]) != NGX_OK
        || copy(r->pool, owner->email, &values[3]) != NGX_OK)
    {
        return NGX_ERROR;
    }
    values[0] = user_value == PN_USER_VALUE_EMAIL ? values[3] : user;
    if (give(r, values) != NGX_OK) {
        return NGX_ERROR;
    }
    ctx->user = user;
    ctx->groups = values[1];
    ctx->email = values[3];
    return NGX_OK;
}

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
    out->len = 0;
    for (size_t i = 0; i < PN_LEN(names); i++) {
        u_char *text = out->text + out->len;
        size_t len = names[i].len;

        out->names[i].at = out->len;
        out->names[i].len = len;
        if (len == 0) {
            continue;
        }
        out->len += 2 * len;
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

/* The NUL is for nginx's own log functions. */
static u_char *
put(u_char *at, struct pn_str text, ngx_str_t *out)
{
    out->data = at;
    out->len = text.len;
    at = ngx_cpymem(at, text.ptr, text.len);
    *at++ = '\0';
    return at;
}

/* values in the order of the shape's names, which stand at text. */
static ngx_int_t
give(ngx_http_request_t *r, const ngx_http_postern_shape_t *shape, u_char *text,
     const ngx_str_t *values)
{
    for (size_t i = 0; i < NGX_HTTP_POSTERN_SHAPE; i++) {
        ngx_table_elt_t *header;

        if (shape->names[i].len == 0 || values[i].len == 0) {
            continue;
        }
        header = ngx_http_postern_headers_push(r);
        if (header == NULL) {
            return NGX_ERROR;
        }
        header->key.data = text + shape->names[i].at;
        header->key.len = shape->names[i].len;
        header->lowcase_key = header->key.data + header->key.len;
        header->hash = shape->names[i].hash;
        header->value = values[i];
    }
    return NGX_OK;
}

/* No text of an owner's record holds a control byte: it would not have been
 * decoded. */
ngx_int_t
ngx_http_postern_identity_set(ngx_http_request_t *r,
                              ngx_http_postern_ctx_t *ctx,
                              enum pn_user_value user_value,
                              const struct pn_owner_record *owner)
{
    ngx_http_postern_loc_conf_t *lcf =
        ngx_http_get_module_loc_conf(r, ngx_http_postern_module);
    const ngx_http_postern_shape_t *shape = lcf->shape;
    ngx_str_t user, values[NGX_HTTP_POSTERN_SHAPE];
    u_char *names, *at;

    if (owner->username.len == 0
        || (user_value == PN_USER_VALUE_EMAIL && owner->email.len == 0))
    {
        return NGX_DECLINED;
    }
    names = ngx_pnalloc(
        r->pool, shape->len + owner->username.len + owner->group_names.len
                     + owner->display_name.len + owner->email.len + 4);
    if (names == NULL) {
        return NGX_ERROR;
    }
    at = ngx_cpymem(names, shape->text, shape->len);
    at = put(at, owner->username, &user);
    at = put(at, owner->group_names, &values[1]);
    at = put(at, owner->display_name, &values[2]);
    (void) put(at, owner->email, &values[3]);
    values[0] = user_value == PN_USER_VALUE_EMAIL ? values[3] : user;
    if (give(r, shape, names, values) != NGX_OK) {
        return NGX_ERROR;
    }
    ctx->user = user;
    ctx->groups = values[1];
    ctx->email = values[3];
    return NGX_OK;
}

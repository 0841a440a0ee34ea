/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handing the identity of an allowed request to the application.
 */
#include "nginx/ngx_http_postern.h"

#include "base/str.h"

ngx_uint_t
ngx_http_postern_identity_known(ngx_http_request_t *r,
                                const struct pn_app_record *app)
{
    ngx_http_postern_main_conf_t *mcf =
        ngx_http_get_module_main_conf(r, ngx_http_postern_module);
    const struct pn_str *names[] = {&app->user_header, &app->groups_header,
                                    &app->name_header, &app->email_header};

    for (size_t i = 0; i < PN_LEN(names); i++) {
        if (names[i]->len > 0
            && !ngx_http_postern_names_has(
                &mcf->identity, (const u_char *) names[i]->ptr, names[i]->len))
        {
            return 0;
        }
    }
    return 1;
}

/* Copies live as long as the request; what they come from only until the gate's
 * end.  The NUL is for nginx's own log functions. */
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

static ngx_int_t
give(ngx_http_request_t *r, struct pn_str name, ngx_str_t value)
{
    ngx_str_t key;

    if (name.len == 0 || value.len == 0) {
        return NGX_OK;
    }
    if (copy(r->pool, name, &key) != NGX_OK) {
        return NGX_ERROR;
    }
    return ngx_http_postern_headers_push(r, key, value) != NULL ? NGX_OK
                                                                : NGX_ERROR;
}

/* NGX_DECLINED: the owner's record cannot be said in headers. */
ngx_int_t
ngx_http_postern_identity_set(ngx_http_request_t *r,
                              ngx_http_postern_ctx_t *ctx,
                              const struct pn_app_record *app,
                              const struct pn_owner_record *owner)
{
    ngx_str_t user, email, groups, name, shown;

    if (owner->username.len == 0 || pn_str_has_control(owner->username)
        || pn_str_has_control(owner->email)
        || pn_str_has_control(owner->group_names)
        || pn_str_has_control(owner->display_name)
        || (app->user_value == PN_USER_VALUE_EMAIL && owner->email.len == 0))
    {
        return NGX_DECLINED;
    }
    if (copy(r->pool, owner->username, &user) != NGX_OK
        || copy(r->pool, owner->email, &email) != NGX_OK
        || copy(r->pool, owner->group_names, &groups) != NGX_OK
        || copy(r->pool, owner->display_name, &name) != NGX_OK)
    {
        return NGX_ERROR;
    }
    shown = app->user_value == PN_USER_VALUE_EMAIL ? email : user;
    if (give(r, app->user_header, shown) != NGX_OK
        || give(r, app->groups_header, groups) != NGX_OK
        || give(r, app->name_header, name) != NGX_OK
        || give(r, app->email_header, email) != NGX_OK)
    {
        return NGX_ERROR;
    }
    ctx->user = user;
    ctx->email = email;
    ctx->groups = groups;
    return NGX_OK;
}

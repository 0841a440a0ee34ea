/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request cookies.  Postern's own session cookie is nobody's business but
 * posternd's; a request allowed by a token carries none at all, else a script
 * that keeps the application's session would go on after its token is revoked.
 */
#include "nginx/ngx_http_postern.h"

#include "base/str.h"

static ngx_uint_t
is_session(struct pn_str pair)
{
    struct pn_str name = pair, value;

    (void) pn_str_cut(pair, '=', &name, &value);
    name = pn_str_trim(name);
    return pn_str_eq(name, PN_STR("postern"))
           || pn_str_eq(name, PN_STR("__Host-postern"));
}

/* Copy value without the session cookie; its length is 0 when nothing else was
 * in it. */
static ngx_int_t
without_session(ngx_pool_t *pool, ngx_str_t value, ngx_str_t *out)
{
    struct pn_str rest = ngx_http_postern_from(value), pair;
    u_char *p = ngx_pnalloc(pool, 2 * value.len + 1); /* ";" to "; " */

    if (p == NULL) {
        return NGX_ERROR;
    }
    out->data = p;
    while (rest.len > 0) {
        pair = rest;
        if (!pn_str_cut(rest, ';', &pair, &rest)) {
            rest.len = 0;
        }
        pair = pn_str_trim(pair);
        if (pair.len == 0 || is_session(pair)) {
            continue;
        }
        if (p != out->data) {
            *p++ = ';';
            *p++ = ' ';
        }
        p = ngx_cpymem(p, pair.ptr, pair.len);
    }
    *p = '\0';
    out->len = (size_t) (p - out->data);
    return NGX_OK;
}

static ngx_uint_t
is_empty_cookie(const ngx_table_elt_t *header, const void *data)
{
    (void) data;
    return header->value.len == 0
           && ngx_http_postern_folds_to(header->key.data, header->key.len,
                                        "cookie");
}

ngx_int_t
ngx_http_postern_cookies_drop_session(ngx_http_request_t *r)
{
    ngx_list_part_t *part = &r->headers_in.headers.part;
    ngx_uint_t emptied = 0;

    for (; part != NULL; part = part->next) {
        ngx_table_elt_t *header = part->elts;

        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            ngx_table_elt_t *h = &header[i];

            if (!ngx_http_postern_folds_to(h->key.data, h->key.len, "cookie")
                || memmem(h->value.data, h->value.len, "postern", 7) == NULL)
            {
                continue;
            }
            if (without_session(r->pool, h->value, &h->value) != NGX_OK) {
                return NGX_ERROR;
            }
            emptied |= h->value.len == 0;
        }
    }
    return emptied ? ngx_http_postern_headers_remove(r, is_empty_cookie, NULL)
                   : NGX_OK;
}

ngx_int_t
ngx_http_postern_cookies_drop_all(ngx_http_request_t *r)
{
    return ngx_http_postern_headers_drop(r, "cookie");
}

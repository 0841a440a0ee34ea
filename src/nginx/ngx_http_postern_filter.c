/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to requests that a token allowed: no Set-Cookie of the application,
 * and a notice when the token ends soon.  add_header runs after this filter.
 */
#include "nginx/ngx_http_postern.h"

#include "base/datetime.h"

enum { NOTICE_S = 30 * 86400 };

static ngx_http_output_header_filter_pt next_header_filter;

static void
strip_set_cookie(ngx_http_request_t *r)
{
    ngx_list_part_t *part = &r->headers_out.headers.part;

    for (; part != NULL; part = part->next) {
        ngx_table_elt_t *header = part->elts;

        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (header[i].key.len >= 10
                && ngx_http_postern_folds_to(header[i].key.data,
                                             header[i].key.len, "set-cookie*"))
            {
                header[i].hash = 0; /* in answers this does remove it */
            }
        }
    }
}

static ngx_int_t
add_notice(ngx_http_request_t *r, int64_t expires_at)
{
    ngx_table_elt_t *header;
    u_char *text = ngx_pnalloc(r->pool, PN_DATETIME_LEN + 1);

    if (text == NULL) {
        return NGX_ERROR;
    }
    if (pn_datetime_format(expires_at, (char *) text) != PN_OK) {
        return NGX_OK;
    }
    header = ngx_list_push(&r->headers_out.headers);
    if (header == NULL) {
        return NGX_ERROR;
    }
    ngx_memzero(header, sizeof(*header));
    header->hash = 1;
    ngx_str_set(&header->key, "Postern-Token-Expires");
    header->value.data = text;
    header->value.len = PN_DATETIME_LEN;
    return NGX_OK;
}

static ngx_int_t
header_filter(ngx_http_request_t *r)
{
    ngx_http_postern_srv_conf_t *scf =
        ngx_http_get_module_srv_conf(r, ngx_http_postern_module);
    ngx_http_postern_record_t *record;

    if (r != r->main || scf->used != 1) {
        return next_header_filter(r);
    }
    record = ngx_http_postern_record(r);
    if (record != NULL && record->strip_cookies) {
        strip_set_cookie(r);
    }
    if (record != NULL && record->expires_at > 0
        && record->expires_at - ngx_time() <= NOTICE_S
        && add_notice(r, record->expires_at) != NGX_OK)
    {
        return NGX_ERROR;
    }
    return next_header_filter(r);
}

void
ngx_http_postern_filter_init(void)
{
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = header_filter;
}

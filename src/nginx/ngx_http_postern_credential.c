/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking the credential out of a request, and client copies of identity
 * headers with it, before anything else can look at them.
 *
 * Whatever begins like a token leaves the request in every server that uses
 * postern, "off" locations included; passwords and foreign bearers stay where
 * they are until something was decided about them.
 */
#include "nginx/ngx_http_postern.h"

#include "base/secret.h"
#include "base/str.h"

static void
record_done(void *data)
{
    ngx_http_postern_record_t *record = data;

    if (record->taken) {
        pn_wipe(record->authorization.data, record->authorization.len);
    }
    pn_wipe(&record->credential.hash, sizeof(record->credential.hash));
}

ngx_http_postern_record_t *
ngx_http_postern_record(ngx_http_request_t *r)
{
    ngx_http_postern_ctx_t *ctx =
        ngx_http_get_module_ctx(r, ngx_http_postern_module);

    if (ctx != NULL) {
        return ctx->record;
    }
    for (ngx_pool_cleanup_t *c = r->pool->cleanup; c != NULL; c = c->next) {
        if (c->handler == record_done) {
            return c->data;
        }
    }
    return NULL;
}

/* $remote_user and auth_basic find nobody; nginx does not parse again. */
static void
forget_user(ngx_http_request_t *r)
{
    ngx_str_set(&r->headers_in.user, "");
    ngx_str_set(&r->headers_in.passwd, "");
}

/* Copy what the credential borrows from scratch. */
static ngx_int_t
keep_user(ngx_pool_t *pool, struct pn_credential *credential)
{
    char *copy;

    if (credential->user.len == 0) {
        credential->user.ptr = NULL;
        return NGX_OK;
    }
    copy = ngx_pnalloc(pool, credential->user.len);
    if (copy == NULL) {
        return NGX_ERROR;
    }
    ngx_memcpy(copy, credential->user.ptr, credential->user.len);
    credential->user.ptr = copy;
    return NGX_OK;
}

static ngx_int_t
parse(ngx_http_request_t *r, ngx_http_postern_record_t *record)
{
    ngx_http_postern_main_conf_t *mcf =
        ngx_http_get_module_main_conf(r, ngx_http_postern_module);
    char bytes[PN_CREDENTIAL_MAX + 2 * PN_USERNAME_MAX];
    struct pn_buf scratch = PN_BUF(bytes);
    ngx_int_t rc;

    record->blind = ngx_http_postern_gate_prefixes(r) != NGX_OK;
    pn_credential_parse(
        ngx_http_postern_from(r->headers_in.authorization->value),
        &mcf->prefixes, &scratch, &record->credential);
    rc = keep_user(r->pool, &record->credential);
    pn_wipe(scratch.ptr, scratch.len);
    return rc;
}

/* Move the header's value into the record; its old bytes are overwritten. */
static ngx_int_t
take_out(ngx_http_request_t *r, ngx_http_postern_record_t *record)
{
    ngx_str_t value = r->headers_in.authorization->value;

    record->authorization.data = ngx_pnalloc(r->pool, value.len);
    if (record->authorization.data == NULL) {
        return NGX_ERROR;
    }
    record->authorization.len = value.len;
    ngx_memcpy(record->authorization.data, value.data, value.len);
    ngx_memset(value.data, '*', value.len);
    record->taken = 1;
    forget_user(r);
    return ngx_http_postern_headers_drop(r, "authorization");
}

static ngx_http_postern_record_t *
new_record(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t *cleanup =
        ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_postern_record_t));

    if (cleanup == NULL) {
        return NULL;
    }
    ngx_memzero(cleanup->data, sizeof(ngx_http_postern_record_t));
    cleanup->handler = record_done;
    return cleanup->data;
}

/*
 * The record of a request that POST_READ has not seen: nginx found an error
 * before (a repeated Authorization, a line over its buffers) and is on its way
 * to an error_page.  Its credential is not looked at, it just goes.
 */
ngx_http_postern_record_t *
ngx_http_postern_take(ngx_http_request_t *r)
{
    ngx_http_postern_record_t *record = ngx_http_postern_record(r);

    if (record != NULL) {
        return record;
    }
    record = new_record(r->main);
    if (record == NULL) {
        return NULL;
    }
    record->early = 1;
    forget_user(r);
    return ngx_http_postern_headers_drop(r, "authorization") == NGX_OK ? record
                                                                       : NULL;
}

static ngx_uint_t
is_identity(const ngx_table_elt_t *header, const void *names)
{
    return ngx_http_postern_names_has(names, header->key.data, header->key.len);
}

/*
 * After a change to HTTP/2 ("Upgrade: h2c") the client would speak to the
 * application through a tunnel, and name itself in the requests inside.
 */
static ngx_uint_t
is_other_protocol(const ngx_table_elt_t *header, const void *data)
{
    static const struct pn_str websocket = {"websocket", 9};

    (void) data;
    return pn_str_eq_nocase(ngx_http_postern_from(header->key),
                            PN_STR("upgrade"))
           && !pn_str_eq_nocase(ngx_http_postern_from(header->value),
                                websocket);
}

static ngx_int_t
scrub_upgrade(ngx_http_request_t *r)
{
    if (ngx_http_postern_headers_remove(r, is_other_protocol, NULL) != NGX_OK) {
        return NGX_ERROR;
    }
    /* It asked for two, another one first. */
    return r->headers_in.upgrade == NULL
               ? ngx_http_postern_headers_drop(r, "upgrade")
               : NGX_OK;
}

ngx_int_t
ngx_http_postern_scrub(ngx_http_request_t *r)
{
    ngx_http_postern_main_conf_t *mcf =
        ngx_http_get_module_main_conf(r, ngx_http_postern_module);

    if (r->headers_in.upgrade != NULL && scrub_upgrade(r) != NGX_OK) {
        return NGX_ERROR;
    }
    return ngx_http_postern_headers_remove(r, is_identity, &mcf->identity);
}

static ngx_uint_t
in_use(ngx_http_request_t *r)
{
    ngx_http_postern_srv_conf_t *scf =
        ngx_http_get_module_srv_conf(r, ngx_http_postern_module);

    return scf->used == 1;
}

ngx_int_t
ngx_http_postern_post_read_handler(ngx_http_request_t *r)
{
    ngx_http_postern_record_t *record;

    if (!in_use(r) || ngx_http_postern_record(r) != NULL) {
        return NGX_DECLINED;
    }
    record = new_record(r);
    if (record == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (r->headers_in.authorization != NULL) {
        if (parse(r, record) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
        if (pn_credential_holds_token(&record->credential)
            && take_out(r, record) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return ngx_http_postern_scrub(r) == NGX_OK ? NGX_DECLINED
                                               : NGX_HTTP_INTERNAL_SERVER_ERROR;
}

/*
 * First in SERVER_REWRITE, REWRITE and LOG: for requests that POST_READ has not
 * seen, before an "if" or the access log asks for $remote_user.
 */
ngx_int_t
ngx_http_postern_late_handler(ngx_http_request_t *r)
{
    if (in_use(r) && r->headers_in.authorization != NULL
        && ngx_http_postern_take(r) == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    return NGX_DECLINED;
}

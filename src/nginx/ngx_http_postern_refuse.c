/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending a refusal.
 *
 * The request ends here.  Were the status returned to nginx instead, an
 * error_page could turn the refusal into a request to the application; were
 * NGX_OK returned after sending, the request would go on.
 */
#include "nginx/ngx_http_postern.h"

#include "core/refusal.h"

/* Would a login box help, or pop up in front of somebody for a script? */
static enum pn_client
client_of(ngx_http_request_t *r)
{
    static const char navigate[] = "navigate";
    ngx_table_elt_t *mode;

    if (ngx_http_postern_headers_find(r, "x-requested-with") != NULL) {
        return PN_CLIENT_IN_PAGE;
    }
    mode = ngx_http_postern_headers_find(r, "sec-fetch-mode");
    if (mode == NULL
        || (mode->value.len == sizeof(navigate) - 1
            && ngx_strncmp(mode->value.data, navigate, mode->value.len) == 0))
    {
        return PN_CLIENT_SCRIPT_OR_NAVIGATION;
    }
    return PN_CLIENT_IN_PAGE;
}

static ngx_int_t
add_header(ngx_http_request_t *r, const char *key, ngx_str_t value)
{
    ngx_table_elt_t *header = ngx_list_push(&r->headers_out.headers);

    if (header == NULL) {
        return NGX_ERROR;
    }
    ngx_memzero(header, sizeof(*header));
    header->hash = 1;
    header->key.data = (u_char *) key; /* never written to */
    header->key.len = ngx_strlen(key);
    header->value = value;
    return NGX_OK;
}

typedef bool (*challenge_pt)(const struct pn_refusal *, struct pn_buf *);

static ngx_int_t
add_challenges(ngx_http_request_t *r, const struct pn_refusal *refusal)
{
    static const challenge_pt challenges[] = {pn_refusal_basic,
                                              pn_refusal_bearer};

    for (size_t i = 0; i < PN_LEN(challenges); i++) {
        char text[PN_CHALLENGE_MAX];
        struct pn_buf out = PN_BUF(text);
        ngx_str_t value;

        if (!challenges[i](refusal, &out) || out.full) {
            continue;
        }
        value.len = out.len;
        value.data = ngx_pnalloc(r->pool, out.len);
        if (value.data == NULL) {
            return NGX_ERROR;
        }
        ngx_memcpy(value.data, text, out.len);
        if (add_header(r, "WWW-Authenticate", value) != NGX_OK) {
            return NGX_ERROR;
        }
    }
    return NGX_OK;
}

static ngx_int_t
add_headers(ngx_http_request_t *r, const struct pn_refusal *refusal,
            ngx_uint_t status)
{
    static ngx_str_t no_store = ngx_string("no-store");
    ngx_str_t wait;

    if (add_header(r, "Cache-Control", no_store) != NGX_OK) {
        return NGX_ERROR;
    }
    if (status == NGX_HTTP_UNAUTHORIZED && add_challenges(r, refusal) != NGX_OK)
    {
        return NGX_ERROR;
    }
    if (status == NGX_HTTP_TOO_MANY_REQUESTS) {
        wait.data = ngx_pnalloc(r->pool, NGX_INT32_LEN);
        if (wait.data == NULL) {
            return NGX_ERROR;
        }
        wait.len = (size_t) (ngx_sprintf(wait.data, "%uD",
                                         refusal->decision->retry_after_s)
                             - wait.data);
        return add_header(r, "Retry-After", wait);
    }
    return NGX_OK;
}

/* Take the body off the connection, so that the next request on it is found;
 * a client told to wait for "100 Continue" may never send one. */
static void
discard_body(ngx_http_request_t *r)
{
    if (r->headers_in.expect != NULL && !r->expect_tested) {
        r->keepalive = 0;
    }
    r->expect_tested = 1;
    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }
}

static ngx_int_t
send_refusal(ngx_http_request_t *r, const struct pn_refusal *refusal,
             ngx_uint_t status)
{
    ngx_buf_t *b = ngx_create_temp_buf(r->pool, PN_REFUSAL_BODY_MAX);
    struct pn_buf body = {.cap = PN_REFUSAL_BODY_MAX};
    ngx_chain_t out = {.buf = b};
    ngx_int_t rc;

    if (b == NULL) {
        return NGX_ERROR;
    }
    body.ptr = (char *) b->pos;
    pn_refusal_body(refusal, &body);
    b->last = b->pos + body.len;
    b->last_buf = 1;

    /* Nothing is left of an answer that led here (X-Accel-Redirect). */
    ngx_http_clean_header(r);
    r->err_status = 0;
    r->headers_out.status = status;
    r->headers_out.content_length_n = (off_t) body.len;
    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    if (add_headers(r, refusal, status) != NGX_OK) {
        return NGX_ERROR;
    }
    discard_body(r);
    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }
    return ngx_http_output_filter(r, &out);
}

ngx_int_t
ngx_http_postern_refuse(ngx_http_request_t *r, ngx_http_postern_ctx_t *ctx,
                        enum pn_challenge challenge)
{
    ngx_http_postern_loc_conf_t *lcf =
        ngx_http_get_module_loc_conf(r, ngx_http_postern_module);
    ngx_uint_t status = ctx->decision.status;
    struct pn_refusal refusal = {
        .decision = &ctx->decision,
        .app = ngx_http_postern_from(lcf->app),
        .challenge = challenge,
        .client = client_of(r),
    };

    if (status < NGX_HTTP_BAD_REQUEST) {
        status = NGX_HTTP_SERVICE_UNAVAILABLE; /* nobody decided */
    }
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0, "postern: refused: %s",
                  pn_reason_code(ctx->decision.reason));
    if (r != r->main) {
        return (ngx_int_t) status;
    }
    refusal.has_address = ngx_http_postern_address(r, &refusal.address);
    ngx_http_finalize_request(r, send_refusal(r, &refusal, status));
    return NGX_DONE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nginx's request in core's words.
 */
#include "nginx/ngx_http_postern.h"

#include "base/str.h"

static ngx_uint_t
address_of(const struct sockaddr *from, struct pn_ip *out)
{
    if (from->sa_family == AF_INET) {
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
        const struct sockaddr_in *in = (const struct sockaddr_in *) from;

        ngx_memcpy(out->bytes, mapped, sizeof(mapped));
        ngx_memcpy(out->bytes + sizeof(mapped), &in->sin_addr, 4);
        return 1;
    }
#if (NGX_HAVE_INET6)
    if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) from;

        ngx_memcpy(out->bytes, &in6->sin6_addr, sizeof(out->bytes));
        return 1;
    }
#endif
    return 0; /* a Unix socket: unknown, which fails every address rule */
}

/* The client's, as realip left it. */
ngx_uint_t
ngx_http_postern_address(ngx_http_request_t *r, struct pn_ip *out)
{
    return address_of(r->connection->sockaddr, out);
}

/* What postern_secure's variable may say for "came over TLS". */
static ngx_uint_t
says_secure(struct pn_str value)
{
    static const struct pn_str words[] = {
        {"on", 2}, {"https", 5}, {"wss", 3}, {"1", 1}, {"true", 4}};

    for (size_t i = 0; i < PN_LEN(words); i++) {
        if (pn_str_eq_nocase(value, words[i])) {
            return 1;
        }
    }
    return 0;
}

static ngx_uint_t
is_secure(ngx_http_request_t *r)
{
    ngx_http_postern_loc_conf_t *lcf =
        ngx_http_get_module_loc_conf(r, ngx_http_postern_module);
    ngx_http_variable_value_t *v;

    if (lcf->secure == NGX_DECLINED) {
#if (NGX_HTTP_SSL)
        return r->connection->ssl != NULL;
#else
        return 0;
#endif
    }
    v = ngx_http_get_flushed_variable(r, (ngx_uint_t) lcf->secure);
    return v != NULL && !v->not_found
           && says_secure((struct pn_str){(const char *) v->data, v->len});
}

/*
 * Does the peer sit on this machine?  Judged on the connection, not on what
 * realip made of it; without the realip module the two are the same.
 */
ngx_uint_t
ngx_http_postern_peer_is_local(ngx_http_request_t *r)
{
    static ngx_str_t name = ngx_string("realip_remote_addr");
    ngx_uint_t key = ngx_hash_key(name.data, name.len);
    ngx_http_variable_value_t *v = ngx_http_get_variable(r, &name, key);
    struct pn_str text;
    struct pn_ip ip;

    if (v == NULL || v->not_found) {
        return r->connection->sockaddr->sa_family == AF_UNIX
               || (ngx_http_postern_address(r, &ip) && pn_ip_is_loopback(&ip));
    }
    text = (struct pn_str){(const char *) v->data, v->len};
    return pn_str_starts(text, PN_STR("unix:"))
           || (pn_ip_parse(text, &ip) == PN_OK && pn_ip_is_loopback(&ip));
}

static ngx_uint_t
is_preflight(ngx_http_request_t *r)
{
    return r->method == NGX_HTTP_OPTIONS
           && ngx_http_postern_headers_find(r, "origin") != NULL
           && ngx_http_postern_headers_find(r, "access-control-request-method")
                  != NULL;
}

void
ngx_http_postern_ask(ngx_http_request_t *r, struct pn_request *out)
{
    ngx_http_postern_loc_conf_t *lcf =
        ngx_http_get_module_loc_conf(r, ngx_http_postern_module);

    *out = (struct pn_request){
        .method = ngx_http_postern_from(r->method_name),
        .target = ngx_http_postern_from(r->unparsed_uri),
        .rewritten = !r->valid_unparsed_uri,
        .mode = lcf->mode == NGX_HTTP_POSTERN_OPTIONAL ? PN_MODE_OPTIONAL
                                                       : PN_MODE_REQUIRED,
        .tls = is_secure(r),
        .preflight = is_preflight(r),
        .now = ngx_time(),
    };
    if (r != r->main) {
        out->sub_path = ngx_http_postern_from(r->uri);
    }
    out->has_address = ngx_http_postern_address(r, &out->address);
}

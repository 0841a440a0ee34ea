/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which request headers could pass for an identity.
 *
 * Applications fold names before they look at them (CGI and WSGI make
 * HTTP_REMOTE_USER of Remote-User, Remote_User and Remote.User alike), so names
 * are compared folded.  The list does not depend on the index: scrubbing works
 * without one.
 */
#include "nginx/ngx_http_postern.h"

/* Families that proxies and single-sign-on systems hand to applications. */
static const char *const families[] = {
    /* Authelia, VoidAuth, tinyauth, Pangolin, Radicale */
    "remote-user",
    "remote-groups",
    "remote-group",
    "remote-name",
    "remote-email",
    "remote-sub",
    "x-remote-*",
    /* oauth2-proxy, Jenkins, SonarQube */
    "x-auth-request-*",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-group",
    "x-forwarded-login",
    "x-forwarded-name",
    "x-forwarded-preferred-username",
    "x-forwarded-access-token",
    "x-forwarded-roles",
    /* authentik, Grafana, Gitea */
    "x-authentik-*",
    "x-webauth-*",
    /* Kong, APISIX */
    "x-consumer-*",
    "x-credential-identifier",
    "x-credential-username",
    "x-anonymous-consumer",
    "x-authenticated-*",
    /* signed assertions */
    "x-pomerium-*",
    "x-goog-iap-jwt-assertion",
    "x-goog-authenticated-user-*",
    "cf-access-*",
    /* ours */
    "x-postern-*",
    "postern-*",
};

/* HTTP and nginx give these a meaning of their own. */
static const char *const reserved[] = {
    "host",
    "connection",
    "cookie",
    "authorization",
    "proxy-*",
    "content-*",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "keep-alive",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-real-ip",
    "user-agent",
    "referer",
    "range",
    "if-*",
    "accept",
    "accept-*",
    "date",
    "origin",
    "depth",
    "destination",
    "overwrite",
    "http2-settings",
};

enum { NAME_MAX_LEN = 63 };

static u_char
fold(u_char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
        return c;
    }
    return c >= 'A' && c <= 'Z' ? (u_char) (c | 0x20) : '-';
}

static ngx_uint_t
fits(const u_char *name, size_t len, const u_char *item, size_t item_len)
{
    if (item[item_len - 1] == '*') {
        item_len--;
        if (len < item_len) {
            return 0;
        }
    } else if (len != item_len) {
        return 0;
    }
    for (size_t i = 0; i < item_len; i++) {
        if (fold(name[i]) != item[i]) {
            return 0;
        }
    }
    return 1;
}

ngx_uint_t
ngx_http_postern_folds_to(const u_char *name, size_t len, const char *folded)
{
    return fits(name, len, (const u_char *) folded, ngx_strlen(folded));
}

static ngx_int_t
add_folded(ngx_conf_t *cf, ngx_http_postern_names_t *names, ngx_str_t item)
{
    ngx_http_postern_bucket_t *bucket = &names->by_first[item.data[0]];
    ngx_uint_t any_rest = item.data[item.len - 1] == '*';
    size_t len = any_rest ? item.len - 1 : item.len;
    ngx_str_t *slot;

    if (bucket->items.elts == NULL
        && ngx_array_init(&bucket->items, cf->pool, 8, sizeof(item)) != NGX_OK)
    {
        return NGX_ERROR;
    }
    slot = ngx_array_push(&bucket->items);
    if (slot == NULL) {
        return NGX_ERROR;
    }
    *slot = item;
    bucket->lengths |= any_rest ? UINT64_MAX << len : UINT64_C(1) << len;
    return NGX_OK;
}

ngx_int_t
ngx_http_postern_names_init(ngx_conf_t *cf, ngx_http_postern_names_t *names)
{
    for (size_t i = 0; i < PN_LEN(families); i++) {
        ngx_str_t item;

        item.len = ngx_strlen(families[i]);
        item.data = ngx_pnalloc(cf->pool, item.len);
        if (item.data == NULL) {
            return NGX_ERROR;
        }
        ngx_memcpy(item.data, families[i], item.len);
        if (add_folded(cf, names, item) != NGX_OK) {
            return NGX_ERROR;
        }
    }
    return NGX_OK;
}

/* RFC 9110 5.6.2: a field name is a token. */
static ngx_uint_t
is_field_name(const ngx_str_t *name)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < name->len; i++) {
        u_char c = name->data[i];

        if (fold(c) == '-' && memchr(marks, c, sizeof(marks) - 1) == NULL) {
            return 0;
        }
    }
    return name->len > 0 && name->len <= NAME_MAX_LEN;
}

ngx_int_t
ngx_http_postern_names_add(ngx_conf_t *cf, ngx_http_postern_names_t *names,
                           const ngx_str_t *name)
{
    ngx_str_t item;

    if (!is_field_name(name) || fold(name->data[0]) == '-') {
        return NGX_DECLINED;
    }
    for (size_t i = 0; i < PN_LEN(reserved); i++) {
        if (ngx_http_postern_folds_to(name->data, name->len, reserved[i])) {
            return NGX_DECLINED;
        }
    }
    item.len = name->len;
    item.data = ngx_pnalloc(cf->pool, item.len);
    if (item.data == NULL) {
        return NGX_ERROR;
    }
    for (size_t i = 0; i < item.len; i++) {
        item.data[i] = fold(name->data[i]); /* also "*": no patterns here */
    }
    return add_folded(cf, names, item);
}

ngx_uint_t
ngx_http_postern_names_has(const ngx_http_postern_names_t *names,
                           const u_char *name, size_t len)
{
    size_t bit = len < NAME_MAX_LEN ? len : NAME_MAX_LEN;
    const ngx_http_postern_bucket_t *bucket;
    const ngx_str_t *item;

    if (len == 0) {
        return 0;
    }
    bucket = &names->by_first[fold(name[0])];
    if (!(bucket->lengths >> bit & 1)) {
        return 0; /* nearly every header */
    }
    item = bucket->items.elts;
    for (ngx_uint_t i = 0; i < bucket->items.nelts; i++) {
        if (fits(name, len, item[i].data, item[i].len)) {
            return 1;
        }
    }
    return 0;
}

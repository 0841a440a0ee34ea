/* SPDX-License-Identifier: Apache-2.0 */
/* Cookies and origins. */
#include "daemon/api/cookie.h"

#include "base/str.h"

enum pn_err
pn_cookie_find(struct pn_str header, struct pn_str name, struct pn_str *out)
{
    struct pn_str found = {NULL, 0}, pair, key, value;
    bool more = true;

    while (more) {
        more = pn_str_cut(header, ';', &pair, &header);
        if (!more) {
            pair = header;
        }
        if (!pn_str_cut(pn_str_trim(pair), '=', &key, &value)
            || !pn_str_eq(key, name)) {
            continue;
        }
        if (found.ptr != NULL) {
            return PN_E_EXISTS;
        }
        found = value;
    }
    if (found.ptr == NULL) {
        return PN_E_NOT_FOUND;
    }
    *out = found;
    return PN_OK;
}

bool
pn_origin_is(struct pn_str origin, struct pn_str scheme, struct pn_str host)
{
    const struct pn_str between = PN_STR("://");

    if (origin.len != scheme.len + between.len + host.len || host.len == 0
        || !pn_str_starts(origin, scheme))
    {
        return false;
    }
    origin.ptr += scheme.len;
    origin.len -= scheme.len;
    if (!pn_str_starts(origin, between)) {
        return false;
    }
    origin.ptr += between.len;
    origin.len -= between.len;
    return pn_str_eq_nocase(origin, host);
}

bool
pn_host_is_loopback(struct pn_str host)
{
    size_t colon = pn_str_find(host, ':');
    struct pn_str name = {host.ptr, colon};

    if (pn_str_starts(host, PN_STR("[::1]"))) {
        return host.len == 5 || host.ptr[5] == ':';
    }
    if (pn_str_eq_nocase(name, PN_STR("localhost"))) {
        return true;
    }
    /* "127.evil.example" is a name: only digits and dots count. */
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] != '.' && (name.ptr[i] < '0' || name.ptr[i] > '9')) {
            return false;
        }
    }
    return pn_str_starts(name, PN_STR("127."));
}

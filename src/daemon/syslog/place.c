/* SPDX-License-Identifier: Apache-2.0 */
/* Reading where syslog messages go. */
#include "daemon/syslog/place.h"

#include <string.h>

#include "base/str.h"

static const struct {
    struct pn_str scheme;
    const char *port;
} kinds[] = {
    [PN_SYSLOG_LOCAL] = {{"unix:", 5}, ""},
    [PN_SYSLOG_UDP] = {{"udp://", 6}, "514"},
    [PN_SYSLOG_TCP] = {{"tcp://", 6}, "601"},
    [PN_SYSLOG_TLS] = {{"tls://", 6}, "6514"},
};

static bool
is_name(struct pn_str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
        {
            return false;
        }
    }
    return host.len > 0 && host.ptr[0] != '-' && host.ptr[0] != '.';
}

/* Whether it is an address is seen when it is used; nothing else gets by. */
static bool
is_ipv6(struct pn_str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];

        if (!((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')
              || (c >= '0' && c <= '9') || c == ':' || c == '.'))
        {
            return false;
        }
    }
    return host.len > 1;
}

static bool
is_port(struct pn_str port)
{
    unsigned number = 0;

    if (port.len == 0 || port.len > 5 || port.ptr[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < port.len; i++) {
        if (port.ptr[i] < '0' || port.ptr[i] > '9') {
            return false;
        }
        number = number * 10 + (unsigned) (port.ptr[i] - '0');
    }
    return number <= 65535;
}

/* HOST, HOST:PORT, [IPV6] or [IPV6]:PORT; port.len 0 = none. */
static bool
split(struct pn_str text, struct pn_str *host, struct pn_str *port)
{
    struct pn_str rest;

    *port = (struct pn_str){text.ptr, 0};
    if (pn_str_starts(text, PN_STR("["))) {
        text = (struct pn_str){text.ptr + 1, text.len - 1};
        if (!pn_str_cut(text, ']', host, &rest) || !is_ipv6(*host)) {
            return false;
        }
        *port =
            rest.len > 0 ? (struct pn_str){rest.ptr + 1, rest.len - 1} : rest;
        return rest.len == 0 || (rest.ptr[0] == ':' && is_port(*port));
    }
    if (pn_str_cut(text, ':', host, &rest)) {
        *port = rest;
        return is_name(*host) && is_port(rest);
    }
    *host = text;
    return is_name(text);
}

static void
keep(struct pn_str text, char *out)
{
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

enum pn_err
pn_syslog_place_parse(struct pn_str text, struct pn_syslog_place *out)
{
    struct pn_syslog_place place = {.kind = PN_SYSLOG_LOCAL};
    struct pn_str host, port = {NULL, 0};
    size_t kind = 0;

    while (kind < PN_LEN(kinds) && !pn_str_starts(text, kinds[kind].scheme)) {
        kind++;
    }
    if (kind == PN_LEN(kinds)) {
        return PN_E_SYNTAX;
    }
    host = (struct pn_str){text.ptr + kinds[kind].scheme.len,
                           text.len - kinds[kind].scheme.len};
    place.kind = (enum pn_syslog_kind) kind;
    if (place.kind == PN_SYSLOG_LOCAL) {
        if (host.len < 2 || host.len > PN_SYSLOG_PATH_MAX || host.ptr[0] != '/'
            || pn_str_has_control(host))
        {
            return PN_E_SYNTAX;
        }
    } else if (!split(host, &host, &port) || host.len > PN_SYSLOG_HOST_MAX) {
        return PN_E_SYNTAX;
    }
    keep(host, place.host);
    keep(port.len > 0 ? port : pn_str_from(kinds[kind].port), place.port);
    *out = place;
    return PN_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses to listen on: numbers, never names, and tried before use. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/up.h"

enum { PORT_MAX = 65535 };

bool
pn_up_port_read(const char *text, unsigned *out)
{
    uint32_t port;

    if (text[0] == '0' || !pn_number(pn_str_from(text), 1, PORT_MAX, &port)) {
        return false;
    }
    *out = port;
    return true;
}

static bool
fill_v4(const char *host, unsigned port, struct pn_up_listen *out)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t) port)};

    if (inet_pton(AF_INET, host, &addr.sin_addr) != 1) {
        return false;
    }
    memcpy(&out->addr, &addr, sizeof(addr));
    out->addr_len = sizeof(addr);
    out->loopback = (ntohl(addr.sin_addr.s_addr) >> 24) == 127;
    return true;
}

static bool
fill_v6(const char *host, unsigned port, struct pn_up_listen *out)
{
    struct sockaddr_in6 addr = {.sin6_family = AF_INET6,
                                .sin6_port = htons((uint16_t) port)};
    char inner[INET6_ADDRSTRLEN];
    size_t len = strlen(host);

    if (len < 3 || len - 2 >= sizeof(inner) || host[0] != '['
        || host[len - 1] != ']')
    {
        return false;
    }
    memcpy(inner, host + 1, len - 2);
    inner[len - 2] = '\0';
    if (inet_pton(AF_INET6, inner, &addr.sin6_addr) != 1) {
        return false;
    }
    memcpy(&out->addr, &addr, sizeof(addr));
    out->addr_len = sizeof(addr);
    out->loopback = IN6_IS_ADDR_LOOPBACK(&addr.sin6_addr);
    return true;
}

enum pn_exit
pn_up_listen_read(struct pn_cli *cli, const char *option, const char *text,
                  struct pn_up_listen *out)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2];
    unsigned port;

    if (colon != NULL && (size_t) (colon - text) < sizeof(host)) {
        (void) snprintf(host, sizeof(host), "%.*s", (int) (colon - text), text);
        if (pn_up_port_read(colon + 1, &port)
            && (fill_v4(host, port, out) || fill_v6(host, port, out)))
        {
            out->text = text;
            return PN_EXIT_OK;
        }
    }
    return pn_cli_usage(cli,
                        "option '--%s' wants an address and a port such as "
                        "127.0.0.1:8080 or [::1]:8080, not '%s'",
                        option, text);
}

enum pn_exit
pn_up_listen_try(const struct pn_up_listen *listen_on)
{
    int on = 1,
        fd = socket(listen_on->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good =
        fd >= 0
        && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0
        && bind(fd, (const struct sockaddr *) &listen_on->addr,
                listen_on->addr_len)
               == 0;
    int kept = errno;

    if (fd >= 0) {
        (void) close(fd);
    }
    if (good) {
        return PN_EXIT_OK;
    }
    if (kept == EACCES) {
        pn_say("cannot listen on %s: ports below 1024 are root's; choose "
               "another with --listen",
               listen_on->text);
    } else {
        pn_say("cannot listen on %s: %s", listen_on->text,
               strerrordesc_np(kept));
    }
    return PN_EXIT_ERROR;
}

bool
pn_up_is_v6(const char *host)
{
    struct pn_up_listen unused;

    return fill_v6(host, 0, &unused);
}

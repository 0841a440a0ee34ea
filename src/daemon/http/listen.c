/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: a Unix socket, or loopback and nothing else. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "daemon/http/http.h"

enum { BACKLOG = 512 };

/* A socket that a killed process left behind refuses connections. */
static enum pn_err
remove_stale(const struct sockaddr_un *name)
{
    struct stat st;
    enum pn_err err = PN_E_BUSY;
    int fd;

    if (lstat(name->sun_path, &st) != 0) {
        return errno == ENOENT ? PN_OK : PN_E_IO;
    }
    if (!S_ISSOCK(st.st_mode)) {
        return PN_E_EXISTS;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return PN_E_IO;
    }
    if (connect(fd, (const struct sockaddr *) name, sizeof(*name)) != 0
        && errno == ECONNREFUSED)
    {
        err = unlink(name->sun_path) == 0 ? PN_OK : PN_E_IO;
    }
    (void) close(fd);
    return err;
}

static enum pn_err
listen_unix(struct pn_str path, unsigned mode, int *out)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    enum pn_err err;
    int fd;

    if (path.len == 0 || path.len >= sizeof(name.sun_path)) {
        return PN_E_TOO_LONG;
    }
    memcpy(name.sun_path, path.ptr, path.len);
    err = remove_stale(&name);
    if (err != PN_OK) {
        return err;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *) &name, sizeof(name)) != 0
        || chmod(name.sun_path, (mode_t) mode) != 0 || listen(fd, BACKLOG) != 0)
    {
        err = errno == EACCES ? PN_E_PERMISSION : PN_E_IO;
        if (fd >= 0) {
            (void) close(fd);
        }
        return err;
    }
    *out = fd;
    return PN_OK;
}

static bool
parse_port(struct pn_str text, in_port_t *out)
{
    unsigned long port = 0;

    if (text.len == 0 || text.len > 5) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        port = port * 10 + (unsigned long) (text.ptr[i] - '0');
    }
    *out = htons((uint16_t) port);
    return port <= 65535;
}

/* "127.0.0.1:8080" or "[::1]:8080" */
static enum pn_err
parse_address(struct pn_str where, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    const struct pn_str loopback6 = PN_STR("[::1]:");
    struct pn_str host, port;
    char text[INET_ADDRSTRLEN];

    if (pn_str_starts(where, PN_STR("["))) {
        if (!pn_str_starts(where, loopback6)) {
            return PN_E_PERMISSION;
        }
        port = (struct pn_str){where.ptr + loopback6.len,
                               where.len - loopback6.len};
        v6.sin6_addr = in6addr_loopback;
        if (!parse_port(port, &v6.sin6_port)) {
            return PN_E_SYNTAX;
        }
        memcpy(out, &v6, sizeof(v6));
        *len = sizeof(v6);
        return PN_OK;
    }
    if (!pn_str_cut(where, ':', &host, &port) || host.len >= sizeof(text)
        || !parse_port(port, &v4.sin_port))
    {
        return PN_E_SYNTAX;
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET, text, &v4.sin_addr) != 1) {
        return PN_E_SYNTAX;
    }
    if (ntohl(v4.sin_addr.s_addr) >> 24 != 127) {
        return PN_E_PERMISSION;
    }
    memcpy(out, &v4, sizeof(v4));
    *len = sizeof(v4);
    return PN_OK;
}

enum pn_err
pn_http_listen(const char *where, unsigned mode, int *fd_out)
{
    const struct pn_str scheme = PN_STR("unix:");
    struct pn_str text = pn_str_from(where);
    struct sockaddr_storage name;
    socklen_t len;
    enum pn_err err;
    const int on = 1;

    if (pn_str_starts(text, scheme)) {
        text.ptr += scheme.len;
        text.len -= scheme.len;
        return listen_unix(text, mode, fd_out);
    }
    memset(&name, 0, sizeof(name));
    err = parse_address(text, &name, &len);
    if (err != PN_OK) {
        return err;
    }
    int fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0
        || bind(fd, (const struct sockaddr *) &name, len) != 0
        || listen(fd, BACKLOG) != 0)
    {
        err = errno == EADDRINUSE ? PN_E_BUSY : PN_E_IO;
        if (fd >= 0) {
            (void) close(fd);
        }
        return err;
    }
    *fd_out = fd;
    return PN_OK;
}

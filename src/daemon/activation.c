/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that systemd has opened for us. */
#include "daemon/activation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

enum { FIRST_FD = 3 }; /* SD_LISTEN_FDS_START */

static const struct {
    struct pn_str name;
    int type;
} roles[PN_PASSED_COUNT] = {
    [PN_PASSED_HTTP] = {{"http", 4}, SOCK_STREAM},
    [PN_PASSED_ADMIN] = {{"admin", 5}, SOCK_STREAM},
    [PN_PASSED_USAGE] = {{"usage", 5}, SOCK_DGRAM},
};

static bool PN_PRINTF(2, 3)
    refuse(char why[PN_PASSED_WHY_MAX], const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    (void) vsnprintf(why, PN_PASSED_WHY_MAX, format, ap);
    va_end(ap);
    return false;
}

/* --- one socket ---------------------------------------------------------- */

static int
option(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

static bool
is_loopback(const struct sockaddr_storage *name)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    memcpy(&v4, name, sizeof(v4));
    memcpy(&v6, name, sizeof(v6));
    return (v4.sin_family == AF_INET && ntohl(v4.sin_addr.s_addr) >> 24 == 127)
           || (v6.sin6_family == AF_INET6
               && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr));
}

/* Whoever may open it acts as administrator. */
static bool
is_private(const struct sockaddr_un *name)
{
    struct stat st;

    return lstat(name->sun_path, &st) == 0 && S_ISSOCK(st.st_mode)
           && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

/* Of the kind that its role needs? */
static bool
check(int fd, enum pn_passed_role role, char why[PN_PASSED_WHY_MAX])
{
    const char *what = roles[role].name.ptr;
    struct sockaddr_storage name = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(name);
    struct sockaddr_un file;
    const int on = 1;

    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || option(fd, SO_TYPE) < 0
        || getsockname(fd, (struct sockaddr *) &name, &len) != 0)
    {
        return refuse(why, "'%s' is no socket", what);
    }
    if (option(fd, SO_TYPE) != roles[role].type
        || (roles[role].type == SOCK_STREAM && option(fd, SO_ACCEPTCONN) != 1))
    {
        return refuse(why, "'%s' must be a %s socket", what,
                      roles[role].type == SOCK_STREAM ? "listening stream"
                                                      : "datagram");
    }
    if (role == PN_PASSED_HTTP && is_loopback(&name)) {
        return true;
    }
    memcpy(&file, &name, sizeof(file));
    if (file.sun_family != AF_UNIX || file.sun_path[0] != '/') {
        return refuse(why, "'%s' must be a Unix socket with a path%s", what,
                      role == PN_PASSED_HTTP ? ", or on loopback" : "");
    }
    if (role == PN_PASSED_ADMIN && !is_private(&file)) {
        return refuse(why, "'%s' must have mode 0600", what);
    }
    return role != PN_PASSED_USAGE
           || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0
           || refuse(why, "'%s': %s", what, strerrordesc_np(errno));
}

/* --- all of them --------------------------------------------------------- */

static bool
parse_number(const char *text, unsigned long max, unsigned long *out)
{
    unsigned long value = 0;

    if (text == NULL || text[0] == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || value > max) {
            return false;
        }
        value = value * 10 + (unsigned long) (*text - '0');
    }
    *out = value;
    return value <= max;
}

static bool
take_one(int fd, struct pn_str name, struct pn_passed *out,
         char why[PN_PASSED_WHY_MAX])
{
    for (unsigned role = 0; role < PN_PASSED_COUNT; role++) {
        if (!pn_str_eq(name, roles[role].name)) {
            continue;
        }
        if (out->fd[role] >= 0) {
            return refuse(why, "'%s' was passed twice", roles[role].name.ptr);
        }
        out->fd[role] = fd;
        return check(fd, role, why);
    }
    return refuse(why, "'%.*s' is not http, admin or usage", (int) name.len,
                  name.ptr);
}

static bool
take_all(unsigned long count, const char *names, struct pn_passed *out,
         char why[PN_PASSED_WHY_MAX])
{
    struct pn_str rest = pn_str_from(names != NULL ? names : ""), name;

    for (unsigned long i = 0; i < count; i++) {
        const bool last = !pn_str_cut(rest, ':', &name, &rest);

        if (last) {
            name = rest;
            rest.len = 0;
        }
        if (last != (i + 1 == count)) {
            return refuse(why, "LISTEN_FDNAMES does not name %lu sockets",
                          count);
        }
        if (!take_one(FIRST_FD + (int) i, name, out, why)) {
            return false;
        }
    }
    return true;
}

static const char *
variable(const char *name)
{
    return getenv(name); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static bool
read_environment(struct pn_passed *out, char why[PN_PASSED_WHY_MAX])
{
    const char *fds = variable("LISTEN_FDS"), *pid = variable("LISTEN_PID");
    unsigned long number = 0, count = 0;

    /* Meant for another process, such as the shell that started us. */
    if (fds == NULL || pid == NULL || !parse_number(pid, INT32_MAX, &number)
        || number != (unsigned long) getpid())
    {
        return true;
    }
    if (!parse_number(fds, PN_PASSED_COUNT, &count)) {
        return refuse(why, "LISTEN_FDS is '%.20s', not a number up to %d", fds,
                      PN_PASSED_COUNT);
    }
    return take_all(count, variable("LISTEN_FDNAMES"), out, why);
}

bool
pn_passed_take(struct pn_passed *out, char why[PN_PASSED_WHY_MAX])
{
    static const char *const names[] = {"LISTEN_PID", "LISTEN_FDS",
                                        "LISTEN_FDNAMES"};
    const struct pn_passed none = {{-1, -1, -1}};
    struct pn_passed passed = none;
    bool good = read_environment(&passed, why);

    for (size_t i = 0; i < PN_LEN(names); i++) {
        (void) unsetenv(names[i]); /* NOLINT(concurrency-mt-unsafe) */
    }
    *out = good ? passed : none;
    return good;
}

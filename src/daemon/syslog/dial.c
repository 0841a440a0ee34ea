/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets to receivers. */
#include "daemon/syslog/dial.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

enum { RESOLVE_S = 2, RESOLVE_TIMES = 1 };

static void
describe(char why[PN_SYSLOG_WHY_MAX], const struct pn_syslog_place *place,
         const char *reason)
{
    (void) snprintf(why, PN_SYSLOG_WHY_MAX,
                    "cannot connect to '%.200s'%s%s: %s", place->host,
                    place->port[0] != '\0' ? " port " : "", place->port,
                    reason);
}

static enum pn_err
failed(char why[PN_SYSLOG_WHY_MAX], const struct pn_syslog_place *place,
       int error)
{
    char text[128];

    describe(why, place, strerror_r(error, text, sizeof(text)));
    return PN_E_IO;
}

enum pn_err
pn_syslog_dial_again(int fd, const struct pn_syslog_place *place)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    _Static_assert(PN_SYSLOG_PATH_MAX < sizeof(name.sun_path), "room");
    memcpy(name.sun_path, place->host, strlen(place->host));
    return connect(fd, (const struct sockaddr *) &name, sizeof(name)) == 0
               ? PN_OK
               : PN_E_IO;
}

static enum pn_err
dial_local(const struct pn_syslog_place *place, char why[PN_SYSLOG_WHY_MAX],
           int *out)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || pn_syslog_dial_again(fd, place) != PN_OK) {
        enum pn_err err = failed(why, place, errno);

        if (fd >= 0) {
            (void) close(fd);
        }
        return err;
    }
    *out = fd;
    return PN_OK;
}

/* Until connected, refused, or the time is over; errno says which. */
static enum pn_err
connect_by(int fd, const struct addrinfo *to, int wake, int64_t until)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLOUT},
                           {.fd = wake, .events = POLLIN}};
    socklen_t len = sizeof(errno);
    int error = 0;

    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0) {
        return PN_OK;
    }
    while (errno == EINPROGRESS || errno == EINTR) {
        const int64_t left = until - pn_clock_ms();
        const int n = left > 0 ? poll(fds, PN_LEN(fds), (int) left) : 0;

        if (n > 0 && fds[1].revents != 0) {
            return PN_E_BUSY;
        }
        if (n > 0) {
            (void) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
            errno = error;
            return error == 0 ? PN_OK : PN_E_IO;
        }
        if (n == 0) {
            errno = ETIMEDOUT;
        }
    }
    return PN_E_IO;
}

/* Each address gets its share of the time that is left. */
static enum pn_err
try_all(const struct pn_syslog_place *place, const struct addrinfo *found,
        int wake, char why[PN_SYSLOG_WHY_MAX], int *out)
{
    const int64_t until = pn_clock_ms() + PN_SYSLOG_CONNECT_MS;
    enum pn_err err = PN_E_IO;
    int left = 0;

    for (const struct addrinfo *to = found; to != NULL; to = to->ai_next) {
        left++;
    }
    for (const struct addrinfo *to = found; to != NULL; to = to->ai_next) {
        const int64_t now = pn_clock_ms();
        const int fd = socket(
            to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd >= 0) {
            err = connect_by(fd, to, wake, now + (until - now) / left);
        }
        if (fd >= 0 && err == PN_OK) {
            *out = fd;
            return PN_OK;
        }
        (void) failed(why, place, errno);
        left--;
        if (fd >= 0) {
            (void) close(fd);
        }
        if (err == PN_E_BUSY) {
            break;
        }
    }
    return err;
}

/* The end of posternd waits for this: glibc's own patience is 30 seconds. */
static void
hurry_resolver(void)
{
    if (res_init() == 0) {
        _res.retrans = RESOLVE_S;
        _res.retry = RESOLVE_TIMES;
    }
}

enum pn_err
pn_syslog_dial(const struct pn_syslog_place *place, int wake,
               char why[PN_SYSLOG_WHY_MAX], int *out)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = place->kind == PN_SYSLOG_UDP ? SOCK_DGRAM : SOCK_STREAM,
    };
    struct addrinfo *found = NULL;
    enum pn_err err;
    int rc;

    if (place->kind == PN_SYSLOG_LOCAL) {
        return dial_local(place, why, out);
    }
    hurry_resolver();
    rc = getaddrinfo(place->host, place->port, &hints, &found);
    if (rc != 0) {
        describe(why, place, gai_strerror(rc));
        return PN_E_IO;
    }
    err = try_all(place, found, wake, why, out);
    freeaddrinfo(found);
    return err;
}

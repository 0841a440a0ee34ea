/* SPDX-License-Identifier: Apache-2.0 */
/* Does the server answer?  It is asked as anybody asks it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/http/exchange.h"

enum { TARGET_MAX = 128 };

/* Until fd is ready or it is too late. */
static bool
wait_for(int fd, short events, int64_t until)
{
    struct pollfd wait = {.fd = fd, .events = events};
    int64_t left;

    while ((left = until - pn_clock_ms()) > 0) {
        int rc = poll(&wait, 1, (int) left);

        if (rc >= 0 || errno != EINTR) {
            return rc > 0;
        }
    }
    return false;
}

/* The first bytes of an answer, whatever it says. */
static bool
exchange(int fd, const char *target, int64_t until)
{
    static const char wanted[] = "HTTP/1.1 ";
    char request[TARGET_MAX + 128], got[sizeof(wanted)];
    size_t len = 0;
    int size = snprintf(request, sizeof(request),
                        "GET %.*s HTTP/1.1\r\nHost: localhost\r\n"
                        "Connection: close\r\n\r\n",
                        TARGET_MAX, target);

    /* So few bytes fit into any socket at once. */
    if (!wait_for(fd, POLLOUT, until)
        || send(fd, request, (size_t) size, MSG_NOSIGNAL) != size)
    {
        return false;
    }
    while (len < sizeof(wanted) - 1) {
        ssize_t n;

        if (!wait_for(fd, POLLIN, until)) {
            return false;
        }
        n = recv(fd, got + len, sizeof(wanted) - 1 - len, 0);
        if (n <= 0) {
            return false;
        }
        len += (size_t) n;
    }
    return memcmp(got, wanted, len) == 0;
}

static bool
answers(const struct pn_http_server *server, const char *target, int timeout_ms)
{
    const int64_t until = pn_clock_ms() + timeout_ms;
    int fd = socket(server->name.ss_family,
                    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool good;

    if (fd < 0) {
        return false;
    }
    /* A Unix socket whose queue is full says EAGAIN at once: no answer. */
    good =
        connect(fd, (const struct sockaddr *) &server->name, server->name_len)
            == 0
        || errno == EINPROGRESS;
    good = good && exchange(fd, target, until);
    (void) close(fd);
    return good;
}

static bool
is_full(const struct pn_http_server *server)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(
        server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    return info != NULL && info->num_connections >= server->options.threads;
}

bool
pn_http_is_moving(struct pn_http_server *server, const char *target,
                  int timeout_ms)
{
    bool moving = answers(server, target, timeout_ms);
    bool full = !moving && is_full(server);

    (void) pthread_mutex_lock(&server->mutex);
    if (full) {
        moving =
            server->handling == 0 || server->handled != server->handled_before;
    }
    server->handled_before = server->handled;
    (void) pthread_mutex_unlock(&server->mutex);
    return moving;
}

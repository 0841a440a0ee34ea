/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to receivers: datagrams, and streams with or without TLS. */
#include "daemon/syslog/link.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/syslog/dial.h"
#include "daemon/syslog/tls.h"

enum {
    HELD_MAX = 64 << 10, /* bytes of a stream that are sent together */
    LENGTH_MAX = 12,     /* "65000 " */
    STEP_MS = 2,         /* between two looks whether all arrived */
    STEP_MAX_MS = 50,
};

struct pn_syslog_link {
    const struct pn_syslog_place *place;
    int fd, wake;
    int stall_ms;
    struct stat path;   /* of a local socket, as it was found */
    struct pn_tls *tls; /* NULL = none */
    char *held;         /* of a stream: not sent yet */
    size_t held_len, held_cap;
    char why[PN_SYSLOG_WHY_MAX];
};

/* --- waiting ------------------------------------------------------------- */

static enum pn_err
broken(struct pn_syslog_link *link, const char *what, int error)
{
    char text[128];

    (void) snprintf(link->why, sizeof(link->why), "%s: %s", what,
                    strerror_r(error, text, sizeof(text)));
    return PN_E_IO;
}

static enum pn_err
broken_tls(struct pn_syslog_link *link)
{
    (void) snprintf(link->why, sizeof(link->why), "%s", pn_tls_why(link->tls));
    return PN_E_IO;
}

static enum pn_err
closed(struct pn_syslog_link *link)
{
    (void) snprintf(link->why, sizeof(link->why),
                    "the receiver closed the connection");
    return PN_E_IO;
}

/* PN_OK: an event; PN_E_NOT_FOUND: the time is over; PN_E_BUSY: woken. */
static enum pn_err
wait_for(const struct pn_syslog_link *link, short events, int timeout_ms)
{
    struct pollfd fds[] = {{.fd = link->fd, .events = events},
                           {.fd = link->wake, .events = POLLIN}};

    if (poll(fds, PN_LEN(fds), timeout_ms) < 0 && errno != EINTR) {
        return PN_E_NOMEM; /* nothing else is documented to happen */
    }
    if (fds[1].revents != 0) {
        return PN_E_BUSY;
    }
    return fds[0].revents != 0 ? PN_OK : PN_E_NOT_FOUND;
}

/* Within the time that may pass without a byte getting on. */
static enum pn_err
wait_progress(struct pn_syslog_link *link, short events, const char *what)
{
    enum pn_err err = wait_for(link, events, link->stall_ms);

    return err == PN_E_NOT_FOUND ? broken(link, what, ETIMEDOUT) : err;
}

/* --- opening ------------------------------------------------------------- */

/* A peer that is gone is noticed while nothing is sent, too. */
static void
keep_alive(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 60},
        {IPPROTO_TCP, TCP_KEEPINTVL, 10},
        {IPPROTO_TCP, TCP_KEEPCNT, 3},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, PN_SYSLOG_STALL_MS},
    };

    for (size_t i = 0; i < PN_LEN(options); i++) {
        /* Where one is refused, the system's own times hold. */
        (void) setsockopt(fd, options[i].level, options[i].name,
                          &options[i].value, sizeof(options[i].value));
    }
}

static enum pn_err
shake_hands(struct pn_syslog_link *link)
{
    const int64_t until = pn_clock_ms() + PN_SYSLOG_CONNECT_MS;

    for (;;) {
        const enum pn_tls_step step = pn_tls_handshake(link->tls);
        const int64_t left = until - pn_clock_ms();
        enum pn_err err;

        if (step == PN_TLS_DONE) {
            return PN_OK;
        }
        if (step == PN_TLS_CLOSED) {
            return closed(link);
        }
        if (step == PN_TLS_FAILED) {
            return broken_tls(link);
        }
        if (left <= 0) {
            return broken(link, "handshake", ETIMEDOUT);
        }
        err = wait_for(link, step == PN_TLS_WANT_READ ? POLLIN : POLLOUT,
                       (int) left);
        if (err == PN_E_BUSY || err == PN_E_NOMEM) {
            return err;
        }
    }
}

static enum pn_err
furnish(struct pn_syslog_link *link, const struct pn_syslog_receiver *receiver)
{
    enum pn_err err;

    if (link->place->kind == PN_SYSLOG_LOCAL) {
        return stat(link->place->host, &link->path) == 0
                   ? PN_OK
                   : broken(link, "connection", errno);
    }
    if (link->place->kind == PN_SYSLOG_UDP) {
        return PN_OK;
    }
    keep_alive(link->fd);
    link->held_cap = HELD_MAX + LENGTH_MAX + receiver->max_bytes;
    link->held = malloc(link->held_cap);
    if (link->held == NULL) {
        return PN_E_NOMEM;
    }
    if (link->place->kind == PN_SYSLOG_TCP) {
        return PN_OK;
    }
    _Static_assert((int) PN_TLS_WHY_MAX <= (int) PN_SYSLOG_WHY_MAX, "room");
    err = pn_tls_new(receiver, link->fd, link->why, &link->tls);
    return err == PN_OK ? shake_hands(link) : err;
}

enum pn_err
pn_syslog_link_open(const struct pn_syslog_receiver *receiver, int wake,
                    char why[PN_SYSLOG_WHY_MAX], struct pn_syslog_link **out)
{
    struct pn_syslog_link *link = calloc(1, sizeof(*link));
    enum pn_err err;

    if (link == NULL) {
        return PN_E_NOMEM;
    }
    link->place = &receiver->place;
    link->wake = wake;
    link->stall_ms = PN_SYSLOG_STALL_MS;
    err = pn_syslog_dial(&receiver->place, wake, link->why, &link->fd);
    if (err != PN_OK) {
        link->fd = -1;
        goto out;
    }
    err = furnish(link, receiver);
    if (err != PN_OK) {
        goto out;
    }
    *out = link;
    link = NULL; /* now the caller's */

out:
    if (link != NULL) {
        memcpy(why, link->why, sizeof(link->why));
    }
    pn_syslog_link_close(link);
    return err;
}

enum pn_err
pn_syslog_link_check(const struct pn_syslog_receiver *receiver,
                     char why[PN_SYSLOG_WHY_MAX])
{
    struct pn_tls *tls = NULL;
    enum pn_err err = PN_OK;

    if (receiver->place.kind == PN_SYSLOG_TLS) {
        err = pn_tls_new(receiver, -1, why, &tls);
    }
    pn_tls_free(tls);
    return err;
}

void
pn_syslog_link_close(struct pn_syslog_link *link)
{
    if (link != NULL) {
        pn_tls_free(link->tls);
        if (link->fd >= 0) {
            (void) close(link->fd);
        }
        free(link->held);
        free(link);
    }
}

const char *
pn_syslog_link_why(const struct pn_syslog_link *link)
{
    return link->why;
}

/* --- sending ------------------------------------------------------------- */

/* One step of a stream: *done bytes went. */
static enum pn_err
write_plain(struct pn_syslog_link *link, const char *bytes, size_t len,
            size_t *done)
{
    ssize_t n = send(link->fd, bytes, len, MSG_NOSIGNAL);

    if (n >= 0) {
        *done = (size_t) n;
        return PN_OK;
    }
    if (errno == EAGAIN) {
        return wait_progress(link, POLLOUT, "sending");
    }
    return errno == EINTR ? PN_OK : broken(link, "sending", errno);
}

static enum pn_err
write_tls(struct pn_syslog_link *link, const char *bytes, size_t len,
          size_t *done)
{
    switch (pn_tls_write(link->tls, bytes, len, done)) {
    case PN_TLS_DONE:
        return PN_OK;
    case PN_TLS_WANT_READ:
        return wait_progress(link, POLLIN, "sending");
    case PN_TLS_WANT_WRITE:
        return wait_progress(link, POLLOUT, "sending");
    case PN_TLS_CLOSED:
        return closed(link);
    case PN_TLS_FAILED:
        break;
    }
    return broken_tls(link);
}

/* What was not sent stays for the next time, of a datagram nothing. */
static enum pn_err
flush(struct pn_syslog_link *link)
{
    size_t sent = 0;
    enum pn_err err = PN_OK;

    if (link->held == NULL) {
        return PN_OK;
    }

    while (err == PN_OK && sent < link->held_len) {
        const char *bytes = link->held + sent;
        const size_t len = link->held_len - sent;
        size_t done = 0;

        err = link->tls != NULL ? write_tls(link, bytes, len, &done)
                                : write_plain(link, bytes, len, &done);
        sent += done;
    }
    memmove(link->held, link->held + sent, link->held_len - sent);
    link->held_len -= sent;
    return err;
}

/* The receiver of a datagram may be slow (EAGAIN) or gone (ECONNREFUSED, which
 * on UDP comes from a message before this one). */
static enum pn_err
send_datagram(struct pn_syslog_link *link, struct pn_str message)
{
    for (;;) {
        enum pn_err err;

        if (send(link->fd, message.ptr, message.len, MSG_NOSIGNAL) >= 0) {
            return PN_OK;
        }
        if (errno == EAGAIN || errno == ENOBUFS) {
            err = wait_progress(link, POLLOUT, "sending");
        } else {
            err = errno == EINTR ? PN_OK : broken(link, "sending", errno);
        }
        if (err != PN_OK) {
            return err;
        }
    }
}

enum pn_err
pn_syslog_link_send(struct pn_syslog_link *link, struct pn_str message)
{
    if (link->held == NULL) {
        return send_datagram(link, message);
    }
    if (message.len > link->held_cap - HELD_MAX - LENGTH_MAX) {
        return broken(link, "sending", EMSGSIZE);
    }
    if (link->held_len >= HELD_MAX) { /* what woke the last flush is over */
        enum pn_err err = flush(link);

        if (err != PN_OK) {
            return err;
        }
    }
    /* Octet counting (RFC 6587 section 3.4.1). */
    link->held_len += (size_t) snprintf(link->held + link->held_len, LENGTH_MAX,
                                        "%zu ", message.len);
    memcpy(link->held + link->held_len, message.ptr, message.len);
    link->held_len += message.len;
    if (link->held_len < HELD_MAX) {
        return PN_OK;
    }

    enum pn_err err = flush(link);

    return err == PN_E_BUSY ? PN_OK : err; /* the link has it */
}

/* --- what became of it --------------------------------------------------- */

/* Bytes that the other system has not acknowledged; on a socket of this machine
 * those that the receiver has not read. */
static enum pn_err
outstanding(struct pn_syslog_link *link, int *out)
{
    return ioctl(link->fd, SIOCOUTQ, out) == 0
               ? PN_OK
               : broken(link, "looking what was sent", errno);
}

/*
 * Nothing tells the sender of datagrams that their reader has ended, and took
 * along what it had not read: is it still the same socket, and somebody's?
 */
static enum pn_err
look_local(struct pn_syslog_link *link)
{
    struct stat now;

    if (stat(link->place->host, &now) != 0
        || pn_syslog_dial_again(link->fd, link->place) != PN_OK)
    {
        return broken(link, "connection", errno);
    }
    return now.st_dev == link->path.st_dev && now.st_ino == link->path.st_ino
                   && now.st_ctim.tv_sec == link->path.st_ctim.tv_sec
                   && now.st_ctim.tv_nsec == link->path.st_ctim.tv_nsec
               ? PN_OK
               : broken(link, "connection", ECONNRESET);
}

/* Has the receiver closed, or the connection failed? */
static enum pn_err
look(struct pn_syslog_link *link)
{
    char byte;
    ssize_t n;

    if (link->place->kind == PN_SYSLOG_LOCAL) {
        return look_local(link);
    }
    if (link->tls != NULL) {
        enum pn_tls_step step;

        do {
            step = pn_tls_listen(link->tls);
        } while (step == PN_TLS_DONE);
        return step == PN_TLS_CLOSED   ? closed(link)
               : step == PN_TLS_FAILED ? broken_tls(link)
                                       : PN_OK;
    }
    do {
        n = recv(link->fd, &byte, 1, MSG_DONTWAIT);
    } while (n > 0 || (n < 0 && errno == EINTR)); /* nobody should talk */
    if (n == 0) {
        return link->held != NULL ? closed(link) : PN_OK;
    }
    return errno == EAGAIN ? PN_OK : broken(link, "connection", errno);
}

enum pn_err
pn_syslog_link_drain(struct pn_syslog_link *link)
{
    const int64_t until = pn_clock_ms() + PN_SYSLOG_STALL_MS;
    int left = 1, step = STEP_MS;
    enum pn_err err = flush(link);

    while (err == PN_OK && left > 0) {
        err = look(link);
        if (err == PN_OK) {
            err = outstanding(link, &left);
        }
        if (err == PN_OK && left > 0 && pn_clock_ms() > until) {
            err = broken(link, "waiting for what was sent", ETIMEDOUT);
        }
        if (err == PN_OK && left > 0) {
            /* Nothing says when the queue is empty. */
            err = wait_for(link, 0, step);
            err = err == PN_E_NOT_FOUND ? PN_OK : err;
            step = step < STEP_MAX_MS ? 2 * step : step;
        }
    }
    return err;
}

enum pn_err
pn_syslog_link_idle(struct pn_syslog_link *link, int timeout_ms)
{
    const short events = link->place->kind == PN_SYSLOG_LOCAL ? 0 : POLLIN;
    enum pn_err err = wait_for(link, events, timeout_ms);

    return err == PN_OK || err == PN_E_NOT_FOUND ? look(link) : err;
}

/* Until the other side closes, too, or has no time. */
static enum pn_err
await_end(struct pn_syslog_link *link)
{
    const int64_t until = pn_clock_ms() + PN_SYSLOG_END_MS;

    for (;;) {
        struct pollfd fd = {.fd = link->fd, .events = POLLIN};
        const int64_t left = until - pn_clock_ms();
        char bytes[256];
        ssize_t n;

        if (left <= 0 || (poll(&fd, 1, (int) left) < 0 && errno != EINTR)) {
            return PN_E_NOT_FOUND;
        }
        n = recv(link->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (n == 0) {
            return PN_OK; /* read to the end: an early close would reset */
        }
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            return broken(link, "ending", errno);
        }
    }
}

enum pn_err
pn_syslog_link_end(struct pn_syslog_link *link)
{
    int left = 0;
    enum pn_err err;

    link->wake = -1;
    link->stall_ms = PN_SYSLOG_END_MS;
    err = flush(link);
    if (err != PN_OK) {
        return err;
    }
    if (link->held != NULL) {
        if ((link->tls != NULL && pn_tls_say_end(link->tls) != PN_TLS_DONE)
            || shutdown(link->fd, SHUT_WR) != 0)
        {
            return PN_E_IO;
        }
        return await_end(link);
    }
    err = outstanding(link, &left);
    return err == PN_OK && link->place->kind == PN_SYSLOG_LOCAL && left == 0
               ? PN_OK
               : PN_E_NOT_FOUND;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving end of what nginx workers report. */
#include "daemon/jobs/usage.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "core/id.h"
#include "daemon/jobs/table.h"

enum { BATCH = 512, RECEIVE_BYTES = 4 << 20, AHEAD_S = 5 };

struct pn_usage_receiver {
    struct pn_usage_options options;
    int wake; /* eventfd: stop receiving */
    pthread_t receiver, writer;
    pthread_mutex_t mutex; /* what follows */
    pthread_cond_t changed;
    struct pn_use_table *filling;
    struct pn_usage_totals counts;
    bool stopping;

    struct pn_use_table table[2];
    /* the receiver thread's own */
    time_t second;
    unsigned lines_now, suppressed;
};

/* --- the socket ---------------------------------------------------------- */

enum pn_err
pn_usage_listen(const char *path, unsigned mode, int *fd_out)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const int on = 1, bytes = RECEIVE_BYTES;
    struct stat st;
    int fd;

    if (strlen(path) >= sizeof(name.sun_path)) {
        return PN_E_TOO_LONG;
    }
    memcpy(name.sun_path, path, strlen(path));
    /* Nobody can tell a datagram socket in use from one left behind; the lock
     * of the index keeps a second posternd from coming this far. */
    if (lstat(path, &st) == 0 && (!S_ISSOCK(st.st_mode) || unlink(path) != 0)) {
        return PN_E_EXISTS;
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return PN_E_IO;
    }
    /* A small buffer only means that bursts are lost sooner. */
    (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0
        || bind(fd, (const struct sockaddr *) &name, sizeof(name)) != 0
        || chmod(path, (mode_t) mode) != 0)
    {
        (void) close(fd);
        return PN_E_IO;
    }
    *fd_out = fd;
    return PN_OK;
}

/* --- one line ------------------------------------------------------------ */

/* Texts in a log are cut, and pn_log escapes what is not plain. */
static void
cut(struct pn_str text, char out[PN_USAGE_TEXT_MAX + 1])
{
    size_t len = text.len < PN_USAGE_TEXT_MAX ? text.len : PN_USAGE_TEXT_MAX;

    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
}

static bool
within_limit(struct pn_usage_receiver *r, time_t now)
{
    if (now != r->second) {
        if (r->suppressed > 0) {
            char count[16];

            (void) snprintf(count, sizeof(count), "%u", r->suppressed);
            pn_log(PN_LOG_WARNING, "usage_lines_suppressed", "count", count,
                   NULL);
        }
        r->second = now;
        r->lines_now = r->suppressed = 0;
    }
    if (r->lines_now >= PN_USAGE_LINES_MAX) {
        r->suppressed++;
        return false;
    }
    r->lines_now++;
    return true;
}

/* A refused token, or a password that a "report" setting let through. */
static void
log_line(const struct pn_usage *line)
{
    char token[PN_ID_TEXT_LEN + 1] = "", count[16];
    char app[PN_USAGE_TEXT_MAX + 1], method[PN_USAGE_TEXT_MAX + 1];
    char user[PN_USAGE_TEXT_MAX + 1], agent[PN_USAGE_TEXT_MAX + 1];
    char path[PN_USAGE_TEXT_MAX + 1];
    char bytes[INET6_ADDRSTRLEN];
    struct pn_buf address = PN_BUF(bytes);

    pn_ip_format(&line->address, &address);
    if (line->token_id != 0) {
        pn_id_format(PN_ID_TOKEN, line->token_id, token);
    }
    (void) snprintf(count, sizeof(count), "%u", line->count);
    cut(line->app, app);
    cut(line->method, method);
    cut(line->user, user);
    cut(line->agent, agent);
    cut(line->path, path);
    if (line->user.len > 0) {
        pn_log(PN_LOG_INFO, "password_seen", "app", app, "address",
               pn_buf_cstr(&address), "user", user, "method", method, "path",
               path, "agent", agent, "count", count, NULL);
    } else {
        pn_log(PN_LOG_WARNING, "token_refused", "reason",
               pn_reason_code(line->reason), "token", token, "app", app,
               "address", pn_buf_cstr(&address), "method", method, "count",
               count, NULL);
    }
}

/* Workers do not live in the future. */
static bool
is_timely(const struct pn_usage *line, time_t now)
{
    return line->at > 0 && line->at <= (int64_t) now + AHEAD_S;
}

/* False: there was no room. */
static bool
keep(struct pn_usage_receiver *r, const struct pn_usage *line)
{
    bool kept;

    (void) pthread_mutex_lock(&r->mutex);
    kept = pn_use_table_put(r->filling, line) == PN_OK;
    if (!kept || r->filling->count >= PN_USAGE_TOKENS_MAX / 2) {
        (void) pthread_cond_signal(&r->changed);
    }
    (void) pthread_mutex_unlock(&r->mutex);
    return kept;
}

static void
take_datagram(struct pn_usage_receiver *r, struct pn_str datagram)
{
    const time_t now = time(NULL);
    struct pn_cursor cursor;
    struct pn_usage line;
    uint64_t lines = 0, lost = 0;
    enum pn_err err = pn_usage_open(datagram, &cursor);

    while (err == PN_OK && (err = pn_usage_next(&cursor, &line)) == PN_OK) {
        lines++;
        if (is_timely(&line, now)) {
            lost += !keep(r, &line);
        }
        if (line.reason != PN_REASON_OK && within_limit(r, now)) {
            log_line(&line);
        }
    }
    (void) pthread_mutex_lock(&r->mutex);
    r->counts.datagrams++;
    r->counts.lines += lines;
    r->counts.lost += lost;
    r->counts.refused += err != PN_E_NOT_FOUND;
    (void) pthread_mutex_unlock(&r->mutex);
    if (err != PN_E_NOT_FOUND && within_limit(r, now)) {
        pn_log(PN_LOG_WARNING, "usage_not_understood", "error",
               pn_err_text(err), NULL);
    }
}

/* --- receiving ----------------------------------------------------------- */

static bool
is_sender(struct pn_usage_receiver *r, uid_t uid)
{
    bool found = false;

    (void) pthread_mutex_lock(&r->mutex);
    for (unsigned i = 0; i < r->options.sender_count && !found; i++) {
        found = r->options.sender[i] == uid;
    }
    (void) pthread_mutex_unlock(&r->mutex);
    return found;
}

static bool
is_believed(struct pn_usage_receiver *r, struct msghdr *message, uid_t *sender)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL;
         c = CMSG_NXTHDR(message, c))
    {
        struct ucred cred;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS
            || c->cmsg_len < CMSG_LEN(sizeof(cred)))
        {
            continue;
        }
        memcpy(&cred, CMSG_DATA(c), sizeof(cred));
        *sender = cred.uid;
        return is_sender(r, cred.uid);
    }
    return false;
}

/* Everything that waits. */
static void
drain(struct pn_usage_receiver *r)
{
    static char bytes[PN_USAGE_DATAGRAM_MAX]; /* the receiving thread's */

    for (;;) {
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
        struct iovec io = {.iov_base = bytes, .iov_len = sizeof(bytes)};
        struct msghdr message = {.msg_iov = &io,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof(control)};
        uid_t sender = (uid_t) -1;
        ssize_t n = recvmsg(r->options.fd, &message, MSG_DONTWAIT);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return;
        }
        if (!is_believed(r, &message, &sender)
            || (message.msg_flags & MSG_TRUNC) != 0) {
            (void) pthread_mutex_lock(&r->mutex);
            r->counts.refused++;
            (void) pthread_mutex_unlock(&r->mutex);
            if (within_limit(r, time(NULL))) {
                char uid[16];

                (void) snprintf(uid, sizeof(uid), "%d", (int) sender);
                pn_log(PN_LOG_WARNING, "usage_sender_refused", "uid", uid,
                       NULL);
            }
            continue;
        }
        take_datagram(r, (struct pn_str){bytes, (size_t) n});
    }
}

static void *
receive(void *arg)
{
    struct pn_usage_receiver *r = arg;
    struct pollfd wait[] = {{.fd = r->options.fd, .events = POLLIN},
                            {.fd = r->wake, .events = POLLIN}};

    while (wait[1].revents == 0) {
        if (poll(wait, PN_LEN(wait), -1) < 0 && errno != EINTR) {
            break;
        }
        drain(r);
    }
    return NULL;
}

/* --- writing ------------------------------------------------------------- */

static void
write_table(struct pn_usage_receiver *r, struct pn_use_table *table)
{
    struct pn_use batch[BATCH];
    size_t at = 0, n;

    while ((n = pn_use_table_next(table, &at, batch, BATCH)) > 0) {
        enum pn_err err = pn_ops_uses(r->options.ops, batch, n);

        if (err != PN_OK) {
            pn_log(PN_LOG_ERROR, "usage_not_written", "error", pn_err_text(err),
                   NULL);
        }
    }
    pn_use_table_clear(table);
}

static void *
write_often(void *arg)
{
    struct pn_usage_receiver *r = arg;
    bool stopping = false;

    while (!stopping) {
        struct timespec until;
        struct pn_use_table *full;
        int rc = 0;

        (void) pthread_mutex_lock(&r->mutex);
        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += r->options.interval_s;
        while (!r->stopping && rc == 0
               && r->filling->count < PN_USAGE_TOKENS_MAX / 2) {
            rc = pthread_cond_timedwait(&r->changed, &r->mutex, &until);
        }
        stopping = r->stopping;
        full = r->filling;
        r->filling = full == &r->table[0] ? &r->table[1] : &r->table[0];
        (void) pthread_mutex_unlock(&r->mutex);
        write_table(r, full);
    }
    return NULL;
}

/* --- start and stop ------------------------------------------------------ */

static void
release(struct pn_usage_receiver *r)
{
    pn_use_table_done(&r->table[0]);
    pn_use_table_done(&r->table[1]);
    (void) close(r->options.fd);
    if (r->wake >= 0) {
        (void) close(r->wake);
    }
    free(r);
}

static void
stop_receiving(struct pn_usage_receiver *r)
{
    const uint64_t one = 1;

    if (write(r->wake, &one, sizeof(one)) == (ssize_t) sizeof(one)) {
        (void) pthread_join(r->receiver, NULL);
    }
}

enum pn_err
pn_usage_start(const struct pn_usage_options *options,
               struct pn_usage_receiver **out)
{
    struct pn_usage_receiver *r = calloc(1, sizeof(*r));
    pthread_condattr_t attr;

    if (r == NULL) {
        (void) close(options->fd);
        return PN_E_NOMEM;
    }
    r->options = *options;
    r->wake = eventfd(0, EFD_CLOEXEC);
    r->filling = &r->table[0];
    if (r->wake < 0
        || pn_use_table_init(&r->table[0], PN_USAGE_TOKENS_MAX) != PN_OK
        || pn_use_table_init(&r->table[1], PN_USAGE_TOKENS_MAX) != PN_OK)
    {
        release(r);
        return PN_E_NOMEM;
    }
    (void) pthread_mutex_init(&r->mutex, NULL);
    (void) pthread_condattr_init(&attr);
    (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void) pthread_cond_init(&r->changed, &attr);
    (void) pthread_condattr_destroy(&attr);
    if (pthread_create(&r->receiver, NULL, receive, r) != 0) {
        release(r);
        return PN_E_NOMEM;
    }
    if (pthread_create(&r->writer, NULL, write_often, r) != 0) {
        stop_receiving(r);
        release(r);
        return PN_E_NOMEM;
    }
    *out = r;
    return PN_OK;
}

void
pn_usage_stop(struct pn_usage_receiver *r)
{
    if (r == NULL) {
        return;
    }
    stop_receiving(r);
    (void) pthread_mutex_lock(&r->mutex);
    r->stopping = true;
    (void) pthread_cond_signal(&r->changed);
    (void) pthread_mutex_unlock(&r->mutex);
    (void) pthread_join(r->writer, NULL);
    (void) pthread_cond_destroy(&r->changed);
    (void) pthread_mutex_destroy(&r->mutex);
    release(r);
}

void
pn_usage_take(struct pn_usage_receiver *r, const struct pn_usage *line)
{
    const bool kept = keep(r, line);

    (void) pthread_mutex_lock(&r->mutex);
    r->counts.lines++;
    r->counts.lost += !kept;
    (void) pthread_mutex_unlock(&r->mutex);
}

void
pn_usage_configure(struct pn_usage_receiver *r,
                   const struct pn_usage_options *options)
{
    (void) pthread_mutex_lock(&r->mutex);
    r->options.interval_s = options->interval_s;
    memcpy(r->options.sender, options->sender, sizeof(options->sender));
    r->options.sender_count = options->sender_count;
    (void) pthread_mutex_unlock(&r->mutex);
}

void
pn_usage_totals(struct pn_usage_receiver *r, struct pn_usage_totals *out)
{
    (void) pthread_mutex_lock(&r->mutex);
    *out = r->counts;
    (void) pthread_mutex_unlock(&r->mutex);
}

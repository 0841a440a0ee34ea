/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts at a connection, side by side.
 *
 * The kernel sends the first packet of a connection again after 1, 3 and 7
 * seconds: a network that comes back in between is noticed late.  So while
 * nobody has taken the call, another attempt begins every PN_DIAL_EVERY_MS, at
 * the next address in turn; the first that gets through wins.  Once somebody
 * has taken it (TLS, passwords), no further one begins.
 */
#include "daemon/store/postgres_dial.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/store/postgres_places.h"

enum { ATTEMPTS_MAX = 24, EXTRA_MAX = 8 };

#define SYSTEM_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

struct attempt {
    PGconn *conn;
    short wants; /* POLLIN or POLLOUT */
};

struct dialer {
    const char *url;
    enum pn_db_use use;
    struct pn_places places;
    struct attempt attempt[ATTEMPTS_MAX]; /* the oldest first */
    unsigned count;
    unsigned started;
    int64_t started_at; /* the last, in milliseconds */
    PGconn *won;
    char *why; /* PN_DB_WHY_MAX bytes */
};

static int64_t
now_ms(void)
{
    struct timespec now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- words --------------------------------------------------------------- */

/* libpq's messages, in English as long as nobody sets a locale. */
static const struct {
    const char *says, *remedy;
} remedies[] = {
    {"certificate verify failed",
     "the server's certificate is not from an authority that is known here, or "
     "not valid today: name the authority with ?sslrootcert=FILE in the URL, "
     "or "
     "renew the certificate"},
    {"does not match host name",
     "call the server by the name in its certificate; ?hostaddr=ADDRESS says "
     "where that is, if need be"},
    {"server does not support SSL",
     "switch TLS on there (ssl = on); to go without, ask for it by name with "
     "?sslmode=disable in the URL"},
    {"root certificate file",
     "name the file of the server's authority with ?sslrootcert=FILE"},
    {"session is read-only", "this is a standby: name the primary, too"},
};

/* NULL when none is known. */
static const char *
remedy_of(const char *message)
{
    for (size_t i = 0; i < PN_LEN(remedies); i++) {
        if (strstr(message, remedies[i].says) != NULL) {
            return remedies[i].remedy;
        }
    }
    return NULL;
}

static void
add_remedy(char *why)
{
    const char *remedy = remedy_of(why);
    size_t len = strlen(why);

    if (remedy != NULL) {
        (void) snprintf(why + len, PN_DB_WHY_MAX - len, "; %s", remedy);
    }
}

/* What went wrong with one.  The last of them is told, but that one address
 * refuses does not hide what is wrong at another. */
static void
keep_message(struct dialer *d, const PGconn *conn)
{
    const char *message = PQerrorMessage(conn);

    if (remedy_of(d->why) != NULL && remedy_of(message) == NULL) {
        return;
    }
    (void) snprintf(d->why, PN_DB_WHY_MAX, "%s", message);
    for (char *c = d->why; *c != '\0'; c++) {
        if (*c == '\n') {
            *c = c[1] == '\0' ? '\0' : ' ';
        }
    }
}

const char *
pn_dial_weakness(PGconn *conn)
{
    static const char *const modes[] = {"disable", "allow", "prefer", "require",
                                        "verify-ca"};
    const char *host = PQhost(conn);
    PQconninfoOption *options = PQconninfo(conn);
    const char *mode = NULL;

    for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
        for (size_t i = 0; i < PN_LEN(modes); i++) {
            if (strcmp(o->keyword, "sslmode") == 0 && o->val != NULL
                && strcmp(o->val, modes[i]) == 0)
            {
                mode = modes[i];
            }
        }
    }
    PQconninfoFree(options);
    return host != NULL && (host[0] == '/' || host[0] == '@') ? NULL : mode;
}

/* --- one attempt --------------------------------------------------------- */

struct params {
    const char *name[32], *value[32];
    unsigned count;
};

static void
param(struct params *params, const char *name, const char *value)
{
    params->name[params->count] = name;
    params->value[params->count++] = value;
}

static void
param_if(struct params *params, const char *name, const char *value)
{
    if (value[0] != '\0') {
        param(params, name, value);
    }
}

/*
 * libpq's own defaults are those of an interactive client; these are for a
 * server.  What the URL says comes later and wins.  TLS and the server's name
 * are verified unless the URL asks for less; libpq ignores that for a socket of
 * this machine.  No authorities are named where none are to be asked: libpq
 * would ask them all the same.
 *
 * A connection whose packets are not acknowledged for that long is dead: soon
 * for those that only read, which read again on another one; later for the
 * writer, whose commit would then have an unknown end.
 */
static void
set_params(const struct dialer *d, const struct pn_place *place,
           struct params *out)
{
    param(out, "sslmode", "verify-full");
    if (d->places.verifies) {
        param(out, "sslrootcert", SYSTEM_AUTHORITIES);
    }
    param(out, "gssencmode", "disable");
    param(out, "keepalives_idle", "10");
    param(out, "keepalives_interval", "5");
    param(out, "keepalives_count", "3");
    param(out, "tcp_user_timeout", d->use == PN_DB_WRITE ? "5000" : "1000");
    param(out, "application_name", "postern");
    param(out, "target_session_attrs", "read-write");
    param(out, "client_encoding", "UTF8");
    param(out, "dbname", d->url);
    param_if(out, "host", place->host);
    param_if(out, "hostaddr", place->address);
    param_if(out, "port", place->port);
    out->name[out->count] = NULL;
    out->value[out->count] = NULL;
}

static void
drop(struct dialer *d, unsigned i)
{
    PQfinish(d->attempt[i].conn);
    d->count--;
    memmove(&d->attempt[i], &d->attempt[i + 1],
            (d->count - i) * sizeof(d->attempt[0]));
}

static enum pn_err
begin(struct dialer *d)
{
    struct params params = {.count = 0};
    PGconn *conn;

    set_params(d, &d->places.place[d->started % d->places.count], &params);
    d->started++;
    d->started_at = now_ms();
    conn = PQconnectStartParams(params.name, params.value, 1);
    if (conn == NULL) {
        return PN_E_NOMEM;
    }
    if (PQstatus(conn) == CONNECTION_BAD) {
        keep_message(d, conn);
        PQfinish(conn);
        return PN_OK;
    }
    if (d->count == ATTEMPTS_MAX) {
        drop(d, 0);
    }
    d->attempt[d->count++] = (struct attempt){conn, POLLOUT};
    return PN_OK;
}

/* Has anybody taken a call? */
static bool
is_heard(const struct dialer *d)
{
    for (unsigned i = 0; i < d->count; i++) {
        ConnStatusType status = PQstatus(d->attempt[i].conn);

        if (status != CONNECTION_NEEDED && status != CONNECTION_STARTED) {
            return true;
        }
    }
    return false;
}

/* Its socket is ready.  False when it is over, one way or the other. */
static bool
go_on(struct dialer *d, struct attempt *attempt)
{
    switch (PQconnectPoll(attempt->conn)) {
    case PGRES_POLLING_READING:
        attempt->wants = POLLIN;
        return true;
    case PGRES_POLLING_WRITING:
        attempt->wants = POLLOUT;
        return true;
    case PGRES_POLLING_OK:
        d->won = attempt->conn;
        attempt->conn = NULL;
        return false;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
        break;
    }
    keep_message(d, attempt->conn);
    return false;
}

/* --- all of them --------------------------------------------------------- */

static void
wait_and_go_on(struct dialer *d, int64_t until)
{
    struct pollfd fd[ATTEMPTS_MAX];
    int64_t left = until - now_ms();

    for (unsigned i = 0; i < d->count; i++) {
        fd[i] = (struct pollfd){.fd = PQsocket(d->attempt[i].conn),
                                .events = d->attempt[i].wants};
    }
    if (poll(fd, d->count, left > 0 ? (int) left : 0) <= 0) {
        return;
    }
    for (unsigned i = d->count; i-- > 0 && d->won == NULL;) {
        if (fd[i].revents != 0 && !go_on(d, &d->attempt[i])) {
            drop(d, i);
        }
    }
}

/* Until one got through, all failed, or the time is over. */
static enum pn_err
attempts(struct dialer *d)
{
    const int64_t end = now_ms() + (int64_t) d->places.wait_s * 1000;

    while (d->won == NULL && now_ms() < end) {
        const bool untried = d->started < d->places.count;

        if (d->count == 0 && !untried) {
            return PN_E_IO; /* each has said why not */
        }
        const int64_t next = d->started_at + PN_DIAL_EVERY_MS;
        const bool may_begin = d->count == 0 || !is_heard(d);

        if (may_begin && (d->count == 0 || now_ms() >= next)) {
            enum pn_err err = begin(d);

            if (err != PN_OK) {
                return err;
            }
            continue;
        }
        wait_and_go_on(d, may_begin && next < end ? next : end);
    }
    return d->won != NULL ? PN_OK : PN_E_IO;
}

enum pn_err
pn_dial(const char *url, enum pn_db_use use, PGconn **out,
        char why[PN_DB_WHY_MAX])
{
    struct dialer d = {.url = url, .use = use, .why = why};
    enum pn_err err = pn_places_find(url, &d.places, why);

    if (err != PN_OK) {
        return err;
    }
    (void) snprintf(why, PN_DB_WHY_MAX, "nobody answers within %u s",
                    d.places.wait_s);
    err = attempts(&d);
    while (d.count > 0) {
        drop(&d, d.count - 1);
    }
    if (err == PN_OK) {
        *out = d.won;
    } else {
        add_remedy(why);
    }
    return err;
}

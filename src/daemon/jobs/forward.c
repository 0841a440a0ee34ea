/* SPDX-License-Identifier: Apache-2.0 */
/* Forwarding the audit to a syslog receiver. */
#include "daemon/jobs/forward.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/syslog/event.h"
#include "daemon/syslog/link.h"

enum {
    PAGE = 200,             /* events between two looks at the connection */
    PAGE_BYTES = 128 << 20, /* an event is 4 MiB at most, and several forms */
    LOOK_MS = 500,          /* for new events */
    FOLLOW_MS = 2000,       /* while another node sends */
    SETTLE_MS = 2000,       /* that a connection must hold */
    STORE_MS = 5000,        /* between two writes of the position */
    RETRY_MIN_MS = 1000,
    RETRY_MAX_MS = 60000,
    SAY_AGAIN_MS = 300000, /* that it is still away */
    HOST_MAX = 256,
    DIGITS = 24,
};

struct pn_forwarder {
    const struct pn_syslog_receiver *receiver;
    char host[HOST_MAX];
    struct pn_syslog_origin origin;
    int wake; /* eventfd: stop */
    atomic_bool stopping;
    pthread_t thread;
    pthread_mutex_t mutex; /* status */
    struct pn_forward_status status;

    /* the thread's own */
    struct pn_audit_feed *feed;
    struct pn_audit_look look;
    struct pn_syslog_link *link; /* NULL = not connected */
    bool leads;
    uint16_t page; /* events to read; 1 after a page that was too large */
    uint64_t sent, settled, stored; /* positions: stored <= settled <= sent */
    uint64_t watched;               /* becomes settled; 0 = nothing to watch */
    int64_t watched_ms, stored_ms, opened_ms;
    int64_t retry_ms,
        next_ms;     /* wait before the next attempt, and until when */
    int64_t said_ms; /* when the log was told that it is away */
};

/* --- telling ------------------------------------------------------------- */

static const char *
digits(uint64_t number, char out[DIGITS])
{
    (void) snprintf(out, DIGITS, "%llu", (unsigned long long) number);
    return out;
}

static uint64_t
behind(const struct pn_forwarder *f)
{
    const uint64_t done = f->leads ? f->sent : f->look.position;

    return f->look.head > done ? f->look.head - done : 0;
}

static void
set_status(struct pn_forwarder *f, uint64_t sent, uint64_t failures)
{
    (void) pthread_mutex_lock(&f->mutex);
    f->status.leads = f->leads;
    f->status.up = f->link != NULL;
    f->status.behind = behind(f);
    f->status.sent_total += sent;
    f->status.failures_total += failures;
    (void) pthread_mutex_unlock(&f->mutex);
}

static void
wait_ms(const struct pn_forwarder *f, int64_t ms)
{
    struct pollfd fd = {.fd = f->wake, .events = POLLIN};

    (void) poll(&fd, 1, (int) ms);
}

/* Something does not work: say so at first, and now and then; try again later
 * and later. */
static void
failed(struct pn_forwarder *f, const char *why)
{
    const int64_t now = pn_clock_ms();
    char waiting[DIGITS], seconds[DIGITS];

    f->retry_ms = f->retry_ms == 0 ? RETRY_MIN_MS : 2 * f->retry_ms;
    f->retry_ms = f->retry_ms > RETRY_MAX_MS ? RETRY_MAX_MS : f->retry_ms;
    f->next_ms = now + f->retry_ms;
    set_status(f, 0, 1);
    if (f->said_ms == 0 || now - f->said_ms >= SAY_AGAIN_MS) {
        f->said_ms = now;
        pn_log(PN_LOG_WARNING, "syslog_away", "receiver", f->receiver->name,
               "why", why, "behind", digits(behind(f), waiting), "retry_s",
               digits((uint64_t) f->retry_ms / 1000, seconds), NULL);
    }
}

/* --- the connection ------------------------------------------------------ */

static void
drop_link(struct pn_forwarder *f)
{
    pn_syslog_link_close(f->link);
    f->link = NULL;
    f->sent = f->settled; /* what is not certain goes once more */
    f->watched = 0;
}

static void
link_broke(struct pn_forwarder *f)
{
    char why[PN_SYSLOG_WHY_MAX];

    (void) snprintf(why, sizeof(why), "%s", pn_syslog_link_why(f->link));
    drop_link(f);
    failed(f, why);
}

/* After a call that used the link; true = go on with it. */
static bool
link_holds(struct pn_forwarder *f, enum pn_err err)
{
    if (err == PN_E_IO) {
        link_broke(f);
    }
    return err == PN_OK;
}

static void
open_link(struct pn_forwarder *f)
{
    char why[PN_SYSLOG_WHY_MAX] = "", waiting[DIGITS];
    enum pn_err err = pn_syslog_link_open(f->receiver, f->wake, why, &f->link);

    if (err == PN_E_BUSY) {
        return; /* stopping */
    }
    if (err != PN_OK) {
        failed(f, why[0] != '\0' ? why : pn_err_text(err));
        return;
    }
    f->opened_ms = pn_clock_ms();
    f->said_ms = 0;
    set_status(f, 0, 0);
    pn_log(PN_LOG_INFO, "syslog_connected", "receiver", f->receiver->name,
           "behind", digits(behind(f), waiting), NULL);
}

/* --- sending ------------------------------------------------------------- */

static bool
send_note(struct pn_forwarder *f, const struct pn_syslog_note *note,
          struct pn_arena *arena)
{
    char from[DIGITS], to[DIGITS];
    struct pn_str message;
    enum pn_err err = pn_syslog_note(note, (int64_t) time(NULL), f->receiver,
                                     &f->origin, arena, &message);

    if (err == PN_OK) {
        err = pn_syslog_link_send(f->link, message);
    }
    if (link_holds(f, err)) {
        pn_log(PN_LOG_WARNING, "syslog_note", "receiver", f->receiver->name,
               "note", note->id, "from", digits(note->from, from), "to",
               digits(note->to, to), NULL);
    }
    return err == PN_OK;
}

/* Events between what was sent and this position are not there any more. */
static bool
send_gap(struct pn_forwarder *f, uint64_t position, struct pn_arena *arena)
{
    const struct pn_syslog_note gap = {
        .id = "syslog.gap",
        .from = f->sent + 1,
        .to = position - 1,
        .because = "these events were removed before they were sent",
    };

    return position == f->sent + 1 || send_note(f, &gap, arena);
}

static bool
send_event(struct pn_forwarder *f, const struct pn_audit_event *event,
           struct pn_arena *arena)
{
    struct pn_str message;
    enum pn_err err =
        pn_syslog_event(event, f->receiver, &f->origin, arena, &message);

    if (err == PN_OK) {
        err = pn_syslog_link_send(f->link, message);
    }
    if (link_holds(f, err)) {
        f->sent = event->position;
    }
    return err == PN_OK;
}

/* All of a page, or as far as it gets; every row is past what was sent. */
static void
send_events(struct pn_forwarder *f, const struct pn_audit_list *events,
            struct pn_arena *arena)
{
    bool good = true;
    uint16_t i = 0;

    for (; good && i < events->count; i++) {
        good = send_gap(f, events->item[i].position, arena)
               && send_event(f, &events->item[i], arena);
    }
    if (good && events->count == 0) { /* not one left of these */
        uint64_t last = f->sent + PN_AUDIT_SCAN_MAX;

        last = last < f->look.head ? last : f->look.head;
        good = send_gap(f, last + 1, arena);
        f->sent = good ? last : f->sent;
    }
    if (f->link != NULL && link_holds(f, pn_syslog_link_drain(f->link))) {
        set_status(f, i, 0);
    }
}

static void
send_page(struct pn_forwarder *f)
{
    struct pn_arena *arena = pn_arena_new(PAGE_BYTES);
    struct pn_audit_list events = {0};
    enum pn_err err =
        arena != NULL
            ? pn_audit_feed_read(f->feed, f->sent, f->page, arena, &events)
            : PN_E_NOMEM;

    if (err == PN_OK) {
        send_events(f, &events, arena);
        f->page = PAGE;
    } else if (err == PN_E_NOMEM && f->page > 1) {
        f->page = 1;
    } else if (err != PN_E_BUSY) { /* another node sends: the next look says */
        failed(f, "the audit cannot be read");
        wait_ms(f, f->retry_ms);
    }
    pn_arena_free(arena);
}

/* The chain is shorter than what was sent: its end was cut off, or an older
 * store put in its place. */
static void
send_rewound(struct pn_forwarder *f)
{
    const struct pn_syslog_note note = {
        .id = "syslog.rewound",
        .from = f->look.head + 1,
        .to = f->sent,
        .because = "these events were sent, and the audit does not have them "
                   "any more",
    };
    struct pn_arena *arena = pn_arena_new(1 << 20);

    if (arena != NULL && send_note(f, &note, arena)
        && link_holds(f, pn_syslog_link_drain(f->link))
        && pn_audit_feed_sent(f->feed, f->look.head) == PN_OK)
    {
        f->sent = f->settled = f->stored = f->look.head;
        f->watched = 0;
    }
    pn_arena_free(arena);
}

/* --- what has arrived ---------------------------------------------------- */

static void
store_position(struct pn_forwarder *f, int64_t now)
{
    if (pn_audit_feed_sent(f->feed, f->settled) == PN_OK) {
        f->stored = f->settled;
    }
    f->stored_ms = now;
}

static void
settle(struct pn_forwarder *f)
{
    const int64_t now = pn_clock_ms();

    if (now - f->opened_ms >= SETTLE_MS) {
        f->retry_ms = 0;
    }
    if (f->watched != 0 && now - f->watched_ms >= SETTLE_MS) {
        if (!link_holds(f, pn_syslog_link_idle(f->link, 0))) {
            return;
        }
        f->settled = f->watched;
        f->watched = 0;
    }
    if (f->watched == 0 && f->sent > f->settled) {
        f->watched = f->sent;
        f->watched_ms = now;
    }
    if (f->settled > f->stored && now - f->stored_ms >= STORE_MS) {
        store_position(f, now);
    }
}

/* --- the thread ---------------------------------------------------------- */

/* This node sends from now on, from where the last one stopped. */
static void
take_lead(struct pn_forwarder *f)
{
    uint64_t from = f->look.position;

    if (!f->look.known) {
        from = f->receiver->begin == PN_SYSLOG_NEW ? f->look.head : 0;
        if (pn_audit_feed_sent(f->feed, from) != PN_OK) {
            return; /* the next look tries again */
        }
    }
    f->leads = true;
    f->sent = f->settled = f->stored = from;
    f->watched = 0;
}

/* Whether this node is the one to send. */
static bool
have_lead(struct pn_forwarder *f)
{
    const bool led = f->leads;
    enum pn_err err = pn_audit_feed_look(f->feed, &f->look);

    if (err != PN_OK) {
        failed(f, "the audit cannot be read");
        wait_ms(f, f->retry_ms);
        return false;
    }
    if (!f->look.leads) {
        f->leads = false;
        drop_link(f);
    } else if (!f->leads) {
        take_lead(f);
    }
    if (f->leads != led) {
        pn_log(PN_LOG_INFO, "syslog_lead", "receiver", f->receiver->name,
               "sends", f->leads ? "this node" : "another node", NULL);
    }
    set_status(f, 0, 0);
    if (!f->leads) {
        wait_ms(f, FOLLOW_MS);
    }
    return f->leads;
}

static void
work(struct pn_forwarder *f)
{
    if (!have_lead(f)) {
        return;
    }
    if (f->link == NULL) {
        const int64_t left = f->next_ms - pn_clock_ms();

        if (left > 0) {
            wait_ms(f, left < LOOK_MS ? left : LOOK_MS);
            return;
        }
        open_link(f);
        if (f->link == NULL) {
            return;
        }
    }
    if (f->look.head < f->sent) {
        send_rewound(f);
    } else if (f->look.head > f->sent) {
        send_page(f);
    } else {
        (void) link_holds(f, pn_syslog_link_idle(f->link, LOOK_MS));
    }
    if (f->link != NULL) {
        settle(f);
    }
}

static void *
forward(void *arg)
{
    struct pn_forwarder *f = arg;

    while (!atomic_load(&f->stopping)) {
        work(f);
    }
    /* Whoever reads to the end has everything: nothing comes twice then. */
    if (f->link != NULL && pn_syslog_link_end(f->link) == PN_OK) {
        f->settled = f->sent;
    }
    if (f->leads && f->settled > f->stored) {
        store_position(f, pn_clock_ms());
    }
    pn_syslog_link_close(f->link);
    return NULL;
}

/* --- start and stop ------------------------------------------------------ */

static void
release(struct pn_forwarder *f)
{
    pn_audit_feed_close(f->feed);
    if (f->wake >= 0) {
        (void) close(f->wake);
    }
    (void) pthread_mutex_destroy(&f->mutex);
    free(f);
}

enum pn_err
pn_forwarder_start(struct pn_ops *ops,
                   const struct pn_syslog_receiver *receiver,
                   struct pn_forwarder **out)
{
    struct pn_forwarder *f = calloc(1, sizeof(*f));
    enum pn_err err;

    if (f == NULL) {
        return PN_E_NOMEM;
    }
    f->receiver = receiver;
    f->page = PAGE;
    (void) gethostname(f->host, sizeof(f->host) - 1);
    f->origin = (struct pn_syslog_origin){
        .host = f->host,
        .pid = (long) getpid(),
        .facility = receiver->facility,
        .enterprise = receiver->enterprise,
    };
    f->status.name = receiver->name;
    (void) pthread_mutex_init(&f->mutex, NULL);
    f->wake = eventfd(0, EFD_CLOEXEC);
    err = f->wake >= 0 ? pn_audit_feed_open(ops, receiver->name, &f->feed)
                       : PN_E_NOMEM;
    if (err == PN_OK && pthread_create(&f->thread, NULL, forward, f) != 0) {
        err = PN_E_NOMEM;
    }
    if (err != PN_OK) {
        release(f);
        return err;
    }
    *out = f;
    return PN_OK;
}

void
pn_forwarder_stop(struct pn_forwarder *f)
{
    const uint64_t one = 1;

    if (f == NULL) {
        return;
    }
    atomic_store(&f->stopping, true);
    if (write(f->wake, &one, sizeof(one)) == (ssize_t) sizeof(one)) {
        (void) pthread_join(f->thread, NULL);
    }
    release(f);
}

void
pn_forwarder_status(struct pn_forwarder *f, struct pn_forward_status *out)
{
    (void) pthread_mutex_lock(&f->mutex);
    *out = f->status;
    (void) pthread_mutex_unlock(&f->mutex);
}

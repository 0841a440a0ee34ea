/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling posternd who used what: some datagrams a worker and second.
 *
 * Events are added up in a fixed table of this process.  When posternd does not
 * listen, or its queue is full, they wait; when the table is full, an ordinary
 * event is lost, and one that concerns security takes the place of an ordinary
 * one.  A request never waits.
 */
#include "nginx/ngx_http_postern.h"

#include "core/usage.h"

enum {
    SLOTS = 1024, /* a power of two */
    PROBES = 16,
    ADDRESSES = 5, /* of one token, before its lines are thrown together */
    TEXT = PN_USAGE_TEXT_MAX + 4, /* so that core sees what it cuts */
    PERIOD_MS = 1000,
    SOON_MS = 20,  /* half full: do not wait for the second to end */
    DATAGRAMS = 32 /* at once */
};

typedef struct {
    size_t len;
    char bytes[TEXT];
} text_t;

typedef struct {
    struct pn_usage line; /* its texts are set when it is sent */
    text_t app, method, user, agent, path;
    unsigned urgent : 1;
    unsigned sent : 1; /* is in the datagram being made */
} entry_t;             /* line.count 0: free */

typedef struct {
    entry_t entries[SLOTS];
    ngx_uint_t waiting;
    ngx_socket_t socket;
    ngx_uint_t unreachable; /* has been logged */
    ngx_uint_t soon;        /* the timer was set to SOON_MS */
    ngx_event_t timer;
    ngx_connection_t dummy; /* nginx's debug log wants one of every timer */
} pending_t;

/* One nginx process handles one request at a time. */
static pending_t pending = {.socket = (ngx_socket_t) -1};

static void
keep(text_t *to, struct pn_str from)
{
    to->len = from.len < TEXT ? from.len : (size_t) TEXT;
    if (to->len > 0) {
        ngx_memcpy(to->bytes, from.ptr, to->len);
    }
}

static struct pn_str
text_of(const text_t *text)
{
    return (struct pn_str){text->bytes, text->len};
}

static ngx_uint_t
is_same(const text_t *text, struct pn_str other)
{
    size_t len = other.len < TEXT ? other.len : (size_t) TEXT;

    return text->len == len
           && (len == 0 || ngx_memcmp(text->bytes, other.ptr, len) == 0);
}

/* The same token, secret (or nobody known), outcome, reporting rules, app. */
static ngx_uint_t
is_kin(const entry_t *entry, const struct pn_usage *usage)
{
    const struct pn_usage *line = &entry->line;

    return line->count > 0 && line->token_id == usage->token_id
           && line->reason == usage->reason
           && line->reporters == usage->reporters
           && ngx_memcmp(line->secret, usage->secret, sizeof(line->secret)) == 0
           && is_same(&entry->app, usage->app)
           && is_same(&entry->user, usage->user);
}

static ngx_uint_t
is_from(const entry_t *entry, const struct pn_usage *usage)
{
    return ngx_memcmp(&entry->line.address, &usage->address,
                      sizeof(usage->address))
           == 0;
}

static uint32_t
slot_of(const struct pn_usage *usage)
{
    uint64_t low, key = usage->token_id;

    if (key == 0) {
        ngx_memcpy(&key, usage->address.bytes, sizeof(key));
        ngx_memcpy(&low, usage->address.bytes + sizeof(key), sizeof(low));
        key ^= low * 31;
    }
    key = (key + (uint64_t) usage->reason) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t) (key >> 40);
}

/* The line to add to, free or in use; NULL: no room for this one. */
static entry_t *
find(const struct pn_usage *usage, ngx_uint_t urgent)
{
    uint32_t start = slot_of(usage);
    entry_t *room = NULL, *kin = NULL;
    ngx_uint_t known = usage->token_id != 0, relatives = 0;

    for (uint32_t i = 0; i < PROBES; i++) {
        entry_t *entry = &pending.entries[(start + i) % SLOTS];

        if (is_kin(entry, usage)) {
            if (is_from(entry, usage)) {
                return entry;
            }
            kin = entry;
            relatives++;
        }
        if (room == NULL || room->line.count > 0) {
            if (entry->line.count == 0 || (urgent && !entry->urgent)) {
                room = entry;
            }
        }
    }
    if (known && kin != NULL
        && (relatives >= ADDRESSES || room == NULL || room->line.count > 0))
    {
        return kin; /* counts matter more than every address */
    }
    if (room != NULL) {
        pending.waiting += room->line.count == 0;
        room->line.count = 0;
    }
    return room;
}

static void
add(const struct pn_usage *usage, ngx_uint_t urgent)
{
    entry_t *entry = find(usage, urgent);
    uint32_t count;

    if (entry == NULL) {
        return;
    }
    count = entry->line.count;
    entry->line = *usage;
    entry->line.count = count < UINT32_MAX ? count + 1 : count;
    entry->urgent = urgent & 1;
    keep(&entry->app, usage->app);
    keep(&entry->method, usage->method);
    keep(&entry->user, usage->user);
    keep(&entry->agent, usage->agent);
    keep(&entry->path, usage->path);
}

/* Append entries of one urgency until the datagram is full; how many. */
static ngx_uint_t
collect(struct pn_buf *datagram, ngx_uint_t urgent)
{
    ngx_uint_t put = 0;

    for (ngx_uint_t i = 0; i < SLOTS; i++) {
        entry_t *entry = &pending.entries[i];

        if (entry->line.count == 0 || entry->urgent != urgent) {
            continue;
        }
        entry->line.app = text_of(&entry->app);
        entry->line.method = text_of(&entry->method);
        entry->line.user = text_of(&entry->user);
        entry->line.agent = text_of(&entry->agent);
        entry->line.path = text_of(&entry->path);
        if (pn_usage_add(datagram, &entry->line) != PN_OK) {
            break;
        }
        entry->sent = 1;
        put++;
    }
    return put;
}

static void
settle(ngx_uint_t gone)
{
    for (ngx_uint_t i = 0; i < SLOTS; i++) {
        entry_t *entry = &pending.entries[i];

        if (entry->sent && gone) {
            entry->line.count = 0;
            pending.waiting--;
        }
        entry->sent = 0;
    }
}

/*
 * By path each time, so that a posternd that was started again is found; never
 * waiting.
 */
static ngx_int_t
send_datagram(const ngx_str_t *path, struct pn_str bytes)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    if (pending.socket == (ngx_socket_t) -1) {
        pending.socket =
            socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (pending.socket == (ngx_socket_t) -1) {
            return NGX_ERROR;
        }
    }
    ngx_memcpy(to.sun_path, path->data, path->len);
    return sendto(pending.socket, bytes.ptr, bytes.len,
                  MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *) &to,
                  sizeof(to))
                   >= 0
               ? NGX_OK
               : NGX_ERROR;
}

static void
report(ngx_log_t *log, ngx_int_t rc, const ngx_str_t *path)
{
    if (rc == NGX_OK && pending.unreachable) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "postern: usage reaches \"%V\" again", path);
    }
    if (rc != NGX_OK && !pending.unreachable) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "postern: usage waits, cannot send to \"%V\"", path);
    }
    pending.unreachable = rc != NGX_OK;
}

/* One datagram; NGX_DONE: there is nothing to send. */
static ngx_int_t
send_some(const ngx_str_t *path)
{
    char bytes[PN_USAGE_DATAGRAM_MAX];
    struct pn_buf datagram = PN_BUF(bytes);
    ngx_uint_t put;
    ngx_int_t rc;

    pn_usage_begin(&datagram);
    put = collect(&datagram, 1);
    put += collect(&datagram, 0);
    if (put == 0) {
        return NGX_DONE;
    }
    rc = send_datagram(path, pn_buf_str(&datagram));
    settle(rc == NGX_OK);
    return rc;
}

static void
flush(ngx_log_t *log)
{
    ngx_http_postern_main_conf_t *mcf =
        ngx_http_cycle_get_module_main_conf(ngx_cycle, ngx_http_postern_module);
    ngx_int_t rc = NGX_OK;

    if (mcf == NULL || mcf->usage.len == 0 || pending.waiting == 0) {
        return;
    }
    for (ngx_uint_t i = 0; i < DATAGRAMS && rc == NGX_OK; i++) {
        rc = send_some(&mcf->usage);
    }
    report(log, rc == NGX_DONE ? NGX_OK : rc, &mcf->usage);
}

static void
on_timer(ngx_event_t *event)
{
    pending.soon = 0;
    flush(event->log);
    if (pending.waiting > 0) {
        ngx_add_timer(event, PERIOD_MS);
    }
}

static void
arm(void)
{
    ngx_event_t *timer = &pending.timer;
    ngx_uint_t soon = pending.waiting >= SLOTS / 2 && !pending.unreachable;

    if (timer->timer_set && (!soon || pending.soon)) {
        return;
    }
    pending.dummy.fd = (ngx_socket_t) -1;
    timer->data = &pending.dummy;
    timer->handler = on_timer;
    timer->log = ngx_cycle->log;
    timer->cancelable = 1; /* an old worker may exit meanwhile */
    pending.soon = soon;
    ngx_add_timer(timer, soon ? SOON_MS : PERIOD_MS);
}

/* Refusals that somebody should see even when ordinary counts are lost. */
static ngx_uint_t
is_urgent(const struct pn_decision *decision)
{
    return decision->reason == PN_REASON_TOKEN_SUPERSEDED
           || decision->reason == PN_REASON_TOO_MANY_FAILURES
           || decision->reason == PN_REASON_TOKEN_REVOKED;
}

/* Who still sends a password, with what, and where. */
static void
describe(ngx_http_request_t *r, const ngx_http_postern_record_t *record,
         struct pn_usage *usage)
{
    usage->user = record->credential.user;
    usage->path = ngx_http_postern_from(r->uri);
    if (r->headers_in.user_agent != NULL) {
        usage->agent = ngx_http_postern_from(r->headers_in.user_agent->value);
    }
}

void
ngx_http_postern_usage_note(ngx_http_request_t *r, ngx_http_postern_ctx_t *ctx)
{
    ngx_http_postern_main_conf_t *mcf =
        ngx_http_get_module_main_conf(r, ngx_http_postern_module);
    ngx_http_postern_loc_conf_t *lcf =
        ngx_http_get_module_loc_conf(r, ngx_http_postern_module);
    const struct pn_decision *decision = &ctx->decision;
    struct pn_usage usage = {
        .token_id = decision->token_id,
        .reason = decision->reason,
        .reporters = decision->reporters,
        .at = ngx_time(),
        .app = ngx_http_postern_from(lcf->app),
        .method = ngx_http_postern_from(r->method_name),
    };

    if (mcf->usage.len == 0
        || (decision->verdict == PN_PASS && !decision->report)
        || decision->reason == PN_REASON_NOT_READY
        || decision->reason == PN_REASON_CREDENTIALS_MISSING)
    {
        return;
    }
    (void) ngx_http_postern_address(r, &usage.address);
    if (decision->secret_known) {
        ngx_memcpy(usage.secret, ctx->record->credential.hash.bytes,
                   sizeof(usage.secret));
    }
    if (decision->verdict == PN_PASS) {
        describe(r, ctx->record, &usage);
    }
    add(&usage, is_urgent(decision));
    arm();
}

void
ngx_http_postern_usage_exit(ngx_cycle_t *cycle)
{
    flush(cycle->log);
}

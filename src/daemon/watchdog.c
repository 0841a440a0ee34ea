/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's watchdog: three signs of life in the time that it allows. */
#include "daemon/watchdog.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/notify.h"

enum {
    SIGNS = 3,
    ANSWER_MAX_MS = 10000,
    PATIENCE_MIN_MS = 3000, /* the publisher comes round once a second */
};

static const char target[] = "/postern/api/v1/healthz";

struct pn_watchdog {
    struct pn_parts *parts;
    int64_t within_ms;   /* systemd's patience with us */
    int64_t patience_ms; /* ours with the parts */
    const char *stuck;   /* what was found at the last look */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stopping; /* under the mutex */
};

/* --- one look ------------------------------------------------------------ */

static const char *
find_stuck(struct pn_watchdog *w)
{
    const int64_t third = w->within_ms / SIGNS;
    const int answer_ms =
        (int) (third / 2 < ANSWER_MAX_MS ? third / 2 : ANSWER_MAX_MS);
    const char *stuck = pn_ops_stuck(w->parts->ops, w->patience_ms);

    if (stuck != NULL) {
        return stuck;
    }
    if (!pn_http_is_moving(w->parts->admin, target, answer_ms)) {
        return "administrator's socket";
    }
    return pn_http_is_moving(w->parts->http, target, answer_ms) ? NULL : "http";
}

static void
look(struct pn_watchdog *w)
{
    const char *stuck = find_stuck(w);
    char text[128] = "WATCHDOG=1";

    if (stuck == NULL) {
        if (w->stuck != NULL) {
            pn_log(PN_LOG_INFO, "watchdog_resumed", NULL);
            pn_notify("STATUS=Ready.");
        }
        pn_notify(text);
    } else if (stuck != w->stuck) {
        pn_log(PN_LOG_ERROR, "watchdog_withheld", "stuck", stuck, NULL);
        (void) snprintf(text, sizeof(text),
                        "STATUS=Gives no sign of life: '%s' does not move.",
                        stuck);
        pn_notify(text);
    }
    w->stuck = stuck;
}

static void *
watch(void *arg)
{
    struct pn_watchdog *w = arg;
    const int64_t pause_ms = w->within_ms / SIGNS;
    bool stopping = false;

    (void) pthread_setname_np(pthread_self(), "watchdog");
    while (!stopping) {
        struct timespec until;
        int rc = 0;

        look(w);
        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += pause_ms / 1000;
        until.tv_nsec += pause_ms % 1000 * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void) pthread_mutex_lock(&w->mutex);
        while (!w->stopping && rc == 0) {
            rc = pthread_cond_timedwait(&w->wake, &w->mutex, &until);
        }
        stopping = w->stopping;
        (void) pthread_mutex_unlock(&w->mutex);
    }
    return NULL;
}

/* --- start and stop ------------------------------------------------------ */

/* 0: nobody asks us. */
static int64_t
asked_ms(void)
{
    /* NOLINTBEGIN(concurrency-mt-unsafe): nobody changes them */
    const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    unsigned long long usec = 0;
    char *end = NULL;

    if (text != NULL && *text >= '0' && *text <= '9') {
        usec = strtoull(text, &end, 10);
    }
    if (end == NULL || *end != '\0'
        || usec / 1000000 > (unsigned long long) PN_WATCHDOG_MAX_S
        || (pid != NULL && strtoull(pid, NULL, 10) != (unsigned) getpid()))
    {
        usec = 0;
    }
    /* NOLINTEND(concurrency-mt-unsafe) */
    return (int64_t) (usec / 1000);
}

static void
release(struct pn_watchdog *w)
{
    (void) pthread_cond_destroy(&w->wake);
    (void) pthread_mutex_destroy(&w->mutex);
    free(w);
}

enum pn_err
pn_watchdog_start(struct pn_parts *parts, struct pn_watchdog **out)
{
    const int64_t within_ms = asked_ms();
    struct pn_watchdog *w = NULL;
    pthread_condattr_t attr;

    if (within_ms > 0) {
        w = calloc(1, sizeof(*w));
        if (w == NULL) {
            return PN_E_NOMEM;
        }
        w->parts = parts;
        w->within_ms = within_ms;
        w->patience_ms =
            within_ms > PATIENCE_MIN_MS ? within_ms : PATIENCE_MIN_MS;
        (void) pthread_mutex_init(&w->mutex, NULL);
        (void) pthread_condattr_init(&attr);
        (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        (void) pthread_cond_init(&w->wake, &attr);
        (void) pthread_condattr_destroy(&attr);
        if (pthread_create(&w->thread, NULL, watch, w) != 0) {
            release(w);
            return PN_E_NOMEM;
        }
    }
    *out = w;
    return PN_OK;
}

void
pn_watchdog_stop(struct pn_watchdog *w)
{
    if (w == NULL) {
        return;
    }
    (void) pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    (void) pthread_cond_signal(&w->wake);
    (void) pthread_mutex_unlock(&w->mutex);
    (void) pthread_join(w->thread, NULL);
    release(w);
}

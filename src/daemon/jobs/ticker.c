/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that does something now and then. */
#include "daemon/jobs/ticker.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct pn_ticker {
    pn_ticker_fn *call;
    void *arg;
    uint32_t every_s;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stopping; /* under the mutex */
};

bool
pn_ticker_is_stopping(struct pn_ticker *t)
{
    (void) pthread_mutex_lock(&t->mutex);
    bool stopping = t->stopping;
    (void) pthread_mutex_unlock(&t->mutex);
    return stopping;
}

static void *
tick(void *arg)
{
    struct pn_ticker *t = arg;

    while (!pn_ticker_is_stopping(t)) {
        struct timespec until;
        int rc = 0;

        t->call(t->arg, t);
        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += t->every_s;
        (void) pthread_mutex_lock(&t->mutex);
        while (!t->stopping && rc == 0) {
            rc = pthread_cond_timedwait(&t->wake, &t->mutex, &until);
        }
        (void) pthread_mutex_unlock(&t->mutex);
    }
    return NULL;
}

static void
release(struct pn_ticker *t)
{
    (void) pthread_cond_destroy(&t->wake);
    (void) pthread_mutex_destroy(&t->mutex);
    free(t);
}

enum pn_err
pn_ticker_start(pn_ticker_fn *call, void *arg, uint32_t every_s,
                struct pn_ticker **out)
{
    struct pn_ticker *t = calloc(1, sizeof(*t));
    pthread_condattr_t attr;

    if (t == NULL) {
        return PN_E_NOMEM;
    }
    t->call = call;
    t->arg = arg;
    t->every_s = every_s;
    (void) pthread_mutex_init(&t->mutex, NULL);
    (void) pthread_condattr_init(&attr);
    (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void) pthread_cond_init(&t->wake, &attr);
    (void) pthread_condattr_destroy(&attr);
    if (pthread_create(&t->thread, NULL, tick, t) != 0) {
        release(t);
        return PN_E_NOMEM;
    }
    *out = t;
    return PN_OK;
}

void
pn_ticker_stop(struct pn_ticker *t)
{
    if (t == NULL) {
        return;
    }
    (void) pthread_mutex_lock(&t->mutex);
    t->stopping = true;
    (void) pthread_cond_signal(&t->wake);
    (void) pthread_mutex_unlock(&t->mutex);
    (void) pthread_join(t->thread, NULL);
    release(t);
}

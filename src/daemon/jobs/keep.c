/* SPDX-License-Identifier: Apache-2.0 */
/* Removing audit events that are too old, in a thread of its own. */
#include "daemon/jobs/keep.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"

enum { EVERY_S = 3600, DAY_S = 86400 };

struct pn_keeper {
    struct pn_ops *ops;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    /* under the mutex */
    uint32_t days; /* 0 = for ever */
    bool stopping, changed;
};

static bool
is_stopping(struct pn_keeper *k)
{
    (void) pthread_mutex_lock(&k->mutex);
    bool stopping = k->stopping;
    (void) pthread_mutex_unlock(&k->mutex);
    return stopping;
}

static uint32_t
days_to_keep(struct pn_keeper *k)
{
    (void) pthread_mutex_lock(&k->mutex);
    uint32_t days = k->days;
    k->changed = false;
    (void) pthread_mutex_unlock(&k->mutex);
    return days;
}

static void
remove_old(struct pn_keeper *k, uint32_t days)
{
    const int64_t before = (int64_t) time(NULL) - (int64_t) days * DAY_S;
    uint64_t removed = 0;
    enum pn_err err;

    do {
        err = pn_ops_audit_trim(k->ops, before, INT64_MAX, &removed);
    } while (err == PN_OK && removed > 0 && !is_stopping(k));
    if (err != PN_OK) {
        pn_log(PN_LOG_WARNING, "audit_not_trimmed", "error", pn_err_text(err),
               NULL);
    }
}

static void *
keep(void *arg)
{
    struct pn_keeper *k = arg;

    while (!is_stopping(k)) {
        const uint32_t days = days_to_keep(k);
        struct timespec until;
        int rc = 0;

        if (days > 0) {
            remove_old(k, days);
        }
        (void) clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += EVERY_S;
        (void) pthread_mutex_lock(&k->mutex);
        while (!k->stopping && !k->changed && rc == 0) {
            rc = pthread_cond_timedwait(&k->wake, &k->mutex, &until);
        }
        (void) pthread_mutex_unlock(&k->mutex);
    }
    return NULL;
}

static void
release(struct pn_keeper *k)
{
    (void) pthread_cond_destroy(&k->wake);
    (void) pthread_mutex_destroy(&k->mutex);
    free(k);
}

enum pn_err
pn_keeper_start(struct pn_ops *ops, uint32_t days, struct pn_keeper **out)
{
    struct pn_keeper *k = calloc(1, sizeof(*k));

    if (k == NULL) {
        return PN_E_NOMEM;
    }
    k->ops = ops;
    k->days = days;
    (void) pthread_mutex_init(&k->mutex, NULL);
    (void) pthread_cond_init(&k->wake, NULL);
    if (pthread_create(&k->thread, NULL, keep, k) != 0) {
        release(k);
        return PN_E_NOMEM;
    }
    *out = k;
    return PN_OK;
}

void
pn_keeper_set_days(struct pn_keeper *k, uint32_t days)
{
    (void) pthread_mutex_lock(&k->mutex);
    k->changed = k->days != days;
    k->days = days;
    (void) pthread_cond_signal(&k->wake);
    (void) pthread_mutex_unlock(&k->mutex);
}

void
pn_keeper_stop(struct pn_keeper *k)
{
    if (k == NULL) {
        return;
    }
    (void) pthread_mutex_lock(&k->mutex);
    k->stopping = true;
    (void) pthread_cond_signal(&k->wake);
    (void) pthread_mutex_unlock(&k->mutex);
    (void) pthread_join(k->thread, NULL);
    release(k);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listens for other nodes' words that something changed, and wakes the lane.
 *
 * A word may be lost (a broken connection, a restarted server), so it only
 * makes the lane look sooner than it would by itself.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/ops/inside.h"

enum { WAIT_MS = 200, RETRY_MS = 200 };

struct pn_listener {
    struct pn_ops *ops;
    char *store_url;
    pthread_t thread;
    atomic_bool stop;
};

static void
pause_ms(long ms)
{
    const struct timespec time = {.tv_nsec = ms * 1000000};
    (void) nanosleep(&time, NULL);
}

static void
listen_once(struct pn_listener *listener, struct pn_store **store)
{
    if (*store == NULL
        && pn_store_open(listener->store_url, PN_STORE_READ_ONLY, store)
               != PN_OK)
    {
        pause_ms(RETRY_MS);
        return;
    }
    enum pn_err err = pn_store_await(*store, WAIT_MS);
    if (err == PN_OK) {
        pn_ops_wake(listener->ops);
    } else if (err != PN_E_NOT_FOUND) {
        pause_ms(RETRY_MS); /* the lane says in the log what is wrong */
    }
}

static void *
listener_thread(void *arg)
{
    struct pn_listener *listener = arg;
    struct pn_store *store = NULL;
    while (!atomic_load(&listener->stop)) {
        listen_once(listener, &store);
    }
    pn_store_close(store);
    return NULL;
}

enum pn_err
pn_listener_start(struct pn_ops *ops, const char *store_url,
                  struct pn_listener **out)
{
    struct pn_listener *listener = calloc(1, sizeof(*listener));
    if (listener == NULL) {
        return PN_E_NOMEM;
    }
    listener->ops = ops;
    listener->store_url = strdup(store_url);
    if (listener->store_url == NULL
        || pthread_create(&listener->thread, NULL, listener_thread, listener)
               != 0)
    {
        free(listener->store_url);
        free(listener);
        return PN_E_NOMEM;
    }
    *out = listener;
    return PN_OK;
}

void
pn_listener_stop(struct pn_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    atomic_store(&listener->stop, true);
    (void) pthread_join(listener->thread, NULL);
    free(listener->store_url);
    free(listener);
}

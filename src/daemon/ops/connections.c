/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that only read, lent to whoever asks and kept for the next. */
#include "daemon/ops/inside.h"

enum pn_err
pn_reader_take(struct pn_ops *ops, struct pn_store **out)
{
    struct pn_store *store = NULL;
    (void) pthread_mutex_lock(&ops->readers_mutex);
    if (ops->reader_count > 0) {
        store = ops->readers[--ops->reader_count];
    }
    (void) pthread_mutex_unlock(&ops->readers_mutex);
    if (store == NULL) {
        enum pn_err err =
            pn_store_open(ops->store_url, PN_STORE_READ_ONLY, &store);
        if (err != PN_OK) {
            return err;
        }
    }
    *out = store;
    return PN_OK;
}

void
pn_reader_give(struct pn_ops *ops, struct pn_store *store)
{
    (void) pthread_mutex_lock(&ops->readers_mutex);
    bool keep = ops->reader_count < PN_OPS_READERS_MAX;
    if (keep) {
        ops->readers[ops->reader_count++] = store;
    }
    (void) pthread_mutex_unlock(&ops->readers_mutex);
    if (!keep) {
        pn_store_close(store);
    }
}

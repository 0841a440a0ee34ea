/* SPDX-License-Identifier: Apache-2.0 */
/* The audit as it is read for a receiver elsewhere. */
#include <stdlib.h>
#include <string.h>

#include "daemon/ops/inside.h"

struct pn_audit_feed {
    struct pn_ops *ops;
    char *name;
    struct pn_store *store; /* NULL until it is needed; has the lead */
};

enum pn_err
pn_audit_feed_open(struct pn_ops *ops, const char *name,
                   struct pn_audit_feed **out)
{
    struct pn_audit_feed *feed = calloc(1, sizeof(*feed));
    if (feed == NULL) {
        return PN_E_NOMEM;
    }
    feed->ops = ops;
    feed->name = strdup(name);
    if (feed->name == NULL) {
        free(feed);
        return PN_E_NOMEM;
    }
    *out = feed;
    return PN_OK;
}

void
pn_audit_feed_close(struct pn_audit_feed *feed)
{
    if (feed != NULL) {
        pn_store_close(feed->store);
        free(feed->name);
        free(feed);
    }
}

/* The database may come later than we do. */
static enum pn_err
feed_ready(struct pn_audit_feed *feed)
{
    return feed->store != NULL
               ? PN_OK
               : pn_store_open(feed->ops->store_url, PN_STORE_READ_ONLY,
                               &feed->store);
}

enum pn_err
pn_audit_feed_look(struct pn_audit_feed *feed, struct pn_audit_look *out)
{
    struct pn_audit_look look = {.leads = false};
    struct pn_audit_mark head = {0};
    enum pn_err err = feed_ready(feed);
    if (err == PN_OK) {
        err = pn_store_audit_lead(feed->store, feed->name);
        look.leads = err == PN_OK;
    }
    if (err == PN_OK || err == PN_E_BUSY) {
        err = pn_store_audit_sink(feed->store, feed->name, &look.position);
        look.known = err == PN_OK;
    }
    if (err == PN_OK || err == PN_E_NOT_FOUND) {
        err = pn_store_audit_head(feed->store, &head);
        look.head = head.position;
    }
    if (err == PN_OK) {
        *out = look;
    }
    return err;
}

enum pn_err
pn_audit_feed_read(struct pn_audit_feed *feed, uint64_t position,
                   uint16_t limit, struct pn_arena *arena,
                   struct pn_audit_list *out)
{
    const struct pn_audit_query query = {
        .page = {.cursor = pn_arena_printf(arena, "%016llx",
                                           (unsigned long long) position),
                 .limit = limit},
    };
    if (query.page.cursor == NULL) {
        return PN_E_NOMEM;
    }
    enum pn_err err = feed_ready(feed);
    if (err == PN_OK) {
        err = pn_store_audit(feed->store, &query, arena, out);
    }
    /* Reading may have taken a new connection, without the lead. */
    return err == PN_OK ? pn_store_audit_lead(feed->store, feed->name) : err;
}

bool
pn_apply_audit_sent(struct pn_task *task)
{
    enum pn_err err = pn_store_audit_sink_put(task->store, task->extra.receiver,
                                              task->extra.up_to);
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

enum pn_err
pn_audit_feed_sent(struct pn_audit_feed *feed, uint64_t position)
{
    const struct pn_task_extra extra = {.up_to = position,
                                        .receiver = feed->name};
    return pn_ops_submit_own(feed->ops, PN_ACT_AUDIT_SENT, &extra);
}

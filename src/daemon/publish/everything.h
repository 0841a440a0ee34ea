/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All objects of the store, each handed on as publish/object.h says, in the
 * order of the index's keys: whoever writes them fills each page once, whoever
 * compares them meets both sides in step.
 */
#ifndef PN_DAEMON_PUBLISH_EVERYTHING_H
#define PN_DAEMON_PUBLISH_EVERYTHING_H

#include "daemon/publish/object.h"

/* One object with all that hangs on it. */
enum { PN_PUBLISH_ARENA_MAX = 16 << 20 };

struct pn_everything {
    struct pn_publication *publication;
    /* Before each object; may renew a snapshot.  An error ends the walk. */
    enum pn_err (*before)(void *arg);
    void *arg;
};

/*
 * Each object has an arena of its own, so that memory does not grow with their
 * number.  What is made or changed meanwhile may be met or missed.
 */
PN_MUST_USE enum pn_err pn_publish_everything(struct pn_everything *all);

/* Only the apps, in the order of their names. */
PN_MUST_USE enum pn_err pn_publish_apps(struct pn_everything *all);

/* One of them, with an arena of its own. */
PN_MUST_USE enum pn_err pn_publish_alone(struct pn_publication *p,
                                         pn_publish_fn *publish, uint64_t id);

#endif

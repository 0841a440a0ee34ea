/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store -> index.  Consumes the change feed in order; each change names an
 * object whose present state is read and written, so nothing is ever applied
 * out of order and a crash between commit and publish heals at start.
 *
 * Owned by the thread that publishes; not for two threads at once.
 */
#ifndef PN_DAEMON_PUBLISH_PUBLISH_H
#define PN_DAEMON_PUBLISH_PUBLISH_H

#include <stdatomic.h>

#include "daemon/store/store.h"
#include "index/writer.h"

struct pn_publisher;

/* Opens the index, rebuilds it when it is missing, foreign, damaged or ahead
 * of the store, and catches up.  Both stay the caller's. */
PN_MUST_USE enum pn_err pn_publisher_new(struct pn_store *store,
                                         const struct pn_index_options *options,
                                         struct pn_publisher **out);
void pn_publisher_free(struct pn_publisher *publisher);

/*
 * As pn_publisher_new(), but always into a new generation and without touching
 * the present one (pn_index_writer_create): for when another thread of this
 * process is stuck in the present one, held by a hostile or dying reader.
 */
PN_MUST_USE enum pn_err
pn_publisher_new_generation(struct pn_store *store,
                            const struct pn_index_options *options,
                            struct pn_publisher **out);

/* Raise *in_index while a call is inside the index, where a hostile reader may
 * hold it up; any thread may look.  It outlives the publisher. */
void pn_publisher_watch(struct pn_publisher *publisher, atomic_bool *in_index);

/* Publish all changes up to the store's present position, in one commit. */
PN_MUST_USE enum pn_err pn_publisher_run(struct pn_publisher *publisher);

/* Everything anew into a new generation. */
PN_MUST_USE enum pn_err pn_publisher_rebuild(struct pn_publisher *publisher);

/* Tell readers that posternd lives; at least once a second. */
void pn_publisher_heartbeat(struct pn_publisher *publisher, int64_t now);
/* Old generations go (pn_index_writer_tidy); now and then. */
void pn_publisher_tidy(struct pn_publisher *publisher);
/* PN_E_DAMAGED, PN_E_BUSY: a new generation is called for (index/writer.h). */
PN_MUST_USE enum pn_err pn_publisher_stats(struct pn_publisher *publisher,
                                           struct pn_index_stats *out);

#endif

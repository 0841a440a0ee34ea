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

/* Called now and then while an index is made anew, on the thread that does it:
 * how many of so many objects were written.  False ends it (PN_E_STATE); call
 * NULL = nobody looks. */
struct pn_publisher_progress {
    bool (*call)(void *arg, uint64_t done, uint64_t total);
    void *arg;
};

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

/*
 * The same, but readers stay where they are until pn_publisher_take_over():
 * until then pn_publisher_run() only catches up, and another publisher of this
 * process may go on in the present generation.
 */
PN_MUST_USE enum pn_err pn_publisher_prepare(
    struct pn_store *store, const struct pn_index_options *options,
    const struct pn_publisher_progress *progress, struct pn_publisher **out);
/* Catch up for the last time and switch readers over.  Whoever published into
 * the present generation has ended. */
PN_MUST_USE enum pn_err pn_publisher_take_over(struct pn_publisher *publisher);

/* Publish all changes up to the store's present position, in one commit. */
PN_MUST_USE enum pn_err pn_publisher_run(struct pn_publisher *publisher);

/* Everything anew into a new generation. */
PN_MUST_USE enum pn_err pn_publisher_rebuild(struct pn_publisher *publisher);

/* --- comparison ----------------------------------------------------------- */

struct pn_sweep_totals {
    uint64_t passes, records, digest; /* of the last whole pass */
    uint64_t healed;                  /* records, ever */
};
/*
 * Compare the next piece of the index with the store, by digest, and make good
 * what differs, with a line in the log for each record.  Some milliseconds;
 * call it some times a second.  After a pass over everything it does nothing
 * for rest_s seconds; while changes wait, they come first.  Errors are the
 * store's or the index's, as of pn_publisher_run().
 */
PN_MUST_USE enum pn_err pn_publisher_compare(struct pn_publisher *publisher,
                                             uint32_t rest_s);
void pn_publisher_sweep_totals(const struct pn_publisher *publisher,
                               struct pn_sweep_totals *out);
/* Is a pass under way, so that the next piece is due soon? */
bool pn_publisher_is_comparing(const struct pn_publisher *publisher);

/* Tell readers that posternd lives; at least once a second. */
void pn_publisher_heartbeat(struct pn_publisher *publisher, int64_t now);
/* Old generations go (pn_index_writer_tidy); now and then. */
void pn_publisher_tidy(struct pn_publisher *publisher);
/* PN_E_DAMAGED, PN_E_BUSY: a new generation is called for (index/writer.h). */
PN_MUST_USE enum pn_err pn_publisher_stats(struct pn_publisher *publisher,
                                           struct pn_index_stats *out);

#endif

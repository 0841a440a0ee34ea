/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that does something now and then: at once, and so many seconds after
 * it was done.  Steps of the wall clock do not matter.
 */
#ifndef PN_DAEMON_JOBS_TICKER_H
#define PN_DAEMON_JOBS_TICKER_H

#include "base/defs.h"

struct pn_ticker;

/* Long work asks pn_ticker_is_stopping() between its pieces. */
typedef void pn_ticker_fn(void *arg, struct pn_ticker *ticker);

/* arg outlives the ticker.  PN_E_NOMEM. */
PN_MUST_USE enum pn_err pn_ticker_start(pn_ticker_fn *call, void *arg,
                                        uint32_t every_s,
                                        struct pn_ticker **out);
/* Returns when the call that runs has ended; NULL is fine. */
void pn_ticker_stop(struct pn_ticker *ticker);
bool pn_ticker_is_stopping(struct pn_ticker *ticker);

#endif

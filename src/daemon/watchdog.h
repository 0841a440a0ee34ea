/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd's watchdog (sd_watchdog_enabled(3)), without its library: signs of
 * life while the writer, the publisher and both HTTP servers make progress.  A
 * process that merely exists gives none, and systemd starts another.
 */
#ifndef PN_DAEMON_WATCHDOG_H
#define PN_DAEMON_WATCHDOG_H

#include "daemon/parts.h"

struct pn_watchdog;

enum { PN_WATCHDOG_MAX_S = 86400 };

/*
 * When $WATCHDOG_USEC asks this process for it (at most PN_WATCHDOG_MAX_S),
 * else *out is NULL.  That time, and 3 seconds at least, is also how long a
 * part may be silent.  The parts were started and outlive it.  PN_E_NOMEM.
 */
PN_MUST_USE enum pn_err pn_watchdog_start(struct pn_parts *parts,
                                          struct pn_watchdog **out);
void pn_watchdog_stop(struct pn_watchdog *watchdog); /* NULL is fine */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to a receiver.  Every wait ends when the wake descriptor can be
 * read (PN_E_BUSY: the caller is to stop), and has a limit.
 *
 * No form of syslog answers, so what was handed over is not yet what was read:
 * pn_syslog_link_drain() says when the other system has it all, and the caller
 * must look for some time whether the connection holds.  Not for two threads
 * at once.
 */
#ifndef PN_DAEMON_SYSLOG_LINK_H
#define PN_DAEMON_SYSLOG_LINK_H

#include "daemon/syslog/receiver.h"

enum {
    PN_SYSLOG_WHY_MAX = 320,
    PN_SYSLOG_CONNECT_MS = 10000, /* for all addresses together */
    PN_SYSLOG_STALL_MS = 30000,   /* without a byte getting on */
    PN_SYSLOG_END_MS = 2000,
};

struct pn_syslog_link;

/* Can the files that TLS needs be used?  PN_E_IO with why. */
PN_MUST_USE enum pn_err
pn_syslog_link_check(const struct pn_syslog_receiver *receiver,
                     char why[PN_SYSLOG_WHY_MAX]);

/* Resolves and connects, over TLS with its handshake.  PN_E_IO with why,
 * PN_E_BUSY, PN_E_NOMEM. */
PN_MUST_USE enum pn_err
pn_syslog_link_open(const struct pn_syslog_receiver *receiver, int wake,
                    char why[PN_SYSLOG_WHY_MAX], struct pn_syslog_link **out);

/*
 * At most receiver->max_bytes.  After any error but PN_E_BUSY the link is
 * broken, and only closed.  A stream's messages may wait in the link.
 */
PN_MUST_USE enum pn_err pn_syslog_link_send(struct pn_syslog_link *link,
                                            struct pn_str message);
/* Until the other system has all that was sent. */
PN_MUST_USE enum pn_err pn_syslog_link_drain(struct pn_syslog_link *link);
/* Nothing to do: PN_OK when the time is over, PN_E_IO when the receiver
 * closed. */
PN_MUST_USE enum pn_err pn_syslog_link_idle(struct pn_syslog_link *link,
                                            int timeout_ms);
/* Says that nothing more comes; PN_OK when the receiver has read everything.
 * Does not heed the wake descriptor. */
PN_MUST_USE enum pn_err pn_syslog_link_end(struct pn_syslog_link *link);
void pn_syslog_link_close(struct pn_syslog_link *link); /* NULL is fine */

const char *pn_syslog_link_why(const struct pn_syslog_link *link);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Making the socket to a receiver.  For link.c only. */
#ifndef PN_DAEMON_SYSLOG_DIAL_H
#define PN_DAEMON_SYSLOG_DIAL_H

#include "daemon/syslog/link.h"

/*
 * A connected socket that does not block; each address of a name is tried, for
 * PN_SYSLOG_CONNECT_MS together.  PN_E_IO with why, PN_E_BUSY when wake can be
 * read.  The calling thread's resolver gives up sooner from then on.
 */
PN_MUST_USE enum pn_err pn_syslog_dial(const struct pn_syslog_place *place,
                                       int wake, char why[PN_SYSLOG_WHY_MAX],
                                       int *out);

/* Connect a local socket once more: PN_E_IO, with errno, when nobody has that
 * path any more. */
PN_MUST_USE enum pn_err
pn_syslog_dial_again(int fd, const struct pn_syslog_place *place);

#endif

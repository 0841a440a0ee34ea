/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's readiness protocol (sd_notify(3)), without its library. */
#ifndef PN_DAEMON_NOTIFY_H
#define PN_DAEMON_NOTIFY_H

/* One datagram to $NOTIFY_SOCKET; nothing when there is none. */
void pn_notify(const char *text);

#endif

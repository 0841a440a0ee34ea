/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP: the configuration is read again. */
#ifndef PN_DAEMON_RELOAD_H
#define PN_DAEMON_RELOAD_H

#include "daemon/parts.h"

/*
 * Read the file again and apply what can change while posternd runs; systemd
 * and the log are told.  A file that is not understood changes nothing.
 */
void pn_reload(struct pn_parts *parts, const char *path);

#endif

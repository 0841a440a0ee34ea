/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that systemd has opened for us (sd_listen_fds(3)), without its
 * library: it holds on to them over a restart, so that nobody is refused
 * meanwhile, and gives them modes and groups that we may not.
 */
#ifndef PN_DAEMON_ACTIVATION_H
#define PN_DAEMON_ACTIVATION_H

#include <stdbool.h>

enum { PN_PASSED_WHY_MAX = 256 };

/* By the names in $LISTEN_FDNAMES: "http", "admin", "usage". */
enum pn_passed_role {
    PN_PASSED_HTTP = 0,
    PN_PASSED_ADMIN,
    PN_PASSED_USAGE,
    PN_PASSED_COUNT,
};

struct pn_passed {
    int fd[PN_PASSED_COUNT]; /* -1 = none was passed; the caller's */
};

/*
 * What the environment announces for this process; its variables are removed.
 * False with a reason, and *out all -1, when that is not what we can serve: an
 * unknown name, a name twice, a socket of another kind, a TCP socket that is
 * not on loopback, a socket of the administrator that others may open.  For
 * the only thread of a process.
 */
bool pn_passed_take(struct pn_passed *out, char why[PN_PASSED_WHY_MAX]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first administrator: made when there is none, with a password that was
 * given or one that is written to a file.  Never in a log.
 */
#ifndef PN_DAEMON_FIRST_ADMIN_H
#define PN_DAEMON_FIRST_ADMIN_H

#include "base/secret.h"
#include "daemon/ops/ops.h"

struct pn_first_admin {
    const char *password_file; /* NULL = not given */
    const char *out_file;      /* NULL = not given */
    struct pn_secret given;    /* len 0 = not given */
};

/* POSTERN_ADMIN_PASSWORD moves from the environment to admin->given. */
void pn_first_admin_take_environment(struct pn_first_admin *admin);

/* False when something that was asked for could not be done (logged). Nothing
 * is made when no password was given and no file was named. */
PN_MUST_USE bool pn_first_admin(struct pn_ops *ops,
                                const struct pn_first_admin *admin);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* posternd's command line. */
#ifndef PN_DAEMON_OPTIONS_H
#define PN_DAEMON_OPTIONS_H

#include "daemon/first_admin.h"

enum { PN_EXIT_USAGE = 2 };

struct pn_options {
    const char *config;
    struct pn_first_admin admin; /* its files */
    bool check;
};

/*
 * What argv says; out points into it.  False: there is nothing to start, and
 * *code is the exit status.  Whoever asks is answered here.  Before threads.
 */
bool pn_options_read(int argc, char **argv, struct pn_options *out, int *code);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What connect.c and call.c share.
 */
#ifndef PN_CLI_CONNECTION_H
#define PN_CLI_CONNECTION_H

#include "cli/connect.h"
#include "cli/http.h"

struct pn_connection {
    const char *url;    /* origin; "http://localhost" behind a socket */
    const char *socket; /* NULL = by address */
    const char *cacert;
    const char *cookie; /* NULL = none */
    const char *username;
    enum { KEPT = 0, FOR_THIS_RUN } session;
    long last_status; /* of the last answer; 0 = there was none */
};

/* A refusal's sentence and fields, on standard error. */
void pn_say_problem(const struct pn_reply *reply, const json_t *doc);

#endif

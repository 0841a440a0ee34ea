/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The query of a request read like a document: the same names, rules and
 * faults, which then point at "?name" and answer 400.
 */
#ifndef PN_DAEMON_API_QUERY_H
#define PN_DAEMON_API_QUERY_H

#include "daemon/api/call.h"
#include "daemon/model/doc.h"

struct pn_query_reader {
    const char *const *names; /* ended by NULL; cursor and limit are left out */
    /* What a document would say (a new reference); NULL = the parameter counts
     * as not there.  NULL here = every value is a text. */
    json_t *(*value)(const char *name, const char *text);
    void (*read)(const struct pn_doc *doc, void *out);
};
PN_MUST_USE bool pn_query_read(struct pn_call *call,
                               const struct pn_query_reader *reader, void *out);

#endif

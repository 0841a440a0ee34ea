/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter of a list of tokens, from the query of GET /tokens or from the
 * document of POST /tokens/bulk: the same names, the same rules.
 */
#ifndef PN_DAEMON_API_TOKEN_FILTER_H
#define PN_DAEMON_API_TOKEN_FILTER_H

#include "daemon/api/call.h"
#include "daemon/model/doc.h"

/* For struct pn_call_rule: those, cursor, limit and sort. */
extern const char *const pn_token_filter_query[];

PN_MUST_USE bool pn_token_filter_from_query(struct pn_call *call,
                                            struct pn_token_query *out);

/* Members of doc; what is wrong is noted in its run. */
void pn_token_filter_read(const struct pn_doc *doc, struct pn_token_query *out);

#endif

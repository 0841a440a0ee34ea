/* SPDX-License-Identifier: Apache-2.0 */
/* What explain.c and explain_words.c share. */
#ifndef PN_DAEMON_OPS_EXPLAIN_H
#define PN_DAEMON_OPS_EXPLAIN_H

#include "daemon/ops/inside.h"

/* The rows that a question is about, as they are or as a draft has them. */
struct pn_subject {
    struct pn_policy policy;
    struct pn_user owner;
    struct pn_token token;
    struct pn_app app;
    bool has_owner, has_token;
};

/* False: no memory. */
PN_MUST_USE bool pn_answer_in_words(const struct pn_subject *subject,
                                    const struct pn_decision *decision,
                                    struct pn_arena *arena,
                                    struct pn_answer *out);

#endif

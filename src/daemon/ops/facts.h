/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of the index for one question, built from the store's present
 * rows by the very functions that publish them (daemon/publish/records.h).
 */
#ifndef PN_DAEMON_OPS_FACTS_H
#define PN_DAEMON_OPS_FACTS_H

#include "daemon/ops/inside.h"

struct pn_fact_set {
    struct pn_policy_record policy;
    struct pn_app_record app;
    struct pn_token_record token;
    struct pn_owner_record owner;
    struct pn_rules_record rules;
    struct pn_facts facts; /* points at the above */
};

/* What is asked about.  token NULL = an imagined one without restrictions.
 * app NULL = posternd's own API: every path, no passwords. */
struct pn_fact_rows {
    const struct pn_policy *policy;
    const struct pn_user *owner;
    const struct pn_token *token;
    const struct pn_token_secret *secret;
    const struct pn_app *app;
};

/* out stays where it is: its facts point into it. */
PN_MUST_USE enum pn_err pn_fact_set_load(struct pn_store *store,
                                         const struct pn_fact_rows *rows,
                                         struct pn_arena *arena,
                                         struct pn_fact_set *out);

#endif

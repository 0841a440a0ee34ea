/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many tokens with what policies ask about them: for a preview of a policy, and
 * for enforcing one.  Batch by batch, so that memory does not grow with the
 * number of tokens.
 */
#ifndef PN_DAEMON_STORE_TOKEN_FACTS_H
#define PN_DAEMON_STORE_TOKEN_FACTS_H

#include "daemon/store/store.h"

struct pn_owner_facts {
    uint64_t id;
    bool active; /* false: switched off, or deleted */
    enum pn_role role;
    struct pn_ids groups;
};

/* A token that is neither revoked nor at its own end. */
struct pn_token_facts {
    uint64_t id;
    const struct pn_owner_facts *owner;
    char *owner_name, *name;
    int64_t made_at; /* its present secret */
    int64_t expires_at, policy_expires_at;
    bool disabled;
    enum pn_access access;
    struct pn_ip_policy ip;    /* only with PN_FACTS_RULES */
    struct pn_text_list paths; /* likewise */
    int64_t last_used_at, created_at, idle_from, not_before;
    int64_t disable_at; /* it is marked as unused; 0 = no */
    char *last_address; /* "" = never used */
};

struct pn_facts_query {
    uint64_t after_owner, after_id; /* 0, 0: from the beginning */
    int64_t now;
    enum {
        PN_FACTS_ALL = 0,
        PN_FACTS_ENDED_BY_POLICY /* has a policy_expires_at */
    } which;
    enum { PN_FACTS_PLAIN = 0, PN_FACTS_RULES } with;
};

/* Called for each token in ascending order of owner and id, with facts that
 * last as long as the call.  *enough ends the walk. */
typedef enum pn_err pn_facts_fn(void *arg, const struct pn_token_facts *token,
                                bool *enough);
PN_MUST_USE enum pn_err
pn_store_each_token_facts(struct pn_store *store,
                          const struct pn_facts_query *query, pn_facts_fn *call,
                          void *arg);

/* Set (0: lift) the end that version of the policy gives a token, and reclaim
 * its name if nobody took that. */
PN_MUST_USE enum pn_err pn_store_token_policy_end(struct pn_store *store,
                                                  uint64_t id, int64_t end,
                                                  uint64_t version);

#endif

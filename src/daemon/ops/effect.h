/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy makes of tokens that exist: the rule behind previews and
 * enforcement, on facts alone (docs/explanation/policy-changes.md).
 *
 * Rules of making (lifetime, read-only, address rule, paths) reach an old token
 * only by enforcement, which gives it an end.  Rules of use (membership,
 * address rules) hold at once.
 */
#ifndef PN_DAEMON_OPS_EFFECT_H
#define PN_DAEMON_OPS_EFFECT_H

#include "core/policy.h"
#include "daemon/ops/inside.h"
#include "daemon/store/permit.h"
#include "daemon/store/token_facts.h"
#include "daemon/store/unused.h"

enum { PN_USED_LATELY_S = 86400, PN_ENFORCE_DAYS_MAX = 3650 };

/* A policy with its names resolved to ids, and what it says about the owner who
 * was asked about last. */
struct pn_measure {
    const struct pn_policy *policy;
    struct pn_permit permit;
    struct pn_grant *grants;
    struct pn_creation creation;
    struct pn_iprules ip;
    struct pn_unused_rule unused; /* since: the caller's to set */
    uint64_t owner_id;
    struct pn_allowance allowance;
    bool permitted; /* core's own answer to row 8 */
};

/* Borrows policy. */
PN_MUST_USE enum pn_err pn_measure_of(struct pn_store *store,
                                      const struct pn_policy *policy,
                                      struct pn_arena *arena,
                                      struct pn_measure *out);
/* Must facts have rules to be measured? */
bool pn_measure_needs_rules(const struct pn_measure *measure);

enum pn_because {
    PN_BECAUSE_NOTHING = 0,
    PN_BECAUSE_LIFETIME,
    PN_BECAUSE_READ_ONLY,
    PN_BECAUSE_IP_RULE, /* the token has none */
    PN_BECAUSE_PATHS,
    PN_BECAUSE_NOT_PERMITTED,
    PN_BECAUSE_ADDRESS, /* the one it was used from last */
    PN_BECAUSE_UNUSED,
};
/* "lifetime"; NULL for nothing. */
const char *pn_because_text(enum pn_because because);

struct pn_enforcement {
    enum pn_enforce when;
    uint32_t days; /* with PN_ENFORCE_AFTER */
    int64_t now;
};

/*
 * The policy_expires_at of a token under a policy that is put in force like
 * this; 0 = none.  PN_ENFORCE_NEW keeps what was enforced before as far as the
 * token still breaks a rule, and lifts it otherwise.
 */
int64_t pn_measure_end(struct pn_measure *measure,
                       const struct pn_token_facts *token,
                       const struct pn_enforcement *how,
                       enum pn_because *because);

struct pn_effect {
    enum {
        PN_UNAFFECTED = 0,
        PN_SHORTENED,
        PN_STOPPED,
        PN_MARKED /* it will be disabled, unless it is used */
    } kind;
    int64_t new_expires_at; /* 0: a rule of use stops it */
    int64_t disable_at;     /* of what is marked */
    enum pn_because because;
};

/* From before to after; the token is not at its end yet. */
void pn_effect_of(struct pn_measure *before, struct pn_measure *after,
                  const struct pn_token_facts *token,
                  const struct pn_enforcement *how, struct pn_effect *out);

/* The policy_expires_at of one token that was changed: lifted when it breaks no
 * rule any more. */
PN_MUST_USE enum pn_err pn_measure_again(struct pn_task *task,
                                         const struct pn_user *owner,
                                         struct pn_token *token);

/* The earlier of two ends; 0 is none. */
int64_t pn_earlier_end(int64_t a, int64_t b);

#endif

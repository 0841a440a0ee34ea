/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: (credential, request, time, records) -> verdict and reason.
 *
 * Pure: no I/O, clock, allocation or globals.  The only memory it changes is
 * what the caller passes as counters (core/throttle.h).  One function answers
 * for every scheme, proxy and API.  The all-zero decision denies, so one that
 * nobody filled in fails closed; an error (enum pn_err) is never a decision.
 * The table it implements: docs/reference/decisions.md.
 */
#ifndef PN_CORE_DECISION_H
#define PN_CORE_DECISION_H

#include "base/defs.h"
#include "core/credential.h"
#include "core/iprange.h"
#include "core/record.h"
#include "core/target.h"
#include "core/throttle.h"

enum pn_verdict { PN_DENY = 0, PN_PASS, PN_ALLOW };

enum pn_reason {
    PN_REASON_UNDECIDED = 0, /* never sent; code "not_ready" */
    PN_REASON_OK,
    PN_REASON_NONE, /* passed without a credential */
    PN_REASON_NOT_READY,
    PN_REASON_CREDENTIALS_MISSING,
    PN_REASON_CREDENTIALS_MALFORMED,
    PN_REASON_TOKEN_MISPLACED,
    PN_REASON_PASSWORD_NOT_ALLOWED,
    PN_REASON_CREDENTIAL_NOT_ALLOWED,
    PN_REASON_TOKEN_MALFORMED,
    PN_REASON_TOKEN_UNKNOWN,
    PN_REASON_TOO_MANY_FAILURES,
    PN_REASON_USERNAME_MISMATCH,
    PN_REASON_TOKEN_REVOKED,
    PN_REASON_TOKEN_DISABLED,
    PN_REASON_TOKEN_EXPIRED,
    PN_REASON_TOKEN_NOT_YET_VALID,
    PN_REASON_TOKEN_SUPERSEDED,
    PN_REASON_OWNER_INACTIVE,
    PN_REASON_OWNER_NOT_PERMITTED,
    PN_REASON_TLS_REQUIRED,
    PN_REASON_IP_NOT_ALLOWED,
    PN_REASON_APP_NOT_ALLOWED,
    PN_REASON_PATH_NOT_ALLOWED,
    PN_REASON_PATH_AMBIGUOUS,
    PN_REASON_READ_ONLY_TOKEN,
    PN_REASON_RATE_LIMITED,
    PN_REASON_COUNT,
};

/* "token_expired": the machine-readable code.  Never NULL. */
const char *pn_reason_code(enum pn_reason reason);

enum pn_mode { PN_MODE_OPTIONAL = 0, PN_MODE_REQUIRED };

/* Whose rule refused; for explain and logs. */
enum pn_where {
    PN_WHERE_NONE = 0,
    PN_WHERE_POLICY,
    PN_WHERE_APP,
    PN_WHERE_TOKEN
};

/* Whose address rule would have refused, did it not only report; several may
 * at once.  Bits, as they travel in usage datagrams. */
enum pn_reporter { PN_REPORTER_POLICY = 1 << 0, PN_REPORTER_APP = 1 << 1 };

struct pn_request {
    struct pn_str method;
    struct pn_str target;   /* raw, as the client sent it */
    struct pn_str sub_path; /* nginx's own path of a sub-request; else empty */
    bool rewritten;         /* nginx forwards its own, not the raw path */
    enum pn_mode mode;
    bool has_address; /* false: unknown, which fails every address rule */
    struct pn_ip address;
    bool tls;
    bool peer_is_local; /* loopback or Unix peer: exempt from tls_required */
    bool preflight;     /* OPTIONS with Origin and
                           Access-Control-Request-Method */
    int64_t now;        /* Unix seconds */
};

/*
 * The records that belong together, from one read transaction.  NULL token =
 * unknown.  ready == false answers row 0.  policy and app are never NULL when
 * ready.  owner is NULL only when the record is missing: refused.
 */
struct pn_facts {
    bool ready;
    const struct pn_policy_record *policy;
    const struct pn_app_record *app;
    const struct pn_token_record *token;
    const struct pn_owner_record *owner;
    const struct pn_rules_record *rules; /* token->rules, decoded */
};

/* Counters to consult and raise; NULL members are not consulted. */
struct pn_counters {
    struct pn_throttle *failures; /* by address */
    struct pn_throttle *rates;    /* by token */
    bool look_only;               /* explain, sub-requests: raise nothing */
};

struct pn_decision {
    enum pn_verdict verdict;
    enum pn_reason reason;
    uint16_t status;        /* HTTP status of the refusal; 0 for pass, allow */
    uint32_t retry_after_s; /* with 429 */
    enum pn_where where;    /* whose rule */
    enum pn_ambiguity ambiguity;
    bool report;       /* passed by a "report" setting: record who and where */
    uint8_t reporters; /* enum pn_reporter: address rules among these settings,
                          of a request that is allowed */
    uint64_t token_id, owner_id; /* known tokens, refused ones too */
    int64_t expires_at;          /* of a known token; 0 = never */
    bool secret_known; /* the caller held the whole secret of a real token */
    bool by_method;    /* allowed because of its method: nothing that overrides
                          the method may travel along */
};

void pn_decide(const struct pn_request *request,
               const struct pn_credential *credential,
               const struct pn_facts *facts, const struct pn_counters *counters,
               struct pn_decision *out);

/* Does policy let this owner's tokens work (row 8)? */
bool pn_owner_permitted(const struct pn_policy_record *policy,
                        const struct pn_owner_record *owner);

#endif

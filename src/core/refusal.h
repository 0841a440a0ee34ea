/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a refused caller is told: problem+json (RFC 9457) and the challenges
 * (RFC 9110 11.6.1, RFC 7617, RFC 6750 section 3).  Shared by the nginx module
 * and forward-auth.
 */
#ifndef PN_CORE_REFUSAL_H
#define PN_CORE_REFUSAL_H

#include "base/buf.h"
#include "core/decision.h"

enum { PN_REFUSAL_BODY_MAX = 1024, PN_CHALLENGE_MAX = 512 };

/* What the request says about the client that sent it. */
enum pn_client {
    PN_CLIENT_SCRIPT_OR_NAVIGATION = 0, /* challenge helps */
    PN_CLIENT_IN_PAGE, /* X-Requested-With, Sec-Fetch-Mode not navigate */
};

struct pn_refusal {
    const struct pn_decision *decision;
    struct pn_str app; /* for the realm; empty = "Postern" */
    enum pn_challenge challenge;
    enum pn_client client;
    bool has_address;
    struct pn_ip address;     /* ip_not_allowed says which one was seen */
    struct pn_str request_id; /* empty = leave out */
};

/* {"type":…,"title":…,"status":…,"detail":…,"code":…}; with expires_at for an
 * expired token. */
void pn_refusal_body(const struct pn_refusal *refusal, struct pn_buf *out);

/* The WWW-Authenticate value; false = do not send this one.  Only on 401. */
bool pn_refusal_basic(const struct pn_refusal *refusal, struct pn_buf *out);
bool pn_refusal_bearer(const struct pn_refusal *refusal, struct pn_buf *out);

/* The reason phrase used as title: "Unauthorized". */
const char *pn_status_title(unsigned status);

#endif

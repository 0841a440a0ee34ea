/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What address rules in report mode saw, for auditors and administrators; and
 * what it comes to, for who is about to let such a rule refuse.
 */
#ifndef PN_DAEMON_OPS_REPORTS_H
#define PN_DAEMON_OPS_REPORTS_H

#include "daemon/ops/ops.h"
#include "daemon/store/address_reports.h"

struct pn_report_query {
    enum pn_reporter rule; /* 0 = all */
    const char *app;       /* NULL = all */
    const char *owner; /* NULL = everybody; 404 when there is no such user */
    uint64_t token_id; /* 0 = all */
    int64_t since;     /* of the last use; 0 = whatever */
    struct pn_page page;
};

/* Would the rule, as it is now, refuse that address?  Nobody can say of further
 * addresses, and of a rule whose app is gone. */
enum pn_report_verdict {
    PN_REPORT_UNKNOWN = 0,
    PN_REPORT_ALLOWED,
    PN_REPORT_REFUSED
};
struct pn_report {
    struct pn_address_report seen;
    enum pn_report_verdict now;
};
struct pn_report_list {
    struct pn_report *item;
    uint16_t count;
    char *next;
    uint64_t beyond; /* requests that the limits left without a row */
};
PN_MUST_USE bool
pn_ops_reports(struct pn_ops *ops, const struct pn_caller *caller,
               const struct pn_report_query *query, struct pn_arena *arena,
               struct pn_report_list *out, struct pn_fault *fault);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom address rules in report mode would have refused: a row for each rule,
 * token, app and address, with how often, first and last.
 *
 * Whoever holds one token chooses how many addresses it is used from, so rows
 * are bounded: what goes beyond PN_REPORT_ADDRESSES_MAX of a token is added up
 * in one row without an address, what goes beyond PN_REPORT_ROWS_A_DAY of a
 * rule in a mere number of that day.
 */
#ifndef PN_DAEMON_STORE_ADDRESS_REPORTS_H
#define PN_DAEMON_STORE_ADDRESS_REPORTS_H

#include "daemon/store/store.h"

enum {
    PN_REPORT_DAYS = 30,          /* kept after the last use */
    PN_REPORT_ADDRESSES_MAX = 32, /* of one token, by rule and app */
    PN_REPORT_ROWS_A_DAY = 10000, /* new ones of one rule */
};

struct pn_address_report {
    uint64_t id;           /* ascending in order of first appearance */
    enum pn_reporter rule; /* the policy's, or that of app */
    char *app;
    uint64_t token_id, owner_id;
    char *token, *owner; /* names */
    bool further;        /* addresses beyond the limit, together */
    bool has_address;    /* false: further ones, or unknown to the gate */
    struct pn_ip address;
    uint64_t uses;
    int64_t first_at, last_at;
};

/*
 * Add what use->reporters say, each to its rule; inside the caller's
 * transaction.  id is given to a row that is new, id + 1 to a second one.
 * Nothing is noted of a token that there is not.
 */
PN_MUST_USE enum pn_err pn_store_address_reports_add(struct pn_store *store,
                                                     const struct pn_use *use,
                                                     uint64_t id);

/* Forget some of what is older than PN_REPORT_DAYS; call it often. */
PN_MUST_USE enum pn_err pn_store_address_reports_trim(struct pn_store *store,
                                                      int64_t now);
/* All of an app that goes: another one may get its name. */
PN_MUST_USE enum pn_err pn_store_address_reports_forget(struct pn_store *store,
                                                        const char *app);

struct pn_address_report_filter {
    enum pn_reporter rule; /* 0 = all */
    const char *app;       /* NULL = all; of the use, whosever rule it is */
    uint64_t owner_id, token_id; /* 0 = all */
    int64_t since;               /* of the last use; 0 = whatever */
};
struct pn_address_report_list {
    struct pn_address_report *item;
    uint16_t count;
    char *next;
    uint64_t beyond; /* uses by that rule and app that have no row, on the days
                        that are kept; whatever the rest of the filter */
};
/* Newest rows first; a row keeps its place while uses are added to it. */
PN_MUST_USE enum pn_err
pn_store_address_reports(struct pn_store *store,
                         const struct pn_address_report_filter *filter,
                         const struct pn_page *page, struct pn_arena *arena,
                         struct pn_address_report_list *out);

/* Every row of a rule (app NULL: the policy's) whose token is not revoked, by
 * owner and token: its ids, address and uses. */
typedef enum pn_err
pn_address_report_fn(void *arg, const struct pn_address_report *report);
PN_MUST_USE enum pn_err pn_store_each_address_report(struct pn_store *store,
                                                     const char *app,
                                                     pn_address_report_fn *call,
                                                     void *arg);

#endif

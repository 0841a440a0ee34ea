/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements behind a list of tokens.
 *
 * Each yields id, owner, sort key and "fits": whether the token fits the filter
 * as far as SQL can tell (not: suspended or not, unless that is the driver).
 * Their texts are few, whatever is asked for, because a connection keeps each.
 */
#ifndef PN_DAEMON_STORE_TOKEN_QUERY_H
#define PN_DAEMON_STORE_TOKEN_QUERY_H

#include "daemon/store/tokens.h"

enum {
    PN_LIKE_MAX = 1024,
    PN_CANDIDATES_MAX = 5000, /* that are sorted anew for every page */
};

/* One question, with what all its statements are bound to. */
struct pn_token_search {
    struct pn_store *store;
    const struct pn_token_filter *filter;
    const struct pn_permit *permit;
    int64_t now;
    char like[PN_LIKE_MAX]; /* "" = no search */
    const char *permitting; /* ids of groups: ",1,2," */
    struct pn_token_place {
        int64_t number; /* the sort key, one of these two */
        const char *text;
        uint64_t id;
    } after;
    bool has_after;
};

/* PN_E_TOO_LONG for a text longer than any name. */
PN_MUST_USE enum pn_err pn_token_search_init(struct pn_token_search *search,
                                             struct pn_arena *arena);

/* What picks the candidates: an index that serves one of the filters, or none
 * but the order. */
enum pn_token_driver {
    PN_DRIVER_ORDER = 0,
    PN_DRIVER_OWNER,
    PN_DRIVER_GROUP,
    PN_DRIVER_APP,
    PN_DRIVER_LAST_USED,
    PN_DRIVER_ENDS,
    PN_DRIVER_EXPIRED,
    PN_DRIVER_ENDLESS,
    PN_DRIVER_NO_IP,
    PN_DRIVER_MARKED,
    PN_DRIVER_REVOKED,
    PN_DRIVER_DISABLED,
    PN_DRIVER_NOT_BEFORE,
    PN_DRIVER_SUSPENDED,
    PN_DRIVER_COUNT,
};

/* The filter with the fewest candidates, PN_DRIVER_ORDER when all have more
 * than PN_CANDIDATES_MAX. */
PN_MUST_USE enum pn_err pn_token_driver_of(const struct pn_token_search *search,
                                           enum pn_token_driver *out);

/* Bound; at most limit rows behind search->after. */
struct pn_stmt *pn_token_query(const struct pn_token_search *search,
                               enum pn_token_driver driver, int64_t limit);

/* Is the sort key a text? */
bool pn_token_sort_is_text(enum pn_token_sort sort);

#endif

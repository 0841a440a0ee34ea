/* SPDX-License-Identifier: Apache-2.0 */
/* Loading one token; shared by tokens.c, token_list.c, usage.c. */
#ifndef PN_DAEMON_STORE_TOKENS_H
#define PN_DAEMON_STORE_TOKENS_H

#include "daemon/store/internal.h"
#include "daemon/store/permit.h"

/* Policy at one instant, with the standing of owners met before. */
struct pn_judge {
    struct pn_permit permit;
    int64_t now;
    struct {
        uint64_t owner_id;
        enum pn_standing standing;
    } known[64];
};

PN_MUST_USE enum pn_err pn_judge_begin(struct pn_store *store, int64_t now,
                                       struct pn_arena *arena,
                                       struct pn_judge *out);

/* Whether the owner's tokens work at all. */
PN_MUST_USE enum pn_err pn_judge_owner(struct pn_store *store,
                                       struct pn_judge *judge,
                                       uint64_t owner_id,
                                       enum pn_standing *out);

/* The token with everything, its state derived by judge. */
PN_MUST_USE enum pn_err pn_token_load(struct pn_store *store, uint64_t id,
                                      struct pn_judge *judge,
                                      struct pn_arena *arena,
                                      struct pn_token *out);

/* The addresses in tokens.last_addresses, at most PN_SEEN_MAX; how many. */
uint8_t pn_seen_read(struct pn_str text, struct pn_seen *out);

#endif

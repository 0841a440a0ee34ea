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

/* The columns, of "tokens t" and "users u", that pn_token_of_row() wants first.
 */
enum { PN_TOKEN_COLUMN_COUNT = 27 };
#define PN_TOKEN_COLUMNS                                                       \
    "t.id, t.name, t.description, t.owner_id,"                                 \
    " COALESCE(u.username, t.owner_name), t.prefix, t.created_at,"             \
    " t.not_before, t.expires_at, t.policy_expires_at, t.revoked_at,"          \
    " t.revoked_by, t.revoked_reason, t.disabled, t.access, t.last_used_at,"   \
    " t.last_used_address, t.last_used_app, t.last_used_method, t.rules,"      \
    " t.apps_restricted, t.last_addresses, t.superseded_used_at,"              \
    " t.superseded_used_address, t.disabled_unused, t.disable_at, t.idle_from"

/* The token of the present row and its apps: as stored, without secrets. */
PN_MUST_USE enum pn_err pn_token_of_row(struct pn_store *store,
                                        struct pn_stmt *q,
                                        struct pn_arena *arena,
                                        struct pn_token *out);

#endif

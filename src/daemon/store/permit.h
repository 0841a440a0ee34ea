/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether policy lets an owner's tokens work, by core's own rule, on what the
 * store holds now; and group names as the ids that records carry.
 */
#ifndef PN_DAEMON_STORE_PERMIT_H
#define PN_DAEMON_STORE_PERMIT_H

#include "daemon/store/store.h"

/* Policy resolved to ids: only the creation part of the record is set. */
struct pn_permit {
    struct pn_policy_record policy;
    struct pn_ids admin_groups;
};

/* Names that are no groups resolve to nothing. */
PN_MUST_USE enum pn_err pn_permit_of(struct pn_store *store,
                                     const struct pn_policy *policy,
                                     struct pn_arena *arena,
                                     struct pn_permit *out);

enum pn_standing {
    PN_STANDING_INACTIVE = 0, /* switched off, or deleted */
    PN_STANDING_NOT_PERMITTED,
    PN_STANDING_GOOD,
};
PN_MUST_USE enum pn_err pn_permit_standing(struct pn_store *store,
                                           const struct pn_permit *permit,
                                           uint64_t owner_id,
                                           enum pn_standing *out);

/* Ids of the groups, packed ascending as records want them. */
PN_MUST_USE enum pn_err pn_group_ids(struct pn_store *store, char *const *names,
                                     size_t count, struct pn_arena *arena,
                                     struct pn_ids *out);

/* Ids (any order, distinct) packed ascending; sorts id in place. */
PN_MUST_USE enum pn_err pn_ids_pack(uint64_t *id, size_t count,
                                    struct pn_arena *arena, struct pn_ids *out);

#endif

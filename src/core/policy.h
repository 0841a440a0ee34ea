/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may make a token, for how long (DESIGN section 6).  Pure.
 */
#ifndef PN_CORE_POLICY_H
#define PN_CORE_POLICY_H

#include "base/defs.h"
#include "core/record.h"

enum { PN_LIFETIME_MAX_DAYS = 36500, PN_DAY_S = 86400 };

/* A grant: group_id 0 = everyone; max_days 0 = no limit, also no expiry. */
struct pn_grant {
    uint64_t group_id;
    uint32_t max_days;
};

/* What the policy's creation part says, resolved to ids. */
struct pn_creation {
    bool enabled;
    const struct pn_grant *grants;
    uint16_t grant_count;
    uint32_t admin_max_days; /* 0 = no limit */
    uint32_t default_days;   /* never 0 */
};

/* What one person may do. */
struct pn_allowance {
    bool may_create;
    bool may_be_endless; /* "no expiry" allowed */
    uint32_t max_days;   /* when not may_be_endless */
    uint64_t granted_by; /* group id; 0 = everyone or administrator */
    enum { PN_WHY_ALLOWED = 0, PN_WHY_OFF, PN_WHY_NO_GROUP } why_not;
};

/* groups ascending.  An administrator may always make his own. */
void pn_allowance_of(const struct pn_creation *creation, bool is_admin,
                     struct pn_ids groups, struct pn_allowance *out);

/* What somebody asked for; the all-zero value asks for the default. */
struct pn_lifetime {
    enum {
        PN_LIFETIME_DEFAULT = 0,
        PN_LIFETIME_DAYS,
        PN_LIFETIME_UNTIL,
        PN_LIFETIME_ENDLESS
    } kind;
    uint32_t days;
    int64_t until;
};

/*
 * The instant the token ends (0 = never): N times 24 h after now, half-open.
 * PN_E_RANGE when it lies beyond the allowance or not after now;
 * PN_E_PERMISSION when the person may not create at all.
 */
PN_MUST_USE enum pn_err pn_lifetime_end(const struct pn_allowance *allowance,
                                        uint32_t default_days,
                                        const struct pn_lifetime *wanted,
                                        int64_t now, int64_t *out);

#endif

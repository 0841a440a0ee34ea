/* SPDX-License-Identifier: Apache-2.0 */
/* Who may make a token, and until when it lives. */
#include "core/policy.h"

/* Is a limit of `a` days more generous than one of `b`?  0 is no limit. */
static bool
more_generous(uint32_t a, uint32_t b)
{
    return b != 0 && (a == 0 || a > b);
}

static void
take(struct pn_allowance *allowance, uint64_t group_id, uint32_t max_days)
{
    uint32_t held = allowance->may_be_endless ? 0 : allowance->max_days;

    if (allowance->may_create && !more_generous(max_days, held)) {
        return;
    }
    *allowance = (struct pn_allowance){
        .may_create = true,
        .may_be_endless = max_days == 0,
        .max_days = max_days,
        .granted_by = group_id,
        .why_not = PN_WHY_ALLOWED,
    };
}

void
pn_allowance_of(const struct pn_creation *creation, bool is_admin,
                struct pn_ids groups, struct pn_allowance *out)
{
    struct pn_allowance allowance = {
        .why_not = creation->enabled ? PN_WHY_NO_GROUP : PN_WHY_OFF,
    };

    if (is_admin) {
        take(&allowance, 0, creation->admin_max_days);
    }
    for (uint16_t i = 0; creation->enabled && i < creation->grant_count; i++) {
        const struct pn_grant *grant = &creation->grants[i];

        if (grant->group_id == 0 || pn_ids_has(groups, grant->group_id)) {
            take(&allowance, grant->group_id, grant->max_days);
        }
    }
    *out = allowance;
}

/* now and days are in bounds, so the sum is. */
static int64_t
after_days(int64_t now, uint32_t days)
{
    return now + (int64_t) days * PN_DAY_S;
}

static uint32_t
least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

enum pn_err
pn_lifetime_end(const struct pn_allowance *allowance, uint32_t default_days,
                const struct pn_lifetime *wanted, int64_t now, int64_t *out)
{
    uint32_t max_days = PN_LIFETIME_MAX_DAYS;

    if (!allowance->may_create) {
        return PN_E_PERMISSION;
    }
    if (!allowance->may_be_endless) {
        max_days = least(max_days, allowance->max_days);
    }
    switch (wanted->kind) {
    case PN_LIFETIME_DEFAULT:
        *out = after_days(now, least(default_days, max_days));
        return PN_OK;
    case PN_LIFETIME_DAYS:
        if (wanted->days == 0 || wanted->days > max_days) {
            return PN_E_RANGE;
        }
        *out = after_days(now, wanted->days);
        return PN_OK;
    case PN_LIFETIME_UNTIL:
        if (wanted->until <= now || wanted->until > after_days(now, max_days)) {
            return PN_E_RANGE;
        }
        *out = wanted->until;
        return PN_OK;
    case PN_LIFETIME_ENDLESS:
        if (!allowance->may_be_endless) {
            return PN_E_RANGE;
        }
        *out = 0;
        return PN_OK;
    }
    return PN_E_RANGE;
}

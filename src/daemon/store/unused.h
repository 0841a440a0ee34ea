/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that nobody uses: which the policy wants disabled, with notice.
 *
 * A token is unused from its last use on; one that never was used from its
 * making, or from when a policy with such a rule came into force if that is
 * later, so that tokens whose uses nobody noted are not taken for unused at
 * once.  Enabling it again, a rotation and not_before start the time anew.
 * After unused_days it is marked: disable_at.  A use lifts the mark, and so
 * does a policy that it does not break any more; else it is disabled.
 */
#ifndef PN_DAEMON_STORE_UNUSED_H
#define PN_DAEMON_STORE_UNUSED_H

#include "daemon/store/store.h"

enum {
    PN_UNUSED_BATCH = 200, /* tokens in one transaction */
    /* Uses are written within a minute; later than that, disable_at holds. */
    PN_UNUSED_GRACE_S = 300,
    /* Longer without a pass: uses may have gone unnoticed meanwhile. */
    PN_UNUSED_GAP_S = 3600,
};

/* What the newest policy says. */
struct pn_unused_rule {
    uint32_t days; /* 0: no token is disabled for being unused */
    uint32_t notice_days;
    int64_t since; /* policies had such a rule, without a break */
};
PN_MUST_USE enum pn_err pn_store_unused_rule(struct pn_store *store,
                                             struct pn_arena *arena,
                                             struct pn_unused_rule *out);

struct pn_idle_times {
    int64_t created_at, idle_from, not_before;
    int64_t last_used_at; /* 0 = never */
};
/* Unused from then on, by a rule since then. */
int64_t pn_idle_since(const struct pn_idle_times *times, int64_t since);
/* … for so long that the rule wants it marked. */
bool pn_is_unused(const struct pn_idle_times *times,
                  const struct pn_unused_rule *rule, int64_t now);

enum pn_unused_what {
    PN_UNUSED_TO_MARK = 0,
    PN_UNUSED_DUE,     /* disable_at and the grace are over */
    PN_UNUSED_TO_LIFT, /* marked, and not unused any more */
};
/* What is looked for, by which rule, and when. */
struct pn_unused_look {
    enum pn_unused_what what;
    struct pn_unused_rule rule;
    int64_t now;
};
/* Where a search goes on; all zero = from the beginning. */
struct pn_unused_place {
    int64_t last_used_at;
    uint64_t id;
};
/* At most PN_UNUSED_BATCH; *at moves behind them. */
PN_MUST_USE enum pn_err pn_store_unused_find(struct pn_store *store,
                                             const struct pn_unused_look *look,
                                             struct pn_unused_place *at,
                                             uint64_t id[PN_UNUSED_BATCH],
                                             uint16_t *count);

/*
 * One of them, judged anew by its row; *changed = it was so still.  disable_at:
 * of TO_MARK, and of DUE to put it off (0 = disable it).  The caller writes the
 * event and the row of the feed.
 */
PN_MUST_USE enum pn_err
pn_store_unused_settle(struct pn_store *store,
                       const struct pn_unused_look *look, int64_t disable_at,
                       uint64_t id, bool *changed);

/*
 * A pass begins now.  *hold_until = no token is disabled before: after a gap,
 * in which uses may have gone unnoticed, or a step of the clock, which looks
 * the same, tokens get as much time again, at most notice_s.
 */
PN_MUST_USE enum pn_err pn_store_unused_ran(struct pn_store *store, int64_t now,
                                            int64_t notice_s,
                                            int64_t *hold_until);

#endif

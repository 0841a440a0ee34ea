/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that nobody uses. */
#include "daemon/store/unused.h"

#include "core/policy.h"
#include "daemon/store/internal.h"

/* --- the rule ------------------------------------------------------------ */

enum pn_err
pn_store_unused_rule(struct pn_store *store, struct pn_arena *arena,
                     struct pn_unused_rule *out)
{
    struct pn_policy policy;
    struct pn_stmt *q;
    int64_t since = 0;
    enum pn_err err = pn_store_policy(store, arena, &policy);

    if (err != PN_OK) {
        return err;
    }
    q = pn_db_query(store->db, "SELECT unused_since FROM policies"
                               " ORDER BY version DESC LIMIT 1");
    err = pn_run_for_int(q, &since);
    if (err != PN_OK && err != PN_E_NOT_FOUND) {
        return err;
    }
    *out = (struct pn_unused_rule){.days = policy.creation.disable_unused_days,
                                   .notice_days =
                                       policy.creation.unused_notice_days,
                                   .since = since};
    return PN_OK;
}

static int64_t
later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t
pn_idle_since(const struct pn_idle_times *times, int64_t since)
{
    int64_t from =
        later(later(times->created_at, times->idle_from), times->not_before);

    return later(from, times->last_used_at > 0 ? times->last_used_at : since);
}

/* What was not used since then is unused; -1: nothing is. */
static int64_t
cut_of(const struct pn_unused_rule *rule, int64_t now)
{
    return rule->days == 0 ? -1 : now - (int64_t) rule->days * PN_DAY_S;
}

bool
pn_is_unused(const struct pn_idle_times *times,
             const struct pn_unused_rule *rule, int64_t now)
{
    return pn_idle_since(times, rule->since) <= cut_of(rule, now);
}

/* pn_is_unused() in SQL, of a token that works: $1 the cut, $2 since, $3 now.
 */
#define UNUSED                                                                 \
    " revoked_at = 0 AND disabled = 0 AND ends_at > $3"                        \
    " AND created_at <= $1 AND idle_from <= $1 AND not_before <= $1"           \
    " AND last_used_at <= $1 AND (last_used_at > 0 OR $2 <= $1)"
#define DUE " disable_at <> 0 AND disable_at <= $4"

static void
bind_rule(struct pn_stmt *q, const struct pn_unused_rule *rule, int64_t now)
{
    pn_stmt_int(q, 1, cut_of(rule, now));
    pn_stmt_int(q, 2, rule->since);
    pn_stmt_int(q, 3, now);
}

/* --- finding ------------------------------------------------------------- */

static struct pn_stmt *
to_mark(struct pn_store *store, const struct pn_unused_rule *rule, int64_t now,
        const struct pn_unused_place *at)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT id, last_used_at FROM tokens WHERE" UNUSED
                   " AND disable_at = 0 AND (last_used_at, id) > ($4, $5)"
                   " ORDER BY last_used_at, id LIMIT $6");

    bind_rule(q, rule, now);
    pn_stmt_int(q, 4, at->last_used_at);
    pn_stmt_id(q, 5, at->id);
    pn_stmt_int(q, 6, PN_UNUSED_BATCH);
    return q;
}

static struct pn_stmt *
due(struct pn_store *store, int64_t now)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT id, 0 FROM tokens WHERE disable_at <> 0"
                   " AND disable_at <= $1 AND revoked_at = 0 AND disabled = 0"
                   " ORDER BY disable_at, id LIMIT $2");

    pn_stmt_int(q, 1, now - PN_UNUSED_GRACE_S);
    pn_stmt_int(q, 2, PN_UNUSED_BATCH);
    return q;
}

static struct pn_stmt *
to_lift(struct pn_store *store, const struct pn_unused_rule *rule, int64_t now,
        const struct pn_unused_place *at)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT id, 0 FROM tokens WHERE disable_at <> 0"
                               " AND id > $4 AND NOT (" UNUSED ")"
                               " ORDER BY id LIMIT $5");

    bind_rule(q, rule, now);
    pn_stmt_id(q, 4, at->id);
    pn_stmt_int(q, 5, PN_UNUSED_BATCH);
    return q;
}

enum pn_err
pn_store_unused_find(struct pn_store *store, const struct pn_unused_look *look,
                     struct pn_unused_place *at, uint64_t id[PN_UNUSED_BATCH],
                     uint16_t *count)
{
    struct pn_unused_place place = *at;
    struct pn_stmt *q = NULL;
    uint16_t found = 0;
    enum pn_err err;

    switch (look->what) {
    case PN_UNUSED_TO_MARK:
        q = to_mark(store, &look->rule, look->now, at);
        break;
    case PN_UNUSED_DUE:
        q = due(store, look->now);
        break;
    case PN_UNUSED_TO_LIFT:
        q = to_lift(store, &look->rule, look->now, at);
        break;
    }
    while ((err = pn_stmt_step(q)) == PN_OK) {
        place = (struct pn_unused_place){pn_stmt_col_int(q, 1),
                                         pn_stmt_col_id(q, 0)};
        id[found++] = place.id;
    }
    pn_stmt_done(q);
    if (err != PN_E_NOT_FOUND) {
        return err;
    }
    *at = place;
    *count = found;
    return PN_OK;
}

/* --- settling ------------------------------------------------------------ */

static struct pn_stmt *
mark(struct pn_store *store, int64_t disable_at, uint64_t id)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "UPDATE tokens SET disable_at = $4 WHERE" UNUSED
                               " AND disable_at = 0 AND id = $5");

    pn_stmt_int(q, 4, disable_at);
    pn_stmt_id(q, 5, id);
    return q;
}

static struct pn_stmt *
put_off(struct pn_store *store, int64_t now, int64_t disable_at, uint64_t id)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "UPDATE tokens SET disable_at = $6 WHERE" UNUSED
                               " AND" DUE " AND id = $5");

    pn_stmt_int(q, 4, now - PN_UNUSED_GRACE_S);
    pn_stmt_id(q, 5, id);
    pn_stmt_int(q, 6, disable_at);
    return q;
}

static struct pn_stmt *
disable(struct pn_store *store, int64_t now, uint64_t id)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "UPDATE tokens SET disabled = 1, disabled_unused = 1,"
                   " disable_at = 0 WHERE" UNUSED " AND" DUE " AND id = $5");

    pn_stmt_int(q, 4, now - PN_UNUSED_GRACE_S);
    pn_stmt_id(q, 5, id);
    return q;
}

static struct pn_stmt *
lift(struct pn_store *store, uint64_t id)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "UPDATE tokens SET disable_at = 0"
                               " WHERE disable_at <> 0 AND NOT (" UNUSED ")"
                               " AND id = $4");

    pn_stmt_id(q, 4, id);
    return q;
}

enum pn_err
pn_store_unused_settle(struct pn_store *store,
                       const struct pn_unused_look *look, int64_t disable_at,
                       uint64_t id, bool *changed)
{
    struct pn_stmt *q = NULL;
    enum pn_err err;

    switch (look->what) {
    case PN_UNUSED_TO_MARK:
        q = mark(store, disable_at, id);
        break;
    case PN_UNUSED_DUE:
        q = disable_at != 0 ? put_off(store, look->now, disable_at, id)
                            : disable(store, look->now, id);
        break;
    case PN_UNUSED_TO_LIFT:
        q = lift(store, id);
        break;
    }
    bind_rule(q, &look->rule, look->now);
    err = pn_stmt_run(q);
    if (err == PN_OK) {
        *changed = pn_db_touched(store->db) > 0;
    }
    return err;
}

/* --- passes -------------------------------------------------------------- */

static enum pn_err
last_pass(struct pn_store *store, int64_t *ran_at, int64_t *hold_until)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT ran_at, hold_until FROM job_runs WHERE name = $1");
    enum pn_err err;

    pn_stmt_text(q, 1, "unused");
    err = pn_stmt_step(q);
    if (err == PN_OK) {
        *ran_at = pn_stmt_col_int(q, 0);
        *hold_until = pn_stmt_col_int(q, 1);
    }
    pn_stmt_done(q);
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

static int64_t
sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

enum pn_err
pn_store_unused_ran(struct pn_store *store, int64_t now, int64_t notice_s,
                    int64_t *hold_until)
{
    int64_t ran_at = now, hold = 0;
    struct pn_stmt *q;
    enum pn_err err = last_pass(store, &ran_at, &hold);

    if (err != PN_OK) {
        return err;
    }
    if (now - ran_at > PN_UNUSED_GAP_S) {
        hold = later(hold, now + sooner(now - ran_at, notice_s));
    }
    hold = sooner(hold, now + notice_s); /* the clock was set back */
    q = pn_db_query(store->db,
                    "INSERT INTO job_runs (name, ran_at, hold_until)"
                    " VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET"
                    " ran_at = excluded.ran_at,"
                    " hold_until = excluded.hold_until");
    pn_stmt_text(q, 1, "unused");
    pn_stmt_int(q, 2, now);
    pn_stmt_int(q, 3, hold);
    err = pn_stmt_run(q);
    if (err == PN_OK) {
        *hold_until = hold;
    }
    return err;
}

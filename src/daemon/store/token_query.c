/* SPDX-License-Identifier: Apache-2.0 */
/* The statements behind a list of tokens. */
#include "daemon/store/token_query.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "base/str.h"

enum { SQL_MAX = 8192, PARAMS = 16 };

/* --- pieces -------------------------------------------------------------- */

/* Parameters, the same in every statement; PostgreSQL takes a type from the
 * first place that names one, and that may be a small number. */
#define AFTER_KEY    "$1"
#define AFTER_ID     "$2"
#define LIMIT        "$3"
#define OWNER        "CAST($4 AS BIGINT)"
#define GROUP        "CAST($5 AS BIGINT)"
#define APP          "CAST($6 AS BIGINT)"
#define UNUSED_SINCE "CAST($7 AS BIGINT)" /* never used: 1; 0 = whatever */
#define ENDS_BEFORE  "CAST($8 AS BIGINT)"
#define ENDLESS      "CAST($9 AS BIGINT)"
#define NO_IP        "CAST($10 AS BIGINT)"
#define LIKE         "CAST($11 AS TEXT)"
#define STATE        "CAST($12 AS BIGINT)" /* -1 = whatever */
#define NOW          "CAST($13 AS BIGINT)"
#define EVERYBODY    "CAST($14 AS BIGINT)" /* 1: no group is needed */
#define PERMITTING   "CAST($15 AS TEXT)"
#define MARKED       "CAST($16 AS BIGINT)"
#define NEVER_ENDS   "9223372036854775807"

/* An owner whose tokens are suspended: pn_permit_standing() in SQL. */
#define UNFIT                                                                  \
    "(u.active = 0 OR (" EVERYBODY " = 0 AND u.role <> 2 AND NOT EXISTS"       \
    " (SELECT 1 FROM memberships m WHERE m.user_id = u.id AND " PERMITTING     \
    " LIKE '%,' || CAST(m.group_id AS TEXT) || ',%')))"
_Static_assert(PN_ROLE_ADMIN == 2, "as UNFIT says");

/* As much of the state as the row tells. */
#define HAS_STATE                                                              \
    "(" STATE " = -1 OR (" STATE " = 0 AND t.revoked_at <> 0)"                 \
    " OR (" STATE " > 0 AND t.revoked_at = 0 AND ("                            \
    "(" STATE " = 1 AND t.ends_at <= " NOW ")"                                 \
    " OR (" STATE " > 1 AND t.ends_at > " NOW " AND ("                         \
    "(" STATE " = 2 AND t.disabled = 1)"                                       \
    " OR (" STATE " > 2 AND t.disabled = 0"                                    \
    " AND (" STATE " <> 4 OR t.not_before > " NOW ")"                          \
    " AND (" STATE " <> 5 OR t.not_before <= " NOW ")))))))"
_Static_assert(PN_STATE_REVOKED == 0 && PN_STATE_EXPIRED == 1
                   && PN_STATE_DISABLED == 2 && PN_STATE_SUSPENDED == 3
                   && PN_STATE_NOT_YET_VALID == 4 && PN_STATE_ACTIVE == 5,
               "as HAS_STATE says");

#define FITS                                                                   \
    "CASE WHEN (" OWNER " = 0 OR t.owner_id = " OWNER ")"                      \
    " AND (" GROUP " = 0 OR EXISTS (SELECT 1 FROM memberships g"               \
    " WHERE g.user_id = t.owner_id AND g.group_id = " GROUP "))"               \
    " AND (" APP " = 0 OR EXISTS (SELECT 1 FROM token_apps a"                  \
    " WHERE a.token_id = t.id AND a.app_id = " APP "))"                        \
    " AND (" UNUSED_SINCE " = 0 OR (t.last_used_at < " UNUSED_SINCE            \
    " AND (" UNUSED_SINCE " = 1 OR t.created_at < " UNUSED_SINCE ")))"         \
    " AND (" ENDS_BEFORE " = 0 OR t.ends_at < " ENDS_BEFORE ")"                \
    " AND (" ENDLESS " = 0 OR t.ends_at = " NEVER_ENDS ")"                     \
    " AND (" NO_IP " = 0 OR t.has_ip = 0)"                                     \
    " AND (" MARKED " = 0 OR t.disable_at <> 0)"                               \
    " AND (" LIKE " = '' OR t.name_key LIKE " LIKE " ESCAPE '\\')"             \
    " AND " HAS_STATE " THEN 1 ELSE 0 END"

/* What picks candidates, each with an index of its own. */
static const char *const conditions[PN_DRIVER_COUNT] = {
    [PN_DRIVER_OWNER] = "t.owner_id = " OWNER,
    [PN_DRIVER_GROUP] = "t.owner_id IN (SELECT d.user_id FROM memberships d"
                        " WHERE d.group_id = " GROUP ")",
    [PN_DRIVER_APP] = "t.id IN (SELECT d.token_id FROM token_apps d"
                      " WHERE d.app_id = " APP ")",
    [PN_DRIVER_LAST_USED] = "t.last_used_at < " UNUSED_SINCE,
    [PN_DRIVER_ENDS] = "t.ends_at < " ENDS_BEFORE,
    [PN_DRIVER_EXPIRED] = "t.ends_at <= " NOW,
    [PN_DRIVER_ENDLESS] = "t.ends_at = " NEVER_ENDS,
    [PN_DRIVER_NO_IP] = "t.has_ip = 0",
    [PN_DRIVER_MARKED] = "t.disable_at <> 0",
    [PN_DRIVER_REVOKED] = "t.revoked_at <> 0",
    [PN_DRIVER_DISABLED] = "t.disabled = 1",
    [PN_DRIVER_NOT_BEFORE] = "t.not_before <> 0 AND t.not_before > " NOW,
    [PN_DRIVER_SUSPENDED] = "t.owner_id IN (SELECT u.id FROM users u WHERE"
                            " " UNFIT ")",
};

static const struct {
    const char *key, *veiled; /* veiled: no index serves its order */
} sorts[] = {
    [PN_SORT_CREATED] = {"t.id", "(t.id + 0)"},
    [PN_SORT_NAME] = {"t.name_key", "(t.name_key || '')"},
    [PN_SORT_EXPIRES] = {"t.ends_at", "(t.ends_at + 0)"},
    [PN_SORT_LAST_USED] = {"t.last_used_at", "(t.last_used_at + 0)"},
};

bool
pn_token_sort_is_text(enum pn_token_sort sort)
{
    return sort == PN_SORT_NAME;
}

/* --- beginning ----------------------------------------------------------- */

/* "50%" -> "%50\%%", folded. */
static enum pn_err
make_like(const char *search, char out[PN_LIKE_MAX])
{
    struct pn_buf buf = {.ptr = out, .cap = PN_LIKE_MAX};

    out[0] = '\0';
    if (search == NULL || search[0] == '\0') {
        return PN_OK;
    }
    pn_buf_add_char(&buf, '%');
    for (const char *c = search; *c != '\0'; c++) {
        if (*c == '%' || *c == '_' || *c == '\\') {
            pn_buf_add_char(&buf, '\\');
        }
        pn_buf_add_char(&buf,
                        *c >= 'A' && *c <= 'Z' ? (char) (*c - 'A' + 'a') : *c);
    }
    pn_buf_add_char(&buf, '%');
    return pn_buf_cstr(&buf) == NULL ? PN_E_TOO_LONG : PN_OK;
}

static void
add_ids(const struct pn_ids *ids, struct pn_buf *out)
{
    struct pn_cursor cur = pn_cursor_from(ids->bytes, (size_t) ids->count * 8);

    for (uint16_t i = 0; i < ids->count; i++) {
        pn_buf_addf(out, "%llu,", (unsigned long long) pn_cursor_u64(&cur));
    }
}

/* The groups whose members' tokens work. */
static const char *
permitting(const struct pn_permit *permit, struct pn_arena *arena)
{
    const size_t cap = ((size_t) permit->policy.grant_groups.count
                        + permit->admin_groups.count)
                           * 21
                       + 2;
    struct pn_buf out = {.ptr = pn_arena_alloc(arena, cap), .cap = cap};

    if (out.ptr == NULL) {
        return NULL;
    }
    pn_buf_add_char(&out, ',');
    add_ids(&permit->admin_groups, &out);
    if (permit->policy.creation_enabled) {
        add_ids(&permit->policy.grant_groups, &out);
    }
    return pn_buf_cstr(&out);
}

enum pn_err
pn_token_search_init(struct pn_token_search *search, struct pn_arena *arena)
{
    search->permitting = permitting(search->permit, arena);
    return search->permitting != NULL
               ? make_like(search->filter->search, search->like)
               : PN_E_NOMEM;
}

/* --- binding ------------------------------------------------------------- */

static int64_t
unused_since(const struct pn_token_filter *filter)
{
    return filter->never_used ? 1 : filter->unused_since;
}

/*
 * Parameters have the same number in every piece, so a statement that lacks
 * some would have gaps, which PostgreSQL does not take: number those anew that
 * it has.  place[n] is what "$n" became, 0 = it is not there.
 */
static void
renumber(const char *sql, struct pn_buf *out, uint8_t place[PARAMS + 1])
{
    uint8_t count = 0;

    while (*sql != '\0') {
        if (*sql != '$') {
            pn_buf_add_char(out, *sql++);
            continue;
        }
        char *end = NULL;
        long n = strtol(sql + 1, &end, 10);

        if (place[n] == 0) {
            place[n] = ++count;
        }
        pn_buf_addf(out, "$%u", place[n]);
        sql = end;
    }
}

/* One statement being made. */
struct statement {
    char text[SQL_MAX];
    struct pn_buf sql;
    uint8_t place[PARAMS + 1];
    struct pn_stmt *q;
};

static void
bind_int(struct statement *s, int n, int64_t value)
{
    if (s->place[n] != 0) {
        pn_stmt_int(s->q, s->place[n], value);
    }
}

static void
bind_text(struct statement *s, int n, const char *value)
{
    if (s->place[n] != 0) {
        pn_stmt_text(s->q, s->place[n], value);
    }
}

/* Prepare what was written, and bind all but the place to go on from. */
static void
prepare(struct statement *s, const struct pn_token_search *search,
        int64_t limit)
{
    const struct pn_token_filter *filter = search->filter;
    const struct pn_policy_record *policy = &search->permit->policy;
    char text[SQL_MAX];
    struct pn_buf sql = PN_BUF(text);

    renumber(pn_buf_cstr(&s->sql), &sql, s->place);
    s->q = pn_db_query(search->store->db, pn_buf_cstr(&sql));
    bind_int(s, 3, limit);
    bind_int(s, 4, (int64_t) filter->owner_id);
    bind_int(s, 5, (int64_t) filter->group_id);
    bind_int(s, 6, (int64_t) filter->app_id);
    bind_int(s, 7, unused_since(filter));
    bind_int(s, 8, filter->expires_before);
    bind_int(s, 9, filter->no_expiry);
    bind_int(s, 10, filter->no_ip_rule);
    bind_text(s, 11, search->like);
    bind_int(s, 12, filter->has_state ? (int64_t) filter->state : -1);
    bind_int(s, 13, search->now);
    bind_int(s, 14,
             policy->on_loss == PN_ON_LOSS_KEEP
                 || (policy->creation_enabled && policy->creation_everyone));
    bind_text(s, 15, search->permitting);
    bind_int(s, 16, filter->to_be_disabled);
}

/* --- which driver -------------------------------------------------------- */

static bool
is_asked(const struct pn_token_search *search, enum pn_token_driver driver)
{
    const struct pn_token_filter *filter = search->filter;
    const bool has_state = filter->has_state;

    switch (driver) {
    case PN_DRIVER_OWNER:
        return filter->owner_id != 0;
    case PN_DRIVER_GROUP:
        return filter->group_id != 0;
    case PN_DRIVER_APP:
        return filter->app_id != 0;
    case PN_DRIVER_LAST_USED:
        return unused_since(filter) != 0;
    case PN_DRIVER_ENDS:
        return filter->expires_before != 0;
    case PN_DRIVER_EXPIRED:
        return has_state && filter->state == PN_STATE_EXPIRED;
    case PN_DRIVER_ENDLESS:
        return filter->no_expiry;
    case PN_DRIVER_NO_IP:
        return filter->no_ip_rule;
    case PN_DRIVER_MARKED:
        return filter->to_be_disabled;
    case PN_DRIVER_REVOKED:
        return has_state && filter->state == PN_STATE_REVOKED;
    case PN_DRIVER_DISABLED:
        return has_state && filter->state == PN_STATE_DISABLED;
    case PN_DRIVER_NOT_BEFORE:
        return has_state && filter->state == PN_STATE_NOT_YET_VALID;
    case PN_DRIVER_SUSPENDED:
        return has_state && filter->state == PN_STATE_SUSPENDED;
    case PN_DRIVER_ORDER:
    case PN_DRIVER_COUNT:
        break;
    }
    return false;
}

/* At most one more than counts. */
static enum pn_err
candidates(const struct pn_token_search *search, enum pn_token_driver driver,
           int64_t *out)
{
    const bool by_owner = driver == PN_DRIVER_SUSPENDED;
    struct statement s = {.q = NULL};

    s.sql = PN_BUF(s.text);
    pn_buf_addf(&s.sql,
                "SELECT COUNT(*) FROM (SELECT 1 FROM %s WHERE %s"
                " LIMIT " LIMIT ") c",
                by_owner ? "users u CROSS JOIN tokens t" : "tokens t",
                by_owner ? "t.owner_id = u.id AND " UNFIT : conditions[driver]);
    prepare(&s, search, PN_CANDIDATES_MAX + 1);
    return pn_run_for_int(s.q, out);
}

enum pn_err
pn_token_driver_of(const struct pn_token_search *search,
                   enum pn_token_driver *out)
{
    enum pn_token_driver best = PN_DRIVER_ORDER;
    int64_t least = PN_CANDIDATES_MAX + 1;

    for (int d = PN_DRIVER_OWNER; d < PN_DRIVER_COUNT && least > 200; d++) {
        const enum pn_token_driver driver = (enum pn_token_driver) d;
        int64_t count = 0;
        enum pn_err err = PN_OK;

        if (!is_asked(search, driver)) {
            continue;
        }
        err = candidates(search, driver, &count);
        if (err != PN_OK) {
            return err;
        }
        if (count < least) {
            least = count;
            best = driver;
        }
    }
    *out = best;
    return PN_OK;
}

/* --- the rows ------------------------------------------------------------ */

static void
add_after(struct pn_buf *sql, const char *key, const char *id,
          const struct pn_token_filter *filter)
{
    /* A row value, so that an index goes straight to the place. */
    pn_buf_addf(sql, " AND (%s, %s) %s (" AFTER_KEY ", " AFTER_ID ")", key, id,
                filter->ascending ? ">" : "<");
}

struct pn_stmt *
pn_token_query(const struct pn_token_search *search,
               enum pn_token_driver driver, int64_t limit)
{
    const struct pn_token_filter *filter = search->filter;
    const bool ordered = driver == PN_DRIVER_ORDER;
    const char *key =
        ordered ? sorts[filter->sort].key : sorts[filter->sort].veiled;
    const char *id = ordered ? "t.id" : "(t.id + 0)";
    const char *way = filter->ascending ? "ASC" : "DESC";
    struct statement s = {.q = NULL};

    s.sql = PN_BUF(s.text);
    pn_buf_addf(
        &s.sql, "SELECT t.id, t.owner_id, %s, " FITS " FROM tokens t WHERE %s",
        sorts[filter->sort].key, ordered ? "t.id > 0" : conditions[driver]);
    if (search->has_after) {
        add_after(&s.sql, key, id, filter);
    }
    if (filter->sort == PN_SORT_CREATED) {
        pn_buf_addf(&s.sql, " ORDER BY %s %s LIMIT " LIMIT, id, way);
    } else {
        pn_buf_addf(&s.sql, " ORDER BY %s %s, %s %s LIMIT " LIMIT, key, way, id,
                    way);
    }
    prepare(&s, search, limit);
    if (pn_token_sort_is_text(filter->sort)) {
        bind_text(&s, 1, search->after.text);
    } else {
        bind_int(&s, 1, search->after.number);
    }
    bind_int(&s, 2, (int64_t) search->after.id);
    return s.q;
}

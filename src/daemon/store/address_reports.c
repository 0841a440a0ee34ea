/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What address rules in report mode saw.
 *
 * address is '' in a token's row of further addresses, and '::', which no
 * client has, where the gate did not know it.
 */
#include "daemon/store/address_reports.h"

#include <netinet/in.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "core/policy.h"
#include "daemon/store/internal.h"

enum { TRIM_ROWS = 2000 };

static const struct pn_ip unknown;

/* What one rule says of a use. */
struct note {
    const struct pn_use *use;
    enum pn_reporter rule;
    uint64_t id;
    struct pn_str address; /* "" = further ones */
};

/* The policy's rule is one, whatever the app. */
static const char *
app_of_rule(const struct note *note)
{
    return note->rule == PN_REPORTER_APP ? note->use->app : "";
}

/* --- adding -------------------------------------------------------------- */

/* PN_E_NOT_FOUND: there is no such row yet. */
static enum pn_err
add_to_row(struct pn_store *store, const struct note *note)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "UPDATE address_reports SET uses = uses + $5,"
                   " first_at = CASE WHEN first_at > $6 THEN $6 ELSE first_at"
                   " END, last_at = CASE WHEN last_at < $7 THEN $7 ELSE last_at"
                   " END WHERE token_id = $1 AND rule = $2 AND app = $3"
                   " AND address = $4");

    pn_stmt_id(q, 1, note->use->token_id);
    pn_stmt_int(q, 2, note->rule);
    pn_stmt_text(q, 3, note->use->app);
    pn_stmt_str(q, 4, note->address);
    pn_stmt_int(q, 5, note->use->count);
    pn_stmt_int(q, 6, note->use->first_at);
    pn_stmt_int(q, 7, note->use->at);
    return pn_run_on_row(store, q);
}

static enum pn_err
rows_of_token(struct pn_store *store, const struct note *note, int64_t *count)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT COUNT(*) FROM address_reports WHERE token_id = $1"
                   " AND rule = $2 AND app = $3 AND address <> ''");

    pn_stmt_id(q, 1, note->use->token_id);
    pn_stmt_int(q, 2, note->rule);
    pn_stmt_text(q, 3, note->use->app);
    return pn_run_for_int(q, count);
}

static enum pn_err
rows_of_day(struct pn_store *store, const struct note *note, int64_t *count)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT fresh FROM address_report_days"
                               " WHERE rule = $1 AND app = $2 AND day = $3");
    enum pn_err err;

    pn_stmt_int(q, 1, note->rule);
    pn_stmt_text(q, 2, app_of_rule(note));
    pn_stmt_int(q, 3, note->use->at / PN_DAY_S);
    err = pn_run_for_int(q, count);
    if (err == PN_E_NOT_FOUND) {
        *count = 0;
        err = PN_OK;
    }
    return err;
}

static enum pn_err
count_on_day(struct pn_store *store, const struct note *note, int64_t fresh,
             int64_t beyond)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "INSERT INTO address_report_days"
                   " (rule, app, day, fresh, beyond) VALUES ($1, $2, $3, $4,"
                   " $5) ON CONFLICT (rule, app, day) DO UPDATE SET"
                   " fresh = address_report_days.fresh + excluded.fresh,"
                   " beyond = address_report_days.beyond + excluded.beyond");

    pn_stmt_int(q, 1, note->rule);
    pn_stmt_text(q, 2, app_of_rule(note));
    pn_stmt_int(q, 3, note->use->at / PN_DAY_S);
    pn_stmt_int(q, 4, fresh);
    pn_stmt_int(q, 5, beyond);
    return pn_stmt_run(q);
}

static enum pn_err
insert_row(struct pn_store *store, const struct note *note)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "INSERT INTO address_reports (id, token_id, rule, app,"
                   " address, uses, first_at, last_at)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");

    pn_stmt_id(q, 1, note->id);
    pn_stmt_id(q, 2, note->use->token_id);
    pn_stmt_int(q, 3, note->rule);
    pn_stmt_text(q, 4, note->use->app);
    pn_stmt_str(q, 5, note->address);
    pn_stmt_int(q, 6, note->use->count);
    pn_stmt_int(q, 7, note->use->first_at);
    pn_stmt_int(q, 8, note->use->at);
    return pn_stmt_run(q);
}

static enum pn_err
begin_row(struct pn_store *store, const struct note *note)
{
    int64_t fresh = 0;
    enum pn_err err = rows_of_day(store, note, &fresh);

    if (err == PN_OK && fresh >= PN_REPORT_ROWS_A_DAY) {
        return count_on_day(store, note, 0, note->use->count);
    }
    if (err == PN_OK) {
        err = insert_row(store, note);
    }
    return err == PN_OK ? count_on_day(store, note, 1, 0) : err;
}

static enum pn_err
add_note(struct pn_store *store, struct note *note)
{
    int64_t rows = 0;
    enum pn_err err = add_to_row(store, note);

    if (err != PN_E_NOT_FOUND) {
        return err;
    }
    err = rows_of_token(store, note, &rows);
    if (err == PN_OK && rows >= PN_REPORT_ADDRESSES_MAX
        && note->address.len > 0) {
        note->address = PN_STR("");
        err = add_to_row(store, note);
        if (err != PN_E_NOT_FOUND) {
            return err;
        }
        err = PN_OK;
    }
    return err == PN_OK ? begin_row(store, note) : err;
}

static enum pn_err
is_token(struct pn_store *store, uint64_t id)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT id FROM tokens WHERE id = $1");
    int64_t found = 0;

    pn_stmt_id(q, 1, id);
    return pn_run_for_int(q, &found);
}

enum pn_err
pn_store_address_reports_add(struct pn_store *store, const struct pn_use *use,
                             uint64_t id)
{
    static const enum pn_reporter rules[] = {PN_REPORTER_POLICY,
                                             PN_REPORTER_APP};
    char text[INET6_ADDRSTRLEN];
    struct pn_buf address = PN_BUF(text);
    enum pn_err err = is_token(store, use->token_id);

    if (err != PN_OK) {
        return err == PN_E_NOT_FOUND ? PN_OK : err;
    }
    if (!use->further && use->seen_count > 0) {
        pn_ip_format(&use->seen[0].ip, &address);
    }
    for (size_t i = 0; i < PN_LEN(rules) && err == PN_OK; i++) {
        struct note note = {.use = use,
                            .rule = rules[i],
                            .id = id + i,
                            .address = pn_buf_str(&address)};

        if (use->reporters & rules[i]) {
            err = add_note(store, &note);
        }
    }
    return err;
}

/* --- forgetting ---------------------------------------------------------- */

enum pn_err
pn_store_address_reports_trim(struct pn_store *store, int64_t now)
{
    const int64_t before = now - (int64_t) PN_REPORT_DAYS * PN_DAY_S;
    struct pn_stmt *q = pn_db_query(
        store->db, "DELETE FROM address_reports WHERE id IN (SELECT id"
                   " FROM address_reports WHERE last_at < $1"
                   " ORDER BY last_at LIMIT $2)");
    enum pn_err err;

    pn_stmt_int(q, 1, before);
    pn_stmt_int(q, 2, TRIM_ROWS);
    err = pn_stmt_run(q);
    if (err != PN_OK) {
        return err;
    }
    q = pn_db_query(store->db,
                    "DELETE FROM address_report_days WHERE day < $1");
    pn_stmt_int(q, 1, before / PN_DAY_S);
    return pn_stmt_run(q);
}

enum pn_err
pn_store_address_reports_forget(struct pn_store *store, const char *app)
{
    static const char *const texts[] = {
        "DELETE FROM address_reports WHERE app = $1",
        "DELETE FROM address_report_days WHERE app = $1"};
    enum pn_err err = PN_OK;

    for (size_t i = 0; i < PN_LEN(texts) && err == PN_OK; i++) {
        struct pn_stmt *q = pn_db_query(store->db, texts[i]);

        pn_stmt_text(q, 1, app);
        err = pn_stmt_run(q);
    }
    return err;
}

/* --- reading ------------------------------------------------------------- */

#define REPORTS                                                                \
    "SELECT r.id, r.rule, r.app, r.token_id, t.owner_id, t.name,"              \
    " t.owner_name, r.address, r.uses, r.first_at, r.last_at"                  \
    " FROM address_reports r JOIN tokens t ON t.id = r.token_id"

static enum pn_err
read_address(struct pn_str text, struct pn_address_report *report)
{
    report->further = text.len == 0;
    if (!report->further && pn_ip_parse(text, &report->address) != PN_OK) {
        return PN_E_DAMAGED;
    }
    report->has_address =
        !report->further
        && memcmp(&report->address, &unknown, sizeof(unknown)) != 0;
    return PN_OK;
}

static enum pn_err
read_report(struct pn_stmt *q, struct pn_arena *arena, void *out)
{
    struct pn_row row = {.q = q, .arena = arena};
    struct pn_address_report report = {
        .id = pn_stmt_col_id(q, 0),
        .rule = pn_stmt_col_int(q, 1) == PN_REPORTER_APP ? PN_REPORTER_APP
                                                         : PN_REPORTER_POLICY,
        .app = pn_row_text(&row, 2),
        .token_id = pn_stmt_col_id(q, 3),
        .owner_id = pn_stmt_col_id(q, 4),
        .token = pn_row_text(&row, 5),
        .owner = pn_row_text(&row, 6),
        .uses = pn_stmt_col_id(q, 8),
        .first_at = pn_stmt_col_int(q, 9),
        .last_at = pn_stmt_col_int(q, 10),
    };

    enum pn_err err = row.no_memory
                          ? PN_E_NOMEM
                          : read_address(pn_stmt_col_str(q, 7), &report);

    if (err == PN_OK) {
        *(struct pn_address_report *) out = report;
    }
    return err;
}

static char *
cursor_of(const void *last, struct pn_arena *arena)
{
    return pn_cursor_of_number(((const struct pn_address_report *) last)->id,
                               arena);
}

static enum pn_err
beyond_of(struct pn_store *store, const struct pn_address_report_filter *filter,
          uint64_t *out)
{
    struct pn_stmt *q = pn_db_query(
        store->db,
        "SELECT COALESCE(CAST(SUM(beyond) AS BIGINT), 0)"
        " FROM address_report_days WHERE (CAST($1 AS BIGINT) = 0 OR"
        " rule = CAST($1 AS BIGINT)) AND (CAST($2 AS TEXT) = '' OR app = ''"
        " OR app = CAST($2 AS TEXT))");
    int64_t beyond = 0;
    enum pn_err err;

    pn_stmt_int(q, 1, filter->rule);
    pn_stmt_text(q, 2, filter->app != NULL ? filter->app : "");
    err = pn_run_for_int(q, &beyond);
    if (err == PN_OK) {
        *out = (uint64_t) beyond;
    }
    return err;
}

enum pn_err
pn_store_address_reports(struct pn_store *store,
                         const struct pn_address_report_filter *filter,
                         const struct pn_page *page, struct pn_arena *arena,
                         struct pn_address_report_list *out)
{
    static const struct pn_page_noun noun = {
        .size = sizeof(struct pn_address_report),
        .read = read_report,
        .cursor = cursor_of};
    struct pn_page_items items;
    struct pn_stmt *q;
    uint64_t beyond = 0;
    int64_t before = 0;
    enum pn_err err = pn_cursor_number(page, INT64_MAX, &before);

    if (err == PN_OK) {
        err = beyond_of(store, filter, &beyond);
    }
    if (err != PN_OK) {
        return err;
    }
    q = pn_db_query(
        store->db,
        REPORTS " WHERE r.id < $1"
                " AND (CAST($3 AS BIGINT) = 0 OR r.rule = CAST($3 AS BIGINT))"
                " AND (CAST($4 AS TEXT) = '' OR r.app = CAST($4 AS TEXT))"
                " AND (CAST($5 AS BIGINT) = 0"
                " OR t.owner_id = CAST($5 AS BIGINT))"
                " AND (CAST($6 AS BIGINT) = 0"
                " OR r.token_id = CAST($6 AS BIGINT))"
                " AND r.last_at >= CAST($7 AS BIGINT)"
                " ORDER BY r.id DESC LIMIT $2");
    pn_stmt_int(q, 1, before);
    pn_stmt_int(q, 2, pn_page_limit(page) + 1);
    pn_stmt_int(q, 3, filter->rule);
    pn_stmt_text(q, 4, filter->app != NULL ? filter->app : "");
    pn_stmt_id(q, 5, filter->owner_id);
    pn_stmt_id(q, 6, filter->token_id);
    pn_stmt_int(q, 7, filter->since);
    err = pn_page_read(q, page, &noun, arena, &items);
    if (err == PN_OK) {
        *out = (struct pn_address_report_list){items.item, items.count,
                                               items.next, beyond};
    }
    return err;
}

/* Numbers only, since rows are many. */
static enum pn_err
read_bare(struct pn_stmt *q, struct pn_address_report *out)
{
    struct pn_str address = pn_stmt_col_str(q, 2);
    struct pn_address_report report = {
        .owner_id = pn_stmt_col_id(q, 0),
        .token_id = pn_stmt_col_id(q, 1),
        .uses = pn_stmt_col_id(q, 3),
    };
    enum pn_err err = read_address(address, &report);

    if (err == PN_OK) {
        *out = report;
    }
    return err;
}

enum pn_err
pn_store_each_address_report(struct pn_store *store, const char *app,
                             pn_address_report_fn *call, void *arg)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT t.owner_id, r.token_id, r.address, r.uses"
                   " FROM address_reports r JOIN tokens t ON t.id = r.token_id"
                   " WHERE r.rule = $1 AND t.revoked_at = 0"
                   " AND (CAST($2 AS TEXT) = '' OR r.app = CAST($2 AS TEXT))"
                   " ORDER BY t.owner_id, r.token_id, r.id");
    struct pn_address_report report;
    enum pn_err err;

    pn_stmt_int(q, 1, app != NULL ? PN_REPORTER_APP : PN_REPORTER_POLICY);
    pn_stmt_text(q, 2, app != NULL ? app : "");
    while ((err = pn_stmt_step(q)) == PN_OK
           && (err = read_bare(q, &report)) == PN_OK
           && (err = call(arg, &report)) == PN_OK)
    {
    }
    pn_stmt_done(q);
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

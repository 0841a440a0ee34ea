/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who used what: the last use of tokens and secrets, and counts by day.
 *
 * Days stand first in the key, so that a batch writes to one place and the
 * oldest rows lie together.
 */
#include <netinet/in.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "core/policy.h"
#include "daemon/store/tokens.h"

enum { SEEN_TEXT = PN_SEEN_MAX * 72, TRIM_ROWS = 2000 };

/* --- the addresses of a token -------------------------------------------- */

/* "192.0.2.1 1800000000\n", the latest first. */
static void
seen_write(const struct pn_seen *seen, uint8_t count, struct pn_buf *out)
{
    for (uint8_t i = 0; i < count; i++) {
        pn_ip_format(&seen[i].ip, out);
        pn_buf_addf(out, " %lld\n", (long long) seen[i].at);
    }
}

static bool
instant_of(struct pn_str text, int64_t *out)
{
    int64_t at = 0;

    if (text.len == 0 || text.len > 18) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        at = at * 10 + (text.ptr[i] - '0');
    }
    *out = at;
    return true;
}

uint8_t
pn_seen_read(struct pn_str text, struct pn_seen *out)
{
    struct pn_str line, address, instant;
    uint8_t count = 0;

    while (count < PN_SEEN_MAX && pn_str_cut(text, '\n', &line, &text)
           && pn_str_cut(line, ' ', &address, &instant))
    {
        struct pn_seen seen;

        if (pn_ip_parse(address, &seen.ip) != PN_OK
            || !instant_of(instant, &seen.at)) {
            break;
        }
        out[count++] = seen;
    }
    return count;
}

/* Put one into its place: an address stands once, the latest first. */
static void
seen_add(struct pn_seen *seen, uint8_t *count, const struct pn_seen *fresh)
{
    uint8_t old = 0, at = 0;

    while (old < *count
           && memcmp(&seen[old].ip, &fresh->ip, sizeof(fresh->ip)) != 0)
    {
        old++;
    }
    if (old < *count && seen[old].at >= fresh->at) {
        return;
    }
    while (at < old && seen[at].at > fresh->at) {
        at++;
    }
    if (at == PN_SEEN_MAX) {
        return;
    }
    if (old == *count && *count < PN_SEEN_MAX) {
        (*count)++;
    }
    for (uint8_t i = old < PN_SEEN_MAX ? old : PN_SEEN_MAX - 1; i > at; i--) {
        seen[i] = seen[i - 1];
    }
    seen[at] = *fresh;
}

/* --- noting a use -------------------------------------------------------- */

static enum pn_err
seen_of_token(struct pn_store *store, uint64_t token_id, struct pn_seen *out,
              uint8_t *count, int64_t *disable_at)
{
    struct pn_stmt *q = pn_db_query(
        store->db,
        "SELECT last_addresses, disable_at FROM tokens WHERE id = $1");
    enum pn_err err;

    pn_stmt_id(q, 1, token_id);
    err = pn_stmt_step(q);
    if (err == PN_OK) {
        *count = pn_seen_read(pn_stmt_col_str(q, 0), out);
        *disable_at = pn_stmt_col_int(q, 1);
    }
    pn_stmt_done(q);
    return err;
}

static enum pn_err
note_token(struct pn_store *store, const struct pn_use *use,
           enum pn_use_news *news)
{
    struct pn_seen seen[PN_SEEN_MAX];
    char bytes[SEEN_TEXT], last[INET6_ADDRSTRLEN];
    struct pn_buf text = PN_BUF(bytes), address = PN_BUF(last);
    struct pn_stmt *q;
    uint8_t count = 0;
    int64_t disable_at = 0;
    enum pn_err err =
        seen_of_token(store, use->token_id, seen, &count, &disable_at);

    if (err != PN_OK) {
        return err;
    }
    if (disable_at != 0) {
        *news = PN_USE_LIFTS;
    }
    for (uint8_t i = use->seen_count; i-- > 0;) {
        seen_add(seen, &count, &use->seen[i]);
    }
    seen_write(seen, count, &text);
    if (use->seen_count > 0) {
        pn_ip_format(&use->seen[0].ip, &address);
    }
    q = pn_db_query(store->db,
                    "UPDATE tokens SET last_addresses = $6, disable_at = 0,"
                    " last_used_address = CASE WHEN last_used_at <= $2 THEN $3"
                    " ELSE last_used_address END,"
                    " last_used_app = CASE WHEN last_used_at <= $2 THEN $4"
                    " ELSE last_used_app END,"
                    " last_used_method = CASE WHEN last_used_at <= $2 THEN $5"
                    " ELSE last_used_method END,"
                    " last_used_at = CASE WHEN last_used_at <= $2 THEN $2"
                    " ELSE last_used_at END WHERE id = $1");
    pn_stmt_id(q, 1, use->token_id);
    pn_stmt_int(q, 2, use->at);
    pn_stmt_str(q, 3, pn_buf_str(&address));
    pn_stmt_text(q, 4, use->app);
    pn_stmt_text(q, 5, use->method);
    pn_stmt_str(q, 6, pn_buf_str(&text));
    return pn_stmt_run(q);
}

static enum pn_err
note_secret(struct pn_store *store, const struct pn_use *use)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "UPDATE secrets SET last_used_at = $3"
                               " WHERE token_id = $1"
                               " AND substr(hash, 1, 8) = $2"
                               " AND last_used_at < $3");

    _Static_assert(PN_USAGE_SECRET_LEN == 8, "as the statement says");
    pn_stmt_id(q, 1, use->token_id);
    pn_stmt_blob(q, 2, use->secret, sizeof(use->secret));
    pn_stmt_int(q, 3, use->at);
    return pn_stmt_run(q);
}

static enum pn_err
note_superseded(struct pn_store *store, const struct pn_use *use)
{
    char last[INET6_ADDRSTRLEN];
    struct pn_buf address = PN_BUF(last);
    struct pn_stmt *q =
        pn_db_query(store->db, "UPDATE tokens SET superseded_used_at = $2,"
                               " superseded_used_address = $3"
                               " WHERE id = $1 AND superseded_used_at <= $2");

    if (use->seen_count > 0) {
        pn_ip_format(&use->seen[0].ip, &address);
    }
    pn_stmt_id(q, 1, use->token_id);
    pn_stmt_int(q, 2, use->at);
    pn_stmt_str(q, 3, pn_buf_str(&address));
    return pn_stmt_run(q);
}

/* --- counting ------------------------------------------------------------ */

static int64_t
day_of(const struct pn_use *use)
{
    return use->at / PN_DAY_S;
}

static enum pn_err
count_app(struct pn_store *store, const struct pn_use *use)
{
    struct pn_stmt *q = pn_db_query(
        store->db,
        "INSERT INTO usage_of_apps (day, app, outcome, count)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (day, app, outcome)"
        " DO UPDATE SET count = usage_of_apps.count + excluded.count");

    pn_stmt_int(q, 1, day_of(use));
    pn_stmt_text(q, 2, use->app);
    pn_stmt_int(q, 3, use->outcome);
    pn_stmt_int(q, 4, use->count);
    return pn_stmt_run(q);
}

/* Only of tokens that there are: a worker may still name one that is gone. */
static enum pn_err
count_token(struct pn_store *store, const struct pn_use *use)
{
    struct pn_stmt *q = pn_db_query(
        store->db,
        "INSERT INTO usage_of_tokens (day, token_id, outcome, count)"
        " SELECT $1, id, $3, $4 FROM tokens WHERE id = $2"
        " ON CONFLICT (day, token_id, outcome)"
        " DO UPDATE SET count = usage_of_tokens.count + excluded.count");

    pn_stmt_int(q, 1, day_of(use));
    pn_stmt_id(q, 2, use->token_id);
    pn_stmt_int(q, 3, use->outcome);
    pn_stmt_int(q, 4, use->count);
    return pn_stmt_run(q);
}

/* PN_E_NOT_FOUND: not yet on that day. */
static enum pn_err
counted(struct pn_store *store, const struct pn_use *use)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT count FROM usage_of_tokens WHERE day = $1"
                   " AND token_id = $2 AND outcome = $3");
    int64_t count = 0;

    pn_stmt_int(q, 1, day_of(use));
    pn_stmt_id(q, 2, use->token_id);
    pn_stmt_int(q, 3, use->outcome);
    return pn_run_for_int(q, &count);
}

static enum pn_err
take_superseded(struct pn_store *store, const struct pn_use *use,
                enum pn_use_news *news)
{
    enum pn_err err = counted(store, use);

    *news =
        err == PN_E_NOT_FOUND ? PN_USE_FIRST_SUPERSEDED : PN_USE_NOTHING_NEW;
    return err == PN_OK || err == PN_E_NOT_FOUND ? note_superseded(store, use)
                                                 : err;
}

enum pn_err
pn_store_use(struct pn_store *store, const struct pn_use *use,
             enum pn_use_news *news)
{
    enum pn_use_news found = PN_USE_NOTHING_NEW;
    enum pn_err err = count_app(store, use);

    if (err == PN_OK && use->token_id != 0) {
        if (use->outcome == PN_REASON_OK) {
            err = note_token(store, use, &found);
            err = err == PN_OK ? note_secret(store, use) : err;
        } else if (use->outcome == PN_REASON_TOKEN_SUPERSEDED) {
            err = take_superseded(store, use, &found);
        }
        err = err == PN_OK ? count_token(store, use) : err;
        if (err == PN_E_NOT_FOUND) { /* no such token */
            err = PN_OK;
        }
    }
    if (err == PN_OK) {
        *news = found;
    }
    return err;
}

/* --- reading ------------------------------------------------------------- */

/* Rows (day, outcome, count) of q, behind those in *out. */
static enum pn_err
read_counts(struct pn_stmt *q, struct pn_arena *arena,
            struct pn_usage_counts *out)
{
    enum pn_err err;

    while ((err = pn_stmt_step(q)) == PN_OK) {
        int64_t outcome = pn_stmt_col_int(q, 1);

        if (outcome < 0 || outcome >= PN_REASON_COUNT) {
            err = PN_E_DAMAGED;
            break;
        }
        out->item = pn_grown(arena, out->item, out->count, sizeof(*out->item));
        if (out->item == NULL) {
            err = PN_E_NOMEM;
            break;
        }
        out->item[out->count++] =
            (struct pn_usage_count){.day = pn_stmt_col_int(q, 0),
                                    .outcome = (enum pn_reason) outcome,
                                    .count = (uint64_t) pn_stmt_col_int(q, 2)};
    }
    pn_stmt_done(q);
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

enum pn_err
pn_store_usage_of_token(struct pn_store *store, uint64_t token_id,
                        const struct pn_days *days, struct pn_arena *arena,
                        struct pn_usage_counts *out)
{
    struct pn_usage_counts counts = {0};
    enum pn_err err = PN_OK;

    for (int64_t day = days->first; err == PN_OK && day <= days->last; day++) {
        struct pn_stmt *q = pn_db_query(
            store->db, "SELECT day, outcome, count FROM usage_of_tokens"
                       " WHERE day = $1 AND token_id = $2 ORDER BY outcome");

        pn_stmt_int(q, 1, day);
        pn_stmt_id(q, 2, token_id);
        err = read_counts(q, arena, &counts);
    }
    if (err == PN_OK) {
        *out = counts;
    }
    return err;
}

enum pn_err
pn_store_usage(struct pn_store *store, const char *app,
               const struct pn_days *days, struct pn_arena *arena,
               struct pn_usage_counts *out)
{
    struct pn_stmt *q = pn_db_query(
        store->db, app != NULL
                       ? "SELECT day, outcome, count FROM usage_of_apps"
                         " WHERE day >= $1 AND day <= $2 AND app = $3"
                         " ORDER BY day, outcome"
                       : "SELECT day, outcome, CAST(SUM(count) AS BIGINT)"
                         " FROM usage_of_apps"
                         " WHERE day >= $1 AND day <= $2"
                         " GROUP BY day, outcome ORDER BY day, outcome");
    struct pn_usage_counts counts = {0};
    enum pn_err err;

    pn_stmt_int(q, 1, days->first);
    pn_stmt_int(q, 2, days->last);
    if (app != NULL) {
        pn_stmt_text(q, 3, app);
    }
    err = read_counts(q, arena, &counts);
    if (err == PN_OK) {
        *out = counts;
    }
    return err;
}

/* --- forgetting ---------------------------------------------------------- */

/* The day and the token up to which the next piece goes. */
static enum pn_err
next_piece(struct pn_store *store, int64_t before, int64_t *day,
           int64_t *token_id)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT day FROM usage_of_tokens WHERE day < $1"
                               " ORDER BY day LIMIT 1");
    enum pn_err err;

    pn_stmt_int(q, 1, before);
    err = pn_run_for_int(q, day);
    if (err != PN_OK) {
        return err;
    }
    q = pn_db_query(store->db,
                    "SELECT token_id FROM usage_of_tokens WHERE day = $1"
                    " ORDER BY token_id LIMIT 1 OFFSET $2");
    pn_stmt_int(q, 1, *day);
    pn_stmt_int(q, 2, TRIM_ROWS);
    err = pn_run_for_int(q, token_id);
    if (err == PN_E_NOT_FOUND) {
        *token_id = INT64_MAX;
        err = PN_OK;
    }
    return err;
}

enum pn_err
pn_store_usage_trim(struct pn_store *store, int64_t today)
{
    const int64_t before = today - PN_USAGE_DAYS + 1;
    int64_t day = 0, token_id = 0;
    struct pn_stmt *q =
        pn_db_query(store->db, "DELETE FROM usage_of_apps WHERE day < $1");
    enum pn_err err;

    pn_stmt_int(q, 1, before);
    err = pn_stmt_run(q);
    if (err == PN_OK) {
        err = next_piece(store, before, &day, &token_id);
    }
    if (err != PN_OK) {
        return err == PN_E_NOT_FOUND ? PN_OK : err;
    }
    q = pn_db_query(store->db, "DELETE FROM usage_of_tokens WHERE day = $1"
                               " AND token_id <= $2");
    pn_stmt_int(q, 1, day);
    pn_stmt_int(q, 2, token_id);
    return pn_stmt_run(q);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens: the row, its secrets, and the apps it is bound to.
 *
 * Apps are rows of ids, not names: a renamed app keeps its tokens, and one that
 * is made anew under an old name inherits none.  A token bound to apps that
 * are all gone stays bound, to nothing.
 */
#include "daemon/store/tokens.h"

#include <string.h>
#include <time.h>

#include "base/str.h"
#include "daemon/model/codec.h"

enum { RULES_ARENA_MAX = 4 << 20 };

/* --- state --------------------------------------------------------------- */

enum pn_err
pn_judge_begin(struct pn_store *store, int64_t now, struct pn_arena *arena,
               struct pn_judge *out)
{
    struct pn_judge judge = {.now = now};
    struct pn_policy policy;
    enum pn_err err = pn_store_policy(store, arena, &policy);

    if (err == PN_OK) {
        err = pn_permit_of(store, &policy, arena, &judge.permit);
    }
    if (err == PN_OK) {
        *out = judge;
    }
    return err;
}

enum pn_err
pn_judge_owner(struct pn_store *store, struct pn_judge *judge,
               uint64_t owner_id, enum pn_standing *out)
{
    size_t slot = owner_id % PN_LEN(judge->known);
    enum pn_err err;

    if (judge->known[slot].owner_id != owner_id) {
        err = pn_permit_standing(store, &judge->permit, owner_id,
                                 &judge->known[slot].standing);
        if (err != PN_OK) {
            return err;
        }
        judge->known[slot].owner_id = owner_id;
    }
    *out = judge->known[slot].standing;
    return PN_OK;
}

static bool
ended(int64_t end, int64_t now)
{
    return end != 0 && end <= now;
}

static enum pn_err
derive_state(struct pn_store *store, struct pn_judge *judge,
             struct pn_token *token)
{
    enum pn_standing standing = PN_STANDING_INACTIVE;
    enum pn_err err = pn_judge_owner(store, judge, token->owner_id, &standing);

    if (err != PN_OK) {
        return err;
    }
    token->suspended_because = NULL;
    if (token->revoked_at != 0) {
        token->state = PN_STATE_REVOKED;
    } else if (ended(token->expires_at, judge->now)
               || ended(token->policy_expires_at, judge->now))
    {
        token->state = PN_STATE_EXPIRED;
    } else if (token->disabled) {
        token->state = PN_STATE_DISABLED;
    } else if (standing != PN_STANDING_GOOD) {
        token->state = PN_STATE_SUSPENDED;
        token->suspended_because = standing == PN_STANDING_INACTIVE
                                       ? "owner_inactive"
                                       : "owner_not_permitted";
    } else if (token->not_before > judge->now) {
        token->state = PN_STATE_NOT_YET_VALID;
    } else {
        token->state = PN_STATE_ACTIVE;
    }
    return PN_OK;
}

/* --- loading ------------------------------------------------------------- */

static enum pn_err
read_secret(struct pn_stmt *q, struct pn_token_secret *out)
{
    struct pn_row row = {.q = q};
    struct pn_str last_four = pn_stmt_col_str(q, 2);
    struct pn_token_secret secret = {
        .id = pn_stmt_col_id(q, 0),
        .created_at = pn_stmt_col_int(q, 3),
        .ends_at = pn_stmt_col_int(q, 4),
        .last_used_at = pn_stmt_col_int(q, 5),
    };
    enum pn_err err = pn_row_hash(&row, 1, &secret.hash);

    if (err != PN_OK || last_four.len >= sizeof(secret.last_four)) {
        return PN_E_DAMAGED;
    }
    memcpy(secret.last_four, last_four.ptr, last_four.len);
    *out = secret;
    return PN_OK;
}

#define SECRET_COLUMNS                                                         \
    "SELECT id, hash, last_four, created_at, ends_at, last_used_at"            \
    " FROM secrets WHERE token_id = $1"
#define CURRENT_FIRST                                                          \
    " ORDER BY CASE WHEN ends_at = 0 THEN 0 ELSE 1 END, id DESC"

/* The present secret, and the former one while their overlap lasts. */
static enum pn_err
load_secrets(struct pn_store *store, int64_t now, struct pn_token *token)
{
    struct pn_stmt *q = pn_db_query(
        store->db, SECRET_COLUMNS
        " AND (ends_at = 0 OR ends_at > $2)" CURRENT_FIRST " LIMIT 2");
    enum pn_err err;

    pn_stmt_id(q, 1, token->id);
    pn_stmt_int(q, 2, now);
    token->secret_count = 0;
    while ((err = pn_stmt_step(q)) == PN_OK) {
        err = read_secret(q, &token->secrets[token->secret_count]);
        if (err != PN_OK) {
            break;
        }
        token->secret_count++;
    }
    pn_stmt_done(q);
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

enum pn_err
pn_store_secrets(struct pn_store *store, uint64_t token_id,
                 struct pn_arena *arena, struct pn_token_secret **out,
                 uint16_t *count)
{
    struct pn_stmt *q =
        pn_db_query(store->db, SECRET_COLUMNS CURRENT_FIRST " LIMIT $2");
    struct pn_token_secret *secret = NULL;
    uint16_t found = 0;
    enum pn_err err;

    pn_stmt_id(q, 1, token_id);
    pn_stmt_int(q, 2, PN_TOKEN_SECRETS_MAX);
    while ((err = pn_stmt_step(q)) == PN_OK) {
        secret = pn_grown(arena, secret, found, sizeof(*secret));
        err = secret == NULL ? PN_E_NOMEM : read_secret(q, &secret[found]);
        if (err != PN_OK) {
            break;
        }
        found++;
    }
    pn_stmt_done(q);
    if (err != PN_E_NOT_FOUND) {
        return err;
    }
    *out = secret;
    *count = found;
    return PN_OK;
}

static enum pn_err
load_apps(struct pn_store *store, struct pn_arena *arena,
          struct pn_token *token)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT a.name FROM token_apps t"
                               " JOIN apps a ON a.id = t.app_id"
                               " WHERE t.token_id = $1 ORDER BY a.name");
    struct pn_row row = {.q = q, .arena = arena};
    struct pn_text_list list = {.present = true};
    enum pn_err err;

    pn_stmt_id(q, 1, token->id);
    while ((err = pn_stmt_step(q)) == PN_OK) {
        list.item = pn_grown(arena, list.item, list.count, sizeof(*list.item));
        if (list.item == NULL || list.count == UINT16_MAX) {
            err = PN_E_NOMEM;
            break;
        }
        list.item[list.count++] = pn_row_text(&row, 0);
    }
    pn_stmt_done(q);
    if (err != PN_E_NOT_FOUND || row.no_memory) {
        return row.no_memory ? PN_E_NOMEM : err;
    }
    token->apps = list;
    return PN_OK;
}

static enum pn_err
read_token(struct pn_stmt *q, struct pn_arena *arena, struct pn_token *out,
           bool *apps_restricted)
{
    struct pn_row row = {.q = q, .arena = arena};
    struct pn_token token = {
        .id = pn_stmt_col_id(q, 0),
        .name = pn_row_text(&row, 1),
        .description = pn_row_text(&row, 2),
        .owner_id = pn_stmt_col_id(q, 3),
        .owner = pn_row_text(&row, 4),
        .prefix = pn_row_text(&row, 5),
        .created_at = pn_stmt_col_int(q, 6),
        .not_before = pn_stmt_col_int(q, 7),
        .expires_at = pn_stmt_col_int(q, 8),
        .policy_expires_at = pn_stmt_col_int(q, 9),
        .revoked_at = pn_stmt_col_int(q, 10),
        .revoked_by = pn_row_text(&row, 11),
        .revoked_reason = pn_row_text(&row, 12),
        .disabled = pn_stmt_col_int(q, 13) != 0,
        .disabled_unused = pn_stmt_col_int(q, 24) != 0,
        .disable_at = pn_stmt_col_int(q, 25),
        .idle_from = pn_stmt_col_int(q, 26),
        .access = (enum pn_access) pn_stmt_col_int(q, 14),
        .last_used = {.at = pn_stmt_col_int(q, 15),
                      .address = pn_row_text(&row, 16),
                      .app = pn_row_text(&row, 17),
                      .method = pn_row_text(&row, 18)},
        .superseded_use = {.at = pn_stmt_col_int(q, 22),
                           .address = pn_row_text(&row, 23)},
    };
    enum pn_err err =
        pn_token_rules_load(pn_stmt_col_str(q, 19), arena, &token);

    if (row.no_memory || err != PN_OK) {
        return row.no_memory ? PN_E_NOMEM : err;
    }
    token.last_used.seen_count =
        pn_seen_read(pn_stmt_col_str(q, 21), token.last_used.seen);
    *apps_restricted = pn_stmt_col_int(q, 20) != 0;
    *out = token;
    return PN_OK;
}

enum pn_err
pn_token_of_row(struct pn_store *store, struct pn_stmt *q,
                struct pn_arena *arena, struct pn_token *out)
{
    struct pn_token token;
    bool apps_restricted = false;
    enum pn_err err = read_token(q, arena, &token, &apps_restricted);

    if (err == PN_OK && apps_restricted) {
        err = load_apps(store, arena, &token);
    }
    if (err == PN_OK) {
        *out = token;
    }
    return err;
}

static enum pn_err
load_row(struct pn_store *store, uint64_t id, struct pn_arena *arena,
         struct pn_token *out)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT " PN_TOKEN_COLUMNS " FROM tokens t"
                   " LEFT JOIN users u ON u.id = t.owner_id WHERE t.id = $1");
    enum pn_err err;

    pn_stmt_id(q, 1, id);
    err = pn_stmt_step(q);
    if (err == PN_OK) {
        err = pn_token_of_row(store, q, arena, out);
    }
    pn_stmt_done(q);
    return err;
}

enum pn_err
pn_token_load(struct pn_store *store, uint64_t id, struct pn_judge *judge,
              struct pn_arena *arena, struct pn_token *out)
{
    struct pn_token token;
    enum pn_err err = load_row(store, id, arena, &token);

    if (err == PN_OK) {
        err = load_secrets(store, judge->now, &token);
    }
    if (err == PN_OK) {
        err = derive_state(store, judge, &token);
    }
    if (err == PN_OK) {
        *out = token;
    }
    return err;
}

enum pn_err
pn_store_token_stored(struct pn_store *store, uint64_t id,
                      struct pn_arena *arena, struct pn_token *out)
{
    return load_row(store, id, arena, out);
}

/* time() may still be in the second before, in which an overlap that was just
 * ended would go on. */
static int64_t
exact_now(void)
{
    struct timespec now;

    (void) clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

enum pn_err
pn_store_token_by_id(struct pn_store *store, uint64_t id,
                     struct pn_arena *arena, struct pn_token *out)
{
    struct pn_judge judge;
    enum pn_err err = pn_judge_begin(store, exact_now(), arena, &judge);

    return err == PN_OK ? pn_token_load(store, id, &judge, arena, out) : err;
}

enum pn_err
pn_store_token_by_hash(struct pn_store *store, const struct pn_hash *hash,
                       struct pn_arena *arena, struct pn_token *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT token_id FROM secrets WHERE hash = $1");
    int64_t id = 0;
    enum pn_err err;

    pn_stmt_blob(q, 1, hash->bytes, sizeof(hash->bytes));
    err = pn_run_for_int(q, &id);
    return err == PN_OK ? pn_store_token_by_id(store, (uint64_t) id, arena, out)
                        : err;
}

/* --- writing ------------------------------------------------------------- */

/* Bind $1 to $15: what insert and update have in common. */
static void
bind_token(struct pn_stmt *q, const struct pn_token *token, const char *key,
           const char *rules)
{
    pn_stmt_id(q, 1, token->id);
    pn_stmt_text(q, 2, token->name);
    pn_stmt_text(q, 3, key);
    pn_stmt_text(q, 4, token->revoked_at != 0 ? NULL : token->name);
    pn_stmt_text(q, 5, token->description == NULL ? "" : token->description);
    pn_stmt_int(q, 6, token->not_before);
    pn_stmt_int(q, 7, token->expires_at);
    pn_stmt_int(q, 8, token->policy_expires_at);
    pn_stmt_int(q, 9, token->revoked_at);
    pn_stmt_text(q, 10, token->revoked_by == NULL ? "" : token->revoked_by);
    pn_stmt_text(q, 11,
                 token->revoked_reason == NULL ? "" : token->revoked_reason);
    pn_stmt_int(q, 12, token->disabled);
    pn_stmt_int(q, 13, token->access);
    pn_stmt_int(q, 14, token->apps.present);
    pn_stmt_text(q, 15, rules);
}

static enum pn_err
put_apps(struct pn_store *store, const struct pn_token *token)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "DELETE FROM token_apps WHERE token_id = $1");
    enum pn_err err;

    pn_stmt_id(q, 1, token->id);
    err = pn_stmt_run(q);
    for (uint16_t i = 0; err == PN_OK && i < token->apps.count; i++) {
        q = pn_db_query(store->db, "INSERT INTO token_apps (token_id, app_id)"
                                   " SELECT $1, id FROM apps WHERE name = $2");
        pn_stmt_id(q, 1, token->id);
        pn_stmt_text(q, 2, token->apps.item[i]);
        err = pn_run_on_row(store, q);
    }
    return err;
}

/* Secrets that the token no longer names stay: their later use is a sign of
 * theft. */
static enum pn_err
put_secrets(struct pn_store *store, const struct pn_token *token)
{
    enum pn_err err = PN_OK;

    for (uint8_t i = 0; err == PN_OK && i < token->secret_count; i++) {
        const struct pn_token_secret *secret = &token->secrets[i];
        struct pn_stmt *q = pn_db_query(
            store->db,
            "INSERT INTO secrets (id, token_id, hash, last_four, created_at,"
            " ends_at, last_used_at) VALUES ($1, $2, $3, $4, $5, $6, 0)"
            " ON CONFLICT (id) DO UPDATE SET ends_at = excluded.ends_at");

        pn_stmt_id(q, 1, secret->id);
        pn_stmt_id(q, 2, token->id);
        pn_stmt_blob(q, 3, secret->hash.bytes, sizeof(secret->hash.bytes));
        pn_stmt_text(q, 4, secret->last_four);
        pn_stmt_int(q, 5, secret->created_at);
        pn_stmt_int(q, 6, secret->ends_at);
        err = pn_stmt_run(q);
    }
    return err;
}

/* A name is taken only by tokens that still work: an expired one gives it up
 * when it is wanted again. */
static enum pn_err
release_name(struct pn_store *store, const struct pn_token *token)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "UPDATE tokens SET live_name = NULL"
                   " WHERE owner_id = $1 AND live_name = $2 AND id <> $4"
                   " AND ((expires_at <> 0 AND expires_at <= $3)"
                   " OR (policy_expires_at <> 0 AND policy_expires_at <= $3))");

    pn_stmt_id(q, 1, token->owner_id);
    pn_stmt_text(q, 2, token->name);
    pn_stmt_int(q, 3, token->created_at);
    pn_stmt_id(q, 4, token->id);
    return pn_stmt_run(q);
}

/* Run q, prepared for bind_token(), then write what hangs on the token. */
static enum pn_err
put_token(struct pn_store *store, struct pn_stmt *q,
          const struct pn_token *token)
{
    struct pn_arena *arena = pn_arena_new(RULES_ARENA_MAX);
    enum pn_err err = PN_E_NOMEM;
    char *key, *rules;

    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    key = pn_folded(pn_str_from(token->name), arena);
    rules = pn_token_rules_dump(token, arena);
    if (key == NULL || rules == NULL) {
        goto out;
    }
    bind_token(q, token, key, rules);
    err = pn_run_on_row(store, q);
    if (err == PN_OK) {
        err = put_apps(store, token);
    }
    if (err == PN_OK) {
        err = put_secrets(store, token);
    }

out:
    pn_stmt_done(q);
    pn_arena_free(arena);
    return err;
}

enum pn_err
pn_store_token_insert(struct pn_store *store, const struct pn_token *token)
{
    enum pn_err err = release_name(store, token);
    struct pn_stmt *q;

    if (err != PN_OK) {
        return err;
    }
    q = pn_db_query(
        store->db,
        "INSERT INTO tokens (id, name, name_key, live_name, description,"
        " not_before, expires_at, policy_expires_at, revoked_at, revoked_by,"
        " revoked_reason, disabled, access, apps_restricted, rules, owner_id,"
        " owner_name, prefix, created_at, last_used_at, last_used_address,"
        " last_used_app, last_used_method)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
        " $15, $16, $17, $18, $19, 0, '', '', '')");
    pn_stmt_id(q, 16, token->owner_id);
    pn_stmt_text(q, 17, token->owner == NULL ? "" : token->owner);
    pn_stmt_text(q, 18, token->prefix);
    pn_stmt_int(q, 19, token->created_at);
    return put_token(store, q, token);
}

/* live_name stays NULL for an expired token that gave its name up, unless its
 * end is moved. */
enum pn_err
pn_store_token_update(struct pn_store *store, const struct pn_token *token)
{
    struct pn_stmt *q = pn_db_query(
        store->db,
        "UPDATE tokens SET name = $2, name_key = $3, live_name = CASE"
        " WHEN live_name IS NULL AND expires_at = $7"
        " AND policy_expires_at = $8 AND revoked_at = $9 THEN NULL"
        " ELSE $4 END,"
        " description = $5, not_before = $6, expires_at = $7,"
        " policy_expires_at = $8, revoked_at = $9, revoked_by = $10,"
        " revoked_reason = $11, disabled = $12, access = $13,"
        " apps_restricted = $14, rules = $15, prefix = $16,"
        " disabled_unused = $17, disable_at = $18, idle_from = $19"
        " WHERE id = $1");

    pn_stmt_text(q, 16, token->prefix);
    pn_stmt_int(q, 17, token->disabled_unused);
    pn_stmt_int(q, 18, token->disable_at);
    pn_stmt_int(q, 19, token->idle_from);
    return put_token(store, q, token);
}

/*
 * Whoever lives has live_name, so those are at least as many; few people have
 * more of them than they may, and then only are rows read.
 */
enum pn_err
pn_store_live_tokens_reach(struct pn_store *store, uint64_t owner_id,
                           int64_t now, uint32_t limit, bool *reached)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT COUNT(*) FROM tokens"
                               " WHERE owner_id = $1 AND live_name >= ''");
    int64_t count = 0;
    enum pn_err err;

    pn_stmt_id(q, 1, owner_id);
    err = pn_run_for_int(q, &count);
    if (err == PN_OK && count >= limit) {
        q = pn_db_query(
            store->db,
            "SELECT COUNT(*) FROM tokens WHERE owner_id = $1 AND revoked_at = 0"
            " AND (expires_at = 0 OR expires_at > $2)"
            " AND (policy_expires_at = 0 OR policy_expires_at > $2)");
        pn_stmt_id(q, 1, owner_id);
        pn_stmt_int(q, 2, now);
        err = pn_run_for_int(q, &count);
    }
    if (err == PN_OK) {
        *reached = count >= limit;
    }
    return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: the truth about users, tokens, policy and audit, in SQL.
 *
 * One struct pn_store is one database connection, not for two threads at once.
 * Queries are portable; store/db.h is the narrow driver interface that sqlite.c
 * implements (and another driver can).  Loaded objects live in the caller's
 * arena.  PN_E_NOT_FOUND, PN_E_EXISTS (unique name), PN_E_BUSY, PN_E_NO_SPACE,
 * PN_E_STORE; outputs are untouched on error.
 */
#ifndef PN_DAEMON_STORE_STORE_H
#define PN_DAEMON_STORE_STORE_H

#include "base/arena.h"
#include "core/usage.h"
#include "daemon/model/model.h"

struct pn_store;

enum pn_store_use { PN_STORE_WRITE = 0, PN_STORE_READ_ONLY };

/* url: as pn_db_open() takes it.  WRITE also migrates. */
PN_MUST_USE enum pn_err pn_store_open(const char *url, enum pn_store_use use,
                                      struct pn_store **out);
/* What the database said when the last pn_store_open() of this thread failed.
 */
const char *pn_store_open_why(void);
/* The URL for people and logs: without user, password and options. */
void pn_store_title(const char *url, char *out, size_t size);
void pn_store_close(struct pn_store *store);            /* NULL is fine */
const char *pn_store_why(const struct pn_store *store); /* last error, words */
/* As pn_db_weakness(): the sslmode, when the server was not verified. */
const char *pn_store_weakness(struct pn_store *store);
bool pn_store_is_away(const struct pn_store *store); /* pn_db_is_away() */

/* Random, new on restore and migration: an index of another epoch is void. */
PN_MUST_USE enum pn_err pn_store_epoch(struct pn_store *store, uint64_t *out);

/* Transactions.  begin takes the write lock at once (BEGIN IMMEDIATE). */
PN_MUST_USE enum pn_err pn_store_begin(struct pn_store *store);
PN_MUST_USE enum pn_err pn_store_commit(struct pn_store *store);
void pn_store_rollback(struct pn_store *store);
/*
 * Read as of one instant until the end, and without the locks that each query
 * would take for itself.  For reading only.  Inside a transaction both do
 * nothing. Not for long: what is written meanwhile cannot leave the log.
 */
PN_MUST_USE enum pn_err pn_store_snapshot(struct pn_store *store);
void pn_store_snapshot_end(struct pn_store *store);

/* Others may change it too: other nodes, on PostgreSQL. */
bool pn_store_is_shared(const struct pn_store *store);
/* Have those others look for changes once the transaction has committed. */
PN_MUST_USE enum pn_err pn_store_notify(struct pn_store *store);
/* Wait until another node asks for that: PN_OK, or PN_E_NOT_FOUND when nobody
 * did.  It is a hint that may be lost, never the news itself. */
PN_MUST_USE enum pn_err pn_store_await(struct pn_store *store, int timeout_ms);

PN_MUST_USE enum pn_err pn_store_savepoint(struct pn_store *store);
PN_MUST_USE enum pn_err pn_store_release(struct pn_store *store);
/* Undo what came after the savepoint, and end it. */
PN_MUST_USE enum pn_err pn_store_rollback_to(struct pn_store *store);

/* --- users and groups ---------------------------------------------------- */

PN_MUST_USE enum pn_err pn_store_user_by_name(struct pn_store *store,
                                              struct pn_str username,
                                              struct pn_arena *arena,
                                              struct pn_user *out);
/* An account that had this name once, and has another one now. */
PN_MUST_USE enum pn_err pn_store_user_by_former_name(struct pn_store *store,
                                                     struct pn_str username,
                                                     struct pn_arena *arena,
                                                     struct pn_user *out);
PN_MUST_USE enum pn_err pn_store_user_by_id(struct pn_store *store, uint64_t id,
                                            struct pn_arena *arena,
                                            struct pn_user *out);
/* id is set by the caller (core/id.h); groups by id. */
PN_MUST_USE enum pn_err pn_store_user_insert(struct pn_store *store,
                                             const struct pn_user *user);
PN_MUST_USE enum pn_err pn_store_user_update(struct pn_store *store,
                                             const struct pn_user *user);
/* Tokens must be revoked first by the caller; they and the audit stay. */
PN_MUST_USE enum pn_err pn_store_user_delete(struct pn_store *store,
                                             uint64_t id);
PN_MUST_USE enum pn_err pn_store_active_admins(struct pn_store *store,
                                               uint32_t *count);

/* Does this active person keep the service account?  False for persons. */
PN_MUST_USE enum pn_err pn_store_is_custodian(struct pn_store *store,
                                              uint64_t account_id,
                                              uint64_t user_id, bool *out);
/* The service accounts that name this user or a group of his, whether he is
 * active or not; at most 200, by name. */
PN_MUST_USE enum pn_err pn_store_accounts_kept(struct pn_store *store,
                                               uint64_t user_id,
                                               struct pn_arena *arena,
                                               struct pn_named_list *out);

/* Its members are not counted: of many that takes a while. */
PN_MUST_USE enum pn_err pn_store_group_by_name(struct pn_store *store,
                                               struct pn_str name,
                                               struct pn_arena *arena,
                                               struct pn_group *out);
PN_MUST_USE enum pn_err pn_store_group_counted(struct pn_store *store,
                                               struct pn_str name,
                                               struct pn_arena *arena,
                                               struct pn_group *out);
PN_MUST_USE enum pn_err pn_store_group_insert(struct pn_store *store,
                                              const struct pn_group *group);
PN_MUST_USE enum pn_err pn_store_group_update(struct pn_store *store,
                                              const struct pn_group *group);
/* Adds a change for each member, whose records name the group. */
PN_MUST_USE enum pn_err pn_store_group_delete(struct pn_store *store,
                                              uint64_t id);

/* Pages: items after the cursor in ascending order of the sort key.  cursor is
 * "" for the first page; next is "" after the last. */
struct pn_page {
    const char *cursor;
    uint16_t limit; /* 1..PN_LIST_MAX */
};
struct pn_user_list {
    struct pn_user *item;
    uint16_t count;
    char *next;
};
struct pn_group_list {
    struct pn_group *item;
    uint16_t count;
    char *next;
};
struct pn_app_list {
    struct pn_app *item;
    uint16_t count;
    char *next;
};
struct pn_token_list {
    struct pn_token *item;
    uint16_t count;
    char *next;
};
struct pn_audit_list {
    struct pn_audit_event *item;
    uint16_t count;
    char *next;
};

struct pn_user_query {
    struct pn_page page;
    enum { PN_USERS_ALL = 0, PN_USERS_PERSONS, PN_USERS_SERVICES } kind;
};
PN_MUST_USE enum pn_err pn_store_users(struct pn_store *store,
                                       const struct pn_user_query *query,
                                       struct pn_arena *arena,
                                       struct pn_user_list *out);
PN_MUST_USE enum pn_err pn_store_groups(struct pn_store *store,
                                        const struct pn_page *page,
                                        struct pn_arena *arena,
                                        struct pn_group_list *out);

/* --- apps and policy ----------------------------------------------------- */

PN_MUST_USE enum pn_err pn_store_app_by_name(struct pn_store *store,
                                             struct pn_str name,
                                             struct pn_arena *arena,
                                             struct pn_app *out);
PN_MUST_USE enum pn_err pn_store_app_by_id(struct pn_store *store, uint64_t id,
                                           struct pn_arena *arena,
                                           struct pn_app *out);
PN_MUST_USE enum pn_err pn_store_app_insert(struct pn_store *store,
                                            const struct pn_app *app);
PN_MUST_USE enum pn_err pn_store_app_update(struct pn_store *store,
                                            const struct pn_app *app);
PN_MUST_USE enum pn_err pn_store_app_delete(struct pn_store *store,
                                            uint64_t id);
PN_MUST_USE enum pn_err pn_store_apps(struct pn_store *store,
                                      const struct pn_page *page,
                                      struct pn_arena *arena,
                                      struct pn_app_list *out);

/* The newest version; version 1 is the default.  Every put keeps the former
 * ones and takes the next version, whatever policy->version says. */
PN_MUST_USE enum pn_err pn_store_policy(struct pn_store *store,
                                        struct pn_arena *arena,
                                        struct pn_policy *out);
PN_MUST_USE enum pn_err pn_store_policy_put(struct pn_store *store,
                                            const struct pn_policy *policy,
                                            const char *by, int64_t at);

/* What came of the newest version: all but version, by and at. */
PN_MUST_USE enum pn_err pn_store_policy_note(struct pn_store *store,
                                             const struct pn_policy_made *made);

/* One version with how it came about. */
PN_MUST_USE enum pn_err pn_store_policy_version(struct pn_store *store,
                                                uint64_t version,
                                                struct pn_arena *arena,
                                                struct pn_policy *policy,
                                                struct pn_policy_made *made);
struct pn_policy_made_list {
    struct pn_policy_made *item;
    uint16_t count;
    char *next;
};
/* Newest first, down to version 1. */
PN_MUST_USE enum pn_err
pn_store_policy_versions(struct pn_store *store, const struct pn_page *page,
                         struct pn_arena *arena,
                         struct pn_policy_made_list *out);

/* Every group that a recent version of the policy made administrators:
 * their members' records may have to change with the policy. */
PN_MUST_USE enum pn_err pn_store_admin_groups(struct pn_store *store,
                                              struct pn_arena *arena,
                                              struct pn_text_list *out);

/* Present prefix first, then former ones. */
PN_MUST_USE enum pn_err pn_store_prefixes(struct pn_store *store,
                                          struct pn_arena *arena,
                                          struct pn_prefixes *out);

/* --- tokens -------------------------------------------------------------- */

PN_MUST_USE enum pn_err pn_store_token_by_id(struct pn_store *store,
                                             uint64_t id,
                                             struct pn_arena *arena,
                                             struct pn_token *out);
PN_MUST_USE enum pn_err pn_store_token_by_hash(struct pn_store *store,
                                               const struct pn_hash *hash,
                                               struct pn_arena *arena,
                                               struct pn_token *out);
/* As stored, for the index: state is not derived, secrets are left out. */
PN_MUST_USE enum pn_err pn_store_token_stored(struct pn_store *store,
                                              uint64_t id,
                                              struct pn_arena *arena,
                                              struct pn_token *out);
/* PN_E_EXISTS: a live token of this owner has the name; PN_E_NOT_FOUND: no app
 * of a name in apps. */
PN_MUST_USE enum pn_err pn_store_token_insert(struct pn_store *store,
                                              const struct pn_token *token);
PN_MUST_USE enum pn_err pn_store_token_update(struct pn_store *store,
                                              const struct pn_token *token);
/* Does the owner have at least limit tokens that are neither revoked nor
 * expired? */
PN_MUST_USE enum pn_err pn_store_live_tokens_reach(struct pn_store *store,
                                                   uint64_t owner_id,
                                                   int64_t now, uint32_t limit,
                                                   bool *reached);

/* Revoke all of an owner's, with a change for each; *count = how many. */
struct pn_revocation {
    int64_t at;
    const char *by, *reason;
};
PN_MUST_USE enum pn_err
pn_store_tokens_revoke_of(struct pn_store *store, uint64_t owner_id,
                          const struct pn_revocation *revocation,
                          uint32_t *count);

/* Every secret a token ever had, the present one first: a superseded one stays
 * in the index, so that its later use is seen. */
PN_MUST_USE enum pn_err pn_store_secrets(struct pn_store *store,
                                         uint64_t token_id,
                                         struct pn_arena *arena,
                                         struct pn_token_secret **out,
                                         uint16_t *count);

struct pn_token_filter {
    uint64_t owner_id; /* 0 = everybody's */
    uint64_t group_id; /* 0 = whatever; else owners in this group */
    uint64_t app_id;   /* 0 = whatever; else bound to this app */
    bool has_state;
    enum pn_token_state state;
    bool never_used, no_expiry, no_ip_rule;
    bool to_be_disabled;    /* marked as unused */
    int64_t unused_since;   /* neither used nor made since then; 0 = whatever */
    int64_t expires_before; /* 0 = whatever */
    const char *search;     /* part of the name; NULL = all */
    enum pn_token_sort {
        PN_SORT_CREATED = 0,
        PN_SORT_NAME,
        PN_SORT_EXPIRES, /* those that never end are last */
        PN_SORT_LAST_USED,
    } sort;
    bool ascending; /* else newest, last, … first */
};
/*
 * state and suspended_because are derived with policy and now
 * (pn_store_token_by_id: with the present time).  A cursor is the sort key and
 * id of the last token looked at, so that what does not change is seen once,
 * whatever comes and goes; PN_E_SYNTAX for one of another sort.  Work is
 * bounded: where a filter finds little in much, a page may hold fewer items
 * than limit and still have a next one.
 */
PN_MUST_USE enum pn_err pn_store_tokens(struct pn_store *store,
                                        const struct pn_token_filter *filter,
                                        const struct pn_page *page, int64_t now,
                                        struct pn_arena *arena,
                                        struct pn_token_list *out);

/* --- usage --------------------------------------------------------------- */

/* What was seen of one secret on one app and day since the last batch. */
struct pn_use {
    uint64_t token_id;                   /* 0 = no known token */
    uint8_t secret[PN_USAGE_SECRET_LEN]; /* first bytes of its hash */
    enum pn_reason outcome;
    uint8_t reporters; /* enum pn_reporter: then of one address, or further */
    bool further;      /* reported from more addresses than are kept apart */
    uint32_t count;
    int64_t first_at, at; /* the earliest, the latest */
    const char *app, *method;
    struct pn_seen seen[PN_SEEN_MAX]; /* the latest first */
    uint8_t seen_count;
};
enum pn_use_news {
    PN_USE_NOTHING_NEW = 0,
    PN_USE_FIRST_SUPERSEDED,
    PN_USE_LIFTS, /* it was to be disabled, because nobody used it */
};
/*
 * Count it, and note the last use of token and secret; outside the change
 * feed, inside the caller's transaction.  A use that is reported late changes
 * counts only.  *news: a replaced secret was used, for the first time that day;
 * or a token that is not disabled then.
 */
PN_MUST_USE enum pn_err pn_store_use(struct pn_store *store,
                                     const struct pn_use *use,
                                     enum pn_use_news *news);

/* Counts of one token (days are few: one look-up each). */
PN_MUST_USE enum pn_err pn_store_usage_of_token(struct pn_store *store,
                                                uint64_t token_id,
                                                const struct pn_days *days,
                                                struct pn_arena *arena,
                                                struct pn_usage_counts *out);
/* Counts of everything; app NULL = all apps. */
PN_MUST_USE enum pn_err pn_store_usage(struct pn_store *store, const char *app,
                                       const struct pn_days *days,
                                       struct pn_arena *arena,
                                       struct pn_usage_counts *out);
/* Forget some of what is older than PN_USAGE_DAYS; call it often. */
PN_MUST_USE enum pn_err pn_store_usage_trim(struct pn_store *store,
                                            int64_t today);

/* --- hand-overs ---------------------------------------------------------- */

struct pn_handover_list {
    struct pn_handover *item;
    uint16_t count;
    char *next;
};
PN_MUST_USE enum pn_err pn_store_handover_by_id(struct pn_store *store,
                                                uint64_t id,
                                                struct pn_arena *arena,
                                                struct pn_handover *out);
PN_MUST_USE enum pn_err pn_store_handover_by_code(struct pn_store *store,
                                                  const struct pn_hash *hash,
                                                  struct pn_arena *arena,
                                                  struct pn_handover *out);
PN_MUST_USE enum pn_err
pn_store_handover_insert(struct pn_store *store,
                         const struct pn_handover *handover,
                         const struct pn_hash *code_hash);
/* Writes ending, ended_at, ended_by, token_id. */
PN_MUST_USE enum pn_err
pn_store_handover_end(struct pn_store *store,
                      const struct pn_handover *handover);
/* What waits for this user, and what this user prepared. */
PN_MUST_USE enum pn_err
pn_store_handovers_withdraw_of(struct pn_store *store, uint64_t user_id,
                               const struct pn_revocation *how,
                               uint32_t *count);
PN_MUST_USE enum pn_err pn_store_handovers_waiting(struct pn_store *store,
                                                   uint64_t owner_id,
                                                   int64_t now,
                                                   uint32_t *count);
/* Newest first; owner_id 0 = everybody's. */
PN_MUST_USE enum pn_err pn_store_handovers(struct pn_store *store,
                                           uint64_t owner_id,
                                           const struct pn_page *page,
                                           struct pn_arena *arena,
                                           struct pn_handover_list *out);
/* Forget those whose time ended before. */
PN_MUST_USE enum pn_err pn_store_handovers_purge(struct pn_store *store,
                                                 int64_t expired_before);

/* --- sessions ------------------------------------------------------------ */

PN_MUST_USE enum pn_err pn_store_session_insert(struct pn_store *store,
                                                const struct pn_session *ses);
PN_MUST_USE enum pn_err pn_store_session_by_hash(struct pn_store *store,
                                                 const struct pn_hash *hash,
                                                 struct pn_arena *arena,
                                                 struct pn_session *out);
/* Is there still a session of this id? */
PN_MUST_USE enum pn_err pn_store_session_is(struct pn_store *store, uint64_t id,
                                            bool *out);
PN_MUST_USE enum pn_err pn_store_session_delete(struct pn_store *store,
                                                uint64_t id);
/* *count (NULL is fine) = how many there were. */
PN_MUST_USE enum pn_err pn_store_sessions_delete_of(struct pn_store *store,
                                                    uint64_t user_id,
                                                    uint64_t except_id,
                                                    uint32_t *count);
PN_MUST_USE enum pn_err pn_store_sessions_purge(struct pn_store *store,
                                                int64_t created_before,
                                                int64_t seen_before);
PN_MUST_USE enum pn_err pn_store_session_seen(struct pn_store *store,
                                              uint64_t id, int64_t at);

/* --- changes (the audit: audit.h) ---------------------------------------- */

/* What must be published anew.  The publisher reads the object's present state
 * and writes it, so consuming a change twice is harmless. */
enum pn_change_kind {
    PN_CHANGE_TOKEN = 1,
    PN_CHANGE_OWNER,
    PN_CHANGE_APP,
    PN_CHANGE_POLICY,
    PN_CHANGE_GROUP, /* renamed or deleted: its members, policy and apps */
    PN_CHANGE_ENDS,  /* tokens whose end that version of the policy changed */
};

struct pn_feed_change {
    int64_t position;
    enum pn_change_kind kind;
    uint64_t id;
    struct pn_str old_name; /* app: a name that must go from the index */
};

/* Positions come from one counter row, raised last before commit. */
PN_MUST_USE enum pn_err pn_store_change_add(struct pn_store *store,
                                            enum pn_change_kind kind,
                                            uint64_t id, const char *old_name);
PN_MUST_USE enum pn_err pn_store_changes(struct pn_store *store, int64_t after,
                                         uint16_t limit, struct pn_arena *arena,
                                         struct pn_feed_change **out,
                                         uint16_t *count);
PN_MUST_USE enum pn_err pn_store_position(struct pn_store *store, int64_t *out);
/* Forget changes up to there (the index holds them). */
PN_MUST_USE enum pn_err pn_store_changes_trim(struct pn_store *store,
                                              int64_t up_to);

/* --- everything, for a rebuild of the index ------------------------------ */

/* How much there is; it takes a while with millions. */
struct pn_counts {
    uint64_t apps, owners, tokens, secrets;
};
PN_MUST_USE enum pn_err pn_store_counts(struct pn_store *store,
                                        struct pn_counts *out);

/* Called once for each; stops at the first error and returns it. */
typedef enum pn_err pn_store_each_fn(void *arg, uint64_t id);
PN_MUST_USE enum pn_err pn_store_each_token(struct pn_store *store,
                                            pn_store_each_fn *call, void *arg);
PN_MUST_USE enum pn_err pn_store_each_owner(struct pn_store *store,
                                            pn_store_each_fn *call, void *arg);
PN_MUST_USE enum pn_err pn_store_each_app(struct pn_store *store,
                                          pn_store_each_fn *call, void *arg);
/* Tokens whose end that version of the policy was the last to change. */
PN_MUST_USE enum pn_err pn_store_each_of_policy(struct pn_store *store,
                                                uint64_t version,
                                                pn_store_each_fn *call,
                                                void *arg);
/* Tokens that are bound to the app. */
PN_MUST_USE enum pn_err pn_store_each_of_app(struct pn_store *store,
                                             uint64_t app_id,
                                             pn_store_each_fn *call, void *arg);
PN_MUST_USE enum pn_err pn_store_each_member(struct pn_store *store,
                                             uint64_t group_id,
                                             pn_store_each_fn *call, void *arg);
/* Every secret of every token, ascending by hash, which is the order of the
 * index; of secret, hash and ends_at are set. */
typedef enum pn_err
pn_store_each_secret_fn(void *arg, uint64_t token_id,
                        const struct pn_token_secret *secret);
PN_MUST_USE enum pn_err pn_store_each_secret(struct pn_store *store,
                                             pn_store_each_secret_fn *call,
                                             void *arg);

/* In steps of the caller's own: at most limit (up to PN_STORE_BATCH). */
enum { PN_STORE_BATCH = 512 };
struct pn_id_batch {
    uint64_t id[PN_STORE_BATCH];
    size_t count;
};
PN_MUST_USE enum pn_err pn_store_owners_after(struct pn_store *store,
                                              uint64_t id, size_t limit,
                                              struct pn_id_batch *out);
/*
 * Tokens as pn_store_token_stored() has them, after an id; and secrets, after a
 * hash (NULL = the first), with the token of each.  One query for all of them.
 * call may read the store, but not walk it; what it is given lives until it
 * returns.  *count = how many there were.
 */
typedef enum pn_err pn_store_stored_fn(void *arg, const struct pn_token *token,
                                       const struct pn_token_secret *secret,
                                       struct pn_arena *arena);
PN_MUST_USE enum pn_err pn_store_tokens_after(struct pn_store *store,
                                              uint64_t id, size_t limit,
                                              pn_store_stored_fn *call,
                                              void *arg, size_t *count);
PN_MUST_USE enum pn_err pn_store_secrets_after(struct pn_store *store,
                                               const struct pn_hash *hash,
                                               size_t limit,
                                               pn_store_stored_fn *call,
                                               void *arg, size_t *count);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What callers may do, and the one path by which anything changes.
 *
 * pn_ops_change(): authorise, change, audit, publish, answer.  One writer
 * thread takes all waiting changes: one SQL transaction with a savepoint each,
 * one publish, then the answers.  When it returns true the change is durable
 * and in force on this node.  When it returns false nothing changed and *fault
 * says why; one exception is documented there: status 503 with code
 * "not_in_force" means stored but not yet published.
 *
 * Reads go through a connection of their own per calling thread.  Any thread.
 * Everything returned lives in the caller's arena.
 */
#ifndef PN_DAEMON_OPS_OPS_H
#define PN_DAEMON_OPS_OPS_H

#include "base/arena.h"
#include "base/secret.h"
#include "core/decision.h"
#include "daemon/model/codec.h"
#include "daemon/store/store.h"
#include "index/writer.h"

enum {
    PN_SUDO_S = 900, /* making a token needs a sign-in this fresh */
    PN_SESSION_IDLE_S = 12 * 3600,
    PN_SESSION_MAX_S = 7 * 86400,
    PN_PUBLISH_DEADLINE_S = 5,
    PN_BULK_MAX = 10000,    /* tokens of one bulk change by filter */
    PN_BULK_IDS_MAX = 1000, /* … by id */
};

enum pn_caller_kind {
    PN_CALLER_ANONYMOUS = 0,
    PN_CALLER_SESSION, /* a browser or "postern login" */
    PN_CALLER_TOKEN,   /* an API token: itself only, or by its scopes */
    PN_CALLER_LOCAL,   /* admin.sock, by peer credentials: administrator */
    PN_CALLER_SYSTEM,  /* posternd's own jobs */
};

/* Who asks.  The all-zero value may do nothing. */
struct pn_caller {
    enum pn_caller_kind kind;
    uint64_t user_id;
    const char *username; /* "local:root" for PN_CALLER_LOCAL */
    enum pn_role role;
    bool must_change_password;
    uint64_t session_id;
    int64_t signed_in_at;
    uint64_t token_id;
    uint32_t scopes; /* bits, PN_SCOPE_… */
    bool in_clear;   /* over plain HTTP, from another machine */
    const char *address;
    const char *user_agent;
    const char *request_id;
};

enum pn_scope {
    PN_SCOPE_OWN_TOKENS_WRITE = 1 << 0,
    PN_SCOPE_TOKENS_READ = 1 << 1,
    PN_SCOPE_TOKENS_REVOKE = 1 << 2,
    PN_SCOPE_USERS_READ = 1 << 3,
    PN_SCOPE_USERS_WRITE = 1 << 4,
    PN_SCOPE_POLICY_READ = 1 << 5,
    PN_SCOPE_POLICY_WRITE = 1 << 6,
    PN_SCOPE_AUDIT_READ = 1 << 7,
    PN_SCOPE_INTROSPECT = 1 << 8,
    PN_SCOPE_LEAKS = 1 << 9,
    PN_SCOPE_SCIM = 1 << 10,
};

struct pn_ops;

struct pn_ops_options {
    const char *store_url;
    const char *index_dir;
    const char *index_group; /* NULL = unchanged */
    uint32_t stale_after_s;  /* 0 = no limit (one SQLite node) */
    uint32_t compare_s;      /* between two comparisons of index and store;
                                0 = never */
};

/* Opens store and index, heals, starts the writer thread. */
PN_MUST_USE enum pn_err pn_ops_start(const struct pn_ops_options *options,
                                     struct pn_ops **out);
void pn_ops_stop(struct pn_ops *ops); /* finishes what was taken; NULL fine */

enum pn_act {
    PN_ACT_TOKEN_CREATE = 1,
    PN_ACT_TOKEN_EDIT,
    PN_ACT_TOKEN_REVOKE,
    PN_ACT_TOKEN_DISABLE,
    PN_ACT_TOKEN_ENABLE,
    PN_ACT_TOKEN_ROTATE,
    PN_ACT_TOKEN_OVERLAP_END,
    PN_ACT_USER_CREATE,
    PN_ACT_USER_EDIT,
    PN_ACT_USER_DELETE,
    PN_ACT_USER_STOP,
    PN_ACT_GROUP_CREATE,
    PN_ACT_GROUP_EDIT,
    PN_ACT_GROUP_DELETE,
    PN_ACT_APP_CREATE,
    PN_ACT_APP_EDIT,
    PN_ACT_APP_DELETE,
    PN_ACT_POLICY_PUT,
    PN_ACT_POLICY_REVERT,
    PN_ACT_TOKEN_IMPORT, /* by the machine's administrator */
    PN_ACT_PASSWORD_CHANGE,
    PN_ACT_HANDOVER_CREATE,
    PN_ACT_HANDOVER_TAKE,
    PN_ACT_HANDOVER_WITHDRAW,
    PN_ACT_SIGN_IN, /* internal: pn_ops_sign_in() */
    PN_ACT_SIGN_OUT,
    PN_ACT_COUNT,
};

/* What USER_STOP and USER_DELETE ended besides the account. */
struct pn_stopped {
    uint32_t tokens_revoked, sessions_ended, handovers_withdrawn;
};

/* One change: inputs by act; outputs are filled on success. */
struct pn_change {
    enum pn_act act;
    const char *name;   /* user, group, app to edit or delete; TOKEN_CREATE:
                           the owner, NULL = the caller; HANDOVER_TAKE:
                           another name for the token, or NULL */
    uint64_t id;        /* token to edit, revoke, … */
    const char *code;   /* of a hand-over, when it has no id here */
    const char *reason; /* revoke, stop; NULL = none */
    union {
        const struct pn_token_wish *token;
        const struct pn_token_import *import; /* TOKEN_IMPORT */
        const struct pn_rotation_wish *rotation;
        const struct pn_user_wish *user;
        const struct pn_handover_wish *handover;
        const struct pn_group *group; /* EDIT: new name and description */
        const struct pn_app *app;     /* CREATE */
        json_t *patch; /* APP_EDIT: members that take the place of the app's
                          (RFC 7396), merged in the change itself */
        const struct pn_policy *policy;
    } in;
    uint64_t if_version; /* POLICY_…: the version the caller read */
    uint64_t revert_to;  /* POLICY_REVERT: the version to be in force again */
    enum pn_enforce enforce;                 /* POLICY_… */
    uint32_t enforce_days;                   /* with PN_ENFORCE_AFTER */
    const char *old_password, *new_password; /* PASSWORD_CHANGE */
    /* out */
    struct pn_token *token;   /* token acts */
    struct pn_secret *secret; /* CREATE, ROTATE, HANDOVER_…: the caller's
                                 storage */
    struct pn_handover *handover;
    struct pn_user *user;
    struct pn_group *group;
    struct pn_app *app;
    struct pn_policy *policy;
    struct pn_stopped stopped;
    char **warnings; /* "group \"x\" does not exist (yet)" */
    uint16_t warning_count;
};

PN_MUST_USE bool pn_ops_change(struct pn_ops *ops,
                               const struct pn_caller *caller,
                               struct pn_change *change, struct pn_arena *arena,
                               struct pn_fault *fault);

/* --- who is it ----------------------------------------------------------- */

struct pn_sign_in {
    struct pn_str username;
    const struct pn_secret *password;
    const struct pn_caller *client; /* address, user agent, request id */
};

/*
 * Check user name and password (slow on purpose; same time for unknown users),
 * throttled by address, never locking an account; open a session.  *cookie
 * gets its secret, caller the session's owner.
 */
PN_MUST_USE bool
pn_ops_sign_in(struct pn_ops *ops, const struct pn_sign_in *sign_in,
               struct pn_arena *arena, struct pn_secret *cookie,
               struct pn_caller *caller, struct pn_fault *fault);

/* The caller behind a session cookie or an Authorization header value; false =
 * 401 in *fault.  client carries address, user agent, request id. */
PN_MUST_USE bool pn_ops_session(struct pn_ops *ops, struct pn_str cookie,
                                const struct pn_caller *client,
                                struct pn_arena *arena,
                                struct pn_caller *caller,
                                struct pn_fault *fault);
PN_MUST_USE bool pn_ops_authorization(struct pn_ops *ops, struct pn_str value,
                                      const struct pn_caller *client,
                                      struct pn_arena *arena,
                                      struct pn_caller *caller,
                                      struct pn_fault *fault);

/* --- reads; each checks the caller's right first ------------------------- */

struct pn_me {
    struct pn_user user;
    struct pn_allowance allowance;
    char *granted_by; /* group name, or NULL */
    struct pn_named_list custodian_of;
};
PN_MUST_USE bool pn_ops_me(struct pn_ops *ops, const struct pn_caller *caller,
                           struct pn_arena *arena, struct pn_me *out,
                           struct pn_fault *fault);
/* What a list of tokens is asked for; names that are not there are 404. */
struct pn_token_query {
    const char *owner; /* NULL = all one may see */
    const char *group, *app;
    struct pn_token_filter filter; /* without the ids of those three */
    struct pn_page page;
};
PN_MUST_USE bool
pn_ops_tokens(struct pn_ops *ops, const struct pn_caller *caller,
              const struct pn_token_query *query, struct pn_arena *arena,
              struct pn_token_list *out, struct pn_fault *fault);
/* Whose is this secret?  Somebody else's is 404 for people who may not see it,
 * as one that never was. */
struct pn_token_found {
    struct pn_token token;
    struct pn_token_secret secret; /* the one that was pasted */
    bool works; /* false: superseded, whatever the token's state */
};
PN_MUST_USE bool
pn_ops_token_search(struct pn_ops *ops, const struct pn_caller *caller,
                    const struct pn_secret *pasted, struct pn_arena *arena,
                    struct pn_token_found *out, struct pn_fault *fault);
PN_MUST_USE bool pn_ops_token(struct pn_ops *ops,
                              const struct pn_caller *caller, uint64_t id,
                              struct pn_arena *arena, struct pn_token *out,
                              struct pn_fault *fault);
PN_MUST_USE bool pn_ops_users(struct pn_ops *ops,
                              const struct pn_caller *caller,
                              const struct pn_user_query *query,
                              struct pn_arena *arena, struct pn_user_list *out,
                              struct pn_fault *fault);
PN_MUST_USE bool pn_ops_user(struct pn_ops *ops, const struct pn_caller *caller,
                             const char *username, struct pn_arena *arena,
                             struct pn_user *out, struct pn_fault *fault);
struct pn_handover_query {
    struct pn_page page;
    const char *owner; /* NULL = all one may see */
};
PN_MUST_USE bool
pn_ops_handovers(struct pn_ops *ops, const struct pn_caller *caller,
                 const struct pn_handover_query *query, struct pn_arena *arena,
                 struct pn_handover_list *out, struct pn_fault *fault);
PN_MUST_USE bool pn_ops_handover(struct pn_ops *ops,
                                 const struct pn_caller *caller, uint64_t id,
                                 struct pn_arena *arena,
                                 struct pn_handover *out,
                                 struct pn_fault *fault);
/* Only its owner finds it by its link. */
PN_MUST_USE bool
pn_ops_handover_by_code(struct pn_ops *ops, const struct pn_caller *caller,
                        const char *code, struct pn_arena *arena,
                        struct pn_handover *out, struct pn_fault *fault);
PN_MUST_USE bool
pn_ops_groups(struct pn_ops *ops, const struct pn_caller *caller,
              const struct pn_page *page, struct pn_arena *arena,
              struct pn_group_list *out, struct pn_fault *fault);
PN_MUST_USE bool pn_ops_group(struct pn_ops *ops,
                              const struct pn_caller *caller, const char *name,
                              struct pn_arena *arena, struct pn_group *out,
                              struct pn_fault *fault);
PN_MUST_USE bool pn_ops_apps(struct pn_ops *ops, const struct pn_caller *caller,
                             const struct pn_page *page, struct pn_arena *arena,
                             struct pn_app_list *out, struct pn_fault *fault);
PN_MUST_USE bool pn_ops_app(struct pn_ops *ops, const struct pn_caller *caller,
                            const char *name, struct pn_arena *arena,
                            struct pn_app *out, struct pn_fault *fault);
PN_MUST_USE bool pn_ops_policy(struct pn_ops *ops,
                               const struct pn_caller *caller,
                               struct pn_arena *arena, struct pn_policy *out,
                               struct pn_fault *fault);

/* One act for many tokens.  Each is a change of its own, with its own event in
 * the audit; what is refused stands in failed and stops nothing else. */
struct pn_bulk {
    enum {
        PN_BULK_REVOKE = 0,
        PN_BULK_DISABLE,
        PN_BULK_ENABLE,
        PN_BULK_SHORTEN
    } action;
    int64_t expires_at;                 /* SHORTEN */
    const char *reason;                 /* REVOKE; NULL = none */
    const struct pn_token_query *query; /* or: */
    const uint64_t *ids;
    size_t id_count;
    bool preview; /* only say what would happen */
};
enum pn_bulk_effect {
    PN_BULK_UNAFFECTED = 0,
    PN_BULK_STOPPED,
    PN_BULK_RESUMED,
    PN_BULK_SHORTENED
};
struct pn_bulk_item {
    uint64_t id, owner_id;
    char *owner, *name;
    enum pn_bulk_effect effect;
    int64_t new_expires_at, last_used_at; /* 0 = none */
};
struct pn_bulk_failure {
    uint64_t id;
    const char *code, *detail;
};
struct pn_bulk_result {
    size_t unaffected, shortened, stopped, resumed; /* tokens */
    size_t owners, used_24h;                        /* of those affected */
    struct pn_bulk_item *item; /* affected, at most PN_BULK_MAX */
    size_t count;
    struct pn_bulk_failure *failed;
    size_t failed_count;
    bool more; /* the filter finds more than PN_BULK_MAX: ask again */
};
PN_MUST_USE bool
pn_ops_token_bulk(struct pn_ops *ops, const struct pn_caller *caller,
                  const struct pn_bulk *wish, struct pn_arena *arena,
                  struct pn_bulk_result *out, struct pn_fault *fault);

/*
 * Many rows of one kind, each a change of its own, with its own event in the
 * audit.  What is there already is left alone, or (users and groups) edited;
 * what is refused stands in refused and stops nothing else.  A failure of the
 * machine (status 503, 507) is the fault of the whole: rows before it may have
 * been made, and come again as existing.
 */
enum { PN_IMPORT_ROWS_MAX = 1000 };
struct pn_import {
    enum pn_import_kind {
        PN_IMPORT_USERS = 0,
        PN_IMPORT_GROUPS,
        PN_IMPORT_TOKENS
    } kind;
    enum { PN_IMPORT_LEAVE = 0, PN_IMPORT_UPDATE } existing;
    bool rehearse; /* undo each; a name that occurs twice is not noticed */
    /* Of kind, and where each stood in what was sent. */
    union {
        struct pn_user_import *user;
        struct pn_group *group;
        struct pn_token_import *token;
    } row;
    size_t *place;
    size_t count; /* at most PN_IMPORT_ROWS_MAX */
};
struct pn_import_refused {
    size_t place;
    const char *code, *pointer, *detail; /* pointer "" = the whole row */
};
struct pn_import_result {
    size_t made, updated, existing;
    struct pn_import_refused *refused; /* with room for all that were sent */
    size_t refused_count;
};
/* *result holds those that were refused before; it is added to. */
PN_MUST_USE bool
pn_ops_import(struct pn_ops *ops, const struct pn_caller *caller,
              const struct pn_import *import, struct pn_arena *arena,
              struct pn_import_result *result, struct pn_fault *fault);

/* Counts by day and outcome: of a token that one may see; or, for auditors, of
 * everything. */
struct pn_usage_question {
    uint64_t token_id; /* 0 = all */
    const char *app;   /* NULL = all; not with a token */
    struct pn_days days;
};
PN_MUST_USE bool
pn_ops_usage(struct pn_ops *ops, const struct pn_caller *caller,
             const struct pn_usage_question *question, struct pn_arena *arena,
             struct pn_usage_counts *out, struct pn_fault *fault);

/* Former versions, newest first; changes: against the version before. */
struct pn_history_item {
    struct pn_policy_made made;
    struct pn_policy policy; /* only of a single version */
    json_t *changes;         /* pn_json_changes() */
};
struct pn_history {
    struct pn_history_item *item;
    uint16_t count;
    char *next;
};
PN_MUST_USE bool
pn_ops_policy_history(struct pn_ops *ops, const struct pn_caller *caller,
                      const struct pn_page *page, struct pn_arena *arena,
                      struct pn_history *out, struct pn_fault *fault);
/* One of them, its changes against another one (0: the one before). */
struct pn_history_question {
    uint64_t version, against;
};
PN_MUST_USE bool
pn_ops_policy_version(struct pn_ops *ops, const struct pn_caller *caller,
                      const struct pn_history_question *question,
                      struct pn_arena *arena, struct pn_history_item *out,
                      struct pn_fault *fault);

/*
 * What a policy would do to the tokens that are there.  Nothing changes.  The
 * counts are over all tokens that are neither revoked nor expired.
 */
struct pn_preview_question {
    const struct pn_policy *policy; /* NULL: that of version revert_to */
    uint64_t revert_to;
    uint64_t if_version; /* 0 = whatever the present one is */
    enum pn_enforce enforce;
    uint32_t days;
    struct pn_page page;
};
struct pn_preview_item {
    uint64_t token_id;
    char *owner, *name;
    const char *effect;     /* "shortened", "stopped", "marked" */
    const char *because;    /* the rule that does it */
    int64_t new_expires_at; /* 0: it stops by a rule of use */
    int64_t disable_at;     /* "marked": unless it is used until then */
    int64_t last_used_at;
};
/* Of what a rule in report mode saw, that which it would refuse. */
struct pn_report_figures {
    uint64_t tokens, owners, requests;
    uint64_t unlisted; /* requests from addresses that were not kept apart */
};
struct pn_preview {
    uint64_t unaffected, shortened, stopped, marked;
    uint64_t used_24h; /* of those that are shortened or stopped */
    struct pn_preview_item *item;
    uint16_t count;
    char *next;
    bool report_ends; /* the policy's address rules refuse from now on: */
    struct pn_report_figures reports;
    char **warnings;
    uint16_t warning_count;
};
PN_MUST_USE bool pn_ops_preview(struct pn_ops *ops,
                                const struct pn_caller *caller,
                                const struct pn_preview_question *question,
                                struct pn_arena *arena, struct pn_preview *out,
                                struct pn_fault *fault);
/* A token by its value: for auditors, administrators, tokens with the scope.
 * Nothing but active is set when it is not. */
struct pn_introspection {
    bool active;
    struct pn_token token;
    int64_t made_at, ends_at; /* of the secret; an end is the earliest of all
                                 that end it, 0 = none */
};
PN_MUST_USE bool
pn_ops_introspect(struct pn_ops *ops, const struct pn_caller *caller,
                  const struct pn_secret *value, struct pn_arena *arena,
                  struct pn_introspection *out, struct pn_fault *fault);
/* Revoke the token of this value on behalf of whoever has it.  True also when
 * there is none. */
PN_MUST_USE bool pn_ops_revoke_value(struct pn_ops *ops,
                                     const struct pn_caller *client,
                                     const struct pn_secret *value,
                                     struct pn_arena *arena,
                                     struct pn_fault *fault);

/* Rules that are not saved; NULL members are as they are in force. */
struct pn_draft {
    const struct pn_policy *policy; /* this and app: who may read the policy */
    const struct pn_app *app;       /* whole, of the name in question */
    const struct pn_token_wish *token;
};
/* What the gate would say, through core's own function, on the store's present
 * records. */
struct pn_question {
    const char *username; /* or token_id */
    uint64_t token_id;
    const char *app, *method, *url, *address; /* address NULL = unknown */
    int64_t at;                               /* 0 = now */
    bool tls;
    const struct pn_draft *draft; /* NULL = none */
};
struct pn_answer {
    struct pn_decision decision;
    char *where;       /* "policy", "app \"jira\"", "token \"backup\"", or "" */
    char *pointer;     /* into that document: "/ip_rules", or "" */
    char *detail;      /* a sentence */
    char *reporter[2]; /* whose address rules report it, as where */
    uint8_t reporter_count;
};
struct pn_explanation {
    struct pn_answer in_force;
    bool has_draft; /* there was one: */
    struct pn_answer draft;
};
/* Changes nothing. */
PN_MUST_USE bool
pn_ops_explain(struct pn_ops *ops, const struct pn_caller *caller,
               const struct pn_question *question, struct pn_arena *arena,
               struct pn_explanation *out, struct pn_fault *fault);

/* --- jobs and health ----------------------------------------------------- */

/* Uses as collected from workers; written in batches. */
PN_MUST_USE enum pn_err pn_ops_uses(struct pn_ops *ops,
                                    const struct pn_use *uses, size_t count);

/* Who collects the uses of posternd's own API; set before there are callers.
 * It must not wait. */
typedef void pn_ops_use_fn(void *arg, const struct pn_usage *usage);
void pn_ops_on_use(struct pn_ops *ops, pn_ops_use_fn *call, void *arg);

/* The index that nginx reads, and its making anew. */
enum pn_rebuild_state {
    PN_REBUILD_NEVER = 0, /* since posternd started */
    PN_REBUILD_RUNNING,
    PN_REBUILD_DONE,
    PN_REBUILD_FAILED,
};
struct pn_index_report {
    bool known; /* false: it cannot be written, or was just opened */
    struct pn_index_stats index;
    int64_t store_position;
    struct {
        enum pn_rebuild_state state;
        int64_t started_at, ended_at; /* 0 = not (yet) */
        uint64_t done, total;         /* records */
        enum pn_err err;              /* of a failed one */
    } rebuild;
};
PN_MUST_USE bool pn_ops_index(struct pn_ops *ops,
                              const struct pn_caller *caller,
                              struct pn_arena *arena,
                              struct pn_index_report *out,
                              struct pn_fault *fault);
/*
 * Begin to make it anew from the store, beside the present one, which readers
 * read and changes reach meanwhile; then readers are switched over.  409 while
 * one is made.  Returns at once; pn_ops_index() tells how it goes.
 */
PN_MUST_USE bool pn_ops_index_rebuild(struct pn_ops *ops,
                                      const struct pn_caller *caller,
                                      struct pn_arena *arena,
                                      struct pn_fault *fault);

struct pn_health {
    bool store_ok, index_ok;
    struct pn_index_stats index;
    int64_t store_position;
    uint64_t changes_total, changes_failed_total, batches_total;
};
void pn_ops_health(struct pn_ops *ops, struct pn_health *out);

/*
 * For a watchdog: the name of a thread that has not come round for within_ms,
 * "writer" or "publisher", else NULL.  The writer is asked with each call, so
 * call it several times in within_ms.
 */
const char *pn_ops_stuck(struct pn_ops *ops, int64_t within_ms);

/* PN_E_EXISTS when there is an active administrator. */
PN_MUST_USE enum pn_err pn_ops_admin_is_missing(struct pn_ops *ops);

/*
 * First start: the administrator "admin" with a generated password (returned,
 * to be changed at first sign-in) or the given one.  PN_E_EXISTS when there is
 * an administrator already.
 */
PN_MUST_USE enum pn_err pn_ops_first_admin(struct pn_ops *ops,
                                           const struct pn_secret *given,
                                           struct pn_secret *password);

#endif

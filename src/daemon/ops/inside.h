/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of ops share: one change on its way (struct pn_task), the
 * table of acts, the publishing lane and the pool of read connections.
 * Nothing outside this folder includes it.
 *
 * A function that returns bool here answers "may go on"; when it is false,
 * task->fault (or fault) says why.
 */
#ifndef PN_DAEMON_OPS_INSIDE_H
#define PN_DAEMON_OPS_INSIDE_H

#include <pthread.h>

#include "base/json.h"
#include "core/throttle.h"
#include "daemon/ops/audit.h"
#include "daemon/ops/lane.h"
#include "daemon/ops/ops.h"
#include "daemon/signin/password.h"

enum {
    PN_OPS_QUEUE_MAX = 4096,           /* changes that wait; beyond: 503 */
    PN_OPS_BATCH_MAX = 1024,           /* changes in one transaction */
    PN_OPS_GATHER_NS = 300000,         /* how long a batch waits for company */
    PN_OPS_REBUILD_LOOK_NS = 50000000, /* is the new generation filled? */
    PN_OPS_READERS_MAX = 32,           /* idle read connections that are kept */
    PN_OPS_FEED_KEEP = 65536, /* published changes kept: an index that lost its
                                 last commits in a power cut catches up */
    PN_SESSION_SEEN_EVERY_S = 300,
    PN_SESSION_PURGE_EVERY_S = 3600,
    PN_HANDOVER_KEEP_S = 90 * 86400, /* after its time, for who comes late */
    PN_OPS_WARNINGS_MAX = 64,

    PN_SIGNIN_WINDOW_S = 300,
    PN_SIGNIN_ADDRESS_MAX = 50, /* failures of one address in the window */
    PN_SIGNIN_PAIR_MAX = 10,    /* of one user name from one address */
    PN_SIGNIN_AUDIT_MAX = 60,   /* refused sign-ins audited in the window */
    PN_SIGNIN_SLOTS = 16384,
};

/* Acts that only posternd itself starts. */
enum {
    PN_ACT_SIGN_IN_REFUSED = PN_ACT_COUNT,
    PN_ACT_AUDIT_ERASE,
    PN_ACT_AUDIT_TRIM,
    PN_ACT_AUDIT_SENT,
    PN_ACT_USES,
    PN_ACT_SUPERSEDED_USED,
    PN_ACT_UNUSED,
    PN_ACT_UNUSED_NOTICE,
    PN_ACT_UNUSED_DISABLE,
    PN_ACT_UNUSED_LIFT,
    PN_ACT_SESSION_SEEN,
    PN_ACT_INDEX_REBUILD,
    PN_ACT_TOTAL,
};

/* Who asks, by the store's present rows. */
struct pn_who {
    enum pn_role role;
    bool has_user;
    struct pn_user user;
};

/* Inputs of the internal acts. */
struct pn_task_extra {
    const struct pn_session *session; /* SIGN_IN, SESSION_SEEN */
    const char *username;             /* SIGN_IN_REFUSED */
    const struct pn_use *uses;        /* USES */
    size_t use_count;
    const struct pn_erase_step *erase;   /* AUDIT_ERASE */
    int64_t trim_before;                 /* AUDIT_TRIM */
    uint64_t up_to;                      /* AUDIT_TRIM, AUDIT_SENT */
    const char *receiver;                /* AUDIT_SENT */
    const struct pn_unused_step *unused; /* UNUSED */
};

/* One transaction of erasing a person. */
struct pn_erase_step {
    const struct pn_audit_person *person;
    const char *pseudonym;
    const struct pn_audit_hit *hit;
    size_t count;
};

/* One change on its way through the writer. */
struct pn_task {
    struct pn_ops *ops;
    unsigned act;
    const struct pn_caller *caller;
    struct pn_change *change;
    struct pn_arena *arena; /* the caller's, who waits meanwhile */
    struct pn_fault *fault;
    struct pn_task_extra extra;
    /* made in the caller's thread, since hashing is slow */
    const char *new_hash;     /* of a password to be set */
    const char *checked_hash; /* against which a password was right */
    bool rehearse;            /* undo what was applied */
    bool import;              /* USER_EDIT: may find nothing to do, and leaves
                                 a password that somebody has chosen here */

    /* set by the writer */
    struct pn_store *store;
    int64_t now;
    struct pn_who who;
    struct pn_policy policy;
    struct pn_token token;       /* target of a token act */
    bool owns;                   /* it is the caller's to decide about */
    struct pn_user owner;        /* TOKEN_CREATE: whose the new one is */
    struct pn_handover handover; /* target of a hand-over's act */
    bool feeds;                  /* something must be published */
    bool unchanged;              /* nothing was to do: no event */
    const char *subject;         /* of the audit event */
    const char *actor;           /* when it is not the caller */
    json_t *before, *after;
    json_t *facts; /* further members of the event's detail; none personal */

    bool ok, done;
    struct pn_task *next;
};

struct pn_act_row {
    const char *name; /* the audit's action; NULL = housekeeping, no event */
    bool (*authorise)(struct pn_task *task);
    bool (*apply)(struct pn_task *task);
};

/* The row of an act; NULL for a number that is none. */
const struct pn_act_row *pn_act_row(unsigned act);

/* --- faults -------------------------------------------------------------- */

/* All return false, for "return pn_task_refuse(...)". */
bool pn_task_refuse(struct pn_task *task, unsigned status, const char *code,
                    const char *detail);
bool pn_task_refuse_field(struct pn_task *task, unsigned status,
                          const char *pointer, const char *code,
                          const char *detail);
/* A store error in the caller's words: 404, 409, 503, 507. */
bool pn_fault_store(struct pn_fault *fault, struct pn_arena *arena,
                    enum pn_err err);
bool pn_task_store_error(struct pn_task *task, enum pn_err err);
bool pn_task_no_memory(struct pn_task *task);

/* --- authorise.c --------------------------------------------------------- */

/* What a role and a token's scopes let one read. */
enum pn_read {
    PN_READ_ME,
    PN_READ_TOKENS,
    PN_READ_USERS,
    PN_READ_APPS,
    PN_READ_POLICY,
    PN_READ_AUDIT,
    PN_READ_EXPLAIN,
    PN_READ_INTROSPECT,
    PN_READ_USAGE,
    PN_READ_HANDOVERS,
    PN_READ_INDEX,
};
/* May the caller read this kind at all; what it may see of it is the
 * reader's business (own tokens, own user). */
PN_MUST_USE bool pn_may_read(const struct pn_caller *caller, enum pn_read what,
                             struct pn_arena *arena, struct pn_fault *fault);
/* The right to it and a connection; or the fault. */
PN_MUST_USE bool pn_read_begin(struct pn_ops *ops,
                               const struct pn_caller *caller,
                               enum pn_read what, struct pn_arena *arena,
                               struct pn_fault *fault, struct pn_store **store);
/* Give it back, and turn err into the answer. */
PN_MUST_USE bool pn_read_end(struct pn_ops *ops, struct pn_store *store,
                             enum pn_err err, struct pn_arena *arena,
                             struct pn_fault *fault);
/* Reads what is not one's own: auditors and administrators. */
bool pn_sees_all(const struct pn_caller *caller);
/* Whose things a list is limited to (0 = everybody's) when this owner was asked
 * for; PN_E_NOT_FOUND for people one may not look at, as for people who do not
 * exist. */
PN_MUST_USE enum pn_err pn_list_owner(struct pn_store *store,
                                      const struct pn_caller *caller,
                                      const char *owner, struct pn_arena *arena,
                                      uint64_t *id);

/* The role with what the policy's groups add. */
enum pn_role pn_role_of(const struct pn_user *user,
                        const struct pn_policy *policy);
/* The bits of scope names. PN_E_NOT_FOUND, *bad its position. */
PN_MUST_USE enum pn_err pn_scopes_bits(char *const *scopes, uint16_t count,
                                       uint32_t *out, uint16_t *bad);
/* The scopes that a role can carry. */
uint32_t pn_scopes_of_role(enum pn_role role);

/* Policy and standing from the present rows, and the checks that every act
 * shares; then the act's own row. */
PN_MUST_USE bool pn_task_authorise(struct pn_task *task);
/* The same now, on a read connection: who may not do it must not cost us much.
 * The writer judges it again. */
PN_MUST_USE bool pn_task_authorise_early(struct pn_task *task);

bool pn_auth_anyone(struct pn_task *task);       /* internal acts */
bool pn_auth_token_create(struct pn_task *task); /* for oneself, fresh */
bool pn_auth_token_edit(struct pn_task *task);
bool pn_auth_token_revoke(struct pn_task *task);
bool pn_auth_token_enable(struct pn_task *task);
bool pn_auth_token_rotate(struct pn_task *task); /* its owner, fresh */
bool pn_auth_token_import(struct pn_task *task); /* the machine's own */
bool pn_auth_users(struct pn_task *task);  /* administrators, users:write */
bool pn_auth_policy(struct pn_task *task); /* administrators, policy:write */
bool pn_auth_index(struct pn_task *task);  /* administrators, no token */
bool pn_auth_session(struct pn_task *task);
bool pn_auth_audit_erase(struct pn_task *task);   /* administrators, fresh */
bool pn_auth_handover_take(struct pn_task *task); /* its owner, fresh */
bool pn_auth_handover_withdraw(struct pn_task *task);

/* The sign-in is at most PN_SUDO_S old, or the caller needs none. */
PN_MUST_USE bool pn_task_is_fresh(struct pn_task *task);

/* --- audit.c ------------------------------------------------------------- */

/* Write the event of a task that was applied. */
PN_MUST_USE enum pn_err pn_audit_write(struct pn_task *task);
/* Note what the event shows; before or after may be NULL. */
void pn_audit_note(struct pn_task *task, const char *subject, json_t *before,
                   json_t *after);
/* The same for an event without before and after: members of its detail that
 * name nobody. */
void pn_audit_facts(struct pn_task *task, const char *subject, json_t *facts);
/* unused.c: the mark of a token went; because: "used", "policy". */
PN_MUST_USE bool pn_tell_unused_lift(const struct pn_task *batch,
                                     uint64_t token_id, const char *because);
/* "tok_…" in the arena; NULL = out of memory. */
const char *pn_audit_id(struct pn_arena *arena, const char *kind, uint64_t id);

/* --- apply: one per act -------------------------------------------------- */

bool pn_apply_token_create(struct pn_task *task);
bool pn_apply_token_edit(struct pn_task *task);
bool pn_apply_token_revoke(struct pn_task *task);
bool pn_apply_token_disable(struct pn_task *task);
bool pn_apply_token_enable(struct pn_task *task);
bool pn_apply_token_rotate(struct pn_task *task);
bool pn_apply_token_overlap_end(struct pn_task *task);
bool pn_apply_token_import(struct pn_task *task);
bool pn_apply_user_create(struct pn_task *task);
bool pn_apply_user_edit(struct pn_task *task);
bool pn_apply_user_delete(struct pn_task *task);
bool pn_apply_user_stop(struct pn_task *task);
bool pn_apply_group_create(struct pn_task *task);
bool pn_apply_group_edit(struct pn_task *task);
bool pn_apply_group_delete(struct pn_task *task);
bool pn_apply_app_create(struct pn_task *task);
bool pn_apply_app_edit(struct pn_task *task);
bool pn_apply_app_delete(struct pn_task *task);
bool pn_apply_policy_put(struct pn_task *task);
bool pn_apply_policy_revert(struct pn_task *task);
bool pn_apply_password_change(struct pn_task *task);
bool pn_apply_handover_create(struct pn_task *task);
bool pn_apply_handover_take(struct pn_task *task);
bool pn_apply_handover_withdraw(struct pn_task *task);
bool pn_apply_sign_in(struct pn_task *task);
bool pn_apply_sign_in_refused(struct pn_task *task);
bool pn_apply_sign_out(struct pn_task *task);
bool pn_apply_audit_erase(struct pn_task *task);
bool pn_apply_audit_trim(struct pn_task *task);
bool pn_apply_audit_sent(struct pn_task *task);
bool pn_apply_uses(struct pn_task *task);
bool pn_apply_unused(struct pn_task *task);
/* Of acts that are events only: they stand in the transaction of another. */
bool pn_apply_never(struct pn_task *task);
bool pn_apply_session_seen(struct pn_task *task);
bool pn_apply_index_rebuild(struct pn_task *task);

/* Slow or cheap-to-refuse work in the caller's thread, before the queue. */
PN_MUST_USE bool pn_prepare_user(struct pn_task *task);
PN_MUST_USE bool pn_prepare_password_change(struct pn_task *task);

/* --- pieces that several acts use ---------------------------------------- */

/* Who acts, in a word: a user name, "local:root", or "". */
const char *pn_task_actor(const struct pn_task *task);
/* change->reason is short enough. */
PN_MUST_USE bool pn_reason_fits(struct pn_task *task);
/* 64 random digits, for a cookie or a link, and their hash. */
void pn_secret_random(struct pn_secret *out, struct pn_hash *hash);
/* A feed row: what must be published anew. */
PN_MUST_USE bool pn_task_feed(struct pn_task *task, enum pn_change_kind kind,
                              uint64_t id, const char *old_name);
/* A new id, ascending within this process; writer thread only. */
uint64_t pn_task_new_id(struct pn_task *task);
PN_MUST_USE bool pn_task_warn(struct pn_task *task, const char *format, ...)
    PN_PRINTF(2, 3);
/* Warn of each name that is no group. */
PN_MUST_USE bool pn_task_warn_groups(struct pn_task *task,
                                     const struct pn_text_list *names,
                                     const char *where);
/* Warn of what an administrator may not mean: groups that are not there, his
 * own address refused. */
PN_MUST_USE bool pn_policy_warn(struct pn_task *task,
                                const struct pn_policy *policy);
/* reports.c: does a rule that only reported refuse from now on?  app NULL: it
 * is the policy's. */
bool pn_report_ends(const struct pn_ip_policy *before,
                    const struct pn_ip_policy *after);
PN_MUST_USE enum pn_err pn_report_figures_of(struct pn_store *store,
                                             const struct pn_ip_policy *ip,
                                             const char *app,
                                             struct pn_arena *arena,
                                             struct pn_report_figures *out);
/* Warn of whom it will refuse, if it is so. */
PN_MUST_USE bool pn_warn_of_reports(struct pn_task *task,
                                    const struct pn_ip_policy *before,
                                    const struct pn_ip_policy *after,
                                    const char *app);
/* Give tokens their ends under the policy that has just been stored; how many
 * changed. */
PN_MUST_USE enum pn_err pn_policy_enforce(struct pn_task *task,
                                          const struct pn_policy *policy,
                                          uint32_t *changed);
bool pn_text_list_has(const struct pn_text_list *list, const char *name);

/* The groups of a user as packed ids. */
PN_MUST_USE enum pn_err pn_ids_of_user(const struct pn_user *user,
                                       struct pn_arena *arena,
                                       struct pn_ids *out);
/* What the policy lets this person make. */
PN_MUST_USE enum pn_err pn_allowance_for(const struct pn_policy *policy,
                                         const struct pn_user *user,
                                         struct pn_arena *arena,
                                         struct pn_allowance *out);
/* Does the edit let the token do anything it could not do before? */
bool pn_token_widens(const struct pn_token *old, const struct pn_token *edited);
/* When a token asks: refused if the token may do more, or lives longer, than
 * the one that asks; an end that nobody asked for becomes its end. */
enum pn_lifetime_said { PN_LIFETIME_UNSAID = 0, PN_LIFETIME_SAID };
PN_MUST_USE bool pn_token_within_caller(struct pn_task *task,
                                        struct pn_token *token,
                                        enum pn_lifetime_said said);
/* Revoke it, with its feed row; no event. */
PN_MUST_USE bool pn_token_revoke_row(struct pn_task *task,
                                     struct pn_token *token,
                                     const char *reason);

/* The user that change->name names. */
PN_MUST_USE bool pn_user_find(struct pn_task *task, struct pn_user *out);
/* Refused when this change took the last active administrator away; before is
 * what the user was. */
PN_MUST_USE bool pn_user_admin_remains(struct pn_task *task,
                                       const struct pn_user *before);
/* Revoke all tokens and end all sessions, the caller's too. */
PN_MUST_USE bool pn_user_end_all(struct pn_task *task,
                                 const struct pn_user *user, const char *reason,
                                 struct pn_stopped *out);
/* doc with what was ended; NULL = out of memory. */
json_t *pn_stopped_add(json_t *doc, const struct pn_stopped *ended);

/* --- custodians.c -------------------------------------------------------- */

/* Is this owner the caller, or a service account that he keeps? */
PN_MUST_USE bool pn_task_acts_for(struct pn_task *task, uint64_t owner_id,
                                  bool *out);
/* TOKEN_CREATE: task->owner, as change->name says; NULL = the caller. */
PN_MUST_USE bool pn_task_choose_owner(struct pn_task *task);
/* What is special about a service account, in USER_CREATE and USER_EDIT; then
 * the custodians that the wish names. */
PN_MUST_USE bool pn_user_check_service(struct pn_task *task,
                                       const struct pn_user *user);
PN_MUST_USE bool pn_user_take_custodians(struct pn_task *task,
                                         struct pn_user *user);
/* The service accounts that this user keeps; none for one himself. */
PN_MUST_USE bool pn_task_accounts_kept(struct pn_task *task, uint64_t user_id,
                                       struct pn_named_list *out);
/* Warn of each account that has no custodian now. */
PN_MUST_USE bool pn_task_warn_alone(struct pn_task *task,
                                    const struct pn_named_list *kept);

/* Fill change->user. */
PN_MUST_USE bool pn_user_answer(struct pn_task *task,
                                const struct pn_user *user);
/* End what this user has signed in, except the caller's own session. */
PN_MUST_USE bool pn_user_end_sessions(struct pn_task *task,
                                      const struct pn_user *user);

/* --- ops.c --------------------------------------------------------------- */

/* Put the task into the writer's queue and wait for its answer. */
PN_MUST_USE bool pn_ops_submit(struct pn_task *task);
/* One act of posternd itself. */
PN_MUST_USE enum pn_err pn_ops_submit_own(struct pn_ops *ops, unsigned act,
                                          const struct pn_task_extra *extra);
/* Several at once, fewer than PN_OPS_QUEUE_MAX; each ends with its own ok. */
void pn_ops_submit_all(struct pn_task *tasks, size_t count);

/* A read connection; give it back with pn_reader_give(). */
PN_MUST_USE enum pn_err pn_reader_take(struct pn_ops *ops,
                                       struct pn_store **out);
void pn_reader_give(struct pn_ops *ops, struct pn_store *store);

int64_t pn_ops_now(void);
/* Another node changed something: publish it.  Does not wait. */
void pn_ops_wake(struct pn_ops *ops);

/* --- publishing.c -------------------------------------------------------- */

/* Open the lane and wait, however long a rebuild takes. */
PN_MUST_USE enum pn_err pn_publishing_start(struct pn_ops *ops);
void pn_publishing_stop(struct pn_ops *ops);
/* Publish what these changed; those that could not be are refused then. */
void pn_publishing_batch(struct pn_ops *ops, struct pn_task *first);
/* Is a new index being made?  Takes the mutex. */
bool pn_publishing_is_rebuilding(struct pn_ops *ops);
/* A new generation is filled, and the writer has to let it take over?  Under
 * ops->mutex. */
bool pn_publishing_is_due(const struct pn_ops *ops);
/* Between two batches, in the writer's thread. */
void pn_publishing_take_over(struct pn_ops *ops);

/* --- listener.c: a shared store's words from other nodes ------------------ */

struct pn_listener;

/* A thread with a connection of its own, which wakes the present lane. */
PN_MUST_USE enum pn_err pn_listener_start(struct pn_ops *ops,
                                          const char *store_url,
                                          struct pn_listener **out);
void pn_listener_stop(struct pn_listener *listener); /* NULL is fine */

/* --- usage.c ------------------------------------------------------------- */

/* A token was used on posternd's own API, or refused there. */
void pn_ops_tell_use(struct pn_ops *ops, const struct pn_credential *credential,
                     const struct pn_decision *decision,
                     const struct pn_ip *from);

/* The making anew of the index that was asked for last. */
struct pn_rebuilding {
    enum pn_rebuild_state state;
    struct pn_lane *fresh; /* fills the new generation; NULL = none */
    int64_t started_at, ended_at;
    uint64_t done, total; /* of one that has ended */
    enum pn_err err;
};

/* --- the whole ----------------------------------------------------------- */

struct pn_ops {
    char *store_url, *index_dir, *index_group;
    uint64_t epoch;
    uint32_t stale_after_s, compare_s;
    struct pn_arena *arena;      /* of the prefixes */
    struct pn_prefixes prefixes; /* read at start; then constant */
    struct pn_throttle *by_address, *by_pair, *audited;

    pn_ops_use_fn *on_use; /* set once, before there are callers */
    void *on_use_arg;

    pthread_mutex_t mutex; /* queue, counters, lane pointer, stopping */
    pthread_cond_t arrived, answered;
    struct pn_task *first, *last;
    unsigned waiting, last_batch;
    bool stopping, started;
    int64_t asked_at; /* pn_ops_stuck(), ms; 0 = the writer came round since */
    pthread_t writer;
    struct pn_lane *lane;
    struct pn_rebuilding rebuilding;
    struct pn_listener *listener; /* NULL = nobody else has the store */
    uint64_t changes_total, changes_failed_total, batches_total;
    bool store_ok;

    pthread_mutex_t readers_mutex;
    struct pn_store *readers[PN_OPS_READERS_MAX];
    unsigned reader_count;

    /* the writer thread's own */
    struct pn_store *store;
    uint64_t last_id;
    int64_t trimmed, purged_at;
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sign-in, sessions, sign-out.
 *
 * The cookie carries 256 random bits; only its hash is stored.  Wrong attempts
 * are counted by address, and by user name and address together; no account is
 * ever locked, so nobody can lock somebody else out from another address.
 */
#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "core/credential.h"
#include "core/id.h"
#include "daemon/ops/inside.h"

enum { COOKIE_BYTES = 32, USER_AGENT_MAX = 256 };

/* --- throttling ---------------------------------------------------------- */

struct attempt {
    uint64_t address_key, pair_key;
};

/* User names are counted as they are compared: ASCII letter case ignored. */
static struct attempt
attempt_of(struct pn_str username, const char *address)
{
    struct pn_ip ip = {{0}}; /* all that is unknown counts as one */
    char text[sizeof(uint64_t) + PN_USERNAME_MAX];
    struct attempt out = {0};
    if (address != NULL) {
        struct pn_ip parsed;
        if (pn_ip_parse(pn_str_from(address), &parsed) == PN_OK) {
            ip = parsed;
        }
    }
    out.address_key = pn_throttle_ip_key(&ip);
    memcpy(text, &out.address_key, sizeof(uint64_t));
    for (size_t i = 0; i < username.len; i++) {
        char c = username.ptr[i];
        text[sizeof(uint64_t) + i] =
            c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
    }
    struct pn_hash hash;
    pn_hash_of((struct pn_str){text, sizeof(uint64_t) + username.len}, &hash);
    memcpy(&out.pair_key, hash.bytes, sizeof(out.pair_key));
    return out;
}

static bool
is_over(struct pn_throttle *table, uint64_t key, int64_t now, uint32_t *wait_s)
{
    uint32_t left = 0;
    uint32_t count =
        pn_throttle_count(table, key, table->window_s, now, 0, &left);
    if (count < table->limit) {
        return false;
    }
    *wait_s = left > *wait_s ? left : *wait_s;
    return true;
}

static bool
may_attempt(struct pn_ops *ops, const struct attempt *attempt,
            struct pn_arena *arena, struct pn_fault *fault)
{
    int64_t now = pn_ops_now();
    uint32_t wait_s = 0;
    bool over = is_over(ops->by_address, attempt->address_key, now, &wait_s);
    over = is_over(ops->by_pair, attempt->pair_key, now, &wait_s) || over;
    if (over) {
        pn_fault_set(fault, arena, 429, "too_many_failures",
                     "too many failed sign-ins; try again later");
        fault->retry_after_s = wait_s > 0 ? wait_s : 1;
    }
    return !over;
}

static void
count_failure(struct pn_ops *ops, const struct attempt *attempt)
{
    int64_t now = pn_ops_now();
    uint32_t wait_s = 0;
    (void) pn_throttle_count(ops->by_address, attempt->address_key,
                             PN_SIGNIN_WINDOW_S, now, 1, &wait_s);
    (void) pn_throttle_count(ops->by_pair, attempt->pair_key,
                             PN_SIGNIN_WINDOW_S, now, 1, &wait_s);
}

/* --- sign-in ------------------------------------------------------------- */

/*
 * Refusals are audited at most PN_SIGNIN_AUDIT_MAX times in a window: a flood
 * must not fill the disk.  A name that is no user's is not written: people type
 * their password into the wrong field.
 */
static void
audit_refusal(struct pn_ops *ops, const struct pn_caller *client,
              struct pn_arena *arena, const struct pn_user *user)
{
    uint32_t wait_s = 0;
    if (pn_throttle_count(ops->audited, 1, PN_SIGNIN_WINDOW_S, pn_ops_now(), 1,
                          &wait_s)
        > PN_SIGNIN_AUDIT_MAX)
    {
        return;
    }
    struct pn_fault fault = {0};
    struct pn_task task = {
        .ops = ops,
        .act = PN_ACT_SIGN_IN_REFUSED,
        .caller = client,
        .arena = arena,
        .fault = &fault,
        .extra.username = user != NULL ? user->username : "",
    };
    if (!pn_ops_submit(&task)) {
        pn_log(PN_LOG_WARNING, "audit_failed", "action", "session.refused",
               "error", fault.code, NULL);
    }
}

bool
pn_apply_sign_in_refused(struct pn_task *task)
{
    json_t *after =
        pn_json_defer(task->arena, json_pack("{s:b}", "user_known",
                                             task->extra.username[0] != '\0'));
    task->actor = "";
    pn_audit_note(task, task->extra.username, NULL, after);
    return true;
}

/* PN_OK with *found, or why not. */
static enum pn_err
find_user(struct pn_ops *ops, struct pn_str username, struct pn_arena *arena,
          struct pn_user *user, bool *found)
{
    struct pn_store *store = NULL;
    enum pn_err err = pn_reader_take(ops, &store);
    if (err != PN_OK) {
        return err;
    }
    err = pn_store_user_by_name(store, username, arena, user);
    pn_reader_give(ops, store);
    *found = err == PN_OK;
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

void
pn_secret_random(struct pn_secret *out, struct pn_hash *hash)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[COOKIE_BYTES];
    pn_random(bytes, sizeof(bytes));
    for (size_t i = 0; i < COOKIE_BYTES; i++) {
        out->bytes[2 * i] = digits[bytes[i] >> 4];
        out->bytes[2 * i + 1] = digits[bytes[i] & 15];
    }
    out->len = 2 * (size_t) COOKIE_BYTES;
    out->bytes[out->len] = '\0';
    pn_wipe(bytes, sizeof(bytes));
    pn_hash_of((struct pn_str){out->bytes, out->len}, hash);
}

static char *
capped(struct pn_arena *arena, const char *text, size_t max)
{
    struct pn_str all = pn_str_from(text != NULL ? text : "");
    if (all.len > max) {
        all.len = max;
        while (all.len > 0 && !pn_str_is_utf8(all)) {
            all.len--;
        }
    }
    return pn_arena_dup(arena, all);
}

static void
caller_set(struct pn_caller *caller, const struct pn_caller *client,
           const struct pn_user *user, const struct pn_session *session)
{
    assert(session->id != 0); /* or nobody could end it */
    *caller = (struct pn_caller){
        .kind = PN_CALLER_SESSION,
        .user_id = user->id,
        .username = user->username,
        .must_change_password = user->must_change_password,
        .session_id = session->id,
        .signed_in_at = session->signed_in_at,
        .address = client->address,
        .user_agent = client->user_agent,
        .request_id = client->request_id,
    };
}

static bool
refuse_sign_in(struct pn_fault *fault, struct pn_arena *arena)
{
    pn_fault_set(fault, arena, 401, "sign_in_refused",
                 "the user name or the password is wrong");
    return false;
}

static bool
open_session(struct pn_task *task, const struct pn_user *user,
             struct pn_session *session, struct pn_caller *caller)
{
    struct pn_change change = {.act = PN_ACT_SIGN_IN};
    const struct pn_caller *client = task->caller;
    task->change = &change;
    task->checked_hash = user->password_hash;
    task->extra.session = session;
    session->user_id = user->id;
    session->address = capped(task->arena, client->address, PN_NAME_MAX);
    session->user_agent =
        capped(task->arena, client->user_agent, USER_AGENT_MAX);
    if (session->address == NULL || session->user_agent == NULL) {
        return pn_task_no_memory(task);
    }
    if (!pn_ops_submit(task)) {
        return false;
    }
    session->id = change.id;
    session->signed_in_at = task->now;
    caller_set(caller, client, &task->who.user, session);
    caller->role = task->who.role;
    return true;
}

/* A password that came from elsewhere is known in this moment. */
static bool
hash_anew(struct pn_task *task, const struct pn_secret *password,
          const char *present)
{
    char hash[PN_PASSWORD_HASH_MAX];
    if (pn_password_form(present) != PN_PASSWORD_IMPORTED
        || pn_password_hash(password, hash) != PN_OK)
    {
        return true; /* another time */
    }
    task->new_hash = pn_arena_dup(task->arena, pn_str_from(hash));
    return task->new_hash != NULL ? true : pn_task_no_memory(task);
}

/* Find the user and check the password; everything before a session. */
static bool
check_password(struct pn_task *task, const struct pn_sign_in *sign_in,
               struct pn_user *user)
{
    struct attempt attempt =
        attempt_of(sign_in->username, sign_in->client->address);
    bool found = false;
    if (!may_attempt(task->ops, &attempt, task->arena, task->fault)) {
        return false;
    }
    enum pn_err err =
        find_user(task->ops, sign_in->username, task->arena, user, &found);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    bool active = found && user->active && !user->service;
    err = pn_password_verify(sign_in->password,
                             active ? user->password_hash : NULL);
    if (err == PN_OK) {
        return hash_anew(task, sign_in->password, user->password_hash);
    }
    if (err == PN_E_BUSY) {
        task->fault->retry_after_s = 1;
        return pn_task_refuse(task, 503, "busy",
                              "too many people sign in at this moment; try "
                              "again");
    }
    count_failure(task->ops, &attempt);
    audit_refusal(task->ops, task->caller, task->arena, found ? user : NULL);
    return refuse_sign_in(task->fault, task->arena);
}

static bool
is_plausible(const struct pn_sign_in *sign_in)
{
    size_t name_len = sign_in->username.len;
    size_t password_len = sign_in->password->len;
    return name_len > 0 && name_len <= PN_USERNAME_MAX && password_len > 0
           && password_len <= PN_PASSWORD_MAX;
}

bool
pn_ops_sign_in(struct pn_ops *ops, const struct pn_sign_in *sign_in,
               struct pn_arena *arena, struct pn_secret *cookie,
               struct pn_caller *caller, struct pn_fault *fault)
{
    if (!is_plausible(sign_in)) {
        return refuse_sign_in(fault, arena);
    }
    struct pn_task task = {.ops = ops,
                           .act = PN_ACT_SIGN_IN,
                           .caller = sign_in->client,
                           .arena = arena,
                           .fault = fault};
    struct pn_user user = {0};
    if (!check_password(&task, sign_in, &user)) {
        return false;
    }
    struct pn_session session = {0};
    struct pn_secret secret = {0};
    pn_secret_random(&secret, &session.hash);
    bool ok = open_session(&task, &user, &session, caller);
    if (ok) {
        *cookie = secret;
    }
    pn_secret_done(&secret);
    return ok;
}

/* Argon2id in place of what was imported. */
static bool
keep_new_hash(struct pn_task *task, struct pn_user *user, json_t *after)
{
    if (task->new_hash == NULL) {
        return true;
    }
    user->password_hash =
        pn_arena_dup(task->arena, pn_str_from(task->new_hash));
    if (user->password_hash == NULL || after == NULL
        || json_object_set_new(after, "password", json_string("hashed anew"))
               != 0)
    {
        return pn_task_no_memory(task);
    }
    enum pn_err err = pn_store_user_update(task->store, user);
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

/* What was true when the password was checked must still be true. */
bool
pn_apply_sign_in(struct pn_task *task)
{
    struct pn_session session = *task->extra.session;
    struct pn_user *user = &task->who.user;
    enum pn_err err =
        pn_store_user_by_id(task->store, session.user_id, task->arena, user);
    if (err != PN_OK || !user->active || user->service
        || user->password_hash == NULL
        || strcmp(user->password_hash, task->checked_hash) != 0)
    {
        return err == PN_OK || err == PN_E_NOT_FOUND
                   ? refuse_sign_in(task->fault, task->arena)
                   : pn_task_store_error(task, err);
    }
    task->who.has_user = true;
    err = pn_store_policy(task->store, task->arena, &task->policy);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    task->who.role = pn_role_of(user, &task->policy);
    session.id = pn_task_new_id(task);
    session.created_at = task->now;
    session.last_seen_at = task->now;
    session.signed_in_at = task->now;
    /* signing in anew ends the session that the browser had */
    if (task->caller->kind == PN_CALLER_SESSION
        && task->caller->session_id != 0) {
        err = pn_store_session_delete(task->store, task->caller->session_id);
    }
    if (err == PN_OK || err == PN_E_NOT_FOUND) {
        err = pn_store_session_insert(task->store, &session);
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    task->change->id = session.id;
    json_t *after =
        pn_json_defer(task->arena, json_pack("{s:s}", "method", "password"));
    pn_audit_note(task, user->username, NULL, after);
    return keep_new_hash(task, user, after);
}

bool
pn_apply_sign_out(struct pn_task *task)
{
    enum pn_err err =
        pn_store_session_delete(task->store, task->caller->session_id);
    if (err != PN_OK && err != PN_E_NOT_FOUND) {
        return pn_task_store_error(task, err);
    }
    pn_audit_note(task, task->who.user.username, NULL, NULL);
    return true;
}

/* --- who is it ----------------------------------------------------------- */

static bool
refuse_session(struct pn_fault *fault, struct pn_arena *arena)
{
    pn_fault_set(fault, arena, 401, "not_signed_in",
                 "you are not signed in, or no longer");
    return false;
}

/* Session, user and role, from one connection. */
static enum pn_err
load_session(struct pn_ops *ops, const struct pn_hash *hash,
             struct pn_arena *arena, struct pn_session *session,
             struct pn_user *user, enum pn_role *role)
{
    struct pn_store *store = NULL;
    struct pn_policy policy;
    enum pn_err err = pn_reader_take(ops, &store);
    if (err != PN_OK) {
        return err;
    }
    err = pn_store_session_by_hash(store, hash, arena, session);
    if (err == PN_OK) {
        err = pn_store_user_by_id(store, session->user_id, arena, user);
    }
    if (err == PN_OK) {
        err = pn_store_policy(store, arena, &policy);
    }
    pn_reader_give(ops, store);
    if (err == PN_OK) {
        *role = pn_role_of(user, &policy);
    }
    return err;
}

/* Now and then, so that an idle session can be told from a used one. */
static void
note_seen(struct pn_ops *ops, const struct pn_session *session,
          const struct pn_caller *client, struct pn_arena *arena)
{
    struct pn_fault fault = {0};
    struct pn_task task = {
        .ops = ops,
        .act = PN_ACT_SESSION_SEEN,
        .caller = client,
        .arena = arena,
        .fault = &fault,
        .extra.session = session,
    };
    if (!pn_ops_submit(&task)) {
        pn_log(PN_LOG_WARNING, "session_seen_failed", "code", fault.code, NULL);
    }
}

bool
pn_ops_session(struct pn_ops *ops, struct pn_str cookie,
               const struct pn_caller *client, struct pn_arena *arena,
               struct pn_caller *caller, struct pn_fault *fault)
{
    struct pn_hash hash;
    struct pn_session session;
    struct pn_user user;
    enum pn_role role = PN_ROLE_USER;
    if (cookie.len != 2 * (size_t) COOKIE_BYTES) {
        return refuse_session(fault, arena);
    }
    pn_hash_of(cookie, &hash);
    enum pn_err err = load_session(ops, &hash, arena, &session, &user, &role);
    if (err != PN_OK) {
        return err == PN_E_NOT_FOUND ? refuse_session(fault, arena)
                                     : pn_fault_store(fault, arena, err);
    }
    int64_t now = pn_ops_now();
    if (!user.active || now - session.created_at >= PN_SESSION_MAX_S
        || now - session.last_seen_at >= PN_SESSION_IDLE_S)
    {
        return refuse_session(fault, arena);
    }
    if (now - session.last_seen_at >= PN_SESSION_SEEN_EVERY_S) {
        note_seen(ops, &session, client, arena);
    }
    caller_set(caller, client, &user, &session);
    caller->role = role;
    return true;
}

bool
pn_apply_session_seen(struct pn_task *task)
{
    enum pn_err err =
        pn_store_session_seen(task->store, task->extra.session->id, task->now);
    return err == PN_OK || err == PN_E_NOT_FOUND
               ? true
               : pn_task_store_error(task, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads: the right first, then one query on a read connection.
 */
#include <string.h>

#include "base/str.h"
#include "daemon/ops/inside.h"

bool
pn_read_begin(struct pn_ops *ops, const struct pn_caller *caller,
              enum pn_read what, struct pn_arena *arena, struct pn_fault *fault,
              struct pn_store **store)
{
    if (!pn_may_read(caller, what, arena, fault)) {
        return false;
    }
    enum pn_err err = pn_reader_take(ops, store);
    return err == PN_OK ? true : pn_fault_store(fault, arena, err);
}

bool
pn_read_end(struct pn_ops *ops, struct pn_store *store, enum pn_err err,
            struct pn_arena *arena, struct pn_fault *fault)
{
    pn_reader_give(ops, store);
    return err == PN_OK ? true : pn_fault_store(fault, arena, err);
}

/* --- me ------------------------------------------------------------------ */

/* The local administrator has no row. */
static enum pn_err
me_local(const struct pn_caller *caller, struct pn_arena *arena,
         struct pn_me *out)
{
    struct pn_me me = {.user = {.role = PN_ROLE_ADMIN, .active = true}};
    char *empty = pn_arena_dup(arena, PN_STR(""));
    const char *name = caller->username != NULL ? caller->username : "local";
    me.user.username = pn_arena_dup(arena, pn_str_from(name));
    me.user.source = pn_arena_dup(arena, PN_STR("local"));
    me.user.display_name = empty;
    me.user.email = empty;
    if (empty == NULL || me.user.username == NULL || me.user.source == NULL) {
        return PN_E_NOMEM;
    }
    *out = me;
    return PN_OK;
}

static enum pn_err
me_user(struct pn_store *store, const struct pn_caller *caller,
        struct pn_arena *arena, struct pn_me *out)
{
    struct pn_policy policy;
    struct pn_me me = {0};
    enum pn_err err =
        pn_store_user_by_id(store, caller->user_id, arena, &me.user);
    if (err == PN_OK) {
        err = pn_store_policy(store, arena, &policy);
    }
    if (err == PN_OK) {
        err = pn_allowance_for(&policy, &me.user, arena, &me.allowance);
    }
    if (err != PN_OK) {
        return err;
    }
    err = pn_store_accounts_kept(store, me.user.id, arena, &me.custodian_of);
    if (err != PN_OK) {
        return err;
    }
    me.user.role = pn_role_of(&me.user, &policy);
    for (uint16_t i = 0; i < me.user.group_count; i++) {
        if (me.user.groups[i].id == me.allowance.granted_by) {
            me.granted_by = me.user.groups[i].name;
        }
    }
    *out = me;
    return PN_OK;
}

bool
pn_ops_me(struct pn_ops *ops, const struct pn_caller *caller,
          struct pn_arena *arena, struct pn_me *out, struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    if (!pn_read_begin(ops, caller, PN_READ_ME, arena, fault, &store)) {
        return false;
    }
    enum pn_err err = caller->kind == PN_CALLER_SESSION
                          ? me_user(store, caller, arena, out)
                          : me_local(caller, arena, out);
    return pn_read_end(ops, store, err, arena, fault);
}

/* --- users and groups ---------------------------------------------------- */

bool
pn_ops_users(struct pn_ops *ops, const struct pn_caller *caller,
             const struct pn_user_query *query, struct pn_arena *arena,
             struct pn_user_list *out, struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    if (!pn_read_begin(ops, caller, PN_READ_USERS, arena, fault, &store)) {
        return false;
    }
    return pn_read_end(ops, store, pn_store_users(store, query, arena, out),
                       arena, fault);
}

/* Oneself, or a service account that one keeps. */
static enum pn_err
is_near(struct pn_store *store, const struct pn_caller *caller,
        const struct pn_user *user, bool *out)
{
    *out = user->id == caller->user_id;
    return *out ? PN_OK
                : pn_store_is_custodian(store, user->id, caller->user_id, out);
}

bool
pn_ops_user(struct pn_ops *ops, const struct pn_caller *caller,
            const char *username, struct pn_arena *arena, struct pn_user *out,
            struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    struct pn_user user;
    bool near = caller->kind != PN_CALLER_SESSION || pn_sees_all(caller);
    if (!pn_read_begin(ops, caller, near ? PN_READ_USERS : PN_READ_ME, arena,
                       fault, &store))
    {
        return false;
    }
    enum pn_err err =
        pn_store_user_by_name(store, pn_str_from(username), arena, &user);
    if (err == PN_OK && !near) {
        err = is_near(store, caller, &user, &near);
    }
    if (!near && (err == PN_OK || err == PN_E_NOT_FOUND)) {
        pn_reader_give(ops, store);
        return pn_may_read(caller, PN_READ_USERS, arena, fault)
                   ? pn_fault_store(fault, arena, PN_E_NOT_FOUND)
                   : false;
    }
    if (err == PN_OK) {
        *out = user;
    }
    return pn_read_end(ops, store, err, arena, fault);
}

bool
pn_ops_handovers(struct pn_ops *ops, const struct pn_caller *caller,
                 const struct pn_handover_query *query, struct pn_arena *arena,
                 struct pn_handover_list *out, struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    uint64_t owner_id = 0;
    if (!pn_read_begin(ops, caller, PN_READ_HANDOVERS, arena, fault, &store)) {
        return false;
    }
    enum pn_err err =
        pn_list_owner(store, caller, query->owner, arena, &owner_id);
    if (err == PN_OK) {
        err = pn_store_handovers(store, owner_id, &query->page, arena, out);
    }
    return pn_read_end(ops, store, err, arena, fault);
}

bool
pn_ops_handover(struct pn_ops *ops, const struct pn_caller *caller, uint64_t id,
                struct pn_arena *arena, struct pn_handover *out,
                struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    struct pn_handover handover;
    if (!pn_read_begin(ops, caller, PN_READ_HANDOVERS, arena, fault, &store)) {
        return false;
    }
    enum pn_err err = pn_store_handover_by_id(store, id, arena, &handover);
    if (err == PN_OK && handover.owner_id != caller->user_id
        && !pn_sees_all(caller))
    {
        err = PN_E_NOT_FOUND;
    }
    if (err == PN_OK) {
        *out = handover;
    }
    return pn_read_end(ops, store, err, arena, fault);
}

bool
pn_ops_handover_by_code(struct pn_ops *ops, const struct pn_caller *caller,
                        const char *code, struct pn_arena *arena,
                        struct pn_handover *out, struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    struct pn_handover handover;
    struct pn_hash hash;
    if (!pn_read_begin(ops, caller, PN_READ_HANDOVERS, arena, fault, &store)) {
        return false;
    }
    pn_hash_of(pn_str_from(code), &hash);
    enum pn_err err = pn_store_handover_by_code(store, &hash, arena, &handover);
    if (err == PN_OK && handover.owner_id != caller->user_id) {
        err = PN_E_NOT_FOUND;
    }
    if (err == PN_OK) {
        *out = handover;
    }
    return pn_read_end(ops, store, err, arena, fault);
}

bool
pn_ops_groups(struct pn_ops *ops, const struct pn_caller *caller,
              const struct pn_page *page, struct pn_arena *arena,
              struct pn_group_list *out, struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    if (!pn_read_begin(ops, caller, PN_READ_USERS, arena, fault, &store)) {
        return false;
    }
    return pn_read_end(ops, store, pn_store_groups(store, page, arena, out),
                       arena, fault);
}

bool
pn_ops_group(struct pn_ops *ops, const struct pn_caller *caller,
             const char *name, struct pn_arena *arena, struct pn_group *out,
             struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    if (!pn_read_begin(ops, caller, PN_READ_USERS, arena, fault, &store)) {
        return false;
    }
    return pn_read_end(
        ops, store,
        pn_store_group_counted(store, pn_str_from(name), arena, out), arena,
        fault);
}

/* --- apps, policy -------------------------------------------------------- */

bool
pn_ops_apps(struct pn_ops *ops, const struct pn_caller *caller,
            const struct pn_page *page, struct pn_arena *arena,
            struct pn_app_list *out, struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    if (!pn_read_begin(ops, caller, PN_READ_APPS, arena, fault, &store)) {
        return false;
    }
    return pn_read_end(ops, store, pn_store_apps(store, page, arena, out),
                       arena, fault);
}

bool
pn_ops_app(struct pn_ops *ops, const struct pn_caller *caller, const char *name,
           struct pn_arena *arena, struct pn_app *out, struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    if (!pn_read_begin(ops, caller, PN_READ_APPS, arena, fault, &store)) {
        return false;
    }
    return pn_read_end(
        ops, store, pn_store_app_by_name(store, pn_str_from(name), arena, out),
        arena, fault);
}

bool
pn_ops_policy(struct pn_ops *ops, const struct pn_caller *caller,
              struct pn_arena *arena, struct pn_policy *out,
              struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    if (!pn_read_begin(ops, caller, PN_READ_POLICY, arena, fault, &store)) {
        return false;
    }
    return pn_read_end(ops, store, pn_store_policy(store, arena, out), arena,
                       fault);
}

/* --- health -------------------------------------------------------------- */

void
pn_ops_health(struct pn_ops *ops, struct pn_health *out)
{
    struct pn_health health = {0};
    struct pn_store *store = NULL;
    bool readable = false;
    if (pn_reader_take(ops, &store) == PN_OK) {
        readable = pn_store_position(store, &health.store_position) == PN_OK;
        pn_reader_give(ops, store);
    }
    (void) pthread_mutex_lock(&ops->mutex);
    health.store_ok = ops->store_ok && readable;
    health.index_ok = pn_lane_stats(ops->lane, &health.index)
                      && !pn_lane_is_behind(ops->lane);
    health.changes_total = ops->changes_total;
    health.changes_failed_total = ops->changes_failed_total;
    health.batches_total = ops->batches_total;
    (void) pthread_mutex_unlock(&ops->mutex);
    *out = health;
}

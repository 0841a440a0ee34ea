/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new secret for an old token: same id, same settings.  Until the overlap
 * ends the former secret works too, so that a script can be changed without
 * an outage; afterwards it is superseded, and kept so that its use is seen.
 */
#include "daemon/ops/token_rules.h"

enum { DEFAULT_OVERLAP_HOURS = 24, HOUR_S = 3600 };

static int64_t
earlier(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static bool
take_overlap(struct pn_task *task, uint32_t *hours)
{
    const struct pn_rotation_wish *wish = task->change->in.rotation;
    uint32_t most = task->policy.creation.max_overlap_hours;
    if (!wish->has_overlap) {
        *hours = most < DEFAULT_OVERLAP_HOURS ? most : DEFAULT_OVERLAP_HOURS;
        return true;
    }
    if (wish->overlap_hours > most) {
        const char *detail = pn_arena_printf(
            task->arena, "an overlap has at most %u hours here", most);
        return pn_task_refuse_field(task, 422, "/overlap_hours",
                                    "overlap_too_long",
                                    detail != NULL ? detail : "too long");
    }
    *hours = wish->overlap_hours;
    return true;
}

/* As long as the secret before had, as far as the policy still lets it. */
static bool
same_lifetime(const struct pn_task *task, const struct pn_allowance *allowance,
              struct pn_token *token)
{
    int64_t most = task->now + (int64_t) allowance->max_days * PN_DAY_S;
    int64_t end =
        token->expires_at == 0
            ? 0
            : task->now + token->expires_at - task->token.secrets[0].created_at;
    bool too_long = end == 0 || end > most;
    token->expires_at = too_long && !allowance->may_be_endless ? most : end;
    return true;
}

static bool
set_lifetime(struct pn_task *task, const struct pn_allowance *allowance,
             struct pn_token *token)
{
    const struct pn_lifetime *wanted = &task->change->in.rotation->lifetime;
    return wanted->kind == PN_LIFETIME_DEFAULT
               ? same_lifetime(task, allowance, token)
               : pn_token_lifetime(task, allowance, wanted, token);
}

/* Superseded secrets are kept, so their number needs an end. */
static bool
has_room(struct pn_task *task)
{
    struct pn_token_secret *secrets = NULL;
    uint16_t count = 0;
    enum pn_err err = pn_store_secrets(task->store, task->token.id, task->arena,
                                       &secrets, &count);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    if (count >= PN_TOKEN_SECRETS_MAX) {
        return pn_task_refuse(task, 409, "too_many_rotations",
                              "this token was rotated as often as a token can "
                              "be; make a new one");
    }
    return true;
}

static bool
may_rotate(struct pn_task *task, const struct pn_allowance *allowance)
{
    if (!pn_token_is_live(task)) {
        return false;
    }
    if (task->token.secret_count > 1) {
        return pn_task_refuse(task, 409, "overlap_open",
                              "the secret before still works; end its overlap "
                              "first");
    }
    return pn_token_may_make(task, allowance) && has_room(task);
}

static bool
store_token(struct pn_task *task, const struct pn_token *after)
{
    enum pn_err err = pn_store_token_update(task->store, after);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    return pn_task_feed(task, PN_CHANGE_TOKEN, after->id, NULL);
}

/* The old secret gets no longer life from a rotation than it had. */
static void
end_overlap(struct pn_token *token, const struct pn_token *before, int64_t end)
{
    int64_t until = earlier(before->expires_at, before->policy_expires_at);
    token->secrets[1] = before->secrets[0];
    token->secrets[1].ends_at = earlier(end, until);
    token->secret_count = 2;
}

bool
pn_apply_token_rotate(struct pn_task *task)
{
    struct pn_allowance allowance;
    struct pn_user owner;
    uint32_t hours = 0;
    enum pn_err err = pn_store_user_by_id(task->store, task->token.owner_id,
                                          task->arena, &owner);
    if (err == PN_OK) {
        err = pn_allowance_for(&task->policy, &owner, task->arena, &allowance);
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    struct pn_token after = task->token;
    enum pn_lifetime_said said =
        task->change->in.rotation->lifetime.kind == PN_LIFETIME_DEFAULT
            ? PN_LIFETIME_UNSAID
            : PN_LIFETIME_SAID;
    /* A new secret has to fit the policy as a new token's does. */
    const uint32_t checked = PN_TOKEN_CHECK_ALL & ~(uint32_t) PN_FIELD_NAME;
    if (!may_rotate(task, &allowance) || !take_overlap(task, &hours)
        || !set_lifetime(task, &allowance, &after)
        || !pn_token_check(task, &after, &owner, checked)
        || !pn_token_within_caller(task, &after, said))
    {
        return false;
    }
    after.policy_expires_at = 0; /* the new secret fits the present maximum */
    after.idle_from = task->now; /* who rotates it means to use it */
    after.disable_at = 0;
    end_overlap(&after, &task->token, task->now + (int64_t) hours * HOUR_S);
    after.prefix = pn_arena_dup(task->arena, task->ops->prefixes.item[0]);
    if (after.prefix == NULL) {
        return pn_task_no_memory(task);
    }
    return pn_token_new_secret(task, &after.secrets[0])
           && store_token(task, &after)
           && pn_token_changed(task, &task->token, &after);
}

bool
pn_apply_token_overlap_end(struct pn_task *task)
{
    struct pn_token after = task->token;
    /* Without an overlap there is nothing left to do, as often as one asks. */
    if (after.secret_count > 1) {
        after.secrets[1].ends_at = task->now;
        if (!store_token(task, &after)) {
            return false;
        }
    }
    return pn_token_changed(task, &task->token, &after);
}

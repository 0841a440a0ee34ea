/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making, revoking, pausing tokens.  Editing is in edit.c.
 */
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "core/id.h"
#include "daemon/ops/inside.h"
#include "daemon/ops/token_rules.h"

static uint64_t
now_ms(void)
{
    struct timespec now;
    (void) clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

uint64_t
pn_task_new_id(struct pn_task *task)
{
    uint32_t entropy = 0;
    pn_random(&entropy, sizeof(entropy));
    uint64_t id = pn_id_make((int64_t) now_ms(), entropy);
    /* two in one millisecond, or a clock that was set back */
    if (id <= task->ops->last_id) {
        id = task->ops->last_id + 1;
    }
    task->ops->last_id = id;
    return id;
}

bool
pn_task_feed(struct pn_task *task, enum pn_change_kind kind, uint64_t id,
             const char *old_name)
{
    enum pn_err err = pn_store_change_add(task->store, kind, id, old_name);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    task->feeds = true;
    return true;
}

/* Answer with the token as it now is in the store, which derives its state. */
static bool
answer_token(struct pn_task *task, uint64_t id)
{
    struct pn_token *out = pn_arena_alloc(task->arena, sizeof(*out));
    if (out == NULL) {
        return pn_task_no_memory(task);
    }
    enum pn_err err = pn_store_token_by_id(task->store, id, task->arena, out);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    task->change->token = out;
    return true;
}

/* --- making -------------------------------------------------------------- */

bool
pn_token_may_make(struct pn_task *task, const struct pn_allowance *allowance)
{
    if (allowance->may_create) {
        return true;
    }
    return allowance->why_not == PN_WHY_OFF
               ? pn_task_refuse(task, 403, "creation_off",
                                "making tokens is switched off here")
               : pn_task_refuse(task, 403, "creation_not_granted",
                                "none of your groups may make tokens");
}

static bool
has_room(struct pn_task *task)
{
    bool enough = false;
    enum pn_err err = pn_store_live_tokens_reach(
        task->store, task->owner.id, task->now,
        task->policy.creation.max_tokens_per_owner, &enough);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    if (enough) {
        return pn_task_refuse(task, 409, "too_many_tokens",
                              "you have as many tokens as the policy allows; "
                              "revoke one first");
    }
    return true;
}

bool
pn_token_new_secret(struct pn_task *task, struct pn_token_secret *out)
{
    uint8_t entropy[PN_TOKEN_ENTROPY_BYTES];
    pn_random(entropy, sizeof(entropy));
    struct pn_secret *text = task->change->secret;
    enum pn_err err = pn_token_make(task->ops->prefixes.item[0], entropy, text);
    pn_wipe(entropy, sizeof(entropy));
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    *out = (struct pn_token_secret){.id = pn_task_new_id(task),
                                    .created_at = task->now};
    pn_hash_of((struct pn_str){text->bytes, text->len}, &out->hash);
    memcpy(out->last_four, text->bytes + text->len - PN_TOKEN_LAST_LEN,
           PN_TOKEN_LAST_LEN);
    out->last_four[PN_TOKEN_LAST_LEN] = '\0';
    return true;
}

/* The first secret of a token, and the prefix that it begins with. */
static bool
make_secret(struct pn_task *task, struct pn_token *token)
{
    token->prefix = pn_arena_dup(task->arena, task->ops->prefixes.item[0]);
    token->secret_count = 1;
    return token->prefix != NULL ? pn_token_new_secret(task, &token->secrets[0])
                                 : pn_task_no_memory(task);
}

static char *
text_or_empty(struct pn_task *task, char *text)
{
    return text != NULL ? text : pn_arena_dup(task->arena, PN_STR(""));
}

void
pn_token_defaults(const struct pn_task *task, uint32_t given,
                  struct pn_token *token)
{
    if ((given & PN_FIELD_ACCESS) == 0) {
        token->access = task->policy.creation.read_only ? PN_ACCESS_READ_ONLY
                                                        : PN_ACCESS_READ_WRITE;
    }
    if ((given & PN_FIELD_PATHS) == 0) {
        token->paths = task->policy.creation.paths;
    }
}

bool
pn_apply_token_create(struct pn_task *task)
{
    const struct pn_token_wish *wish = task->change->in.token;
    const struct pn_user *owner = &task->owner;
    struct pn_allowance allowance;
    enum pn_err err =
        pn_allowance_for(&task->policy, owner, task->arena, &allowance);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    struct pn_token token = wish->token;
    token.id = pn_task_new_id(task);
    token.owner_id = owner->id;
    token.owner = owner->username;
    token.created_at = task->now;
    token.description = text_or_empty(task, token.description);
    token.revoked_by = text_or_empty(task, NULL);
    token.revoked_reason = token.revoked_by;
    token.last_used.address = token.revoked_by;
    token.last_used.app = token.revoked_by;
    token.last_used.method = token.revoked_by;
    token.superseded_use.address = token.revoked_by;
    if (token.description == NULL || token.revoked_by == NULL) {
        return pn_task_no_memory(task);
    }
    pn_token_defaults(task, wish->given, &token);
    enum pn_lifetime_said said = wish->lifetime.kind == PN_LIFETIME_DEFAULT
                                     ? PN_LIFETIME_UNSAID
                                     : PN_LIFETIME_SAID;
    if (!pn_token_may_make(task, &allowance) || !has_room(task)
        || !pn_token_lifetime(task, &allowance, &wish->lifetime, &token)
        || !pn_token_check(task, &token, owner, PN_TOKEN_CHECK_ALL)
        || !pn_token_within_caller(task, &token, said)
        || !make_secret(task, &token))
    {
        return false;
    }
    err = pn_store_token_insert(task->store, &token);
    if (err == PN_E_EXISTS) {
        return pn_task_refuse_field(task, 409, "/name", "name_taken",
                                    "you have a live token of this name");
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    if (!pn_task_feed(task, PN_CHANGE_TOKEN, token.id, NULL)
        || !answer_token(task, token.id))
    {
        return false;
    }
    pn_audit_note(task, pn_audit_id(task->arena, PN_ID_TOKEN, token.id), NULL,
                  pn_token_to_json(task->change->token, task->arena));
    return true;
}

/* --- ending and pausing -------------------------------------------------- */

bool
pn_token_revoke_row(struct pn_task *task, struct pn_token *token,
                    const char *reason)
{
    const char *by = pn_task_actor(task);
    token->revoked_at = task->now;
    token->disable_at = 0;
    token->revoked_by = pn_arena_dup(task->arena, pn_str_from(by));
    token->revoked_reason =
        pn_arena_dup(task->arena, pn_str_from(reason != NULL ? reason : ""));
    if (token->revoked_by == NULL || token->revoked_reason == NULL) {
        return pn_task_no_memory(task);
    }
    enum pn_err err = pn_store_token_update(task->store, token);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    return pn_task_feed(task, PN_CHANGE_TOKEN, token->id, NULL);
}

/* Update, feed, answer, audit: what every change of a token ends with. */
bool
pn_token_changed(struct pn_task *task, const struct pn_token *before,
                 const struct pn_token *after)
{
    json_t *old = pn_token_to_json(before, task->arena);
    if (!answer_token(task, after->id)) {
        return false;
    }
    pn_audit_note(task, pn_audit_id(task->arena, PN_ID_TOKEN, after->id), old,
                  pn_token_to_json(task->change->token, task->arena));
    return true;
}

bool
pn_reason_fits(struct pn_task *task)
{
    const char *reason = task->change->reason;
    return reason == NULL || strlen(reason) <= PN_DESCRIPTION_MAX
               ? true
               : pn_task_refuse_field(task, 422, "/reason", "too_long",
                                      "a reason has at most 1000 bytes");
}

bool
pn_apply_token_revoke(struct pn_task *task)
{
    const char *reason = task->change->reason;
    if (!pn_reason_fits(task)) {
        return false;
    }
    struct pn_token after = task->token;
    /* once more is fine, and keeps who did it first */
    if (task->token.revoked_at == 0
        && !pn_token_revoke_row(task, &after, reason)) {
        return false;
    }
    return pn_token_changed(task, &task->token, &after);
}

static bool
set_disabled(struct pn_task *task, bool disabled)
{
    if (task->token.revoked_at != 0) {
        return pn_task_refuse(task, 409, "token_revoked",
                              "a revoked token stays revoked");
    }
    struct pn_token after = task->token;
    after.disabled = disabled;
    if (task->token.disabled != disabled) {
        after.disabled_unused = false;
        after.disable_at = 0;
        /* what is enabled counts as used at that moment */
        after.idle_from = disabled ? after.idle_from : task->now;
        enum pn_err err = pn_store_token_update(task->store, &after);
        if (err != PN_OK) {
            return pn_task_store_error(task, err);
        }
        if (!pn_task_feed(task, PN_CHANGE_TOKEN, after.id, NULL)) {
            return false;
        }
    }
    return pn_token_changed(task, &task->token, &after);
}

bool
pn_apply_token_disable(struct pn_task *task)
{
    return set_disabled(task, true);
}

bool
pn_apply_token_enable(struct pn_task *task)
{
    return set_disabled(task, false);
}

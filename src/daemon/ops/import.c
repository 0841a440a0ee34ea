/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of an import.
 *
 * Each is a change of its own, judged, audited and published as if it stood
 * alone; all of one call share transactions and one publish.  Those that are
 * there already are told by the refusal of making them, and then left alone or
 * edited in a second round.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/id.h"
#include "daemon/ops/inside.h"
#include "daemon/ops/token_rules.h"

enum { SCRATCH_MAX = 256 << 20 };

_Static_assert((int) PN_IMPORT_ROWS_MAX <= (int) PN_OPS_BATCH_MAX
                   && (int) PN_IMPORT_ROWS_MAX < (int) PN_OPS_QUEUE_MAX,
               "one call is one batch");

/* --- a token that exists elsewhere --------------------------------------- */

static bool
find_owner(struct pn_task *task, struct pn_user *owner)
{
    const char *name = task->change->in.import->owner;
    enum pn_err err = pn_store_user_by_name(task->store, pn_str_from(name),
                                            task->arena, owner);
    if (err == PN_E_NOT_FOUND) {
        return pn_task_refuse_field(task, 422, "/owner", "unknown_user",
                                    "there is no user of this name");
    }
    return err == PN_OK ? true : pn_task_store_error(task, err);
}

/* *known: this token was imported, or made, before. */
static bool
look_for_hash(struct pn_task *task, const struct pn_user *owner, bool *known)
{
    struct pn_token other;
    enum pn_err err = pn_store_token_by_hash(
        task->store, &task->change->in.import->hash, task->arena, &other);
    *known = err == PN_OK && other.owner_id == owner->id;
    if (err == PN_OK && other.owner_id != owner->id) {
        return pn_task_refuse_field(task, 409, "/sha256", "hash_taken",
                                    "this token is known, and another "
                                    "person's");
    }
    return err == PN_OK || err == PN_E_NOT_FOUND
               ? true
               : pn_task_store_error(task, err);
}

/* A prefix that nginx does not look for would never be taken for a token. */
static bool
choose_prefix(struct pn_task *task, char **out)
{
    const struct pn_prefixes *known = &task->ops->prefixes;
    const char *wanted = task->change->in.import->prefix;
    struct pn_str prefix = known->item[0];
    bool found = wanted == NULL;
    for (uint8_t i = 0; !found && i < known->count; i++) {
        found = pn_str_eq(known->item[i], pn_str_from(wanted));
        prefix = known->item[i];
    }
    if (!found) {
        return pn_task_refuse_field(task, 422, "/prefix", "unknown_prefix",
                                    "tokens with this prefix are not "
                                    "recognised here");
    }
    *out = pn_arena_dup(task->arena, prefix);
    return *out != NULL ? true : pn_task_no_memory(task);
}

/* Its end is what it is; the policy of new tokens does not reach it. */
static bool
choose_end(struct pn_task *task, struct pn_token *token)
{
    static const struct pn_allowance everything = {.may_create = true,
                                                   .may_be_endless = true};
    const struct pn_lifetime *wanted = &task->change->in.import->wish.lifetime;
    enum pn_err err =
        pn_lifetime_end(&everything, 1, wanted, task->now, &token->expires_at);
    return err == PN_OK
               ? true
               : pn_task_refuse_field(task, 422, "/expires_at", "expired",
                                      "this token has expired");
}

static bool
fill_token(struct pn_task *task, const struct pn_user *owner,
           struct pn_token *token)
{
    const struct pn_token_import *row = task->change->in.import;
    char *empty = pn_arena_dup(task->arena, PN_STR(""));
    *token = row->wish.token;
    token->id = pn_task_new_id(task);
    token->owner_id = owner->id;
    token->owner = owner->username;
    token->created_at = row->created_at != 0 ? row->created_at : task->now;
    token->disabled = row->disabled;
    token->revoked_by = token->revoked_reason = empty;
    token->last_used.address = token->last_used.app = empty;
    token->last_used.method = token->superseded_use.address = empty;
    token->secret_count = 1;
    token->secrets[0] = (struct pn_token_secret){
        .id = pn_task_new_id(task),
        .hash = row->hash,
        .created_at = token->created_at,
    };
    memcpy(token->secrets[0].last_four, row->last_four, sizeof(row->last_four));
    if (empty == NULL) {
        return pn_task_no_memory(task);
    }
    if (token->created_at > task->now) {
        return pn_task_refuse_field(task, 422, "/created_at", "in_future",
                                    "it cannot have been made in the future");
    }
    return choose_prefix(task, &token->prefix) && choose_end(task, token);
}

bool
pn_apply_token_import(struct pn_task *task)
{
    const uint32_t checked =
        PN_FIELD_NAME | PN_FIELD_APPS | PN_FIELD_SCOPES | PN_FIELD_NOT_BEFORE;
    struct pn_user owner;
    struct pn_token token;
    if (!find_owner(task, &owner)
        || !look_for_hash(task, &owner, &task->unchanged) || task->unchanged)
    {
        return task->unchanged;
    }
    if (!fill_token(task, &owner, &token)
        || !pn_token_check(task, &token, &owner, checked))
    {
        return false;
    }
    enum pn_err err = pn_store_token_insert(task->store, &token);
    if (err == PN_E_EXISTS) {
        return pn_task_refuse_field(task, 409, "/name", "name_taken",
                                    "its owner has a live token of this name");
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    task->token = token; /* whose it is, for the event */
    pn_audit_note(task, pn_audit_id(task->arena, PN_ID_TOKEN, token.id), NULL,
                  pn_token_to_json(&token, task->arena));
    return pn_task_feed(task, PN_CHANGE_TOKEN, token.id, NULL);
}

/* --- rows ---------------------------------------------------------------- */

/* One call: parallel arrays, in an arena of its own. */
struct rows {
    struct pn_ops *ops;
    const struct pn_caller *caller;
    const struct pn_import *import;
    struct pn_arena *scratch;
    struct pn_task *task;
    struct pn_change *change;
    struct pn_fault *fault;
    size_t *row; /* of each task */
    size_t count;
};

static bool
allocate(struct rows *rows)
{
    const size_t count = rows->import->count;
    rows->task = pn_arena_array(rows->scratch, count, sizeof(*rows->task));
    rows->change = pn_arena_array(rows->scratch, count, sizeof(*rows->change));
    rows->fault = pn_arena_array(rows->scratch, count, sizeof(*rows->fault));
    rows->row = pn_arena_array(rows->scratch, count, sizeof(*rows->row));
    return rows->task != NULL && rows->change != NULL && rows->fault != NULL
           && rows->row != NULL;
}

enum round { MAKE = 0, EDIT };

static void
describe(struct rows *rows, size_t at, enum round round)
{
    const struct pn_import *import = rows->import;
    const size_t row = rows->row[at];
    struct pn_change *change = &rows->change[at];
    struct pn_task *task = &rows->task[at];
    switch (import->kind) {
    case PN_IMPORT_USERS:
        *change = (struct pn_change){
            .act = round == MAKE ? PN_ACT_USER_CREATE : PN_ACT_USER_EDIT,
            .name = import->row.user[row].wish.user.username,
            .in.user = &import->row.user[row].wish,
        };
        break;
    case PN_IMPORT_GROUPS:
        *change = (struct pn_change){
            .act = round == MAKE ? PN_ACT_GROUP_CREATE : PN_ACT_GROUP_EDIT,
            .name = import->row.group[row].name,
            .in.group = &import->row.group[row],
        };
        break;
    case PN_IMPORT_TOKENS:
        *change = (struct pn_change){
            .act = PN_ACT_TOKEN_IMPORT,
            .in.import = &import->row.token[row],
        };
        break;
    }
    *task = (struct pn_task){
        .ops = rows->ops,
        .act = change->act,
        .caller = rows->caller,
        .change = change,
        .arena = rows->scratch,
        .fault = &rows->fault[at],
        .rehearse = import->rehearse,
        .import = true,
    };
    if (import->kind == PN_IMPORT_USERS) {
        task->new_hash = import->row.user[row].password_hash;
    }
}

static void
run_round(struct rows *rows, enum round round)
{
    memset(rows->fault, 0, rows->count * sizeof(*rows->fault));
    for (size_t i = 0; i < rows->count; i++) {
        describe(rows, i, round);
    }
    if (rows->count > 0) {
        pn_ops_submit_all(rows->task, rows->count);
    }
}

/* Nothing is wrong with the row, but with the machine, or the caller. */
static bool
machine_failed(const struct pn_fault *why)
{
    return why->status == 503 || why->status == 507 || why->status == 401;
}

/* Who may not do it is told so once, not for each row. */
static bool
may_import(struct rows *rows, struct pn_arena *arena, struct pn_fault *fault)
{
    static const enum pn_act acts[] = {
        [PN_IMPORT_USERS] = PN_ACT_USER_CREATE,
        [PN_IMPORT_GROUPS] = PN_ACT_GROUP_CREATE,
        [PN_IMPORT_TOKENS] = PN_ACT_TOKEN_IMPORT,
    };
    struct pn_change change = {.act = acts[rows->import->kind]};
    struct pn_task task = {.ops = rows->ops,
                           .act = change.act,
                           .caller = rows->caller,
                           .change = &change,
                           .arena = arena,
                           .fault = fault};
    return pn_task_authorise_early(&task);
}

static bool
is_there(const struct rows *rows, const struct pn_fault *why)
{
    return rows->import->kind != PN_IMPORT_TOKENS && why->status == 409
           && why->code != NULL && strcmp(why->code, "name_taken") == 0;
}

static const char *
copied(struct pn_arena *arena, const char *text, const char *otherwise)
{
    const char *copy =
        pn_arena_dup(arena, pn_str_from(text != NULL ? text : otherwise));
    return copy != NULL ? copy : otherwise;
}

static void
note_refused(const struct rows *rows, size_t at, struct pn_arena *arena,
             struct pn_import_result *result)
{
    const struct pn_fault *why = &rows->fault[at];
    const struct pn_fault_field *field =
        why->field_count > 0 ? &why->fields[0] : NULL;
    result->refused[result->refused_count++] = (struct pn_import_refused){
        .place = rows->import->place[rows->row[at]],
        .code =
            copied(arena, field != NULL ? field->code : why->code, "refused"),
        .pointer = copied(arena, field != NULL ? field->pointer : NULL, ""),
        .detail = copied(arena, field != NULL ? field->detail : why->detail,
                         "refused"),
    };
}

/* What came of a round; rows that are there already move to the front, for the
 * next one.  The first failure of the machine is the call's. */
static bool
sum_up(struct rows *rows, enum round round, struct pn_arena *arena,
       struct pn_import_result *result, struct pn_fault *fault)
{
    size_t there = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const struct pn_task *task = &rows->task[i];
        const struct pn_fault *why = &rows->fault[i];
        if (task->ok && task->unchanged) {
            result->existing++;
        } else if (task->ok) {
            *(round == MAKE ? &result->made : &result->updated) += 1;
        } else if (machine_failed(why)) {
            pn_fault_set(fault, arena, why->status, why->code, "%s",
                         why->detail != NULL ? why->detail : "refused");
            fault->retry_after_s = why->retry_after_s;
            return false;
        } else if (round == MAKE && is_there(rows, why)) {
            rows->row[there++] = rows->row[i];
        } else {
            note_refused(rows, i, arena, result);
        }
    }
    rows->count = there;
    return true;
}

/* A hash that no password could ever fit, or one that costs too much. */
static bool
check_hash(struct rows *rows, size_t row, struct pn_arena *arena,
           struct pn_import_result *result)
{
    struct pn_user_import *user = &rows->import->row.user[row];
    if (user->password_hash == NULL) {
        return true;
    }
    user->wish.given |= PN_FIELD_PASSWORD;
    if (pn_password_form(user->password_hash) != PN_PASSWORD_UNKNOWN) {
        return true;
    }
    result->refused[result->refused_count++] = (struct pn_import_refused){
        .place = rows->import->place[row],
        .code = "unknown_hash",
        .pointer = "/password_hash",
        .detail = copied(arena,
                         "this form of a password is not taken: bcrypt (cost "
                         "4 to 12), SHA-crypt, apr1 and {SHA} are",
                         "unknown form"),
    };
    return false;
}

static void
choose_rows(struct rows *rows, struct pn_arena *arena,
            struct pn_import_result *result)
{
    for (size_t i = 0; i < rows->import->count; i++) {
        if (rows->import->kind != PN_IMPORT_USERS
            || check_hash(rows, i, arena, result)) {
            rows->row[rows->count++] = i;
        }
    }
}

static bool
import_rows(struct rows *rows, struct pn_arena *arena,
            struct pn_import_result *result, struct pn_fault *fault)
{
    if (!may_import(rows, arena, fault)) {
        return false;
    }
    choose_rows(rows, arena, result);
    run_round(rows, MAKE);
    if (!sum_up(rows, MAKE, arena, result, fault)) {
        return false;
    }
    if (rows->import->existing == PN_IMPORT_LEAVE) {
        result->existing += rows->count;
        return true;
    }
    run_round(rows, EDIT);
    return sum_up(rows, EDIT, arena, result, fault);
}

bool
pn_ops_import(struct pn_ops *ops, const struct pn_caller *caller,
              const struct pn_import *import, struct pn_arena *arena,
              struct pn_import_result *result, struct pn_fault *fault)
{
    struct rows rows = {.ops = ops,
                        .caller = caller,
                        .import = import,
                        .scratch = pn_arena_new(SCRATCH_MAX)};
    bool ok = rows.scratch != NULL && import->count <= PN_IMPORT_ROWS_MAX
              && allocate(&rows);
    ok = ok ? import_rows(&rows, arena, result, fault)
            : pn_fault_store(fault, arena, PN_E_NOMEM);
    pn_arena_free(rows.scratch);
    return ok;
}

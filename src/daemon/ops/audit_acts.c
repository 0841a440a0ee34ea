/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The acts that take something out of the audit: the oldest events, and what
 * names a person.
 *
 * Whom to erase is searched for on a read connection, so that the writer only
 * does the erasing.
 */
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/ops/inside.h"

/* --- erasing ------------------------------------------------------------- */

bool
pn_auth_audit_erase(struct pn_task *task)
{
    bool local = task->caller->kind == PN_CALLER_LOCAL;
    bool admin = task->caller->kind == PN_CALLER_SESSION
                 && task->who.role == PN_ROLE_ADMIN;
    if (!local && !admin) {
        return pn_task_refuse(task, 403, "not_permitted",
                              "only an administrator who is signed in may "
                              "erase a person");
    }
    return pn_task_is_fresh(task);
}

/* Who could still act must not be able to blank out what he did. */
static bool
is_gone(struct pn_store *store, const char *username, struct pn_arena *arena,
        struct pn_fault *fault)
{
    struct pn_user user;
    enum pn_err err =
        pn_store_user_by_name(store, pn_str_from(username), arena, &user);
    if (err == PN_OK) {
        pn_fault_set(fault, arena, 409, "user_exists", "%s",
                     "delete the user first; an account that exists is not "
                     "erased from the audit");
        return false;
    }
    if (err == PN_E_NOT_FOUND) { /* renamed, he is still there */
        err = pn_store_user_by_former_name(store, pn_str_from(username), arena,
                                           &user);
    }
    if (err == PN_OK) {
        pn_fault_set(fault, arena, 409, "user_exists",
                     "\"%s\" had this name before; delete that account first",
                     user.username);
        return false;
    }
    return err == PN_E_NOT_FOUND ? true : pn_fault_store(fault, arena, err);
}

/* {"events": [[position, parts], …]}, which the verifier reads. */
static json_t *
events_json(const struct pn_erase_step *step, struct pn_arena *arena)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < step->count; i++) {
        json_t *pair = json_pack("[I, i]", (json_int_t) step->hit[i].position,
                                 (int) step->hit[i].parts);
        if (json_array_append_new(list, pair) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list != NULL
               ? pn_json_defer(arena, json_pack("{s:o}", "events", list))
               : NULL;
}

bool
pn_apply_audit_erase(struct pn_task *task)
{
    const struct pn_erase_step *step = task->extra.erase;
    json_t *facts = events_json(step, task->arena);
    if (!is_gone(task->store, step->person->name[0], task->arena, task->fault))
    {
        return false;
    }
    if (facts == NULL) {
        return pn_task_no_memory(task);
    }
    enum pn_err err = pn_store_audit_erase(task->store, step->hit, step->count,
                                           step->pseudonym);
    if (err == PN_OK) {
        err = pn_store_person_erase(task->store, step->person, step->pseudonym);
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    pn_audit_facts(task, step->pseudonym, facts);
    return true;
}

/* A former name that somebody else has by now, or had once, stays his. */
static enum pn_err
drop_taken_names(struct pn_store *store, struct pn_arena *arena,
                 struct pn_audit_person *person)
{
    size_t kept = 1;
    for (size_t i = 1; i < person->count; i++) {
        struct pn_user user;
        enum pn_err err = pn_store_user_by_name(
            store, pn_str_from(person->name[i]), arena, &user);
        if (err == PN_E_NOT_FOUND) {
            err = pn_store_user_by_former_name(
                store, pn_str_from(person->name[i]), arena, &user);
        }
        if (err == PN_E_NOT_FOUND) {
            person->name[kept++] = person->name[i];
        } else if (err != PN_OK) {
            return err;
        }
    }
    person->count = kept;
    return PN_OK;
}

static bool
find_person(struct pn_store *store, const char *username,
            struct pn_arena *arena, struct pn_audit_person *person,
            struct pn_fault *fault)
{
    if (!is_gone(store, username, arena, fault)) {
        return false;
    }
    person->name[0] = pn_arena_dup(arena, pn_str_from(username));
    person->count = 1;
    enum pn_err err = person->name[0] == NULL
                          ? PN_E_NOMEM
                          : pn_store_audit_names(store, arena, person);
    if (err == PN_OK) {
        err = drop_taken_names(store, arena, person);
    }
    return err == PN_OK ? true : pn_fault_store(fault, arena, err);
}

static void
make_pseudonym(char out[PN_PSEUDONYM_LEN + 1])
{
    static const char prefix[] = "erased:";
    uint8_t random[8];

    pn_random(random, sizeof(random));
    memcpy(out, prefix, sizeof(prefix) - 1);
    pn_hex(random, sizeof(random), out + sizeof(prefix) - 1);
}

/* In an arena of its own: there may be many of them. */
static bool
erase_step(const struct pn_task *first, const struct pn_erase_step *step)
{
    struct pn_task task = *first;
    task.extra.erase = step;
    task.arena = pn_arena_new(1 << 20);
    if (task.arena == NULL) {
        task.arena = first->arena;
        return pn_task_no_memory(&task);
    }
    bool ok = pn_ops_submit(&task);
    if (!ok && task.fault->detail != NULL) {
        task.fault->detail =
            pn_arena_dup(first->arena, pn_str_from(task.fault->detail));
    }
    pn_arena_free(task.arena);
    return ok;
}

/* One transaction after the other, until no event names the person. */
static bool
erase_all(struct pn_task *first, struct pn_store *reader,
          const struct pn_audit_person *person, struct pn_audit_hit *hit,
          struct pn_audit_erasure *erasure)
{
    uint64_t after = 0;
    for (;;) {
        struct pn_erase_step step = {
            .person = person, .pseudonym = erasure->pseudonym, .hit = hit};
        enum pn_err err =
            pn_store_audit_find(reader, person, &after, hit, &step.count);
        if (err != PN_OK) {
            return pn_task_store_error(first, err);
        }
        if (step.count == 0) {
            return true;
        }
        if (!erase_step(first, &step)) {
            return false;
        }
        erasure->events += step.count;
    }
}

/* On a connection of its own: the writer's is the writer thread's. */
static void
settle(struct pn_ops *ops)
{
    struct pn_store *store = NULL;
    enum pn_err err = pn_store_open(ops->store_url, PN_STORE_WRITE, &store);
    if (err == PN_OK) {
        err = pn_store_settle(store);
        pn_store_close(store);
    }
    if (err != PN_OK) {
        pn_log(PN_LOG_WARNING, "erase_not_settled", "error", pn_err_text(err),
               NULL);
    }
}

bool
pn_ops_audit_erase(struct pn_ops *ops, const struct pn_caller *caller,
                   struct pn_audit_erasure *erasure, struct pn_arena *arena,
                   struct pn_fault *fault)
{
    struct pn_task task = {.ops = ops,
                           .act = PN_ACT_AUDIT_ERASE,
                           .caller = caller,
                           .arena = arena,
                           .fault = fault};
    struct pn_audit_person person = {.count = 0};
    struct pn_store *reader = NULL;
    struct pn_audit_hit *hit =
        pn_arena_array(arena, PN_AUDIT_ERASE_MAX, sizeof(*hit));
    if (hit == NULL) {
        return pn_task_no_memory(&task);
    }
    enum pn_err err = pn_reader_take(ops, &reader);
    if (err != PN_OK) {
        return pn_task_store_error(&task, err);
    }
    /* Who may not must not learn which names there are. */
    task.store = reader;
    task.now = pn_ops_now();
    bool ok = pn_task_authorise(&task);
    task.store = NULL;
    erasure->events = 0;
    make_pseudonym(erasure->pseudonym);
    ok = ok && find_person(reader, erasure->username, arena, &person, fault)
         && erase_all(&task, reader, &person, hit, erasure);
    pn_reader_give(ops, reader);
    if (ok && erasure->events > 0) {
        settle(ops);
    }
    if (ok && erasure->events == 0) {
        return pn_task_refuse(&task, 404, "not_found",
                              "no event names this person");
    }
    return ok;
}

/* --- the oldest events --------------------------------------------------- */

bool
pn_apply_audit_trim(struct pn_task *task)
{
    struct pn_audit_trim trim = {.count = 0};
    char hex[2 * PN_HASH_LEN + 1];
    enum pn_err err = pn_store_audit_trim_find(
        task->store, task->extra.trim_before, task->extra.up_to, &trim);
    if (err == PN_OK && trim.count == 0) {
        err = PN_E_NOT_FOUND;
    }
    if (err == PN_OK) {
        err = pn_store_audit_trim(task->store, &trim);
    }
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    pn_hex(trim.last.hash.bytes, PN_HASH_LEN, hex);
    json_t *facts = pn_json_defer(
        task->arena,
        json_pack("{s:I, s:I, s:s}", "events", (json_int_t) trim.count, "up_to",
                  (json_int_t) trim.last.position, "hash", hex));
    pn_audit_facts(task, "", facts);
    return facts != NULL ? true : pn_task_no_memory(task);
}

enum pn_err
pn_ops_submit_own(struct pn_ops *ops, unsigned act,
                  const struct pn_task_extra *extra)
{
    const struct pn_caller posternd = {.kind = PN_CALLER_SYSTEM,
                                       .username = "posternd"};
    struct pn_fault fault = {0};
    struct pn_arena *arena = pn_arena_new(1 << 16);
    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    struct pn_task task = {.ops = ops,
                           .act = act,
                           .caller = &posternd,
                           .arena = arena,
                           .fault = &fault,
                           .extra = *extra};
    bool ok = pn_ops_submit(&task);
    pn_arena_free(arena);
    return ok ? PN_OK : PN_E_STORE;
}

enum pn_err
pn_ops_audit_trim(struct pn_ops *ops, int64_t before, uint64_t up_to,
                  uint64_t *removed)
{
    const struct pn_task_extra extra = {.trim_before = before, .up_to = up_to};
    struct pn_audit_trim trim = {.count = 0};
    struct pn_store *store = NULL;
    enum pn_err err = pn_reader_take(ops, &store);
    if (err == PN_OK) {
        err = pn_store_audit_trim_find(store, before, up_to, &trim);
        pn_reader_give(ops, store);
    }
    if (err == PN_OK && trim.count > 0) {
        err = pn_ops_submit_own(ops, PN_ACT_AUDIT_TRIM, &extra);
    }
    if (err == PN_OK) {
        *removed = trim.count;
    }
    return err;
}

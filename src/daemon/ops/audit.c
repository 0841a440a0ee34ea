/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults in the caller's words, and the audit event of a change.
 *
 * An event shows the documents before and after, for an edit only the members
 * that differ.  Documents come from model/codec.h, which writes no secret.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/id.h"
#include "daemon/ops/inside.h"

bool
pn_task_refuse(struct pn_task *task, unsigned status, const char *code,
               const char *detail)
{
    pn_fault_set(task->fault, task->arena, status, code, "%s", detail);
    return false;
}

bool
pn_task_refuse_field(struct pn_task *task, unsigned status, const char *pointer,
                     const char *code, const char *detail)
{
    pn_fault_set(task->fault, task->arena, status, code, "%s", detail);
    pn_fault_field_add(task->fault, task->arena, pointer, code, "%s", detail);
    if (status != 422) { /* a 422 is called "invalid_fields" as a whole */
        task->fault->status = status;
        task->fault->code = code;
    }
    return false;
}

bool
pn_fault_store(struct pn_fault *fault, struct pn_arena *arena, enum pn_err err)
{
    if (err == PN_E_NOT_FOUND) {
        pn_fault_set(fault, arena, 404, "not_found", "there is no such object");
    } else if (err == PN_E_EXISTS) {
        pn_fault_set(fault, arena, 409, "name_taken", "the name is in use");
    } else if (err == PN_E_NO_SPACE) {
        pn_fault_set(fault, arena, 507, "storage_full",
                     "the disk is full; nothing was changed");
    } else if (err == PN_E_BUSY) {
        pn_fault_set(fault, arena, 503, "busy",
                     "somebody else holds the database; try again");
        fault->retry_after_s = 1;
    } else if (err == PN_E_NOMEM) {
        pn_fault_set(fault, arena, 503, "out_of_memory",
                     "not enough memory for this; nothing was changed");
    } else {
        pn_fault_set(fault, arena, 503, "store_unavailable",
                     "the database does not work; nothing was changed");
    }
    return false;
}

bool
pn_task_store_error(struct pn_task *task, enum pn_err err)
{
    return pn_fault_store(task->fault, task->arena, err);
}

bool
pn_task_no_memory(struct pn_task *task)
{
    return pn_fault_store(task->fault, task->arena, PN_E_NOMEM);
}

const char *
pn_audit_id(struct pn_arena *arena, const char *kind, uint64_t id)
{
    char text[PN_ID_TEXT_LEN + 1];
    pn_id_format(kind, id, text);
    return pn_arena_dup(arena, pn_str_from(text));
}

void
pn_audit_note(struct pn_task *task, const char *subject, json_t *before,
              json_t *after)
{
    task->subject = subject;
    task->before = before;
    task->after = after;
}

/* The members of doc that other does not have in the same form. */
static json_t *
differing(json_t *doc, json_t *other)
{
    json_t *out = json_object();
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(doc, key, value)
    {
        if (!json_equal(value, json_object_get(other, key))
            && json_object_set(out, key, value) != 0)
        {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

/* {"before":…,"after":…,"token":…} as text in the arena; NULL = no memory. */
static char *
detail_text(struct pn_task *task)
{
    json_t *doc = json_object();
    int failed = doc == NULL;
    if (task->before != NULL && task->after != NULL) {
        failed |= json_object_set_new(doc, "before",
                                      differing(task->before, task->after));
        failed |= json_object_set_new(doc, "after",
                                      differing(task->after, task->before));
    } else if (task->before != NULL) {
        failed |= json_object_set(doc, "before", task->before);
    } else if (task->after != NULL) {
        failed |= json_object_set(doc, "after", task->after);
    }
    /* whose it is, when somebody else did it: a custodian, an administrator */
    const char *owner = task->token.owner;
    if (owner != NULL && strcmp(owner, pn_task_actor(task)) != 0) {
        failed |= json_object_set_new(doc, "owner", json_string(owner));
    }
    if (task->caller->kind == PN_CALLER_TOKEN) {
        const char *by =
            pn_audit_id(task->arena, PN_ID_TOKEN, task->caller->token_id);
        failed |= json_object_set_new(doc, "by_token", json_string(by));
    }
    char *copy = NULL;
    char *text =
        failed == 0 ? json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (text != NULL) {
        copy = pn_arena_dup(task->arena, pn_str_from(text));
        free(text);
    }
    json_decref(doc);
    return copy;
}

static const char *
kind_text(enum pn_caller_kind kind)
{
    switch (kind) {
    case PN_CALLER_SESSION:
        return "session";
    case PN_CALLER_TOKEN:
        return "token";
    case PN_CALLER_LOCAL:
        return "local";
    case PN_CALLER_SYSTEM:
        return "system";
    case PN_CALLER_ANONYMOUS:
        break;
    }
    return "anonymous";
}

/* The model's text is not const; an event only borrows it. */
static char *
borrowed(struct pn_arena *arena, const char *text)
{
    return pn_arena_dup(arena, pn_str_from(text != NULL ? text : ""));
}

const char *
pn_task_actor(const struct pn_task *task)
{
    if (task->actor != NULL) {
        return task->actor;
    }
    if (task->who.has_user) {
        return task->who.user.username;
    }
    return task->caller->username != NULL ? task->caller->username : "";
}

enum pn_err
pn_audit_write(struct pn_task *task)
{
    const struct pn_caller *caller = task->caller;
    const char *actor = pn_task_actor(task);
    struct pn_audit_event event = {
        .at = task->now,
        .actor = borrowed(task->arena, actor),
        .actor_kind = borrowed(task->arena, kind_text(caller->kind)),
        .action = borrowed(task->arena, pn_act_row(task->act)->name),
        .subject = borrowed(task->arena, task->subject),
        .detail = detail_text(task),
        .address = borrowed(task->arena, caller->address),
        .request_id = borrowed(task->arena, caller->request_id),
    };
    if (event.actor == NULL || event.actor_kind == NULL || event.action == NULL
        || event.subject == NULL || event.detail == NULL
        || event.address == NULL || event.request_id == NULL)
    {
        return PN_E_NOMEM;
    }
    return pn_store_audit_add(task->store, &event);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults in the caller's words, and the audit event of a change.
 *
 * An event shows the documents before and after, for an edit only the members
 * that differ.  Documents come from model/codec.h, which writes no secret.
 * Members that may name people are kept apart, so that they can be erased.
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
    } else if (err == PN_E_SYNTAX) { /* the store parses nothing else */
        pn_fault_field_add(fault, arena, "?cursor", "invalid_parameter",
                           "this cursor is none, or one of another list or "
                           "order; take the next_cursor of the page before");
        fault->status = 400;
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

void
pn_audit_facts(struct pn_task *task, const char *subject, json_t *facts)
{
    task->subject = subject;
    task->facts = facts;
}

/* --- detail -------------------------------------------------------------- */

/*
 * Members that never name or locate a person, so that they stay when a person
 * is erased.  Everything else counts as personal: an unknown member must not
 * outlive its person.  In order, for bsearch.
 */
static const char *const plain[] = {
    "access",
    "active",
    "admin_groups",
    "apps",
    "auditor_groups",
    "created_at",
    "creation",
    "disable_at",
    "disabled",
    "disabled_because",
    "expires_at",
    "groups",
    "id",
    "last_four",
    "method",
    "must_change_password",
    "not_before",
    "password",
    "paths",
    "prefix",
    "rate_limit",
    "role",
    "scopes",
    "secrets",
    "source",
    "state",
    "suspended_because",
    "tls_required",
    "tokens_revoked",
    "user_known",
};

static int
compare(const void *key, const void *member)
{
    return strcmp(key, *(const char *const *) member);
}

static bool
is_plain(const char *key)
{
    return bsearch(key, plain, PN_LEN(plain), sizeof(plain[0]), compare)
           != NULL;
}

/* What an event shows, in two documents of one shape. */
struct detail {
    json_t *plain, *personal;
    bool failed;
};

/* Under side ("before", "after"), which is made when it is first needed. */
static void
add_member(struct detail *detail, const char *side, const char *key,
           json_t *value)
{
    json_t *doc = is_plain(key) ? detail->plain : detail->personal;
    json_t *object = json_object_get(doc, side);

    if (object == NULL) {
        object = json_object();
        detail->failed |= json_object_set_new(doc, side, object) != 0;
    }
    detail->failed |= json_object_set(object, key, value) != 0;
}

/* The members of doc; with other, only those it does not have in that form. */
static void
add_side(struct detail *detail, const char *side, json_t *doc, json_t *other)
{
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach(doc, key, value)
    {
        if (other == NULL || !json_equal(value, json_object_get(other, key))) {
            add_member(detail, side, key, value);
        }
    }
}

/* Text in the arena, "" for an empty document that may be left out. */
static char *
dumped(struct pn_arena *arena, json_t *doc)
{
    const size_t flags = JSON_COMPACT | JSON_SORT_KEYS;
    size_t len = json_dumpb(doc, NULL, 0, flags);
    char *text = len > 0 ? pn_arena_alloc(arena, len + 1) : NULL;

    if (text != NULL) {
        (void) json_dumpb(doc, text, len, flags);
    }
    return text;
}

static void
add_all(struct detail *detail, struct pn_task *task)
{
    add_side(detail, "before", task->before, task->after);
    add_side(detail, "after", task->after, task->before);
    if (task->facts != NULL) {
        detail->failed |= json_object_update(detail->plain, task->facts) != 0;
    }
    /* whose it is, when somebody else did it: a custodian, an administrator */
    const char *owner = task->token.owner;
    if (owner != NULL && strcmp(owner, pn_task_actor(task)) != 0) {
        detail->failed |=
            json_object_set_new(detail->personal, "owner", json_string(owner))
            != 0;
    }
    if (task->caller->kind == PN_CALLER_TOKEN) {
        const char *by =
            pn_audit_id(task->arena, PN_ID_TOKEN, task->caller->token_id);
        detail->failed |=
            json_object_set_new(detail->plain, "by_token", json_string(by))
            != 0;
    }
}

/* Fill event->detail and event->personal. */
static enum pn_err
make_detail(struct pn_task *task, struct pn_audit_event *event)
{
    static char nothing[] = "";
    struct detail detail = {.plain = json_object(), .personal = json_object()};

    detail.failed = detail.plain == NULL || detail.personal == NULL;
    if (!detail.failed) {
        add_all(&detail, task);
    }
    if (!detail.failed) {
        event->detail = dumped(task->arena, detail.plain);
        event->personal = json_object_size(detail.personal) > 0
                              ? dumped(task->arena, detail.personal)
                              : nothing;
    }
    json_decref(detail.plain);
    json_decref(detail.personal);
    return event->detail != NULL && event->personal != NULL ? PN_OK
                                                            : PN_E_NOMEM;
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
        .address = borrowed(task->arena, caller->address),
        .request_id = borrowed(task->arena, caller->request_id),
    };
    if (event.actor == NULL || event.actor_kind == NULL || event.action == NULL
        || event.subject == NULL || event.address == NULL
        || event.request_id == NULL || make_detail(task, &event) != PN_OK)
    {
        return PN_E_NOMEM;
    }
    return pn_store_audit_add(task->store, &event);
}

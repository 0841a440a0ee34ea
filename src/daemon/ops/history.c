/* SPDX-License-Identifier: Apache-2.0 */
/* Former versions of the policy, and what each changed. */
#include "base/str.h"
#include "daemon/ops/inside.h"

enum { VERSION_ARENA_MAX = 16 << 20 };

static json_t *
doc_of(struct pn_store *store, uint64_t version, struct pn_arena *arena,
       enum pn_err *err)
{
    struct pn_policy policy;
    struct pn_policy_made made;
    *err = pn_store_policy_version(store, version, arena, &policy, &made);
    json_t *doc = *err == PN_OK ? pn_policy_to_json(&policy, arena) : NULL;
    if (*err == PN_OK && doc == NULL) {
        *err = PN_E_NOMEM;
    }
    return doc;
}

/* The documents are read into an arena of their own: only the changes stay. */
static enum pn_err
changes_between(struct pn_store *store, uint64_t before, uint64_t after,
                struct pn_arena *arena, json_t **out)
{
    struct pn_arena *scratch = pn_arena_new(VERSION_ARENA_MAX);
    enum pn_err err = PN_E_NOMEM;
    if (scratch == NULL) {
        return PN_E_NOMEM;
    }
    json_t *old = doc_of(store, before, scratch, &err);
    json_t *new = err == PN_OK ? doc_of(store, after, scratch, &err) : NULL;
    if (err == PN_OK) {
        *out = pn_json_changes(old, new, arena);
        err = *out != NULL ? PN_OK : PN_E_NOMEM;
    }
    pn_arena_free(scratch);
    return err;
}

/* The first version differs from nothing. */
static uint64_t
version_before(uint64_t version)
{
    return version > 1 ? version - 1 : version;
}

static enum pn_err
history(struct pn_store *store, const struct pn_page *page,
        struct pn_arena *arena, struct pn_history *out)
{
    struct pn_policy_made_list list;
    struct pn_history history = {0};
    enum pn_err err = pn_store_policy_versions(store, page, arena, &list);
    if (err != PN_OK) {
        return err;
    }
    history.item = pn_arena_array(arena, list.count, sizeof(*history.item));
    if (history.item == NULL) {
        return PN_E_NOMEM;
    }
    for (; err == PN_OK && history.count < list.count; history.count++) {
        struct pn_history_item *item = &history.item[history.count];
        item->made = list.item[history.count];
        err = changes_between(store, version_before(item->made.version),
                              item->made.version, arena, &item->changes);
    }
    history.next = list.next;
    if (err == PN_OK) {
        *out = history;
    }
    return err;
}

bool
pn_ops_policy_history(struct pn_ops *ops, const struct pn_caller *caller,
                      const struct pn_page *page, struct pn_arena *arena,
                      struct pn_history *out, struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    if (!pn_may_read(caller, PN_READ_POLICY, arena, fault)) {
        return false;
    }
    enum pn_err err = pn_reader_take(ops, &store);
    if (err != PN_OK) {
        return pn_fault_store(fault, arena, err);
    }
    err = history(store, page, arena, out);
    pn_reader_give(ops, store);
    if (err == PN_E_SYNTAX) {
        pn_fault_set(fault, arena, 400, "invalid_cursor",
                     "the cursor is none that this server gave");
        return false;
    }
    return err == PN_OK ? true : pn_fault_store(fault, arena, err);
}

static enum pn_err
version(struct pn_store *store, const struct pn_history_question *question,
        struct pn_arena *arena, struct pn_history_item *out)
{
    uint64_t against = question->against != 0
                           ? question->against
                           : version_before(question->version);
    enum pn_err err = pn_store_policy_version(store, question->version, arena,
                                              &out->policy, &out->made);
    return err == PN_OK ? changes_between(store, against, question->version,
                                          arena, &out->changes)
                        : err;
}

bool
pn_ops_policy_version(struct pn_ops *ops, const struct pn_caller *caller,
                      const struct pn_history_question *question,
                      struct pn_arena *arena, struct pn_history_item *out,
                      struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    if (!pn_may_read(caller, PN_READ_POLICY, arena, fault)) {
        return false;
    }
    enum pn_err err = pn_reader_take(ops, &store);
    if (err != PN_OK) {
        return pn_fault_store(fault, arena, err);
    }
    err = version(store, question, arena, out);
    pn_reader_give(ops, store);
    return err == PN_OK ? true : pn_fault_store(fault, arena, err);
}

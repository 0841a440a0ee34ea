/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy would do to the tokens that are there.
 *
 * Every token is measured, batch by batch, and memory holds one batch and one
 * page.  The counts are made with the first page and travel in the cursor, so
 * that a further page looks no further than its own last item.
 *
 *     cursor  unaffected.shortened.stopped.marked.used.owner.id   hexadecimal
 */
#include <inttypes.h>

#include "base/str.h"
#include "daemon/ops/effect.h"
#include "daemon/ops/inside.h"

enum { CURSOR_NUMBERS = 7 };

struct viewing {
    struct pn_store *store;
    struct pn_arena *arena; /* the caller's */
    struct pn_policy present;
    struct pn_measure before, after;
    struct pn_enforcement how;
    struct pn_facts_query query;
    struct pn_preview preview;
    uint16_t limit;
    uint64_t last_owner, last_id; /* of the page's last item */
    enum { COUNTING = 0, PAGING } mode;
    bool more; /* there is an item after the page */
};

/* --- the cursor ---------------------------------------------------------- */

static bool
read_number(struct pn_str text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 16) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && (c < 'a' || c > 'f')) {
            return false;
        }
        value = value << 4 | (uint64_t) (digit ? c - '0' : c - 'a' + 10);
    }
    *out = value;
    return value <= INT64_MAX;
}

static bool
read_cursor(const char *cursor, uint64_t number[CURSOR_NUMBERS])
{
    struct pn_str head, tail = pn_str_from(cursor);
    for (size_t i = 0; i + 1 < CURSOR_NUMBERS; i++) {
        if (!pn_str_cut(tail, '.', &head, &tail)
            || !read_number(head, &number[i])) {
            return false;
        }
    }
    return read_number(tail, &number[CURSOR_NUMBERS - 1]);
}

static bool
begin_at(struct viewing *v, const struct pn_page *page, struct pn_fault *fault)
{
    uint64_t number[CURSOR_NUMBERS];
    v->limit = page->limit;
    if (page->cursor == NULL || page->cursor[0] == '\0') {
        return true;
    }
    if (!read_cursor(page->cursor, number)) {
        pn_fault_set(fault, v->arena, 400, "invalid_cursor",
                     "the cursor is none that this server gave");
        return false;
    }
    v->mode = PAGING;
    v->preview.unaffected = number[0];
    v->preview.shortened = number[1];
    v->preview.stopped = number[2];
    v->preview.marked = number[3];
    v->preview.used_24h = number[4];
    v->query.after_owner = number[5];
    v->query.after_id = number[6];
    return true;
}

static enum pn_err
end_with_cursor(struct viewing *v)
{
    const struct pn_preview *p = &v->preview;
    if (!v->more) {
        v->preview.next = pn_arena_dup(v->arena, PN_STR(""));
    } else {
        v->preview.next =
            pn_arena_printf(v->arena,
                            "%" PRIx64 ".%" PRIx64 ".%" PRIx64 ".%" PRIx64
                            ".%" PRIx64 ".%" PRIx64 ".%" PRIx64,
                            p->unaffected, p->shortened, p->stopped, p->marked,
                            p->used_24h, v->last_owner, v->last_id);
    }
    return v->preview.next != NULL ? PN_OK : PN_E_NOMEM;
}

/* --- tokens -------------------------------------------------------------- */

static void
count_effect(struct viewing *v, const struct pn_token_facts *token,
             const struct pn_effect *effect)
{
    struct pn_preview *p = &v->preview;
    if (v->mode == PAGING) {
        return;
    }
    p->unaffected += effect->kind == PN_UNAFFECTED;
    p->shortened += effect->kind == PN_SHORTENED;
    p->stopped += effect->kind == PN_STOPPED;
    p->marked += effect->kind == PN_MARKED;
    p->used_24h += effect->kind != PN_UNAFFECTED && token->last_used_at != 0
                   && token->last_used_at > v->how.now - PN_USED_LATELY_S;
}

static enum pn_err
list_effect(struct viewing *v, const struct pn_token_facts *token,
            const struct pn_effect *effect)
{
    static const char *const words[] = {[PN_SHORTENED] = "shortened",
                                        [PN_STOPPED] = "stopped",
                                        [PN_MARKED] = "marked"};
    struct pn_preview *p = &v->preview;
    if (p->count == v->limit) {
        v->more = true;
        return PN_OK;
    }
    struct pn_preview_item item = {
        .token_id = token->id,
        .owner = pn_arena_dup(v->arena, pn_str_from(token->owner_name)),
        .name = pn_arena_dup(v->arena, pn_str_from(token->name)),
        .effect = words[effect->kind],
        .because = pn_because_text(effect->because),
        .new_expires_at = effect->new_expires_at,
        .disable_at = effect->disable_at,
        .last_used_at = token->last_used_at,
    };
    if (item.owner == NULL || item.name == NULL) {
        return PN_E_NOMEM;
    }
    p->item[p->count++] = item;
    v->last_owner = token->owner->id;
    v->last_id = token->id;
    return PN_OK;
}

static enum pn_err
look_at(void *arg, const struct pn_token_facts *token, bool *enough)
{
    struct viewing *v = arg;
    struct pn_effect effect;
    if (token->policy_expires_at != 0 && token->policy_expires_at <= v->how.now)
    {
        return PN_OK; /* expired: a policy ended it before */
    }
    pn_effect_of(&v->before, &v->after, token, &v->how, &effect);
    count_effect(v, token, &effect);
    if (effect.kind == PN_UNAFFECTED) {
        return PN_OK;
    }
    enum pn_err err = list_effect(v, token, &effect);
    *enough = v->mode == PAGING && v->more;
    return err;
}

static enum pn_err
look_at_all(struct viewing *v)
{
    v->preview.item =
        pn_arena_array(v->arena, v->limit, sizeof(*v->preview.item));
    if (v->preview.item == NULL) {
        return PN_E_NOMEM;
    }
    v->query.now = v->how.now;
    v->query.with =
        pn_measure_needs_rules(&v->after) ? PN_FACTS_RULES : PN_FACTS_PLAIN;
    enum pn_err err =
        pn_store_each_token_facts(v->store, &v->query, look_at, v);
    return err == PN_OK ? end_with_cursor(v) : err;
}

/* --- the question -------------------------------------------------------- */

static bool
refuse_version(struct pn_fault *fault, struct pn_arena *arena)
{
    pn_fault_set(fault, arena, 412, "version_mismatch",
                 "somebody changed the policy meanwhile; read it again");
    return false;
}

/* The policy in question: a document, or a former version. */
static bool
wanted_policy(struct viewing *v, const struct pn_preview_question *question,
              struct pn_policy *out, struct pn_fault *fault)
{
    struct pn_policy_made made;
    if (question->policy != NULL) {
        *out = *question->policy;
        return true;
    }
    enum pn_err err = pn_store_policy_version(v->store, question->revert_to,
                                              v->arena, out, &made);
    if (err == PN_E_NOT_FOUND) {
        pn_fault_field_add(fault, v->arena, "/version", "unknown_version",
                           "the policy has no such version; see its history");
        return false;
    }
    return err == PN_OK ? true : pn_fault_store(fault, v->arena, err);
}

/* Warnings as the change itself would give them. */
static bool
warn(struct viewing *v, struct pn_ops *ops, const struct pn_caller *caller,
     const struct pn_policy *wanted, struct pn_fault *fault)
{
    struct pn_change change = {.act = PN_ACT_POLICY_PUT};
    struct pn_task task = {.ops = ops,
                           .act = change.act,
                           .caller = caller,
                           .change = &change,
                           .arena = v->arena,
                           .fault = fault,
                           .store = v->store,
                           .policy = v->present};
    bool ok = pn_policy_warn(&task, wanted);
    v->preview.warnings = change.warnings;
    v->preview.warning_count = change.warning_count;
    return ok;
}

/* A rule for unused tokens goes on, or begins now. */
static enum pn_err
set_unused_since(struct viewing *v)
{
    struct pn_unused_rule present;
    enum pn_err err = pn_store_unused_rule(v->store, v->arena, &present);
    if (err == PN_OK) {
        v->before.unused.since = present.since;
        v->after.unused.since = present.days > 0 ? present.since : v->how.now;
    }
    return err;
}

static bool
preview(struct viewing *v, const struct pn_preview_question *question,
        struct pn_policy *wanted, struct pn_fault *fault)
{
    enum pn_err err = pn_store_policy(v->store, v->arena, &v->present);
    if (err == PN_OK && question->if_version != 0
        && question->if_version != v->present.version)
    {
        return refuse_version(fault, v->arena);
    }
    if (err == PN_OK) {
        err = pn_measure_of(v->store, &v->present, v->arena, &v->before);
    }
    if (err != PN_OK) {
        return pn_fault_store(fault, v->arena, err);
    }
    if (!wanted_policy(v, question, wanted, fault)
        || !begin_at(v, &question->page, fault))
    {
        return false;
    }
    err = pn_measure_of(v->store, wanted, v->arena, &v->after);
    if (err == PN_OK) {
        err = set_unused_since(v);
    }
    if (err == PN_OK) {
        err = look_at_all(v);
    }
    v->preview.report_ends = pn_report_ends(&v->present.ip, &wanted->ip);
    if (err == PN_OK && v->preview.report_ends) {
        err = pn_report_figures_of(v->store, &wanted->ip, NULL, v->arena,
                                   &v->preview.reports);
    }
    return err == PN_OK ? true : pn_fault_store(fault, v->arena, err);
}

bool
pn_ops_preview(struct pn_ops *ops, const struct pn_caller *caller,
               const struct pn_preview_question *question,
               struct pn_arena *arena, struct pn_preview *out,
               struct pn_fault *fault)
{
    struct viewing v = {.arena = arena,
                        .how = {.when = question->enforce,
                                .days = question->days,
                                .now = pn_ops_now()}};
    struct pn_policy wanted;
    if (!pn_may_read(caller, PN_READ_POLICY, arena, fault)) {
        return false;
    }
    enum pn_err err = pn_reader_take(ops, &v.store);
    if (err != PN_OK) {
        return pn_fault_store(fault, arena, err);
    }
    bool ok = preview(&v, question, &wanted, fault)
              && warn(&v, ops, caller, &wanted, fault);
    pn_reader_give(ops, v.store);
    if (ok) {
        *out = v.preview;
    }
    return ok;
}

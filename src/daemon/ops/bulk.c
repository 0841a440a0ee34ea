/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One act for many tokens.
 *
 * Each token is a change of its own, judged, audited and published as if it
 * stood alone; what is refused is reported and stops nothing else.  They go
 * through the writer's queue in pieces, so that other changes come in between
 * and no transaction grows with the number.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/ops/inside.h"

enum { PIECE = 64, SCRATCH_MAX = 32 << 20 };

struct bulk {
    struct pn_ops *ops;
    const struct pn_caller *caller;
    const struct pn_bulk *wish;
    struct pn_arena *arena; /* of the result */
    struct pn_fault *fault;
    struct pn_bulk_result result;
    int64_t now;
};

/* --- what would happen --------------------------------------------------- */

static bool
ends_later(const struct pn_token *token, int64_t than)
{
    int64_t end = token->expires_at;
    if (token->policy_expires_at != 0
        && (end == 0 || token->policy_expires_at < end))
    {
        end = token->policy_expires_at;
    }
    return end == 0 || end > than;
}

static enum pn_bulk_effect
effect_of(const struct bulk *b, const struct pn_token *token)
{
    const bool over =
        token->state == PN_STATE_REVOKED || token->state == PN_STATE_EXPIRED;
    switch (b->wish->action) {
    case PN_BULK_REVOKE:
        return token->state == PN_STATE_REVOKED ? PN_BULK_UNAFFECTED
                                                : PN_BULK_STOPPED;
    case PN_BULK_DISABLE:
        return over || token->disabled ? PN_BULK_UNAFFECTED : PN_BULK_STOPPED;
    case PN_BULK_ENABLE:
        return over || !token->disabled ? PN_BULK_UNAFFECTED : PN_BULK_RESUMED;
    case PN_BULK_SHORTEN:
        return over || !ends_later(token, b->wish->expires_at)
                   ? PN_BULK_UNAFFECTED
                   : PN_BULK_SHORTENED;
    }
    return PN_BULK_UNAFFECTED;
}

/* Note a token that is affected; false without memory. */
static bool
add_token(struct bulk *b, const struct pn_token *token)
{
    enum pn_bulk_effect effect = effect_of(b, token);
    if (effect == PN_BULK_UNAFFECTED) {
        b->result.unaffected++;
        return true;
    }
    struct pn_bulk_item *item = &b->result.item[b->result.count];
    *item = (struct pn_bulk_item){
        .id = token->id,
        .owner_id = token->owner_id,
        .owner = pn_arena_dup(b->arena, pn_str_from(token->owner)),
        .name = pn_arena_dup(b->arena, pn_str_from(token->name)),
        .effect = effect,
        .new_expires_at = effect == PN_BULK_SHORTENED ? b->wish->expires_at : 0,
        .last_used_at = token->last_used.at,
    };
    if (item->owner == NULL || item->name == NULL) {
        return pn_fault_store(b->fault, b->arena, PN_E_NOMEM);
    }
    b->result.count++;
    return true;
}

static bool
add_failure(struct bulk *b, uint64_t id, const struct pn_fault *why)
{
    struct pn_bulk_failure *failure = &b->result.failed[b->result.failed_count];
    const char *detail =
        why->field_count > 0 ? why->fields[0].detail : why->detail;
    *failure = (struct pn_bulk_failure){
        .id = id,
        .code = why->field_count > 0 ? why->fields[0].code : why->code,
        .detail = pn_arena_dup(
            b->arena, pn_str_from(detail != NULL ? detail : "refused")),
    };
    if (failure->code == NULL) {
        failure->code = "refused";
    }
    failure->code = pn_arena_dup(b->arena, pn_str_from(failure->code));
    if (failure->code == NULL || failure->detail == NULL) {
        return pn_fault_store(b->fault, b->arena, PN_E_NOMEM);
    }
    b->result.failed_count++;
    return true;
}

/* --- which tokens -------------------------------------------------------- */

/* Named before: counted and done once. */
static bool
is_repeated(const struct pn_bulk *wish, size_t at)
{
    size_t i = 0;
    while (i < at && wish->ids[i] != wish->ids[at]) {
        i++;
    }
    return i < at;
}

static bool
collect_ids(struct bulk *b)
{
    bool ok = true;
    for (size_t i = 0; ok && i < b->wish->id_count; i++) {
        if (is_repeated(b->wish, i)) {
            continue;
        }
        struct pn_arena *scratch = pn_arena_new(SCRATCH_MAX);
        struct pn_fault why = {0};
        struct pn_token token;
        if (scratch == NULL) {
            return pn_fault_store(b->fault, b->arena, PN_E_NOMEM);
        }
        ok = pn_ops_token(b->ops, b->caller, b->wish->ids[i], scratch, &token,
                          &why)
                 ? add_token(b, &token)
                 : add_failure(b, b->wish->ids[i], &why);
        pn_arena_free(scratch);
    }
    return ok;
}

/* One page; *cursor moves on, in the caller's buffer. */
static bool
collect_page(struct bulk *b, struct pn_token_query *query, char *cursor,
             size_t size)
{
    struct pn_arena *scratch = pn_arena_new(SCRATCH_MAX);
    struct pn_token_list list;
    struct pn_fault why = {0};
    if (scratch == NULL) {
        return pn_fault_store(b->fault, b->arena, PN_E_NOMEM);
    }
    query->page = (struct pn_page){.cursor = cursor, .limit = PN_LIST_MAX};
    bool ok = pn_ops_tokens(b->ops, b->caller, query, scratch, &list, &why);
    if (!ok) {
        pn_fault_set(b->fault, b->arena, why.status,
                     why.code != NULL ? why.code : "refused", "%s",
                     why.detail != NULL ? why.detail : "refused");
    }
    for (uint16_t i = 0; ok && i < list.count; i++) {
        if (b->result.count == PN_BULK_MAX) {
            b->result.more = true;
            break;
        }
        ok = add_token(b, &list.item[i]);
    }
    if (ok && strlen(list.next) < size) {
        memcpy(cursor, list.next, strlen(list.next) + 1);
    }
    pn_arena_free(scratch);
    return ok;
}

static bool
collect_filter(struct bulk *b)
{
    struct pn_token_query query = *b->wish->query;
    char cursor[2048] = "";
    /* Auditors see everybody's, but act on their own only. */
    if (query.owner == NULL && b->caller->role < PN_ROLE_ADMIN
        && b->caller->kind != PN_CALLER_LOCAL)
    {
        query.owner = b->caller->username;
    }
    do {
        if (!collect_page(b, &query, cursor, sizeof(cursor))) {
            return false;
        }
    } while (cursor[0] != '\0' && !b->result.more);
    return true;
}

/* --- doing it ------------------------------------------------------------ */

/* One piece of a bulk: parallel arrays, in an arena of its own. */
struct piece {
    struct pn_task task[PIECE];
    struct pn_change change[PIECE];
    struct pn_fault fault[PIECE];
    struct pn_token_wish shorten;
};

static void
prepare(struct bulk *b, struct piece *piece, struct pn_arena *scratch,
        const struct pn_bulk_item *item, size_t count)
{
    static const enum pn_act acts[] = {
        [PN_BULK_REVOKE] = PN_ACT_TOKEN_REVOKE,
        [PN_BULK_DISABLE] = PN_ACT_TOKEN_DISABLE,
        [PN_BULK_ENABLE] = PN_ACT_TOKEN_ENABLE,
        [PN_BULK_SHORTEN] = PN_ACT_TOKEN_EDIT,
    };
    piece->shorten = (struct pn_token_wish){
        .lifetime = {.kind = PN_LIFETIME_UNTIL, .until = b->wish->expires_at},
        .given = PN_FIELD_LIFETIME,
    };
    for (size_t i = 0; i < count; i++) {
        piece->change[i] = (struct pn_change){
            .act = acts[b->wish->action],
            .id = item[i].id,
            .reason = b->wish->reason,
        };
        if (b->wish->action == PN_BULK_SHORTEN) {
            piece->change[i].in.token = &piece->shorten;
        }
        piece->task[i] = (struct pn_task){
            .ops = b->ops,
            .act = piece->change[i].act,
            .caller = b->caller,
            .change = &piece->change[i],
            .arena = scratch,
            .fault = &piece->fault[i],
        };
    }
}

/* Items that were refused go over to the failures; *kept moves behind those
 * that were done. */
static bool
run_piece(struct bulk *b, const struct pn_bulk_item *item, size_t count,
          size_t *kept)
{
    struct pn_arena *scratch = pn_arena_new(SCRATCH_MAX);
    struct piece *piece =
        scratch != NULL ? pn_arena_alloc(scratch, sizeof(*piece)) : NULL;
    bool ok = true;
    if (piece == NULL) {
        pn_arena_free(scratch);
        return pn_fault_store(b->fault, b->arena, PN_E_NOMEM);
    }
    memset(piece, 0, sizeof(*piece));
    prepare(b, piece, scratch, item, count);
    pn_ops_submit_all(piece->task, count);
    for (size_t i = 0; i < count; i++) {
        if (piece->task[i].ok) {
            b->result.item[(*kept)++] = item[i];
        } else {
            ok = ok && add_failure(b, item[i].id, &piece->fault[i]);
        }
    }
    pn_arena_free(scratch);
    return ok;
}

static bool
apply(struct bulk *b)
{
    size_t kept = 0, all = b->result.count;
    bool ok = true;
    for (size_t i = 0; ok && i < all; i += PIECE) {
        size_t count = all - i < PIECE ? all - i : PIECE;
        struct pn_bulk_item item[PIECE]; /* kept ones move down over it */
        memcpy(item, &b->result.item[i], count * sizeof(item[0]));
        ok = run_piece(b, item, count, &kept);
    }
    b->result.count = kept;
    return ok;
}

/* --- counting ------------------------------------------------------------ */

static int
by_owner(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;
    return (x > y) - (x < y);
}

static bool
sum_up(struct bulk *b)
{
    struct pn_bulk_result *r = &b->result;
    uint64_t *owner = pn_arena_array(b->arena, r->count + 1, sizeof(*owner));
    if (owner == NULL) {
        return pn_fault_store(b->fault, b->arena, PN_E_NOMEM);
    }
    for (size_t i = 0; i < r->count; i++) {
        const struct pn_bulk_item *item = &r->item[i];
        owner[i] = item->owner_id;
        r->stopped += item->effect == PN_BULK_STOPPED;
        r->resumed += item->effect == PN_BULK_RESUMED;
        r->shortened += item->effect == PN_BULK_SHORTENED;
        r->used_24h += item->last_used_at > b->now - PN_DAY_S;
    }
    qsort(owner, r->count, sizeof(*owner), by_owner);
    for (size_t i = 0; i < r->count; i++) {
        r->owners += i == 0 || owner[i] != owner[i - 1];
    }
    return true;
}

bool
pn_ops_token_bulk(struct pn_ops *ops, const struct pn_caller *caller,
                  const struct pn_bulk *wish, struct pn_arena *arena,
                  struct pn_bulk_result *out, struct pn_fault *fault)
{
    struct bulk b = {.ops = ops,
                     .caller = caller,
                     .wish = wish,
                     .arena = arena,
                     .fault = fault,
                     .now = pn_ops_now()};
    const size_t most = wish->query != NULL ? PN_BULK_MAX : wish->id_count;
    if (!pn_may_read(caller, PN_READ_TOKENS, arena, fault)) {
        return false;
    }
    if (wish->action == PN_BULK_SHORTEN && wish->expires_at <= b.now) {
        pn_fault_field_add(fault, arena, "/expires_at", "not_in_future",
                           "the end must lie in the future; to stop tokens "
                           "now, revoke or disable them");
        return false;
    }
    b.result.item = pn_arena_array(arena, most + 1, sizeof(*b.result.item));
    b.result.failed = pn_arena_array(arena, most + 1, sizeof(*b.result.failed));
    if (b.result.item == NULL || b.result.failed == NULL) {
        return pn_fault_store(fault, arena, PN_E_NOMEM);
    }
    bool ok = wish->query != NULL ? collect_filter(&b) : collect_ids(&b);
    ok = ok && (wish->preview || apply(&b)) && sum_up(&b);
    if (ok) {
        *out = b.result;
    }
    return ok;
}

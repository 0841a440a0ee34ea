/* SPDX-License-Identifier: Apache-2.0 */
/* Policy and membership as ids, and what core says about them. */
#include "daemon/store/permit.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "base/str.h"
#include "core/decision.h"
#include "daemon/store/internal.h"

enum { ID_BYTES = 8 };

static int
compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return (x > y) - (x < y);
}

enum pn_err
pn_ids_pack(uint64_t *id, size_t count, struct pn_arena *arena,
            struct pn_ids *out)
{
    char *bytes = pn_arena_array(arena, count, ID_BYTES);
    struct pn_buf buf = {.ptr = bytes, .cap = count * ID_BYTES};

    if (bytes == NULL) {
        return PN_E_NOMEM;
    }
    if (count > UINT16_MAX) {
        return PN_E_TOO_LONG;
    }
    if (count > 1) {
        qsort(id, count, sizeof(*id), compare_ids);
    }
    for (size_t i = 0; i < count; i++) {
        pn_put_u64(&buf, id[i]);
    }
    *out = (struct pn_ids){(const uint8_t *) bytes, (uint16_t) count};
    return PN_OK;
}

static enum pn_err
group_id(struct pn_store *store, const char *name, uint64_t *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT id FROM user_groups WHERE name = $1");
    int64_t id = 0;
    enum pn_err err;

    pn_stmt_text(q, 1, name);
    err = pn_run_for_int(q, &id);
    if (err == PN_OK) {
        *out = (uint64_t) id;
    }
    return err;
}

enum pn_err
pn_group_ids(struct pn_store *store, char *const *names, size_t count,
             struct pn_arena *arena, struct pn_ids *out)
{
    uint64_t *id = pn_arena_array(arena, count, sizeof(*id));
    size_t found = 0;

    if (id == NULL) {
        return PN_E_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        enum pn_err err = group_id(store, names[i], &id[found]);

        if (err != PN_OK && err != PN_E_NOT_FOUND) {
            return err;
        }
        found += err == PN_OK;
    }
    return pn_ids_pack(id, found, arena, out);
}

enum pn_err
pn_permit_of(struct pn_store *store, const struct pn_policy *policy,
             struct pn_arena *arena, struct pn_permit *out)
{
    struct pn_permit permit = {
        .policy = {.creation_enabled = policy->creation.enabled,
                   .on_loss = policy->creation.on_loss}};
    uint16_t grants = policy->creation.grant_count, count = 0;
    char **names = pn_arena_array(arena, grants, sizeof(*names));
    enum pn_err err;

    if (names == NULL) {
        return PN_E_NOMEM;
    }
    for (uint16_t i = 0; i < grants; i++) {
        if (policy->creation.grants[i].group == NULL) {
            permit.policy.creation_everyone = true;
        } else {
            names[count++] = policy->creation.grants[i].group;
        }
    }
    err = pn_group_ids(store, names, count, arena, &permit.policy.grant_groups);
    if (err == PN_OK) {
        err = pn_group_ids(store, policy->admin_groups.item,
                           policy->admin_groups.count, arena,
                           &permit.admin_groups);
    }
    if (err == PN_OK) {
        *out = permit;
    }
    return err;
}

/* The ids of at most max groups, packed; ascending. */
static enum pn_err
member_of(struct pn_store *store, uint64_t user_id, struct pn_buf *out,
          uint16_t *count)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT group_id FROM memberships"
                               " WHERE user_id = $1 ORDER BY group_id"
                               " LIMIT $2");
    uint16_t groups = 0;
    enum pn_err err;

    pn_stmt_id(q, 1, user_id);
    pn_stmt_int(q, 2, PN_GROUPS_MAX);
    while ((err = pn_stmt_step(q)) == PN_OK) {
        pn_put_u64(out, pn_stmt_col_id(q, 0));
        groups++;
    }
    pn_stmt_done(q);
    if (err != PN_E_NOT_FOUND) {
        return err;
    }
    *count = groups;
    return PN_OK;
}

enum pn_err
pn_permit_standing(struct pn_store *store, const struct pn_permit *permit,
                   uint64_t owner_id, enum pn_standing *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT active, role FROM users WHERE id = $1");
    char bytes[PN_GROUPS_MAX * ID_BYTES];
    struct pn_buf buf = PN_BUF(bytes);
    struct pn_owner_record owner = {.owner_id = owner_id};
    bool active = false, admin = false;
    enum pn_err err;

    pn_stmt_id(q, 1, owner_id);
    err = pn_stmt_step(q);
    if (err == PN_OK) {
        active = pn_stmt_col_int(q, 0) != 0;
        admin = pn_stmt_col_int(q, 1) == PN_ROLE_ADMIN;
    }
    pn_stmt_done(q);
    if (err == PN_E_NOT_FOUND || (err == PN_OK && !active)) {
        *out = PN_STANDING_INACTIVE;
        return PN_OK;
    }
    if (err == PN_OK) {
        err = member_of(store, owner_id, &buf, &owner.groups.count);
    }
    if (err != PN_OK) {
        return err;
    }
    owner.groups.bytes = (const uint8_t *) bytes;
    admin = admin || pn_ids_meet(owner.groups, permit->admin_groups);
    owner.flags = (uint8_t) (PN_OWNER_ACTIVE | (admin ? PN_OWNER_ADMIN : 0));
    *out = pn_owner_permitted(&permit->policy, &owner)
               ? PN_STANDING_GOOD
               : PN_STANDING_NOT_PERMITTED;
    return PN_OK;
}

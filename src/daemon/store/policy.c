/* SPDX-License-Identifier: Apache-2.0 */
/* The policy with its former versions, and the prefixes of tokens. */
#include <string.h>

#include "base/str.h"
#include "daemon/model/codec.h"
#include "daemon/store/internal.h"

enum { DOCUMENT_ARENA_MAX = 4 << 20 };

enum pn_err
pn_policy_parse(uint64_t version, struct pn_str text, struct pn_arena *arena,
                struct pn_policy *out)
{
    struct pn_fault fault = {0};
    struct pn_policy policy;
    json_t *doc = NULL;
    enum pn_err err;

    if (pn_json_parse(text, &doc, NULL, 0) != PN_OK) {
        return PN_E_DAMAGED;
    }
    doc = pn_json_defer(arena, doc);
    if (doc == NULL) {
        return PN_E_NOMEM;
    }
    err = pn_policy_from_json(doc, arena, &policy, &fault);
    if (err != PN_OK) {
        return err == PN_E_RANGE ? PN_E_DAMAGED : err;
    }
    policy.version = version;
    *out = policy;
    return PN_OK;
}

static enum pn_err
parse_and_keep(struct pn_store *store, uint64_t version, struct pn_str text)
{
    struct pn_arena *arena = pn_arena_new(DOCUMENT_ARENA_MAX);
    struct pn_policy policy;
    enum pn_err err;

    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    err = pn_policy_parse(version, text, arena, &policy);
    if (err != PN_OK) {
        pn_arena_free(arena);
        return err;
    }
    return pn_policy_keep(store, arena, &policy);
}

enum pn_err
pn_store_policy(struct pn_store *store, struct pn_arena *arena,
                struct pn_policy *out)
{
    struct pn_stmt *q = pn_db_query(
        store->db,
        "SELECT version, document FROM policies ORDER BY version DESC LIMIT 1");
    enum pn_err err = pn_stmt_step(q);

    if (err == PN_OK) {
        err = pn_policy_is_kept(store, pn_stmt_col_id(q, 0))
                  ? PN_OK
                  : parse_and_keep(store, pn_stmt_col_id(q, 0),
                                   pn_stmt_col_str(q, 1));
        if (err == PN_OK) {
            err = pn_policy_lend(store, arena, out);
        }
    } else if (err == PN_E_NOT_FOUND) {
        pn_policy_default(out);
        out->version = PN_POLICY_DEFAULT_VERSION;
        err = PN_OK;
    }
    pn_stmt_done(q);
    return err;
}

/* From when on policies have a rule for unused tokens without a break. */
static enum pn_err
unused_since(struct pn_store *store, const struct pn_policy *policy, int64_t at,
             int64_t *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT unused_since"
                               " FROM policies"
                               " ORDER BY version DESC LIMIT 1");
    int64_t since = 0;
    enum pn_err err = pn_run_for_int(q, &since);

    if (err != PN_OK && err != PN_E_NOT_FOUND) {
        return err;
    }
    if (policy->creation.disable_unused_days == 0) {
        since = 0;
    } else if (since == 0) {
        since = at;
    }
    *out = since;
    return PN_OK;
}

enum pn_err
pn_store_policy_put(struct pn_store *store, const struct pn_policy *policy,
                    const char *by, int64_t at)
{
    struct pn_arena *arena = pn_arena_new(DOCUMENT_ARENA_MAX);
    enum pn_err err = PN_E_NOMEM;
    struct pn_stmt *q;
    int64_t since = 0;
    char *text;

    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    text = pn_json_text(pn_policy_to_json(policy, arena), arena);
    if (text == NULL) {
        goto out;
    }
    err = unused_since(store, policy, at, &since);
    if (err != PN_OK) {
        goto out;
    }
    q = pn_db_query(store->db,
                    "INSERT INTO policies (version, document, made_by, made_at,"
                    " unused_since)"
                    " SELECT COALESCE(MAX(version), $1) + 1, $2, $3, $4, $5"
                    " FROM policies");
    pn_stmt_int(q, 1, PN_POLICY_DEFAULT_VERSION);
    pn_stmt_text(q, 2, text);
    pn_stmt_text(q, 3, by == NULL ? "" : by);
    pn_stmt_int(q, 4, at);
    pn_stmt_int(q, 5, since);
    err = pn_stmt_run(q);

out:
    pn_arena_free(arena);
    return err;
}

/* More versions than one publish ever takes at once. */
enum { RECENT_VERSIONS = 64 };

static bool
list_has(const struct pn_text_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->item[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* Add to list what it does not hold yet. */
static enum pn_err
add_names(struct pn_text_list *list, const struct pn_text_list *names,
          struct pn_arena *arena)
{
    for (size_t i = 0; i < names->count; i++) {
        if (list_has(list, names->item[i])) {
            continue;
        }
        list->item =
            pn_grown(arena, list->item, list->count, sizeof(*list->item));
        if (list->item == NULL || list->count == UINT16_MAX) {
            return PN_E_NOMEM;
        }
        list->item[list->count++] = names->item[i];
    }
    return PN_OK;
}

enum pn_err
pn_store_admin_groups(struct pn_store *store, struct pn_arena *arena,
                      struct pn_text_list *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT version, document FROM policies"
                               " ORDER BY version DESC LIMIT $1");
    struct pn_text_list list = {.present = true};
    enum pn_err err;

    pn_stmt_int(q, 1, RECENT_VERSIONS);
    while ((err = pn_stmt_step(q)) == PN_OK) {
        struct pn_policy policy;

        err = pn_policy_parse(pn_stmt_col_id(q, 0), pn_stmt_col_str(q, 1),
                              arena, &policy);
        if (err == PN_OK) {
            err = add_names(&list, &policy.admin_groups, arena);
        }
        if (err != PN_OK) {
            break;
        }
    }
    pn_stmt_done(q);
    if (err != PN_E_NOT_FOUND) {
        return err;
    }
    *out = list;
    return PN_OK;
}

enum pn_err
pn_store_prefixes(struct pn_store *store, struct pn_arena *arena,
                  struct pn_prefixes *out)
{
    struct pn_stmt *q = pn_db_query(
        store->db,
        "SELECT prefix FROM prefixes ORDER BY ordinal DESC LIMIT $1");
    struct pn_row row = {.q = q, .arena = arena};
    struct pn_prefixes prefixes = {0};
    enum pn_err err;

    pn_stmt_int(q, 1, PN_TOKEN_PREFIXES_MAX);
    while ((err = pn_stmt_step(q)) == PN_OK) {
        prefixes.item[prefixes.count++] = pn_str_from(pn_row_text(&row, 0));
    }
    pn_stmt_done(q);
    if (err != PN_E_NOT_FOUND || row.no_memory) {
        return row.no_memory ? PN_E_NOMEM : err;
    }
    *out = prefixes;
    return PN_OK;
}

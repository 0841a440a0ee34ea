/* SPDX-License-Identifier: Apache-2.0 */
/* Model objects as index records: names become ids, texts become lists. */
#include "daemon/publish/records.h"

#include <string.h>

#include "base/str.h"
#include "core/record.h"
#include "daemon/store/permit.h"

enum { GROUP_NAMES_MAX = 32000 };

static int64_t
earlier(int64_t a, int64_t b)
{
    if (a == 0 || b == 0) {
        return a + b;
    }
    return a < b ? a : b;
}

static bool
has_rules(const struct pn_token *token)
{
    return token->apps.present || token->ip.present || token->paths.present
           || token->rate_requests != 0;
}

/* Borrowed texts of a list, in the arena. */
static struct pn_str *
texts_of(char *const *item, uint16_t count, struct pn_arena *arena)
{
    struct pn_str *text = pn_arena_array(arena, count, sizeof(*text));

    for (uint16_t i = 0; text != NULL && i < count; i++) {
        text[i] = pn_str_from(item[i]);
    }
    return text;
}

static struct pn_iprange *
ranges_of(const struct pn_ip_entry *entry, uint16_t count,
          struct pn_arena *arena)
{
    struct pn_iprange *range = pn_arena_array(arena, count, sizeof(*range));

    for (uint16_t i = 0; range != NULL && i < count; i++) {
        range[i] = entry[i].range;
    }
    return range;
}

enum pn_err
pn_rules_of_ip(const struct pn_ip_policy *ip, struct pn_arena *arena,
               struct pn_iprules *out)
{
    struct pn_iprange *allow = ranges_of(ip->allow, ip->allow_count, arena);
    struct pn_iprange *deny = ranges_of(ip->deny, ip->deny_count, arena);

    if (allow == NULL || deny == NULL) {
        return PN_E_NOMEM;
    }
    *out = (struct pn_iprules){.mode = ip->mode,
                               .allow = allow,
                               .deny = deny,
                               .allow_count = ip->allow_count,
                               .deny_count = ip->deny_count};
    return PN_OK;
}

/* --- tokens -------------------------------------------------------------- */

enum pn_err
pn_record_of_token(const struct pn_token *token,
                   const struct pn_token_secret *secret, struct pn_str rules,
                   struct pn_buf *out)
{
    struct pn_token_record rec = {
        .token_id = token->id,
        .owner_id = token->owner_id,
        .not_before = token->not_before,
        .expires_at = earlier(token->expires_at, token->policy_expires_at),
        .secret_ends_at = secret->ends_at,
        .access = token->access,
        .flags = (uint8_t) ((token->revoked_at != 0 ? PN_TOKEN_REVOKED : 0)
                            | (token->disabled ? PN_TOKEN_DISABLED : 0)
                            | (token->scope_count > 0 ? PN_TOKEN_MANAGES : 0)),
        .rules = rules,
    };

    memcpy(rec.hash_rest, secret->hash.bytes + PN_HASH_KEY_LEN,
           sizeof(rec.hash_rest));
    return pn_token_record_encode(&rec, out);
}

/* Ids of the apps that exist. */
static enum pn_err
app_ids(struct pn_store *store, const struct pn_text_list *names,
        struct pn_arena *arena, struct pn_ids *out)
{
    uint64_t *id = pn_arena_array(arena, names->count, sizeof(*id));
    size_t found = 0;

    if (id == NULL) {
        return PN_E_NOMEM;
    }
    for (uint16_t i = 0; i < names->count; i++) {
        struct pn_app app;
        enum pn_err err = pn_store_app_by_name(
            store, pn_str_from(names->item[i]), arena, &app);

        if (err == PN_OK) {
            id[found++] = app.id;
        } else if (err != PN_E_NOT_FOUND) {
            return err;
        }
    }
    return pn_ids_pack(id, found, arena, out);
}

enum pn_err
pn_record_of_rules(struct pn_store *store, const struct pn_token *token,
                   struct pn_arena *arena, struct pn_buf *out)
{
    struct pn_rules_record rec = {.has_apps = token->apps.present,
                                  .has_ip = token->ip.present,
                                  .has_paths = token->paths.present,
                                  .path_count = token->paths.count,
                                  .rate_requests = token->rate_requests,
                                  .rate_seconds = token->rate_seconds};
    struct pn_str *paths;
    enum pn_err err;

    if (!has_rules(token)) {
        return PN_OK;
    }
    paths = texts_of(token->paths.item, token->paths.count, arena);
    err = paths == NULL ? PN_E_NOMEM : PN_OK;
    if (err == PN_OK && rec.has_apps) {
        err = app_ids(store, &token->apps, arena, &rec.apps);
    }
    if (err == PN_OK && rec.has_ip) {
        err = pn_rules_of_ip(&token->ip, arena, &rec.ip);
    }
    return err == PN_OK ? pn_rules_record_encode(&rec, paths, out) : err;
}

/* --- owners -------------------------------------------------------------- */

/* "a,b", as many whole names as fit. */
static struct pn_str
group_names(const struct pn_user *user, struct pn_arena *arena)
{
    struct pn_buf buf = {.cap = GROUP_NAMES_MAX};
    size_t needed = 1;

    for (uint16_t i = 0; i < user->group_count; i++) {
        needed += strlen(user->groups[i].name) + 1;
    }
    if (needed < buf.cap) {
        buf.cap = needed;
    }
    buf.ptr = pn_arena_alloc(arena, buf.cap);
    if (buf.ptr == NULL) {
        return (struct pn_str){0};
    }
    for (uint16_t i = 0; i < user->group_count; i++) {
        struct pn_str name = pn_str_from(user->groups[i].name);

        if (buf.len + name.len + 1 > buf.cap) {
            break;
        }
        if (i > 0) {
            pn_buf_add_char(&buf, ',');
        }
        pn_buf_add(&buf, name);
    }
    return pn_buf_str(&buf);
}

static bool
is_admin(const struct pn_user *user, const struct pn_policy *policy)
{
    if (user->role == PN_ROLE_ADMIN) {
        return true;
    }
    for (uint16_t i = 0; i < user->group_count; i++) {
        for (uint16_t j = 0; j < policy->admin_groups.count; j++) {
            if (strcmp(user->groups[i].name, policy->admin_groups.item[j]) == 0)
            {
                return true;
            }
        }
    }
    return false;
}

enum pn_err
pn_record_of_owner(const struct pn_user *user, const struct pn_policy *policy,
                   struct pn_arena *arena, struct pn_buf *out)
{
    uint16_t count =
        user->group_count < PN_GROUPS_MAX ? user->group_count : PN_GROUPS_MAX;
    uint64_t *id = pn_arena_array(arena, count, sizeof(*id));
    struct pn_owner_record rec = {
        .owner_id = user->id,
        .flags = (uint8_t) ((user->active ? PN_OWNER_ACTIVE : 0)
                            | (is_admin(user, policy) ? PN_OWNER_ADMIN : 0)),
        .username = pn_str_from(user->username),
        .email = pn_str_from(user->email),
        .display_name = pn_str_from(user->display_name),
        .group_names = group_names(user, arena),
    };
    enum pn_err err;

    if (id == NULL || rec.group_names.ptr == NULL) {
        return PN_E_NOMEM;
    }
    for (uint16_t i = 0; i < count; i++) {
        id[i] = user->groups[i].id;
    }
    err = pn_ids_pack(id, count, arena, &rec.groups);
    return err == PN_OK ? pn_owner_record_encode(&rec, out) : err;
}

/* --- apps and policy ----------------------------------------------------- */

/* What needs no look-up. */
static struct pn_app_record
app_record(const struct pn_app *app)
{
    return (struct pn_app_record){
        .app_id = app->id,
        .name = pn_str_from(app->name),
        .context_path = pn_str_from(app->context_path),
        .passwords = app->passwords,
        .foreign_bearer = app->foreign_bearer,
        .block_status = app->block_status,
        .challenge = app->challenge,
        .cookies = app->cookies,
        .encoded_slash = app->allow_encoded_slash ? PN_APP_SLASH_ALLOWED
                                                  : PN_APP_SLASH_REFUSED,
        .user_value = app->identity.user_value,
        .keep_authorization = app->identity.keep_authorization,
        .has_ip = app->ip.present,
        .ip_report = app->ip.report,
        .has_groups = app->groups.present,
        .path_count = app->path_count,
        .read_count = app->read_count,
        .user_header = pn_str_from(app->identity.user_header),
        .groups_header = pn_str_from(app->identity.groups_header),
        .name_header = pn_str_from(app->identity.name_header),
        .email_header = pn_str_from(app->identity.email_header),
    };
}

enum pn_err
pn_record_of_app(struct pn_store *store, const struct pn_app *app,
                 struct pn_arena *arena, struct pn_buf *out)
{
    struct pn_app_record rec = app_record(app);
    struct pn_str *paths = texts_of(app->paths, app->path_count, arena);
    struct pn_str *reads = texts_of(app->reads, app->read_count, arena);
    enum pn_err err = paths == NULL || reads == NULL ? PN_E_NOMEM : PN_OK;

    if (err == PN_OK && rec.has_ip) {
        err = pn_rules_of_ip(&app->ip, arena, &rec.ip);
    }
    if (err == PN_OK && rec.has_groups) {
        err = pn_group_ids(store, app->groups.item, app->groups.count, arena,
                           &rec.groups);
    }
    return err == PN_OK ? pn_app_record_encode(&rec, paths, reads, out) : err;
}

enum pn_err
pn_record_of_policy(struct pn_store *store, const struct pn_policy *policy,
                    struct pn_arena *arena, struct pn_buf *out)
{
    struct pn_permit permit;
    struct pn_policy_record rec;
    enum pn_err err = pn_permit_of(store, policy, arena, &permit);

    if (err != PN_OK) {
        return err;
    }
    rec = permit.policy;
    rec.tls_required = policy->tls_required;
    rec.has_ip = policy->ip.present;
    rec.ip_report = policy->ip.report;
    if (rec.has_ip) {
        err = pn_rules_of_ip(&policy->ip, arena, &rec.ip);
    }
    if (err == PN_OK) {
        err = pn_store_prefixes(store, arena, &rec.prefixes);
    }
    return err == PN_OK ? pn_policy_record_encode(&rec, out) : err;
}

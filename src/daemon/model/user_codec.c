/* SPDX-License-Identifier: Apache-2.0 */
/* Users, groups and audit events as documents. */
#include <string.h>

#include "base/secret.h"
#include "base/str.h"
#include "core/credential.h"
#include "core/id.h"
#include "daemon/model/parts.h"

/* --- users --------------------------------------------------------------- */

static void
wipe_text(void *text)
{
    pn_wipe(text, strlen(text));
}

static void
read_password(const struct pn_doc *doc, struct pn_user_wish *wish)
{
    json_t *value = json_object_get(doc->obj, "password");
    size_t len = json_string_length(value);
    char *copy;

    if (value == NULL) {
        return;
    }
    if (!json_is_string(value)) {
        pn_doc_bad(doc, "password", "invalid_type",
                   "The password must be a text in quotes. Leave it out to "
                   "keep the present one.");
        return;
    }
    if (len < PN_PASSWORD_MIN || len > PN_PASSWORD_MAX) {
        pn_doc_bad(doc, "password",
                   len < PN_PASSWORD_MIN ? "too_short" : "too_long",
                   "Enter a password of %d to %d bytes.", PN_PASSWORD_MIN,
                   PN_PASSWORD_MAX);
        return;
    }
    copy = pn_arena_dup(doc->run->arena,
                        (struct pn_str){json_string_value(value), len});
    if (copy == NULL
        || pn_arena_defer(doc->run->arena, wipe_text, copy) != PN_OK) {
        doc->run->no_memory = true;
        return;
    }
    wish->password = copy;
}

static void
read_username(const struct pn_doc *doc, struct pn_user *user)
{
    static const struct pn_doc_text rule = {
        .what = "user name", .min = 1, .max = PN_USERNAME_MAX};

    pn_doc_text(doc, "username", &rule, &user->username);
    if (user->username != NULL && strchr(user->username, ':') != NULL) {
        pn_doc_bad(doc, "username", "invalid_name",
                   "A user name cannot hold a colon, which separates it from "
                   "the password in HTTP Basic.");
    }
}

/* Something@something, without blanks: enough to catch a wrong field. */
static bool
email_valid(const char *email)
{
    struct pn_str local, domain;

    return pn_str_cut(pn_str_from(email), '@', &local, &domain) && local.len > 0
           && domain.len > 0 && pn_str_find(domain, '@') == domain.len
           && domain.ptr[0] != '.' && domain.ptr[domain.len - 1] != '.'
           && strpbrk(email, " ,;:<>()\"\\") == NULL;
}

static void
read_email(const struct pn_doc *doc, struct pn_user *user)
{
    static const struct pn_doc_text rule = {
        .what = "e-mail address", .max = PN_EMAIL_MAX, .null = PN_NULL_IS_ZERO};

    pn_doc_text(doc, "email", &rule, &user->email);
    if (user->email[0] != '\0' && !email_valid(user->email)) {
        pn_doc_bad(doc, "email", "invalid_email",
                   "\"%s\" is not an e-mail address. Example: "
                   "alice@example.com.",
                   pn_doc_clip(doc, user->email));
    }
}

/* Names only: ids are the store's business. */
static void
read_user_groups(const struct pn_doc *doc, struct pn_user *user)
{
    static const struct pn_doc_list rule = {
        .text = {.what = "group", .min = 1, .max = PN_NAME_MAX},
        .max = PN_GROUPS_MAX,
        .empty = PN_EMPTY_ALLOWED,
        .check = pn_part_check_group_name};
    static char none[] = "";
    struct pn_text_list list = {0};

    pn_doc_list(doc, "groups", &rule, &list);
    if (list.count == 0) {
        return;
    }
    user->groups = pn_doc_alloc(doc, list.count, sizeof(*user->groups));
    if (user->groups == NULL) {
        return;
    }
    for (uint16_t i = 0; i < list.count; i++) {
        user->groups[i].name = list.item[i];
        user->groups[i].description = none;
    }
    user->group_count = list.count;
}

static void
read_named(const struct pn_doc *doc, const char *key,
           const struct pn_doc_list *rule, struct pn_named_list *out)
{
    struct pn_text_list list = {0};

    pn_doc_list(doc, key, rule, &list);
    if (list.count == 0) {
        return;
    }
    out->item = pn_doc_alloc(doc, list.count, sizeof(*out->item));
    for (uint16_t i = 0; out->item != NULL && i < list.count; i++) {
        out->item[i].name = list.item[i];
        out->count = list.count;
    }
}

static void
read_kind(const struct pn_doc *doc, struct pn_user *user)
{
    static const struct pn_doc_list people = {
        .text = {.what = "user", .min = 1, .max = PN_USERNAME_MAX},
        .max = PN_CUSTODIANS_MAX,
        .empty = PN_EMPTY_ALLOWED};
    static const struct pn_doc_list groups = {
        .text = {.what = "group", .min = 1, .max = PN_NAME_MAX},
        .max = PN_CUSTODIANS_MAX,
        .empty = PN_EMPTY_ALLOWED,
        .check = pn_part_check_group_name};
    unsigned kind = user->service ? 1 : 0;

    pn_doc_word(doc, "kind", pn_words_kind, &kind);
    user->service = kind != 0;
    read_named(doc, "custodians", &people, &user->custodians);
    read_named(doc, "custodian_groups", &groups, &user->custodian_groups);
}

static const struct pn_doc_field user_fields[] = {
    {"username", PN_FIELD_USERNAME},
    {"display_name", PN_FIELD_DISPLAY_NAME},
    {"email", PN_FIELD_EMAIL},
    {"password", PN_FIELD_PASSWORD},
    {"groups", PN_FIELD_GROUPS},
    {"role", PN_FIELD_ROLE},
    {"active", PN_FIELD_ACTIVE},
    {"kind", PN_FIELD_KIND},
    {"custodians", PN_FIELD_CUSTODIANS},
    {"custodian_groups", PN_FIELD_CUSTODIAN_GROUPS},
    {NULL, 0},
};

static void
read_user(const struct pn_doc *doc, struct pn_user_wish *wish)
{
    static const char *const names[] = {
        "username", "display_name", "email", "password",   "groups",
        "role",     "active",       "kind",  "custodians", "custodian_groups",
        NULL};
    static const char *const read_only[] = {"id",
                                            "source",
                                            "created_at",
                                            "has_custodian",
                                            "custodian_of",
                                            "must_change_password",
                                            NULL};
    static const struct pn_doc_text display_name = {.what = "display name",
                                                    .max = PN_USERNAME_MAX,
                                                    .null = PN_NULL_IS_ZERO};
    unsigned role = wish->user.role;

    pn_doc_known(doc, names, read_only);
    read_username(doc, &wish->user);
    pn_doc_text(doc, "display_name", &display_name, &wish->user.display_name);
    read_email(doc, &wish->user);
    read_password(doc, wish);
    read_user_groups(doc, &wish->user);
    pn_doc_word(doc, "role", pn_words_role, &role);
    wish->user.role = (enum pn_role) role;
    pn_doc_bool(doc, "active", &wish->user.active);
    read_kind(doc, &wish->user);
    wish->given = pn_doc_given(doc, user_fields);
}

enum pn_err
pn_user_wish_from_json(json_t *doc, struct pn_arena *arena,
                       struct pn_user_wish *out, struct pn_fault *fault)
{
    static char none[] = "", local[] = "local";
    struct pn_doc_run run = {.arena = arena, .fault = fault};
    struct pn_user_wish wish = {.user = {.display_name = none,
                                         .email = none,
                                         .source = local,
                                         .active = true}};
    struct pn_doc root;
    enum pn_err err;

    if (pn_doc_begin(&run, doc, &root)) {
        read_user(&root, &wish);
    }
    err = pn_doc_verdict(&run);
    if (err == PN_OK) {
        *out = wish;
    }
    return err;
}

static json_t *
named_json(const struct pn_named_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++) {
        if (json_array_append_new(array, json_string(list->item[i].name)) != 0)
        {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* What only a service account has. */
static json_t *
with_custodians(json_t *doc, const struct pn_user *user)
{
    json_t *more =
        doc == NULL || !user->service
            ? NULL
            : json_pack("{s:o, s:o, s:b}", "custodians",
                        named_json(&user->custodians), "custodian_groups",
                        named_json(&user->custodian_groups), "has_custodian",
                        user->has_custodian);
    int failed = doc != NULL && user->service
                 && (more == NULL || json_object_update(doc, more) != 0);

    json_decref(more);
    return failed ? NULL : doc;
}

json_t *
pn_user_to_json(const struct pn_user *user, struct pn_arena *arena)
{
    json_t *groups = json_array();

    for (size_t i = 0; i < user->group_count; i++) {
        if (json_array_append_new(groups, json_string(user->groups[i].name))
            != 0) {
            json_decref(groups);
            return NULL;
        }
    }
    return with_custodians(
        pn_json_defer(arena,
                      json_pack("{s:s, s:s, s:o, s:o, s:s, s:b, s:s, s:s}",
                                "username", user->username, "display_name",
                                user->display_name, "email",
                                pn_part_text_json(user->email), "groups",
                                groups, "role", pn_role_text(user->role),
                                "active", user->active, "source", user->source,
                                "kind", pn_words_kind[user->service ? 1 : 0])),
        user);
}

/* --- groups -------------------------------------------------------------- */

enum pn_err
pn_group_from_json(json_t *doc, struct pn_arena *arena, struct pn_group *out,
                   struct pn_fault *fault)
{
    static const char *const names[] = {"name", "description", NULL};
    static const char *const read_only[] = {"id", "member_count", NULL};
    static const struct pn_doc_text name = {
        .what = "name", .min = 1, .max = PN_NAME_MAX};
    static const struct pn_doc_text description = {.what = "description",
                                                   .max = PN_DESCRIPTION_MAX,
                                                   .lines = PN_MANY_LINES,
                                                   .null = PN_NULL_IS_ZERO};
    struct pn_doc_run run = {.arena = arena, .fault = fault};
    struct pn_group group = {0};
    struct pn_doc root;
    enum pn_err err;

    if (pn_doc_begin(&run, doc, &root)) {
        pn_doc_known(&root, names, read_only);
        pn_doc_text(&root, "name", &name, &group.name);
        pn_doc_text(&root, "description", &description, &group.description);
        if (!pn_doc_has(&root, "name")) {
            pn_doc_bad(&root, "name", "required", "Enter a name.");
        }
        if (group.name != NULL) {
            struct pn_doc at = root;

            at.at = "/name";
            pn_part_check_group_name(&at, group.name);
        }
    }
    err = pn_doc_verdict(&run);
    if (err == PN_OK) {
        *out = group;
    }
    return err;
}

json_t *
pn_group_to_json(const struct pn_group *group, struct pn_arena *arena)
{
    return pn_json_defer(arena, json_pack("{s:s, s:s, s:I}", "name",
                                          group->name, "description",
                                          group->description, "member_count",
                                          (json_int_t) group->member_count));
}

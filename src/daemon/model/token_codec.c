/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens as documents: what people see, what they ask for, what is stored. */
#include <netinet/in.h>
#include <string.h>

#include "base/str.h"
#include "core/id.h"
#include "daemon/model/parts.h"

enum { RATE_REQUESTS_MAX = 1000000, RATE_SECONDS_MAX = 86400 };

/* --- rules: apps, addresses, paths, rate, scopes ------------------------- */

static void
read_rate(const struct pn_doc *doc, struct pn_token *token)
{
    static const char *const names[] = {"requests", "seconds", NULL};
    static const char *const none[] = {NULL};
    static const struct pn_doc_limits requests = {.min = 1,
                                                  .max = RATE_REQUESTS_MAX};
    static const struct pn_doc_limits seconds = {.min = 1,
                                                 .max = RATE_SECONDS_MAX};
    struct pn_doc rate;

    if (pn_doc_is_null(doc, "rate_limit")) {
        token->rate_requests = token->rate_seconds = 0;
    }
    if (!pn_doc_child(doc, "rate_limit", &rate)) {
        return;
    }
    pn_doc_known(&rate, names, none);
    if (!pn_doc_has(&rate, "requests") || !pn_doc_has(&rate, "seconds")) {
        pn_doc_bad(&rate, "", "required",
                   "Enter both \"requests\" and \"seconds\", for example 600 "
                   "and 60.");
        return;
    }
    pn_doc_number(&rate, "requests", &requests, &token->rate_requests);
    pn_doc_number(&rate, "seconds", &seconds, &token->rate_seconds);
}

static void
check_scope(const struct pn_doc *item, const char *text)
{
    const char *near;

    for (size_t i = 0; pn_words_scope[i] != NULL; i++) {
        if (strcmp(text, pn_words_scope[i]) == 0) {
            return;
        }
    }
    near = pn_doc_nearest(text, pn_words_scope);
    pn_doc_bad(item, "", "unknown_scope",
               near != NULL ? "There is no scope \"%s\". Did you mean \"%s\"?"
                            : "There is no scope \"%s\". One of them is "
                              "\"%s\".",
               pn_doc_clip(item, text),
               near != NULL ? near : pn_words_scope[0]);
}

static void
read_rules(const struct pn_doc *doc, struct pn_token *token)
{
    static const struct pn_doc_list apps = {
        .text = {.what = "app", .min = 1, .max = PN_APP_NAME_MAX},
        .max = PN_APPS_MAX,
        .null = PN_NULL_IS_ZERO};
    static const struct pn_doc_list paths = {.null = PN_NULL_IS_ZERO};
    static const struct pn_doc_list scopes = {
        .text = {.what = "scope", .min = 1, .max = PN_NAME_MAX},
        .max = PN_SCOPES_MAX,
        .empty = PN_EMPTY_ALLOWED,
        .check = check_scope};
    struct pn_text_list list = {true, token->scopes, token->scope_count};

    pn_doc_list(doc, "apps", &apps, &token->apps);
    pn_part_ip(doc, "ip_rules", PN_IP_OF_TOKEN, &token->ip);
    pn_part_patterns(doc, "paths", &paths, &token->paths);
    read_rate(doc, token);
    pn_doc_list(doc, "scopes", &scopes, &list);
    token->scopes = list.item;
    token->scope_count = list.count;
}

static json_t *
rate_json(const struct pn_token *token)
{
    return token->rate_requests == 0
               ? json_null()
               : json_pack("{s:I, s:I}", "requests",
                           (json_int_t) token->rate_requests, "seconds",
                           (json_int_t) token->rate_seconds);
}

/* --- what people ask for ------------------------------------------------- */

static void
read_lifetime(const struct pn_doc *doc, struct pn_lifetime *out)
{
    static const struct pn_doc_limits days = {.min = 1,
                                              .max = PN_LIFETIME_MAX_DAYS};

    if (pn_doc_has(doc, "expires_in_days") && pn_doc_has(doc, "expires_at")) {
        pn_doc_bad(doc, "expires_in_days", "conflict",
                   "Give either \"expires_in_days\" or \"expires_at\", not "
                   "both.");
    } else if (pn_doc_has(doc, "expires_in_days")) {
        out->kind = PN_LIFETIME_DAYS;
        pn_doc_number(doc, "expires_in_days", &days, &out->days);
    } else if (pn_doc_is_null(doc, "expires_at")) {
        out->kind = PN_LIFETIME_ENDLESS;
    } else if (pn_doc_has(doc, "expires_at")) {
        out->kind = PN_LIFETIME_UNTIL;
        pn_doc_instant(doc, "expires_at", PN_NULL_IS_ZERO, &out->until);
    }
}

static const struct pn_doc_field token_fields[] = {
    {"name", PN_FIELD_NAME},
    {"description", PN_FIELD_DESCRIPTION},
    {"expires_in_days", PN_FIELD_LIFETIME},
    {"expires_at", PN_FIELD_LIFETIME},
    {"not_before", PN_FIELD_NOT_BEFORE},
    {"access", PN_FIELD_ACCESS},
    {"apps", PN_FIELD_APPS},
    {"ip_rules", PN_FIELD_IP},
    {"paths", PN_FIELD_PATHS},
    {"rate_limit", PN_FIELD_RATE},
    {"scopes", PN_FIELD_SCOPES},
    {NULL, 0},
};

void
pn_token_wish_read(const struct pn_doc *doc, struct pn_token_wish *wish)
{
    static const char *const names[] = {
        "name",   "description", "expires_in_days", "expires_at", "not_before",
        "access", "apps",        "ip_rules",        "paths",      "rate_limit",
        "scopes", NULL};
    static const char *const read_only[] = {"id",
                                            "owner",
                                            "state",
                                            "prefix",
                                            "last_four",
                                            "created_at",
                                            "last_used",
                                            "secrets",
                                            "suspended_because",
                                            "superseded_use",
                                            "disabled_because",
                                            "disable_at",
                                            NULL};
    static const struct pn_doc_text name = {
        .what = "name", .min = 1, .max = PN_NAME_MAX};
    static const struct pn_doc_text description = {.what = "description",
                                                   .max = PN_DESCRIPTION_MAX,
                                                   .lines = PN_MANY_LINES,
                                                   .null = PN_NULL_IS_ZERO};
    unsigned access = wish->token.access;

    pn_doc_known(doc, names, read_only);
    pn_doc_text(doc, "name", &name, &wish->token.name);
    pn_doc_text(doc, "description", &description, &wish->token.description);
    read_lifetime(doc, &wish->lifetime);
    pn_doc_instant(doc, "not_before", PN_NULL_IS_ZERO, &wish->token.not_before);
    pn_doc_word(doc, "access", pn_words_access, &access);
    wish->token.access = (enum pn_access) access;
    read_rules(doc, &wish->token);
    wish->given = pn_doc_given(doc, token_fields);
}

struct pn_token_wish
pn_token_wish_begin(void)
{
    static char none[] = "";

    return (struct pn_token_wish){
        .token = {.description = none, .access = PN_ACCESS_READ_WRITE}};
}

enum pn_err
pn_token_wish_from_json(json_t *doc, struct pn_arena *arena,
                        struct pn_token_wish *out, struct pn_fault *fault)
{
    struct pn_doc_run run = {.arena = arena, .fault = fault};
    struct pn_token_wish wish = pn_token_wish_begin();
    struct pn_doc root;
    enum pn_err err;

    if (pn_doc_begin(&run, doc, &root)) {
        pn_token_wish_read(&root, &wish);
    }
    err = pn_doc_verdict(&run);
    if (err == PN_OK) {
        *out = wish;
    }
    return err;
}

enum pn_err
pn_rotation_from_json(json_t *doc, struct pn_arena *arena,
                      struct pn_rotation_wish *out, struct pn_fault *fault)
{
    static const char *const names[] = {"overlap_hours", "expires_in_days",
                                        "expires_at", NULL};
    static const char *const none[] = {NULL};
    static const struct pn_doc_limits hours = {.max = PN_OVERLAP_MAX_HOURS};
    struct pn_doc_run run = {.arena = arena, .fault = fault};
    struct pn_rotation_wish wish = {0};
    struct pn_doc root;
    enum pn_err err;

    if (pn_doc_begin(&run, doc, &root)) {
        pn_doc_known(&root, names, none);
        wish.has_overlap = pn_doc_has(&root, "overlap_hours");
        pn_doc_number(&root, "overlap_hours", &hours, &wish.overlap_hours);
        read_lifetime(&root, &wish.lifetime);
    }
    err = pn_doc_verdict(&run);
    if (err == PN_OK) {
        *out = wish;
    }
    return err;
}

/* --- the stored form ----------------------------------------------------- */

char *
pn_token_rules_dump(const struct pn_token *token, struct pn_arena *arena)
{
    json_t *doc = pn_json_defer(
        arena,
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "apps",
                  pn_part_list_json(&token->apps), "ip_rules",
                  pn_part_ip_json(&token->ip, PN_IP_OF_TOKEN), "paths",
                  pn_part_list_json(&token->paths), "rate_limit",
                  rate_json(token), "scopes",
                  pn_part_texts_json(token->scopes, token->scope_count)));
    size_t len;
    char *text;

    if (doc == NULL) {
        return NULL;
    }
    len = json_dumpb(doc, NULL, 0, JSON_COMPACT);
    text = pn_arena_alloc(arena, len + 1);
    if (text != NULL) {
        (void) json_dumpb(doc, text, len, JSON_COMPACT);
    }
    return text;
}

enum pn_err
pn_token_rules_load(struct pn_str json, struct pn_arena *arena,
                    struct pn_token *token)
{
    struct pn_fault fault = {0};
    struct pn_doc_run run = {.arena = arena, .fault = &fault};
    struct pn_token rules = *token;
    struct pn_doc root;
    json_t *doc = NULL;
    enum pn_err err = pn_json_parse(json, &doc, NULL, 0);

    if (err != PN_OK) {
        return PN_E_DAMAGED;
    }
    doc = pn_json_defer(arena, doc);
    if (doc == NULL) {
        return PN_E_NOMEM;
    }
    if (pn_doc_begin(&run, doc, &root)) {
        read_rules(&root, &rules);
    }
    err = pn_doc_verdict(&run);
    if (err == PN_OK) {
        *token = rules;
    }
    return err == PN_E_RANGE ? PN_E_DAMAGED : err;
}

/* --- what people see ----------------------------------------------------- */

static json_t *
secrets_json(const struct pn_token *token)
{
    json_t *array = json_array();

    for (size_t i = 0; i < token->secret_count; i++) {
        const struct pn_token_secret *secret = &token->secrets[i];
        json_t *value = json_pack(
            "{s:s, s:o, s:o, s:o, s:s}", "last_four", secret->last_four,
            "created_at", pn_part_instant_json(secret->created_at),
            "expires_at",
            pn_part_instant_json(secret->ends_at != 0 ? secret->ends_at
                                                      : token->expires_at),
            "last_used_at", pn_part_instant_json(secret->last_used_at), "state",
            i == 0 ? "current" : "overlap");

        if (json_array_append_new(array, value) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *
seen_json(const struct pn_token *token)
{
    json_t *array = json_array();

    for (size_t i = 0; i < token->last_used.seen_count; i++) {
        const struct pn_seen *seen = &token->last_used.seen[i];
        char text[INET6_ADDRSTRLEN];
        struct pn_buf address = PN_BUF(text);

        pn_ip_format(&seen->ip, &address);
        if (json_array_append_new(array,
                                  json_pack("{s:s%, s:o}", "address",
                                            address.ptr, address.len, "at",
                                            pn_part_instant_json(seen->at)))
            != 0)
        {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *
last_used_json(const struct pn_token *token)
{
    return token->last_used.at == 0
               ? json_null()
               : json_pack("{s:o, s:o, s:o, s:o, s:o}", "at",
                           pn_part_instant_json(token->last_used.at), "address",
                           pn_part_text_json(token->last_used.address), "app",
                           pn_part_text_json(token->last_used.app), "method",
                           pn_part_text_json(token->last_used.method),
                           "addresses", seen_json(token));
}

static json_t *
superseded_use_json(const struct pn_token *token)
{
    return token->superseded_use.at == 0
               ? json_null()
               : json_pack("{s:o, s:o}", "at",
                           pn_part_instant_json(token->superseded_use.at),
                           "address",
                           pn_part_text_json(token->superseded_use.address));
}

static const char *
disabled_because(const struct pn_token *token)
{
    if (!token->disabled) {
        return NULL;
    }
    return token->disabled_unused ? "unused" : "request";
}

json_t *
pn_token_to_json(const struct pn_token *token, struct pn_arena *arena)
{
    char id[PN_ID_TEXT_LEN + 1];
    int64_t ends = token->expires_at;

    if (token->policy_expires_at != 0
        && (ends == 0 || token->policy_expires_at < ends))
    {
        ends = token->policy_expires_at;
    }
    pn_id_format(PN_ID_TOKEN, token->id, id);
    return pn_json_defer(
        arena,
        json_pack(
            "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:o,"
            " s:o, s:o, s:o, s:s?, s:s?, s:o, s:o, s:o, s:o}",
            "id", id, "name", token->name, "description", token->description,
            "owner", token->owner, "state", pn_token_state_text(token->state),
            "prefix", token->prefix, "last_four",
            token->secret_count > 0 ? token->secrets[0].last_four : "",
            "created_at", pn_part_instant_json(token->created_at), "not_before",
            pn_part_instant_json(token->not_before), "expires_at",
            pn_part_instant_json(ends), "access",
            pn_words_access[token->access], "apps",
            pn_part_list_json(&token->apps), "ip_rules",
            pn_part_ip_json(&token->ip, PN_IP_OF_TOKEN), "paths",
            pn_part_list_json(&token->paths), "rate_limit", rate_json(token),
            "scopes", pn_part_texts_json(token->scopes, token->scope_count),
            "suspended_because", token->suspended_because, "disabled_because",
            disabled_because(token), "disable_at",
            pn_part_instant_json(token->disable_at), "last_used",
            last_used_json(token), "superseded_use", superseded_use_json(token),
            "secrets", secrets_json(token)));
}

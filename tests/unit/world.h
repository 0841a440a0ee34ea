/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world a *.rules file of tests/data/decisions describes (see README.md
 * there): policy, apps, owners and tokens, each taken through its record's
 * bytes, so that decisions see what they see in the index.
 */
#ifndef PN_TESTS_WORLD_H
#define PN_TESTS_WORLD_H

#include "table.h"

#include "base/datetime.h"
#include "core/decision.h"

enum { WORLD_MAX = 32, WORLD_BYTES = 4096, WORLD_LIST = 16 };

struct world_token {
    char name[64];
    struct pn_secret text;
    struct pn_hash hash;
    struct pn_token_record record;
    struct pn_rules_record rules; /* when record has some */
    char bytes[WORLD_BYTES];
};

struct world_owner {
    struct pn_owner_record record;
    char bytes[WORLD_BYTES];
};

struct world_app {
    struct pn_app_record record;
    struct pn_pathpat patterns[2 * PN_PATHPATS_MAX];
    char bytes[WORLD_BYTES];
};

struct world {
    char groups[WORLD_MAX][64];
    size_t group_count, app_count, owner_count, token_count;
    struct world_app apps[WORLD_MAX];
    struct world_owner owners[WORLD_MAX];
    struct world_token tokens[WORLD_MAX];
    struct pn_policy_record policy;
    char policy_bytes[WORLD_BYTES];
    unsigned failures_limit, failures_window_s; /* 0 = not counted */
};

/* The lists of one line, until they are encoded. */
struct world_lists {
    struct pn_iprange allow[WORLD_LIST], deny[WORLD_LIST];
    struct pn_str paths[WORLD_LIST], reads[WORLD_LIST];
    uint8_t ids[8 * WORLD_MAX];
};

static inline const char *
world_value(const struct table_line *line, const char *key)
{
    size_t len = strlen(key);

    for (int i = 1; i < line->count; i++) {
        if (strncmp(line->words[i], key, len) == 0
            && line->words[i][len] == '=') {
            return line->words[i] + len + 1;
        }
    }
    return NULL;
}

static inline bool
world_is(const struct table_line *line, const char *key, const char *value)
{
    const char *found = world_value(line, key);

    return found != NULL && strcmp(found, value) == 0;
}

static inline struct pn_str
world_text(const struct table_line *line, const char *key)
{
    return pn_str_from(world_value(line, key));
}

/* Every key must be one of these, so that a typing error is seen. */
static inline void
world_keys(const struct table_line *line, int first, const char *keys)
{
    for (int i = first; i < line->count; i++) {
        const char *equals = strchr(line->words[i], '=');
        char wanted[80];

        if (equals == NULL || equals - line->words[i] > 60) {
            table_fail(line, "\"%s\" is not key=value", line->words[i]);
        }
        snprintf(wanted, sizeof(wanted), " %.*s ",
                 (int) (equals - line->words[i]), line->words[i]);
        if (strstr(keys, wanted) == NULL) {
            table_fail(line, "unknown key in \"%s\"", line->words[i]);
        }
    }
}

static inline int64_t
world_time(const struct table_line *line, const char *key, int64_t otherwise)
{
    struct pn_str text = world_text(line, key);
    int64_t at = otherwise;

    if (text.len > 0 && pn_datetime_parse(text, &at) != PN_OK) {
        table_fail(line, "bad instant \"%s\"", text.ptr);
    }
    return at;
}

/* Items of a list; 0 for an absent or empty value. */
static inline uint16_t
world_list(const struct table_line *line, const char *key, char separator,
           struct pn_str items[WORLD_LIST])
{
    struct pn_str head, tail = world_text(line, key);
    uint16_t count = 0;

    if (tail.len == 0) {
        return 0;
    }
    while (pn_str_cut(tail, separator, &head, &tail)) {
        items[count++] = head;
        assert_true(count < WORLD_LIST);
    }
    items[count++] = tail;
    return count;
}

static inline uint16_t
world_ranges(const struct table_line *line, const char *key,
             struct pn_iprange out[WORLD_LIST])
{
    struct pn_str items[WORLD_LIST];
    uint16_t count = world_list(line, key, ',', items);

    for (uint16_t i = 0; i < count; i++) {
        if (pn_iprange_parse(items[i], &out[i]) != PN_OK) {
            table_fail(line, "bad range in %s", key);
        }
    }
    return count;
}

/* True if the line has IP rules: ip=deny or ip=allow (the default). */
static inline bool
world_ip(const struct table_line *line, struct world_lists *lists,
         struct pn_iprules *out)
{
    if (world_value(line, "ip") == NULL) {
        return false;
    }
    out->mode = world_is(line, "ip", "allow") ? PN_IP_DEFAULT_ALLOW
                                              : PN_IP_DEFAULT_DENY;
    out->allow_count = world_ranges(line, "allow", lists->allow);
    out->deny_count = world_ranges(line, "deny", lists->deny);
    out->allow = lists->allow;
    out->deny = lists->deny;
    return true;
}

/* A group is made by naming it. */
static inline uint64_t
world_group_id(struct world *world, struct pn_str name)
{
    size_t i = 0;

    while (i < world->group_count
           && !pn_str_eq(pn_str_from(world->groups[i]), name))
    {
        i++;
    }
    if (i == world->group_count) {
        assert_true(i < WORLD_MAX && name.len < sizeof(world->groups[i]));
        memcpy(world->groups[i], name.ptr, name.len);
        world->group_count++;
    }
    return i + 1;
}

static inline const struct world_app *
world_app(const struct world *world, struct pn_str name)
{
    for (size_t i = 0; i < world->app_count; i++) {
        if (pn_str_eq(world->apps[i].record.name, name)) {
            return &world->apps[i];
        }
    }
    return NULL;
}

enum world_noun { WORLD_GROUPS = 0, WORLD_APPS };

static inline uint64_t
world_id(struct world *world, const struct table_line *line,
         enum world_noun noun, struct pn_str name)
{
    if (noun == WORLD_GROUPS) {
        return world_group_id(world, name);
    }
    const struct world_app *app = world_app(world, name);

    if (app == NULL) {
        table_fail(line, "no app \"%.*s\"", (int) name.len, name.ptr);
        return 0;
    }
    return app->record.app_id;
}

/* Ascending ids of the names in a list, as records hold them. */
static inline struct pn_ids
world_ids(struct world *world, const struct table_line *line, const char *key,
          enum world_noun noun, struct world_lists *lists)
{
    struct pn_str names[WORLD_LIST];
    uint16_t count = world_list(line, key, ',', names), filled = 0;
    bool set[WORLD_MAX + 1] = {false};

    for (uint16_t i = 0; i < count; i++) {
        set[world_id(world, line, noun, names[i])] = true;
    }
    memset(lists->ids, 0, sizeof(lists->ids));
    for (size_t id = 1; id <= WORLD_MAX; id++) {
        if (set[id]) {
            lists->ids[8 * filled++] = (uint8_t) id;
        }
    }
    return (struct pn_ids){lists->ids, filled};
}

static inline enum pn_ip_report
world_ip_report(const struct table_line *line)
{
    return world_is(line, "ip_mode", "report") ? PN_IP_REPORT : PN_IP_ENFORCE;
}

static inline void
world_add_policy(struct world *world, const struct table_line *line)
{
    struct world_lists lists;
    struct pn_buf buf = PN_BUF(world->policy_bytes);
    struct pn_policy_record rec = {
        .creation_enabled = world_is(line, "creation", "on"),
        .creation_everyone = world_is(line, "grants", "everyone"),
        .on_loss = world_is(line, "on_loss", "keep") ? PN_ON_LOSS_KEEP
                                                     : PN_ON_LOSS_SUSPEND,
        .tls_required = world_is(line, "tls", "required"),
        .read_only = world_is(line, "read_only", "yes"),
        .ip_report = world_ip_report(line),
    };

    world_keys(line, 1,
               " creation grants on_loss tls read_only ip ip_mode allow deny "
               "prefixes ");
    rec.has_ip = world_ip(line, &lists, &rec.ip);
    if (!rec.creation_everyone) {
        rec.grant_groups =
            world_ids(world, line, "grants", WORLD_GROUPS, &lists);
    }
    rec.prefixes.count =
        (uint8_t) world_list(line, "prefixes", ',', lists.paths);
    memcpy(rec.prefixes.item, lists.paths, sizeof(rec.prefixes.item));
    if (rec.prefixes.count == 0) {
        rec.prefixes = (struct pn_prefixes){{PN_STR("pst_")}, 1};
    }
    if (pn_policy_record_encode(&rec, &buf) != PN_OK
        || pn_policy_record_decode(pn_buf_str(&buf), &world->policy) != PN_OK)
    {
        table_fail(line, "policy cannot be encoded");
    }
}

static inline enum pn_foreign
world_foreign(const struct table_line *line, const char *key)
{
    if (world_is(line, key, "block")) {
        return PN_FOREIGN_BLOCK;
    }
    return world_is(line, key, "report") ? PN_FOREIGN_REPORT
                                         : PN_FOREIGN_FORWARD;
}

static inline void
world_add_app(struct world *world, const struct table_line *line)
{
    struct world_app *app = &world->apps[world->app_count];
    struct world_lists lists;
    struct pn_buf buf = PN_BUF(app->bytes);
    struct pn_app_record rec = {
        .app_id = ++world->app_count,
        .name = pn_str_from(line->words[1]),
        .context_path = world_text(line, "context"),
        .passwords = world_foreign(line, "passwords"),
        .foreign_bearer = world_foreign(line, "bearer"),
        .block_status = world_is(line, "block_status", "401") ? 401 : 403,
        .encoded_slash = world_is(line, "encoded_slash", "allowed")
                             ? PN_APP_SLASH_ALLOWED
                             : PN_APP_SLASH_REFUSED,
        .ip_report = world_ip_report(line),
    };

    world_keys(line, 2,
               " context passwords bearer block_status encoded_slash paths "
               "reads groups ip ip_mode allow deny ");
    rec.has_ip = world_ip(line, &lists, &rec.ip);
    rec.has_groups = world_value(line, "groups") != NULL;
    rec.groups = world_ids(world, line, "groups", WORLD_GROUPS, &lists);
    rec.path_count = world_list(line, "paths", '|', lists.paths);
    rec.read_count = world_list(line, "reads", '|', lists.reads);
    if (pn_app_record_encode(&rec, lists.paths, lists.reads, &buf) != PN_OK
        || pn_app_record_decode(pn_buf_str(&buf), app->patterns, &app->record)
               != PN_OK)
    {
        table_fail(line, "app cannot be encoded");
    }
}

static inline void
world_add_owner(struct world *world, const struct table_line *line)
{
    struct world_owner *owner = &world->owners[world->owner_count];
    struct world_lists lists;
    struct pn_buf buf = PN_BUF(owner->bytes);
    struct pn_owner_record rec = {
        .owner_id = ++world->owner_count,
        .username = pn_str_from(line->words[1]),
        .email = world_text(line, "email"),
        .groups = world_ids(world, line, "groups", WORLD_GROUPS, &lists),
    };

    world_keys(line, 2, " email groups active admin ");
    rec.flags = world_is(line, "active", "no") ? 0 : PN_OWNER_ACTIVE;
    rec.flags |= world_is(line, "admin", "yes") ? PN_OWNER_ADMIN : 0;
    if (pn_owner_record_encode(&rec, &buf) != PN_OK
        || pn_owner_record_decode(pn_buf_str(&buf), &owner->record) != PN_OK)
    {
        table_fail(line, "owner cannot be encoded");
    }
}

static inline const struct pn_owner_record *
world_owner_named(const struct world *world, struct pn_str name)
{
    for (size_t i = 0; i < world->owner_count; i++) {
        if (pn_str_eq(world->owners[i].record.username, name)) {
            return &world->owners[i].record;
        }
    }
    return NULL;
}

/* A token's text follows from its name, so that tables need not hold it. */
static inline void
world_token_text(const char *name, struct pn_str prefix, struct pn_secret *out)
{
    struct pn_hash entropy;

    pn_hash_of(pn_str_from(name), &entropy);
    assert_int_equal(pn_token_make(prefix, entropy.bytes, out), PN_OK);
}

static inline uint8_t
world_token_flags(const struct table_line *line)
{
    struct pn_str items[WORLD_LIST];
    uint16_t count = world_list(line, "state", ',', items);
    unsigned flags = 0;

    for (uint16_t i = 0; i < count; i++) {
        if (pn_str_eq(items[i], PN_STR("revoked"))) {
            flags |= PN_TOKEN_REVOKED;
        } else if (pn_str_eq(items[i], PN_STR("disabled"))) {
            flags |= PN_TOKEN_DISABLED;
        } else if (pn_str_eq(items[i], PN_STR("superseded"))) {
            flags |= PN_TOKEN_SUPERSEDED;
        } else {
            table_fail(line, "unknown state");
        }
    }
    return (uint8_t) flags;
}

/* The encoded rules of a token, in buf; empty when it has none. */
static inline struct pn_str
world_rules(struct world *world, const struct table_line *line,
            struct pn_buf *buf)
{
    struct world_lists lists;
    struct pn_rules_record rec = {
        .has_apps = world_value(line, "apps") != NULL,
        .has_paths = world_value(line, "paths") != NULL,
        .apps = world_ids(world, line, "apps", WORLD_APPS, &lists),
        .path_count = world_list(line, "paths", '|', lists.paths),
    };
    const char *rate = world_value(line, "rate");

    rec.has_ip = world_ip(line, &lists, &rec.ip);
    if (rate != NULL
        && sscanf(rate, "%u/%u", &rec.rate_requests, &rec.rate_seconds) != 2)
    {
        table_fail(line, "rate is REQUESTS/SECONDS");
    }
    if ((rec.has_apps || rec.has_paths || rec.has_ip || rate != NULL)
        && pn_rules_record_encode(&rec, lists.paths, buf) != PN_OK)
    {
        table_fail(line, "token's rules cannot be encoded");
    }
    return pn_buf_str(buf);
}

static inline void
world_add_token(struct world *world, const struct table_line *line)
{
    struct world_token *token = &world->tokens[world->token_count];
    char bytes[WORLD_BYTES];
    struct pn_buf rules = PN_BUF(bytes), buf = PN_BUF(token->bytes);
    struct pn_str prefix = world_text(line, "prefix");
    const struct pn_owner_record *owner =
        world_owner_named(world, world_text(line, "owner"));
    struct pn_token_record rec = {
        .token_id = ++world->token_count,
        .owner_id = owner == NULL ? 9999 : owner->owner_id,
        .not_before = world_time(line, "not_before", 0),
        .expires_at = world_time(line, "expires", 0),
        .secret_ends_at = world_time(line, "secret_ends", 0),
        .access = world_is(line, "access", "read-only") ? PN_ACCESS_READ_ONLY
                                                        : PN_ACCESS_READ_WRITE,
        .flags = world_token_flags(line),
    };

    world_keys(line, 2,
               " owner prefix not_before expires secret_ends access state apps "
               "paths rate ip allow deny ");
    snprintf(token->name, sizeof(token->name), "%s", line->words[1]);
    world_token_text(token->name, prefix.len > 0 ? prefix : PN_STR("pst_"),
                     &token->text);
    pn_hash_of((struct pn_str){token->text.bytes, token->text.len},
               &token->hash);
    rec.rules = world_rules(world, line, &rules);
    if (pn_token_record_encode(&rec, &buf) != PN_OK
        || pn_token_record_decode(pn_buf_str(&buf), &token->record) != PN_OK
        || (rec.rules.len > 0
            && pn_rules_record_decode(token->record.rules, &token->rules)
                   != PN_OK))
    {
        table_fail(line, "token cannot be encoded");
    }
}

static inline void
world_add(struct table_line *line, void *arg)
{
    struct world *world = arg;
    const char *noun = line->words[0];

    if (strcmp(noun, "policy") == 0) {
        world_add_policy(world, line);
    } else if (strcmp(noun, "failures") == 0 && line->count == 2) {
        sscanf(line->words[1], "%u/%u", &world->failures_limit,
               &world->failures_window_s);
    } else if (line->count < 2) {
        table_fail(line, "a name is missing");
    } else if (strcmp(noun, "app") == 0) {
        world_add_app(world, line);
    } else if (strcmp(noun, "owner") == 0) {
        world_add_owner(world, line);
    } else if (strcmp(noun, "token") == 0) {
        world_add_token(world, line);
    } else {
        table_fail(line, "unknown noun \"%s\"", noun);
    }
}

/* Lends memory for the life of the program; the caller frees it. */
static inline struct world *
world_load(const char *path)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    table_file(path, world_add, world);
    return world;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of who may do what, each line against a target made for it.
 */
#include <time.h>

#include "site_test.h"

static const char *table;
/* --- callers ------------------------------------------------------------- */

/* An administrator who has to choose a password: refused for that alone. */
static void
musty_create(void)
{
    static char name[] = "musty";
    static const struct pn_caller posternd = {.kind = PN_CALLER_SYSTEM};
    const struct pn_user_wish wish = {.user = {.username = name,
                                               .active = true,
                                               .role = PN_ROLE_ADMIN,
                                               .must_change_password = true},
                                      .given = PN_FIELD_USERNAME | PN_FIELD_ROLE
                                               | PN_FIELD_ACTIVE};
    struct pn_change change = {.act = PN_ACT_USER_CREATE, .in.user = &wish};

    assert_int_equal(site_do(&site, &posternd, &change), 0);
}

static struct pn_caller
token_caller(const char *owner, const char *scope)
{
    static unsigned number;
    struct pn_caller session = site_session(&site, owner), caller = {0};
    struct pn_secret secret;
    char json[200];

    session.signed_in_at = (int64_t) time(NULL);
    (void) snprintf(json, sizeof(json), "{\"name\":\"c%u\",\"scopes\":[%s]}",
                    ++number, scope);
    assert_int_equal(site_token_create(&site, &session, json, NULL, &secret),
                     0);
    assert_int_equal(site_bearer(&site, &secret, &caller), 0);
    return caller;
}

static struct pn_caller
caller_named(const char *name)
{
    struct pn_caller caller = {0};

    if (strcmp(name, "anonymous") == 0) {
        return caller;
    }
    if (strcmp(name, "local") == 0) {
        return site_local;
    }
    if (strcmp(name, "alice-stale") == 0) {
        caller = site_session(&site, "alice");
        caller.signed_in_at -= PN_SUDO_S + 60;
        return caller;
    }
    if (strcmp(name, "alice-token") == 0) {
        return token_caller("alice", "");
    }
    if (strcmp(name, "alice-revoke") == 0) {
        return token_caller("alice", "\"tokens:revoke\"");
    }
    if (strcmp(name, "alice-read") == 0) {
        return token_caller("alice", "\"tokens:read\"");
    }
    if (strcmp(name, "alice-own") == 0 || strcmp(name, "ada-own") == 0) {
        return token_caller(strcmp(name, "ada-own") == 0 ? "ada" : "alice",
                            "\"own_tokens:write\"");
    }
    if (strcmp(name, "ada-users") == 0) {
        return token_caller("ada", "\"users:write\"");
    }
    if (strcmp(name, "ada-policy") == 0) {
        return token_caller("ada", "\"policy:write\"");
    }
    caller = site_session(&site, name);
    caller.must_change_password = strcmp(name, "musty") == 0;
    return caller;
}

/* --- targets ------------------------------------------------------------- */

static uint64_t
token_target(const char *target, const struct pn_caller *caller)
{
    if (strcmp(target, "itself") == 0) {
        return caller->token_id;
    }
    if (strcmp(target, "own") == 0 && strcmp(caller->username, "musty") != 0) {
        return site_token_of(&site, caller->username, NULL)->id;
    }
    if (strcmp(target, "bob") == 0) {
        return site_token_of(&site, "bob", NULL)->id;
    }
    if (strcmp(target, "robot") == 0) {
        static unsigned number;
        struct pn_caller alice = site_session(&site, "alice");
        struct pn_token *token = NULL;
        char json[80];

        (void) snprintf(json, sizeof(json),
                        "{\"name\":\"r%u\",\"owner\":\"robot\"}", ++number);
        assert_int_equal(site_token_create(&site, &alice, json, &token, NULL),
                         0);
        return token->id;
    }
    return 12345;
}

/* A user, group or application of that name, or none. */
static const char *
named_target(const char *act, const char *target, char name[32])
{
    static unsigned number;
    char json[64];
    unsigned status = 0;

    (void) snprintf(name, 32, "target%u", ++number);
    (void) snprintf(json, sizeof(json), "{\"%s\":\"%s\"}",
                    strncmp(act, "user", 4) == 0 ? "username" : "name", name);
    if (strcmp(target, "none") == 0 || strstr(act, ".create") != NULL) {
        return name;
    }
    if (strncmp(act, "user", 4) == 0) {
        status = site_user_create(&site, &site_local, json);
    } else if (strncmp(act, "group", 5) == 0) {
        status = site_group_create(&site, &site_local, name);
    } else if (strncmp(act, "app", 3) == 0) {
        status = site_app_create(&site, &site_local, json);
    }
    assert_int_equal(status, 0);
    return name;
}

/* --- acts ---------------------------------------------------------------- */

static enum pn_act
token_act(const char *name)
{
    static const struct {
        const char *name;
        enum pn_act act;
    } acts[] = {
        {"token.revoke", PN_ACT_TOKEN_REVOKE},
        {"token.disable", PN_ACT_TOKEN_DISABLE},
        {"token.enable", PN_ACT_TOKEN_ENABLE},
        {"token.overlap_end", PN_ACT_TOKEN_OVERLAP_END},
    };

    for (size_t i = 0; i < PN_LEN(acts); i++) {
        if (strcmp(name, acts[i].name) == 0) {
            return acts[i].act;
        }
    }
    fail_msg("no act %s", name);
    return PN_ACT_COUNT;
}

static unsigned
do_token(const char *act, const struct pn_caller *caller, const char *target)
{
    static unsigned number;
    char json[128];

    if (strcmp(act, "token.create") == 0) {
        (void) snprintf(json, sizeof(json), "{\"name\":\"t%u\"%s%s%s}",
                        ++number, target[0] == '-' ? "" : ",\"owner\":\"",
                        target[0] == '-' ? "" : target,
                        target[0] == '-' ? "" : "\"");
        return site_token_create(&site, caller, json, NULL, NULL);
    }
    (void) snprintf(json, sizeof(json), "{\"name\":\"t%u\"}", ++number);
    if (strcmp(act, "token.edit") == 0) {
        return site_token_edit(&site, caller, token_target(target, caller),
                               json);
    }
    if (strcmp(act, "token.rotate") == 0) {
        return site_token_rotate(&site, caller, token_target(target, caller),
                                 "{}", NULL, NULL);
    }
    return site_token_act(&site, caller, token_act(act),
                          token_target(target, caller));
}

static unsigned
do_group(const char *act, const struct pn_caller *caller, const char *name)
{
    struct pn_group wish = {.description =
                                pn_arena_dup(site.arena, PN_STR("new"))};
    struct pn_change change = {.name = name, .in.group = &wish};

    if (strcmp(act, "group.create") == 0) {
        return site_group_create(&site, caller, name);
    }
    change.act = strcmp(act, "group.edit") == 0 ? PN_ACT_GROUP_EDIT
                                                : PN_ACT_GROUP_DELETE;
    return site_do(&site, caller, &change);
}

static unsigned
do_app(const char *act, const struct pn_caller *caller, const char *name)
{
    char json[64];
    struct pn_change change = {.name = name};

    (void) snprintf(json, sizeof(json), "{\"name\":\"%s\"}", name);
    if (strcmp(act, "app.create") == 0) {
        return site_app_create(&site, caller, json);
    }
    change.act = PN_ACT_APP_DELETE;
    if (strcmp(act, "app.edit") == 0) {
        change.act = PN_ACT_APP_EDIT;
        change.in.patch = pn_json_defer(site.arena, json_object());
    }
    return site_do(&site, caller, &change);
}

static unsigned
do_user(const char *act, const struct pn_caller *caller, const char *name)
{
    char json[64];
    struct pn_change change = {.act = PN_ACT_USER_DELETE, .name = name};

    (void) snprintf(json, sizeof(json), "{\"username\":\"%s\"}", name);
    if (strcmp(act, "user.create") == 0) {
        return site_user_create(&site, caller, json);
    }
    if (strcmp(act, "user.edit") == 0) {
        return site_user_edit(&site, caller, name, "{\"email\":\"a@b.c\"}");
    }
    change.act =
        strcmp(act, "user.stop") == 0 ? PN_ACT_USER_STOP : PN_ACT_USER_DELETE;
    return site_do(&site, caller, &change);
}

/* A hand-over for alice, or none; its code is kept in *code. */
static uint64_t
handover_target(const char *target, struct pn_secret *code)
{
    struct pn_handover_wish wish;
    struct pn_change change = {
        .act = PN_ACT_HANDOVER_CREATE, .in.handover = &wish, .secret = code};
    static unsigned number;
    char name[32];
    json_t *doc;

    (void) snprintf(name, sizeof(name), "h%u", ++number);
    doc =
        pn_json_defer(site.arena, json_pack("{s:s, s:{s:s}}", "owner", "alice",
                                            "settings", "name", name));
    if (strcmp(target, "none") == 0) {
        return 12345;
    }
    site.fault = (struct pn_fault){0};
    assert_int_equal(
        pn_handover_wish_from_json(doc, site.arena, &wish, &site.fault), PN_OK);
    assert_int_equal(site_do(&site, &site_local, &change), 0);
    return change.handover->id;
}

static unsigned
do_handover(const char *act, const struct pn_caller *caller, const char *target)
{
    struct pn_secret code = {0}, secret = {0};
    char name[] = "alice", settings[] = "{\"name\":\"x\"}", x[] = "x";
    const struct pn_handover_wish wish = {
        .owner = name,
        .valid_days = 1,
        .settings = settings,
        .token = {.token = {.name = x, .access = PN_ACCESS_READ_ONLY}}};
    struct pn_change change = {.secret = &secret};

    if (strcmp(act, "handover.create") == 0) {
        change.act = PN_ACT_HANDOVER_CREATE;
        change.in.handover = &wish;
        return site_do(&site, caller, &change);
    }
    change.id = handover_target(target, &code);
    change.act = PN_ACT_HANDOVER_WITHDRAW;
    if (strcmp(act, "handover.take") == 0) {
        change.act = PN_ACT_HANDOVER_TAKE;
        change.id = 0;
        change.code = code.bytes;
    }
    return site_do(&site, caller, &change);
}

static unsigned
do_read(const char *what, const struct pn_caller *caller, const char *target)
{
    const struct pn_page page = {.cursor = "", .limit = 10};
    const struct pn_audit_query query = {.page = page};
    struct pn_arena *arena = site.arena;
    struct pn_fault *fault = &site.fault;
    union {
        struct pn_me me;
        struct pn_token token;
        struct pn_token_list tokens;
        struct pn_user_list users;
        struct pn_group_list groups;
        struct pn_handover_list handovers;
        struct pn_app_list apps;
        struct pn_audit_list audit;
        struct pn_policy policy;
        struct pn_history history;
        struct pn_preview preview;
    } out;
    const struct pn_preview_question question = {.revert_to = 1, .page = page};
    uint64_t id = strcmp(what, "token") == 0 ? token_target(target, caller) : 0;
    bool done = false;

    site.fault = (struct pn_fault){0};
    if (strcmp(what, "me") == 0) {
        done = pn_ops_me(site.ops, caller, arena, &out.me, fault);
    } else if (strcmp(what, "tokens") == 0) {
        const struct pn_token_query asked = {
            .owner = strcmp(target, "own") == 0 ? NULL : target, .page = page};

        done =
            pn_ops_tokens(site.ops, caller, &asked, arena, &out.tokens, fault);
    } else if (strcmp(what, "token") == 0) {
        done = pn_ops_token(site.ops, caller, id, arena, &out.token, fault);
    } else if (strcmp(what, "users") == 0) {
        done = pn_ops_users(site.ops, caller,
                            &(struct pn_user_query){.page = page}, arena,
                            &out.users, fault);
    } else if (strcmp(what, "groups") == 0) {
        done =
            pn_ops_groups(site.ops, caller, &page, arena, &out.groups, fault);
    } else if (strcmp(what, "apps") == 0) {
        done = pn_ops_apps(site.ops, caller, &page, arena, &out.apps, fault);
    } else if (strcmp(what, "handovers") == 0) {
        done = pn_ops_handovers(site.ops, caller,
                                &(struct pn_handover_query){.page = page},
                                arena, &out.handovers, fault);
    } else if (strcmp(what, "policy") == 0) {
        done = pn_ops_policy(site.ops, caller, arena, &out.policy, fault);
    } else if (strcmp(what, "history") == 0) {
        done = pn_ops_policy_history(site.ops, caller, &page, arena,
                                     &out.history, fault);
    } else if (strcmp(what, "preview") == 0) {
        done = pn_ops_preview(site.ops, caller, &question, arena, &out.preview,
                              fault);
    } else if (strcmp(what, "audit") == 0) {
        done = pn_ops_audit(site.ops, caller, &query, arena, &out.audit, fault);
    }
    return done ? 0 : fault->status;
}

static unsigned
revert_policy(const struct pn_caller *caller)
{
    struct pn_change change = {.act = PN_ACT_POLICY_REVERT};
    struct pn_policy present;

    assert_true(pn_ops_policy(site.ops, &site_local, site.arena, &present,
                              &site.fault));
    change.if_version = change.revert_to = present.version;
    return site_do(&site, caller, &change);
}

static unsigned
act_named(const char *act, const struct pn_caller *caller, const char *target)
{
    char name[32];
    struct pn_change change = {.act = PN_ACT_SIGN_OUT};

    if (strncmp(act, "token.", 6) == 0) {
        return do_token(act, caller, target);
    }
    if (strncmp(act, "handover.", 9) == 0) {
        return do_handover(act, caller, target);
    }
    if (strncmp(act, "read.", 5) == 0) {
        return do_read(act + 5, caller, target);
    }
    if (strncmp(act, "user.", 5) == 0) {
        return do_user(act, caller, named_target(act, target, name));
    }
    if (strncmp(act, "group.", 6) == 0) {
        return do_group(act, caller, named_target(act, target, name));
    }
    if (strncmp(act, "app.", 4) == 0) {
        return do_app(act, caller, named_target(act, target, name));
    }
    if (strcmp(act, "policy.put") == 0) {
        return site_policy(&site, caller, "{}");
    }
    if (strcmp(act, "policy.revert") == 0) {
        return revert_policy(caller);
    }
    assert_string_equal(act, "session.close");
    return site_do(&site, caller, &change);
}

static void
text_of(struct pn_str field, char out[64])
{
    assert_true(field.len < 64);
    memcpy(out, field.ptr, field.len);
    out[field.len] = '\0';
}

static bool
answers_as_said(const struct pn_str *field)
{
    char name[64], act[64], target[64], expected[64], got[64] = "ok";

    text_of(field[0], name);
    text_of(field[1], act);
    text_of(field[2], target);
    text_of(field[3], expected);
    struct pn_caller caller = caller_named(name);
    unsigned status = act_named(act, &caller, target);

    if (status != 0) {
        (void) snprintf(got, sizeof(got), "%u:%s", status, site.fault.code);
    }
    if (strcmp(got, expected) != 0) {
        printf("# %s %s %s: %s, not %s\n", name, act, target, got, expected);
    }
    return strcmp(got, expected) == 0;
}

static void
test_everyone_may_do_what_the_table_says_and_nothing_else(void **state)
{
    (void) state;
    check_cases(table, 4, answers_as_said);
}

static int
set_up(void **state)
{
    (void) site_set_up(state);
    musty_create();
    assert_int_equal(site_policy(&site, &site_local,
                                 "{\"creation\":{\"service_accounts\":true,"
                                 "\"own_tokens_write\":true}}"),
                     0);
    assert_int_equal(
        site_user_create(&site, &site_local,
                         "{\"username\":\"robot\",\"kind\":\"service\","
                         "\"custodians\":[\"alice\"]}"),
        0);
    return site_policy(&site, &site_local,
                       "{\"creation\":{\"max_tokens_per_owner\":1000}}")
                   == 0
               ? 0
               : -1;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_everyone_may_do_what_the_table_says_and_nothing_else),
    };

    table = argc > 1 ? argv[1] : "tests/data/authorise.cases";
    return cmocka_run_group_tests(tests, set_up, site_tear_down);
}

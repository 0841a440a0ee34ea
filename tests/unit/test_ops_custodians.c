/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service accounts: nobody signs in to them, custodians manage their tokens.
 */
#include "site_test.h"

static const char robot_json[] = "{\"username\":\"robot\",\"kind\":\"service\","
                                 "\"custodians\":[\"alice\"]}";

static unsigned
make(const struct pn_caller *caller, const char *name, struct pn_token **token,
     struct pn_secret *secret)
{
    char json[96];

    (void) snprintf(json, sizeof(json), "{\"name\":\"%s\",\"owner\":\"robot\"}",
                    name);
    return site_token_create(&site, caller, json, token, secret);
}

static struct pn_user
user_named(const char *name)
{
    struct pn_user user = {0};

    assert_true(pn_ops_user(site.ops, &site_local, name, site.arena, &user,
                            &site.fault));
    return user;
}

static void
test_the_custodian_manages_tokens_that_are_the_accounts(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_token *token = NULL;
    struct pn_secret secret;
    struct pn_audit_event event;

    (void) state;
    assert_int_equal(make(&alice, "nightly", &token, &secret), 0);
    assert_string_equal(token->owner, "robot");
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    event = newest_event();
    assert_string_equal(event.actor, "alice");
    assert_true(says(event.personal, "\"owner\":\"robot\""));
    assert_int_equal(
        site_token_edit(&site, &alice, token->id, "{\"access\":\"read-only\"}"),
        0);
    assert_int_equal(site_token_edit(&site, &alice, token->id,
                                     "{\"access\":\"read-write\"}"),
                     0);
    assert_int_equal(
        site_token_act(&site, &alice, PN_ACT_TOKEN_DISABLE, token->id), 0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_TOKEN_DISABLED);
    assert_int_equal(
        site_token_act(&site, &alice, PN_ACT_TOKEN_ENABLE, token->id), 0);
    assert_int_equal(
        site_token_act(&site, &alice, PN_ACT_TOKEN_REVOKE, token->id), 0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_TOKEN_REVOKED);
    event = newest_event();
    assert_string_equal(event.action, "token.revoke");
    assert_string_equal(event.actor, "alice");
    assert_true(says(event.personal, "\"owner\":\"robot\""));
}

static void
test_whoever_is_no_custodian_sees_and_makes_nothing(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_caller bob = site_session(&site, "bob");
    struct pn_token *token = NULL;
    struct pn_token out;
    struct pn_user user;

    (void) state;
    assert_int_equal(make(&alice, "nightly", &token, NULL), 0);
    assert_int_equal(make(&bob, "mine", NULL, NULL), 422);
    assert_string_equal(site.fault.fields[0].pointer, "/owner");
    assert_int_equal(
        site_token_act(&site, &bob, PN_ACT_TOKEN_REVOKE, token->id), 404);
    assert_false(
        pn_ops_token(site.ops, &bob, token->id, site.arena, &out, &site.fault));
    assert_false(
        pn_ops_user(site.ops, &bob, "robot", site.arena, &user, &site.fault));
    assert_int_equal(site.fault.status, 403);
    assert_true(
        pn_ops_user(site.ops, &alice, "robot", site.arena, &user, &site.fault));
}

/* The same words for an account that is not there: names are not told. */
static void
test_a_stranger_cannot_tell_which_accounts_exist(void **state)
{
    struct pn_caller bob = site_session(&site, "bob");
    struct pn_user user;
    const char *detail;

    (void) state;
    assert_int_equal(make(&bob, "mine", NULL, NULL), 422);
    detail = site.fault.detail;
    assert_int_equal(site_token_create(&site, &bob,
                                       "{\"name\":\"n\",\"owner\":\"nobody\"}",
                                       NULL, NULL),
                     422);
    assert_string_equal(site.fault.detail, detail);
    assert_false(
        pn_ops_user(site.ops, &bob, "nobody", site.arena, &user, &site.fault));
    assert_int_equal(site.fault.status, 403);
}

static void
test_the_right_ends_with_the_custodianship_and_with_the_account(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");

    (void) state;
    assert_int_equal(make(&alice, "one", NULL, NULL), 0);
    assert_int_equal(site_user_edit(&site, &site_local, "robot",
                                    "{\"custodians\":[\"bob\"]}"),
                     0);
    assert_int_equal(make(&alice, "two", NULL, NULL), 422);
    assert_int_equal(site_user_edit(&site, &site_local, "robot",
                                    "{\"custodians\":[\"alice\",\"bob\"]}"),
                     0);
    assert_int_equal(make(&alice, "two", NULL, NULL), 0);
    assert_int_equal(
        site_user_edit(&site, &site_local, "alice", "{\"active\":false}"), 0);
    assert_int_equal(make(&alice, "three", NULL, NULL), 401);
}

static void
test_members_of_a_custodian_group_come_and_go(void **state)
{
    struct pn_caller bob = site_session(&site, "bob");

    (void) state;
    assert_int_equal(site_user_edit(&site, &site_local, "robot",
                                    "{\"custodians\":[],"
                                    "\"custodian_groups\":[\"keepers\"]}"),
                     0);
    assert_int_equal(make(&bob, "one", NULL, NULL), 0);
    assert_int_equal(
        site_user_edit(&site, &site_local, "bob", "{\"groups\":[]}"), 0);
    assert_int_equal(make(&bob, "two", NULL, NULL), 422);
    assert_false(user_named("robot").has_custodian);
    assert_int_equal(site_user_edit(&site, &site_local, "gil",
                                    "{\"groups\":[\"admins\",\"keepers\"]}"),
                     0);
    assert_true(user_named("robot").has_custodian);
}

/* Making needs a fresh sign-in, and no token speaks for a custodian. */
static void
test_a_custodian_signs_in_as_himself_and_freshly(void **state)
{
    struct pn_caller alice = site_session(&site, "alice"), token = {0};
    struct pn_secret secret;

    (void) state;
    alice.signed_in_at -= PN_SUDO_S + 60;
    assert_int_equal(make(&alice, "one", NULL, NULL), 403);
    assert_string_equal(site.fault.code, "sign_in_again");
    (void) site_token_of(&site, "alice", &secret);
    assert_int_equal(site_bearer(&site, &secret, &token), 0);
    assert_int_equal(make(&token, "one", NULL, NULL), 403);
    assert_int_equal(make(&site_local, "one", NULL, NULL), 403);
}

static void
test_switched_off_by_policy_there_are_no_new_ones(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_token *token = NULL;
    struct pn_secret secret;

    (void) state;
    assert_int_equal(make(&alice, "one", &token, &secret), 0);
    set_policy("{\"creation\":{\"service_accounts\":false}}");
    assert_int_equal(make(&alice, "two", NULL, NULL), 403);
    assert_string_equal(site.fault.code, "service_accounts_off");
    assert_int_equal(site_user_create(&site, &site_local,
                                      "{\"username\":\"r2\",\"kind\":"
                                      "\"service\",\"custodians\":[\"bob\"]}"),
                     403);
    assert_string_equal(site.fault.code, "service_accounts_off");
    /* what is there goes on and can be ended */
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    assert_int_equal(
        site_token_act(&site, &alice, PN_ACT_TOKEN_REVOKE, token->id), 0);
}

static void
test_without_custodian_tokens_go_on_and_it_is_said(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_secret secret;
    struct pn_change stop = {.act = PN_ACT_USER_STOP, .name = "alice"};

    (void) state;
    assert_int_equal(make(&alice, "one", NULL, &secret), 0);
    assert_true(user_named("robot").has_custodian);
    assert_int_equal(site_do(&site, &site_local, &stop), 0);
    assert_int_equal(stop.warning_count, 1);
    assert_true(says(stop.warnings[0], "\"robot\""));
    assert_false(user_named("robot").has_custodian);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    /* as it is it can be edited, and gets a custodian again */
    assert_int_equal(
        site_user_edit(&site, &site_local, "robot", "{\"email\":\"r@x.y\"}"),
        0);
    assert_int_equal(site_user_edit(&site, &site_local, "robot",
                                    "{\"custodians\":[\"bob\"]}"),
                     0);
    assert_true(user_named("robot").has_custodian);
}

/* A user of the old name is somebody else. */
static void
test_a_deleted_custodian_leaves_nothing_to_his_name(void **state)
{
    struct pn_change gone = {.act = PN_ACT_USER_DELETE, .name = "alice"};
    struct pn_caller alice;

    (void) state;
    assert_int_equal(site_do(&site, &site_local, &gone), 0);
    assert_int_equal(
        site_user_create(&site, &site_local, "{\"username\":\"alice\"}"), 0);
    alice = site_session(&site, "alice");
    assert_int_equal(make(&alice, "one", NULL, NULL), 422);
    assert_int_equal(user_named("robot").custodians.count, 0);
}

static void
test_a_custodian_gives_no_scope_beyond_his_own_role(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    static const char json[] = "{\"name\":\"n\",\"owner\":\"robot\","
                               "\"scopes\":[\"users:write\"]}";

    (void) state;
    assert_int_equal(
        site_user_edit(&site, &site_local, "robot", "{\"role\":\"admin\"}"), 0);
    assert_int_equal(site_token_create(&site, &alice, json, NULL, NULL), 422);
    assert_string_equal(site.fault.fields[0].code, "scope_not_permitted");
    assert_int_equal(
        site_user_edit(&site, &site_local, "alice", "{\"role\":\"admin\"}"), 0);
    assert_int_equal(site_token_create(&site, &alice, json, NULL, NULL), 0);
}

/* Nobody could sign in to govern. */
static void
test_a_service_account_is_not_the_last_administrator(void **state)
{
    struct pn_change stop = {.act = PN_ACT_USER_STOP, .name = "ada"};

    (void) state;
    assert_int_equal(
        site_user_edit(&site, &site_local, "robot", "{\"role\":\"admin\"}"), 0);
    assert_int_equal(site_do(&site, &site_local, &stop), 409);
    assert_string_equal(site.fault.code, "last_admin");
}

static void
test_nobody_signs_in_to_a_service_account(void **state)
{
    static const struct pn_caller home = {.address = "192.0.2.7"};
    struct pn_secret text, cookie = {0};
    struct pn_caller caller;
    struct pn_sign_in claim = {
        .username = PN_STR("robot"), .password = &text, .client = &home};

    (void) state;
    assert_int_equal(pn_secret_set(&text, PN_STR("secret-of-robot")), PN_OK);
    site.fault = (struct pn_fault){0};
    assert_false(pn_ops_sign_in(site.ops, &claim, site.arena, &cookie, &caller,
                                &site.fault));
    assert_int_equal(site.fault.status, 401);
    assert_string_equal(site.fault.code, "sign_in_refused");
    assert_int_equal(site_user_edit(&site, &site_local, "robot",
                                    "{\"password\":\"secret-of-robot\"}"),
                     422);
    assert_string_equal(site.fault.fields[0].pointer, "/password");
}

static void
test_wrong_accounts_name_the_field_and_change_nothing(void **state)
{
    static const struct {
        const char *json, *pointer, *code;
    } wrong[] = {
        {"{\"username\":\"x\",\"kind\":\"service\"}", "/custodians",
         "required"},
        {"{\"username\":\"x\",\"kind\":\"service\",\"custodians\":[]}",
         "/custodians", "required"},
        {"{\"username\":\"x\",\"kind\":\"service\",\"custodians\":[\"no\"]}",
         "/custodians/0", "unknown_user"},
        {"{\"username\":\"x\",\"kind\":\"service\",\"custodians\":[\"alice\","
         "\"robot\"]}",
         "/custodians/1", "not_a_person"},
        {"{\"username\":\"x\",\"kind\":\"service\",\"custodian_groups\":["
         "\"no\"]}",
         "/custodian_groups/0", "unknown_group"},
        {"{\"username\":\"x\",\"custodians\":[\"alice\"]}", "/custodians",
         "not_a_service_account"},
        {"{\"username\":\"x\",\"kind\":\"service\",\"custodians\":[\"alice\"],"
         "\"password\":\"long-enough\"}",
         "/password", "service_account"},
        {"{\"username\":\"x\",\"kind\":\"robot\"}", "/kind", "invalid_value"},
    };
    uint64_t events = site_audit(&site);

    (void) state;
    for (size_t i = 0; i < PN_LEN(wrong); i++) {
        assert_int_equal(site_user_create(&site, &site_local, wrong[i].json),
                         422);
        assert_string_equal(site.fault.fields[0].pointer, wrong[i].pointer);
        assert_string_equal(site.fault.fields[0].code, wrong[i].code);
    }
    assert_int_equal(
        site_user_edit(&site, &site_local, "robot", "{\"kind\":\"person\"}"),
        422);
    assert_string_equal(site.fault.fields[0].pointer, "/kind");
    assert_int_equal(
        site_user_edit(&site, &site_local, "robot", "{\"custodians\":[]}"),
        422);
    assert_int_equal(site_audit(&site), events);
}

static int
set_up(void **state)
{
    (void) site_set_up(state);
    set_policy("{\"creation\":{\"service_accounts\":true}}");
    assert_int_equal(site_user_create(&site, &site_local, robot_json), 0);
    return 0;
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, site_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_custodian_manages_tokens_that_are_the_accounts),
        TEST(test_whoever_is_no_custodian_sees_and_makes_nothing),
        TEST(test_a_stranger_cannot_tell_which_accounts_exist),
        TEST(test_the_right_ends_with_the_custodianship_and_with_the_account),
        TEST(test_members_of_a_custodian_group_come_and_go),
        TEST(test_a_custodian_signs_in_as_himself_and_freshly),
        TEST(test_switched_off_by_policy_there_are_no_new_ones),
        TEST(test_without_custodian_tokens_go_on_and_it_is_said),
        TEST(test_a_deleted_custodian_leaves_nothing_to_his_name),
        TEST(test_a_custodian_gives_no_scope_beyond_his_own_role),
        TEST(test_a_service_account_is_not_the_last_administrator),
        TEST(test_nobody_signs_in_to_a_service_account),
        TEST(test_wrong_accounts_name_the_field_and_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

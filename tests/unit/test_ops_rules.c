/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of tokens, users, groups, applications and policy, on real store
 * and index, each through the path that a client's document takes.
 */
#include <time.h>

#include "site_test.h"

static unsigned
create(const char *username, const char *json, struct pn_token **token)
{
    struct pn_caller caller = site_session(&site, username);

    return site_token_create(&site, &caller, json, token, NULL);
}

/* --- making -------------------------------------------------------------- */

static void
test_default_lifetime_is_the_smaller_of_default_and_own_maximum(void **state)
{
    struct pn_token *token = NULL;

    (void) state;
    assert_int_equal(create("alice", "{\"name\":\"d90\"}", &token), 0);
    assert_int_equal(token->expires_at - token->created_at, 90 * 86400);
    set_policy("{\"creation\":{\"grants\":[{\"group\":null,"
               "\"max_lifetime_days\":30}]}}");
    assert_int_equal(create("alice", "{\"name\":\"d30\"}", &token), 0);
    assert_int_equal(token->expires_at - token->created_at, 30 * 86400);
}

static void
test_longer_than_granted_and_endless_are_refused(void **state)
{
    (void) state;
    refused_field(
        create("alice", "{\"name\":\"x\",\"expires_in_days\":91}", NULL),
        "/expires_in_days", "lifetime_not_allowed");
    refused_field(create("alice", "{\"name\":\"x\",\"expires_at\":null}", NULL),
                  "/expires_at", "lifetime_not_allowed");
    refused_field(
        create("alice",
               "{\"name\":\"x\",\"expires_at\":\"2020-01-01T00:00:00Z\"}",
               NULL),
        "/expires_at", "not_in_future");
    assert_int_equal(
        create("ada", "{\"name\":\"x\",\"expires_at\":null}", NULL), 0);
}

static void
test_only_granted_groups_make_tokens(void **state)
{
    (void) state;
    set_policy("{\"creation\":{\"grants\":[{\"group\":\"keepers\","
               "\"max_lifetime_days\":30}]}}");
    refused(create("alice", "{\"name\":\"x\"}", NULL), 403,
            "creation_not_granted");
    assert_int_equal(create("bob", "{\"name\":\"x\"}", NULL), 0);
    set_policy("{\"creation\":{\"enabled\":false}}");
    refused(create("bob", "{\"name\":\"y\"}", NULL), 403, "creation_off");
    assert_int_equal(create("ada", "{\"name\":\"x\"}", NULL), 0);
}

static void
test_name_is_needed_and_taken_only_by_live_tokens(void **state)
{
    struct pn_token *token = NULL;
    struct pn_caller alice = site_session(&site, "alice");

    (void) state;
    refused_field(create("alice", "{}", NULL), "/name", "required");
    assert_int_equal(create("alice", "{\"name\":\"same\"}", &token), 0);
    refused(create("alice", "{\"name\":\"same\"}", NULL), 409, "name_taken");
    assert_string_equal(site.fault.fields[0].pointer, "/name");
    assert_int_equal(create("bob", "{\"name\":\"same\"}", NULL), 0);
    assert_int_equal(
        site_token_act(&site, &alice, PN_ACT_TOKEN_REVOKE, token->id), 0);
    assert_int_equal(create("alice", "{\"name\":\"same\"}", NULL), 0);
}

static void
test_policy_limits_number_access_and_addresses(void **state)
{
    struct pn_token *token = NULL;

    (void) state;
    set_policy("{\"creation\":{\"max_tokens_per_owner\":1,\"read_only\":true,"
               "\"require_ip_rule\":true}}");
    refused_field(create("alice", "{\"name\":\"a\"}", NULL), "/ip_rules",
                  "ip_rule_required");
    refused_field(create("alice",
                         "{\"name\":\"a\",\"access\":\"read-write\","
                         "\"ip_rules\":{\"default\":\"deny\",\"allow\":["
                         "{\"range\":\"10.0.0.0/8\"}]}}",
                         NULL),
                  "/access", "read_only_required");
    assert_int_equal(create("alice",
                            "{\"name\":\"a\",\"ip_rules\":{\"default\":"
                            "\"deny\",\"allow\":[{\"range\":\"10.0.0.0/8\"}]}}",
                            &token),
                     0);
    assert_int_equal(token->access, PN_ACCESS_READ_ONLY);
    refused(create("alice", "{\"name\":\"b\"}", NULL), 409, "too_many_tokens");
}

static void
test_a_token_stays_within_the_paths_of_the_policy(void **state)
{
    struct pn_token *token = NULL;
    struct pn_caller alice = site_session(&site, "alice");

    (void) state;
    set_policy("{\"creation\":{\"paths\":[\"/rest/**\",\"GET /wiki/*\"]}}");
    assert_int_equal(create("alice", "{\"name\":\"a\"}", &token), 0);
    assert_int_equal(token->paths.count, 2);
    assert_string_equal(token->paths.item[0], "/rest/**");
    refused_field(create("alice", "{\"name\":\"b\",\"paths\":null}", NULL),
                  "/paths", "paths_required");
    refused_field(create("alice",
                         "{\"name\":\"b\",\"paths\":[\"/rest/a\",\"/**\"]}",
                         NULL),
                  "/paths/1", "path_not_permitted");
    refused_field(
        create("alice", "{\"name\":\"b\",\"paths\":[\"PUT /wiki/x\"]}", NULL),
        "/paths/0", "path_not_permitted");
    assert_int_equal(
        create("alice", "{\"name\":\"b\",\"paths\":[\"/rest/*/x\"]}", NULL), 0);
    assert_int_not_equal(
        site_token_edit(&site, &alice, token->id, "{\"paths\":null}"), 0);
    refused_field(422, "/paths", "paths_required");
    assert_int_equal(
        site_token_edit(&site, &alice, token->id, "{\"description\":\"x\"}"),
        0);
}

static void
test_apps_and_scopes_of_a_token_must_be_there_and_allowed(void **state)
{
    (void) state;
    refused_field(create("alice", "{\"name\":\"x\",\"apps\":[\"no\"]}", NULL),
                  "/apps/0", "unknown_app");
    refused_field(
        create("alice", "{\"name\":\"x\",\"apps\":[\"wiki\",\"vault\"]}", NULL),
        "/apps/1", "app_not_allowed");
    assert_int_equal(
        create("bob", "{\"name\":\"x\",\"apps\":[\"vault\"]}", NULL), 0);
    refused_field(
        create("alice", "{\"name\":\"x\",\"scopes\":[\"policy:write\"]}", NULL),
        "/scopes/0", "scope_not_permitted");
    refused_field(create("alice",
                         "{\"name\":\"x\",\"scopes\":[\"own_tokens:write\"]}",
                         NULL),
                  "/scopes/0", "scope_off");
}

/* --- ending and editing -------------------------------------------------- */

static void
test_revoked_is_refused_at_the_gate_when_answered_and_stays_so(void **state)
{
    struct pn_secret secret;
    struct pn_token *token = site_token_of(&site, "alice", &secret);
    struct pn_caller alice = site_session(&site, "alice");

    (void) state;
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    assert_int_equal(
        site_token_act(&site, &alice, PN_ACT_TOKEN_DISABLE, token->id), 0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_TOKEN_DISABLED);
    assert_int_equal(
        site_token_act(&site, &alice, PN_ACT_TOKEN_ENABLE, token->id), 0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(
            site_token_act(&site, &alice, PN_ACT_TOKEN_REVOKE, token->id), 0);
        assert_int_equal(site_gate(&site, &secret), PN_REASON_TOKEN_REVOKED);
    }
    refused(site_token_act(&site, &alice, PN_ACT_TOKEN_ENABLE, token->id), 409,
            "token_revoked");
    refused(site_token_edit(&site, &alice, token->id, "{\"name\":\"z\"}"), 409,
            "token_revoked");
}

/* Each: what narrows is free, its reverse wants a fresh sign-in and the owner.
 */
static void
test_narrowing_is_free_and_widening_needs_owner_and_fresh_sign_in(void **state)
{
    static const char *const pairs[][2] = {
        {"{\"expires_in_days\":5}", "{\"expires_in_days\":9}"},
        {"{\"access\":\"read-only\"}", "{\"access\":\"read-write\"}"},
        {"{\"apps\":[\"wiki\"]}", "{\"apps\":null}"},
        {"{\"paths\":[\"/rest/**\"]}", "{\"paths\":[\"/rest/**\",\"/x\"]}"},
        {"{\"ip_rules\":{\"default\":\"deny\",\"allow\":[{\"range\":"
         "\"10.0.0.0/8\"}]}}",
         "{\"ip_rules\":null}"},
        {"{\"rate_limit\":{\"requests\":5,\"seconds\":60}}",
         "{\"rate_limit\":null}"},
    };
    struct pn_caller stale = site_session(&site, "alice"), fresh = stale;
    struct pn_caller ada = site_session(&site, "ada");

    (void) state;
    stale.signed_in_at -= PN_SUDO_S + 60;
    for (size_t i = 0; i < PN_LEN(pairs); i++) {
        uint64_t id = site_token_of(&site, "alice", NULL)->id;

        assert_int_equal(site_token_edit(&site, &stale, id, pairs[i][0]), 0);
        refused(site_token_edit(&site, &stale, id, pairs[i][1]), 403,
                "sign_in_again");
        refused(site_token_edit(&site, &ada, id, pairs[i][1]), 403,
                "owner_only");
        assert_int_equal(site_token_edit(&site, &fresh, id, pairs[i][1]), 0);
        assert_int_equal(site_token_edit(&site, &ada, id, pairs[i][0]), 0);
    }
}

static void
test_edit_extends_up_to_the_maximum_from_the_making_of_the_secret(void **state)
{
    struct pn_token *token = NULL;
    struct pn_caller alice = site_session(&site, "alice");

    (void) state;
    assert_int_equal(
        create("alice", "{\"name\":\"e\",\"expires_in_days\":5}", &token), 0);
    assert_int_equal(
        site_token_edit(&site, &alice, token->id, "{\"expires_in_days\":89}"),
        0);
    refused_field(
        site_token_edit(&site, &alice, token->id, "{\"expires_in_days\":91}"),
        "/expires_in_days", "lifetime_not_allowed");
}

static void
test_a_token_reads_and_revokes_itself_and_is_dead_then(void **state)
{
    struct pn_secret secret;
    struct pn_token *token = site_token_of(&site, "alice", &secret);
    struct pn_caller caller;

    (void) state;
    assert_int_equal(site_bearer(&site, &secret, &caller), 0);
    assert_int_equal(caller.kind, PN_CALLER_TOKEN);
    assert_int_equal(caller.token_id, token->id);
    assert_int_equal(
        site_token_act(&site, &caller, PN_ACT_TOKEN_REVOKE, token->id), 0);
    refused(site_bearer(&site, &secret, &caller), 401, "token_revoked");
}

/* --- users --------------------------------------------------------------- */

static void
test_last_active_admin_stays(void **state)
{
    struct pn_change change = {.act = PN_ACT_USER_DELETE, .name = "ada"};

    (void) state;
    refused(site_do(&site, &site_local, &change), 409, "last_admin");
    refused(site_user_edit(&site, &site_local, "ada", "{\"role\":\"auditor\"}"),
            409, "last_admin");
    refused(site_user_edit(&site, &site_local, "ada", "{\"active\":false}"),
            409, "last_admin");
    assert_int_equal(
        site_user_edit(&site, &site_local, "bob", "{\"role\":\"admin\"}"), 0);
    assert_int_equal(site_do(&site, &site_local, &change), 0);
}

static void
test_tokens_follow_their_owner(void **state)
{
    struct pn_secret secret;
    struct pn_change change = {.act = PN_ACT_USER_DELETE, .name = "alice"};

    (void) state;
    (void) site_token_of(&site, "alice", &secret);
    assert_int_equal(
        site_user_edit(&site, &site_local, "alice", "{\"active\":false}"), 0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OWNER_INACTIVE);
    assert_int_equal(
        site_user_edit(&site, &site_local, "alice", "{\"active\":true}"), 0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    assert_int_equal(site_do(&site, &site_local, &change), 0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_TOKEN_REVOKED);
}

static void
test_leaving_the_group_suspends_and_returning_revives(void **state)
{
    struct pn_secret secret;

    (void) state;
    set_policy("{\"creation\":{\"grants\":[{\"group\":\"keepers\","
               "\"max_lifetime_days\":30}]}}");
    (void) site_token_of(&site, "bob", &secret);
    assert_int_equal(
        site_user_edit(&site, &site_local, "bob", "{\"groups\":[]}"), 0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OWNER_NOT_PERMITTED);
    assert_int_equal(
        site_user_edit(&site, &site_local, "bob", "{\"groups\":[\"keepers\"]}"),
        0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
}

static void
test_user_names_are_unique_and_groups_exist(void **state)
{
    (void) state;
    refused(site_user_create(&site, &site_local, "{\"username\":\"alice\"}"),
            409, "name_taken");
    refused_field(
        site_user_create(&site, &site_local,
                         "{\"username\":\"new\",\"groups\":[\"no\"]}"),
        "/groups/0", "unknown_group");
    refused_field(site_user_create(&site, &site_local, "{}"), "/username",
                  "required");
}

/* --- groups, applications, policy ---------------------------------------- */

static void
test_renamed_group_keeps_its_grants_and_a_named_one_stays(void **state)
{
    struct pn_secret secret;
    struct pn_group wish = {.name = pn_arena_dup(site.arena, PN_STR("guards"))};
    struct pn_change rename = {
        .act = PN_ACT_GROUP_EDIT, .name = "keepers", .in.group = &wish};
    struct pn_change drop = {.act = PN_ACT_GROUP_DELETE, .name = "guards"};
    struct pn_policy present;
    struct pn_app vault;

    (void) state;
    set_policy("{\"creation\":{\"grants\":[{\"group\":\"keepers\","
               "\"max_lifetime_days\":30}]}}");
    (void) site_token_of(&site, "bob", &secret);
    assert_int_equal(site_do(&site, &site_local, &rename), 0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    assert_true(pn_ops_policy(site.ops, &site_local, site.arena, &present,
                              &site.fault));
    assert_string_equal(present.creation.grants[0].group, "guards");
    assert_true(pn_ops_app(site.ops, &site_local, "vault", site.arena, &vault,
                           &site.fault));
    assert_string_equal(vault.groups.item[0], "guards");
    refused(site_do(&site, &site_local, &drop), 409, "group_in_use");
}

/* Their records name it by its id; site_free() compares store and index. */
static void
test_tokens_of_an_application_that_goes_are_published_anew(void **state)
{
    struct pn_change change = {.act = PN_ACT_APP_DELETE, .name = "wiki"};
    struct pn_secret secret = {0};
    struct pn_caller alice = site_session(&site, "alice");

    (void) state;
    assert_int_equal(site_token_create(&site, &alice,
                                       "{\"name\":\"w\",\"apps\":[\"wiki\"]}",
                                       NULL, &secret),
                     0);
    assert_int_equal(site_do(&site, &site_local, &change), 0);
    assert_int_equal(site_app_create(&site, &site_local, "{\"name\":\"wiki\"}"),
                     0);
    /* a new one of that name inherits no tokens */
    assert_int_equal(site_gate(&site, &secret), PN_REASON_APP_NOT_ALLOWED);
}

static void
test_application_keeps_its_name(void **state)
{
    struct pn_change change = {.act = PN_ACT_APP_EDIT, .name = "wiki"};

    (void) state;
    change.in.patch =
        pn_json_defer(site.arena, json_pack("{s:s}", "name", "other"));
    refused_field(site_do(&site, &site_local, &change), "/name", "name_fixed");
    refused(site_app_create(&site, &site_local, "{\"name\":\"wiki\"}"), 409,
            "name_taken");
}

static void
test_policy_is_replaced_by_who_read_it_and_warns(void **state)
{
    struct pn_policy present;
    struct pn_change change = {.act = PN_ACT_POLICY_PUT, .in.policy = &present};
    struct pn_caller ada = site_session(&site, "ada");
    static char missing[] = "missing";
    char *names[] = {missing};
    struct pn_ip_entry office = {
        .note = pn_arena_dup(site.arena, PN_STR("office"))};

    (void) state;
    assert_int_equal(pn_iprange_parse(PN_STR("10.0.0.0/8"), &office.range),
                     PN_OK);
    assert_true(pn_ops_policy(site.ops, &site_local, site.arena, &present,
                              &site.fault));
    refused(site_do(&site, &ada, &change), 428, "version_required");
    change.if_version = present.version + 1;
    refused(site_do(&site, &ada, &change), 412, "version_mismatch");
    change.if_version = present.version;
    present.admin_groups =
        (struct pn_text_list){.present = true, .item = names, .count = 1};
    present.ip = (struct pn_ip_policy){.present = true};
    assert_int_equal(site_do(&site, &ada, &change), 503); /* unreadable */
    present.ip.allow = &office;
    present.ip.allow_count = 1;
    assert_int_equal(site_do(&site, &ada, &change), 0);
    assert_int_equal(change.policy->version, change.if_version + 1);
    assert_int_equal(change.warning_count, 2);
    assert_non_null(strstr(change.warnings[0], "\"missing\" does not exist"));
    assert_non_null(strstr(change.warnings[1], "192.0.2.7"));
}

/* --- audit --------------------------------------------------------------- */

static void
test_every_change_is_audited_once_without_its_secret(void **state)
{
    struct pn_secret secret;
    struct pn_audit_event event;
    uint64_t before = site_audit(&site);

    (void) state;
    (void) site_token_of(&site, "alice", &secret);
    refused(create("alice", "{}", NULL), 422, "invalid_fields");
    assert_int_equal(site_audit(&site), before + 1);
    event = newest_event();
    assert_string_equal(event.action, "token.create");
    assert_string_equal(event.actor, "alice");
    assert_string_equal(event.actor_kind, "session");
    assert_string_equal(event.address, "192.0.2.7");
    assert_string_equal(event.request_id, "test");
    assert_true(says(event.detail, "\"after\":{"));
    assert_false(says(event.detail, secret.bytes)
                 || says(event.personal, secret.bytes));
}

/* --- explain ------------------------------------------------------------- */

static void
test_explain_says_what_the_gate_says_and_whose_rule(void **state)
{
    struct pn_token *token = NULL;
    struct pn_explanation said;
    struct pn_caller bob = site_session(&site, "bob");
    struct pn_question question = {
        .app = "wiki", .url = "/rest/x", .address = "192.0.2.7", .tls = true};

    (void) state;
    assert_int_equal(create("alice",
                            "{\"name\":\"inside\",\"ip_rules\":{\"default\":"
                            "\"deny\",\"allow\":[{\"range\":\"10.0.0.0/8\"}]}}",
                            &token),
                     0);
    question.token_id = token->id;
    assert_true(pn_ops_explain(site.ops, &site_local, &question, site.arena,
                               &said, &site.fault));
    assert_int_equal(said.in_force.decision.reason, PN_REASON_IP_NOT_ALLOWED);
    assert_string_equal(said.in_force.where, "token \"inside\"");
    assert_string_equal(said.in_force.pointer, "/ip_rules");
    question.address = "10.1.2.3";
    assert_true(pn_ops_explain(site.ops, &site_local, &question, site.arena,
                               &said, &site.fault));
    assert_int_equal(said.in_force.decision.verdict, PN_ALLOW);
    question.tls = false;
    assert_true(pn_ops_explain(site.ops, &site_local, &question, site.arena,
                               &said, &site.fault));
    assert_string_equal(said.in_force.pointer, "/tls_required");
    site.fault = (struct pn_fault){0};
    assert_false(pn_ops_explain(site.ops, &bob, &question, site.arena, &said,
                                &site.fault));
    refused_field(site.fault.status, "/token_id", "unknown");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(
            test_default_lifetime_is_the_smaller_of_default_and_own_maximum),
        SITE_TEST(test_longer_than_granted_and_endless_are_refused),
        SITE_TEST(test_only_granted_groups_make_tokens),
        SITE_TEST(test_name_is_needed_and_taken_only_by_live_tokens),
        SITE_TEST(test_policy_limits_number_access_and_addresses),
        SITE_TEST(test_a_token_stays_within_the_paths_of_the_policy),
        SITE_TEST(test_apps_and_scopes_of_a_token_must_be_there_and_allowed),
        SITE_TEST(
            test_revoked_is_refused_at_the_gate_when_answered_and_stays_so),
        SITE_TEST(
            test_narrowing_is_free_and_widening_needs_owner_and_fresh_sign_in),
        SITE_TEST(
            test_edit_extends_up_to_the_maximum_from_the_making_of_the_secret),
        SITE_TEST(test_a_token_reads_and_revokes_itself_and_is_dead_then),
        SITE_TEST(test_last_active_admin_stays),
        SITE_TEST(test_tokens_follow_their_owner),
        SITE_TEST(test_leaving_the_group_suspends_and_returning_revives),
        SITE_TEST(test_user_names_are_unique_and_groups_exist),
        SITE_TEST(test_renamed_group_keeps_its_grants_and_a_named_one_stays),
        SITE_TEST(test_tokens_of_an_application_that_goes_are_published_anew),
        SITE_TEST(test_application_keeps_its_name),
        SITE_TEST(test_policy_is_replaced_by_who_read_it_and_warns),
        SITE_TEST(test_every_change_is_audited_once_without_its_secret),
        SITE_TEST(test_explain_says_what_the_gate_says_and_whose_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

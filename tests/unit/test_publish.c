/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store -> index, on a real store and a real index, judged by what the gate
 * answers to a request.
 */
#include "daemon/publish/publish.h"

#include "daemon/publish/records.h"
#include "publish_fixture.h"

/* --- tokens and owners --------------------------------------------------- */

static void
test_a_token_works_once_published_and_not_once_revoked(void **state)
{
    struct world w = world_of(state);

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    assert_string_equal(answer_to(&w, TOKEN + 1), "token_unknown");
    revoke_token(&w, TOKEN);
    assert_string_equal(answer_to(&w, TOKEN), "ok"); /* not published yet */
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "token_revoked");
    pn_publisher_free(w.publisher);
}

static void
test_two_secrets_work_during_an_overlap_and_the_old_one_is_known_after(
    void **state)
{
    struct world w = world_of(state);
    const struct question fresh = {2000000, "jira", "/", NULL};
    struct pn_token token;

    open_publisher(&w);
    furnish(&w);
    token = stored(&w, TOKEN);
    token.secrets[1] = token.secrets[0];
    token.secrets[1].ends_at = now() + 3600;
    token.secrets[0] = secret_of(2000000);
    token.secret_count = 2;
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    assert_string_equal(answer(&w, &fresh), "ok");
    token.secrets[1].ends_at = now();
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "token_superseded");
    assert_string_equal(answer(&w, &fresh), "ok");
    assert_int_equal(pn_publisher_rebuild(w.publisher), PN_OK);
    assert_string_equal(answer_to(&w, TOKEN), "token_superseded");
    pn_publisher_free(w.publisher);
}

static void
test_the_earlier_end_counts_and_long_ended_tokens_go(void **state)
{
    struct world w = world_of(state);
    struct pn_token token;

    open_publisher(&w);
    furnish(&w);
    token = stored(&w, TOKEN);
    token.expires_at = now() + YEAR;
    token.policy_expires_at = now() - 1;
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "token_expired");
    token.policy_expires_at = now() - (int64_t) 91 * PN_DAY_S;
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "token_unknown");
    token.policy_expires_at = 0; /* a revert of the enforcement works */
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    pn_publisher_free(w.publisher);
}

static void
test_rules_of_a_token_follow_it(void **state)
{
    struct world w = world_of(state);
    struct pn_app wiki = app_of(w.f, APP + 1, "{\"name\":\"wiki\"}");
    char *names[] = {words(w.f, "wiki")}, *paths[] = {words(w.f, "/rest/**")};
    struct pn_token token;

    open_publisher(&w);
    furnish(&w);
    assert_int_equal(pn_store_app_insert(w.f->store, &wiki), PN_OK);
    change(&w, PN_CHANGE_APP, APP + 1, NULL);
    token = stored(&w, TOKEN);
    token.apps = (struct pn_text_list){true, names, 1};
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "app_not_allowed");
    token.apps = (struct pn_text_list){0};
    token.paths = (struct pn_text_list){true, paths, 1};
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "path_not_allowed");
    token.paths = (struct pn_text_list){0};
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    pn_publisher_free(w.publisher);
}

static void
test_who_leaves_the_group_is_refused_and_works_again_on_return(void **state)
{
    struct world w = world_of(state);

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    join(w.f, OWNER, 0, NULL);
    change(&w, PN_CHANGE_OWNER, OWNER, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "owner_not_permitted");
    join(w.f, OWNER, 1, (uint64_t[]){GROUP});
    change(&w, PN_CHANGE_OWNER, OWNER, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    assert_int_equal(pn_store_user_delete(w.f->store, OWNER), PN_OK);
    change(&w, PN_CHANGE_OWNER, OWNER, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "owner_inactive");
    pn_publisher_free(w.publisher);
}

/* --- groups, apps, policy ------------------------------------------------ */

static void
test_a_grant_or_app_that_names_a_group_works_once_the_group_exists(void **state)
{
    struct world w = world_of(state);
    struct pn_app app =
        app_of(w.f, APP, "{\"name\":\"jira\",\"groups\":[\"later\"]}");

    open_publisher(&w);
    furnish(&w);
    put_policy(w.f, "{\"creation\":{\"enabled\":true,\"grants\":[{\"group\":"
                    "\"later\",\"max_lifetime_days\":1}]},"
                    "\"tls_required\":false}");
    change(&w, PN_CHANGE_POLICY, 0, NULL);
    assert_int_equal(pn_store_app_update(w.f->store, &app), PN_OK);
    change(&w, PN_CHANGE_APP, APP, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "owner_not_permitted");
    add_group(w.f, GROUP + 1, "later");
    join(w.f, OWNER, 1, (uint64_t[]){GROUP + 1});
    change(&w, PN_CHANGE_GROUP, GROUP + 1, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    pn_publisher_free(w.publisher);
}

static void
test_a_deleted_or_renamed_group_leaves_the_groups_header(void **state)
{
    struct world w = world_of(state);
    struct pn_group group = {.id = GROUP + 1};
    char groups[64] = "";
    const struct question question = {TOKEN + 1000000, "jira", "/", groups};

    open_publisher(&w);
    furnish(&w);
    add_group(w.f, GROUP + 1, "staff");
    join(w.f, OWNER, 2, (uint64_t[]){GROUP, GROUP + 1});
    change(&w, PN_CHANGE_OWNER, OWNER, NULL);
    publish(&w);
    assert_string_equal(answer(&w, &question), "ok");
    assert_string_equal(groups, "makers,staff");
    group.name = words(w.f, "team");
    assert_int_equal(pn_store_group_update(w.f->store, &group), PN_OK);
    change(&w, PN_CHANGE_GROUP, GROUP + 1, NULL);
    publish(&w);
    assert_string_equal(answer(&w, &question), "ok");
    assert_string_equal(groups, "makers,team");
    assert_int_equal(pn_store_group_delete(w.f->store, GROUP + 1), PN_OK);
    change(&w, PN_CHANGE_GROUP, GROUP + 1, NULL);
    publish(&w);
    assert_string_equal(answer(&w, &question), "ok");
    assert_string_equal(groups, "makers");
    pn_publisher_free(w.publisher);
}

static void
test_a_renamed_app_is_not_found_under_its_old_name(void **state)
{
    struct world w = world_of(state);
    const struct question renamed = {TOKEN + 1000000, "tickets", "/", NULL};
    struct pn_app app = app_of(w.f, APP, "{\"name\":\"tickets\"}");
    struct pn_app other = app_of(w.f, APP + 1, "{\"name\":\"jira\"}");

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    assert_int_equal(pn_store_app_update(w.f->store, &app), PN_OK);
    change(&w, PN_CHANGE_APP, APP, "jira");
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "not_ready");
    assert_string_equal(answer(&w, &renamed), "ok");
    /* Another app takes the old name, and both changes come at once, even
     * with the older one repeated after it. */
    assert_int_equal(pn_store_app_insert(w.f->store, &other), PN_OK);
    change(&w, PN_CHANGE_APP, APP + 1, NULL);
    change(&w, PN_CHANGE_APP, APP, "jira");
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    assert_int_equal(pn_store_app_delete(w.f->store, APP), PN_OK);
    change(&w, PN_CHANGE_APP, APP, "tickets");
    publish(&w);
    assert_string_equal(answer(&w, &renamed), "not_ready");
    pn_publisher_free(w.publisher);
}

static void
test_a_policy_that_makes_administrators_reaches_their_records(void **state)
{
    struct world w = world_of(state);

    open_publisher(&w);
    furnish(&w);
    put_policy(w.f, "{\"tls_required\":false}"); /* creation off */
    change(&w, PN_CHANGE_POLICY, 0, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "owner_not_permitted");
    put_policy(w.f, "{\"tls_required\":false,\"admin_groups\":[\"makers\"]}");
    change(&w, PN_CHANGE_POLICY, 0, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    put_policy(w.f, "{\"tls_required\":false}");
    change(&w, PN_CHANGE_POLICY, 0, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "owner_not_permitted");
    pn_publisher_free(w.publisher);
}

static void
test_an_owner_whose_record_cannot_be_made_stops_nobody_else(void **state)
{
    struct world w = world_of(state);

    open_publisher(&w);
    furnish(&w);
    add_user(w.f, OWNER + 1, "bell\x07");
    add_token(w.f, TOKEN + 1, OWNER + 1, "x");
    change(&w, PN_CHANGE_OWNER, OWNER + 1, NULL);
    change(&w, PN_CHANGE_TOKEN, TOKEN + 1, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    assert_string_equal(answer_to(&w, TOKEN + 1), "owner_inactive");
    pn_publisher_free(w.publisher);
}

/* --- records ------------------------------------------------------------- */

static void
test_more_group_names_than_fit_are_cut_between_names(void **state)
{
    struct world w = world_of(state);
    static char record[PN_RECORD_MAX + 16];
    struct pn_buf buf = {.ptr = record, .cap = sizeof(record)};
    struct pn_user user = user_of(w.f, 1, "alice");
    struct pn_owner_record rec;
    struct pn_policy policy;
    static char name[PN_NAME_MAX + 1];

    memset(name, 'g', PN_NAME_MAX);
    pn_policy_default(&policy);
    user.groups = pn_arena_array(w.f->arena, 600, sizeof(*user.groups));
    user.group_count = 600;
    for (uint16_t i = 0; i < 600; i++) {
        user.groups[i] = (struct pn_group){.id = i + 1U, .name = name};
    }
    assert_int_equal(pn_record_of_owner(&user, &policy, w.f->arena, &buf),
                     PN_OK);
    assert_int_equal(pn_owner_record_decode(pn_buf_str(&buf), &rec), PN_OK);
    assert_int_equal(rec.groups.count, PN_GROUPS_MAX);
    assert_int_equal((rec.group_names.len + 1) % (PN_NAME_MAX + 1), 0);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_token_works_once_published_and_not_once_revoked),
        TEST(
            test_two_secrets_work_during_an_overlap_and_the_old_one_is_known_after),
        TEST(test_the_earlier_end_counts_and_long_ended_tokens_go),
        TEST(test_rules_of_a_token_follow_it),
        TEST(test_who_leaves_the_group_is_refused_and_works_again_on_return),
        TEST(
            test_a_grant_or_app_that_names_a_group_works_once_the_group_exists),
        TEST(test_a_deleted_or_renamed_group_leaves_the_groups_header),
        TEST(test_a_renamed_app_is_not_found_under_its_old_name),
        TEST(test_a_policy_that_makes_administrators_reaches_their_records),
        TEST(test_an_owner_whose_record_cannot_be_made_stops_nobody_else),
        TEST(test_more_group_names_than_fit_are_cut_between_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

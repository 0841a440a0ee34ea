/* SPDX-License-Identifier: Apache-2.0 */
/* The store: people, apps, policy and sessions. */
#include "daemon/store/store.h"

#include "store_fixture.h"

/* --- users and groups ---------------------------------------------------- */

static void
test_user_names_are_one_whatever_their_case(void **state)
{
    struct fixture *f = *state;
    struct pn_user user = user_of(f, 2, "ALICE");

    add_user(f, 1, "Alice");
    assert_int_equal(pn_store_user_insert(f->store, &user), PN_E_EXISTS);
    assert_int_equal(
        pn_store_user_by_name(f->store, PN_STR("aLICE"), f->arena, &user),
        PN_OK);
    assert_string_equal(user.username, "Alice");
}

static void
test_letters_outside_ascii_keep_their_case(void **state)
{
    struct fixture *f = *state;

    add_user(f, 1, "J\xc3\xb6rg");
    add_user(f, 2, "J\xc3\x96rg");
    assert_true(has_user(f, "j\xc3\xb6RG"));
}

static void
test_a_user_reads_back_as_written(void **state)
{
    struct fixture *f = *state;
    struct pn_user user = user_of(f, 1, "alice"), again;

    add_group(f, 20, "b");
    add_group(f, 10, "a");
    user.display_name = words(f, "Alice A.");
    user.email = words(f, "alice@example.com");
    user.role = PN_ROLE_AUDITOR;
    user.must_change_password = true;
    user.groups = (struct pn_group[]){{.id = 20}, {.id = 10}};
    user.group_count = 2;
    assert_int_equal(pn_store_user_insert(f->store, &user), PN_OK);
    assert_int_equal(pn_store_user_by_id(f->store, 1, f->arena, &again), PN_OK);
    assert_string_equal(again.email, "alice@example.com");
    assert_string_equal(again.display_name, "Alice A.");
    assert_null(again.password_hash);
    assert_int_equal(again.role, PN_ROLE_AUDITOR);
    assert_true(again.active && again.must_change_password);
    assert_int_equal(again.group_count, 2);
    assert_int_equal(again.groups[0].id, 10); /* ascending */
    assert_string_equal(again.groups[1].name, "b");
    assert_int_equal(again.created_at, NOW);
}

/* Until the account goes. */
static void
test_an_account_is_found_by_its_former_names(void **state)
{
    struct fixture *f = *state;
    const struct pn_str former = PN_STR("ALICE");
    struct pn_user user = user_of(f, 1, "alice"), found;

    assert_int_equal(pn_store_user_insert(f->store, &user), PN_OK);
    for (int i = 0; i < 2; i++) { /* there and back again, twice */
        user.username = words(f, "Alicia");
        assert_int_equal(pn_store_user_update(f->store, &user), PN_OK);
        assert_int_equal(
            pn_store_user_by_former_name(f->store, former, f->arena, &found),
            PN_OK);
        assert_string_equal(found.username, "Alicia");
        user.username = words(f, "alice");
        assert_int_equal(pn_store_user_update(f->store, &user), PN_OK);
    }
    assert_int_equal(pn_store_user_delete(f->store, 1), PN_OK);
    assert_int_equal(
        pn_store_user_by_former_name(f->store, former, f->arena, &found),
        PN_E_NOT_FOUND);
}

static void
test_what_is_not_there_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct pn_user user = user_of(f, 9, "nobody");
    struct pn_group group = {.id = 9, .name = words(f, "none")};
    struct pn_app app = app_of(f, 9, "{\"name\":\"none\"}");
    struct pn_token token = token_of(f, 9, 9, "none");

    assert_int_equal(pn_store_user_update(f->store, &user), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_user_delete(f->store, 9), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_group_update(f->store, &group), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_group_delete(f->store, 9), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_app_update(f->store, &app), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_app_delete(f->store, 9), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_token_update(f->store, &token), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_session_delete(f->store, 9), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_user_by_id(f->store, UINT64_MAX, f->arena, &user),
                     PN_E_NOT_FOUND);
}

static void
test_only_active_administrators_count(void **state)
{
    struct fixture *f = *state;
    uint32_t count = 9;

    for (uint64_t id = 1; id <= 4; id++) {
        char name[2] = {(char) ('a' + id), '\0'};
        struct pn_user user = user_of(f, id, name);

        user.role = id == 4 ? PN_ROLE_AUDITOR : PN_ROLE_ADMIN;
        user.active = id != 3;
        assert_int_equal(pn_store_user_insert(f->store, &user), PN_OK);
    }
    assert_int_equal(pn_store_active_admins(f->store, &count), PN_OK);
    assert_int_equal(count, 2);
}

static void
test_a_deleted_group_loses_its_members_and_says_whose_records_change(
    void **state)
{
    struct fixture *f = *state;
    struct pn_feed_change *change = NULL;
    struct pn_user user;
    uint16_t count = 0;

    add_group(f, 10, "a");
    add_user(f, 1, "alice");
    add_user(f, 2, "bob");
    join(f, 1, 1, (uint64_t[]){10});
    join(f, 2, 1, (uint64_t[]){10});
    assert_int_equal(pn_store_group_delete(f->store, 10), PN_OK);
    assert_int_equal(pn_store_user_by_id(f->store, 1, f->arena, &user), PN_OK);
    assert_int_equal(user.group_count, 0);
    assert_int_equal(
        pn_store_changes(f->store, 0, 10, f->arena, &change, &count), PN_OK);
    assert_int_equal(count, 2);
    assert_int_equal(change[0].kind, PN_CHANGE_OWNER);
    assert_int_equal(change[0].id, 1);
    assert_int_equal(change[1].id, 2);
}

static void
test_lists_go_page_by_page_in_order_while_rows_come_and_go(void **state)
{
    struct fixture *f = *state;
    struct pn_user_list list;

    add_user(f, 1, "Bea");
    add_user(f, 2, "al");
    add_user(f, 3, "cy");
    add_user(f, 4, "dee");
    assert_int_equal(pn_store_users(f->store,
                                    &(struct pn_user_query){.page = {"", 2}},
                                    f->arena, &list),
                     PN_OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.item[0].username, "al");
    assert_string_equal(list.item[1].username, "Bea");
    assert_string_not_equal(list.next, "");
    add_user(f, 5, "aa");                                       /* before */
    assert_int_equal(pn_store_user_delete(f->store, 1), PN_OK); /* the last */
    assert_int_equal(
        pn_store_users(f->store,
                       &(struct pn_user_query){.page = {list.next, 2}},
                       f->arena, &list),
        PN_OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.item[0].username, "cy");
    assert_string_equal(list.item[1].username, "dee");
    assert_string_equal(list.next, "");
}

static void
test_a_cursor_that_we_did_not_write_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *const wrong[] = {"x", "abc", "AB", "ff", "6g"};
    struct pn_user_list users;
    struct pn_audit_list events;

    for (size_t i = 0; i < PN_LEN(wrong); i++) {
        struct pn_page page = {wrong[i], 10};
        struct pn_audit_query query = {.page = page};

        assert_int_equal(pn_store_users(f->store,
                                        &(struct pn_user_query){.page = page},
                                        f->arena, &users),
                         PN_E_SYNTAX);
        assert_int_equal(pn_store_audit(f->store, &query, f->arena, &events),
                         PN_E_SYNTAX);
    }
}

static void
test_a_page_has_at_most_the_maximum(void **state)
{
    struct fixture *f = *state;
    struct pn_group_list list;

    assert_int_equal(pn_store_begin(f->store), PN_OK);
    for (uint64_t id = 1; id <= PN_LIST_MAX + 5; id++) {
        char name[16];

        (void) snprintf(name, sizeof(name), "g%04d", (int) id);
        add_group(f, id, name);
    }
    assert_int_equal(pn_store_commit(f->store), PN_OK);
    assert_int_equal(pn_store_groups(f->store, &(struct pn_page){"", 60000},
                                     f->arena, &list),
                     PN_OK);
    assert_int_equal(list.count, PN_LIST_MAX);
    assert_int_equal(pn_store_groups(f->store, &(struct pn_page){list.next, 0},
                                     f->arena, &list),
                     PN_OK);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.item[0].name, "g0201");
}

/* --- apps and policy ----------------------------------------------------- */

static void
test_an_app_reads_back_as_written(void **state)
{
    struct fixture *f = *state;
    struct pn_app app = app_of(
        f, 7,
        "{\"name\":\"jira\",\"paths\":[\"/rest/**\"],\"context_path\":"
        "\"/jira\",\"groups\":[\"a\"],\"ip_rules\":{\"allow\":[{\"range\":"
        "\"10.0.0.0/8\",\"note\":\"lab\"}]}}");
    struct pn_app again;

    assert_int_equal(pn_store_app_insert(f->store, &app), PN_OK);
    assert_int_equal(
        pn_store_app_by_name(f->store, PN_STR("jira"), f->arena, &again),
        PN_OK);
    assert_int_equal(again.id, 7);
    assert_true(json_equal(pn_app_to_json(&app, f->arena),
                           pn_app_to_json(&again, f->arena)));
    app.name = words(f, "tickets");
    assert_int_equal(pn_store_app_update(f->store, &app), PN_OK);
    assert_int_equal(
        pn_store_app_by_name(f->store, PN_STR("jira"), f->arena, &again),
        PN_E_NOT_FOUND);
    assert_int_equal(pn_store_app_by_id(f->store, 7, f->arena, &again), PN_OK);
    assert_string_equal(again.name, "tickets");
}

static void
test_app_names_are_unique(void **state)
{
    struct fixture *f = *state;
    struct pn_app app = app_of(f, 1, "{\"name\":\"jira\"}");

    assert_int_equal(pn_store_app_insert(f->store, &app), PN_OK);
    app.id = 2;
    assert_int_equal(pn_store_app_insert(f->store, &app), PN_E_EXISTS);
}

static void
test_policy_has_versions_and_the_newest_counts(void **state)
{
    struct fixture *f = *state;
    struct pn_policy policy;
    struct pn_text_list admins;

    assert_int_equal(pn_store_policy(f->store, f->arena, &policy), PN_OK);
    assert_int_equal(policy.version, 1);
    assert_true(policy.tls_required);
    put_policy(f, "{\"tls_required\":false,\"admin_groups\":[\"old\"]}");
    put_policy(f, "{\"tls_required\":true,\"admin_groups\":[\"ops\"]}");
    assert_int_equal(pn_store_policy(f->store, f->arena, &policy), PN_OK);
    assert_int_equal(policy.version, 3);
    assert_true(policy.tls_required);
    assert_int_equal(pn_store_admin_groups(f->store, f->arena, &admins), PN_OK);
    assert_int_equal(admins.count, 2);
}

/* What one connection parsed last must not hide what another one wrote, nor
 * what was taken back. */
static void
test_the_policy_is_the_present_one_on_every_connection(void **state)
{
    struct fixture *f = *state;
    struct pn_store *reader = NULL;
    struct pn_policy policy;

    put_policy(f, "{\"tls_required\":false}");
    assert_int_equal(pn_store_open(f->db.url, PN_STORE_READ_ONLY, &reader),
                     PN_OK);
    assert_int_equal(pn_store_policy(reader, f->arena, &policy), PN_OK);
    assert_false(policy.tls_required);
    put_policy(f, "{\"tls_required\":true}");
    assert_int_equal(pn_store_policy(reader, f->arena, &policy), PN_OK);
    assert_true(policy.tls_required);
    assert_int_equal(policy.version, 3);
    pn_store_close(reader);
}

static void
test_a_policy_that_was_taken_back_is_not_remembered(void **state)
{
    struct fixture *f = *state;
    struct pn_policy policy;

    assert_int_equal(pn_store_begin(f->store), PN_OK);
    assert_int_equal(pn_store_savepoint(f->store), PN_OK);
    put_policy(f, "{\"tls_required\":false}");
    assert_int_equal(pn_store_policy(f->store, f->arena, &policy), PN_OK);
    assert_false(policy.tls_required);
    assert_int_equal(pn_store_rollback_to(f->store), PN_OK);
    put_policy(f, "{\"creation\":{\"enabled\":true}}"); /* the same version */
    assert_int_equal(pn_store_policy(f->store, f->arena, &policy), PN_OK);
    assert_true(policy.tls_required);
    pn_store_rollback(f->store);
    put_policy(f, "{\"tls_required\":false}");
    assert_int_equal(pn_store_policy(f->store, f->arena, &policy), PN_OK);
    assert_false(policy.creation.enabled);
}

static void
test_a_policy_lives_as_long_as_the_arena_that_asked(void **state)
{
    struct fixture *f = *state;
    struct pn_arena *arena = pn_arena_new(1 << 20);
    struct pn_policy policy, newer;

    assert_non_null(arena);
    put_policy(f, "{\"admin_groups\":[\"first\"]}");
    assert_int_equal(pn_store_policy(f->store, arena, &policy), PN_OK);
    put_policy(f, "{\"admin_groups\":[\"second\"]}");
    assert_int_equal(pn_store_policy(f->store, f->arena, &newer), PN_OK);
    assert_string_equal(policy.admin_groups.item[0], "first");
    assert_string_equal(newer.admin_groups.item[0], "second");
    pn_arena_free(arena);
    assert_string_equal(newer.admin_groups.item[0], "second");
}

static void
test_a_stored_document_that_is_damaged_is_an_error_not_a_default(void **state)
{
    struct fixture *f = *state;
    struct pn_policy policy;

    put_policy(f, "{}");
    assert_int_equal(
        database_run(&f->db, "UPDATE policies SET document = '{\"x\":1}'"), 0);
    assert_int_equal(pn_store_policy(f->store, f->arena, &policy),
                     PN_E_DAMAGED);
}

static void
test_the_default_prefix_is_there(void **state)
{
    struct fixture *f = *state;
    struct pn_prefixes prefixes;

    assert_int_equal(pn_store_prefixes(f->store, f->arena, &prefixes), PN_OK);
    assert_int_equal(prefixes.count, 1);
    assert_true(pn_str_eq(prefixes.item[0], PN_STR("pst_")));
    assert_int_equal(
        database_run(&f->db, "INSERT INTO prefixes VALUES (2, 'new_')"), 0);
    assert_int_equal(pn_store_prefixes(f->store, f->arena, &prefixes), PN_OK);
    assert_true(pn_str_eq(prefixes.item[0], PN_STR("new_")));
}

/* --- sessions ------------------------------------------------------------ */

static void
add_session(struct fixture *f, uint64_t id, uint64_t user_id, int64_t at)
{
    struct pn_session ses = {.id = id,
                             .user_id = user_id,
                             .created_at = at,
                             .last_seen_at = at,
                             .signed_in_at = at,
                             .address = words(f, "192.0.2.7"),
                             .user_agent = words(f, "test")};

    ses.hash.bytes[0] = (uint8_t) id;
    assert_int_equal(pn_store_session_insert(f->store, &ses), PN_OK);
}

static bool
has_session(struct fixture *f, uint64_t id)
{
    struct pn_hash hash = {{(uint8_t) id}};
    struct pn_session ses;

    return pn_store_session_by_hash(f->store, &hash, f->arena, &ses) == PN_OK
           && ses.id == id;
}

static void
test_sessions_end_by_hand_by_age_and_with_their_user(void **state)
{
    struct fixture *f = *state;

    add_user(f, 1, "alice");
    add_user(f, 2, "bob");
    for (uint64_t id = 1; id <= 5; id++) {
        add_session(f, id, id == 5 ? 2 : 1, NOW + (int64_t) id);
    }
    assert_int_equal(pn_store_session_delete(f->store, 1), PN_OK);
    assert_false(has_session(f, 1));
    assert_int_equal(pn_store_session_seen(f->store, 2, NOW + 100), PN_OK);
    assert_int_equal(pn_store_sessions_purge(f->store, NOW, NOW + 4), PN_OK);
    assert_true(has_session(f, 2)); /* seen since */
    assert_false(has_session(f, 3));
    assert_int_equal(pn_store_sessions_delete_of(f->store, 1, 4, NULL), PN_OK);
    assert_true(has_session(f, 4)); /* the exception */
    assert_false(has_session(f, 2));
    assert_int_equal(pn_store_user_delete(f->store, 2), PN_OK);
    assert_false(has_session(f, 5));
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_user_names_are_one_whatever_their_case),
        TEST(test_letters_outside_ascii_keep_their_case),
        TEST(test_a_user_reads_back_as_written),
        TEST(test_an_account_is_found_by_its_former_names),
        TEST(test_what_is_not_there_is_not_found),
        TEST(test_only_active_administrators_count),
        TEST(
            test_a_deleted_group_loses_its_members_and_says_whose_records_change),
        TEST(test_lists_go_page_by_page_in_order_while_rows_come_and_go),
        TEST(test_a_cursor_that_we_did_not_write_is_refused),
        TEST(test_a_page_has_at_most_the_maximum),
        TEST(test_an_app_reads_back_as_written),
        TEST(test_app_names_are_unique),
        TEST(test_policy_has_versions_and_the_newest_counts),
        TEST(test_the_policy_is_the_present_one_on_every_connection),
        TEST(test_a_policy_that_was_taken_back_is_not_remembered),
        TEST(test_a_policy_lives_as_long_as_the_arena_that_asked),
        TEST(test_a_stored_document_that_is_damaged_is_an_error_not_a_default),
        TEST(test_the_default_prefix_is_there),
        TEST(test_sessions_end_by_hand_by_age_and_with_their_user),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

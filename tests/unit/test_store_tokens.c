/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens in the store: names, states, and lists. */
#include "daemon/store/store.h"

#include "store_fixture.h"

enum { DAY = 86400 };

static struct pn_token
loaded(struct fixture *f, uint64_t id)
{
    struct pn_token token;

    assert_int_equal(pn_store_token_by_id(f->store, id, f->arena, &token),
                     PN_OK);
    return token;
}

static struct pn_token_list
listed(struct fixture *f, struct pn_token_filter filter, const char *cursor,
       uint16_t limit)
{
    struct pn_token_list list;

    assert_int_equal(pn_store_tokens(f->store, &filter,
                                     &(struct pn_page){cursor, limit}, NOW,
                                     f->arena, &list),
                     PN_OK);
    return list;
}

/* --- reading and writing ------------------------------------------------- */

static void
test_a_token_reads_back_as_written(void **state)
{
    struct fixture *f = *state;
    struct pn_token token = token_of(f, 5, 1, "backup"), again;
    struct pn_app app = app_of(f, 70, "{\"name\":\"jira\"}");
    char *names[] = {words(f, "jira")};

    add_user(f, 1, "alice");
    assert_int_equal(pn_store_app_insert(f->store, &app), PN_OK);
    token.description = words(f, "nightly");
    token.expires_at = NOW + DAY;
    token.not_before = NOW - DAY;
    token.access = PN_ACCESS_READ_ONLY;
    token.apps = (struct pn_text_list){true, names, 1};
    token.rate_requests = 10;
    token.rate_seconds = 60;
    assert_int_equal(pn_store_token_insert(f->store, &token), PN_OK);
    again = loaded(f, 5);
    assert_string_equal(again.owner, "alice");
    assert_string_equal(again.description, "nightly");
    assert_int_equal(again.expires_at, NOW + DAY);
    assert_int_equal(again.access, PN_ACCESS_READ_ONLY);
    assert_int_equal(again.apps.count, 1);
    assert_string_equal(again.apps.item[0], "jira");
    assert_int_equal(again.rate_seconds, 60);
    assert_int_equal(again.secret_count, 1);
    assert_memory_equal(&again.secrets[0].hash, &token.secrets[0].hash,
                        PN_HASH_LEN);
    assert_int_equal(pn_store_token_by_hash(f->store, &token.secrets[0].hash,
                                            f->arena, &again),
                     PN_OK);
    assert_int_equal(again.id, 5);
}

static void
test_a_token_for_an_unknown_app_is_not_stored_with_wider_rights(void **state)
{
    struct fixture *f = *state;
    struct pn_token token = token_of(f, 5, 1, "backup");
    char *names[] = {words(f, "nosuch")};

    token.apps = (struct pn_text_list){true, names, 1};
    assert_int_equal(pn_store_begin(f->store), PN_OK);
    assert_int_equal(pn_store_token_insert(f->store, &token), PN_E_NOT_FOUND);
    pn_store_rollback(f->store);
}

static void
test_a_token_whose_apps_are_gone_stays_bound_to_nothing(void **state)
{
    struct fixture *f = *state;
    struct pn_app app = app_of(f, 70, "{\"name\":\"jira\"}");
    struct pn_token token = token_of(f, 5, 1, "backup");
    char *names[] = {words(f, "jira")};

    assert_int_equal(pn_store_app_insert(f->store, &app), PN_OK);
    token.apps = (struct pn_text_list){true, names, 1};
    assert_int_equal(pn_store_token_insert(f->store, &token), PN_OK);
    app.name = words(f, "tickets");
    assert_int_equal(pn_store_app_update(f->store, &app), PN_OK);
    token = loaded(f, 5);
    assert_string_equal(token.apps.item[0], "tickets");
    assert_int_equal(pn_store_app_delete(f->store, 70), PN_OK);
    app.id = 71; /* another app under the old name inherits nothing */
    assert_int_equal(pn_store_app_insert(f->store, &app), PN_OK);
    token = loaded(f, 5);
    assert_true(token.apps.present);
    assert_int_equal(token.apps.count, 0);
}

static void
test_a_name_is_taken_by_live_tokens_of_the_same_owner_only(void **state)
{
    struct fixture *f = *state;
    struct pn_token token = token_of(f, 2, 1, "backup");

    add_token(f, 1, 1, "backup");
    assert_int_equal(pn_store_token_insert(f->store, &token), PN_E_EXISTS);
    token.owner_id = 2;
    assert_int_equal(pn_store_token_insert(f->store, &token), PN_OK);
    token = loaded(f, 1);
    token.revoked_at = NOW;
    assert_int_equal(pn_store_token_update(f->store, &token), PN_OK);
    add_token(f, 3, 1, "backup");
}

static void
test_an_expired_token_gives_its_name_up_and_cannot_take_it_back(void **state)
{
    struct fixture *f = *state;
    struct pn_token old = token_of(f, 1, 1, "backup");

    old.expires_at = NOW;
    assert_int_equal(pn_store_token_insert(f->store, &old), PN_OK);
    add_token(f, 2, 1, "backup"); /* made at NOW */
    old.description = words(f, "still the same end");
    assert_int_equal(pn_store_token_update(f->store, &old), PN_OK);
    old.expires_at = NOW + DAY;
    assert_int_equal(pn_store_token_update(f->store, &old), PN_E_EXISTS);
}

static void
test_a_hash_is_stored_once(void **state)
{
    struct fixture *f = *state;
    struct pn_token token = token_of(f, 2, 2, "other");

    add_token(f, 1, 1, "backup");
    token.secrets[0] = secret_of(1000001);
    token.secrets[0].id = 99;
    assert_int_equal(pn_store_begin(f->store), PN_OK);
    assert_int_equal(pn_store_token_insert(f->store, &token), PN_E_EXISTS);
    pn_store_rollback(f->store);
}

static void
test_an_overlap_shows_two_secrets_and_later_one(void **state)
{
    struct fixture *f = *state;
    struct pn_token token = token_of(f, 1, 1, "backup");
    struct pn_token_secret *all = NULL;
    const int64_t long_ago = 1000, far = 4000000000;
    uint16_t count = 0;

    assert_int_equal(pn_store_token_insert(f->store, &token), PN_OK);
    token.secrets[1] = token.secrets[0];
    token.secrets[1].ends_at = far;
    token.secrets[0] = secret_of(2000001);
    token.secret_count = 2;
    assert_int_equal(pn_store_token_update(f->store, &token), PN_OK);
    token = loaded(f, 1);
    assert_int_equal(token.secret_count, 2);
    assert_int_equal(token.secrets[0].id, 2000001); /* the present one first */
    assert_int_equal(token.secrets[1].ends_at, far);
    token.secrets[1].ends_at = long_ago;
    assert_int_equal(pn_store_token_update(f->store, &token), PN_OK);
    token = loaded(f, 1);
    assert_int_equal(token.secret_count, 1);
    assert_int_equal(pn_store_secrets(f->store, 1, f->arena, &all, &count),
                     PN_OK);
    assert_int_equal(count, 2); /* its later use is to be seen */
}

static void
test_a_deleted_user_leaves_revoked_tokens_with_the_old_name(void **state)
{
    struct fixture *f = *state;
    struct pn_token token;

    add_user(f, 1, "alice");
    add_token(f, 5, 1, "backup");
    assert_int_equal(pn_store_user_delete(f->store, 1), PN_OK);
    token = loaded(f, 5);
    assert_string_equal(token.owner, "alice");
    assert_int_equal(token.state, PN_STATE_SUSPENDED);
    assert_string_equal(token.suspended_because, "owner_inactive");
}

static void
test_live_tokens_are_neither_revoked_nor_expired(void **state)
{
    struct fixture *f = *state;
    struct pn_token token;
    bool one = false, two = true;

    for (uint64_t id = 1; id <= 4; id++) {
        char name[2] = {(char) ('a' + id), '\0'};

        token = token_of(f, id, 1, name);
        token.expires_at = id == 2 ? NOW : 0;
        token.policy_expires_at = id == 3 ? NOW : 0;
        token.revoked_at = id == 4 ? NOW : 0;
        assert_int_equal(pn_store_token_insert(f->store, &token), PN_OK);
    }
    assert_int_equal(pn_store_live_tokens_reach(f->store, 1, NOW, 1, &one),
                     PN_OK);
    assert_int_equal(pn_store_live_tokens_reach(f->store, 1, NOW, 2, &two),
                     PN_OK);
    assert_true(one);
    assert_false(two);
}

/* --- states -------------------------------------------------------------- */

/* One token of each state, newest first in the order of the enumeration. */
static void
add_one_of_each_state(struct fixture *f)
{
    static const char *const names[] = {"active", "soon", "paused",
                                        "off",    "over", "gone"};

    put_policy(f, "{\"creation\":{\"enabled\":true,\"grants\":[{\"group\":"
                  "\"makers\",\"max_lifetime_days\":null}]}}");
    add_group(f, 10, "makers");
    add_user(f, 1, "member");
    add_user(f, 2, "outsider");
    join(f, 1, 1, (uint64_t[]){10});
    for (uint64_t id = 1; id <= PN_LEN(names); id++) {
        struct pn_token token = token_of(f, id, id == 3 ? 2 : 1, names[id - 1]);

        token.not_before = id == 2 ? NOW + 1 : 0;
        /* Those that fit an earlier state too show that it comes first. */
        token.disabled = id >= 4;
        token.expires_at = id >= 5 ? NOW : 0;
        token.revoked_at = id == 6 ? NOW - 1 : 0;
        assert_int_equal(pn_store_token_insert(f->store, &token), PN_OK);
    }
}

static void
test_the_first_state_that_fits_is_shown(void **state)
{
    struct fixture *f = *state;
    struct pn_token_list list;

    add_one_of_each_state(f);
    list = listed(f, (struct pn_token_filter){0}, "", 100);
    assert_int_equal(list.count, 6);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(list.item[i].state, i); /* newest first */
    }
    assert_string_equal(list.item[PN_STATE_SUSPENDED].suspended_because,
                        "owner_not_permitted");
}

static void
test_each_state_can_be_asked_for(void **state)
{
    struct fixture *f = *state;

    add_one_of_each_state(f);
    for (unsigned i = 0; i < 6; i++) {
        struct pn_token_filter filter = {.has_state = true,
                                         .state = (enum pn_token_state) i};
        struct pn_token_list list = listed(f, filter, "", 100);

        assert_int_equal(list.count, 1);
        assert_int_equal(list.item[0].state, i);
        assert_string_equal(list.next, "");
    }
}

static enum pn_token_state
state_now(struct fixture *f, uint64_t id)
{
    return loaded(f, id).state;
}

static void
test_a_member_who_leaves_is_suspended_and_works_again_on_return(void **state)
{
    struct fixture *f = *state;

    add_one_of_each_state(f);
    assert_int_equal(state_now(f, 1), PN_STATE_ACTIVE);
    join(f, 1, 0, NULL);
    assert_int_equal(state_now(f, 1), PN_STATE_SUSPENDED);
    join(f, 1, 1, (uint64_t[]){10});
    assert_int_equal(state_now(f, 1), PN_STATE_ACTIVE);
}

static void
test_a_grant_of_a_group_that_does_not_exist_yet_works_once_it_does(void **state)
{
    struct fixture *f = *state;

    put_policy(f, "{\"creation\":{\"enabled\":true,\"grants\":[{\"group\":"
                  "\"later\",\"max_lifetime_days\":null}]}}");
    add_user(f, 1, "alice");
    add_token(f, 1, 1, "backup");
    assert_int_equal(state_now(f, 1), PN_STATE_SUSPENDED);
    add_group(f, 10, "later");
    join(f, 1, 1, (uint64_t[]){10});
    assert_int_equal(state_now(f, 1), PN_STATE_ACTIVE);
}

static void
test_administrators_are_permitted_by_role_or_by_group(void **state)
{
    struct fixture *f = *state;
    struct pn_user user = user_of(f, 1, "root");

    user.role = PN_ROLE_ADMIN;
    assert_int_equal(pn_store_user_insert(f->store, &user), PN_OK);
    add_user(f, 2, "deputy");
    add_group(f, 10, "ops");
    add_token(f, 1, 1, "a");
    add_token(f, 2, 2, "b");
    join(f, 2, 1, (uint64_t[]){10});
    assert_int_equal(state_now(f, 1), PN_STATE_ACTIVE);
    assert_int_equal(state_now(f, 2), PN_STATE_SUSPENDED);
    put_policy(f, "{\"admin_groups\":[\"ops\"]}");
    assert_int_equal(state_now(f, 2), PN_STATE_ACTIVE);
}

/* --- lists --------------------------------------------------------------- */

static void
test_pages_stay_right_while_tokens_come_and_go(void **state)
{
    struct fixture *f = *state;
    struct pn_token_list list;

    for (uint64_t id = 10; id <= 15; id++) {
        char name[8];

        (void) snprintf(name, sizeof(name), "t%d", (int) id);
        add_token(f, id, 1, name);
    }
    list = listed(f, (struct pn_token_filter){0}, "", 2);
    assert_int_equal(list.item[0].id, 15);
    assert_int_equal(list.item[1].id, 14);
    add_token(f, 16, 1, "newer");
    list = listed(f, (struct pn_token_filter){0}, list.next, 2);
    assert_int_equal(list.item[0].id, 13);
    list = listed(f, (struct pn_token_filter){0}, list.next, 2);
    assert_int_equal(list.item[1].id, 10);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.next, "");
}

static void
test_a_search_finds_part_of_the_name_literally(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *search;
        uint16_t found;
    } cases[] = {{"BACK", 2}, {"50%", 1}, {"_", 0},
                 {"\\", 0},   {"%", 1},   {"zz", 0}};

    add_token(f, 1, 1, "Backup");
    add_token(f, 2, 1, "feedback 50%");
    add_token(f, 3, 2, "other");
    for (size_t i = 0; i < PN_LEN(cases); i++) {
        struct pn_token_filter filter = {.search = cases[i].search};

        assert_int_equal(listed(f, filter, "", 10).count, cases[i].found);
    }
    assert_int_equal(
        listed(f, (struct pn_token_filter){.owner_id = 2}, "", 10).count, 1);
}

static void
test_a_rare_state_is_found_at_once(void **state)
{
    struct fixture *f = *state;
    struct pn_token_filter filter = {.has_state = true,
                                     .state = PN_STATE_NOT_YET_VALID};
    struct pn_token rare = token_of(f, 1, 1, "rare");
    struct pn_user user = user_of(f, 1, "root");
    const char *cursor = "";
    unsigned found = 0, pages = 0;

    user.role = PN_ROLE_ADMIN;
    rare.not_before = NOW + 1;
    assert_int_equal(pn_store_begin(f->store), PN_OK);
    assert_int_equal(pn_store_user_insert(f->store, &user), PN_OK);
    assert_int_equal(pn_store_token_insert(f->store, &rare), PN_OK);
    for (uint64_t id = 2; id <= 6000; id++) {
        char name[16];
        struct pn_token token;

        (void) snprintf(name, sizeof(name), "t%d", (int) id);
        token = token_of(f, id, 1, name);
        assert_int_equal(pn_store_token_insert(f->store, &token), PN_OK);
    }
    assert_int_equal(pn_store_commit(f->store), PN_OK);
    do {
        struct pn_token_list list = listed(f, filter, cursor, 10);

        found += list.count;
        cursor = list.next;
        pages++;
    } while (cursor[0] != '\0');
    assert_int_equal(found, 1);
    assert_int_equal(pages, 1);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_token_reads_back_as_written),
        TEST(test_a_token_for_an_unknown_app_is_not_stored_with_wider_rights),
        TEST(test_a_token_whose_apps_are_gone_stays_bound_to_nothing),
        TEST(test_a_name_is_taken_by_live_tokens_of_the_same_owner_only),
        TEST(test_an_expired_token_gives_its_name_up_and_cannot_take_it_back),
        TEST(test_a_hash_is_stored_once),
        TEST(test_an_overlap_shows_two_secrets_and_later_one),
        TEST(test_a_deleted_user_leaves_revoked_tokens_with_the_old_name),
        TEST(test_live_tokens_are_neither_revoked_nor_expired),
        TEST(test_the_first_state_that_fits_is_shown),
        TEST(test_each_state_can_be_asked_for),
        TEST(test_a_member_who_leaves_is_suspended_and_works_again_on_return),
        TEST(
            test_a_grant_of_a_group_that_does_not_exist_yet_works_once_it_does),
        TEST(test_administrators_are_permitted_by_role_or_by_group),
        TEST(test_pages_stay_right_while_tokens_come_and_go),
        TEST(test_a_search_finds_part_of_the_name_literally),
        TEST(test_a_rare_state_is_found_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What address rules in report mode saw: kept, bounded, forgotten. */
#include "store_fixture.h"

#include "daemon/store/address_reports.h"

static const int64_t DAY = 86400;

static uint64_t next_id;

/* From 10.x.y.z, where number is xyz. */
static struct pn_use
use_from(uint64_t token_id, uint32_t number, enum pn_reporter reporters,
         int64_t at)
{
    struct pn_use use = {.token_id = token_id,
                         .outcome = PN_REASON_OK,
                         .reporters = (uint8_t) reporters,
                         .count = 1,
                         .first_at = at,
                         .at = at,
                         .app = "wiki",
                         .method = "GET",
                         .seen = {{.at = at}},
                         .seen_count = 1};

    use.seen[0].ip = (struct pn_ip){{[10] = 0xff,
                                     [11] = 0xff,
                                     [12] = 10,
                                     [13] = (uint8_t) (number >> 16),
                                     [14] = (uint8_t) (number >> 8),
                                     [15] = (uint8_t) number}};
    return use;
}

static void
add(struct fixture *f, const struct pn_use *use)
{
    next_id += 2;
    assert_int_equal(pn_store_address_reports_add(f->store, use, next_id),
                     PN_OK);
}

static struct pn_address_report_list
list_of(struct fixture *f, const struct pn_address_report_filter *filter,
        const char *cursor, uint16_t limit)
{
    const struct pn_page page = {cursor, limit};
    struct pn_address_report_list list;

    assert_int_equal(
        pn_store_address_reports(f->store, filter, &page, f->arena, &list),
        PN_OK);
    return list;
}

static struct pn_address_report_list
all(struct fixture *f)
{
    const struct pn_address_report_filter filter = {.app = NULL};

    return list_of(f, &filter, "", PN_LIST_MAX);
}

static void
test_uses_add_up_by_rule_token_app_and_address(void **state)
{
    struct fixture *f = *state;
    struct pn_use first = use_from(5, 1, PN_REPORTER_POLICY, NOW + 10);
    struct pn_use late = use_from(5, 1, PN_REPORTER_POLICY, NOW + 5);
    struct pn_use both =
        use_from(5, 2, PN_REPORTER_POLICY | PN_REPORTER_APP, NOW);
    struct pn_address_report_list got;

    add_user(f, 1, "alice");
    add_token(f, 5, 1, "backup");
    late.count = 6;
    late.first_at = NOW - 3;
    add(f, &first);
    add(f, &late);
    add(f, &both);
    late.app = "vault";
    add(f, &late);
    got = all(f);
    assert_int_equal(got.count, 4); /* the newest row first */
    assert_string_equal(got.item[0].app, "vault");
    assert_int_equal(got.item[1].rule, PN_REPORTER_APP);
    assert_int_equal(got.item[2].rule, PN_REPORTER_POLICY);
    assert_int_equal(got.item[2].uses, 1);
    assert_int_equal(got.item[3].uses, 7);
    assert_int_equal(got.item[3].first_at, NOW - 3);
    assert_int_equal(got.item[3].last_at, NOW + 10);
    assert_string_equal(got.item[3].token, "backup");
    assert_int_equal(got.item[3].owner_id, 1);
    assert_true(got.item[3].has_address && !got.item[3].further);
    assert_memory_equal(&got.item[3].address, &first.seen[0].ip, 16);
    assert_int_equal(got.beyond, 0);
}

static void
test_of_tokens_that_are_not_there_nothing_is_noted(void **state)
{
    struct fixture *f = *state;
    struct pn_use stranger = use_from(77, 1, PN_REPORTER_POLICY, NOW);

    add(f, &stranger);
    assert_int_equal(all(f).count, 0);
}

static void
test_an_unknown_address_is_one_like_any_other(void **state)
{
    struct fixture *f = *state;
    struct pn_use use = use_from(5, 1, PN_REPORTER_POLICY, NOW);

    add_token(f, 5, 1, "backup");
    use.seen[0].ip = (struct pn_ip){{0}};
    add(f, &use);
    add(f, &use);
    assert_int_equal(all(f).count, 1);
    assert_int_equal(all(f).item[0].uses, 2);
    assert_false(all(f).item[0].has_address || all(f).item[0].further);
}

/* Whoever has a token may come from 2^64 addresses. */
static void
test_a_token_fills_so_many_rows_and_the_rest_is_one(void **state)
{
    struct fixture *f = *state;
    struct pn_use other = use_from(6, 1, PN_REPORTER_POLICY, NOW);
    struct pn_use further = use_from(5, 1, PN_REPORTER_POLICY, NOW + 9);
    struct pn_address_report_list got;

    add_token(f, 5, 1, "backup");
    add_token(f, 6, 1, "other");
    for (uint32_t i = 0; i < 3 * PN_REPORT_ADDRESSES_MAX; i++) {
        struct pn_use use = use_from(5, i, PN_REPORTER_POLICY, NOW + i);

        add(f, &use);
    }
    add(f, &other);
    further.further = true; /* as the table between two writes says it */
    add(f, &further);
    got = all(f);
    assert_int_equal(got.count, PN_REPORT_ADDRESSES_MAX + 2);
    assert_int_equal(got.item[0].token_id, 6);
    assert_true(got.item[1].further && !got.item[1].has_address);
    assert_int_equal(got.item[1].uses, 2 * PN_REPORT_ADDRESSES_MAX + 1);
    assert_int_equal(got.item[1].first_at, NOW + 9);
    assert_int_equal(got.beyond, 0);
    /* an address that has its row still counts there */
    further = use_from(5, 0, PN_REPORTER_POLICY, NOW + 500);
    add(f, &further);
    got = all(f);
    assert_int_equal(got.item[got.count - 1].uses, 2);
    assert_int_equal(got.item[got.count - 1].last_at, NOW + 500);
}

/* Many tokens together are bounded, too; other rules and days are not hurt. */
static void
test_a_rule_gets_so_many_rows_a_day_and_the_rest_is_counted(void **state)
{
    struct fixture *f = *state;
    struct pn_use use;
    uint32_t tokens = PN_REPORT_ROWS_A_DAY / PN_REPORT_ADDRESSES_MAX + 1;
    const struct pn_address_report_filter of_app = {.rule = PN_REPORTER_APP},
                                          of_wiki = {.app = "wiki"},
                                          of_vault = {.rule = PN_REPORTER_APP,
                                                      .app = "vault"};

    assert_int_equal(pn_store_begin(f->store), PN_OK);
    for (uint32_t t = 1; t <= tokens; t++) {
        char name[16];

        (void) snprintf(name, sizeof(name), "t%u", t);
        add_token(f, t, 1, name);
        for (uint32_t i = 0; i < PN_REPORT_ADDRESSES_MAX; i++) {
            use = use_from(t, i, PN_REPORTER_POLICY, NOW);
            add(f, &use);
        }
    }
    use = use_from(1, 1, PN_REPORTER_APP, NOW);
    add(f, &use);
    use = use_from(tokens, 99, PN_REPORTER_POLICY, NOW + DAY);
    add(f, &use);
    assert_int_equal(pn_store_commit(f->store), PN_OK);
    assert_int_equal(all(f).beyond,
                     tokens * PN_REPORT_ADDRESSES_MAX - PN_REPORT_ROWS_A_DAY);
    assert_int_equal(list_of(f, &of_wiki, "", 1).beyond, all(f).beyond);
    assert_int_equal(list_of(f, &of_app, "", 5).beyond, 0);
    assert_int_equal(list_of(f, &of_app, "", 5).count, 1);
    assert_int_equal(list_of(f, &of_vault, "", 5).count, 0);
    assert_int_equal(all(f).item[0].token_id, tokens); /* the day after */
}

static void
test_filters_and_pages(void **state)
{
    static const struct {
        struct pn_address_report_filter filter;
        uint16_t count;
    } cases[] = {
        {{.rule = PN_REPORTER_POLICY}, 3},
        {{.rule = PN_REPORTER_APP}, 1},
        {{.app = "vault"}, 1},
        {{.app = "nosuch"}, 0},
        {{.owner_id = 2}, 1},
        {{.token_id = 5}, 3},
        {{.since = NOW + 2}, 2},
        {{.owner_id = 1, .app = "wiki"}, 2},
    };
    struct fixture *f = *state;
    const struct pn_address_report_filter none = {.app = NULL};
    struct pn_use uses[] = {use_from(5, 1, PN_REPORTER_POLICY, NOW),
                            use_from(5, 1, PN_REPORTER_APP, NOW + 1),
                            use_from(5, 2, PN_REPORTER_POLICY, NOW + 2),
                            use_from(6, 1, PN_REPORTER_POLICY, NOW + 3)};
    struct pn_address_report_list page = {.next = words(f, "")};
    uint64_t before = UINT64_MAX;

    add_user(f, 1, "alice");
    add_user(f, 2, "bob");
    add_token(f, 5, 1, "backup");
    add_token(f, 6, 2, "backup");
    uses[2].app = "vault";
    for (size_t i = 0; i < PN_LEN(uses); i++) {
        add(f, &uses[i]);
    }
    for (size_t i = 0; i < PN_LEN(cases); i++) {
        assert_int_equal(list_of(f, &cases[i].filter, "", 9).count,
                         cases[i].count);
    }
    for (size_t i = 0; i < PN_LEN(uses); i++) {
        /* what is seen again keeps its place */
        add(f, &uses[i]);
        page = list_of(f, &none, page.next, 1);
        assert_int_equal(page.count, 1);
        assert_true(page.item[0].id < before);
        before = page.item[0].id;
    }
    assert_string_equal(page.next, "");
    assert_int_equal(pn_store_address_reports(f->store, &none,
                                              &(struct pn_page){"nonsense", 1},
                                              f->arena, &page),
                     PN_E_SYNTAX);
}

static void
test_reports_are_kept_for_their_days(void **state)
{
    struct fixture *f = *state;
    struct pn_use old = use_from(5, 1, PN_REPORTER_POLICY, NOW);
    struct pn_use again = use_from(5, 2, PN_REPORTER_POLICY, NOW);
    const int64_t end = NOW + PN_REPORT_DAYS * DAY;

    add_token(f, 5, 1, "backup");
    add(f, &old);
    add(f, &again);
    again.at = again.first_at = NOW + DAY;
    add(f, &again);
    assert_int_equal(pn_store_address_reports_trim(f->store, end), PN_OK);
    assert_int_equal(all(f).count, 2);
    assert_int_equal(pn_store_address_reports_trim(f->store, end + 1), PN_OK);
    assert_int_equal(all(f).count, 1); /* that which was seen since */
    assert_int_equal(all(f).item[0].uses, 2);
    assert_int_equal(pn_store_address_reports_trim(f->store, end + 2 * DAY),
                     PN_OK);
    assert_int_equal(all(f).count, 0);
}

static void
test_what_was_seen_of_an_app_goes_with_it(void **state)
{
    struct fixture *f = *state;
    struct pn_use use =
        use_from(5, 1, PN_REPORTER_POLICY | PN_REPORTER_APP, NOW);

    add_token(f, 5, 1, "backup");
    add(f, &use);
    use.app = "vault";
    add(f, &use);
    assert_int_equal(pn_store_address_reports_forget(f->store, "wiki"), PN_OK);
    assert_int_equal(all(f).count, 2);
    assert_string_equal(all(f).item[0].app, "vault");
}

struct walk {
    uint64_t tokens[8];
    size_t count;
};

static enum pn_err
walk_on(void *arg, const struct pn_address_report *report)
{
    struct walk *walk = arg;

    assert_true(walk->count < PN_LEN(walk->tokens));
    assert_int_equal(report->uses, 1);
    walk->tokens[walk->count++] = report->token_id;
    return walk->count == 3 ? PN_E_STATE : PN_OK;
}

static void
test_a_walk_goes_by_owner_and_token_without_the_revoked(void **state)
{
    struct fixture *f = *state;
    struct pn_token gone = token_of(f, 9, 1, "gone");
    struct walk policys = {.count = 0}, wikis = {.count = 0};
    static const uint64_t order[] = {6, 7, 5, 9, 4};

    gone.revoked_at = NOW;
    gone.revoked_by = gone.revoked_reason = words(f, "");
    add_user(f, 1, "alice");
    add_user(f, 2, "bob");
    add_token(f, 4, 2, "b");
    add_token(f, 5, 1, "b");
    add_token(f, 6, 2, "a");
    add_token(f, 7, 1, "a");
    assert_int_equal(pn_store_token_insert(f->store, &gone), PN_OK);
    for (size_t i = 0; i < PN_LEN(order); i++) {
        struct pn_use use =
            use_from(order[i], 1,
                     order[i] == 4 ? PN_REPORTER_APP : PN_REPORTER_POLICY, NOW);

        add(f, &use);
    }
    assert_int_equal(
        pn_store_each_address_report(f->store, NULL, walk_on, &policys),
        PN_E_STATE);
    assert_int_equal(policys.tokens[0], 5);
    assert_int_equal(policys.tokens[1], 7);
    assert_int_equal(policys.tokens[2], 6);
    assert_int_equal(
        pn_store_each_address_report(f->store, "wiki", walk_on, &wikis), PN_OK);
    assert_int_equal(wikis.count, 1);
    assert_int_equal(
        pn_store_each_address_report(f->store, "vault", walk_on, &wikis),
        PN_OK);
    assert_int_equal(wikis.count, 1);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_uses_add_up_by_rule_token_app_and_address),
        TEST(test_of_tokens_that_are_not_there_nothing_is_noted),
        TEST(test_an_unknown_address_is_one_like_any_other),
        TEST(test_a_token_fills_so_many_rows_and_the_rest_is_one),
        TEST(test_a_rule_gets_so_many_rows_a_day_and_the_rest_is_counted),
        TEST(test_filters_and_pages),
        TEST(test_reports_are_kept_for_their_days),
        TEST(test_what_was_seen_of_an_app_goes_with_it),
        TEST(test_a_walk_goes_by_owner_and_token_without_the_revoked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What was used between two writes. */
#include "check.h"

#include "daemon/jobs/table.h"

enum { MAX = 1000 };

static struct pn_usage
use(uint64_t token, int64_t at)
{
    static const struct pn_ip ip = {
        {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 7}};

    return (struct pn_usage){.token_id = token,
                             .secret = {1, 2, 3},
                             .reason = PN_REASON_OK,
                             .count = 1,
                             .at = at,
                             .address = ip,
                             .app = PN_STR("app"),
                             .method = PN_STR("GET")};
}

static size_t
put_all(struct pn_use_table *table, const struct pn_usage *usage, size_t count,
        struct pn_use *out, size_t max)
{
    size_t at = 0;

    assert_int_equal(pn_use_table_init(table, MAX), PN_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pn_use_table_put(table, &usage[i]), PN_OK);
    }
    return pn_use_table_next(table, &at, out, max);
}

static void
test_uses_add_up_and_the_latest_is_kept(void **state)
{
    struct pn_usage uses[] = {use(7, 100), use(7, 90), use(7, 110)};
    struct pn_use_table table;
    struct pn_use out[4];

    (void) state;
    uses[1].count = 5;
    uses[2].method = PN_STR("PUT");
    assert_int_equal(put_all(&table, uses, 3, out, 4), 1);
    assert_int_equal(out[0].token_id, 7);
    assert_int_equal(out[0].at, 110);
    assert_int_equal(out[0].count, 7);
    assert_int_equal(out[0].outcome, PN_REASON_OK);
    assert_string_equal(out[0].app, "app");
    assert_string_equal(out[0].method, "PUT");
    pn_use_table_done(&table);
}

/* Each of these must not be added to the first. */
static void
test_secrets_outcomes_apps_and_days_stay_apart(void **state)
{
    struct pn_usage uses[] = {use(7, 86399), use(7, 86399), use(7, 86399),
                              use(7, 86399), use(7, 86400), use(0, 86399)};
    struct pn_use_table table;
    struct pn_use out[8];

    (void) state;
    uses[1].secret[0] = 9;
    uses[2].reason = PN_REASON_TOKEN_EXPIRED;
    uses[3].app = PN_STR("ap");
    assert_int_equal(put_all(&table, uses, PN_LEN(uses), out, 8), 6);
    for (size_t i = 0; i < PN_LEN(uses); i++) {
        assert_int_equal(out[i].count, 1);
        assert_int_equal(out[i].token_id, uses[i].token_id);
    }
    pn_use_table_done(&table);
}

static void
test_the_last_five_addresses_are_kept_each_once(void **state)
{
    static const uint8_t order[] = {1, 2, 3, 1, 4, 5, 6, 3};
    static const uint8_t expected[] = {3, 6, 5, 4, 1};
    struct pn_usage uses[PN_LEN(order)];
    struct pn_use_table table;
    struct pn_use out[2];

    (void) state;
    for (size_t i = 0; i < PN_LEN(order); i++) {
        uses[i] = use(7, 100 + (int64_t) i);
        uses[i].address.bytes[15] = order[i];
    }
    assert_int_equal(put_all(&table, uses, PN_LEN(order), out, 2), 1);
    assert_int_equal(out[0].seen_count, PN_SEEN_MAX);
    for (size_t i = 0; i < PN_SEEN_MAX; i++) {
        assert_int_equal(out[0].seen[i].ip.bytes[15], expected[i]);
    }
    assert_int_equal(out[0].seen[0].at, 107);
    pn_use_table_done(&table);
}

static void
test_everything_put_comes_out_once_in_pieces(void **state)
{
    static bool seen[MAX + 1];
    struct pn_use_table table;
    struct pn_use out[7];
    size_t at = 0, n, total = 0;

    (void) state;
    assert_int_equal(pn_use_table_init(&table, MAX), PN_OK);
    for (uint64_t i = 1; i <= MAX; i++) {
        const struct pn_usage one = use(i, 5);

        assert_int_equal(pn_use_table_put(&table, &one), PN_OK);
    }
    while ((n = pn_use_table_next(&table, &at, out, PN_LEN(out))) > 0) {
        for (size_t i = 0; i < n; i++) {
            assert_false(seen[out[i].token_id]);
            seen[out[i].token_id] = true;
            total++;
        }
    }
    assert_int_equal(total, MAX);
    pn_use_table_clear(&table);
    at = 0;
    assert_int_equal(pn_use_table_next(&table, &at, out, PN_LEN(out)), 0);
    pn_use_table_done(&table);
}

static void
test_a_full_table_refuses_new_tokens_and_takes_known_ones(void **state)
{
    struct pn_use_table table;
    struct pn_usage one;
    uint64_t id = 0;
    enum pn_err err;

    (void) state;
    assert_int_equal(pn_use_table_init(&table, 10), PN_OK);
    do {
        one = use(++id, 5);
        err = pn_use_table_put(&table, &one);
    } while (err == PN_OK);
    assert_int_equal(err, PN_E_TOO_LONG);
    assert_true(id > 10);
    one = use(1, 6);
    assert_int_equal(pn_use_table_put(&table, &one), PN_OK);
    pn_use_table_clear(&table);
    one = use(id, 6);
    assert_int_equal(pn_use_table_put(&table, &one), PN_OK);
    pn_use_table_done(&table);
}

/* A rule that only reports: by address, next to the uses that it lets in. */
static void
test_reported_uses_are_kept_by_address(void **state)
{
    struct pn_usage uses[] = {use(7, 100), use(7, 101), use(7, 99), use(7, 102),
                              use(7, 103)};
    struct pn_use_table table;
    struct pn_use out[8];

    (void) state;
    for (size_t i = 1; i < PN_LEN(uses); i++) {
        uses[i].reporters = PN_REPORTER_POLICY;
    }
    uses[3].address.bytes[15] = 9;
    uses[4].reporters |= PN_REPORTER_APP;
    assert_int_equal(put_all(&table, uses, PN_LEN(uses), out, 8), 4);
    assert_int_equal(out[0].reporters, 0);
    assert_int_equal(out[0].count, 1);
    assert_int_equal(out[1].count, 2);
    assert_int_equal(out[1].first_at, 99);
    assert_int_equal(out[1].at, 101);
    assert_int_equal(out[2].seen[0].ip.bytes[15], 9);
    assert_int_equal(out[2].seen_count, 1);
    assert_int_equal(out[3].reporters, PN_REPORTER_POLICY | PN_REPORTER_APP);
    for (size_t i = 0; i < 4; i++) {
        assert_false(out[i].further);
    }
    pn_use_table_done(&table);
}

/* Addresses are cheap for who has a token: they must not crowd out others. */
static void
test_reported_addresses_take_only_their_part_of_the_table(void **state)
{
    struct pn_usage one = use(7, 100);
    struct pn_use_table table;
    struct pn_use out[MAX];
    size_t at = 0, n, kept = 0;
    uint32_t further = 0, counted = 0;
    const uint32_t all = 5 * MAX;

    (void) state;
    assert_int_equal(pn_use_table_init(&table, MAX), PN_OK);
    one.reporters = PN_REPORTER_POLICY;
    for (uint32_t i = 0; i < all; i++) {
        memcpy(&one.address.bytes[8], &i, sizeof(i));
        assert_int_equal(pn_use_table_put(&table, &one), PN_OK);
    }
    n = pn_use_table_next(&table, &at, out, MAX);
    for (size_t i = 0; i < n; i++) {
        further += out[i].further ? out[i].count : 0;
        kept += !out[i].further;
        counted += out[i].count;
    }
    assert_int_equal(counted, all);
    assert_int_equal(kept, table.slots / 4 * 3 / PN_USE_REPORTED_PART);
    assert_int_equal(further, all - kept);
    assert_int_equal(n, kept + 1);
    /* one that is known still counts by itself */
    memset(&one.address.bytes[8], 0, 4);
    assert_int_equal(pn_use_table_put(&table, &one), PN_OK);
    at = 0;
    assert_int_equal(pn_use_table_next(&table, &at, out, MAX), kept + 1);
    assert_int_equal(out[0].count, 2);
    /* emptied, there is room for addresses again */
    pn_use_table_clear(&table);
    at = 0;
    assert_int_equal(pn_use_table_put(&table, &one), PN_OK);
    assert_int_equal(pn_use_table_next(&table, &at, out, MAX), 1);
    assert_false(out[0].further);
    pn_use_table_done(&table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uses_add_up_and_the_latest_is_kept),
        cmocka_unit_test(test_secrets_outcomes_apps_and_days_stay_apart),
        cmocka_unit_test(test_the_last_five_addresses_are_kept_each_once),
        cmocka_unit_test(test_everything_put_comes_out_once_in_pieces),
        cmocka_unit_test(test_reported_uses_are_kept_by_address),
        cmocka_unit_test(
            test_reported_addresses_take_only_their_part_of_the_table),
        cmocka_unit_test(
            test_a_full_table_refuses_new_tokens_and_takes_known_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

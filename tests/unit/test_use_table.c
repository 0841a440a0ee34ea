/* SPDX-License-Identifier: Apache-2.0 */
/* The latest use of each token between two writes. */
#include "check.h"

#include "daemon/jobs/table.h"

enum { MAX = 1000 };

static struct pn_usage
use(uint64_t token, int64_t at)
{
    static const struct pn_ip ip = {
        {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 7}};

    return (struct pn_usage){.token_id = token,
                             .at = at,
                             .address = ip,
                             .app = PN_STR("app"),
                             .method = PN_STR("GET")};
}

static void
test_the_latest_use_of_a_token_is_kept(void **state)
{
    struct pn_use_table table;
    struct pn_last_use out[4];
    const struct pn_usage uses[] = {use(7, 100), use(7, 90), use(7, 110)};
    size_t at = 0;

    (void) state;
    assert_int_equal(pn_use_table_init(&table, MAX), PN_OK);
    for (size_t i = 0; i < PN_LEN(uses); i++) {
        assert_int_equal(pn_use_table_put(&table, &uses[i]), PN_OK);
    }
    assert_int_equal(pn_use_table_next(&table, &at, out, 4), 1);
    assert_int_equal(out[0].token_id, 7);
    assert_int_equal(out[0].at, 110);
    assert_string_equal(out[0].address, "192.0.2.7");
    assert_string_equal(out[0].app, "app");
    assert_string_equal(out[0].method, "GET");
    assert_int_equal(pn_use_table_next(&table, &at, out, 4), 0);
    pn_use_table_done(&table);
}

static void
test_everything_put_comes_out_once_in_pieces(void **state)
{
    static bool seen[MAX + 1];
    struct pn_use_table table;
    struct pn_last_use out[7];
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
    pn_use_table_done(&table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_latest_use_of_a_token_is_kept),
        cmocka_unit_test(test_everything_put_comes_out_once_in_pieces),
        cmocka_unit_test(
            test_a_full_table_refuses_new_tokens_and_takes_known_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

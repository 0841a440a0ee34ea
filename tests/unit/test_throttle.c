/* SPDX-License-Identifier: Apache-2.0 */
/* Counting in windows. */
#include "check.h"

#include <pthread.h>

#include "core/throttle.h"

enum { SLOTS = 1024, THREADS = 4, EACH = 20000 };

static struct pn_throttle *table;

static int
setup(void **state)
{
    (void) state;
    table = malloc(pn_throttle_size(SLOTS));
    assert_non_null(table);
    pn_throttle_init(table, SLOTS, 12345, 10, 60);
    return 0;
}

static int
teardown(void **state)
{
    (void) state;
    free(table);
    return 0;
}

static uint32_t
count(uint64_t key, int64_t now, uint32_t n)
{
    uint32_t wait;

    return pn_throttle_count(table, key, 60, now, n, &wait);
}

static void
test_counts_add_up_within_a_window_and_start_anew(void **state)
{
    (void) state;
    assert_int_equal(count(1, 600, 1), 1);
    assert_int_equal(count(1, 659, 2), 3);
    assert_int_equal(count(1, 659, 0), 3); /* only looking */
    assert_int_equal(count(2, 659, 0), 0); /* another key */
    assert_int_equal(count(1, 660, 0), 0); /* the next window */
    assert_int_equal(count(1, 660, 1), 1);
    assert_int_equal(count(1, 600, 0), 0); /* a clock that went back */
}

static void
test_the_wait_lasts_to_the_window_s_end(void **state)
{
    uint32_t wait;

    (void) state;
    (void) pn_throttle_count(table, 1, 60, 600, 1, &wait);
    assert_int_equal(wait, 60);
    (void) pn_throttle_count(table, 1, 60, 659, 1, &wait);
    assert_int_equal(wait, 1);
    (void) pn_throttle_count(table, 1, 0, 659, 1, &wait); /* no division */
    assert_int_equal(wait, 1);
    (void) pn_throttle_count(table, 1, 60, -5, 1, &wait);
    assert_int_equal(wait, 60);
}

static void
test_counts_stop_at_their_maximum(void **state)
{
    (void) state;
    assert_int_equal(count(1, 0, UINT32_MAX), (1 << 20) - 1);
    assert_int_equal(count(1, 0, 1), (1 << 20) - 1);
}

/* A table of one slot: the newcomer takes it; nobody inherits a count. */
static void
test_a_collision_forgets_and_never_adds(void **state)
{
    uint32_t wait;

    (void) state;
    pn_throttle_init(table, 1, 7, 10, 60);
    for (uint64_t key = 1; key <= 1000; key++) {
        assert_int_equal(pn_throttle_count(table, key, 60, 0, 1, &wait), 1);
    }
    assert_int_equal(pn_throttle_count(table, 1, 60, 0, 1, &wait), 1);
}

static void
test_keys_spread_over_the_slots(void **state)
{
    int kept = 0;

    (void) state;
    for (uint64_t key = 0; key < SLOTS / 4; key++) {
        (void) count(key << 32, 0, 1);
    }
    for (uint64_t key = 0; key < SLOTS / 4; key++) {
        kept += count(key << 32, 0, 0) == 1;
    }
    assert_in_range(kept, SLOTS / 4 * 3 / 4, SLOTS / 4);
}

static uint64_t
ip_key(const char *text)
{
    struct pn_ip ip;

    assert_int_equal(pn_ip_parse(pn_str_from(text), &ip), PN_OK);
    return pn_throttle_ip_key(&ip);
}

static void
test_ipv6_counts_by_its_64_and_ipv4_whole(void **state)
{
    (void) state;
    assert_true(ip_key("2001:db8::1") == ip_key("2001:db8::ffff:1"));
    assert_true(ip_key("2001:db8::1") != ip_key("2001:db8:0:1::1"));
    assert_true(ip_key("192.0.2.1") != ip_key("192.0.2.2"));
    assert_true(ip_key("192.0.2.1") == ip_key("::ffff:192.0.2.1"));
}

static void *
count_often(void *arg)
{
    for (int i = 0; i < EACH; i++) {
        (void) count(5, 0, 1);
    }
    return arg;
}

static void
test_threads_lose_no_count(void **state)
{
    pthread_t threads[THREADS];

    (void) state;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_often, NULL),
                         0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(count(5, 0, 0), THREADS * EACH);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_counts_add_up_within_a_window_and_start_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_wait_lasts_to_the_window_s_end,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_counts_stop_at_their_maximum,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_collision_forgets_and_never_adds,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_spread_over_the_slots, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_ipv6_counts_by_its_64_and_ipv4_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads_lose_no_count, setup,
                                        teardown),
    };

    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}

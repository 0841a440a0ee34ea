/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: bounded, terminated, and gone when done. */
#include "base/secret.h"

#include "check.h"

static bool
all_zero(const void *mem, size_t len)
{
    const uint8_t *bytes = mem;

    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static void
test_a_secret_is_wiped_when_done(void **state)
{
    struct pn_secret secret;

    (void) state;
    assert_int_equal(pn_secret_set(&secret, PN_STR("hunter2")), PN_OK);
    assert_int_equal(secret.len, 7);
    assert_string_equal(secret.bytes, "hunter2");
    pn_secret_done(&secret);
    assert_true(all_zero(&secret, sizeof(secret)));
    pn_secret_done(NULL);
}

static void
test_a_shorter_secret_leaves_nothing_of_the_longer(void **state)
{
    struct pn_secret secret;

    (void) state;
    assert_int_equal(pn_secret_set(&secret, PN_STR("a long secret")), PN_OK);
    assert_int_equal(pn_secret_set(&secret, PN_STR("b")), PN_OK);
    assert_string_equal(secret.bytes, "b");
    assert_true(all_zero(secret.bytes + 1, PN_SECRET_MAX));
    assert_int_equal(pn_secret_set(&secret, (struct pn_str){NULL, 0}), PN_OK);
    assert_true(all_zero(&secret, sizeof(secret)));
}

static void
test_a_secret_over_the_maximum_changes_nothing(void **state)
{
    static char text[PN_SECRET_MAX + 1];
    struct pn_secret secret;

    (void) state;
    memset(text, 'x', sizeof(text));
    assert_int_equal(pn_secret_set(&secret, PN_STR("kept")), PN_OK);
    assert_int_equal(
        pn_secret_set(&secret, (struct pn_str){text, sizeof(text)}),
        PN_E_TOO_LONG);
    assert_string_equal(secret.bytes, "kept");
    assert_int_equal(
        pn_secret_set(&secret, (struct pn_str){text, PN_SECRET_MAX}), PN_OK);
    assert_int_equal(strlen(secret.bytes), PN_SECRET_MAX);
    pn_secret_done(&secret);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_secret_is_wiped_when_done),
        cmocka_unit_test(test_a_shorter_secret_leaves_nothing_of_the_longer),
        cmocka_unit_test(test_a_secret_over_the_maximum_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

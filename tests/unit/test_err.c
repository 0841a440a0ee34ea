/* SPDX-License-Identifier: Apache-2.0 */
/* The text of each error code. */
#include "check.h"

/* Codes are contiguous; defs.h adds new ones at the end. */
static const int last = PN_E_STATE;

static void
test_each_code_has_a_text_of_its_own(void **state)
{
    (void) state;
    for (int a = 0; a >= last; a--) {
        const char *text = pn_err_text((enum pn_err) a);

        assert_string_not_equal(text, "unknown error");
        assert_true(text[0] >= 'a' && text[0] <= 'z');
        assert_true(text[strlen(text) - 1] != '.');
        for (int b = 0; b > a; b--) {
            assert_string_not_equal(text, pn_err_text((enum pn_err) b));
        }
    }
}

static void
test_a_foreign_number_still_has_a_text(void **state)
{
    (void) state;
    assert_string_equal(pn_err_text((enum pn_err) 1), "unknown error");
    assert_string_equal(pn_err_text((enum pn_err)(last - 1)), "unknown error");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_code_has_a_text_of_its_own),
        cmocka_unit_test(test_a_foreign_number_still_has_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 3339 instants: the table, and every day from 1970 to 9999.
 * oracle_datetime.py compares with another implementation.
 */
#include "base/datetime.h"

#include "check.h"

static const char *table;

static bool
reads_as_said(const struct pn_str *field)
{
    const int64_t untouched = -42;
    int64_t at = untouched;
    enum pn_err err = pn_datetime_parse(field[0], &at);

    if (pn_str_eq(field[1], PN_STR("syntax"))) {
        return err == PN_E_SYNTAX && at == untouched;
    }
    if (pn_str_eq(field[1], PN_STR("range"))) {
        return err == PN_E_RANGE && at == untouched;
    }
    return err == PN_OK && at == strtoll(field[1].ptr, NULL, 10);
}

static void
test_only_instants_that_exist_are_read(void **state)
{
    (void) state;
    check_cases(table, 2, reads_as_said);
}

/* A second hand that moves on with the day, so that all of them occur. */
static void
test_each_day_is_written_and_read_back(void **state)
{
    const int64_t last = INT64_C(253402300799);
    char text[PN_DATETIME_LEN + 1], before[PN_DATETIME_LEN + 1] = "";

    (void) state;
    for (int64_t at = 0; at <= last; at += 86400 + 61) {
        int64_t back = -1;

        assert_int_equal(pn_datetime_format(at, text), PN_OK);
        assert_int_equal(pn_datetime_parse(pn_str_from(text), &back), PN_OK);
        assert_true(back == at);
        assert_true(strcmp(before, text) < 0); /* text sorts as time does */
        memcpy(before, text, sizeof(text));
    }
}

static void
test_instants_outside_the_years_are_not_written(void **state)
{
    char text[PN_DATETIME_LEN + 1] = "as it was";

    (void) state;
    assert_int_equal(pn_datetime_format(-1, text), PN_E_RANGE);
    assert_int_equal(pn_datetime_format(INT64_C(253402300800), text),
                     PN_E_RANGE);
    assert_int_equal(pn_datetime_format(INT64_MIN, text), PN_E_RANGE);
    assert_int_equal(pn_datetime_format(INT64_MAX, text), PN_E_RANGE);
    assert_string_equal(text, "as it was");
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_instants_that_exist_are_read),
        cmocka_unit_test(test_each_day_is_written_and_read_back),
        cmocka_unit_test(test_instants_outside_the_years_are_not_written),
    };

    table = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}

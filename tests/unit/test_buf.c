/* SPDX-License-Identifier: Apache-2.0 */
/* Capped buffers: nothing past the cap, and the flag that says so. */
#include "base/buf.h"

#include "check.h"

static const char *table;

static void
test_what_fits_exactly_is_not_full(void **state)
{
    char bytes[5];
    struct pn_buf buf = PN_BUF(bytes);

    (void) state;
    pn_buf_add_cstr(&buf, "abc");
    pn_buf_add(&buf, PN_STR("de"));
    assert_false(buf.full);
    assert_int_equal(buf.len, 5);
    assert_memory_equal(bytes, "abcde", 5);
    assert_null(pn_buf_cstr(&buf)); /* no room for the NUL */
}

static void
test_past_the_cap_nothing_more_is_written(void **state)
{
    char bytes[8] = "........";
    struct pn_buf buf = {.ptr = bytes, .cap = 4};

    (void) state;
    pn_buf_add_cstr(&buf, "abc");
    pn_buf_add_cstr(&buf, "de");
    assert_true(buf.full);
    pn_buf_add_char(&buf, 'f'); /* would fit, but content stays a prefix */
    pn_buf_add_u64(&buf, 1);
    pn_buf_addf(&buf, "%d", 1);
    assert_int_equal(buf.len, 3);
    assert_memory_equal(bytes, "abc.....", 8);
    assert_null(pn_buf_cstr(&buf));
}

static void
test_numbers_are_written_in_full(void **state)
{
    char bytes[64];
    struct pn_buf buf = PN_BUF(bytes);

    (void) state;
    pn_buf_add_u64(&buf, 0);
    pn_buf_add_char(&buf, ' ');
    pn_buf_add_u64(&buf, UINT64_MAX);
    pn_buf_addf(&buf, " %s=%d", "x", -1);
    assert_string_equal(pn_buf_cstr(&buf), "0 18446744073709551615 x=-1");
}

static void
test_formatted_text_that_does_not_fit_leaves_len(void **state)
{
    char bytes[4];
    struct pn_buf buf = PN_BUF(bytes);

    (void) state;
    pn_buf_addf(&buf, "%s", "abcd"); /* vsnprintf wants a fifth byte */
    assert_true(buf.full);
    assert_int_equal(buf.len, 0);
}

static bool
quotes_as_said(const struct pn_str *field)
{
    char bytes[256];
    struct pn_buf buf = PN_BUF(bytes);

    pn_buf_add_json(&buf, field[0]);
    return !buf.full && pn_str_eq(pn_buf_str(&buf), field[1]);
}

static void
test_any_bytes_become_a_json_string(void **state)
{
    (void) state;
    check_cases(table, 2, quotes_as_said);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_fits_exactly_is_not_full),
        cmocka_unit_test(test_past_the_cap_nothing_more_is_written),
        cmocka_unit_test(test_numbers_are_written_in_full),
        cmocka_unit_test(test_formatted_text_that_does_not_fit_leaves_len),
        cmocka_unit_test(test_any_bytes_become_a_json_string),
    };

    table = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}

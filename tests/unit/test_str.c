/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed text: comparison, cutting, and what counts as UTF-8. */
#include "base/str.h"

#include "check.h"

static const char *table;

static void
test_absent_and_empty_text_are_safe(void **state)
{
    const struct pn_str none = pn_str_from(NULL), empty = PN_STR("");

    (void) state;
    assert_null(none.ptr);
    assert_int_equal(none.len, 0);
    assert_true(pn_str_eq(none, empty));
    assert_true(pn_str_eq_nocase(none, empty));
    assert_true(pn_str_starts(none, empty));
    assert_true(pn_str_starts(PN_STR("x"), none));
    assert_int_equal(pn_str_find(none, 'x'), 0);
    assert_true(pn_str_is_utf8(none));
    assert_false(pn_str_has_control(none));
    assert_int_equal(pn_str_trim(none).len, 0);
}

static void
test_only_ascii_letters_lose_their_case(void **state)
{
    (void) state;
    assert_true(
        pn_str_eq_nocase(PN_STR("Alice@EXAMPLE"), PN_STR("aLICE@example")));
    assert_false(pn_str_eq_nocase(PN_STR("@[`{"), PN_STR("`{@[")));
    assert_false(pn_str_eq_nocase(PN_STR("\xc3\x9c"), PN_STR("\xc3\xbc")));
    assert_false(
        pn_str_eq_nocase(PN_STR("\xdc"), PN_STR("\xfc"))); /* Latin-1 */
    assert_false(pn_str_eq_nocase(PN_STR("ab"), PN_STR("abc")));
    assert_false(pn_str_eq(PN_STR("a"), PN_STR("A")));
    assert_true(pn_str_eq(PN_STR("a\0b"), PN_STR("a\0b")));
    assert_false(pn_str_eq(PN_STR("a\0b"), PN_STR("a\0c")));
}

static void
test_text_is_cut_at_the_first_mark(void **state)
{
    struct pn_str head = PN_STR("as"), tail = PN_STR("it was");

    (void) state;
    assert_false(pn_str_cut(PN_STR("no mark"), ':', &head, &tail));
    assert_true(pn_str_eq(head, PN_STR("as")));
    assert_true(pn_str_eq(tail, PN_STR("it was")));
    assert_true(pn_str_cut(PN_STR("user:pass:word"), ':', &head, &tail));
    assert_true(pn_str_eq(head, PN_STR("user")));
    assert_true(pn_str_eq(tail, PN_STR("pass:word")));
    assert_true(pn_str_cut(PN_STR(":"), ':', &head, &tail));
    assert_int_equal(head.len, 0);
    assert_int_equal(tail.len, 0);
    assert_int_equal(pn_str_find(PN_STR("abc"), 'c'), 2);
    assert_int_equal(pn_str_find(PN_STR("abc"), 'd'), 3);
}

static void
test_prefixes_and_blanks(void **state)
{
    (void) state;
    assert_true(pn_str_starts(PN_STR("pst_x"), PN_STR("pst_")));
    assert_true(pn_str_starts(PN_STR("pst_"), PN_STR("pst_")));
    assert_false(pn_str_starts(PN_STR("pst"), PN_STR("pst_")));
    assert_true(pn_str_eq(pn_str_trim(PN_STR(" \t a b\t ")), PN_STR("a b")));
    assert_int_equal(pn_str_trim(PN_STR(" \t ")).len, 0);
    assert_true(pn_str_eq(pn_str_trim(PN_STR("\nx\n")), PN_STR("\nx\n")));
}

static bool
is_utf8_as_said(const struct pn_str *field)
{
    return pn_str_is_utf8(field[0]) == pn_str_eq(field[1], PN_STR("yes"));
}

static void
test_only_the_shortest_form_is_utf8(void **state)
{
    (void) state;
    check_cases(table, 2, is_utf8_as_said);
}

static void
test_each_control_byte_is_found(void **state)
{
    (void) state;
    for (int c = 0; c < 256; c++) {
        const char text[] = {'a', (char) c, 'b'};
        const struct pn_str whole = {text, sizeof(text)};

        assert_int_equal(pn_str_has_control(whole), c < 0x20 || c == 0x7f);
    }
}

static void
test_one_bit_makes_secrets_differ(void **state)
{
    uint8_t a[32], b[32];

    (void) state;
    for (size_t i = 0; i < sizeof(a); i++) {
        a[i] = b[i] = (uint8_t) (i * 37);
    }
    assert_true(pn_bytes_eq_const_time(a, b, sizeof(a)));
    assert_true(pn_bytes_eq_const_time(a, b, 0));
    for (size_t bit = 0; bit < sizeof(a) * 8; bit++) {
        b[bit / 8] ^= (uint8_t) (1U << bit % 8);
        assert_false(pn_bytes_eq_const_time(a, b, sizeof(a)));
        b[bit / 8] ^= (uint8_t) (1U << bit % 8);
    }
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_and_empty_text_are_safe),
        cmocka_unit_test(test_only_ascii_letters_lose_their_case),
        cmocka_unit_test(test_text_is_cut_at_the_first_mark),
        cmocka_unit_test(test_prefixes_and_blanks),
        cmocka_unit_test(test_only_the_shortest_form_is_utf8),
        cmocka_unit_test(test_each_control_byte_is_found),
        cmocka_unit_test(test_one_bit_makes_secrets_differ),
    };

    table = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}

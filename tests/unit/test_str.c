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

/* The bytes of one code point, by the table of RFC 3629 section 3. */
static size_t
encode(uint32_t cp, uint8_t out[4])
{
    if (cp < 0x80) {
        out[0] = (uint8_t) cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (uint8_t) (0xc0 | cp >> 6);
        out[1] = (uint8_t) (0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (uint8_t) (0xe0 | cp >> 12);
        out[1] = (uint8_t) (0x80 | (cp >> 6 & 0x3f));
        out[2] = (uint8_t) (0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (uint8_t) (0xf0 | cp >> 18);
    out[1] = (uint8_t) (0x80 | (cp >> 12 & 0x3f));
    out[2] = (uint8_t) (0x80 | (cp >> 6 & 0x3f));
    out[3] = (uint8_t) (0x80 | (cp & 0x3f));
    return 4;
}

/* Slow and obviously right: text is UTF-8 if some code points encode to it.
 * The candidates are read from the low bits, whatever the high ones say. */
static bool
some_code_points_give(const uint8_t *text, size_t len)
{
    static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};

    if (len == 0) {
        return true;
    }
    for (size_t n = 1; n <= 4 && n <= len; n++) {
        uint32_t cp = text[0] & lead_bits[n];
        uint8_t bytes[4];

        for (size_t i = 1; i < n; i++) {
            cp = cp << 6 | (text[i] & 0x3f);
        }
        if (cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff)
            && encode(cp, bytes) == n && memcmp(bytes, text, n) == 0
            && some_code_points_give(text + n, len - n))
        {
            return true;
        }
    }
    return false;
}

/* All texts of four bytes, each from both sides of every boundary. */
static void
test_utf8_agrees_with_the_encoding_table(void **state)
{
    static const uint8_t edge[] = {
        0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
        0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    const size_t n = sizeof(edge);

    (void) state;
    for (size_t i = 0; i < n * n * n * n; i++) {
        const uint8_t text[] = {edge[i % n], edge[i / n % n],
                                edge[i / n / n % n], edge[i / n / n / n]};

        assert_int_equal(
            pn_str_is_utf8((struct pn_str){(const char *) text, 4}),
            some_code_points_give(text, 4));
    }
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

/* Each byte at each place of a word, and behind the last whole word. */
static void
test_printable_text_is_told_at_every_place(void **state)
{
    char text[20];

    (void) state;
    assert_true(pn_str_is_printable((struct pn_str){NULL, 0}));
    for (size_t at = 0; at < sizeof(text); at++) {
        for (int c = 0; c < 256; c++) {
            memset(text, c % 2 ? ' ' : '~', sizeof(text));
            text[at] = (char) c;
            assert_int_equal(
                pn_str_is_printable((struct pn_str){text, sizeof(text)}),
                c >= 0x20 && c <= 0x7e);
        }
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

static void
test_bytes_become_hexadecimal_and_back(void **state)
{
    static const uint8_t bytes[] = {0x00, 0x9f, 0xa0, 0xff};
    char text[2 * sizeof(bytes) + 1];

    (void) state;
    pn_hex(bytes, sizeof(bytes), text);
    assert_string_equal(text, "009fa0ff");
    for (size_t i = 0; i < sizeof(bytes); i++) {
        assert_int_equal(pn_hex_value(text[2 * i]) << 4
                             | pn_hex_value(text[2 * i + 1]),
                         bytes[i]);
    }
    for (const char *c = "/:`gAF"; *c != '\0'; c++) {
        assert_int_equal(pn_hex_value(*c), -1);
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
        cmocka_unit_test(test_utf8_agrees_with_the_encoding_table),
        cmocka_unit_test(test_each_control_byte_is_found),
        cmocka_unit_test(test_printable_text_is_told_at_every_place),
        cmocka_unit_test(test_one_bit_makes_secrets_differ),
        cmocka_unit_test(test_bytes_become_hexadecimal_and_back),
    };

    table = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}

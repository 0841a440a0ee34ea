/* SPDX-License-Identifier: Apache-2.0 */
/* Base64: the table, and every short text against the encoder. */
#include "base/base64.h"

#include "check.h"

static const char *table;

static bool
decodes_as_said(const struct pn_str *field)
{
    char bytes[64];
    struct pn_buf out = PN_BUF(bytes);
    enum pn_err err = pn_base64_decode(field[0], &out);

    if (pn_str_eq(field[1], PN_STR("invalid"))) {
        return err == PN_E_SYNTAX && out.len == 0;
    }
    return err == PN_OK && pn_str_eq(pn_buf_str(&out), field[1]);
}

static void
test_only_canonical_text_decodes(void **state)
{
    (void) state;
    check_cases(table, 2, decodes_as_said);
}

static void
test_what_is_encoded_decodes_to_itself(void **state)
{
    uint8_t bytes[100];
    char text[200], back[100];

    (void) state;
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        struct pn_buf encoded = PN_BUF(text);
        struct pn_buf decoded = PN_BUF(back);

        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t) (i * 151 + len * 7);
        }
        pn_base64_encode(bytes, len, &encoded);
        assert_false(encoded.full);
        assert_int_equal(encoded.len, (len + 2) / 3 * 4);
        assert_int_equal(pn_base64_decode(pn_buf_str(&encoded), &decoded),
                         PN_OK);
        assert_int_equal(decoded.len, len);
        assert_memory_equal(back, bytes, len);
    }
}

/* All texts of up to three characters over an alphabet that has each kind:
 * a text decodes exactly if the encoder can produce it, padding aside. */
static void
test_each_value_has_one_spelling(void **state)
{
    static const char letters[] = "ABQw9+/= -";
    const size_t n = sizeof(letters) - 1;

    (void) state;
    for (size_t i = 0; i < n * n * n * n; i++) {
        const char text[] = {letters[i % n], letters[i / n % n],
                             letters[i / n / n % n], letters[i / n / n / n]};
        char bytes[8], again[8];
        struct pn_buf out = PN_BUF(bytes), encoded = PN_BUF(again);

        if (pn_base64_decode((struct pn_str){text, 4}, &out) == PN_OK) {
            pn_base64_encode(out.ptr, out.len, &encoded);
            assert_int_equal(encoded.len, 4);
            assert_memory_equal(again, text, 4);
        }
    }
}

static void
test_output_that_does_not_fit_is_refused_whole(void **state)
{
    char bytes[4] = "x";
    struct pn_buf out = {.ptr = bytes, .len = 1, .cap = sizeof(bytes)};

    (void) state;
    assert_int_equal(pn_base64_decode(PN_STR("Zm9vYg=="), &out), PN_E_TOO_LONG);
    assert_int_equal(out.len, 1);
    assert_int_equal(pn_base64_decode(PN_STR("Zm9v"), &out), PN_OK);
    assert_int_equal(out.len, 4);
    assert_memory_equal(bytes, "xfoo", 4);
}

static void
test_an_error_takes_back_what_was_appended(void **state)
{
    char bytes[16] = "x";
    struct pn_buf out = {.ptr = bytes, .len = 1, .cap = sizeof(bytes)};

    (void) state;
    assert_int_equal(pn_base64_decode(PN_STR("Zm9vYm*y"), &out), PN_E_SYNTAX);
    assert_int_equal(out.len, 1);
    assert_int_equal(pn_base64_decode(PN_STR("Zm9vYh=="), &out), PN_E_SYNTAX);
    assert_int_equal(out.len, 1);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_canonical_text_decodes),
        cmocka_unit_test(test_what_is_encoded_decodes_to_itself),
        cmocka_unit_test(test_each_value_has_one_spelling),
        cmocka_unit_test(test_output_that_does_not_fit_is_refused_whole),
        cmocka_unit_test(test_an_error_takes_back_what_was_appended),
    };

    table = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Public ids. */
#include "check.h"

#include "core/id.h"

static void
test_ids_read_back(void **state)
{
    static const uint64_t ids[] = {
        0, 1, 31, 32, 0x123456789abcdef0, INT64_MAX, UINT64_MAX};
    char text[PN_ID_TEXT_LEN + 1];
    uint64_t back;

    (void) state;
    for (size_t i = 0; i < PN_LEN(ids); i++) {
        pn_id_format(PN_ID_TOKEN, ids[i], text);
        assert_int_equal(strlen(text), PN_ID_TEXT_LEN);
        assert_int_equal(pn_id_parse(PN_ID_TOKEN, pn_str_from(text), &back),
                         PN_OK);
        assert_true(back == ids[i]);
    }
    pn_id_format(PN_ID_USER, UINT64_MAX, text);
    assert_string_equal(text, "usr_fzzzzzzzzzzzz");
}

static void
test_other_spellings_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "tok_",
        "tok_000000000000",   /* short */
        "tok_00000000000000", /* long */
        "usr_0000000000000",  /* another kind */
        "tok_000000000000A",  /* one id, one spelling */
        "tok_000000000000l",
        "tok_000000000000u",
        "tok_000000000000-",
        "tok_g000000000000", /* over 64 bits */
        "tok_zzzzzzzzzzzzz",
    };
    uint64_t out = 42;

    (void) state;
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        assert_int_equal(pn_id_parse(PN_ID_TOKEN, pn_str_from(bad[i]), &out),
                         PN_E_SYNTAX);
    }
    assert_true(out == 42);
}

static void
test_made_ids_ascend_and_stay_below_2_63(void **state)
{
    const int64_t epoch = 1577836800000;

    (void) state;
    assert_true(pn_id_make(epoch + 1, 0) > pn_id_make(epoch, UINT32_MAX));
    assert_true(pn_id_make(epoch + 5, 1) != pn_id_make(epoch + 5, 2));
    assert_true(pn_id_make(INT64_MAX, UINT32_MAX) <= INT64_MAX);
    assert_true(pn_id_make(0, 0) == 1); /* a clock before 2020; never 0 */
    assert_true(pn_id_make(INT64_MIN, 0) == 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_read_back),
        cmocka_unit_test(test_other_spellings_are_refused),
        cmocka_unit_test(test_made_ids_ascend_and_stay_below_2_63),
    };

    return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Usage datagrams. */
#include "check.h"

#include "core/usage.h"

static char bytes[PN_USAGE_DATAGRAM_MAX];

static const struct pn_usage line = {
    .token_id = 0x1122334455667788,
    .secret = {1, 2, 3, 4, 5, 6, 7, 0xff},
    .reason = PN_REASON_TOKEN_EXPIRED,
    .count = 3,
    .at = 1781524800,
    .address = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}},
    .app = {"jira", 4},
    .method = {"GET", 3},
    .user = {"alice", 5},
    .agent = {"curl/7.88", 9},
    .path = {"/rest", 5},
};

static void
test_lines_read_back_in_order(void **state)
{
    struct pn_buf datagram = PN_BUF(bytes);
    struct pn_usage second = line, back;
    struct pn_cursor cur;

    (void) state;
    second.token_id = 2;
    second.reason = PN_REASON_OK;
    second.user = second.agent = second.path = PN_STR("");
    pn_usage_begin(&datagram);
    assert_int_equal(pn_usage_add(&datagram, &line), PN_OK);
    assert_int_equal(pn_usage_add(&datagram, &second), PN_OK);
    assert_int_equal(pn_usage_open(pn_buf_str(&datagram), &cur), PN_OK);
    assert_int_equal(pn_usage_next(&cur, &back), PN_OK);
    assert_true(back.token_id == line.token_id);
    assert_memory_equal(back.secret, line.secret, sizeof(line.secret));
    assert_int_equal(back.reason, line.reason);
    assert_int_equal(back.count, 3);
    assert_int_equal(back.at, line.at);
    assert_memory_equal(&back.address, &line.address, sizeof(line.address));
    assert_true(pn_str_eq(back.app, line.app));
    assert_true(pn_str_eq(back.method, line.method));
    assert_true(pn_str_eq(back.user, line.user));
    assert_true(pn_str_eq(back.agent, line.agent));
    assert_true(pn_str_eq(back.path, line.path));
    assert_int_equal(pn_usage_next(&cur, &back), PN_OK);
    assert_int_equal(back.token_id, 2);
    assert_int_equal(pn_usage_next(&cur, &back), PN_E_NOT_FOUND);
}

static void
test_a_full_datagram_stays_as_it_was(void **state)
{
    struct pn_buf datagram = PN_BUF(bytes);
    struct pn_usage back;
    struct pn_cursor cur;
    size_t lines = 0, len, found = 0;

    (void) state;
    pn_usage_begin(&datagram);
    do {
        len = datagram.len;
    } while (pn_usage_add(&datagram, &line) == PN_OK && ++lines);
    assert_int_equal(datagram.len, len);
    assert_false(datagram.full);
    assert_true(lines > 75);
    assert_int_equal(pn_usage_open(pn_buf_str(&datagram), &cur), PN_OK);
    while (pn_usage_next(&cur, &back) == PN_OK) {
        found++;
    }
    assert_int_equal(found, lines);
}

static struct pn_str
through(struct pn_str path)
{
    static char out[PN_USAGE_TEXT_MAX];
    struct pn_buf datagram = PN_BUF(bytes);
    struct pn_usage usage = line;
    struct pn_cursor cur;

    usage.path = path;
    pn_usage_begin(&datagram);
    assert_int_equal(pn_usage_add(&datagram, &usage), PN_OK);
    assert_int_equal(pn_usage_open(pn_buf_str(&datagram), &cur), PN_OK);
    assert_int_equal(pn_usage_next(&cur, &usage), PN_OK);
    memcpy(out, usage.path.ptr, usage.path.len);
    return (struct pn_str){out, usage.path.len};
}

static void
test_texts_are_cut_between_characters_and_cleaned(void **state)
{
    char text[80];

    (void) state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(through((struct pn_str){text, 64}).len, 64);
    assert_int_equal(through((struct pn_str){text, 65}).len, 64);
    memcpy(text + 63, "\xc3\xa4", 2);
    assert_int_equal(through((struct pn_str){text, 70}).len, 63);
    memcpy(text + 61, "\xf0\x9f\x98\x80", 4);
    assert_int_equal(through((struct pn_str){text, 70}).len, 61);
    memset(text + 40, 0x80, 40); /* no character at all: every byte shown */
    assert_true(pn_str_is_utf8(through((struct pn_str){text, 80})));
    assert_true(pn_str_eq(through(PN_STR("a\r\nb\x7f")), PN_STR("a??b?")));
    assert_true(pn_str_eq(through(PN_STR("\xff\xc3\xa4")), PN_STR("???")));
    assert_true(pn_str_eq(through(PN_STR("\xc3\xa4")), PN_STR("\xc3\xa4")));
    assert_true(pn_str_eq(through(PN_STR("")), PN_STR("")));
}

static void
test_foreign_datagrams_are_refused(void **state)
{
    static char big[PN_USAGE_DATAGRAM_MAX + 1] = "PNUS\3";
    struct pn_cursor cur;

    (void) state;
    assert_int_equal(pn_usage_open(PN_STR(""), &cur), PN_E_DAMAGED);
    assert_int_equal(pn_usage_open(PN_STR("PNUS"), &cur), PN_E_DAMAGED);
    assert_int_equal(pn_usage_open(PN_STR("PNUX\3"), &cur), PN_E_DAMAGED);
    assert_int_equal(pn_usage_open(PN_STR("PNUS\2"), &cur), PN_E_VERSION);
    assert_int_equal(pn_usage_open((struct pn_str){big, sizeof(big)}, &cur),
                     PN_E_DAMAGED);
}

/* One changed byte at a time, at the places that have rules. */
static void
test_lines_with_unfit_values_are_refused(void **state)
{
    static const struct {
        size_t at;
        char value;
    } changes[] = {
        {5 + 16, PN_REASON_COUNT}, /* reason */
        {5 + 17, 1},               /* a rule reports what is refused */
        {5 + 18, 0},               /* count 3 becomes 0 */
        {5 + 22 + 7, (char) 0x80}, /* a negative instant */
        {5 + 46, 65},              /* a text over the maximum */
        {5 + 47, '\n'},            /* a control byte in it */
        {5 + 47, (char) 0xff},     /* no UTF-8 */
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(changes); i++) {
        struct pn_buf datagram = PN_BUF(bytes);
        struct pn_usage back = {.count = 99};
        struct pn_cursor cur;

        pn_usage_begin(&datagram);
        assert_int_equal(pn_usage_add(&datagram, &line), PN_OK);
        bytes[changes[i].at] = changes[i].value;
        assert_int_equal(pn_usage_open(pn_buf_str(&datagram), &cur), PN_OK);
        assert_int_equal(pn_usage_next(&cur, &back), PN_E_DAMAGED);
        assert_int_equal(pn_usage_next(&cur, &back), PN_E_DAMAGED);
        assert_int_equal(back.count, 99);
    }
}

/* What rules report is allowed, and has a token. */
static void
test_reporting_rules_are_those_of_known_tokens(void **state)
{
    static const struct {
        uint64_t token_id;
        uint8_t reporters;
        enum pn_err expected;
    } cases[] = {
        {7, 0, PN_OK},          {7, 1, PN_OK},        {7, 2, PN_OK},
        {7, 3, PN_OK},          {0, 0, PN_OK},        {7, 4, PN_E_DAMAGED},
        {7, 255, PN_E_DAMAGED}, {0, 1, PN_E_DAMAGED},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(cases); i++) {
        struct pn_buf datagram = PN_BUF(bytes);
        struct pn_usage usage = line, back = {.count = 99};
        struct pn_cursor cur;

        usage.reason = PN_REASON_OK;
        usage.token_id = cases[i].token_id;
        usage.reporters = cases[i].reporters;
        pn_usage_begin(&datagram);
        assert_int_equal(pn_usage_add(&datagram, &usage), PN_OK);
        assert_int_equal(pn_usage_open(pn_buf_str(&datagram), &cur), PN_OK);
        assert_int_equal(pn_usage_next(&cur, &back), cases[i].expected);
        if (cases[i].expected == PN_OK) {
            assert_int_equal(back.reporters, cases[i].reporters);
        }
    }
}

static void
test_a_cut_line_is_refused(void **state)
{
    struct pn_buf datagram = PN_BUF(bytes);
    struct pn_usage back;
    struct pn_cursor cur;

    (void) state;
    pn_usage_begin(&datagram);
    assert_int_equal(pn_usage_add(&datagram, &line), PN_OK);
    for (size_t len = 6; len < datagram.len; len++) {
        assert_int_equal(pn_usage_open((struct pn_str){bytes, len}, &cur),
                         PN_OK);
        assert_int_equal(pn_usage_next(&cur, &back), PN_E_DAMAGED);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_read_back_in_order),
        cmocka_unit_test(test_a_full_datagram_stays_as_it_was),
        cmocka_unit_test(test_texts_are_cut_between_characters_and_cleaned),
        cmocka_unit_test(test_foreign_datagrams_are_refused),
        cmocka_unit_test(test_lines_with_unfit_values_are_refused),
        cmocka_unit_test(test_reporting_rules_are_those_of_known_tokens),
        cmocka_unit_test(test_a_cut_line_is_refused),
    };

    return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: a table, and the list of compatibility characters held against
 * Unicode's own data (Python's).
 */
#include "check.h"

#include "core/target.h"

static const char *cases, *python;

static bool
target_holds(const struct pn_str *field)
{
    static const char *const words[] = {
        [PN_TARGET_CANONICAL] = "!canonical",
        [PN_TARGET_DOT_SEGMENT] = "!dot",
        [PN_TARGET_EMPTY_SEGMENT] = "!empty",
        [PN_TARGET_BACKSLASH] = "!backslash",
        [PN_TARGET_ENCODED_SEPARATOR] = "!separator",
        [PN_TARGET_CONTROL] = "!control",
        [PN_TARGET_RAW_BYTE] = "!raw",
        [PN_TARGET_FRAGMENT] = "!fragment",
        [PN_TARGET_PARAMETER] = "!parameter",
        [PN_TARGET_ENCODING] = "!encoding",
        [PN_TARGET_COMPATIBILITY] = "!compatibility",
        [PN_TARGET_FORM] = "!form",
    };
    char bytes[256] = "kept";
    struct pn_buf path = {.ptr = bytes, .len = 4, .cap = sizeof(bytes)};
    enum pn_ambiguity why = pn_target_path(
        field[0],
        field[1].ptr[0] == 'l' ? PN_SLASH_LITERAL : PN_SLASH_AMBIGUOUS, &path);

    if (why != PN_TARGET_CANONICAL) {
        return path.len == 4 && !path.full
               && pn_str_eq(field[2], pn_str_from(words[why]));
    }
    return pn_str_eq(field[2], (struct pn_str){bytes + 4, path.len - 4});
}

static void
test_targets_are_judged_as_the_table_says(void **state)
{
    (void) state;
    check_cases(cases, 3, target_holds);
}

/* Every code point but surrogates, percent-encoded, must be refused exactly
 * when Python says that its NFKC form holds one of the four. */
static void
test_compatibility_characters_are_those_of_unicode(void **state)
{
    char command[512];
    FILE *list;
    uint32_t next = 0x80, listed;

    (void) state;
    (void) snprintf(command, sizeof(command),
                    "%s -c \"import unicodedata as u\n"
                    "for c in range(0x80, 0x110000):\n"
                    "    if not 0xd800 <= c < 0xe000 and set('./%%\\\\\\\\') & "
                    "set(u.normalize('NFKC', chr(c))): print(c)\"",
                    python);
    list = popen(command, "r");
    assert_non_null(list);
    while (next < 0x110000) {
        if (fscanf(list, "%u", &listed) != 1) {
            listed = 0x110000;
        }
        for (; next <= listed && next < 0x110000; next++) {
            char text[16], bytes[16];
            struct pn_buf path = PN_BUF(bytes);
            int len;

            if (next >= 0xd800 && next < 0xe000) {
                continue;
            }
            if (next < 0x800) {
                len = snprintf(text, sizeof(text), "/%%%02x%%%02x",
                               0xc0 | next >> 6, 0x80 | (next & 0x3f));
            } else if (next < 0x10000) {
                len = snprintf(text, sizeof(text), "/%%%02x%%%02x%%%02x",
                               0xe0 | next >> 12, 0x80 | (next >> 6 & 0x3f),
                               0x80 | (next & 0x3f));
            } else {
                len = snprintf(text, sizeof(text), "/%%%02x%%%02x%%%02x%%%02x",
                               0xf0 | next >> 18, 0x80 | (next >> 12 & 0x3f),
                               0x80 | (next >> 6 & 0x3f), 0x80 | (next & 0x3f));
            }
            assert_int_equal(pn_target_path((struct pn_str){text, (size_t) len},
                                            PN_SLASH_AMBIGUOUS, &path),
                             next == listed ? PN_TARGET_COMPATIBILITY
                                            : PN_TARGET_CANONICAL);
        }
    }
    assert_int_equal(pclose(list), 0);
}

static void
test_lengths_are_capped(void **state)
{
    static char text[PN_TARGET_MAX + 1], bytes[PN_TARGET_MAX];
    struct pn_buf path = PN_BUF(bytes), small = {.ptr = bytes, .cap = 3};

    (void) state;
    memset(text, 'a', sizeof(text));
    text[0] = '/';
    assert_int_equal(pn_target_path((struct pn_str){text, sizeof(text)},
                                    PN_SLASH_AMBIGUOUS, &path),
                     PN_TARGET_TOO_LONG);
    assert_int_equal(pn_target_path((struct pn_str){text, PN_TARGET_MAX},
                                    PN_SLASH_AMBIGUOUS, &path),
                     PN_TARGET_CANONICAL);
    assert_int_equal(pn_target_path(PN_STR("/abc"), PN_SLASH_AMBIGUOUS, &small),
                     PN_TARGET_TOO_LONG);
    assert_int_equal(small.len, 0);
}

/* A target with a host in front is never "plain", and else the same. */
static void
assert_judged_as_with_a_host(const char *target, size_t len)
{
    char bytes[2][16], absolute[32] = "http://h";
    struct pn_buf path = PN_BUF(bytes[0]), other = PN_BUF(bytes[1]);

    memcpy(absolute + 8, target, len);
    assert_int_equal(
        pn_target_path((struct pn_str){target, len}, PN_SLASH_LITERAL, &path),
        pn_target_path((struct pn_str){absolute, 8 + len}, PN_SLASH_LITERAL,
                       &other));
    assert_true(pn_str_eq(pn_buf_str(&path), pn_buf_str(&other)));
}

/* Every target of up to seven of these characters, and every byte. */
static void
test_the_short_way_agrees_with_the_long_one(void **state)
{
    static const char alphabet[] = "/.a%2f?";
    const unsigned base = sizeof(alphabet) - 1;
    char text[8] = "/";
    unsigned count = 1;

    (void) state;
    for (size_t len = 1; len <= 7; len++, count *= base) {
        for (unsigned n = 0; n < count; n++) {
            unsigned rest = n;

            for (size_t i = 1; i < len; i++, rest /= base) {
                text[i] = alphabet[rest % base];
            }
            assert_judged_as_with_a_host(text, len);
        }
    }
    for (int c = 0; c < 256; c++) {
        const char places[][4] = {
            {'/', (char) c}, {'/', 'a', (char) c}, {'/', 'a', '/', (char) c}};

        assert_judged_as_with_a_host(places[0], 2);
        assert_judged_as_with_a_host(places[1], 3);
        assert_judged_as_with_a_host(places[2], 4);
    }
}

static void
test_paths_decoded_already_are_judged_alike(void **state)
{
    static const struct {
        const char *path;
        enum pn_ambiguity why;
    } paths[] = {
        {"/a b/\xc3\xa4/", PN_TARGET_CANONICAL},
        {"/a?b#c", PN_TARGET_CANONICAL},
        {"/a/..", PN_TARGET_DOT_SEGMENT},
        {"//", PN_TARGET_EMPTY_SEGMENT},
        {"/a\\", PN_TARGET_BACKSLASH},
        {"/a%2f", PN_TARGET_ENCODED_SEPARATOR},
        {"/a\n", PN_TARGET_CONTROL},
        {"/a;", PN_TARGET_PARAMETER},
        {"/\xff", PN_TARGET_ENCODING},
        {"/\xef\xbc\x8f", PN_TARGET_COMPATIBILITY},
        {"a", PN_TARGET_FORM},
        {"", PN_TARGET_FORM},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(paths); i++) {
        assert_int_equal(pn_target_judge_decoded(pn_str_from(paths[i].path)),
                         paths[i].why);
    }
}

static void
test_what_lies_below_a_context_path(void **state)
{
    static const struct {
        const char *path, *context, *below;
    } paths[] = {
        {"/jira/rest", "/jira", "/rest"}, {"/jira", "/jira", "/"},
        {"/jira/", "/jira", "/"},         {"/jirafoo", "/jira", NULL},
        {"/rest", "/jira", NULL},         {"/jir", "/jira", NULL},
        {"/rest", "", "/rest"},           {"/", "", "/"},
        {"/a/b/c", "/a/b", "/c"},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(paths); i++) {
        struct pn_str below = PN_STR("untouched");
        bool inside = pn_target_below(pn_str_from(paths[i].path),
                                      pn_str_from(paths[i].context), &below);

        assert_int_equal(inside, paths[i].below != NULL);
        assert_true(pn_str_eq(below, inside ? pn_str_from(paths[i].below)
                                            : PN_STR("untouched")));
    }
}

static void
test_every_ambiguity_has_a_phrase(void **state)
{
    (void) state;
    for (int i = 0; i <= PN_TARGET_TOO_LONG; i++) {
        assert_true(strlen(pn_ambiguity_text((enum pn_ambiguity) i)) > 3);
    }
    assert_string_equal(pn_ambiguity_text((enum pn_ambiguity) 99), "unknown");
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets_are_judged_as_the_table_says),
        cmocka_unit_test(test_compatibility_characters_are_those_of_unicode),
        cmocka_unit_test(test_lengths_are_capped),
        cmocka_unit_test(test_the_short_way_agrees_with_the_long_one),
        cmocka_unit_test(test_paths_decoded_already_are_judged_alike),
        cmocka_unit_test(test_what_lies_below_a_context_path),
        cmocka_unit_test(test_every_ambiguity_has_a_phrase),
    };

    cases = argc > 1 ? argv[1] : "";
    python = argc > 2 ? argv[2] : "/usr/bin/python3";
    return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}

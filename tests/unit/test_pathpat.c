/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path patterns: a table, and a recursive oracle compared with over all short
 * patterns and paths of a small alphabet.
 */
#include "check.h"

#include "core/pathpat.h"

static const char *cases;

static bool
pattern_holds(const struct pn_str *field)
{
    struct pn_pathpat pattern;
    enum pn_err err = pn_pathpat_parse(field[0], &pattern, NULL);

    if (pn_str_eq(field[3], PN_STR("invalid"))) {
        return err == PN_E_SYNTAX;
    }
    return err == PN_OK
           && pn_pathpat_matches(&pattern, field[1], field[2])
                  == pn_str_eq(field[3], PN_STR("match"));
}

static void
test_patterns_match_what_the_table_says(void **state)
{
    (void) state;
    check_cases(cases, 4, pattern_holds);
}

/* One segment: "*" takes zero or more bytes. */
static bool
oracle_segment(const char *p, const char *p_end, const char *t,
               const char *t_end)
{
    if (p == p_end) {
        return t == t_end;
    }
    if (*p == '*') {
        return oracle_segment(p + 1, p_end, t, t_end)
               || (t < t_end && oracle_segment(p, p_end, t + 1, t_end));
    }
    return t < t_end && *p == *t && oracle_segment(p + 1, p_end, t + 1, t_end);
}

/*
 * Both begin with "/" or are at their end.  The rules as DESIGN and the header
 * state them, in their order, without any cleverness.
 */
static bool
oracle_path(const char *p, const char *t)
{
    if (*p == '\0' || *t == '\0') {
        return *p == '\0' && *t == '\0';
    }
    const char *p_end = p + 1 + strcspn(p + 1, "/");
    const char *t_end = t + 1 + strcspn(t + 1, "/");

    if (p_end - p == 3 && p[1] == '*' && p[2] == '*') {
        if (*p_end == '\0') {
            return true; /* one segment is there, at least an empty one */
        }
        return oracle_path(p_end, t) || oracle_path(p, t_end);
    }
    if (t_end == t + 1 && p_end != p + 1) {
        return false; /* an empty last segment is no "*" */
    }
    return oracle_segment(p + 1, p_end, t + 1, t_end)
           && oracle_path(p_end, t_end);
}

/* The n-th word of this length over the alphabet. */
static struct pn_str
word(unsigned n, size_t len, const char *alphabet, char out[16])
{
    size_t base = strlen(alphabet);

    out[0] = '/';
    for (size_t i = 0; i < len; i++) {
        out[1 + i] = alphabet[n % base];
        n /= (unsigned) base;
    }
    out[1 + len] = '\0';
    return (struct pn_str){out, 1 + len};
}

static unsigned
power(unsigned base, size_t exponent)
{
    unsigned result = 1;

    while (exponent-- > 0) {
        result *= base;
    }
    return result;
}

static void
compare_with_paths(const struct pn_pathpat *pattern, const char *pattern_text)
{
    for (size_t len = 0; len <= 6; len++) {
        for (unsigned n = 0; n < power(3, len); n++) {
            char text[16];
            struct pn_str path = word(n, len, "/ab", text);

            if (strstr(text, "//") != NULL) {
                continue; /* never canonical */
            }
            if (pn_pathpat_matches(pattern, PN_STR("GET"), path)
                != oracle_path(pattern_text, text))
            {
                print_error("%s against %s\n", pattern_text, text);
                fail();
            }
        }
    }
}

static void
test_every_short_pattern_agrees_with_the_recursive_oracle(void **state)
{
    unsigned compared = 0;

    (void) state;
    for (size_t len = 0; len <= 6; len++) {
        for (unsigned n = 0; n < power(4, len); n++) {
            char text[16];
            struct pn_pathpat pattern;

            if (pn_pathpat_parse(word(n, len, "/*ab", text), &pattern, NULL)
                == PN_OK) {
                compare_with_paths(&pattern, text);
                compared++;
            }
        }
    }
    assert_true(compared > 1000);
}

/* Patterns of up to four characters, and which of all short paths each matches:
 * within() may say yes only where the one set holds the other. */
enum { SHORT_MAX = 400, PATHS_LEN = 5, PATHS_MAX = 1 + 3 + 9 + 27 + 81 + 243 };

struct short_pattern {
    char text[16];
    struct pn_pathpat pattern;
    bool matches[PATHS_MAX];
};

static void
try_paths(struct short_pattern *p)
{
    size_t i = 0;

    for (size_t len = 0; len <= PATHS_LEN; len++) {
        for (unsigned n = 0; n < power(3, len); n++) {
            char text[16];
            struct pn_str path = word(n, len, "/ab", text);

            p->matches[i++] =
                strstr(text, "//") == NULL
                && pn_pathpat_matches(&p->pattern, PN_STR("GET"), path);
        }
    }
}

static size_t
short_patterns(struct short_pattern *all)
{
    size_t count = 0;

    for (size_t len = 0; len <= 4; len++) {
        for (unsigned n = 0; n < power(4, len); n++) {
            struct short_pattern *p = &all[count];

            if (pn_pathpat_parse(word(n, len, "/*ab", p->text), &p->pattern,
                                 NULL)
                == PN_OK) {
                try_paths(p);
                assert_true(++count < SHORT_MAX);
            }
        }
    }
    return count;
}

static bool
matches_no_more(const struct short_pattern *inner,
                const struct short_pattern *outer)
{
    bool holds = true;

    for (size_t n = 0; n < PATHS_MAX; n++) {
        holds = holds && (!inner->matches[n] || outer->matches[n]);
    }
    return holds;
}

static void
test_within_never_lets_a_pattern_match_more(void **state)
{
    static struct short_pattern all[SHORT_MAX];
    size_t count = short_patterns(all), yes = 0, held = 0;

    (void) state;
    for (size_t i = 0; i < count; i++) {
        for (size_t o = 0; o < count; o++) {
            bool holds = matches_no_more(&all[i], &all[o]);
            bool within = pn_pathpat_within(&all[i].pattern, &all[o].pattern);

            held += holds;
            yes += within;
            if (within && !holds) {
                print_error("%s is not within %s\n", all[i].text, all[o].text);
            }
            assert_true(holds || !within);
        }
        assert_true(pn_pathpat_within(&all[i].pattern, &all[i].pattern));
    }
    /* "No" is allowed, but would be of no use if it were said too often. */
    assert_true(yes * 10 > held * 9);
}

static void
test_within_looks_at_methods_too(void **state)
{
    static const struct {
        const char *inner, *outer;
        bool within;
    } rows[] = {
        {"/rest/api/*", "/rest/**", true},
        {"/rest/**", "/rest/**", true},
        {"/rest", "/rest/**", false},
        {"/**", "/rest/**", false},
        {"/rest/**/x", "/rest/*/x", false},
        {"/rest/a*c", "/rest/a*", true},
        {"GET /rest/x", "/rest/**", true},
        {"GET /rest/x", "GET,HEAD /rest/**", true},
        {"HEAD,GET /rest/x", "GET,HEAD /rest/**", true},
        {"PUT /rest/x", "GET,HEAD /rest/**", false},
        {"GET,PUT /rest/x", "GET,HEAD /rest/**", false},
        {"/rest/x", "GET,HEAD /rest/**", false},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(rows); i++) {
        struct pn_pathpat inner =
                              pn_pathpat_checked(pn_str_from(rows[i].inner)),
                          outer =
                              pn_pathpat_checked(pn_str_from(rows[i].outer));

        if (pn_pathpat_within(&inner, &outer) != rows[i].within) {
            fail_msg("%s within %s", rows[i].inner, rows[i].outer);
        }
    }
}

static void
test_the_offset_of_the_first_wrong_byte_is_told(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } wrong[] = {{"rest", 0},  {"/a//b", 3},  {"/a/..", 3},
                 {"/a?", 2},   {"get /a", 0}, {"GET,get /a", 4},
                 {"GET a", 4}, {"GET", 3},    {"GET /a?", 6}};

    (void) state;
    for (size_t i = 0; i < PN_LEN(wrong); i++) {
        struct pn_pathpat pattern;
        size_t at = 99;

        assert_int_equal(
            pn_pathpat_parse(pn_str_from(wrong[i].text), &pattern, &at),
            PN_E_SYNTAX);
        assert_int_equal(at, wrong[i].at);
    }
}

static void
test_a_pattern_has_a_maximum_length(void **state)
{
    char text[PN_PATHPAT_MAX + 1];
    struct pn_pathpat pattern = {.everything = true};

    (void) state;
    memset(text, 'a', sizeof(text));
    text[0] = '/';
    assert_int_equal(
        pn_pathpat_parse((struct pn_str){text, sizeof(text)}, &pattern, NULL),
        PN_E_TOO_LONG);
    assert_true(pattern.everything); /* written on success only */
    assert_int_equal(
        pn_pathpat_parse((struct pn_str){text, PN_PATHPAT_MAX}, &pattern, NULL),
        PN_OK);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns_match_what_the_table_says),
        cmocka_unit_test(
            test_every_short_pattern_agrees_with_the_recursive_oracle),
        cmocka_unit_test(test_within_never_lets_a_pattern_match_more),
        cmocka_unit_test(test_within_looks_at_methods_too),
        cmocka_unit_test(test_the_offset_of_the_first_wrong_byte_is_told),
        cmocka_unit_test(test_a_pattern_has_a_maximum_length),
    };

    cases = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests_name("pathpat", tests, NULL, NULL);
}

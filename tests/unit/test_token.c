/* SPDX-License-Identifier: Apache-2.0 */
/* The token's text; vectors in tests/data/token.cases. */
#include "check.h"

#include "core/hash.h"
#include "core/token.h"

static const char *cases;

static const struct pn_prefixes known = {{{"pst_", 4}, {"pst_ci_", 7}}, 2};

static void
from_hex(struct pn_str hex, uint8_t out[32])
{
    assert_int_equal(hex.len, 64);
    for (size_t i = 0; i < 32; i++) {
        unsigned byte;

        assert_int_equal(sscanf(hex.ptr + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t) byte;
    }
}

static bool
vector_holds(const struct pn_str *field)
{
    const struct pn_prefixes prefixes = {{field[0]}, 1};
    uint8_t entropy[32], hash[32];
    struct pn_secret made;
    struct pn_hash got;

    from_hex(field[1], entropy);
    from_hex(field[3], hash);
    pn_hash_of(field[2], &got);
    return pn_token_make(field[0], entropy, &made) == PN_OK
           && pn_str_eq((struct pn_str){made.bytes, made.len}, field[2])
           && pn_token_classify(field[2], &prefixes) == PN_TOKEN_WELL_FORMED
           && memcmp(got.bytes, hash, sizeof(hash)) == 0;
}

static void
test_vectors_are_made_and_recognised(void **state)
{
    (void) state;
    check_cases(cases, 4, vector_holds);
}

static struct pn_str
make(const char *prefix, uint8_t seed, struct pn_secret *out)
{
    uint8_t entropy[32];

    memset(entropy, seed, sizeof(entropy));
    assert_int_equal(pn_token_make(pn_str_from(prefix), entropy, out), PN_OK);
    return (struct pn_str){out->bytes, out->len};
}

static void
test_any_changed_character_is_malformed(void **state)
{
    struct pn_secret token;
    struct pn_str text = make("pst_", 7, &token);

    (void) state;
    for (size_t i = 4; i < text.len; i++) {
        char was = token.bytes[i];

        for (int c = 1; c < 256; c++) {
            if ((char) c == was) {
                continue;
            }
            token.bytes[i] = (char) c;
            assert_int_equal(pn_token_classify(text, &known),
                             PN_TOKEN_MALFORMED);
        }
        token.bytes[i] = was;
    }
    assert_int_equal(pn_token_classify(text, &known), PN_TOKEN_WELL_FORMED);
}

static void
test_another_length_is_malformed(void **state)
{
    struct pn_secret token;
    struct pn_str text = make("pst_", 7, &token);

    (void) state;
    for (size_t len = 4; len < 60; len++) {
        token.bytes[text.len] = 'A';
        assert_int_equal(
            pn_token_classify((struct pn_str){text.ptr, len}, &known),
            len == text.len ? PN_TOKEN_WELL_FORMED : PN_TOKEN_MALFORMED);
    }
}

static void
test_other_prefixes_are_foreign(void **state)
{
    struct pn_secret token;

    (void) state;
    assert_int_equal(pn_token_classify(make("old_", 1, &token), &known),
                     PN_TOKEN_FOREIGN);
    assert_int_equal(pn_token_classify(PN_STR("pst"), &known),
                     PN_TOKEN_FOREIGN);
    assert_int_equal(pn_token_classify(PN_STR(""), &known), PN_TOKEN_FOREIGN);
    assert_int_equal(pn_token_classify(PN_STR("PST_x"), &known),
                     PN_TOKEN_FOREIGN);
}

static void
test_a_prefix_may_begin_with_another(void **state)
{
    struct pn_secret token;

    (void) state;
    assert_int_equal(pn_token_classify(make("pst_ci_", 1, &token), &known),
                     PN_TOKEN_WELL_FORMED);
}

static void
test_only_sound_prefixes_are_taken(void **state)
{
    static const char *const good[] = {"a_", "pst_", "pST9_", "a_b_",
                                       "abcdefghijklmno_"};
    static const char *const bad[] = {
        "",     "_",    "a",    "pst",        "Pst_",
        "9st_", "p-t_", "p t_", "p\xc3\xa4_", "abcdefghijklmnop_"};
    uint8_t entropy[32] = {0};
    struct pn_secret out = {.len = 3};

    (void) state;
    for (size_t i = 0; i < PN_LEN(good); i++) {
        assert_true(pn_token_prefix_valid(pn_str_from(good[i])));
    }
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        assert_false(pn_token_prefix_valid(pn_str_from(bad[i])));
        assert_int_equal(pn_token_make(pn_str_from(bad[i]), entropy, &out),
                         PN_E_SYNTAX);
    }
    assert_int_equal(out.len, 3);
}

static void
test_a_token_is_found_in_text(void **state)
{
    struct pn_secret token;
    struct pn_str text = make("pst_", 9, &token);
    char line[256];
    int len;

    (void) state;
    len = snprintf(line, sizeof(line), "key=pst_no pst_%.*s; x", (int) text.len,
                   text.ptr);
    assert_int_equal(pn_token_find((struct pn_str){line, (size_t) len}, &known),
                     15);
    len = snprintf(line, sizeof(line), "%.*s", (int) text.len - 1, text.ptr);
    assert_int_equal(pn_token_find((struct pn_str){line, (size_t) len}, &known),
                     len);
    assert_int_equal(pn_token_find(PN_STR(""), &known), 0);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_are_made_and_recognised),
        cmocka_unit_test(test_any_changed_character_is_malformed),
        cmocka_unit_test(test_another_length_is_malformed),
        cmocka_unit_test(test_other_prefixes_are_foreign),
        cmocka_unit_test(test_a_prefix_may_begin_with_another),
        cmocka_unit_test(test_only_sound_prefixes_are_taken),
        cmocka_unit_test(test_a_token_is_found_in_text),
    };

    cases = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}

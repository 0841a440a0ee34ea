/* SPDX-License-Identifier: Apache-2.0 */
/* Strict JSON: the table, the size limit, and who owns a value. */
#include "base/json.h"

#include "check.h"

static const char *table;

static bool
reads_as_said(const struct pn_str *field)
{
    char why[128] = "";
    json_t *value = NULL;
    enum pn_err err = pn_json_parse(field[0], &value, why, sizeof(why));

    if (pn_str_eq(field[1], PN_STR("accepted"))) {
        bool good = err == PN_OK && value != NULL;

        json_decref(value);
        return good;
    }
    return value == NULL && why[0] != '\0'
           && err
                  == (pn_str_eq(field[1], PN_STR("syntax")) ? PN_E_SYNTAX
                                                            : PN_E_TOO_LONG);
}

static void
test_only_strict_documents_are_read(void **state)
{
    (void) state;
    check_cases(table, 2, reads_as_said);
}

static void
test_a_document_over_the_maximum_is_refused(void **state)
{
    char *text = malloc(PN_JSON_MAX + 1);
    json_t *value = NULL;

    (void) state;
    assert_non_null(text);
    memset(text, ' ', PN_JSON_MAX + 1);
    text[0] = '[';
    text[PN_JSON_MAX - 1] = ']';
    assert_int_equal(
        pn_json_parse((struct pn_str){text, PN_JSON_MAX}, &value, NULL, 0),
        PN_OK);
    json_decref(value);
    value = NULL;
    assert_int_equal(
        pn_json_parse((struct pn_str){text, PN_JSON_MAX + 1}, &value, NULL, 0),
        PN_E_TOO_LONG);
    assert_null(value);
    free(text);
}

static void
test_the_reason_names_line_and_column(void **state)
{
    char why[128] = "";
    json_t *value = NULL;

    (void) state;
    assert_int_equal(
        pn_json_parse(PN_STR("{\n  \"a\": x\n}"), &value, why, sizeof(why)),
        PN_E_SYNTAX);
    assert_non_null(strstr(why, "line 2 column"));
}

static void
test_an_arena_releases_what_it_was_given(void **state)
{
    struct pn_arena *arena = pn_arena_new(4096), *tiny = pn_arena_new(1);
    json_t *kept = json_object();

    (void) state;
    assert_non_null(arena);
    assert_non_null(tiny);
    json_incref(kept);
    assert_ptr_equal(pn_json_defer(arena, kept), kept);
    assert_int_equal(kept->refcount, 2);
    pn_arena_free(arena);
    assert_int_equal(kept->refcount, 1);
    assert_null(pn_json_defer(tiny, kept)); /* no room: released, not leaked */
    pn_arena_free(tiny);

    arena = pn_arena_new(4096);
    assert_null(pn_json_defer(arena, NULL));
    pn_arena_free(arena);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_strict_documents_are_read),
        cmocka_unit_test(test_a_document_over_the_maximum_is_refused),
        cmocka_unit_test(test_the_reason_names_line_and_column),
        cmocka_unit_test(test_an_arena_releases_what_it_was_given),
    };

    table = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}

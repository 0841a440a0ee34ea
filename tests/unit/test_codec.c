/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents: what is accepted and refused (tests/data/documents.cases), and
 * that whatever is accepted reads back the same.
 */
#include "daemon/model/codec.h"

#include "check.h"

enum { ARENA_MAX = 8 << 20 };

static const char *cases_path;

static json_t *
parsed(struct pn_arena *arena, struct pn_str text)
{
    json_t *doc = NULL;

    assert_int_equal(pn_json_parse(text, &doc, NULL, 0), PN_OK);
    doc = pn_json_defer(arena, doc);
    assert_non_null(doc);
    return doc;
}

/* --- one reader and writer a kind ---------------------------------------- */

/* Read doc; *again gets what is written from it, NULL where nothing is. */
typedef enum pn_err read_fn(json_t *doc, struct pn_arena *arena, json_t **again,
                            struct pn_fault *fault);

static enum pn_err
read_policy(json_t *doc, struct pn_arena *arena, json_t **again,
            struct pn_fault *fault)
{
    struct pn_policy policy;
    enum pn_err err = pn_policy_from_json(doc, arena, &policy, fault);

    *again = err == PN_OK ? pn_policy_to_json(&policy, arena) : NULL;
    return err;
}

static enum pn_err
read_app(json_t *doc, struct pn_arena *arena, json_t **again,
         struct pn_fault *fault)
{
    struct pn_app app;
    enum pn_err err = pn_app_from_json(doc, NULL, arena, &app, fault);

    *again = err == PN_OK ? pn_app_to_json(&app, arena) : NULL;
    return err;
}

static enum pn_err
read_token(json_t *doc, struct pn_arena *arena, json_t **again,
           struct pn_fault *fault)
{
    struct pn_token_wish wish;
    enum pn_err err = pn_token_wish_from_json(doc, arena, &wish, fault);
    char none[] = "";

    if (err == PN_OK) {
        wish.token.id = 1;
        wish.token.owner = wish.token.prefix = none;
        wish.token.name = wish.token.name == NULL ? none : wish.token.name;
        wish.token.expires_at = wish.lifetime.until;
    }
    *again = err == PN_OK && wish.token.name != none
                 ? pn_token_to_json(&wish.token, arena)
                 : NULL;
    return err;
}

static enum pn_err
read_user(json_t *doc, struct pn_arena *arena, json_t **again,
          struct pn_fault *fault)
{
    struct pn_user_wish wish;
    enum pn_err err = pn_user_wish_from_json(doc, arena, &wish, fault);

    *again = err == PN_OK ? pn_user_to_json(&wish.user, arena) : NULL;
    return err;
}

static enum pn_err
read_group(json_t *doc, struct pn_arena *arena, json_t **again,
           struct pn_fault *fault)
{
    struct pn_group group;
    char none[] = "";
    enum pn_err err = pn_group_from_json(doc, arena, &group, fault);

    if (err == PN_OK && group.description == NULL) {
        group.description = none;
    }
    *again = err == PN_OK ? pn_group_to_json(&group, arena) : NULL;
    return err;
}

/* Rows of an import are read only. */
static enum pn_err
read_user_row(json_t *doc, struct pn_arena *arena, json_t **again,
              struct pn_fault *fault)
{
    struct pn_user_import row;

    *again = NULL;
    return pn_user_import_from_json(doc, arena, &row, fault);
}

static enum pn_err
read_group_row(json_t *doc, struct pn_arena *arena, json_t **again,
               struct pn_fault *fault)
{
    struct pn_group row;

    *again = NULL;
    return pn_group_import_from_json(doc, arena, &row, fault);
}

static enum pn_err
read_token_row(json_t *doc, struct pn_arena *arena, json_t **again,
               struct pn_fault *fault)
{
    struct pn_token_import row;

    *again = NULL;
    return pn_token_import_from_json(doc, arena, &row, fault);
}

static read_fn *
reader_of(struct pn_str kind)
{
    static const struct {
        const char *kind;
        read_fn *read;
    } readers[] = {
        {"policy", read_policy},       {"app", read_app},
        {"token", read_token},         {"user", read_user},
        {"group", read_group},         {"user-row", read_user_row},
        {"group-row", read_group_row}, {"token-row", read_token_row}};

    for (size_t i = 0; i < PN_LEN(readers); i++) {
        if (pn_str_eq(kind, pn_str_from(readers[i].kind))) {
            return readers[i].read;
        }
    }
    return NULL;
}

/* --- the table ----------------------------------------------------------- */

static bool
has_field(const struct pn_fault *fault, struct pn_str pointer,
          struct pn_str code)
{
    for (uint8_t i = 0; i < fault->field_count; i++) {
        const struct pn_fault_field *field = &fault->fields[i];

        if (pn_str_eq(pn_str_from(field->pointer), pointer)
            && pn_str_eq(pn_str_from(field->code), code))
        {
            return strlen(field->detail) > 0;
        }
        printf("# instead: %s %s: %s\n", field->pointer, field->code,
               field->detail);
    }
    return false;
}

/* Accepted, and what is written from it reads back and is written the same. */
static bool
accepted(read_fn *read, struct pn_arena *arena, json_t *doc)
{
    struct pn_fault fault = {0}, again_fault = {0};
    json_t *first = NULL, *second = NULL;

    if (read(doc, arena, &first, &fault) != PN_OK) {
        printf("# refused: %s\n", fault.detail);
        return false;
    }
    if (first == NULL) {
        return true;
    }
    return read(first, arena, &second, &again_fault) == PN_OK
           && json_equal(first, second) == 1;
}

static bool
case_holds(const struct pn_str *field)
{
    struct pn_arena *arena = pn_arena_new(ARENA_MAX);
    read_fn *read = reader_of(field[0]);
    struct pn_fault fault = {0};
    json_t *doc, *again = NULL;
    bool holds;

    assert_non_null(arena);
    assert_non_null(read);
    doc = parsed(arena, field[1]);
    if (pn_str_eq(field[2], PN_STR("ok"))) {
        holds = accepted(read, arena, doc);
    } else {
        holds = read(doc, arena, &again, &fault) == PN_E_RANGE
                && fault.status == 422 && again == NULL
                && has_field(&fault, field[2], field[3]);
    }
    pn_arena_free(arena);
    return holds;
}

static void
test_documents_are_accepted_or_refused_with_a_pointer(void **state)
{
    (void) state;
    check_cases(cases_path, 4, case_holds);
}

/* --- rules of their own -------------------------------------------------- */

static struct pn_fault
refused_app(struct pn_arena *arena, const char *text)
{
    struct pn_fault fault = {0};
    struct pn_app app;

    assert_int_equal(pn_app_from_json(parsed(arena, pn_str_from(text)), NULL,
                                      arena, &app, &fault),
                     PN_E_RANGE);
    return fault;
}

static void
test_all_faults_are_collected(void **state)
{
    struct pn_arena *arena = pn_arena_new(ARENA_MAX);
    struct pn_fault fault;

    (void) state;
    fault = refused_app(arena, "{\"name\":\"\",\"url\":\"x\",\"paths\":[],"
                               "\"colour\":1,\"cookies\":\"eat\"}");
    assert_int_equal(fault.field_count, 5);
    assert_string_equal(fault.code, "invalid_fields");
    pn_arena_free(arena);
}

static void
test_faults_beyond_the_maximum_are_left_out(void **state)
{
    struct pn_arena *arena = pn_arena_new(ARENA_MAX);
    struct pn_fault fault = {0};

    (void) state;
    for (int i = 0; i < PN_FAULT_FIELDS_MAX + 5; i++) {
        pn_fault_field_add(&fault, arena, "/x", "bad", "fault %d", i);
    }
    assert_int_equal(fault.field_count, PN_FAULT_FIELDS_MAX);
    assert_string_equal(fault.fields[PN_FAULT_FIELDS_MAX - 1].detail,
                        "fault 31");
    pn_arena_free(arena);
}

static void
test_a_sentence_names_the_remedy(void **state)
{
    static const struct {
        const char *doc, *part;
    } cases[] = {
        {"{\"name\":\"a\",\"pathes\":[\"/**\"]}", "Did you mean \"paths\"?"},
        {"{\"name\":\"a\",\"ip_rules\":{\"allow\":[\"10.1.2.3/8\"]}}",
         "Write \"10.0.0.0/8\""},
        {"{\"name\":\"a\",\"ip_rules\":{\"allow\":[\"2001:db8::1/32\"]}}",
         "Write \"2001:db8::/32\""},
        {"{\"name\":\"a\",\"paths\":[\"/a?b\"]}", "character 3"},
        {"{\"name\":\"a\",\"ip_rules\":{\"allow\":[\"10.0.0.0/33\"]}}",
         "Example: 10.0.0.0/8 or 2001:db8::/32."},
        {"{}", "Enter a name."},
        {"{\"name\":\"a\",\"cookies\":1}", "\"strip\" or \"keep\""},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(cases); i++) {
        struct pn_arena *arena = pn_arena_new(ARENA_MAX);
        struct pn_fault fault = refused_app(arena, cases[i].doc);

        if (strstr(fault.fields[0].detail, cases[i].part) == NULL) {
            printf("# \"%s\" lacks \"%s\"\n", fault.fields[0].detail,
                   cases[i].part);
            fail();
        }
        pn_arena_free(arena);
    }
}

/* JSON can carry no half characters: the answer would be lost. */
static void
test_a_long_name_is_cut_between_characters(void **state)
{
    struct pn_arena *arena = pn_arena_new(ARENA_MAX);
    struct pn_fault fault;
    char text[400] = "{\"name\":\"a\",\"";
    size_t at = strlen(text);

    (void) state;
    text[at++] = 'x';
    for (int i = 0; i < 100; i++) {
        memcpy(text + at, "\xc3\xa4", 2);
        at += 2;
    }
    memcpy(text + at, "\":1}", 5);
    fault = refused_app(arena, text);
    assert_true(pn_str_is_utf8(pn_str_from(fault.fields[0].detail)));
    assert_true(pn_str_is_utf8(pn_str_from(fault.fields[0].pointer)));
    assert_true(strlen(fault.fields[0].pointer) < 80);
    pn_arena_free(arena);
}

static void
test_nothing_is_written_when_something_is_wrong(void **state)
{
    struct pn_arena *arena = pn_arena_new(ARENA_MAX);
    struct pn_policy policy, before;
    struct pn_fault fault = {0};

    (void) state;
    memset(&policy, 0x5a, sizeof(policy));
    before = policy;
    assert_int_equal(
        pn_policy_from_json(
            parsed(arena, PN_STR("{\"tls_required\":false,\"x\":1}")), arena,
            &policy, &fault),
        PN_E_RANGE);
    assert_memory_equal(&policy, &before, sizeof(policy));
    pn_arena_free(arena);
}

static void
test_the_default_policy_lets_nobody_make_tokens_and_wants_tls(void **state)
{
    struct pn_policy policy;

    (void) state;
    pn_policy_default(&policy);
    assert_false(policy.creation.enabled);
    assert_int_equal(policy.creation.grant_count, 0);
    assert_true(policy.tls_required);
    assert_int_equal(policy.creation.default_days, 90);
}

static void
patch(struct pn_arena *arena, struct pn_app *app, const char *text)
{
    struct pn_fault fault = {0};

    assert_int_equal(pn_app_from_json(parsed(arena, pn_str_from(text)), app,
                                      arena, app, &fault),
                     PN_OK);
}

static void
test_a_patch_changes_only_what_it_names(void **state)
{
    struct pn_arena *arena = pn_arena_new(ARENA_MAX);
    struct pn_fault fault = {0};
    struct pn_app app;

    (void) state;
    assert_int_equal(
        pn_app_from_json(
            parsed(arena,
                   PN_STR("{\"name\":\"jira\",\"paths\":[\"/rest/**\"],"
                          "\"whoami\":{\"path\":\"/me\",\"field\":\"name\"},"
                          "\"identity\":{\"user_header\":\"Remote-User\","
                          "\"groups_header\":null,\"email_header\":null}}")),
            NULL, arena, &app, &fault),
        PN_OK);
    app.id = 7;
    patch(arena, &app,
          "{\"passwords\":\"block\",\"identity\":{\"email_header\":"
          "\"Remote-Email\"}}");
    assert_int_equal(app.id, 7);
    assert_int_equal(app.passwords, PN_FOREIGN_BLOCK);
    assert_string_equal(app.name, "jira");
    assert_string_equal(app.paths[0], "/rest/**");
    assert_string_equal(app.identity.user_header, "Remote-User");
    assert_string_equal(app.identity.email_header, "Remote-Email");
    assert_string_equal(app.identity.groups_header, "");
    patch(arena, &app,
          "{\"whoami\":null,\"identity\":{\"email_header\":null}}");
    assert_null(app.whoami_path);
    assert_string_equal(app.identity.email_header, "");
    pn_arena_free(arena);
}

static void
test_stored_rules_read_back_the_same(void **state)
{
    struct pn_arena *arena = pn_arena_new(ARENA_MAX);
    struct pn_token_wish wish;
    struct pn_token again = {0};
    struct pn_fault fault = {0};
    char *text;

    (void) state;
    assert_int_equal(
        pn_token_wish_from_json(
            parsed(arena,
                   PN_STR("{\"paths\":[\"/a\"],\"scopes\":[\"tokens:read\"],"
                          "\"ip_rules\":{\"allow\":[{\"range\":\"10.0.0.0/8\","
                          "\"note\":\"lab\"}]},\"apps\":[\"x\"],"
                          "\"rate_limit\":{\"requests\":2,\"seconds\":3}}")),
            arena, &wish, &fault),
        PN_OK);
    text = pn_token_rules_dump(&wish.token, arena);
    assert_non_null(text);
    assert_int_equal(pn_token_rules_load(pn_str_from(text), arena, &again),
                     PN_OK);
    assert_string_equal(pn_token_rules_dump(&again, arena), text);
    assert_string_equal(again.ip.allow[0].note, "lab");
    assert_int_equal(again.rate_seconds, 3);
    assert_int_equal(
        pn_token_rules_load(PN_STR("{\"paths\":[]}"), arena, &again),
        PN_E_DAMAGED);
    pn_arena_free(arena);
}

static void
test_given_tells_null_from_absent(void **state)
{
    struct pn_arena *arena = pn_arena_new(ARENA_MAX);
    struct pn_token_wish wish;
    struct pn_fault fault = {0};

    (void) state;
    assert_int_equal(
        pn_token_wish_from_json(
            parsed(arena, PN_STR("{\"apps\":null,\"expires_at\":null}")), arena,
            &wish, &fault),
        PN_OK);
    assert_int_equal(wish.given, PN_FIELD_APPS | PN_FIELD_LIFETIME);
    assert_false(wish.token.apps.present);
    assert_int_equal(wish.lifetime.kind, PN_LIFETIME_ENDLESS);
    assert_int_equal(wish.token.access, PN_ACCESS_READ_WRITE);
    pn_arena_free(arena);
}

static void
test_lack_of_memory_is_no_fault_of_the_document(void **state)
{
    (void) state;
    for (size_t bytes = 0; bytes < 6000; bytes += 48) {
        struct pn_arena *docs = pn_arena_new(ARENA_MAX);
        struct pn_arena *arena = pn_arena_new(bytes);
        struct pn_fault fault = {0};
        struct pn_app app;
        enum pn_err err = pn_app_from_json(
            parsed(docs,
                   PN_STR("{\"name\":\"a\",\"paths\":[\"/x\",\"/y\"],\"url\":"
                          "\"http://x\",\"groups\":[\"g\"],\"ip_rules\":{"
                          "\"allow\":[{\"range\":\"::/0\",\"note\":\"n\"}]}}")),
            NULL, arena, &app, &fault);

        assert_true(err == PN_OK || err == PN_E_NOMEM);
        pn_arena_free(arena);
        pn_arena_free(docs);
    }
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents_are_accepted_or_refused_with_a_pointer),
        cmocka_unit_test(test_all_faults_are_collected),
        cmocka_unit_test(test_faults_beyond_the_maximum_are_left_out),
        cmocka_unit_test(test_a_sentence_names_the_remedy),
        cmocka_unit_test(test_a_long_name_is_cut_between_characters),
        cmocka_unit_test(test_nothing_is_written_when_something_is_wrong),
        cmocka_unit_test(
            test_the_default_policy_lets_nobody_make_tokens_and_wants_tls),
        cmocka_unit_test(test_a_patch_changes_only_what_it_names),
        cmocka_unit_test(test_stored_rules_read_back_the_same),
        cmocka_unit_test(test_given_tells_null_from_absent),
        cmocka_unit_test(test_lack_of_memory_is_no_fault_of_the_document),
    };

    cases_path = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}

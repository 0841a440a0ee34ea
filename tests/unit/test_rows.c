/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of CSV, JSON lines and htpasswd files: what they become, and what is
 * said of those that cannot be read. */
#include "cli/rows.h"

#include "check.h"

struct expected {
    const char *json; /* NULL = refused */
    uint64_t line;
    const char *why; /* part of it */
};

/* One row, or what is said of it. */
static enum pn_err
check_next(struct pn_rows *reader, const struct expected *row)
{
    struct pn_arena *arena = pn_arena_new(1 << 20);
    json_t *doc = NULL;
    uint64_t line = 0;
    enum pn_err err = pn_rows_next(reader, arena, &doc, &line);

    assert_int_equal(line, row->line);
    if (row->json == NULL) {
        assert_true(err == PN_E_SYNTAX || err == PN_E_RANGE);
        assert_true(row->why != NULL
                    && strstr(pn_rows_why(reader), row->why) != NULL);
    } else {
        char *got = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);

        assert_int_equal(err, PN_OK);
        assert_string_equal(got, row->json);
        free(got);
    }
    pn_arena_free(arena);
    return err;
}

/* rows ends with line 0; after PN_E_RANGE nothing is read. */
static void
check(const char *text, const struct pn_rows_options *options,
      const struct expected *rows)
{
    FILE *file = fmemopen(pn_unconst(text), strlen(text), "r");
    struct pn_rows *reader = NULL;
    enum pn_err err = PN_OK;
    json_t *doc = NULL;
    uint64_t line = 0;

    assert_non_null(file);
    assert_int_equal(pn_rows_new(file, options, &reader), PN_OK);
    for (; err != PN_E_RANGE && rows->line != 0; rows++) {
        err = check_next(reader, rows);
    }
    assert_int_equal(rows->line, 0); /* all were met */
    if (err != PN_E_RANGE) {
        struct pn_arena *arena = pn_arena_new(1 << 20);

        err = pn_rows_next(reader, arena, &doc, &line);
        assert_int_equal(err, PN_E_NOT_FOUND);
        pn_arena_free(arena);
    }
    pn_rows_free(reader);
    (void) fclose(file);
}

static void
test_cells_of_csv_become_members(void **state)
{
    const struct pn_rows_options users = {.format = PN_ROWS_CSV};
    const struct pn_rows_options semi = {.format = PN_ROWS_CSV,
                                         .delimiter = ';'};
    const struct pn_rows_options tokens = {.format = PN_ROWS_CSV,
                                           .kind = PN_ROWS_TOKENS};

    (void) state;
    check("\xef\xbb\xbfUsername , email\r\na,b\r\n\r\n\"x,\"\"y\nz\",\nlast,e",
          &users,
          (struct expected[]){
              {"{\"email\":\"b\",\"username\":\"a\"}", 2, NULL},
              {"{\"username\":\"x,\\\"y\\nz\"}", 4, NULL},
              {"{\"email\":\"e\",\"username\":\"last\"}", 6, NULL},
              {NULL, 0, NULL}});
    check("username;groups;active\na;\"x; y;;\";No\nb;'=1;maybe\n", &semi,
          (struct expected[]){
              {"{\"active\":false,\"groups\":[\"x\",\"y\"],\"username\":"
               "\"a\"}",
               2, NULL},
              {"{\"active\":\"maybe\",\"groups\":[\"=1\"],\"username\":\"b\"}",
               3, NULL},
              {NULL, 0, NULL}});
    check("owner,expires_at,rate_limit,ip_rules\nb,never,600/60,10.0.0.0/8\n"
          "b,,x,\n",
          &tokens,
          (struct expected[]){
              {"{\"expires_at\":null,\"ip_rules\":{\"allow\":[{\"range\":"
               "\"10.0.0.0/8\"}],\"default\":\"deny\"},\"owner\":\"b\","
               "\"rate_limit\":{\"requests\":600,\"seconds\":60}}",
               2, NULL},
              {"{\"owner\":\"b\",\"rate_limit\":{\"requests\":\"x\","
               "\"seconds\":\"\"}}",
               3, NULL},
              {NULL, 0, NULL}});
}

static void
test_a_wrong_row_stops_no_other(void **state)
{
    const struct pn_rows_options users = {.format = PN_ROWS_CSV};

    (void) state;
    check("username,email\na\nb\"c,d\n\"e\"f,g\nh,\xff\ni,j\n\"k,l\nm,n\n",
          &users,
          (struct expected[]){{NULL, 2, "1 cells"},
                              {NULL, 3, "quote"},
                              {NULL, 4, "quote"},
                              {NULL, 5, "UTF-8"},
                              {"{\"email\":\"j\",\"username\":\"i\"}", 6, NULL},
                              {NULL, 7, "quote"},
                              {NULL, 0, NULL}});
    check("username,username\n", &users,
          (struct expected[]){{NULL, 1, "twice"}, {NULL, 0, NULL}});
    check("colour\n", &users,
          (struct expected[]){{NULL, 1, "colour"}, {NULL, 0, NULL}});
}

static void
test_json_lines_and_htpasswd(void **state)
{
    const struct pn_rows_options json = {.format = PN_ROWS_JSONL,
                                         .kind = PN_ROWS_GROUPS};
    const struct pn_rows_options passwords = {.format = PN_ROWS_HTPASSWD};
    const struct pn_rows_options names = {.format = PN_ROWS_HTPASSWD,
                                          .passwords = PN_WITHOUT_PASSWORDS};

    (void) state;
    check("{\"name\":\"a\"}\r\n\n{\"type\":\"user\"}\n[]\n{\n"
          "{\"type\":\"group\",\"name\":\"b\"}",
          &json,
          (struct expected[]){{"{\"name\":\"a\"}", 1, NULL},
                              {NULL, 4, "no JSON object"},
                              {NULL, 5, "no JSON"},
                              {"{\"name\":\"b\",\"type\":\"group\"}", 6, NULL},
                              {NULL, 0, NULL}});
    check("# x\n\na:$apr1$b:c\n:x\nb\nc:\n", &passwords,
          (struct expected[]){
              {"{\"password_hash\":\"$apr1$b:c\",\"username\":\"a\"}", 3, NULL},
              {NULL, 4, "USER:PASSWORD"},
              {NULL, 5, "USER:PASSWORD"},
              {NULL, 6, "empty"},
              {NULL, 0, NULL}});
    check("a:b\n", &names,
          (struct expected[]){{"{\"username\":\"a\"}", 1, NULL},
                              {NULL, 0, NULL}});
}

static void
test_a_row_has_a_maximum(void **state)
{
    const struct pn_rows_options users = {.format = PN_ROWS_CSV};
    enum { LONG = PN_ROW_MAX + 10 };
    char *name = malloc(LONG + 1), *text = NULL;

    (void) state;
    assert_non_null(name);
    memset(name, 'a', LONG);
    name[LONG] = '\0';
    assert_true(asprintf(&text, "username\n%s\nb\n", name) > 0);
    free(name);
    check(text, &users,
          (struct expected[]){{NULL, 2, "longer"},
                              {"{\"username\":\"b\"}", 3, NULL},
                              {NULL, 0, NULL}});
    free(text);
}

static void
test_what_is_written_is_read_again(void **state)
{
    static const char *const texts[] = {"plain", "=1+1",  "@x",  "-",
                                        "a,b",   "\"q\"", "a\nb"};
    const struct pn_rows_options users = {.format = PN_ROWS_CSV};
    const struct pn_rows_column *column = &pn_rows_columns[PN_ROWS_USERS][0];

    (void) state;
    for (size_t i = 0; i < PN_LEN(texts); i++) {
        json_t *doc = json_pack("{s:s}", "username", texts[i]);
        char bytes[256], *expected = json_dumps(doc, JSON_COMPACT);
        struct pn_buf out = PN_BUF(bytes);

        pn_buf_add_cstr(&out, "username\n");
        pn_rows_write_cell(&out, doc, column, ',');
        pn_buf_add_char(&out, '\n');
        assert_null(strstr(pn_buf_cstr(&out), "\n=")); /* no formula */
        check(pn_buf_cstr(&out), &users,
              (struct expected[]){{expected, 2, NULL}, {NULL, 0, NULL}});
        free(expected);
        json_decref(doc);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells_of_csv_become_members),
        cmocka_unit_test(test_a_wrong_row_stops_no_other),
        cmocka_unit_test(test_json_lines_and_htpasswd),
        cmocka_unit_test(test_a_row_has_a_maximum),
        cmocka_unit_test(test_what_is_written_is_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

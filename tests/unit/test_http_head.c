/* SPDX-License-Identifier: Apache-2.0 */
/* Heads that are taken and refused; paths and queries. */
#include "check.h"

#include "daemon/http/head.h"
#include "daemon/http/http.h"

static struct pn_arena *arena;

/* A head of one or two fields besides Host. */
static unsigned
status_of(const char *method, const char *target, const char *version,
          struct pn_http_field more)
{
    const struct pn_http_field field[] = {{PN_STR("Host"), PN_STR("a")}, more};
    const struct pn_http_head head = {
        .method = pn_str_from(method),
        .target = pn_str_from(target),
        .version = pn_str_from(version),
        .field = field,
        .field_count = more.name.ptr != NULL ? 2 : 1,
    };
    size_t length;

    return pn_http_head_check(&head, &length).status;
}

static unsigned
with(const char *name, const char *value)
{
    return status_of(
        "GET", "/", "HTTP/1.1",
        (struct pn_http_field){pn_str_from(name), pn_str_from(value)});
}

static void
test_a_plain_head_is_taken(void **state)
{
    (void) state;
    assert_int_equal(with("Accept", "a\tb"), 0);
    assert_int_equal(with("Content-Length", "0"), 0);
    assert_int_equal(with("Content-Length", "1048576"), 0);
    assert_int_equal(with("X", "\xc3\xa4"), 0);
}

static void
test_framing_that_two_parsers_could_read_differently_is_refused(void **state)
{
    (void) state;
    assert_int_equal(with("Content-Length", "+1"), 400);
    assert_int_equal(with("Content-Length", ""), 400);
    assert_int_equal(with("Content-Length", "1,1"), 400);
    assert_int_equal(with("Content-Length", "1 "), 400);
    assert_int_equal(with("Content-Length", "18446744073709551617"), 400);
    assert_int_equal(with("Content-Length", "1048577"), 413);
    assert_int_equal(with("Content-Length ", "1"), 400);
    assert_int_equal(with("Transfer-Encoding", "chunked"), 411);
    assert_int_equal(with("transfer-encoding", "identity"), 411);
    assert_int_equal(with("host", "b"), 400);
    assert_int_equal(with("X\x01", "b"), 400);
    assert_int_equal(with("", "b"), 400);
    assert_int_equal(with("X", "\x7f"), 400);
    assert_int_equal(with("X", "a\rb"), 400);
}

static void
test_a_start_line_must_be_plain(void **state)
{
    const struct pn_http_field none = {{NULL, 0}, {NULL, 0}};

    (void) state;
    assert_int_equal(status_of("GET", "/a?b", "HTTP/1.0", none), 0);
    assert_int_equal(status_of("G(T", "/", "HTTP/1.1", none), 400);
    assert_int_equal(status_of("GET", "a", "HTTP/1.1", none), 400);
    assert_int_equal(status_of("GET", "", "HTTP/1.1", none), 400);
    assert_int_equal(status_of("GET", "/#", "HTTP/1.1", none), 400);
    assert_int_equal(status_of("GET", "/\\", "HTTP/1.1", none), 400);
    assert_int_equal(status_of("GET", "/\x80", "HTTP/1.1", none), 400);
    assert_int_equal(status_of("GET", "/", "HTTP/1.2", none), 505);
    assert_int_equal(status_of("GET", "/", "http/1.1", none), 505);
}

static void
test_a_host_is_needed_and_plain(void **state)
{
    static const char *const bad[] = {"", "a b", "a/b", "a@b", "a,b", "a\"b"};
    struct pn_http_field field = {PN_STR("Host"), PN_STR("")};
    const struct pn_http_head head = {PN_STR("GET"), PN_STR("/"),
                                      PN_STR("HTTP/1.1"), &field, 1};
    const struct pn_http_head none = {PN_STR("GET"), PN_STR("/"),
                                      PN_STR("HTTP/1.1"), &field, 0};
    size_t length;

    (void) state;
    assert_int_equal(pn_http_head_check(&none, &length).status, 400);
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        field.value = pn_str_from(bad[i]);
        assert_int_equal(pn_http_head_check(&head, &length).status, 400);
    }
    field.value = PN_STR("[::1]:80");
    assert_int_equal(pn_http_head_check(&head, &length).status, 0);
}

static enum pn_err
query(const char *text, size_t *count)
{
    static struct pn_http_param param[PN_HTTP_PARAMS_MAX];

    return pn_http_query_parse(pn_str_from(text), arena, param, count);
}

static void
test_a_query_is_decoded_once_and_names_are_unique(void **state)
{
    struct pn_http_param param[PN_HTTP_PARAMS_MAX];
    size_t count = 99;

    (void) state;
    assert_int_equal(pn_http_query_parse(PN_STR("a=%2541+b&&c&d=%c3%A4="),
                                         arena, param, &count),
                     PN_OK);
    assert_int_equal(count, 3);
    assert_string_equal(param[0].name, "a");
    assert_string_equal(param[0].value, "%41 b");
    assert_string_equal(param[1].name, "c");
    assert_string_equal(param[1].value, "");
    assert_string_equal(param[2].value, "\xc3\xa4=");
    count = 99;
    assert_int_equal(query("a=1&%61=2", &count), PN_E_EXISTS);
    assert_int_equal(query("a=%", &count), PN_E_SYNTAX);
    assert_int_equal(query("a=%4", &count), PN_E_SYNTAX);
    assert_int_equal(query("a=%4g", &count), PN_E_SYNTAX);
    assert_int_equal(query("a=%00", &count), PN_E_SYNTAX);
    assert_int_equal(query("a=%0a", &count), PN_E_SYNTAX);
    assert_int_equal(query("a=%ff", &count), PN_E_SYNTAX);
    assert_int_equal(query("1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17", &count),
                     PN_E_TOO_LONG);
    assert_int_equal(count, 99);
    assert_int_equal(query("", &count), PN_OK);
    assert_int_equal(count, 0);
}

static enum pn_err
match(const char *pattern, const char *path, const char **segment)
{
    return pn_http_path_match(pattern, pn_str_from(path), arena, segment,
                              PN_HTTP_SEGMENTS_MAX);
}

static void
test_a_path_fits_its_whole_pattern(void **state)
{
    const char *segment[PN_HTTP_SEGMENTS_MAX] = {NULL};

    (void) state;
    assert_int_equal(match("/a/{x}/b", "/a/%2561%2f/b", segment), PN_OK);
    assert_string_equal(segment[0], "%61/");
    assert_int_equal(match("/a/{x}", "/a/b/c", segment), PN_E_NOT_FOUND);
    assert_int_equal(match("/a/{x}/c", "/a/b", segment), PN_E_NOT_FOUND);
    assert_int_equal(match("/a", "/a/", segment), PN_E_NOT_FOUND);
    assert_int_equal(match("/a", "/A", segment), PN_E_NOT_FOUND);
    assert_int_equal(match("/a", "/%61", segment), PN_E_NOT_FOUND);
    assert_int_equal(match("/a", "", segment), PN_E_NOT_FOUND);
    assert_int_equal(match("/a/{x}", "/a/", segment), PN_E_SYNTAX);
    assert_int_equal(match("/a/{x}", "/a/%zz", segment), PN_E_SYNTAX);
    assert_int_equal(match("/a/{x}", "/a/%00", segment), PN_E_SYNTAX);
    assert_int_equal(match("/a/{x}", "/a/b+c", segment), PN_OK);
    assert_string_equal(segment[0], "b+c");
}

static int
begin(void **state)
{
    (void) state;
    arena = pn_arena_new(1 << 20);
    return arena == NULL ? -1 : 0;
}

static int
end(void **state)
{
    (void) state;
    pn_arena_free(arena);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_head_is_taken),
        cmocka_unit_test(
            test_framing_that_two_parsers_could_read_differently_is_refused),
        cmocka_unit_test(test_a_start_line_must_be_plain),
        cmocka_unit_test(test_a_host_is_needed_and_plain),
        cmocka_unit_test(test_a_query_is_decoded_once_and_names_are_unique),
        cmocka_unit_test(test_a_path_fits_its_whole_pattern),
    };

    return cmocka_run_group_tests(tests, begin, end);
}

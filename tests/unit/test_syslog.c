/* SPDX-License-Identifier: Apache-2.0 */
/* Syslog messages: tests/data/syslog.cases, and events as messages. */
#include <inttypes.h>
#include <time.h>

#include "base/json.h"
#include "base/str.h"
#include "daemon/syslog/event.h"
#include "table.h"

enum { AT = 1800000000, MANY = 20000 };

static const char *cases;
static struct pn_arena *arena;

/* --- the table ----------------------------------------------------------- */

static void
check_place(const struct table_line *line, struct pn_str text)
{
    static const char *const kinds[] = {"local", "udp", "tcp", "tls"};
    struct pn_syslog_place place = {.host = "untouched"};
    enum pn_err err = pn_syslog_place_parse(text, &place);

    if (strcmp(line->words[2], "invalid") == 0) {
        if (err != PN_E_SYNTAX || strcmp(place.host, "untouched") != 0) {
            table_fail(line, "taken as '%s'", place.host);
        }
        return;
    }
    if (err != PN_OK || strcmp(kinds[place.kind], line->words[2]) != 0
        || strcmp(place.host, line->words[3]) != 0
        || strcmp(place.port, line->words[4]) != 0)
    {
        table_fail(line, "%d '%s' '%s'", (int) err, place.host, place.port);
    }
}

static struct pn_str
message_of(const char *host, const char *id, struct pn_str value)
{
    const struct pn_syslog_origin origin = {
        .host = host, .pid = 7, .facility = 10, .enterprise = 32473};
    const struct pn_syslog_message message = {
        .origin = &origin,
        .severity = PN_SYSLOG_NOTICE,
        .at = AT,
        .id = id,
        .param = {{"a", value}},
        .param_count = 1,
        .text = PN_STR("text"),
    };
    static char bytes[4096];
    struct pn_buf out = PN_BUF(bytes);

    pn_syslog_rfc5424(&message, &out);
    assert_false(out.full);
    return pn_buf_str(&out);
}

static void
check_message(const struct table_line *line, struct pn_str got,
              const char *host, const char *id, const char *value)
{
    const char *expected =
        pn_arena_printf(arena,
                        "<85>1 2027-01-15T08:00:00Z %s posternd 7 %s [origin "
                        "software=\"postern\" swVersion=\"" PN_VERSION
                        "\"][postern@32473 a=\"%s\"] text",
                        host, id, value);

    if (expected == NULL || !pn_str_eq(got, pn_str_from(expected))) {
        table_fail(line, "got '%.*s'", (int) got.len, got.ptr);
    }
}

static void
check_line(struct table_line *line, void *arg)
{
    char *expected = line->words[2];
    struct pn_str text = {line->words[1], 0};

    (void) arg;
    text.len = table_unescape(line->words[1]);
    (void) table_unescape(expected);
    if (strcmp(line->words[0], "place") == 0) {
        check_place(line, text);
    } else if (strcmp(line->words[0], "value") == 0) {
        check_message(line, message_of("h", "i", text), "h", "i", expected);
    } else if (strcmp(line->words[0], "field") == 0) {
        check_message(line, message_of("h", text.ptr, PN_STR("v")), "h",
                      expected, "v");
        if (text.len <= 32) { /* a host may be longer */
            check_message(line, message_of(text.ptr, "i", PN_STR("v")),
                          expected, "i", "v");
        }
    } else {
        table_fail(line, "unknown word");
    }
}

static void
test_places_values_and_fields_are_as_the_table_says(void **state)
{
    (void) state;
    table_file(cases, check_line, NULL);
}

static void
test_a_place_has_a_longest_host_and_path(void **state)
{
    char text[400] = "tcp://", *host = text + strlen(text);
    struct pn_syslog_place place;

    (void) state;
    memset(host, 'a', PN_SYSLOG_HOST_MAX);
    assert_int_equal(pn_syslog_place_parse(pn_str_from(text), &place), PN_OK);
    host[PN_SYSLOG_HOST_MAX] = 'a';
    assert_int_equal(pn_syslog_place_parse(pn_str_from(text), &place),
                     PN_E_SYNTAX);
    memset(text, 0, sizeof(text));
    memcpy(text, "unix:/", 6);
    memset(text + 6, 'a', PN_SYSLOG_PATH_MAX - 1);
    assert_int_equal(pn_syslog_place_parse(pn_str_from(text), &place), PN_OK);
    text[5 + PN_SYSLOG_PATH_MAX] = 'a';
    assert_int_equal(pn_syslog_place_parse(pn_str_from(text), &place),
                     PN_E_SYNTAX);
}

/* --- events -------------------------------------------------------------- */

static const struct pn_syslog_origin origin = {
    .host = "h", .pid = 7, .facility = 10, .enterprise = 32473};

static struct pn_syslog_receiver
receiver_of(enum pn_syslog_kind kind, uint32_t max_bytes)
{
    return (struct pn_syslog_receiver){
        .name = "siem", .place = {.kind = kind}, .max_bytes = max_bytes};
}

static char *
dup(const char *text)
{
    char *copy = pn_arena_dup(arena, pn_str_from(text));

    assert_non_null(copy);
    return copy;
}

static struct pn_audit_event
event_of(const char *actor, const char *subject, const char *detail)
{
    return (struct pn_audit_event){.position = 12,
                                   .at = AT,
                                   .actor = dup(actor),
                                   .actor_kind = dup("session"),
                                   .action = dup("token.create"),
                                   .subject = dup(subject),
                                   .detail = dup(detail),
                                   .personal = dup(""),
                                   .address = dup("192.0.2.7"),
                                   .request_id = dup("req_1")};
}

/* The message, no longer than it may be and without control characters; *doc
 * its JSON. */
static struct pn_str
sent(const struct pn_audit_event *event, enum pn_syslog_kind kind,
     uint32_t max_bytes, json_t **doc)
{
    const struct pn_syslog_receiver receiver = receiver_of(kind, max_bytes);
    struct pn_str message = {NULL, 0};
    const char *json;

    assert_int_equal(
        pn_syslog_event(event, &receiver, &origin, arena, &message), PN_OK);
    assert_true(message.len <= max_bytes);
    assert_false(pn_str_has_control(message));
    assert_true(pn_str_is_utf8(message));
    json = memmem(message.ptr, message.len, " {\"", 3);
    assert_non_null(json);
    assert_int_equal(
        pn_json_parse(
            (struct pn_str){json + 1,
                            (size_t) (message.ptr + message.len - json) - 1},
            doc, NULL, 0),
        PN_OK);
    assert_non_null(pn_json_defer(arena, *doc));
    return message;
}

static const char *
member(const json_t *doc, const char *key)
{
    const char *text = json_string_value(json_object_get(doc, key));

    return text != NULL ? text : "(none)";
}

static void
test_an_event_is_its_document_behind_a_head(void **state)
{
    const struct pn_audit_event event =
        event_of("alice", "tok_1", "{\"after\":{\"name\":\"caf\xc3\xa9\"}}");
    const json_t *expected = pn_audit_to_json(&event, arena);
    json_t *doc = NULL;
    struct pn_str message = sent(&event, PN_SYSLOG_TCP, 8192, &doc);

    (void) state;
    assert_true(json_equal(doc, expected));
    assert_true(pn_str_is_printable(message));
    assert_true(pn_str_starts(
        message,
        PN_STR("<85>1 2027-01-15T08:00:00Z h posternd 7 token.create [origin "
               "software=\"postern\" swVersion=\"" PN_VERSION
               "\"][postern@32473 position=\"12\" hash=\"00000000")));
    assert_non_null(memmem(
        message.ptr, message.len, " actor=\"alice\" subject=\"tok_1\"] {",
        sizeof(" actor=\"alice\" subject=\"tok_1\"] {") - 1));
}

static void
test_on_this_machine_it_looks_as_syslog_3_writes_it(void **state)
{
    const struct pn_audit_event event = event_of("alice", "tok_1", "{}");
    const time_t at = AT;
    json_t *doc = NULL;
    char expected[64], when[32];
    struct pn_str message = sent(&event, PN_SYSLOG_LOCAL, 8192, &doc);
    struct tm local;

    (void) state;
    assert_non_null(localtime_r(&at, &local));
    assert_true(strftime(when, sizeof(when), "%b %e %H:%M:%S", &local) > 0);
    (void) snprintf(expected, sizeof(expected), "<85>%s posternd[7]: {", when);
    assert_true(pn_str_starts(message, pn_str_from(expected)));
}

static void
test_who_is_refused_is_a_warning(void **state)
{
    static const struct {
        const char *action;
        const char *head; /* facility 10, severity */
    } rows[] = {
        {"session.refused", "<84>"}, {"token.superseded_used", "<84>"},
        {"session.open", "<86>"},    {"session.close", "<86>"},
        {"token.create", "<85>"},    {"something.new", "<85>"},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(rows); i++) {
        struct pn_audit_event event = event_of("a", "b", "{}");
        json_t *doc = NULL;

        event.action = dup(rows[i].action);
        assert_true(pn_str_starts(sent(&event, PN_SYSLOG_UDP, 2048, &doc),
                                  pn_str_from(rows[i].head)));
    }
}

/* A JSON object with one text of that many bytes. */
static const char *
detail_of(size_t len)
{
    char *text = pn_arena_alloc(arena, len + 1);

    assert_non_null(text);
    memset(text, 'x', len);
    return pn_arena_printf(arena, "{\"a\":\"%s\"}", text);
}

static void
test_what_does_not_fit_is_left_out_and_named(void **state)
{
    const struct pn_audit_event event =
        event_of("alice", "tok_1", detail_of(3000));
    json_t *doc = NULL;

    (void) state;
    (void) sent(&event, PN_SYSLOG_UDP, 8192, &doc);
    assert_null(json_object_get(doc, "cut"));
    (void) sent(&event, PN_SYSLOG_UDP, 2048, &doc);
    assert_null(json_object_get(doc, "detail"));
    assert_int_equal(json_object_size(json_object_get(doc, "cut")), 1);
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(doc, "cut"), "detail")),
                     3000 + 8);
    assert_string_equal(member(doc, "actor"), "alice");
    assert_string_equal(member(doc, "address"), "192.0.2.7");
}

/* The longest that just fits, and one byte more. */
static void
test_the_limit_is_exact(void **state)
{
    const uint32_t max = 2048;
    bool fitted = false, cut = false;

    (void) state;
    for (size_t len = 1300; len < 1700; len++) {
        const struct pn_audit_event event = event_of("a", "b", detail_of(len));
        json_t *doc = NULL;
        struct pn_str message = sent(&event, PN_SYSLOG_TCP, max, &doc);
        const bool whole = json_object_get(doc, "detail") != NULL;

        assert_false(whole && cut); /* once cut, longer ones are cut, too */
        fitted = fitted || (whole && message.len == max);
        cut = cut || !whole;
    }
    assert_true(fitted && cut);
}

static void
test_names_that_do_not_fit_become_shorter_by_whole_characters(void **state)
{
    char name[256] = "";
    struct pn_audit_event event;
    json_t *doc = NULL;
    const json_t *cut;

    (void) state;
    name[0] = 'a';
    for (size_t i = 0; i < 127; i++)
    { /* 255 bytes; in ASCII three times more */
        memcpy(name + 1 + 2 * i, "\xc3\xa9", 2);
    }
    event = event_of(name, name, detail_of(1000));
    (void) sent(&event, PN_SYSLOG_UDP, 2048, &doc);
    cut = json_object_get(doc, "cut");
    assert_int_equal(json_integer_value(json_object_get(cut, "detail")), 1008);
    assert_int_equal(json_integer_value(json_object_get(cut, "actor")), 255);
    assert_int_equal(json_integer_value(json_object_get(cut, "subject")), 255);
    assert_int_equal(strlen(member(doc, "actor")), 63); /* of 64 */
    assert_int_equal(strncmp(member(doc, "actor"), name, 63), 0);
}

static void
test_an_event_that_cannot_be_told_still_says_where_it_stands(void **state)
{
    struct pn_audit_event event = event_of("\xff\n\"", "b", "{}");
    json_t *doc = NULL;

    (void) state;
    (void) sent(&event, PN_SYSLOG_TCP, 8192, &doc);
    assert_int_equal(json_integer_value(json_object_get(doc, "position")), 12);
    assert_true(
        json_is_true(json_object_get(json_object_get(doc, "cut"), "all")));
    /* nor does one that no limit would hold */
    event = event_of("a", "b", "{}");
    event.address = dup(detail_of(MANY));
    (void) sent(&event, PN_SYSLOG_TCP, 8192, &doc);
    assert_true(
        json_is_true(json_object_get(json_object_get(doc, "cut"), "all")));
    assert_int_equal(json_integer_value(json_object_get(doc, "position")), 12);
}

static void
test_hostile_texts_arrive_exactly(void **state)
{
    static const char *const texts[] = {
        "a\nb",          "a\r\n<13>1 - - - - - -",
        "\"]",           "\\",
        "]\\\"",         "\x1b[31m",
        "\x7f",          "\xc2\x85",
        "\xe2\x80\xae",  "\xf0\x9f\x98\x80",
        "[x@1 y=\"z\"]", "{\"x\":1}",
        "%n%s",
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(texts); i++) {
        const json_t *detail = pn_json_defer(
            arena, json_pack("{s:{s:s}}", "after", "name", texts[i]));
        char *text = json_dumps(detail, JSON_COMPACT);
        const struct pn_audit_event event =
            event_of(texts[i], texts[i], text != NULL ? text : "");
        json_t *doc = NULL;

        free(text);
        for (int kind = PN_SYSLOG_LOCAL; kind <= PN_SYSLOG_TLS; kind++) {
            (void) sent(&event, (enum pn_syslog_kind) kind, 8192, &doc);
            assert_string_equal(member(doc, "actor"), texts[i]);
            assert_string_equal(member(doc, "subject"), texts[i]);
            assert_true(json_equal(json_object_get(doc, "detail"), detail));
        }
    }
}

static void
test_without_an_enterprise_there_is_only_the_origin(void **state)
{
    const struct pn_audit_event event = event_of("alice", "tok_1", "{}");
    const struct pn_syslog_receiver receiver = receiver_of(PN_SYSLOG_TCP, 8192);
    struct pn_syslog_origin nobody = origin;
    struct pn_str message;

    (void) state;
    nobody.enterprise = 0;
    assert_int_equal(
        pn_syslog_event(&event, &receiver, &nobody, arena, &message), PN_OK);
    assert_null(memmem(message.ptr, message.len, "postern@", 8));
    assert_non_null(memmem(message.ptr, message.len, "[origin ", 8));
}

static void
test_a_note_names_the_positions(void **state)
{
    const struct pn_syslog_note note = {
        .id = "syslog.gap", .from = 3, .to = 9, .because = "because"};
    const struct pn_syslog_receiver receiver = receiver_of(PN_SYSLOG_UDP, 2048);
    static const char expected[] =
        "<84>1 2027-01-15T08:00:00Z h posternd 7 syslog.gap [origin "
        "software=\"postern\" swVersion=\"" PN_VERSION
        "\"] {\"note\":\"syslog.gap\",\"from\":3,\"to\":9,"
        "\"because\":\"because\"}";
    struct pn_str message;

    (void) state;
    assert_int_equal(
        pn_syslog_note(&note, AT, &receiver, &origin, arena, &message), PN_OK);
    assert_true(pn_str_eq(message, pn_str_from(expected)));
}

static void
test_facilities_have_the_numbers_of_rfc_5424(void **state)
{
    static const struct {
        const char *name;
        int number;
    } rows[] = {
        {"auth", 4},    {"authpriv", 10}, {"audit", 13},
        {"local0", 16}, {"local7", 23},   {"kern", -1},
        {"", -1},       {"local8", -1},   {"AUTH", -1},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(rows); i++) {
        assert_int_equal(pn_syslog_facility(pn_str_from(rows[i].name)),
                         rows[i].number);
    }
}

static int
begin(void **state)
{
    (void) state;
    arena = pn_arena_new(64 << 20);
    return arena == NULL;
}

static int
end(void **state)
{
    (void) state;
    pn_arena_free(arena);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_places_values_and_fields_are_as_the_table_says),
        TEST(test_a_place_has_a_longest_host_and_path),
        TEST(test_an_event_is_its_document_behind_a_head),
        TEST(test_on_this_machine_it_looks_as_syslog_3_writes_it),
        TEST(test_who_is_refused_is_a_warning),
        TEST(test_what_does_not_fit_is_left_out_and_named),
        TEST(test_the_limit_is_exact),
        TEST(test_names_that_do_not_fit_become_shorter_by_whole_characters),
        TEST(test_an_event_that_cannot_be_told_still_says_where_it_stands),
        TEST(test_hostile_texts_arrive_exactly),
        TEST(test_without_an_enterprise_there_is_only_the_origin),
        TEST(test_a_note_names_the_positions),
        TEST(test_facilities_have_the_numbers_of_rfc_5424),
    };

    cases = argc > 1 ? argv[1] : "tests/data/syslog.cases";
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: what is taken, and what an error says. */
#include "check.h"

#include "daemon/config.h"

static struct pn_arena *arena;
static struct pn_config config;
static char why[PN_CONFIG_WHY_MAX];

static enum pn_err
parse(const char *text)
{
    return pn_config_parse(pn_str_from(text), "x.conf", arena, &config, why);
}

static void
refused(const char *text, const char *message)
{
    const struct pn_config before = config;

    assert_int_equal(parse(text), PN_E_SYNTAX);
    if (strstr(why, message) == NULL) {
        fail_msg("'%s' does not hold '%s'", why, message);
    }
    assert_memory_equal(&before, &config, sizeof(config));
}

static void
test_an_empty_file_gives_the_defaults(void **state)
{
    (void) state;
    assert_int_equal(parse(""), PN_OK);
    assert_string_equal(config.http_listen, "unix:/run/postern/http.sock");
    assert_int_equal(config.http_mode, 0660);
    assert_null(config.http_group);
    assert_int_equal(config.http_connections, 256);
    assert_int_equal(config.usage_user_count, 1);
    assert_string_equal(config.usage_user[0], "www-data");
    assert_int_equal(config.usage_interval_s, 15);
    assert_int_equal(config.stale_after_s, 0);
    assert_int_equal(config.log_level, PN_LOG_INFO);
}

static void
test_every_key_is_taken(void **state)
{
    (void) state;
    assert_int_equal(parse("# a comment\n"
                           "http_listen = \"127.0.0.1:8080\"\n"
                           "http_mode = 0600\n"
                           "http_group = g1\n"
                           "http_connections = 8\n"
                           "admin_socket = \"/a\"\n"
                           "usage_socket = \"/u\"\n"
                           "usage_mode = \"0666\"\n"
                           "usage_group = g2\n"
                           "usage_users = {a, \"b\"}\n"
                           "usage_interval = 60\n"
                           "store = \"sqlite:/s.db\"\n"
                           "index_dir = \"/i\"\n"
                           "index_group = g3\n"
                           "stale_after = 900\n"
                           "log_level = debug"),
                     PN_OK);
    assert_string_equal(config.http_listen, "127.0.0.1:8080");
    assert_int_equal(config.http_mode, 0600);
    assert_string_equal(config.http_group, "g1");
    assert_int_equal(config.http_connections, 8);
    assert_string_equal(config.admin_socket, "/a");
    assert_string_equal(config.usage_socket, "/u");
    assert_int_equal(config.usage_mode, 0666);
    assert_string_equal(config.usage_group, "g2");
    assert_int_equal(config.usage_user_count, 2);
    assert_string_equal(config.usage_user[1], "b");
    assert_int_equal(config.usage_interval_s, 60);
    assert_string_equal(config.store, "sqlite:/s.db");
    assert_string_equal(config.index_dir, "/i");
    assert_string_equal(config.index_group, "g3");
    assert_int_equal(config.stale_after_s, 900);
    assert_int_equal(config.log_level, PN_LOG_DEBUG);
}

static void
test_on_postgresql_an_index_is_stale_after_15_minutes(void **state)
{
    (void) state;
    assert_int_equal(parse("store = \"postgres://p@db/postern\"\n"
                           "stale_after = 0\n"),
                     PN_OK);
    assert_int_equal(config.stale_after_s, 0);
    assert_int_equal(parse("store = \"postgresql://p@db/postern\"\n"), PN_OK);
    assert_string_equal(config.store, "postgresql://p@db/postern");
    assert_int_equal(config.stale_after_s, 900);
}

static void
test_an_error_names_file_line_and_key(void **state)
{
    (void) state;
    refused("\n\nlisten = \"/a\"\n", "x.conf:3: no such option 'listen'");
    refused("usage_interval = often\n", "x.conf:1: ");
    refused("usage_interval = often\n", "usage_interval");
    refused("\nusage_interval = 61\n",
            "x.conf:2: key 'usage_interval': 61 is not between 1 and 60");
    refused("usage_interval = 0\n", "key 'usage_interval'");
    refused("usage_interval = -1\n", "key 'usage_interval'");
    refused("log_level = loud\n",
            "key 'log_level': 'loud' is not error, warning, info or debug");
    refused("http_mode = 1777\n", "key 'http_mode'");
    refused("http_mode = 0777\n", "key 'http_mode'");
    refused("http_mode = 0060\n", "key 'http_mode'");
    refused("http_mode = 98\n", "key 'http_mode'");
    refused("http_listen = \"0.0.0.0:80\"\n", "key 'http_listen'");
    refused("http_listen = \"unix:relative\"\n", "key 'http_listen'");
    refused("http_listen = \"\"\n", "key 'http_listen'");
    refused("admin_socket = \"relative\"\n", "key 'admin_socket'");
    refused("store = \"mysql://x\"\n", "key 'store'");
    refused("index_dir = here\n", "key 'index_dir'");
    refused("usage_group = \"a b\"\n", "key 'usage_group'");
    refused("usage_users = {a,b,c,d,e,f,g,h,i}\n", "more than 8 names");
    refused("usage_users = {\"a b\"}\n", "key 'usage_users'");
}

static void
test_comments_do_not_change_the_line_of_an_error(void **state)
{
    (void) state;
    refused("# a\n# it's \"b\n\ncolour = 1\n", "x.conf:4: ");
    refused("log_level = info # c\ncolour = 1\n", "x.conf:2: ");
    refused("#\n##\ncolour = 1\n", "x.conf:3: ");
    refused("log_level = \"a#b\"\n", "x.conf:1: key 'log_level': 'a#b' is");
    refused("log_level = 'a\\'#b'\n", "'a'#b' is not");
}

static void
test_a_key_given_twice_is_refused(void **state)
{
    (void) state;
    refused("stale_after = 1\nlog_level = info\nstale_after = 2\n",
            "x.conf:3: key 'stale_after' was given before");
    refused("log_level = info\nlog_level = info\n", "was given before");
}

static void
test_receivers_of_the_audit_are_taken(void **state)
{
    const struct pn_syslog_receiver *r = config.syslog;

    (void) state;
    assert_int_equal(parse("syslog here {\n to = \"unix:/dev/log\"\n}\n"
                           "syslog \"siem-1\" {\n"
                           " to = \"tls://log.example.com\"\n"
                           " facility = local3\n begin = new\n"
                           " max_bytes = 65000\n enterprise = 4294967295\n"
                           " ca = \"/ca\"\n certificate = \"/cert\"\n"
                           " key = \"/key\"\n tls_name = \"other.name\"\n}\n"
                           "syslog udp { to = \"udp://192.0.2.1\" }\n"),
                     PN_OK);
    assert_int_equal(config.syslog_count, 3);
    assert_string_equal(r[0].name, "here");
    assert_int_equal(r[0].place.kind, PN_SYSLOG_LOCAL);
    assert_int_equal(r[0].facility, 10);
    assert_int_equal(r[0].max_bytes, 8192);
    assert_int_equal(r[0].enterprise, 32473);
    assert_int_equal(r[0].begin, PN_SYSLOG_ALL);
    assert_null(r[0].ca);
    assert_string_equal(r[1].name, "siem-1");
    assert_int_equal(r[1].place.kind, PN_SYSLOG_TLS);
    assert_string_equal(r[1].place.port, "6514");
    assert_int_equal(r[1].facility, 19);
    assert_int_equal(r[1].begin, PN_SYSLOG_NEW);
    assert_int_equal(r[1].max_bytes, 65000);
    assert_true(r[1].enterprise == UINT32_MAX);
    assert_string_equal(r[1].ca, "/ca");
    assert_string_equal(r[1].certificate, "/cert");
    assert_string_equal(r[1].key, "/key");
    assert_string_equal(r[1].tls_name, "other.name");
    assert_int_equal(r[2].max_bytes, 2048);
    assert_int_equal(parse(""), PN_OK);
    assert_int_equal(config.syslog_count, 0);
}

static void
test_a_wrong_receiver_is_named(void **state)
{
    static const char *const rows[][2] = {
        {"syslog { to = \"udp://a\" }", "x.conf:1: "},
        {"syslog a { }", "x.conf:1: section 'syslog a': key 'to' is missing"},
        {"syslog a {\n to = \"http://a\"\n}",
         "x.conf:2: key 'to': 'http://a' is not unix:/PATH"},
        {"syslog a {\n to = \"udp://a\"\n to = \"udp://b\"\n}",
         "x.conf:3: key 'to' was given before"},
        {"syslog a { to = \"udp://a\" }\nsyslog a { to = \"udp://b\" }",
         "x.conf:2: found duplicate title 'a'"},
        {"syslog \"a b\" { to = \"udp://a\" }", "its name is not letters"},
        {"syslog \"\" { to = \"udp://a\" }", "its name is not letters"},
        {"syslog a1234567890123456789012345678901x { to = \"udp://a\" }",
         "its name is not letters"},
        {"syslog a {\n to = \"udp://a\"\n colour = red\n}",
         "x.conf:3: no such option 'colour'"},
        {"syslog a { to = \"udp://a\" max_bytes = 2047 }",
         "key 'max_bytes': 2047 is not between 2048 and 65000"},
        {"syslog a { to = \"udp://a\" max_bytes = 0 }", "key 'max_bytes': 0"},
        {"syslog a { to = \"udp://a\" facility = kern }", "key 'facility'"},
        {"syslog a { to = \"udp://a\" begin = now }", "key 'begin'"},
        {"syslog a { to = \"udp://a\" enterprise = 4294967296 }",
         "key 'enterprise'"},
        {"syslog a { to = \"tcp://a\" ca = \"/ca\" }", "need a 'to' of tls://"},
        {"syslog a { to = \"tcp://a\" tls_name = \"b\" }",
         "need a 'to' of tls://"},
        {"syslog a { to = \"tls://a\" key = \"/k\" }",
         "'certificate' and 'key' go together"},
        {"syslog a { to = \"tls://a\" certificate = \"/k\" }",
         "'certificate' and 'key' go together"},
        {"syslog a { to = \"tls://a\" ca = \"relative\" }", "key 'ca'"},
        {"syslog a { to = \"udp://a\"\n",
         "x.conf: a '{' has no '}' that belongs to it"},
        {"to = \"udp://a\"", "no such option 'to'"},
        {"syslog a { to = \"udp://a\" }\nsyslog b { to = \"udp://a\" }\n"
         "syslog c { to = \"udp://a\" }\nsyslog d { to = \"udp://a\" }\n"
         "syslog e { to = \"udp://a\" }\n",
         "x.conf:5: more than 4 sections 'syslog'"},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(rows); i++) {
        refused(rows[i][0], rows[i][1]);
    }
}

static void
test_what_is_no_config_is_refused(void **state)
{
    (void) state;
    refused("{\n", "x.conf:");
    refused("log_level", "x.conf:");
    refused("log_level = \"info\n", "x.conf:");
    refused("log_level = \x01info\n", "x.conf:1: a control character");
    refused("include(\"/etc/passwd\")\n", "x.conf:1: ");
}

static void
test_a_file_over_the_maximum_is_refused(void **state)
{
    static char text[PN_CONFIG_MAX + 2];

    (void) state;
    memset(text, '\n', PN_CONFIG_MAX + 1);
    assert_int_equal(parse(text), PN_E_TOO_LONG);
    text[PN_CONFIG_MAX] = '\0';
    assert_int_equal(parse(text), PN_OK);
}

static void
test_a_missing_file_is_named(void **state)
{
    (void) state;
    assert_int_equal(pn_config_load("/nonexistent/x.conf", arena, &config, why),
                     PN_E_IO);
    assert_string_equal(
        why, "cannot read '/nonexistent/x.conf': No such file or directory");
}

static int
begin(void **state)
{
    (void) state;
    arena = pn_arena_new(4 << 20);
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
        cmocka_unit_test(test_an_empty_file_gives_the_defaults),
        cmocka_unit_test(test_every_key_is_taken),
        cmocka_unit_test(test_on_postgresql_an_index_is_stale_after_15_minutes),
        cmocka_unit_test(test_an_error_names_file_line_and_key),
        cmocka_unit_test(test_comments_do_not_change_the_line_of_an_error),
        cmocka_unit_test(test_a_key_given_twice_is_refused),
        cmocka_unit_test(test_receivers_of_the_audit_are_taken),
        cmocka_unit_test(test_a_wrong_receiver_is_named),
        cmocka_unit_test(test_what_is_no_config_is_refused),
        cmocka_unit_test(test_a_file_over_the_maximum_is_refused),
        cmocka_unit_test(test_a_missing_file_is_named),
    };

    return cmocka_run_group_tests(tests, begin, end);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines, as they arrive on standard error. */
#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include "check.h"

/* What reaches standard error between catch_begin and catch_end. */
struct caught {
    int saved, pipe[2];
    char text[8192];
};

static void
catch_begin(struct caught *c)
{
    assert_int_equal(pipe2(c->pipe, O_CLOEXEC), 0);
    c->saved = dup(STDERR_FILENO);
    assert_true(c->saved >= 0);
    assert_true(dup2(c->pipe[1], STDERR_FILENO) >= 0);
}

static const char *
catch_end(struct caught *c)
{
    ssize_t n;

    assert_true(dup2(c->saved, STDERR_FILENO) >= 0);
    (void) close(c->saved);
    (void) close(c->pipe[1]);
    n = read(c->pipe[0], c->text, sizeof(c->text) - 1);
    (void) close(c->pipe[0]);
    assert_true(n >= 0);
    c->text[n] = '\0';
    return c->text;
}

static int
without_journal(void **state)
{
    (void) state;
    return unsetenv("JOURNAL_STREAM");
}

static void
test_a_line_is_level_event_and_pairs(void **state)
{
    struct caught c;

    (void) state;
    catch_begin(&c);
    pn_log(PN_LOG_INFO, "listening", "address", "127.0.0.1:80", "n", "2", NULL);
    assert_string_equal(catch_end(&c),
                        "info event=listening address=127.0.0.1:80 n=2\n");
}

static void
test_no_value_can_forge_a_line_or_a_pair(void **state)
{
    struct caught c;

    (void) state;
    catch_begin(&c);
    pn_log(PN_LOG_WARNING, "odd", "a", "x\ninfo event=forged", "b", "y z=1",
           "c", "", "d", "\x1b[2J\"\\", "e", NULL, "f", "two\nlines", NULL);
    assert_string_equal(catch_end(&c),
                        "warning event=odd a=\"x\\u000ainfo event=forged\""
                        " b=\"y z=1\" c=\"\" d=\"\\u001b[2J\\\"\\\\\" e=\"\" "
                        "f=\"two\\u000alines\"\n");
}

static void
test_the_journal_is_told_the_priority(void **state)
{
    struct caught c;

    (void) state;
    assert_int_equal(setenv("JOURNAL_STREAM", "8:1", 1), 0);
    catch_begin(&c);
    pn_log(PN_LOG_ERROR, "stopped", NULL);
    assert_string_equal(catch_end(&c), "<3>error event=stopped\n");
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

static void
test_lines_below_the_level_are_left_out(void **state)
{
    struct caught c;

    (void) state;
    catch_begin(&c);
    pn_log(PN_LOG_DEBUG, "hidden", NULL);
    pn_log_set_level(PN_LOG_DEBUG);
    pn_log(PN_LOG_DEBUG, "shown", NULL);
    pn_log_set_level(PN_LOG_ERROR);
    pn_log(PN_LOG_WARNING, "hidden", NULL);
    pn_log_set_level(PN_LOG_INFO);
    assert_string_equal(catch_end(&c), "debug event=shown\n");
}

static void
test_a_long_value_still_ends_the_line(void **state)
{
    static char value[5000];
    struct caught c;
    const char *line;

    (void) state;
    memset(value, 'v', sizeof(value) - 1);
    catch_begin(&c);
    pn_log(PN_LOG_INFO, "long", "value", value, "after", "lost", NULL);
    pn_log(PN_LOG_INFO, "next", NULL);
    line = catch_end(&c);
    assert_int_equal(strncmp(line, "info event=long value=", 22), 0);
    assert_string_equal(strchr(line, '\n'), "\ninfo event=next\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_is_level_event_and_pairs),
        cmocka_unit_test(test_no_value_can_forge_a_line_or_a_pair),
        cmocka_unit_test(test_the_journal_is_told_the_priority),
        cmocka_unit_test(test_lines_below_the_level_are_left_out),
        cmocka_unit_test(test_a_long_value_still_ends_the_line),
    };

    return cmocka_run_group_tests(tests, without_journal, NULL);
}

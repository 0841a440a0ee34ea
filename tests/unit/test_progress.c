/* SPDX-License-Identifier: Apache-2.0 */
/* The line that says how far work has got, and when it is written. */
#include "base/progress.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static void
test_the_line_says_what_how_much_how_fast_and_how_long(void **state)
{
    static const struct {
        uint64_t total, done;
        int64_t elapsed_ms;
        const char *note, *line;
    } rows[] = {
        {0, 0, 0, NULL, "w  0"},
        {0, 1234567, 2000, NULL, "w  1,234,567  617,283/s"},
        {100, 0, 0, NULL, "w  [>                   ]  0/100"},
        {100000, 41200, 12875, "12 skipped",
         "w  [========>           ]  41,200/100,000  3,200/s  19 s left"
         "  (12 skipped)"},
        {100, 100, 500, NULL, "w  [====================]  100/100"},
        {100, 250, 1000, NULL, "w  [====================]  250/100  250/s"},
        {UINT64_MAX, UINT64_MAX, 1, NULL,
         "w  [====================]  18,446,744,073,709,551,615/"
         "18,446,744,073,709,551,615"},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(rows); i++) {
        struct pn_progress progress = {
            .what = "w", .total = rows[i].total, .note = rows[i].note};
        char bytes[PN_PROGRESS_LINE_MAX];
        struct pn_buf line = PN_BUF(bytes);

        pn_progress_line(&progress, rows[i].done, rows[i].elapsed_ms, &line);
        assert_non_null(pn_buf_cstr(&line));
        assert_string_equal(pn_buf_cstr(&line), rows[i].line);
    }
}

/* What is written to standard error while run() runs. */
static size_t
written(void (*run)(struct pn_progress *progress), char *out, size_t cap)
{
    struct pn_progress progress = {.what = "w", .total = 10};
    int kept = dup(STDERR_FILENO), ends[2];
    ssize_t got;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    run(&progress);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void) close(kept);
    (void) close(ends[1]);
    got = read(ends[0], out, cap - 1);
    (void) close(ends[0]);
    out[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t) got : 0;
}

static void
quick(struct pn_progress *progress)
{
    pn_progress_begin(progress);
    for (uint64_t i = 0; i <= 10; i++) {
        pn_progress_show(progress, i);
    }
    pn_progress_end(progress, 10);
}

static void
slow(struct pn_progress *progress)
{
    pn_progress_begin(progress);
    progress->started_ms -= 6000; /* as if it had begun then */
    progress->shown_ms -= 6000;
    pn_progress_show(progress, 5);
    pn_progress_show(progress, 6);
    pn_progress_end(progress, 10);
}

static void
slow_and_quiet(struct pn_progress *progress)
{
    progress->quiet = true;
    slow(progress);
}

static void
on_a_terminal(struct pn_progress *progress)
{
    pn_progress_begin(progress);
    progress->terminal = true;
    progress->shown_ms -= 200;
    pn_progress_show(progress, 5);
    pn_progress_end(progress, 10);
}

static void
test_a_line_is_written_when_it_is_due(void **state)
{
    char text[1024];

    (void) state;
    assert_int_equal(written(quick, text, sizeof(text)), 0);
    assert_int_equal(written(slow_and_quiet, text, sizeof(text)), 0);
    (void) written(slow, text, sizeof(text));
    assert_non_null(strstr(text, "5/10"));
    assert_null(strstr(text, "6/10")); /* too soon after the one before */
    assert_non_null(strstr(text, "10/10"));
    assert_null(strchr(text, '\r'));
    assert_int_equal(text[strlen(text) - 1], '\n');
    (void) written(on_a_terminal, text, sizeof(text));
    assert_int_equal(text[0], '\r');
    assert_non_null(strstr(text, "\033[K\r"));
    assert_int_equal(text[strlen(text) - 1], '\n');
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_the_line_says_what_how_much_how_fast_and_how_long),
        cmocka_unit_test(test_a_line_is_written_when_it_is_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

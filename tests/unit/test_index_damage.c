/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 300 data files with 40 flipped bytes each, read by a process of its own:
 * LMDB trusts its pages, and without the walk over them 43 died.  What must
 * never come out is a token that is alive though it was revoked.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "index/gate.h"
#include "index/writer.h"
#include "index_fixture.h"

enum { FILES = 300, FLIPS = 40, TOKENS = 2000 };
enum { FINE = 0, REFUSED = 1, WRONG = 2 };

/* Every token was revoked. */
static int
look_at_all(const struct index_fixture *fix)
{
    struct pn_index *index = NULL;
    int result = FINE;

    if (pn_index_new(fix->dir, &index) != PN_OK) {
        return WRONG;
    }
    for (unsigned n = 0; n < TOKENS; n++) {
        int got = index_look(index, n, 1);

        if (got >= 0 && got != PN_TOKEN_REVOKED) {
            result = WRONG;
        } else if (got < 0 && result == FINE) {
            result = REFUSED;
        }
    }
    pn_index_free(index);
    return result;
}

/* cmocka's handlers would take a dead child back into the test. */
static void
default_signals(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

    for (size_t i = 0; i < PN_LEN(signals); i++) {
        (void) signal(signals[i], SIG_DFL);
    }
}

static void
flip(const struct index_fixture *fix, const uint8_t *good, size_t len,
     unsigned seed)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15U + 1;
    int fd = open(index_file(fix, 1, "data.mdb"), O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, good, len, 0), (ssize_t) len);
    for (int i = 0; i < FLIPS; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U;

        size_t at = (size_t) (state >> 33) % len;
        uint8_t byte = (uint8_t) (good[at] ^ (1 + (state >> 20) % 255));

        assert_int_equal(pwrite(fd, &byte, 1, (off_t) at), 1);
    }
    (void) close(fd);
}

static void
test_a_damaged_file_never_brings_a_token_back(void **state)
{
    static uint8_t good[1 << 20];
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    unsigned deaths = 0, refused = 0;
    ssize_t len;
    int fd;

    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    for (unsigned n = 0; n < TOKENS; n++) {
        index_put_token(writer, n, PN_TOKEN_REVOKED);
    }
    assert_int_equal(pn_index_writer_commit(writer, 2), PN_OK);
    pn_index_writer_free(writer);
    fd = open(index_file(fix, 1, "data.mdb"), O_RDONLY);
    len = read(fd, good, sizeof(good));
    (void) close(fd);
    assert_true(len > 0 && (size_t) len < sizeof(good));
    for (unsigned i = 0; i < FILES; i++) {
        int status = 0;
        pid_t pid;

        flip(fix, good, (size_t) len, i);
        pid = fork();
        if (pid == 0) {
            const struct rlimit none = {0, 0};

            (void) setrlimit(RLIMIT_CORE, &none);
            default_signals();
            (void) alarm(20);
            _exit(look_at_all(fix));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFSIGNALED(status)) {
            deaths++;
        } else {
            assert_int_not_equal(WEXITSTATUS(status), WRONG);
            refused += WEXITSTATUS(status) == REFUSED;
        }
    }
    print_message("# of %d files: %u refused tokens, %u killed the reader\n",
                  FILES, refused, deaths);
    assert_int_equal(deaths, 0);
    assert_true(refused + deaths > FILES / 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_a_damaged_file_never_brings_a_token_back, index_fixture_setup,
            index_fixture_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

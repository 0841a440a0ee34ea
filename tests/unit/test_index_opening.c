/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader that opens a generation while the writer commits to it.  The commit
 * happens where it hurts: this program's pread() publishes before each of the
 * reader's looks at the file, as a busy machine may.
 */
#undef _FORTIFY_SOURCE /* with it, libc defines pread64() in a header */

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "index/index.h"
#include "index/writer.h"
#include "index_fixture.h"

enum { TOKENS = 2000 }; /* in a transaction, so that the file grows */

/* What is published before look number `at`, counted from 0. */
static struct {
    struct pn_index_writer *writer;
    unsigned at, looks, published;
} plan;

static void
publish(struct pn_index_writer *writer)
{
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    for (unsigned n = 0; n < TOKENS; n++) {
        index_put_token(writer, plan.published * TOKENS + n, 0);
    }
    plan.published++;
    assert_int_equal(pn_index_writer_commit(writer, 1), PN_OK);
}

/* In libc's place, which declares it; it is what pread() is called here. */
ssize_t
pread64(int fd, void *bytes, size_t len, off_t offset)
{
    struct pn_index_writer *writer = plan.writer;

    if (writer != NULL && plan.looks++ == plan.at) {
        plan.writer = NULL;
        publish(writer);
    }
    return syscall(SYS_pread64, fd, bytes, len, offset);
}

static void
test_a_commit_while_a_reader_opens_is_no_damage(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);

    for (unsigned at = 0; at < 2; at++) {
        struct pn_index *index = NULL;

        assert_int_equal(pn_index_new(fix->dir, &index), PN_OK);
        plan.at = at;
        plan.looks = 0;
        /* The page is read before the file of the generation. */
        plan.writer = writer;
        assert_int_equal(index_look(index, 0, 1), 0);
        pn_index_free(index);
    }
    plan.writer = NULL;
    assert_true(plan.published > 0);
    pn_index_writer_free(writer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_a_commit_while_a_reader_opens_is_no_damage,
            index_fixture_setup, index_fixture_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

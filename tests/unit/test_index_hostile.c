/* SPDX-License-Identifier: Apache-2.0 */
/* What readers that may write the lock file can do to the writer, and how the
 * writer goes on without them. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "index_fixture.h"

enum {
    READERS_AT = 56,    /* the number of readers in LMDB's lock file */
    COMMITS_MAX = 20000 /* until the file has grown by 16 MiB */
};

static void
write_over(const char *path, off_t at, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, at), (ssize_t) len);
    (void) close(fd);
}

/* A new generation with token 0, which readers find. */
static void
move_on(struct index_fixture *fix, struct pn_index_writer *writer)
{
    struct pn_index *index = NULL;
    struct pn_index_stats stats;

    assert_int_equal(pn_index_writer_rebuild(writer), PN_OK);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    index_put_basics(writer);
    index_put_token(writer, 0, 0);
    assert_int_equal(pn_index_writer_commit(writer, 2), PN_OK);
    assert_int_equal(pn_index_writer_stats(writer, &stats), PN_OK);
    assert_int_equal(pn_index_new(fix->dir, &index), PN_OK);
    assert_int_equal(index_look(index, 0, 1), 0);
    pn_index_free(index);
}

static void
test_a_lock_file_written_over_is_noticed(void **state)
{
    static const uint8_t zeros[4096];
    static const uint32_t many = 0x7fffffff;
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_index_stats stats;

    write_over(index_file(fix, 1, "lock.mdb"), 0, zeros, sizeof(zeros));
    assert_int_equal(pn_index_writer_stats(writer, &stats), PN_E_DAMAGED);
    assert_int_equal(pn_index_writer_begin(writer), PN_E_DAMAGED);
    move_on(fix, writer);
    /* LMDB would look at as many. */
    write_over(index_file(fix, 2, "lock.mdb"), READERS_AT, &many, sizeof(many));
    assert_int_equal(pn_index_writer_stats(writer, &stats), PN_E_DAMAGED);
    assert_int_equal(pn_index_writer_begin(writer), PN_E_DAMAGED);
    move_on(fix, writer);
    pn_index_writer_free(writer);
}

/* Commits until the figures say that this reader holds the file. */
static unsigned
commit_until_held(struct pn_index_writer *writer)
{
    struct pn_index_stats stats;
    enum pn_err err = pn_index_writer_stats(writer, &stats);
    unsigned commits = 0;

    assert_int_equal(err, PN_OK);
    while (err == PN_OK && commits < COMMITS_MAX) {
        index_publish_token(writer, 1 + commits % 500, 0, 3);
        commits++;
        err = pn_index_writer_stats(writer, &stats);
    }
    assert_true(err == PN_OK || err == PN_E_BUSY);
    return commits;
}

static void
test_a_reader_that_never_ends_is_left_behind(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_index *held = NULL;
    struct stat st;
    unsigned commits;

    assert_int_equal(pn_index_new(fix->dir, &held), PN_OK);
    assert_int_equal(pn_index_begin(held, 1), PN_OK);
    commits = commit_until_held(writer);
    assert_in_range(commits, 1000, COMMITS_MAX - 1);
    assert_int_equal(stat(index_file(fix, 1, "data.mdb"), &st), 0);
    assert_true(st.st_size < 32 << 20);
    move_on(fix, writer);
    pn_index_end(held);
    pn_index_free(held);
    pn_index_writer_free(writer);
}

/* A file that grew for no reader's sake is nobody's fault. */
static void
test_a_reader_that_comes_and_goes_is_none_of_those(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_index_stats stats;
    struct pn_index *index = NULL;

    assert_int_equal(pn_index_new(fix->dir, &index), PN_OK);
    for (unsigned i = 0; i < 1500; i++) {
        index_publish_token(writer, 1 + i % 500, 0, 3);
        assert_int_equal(index_look(index, 0, 1), 0);
    }
    assert_int_equal(pn_index_writer_stats(writer, &stats), PN_OK);
    assert_true(stats.file_bytes < 4 << 20);
    assert_int_equal(stats.readers, 1);
    pn_index_free(index);
    pn_index_writer_free(writer);
}

static void
test_readers_of_old_generations_keep_two_of_them(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_index *held[4] = {NULL};
    struct stat st;

    for (unsigned i = 0; i < PN_LEN(held); i++) {
        assert_int_equal(pn_index_new(fix->dir, &held[i]), PN_OK);
        assert_int_equal(pn_index_begin(held[i], 1), PN_OK);
        move_on(fix, writer);
    }
    pn_index_writer_tidy(writer);
    for (unsigned generation = 1; generation <= 4; generation++) {
        assert_int_equal(stat(index_file(fix, generation, "data.mdb"), &st),
                         generation > 2 ? 0 : -1);
    }
    for (unsigned i = 0; i < PN_LEN(held); i++) {
        pn_index_end(held[i]);
        assert_int_equal(index_look(held[i], 0, 2), 0);
        pn_index_free(held[i]);
    }
    pn_index_writer_free(writer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_a_lock_file_written_over_is_noticed,
            index_fixture_setup_in_memory, index_fixture_done),
        cmocka_unit_test_setup_teardown(
            test_a_reader_that_never_ends_is_left_behind,
            index_fixture_setup_in_memory, index_fixture_done),
        cmocka_unit_test_setup_teardown(
            test_a_reader_that_comes_and_goes_is_none_of_those,
            index_fixture_setup_in_memory, index_fixture_done),
        cmocka_unit_test_setup_teardown(
            test_readers_of_old_generations_keep_two_of_them,
            index_fixture_setup_in_memory, index_fixture_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

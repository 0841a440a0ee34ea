/* SPDX-License-Identifier: Apache-2.0 */
/* Writing: who may, what is counted, when readers switch, what is tidied. */
#include "index/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "index/page.h"
#include "index_fixture.h"

static enum pn_err
reopen(struct index_fixture *fix, int64_t *position)
{
    struct pn_index_writer *writer = NULL;
    enum pn_err err = pn_index_writer_open(&fix->options, &writer, position);

    pn_index_writer_free(writer);
    return err;
}

static bool
exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static uint64_t
policy_version(const struct index_fixture *fix)
{
    struct pn_index_map map = {0};
    uint64_t version;

    assert_int_equal(pn_index_map_open(fix->dir, &map), PN_OK);
    version = map.page->policy_version;
    pn_index_map_done(&map);
    return version;
}

static void
test_the_position_is_what_was_last_committed(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    int64_t position = -1;

    index_publish_token(writer, 1, 0, 41);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    index_put_token(writer, 2, 0);
    pn_index_writer_abort(writer);
    pn_index_writer_free(writer);
    assert_int_equal(reopen(fix, &position), PN_OK);
    assert_int_equal(position, 41);
}

static void
test_only_an_index_of_this_store_is_opened(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_map map = {0};
    int64_t position = -1;

    assert_int_equal(reopen(fix, &position), PN_E_NOT_FOUND);
    pn_index_writer_free(index_fixture_make(fix));
    assert_int_equal(reopen(fix, &position), PN_OK);
    fix->options.epoch++;
    assert_int_equal(reopen(fix, &position), PN_E_NOT_FOUND);
    fix->options.epoch--;
    assert_int_equal(pn_index_map_create(fix->dir, (gid_t) -1, &map), PN_OK);
    map.page->generation = 2;
    assert_int_equal(reopen(fix, &position), PN_E_NOT_FOUND);
    map.page->generation = 1;
    pn_index_map_done(&map);
    assert_int_equal(truncate(index_file(fix, 1, "data.mdb"), 4096), 0);
    assert_int_equal(reopen(fix, &position), PN_E_NOT_FOUND);
    assert_int_equal(position, 1);

    /* And from each of these a new generation helps. */
    fix->options.epoch++;
    pn_index_writer_free(index_fixture_make(fix));
    assert_int_equal(reopen(fix, &position), PN_OK);
}

static void
test_a_page_of_another_version_is_laid_out_anew(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_map map = {0};
    int64_t position = -1;

    pn_index_writer_free(index_fixture_make(fix));
    assert_int_equal(pn_index_map_create(fix->dir, (gid_t) -1, &map), PN_OK);
    map.page->format++;
    assert_int_equal(reopen(fix, &position), PN_E_NOT_FOUND);
    pn_index_writer_free(index_fixture_make(fix));
    assert_int_equal(map.page->generation, 2); /* numbers are not used again */
    pn_index_map_done(&map);
}

static void
test_one_process_writes(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    int64_t position;
    int status = 0;
    pid_t pid;

    assert_int_equal(reopen(fix, &position), PN_E_BUSY);
    pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", "test_index_writer", fix->dir, (char *) NULL);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), -PN_E_BUSY);
    pn_index_writer_free(writer);
    assert_int_equal(reopen(fix, &position), PN_OK);
}

static mode_t
mode_of(const char *path, gid_t *gid)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    *gid = st.st_gid;
    return st.st_mode & 07777;
}

static void
test_modes_do_not_depend_on_the_umask(void **state)
{
    struct index_fixture *fix = *state;
    mode_t umask_before = umask(077);
    char path[128];
    gid_t gid;

    if (geteuid() == 0) {
        fix->options.group = "games";
    }
    pn_index_writer_free(index_fixture_make(fix));
    (void) umask(umask_before);
    assert_int_equal(mode_of(fix->dir, &gid), 0750);
    assert_int_equal(mode_of(index_file(fix, 1, ""), &gid), 0750);
    assert_int_equal(mode_of(index_file(fix, 1, "data.mdb"), &gid), 0640);
    assert_int_equal(mode_of(index_file(fix, 1, "lock.mdb"), &gid), 0660);
    assert_true(geteuid() != 0 || gid != 0);
    (void) snprintf(path, sizeof(path), "%s/current", fix->dir);
    assert_int_equal(mode_of(path, &gid), 0640);
    assert_true(geteuid() != 0 || gid != 0);
    (void) snprintf(path, sizeof(path), "%s/writer.lock", fix->dir);
    assert_int_equal(mode_of(path, &gid), 0600);
}

static void
test_a_group_that_does_not_exist_is_an_error(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = NULL;

    fix->options.group = "no-such-group";
    assert_int_equal(pn_index_writer_create(&fix->options, &writer),
                     PN_E_RANGE);
    assert_null(writer);
    assert_false(exists(fix->dir));
}

static void
test_records_are_counted(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_index_stats stats;
    struct pn_hash hash;

    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    index_put_token(writer, 1, 0);
    index_put_token(writer, 1, PN_TOKEN_REVOKED);
    index_put_token(writer, 2, 0);
    index_token_hash(0, &hash);
    assert_int_equal(pn_index_del_token(writer, &hash), PN_OK);
    assert_int_equal(pn_index_del_token(writer, &hash), PN_OK);
    assert_int_equal(pn_index_del_owner(writer, 99), PN_OK);
    assert_int_equal(pn_index_del_token_name(writer, 1), PN_OK);
    assert_int_equal(pn_index_del_app(writer, PN_STR("app")), PN_OK);
    assert_int_equal(pn_index_writer_commit(writer, 2), PN_OK);
    assert_int_equal(pn_index_writer_stats(writer, &stats), PN_OK);
    assert_int_equal(stats.tokens, 2);
    assert_int_equal(stats.owners, 1);
    assert_int_equal(stats.apps, 0);
    assert_int_equal(stats.position, 2);
    assert_int_equal(stats.generation, 1);
    assert_true(stats.file_bytes >= stats.live_bytes && stats.live_bytes > 0);
    pn_index_writer_free(writer);
}

static void
test_changes_need_a_transaction_and_fit_a_record(void **state)
{
    static char big[PN_RECORD_MAX + 1];
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_str record = {big, sizeof(big)};

    assert_int_equal(pn_index_put_owner(writer, 1, PN_STR("x")), PN_E_STATE);
    assert_int_equal(pn_index_del_owner(writer, 1), PN_E_STATE);
    assert_int_equal(pn_index_writer_commit(writer, 1), PN_E_STATE);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    assert_int_equal(pn_index_writer_begin(writer), PN_E_STATE);
    assert_int_equal(pn_index_writer_rebuild(writer), PN_E_STATE);
    assert_int_equal(pn_index_put_owner(writer, 1, record), PN_E_TOO_LONG);
    assert_int_equal(pn_index_put_app(writer, PN_STR(""), PN_STR("x")),
                     PN_E_RANGE);
    assert_int_equal(
        pn_index_put_app(writer, (struct pn_str){big, 256}, PN_STR("x")),
        PN_E_TOO_LONG);
    record.len = PN_RECORD_MAX;
    assert_int_equal(pn_index_put_owner(writer, 1, record), PN_OK);
    assert_int_equal(pn_index_writer_commit(writer, 2), PN_OK);
    pn_index_writer_free(writer);
}

static void
test_apps_and_policy_raise_the_policy_version(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    uint64_t version = policy_version(fix);
    int64_t position;

    index_publish_token(writer, 1, 0, 2);
    assert_int_equal(policy_version(fix), version);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    assert_int_equal(pn_index_put_policy(writer, PN_STR("x")), PN_OK);
    assert_int_equal(policy_version(fix), version);
    assert_int_equal(pn_index_writer_commit(writer, 3), PN_OK);
    assert_true(policy_version(fix) > version);
    version = policy_version(fix);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    assert_int_equal(pn_index_del_app(writer, PN_STR("none")), PN_OK);
    assert_int_equal(pn_index_writer_commit(writer, 4), PN_OK);
    assert_true(policy_version(fix) > version);
    version = policy_version(fix);
    pn_index_writer_free(writer);
    /* A writer killed between commit and page is made good here. */
    assert_int_equal(reopen(fix, &position), PN_OK);
    assert_true(policy_version(fix) > version);
}

static void
test_keys_in_any_order_make_the_same_index(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = NULL;
    struct pn_index *index = NULL;

    assert_int_equal(pn_index_writer_create(&fix->options, &writer), PN_OK);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    for (unsigned n = 0; n < 3000; n++) {
        index_put_token(writer, n, 0);
        index_put_token(writer, n / 2, 0);
    }
    index_put_basics(writer);
    assert_int_equal(pn_index_writer_commit(writer, 1), PN_OK);
    index_publish_token(writer, 3000, 0, 2);
    assert_int_equal(pn_index_new(fix->dir, &index), PN_OK);
    for (unsigned n = 0; n <= 3000; n++) {
        assert_int_equal(index_look(index, n, 1), 0);
    }
    pn_index_free(index);
    pn_index_writer_free(writer);
}

static void
test_what_is_flushed_is_read_after_the_commit(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_index_stats stats;
    struct pn_index *index = NULL;
    int64_t position;

    assert_int_equal(pn_index_new(fix->dir, &index), PN_OK);
    assert_int_equal(pn_index_writer_flush(writer), PN_E_STATE);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    assert_int_equal(pn_index_writer_flush(writer), PN_E_STATE);
    pn_index_writer_abort(writer);

    assert_int_equal(pn_index_writer_rebuild(writer), PN_OK);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    index_put_basics(writer);
    for (unsigned n = 1; n < 100; n++) {
        index_put_token(writer, n, 0);
        if (n % 7 == 0) {
            assert_int_equal(pn_index_writer_flush(writer), PN_OK);
        }
        assert_int_equal(index_look(index, n, 1), PN_E_NOT_FOUND);
    }
    assert_int_equal(index_look(index, 0, 1), 0);
    assert_int_equal(pn_index_writer_commit(writer, 2), PN_OK);
    assert_int_equal(index_look(index, 0, 1), PN_E_NOT_FOUND);
    for (unsigned n = 1; n < 100; n++) {
        assert_int_equal(index_look(index, n, 1), 0);
    }
    assert_int_equal(pn_index_writer_stats(writer, &stats), PN_OK);
    assert_int_equal(stats.tokens, 99);

    /* One that ends before its commit leaves the present one in force. */
    assert_int_equal(pn_index_writer_rebuild(writer), PN_OK);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    index_put_token(writer, 500, 0);
    assert_int_equal(pn_index_writer_flush(writer), PN_OK);
    pn_index_writer_free(writer);
    assert_int_equal(index_look(index, 500, 1), PN_E_NOT_FOUND);
    assert_int_equal(index_look(index, 99, 1), 0);
    assert_int_equal(reopen(fix, &position), PN_OK);
    assert_int_equal(position, 2);
    pn_index_free(index);
}

static void
test_generations_that_are_read_are_not_tidied(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_index *index = NULL;

    assert_int_equal(pn_index_new(fix->dir, &index), PN_OK);
    assert_int_equal(index_look(index, 0, 1), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pn_index_writer_rebuild(writer), PN_OK);
        assert_int_equal(pn_index_writer_begin(writer), PN_OK);
        index_put_basics(writer);
        assert_int_equal(pn_index_writer_commit(writer, 2), PN_OK);
    }
    pn_index_writer_tidy(writer);
    assert_true(exists(index_file(fix, 1, "data.mdb")));
    assert_false(exists(index_file(fix, 2, "")));
    assert_true(exists(index_file(fix, 3, "data.mdb")));
    assert_int_equal(index_look(index, 0, 1), PN_E_NOT_FOUND);
    pn_index_writer_tidy(writer);
    assert_false(exists(index_file(fix, 1, "")));
    assert_int_equal(index_look(index, 0, 1), PN_E_NOT_FOUND);
    pn_index_free(index);
    pn_index_writer_free(writer);
}

static void
test_an_abandoned_writer_commits_nothing(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *stuck = index_fixture_make(fix), *next = NULL;
    struct pn_index *index = NULL;

    assert_int_equal(pn_index_writer_begin(stuck), PN_OK);
    index_put_token(stuck, 5, 0);
    assert_int_equal(pn_index_writer_create(&fix->options, &next), PN_OK);
    assert_int_equal(pn_index_writer_begin(next), PN_OK);
    index_put_basics(next);
    index_put_token(next, 0, PN_TOKEN_REVOKED);
    assert_int_equal(pn_index_writer_commit(next, 2), PN_OK);
    assert_int_equal(pn_index_writer_commit(stuck, 3), PN_E_STATE);
    assert_int_equal(pn_index_writer_begin(stuck), PN_E_STATE);
    assert_int_equal(pn_index_new(fix->dir, &index), PN_OK);
    assert_int_equal(index_look(index, 0, 1), PN_TOKEN_REVOKED);
    assert_int_equal(index_look(index, 5, 1), PN_E_NOT_FOUND);
    pn_index_free(index);
    pn_index_writer_free(stuck);
    index_publish_token(next, 6, 0, 3);
    pn_index_writer_free(next);
}

static void
test_a_lock_file_cut_short_does_not_kill_the_writer(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix), *next = NULL;
    const struct pn_index_span all = {.from = {.len = 0}};
    struct pn_index_stats stats;
    struct pn_index_sum sum;

    assert_int_equal(truncate(index_file(fix, 1, "lock.mdb"), 0), 0);
    assert_int_equal(pn_index_writer_sum(writer, &all, &sum), PN_E_DAMAGED);
    assert_int_equal(pn_index_writer_begin(writer), PN_E_DAMAGED);
    assert_int_equal(pn_index_writer_stats(writer, &stats), PN_E_DAMAGED);
    assert_int_equal(pn_index_writer_create(&fix->options, &next), PN_OK);
    assert_int_equal(pn_index_writer_begin(next), PN_OK);
    index_put_basics(next);
    assert_int_equal(pn_index_writer_commit(next, 2), PN_OK);
    pn_index_writer_free(writer);
    pn_index_writer_tidy(next);
    pn_index_writer_free(next);
}

/* As another process: try to open, exit with the error. */
static int
try_open(const char *dir)
{
    struct pn_index_options options = {.dir = dir, .epoch = 7};
    struct pn_index_writer *writer = NULL;
    int64_t position;

    return -pn_index_writer_open(&options, &writer, &position);
}

#define ON_DISK(test)                                                          \
    cmocka_unit_test_setup_teardown(test, index_fixture_setup,                 \
                                    index_fixture_done)

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(test_the_position_is_what_was_last_committed),
        ON_DISK(test_only_an_index_of_this_store_is_opened),
        ON_DISK(test_a_page_of_another_version_is_laid_out_anew),
        ON_DISK(test_one_process_writes),
        ON_DISK(test_modes_do_not_depend_on_the_umask),
        ON_DISK(test_a_group_that_does_not_exist_is_an_error),
        ON_DISK(test_records_are_counted),
        ON_DISK(test_changes_need_a_transaction_and_fit_a_record),
        ON_DISK(test_apps_and_policy_raise_the_policy_version),
        ON_DISK(test_keys_in_any_order_make_the_same_index),
        ON_DISK(test_what_is_flushed_is_read_after_the_commit),
        ON_DISK(test_generations_that_are_read_are_not_tidied),
        ON_DISK(test_an_abandoned_writer_commits_nothing),
        ON_DISK(test_a_lock_file_cut_short_does_not_kill_the_writer),
    };

    if (argc > 1) {
        return try_open(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

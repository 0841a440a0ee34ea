/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: each way in which an index can be unusable has its own error, and
 * a usable one is followed wherever the page points. */
#include "index/index.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "check.h"
#include "index/key.h"
#include "index/page.h"
#include "index_fixture.h"

static struct pn_index *
reader(const struct index_fixture *fix)
{
    struct pn_index *index = NULL;

    assert_int_equal(pn_index_new(fix->dir, &index), PN_OK);
    return index;
}

static void
test_records_that_were_put_are_read(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_index *index = reader(fix);
    struct pn_owner_record owner;
    struct pn_token_record token;
    struct pn_hash hash;
    struct pn_str text;

    assert_int_equal(pn_index_begin(index, 1), PN_OK);
    index_token_hash(0, &hash);
    assert_int_equal(pn_index_token(index, &hash, &token), PN_OK);
    assert_int_equal(token.token_id, 1);
    /* The same key with another rest is another token. */
    hash.bytes[PN_HASH_LEN - 1] ^= 1;
    assert_int_equal(pn_index_token(index, &hash, &token), PN_E_NOT_FOUND);
    index_token_hash(1, &hash);
    assert_int_equal(pn_index_token(index, &hash, &token), PN_E_NOT_FOUND);
    assert_int_equal(pn_index_owner(index, 1, &owner), PN_OK);
    assert_true(pn_str_eq(owner.username, PN_STR("alice")));
    assert_int_equal(pn_index_owner(index, 2, &owner), PN_E_NOT_FOUND);
    assert_int_equal(pn_index_token_name(index, 1, &text), PN_OK);
    assert_true(pn_str_eq(text, PN_STR("ci")));
    assert_int_equal(pn_index_app(index, PN_STR("app"), &text), PN_OK);
    assert_int_equal(pn_index_app(index, PN_STR("ap"), &text), PN_E_NOT_FOUND);
    assert_int_equal(pn_index_app(index, PN_STR(""), &text), PN_E_NOT_FOUND);
    assert_int_equal(pn_index_policy(index, &text), PN_OK);
    assert_int_equal(pn_index_begin(index, 1), PN_E_STATE);
    pn_index_end(index);
    assert_int_equal(pn_index_policy(index, &text), PN_E_STATE);
    pn_index_free(index);
    pn_index_writer_free(writer);
}

static void
test_a_missing_index_is_not_found(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index *index = reader(fix);

    assert_int_equal(index_look(index, 0, 1), PN_E_NOT_FOUND);
    assert_non_null(strstr(pn_index_why(index), "index/current"));
    assert_int_equal(mkdir(fix->dir, 0755), 0);
    assert_int_equal(index_look(index, 0, 2), PN_E_NOT_FOUND);
    pn_index_free(index);
}

static void
test_opening_is_tried_again_once_a_second(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index *index = reader(fix);
    struct pn_index_writer *writer;

    assert_int_equal(index_look(index, 0, 10), PN_E_NOT_FOUND);
    writer = index_fixture_make(fix);
    assert_int_equal(index_look(index, 0, 10), PN_E_NOT_FOUND);
    assert_int_equal(index_look(index, 0, 11), 0);
    assert_int_equal(index_look(index, 0, 11), 0);
    pn_index_free(index);
    pn_index_writer_free(writer);
}

static void
test_a_generation_is_no_index_before_its_commit(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index *index = reader(fix);
    struct pn_index_writer *writer = NULL;

    assert_int_equal(pn_index_writer_create(&fix->options, &writer), PN_OK);
    assert_int_equal(index_look(index, 0, 1), PN_E_NOT_FOUND);
    pn_index_free(index);
    pn_index_writer_free(writer);
}

static void
test_another_format_is_a_version_error(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_index *index = reader(fix);
    struct pn_index_map map = {0};

    assert_int_equal(pn_index_map_create(fix->dir, (gid_t) -1, &map), PN_OK);
    map.page->format = PN_INDEX_FORMAT + 1;
    assert_int_equal(index_look(index, 0, 1), PN_E_VERSION);
    map.page->format = PN_INDEX_FORMAT - 1;
    assert_int_equal(index_look(index, 0, 2), PN_E_VERSION);
    map.page->format = PN_INDEX_FORMAT;
    assert_int_equal(index_look(index, 0, 3), 0);
    pn_index_map_done(&map);
    pn_index_free(index);
    pn_index_writer_free(writer);
}

static void
test_a_copied_generation_is_refused(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index *index = reader(fix);
    struct pn_index_map map = {0};
    char copy[160];

    pn_index_writer_free(index_fixture_make(fix));
    (void) snprintf(copy, sizeof(copy), "%s", index_file(fix, 9, ""));
    copy[strlen(copy) - 1] = '\0';
    assert_int_equal(rename(index_file(fix, 1, ""), copy), 0);
    assert_int_equal(pn_index_map_create(fix->dir, (gid_t) -1, &map), PN_OK);
    map.page->generation = 9;
    assert_int_equal(index_look(index, 0, 1), PN_E_DAMAGED);
    assert_non_null(strstr(pn_index_why(index), "9/data.mdb"));
    pn_index_map_done(&map);
    pn_index_free(index);
}

static void
test_a_data_file_cut_short_is_damaged(void **state)
{
    struct index_fixture *fix = *state;
    static const off_t lens[] = {0, 1, 100, 4096, 4200, 8192, 12287};
    struct stat st;

    pn_index_writer_free(index_fixture_make(fix));
    assert_int_equal(stat(index_file(fix, 1, "data.mdb"), &st), 0);
    for (size_t i = PN_LEN(lens); i-- > 0;) {
        struct pn_index *index = reader(fix);

        assert_true(lens[i] < st.st_size);
        assert_int_equal(truncate(index_file(fix, 1, "data.mdb"), lens[i]), 0);
        assert_int_equal(index_look(index, 0, 1), PN_E_DAMAGED);
        pn_index_free(index);
    }
}

static void
test_a_missing_data_file_is_not_found(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index *index = reader(fix);

    pn_index_writer_free(index_fixture_make(fix));
    assert_int_equal(unlink(index_file(fix, 1, "data.mdb")), 0);
    assert_int_equal(index_look(index, 0, 1), PN_E_NOT_FOUND);
    pn_index_free(index);
}

/* What a process of another user sees. */
static int
look_as_nobody(const struct index_fixture *fix, gid_t gid)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        struct pn_index *index = NULL;
        int got = 1;

        if (setgroups(0, NULL) == 0 && setgid(gid) == 0 && setuid(65534) == 0
            && pn_index_new(fix->dir, &index) == PN_OK)
        {
            got = index_look(index, 0, 1);
            pn_index_free(index);
        }
        _exit(-got);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

static void
test_the_readers_group_reads_and_nobody_else(void **state)
{
    struct index_fixture *fix = *state;
    struct group *group = getgrnam("games");

    if (geteuid() != 0 || group == NULL) {
        skip();
        return; /* skip() does not come back, but does not say so */
    }
    fix->options.group = "games";
    assert_int_equal(chmod(fix->root, 0755), 0);
    pn_index_writer_free(index_fixture_make(fix));
    assert_int_equal(look_as_nobody(fix, group->gr_gid), 0);
    assert_int_equal(look_as_nobody(fix, 65534), PN_E_PERMISSION);
    /* LMDB's own choice for the lock file shuts readers out. */
    assert_int_equal(chmod(index_file(fix, 1, "lock.mdb"), 0640), 0);
    assert_int_equal(look_as_nobody(fix, group->gr_gid), PN_E_PERMISSION);
}

static void
test_a_silent_writer_makes_the_index_stale(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index *index = reader(fix);
    struct pn_index_writer *writer;
    struct pn_index_map map = {0};

    fix->options.stale_after_s = 60;
    writer = index_fixture_make(fix);
    pn_index_writer_heartbeat(writer, 1000);
    assert_int_equal(index_look(index, 0, 1), 0);
    assert_int_equal(pn_index_map_create(fix->dir, (gid_t) -1, &map), PN_OK);
    assert_int_equal(map.page->beat_wall, 1000);
    map.page->beat_boot_ms -= 61000;
    assert_int_equal(index_look(index, 0, 2), PN_E_STALE);
    assert_non_null(strstr(pn_index_why(index), "current"));
    /* Fresh again at once: staleness is no failure to open. */
    pn_index_writer_heartbeat(writer, 1001);
    assert_int_equal(index_look(index, 0, 2), 0);
    pn_index_map_done(&map);
    pn_index_free(index);
    pn_index_writer_free(writer);
}

static void
test_readers_follow_a_new_generation_at_its_commit(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index *index = reader(fix);
    struct pn_index_writer *writer = index_fixture_make(fix);

    assert_int_equal(index_look(index, 0, 1), 0);
    assert_int_equal(pn_index_writer_rebuild(writer), PN_OK);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    index_put_basics(writer);
    index_put_token(writer, 1, 0);
    assert_int_equal(index_look(index, 0, 1), 0);
    assert_int_equal(pn_index_begin(index, 1), PN_OK);
    assert_int_equal(pn_index_writer_commit(writer, 2), PN_OK);
    pn_index_end(index);
    assert_int_equal(index_look(index, 0, 1), PN_E_NOT_FOUND);
    assert_int_equal(index_look(index, 1, 1), 0);
    pn_index_free(index);
    pn_index_writer_free(writer);
}

static void
test_a_directory_begun_anew_is_noticed(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index *index = reader(fix);
    char old[100];

    pn_index_writer_free(index_fixture_make(fix));
    assert_int_equal(index_look(index, 0, 1), 0);
    (void) snprintf(old, sizeof(old), "%s.old", fix->dir);
    assert_int_equal(rename(fix->dir, old), 0);
    assert_int_equal(index_look(index, 0, 2), PN_E_NOT_FOUND);

    struct pn_index_writer *writer = index_fixture_make(fix);

    index_publish_token(writer, 0, PN_TOKEN_REVOKED, 2);
    assert_int_equal(index_look(index, 0, 3), PN_TOKEN_REVOKED);
    pn_index_free(index);
    pn_index_writer_free(writer);
}

static void
test_two_readers_of_one_process_share_one_environment(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_index *a = reader(fix), *b = reader(fix);
    struct pn_index_stats stats;

    /* Closing one must not make LMDB forget the other's transaction. */
    assert_int_equal(pn_index_begin(a, 1), PN_OK);
    assert_int_equal(index_look(b, 0, 1), 0);
    assert_int_equal(pn_index_writer_stats(writer, &stats), PN_OK);
    assert_int_equal(stats.readers, 2);
    pn_index_free(b);
    assert_int_equal(pn_index_writer_stats(writer, &stats), PN_OK);
    assert_int_equal(stats.readers, 1);
    pn_index_end(a);
    pn_index_free(a);
    assert_int_equal(pn_index_writer_stats(writer, &stats), PN_OK);
    assert_int_equal(stats.readers, 0);
    pn_index_writer_free(writer);
}

static void
test_paths_have_a_limit(void **state)
{
    static char path[4000];
    struct pn_index *index = NULL;

    (void) state;
    memset(path, 'x', sizeof(path) - 1);
    assert_int_equal(pn_index_new(path, &index), PN_E_TOO_LONG);
    assert_int_equal(pn_index_new("", &index), PN_E_RANGE);
    assert_null(index);
    pn_index_free(NULL);
}

#define ON_DISK(test)                                                          \
    cmocka_unit_test_setup_teardown(test, index_fixture_setup,                 \
                                    index_fixture_done)

/* LMDB's own, mdb_cmp_memn: a file is in this order. */
static int
lmdb_order(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int
sign(int order)
{
    return (order > 0) - (order < 0);
}

/* Every pair of lengths, and a difference at every place. */
static void
test_keys_have_the_order_of_the_file(void **state)
{
    enum { LEN = 19 };
    uint8_t a[LEN], b[LEN];

    (void) state;
    for (size_t n = 0; n < (size_t) LEN * LEN * LEN; n++) {
        size_t a_len = n % LEN, b_len = n / LEN % LEN, at = n / LEN / LEN;

        memset(a, 't', sizeof(a));
        memcpy(b, a, sizeof(b));
        for (int c = 0; c < 256; c += 15) {
            b[at] = (uint8_t) c;
            assert_int_equal(sign(pn_index_key_compare(a, a_len, b, b_len)),
                             sign(lmdb_order(a, a_len, b, b_len)));
            assert_int_equal(sign(pn_index_key_compare(b, b_len, a, a_len)),
                             sign(lmdb_order(b, b_len, a, a_len)));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(test_records_that_were_put_are_read),
        ON_DISK(test_a_missing_index_is_not_found),
        ON_DISK(test_opening_is_tried_again_once_a_second),
        ON_DISK(test_a_generation_is_no_index_before_its_commit),
        ON_DISK(test_another_format_is_a_version_error),
        ON_DISK(test_a_copied_generation_is_refused),
        ON_DISK(test_a_data_file_cut_short_is_damaged),
        ON_DISK(test_a_missing_data_file_is_not_found),
        ON_DISK(test_the_readers_group_reads_and_nobody_else),
        ON_DISK(test_a_silent_writer_makes_the_index_stale),
        ON_DISK(test_readers_follow_a_new_generation_at_its_commit),
        ON_DISK(test_a_directory_begun_anew_is_noticed),
        ON_DISK(test_two_readers_of_one_process_share_one_environment),
        cmocka_unit_test(test_paths_have_a_limit),
        cmocka_unit_test(test_keys_have_the_order_of_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

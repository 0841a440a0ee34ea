/* SPDX-License-Identifier: Apache-2.0 */
/* The store: opening, migrating, transactions. */
#include "daemon/store/store.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "store_fixture.h"

/* --- opening ------------------------------------------------------------- */

static void
test_the_file_is_for_its_owner_only(void **state)
{
    struct fixture *f = *state;
    const char *const suffixes[] = {"", "-wal", "-shm"};

    add_user(f, 1, "alice"); /* so that there is a write-ahead log */
    for (size_t i = 0; i < PN_LEN(suffixes); i++) {
        char path[DATABASE_URL_MAX];
        struct stat st;

        (void) snprintf(path, sizeof(path), "%s%s", f->db.file, suffixes[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void
test_an_unknown_kind_of_store_is_refused(void **state)
{
    struct pn_store *store = NULL;

    (void) state;
    assert_int_equal(pn_store_open("mysql:x", PN_STORE_WRITE, &store),
                     PN_E_SYNTAX);
    assert_int_equal(
        pn_store_open("sqlite:/nonexistent/x.db", PN_STORE_WRITE, &store),
        PN_E_IO);
    assert_null(store);
}

static void
test_memory_is_a_store_too(void **state)
{
    struct pn_store *store = NULL;
    int64_t position = -1;

    (void) state;
    assert_int_equal(pn_store_open("sqlite::memory:", PN_STORE_WRITE, &store),
                     PN_OK);
    assert_int_equal(pn_store_position(store, &position), PN_OK);
    assert_int_equal(position, 0);
    pn_store_close(store);
}

static void
reopen(struct fixture *f)
{
    pn_store_close(f->store);
    f->store = NULL;
    assert_int_equal(pn_store_open(f->db.url, PN_STORE_WRITE, &f->store),
                     PN_OK);
}

static void
test_opening_again_keeps_everything(void **state)
{
    struct fixture *f = *state;
    uint64_t before = 0, after = 0;
    struct pn_user user;

    add_user(f, 1, "alice");
    assert_int_equal(pn_store_epoch(f->store, &before), PN_OK);
    assert_true(before != 0 && before <= INT64_MAX);
    reopen(f);
    assert_int_equal(pn_store_epoch(f->store, &after), PN_OK);
    assert_true(before == after);
    assert_int_equal(
        pn_store_user_by_name(f->store, PN_STR("alice"), f->arena, &user),
        PN_OK);
}

static void
test_two_stores_have_two_epochs(void **state)
{
    struct fixture *f = *state;
    struct pn_store *other = NULL;
    uint64_t one = 0, two = 0;

    assert_int_equal(pn_store_open("sqlite::memory:", PN_STORE_WRITE, &other),
                     PN_OK);
    assert_int_equal(pn_store_epoch(f->store, &one), PN_OK);
    assert_int_equal(pn_store_epoch(other, &two), PN_OK);
    assert_true(one != two);
    pn_store_close(other);
}

static void
test_a_newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;
    struct pn_store *store = NULL;

    assert_int_equal(
        database_run(
            &f->db,
            "INSERT INTO schema_migrations SELECT MAX(version) + 1, 'x', 'y', 0"
            " FROM schema_migrations"),
        0);
    assert_int_equal(pn_store_open(f->db.url, PN_STORE_WRITE, &store),
                     PN_E_VERSION);
    assert_int_equal(pn_store_open(f->db.url, PN_STORE_READ_ONLY, &store),
                     PN_E_VERSION);
    assert_null(store);
}

static void
test_a_migration_of_another_text_is_refused(void **state)
{
    struct fixture *f = *state;
    struct pn_store *store = NULL;

    assert_int_equal(database_run(&f->db,
                                  "UPDATE schema_migrations SET sha256 = 'x'"
                                  " WHERE version = 2"),
                     0);
    assert_int_equal(pn_store_open(f->db.url, PN_STORE_WRITE, &store),
                     PN_E_DAMAGED);
}

static void
test_a_file_that_is_no_database_is_refused(void **state)
{
    struct fixture *f = *state;
    struct pn_store *store = NULL;
    char path[128], url[160];
    FILE *file;

    (void) snprintf(path, sizeof(path), "%s/notes.txt", f->dir);
    (void) snprintf(url, sizeof(url), "sqlite:%s", path);
    file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        (void) fputs("these are notes\n", file);
    }
    (void) fclose(file);
    assert_int_equal(pn_store_open(url, PN_STORE_WRITE, &store), PN_E_DAMAGED);
}

static void
test_a_reader_sees_and_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct pn_user user = user_of(f, 2, "bob");
    struct pn_store *reader = NULL;

    add_user(f, 1, "alice");
    assert_int_equal(pn_store_open(f->db.url, PN_STORE_READ_ONLY, &reader),
                     PN_OK);
    assert_int_equal(pn_store_user_insert(reader, &user), PN_E_PERMISSION);
    assert_int_equal(
        pn_store_user_by_name(reader, PN_STR("alice"), f->arena, &user), PN_OK);
    pn_store_close(reader);
}

/* --- transactions -------------------------------------------------------- */

static void
test_a_savepoint_is_undone_alone(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(pn_store_begin(f->store), PN_OK);
    assert_int_equal(pn_store_savepoint(f->store), PN_OK);
    add_user(f, 1, "alice");
    assert_int_equal(pn_store_release(f->store), PN_OK);
    assert_int_equal(pn_store_savepoint(f->store), PN_OK);
    add_user(f, 2, "bob");
    assert_int_equal(pn_store_change_add(f->store, PN_CHANGE_OWNER, 2, NULL),
                     PN_OK);
    assert_int_equal(pn_store_rollback_to(f->store), PN_OK);
    assert_int_equal(pn_store_savepoint(f->store), PN_OK);
    add_user(f, 3, "carol");
    assert_int_equal(pn_store_change_add(f->store, PN_CHANGE_OWNER, 3, NULL),
                     PN_OK);
    assert_int_equal(pn_store_release(f->store), PN_OK);
    assert_int_equal(pn_store_commit(f->store), PN_OK);
    assert_true(has_user(f, "alice"));
    assert_false(has_user(f, "bob"));
    assert_true(has_user(f, "carol"));
}

static void
test_a_rollback_gives_the_position_back(void **state)
{
    struct fixture *f = *state;
    int64_t position = 0;

    assert_int_equal(pn_store_begin(f->store), PN_OK);
    assert_int_equal(pn_store_change_add(f->store, PN_CHANGE_POLICY, 0, NULL),
                     PN_OK);
    pn_store_rollback(f->store);
    assert_int_equal(pn_store_begin(f->store), PN_OK);
    assert_int_equal(pn_store_change_add(f->store, PN_CHANGE_TOKEN, 9, NULL),
                     PN_OK);
    assert_int_equal(pn_store_change_add(f->store, PN_CHANGE_APP, 8, "old"),
                     PN_OK);
    assert_int_equal(pn_store_commit(f->store), PN_OK);
    assert_int_equal(pn_store_position(f->store, &position), PN_OK);
    assert_int_equal(position, 2);
}

static void
test_the_feed_is_read_in_order_after_a_position(void **state)
{
    struct fixture *f = *state;
    struct pn_feed_change *change = NULL;
    uint16_t count = 0;

    for (uint64_t i = 1; i <= 5; i++) {
        assert_int_equal(pn_store_change_add(f->store, PN_CHANGE_APP, i,
                                             i == 3 ? "old" : NULL),
                         PN_OK);
    }
    assert_int_equal(
        pn_store_changes(f->store, 1, 3, f->arena, &change, &count), PN_OK);
    assert_int_equal(count, 3);
    assert_int_equal(change[0].position, 2);
    assert_null(change[0].old_name.ptr);
    assert_true(pn_str_eq(change[1].old_name, PN_STR("old")));
    assert_int_equal(change[2].id, 4);
    assert_int_equal(pn_store_changes_trim(f->store, 4), PN_OK);
    assert_int_equal(
        pn_store_changes(f->store, 0, 10, f->arena, &change, &count), PN_OK);
    assert_int_equal(count, 1);
}

static void
test_a_second_writer_waits_its_turn_and_gives_up(void **state)
{
    struct fixture *f = *state;
    struct pn_store *other = NULL;

    assert_int_equal(pn_store_open(f->db.url, PN_STORE_WRITE, &other), PN_OK);
    assert_int_equal(pn_store_begin(f->store), PN_OK);
    assert_int_equal(pn_store_begin(other), PN_E_BUSY); /* after 5 seconds */
    pn_store_rollback(f->store);
    assert_int_equal(pn_store_begin(other), PN_OK);
    pn_store_rollback(other);
    pn_store_close(other);
}

/* A limit on file sizes stands for the full disk. */
static void
test_a_full_disk_ends_the_transaction_as_a_whole(void **state)
{
    struct fixture *f = *state;
    struct pn_user user = user_of(f, 9, "late");
    enum pn_err err = PN_OK;
    char *filler = pn_arena_alloc(f->arena, 60001);
    struct rlimit before, limit;

    assert_non_null(filler);
    memset(filler, 'x', 60000);
    add_user(f, 1, "alice");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 400000;
    (void) signal(SIGXFSZ, SIG_IGN); /* the write then fails with EFBIG */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(pn_store_begin(f->store), PN_OK);
    for (uint64_t id = 10; err == PN_OK && id < 100; id++) {
        struct pn_group group = {.id = id, .description = filler};
        char name[16];

        (void) snprintf(name, sizeof(name), "g%d", (int) id);
        group.name = name;
        err = pn_store_group_insert(f->store, &group);
    }
    if (err == PN_OK) {
        err = pn_store_commit(f->store);
    } else {
        /* Whether or not SQLite ended it by itself: no more of it. */
        assert_int_not_equal(pn_store_user_insert(f->store, &user),
                             PN_E_EXISTS);
    }
    assert_int_not_equal(err, PN_OK);
    pn_store_rollback(f->store);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(has_user(f, "late"));
    assert_true(has_user(f, "alice"));
    assert_int_equal(pn_store_user_insert(f->store, &user), PN_OK);
}

static bool
reader_has(struct fixture *f, struct pn_store *reader, const char *name)
{
    struct pn_user user;

    return pn_store_user_by_name(reader, pn_str_from(name), f->arena, &user)
           == PN_OK;
}

/* begin, and a first read: that is the instant. */
static void
test_a_snapshot_shows_one_instant_until_its_end(void **state)
{
    struct fixture *f = *state;
    struct pn_store *reader = NULL;

    assert_int_equal(pn_store_open(f->db.url, PN_STORE_READ_ONLY, &reader),
                     PN_OK);
    assert_int_equal(pn_store_snapshot(reader), PN_OK);
    assert_false(reader_has(f, reader, "alice"));
    add_user(f, 1, "alice");
    assert_false(reader_has(f, reader, "alice"));
    pn_store_snapshot_end(reader);
    assert_true(reader_has(f, reader, "alice"));
    pn_store_close(reader);
}

static void
test_a_snapshot_inside_a_transaction_does_not_end_it(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(pn_store_begin(f->store), PN_OK);
    add_user(f, 1, "alice");
    assert_int_equal(pn_store_snapshot(f->store), PN_OK);
    assert_true(has_user(f, "alice"));
    pn_store_snapshot_end(f->store);
    assert_int_equal(pn_store_commit(f->store), PN_OK);
    assert_true(has_user(f, "alice"));
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

enum { SQLITE_ONLY = 3 };

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_unknown_kind_of_store_is_refused),
        cmocka_unit_test(test_memory_is_a_store_too),
        TEST(test_opening_again_keeps_everything),
        TEST(test_two_stores_have_two_epochs),
        TEST(test_a_newer_schema_is_refused),
        TEST(test_a_migration_of_another_text_is_refused),
        TEST(test_a_reader_sees_and_cannot_write),
        TEST(test_a_savepoint_is_undone_alone),
        TEST(test_a_rollback_gives_the_position_back),
        TEST(test_the_feed_is_read_in_order_after_a_position),
        TEST(test_a_second_writer_waits_its_turn_and_gives_up),
        TEST(test_a_snapshot_shows_one_instant_until_its_end),
        TEST(test_a_snapshot_inside_a_transaction_does_not_end_it),
        /* of SQLite's file; last */
        TEST(test_the_file_is_for_its_owner_only),
        TEST(test_a_file_that_is_no_database_is_refused),
        TEST(test_a_full_disk_ends_the_transaction_as_a_whole),
    };
    const size_t count =
        PN_LEN(tests) - (database_is_sqlite() ? 0 : SQLITE_ONLY);

    return _cmocka_run_group_tests("store", tests, count, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers and the writer as processes: killed, many, at once, and while the
 * map grows.  Each child tells its parent through shared memory.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lmdb.h>

#include "check.h"
#include "index/index.h"
#include "index/writer.h"
#include "index_fixture.h"

enum { READERS = 4, RACE_MS = 2500, RACE_TOKENS = 64 };

struct shared {
    _Atomic int ready;
    _Atomic int stop;
    _Atomic uint64_t looks;
    _Atomic uint64_t wrong;
    _Atomic int first_error;
    /* For each token, counted up by the writer before a change and after it
     * was answered: 0 modulo 4 is revoked, 2 is alive, odd is in between. */
    _Atomic unsigned steps[RACE_TOKENS];
};

static struct shared *
share(void)
{
    void *at = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(at != MAP_FAILED);
    return at;
}

static void
wait_ready(struct shared *shared, int count)
{
    const struct timespec nap = {0, 1000000};

    for (int i = 0; i < 10000 && atomic_load(&shared->ready) < count; i++) {
        (void) nanosleep(&nap, NULL);
    }
    assert_int_equal(atomic_load(&shared->ready), count);
}

static pid_t
child(void (*work)(const struct index_fixture *, struct shared *),
      const struct index_fixture *fix, struct shared *shared)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        work(fix, shared);
        _exit(0);
    }
    return pid;
}

static void
end(pid_t pid, int by_signal)
{
    int status = 0;

    if (by_signal != 0) {
        assert_int_equal(kill(pid, by_signal), 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, by_signal);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
}

static int64_t
now_ms(void)
{
    struct timespec ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static off_t
file_len(const struct index_fixture *fix, unsigned generation)
{
    struct stat st;

    assert_int_equal(stat(index_file(fix, generation, "data.mdb"), &st), 0);
    return st.st_size;
}

/* Hold a read transaction until killed. */
static void
hold(const struct index_fixture *fix, struct shared *shared)
{
    struct pn_index *index = NULL;

    if (pn_index_new(fix->dir, &index) == PN_OK
        && pn_index_begin(index, 1) == PN_OK)
    {
        atomic_fetch_add(&shared->ready, 1);
        for (;;) {
            (void) pause();
        }
    }
    _exit(1);
}

static void
test_killed_readers_do_not_make_the_file_grow(void **state)
{
    struct index_fixture *fix = *state;
    struct shared *shared = share();
    struct pn_index_writer *writer = NULL;
    struct pn_index_stats stats;
    off_t before;

    /* The fork must not inherit an open environment: children come first,
     * and read what an earlier writer left. */
    pn_index_writer_free(index_fixture_make(fix));
    for (int i = 0; i < 3; i++) {
        pid_t pid = child(hold, fix, shared);

        wait_ready(shared, i + 1);
        end(pid, SIGKILL);
    }
    int64_t position;

    assert_int_equal(pn_index_writer_open(&fix->options, &writer, &position),
                     PN_OK);
    for (unsigned i = 0; i < 10; i++) {
        index_publish_token(writer, i % 7, 0, i);
    }
    before = file_len(fix, 1);
    for (unsigned i = 0; i < 200; i++) {
        index_publish_token(writer, i % 7, (uint8_t) (i & 1), i);
    }
    assert_int_equal(file_len(fix, 1), before);
    assert_int_equal(pn_index_writer_stats(writer, &stats), PN_OK);
    assert_int_equal(stats.readers, 0);
    pn_index_writer_free(writer);
    (void) munmap(shared, sizeof(*shared));
}

static void
test_a_reader_killed_while_publishing_is_cleared(void **state)
{
    struct index_fixture *fix = *state;
    struct shared *shared = share();
    struct pn_index_writer *writer = NULL;
    struct pn_index_stats stats;
    int64_t position;
    off_t before;
    pid_t pid;

    pn_index_writer_free(index_fixture_make(fix));
    pid = child(hold, fix, shared);
    wait_ready(shared, 1);
    assert_int_equal(pn_index_writer_open(&fix->options, &writer, &position),
                     PN_OK);
    before = file_len(fix, 1);
    for (unsigned i = 0; i < 20; i++) {
        index_publish_token(writer, i % 7, 0, i);
    }
    /* A live one pins what it reads; that much is in LMDB's nature. */
    assert_true(file_len(fix, 1) > before);
    assert_int_equal(pn_index_writer_stats(writer, &stats), PN_OK);
    assert_int_equal(stats.readers, 1);
    end(pid, SIGKILL);
    index_publish_token(writer, 0, 0, 21);
    before = file_len(fix, 1);
    for (unsigned i = 0; i < 200; i++) {
        index_publish_token(writer, i % 7, 0, i);
    }
    assert_int_equal(file_len(fix, 1), before);
    assert_int_equal(pn_index_writer_stats(writer, &stats), PN_OK);
    assert_int_equal(stats.readers, 0);
    pn_index_writer_free(writer);
    (void) munmap(shared, sizeof(*shared));
}

/* Put, and never commit. */
static void
write_and_hang(const struct index_fixture *fix, struct shared *shared)
{
    struct pn_index_writer *writer = NULL;
    int64_t position;

    if (pn_index_writer_open(&fix->options, &writer, &position) != PN_OK
        || pn_index_writer_begin(writer) != PN_OK)
    {
        _exit(1);
    }
    for (unsigned n = 100; n < 3000; n++) {
        index_put_token(writer, n, 0);
    }
    atomic_store(&shared->ready, 1);
    for (;;) {
        (void) pause();
    }
}

static void
test_a_writer_killed_inside_a_transaction_leaves_nothing(void **state)
{
    struct index_fixture *fix = *state;
    struct shared *shared = share();
    struct pn_index_writer *writer = NULL;
    struct pn_index *index = NULL;
    int64_t position = 0;
    pid_t pid;

    pn_index_writer_free(index_fixture_make(fix));
    pid = child(write_and_hang, fix, shared);
    wait_ready(shared, 1);
    assert_int_equal(pn_index_writer_open(&fix->options, &writer, &position),
                     PN_E_BUSY);
    end(pid, SIGKILL);
    assert_int_equal(pn_index_writer_open(&fix->options, &writer, &position),
                     PN_OK);
    assert_int_equal(position, 1);
    index_publish_token(writer, 1, 0, 2);
    assert_int_equal(pn_index_new(fix->dir, &index), PN_OK);
    assert_int_equal(index_look(index, 0, 1), 0);
    assert_int_equal(index_look(index, 1, 1), 0);
    assert_int_equal(index_look(index, 100, 1), PN_E_NOT_FOUND);
    pn_index_free(index);
    pn_index_writer_free(writer);
    (void) munmap(shared, sizeof(*shared));
}

/* Look until told to stop; token 0 never changes. */
static void
look_on(const struct index_fixture *fix, struct shared *shared)
{
    struct pn_index *index = NULL;

    if (pn_index_new(fix->dir, &index) != PN_OK) {
        _exit(1);
    }
    for (int64_t now = 1; atomic_load(&shared->stop) == 0; now++) {
        int got = index_look(index, 0, now);

        if (got != 0) {
            atomic_store(&shared->first_error, got);
            atomic_fetch_add(&shared->wrong, 1);
        }
        if (atomic_fetch_add(&shared->looks, 1) == 0) {
            atomic_store(&shared->ready, 1);
        }
    }
    pn_index_free(index);
}

static void
test_the_map_grows_while_others_read(void **state)
{
    struct index_fixture *fix = *state;
    struct shared *shared = share();
    struct pn_index_writer *writer = NULL;
    struct pn_index *index = NULL;
    int64_t position = 0;
    unsigned n = 1;
    pid_t pid;

    fix->options.map_reserve = 1;
    pn_index_writer_free(index_fixture_make(fix));
    pid = child(look_on, fix, shared);
    wait_ready(shared, 1);
    assert_int_equal(pn_index_writer_open(&fix->options, &writer, &position),
                     PN_OK);
    assert_int_equal(pn_index_new(fix->dir, &index), PN_OK);
    while (n < 60000) {
        assert_int_equal(pn_index_writer_begin(writer), PN_OK);
        for (unsigned stop = n + 300; n < stop; n++) {
            index_put_token(writer, n, 0);
        }
        assert_int_equal(pn_index_writer_commit(writer, ++position), PN_OK);
        assert_int_equal(index_look(index, n - 1, 1), 0);
    }
    assert_true(file_len(fix, 1) > 4 << 20);
    atomic_store(&shared->stop, 1);
    end(pid, 0);
    assert_int_equal(atomic_load(&shared->first_error), 0);
    assert_int_equal(atomic_load(&shared->wrong), 0);
    assert_true(atomic_load(&shared->looks) > 100);
    pn_index_free(index);
    pn_index_writer_free(writer);
    (void) munmap(shared, sizeof(*shared));
}

static void
test_a_full_map_fails_one_transaction_and_then_grows(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer;
    enum pn_err err = PN_OK;
    unsigned n = 0;

    fix->options.map_reserve = 1;
    writer = index_fixture_make(fix);
    for (int attempt = 0; attempt < 12; attempt++) {
        char zeros[2000] = {0};

        assert_int_equal(pn_index_writer_begin(writer), PN_OK);
        err = PN_OK;
        for (n = 0; n < 2000 && err == PN_OK; n++) {
            err = pn_index_put_owner(writer, 100 + n,
                                     (struct pn_str){zeros, sizeof(zeros)});
        }
        if (err == PN_OK) {
            break;
        }
        assert_int_equal(err, PN_E_NO_SPACE);
        pn_index_writer_abort(writer);
    }
    assert_int_equal(err, PN_OK);
    assert_int_equal(pn_index_writer_commit(writer, 2), PN_OK);
    pn_index_writer_free(writer);
}

static void
race_reader(const struct index_fixture *fix, struct shared *shared)
{
    struct pn_index *index = NULL;
    unsigned n = (unsigned) getpid();

    if (pn_index_new(fix->dir, &index) != PN_OK) {
        _exit(1);
    }
    for (int64_t now = 1; atomic_load(&shared->stop) == 0; now++) {
        unsigned which = n++ % RACE_TOKENS;
        unsigned before = atomic_load(&shared->steps[which]);
        int got = index_look(index, which, now);
        int want = before % 4 == 2 ? 0 : PN_TOKEN_REVOKED;
        bool settled =
            before % 2 == 0 && before == atomic_load(&shared->steps[which]);

        /* What was answered before this look began is what it sees. */
        if (got < 0 || (settled && got != want)) {
            atomic_store(&shared->first_error, got);
            atomic_fetch_add(&shared->wrong, 1);
        }
        if (atomic_fetch_add(&shared->looks, 1) == 0 || now == 1) {
            atomic_fetch_add(&shared->ready, 1);
        }
    }
    pn_index_free(index);
}

static void
race_write(struct pn_index_writer *writer, struct shared *shared, int64_t until)
{
    for (unsigned i = 0; now_ms() < until; i++) {
        _Atomic unsigned *step = &shared->steps[i % RACE_TOKENS];
        bool dies = atomic_fetch_add(step, 1) % 4 == 2;
        uint8_t flags = dies ? PN_TOKEN_REVOKED : 0;

        index_publish_token(writer, i % RACE_TOKENS, flags, i);
        (void) atomic_fetch_add(step, 1);
    }
}

static void
race_rebuild(struct pn_index_writer *writer, struct shared *shared)
{
    assert_int_equal(pn_index_writer_rebuild(writer), PN_OK);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    index_put_basics(writer);
    for (unsigned n = 0; n < RACE_TOKENS; n++) {
        index_put_token(
            writer, n,
            atomic_load(&shared->steps[n]) % 4 == 0 ? PN_TOKEN_REVOKED : 0);
    }
    assert_int_equal(pn_index_writer_commit(writer, 1), PN_OK);
    pn_index_writer_tidy(writer);
}

static void
test_what_was_answered_is_what_every_reader_sees(void **state)
{
    struct index_fixture *fix = *state;
    struct shared *shared = share();
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_index_stats stats;
    pid_t pids[READERS];
    int64_t position;

    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    for (unsigned n = 0; n < RACE_TOKENS; n++) {
        index_put_token(writer, n, PN_TOKEN_REVOKED);
    }
    assert_int_equal(pn_index_writer_commit(writer, 2), PN_OK);
    pn_index_writer_free(writer);
    for (int i = 0; i < READERS; i++) {
        pids[i] = child(race_reader, fix, shared);
    }
    wait_ready(shared, READERS);
    assert_int_equal(pn_index_writer_open(&fix->options, &writer, &position),
                     PN_OK);
    for (int i = 0; i < 5; i++) {
        race_write(writer, shared, now_ms() + RACE_MS / 5);
        race_rebuild(writer, shared);
    }
    atomic_store(&shared->stop, 1);
    for (int i = 0; i < READERS; i++) {
        end(pids[i], 0);
    }
    assert_int_equal(atomic_load(&shared->wrong), 0);
    assert_true(atomic_load(&shared->looks) > 1000);
    assert_int_equal(pn_index_writer_stats(writer, &stats), PN_OK);
    assert_int_equal(stats.generation, 6);
    pn_index_writer_free(writer);
    (void) munmap(shared, sizeof(*shared));
}

/* Use up every slot of the reader table, as killed workers would. */
static void
fill_slots(const struct index_fixture *fix, struct shared *shared)
{
    static MDB_txn *txns[PN_INDEX_READERS_MAX];
    char dir[160];
    MDB_env *env;

    (void) snprintf(dir, sizeof(dir), "%s", index_file(fix, 1, ""));
    if (mdb_env_create(&env) != 0
        || mdb_env_open(env, dir, MDB_RDONLY | MDB_NOTLS, 0) != 0)
    {
        _exit(1);
    }
    for (size_t i = 0; i < PN_LEN(txns); i++) {
        if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txns[i]) != 0) {
            break;
        }
    }
    atomic_store(&shared->ready, 1);
    for (;;) {
        (void) pause();
    }
}

static void
test_used_up_slots_are_busy_until_their_owner_dies(void **state)
{
    struct index_fixture *fix = *state;
    struct shared *shared = share();
    struct pn_index *index = NULL;
    pid_t pid;

    pn_index_writer_free(index_fixture_make(fix));
    pid = child(fill_slots, fix, shared);
    wait_ready(shared, 1);
    assert_int_equal(pn_index_new(fix->dir, &index), PN_OK);
    assert_int_equal(index_look(index, 0, 1), PN_E_BUSY);
    end(pid, SIGKILL);
    /* No writer runs, and yet the next reader gets in. */
    assert_int_equal(index_look(index, 0, 2), 0);
    pn_index_free(index);
    (void) munmap(shared, sizeof(*shared));
}

static void
fill_slots_when_told(const struct index_fixture *fix, struct shared *shared)
{
    const struct timespec nap = {0, 1000000};

    while (atomic_load(&shared->stop) == 0) {
        (void) nanosleep(&nap, NULL);
    }
    fill_slots(fix, shared);
}

static void
test_slots_used_up_after_opening_are_won_back_too(void **state)
{
    struct index_fixture *fix = *state;
    struct shared *shared = share();
    struct pn_index *first = NULL, *second = NULL;
    pid_t pid;

    pn_index_writer_free(index_fixture_make(fix));
    pid = child(fill_slots_when_told, fix, shared);
    assert_int_equal(pn_index_new(fix->dir, &first), PN_OK);
    assert_int_equal(pn_index_new(fix->dir, &second), PN_OK);
    assert_int_equal(index_look(first, 0, 1), 0);
    atomic_store(&shared->stop, 1);
    wait_ready(shared, 1);
    /* It shares what is open, and needs a slot of its own. */
    assert_int_equal(index_look(second, 0, 1), PN_E_BUSY);
    end(pid, SIGKILL);
    assert_int_equal(index_look(second, 0, 2), 0);
    pn_index_free(second);
    pn_index_free(first);
    (void) munmap(shared, sizeof(*shared));
}

#define ON_DISK(test)                                                          \
    cmocka_unit_test_setup_teardown(test, index_fixture_setup,                 \
                                    index_fixture_done)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(test_killed_readers_do_not_make_the_file_grow),
        ON_DISK(test_a_reader_killed_while_publishing_is_cleared),
        ON_DISK(test_a_writer_killed_inside_a_transaction_leaves_nothing),
        ON_DISK(test_the_map_grows_while_others_read),
        ON_DISK(test_a_full_map_fails_one_transaction_and_then_grows),
        ON_DISK(test_what_was_answered_is_what_every_reader_sees),
        ON_DISK(test_used_up_slots_are_busy_until_their_owner_dies),
        ON_DISK(test_slots_used_up_after_opening_are_won_back_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

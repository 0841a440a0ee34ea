/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the publisher makes good: an index that lags, is missing, damaged or of
 * another store, and crashes anywhere.
 */
#include "daemon/publish/publish.h"

#include <signal.h>
#include <sys/wait.h>

#include "publish_fixture.h"

/* --- healing ------------------------------------------------------------- */

static void
close_publisher(struct world *w)
{
    pn_publisher_free(w->publisher);
    w->publisher = NULL;
}

static void
test_an_index_that_lags_catches_up_at_start(void **state)
{
    struct world w = world_of(state);
    struct pn_index_stats before, after;

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    assert_int_equal(pn_publisher_stats(w.publisher, &before), PN_OK);
    close_publisher(&w);
    revoke_token(&w, TOKEN);
    open_publisher(&w);
    assert_string_equal(answer_to(&w, TOKEN), "token_revoked");
    assert_int_equal(pn_publisher_stats(w.publisher, &after), PN_OK);
    assert_true(after.generation == before.generation); /* not built anew */
    assert_int_equal(after.position, before.position + 1);
    close_publisher(&w);
}

static void
test_a_missing_index_is_built_from_nothing(void **state)
{
    struct world w = world_of(state);

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    close_publisher(&w);
    (void) nftw(w.index, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    assert_string_equal(answer_to(&w, TOKEN), "not_ready");
    open_publisher(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    close_publisher(&w);
}

/* What each of these statements does to the store under a good index. */
static void
check_rebuilt_after(void **state, const char *sql)
{
    struct world w = world_of(state);
    struct pn_index_stats before, after;

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    assert_int_equal(pn_publisher_stats(w.publisher, &before), PN_OK);
    close_publisher(&w);
    assert_int_equal(database_run(&w.f->db, sql), 0);
    open_publisher(&w);
    assert_int_equal(pn_publisher_stats(w.publisher, &after), PN_OK);
    assert_true(after.generation != before.generation);
    assert_string_equal(answer_to(&w, TOKEN), "token_revoked");
    close_publisher(&w);
}

#define REVOKED "UPDATE tokens SET revoked_at = created_at;"

static void
test_an_index_of_another_epoch_is_rebuilt(void **state)
{
    check_rebuilt_after(state, REVOKED "UPDATE feed_head SET epoch = 1");
}

static void
test_an_index_ahead_of_the_store_is_rebuilt(void **state)
{
    check_rebuilt_after(state,
                        REVOKED "UPDATE feed_head SET position = 1;"
                                "DELETE FROM changes WHERE position > 1");
}

static void
test_a_feed_that_was_trimmed_too_far_leads_to_a_rebuild(void **state)
{
    check_rebuilt_after(state,
                        REVOKED "UPDATE feed_head SET position = 50;"
                                "INSERT INTO changes VALUES (50, 4, 0, NULL)");
}

static void
test_a_feed_without_its_end_leads_to_a_rebuild(void **state)
{
    check_rebuilt_after(state, REVOKED "UPDATE feed_head SET position = 50");
}

static void
test_a_new_generation_holds_the_same(void **state)
{
    struct world w = world_of(state);
    struct pn_index_options options = options_of(&w);
    struct pn_publisher *second = NULL;

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    revoke_token(&w, TOKEN);
    assert_int_equal(pn_publisher_new_generation(w.f->store, &options, &second),
                     PN_OK);
    assert_string_equal(answer_to(&w, TOKEN), "token_revoked");
    pn_publisher_free(second);
    close_publisher(&w);
}

static void
add_many(struct world *w, uint64_t first, uint64_t count)
{
    assert_int_equal(pn_store_begin(w->f->store), PN_OK);
    for (uint64_t id = first; id < first + count; id++) {
        char name[16];

        (void) snprintf(name, sizeof(name), "t%d", (int) id);
        add_token(w->f, id, OWNER, name);
        change(w, PN_CHANGE_TOKEN, id, NULL);
    }
    assert_int_equal(pn_store_commit(w->f->store), PN_OK);
}

static void
test_a_batch_larger_than_one_read_is_one_commit(void **state)
{
    struct world w = world_of(state);
    struct pn_index_stats stats;

    open_publisher(&w);
    furnish(&w);
    add_many(&w, 100, 1600);
    publish(&w);
    assert_int_equal(pn_publisher_stats(w.publisher, &stats), PN_OK);
    assert_int_equal(stats.tokens, 1601);
    assert_int_equal(stats.position, 1604);
    assert_string_equal(answer_to(&w, 1699), "ok");
    close_publisher(&w);
}

/* In the order of its keys, that is; and two batches of them. */
static void
test_an_index_made_anew_holds_the_same_in_less_room(void **state)
{
    struct world w = world_of(state);
    struct pn_index_stats grown, anew;

    open_publisher(&w);
    furnish(&w);
    add_many(&w, 100, 1000);
    publish(&w);
    assert_int_equal(pn_publisher_stats(w.publisher, &grown), PN_OK);
    assert_int_equal(pn_publisher_rebuild(w.publisher), PN_OK);
    assert_int_equal(pn_publisher_stats(w.publisher, &anew), PN_OK);
    assert_int_equal(anew.tokens, grown.tokens);
    assert_int_equal(anew.owners, grown.owners);
    assert_true(anew.live_bytes < grown.live_bytes * 9 / 10);
    for (uint64_t id = 100; id < 1100; id += 37) {
        assert_string_equal(answer_to(&w, id), "ok");
    }
    close_publisher(&w);
}

/* --- crashes ------------------------------------------------------------- */

/*
 * A child that opens store and index of its own, and makes and revokes tokens
 * until it is killed; after each revocation is published it says so by one
 * byte.
 */
static void
child_works(const struct world *parent, int answers)
{
    struct world w = *parent;

    if (pn_store_open(parent->f->db.url, PN_STORE_WRITE, &w.f->store) != PN_OK)
    {
        _exit(2);
    }
    open_publisher(&w);
    for (uint64_t id = TOKEN;; id++) {
        char name[16];

        (void) snprintf(name, sizeof(name), "t%d", (int) id + 1);
        assert_int_equal(pn_store_begin(w.f->store), PN_OK);
        add_token(w.f, id + 1, OWNER, name);
        change(&w, PN_CHANGE_TOKEN, id + 1, NULL);
        revoke_token(&w, id);
        assert_int_equal(pn_store_commit(w.f->store), PN_OK);
        publish(&w);
        if (write(answers, "r", 1) != 1) {
            _exit(3);
        }
    }
}

/* Let a child work until it answered this often, then kill it. */
static uint64_t
answered_before_kill(const struct world *w, uint64_t wanted, unsigned wait_us)
{
    int ends[2];
    uint64_t answered = 0;
    char byte;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void) close(ends[0]);
        child_works(w, ends[1]);
        _exit(0);
    }
    (void) close(ends[1]);
    while (answered < wanted && read(ends[0], &byte, 1) == 1) {
        answered++;
    }
    (void) usleep(wait_us); /* somewhere in the middle of the next one */
    (void) kill(child, SIGKILL);
    while (read(ends[0], &byte, 1) == 1) {
        answered++;
    }
    (void) close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(answered >= wanted);
    return answered;
}

static void
test_a_crash_between_commit_and_publish_heals_at_start(void **state)
{
    struct world w = world_of(state);
    pid_t child;

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    close_publisher(&w);
    pn_store_close(w.f->store);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct pn_index_options options = options_of(&w);

        if (pn_store_open(w.f->db.url, PN_STORE_WRITE, &w.f->store) != PN_OK
            || pn_publisher_new(w.f->store, &options, &w.publisher) != PN_OK)
        {
            _exit(2);
        }
        revoke_token(&w, TOKEN); /* committed */
        (void) raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    assert_int_equal(pn_store_open(w.f->db.url, PN_STORE_WRITE, &w.f->store),
                     PN_OK);
    open_publisher(&w);
    assert_string_equal(answer_to(&w, TOKEN), "token_revoked");
    close_publisher(&w);
}

static void
test_killed_anywhere_nothing_that_was_answered_is_lost(void **state)
{
    struct world w = world_of(state);

    for (unsigned round = 0; round < 8; round++) {
        uint64_t answered;

        (void) fixture_close(state);
        (void) fixture_open(state);
        w = world_of(state);
        open_publisher(&w);
        furnish(&w);
        publish(&w);
        close_publisher(&w);
        pn_store_close(w.f->store);
        w.f->store = NULL;
        answered = answered_before_kill(&w, 2 + round, 300 * round);
        for (uint64_t id = TOKEN; id < TOKEN + answered; id++) {
            assert_string_equal(answer_to(&w, id), "token_revoked");
        }
        assert_int_equal(
            pn_store_open(w.f->db.url, PN_STORE_WRITE, &w.f->store), PN_OK);
        open_publisher(&w);
        for (uint64_t id = TOKEN; id < TOKEN + answered; id++) {
            assert_string_equal(answer_to(&w, id), "token_revoked");
        }
        close_publisher(&w);
    }
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_index_that_lags_catches_up_at_start),
        TEST(test_a_missing_index_is_built_from_nothing),
        TEST(test_an_index_of_another_epoch_is_rebuilt),
        TEST(test_an_index_ahead_of_the_store_is_rebuilt),
        TEST(test_a_feed_that_was_trimmed_too_far_leads_to_a_rebuild),
        TEST(test_a_feed_without_its_end_leads_to_a_rebuild),
        TEST(test_a_new_generation_holds_the_same),
        TEST(test_a_batch_larger_than_one_read_is_one_commit),
        TEST(test_an_index_made_anew_holds_the_same_in_less_room),
        TEST(test_a_crash_between_commit_and_publish_heals_at_start),
        TEST(test_killed_anywhere_nothing_that_was_answered_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

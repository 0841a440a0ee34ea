/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lane beside its queue: when it gives signs of life, and what it does when
 * it cannot open what it needs.
 */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "daemon/ops/inside.h"
#include "index/page.h"
#include "store_fixture.h"

enum { PATIENCE_MS = 10000 };

static void
pause_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    (void) nanosleep(&time, NULL);
}

static struct pn_lane_options
options_of(const struct fixture *f, char index[96])
{
    (void) snprintf(index, 96, "%s/index", f->dir);
    return (struct pn_lane_options){
        .store_url = f->db.url,
        .index = {.dir = index, .stale_after_s = 2, .map_reserve = 16 << 20}};
}

/* The boot clock of the last sign of life, in milliseconds. */
static uint64_t
beat_of(const char *index)
{
    struct pn_index_page page;
    char path[128];
    int fd;

    (void) snprintf(path, sizeof(path), "%s/current", index);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, &page, sizeof(page)), sizeof(page));
    (void) close(fd);
    return atomic_load(&page.beat_boot_ms);
}

static bool
beats_after(const char *index, uint64_t beat)
{
    for (unsigned ms = 0; ms < PATIENCE_MS; ms += 20) {
        if (beat_of(index) > beat) {
            return true;
        }
        pause_ms(20);
    }
    return false;
}

/* The feed goes on, but cannot be read. */
static void
hide_feed(struct fixture *f)
{
    assert_int_equal(
        database_run(&f->db, "UPDATE feed_head SET position = position + 1"),
        0);
    assert_int_equal(
        database_run(&f->db, "ALTER TABLE changes RENAME TO hidden"), 0);
    assert_int_equal(database_run(&f->db, "ALTER TABLE users RENAME TO people"),
                     0);
}

static void
show_feed(struct fixture *f)
{
    assert_int_equal(database_run(&f->db, "ALTER TABLE people RENAME TO users"),
                     0);
    assert_int_equal(
        database_run(&f->db, "ALTER TABLE hidden RENAME TO changes"), 0);
}

static void
test_an_index_that_falls_behind_gives_no_sign_of_life(void **state)
{
    struct fixture *f = *state;
    char index[96];
    struct pn_lane_options options = options_of(f, index);
    struct pn_lane *lane = NULL;
    uint64_t last;

    assert_int_equal(pn_lane_start(&options, &lane), PN_OK);
    assert_int_equal(pn_lane_wait_open(lane), PN_OK);
    assert_true(beats_after(index, 0));
    hide_feed(f);
    assert_int_equal(pn_lane_publish(lane), PN_E_IO);
    last = beat_of(index);
    pause_ms(2500); /* two signs of life are due */
    assert_true(beat_of(index) == last);
    show_feed(f);
    assert_true(beats_after(index, last));
    pn_lane_stop(lane);
}

static void
test_one_that_takes_anothers_place_waits_for_the_store(void **state)
{
    struct fixture *f = *state;
    char index[96];
    struct pn_lane_options options = options_of(f, index);
    struct pn_lane *lane = NULL;

    options.from = PN_LANE_NEW_GENERATION;
    assert_int_equal(database_run(&f->db, "ALTER TABLE feed_head RENAME TO x"),
                     0);
    assert_int_equal(pn_lane_start(&options, &lane), PN_OK);
    pause_ms(600);
    assert_false(pn_lane_is_stuck(lane));
    assert_int_equal(database_run(&f->db, "ALTER TABLE x RENAME TO feed_head"),
                     0);
    assert_int_equal(pn_lane_wait_open(lane), PN_OK);
    assert_int_equal(pn_lane_publish(lane), PN_OK);
    pn_lane_stop(lane);
}

static void
test_the_first_one_fails_at_once(void **state)
{
    struct fixture *f = *state;
    char index[96];
    struct pn_lane_options options = options_of(f, index);
    struct pn_lane *lane = NULL;

    assert_int_equal(database_run(&f->db, "ALTER TABLE feed_head RENAME TO x"),
                     0);
    assert_int_equal(pn_lane_start(&options, &lane), PN_OK);
    assert_int_not_equal(pn_lane_wait_open(lane), PN_OK);
    assert_true(pn_lane_is_stuck(lane));
    pn_lane_stop(lane);
}

static void
test_one_that_waits_can_be_told_to_end(void **state)
{
    struct fixture *f = *state;
    char index[96];
    struct pn_lane_options options = options_of(f, index);
    struct pn_lane *lane = NULL;

    options.from = PN_LANE_NEW_GENERATION;
    assert_int_equal(database_run(&f->db, "ALTER TABLE feed_head RENAME TO x"),
                     0);
    assert_int_equal(pn_lane_start(&options, &lane), PN_OK);
    pause_ms(100);
    pn_lane_stop(lane);
    assert_int_equal(pn_lane_start(&options, &lane), PN_OK);
    pn_lane_leave(lane); /* its thread frees it */
    pause_ms(600);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_index_that_falls_behind_gives_no_sign_of_life),
        TEST(test_one_that_takes_anothers_place_waits_for_the_store),
        TEST(test_the_first_one_fails_at_once),
        TEST(test_one_that_waits_can_be_told_to_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

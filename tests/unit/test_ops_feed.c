/* SPDX-License-Identifier: Apache-2.0 */
/* The audit as it is read for a receiver, and who reads. */
#include "site_test.h"

static struct pn_audit_feed *
feed_of(const char *name)
{
    struct pn_audit_feed *feed = NULL;

    assert_int_equal(pn_audit_feed_open(site.ops, name, &feed), PN_OK);
    return feed;
}

static struct pn_audit_look
look(struct pn_audit_feed *feed)
{
    struct pn_audit_look found;

    assert_int_equal(pn_audit_feed_look(feed, &found), PN_OK);
    return found;
}

static struct pn_audit_list
read_after(struct pn_audit_feed *feed, uint64_t position, uint16_t limit)
{
    struct pn_audit_list events = {0};

    assert_int_equal(
        pn_audit_feed_read(feed, position, limit, site.arena, &events), PN_OK);
    return events;
}

static void
test_every_event_is_read_in_order(void **state)
{
    struct pn_audit_feed *feed = feed_of("siem");
    const uint64_t head = look(feed).head;
    uint64_t at = 0;

    (void) state;
    assert_true(head > 5);
    while (at < head) {
        const struct pn_audit_list events = read_after(feed, at, 3);

        assert_true(events.count > 0);
        for (uint16_t i = 0; i < events.count; i++) {
            assert_int_equal(events.item[i].position, ++at);
        }
    }
    assert_int_equal(at, head);
    assert_int_equal(read_after(feed, head, 3).count, 0);
    assert_int_equal(site_group_create(&site, &site_local, "new"), 0);
    assert_int_equal(look(feed).head, head + 1);
    assert_int_equal(read_after(feed, head, 3).count, 1);
    pn_audit_feed_close(feed);
}

static void
test_the_position_is_kept_for_each_receiver_and_is_no_event(void **state)
{
    struct pn_audit_feed *feed = feed_of("siem"), *other = feed_of("other");
    const uint64_t head = look(feed).head;

    (void) state;
    assert_false(look(feed).known);
    assert_int_equal(pn_audit_feed_sent(feed, 0), PN_OK);
    assert_true(look(feed).known);
    assert_int_equal(pn_audit_feed_sent(feed, 4), PN_OK);
    assert_int_equal(look(feed).position, 4);
    assert_false(look(other).known);
    assert_int_equal(look(feed).head, head);
    pn_audit_feed_close(feed);
    pn_audit_feed_close(other);
    site_stop(&site);
    site_start(&site);
    feed = feed_of("siem");
    assert_true(look(feed).known);
    assert_int_equal(look(feed).position, 4);
    pn_audit_feed_close(feed);
    (void) site_audit(&site);
}

static void
test_of_several_on_a_shared_store_one_reads(void **state)
{
    struct pn_audit_feed *feed = feed_of("siem"), *again = feed_of("siem");
    struct pn_audit_feed *other = feed_of("other");
    struct pn_audit_list events = {0};
    const bool shared = strncmp(site.db.url, "sqlite:", 7) != 0;

    (void) state;
    assert_true(look(feed).leads);
    assert_true(look(feed).leads);
    assert_true(look(other).leads); /* another receiver is another matter */
    /* SQLite is one node's, and one posternd has one feed of a name */
    assert_int_equal(look(again).leads, !shared);
    assert_true(look(again).head > 0); /* who waits still sees how far it is */
    assert_int_equal(pn_audit_feed_read(again, 0, 3, site.arena, &events),
                     shared ? PN_E_BUSY : PN_OK);
    pn_audit_feed_close(feed);
    assert_true(look(again).leads);
    assert_int_equal(pn_audit_feed_read(again, 0, 3, site.arena, &events),
                     PN_OK);
    pn_audit_feed_close(again);
    pn_audit_feed_close(other);
}

static void
test_what_was_removed_is_not_read(void **state)
{
    struct pn_audit_feed *feed = feed_of("siem");
    uint64_t removed = 0;

    (void) state;
    assert_int_equal(pn_ops_audit_trim(site.ops, INT64_MAX, 3, &removed),
                     PN_OK);
    assert_int_equal(removed, 3);
    assert_int_equal(read_after(feed, 0, 3).item[0].position, 4);
    assert_int_equal(read_after(feed, 2, 3).item[0].position, 4);
    pn_audit_feed_close(feed);
    (void) site_audit(&site);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(test_every_event_is_read_in_order),
        SITE_TEST(test_the_position_is_kept_for_each_receiver_and_is_no_event),
        SITE_TEST(test_of_several_on_a_shared_store_one_reads),
        SITE_TEST(test_what_was_removed_is_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

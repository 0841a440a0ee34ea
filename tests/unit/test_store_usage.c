/* SPDX-License-Identifier: Apache-2.0 */
/* Uses: the last of them, and counts by day. */
#include "store_fixture.h"

enum { DAY = NOW / 86400 };

static struct pn_use
use_of(uint64_t token_id, uint64_t secret_id, int64_t at)
{
    const struct pn_token_secret secret = secret_of(secret_id);
    struct pn_use use = {.token_id = token_id,
                         .outcome = PN_REASON_OK,
                         .count = 1,
                         .at = at,
                         .app = "wiki",
                         .method = "GET",
                         .seen = {{.at = at}},
                         .seen_count = 1};

    memcpy(use.secret, secret.hash.bytes, sizeof(use.secret));
    assert_int_equal(pn_ip_parse(PN_STR("192.0.2.7"), &use.seen[0].ip), PN_OK);
    return use;
}

static enum pn_use_news
note(struct fixture *f, const struct pn_use *use)
{
    enum pn_use_news news = PN_USE_NOTHING_NEW;

    assert_int_equal(pn_store_use(f->store, use, &news), PN_OK);
    return news;
}

static struct pn_token
loaded(struct fixture *f, uint64_t id)
{
    struct pn_token token;

    assert_int_equal(pn_store_token_by_id(f->store, id, f->arena, &token),
                     PN_OK);
    return token;
}

static struct pn_usage_counts
counts_of(struct fixture *f, uint64_t id, int64_t first, int64_t last)
{
    const struct pn_days days = {first, last};
    struct pn_usage_counts counts;

    assert_int_equal(
        pn_store_usage_of_token(f->store, id, &days, f->arena, &counts), PN_OK);
    return counts;
}

static void
test_only_the_latest_use_is_kept(void **state)
{
    struct fixture *f = *state;
    struct pn_use first = use_of(5, 1000005, NOW + 10);
    struct pn_use late = use_of(5, 1000005, NOW + 5);
    struct pn_use stranger = use_of(77, 1, NOW);
    struct pn_token token;

    late.app = "vault";
    add_token(f, 5, 1, "backup");
    (void) note(f, &first);
    (void) note(f, &late);
    (void) note(f, &stranger);
    token = loaded(f, 5);
    assert_int_equal(token.last_used.at, NOW + 10);
    assert_string_equal(token.last_used.address, "192.0.2.7");
    assert_string_equal(token.last_used.app, "wiki");
    assert_string_equal(token.last_used.method, "GET");
    assert_int_equal(token.secrets[0].last_used_at, NOW + 10);
    assert_int_equal(counts_of(f, 5, DAY, DAY).item[0].count, 2);
    assert_int_equal(counts_of(f, 77, DAY, DAY).count, 0);
}

static void
test_the_last_use_is_that_of_its_secret(void **state)
{
    struct fixture *f = *state;
    struct pn_token token = token_of(f, 5, 1, "backup");
    struct pn_use use = use_of(5, 200, 1900000000);

    token.secrets[0] = secret_of(300);
    token.secrets[1] = secret_of(200);
    token.secrets[1].ends_at = 4000000000;
    token.secret_count = 2;
    assert_int_equal(pn_store_token_insert(f->store, &token), PN_OK);
    (void) note(f, &use);
    token = loaded(f, 5);
    assert_int_equal(token.secret_count, 2);
    assert_int_equal(token.secrets[0].last_used_at, 0);
    assert_int_equal(token.secrets[1].last_used_at, 1900000000);
}

/* An edit writes the row anew, with what was read before the use. */
static void
test_a_change_of_the_token_does_not_undo_a_use(void **state)
{
    struct fixture *f = *state;
    struct pn_use use = use_of(5, 1000005, NOW);
    struct pn_token before;

    add_token(f, 5, 1, "backup");
    before = loaded(f, 5);
    (void) note(f, &use);
    assert_int_equal(pn_store_token_update(f->store, &before), PN_OK);
    assert_int_equal(loaded(f, 5).last_used.at, NOW);
    assert_int_equal(loaded(f, 5).secrets[0].last_used_at, NOW);
}

static void
see(struct fixture *f, const char *address, int64_t at)
{
    struct pn_use use = use_of(5, 1000005, at);

    assert_int_equal(pn_ip_parse(pn_str_from(address), &use.seen[0].ip), PN_OK);
    (void) note(f, &use);
}

static void
test_the_last_five_addresses_are_kept(void **state)
{
    static const char *const order[] = {"192.0.2.1", "192.0.2.2", "2001:db8::1",
                                        "192.0.2.1", "192.0.2.3", "192.0.2.4",
                                        "192.0.2.5"};
    static const char *const expected[] = {
        "192.0.2.5", "192.0.2.4", "192.0.2.3", "192.0.2.1", "2001:db8::1"};
    struct fixture *f = *state;
    struct pn_token token;

    add_token(f, 5, 1, "backup");
    for (size_t i = 0; i < PN_LEN(order); i++) {
        see(f, order[i], NOW + (int64_t) i);
    }
    see(f, "192.0.2.9", NOW - 1); /* told late, and older than all of them */
    token = loaded(f, 5);
    assert_int_equal(token.last_used.seen_count, PN_SEEN_MAX);
    for (size_t i = 0; i < PN_SEEN_MAX; i++) {
        char text[64] = "";
        struct pn_buf address = PN_BUF(text);

        pn_ip_format(&token.last_used.seen[i].ip, &address);
        assert_string_equal(pn_buf_cstr(&address), expected[i]);
    }
    assert_int_equal(token.last_used.seen[3].at, NOW + 3);
}

static void
test_outcomes_are_counted_by_day(void **state)
{
    struct fixture *f = *state;
    struct pn_use use = use_of(5, 1000005, NOW);
    struct pn_use refused = use, earlier = use, nobody = use;
    const struct pn_days days = {DAY - 30, DAY};
    struct pn_usage_counts counts;

    add_token(f, 5, 1, "backup");
    use.count = 3;
    refused.outcome = PN_REASON_PATH_NOT_ALLOWED;
    earlier.at = NOW - 86400;
    nobody.token_id = 0;
    nobody.outcome = PN_REASON_TOKEN_UNKNOWN;
    nobody.app = "vault";
    (void) note(f, &use);
    (void) note(f, &use);
    (void) note(f, &refused);
    (void) note(f, &earlier);
    (void) note(f, &nobody);
    counts = counts_of(f, 5, DAY - 30, DAY);
    assert_int_equal(counts.count, 3);
    assert_int_equal(counts.item[0].day, DAY - 1);
    assert_int_equal(counts.item[0].count, 1);
    assert_int_equal(counts.item[1].outcome, PN_REASON_OK);
    assert_int_equal(counts.item[1].count, 6);
    assert_int_equal(counts.item[2].outcome, PN_REASON_PATH_NOT_ALLOWED);
    assert_int_equal(pn_store_usage(f->store, NULL, &days, f->arena, &counts),
                     PN_OK);
    assert_int_equal(counts.count, 4);
    assert_int_equal(
        pn_store_usage(f->store, "vault", &days, f->arena, &counts), PN_OK);
    assert_int_equal(counts.count, 1);
    assert_int_equal(counts.item[0].outcome, PN_REASON_TOKEN_UNKNOWN);
}

static void
test_a_replaced_secret_is_news_once_a_day(void **state)
{
    struct fixture *f = *state;
    struct pn_use use = use_of(5, 1000005, NOW);

    add_token(f, 5, 1, "backup");
    use.outcome = PN_REASON_TOKEN_SUPERSEDED;
    assert_int_equal(note(f, &use), PN_USE_FIRST_SUPERSEDED);
    assert_int_equal(note(f, &use), PN_USE_NOTHING_NEW);
    use.at += 86400;
    assert_int_equal(note(f, &use), PN_USE_FIRST_SUPERSEDED);
    assert_int_equal(loaded(f, 5).superseded_use.at, NOW + 86400);
    assert_string_equal(loaded(f, 5).superseded_use.address, "192.0.2.7");
    assert_int_equal(loaded(f, 5).last_used.at, 0); /* it was no use */
}

static void
test_counts_are_kept_for_400_days_and_trimmed_in_pieces(void **state)
{
    struct fixture *f = *state;
    const int64_t oldest = DAY - PN_USAGE_DAYS + 1;

    assert_int_equal(pn_store_begin(f->store), PN_OK);
    for (uint64_t id = 1; id <= 3000; id++) {
        char name[16];
        struct pn_use use = use_of(id, id + 1000000, (oldest - 1) * 86400);

        (void) snprintf(name, sizeof(name), "t%u", (unsigned) id);
        add_token(f, id, 1, name);
        (void) note(f, &use);
        use.at = oldest * 86400;
        (void) note(f, &use);
    }
    assert_int_equal(pn_store_usage_trim(f->store, DAY), PN_OK);
    assert_int_equal(pn_store_commit(f->store), PN_OK);
    assert_int_equal(counts_of(f, 1, oldest - 1, oldest).count, 1);
    assert_int_equal(counts_of(f, 3000, oldest - 1, oldest).count, 2);
    assert_int_equal(pn_store_usage_trim(f->store, DAY), PN_OK);
    assert_int_equal(pn_store_usage_trim(f->store, DAY), PN_OK);
    assert_int_equal(counts_of(f, 3000, oldest - 1, oldest).count, 1);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_only_the_latest_use_is_kept),
        TEST(test_the_last_use_is_that_of_its_secret),
        TEST(test_a_change_of_the_token_does_not_undo_a_use),
        TEST(test_the_last_five_addresses_are_kept),
        TEST(test_outcomes_are_counted_by_day),
        TEST(test_a_replaced_secret_is_news_once_a_day),
        TEST(test_counts_are_kept_for_400_days_and_trimmed_in_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

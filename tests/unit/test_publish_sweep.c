/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the feed missed, or somebody did to the index, is found and made good by
 * the comparison; what the feed still brings is no difference.
 */
#include <time.h>

#include "core/sum.h"
#include "daemon/publish/compare.h"
#include "daemon/publish/publish_impl.h"
#include "index/writer_impl.h"
#include "publish_fixture.h"

enum { STEPS_MAX = 10000 };

static struct pn_sweep_totals
totals(const struct world *w)
{
    struct pn_sweep_totals now;

    pn_publisher_sweep_totals(w->publisher, &now);
    return now;
}

/* Compare until one more pass is over; how many records were made good. */
static uint64_t
whole_pass(struct world *w)
{
    const struct pn_sweep_totals before = totals(w);

    for (unsigned i = 0; totals(w).passes == before.passes; i++) {
        assert_true(i < STEPS_MAX);
        assert_int_equal(pn_publisher_compare(w->publisher, 0), PN_OK);
    }
    return totals(w).healed - before.healed;
}

/* Record by record, by the other comparison. */
static void
assert_alike(const struct world *w)
{
    struct pn_compare compare = {.index_dir = w->index, .wait_s = 1};

    assert_int_equal(pn_compare_index(w->f->store, &compare), PN_OK);
    assert_int_equal(compare.differences, 0);
}

static struct world
furnished(void **state)
{
    struct world w = world_of(state);

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    return w;
}

static void
done(struct world *w)
{
    pn_publisher_free(w->publisher);
    w->publisher = NULL;
}

static void
test_alike_is_left_alone(void **state)
{
    struct world w = furnished(state);
    struct pn_index_stats before, after;
    uint64_t digest;

    assert_int_equal(pn_publisher_stats(w.publisher, &before), PN_OK);
    assert_int_equal(whole_pass(&w), 0);
    /* an app, a token's name, an owner, the policy, a secret */
    assert_int_equal(totals(&w).records, 5);
    digest = totals(&w).digest;
    assert_true(digest != 0);
    assert_int_equal(whole_pass(&w), 0);
    assert_true(totals(&w).digest == digest);
    assert_int_equal(pn_publisher_stats(w.publisher, &after), PN_OK);
    assert_int_equal(before.generation, after.generation);
    assert_int_equal(before.live_bytes, after.live_bytes);
    done(&w);
}

static void
test_a_pass_rests_for_a_while(void **state)
{
    struct world w = furnished(state);

    assert_int_equal(whole_pass(&w), 0);
    while (totals(&w).passes < 2) {
        assert_int_equal(pn_publisher_compare(w.publisher, 3600), PN_OK);
    }
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(pn_publisher_compare(w.publisher, 3600), PN_OK);
    }
    assert_int_equal(totals(&w).passes, 2);
    assert_false(pn_publisher_is_comparing(w.publisher));
    done(&w);
}

/* --- changes that the feed does not tell of ------------------------------- */

/* What each statement does behind the feed's back (%lld: a moment ago), and
 * what the gate says of alice's token after it was found. */
static const struct {
    const char *sql, *after;
    unsigned records;
} lost[] = {
    {"UPDATE tokens SET revoked_at = %lld", "token_revoked", 1},
    {"UPDATE tokens SET disabled = 1", "token_disabled", 1},
    {"UPDATE tokens SET policy_expires_at = %lld", "token_expired", 1},
    {"UPDATE tokens SET name = 'other', name_key = 'other'", "ok", 1},
    {"DELETE FROM tokens", "token_unknown", 2},
    {"DELETE FROM secrets", "token_unknown", 1},
    {"UPDATE secrets SET ends_at = %lld", "token_superseded", 1},
    {"UPDATE users SET active = 0", "owner_inactive", 1},
    {"DELETE FROM memberships", "owner_not_permitted", 1},
    {"DELETE FROM users", "owner_inactive", 1},
    {"UPDATE apps SET name = 'wiki', document = '{\"name\":\"wiki\"}'",
     "not_ready", 2},
    {"UPDATE policies SET document = '{\"tls_required\":false}'",
     "owner_not_permitted", 1},
};

/* format: at most one "%lld", for a moment ago. */
static void
run_sql(struct world *w, const char *format)
{
    const char *moment = strstr(format, "%lld");
    char sql[256];

    if (moment == NULL) {
        (void) snprintf(sql, sizeof(sql), "%s", format);
    } else {
        (void) snprintf(sql, sizeof(sql), "%.*s%lld%s", (int) (moment - format),
                        format, (long long) now() - 100,
                        moment + strlen("%lld"));
    }
    assert_int_equal(database_run(&w->f->db, sql), 0);
}

static void
test_a_change_that_the_feed_lost_is_made_good(void **state)
{
    for (size_t i = 0; i < PN_LEN(lost); i++) {
        struct world w;

        if (i > 0) {
            (void) fixture_close(state);
            (void) fixture_open(state);
        }
        w = furnished(state);
        assert_string_equal(answer_to(&w, TOKEN), "ok");
        run_sql(&w, lost[i].sql);
        /* another connection changed it: what is kept of the policy is old */
        pn_store_rollback(w.f->store);
        publish(&w);
        assert_string_equal(answer_to(&w, TOKEN), "ok"); /* nobody told */
        if (whole_pass(&w) != lost[i].records) {
            printf("# %s\n", lost[i].sql);
            fail();
        }
        assert_string_equal(answer_to(&w, TOKEN), lost[i].after);
        assert_alike(&w);
        assert_int_equal(whole_pass(&w), 0);
        done(&w);
    }
}

/* --- an index that somebody wrote to ---------------------------------------
 */

/* Behind the publisher's back: put, or with ptr NULL delete. */
static void
meddle(struct world *w, const struct pn_index_key *key, struct pn_str record)
{
    struct pn_index_writer *writer = w->publisher->writer;

    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    assert_int_equal(record.ptr != NULL ? pn_index_put(writer, key, record)
                                        : pn_index_del(writer, key),
                     PN_OK);
    assert_int_equal(pn_index_writer_commit(writer, w->publisher->position),
                     PN_OK);
}

static struct pn_index_key
key_of(enum pn_index_kind kind, uint64_t id)
{
    struct pn_index_key key;

    pn_index_key_id(kind, id, &key);
    return key;
}

static struct pn_index_key
token_key(uint64_t id)
{
    const struct pn_token_secret secret = secret_of(id + 1000000);
    struct pn_index_key key;

    pn_index_key_token(&secret.hash, &key);
    return key;
}

static struct pn_index_key
plain_key(const char *bytes)
{
    struct pn_index_key key = {.len = strlen(bytes)};

    memcpy(key.bytes, bytes, key.len);
    return key;
}

static void
test_what_was_taken_out_of_the_index_comes_back(void **state)
{
    struct world w = furnished(state);
    const struct pn_index_key keys[] = {
        token_key(TOKEN), key_of(PN_INDEX_KIND_TOKEN_NAME, TOKEN),
        key_of(PN_INDEX_KIND_OWNER, OWNER), plain_key("p"), plain_key("ajira")};
    const struct pn_str nothing = {NULL, 0};

    for (size_t i = 0; i < PN_LEN(keys); i++) {
        meddle(&w, &keys[i], nothing);
        assert_int_equal(whole_pass(&w), 1);
        assert_string_equal(answer_to(&w, TOKEN), "ok");
        assert_alike(&w);
    }
    done(&w);
}

static void
test_what_was_put_into_the_index_goes(void **state)
{
    struct world w = furnished(state);
    const struct pn_index_key keys[] = {
        token_key(77),
        key_of(PN_INDEX_KIND_TOKEN_NAME, TOKEN + 1),
        key_of(PN_INDEX_KIND_OWNER, UINT64_MAX),
        plain_key("awiki"),
        plain_key("A"),
        plain_key("mm"),
        plain_key("n"),
        plain_key("oo"),
        plain_key("pp"),
        plain_key("t"),
        plain_key("z")};

    for (size_t i = 0; i < PN_LEN(keys); i++) {
        meddle(&w, &keys[i], PN_STR("anything"));
        assert_int_equal(whole_pass(&w), 1);
        assert_string_equal(answer_to(&w, TOKEN), "ok");
        assert_alike(&w);
    }
    done(&w);
}

/* The worst that could happen to a record: a revoked token alive again. */
static void
test_a_record_that_was_exchanged_is_put_right(void **state)
{
    struct world w = furnished(state);
    struct pn_index_key key = token_key(TOKEN);
    struct pn_index_entry entry;
    char alive[PN_RECORD_MAX];

    assert_int_equal(pn_index_writer_begin(w.publisher->writer), PN_OK);
    assert_int_equal(pn_index_writer_seek(w.publisher->writer, &key,
                                          PN_INDEX_SEEK_AT, &entry),
                     PN_OK);
    memcpy(alive, entry.record.ptr, entry.record.len);
    const struct pn_str record = {alive, entry.record.len};

    pn_index_writer_abort(w.publisher->writer);
    revoke_token(&w, TOKEN);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "token_revoked");
    meddle(&w, &key, record);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    assert_int_equal(whole_pass(&w), 1);
    assert_string_equal(answer_to(&w, TOKEN), "token_revoked");
    done(&w);
}

static void
test_numbers_of_the_index_are_right_after_it(void **state)
{
    struct world w = furnished(state);
    struct pn_index_key key = token_key(TOKEN);
    struct pn_index_stats stats;

    w.publisher->writer->meta.tokens = 99; /* whoever meddled kept no count */
    meddle(&w, &key, (struct pn_str){NULL, 0});
    assert_int_equal(whole_pass(&w), 1);
    assert_int_equal(pn_publisher_stats(w.publisher, &stats), PN_OK);
    assert_int_equal(stats.tokens, 1);
    assert_int_equal(stats.owners, 1);
    assert_int_equal(stats.apps, 1);
    done(&w);
}

/* --- no differences ---------------------------------------------------------
 */

static void
test_what_the_feed_still_brings_is_no_difference(void **state)
{
    struct world w = furnished(state);

    revoke_token(&w, TOKEN); /* committed, and not published */
    assert_int_equal(whole_pass(&w), 0);
    assert_string_equal(answer_to(&w, TOKEN), "token_revoked");
    assert_alike(&w);
    done(&w);
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
test_many_pieces_cover_everything(void **state)
{
    struct world w = furnished(state);
    const unsigned lost_ones[] = {100, 163, 164, 777, 1299};

    add_many(&w, 100, 1200);
    publish(&w);
    assert_int_equal(whole_pass(&w), 0);
    assert_int_equal(totals(&w).records, 3 + 2 * 1201);
    for (size_t i = 0; i < PN_LEN(lost_ones); i++) {
        char sql[96];

        (void) snprintf(sql, sizeof(sql),
                        "UPDATE tokens SET revoked_at = %%lld WHERE id = %u",
                        lost_ones[i]);
        run_sql(&w, sql);
    }
    assert_int_equal(whole_pass(&w), PN_LEN(lost_ones));
    assert_alike(&w);
    done(&w);
}

/* While it goes on tokens are made and revoked, in every piece. */
static void
test_changes_during_a_pass_are_no_differences(void **state)
{
    struct world w = furnished(state);
    uint64_t id = 2000, passes;

    add_many(&w, 100, 700);
    publish(&w);
    passes = totals(&w).passes;
    while (totals(&w).passes < passes + 3) {
        add_many(&w, id, 3);
        revoke_token(&w, id);
        id += 3;
        assert_int_equal(pn_publisher_compare(w.publisher, 0), PN_OK);
        if (id % 2 == 0) {
            publish(&w);
        }
    }
    assert_int_equal(totals(&w).healed, 0);
    publish(&w);
    assert_alike(&w);
    done(&w);
}

/* More than one snapshot holds: the piece waits for another time. */
static void
test_a_long_feed_is_no_difference(void **state)
{
    struct world w = furnished(state);

    add_many(&w, 100, 1300);
    assert_int_equal(whole_pass(&w), 0);
    assert_int_equal(whole_pass(&w), 0);
    assert_alike(&w);
    done(&w);
}

static void
test_tokens_that_ended_long_ago_go_quietly(void **state)
{
    struct world w = furnished(state);
    struct pn_index_stats stats;
    char sql[96];

    add_many(&w, 100, 1);
    publish(&w);
    (void) snprintf(sql, sizeof(sql),
                    "UPDATE tokens SET revoked_at = %lld"
                    " WHERE id = 100",
                    (long long) now() - 91LL * 86400);
    assert_int_equal(database_run(&w.f->db, sql), 0);
    assert_int_equal(whole_pass(&w), 0);
    assert_int_equal(pn_publisher_stats(w.publisher, &stats), PN_OK);
    assert_int_equal(stats.tokens, 1);
    assert_alike(&w);
    done(&w);
}

static void
test_a_new_generation_in_the_middle_does_no_harm(void **state)
{
    struct world w = furnished(state);

    add_many(&w, 100, 700);
    publish(&w);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pn_publisher_compare(w.publisher, 0), PN_OK);
    }
    assert_true(pn_publisher_is_comparing(w.publisher));
    assert_int_equal(pn_publisher_rebuild(w.publisher), PN_OK);
    assert_int_equal(whole_pass(&w), 0);
    done(&w);
}

static void
test_an_empty_store_is_alike(void **state)
{
    struct world w = world_of(state);

    open_publisher(&w);
    assert_int_equal(whole_pass(&w), 0);
    assert_int_equal(totals(&w).records, 1); /* the policy */
    done(&w);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_alike_is_left_alone),
        TEST(test_a_pass_rests_for_a_while),
        TEST(test_a_change_that_the_feed_lost_is_made_good),
        TEST(test_what_was_taken_out_of_the_index_comes_back),
        TEST(test_what_was_put_into_the_index_goes),
        TEST(test_a_record_that_was_exchanged_is_put_right),
        TEST(test_numbers_of_the_index_are_right_after_it),
        TEST(test_what_the_feed_still_brings_is_no_difference),
        TEST(test_many_pieces_cover_everything),
        TEST(test_changes_during_a_pass_are_no_differences),
        TEST(test_a_long_feed_is_no_difference),
        TEST(test_tokens_that_ended_long_ago_go_quietly),
        TEST(test_a_new_generation_in_the_middle_does_no_harm),
        TEST(test_an_empty_store_is_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

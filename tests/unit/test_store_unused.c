/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that nobody uses: whom the rule finds, and what becomes of the mark.
 */
#include "store_fixture.h"

#include "daemon/store/unused.h"

static const int64_t DAY = 86400;

enum { DAYS = 30, NOTICE = 14 };

static const struct pn_unused_rule rule = {
    .days = DAYS, .notice_days = NOTICE, .since = NOW - 100 * 86400};

static void
set(struct fixture *f, uint64_t id, const char *column, int64_t value)
{
    char sql[160];

    (void) snprintf(sql, sizeof(sql),
                    "UPDATE tokens SET %s = %lld WHERE id ="
                    " %llu",
                    column, (long long) value, (unsigned long long) id);
    assert_int_equal(database_run(&f->db, sql), 0);
}

/* Made long ago and never used. */
static void
add_old(struct fixture *f, uint64_t id)
{
    char name[32];

    (void) snprintf(name, sizeof(name), "t%llu", (unsigned long long) id);
    add_token(f, id, 1, name);
    set(f, id, "created_at", NOW - 200 * DAY);
}

static struct pn_token
token_now(struct fixture *f, uint64_t id)
{
    struct pn_token token;

    assert_int_equal(pn_store_token_by_id(f->store, id, f->arena, &token),
                     PN_OK);
    return token;
}

static uint16_t
find(struct fixture *f, enum pn_unused_what what,
     const struct pn_unused_rule *by, int64_t now, uint64_t *first)
{
    struct pn_unused_place at = {0};
    uint64_t id[PN_UNUSED_BATCH];
    uint16_t count = 0;

    const struct pn_unused_look look = {what, *by, now};

    assert_int_equal(pn_store_unused_find(f->store, &look, &at, id, &count),
                     PN_OK);
    if (first != NULL && count > 0) {
        *first = id[0];
    }
    return count;
}

static bool
settle(struct fixture *f, enum pn_unused_what what,
       const struct pn_unused_rule *by, int64_t now, int64_t disable_at)
{
    bool changed = false;

    const struct pn_unused_look look = {what, *by, now};

    assert_int_equal(
        pn_store_unused_settle(f->store, &look, disable_at, 5, &changed),
        PN_OK);
    return changed;
}

/* Every combination of instants round the limit, told in C and in SQL. */
static void
test_c_and_sql_agree_on_what_is_unused(void **state)
{
    struct fixture *f = *state;
    static const int64_t limit = -(int64_t) DAYS * 86400;
    const int64_t steps[] = {0, limit - 1, limit, limit + 1};
    const struct pn_unused_rule rules[] = {
        {DAYS, NOTICE, NOW - 100 * DAY},
        {DAYS, NOTICE, NOW - DAYS * DAY},
        {DAYS, NOTICE, NOW - DAYS * DAY + 1},
        {0, NOTICE, 0},
    };
    unsigned cases = 0, unused = 0;

    add_old(f, 5);
    for (size_t n = 0; n < 256; n++) {
        int64_t at[4];

        for (size_t i = 0, rest = n; i < 4; i++, rest /= 4) {
            at[i] = rest % 4 == 0 ? 0 : NOW + steps[rest % 4];
        }
        char sql[256];

        (void) snprintf(sql, sizeof(sql),
                        "UPDATE tokens SET created_at = %lld, idle_from ="
                        " %lld, not_before = %lld, last_used_at = %lld",
                        (long long) at[0], (long long) at[1], (long long) at[2],
                        (long long) at[3]);
        assert_int_equal(database_run(&f->db, sql), 0);
        for (size_t r = 0; r < PN_LEN(rules); r++) {
            const struct pn_idle_times times = {at[0], at[1], at[2], at[3]};
            bool expected = pn_is_unused(&times, &rules[r], NOW);

            assert_int_equal(find(f, PN_UNUSED_TO_MARK, &rules[r], NOW, NULL),
                             expected);
            cases++;
            unused += expected;
        }
    }
    assert_true(unused > 50 && unused < cases / 2);
}

static void
test_time_counts_from_the_latest_beginning(void **state)
{
    static const struct {
        struct pn_idle_times times;
        int64_t since, expected;
    } cases[] = {
        {{10, 0, 0, 0}, 5, 10},   {{10, 0, 0, 0}, 20, 20},
        {{10, 0, 0, 15}, 20, 15}, {{10, 30, 0, 15}, 20, 30},
        {{10, 0, 40, 0}, 5, 40},  {{10, 0, 0, 50}, 60, 50},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(cases); i++) {
        assert_int_equal(pn_idle_since(&cases[i].times, cases[i].since),
                         cases[i].expected);
    }
}

/* What does not work anyway is left alone. */
static void
test_only_tokens_that_work_are_marked(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *column;
        int64_t value, otherwise;
    } cases[] = {
        {"revoked_at", NOW, 0},     {"disabled", 1, 0},
        {"expires_at", NOW, 0},     {"policy_expires_at", NOW, 0},
        {"disable_at", NOW + 5, 0},
    };

    add_old(f, 5);
    assert_int_equal(find(f, PN_UNUSED_TO_MARK, &rule, NOW, NULL), 1);
    for (size_t i = 0; i < PN_LEN(cases); i++) {
        set(f, 5, cases[i].column, cases[i].value);
        assert_int_equal(find(f, PN_UNUSED_TO_MARK, &rule, NOW, NULL), 0);
        assert_false(settle(f, PN_UNUSED_TO_MARK, &rule, NOW, NOW + DAY));
        set(f, 5, cases[i].column, cases[i].otherwise);
    }
    set(f, 5, "expires_at", NOW + 1);
    assert_int_equal(find(f, PN_UNUSED_TO_MARK, &rule, NOW, NULL), 1);
}

static void
test_batches_find_each_once(void **state)
{
    struct fixture *f = *state;
    struct pn_unused_place at = {0};
    uint64_t id[PN_UNUSED_BATCH];
    uint16_t count = 0;
    unsigned total = 0;
    enum { TOKENS = 2 * PN_UNUSED_BATCH + 7 };
    static bool seen[TOKENS + 1];
    const struct pn_unused_look look = {PN_UNUSED_TO_MARK, rule, NOW};

    assert_int_equal(pn_store_begin(f->store), PN_OK);
    for (uint64_t i = 1; i <= TOKENS; i++) {
        struct pn_token token = token_of(f, i, 1, "x");

        token.name = pn_arena_printf(f->arena, "t%llu", (unsigned long long) i);
        token.created_at = NOW - 200 * DAY;
        assert_int_equal(pn_store_token_insert(f->store, &token), PN_OK);
    }
    assert_int_equal(pn_store_commit(f->store), PN_OK);
    /* half of them were used once, long ago */
    assert_int_equal(database_run(&f->db, "UPDATE tokens SET last_used_at ="
                                          " created_at + id WHERE id % 2 = 0"),
                     0);
    do {
        assert_int_equal(pn_store_unused_find(f->store, &look, &at, id, &count),
                         PN_OK);
        for (uint16_t i = 0; i < count; i++) {
            assert_false(seen[id[i]]);
            seen[id[i]] = true;
        }
        total += count;
    } while (count == PN_UNUSED_BATCH);
    assert_int_equal(total, TOKENS);
}

static void
test_a_mark_is_due_after_its_grace_and_then_disables_once(void **state)
{
    struct fixture *f = *state;
    const int64_t at = NOW + NOTICE * DAY, due = at + PN_UNUSED_GRACE_S;

    add_old(f, 5);
    assert_true(settle(f, PN_UNUSED_TO_MARK, &rule, NOW, at));
    assert_false(settle(f, PN_UNUSED_TO_MARK, &rule, NOW, at + 1)); /* once */
    assert_int_equal(token_now(f, 5).disable_at, at);
    assert_int_equal(find(f, PN_UNUSED_DUE, &rule, due - 1, NULL), 0);
    assert_false(settle(f, PN_UNUSED_DUE, &rule, due - 1, 0));
    assert_int_equal(find(f, PN_UNUSED_DUE, &rule, due, NULL), 1);
    /* put off, and due again later */
    assert_true(settle(f, PN_UNUSED_DUE, &rule, due, due + DAY));
    assert_int_equal(find(f, PN_UNUSED_DUE, &rule, due, NULL), 0);
    assert_false(token_now(f, 5).disabled);
    assert_true(settle(f, PN_UNUSED_DUE, &rule, due + 2 * DAY, 0));
    assert_true(token_now(f, 5).disabled && token_now(f, 5).disabled_unused);
    assert_int_equal(token_now(f, 5).disable_at, 0);
    assert_false(settle(f, PN_UNUSED_DUE, &rule, due + 2 * DAY, 0));
    assert_int_equal(find(f, PN_UNUSED_DUE, &rule, due + 2 * DAY, NULL), 0);
}

static void
test_a_mark_that_the_rule_does_not_ask_for_is_lifted(void **state)
{
    struct fixture *f = *state;
    static const struct pn_unused_rule off = {.notice_days = NOTICE},
                                       longer = {.days = 300,
                                                 .notice_days = NOTICE,
                                                 .since = NOW - 999 * 86400};
    const struct pn_unused_rule *const others[] = {&off, &longer};

    add_old(f, 5);
    for (size_t i = 0; i < PN_LEN(others); i++) {
        assert_true(settle(f, PN_UNUSED_TO_MARK, &rule, NOW, NOW + DAY));
        assert_int_equal(find(f, PN_UNUSED_TO_LIFT, &rule, NOW, NULL), 0);
        assert_false(settle(f, PN_UNUSED_TO_LIFT, &rule, NOW, 0));
        assert_int_equal(find(f, PN_UNUSED_TO_LIFT, others[i], NOW, NULL), 1);
        /* not disabled by a rule that is over */
        assert_false(settle(f, PN_UNUSED_DUE, others[i], NOW + DAY + 999, 0));
        assert_true(settle(f, PN_UNUSED_TO_LIFT, others[i], NOW, 0));
        assert_int_equal(token_now(f, 5).disable_at, 0);
    }
}

static void
test_a_use_lifts_the_mark_and_says_so(void **state)
{
    struct fixture *f = *state;
    const struct pn_token_secret secret = secret_of(1000005);
    struct pn_use use = {.token_id = 5,
                         .outcome = PN_REASON_IP_NOT_ALLOWED,
                         .count = 1,
                         .at = NOW,
                         .app = "wiki",
                         .method = "GET"};
    enum pn_use_news news = PN_USE_NOTHING_NEW;

    memcpy(use.secret, secret.hash.bytes, sizeof(use.secret));
    add_old(f, 5);
    assert_true(settle(f, PN_UNUSED_TO_MARK, &rule, NOW, NOW + DAY));
    /* who is refused does not use it */
    assert_int_equal(pn_store_use(f->store, &use, &news), PN_OK);
    assert_int_equal(news, PN_USE_NOTHING_NEW);
    assert_int_equal(token_now(f, 5).disable_at, NOW + DAY);
    use.outcome = PN_REASON_OK;
    assert_int_equal(pn_store_use(f->store, &use, &news), PN_OK);
    assert_int_equal(news, PN_USE_LIFTS);
    assert_int_equal(token_now(f, 5).disable_at, 0);
    assert_int_equal(find(f, PN_UNUSED_TO_MARK, &rule, NOW, NULL), 0);
    assert_int_equal(pn_store_use(f->store, &use, &news), PN_OK);
    assert_int_equal(news, PN_USE_NOTHING_NEW);
}

static int64_t
ran(struct fixture *f, int64_t now)
{
    int64_t hold = -1;

    assert_int_equal(pn_store_unused_ran(f->store, now, NOTICE * DAY, &hold),
                     PN_OK);
    return hold;
}

/* Whether posternd was down or the clock was set: it cannot be told apart. */
static void
test_a_gap_gives_as_much_time_again(void **state)
{
    struct fixture *f = *state;
    int64_t now = NOW;

    assert_int_equal(ran(f, now), 0); /* the first ever */
    now += PN_UNUSED_GAP_S;
    assert_int_equal(ran(f, now), 0);
    now += 2 * DAY;
    assert_int_equal(ran(f, now), now + 2 * DAY);
    assert_int_equal(ran(f, now + 60), now + 2 * DAY); /* it stays */
    now += 60 + 900 * DAY;
    assert_int_equal(ran(f, now), now + NOTICE * DAY); /* at most that */
    /* back to the right time: nobody waits for years */
    now = NOW + 3 * DAY;
    assert_int_equal(ran(f, now), now + NOTICE * DAY);
    assert_int_equal(ran(f, now + 60), now + NOTICE * DAY);
}

static void
test_the_rule_is_as_old_as_the_unbroken_row_of_policies(void **state)
{
    struct fixture *f = *state;
    struct pn_policy policy;
    struct pn_unused_rule got;
    static const struct {
        uint32_t days;
        int64_t at, since;
    } cases[] = {
        {0, 10, 0},   {90, 20, 20}, {30, 30, 20},
        {30, 40, 20}, {0, 50, 0},   {30, 60, 60},
    };

    assert_int_equal(pn_store_unused_rule(f->store, f->arena, &got), PN_OK);
    assert_int_equal(got.days, 0);
    assert_int_equal(got.notice_days, 14);
    for (size_t i = 0; i < PN_LEN(cases); i++) {
        pn_policy_default(&policy);
        policy.creation.disable_unused_days = cases[i].days;
        policy.creation.unused_notice_days = 7;
        assert_int_equal(
            pn_store_policy_put(f->store, &policy, "ada", cases[i].at), PN_OK);
        assert_int_equal(pn_store_unused_rule(f->store, f->arena, &got), PN_OK);
        assert_int_equal(got.days, cases[i].days);
        assert_int_equal(got.notice_days, 7);
        assert_int_equal(got.since, cases[i].since);
    }
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_c_and_sql_agree_on_what_is_unused),
        TEST(test_time_counts_from_the_latest_beginning),
        TEST(test_only_tokens_that_work_are_marked),
        TEST(test_batches_find_each_once),
        TEST(test_a_mark_is_due_after_its_grace_and_then_disables_once),
        TEST(test_a_mark_that_the_rule_does_not_ask_for_is_lifted),
        TEST(test_a_use_lifts_the_mark_and_says_so),
        TEST(test_a_gap_gives_as_much_time_again),
        TEST(test_the_rule_is_as_old_as_the_unbroken_row_of_policies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disabling tokens that nobody uses, on real store and index.  The job is asked
 * for passes at times of the test's choosing.
 */
#include <time.h>

#include "daemon/ops/unused.h"
#include "site_test.h"

enum { DAYS = 10, NOTICE = 3 };

static const int64_t DAY = 86400;

static int64_t start; /* of the test */

/* Somebody looked a moment before, so that there is no gap. */
static void
looked(int64_t now)
{
    char sql[120];

    assert_int_equal(pn_ops_unused_ran(site.ops, now), PN_OK);
    (void) snprintf(sql, sizeof(sql),
                    "UPDATE job_runs SET ran_at = %lld, hold_until = 0",
                    (long long) now - 60);
    assert_int_equal(database_run(&site.db, sql), 0);
}

/* A whole pass. */
static struct pn_unused_done
pass(enum pn_unused_what what, int64_t now)
{
    struct pn_unused_pass at = {.what = what};
    struct pn_unused_done sum = {0}, done;

    do {
        assert_int_equal(pn_ops_unused(site.ops, now, &at, &done), PN_OK);
        sum.marked += done.marked;
        sum.put_off += done.put_off;
        sum.disabled += done.disabled;
        sum.lifted += done.lifted;
    } while (done.more);
    return sum;
}

static struct pn_token
token_now(uint64_t id)
{
    struct pn_token token;

    assert_true(pn_ops_token(site.ops, &site_local, id, site.arena, &token,
                             &site.fault));
    return token;
}

static void
use_it(const struct pn_token *token, int64_t at)
{
    struct pn_use use = {.token_id = token->id,
                         .outcome = PN_REASON_OK,
                         .count = 1,
                         .at = at,
                         .app = "wiki",
                         .method = "GET"};

    memcpy(use.secret, token->secrets[0].hash.bytes, sizeof(use.secret));
    assert_int_equal(pn_ops_uses(site.ops, &use, 1), PN_OK);
}

static unsigned
act(enum pn_act what, uint64_t id)
{
    struct pn_caller alice = site_session(&site, "alice");

    return site_token_act(&site, &alice, what, id);
}

static int
set_up(void **state)
{
    (void) site_set_up(state);
    start = (int64_t) time(NULL);
    set_policy("{\"creation\":{\"disable_unused_days\":10,"
               "\"disable_unused_notice_days\":3}}");
    return 0;
}

static void
test_notice_first_then_disabled_with_its_own_reason(void **state)
{
    struct pn_secret secret;
    struct pn_token *token = site_token_of(&site, "alice", &secret);
    int64_t marked = start + DAYS * DAY + 60, due;
    struct pn_audit_event event;
    struct pn_token now;

    (void) state;
    assert_int_equal(pass(PN_UNUSED_TO_MARK, marked - 120).marked, 0);
    looked(marked);
    assert_int_equal(pass(PN_UNUSED_TO_MARK, marked).marked, 1);
    now = token_now(token->id);
    assert_int_equal(now.disable_at, marked + NOTICE * DAY);
    assert_int_equal(now.state, PN_STATE_ACTIVE);
    event = newest_event();
    assert_string_equal(event.action, "token.unused_notice");
    assert_string_equal(event.actor_kind, "system");
    assert_true(says(event.detail, "\"disable_at\":\""));
    assert_true(says(event.detail, "\"unused_days\":10"));
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    /* marked once */
    assert_int_equal(pass(PN_UNUSED_TO_MARK, marked + 60).marked, 0);
    due = now.disable_at + PN_UNUSED_GRACE_S;
    looked(due);
    assert_int_equal(pass(PN_UNUSED_DUE, due - 1).disabled, 0);
    assert_int_equal(pass(PN_UNUSED_DUE, due).disabled, 1);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_TOKEN_DISABLED);
    now = token_now(token->id);
    assert_int_equal(now.state, PN_STATE_DISABLED);
    assert_true(now.disabled_unused);
    assert_int_equal(now.disable_at, 0);
    event = newest_event();
    assert_string_equal(event.action, "token.unused_disable");
    assert_string_equal(event.actor_kind, "system");
    assert_true(says(event.detail, "\"disabled_because\":\"unused\""));
    (void) site_audit(&site);
    (void) site_compare(&site);
}

static void
test_the_owner_enables_it_again_and_time_begins_anew(void **state)
{
    struct pn_secret secret;
    struct pn_token *token = site_token_of(&site, "alice", &secret);
    int64_t at = start + DAYS * DAY + 60;

    (void) state;
    looked(at);
    assert_int_equal(pass(PN_UNUSED_TO_MARK, at).marked, 1);
    at += NOTICE * DAY + PN_UNUSED_GRACE_S;
    looked(at);
    assert_int_equal(pass(PN_UNUSED_DUE, at).disabled, 1);
    assert_int_equal(act(PN_ACT_TOKEN_ENABLE, token->id), 0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    assert_false(token_now(token->id).disabled_unused);
    assert_in_range(token_now(token->id).idle_from, start, start + 60);
    /* it was enabled in this minute: ten days from now, not from its making */
    assert_int_equal(pass(PN_UNUSED_TO_MARK, start + DAYS * DAY - 60).marked,
                     0);
    looked(start + DAYS * DAY + 120);
    assert_int_equal(pass(PN_UNUSED_TO_MARK, start + DAYS * DAY + 120).marked,
                     1);
    /* paused by hand is another matter */
    assert_int_equal(act(PN_ACT_TOKEN_DISABLE, token->id), 0);
    assert_int_equal(token_now(token->id).disable_at, 0);
    assert_false(token_now(token->id).disabled_unused);
}

static void
test_a_use_lifts_the_mark(void **state)
{
    struct pn_token *token = site_token_of(&site, "alice", NULL);
    int64_t at = start + DAYS * DAY + 60;
    struct pn_audit_event event;

    (void) state;
    looked(at);
    assert_int_equal(pass(PN_UNUSED_TO_MARK, at).marked, 1);
    use_it(token, at + 5);
    assert_int_equal(token_now(token->id).disable_at, 0);
    event = newest_event();
    assert_string_equal(event.action, "token.unused_lift");
    assert_true(says(event.detail, "\"because\":\"used\""));
    at += NOTICE * DAY + PN_UNUSED_GRACE_S;
    looked(at);
    assert_int_equal(pass(PN_UNUSED_DUE, at).disabled, 0);
    assert_int_equal(pass(PN_UNUSED_TO_MARK, at).marked, 0);
    assert_int_equal(token_now(token->id).state, PN_STATE_ACTIVE);
}

static void
test_a_rotation_lifts_the_mark(void **state)
{
    struct pn_token *token = site_token_of(&site, "alice", NULL);
    struct pn_caller alice = site_session(&site, "alice");
    int64_t at = start + DAYS * DAY + 60;

    (void) state;
    looked(at);
    assert_int_equal(pass(PN_UNUSED_TO_MARK, at).marked, 1);
    assert_int_equal(
        site_token_rotate(&site, &alice, token->id, "{}", NULL, NULL), 0);
    assert_int_equal(token_now(token->id).disable_at, 0);
    assert_in_range(token_now(token->id).idle_from, start, start + 60);
}

/* Switched off, or longer: marks that it does not ask for go. */
static void
test_a_policy_that_asks_for_less_lifts_marks(void **state)
{
    static const char *const policies[] = {
        "{\"creation\":{\"disable_unused_days\":null}}",
        "{\"creation\":{\"disable_unused_days\":60}}"};
    struct pn_token *token = site_token_of(&site, "alice", NULL);
    int64_t at = start + DAYS * DAY + 60, later = at + 30 * DAY;

    (void) state;
    for (size_t i = 0; i < PN_LEN(policies); i++) {
        set_policy("{\"creation\":{\"disable_unused_days\":10}}");
        looked(at);
        assert_int_equal(pass(PN_UNUSED_TO_MARK, at).marked, 1);
        assert_int_equal(pass(PN_UNUSED_TO_LIFT, at).lifted, 0);
        set_policy(policies[i]);
        looked(later);
        assert_int_equal(pass(PN_UNUSED_DUE, later).disabled, 0);
        assert_int_equal(pass(PN_UNUSED_TO_LIFT, later).lifted,
                         0); /* due did */
        assert_int_equal(token_now(token->id).disable_at, 0);
        assert_string_equal(newest_event().action, "token.unused_lift");
        assert_true(says(newest_event().detail, "\"because\":\"policy\""));
    }
}

/* Uses of tokens may have gone unnoted before there was such a rule. */
static void
test_a_new_rule_finds_no_token_that_was_never_used_at_once(void **state)
{
    struct pn_token *never = site_token_of(&site, "alice", NULL);
    struct pn_token *once = site_token_of(&site, "alice", NULL);

    (void) state;
    set_policy("{\"creation\":{\"disable_unused_days\":null}}");
    assert_int_equal(database_run(&site.db, "UPDATE tokens SET created_at ="
                                            " created_at - 8640000"),
                     0);
    use_it(once, start - 50 * DAY);
    assert_int_equal(pass(PN_UNUSED_TO_MARK, start).marked, 0);
    set_policy("{\"creation\":{\"disable_unused_days\":10}}");
    looked(start + 60);
    assert_int_equal(pass(PN_UNUSED_TO_MARK, start + 60).marked, 1);
    assert_int_not_equal(token_now(once->id).disable_at, 0);
    assert_int_equal(token_now(never->id).disable_at, 0);
    /* once the rule is old enough, it is found, too */
    looked(start + DAYS * DAY + 60);
    assert_int_equal(pass(PN_UNUSED_TO_MARK, start + DAYS * DAY + 60).marked,
                     1);
    assert_int_not_equal(token_now(never->id).disable_at, 0);
}

/* Posternd was down for two days when the mark came due. */
static void
test_after_an_outage_nothing_is_disabled_before_time_was_given_again(
    void **state)
{
    struct pn_secret secret;
    struct pn_token *token = site_token_of(&site, "alice", &secret);
    int64_t at = start + DAYS * DAY + 60;

    (void) state;
    looked(at);
    assert_int_equal(pass(PN_UNUSED_TO_MARK, at).marked, 1);
    at += NOTICE * DAY + PN_UNUSED_GRACE_S;
    looked(at - 2 * DAY);
    assert_int_equal(pass(PN_UNUSED_DUE, at).put_off, 1);
    assert_int_equal(token_now(token->id).disable_at, at + 2 * DAY + 60);
    assert_string_equal(newest_event().action, "token.unused_notice");
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    at += 2 * DAY + 60 + PN_UNUSED_GRACE_S;
    looked(at);
    assert_int_equal(pass(PN_UNUSED_DUE, at).disabled, 1);
}

/* A clock that jumps ahead looks like an outage, and is harmless like one. */
static void
test_a_step_of_the_clock_disables_nothing(void **state)
{
    struct pn_token *token = site_token_of(&site, "alice", NULL);
    int64_t at = start + DAYS * DAY + 60, wrong = at + 40 * DAY;

    (void) state;
    looked(at);
    assert_int_equal(pass(PN_UNUSED_TO_MARK, at).marked, 1);
    assert_int_equal(pass(PN_UNUSED_DUE, wrong).disabled, 0);
    assert_int_equal(token_now(token->id).state, PN_STATE_ACTIVE);
    assert_int_equal(token_now(token->id).disable_at, wrong + NOTICE * DAY);
    /* set right again, and before it would have been unused at all */
    assert_int_equal(pass(PN_UNUSED_TO_LIFT, start + DAY).lifted, 1);
    assert_int_equal(token_now(token->id).disable_at, 0);
}

static void
test_more_than_a_batch_is_marked_and_disabled_each_with_its_event(void **state)
{
    enum { TOKENS = PN_UNUSED_BATCH + 20 };
    int64_t at = start + DAYS * DAY + 600;
    uint64_t events;

    (void) state;
    set_policy("{\"creation\":{\"max_tokens_per_owner\":1000}}");
    for (unsigned i = 0; i < TOKENS; i++) {
        (void) site_token_of(&site, "alice", NULL);
    }
    looked(at);
    events = site_audit(&site);
    assert_int_equal(pass(PN_UNUSED_TO_MARK, at).marked, TOKENS);
    assert_int_equal(site_audit(&site), events + TOKENS);
    at += NOTICE * DAY + PN_UNUSED_GRACE_S;
    looked(at);
    assert_int_equal(pass(PN_UNUSED_DUE, at).disabled, TOKENS);
    assert_int_equal(site_audit(&site), events + TOKENS + TOKENS);
    assert_int_equal(site_compare(&site), TOKENS);
}

static void
test_lists_find_what_is_to_be_disabled(void **state)
{
    struct pn_token *token = site_token_of(&site, "alice", NULL);
    struct pn_token *used = site_token_of(&site, "bob", NULL);
    int64_t at = start + DAYS * DAY + 60;
    const struct pn_token_query query = {.filter = {.to_be_disabled = true},
                                         .page = {"", 10}};
    struct pn_token_list list;

    (void) state;
    use_it(used, start + DAYS * DAY);
    looked(at);
    assert_int_equal(pass(PN_UNUSED_TO_MARK, at).marked, 1);
    assert_true(pn_ops_tokens(site.ops, &site_local, &query, site.arena, &list,
                              &site.fault));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.item[0].id, token->id);
    assert_int_equal(act(PN_ACT_TOKEN_REVOKE, token->id), 0);
    assert_true(pn_ops_tokens(site.ops, &site_local, &query, site.arena, &list,
                              &site.fault));
    assert_int_equal(list.count, 0);
}

static void
test_a_preview_counts_what_would_be_marked(void **state)
{
    struct pn_token *old = site_token_of(&site, "alice", NULL);
    struct pn_policy policy;
    const struct pn_preview_question question = {.policy = &policy,
                                                 .page = {"", 10}};
    struct pn_preview got;

    (void) state;
    (void) site_token_of(&site, "alice", NULL); /* never used */
    use_it(site_token_of(&site, "bob", NULL), start);
    use_it(old, start - 8 * DAY);
    assert_int_equal(
        database_run(&site.db,
                     "UPDATE tokens SET created_at = created_at - 8640000"),
        0);
    assert_true(
        pn_ops_policy(site.ops, &site_local, site.arena, &policy, &site.fault));
    assert_true(pn_ops_preview(site.ops, &site_local, &question, site.arena,
                               &got, &site.fault));
    assert_int_equal(got.marked, 0);
    policy.creation.disable_unused_days = 5;
    policy.creation.unused_notice_days = 7;
    assert_true(pn_ops_preview(site.ops, &site_local, &question, site.arena,
                               &got, &site.fault));
    assert_int_equal(got.marked, 1);
    assert_int_equal(got.unaffected, 2);
    assert_int_equal(got.used_24h, 0);
    assert_int_equal(got.count, 1);
    assert_int_equal(got.item[0].token_id, old->id);
    assert_string_equal(got.item[0].effect, "marked");
    assert_string_equal(got.item[0].because, "unused");
    assert_in_range(got.item[0].disable_at, start + 7 * DAY,
                    start + 7 * DAY + 60);
    assert_int_equal(token_now(old->id).disable_at, 0); /* nothing happened */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, site_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_notice_first_then_disabled_with_its_own_reason),
        TEST(test_the_owner_enables_it_again_and_time_begins_anew),
        TEST(test_a_use_lifts_the_mark),
        TEST(test_a_rotation_lifts_the_mark),
        TEST(test_a_policy_that_asks_for_less_lifts_marks),
        TEST(test_a_new_rule_finds_no_token_that_was_never_used_at_once),
        TEST(
            test_after_an_outage_nothing_is_disabled_before_time_was_given_again),
        TEST(test_a_step_of_the_clock_disables_nothing),
        TEST(test_more_than_a_batch_is_marked_and_disabled_each_with_its_event),
        TEST(test_lists_find_what_is_to_be_disabled),
        TEST(test_a_preview_counts_what_would_be_marked),
    };

    return cmocka_run_group_tests_name("ops_unused", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending everything of a person in one act.
 */
#include "site_test.h"

enum { MANY = 600 };

static unsigned
stop(const char *username, struct pn_stopped *out)
{
    struct pn_change change = {
        .act = PN_ACT_USER_STOP, .name = username, .reason = "left"};
    unsigned status = site_do(&site, &site_local, &change);

    *out = change.stopped;
    return status;
}

static void
test_the_gate_refuses_every_token_when_stop_is_answered(void **state)
{
    struct pn_secret secret[3];
    struct pn_secret other;
    struct pn_stopped ended;

    (void) state;
    for (size_t i = 0; i < PN_LEN(secret); i++) {
        (void) site_token_of(&site, "alice", &secret[i]);
        assert_int_equal(site_gate(&site, &secret[i]), PN_REASON_OK);
    }
    (void) site_token_of(&site, "bob", &other);
    assert_int_equal(stop("alice", &ended), 0);
    assert_int_equal(ended.tokens_revoked, PN_LEN(secret));
    for (size_t i = 0; i < PN_LEN(secret); i++) {
        assert_int_equal(site_gate(&site, &secret[i]), PN_REASON_TOKEN_REVOKED);
    }
    assert_int_equal(site_gate(&site, &other), PN_REASON_OK);
    (void) site_compare(&site);
    (void) site_audit(&site);
}

static void
test_who_returns_finds_the_tokens_revoked(void **state)
{
    struct pn_secret secret;
    struct pn_token *token = site_token_of(&site, "alice", &secret);
    struct pn_caller caller = {0};
    struct pn_stopped ended;
    struct pn_token after;

    (void) state;
    assert_int_equal(stop("alice", &ended), 0);
    assert_int_equal(
        site_user_edit(&site, &site_local, "alice", "{\"active\":true}"), 0);
    assert_int_equal(site_bearer(&site, &secret, &caller), 401);
    assert_true(pn_ops_token(site.ops, &site_local, token->id, site.arena,
                             &after, &site.fault));
    assert_int_equal(after.state, PN_STATE_REVOKED);
    assert_string_equal(after.revoked_reason, "left");
    assert_string_equal(after.revoked_by, site_local.username);
    /* her names are free again, and she may make tokens */
    assert_non_null(site_token_of(&site, "alice", &secret));
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
}

static void
test_stopping_twice_ends_nothing_more(void **state)
{
    struct pn_stopped ended;

    (void) state;
    (void) site_token_of(&site, "alice", NULL);
    assert_int_equal(stop("alice", &ended), 0);
    assert_int_equal(ended.tokens_revoked, 1);
    assert_int_equal(stop("alice", &ended), 0);
    assert_int_equal(ended.tokens_revoked, 0);
}

static void
test_the_last_administrator_is_not_stopped_and_nothing_changes(void **state)
{
    struct pn_secret secret;
    struct pn_stopped ended;
    uint64_t events = 0;

    (void) state;
    (void) site_token_of(&site, "ada", &secret);
    events = site_audit(&site);
    assert_int_equal(stop("ada", &ended), 409);
    assert_string_equal(site.fault.code, "last_admin");
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    assert_int_equal(site_audit(&site), events);
}

/* More than one batch, and more than fits into one page of a list. */
static void
test_an_owner_of_many_tokens_is_stopped_whole(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_stopped ended;
    char json[64];

    (void) state;
    assert_int_equal(
        site_policy(&site, &site_local,
                    "{\"creation\":{\"max_tokens_per_owner\":10000}}"),
        0);
    for (int i = 0; i < MANY; i++) {
        (void) snprintf(json, sizeof(json), "{\"name\":\"n%d\"}", i);
        assert_int_equal(site_token_create(&site, &alice, json, NULL, NULL), 0);
    }
    assert_int_equal(stop("alice", &ended), 0);
    assert_int_equal(ended.tokens_revoked, MANY);
    assert_int_equal(site_compare(&site), MANY);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(test_the_gate_refuses_every_token_when_stop_is_answered),
        SITE_TEST(test_who_returns_finds_the_tokens_revoked),
        SITE_TEST(test_stopping_twice_ends_nothing_more),
        SITE_TEST(
            test_the_last_administrator_is_not_stopped_and_nothing_changes),
        SITE_TEST(test_an_owner_of_many_tokens_is_stopped_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Rotation: one id, two secrets, and what ends when. */
#include "site_test.h"

static const int64_t HOUR = 3600, DAY = 86400;

static unsigned
rotate(uint64_t id, const char *json, struct pn_token **token,
       struct pn_secret *secret)
{
    struct pn_caller alice = site_session(&site, "alice");

    return site_token_rotate(&site, &alice, id, json, token, secret);
}

static unsigned
act(enum pn_act what, uint64_t id)
{
    struct pn_caller alice = site_session(&site, "alice");

    return site_token_act(&site, &alice, what, id);
}

static void
test_both_secrets_work_until_the_overlap_is_ended(void **state)
{
    struct pn_secret old, fresh = {0};
    struct pn_token *before = site_token_of(&site, "alice", &old);
    struct pn_token *after = NULL;

    (void) state;
    assert_int_equal(rotate(before->id, "{}", &after, &fresh), 0);
    assert_int_equal(after->id, before->id);
    assert_string_equal(after->name, before->name);
    assert_int_equal(after->secret_count, 2);
    assert_string_equal(after->secrets[1].last_four,
                        before->secrets[0].last_four);
    assert_in_range(after->secrets[1].ends_at, before->created_at + 24 * HOUR,
                    before->created_at + 24 * HOUR + 60);
    assert_int_equal(site_gate(&site, &old), PN_REASON_OK);
    assert_int_equal(site_gate(&site, &fresh), PN_REASON_OK);
    assert_int_equal(act(PN_ACT_TOKEN_OVERLAP_END, before->id), 0);
    assert_int_equal(site_gate(&site, &old), PN_REASON_TOKEN_SUPERSEDED);
    assert_int_equal(site_gate(&site, &fresh), PN_REASON_OK);
    assert_int_equal(act(PN_ACT_TOKEN_OVERLAP_END, before->id), 0);
    assert_int_equal(act(PN_ACT_TOKEN_REVOKE, before->id), 0);
    assert_int_equal(site_gate(&site, &old), PN_REASON_TOKEN_REVOKED);
    assert_int_equal(site_gate(&site, &fresh), PN_REASON_TOKEN_REVOKED);
}

static void
test_without_an_overlap_the_former_secret_ends_at_once(void **state)
{
    struct pn_secret old, fresh = {0};
    struct pn_caller caller;
    uint64_t id = site_token_of(&site, "alice", &old)->id;

    (void) state;
    assert_int_equal(site_bearer(&site, &old, &caller), 0);
    assert_int_equal(rotate(id, "{\"overlap_hours\":0}", NULL, &fresh), 0);
    assert_int_equal(site_gate(&site, &old), PN_REASON_TOKEN_SUPERSEDED);
    assert_int_equal(site_gate(&site, &fresh), PN_REASON_OK);
    /* posternd's own API judges the secret that was sent, too */
    refused(site_bearer(&site, &old, &caller), 401, "token_superseded");
    assert_int_equal(site_bearer(&site, &fresh, &caller), 0);
}

static void
test_there_is_one_overlap_at_a_time(void **state)
{
    uint64_t id = site_token_of(&site, "alice", NULL)->id;

    (void) state;
    assert_int_equal(rotate(id, "{}", NULL, NULL), 0);
    refused(rotate(id, "{}", NULL, NULL), 409, "overlap_open");
    assert_int_equal(act(PN_ACT_TOKEN_OVERLAP_END, id), 0);
    assert_int_equal(rotate(id, "{}", NULL, NULL), 0);
}

static void
test_what_has_ended_is_not_rotated(void **state)
{
    uint64_t id = site_token_of(&site, "alice", NULL)->id;

    (void) state;
    assert_int_equal(act(PN_ACT_TOKEN_REVOKE, id), 0);
    refused(rotate(id, "{}", NULL, NULL), 409, "token_revoked");
    id = site_token_of(&site, "alice", NULL)->id;
    set_policy("{\"creation\":{\"enabled\":false}}");
    refused(rotate(id, "{}", NULL, NULL), 403, "creation_off");
}

static void
test_a_paused_token_stays_paused(void **state)
{
    struct pn_token *token = site_token_of(&site, "alice", NULL);
    struct pn_secret fresh = {0};

    (void) state;
    assert_int_equal(act(PN_ACT_TOKEN_DISABLE, token->id), 0);
    assert_int_equal(rotate(token->id, "{}", &token, &fresh), 0);
    assert_int_equal(token->state, PN_STATE_DISABLED);
    assert_int_equal(site_gate(&site, &fresh), PN_REASON_TOKEN_DISABLED);
}

static void
test_an_overlap_is_as_long_as_policy_lets_it(void **state)
{
    struct pn_token *token = site_token_of(&site, "alice", NULL);

    (void) state;
    set_policy("{\"creation\":{\"max_overlap_hours\":3}}");
    refused_field(rotate(token->id, "{\"overlap_hours\":4}", NULL, NULL),
                  "/overlap_hours", "overlap_too_long");
    assert_int_equal(rotate(token->id, "{}", &token, NULL), 0);
    assert_in_range(token->secrets[1].ends_at - token->secrets[0].created_at,
                    3 * HOUR, 3 * HOUR);
}

static void
test_the_lifetime_starts_anew(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_token *token = NULL;
    int64_t made;

    (void) state;
    assert_int_equal(site_token_create(&site, &alice,
                                       "{\"name\":\"n\",\"expires_in_days\":5}",
                                       &token, NULL),
                     0);
    assert_int_equal(rotate(token->id, "{\"overlap_hours\":0}", &token, NULL),
                     0);
    made = token->secrets[0].created_at;
    assert_int_equal(token->expires_at - made, 5 * DAY);
    assert_int_equal(rotate(token->id,
                            "{\"overlap_hours\":0,\"expires_in_days\":80}",
                            &token, NULL),
                     0);
    made = token->secrets[0].created_at;
    assert_int_equal(token->expires_at - made, 80 * DAY);
    refused_field(rotate(token->id, "{\"expires_in_days\":91}", NULL, NULL),
                  "/expires_in_days", "lifetime_not_allowed");
    set_policy("{\"creation\":{\"grants\":[{\"group\":null,"
               "\"max_lifetime_days\":30}]}}");
    assert_int_equal(rotate(token->id, "{}", &token, NULL), 0);
    made = token->secrets[0].created_at;
    assert_int_equal(token->expires_at - made, 30 * DAY);
}

/* A rotation does not lengthen what the former secret had. */
static void
test_the_former_secret_ends_no_later_than_it_would_have(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_token *token = NULL;
    int64_t end;

    (void) state;
    assert_int_equal(
        site_token_create(&site, &alice,
                          "{\"name\":\"soon\",\"expires_in_days\":1}", &token,
                          NULL),
        0);
    end = token->expires_at;
    assert_int_equal(rotate(token->id,
                            "{\"overlap_hours\":100,\"expires_in_days\":9}",
                            &token, NULL),
                     0);
    assert_int_equal(token->secrets[1].ends_at, end);
}

static void
test_a_new_secret_has_to_fit_the_policy_of_today(void **state)
{
    uint64_t id = site_token_of(&site, "alice", NULL)->id;

    (void) state;
    set_policy("{\"creation\":{\"read_only\":true}}");
    refused_field(rotate(id, "{}", NULL, NULL), "/access",
                  "read_only_required");
    set_policy("{\"creation\":{\"read_only\":false,\"require_ip_rule\":true}}");
    refused_field(rotate(id, "{}", NULL, NULL), "/ip_rules",
                  "ip_rule_required");
}

static void
test_what_is_no_rotation_is_refused(void **state)
{
    static const char *const cases[][2] = {
        {"{\"overlap_hours\":-1}", "/overlap_hours"},
        {"{\"overlap_hours\":8761}", "/overlap_hours"},
        {"{\"overlap_hours\":1.5}", "/overlap_hours"},
        {"{\"overlap_hours\":null}", "/overlap_hours"},
        {"{\"overlap\":1}", "/overlap"},
        {"{\"expires_in_days\":1,\"expires_at\":null}", "/expires_in_days"},
    };
    uint64_t id = site_token_of(&site, "alice", NULL)->id;

    (void) state;
    for (size_t i = 0; i < PN_LEN(cases); i++) {
        assert_int_equal(rotate(id, cases[i][0], NULL, NULL), 422);
        assert_string_equal(site.fault.fields[0].pointer, cases[i][1]);
    }
}

static void
test_every_rotation_is_audited_without_its_secret(void **state)
{
    struct pn_secret fresh = {0};
    uint64_t id = site_token_of(&site, "alice", NULL)->id;
    struct pn_audit_event event;

    (void) state;
    assert_int_equal(rotate(id, "{}", NULL, &fresh), 0);
    event = newest_event();
    assert_string_equal(event.action, "token.rotate");
    assert_false(says(event.detail, fresh.bytes)
                 || says(event.personal, fresh.bytes));
    site_audit(&site);
}

static void
test_superseded_secrets_stay_known_through_a_rebuild(void **state)
{
    struct pn_secret old;
    uint64_t id = site_token_of(&site, "alice", &old)->id;

    (void) state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rotate(id, "{\"overlap_hours\":0}", NULL, NULL), 0);
    }
    assert_int_equal(site_gate(&site, &old), PN_REASON_TOKEN_SUPERSEDED);
    site_stop(&site);
    site_start(&site);
    assert_int_equal(site_gate(&site, &old), PN_REASON_TOKEN_SUPERSEDED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(test_both_secrets_work_until_the_overlap_is_ended),
        SITE_TEST(test_without_an_overlap_the_former_secret_ends_at_once),
        SITE_TEST(test_there_is_one_overlap_at_a_time),
        SITE_TEST(test_what_has_ended_is_not_rotated),
        SITE_TEST(test_a_paused_token_stays_paused),
        SITE_TEST(test_an_overlap_is_as_long_as_policy_lets_it),
        SITE_TEST(test_the_lifetime_starts_anew),
        SITE_TEST(test_the_former_secret_ends_no_later_than_it_would_have),
        SITE_TEST(test_a_new_secret_has_to_fit_the_policy_of_today),
        SITE_TEST(test_what_is_no_rotation_is_refused),
        SITE_TEST(test_every_rotation_is_audited_without_its_secret),
        SITE_TEST(test_superseded_secrets_stay_known_through_a_rebuild),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing the policy on real store and index: previews, enforcement, history,
 * going back.
 */
#include <time.h>

#include "site_test.h"

static const int64_t DAY = 86400;

static json_t *
parsed(const char *text)
{
    json_t *doc = NULL;

    assert_int_equal(pn_json_parse(pn_str_from(text), &doc, NULL, 0), PN_OK);
    return pn_json_defer(site.arena, doc);
}

static uint64_t
present_version(void)
{
    struct pn_policy policy;

    assert_true(
        pn_ops_policy(site.ops, &site_local, site.arena, &policy, &site.fault));
    return policy.version;
}

/* A whole policy. */
static struct pn_policy
policy_of(const char *json)
{
    struct pn_policy policy;

    site.fault = (struct pn_fault){0};
    assert_int_equal(
        pn_policy_from_json(parsed(json), site.arena, &policy, &site.fault),
        PN_OK);
    return policy;
}

/* "everyone, for that many days at most", and more members of creation. */
static const char *
everyone(unsigned days, const char *more)
{
    const char *text = pn_arena_printf(
        site.arena,
        "{\"creation\":{\"enabled\":true,\"grants\":[{\"group\":null,"
        "\"max_lifetime_days\":%u}]%s},\"admin_groups\":[\"admins\"]}",
        days, more);

    assert_non_null(text);
    return text;
}

static unsigned
put(const char *json, enum pn_enforce enforce, uint32_t days)
{
    struct pn_policy policy = policy_of(json);
    struct pn_change change = {.act = PN_ACT_POLICY_PUT,
                               .in.policy = &policy,
                               .if_version = present_version(),
                               .enforce = enforce,
                               .enforce_days = days};

    return site_do(&site, &site_local, &change);
}

static unsigned
revert_to(uint64_t version)
{
    struct pn_change change = {.act = PN_ACT_POLICY_REVERT,
                               .if_version = present_version(),
                               .revert_to = version};

    return site_do(&site, &site_local, &change);
}

static struct pn_preview
preview(const char *json, enum pn_enforce enforce, struct pn_page page)
{
    const struct pn_caller ada = site_session(&site, "ada");
    struct pn_policy policy = policy_of(json);
    const struct pn_preview_question question = {
        .policy = &policy, .enforce = enforce, .days = 14, .page = page};
    struct pn_preview out = {0};

    assert_true(pn_ops_preview(site.ops, &ada, &question, site.arena, &out,
                               &site.fault));
    return out;
}

static struct pn_page
page(const char *cursor, uint16_t limit)
{
    return (struct pn_page){.cursor = cursor, .limit = limit};
}

static struct pn_token
token_now(uint64_t id)
{
    struct pn_token token;

    assert_true(pn_ops_token(site.ops, &site_local, id, site.arena, &token,
                             &site.fault));
    return token;
}

/* --- previews ------------------------------------------------------------ */

static void
test_preview_counts_lists_and_changes_nothing(void **state)
{
    struct pn_token *alices = site_token_of(&site, "alice", NULL);
    struct pn_preview got;
    uint64_t version = present_version();

    (void) state;
    (void) site_token_of(&site, "bob", NULL);
    (void) site_token_of(&site, "ada", NULL); /* administrators: no limit */
    got = preview(everyone(30, ""), PN_ENFORCE_NOW, page("", 10));
    assert_int_equal(got.unaffected, 1);
    assert_int_equal(got.shortened, 2);
    assert_int_equal(got.stopped, 0);
    assert_int_equal(got.count, 2);
    assert_string_equal(got.next, "");
    assert_int_equal(got.item[0].token_id, alices->id);
    assert_string_equal(got.item[0].owner, "alice");
    assert_string_equal(got.item[0].name, alices->name);
    assert_string_equal(got.item[0].effect, "shortened");
    assert_string_equal(got.item[0].because, "lifetime");
    assert_int_equal(got.item[0].new_expires_at,
                     alices->secrets[0].created_at + 30 * DAY);
    assert_int_equal(present_version(), version);
    assert_int_equal(token_now(alices->id).policy_expires_at, 0);
    assert_int_equal(
        preview(everyone(30, ""), PN_ENFORCE_NEW, page("", 10)).unaffected, 3);
}

static void
test_preview_counts_who_was_used_in_the_last_24_hours(void **state)
{
    struct pn_token *today = site_token_of(&site, "alice", NULL),
                    *before = site_token_of(&site, "alice", NULL);
    int64_t now = (int64_t) time(NULL);
    const struct pn_use uses[] = {
        {.token_id = today->id,
         .outcome = PN_REASON_OK,
         .count = 1,
         .at = now - DAY + 60,
         .app = "wiki",
         .method = "GET"},
        {.token_id = before->id,
         .outcome = PN_REASON_OK,
         .count = 1,
         .at = now - DAY - 60,
         .app = "wiki",
         .method = "GET"},
    };
    struct pn_preview got;

    (void) state;
    assert_int_equal(pn_ops_uses(site.ops, uses, 2), PN_OK);
    got = preview(everyone(90, ",\"read_only\":true"), PN_ENFORCE_NOW,
                  page("", 10));
    assert_int_equal(got.stopped, 2);
    assert_int_equal(got.used_24h, 1);
    assert_int_equal(got.item[0].last_used_at, now - DAY + 60);
}

static void
test_preview_pages_hold_every_token_once(void **state)
{
    enum { TOKENS = 23 };
    uint64_t seen[TOKENS + 1] = {0};
    unsigned count = 0;
    const char *cursor = "";

    (void) state;
    for (unsigned i = 0; i < TOKENS; i++) {
        (void) site_token_of(&site, i % 2 == 0 ? "alice" : "bob", NULL);
    }
    do {
        struct pn_preview got =
            preview(everyone(30, ""), PN_ENFORCE_NOW, page(cursor, 5));

        assert_int_equal(got.shortened, TOKENS); /* on every page */
        assert_true(got.count <= 5);
        for (uint16_t i = 0; i < got.count; i++) {
            for (unsigned j = 0; j < count; j++) {
                assert_int_not_equal(seen[j], got.item[i].token_id);
            }
            assert_true(count < TOKENS);
            seen[count++] = got.item[i].token_id;
        }
        cursor = got.next;
    } while (cursor[0] != '\0');
    assert_int_equal(count, TOKENS);
}

static void
test_preview_refuses_cursors_of_others(void **state)
{
    static const char *const wrong[] = {"x",
                                        "1.2.3.4.5.6",
                                        "1.2.3.4.5.6.7.8",
                                        "1.2.3.4.5.6.g",
                                        "1..3.4.5.6.7",
                                        "1.2.3.4.5.6.ffffffffffffffff",
                                        "1.2.3.4.5.6.11111111111111111"};
    struct pn_policy policy = policy_of(everyone(30, ""));

    (void) state;
    for (size_t i = 0; i < PN_LEN(wrong); i++) {
        const struct pn_preview_question question = {.policy = &policy,
                                                     .page = page(wrong[i], 5)};
        struct pn_preview out;

        site.fault = (struct pn_fault){0};
        assert_false(pn_ops_preview(site.ops, &site_local, &question,
                                    site.arena, &out, &site.fault));
        assert_int_equal(site.fault.status, 400);
        assert_string_equal(site.fault.code, "invalid_cursor");
    }
}

static void
test_preview_warns_of_the_own_address(void **state)
{
    struct pn_preview got = preview(
        "{\"ip_rules\":{\"default\":\"deny\",\"allow\":[\"10.0.0.0/8\"]},"
        "\"admin_groups\":[\"nosuch\"]}",
        PN_ENFORCE_NOW, page("", 5));

    (void) state;
    assert_int_equal(got.warning_count, 2);
    assert_non_null(strstr(got.warnings[0], "nosuch"));
    assert_non_null(strstr(got.warnings[1], "192.0.2.7"));
}

static void
test_preview_is_for_who_may_read_the_policy(void **state)
{
    static const struct {
        const char *username;
        unsigned status;
    } people[] = {{"alice", 403}, {"carol", 0}, {"gil", 0}};
    struct pn_policy policy = policy_of(everyone(30, ""));

    (void) state;
    for (size_t i = 0; i < PN_LEN(people); i++) {
        struct pn_caller caller = site_session(&site, people[i].username);
        const struct pn_preview_question question = {.policy = &policy,
                                                     .page = page("", 5)};
        struct pn_preview out;

        /* gil by his group, which the API looks up with the session */
        caller.role = i == 2 ? PN_ROLE_ADMIN : caller.role;
        site.fault = (struct pn_fault){0};
        assert_int_equal(pn_ops_preview(site.ops, &caller, &question,
                                        site.arena, &out, &site.fault),
                         people[i].status == 0);
        assert_int_equal(site.fault.status, people[i].status);
    }
}

/* --- enforcement --------------------------------------------------------- */

static void
test_new_leaves_old_tokens_alone(void **state)
{
    struct pn_secret secret = {0};
    struct pn_token *token = site_token_of(&site, "alice", &secret);

    (void) state;
    assert_int_equal(put(everyone(1, ",\"read_only\":true"), PN_ENFORCE_NEW, 0),
                     0);
    assert_int_equal(token_now(token->id).policy_expires_at, 0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    pn_secret_done(&secret);
}

static void
test_now_is_in_force_when_it_is_answered_and_reverting_lifts_it(void **state)
{
    struct pn_secret secret = {0};
    struct pn_token *token = site_token_of(&site, "alice", &secret);
    uint64_t version = present_version();

    (void) state;
    assert_int_equal(
        put(everyone(90, ",\"read_only\":true"), PN_ENFORCE_NOW, 0), 0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_TOKEN_EXPIRED);
    assert_int_equal(token_now(token->id).state, PN_STATE_EXPIRED);
    (void) site_compare(&site);
    assert_int_equal(revert_to(version), 0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    assert_int_equal(token_now(token->id).policy_expires_at, 0);
    assert_int_equal(token_now(token->id).expires_at, token->expires_at);
    (void) site_compare(&site);
    pn_secret_done(&secret);
}

static void
test_after_days_gives_everybody_time(void **state)
{
    struct pn_secret secret = {0};
    struct pn_token *token = site_token_of(&site, "alice", &secret);
    int64_t now = (int64_t) time(NULL), end;

    (void) state;
    assert_int_equal(
        put(everyone(90, ",\"read_only\":true"), PN_ENFORCE_AFTER, 14), 0);
    end = token_now(token->id).policy_expires_at;
    assert_true(end >= now + 14 * DAY && end <= now + 14 * DAY + 60);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    pn_secret_done(&secret);
}

static void
test_another_change_keeps_what_was_enforced_before(void **state)
{
    struct pn_token *token = site_token_of(&site, "alice", NULL);
    int64_t end = token->secrets[0].created_at + 30 * DAY;

    (void) state;
    assert_int_equal(put(everyone(30, ""), PN_ENFORCE_NOW, 0), 0);
    assert_int_equal(token_now(token->id).policy_expires_at, end);
    assert_int_equal(
        put(everyone(30, ",\"max_tokens_per_owner\":9"), PN_ENFORCE_NEW, 0), 0);
    assert_int_equal(token_now(token->id).policy_expires_at, end);
    assert_int_equal(put(everyone(60, ""), PN_ENFORCE_NEW, 0), 0);
    assert_int_equal(token_now(token->id).policy_expires_at, end + 30 * DAY);
    assert_int_equal(put(everyone(90, ""), PN_ENFORCE_NEW, 0), 0);
    assert_int_equal(token_now(token->id).policy_expires_at, 0);
    (void) site_compare(&site);
}

static void
test_a_token_that_is_brought_into_line_is_let_go(void **state)
{
    struct pn_secret secret = {0};
    struct pn_caller alice = site_session(&site, "alice"), stale = alice;
    struct pn_caller ada = site_session(&site, "ada");
    struct pn_token *token = site_token_of(&site, "alice", &secret);

    (void) state;
    stale.signed_in_at -= PN_SUDO_S + 60;
    assert_int_equal(
        put(everyone(90, ",\"read_only\":true"), PN_ENFORCE_NOW, 0), 0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_TOKEN_EXPIRED);
    assert_int_equal(
        site_token_edit(&site, &alice, token->id, "{\"description\":\"x\"}"),
        0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_TOKEN_EXPIRED);
    /* it works again then: as with all that lets a token do more */
    refused(
        site_token_edit(&site, &stale, token->id, "{\"access\":\"read-only\"}"),
        403, "sign_in_again");
    refused(
        site_token_edit(&site, &ada, token->id, "{\"access\":\"read-only\"}"),
        403, "owner_only");
    assert_int_equal(site_gate(&site, &secret), PN_REASON_TOKEN_EXPIRED);
    assert_int_equal(
        site_token_edit(&site, &alice, token->id, "{\"access\":\"read-only\"}"),
        0);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    pn_secret_done(&secret);
}

/* An end of one's own comes before the policy's, and moves on then. */
static void
test_an_enforced_end_cannot_be_put_aside(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    uint64_t id = site_token_of(&site, "alice", NULL)->id;

    (void) state;
    assert_int_equal(
        put(everyone(90, ",\"read_only\":true"), PN_ENFORCE_AFTER, 7), 0);
    assert_true(token_now(id).policy_expires_at != 0);
    assert_int_equal(
        site_token_edit(&site, &alice, id, "{\"expires_in_days\":3}"), 0);
    refused_field(
        site_token_edit(&site, &alice, id, "{\"expires_in_days\":80}"),
        "/access", "read_only_required");
    assert_int_equal(
        site_token_edit(&site, &alice, id,
                        "{\"expires_in_days\":80,\"access\":\"read-only\"}"),
        0);
    assert_int_equal(token_now(id).policy_expires_at, 0);
}

static void
test_a_token_that_the_policy_ended_changes_nothing_more(void **state)
{
    struct pn_caller alice = site_session(&site, "alice"), caller = {0};
    struct pn_secret secret = {0};

    (void) state;
    assert_int_equal(
        put(everyone(90, ",\"own_tokens_write\":true"), PN_ENFORCE_NEW, 0), 0);
    assert_int_equal(site_token_create(&site, &alice,
                                       "{\"name\":\"maker\",\"scopes\":["
                                       "\"own_tokens:write\"]}",
                                       NULL, &secret),
                     0);
    assert_int_equal(site_bearer(&site, &secret, &caller), 0);
    assert_int_equal(
        put(everyone(90, ",\"own_tokens_write\":true,\"read_only\":true"),
            PN_ENFORCE_NOW, 0),
        0);
    /* it was let in before; what it asked for comes after */
    refused(
        site_token_act(&site, &caller, PN_ACT_TOKEN_DISABLE, caller.token_id),
        401, "not_signed_in");
    pn_secret_done(&secret);
}

static void
test_a_name_taken_meanwhile_stays_with_its_new_token(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_token *old = NULL, *new = NULL;
    uint64_t version = present_version();

    (void) state;
    assert_int_equal(
        site_token_create(&site, &alice, "{\"name\":\"n\"}", &old, NULL), 0);
    assert_int_equal(
        put(everyone(90, ",\"read_only\":true"), PN_ENFORCE_NOW, 0), 0);
    assert_int_equal(
        site_token_create(&site, &alice, "{\"name\":\"n\"}", &new, NULL), 0);
    assert_int_equal(revert_to(version), 0);
    assert_int_equal(token_now(old->id).state, PN_STATE_ACTIVE);
    assert_int_equal(token_now(new->id).state, PN_STATE_ACTIVE);
    assert_int_equal(
        site_token_create(&site, &alice, "{\"name\":\"n\"}", NULL, NULL), 409);
}

static void
test_sending_back_what_was_read_makes_no_policy_end_the_tokens_own(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_token *token = site_token_of(&site, "alice", NULL);
    struct pn_token now;
    char *text;

    (void) state;
    assert_int_equal(put(everyone(30, ""), PN_ENFORCE_NOW, 0), 0);
    now = token_now(token->id);
    text = json_dumps(pn_token_to_json(&now, site.arena), JSON_COMPACT);
    assert_int_equal(site_token_edit(&site, &alice, token->id, text), 0);
    free(text);
    assert_int_equal(token_now(token->id).expires_at, token->expires_at);
}

/* --- history ------------------------------------------------------------- */

static struct pn_history
history(struct pn_page of)
{
    const struct pn_caller carol = site_session(&site, "carol");
    struct pn_history out = {0};

    assert_true(pn_ops_policy_history(site.ops, &carol, &of, site.arena, &out,
                                      &site.fault));
    return out;
}

static void
test_history_says_who_when_and_what_differs(void **state)
{
    const struct pn_caller ada = site_session(&site, "ada");
    struct pn_policy policy = policy_of(everyone(30, ""));
    struct pn_change change = {.act = PN_ACT_POLICY_PUT,
                               .in.policy = &policy,
                               .if_version = present_version(),
                               .enforce = PN_ENFORCE_AFTER,
                               .enforce_days = 7};
    struct pn_history got;
    const struct pn_history_item *item;
    char *text;

    (void) state;
    (void) site_token_of(&site, "alice", NULL);
    assert_int_equal(site_do(&site, &ada, &change), 0);
    got = history(page("", 10));
    assert_int_equal(got.count, change.policy->version);
    item = &got.item[0];
    assert_int_equal(item->made.version, change.policy->version);
    assert_string_equal(item->made.by, "ada");
    assert_true(item->made.at >= (int64_t) time(NULL) - 60);
    assert_int_equal(item->made.enforce, PN_ENFORCE_AFTER);
    assert_int_equal(item->made.days, 7);
    assert_int_equal(item->made.tokens_changed, 1);
    text = json_dumps(item->changes, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(
        text, "[{\"after\":[{\"group\":null,\"max_lifetime_days\":30}],"
              "\"before\":[{\"group\":null,\"max_lifetime_days\":90}],"
              "\"pointer\":\"/creation/grants\"}]");
    free(text);
    item = &got.item[got.count - 1];
    assert_int_equal(item->made.version, 1);
    assert_string_equal(item->made.by, "");
    assert_int_equal(item->made.at, 0);
    assert_int_equal(json_array_size(item->changes), 0);
}

static void
test_history_pages_hold_every_version_once(void **state)
{
    const char *cursor = "";
    uint64_t expected;

    (void) state;
    for (unsigned days = 1; days <= 6; days++) {
        assert_int_equal(put(everyone(days, ""), PN_ENFORCE_NEW, 0), 0);
    }
    expected = present_version();
    do {
        struct pn_history got = history(page(cursor, 2));

        for (uint16_t i = 0; i < got.count; i++) {
            assert_int_equal(got.item[i].made.version, expected--);
        }
        cursor = got.next;
    } while (cursor[0] != '\0');
    assert_int_equal(expected, 0);
}

static void
test_going_back_is_a_new_version_with_its_own_event(void **state)
{
    uint64_t first = present_version(), events;
    struct pn_policy then, now;
    struct pn_history got;

    (void) state;
    assert_true(
        pn_ops_policy(site.ops, &site_local, site.arena, &then, &site.fault));
    assert_int_equal(put(everyone(5, ""), PN_ENFORCE_NEW, 0), 0);
    events = site_audit(&site);
    assert_int_equal(revert_to(first), 0);
    assert_int_equal(site_audit(&site), events + 1);
    assert_true(
        pn_ops_policy(site.ops, &site_local, site.arena, &now, &site.fault));
    assert_int_equal(now.version, first + 2);
    assert_true(json_equal(pn_policy_to_json(&then, site.arena),
                           pn_policy_to_json(&now, site.arena)));
    got = history(page("", 1));
    assert_int_equal(got.item[0].made.reverted_to, first);
}

static void
test_going_back_needs_the_version_that_was_read(void **state)
{
    struct pn_change change = {.act = PN_ACT_POLICY_REVERT, .revert_to = 1};
    uint64_t version = present_version();

    (void) state;
    assert_int_equal(site_do(&site, &site_local, &change), 428);
    change.if_version = version - 1;
    assert_int_equal(site_do(&site, &site_local, &change), 412);
    assert_int_equal(revert_to(version + 1), 422);
    assert_string_equal(site.fault.fields[0].pointer, "/version");
    assert_int_equal(present_version(), version);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(test_preview_counts_lists_and_changes_nothing),
        SITE_TEST(test_preview_counts_who_was_used_in_the_last_24_hours),
        SITE_TEST(test_preview_pages_hold_every_token_once),
        SITE_TEST(test_preview_refuses_cursors_of_others),
        SITE_TEST(test_preview_warns_of_the_own_address),
        SITE_TEST(test_preview_is_for_who_may_read_the_policy),
        SITE_TEST(test_new_leaves_old_tokens_alone),
        SITE_TEST(
            test_now_is_in_force_when_it_is_answered_and_reverting_lifts_it),
        SITE_TEST(test_after_days_gives_everybody_time),
        SITE_TEST(test_another_change_keeps_what_was_enforced_before),
        SITE_TEST(test_a_token_that_is_brought_into_line_is_let_go),
        SITE_TEST(test_an_enforced_end_cannot_be_put_aside),
        SITE_TEST(test_a_token_that_the_policy_ended_changes_nothing_more),
        SITE_TEST(test_a_name_taken_meanwhile_stays_with_its_new_token),
        SITE_TEST(
            test_sending_back_what_was_read_makes_no_policy_end_the_tokens_own),
        SITE_TEST(test_history_says_who_when_and_what_differs),
        SITE_TEST(test_history_pages_hold_every_version_once),
        SITE_TEST(test_going_back_is_a_new_version_with_its_own_event),
        SITE_TEST(test_going_back_needs_the_version_that_was_read),
    };

    return cmocka_run_group_tests_name("ops_policy", tests, NULL, NULL);
}

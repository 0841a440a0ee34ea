/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tokens may do on Postern's own API, and what they show of themselves.
 */
#include "site_test.h"

static unsigned
make(const struct pn_caller *caller, const char *json, struct pn_token **token,
     struct pn_secret *secret)
{
    return site_token_create(&site, caller, json, token, secret);
}

/* alice's token with these settings, as a caller. */
static struct pn_caller
token_with(const char *json)
{
    struct pn_caller alice = site_session(&site, "alice"), caller = {0};
    struct pn_secret secret;

    assert_int_equal(make(&alice, json, NULL, &secret), 0);
    assert_int_equal(site_bearer(&site, &secret, &caller), 0);
    return caller;
}

static void
allow(void)
{
    assert_int_equal(site_policy(&site, &site_local,
                                 "{\"creation\":{\"own_tokens_write\":true}}"),
                     0);
}

/* 'y'; '-': the role cannot carry it; '0': switched off, or of no use yet. */
static char
answer(const char *scope, const char *username)
{
    static unsigned number;
    struct pn_caller caller = site_session(&site, username);
    char json[80];

    (void) snprintf(json, sizeof(json), "{\"name\":\"%u\",\"scopes\":[\"%s\"]}",
                    ++number, scope);
    if (make(&caller, json, NULL, NULL) == 0) {
        return 'y';
    }
    assert_string_equal(site.fault.fields[0].pointer, "/scopes/0");
    return strcmp(site.fault.fields[0].code, "scope_not_permitted") == 0 ? '-'
                                                                         : '0';
}

static void
must_answer(const char *scope, const char *username, char expected)
{
    char got = answer(scope, username);

    if (got != expected) {
        fail_msg("%s, %s: %c, not %c", scope, username, got, expected);
    }
}

static void
test_a_token_carries_no_more_than_its_owners_role(void **state)
{
    static const char *const roles[] = {"alice", "carol", "ada"};
    static const struct {
        const char *scope, *may; /* user, auditor, admin */
    } table[] = {
        {"own_tokens:write", "000"},
        {"tokens:read", "yyy"},
        {"tokens:revoke", "yyy"},
        {"users:read", "-yy"},
        {"users:write", "--y"},
        {"policy:read", "-yy"},
        {"policy:write", "--y"},
        {"audit:read", "-yy"},
        {"introspect", "-yy"},
        {"leaks", "000"},
        {"scim", "000"},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(table); i++) {
        for (size_t r = 0; r < PN_LEN(roles); r++) {
            must_answer(table[i].scope, roles[r], table[i].may[r]);
        }
    }
}

static void
test_a_role_that_ends_takes_its_scopes_along(void **state)
{
    struct pn_caller carol = site_session(&site, "carol"), token = {0};
    struct pn_user_query query = {.page = {.cursor = "", .limit = 5}};
    struct pn_user_list list;
    struct pn_secret secret;

    (void) state;
    assert_int_equal(make(&carol,
                          "{\"name\":\"x\",\"scopes\":[\"users:read\"]}", NULL,
                          &secret),
                     0);
    assert_int_equal(site_bearer(&site, &secret, &token), 0);
    assert_true(
        pn_ops_users(site.ops, &token, &query, site.arena, &list, &site.fault));
    assert_int_equal(
        site_user_edit(&site, &site_local, "carol", "{\"role\":\"user\"}"), 0);
    assert_int_equal(site_bearer(&site, &secret, &token), 0);
    assert_false(
        pn_ops_users(site.ops, &token, &query, site.arena, &list, &site.fault));
    assert_int_equal(site.fault.status, 403);
}

static void
test_making_tokens_by_token_is_off_until_the_policy_allows_it(void **state)
{
    static const char json[] =
        "{\"name\":\"maker\",\"scopes\":[\"own_tokens:write\"]}";
    struct pn_caller alice = site_session(&site, "alice"), maker;

    (void) state;
    assert_int_equal(make(&alice, json, NULL, NULL), 422);
    assert_string_equal(site.fault.fields[0].code, "scope_off");
    allow();
    maker = token_with(json);
    assert_int_equal(make(&maker, "{\"name\":\"made\"}", NULL, NULL), 0);
    /* and switched off it ends at once */
    assert_int_equal(site_policy(&site, &site_local,
                                 "{\"creation\":{\"own_tokens_write\":false}}"),
                     0);
    assert_int_equal(make(&maker, "{\"name\":\"more\"}", NULL, NULL), 403);
    assert_string_equal(site.fault.code, "scope_missing");
}

static void
test_a_token_makes_none_that_may_more_than_itself(void **state)
{
    static const char *const beyond[] = {
        "{\"name\":\"a\"}", /* every app, reading and writing */
        "{\"name\":\"a\",\"apps\":[\"wiki\"]}",
        "{\"name\":\"a\",\"access\":\"read-only\"}",
        "{\"name\":\"a\",\"access\":\"read-only\",\"apps\":[\"wiki\"],"
        "\"expires_in_days\":31}",
        "{\"name\":\"a\",\"access\":\"read-only\",\"apps\":[\"wiki\"],"
        "\"scopes\":[\"tokens:read\"]}",
    };
    struct pn_caller maker;
    struct pn_token *token = NULL;

    (void) state;
    allow();
    maker = token_with("{\"name\":\"maker\",\"access\":\"read-only\","
                       "\"apps\":[\"wiki\"],\"expires_in_days\":30,"
                       "\"scopes\":[\"own_tokens:write\"]}");
    for (size_t i = 0; i < PN_LEN(beyond); i++) {
        assert_int_equal(make(&maker, beyond[i], NULL, NULL), 403);
        assert_string_equal(site.fault.code, "beyond_itself");
    }
    /* a lifetime that nobody asked for ends with the maker's own */
    assert_int_equal(
        make(&maker,
             "{\"name\":\"a\",\"access\":\"read-only\",\"apps\":[\"wiki\"]}",
             &token, NULL),
        0);
    assert_true(token != NULL
                && token->expires_at - token->created_at
                       <= (int64_t) 30 * PN_DAY_S);
    /* nor does it widen itself */
    assert_int_equal(site_token_edit(&site, &maker, maker.token_id,
                                     "{\"access\":\"read-write\"}"),
                     403);
    assert_int_equal(
        site_token_edit(&site, &maker, maker.token_id, "{\"apps\":null}"), 403);
    assert_int_equal(site_token_edit(&site, &maker, maker.token_id,
                                     "{\"expires_in_days\":90}"),
                     403);
    assert_string_equal(site.fault.code, "beyond_itself");
}

static void
test_rotated_by_token_nothing_lives_longer_or_is_wider(void **state)
{
    struct pn_caller alice = site_session(&site, "alice"), maker;
    struct pn_token *wide = NULL, *own = NULL;
    struct pn_token before;

    (void) state;
    allow();
    assert_int_equal(make(&alice, "{\"name\":\"wide\"}", &wide, NULL), 0);
    maker = token_with("{\"name\":\"maker\",\"access\":\"read-only\","
                       "\"expires_in_days\":30,"
                       "\"scopes\":[\"own_tokens:write\"]}");
    assert_true(wide != NULL);
    assert_int_equal(
        site_token_rotate(&site, &maker, wide->id, "{}", NULL, NULL), 403);
    assert_string_equal(site.fault.code, "beyond_itself");
    assert_true(pn_ops_token(site.ops, &alice, maker.token_id, site.arena,
                             &before, &site.fault));
    assert_int_equal(
        site_token_rotate(&site, &maker, maker.token_id, "{}", &own, NULL), 0);
    assert_true(own != NULL && own->expires_at == before.expires_at);
}

/* --- by value ------------------------------------------------------------ */

static bool
is_active(const struct pn_caller *caller, const struct pn_secret *value)
{
    struct pn_introspection seen = {0};

    site.fault = (struct pn_fault){0};
    assert_true(pn_ops_introspect(site.ops, caller, value, site.arena, &seen,
                                  &site.fault));
    return seen.active;
}

static void
test_introspection_says_active_as_long_as_the_gate_would(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_caller carol = site_session(&site, "carol"), token = {0};
    struct pn_secret secret, scoped, unknown = {.bytes = "pst_no", .len = 6};
    struct pn_token *seen = site_token_of(&site, "alice", &secret);
    struct pn_introspection out;

    (void) state;
    assert_true(is_active(&carol, &secret));
    assert_false(is_active(&carol, &unknown));
    assert_int_equal(make(&carol,
                          "{\"name\":\"x\",\"scopes\":[\"introspect\"]}", NULL,
                          &scoped),
                     0);
    assert_int_equal(site_bearer(&site, &scoped, &token), 0);
    assert_true(is_active(&token, &secret));
    assert_false(pn_ops_introspect(site.ops, &alice, &secret, site.arena, &out,
                                   &site.fault));
    assert_int_equal(site.fault.status, 403);
    assert_int_equal(
        site_token_act(&site, &alice, PN_ACT_TOKEN_DISABLE, seen->id), 0);
    assert_false(is_active(&carol, &secret));
    assert_int_equal(
        site_token_act(&site, &alice, PN_ACT_TOKEN_ENABLE, seen->id), 0);
    assert_int_equal(
        site_user_edit(&site, &site_local, "alice", "{\"active\":false}"), 0);
    assert_false(is_active(&carol, &secret));
}

/* Whoever keeps the answer until "exp" must not keep it longer than the gate
 * would let the secret through. */
static void
test_introspection_tells_the_end_of_that_very_secret(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_secret old, fresh = {0};
    struct pn_token *token = site_token_of(&site, "alice", &old);
    struct pn_introspection seen = {0};

    (void) state;
    assert_int_equal(site_token_rotate(&site, &alice, token->id,
                                       "{\"overlap_hours\":2}", &token, &fresh),
                     0);
    assert_true(pn_ops_introspect(site.ops, &site_local, &old, site.arena,
                                  &seen, &site.fault));
    assert_true(seen.active);
    assert_int_equal(seen.ends_at, token->secrets[1].ends_at);
    assert_true(seen.ends_at != 0 && seen.ends_at < token->expires_at);
    assert_true(pn_ops_introspect(site.ops, &site_local, &fresh, site.arena,
                                  &seen, &site.fault));
    assert_int_equal(seen.ends_at, token->expires_at);
    pn_secret_done(&old);
    pn_secret_done(&fresh);
}

static void
test_a_superseded_secret_is_not_active_and_ends_nothing(void **state)
{
    static const struct pn_caller client = {.address = "192.0.2.7"};
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_secret old, fresh = {0};
    struct pn_token *token = site_token_of(&site, "alice", &old);

    (void) state;
    assert_int_equal(site_token_rotate(&site, &alice, token->id,
                                       "{\"overlap_hours\":0}", NULL, &fresh),
                     0);
    assert_false(is_active(&site_local, &old));
    assert_true(is_active(&site_local, &fresh));
    assert_true(
        pn_ops_revoke_value(site.ops, &client, &old, site.arena, &site.fault));
    assert_true(is_active(&site_local, &fresh));
}

static void
test_whoever_holds_a_token_may_end_it(void **state)
{
    static const struct pn_caller client = {.address = "192.0.2.7"};
    struct pn_secret secret, of_sleeper, unknown = {.bytes = "x", .len = 1};

    (void) state;
    (void) site_token_of(&site, "alice", &secret);
    (void) site_token_of(&site, "bob", &of_sleeper);
    assert_true(pn_ops_revoke_value(site.ops, &client, &unknown, site.arena,
                                    &site.fault));
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    assert_true(pn_ops_revoke_value(site.ops, &client, &secret, site.arena,
                                    &site.fault));
    assert_int_equal(site_gate(&site, &secret), PN_REASON_TOKEN_REVOKED);
    assert_true(pn_ops_revoke_value(site.ops, &client, &secret, site.arena,
                                    &site.fault));
    /* also while its owner is switched off: it would work again later */
    assert_int_equal(
        site_user_edit(&site, &site_local, "bob", "{\"active\":false}"), 0);
    assert_true(pn_ops_revoke_value(site.ops, &client, &of_sleeper, site.arena,
                                    &site.fault));
    assert_int_equal(site_gate(&site, &of_sleeper), PN_REASON_TOKEN_REVOKED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(test_a_token_carries_no_more_than_its_owners_role),
        SITE_TEST(test_a_role_that_ends_takes_its_scopes_along),
        SITE_TEST(
            test_making_tokens_by_token_is_off_until_the_policy_allows_it),
        SITE_TEST(test_a_token_makes_none_that_may_more_than_itself),
        SITE_TEST(test_rotated_by_token_nothing_lives_longer_or_is_wider),
        SITE_TEST(test_introspection_says_active_as_long_as_the_gate_would),
        SITE_TEST(test_introspection_tells_the_end_of_that_very_secret),
        SITE_TEST(test_a_superseded_secret_is_not_active_and_ends_nothing),
        SITE_TEST(test_whoever_holds_a_token_may_end_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

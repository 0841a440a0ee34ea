/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sign-in, sessions, passwords and the first administrator.
 */
#include "site_test.h"

static const struct pn_caller home = {
    .address = "192.0.2.7", .user_agent = "test", .request_id = "test"};
static const struct pn_caller elsewhere = {.address = "198.51.100.9"};

/* 0, or the status of the refusal. */
static unsigned
sign_in(const char *username, const char *password,
        const struct pn_caller *client, struct pn_secret *cookie,
        struct pn_caller *caller)
{
    struct pn_secret text;
    struct pn_sign_in claim = {
        .username = pn_str_from(username), .password = &text, .client = client};

    assert_int_equal(pn_secret_set(&text, pn_str_from(password)), PN_OK);
    site.fault = (struct pn_fault){0};
    return pn_ops_sign_in(site.ops, &claim, site.arena, cookie, caller,
                          &site.fault)
               ? 0
               : site.fault.status;
}

static unsigned
session(const struct pn_secret *cookie, struct pn_caller *caller)
{
    site.fault = (struct pn_fault){0};
    return pn_ops_session(site.ops, (struct pn_str){cookie->bytes, cookie->len},
                          &home, site.arena, caller, &site.fault)
               ? 0
               : site.fault.status;
}

static void
password_of(const char *username, const char *password)
{
    char json[128];

    (void) snprintf(json, sizeof(json), "{\"password\":\"%s\"}", password);
    assert_int_equal(site_user_edit(&site, &site_local, username, json), 0);
}

static void
test_right_password_opens_a_session_until_sign_out(void **state)
{
    struct pn_secret cookie = {0};
    struct pn_caller caller = {0}, again = {0};
    struct pn_change sign_out = {.act = PN_ACT_SIGN_OUT};

    (void) state;
    password_of("alice", "secret-of-alice");
    assert_int_equal(
        sign_in("Alice", "secret-of-alice", &home, &cookie, &caller), 0);
    assert_int_equal(cookie.len, 64);
    assert_int_equal(session(&cookie, &again), 0);
    assert_int_equal(again.user_id, caller.user_id);
    assert_int_equal(again.session_id, caller.session_id);
    assert_string_equal(again.username, "alice");
    assert_int_equal(site_do(&site, &again, &sign_out), 0);
    assert_int_equal(session(&cookie, &again), 401);
}

static void
test_wrong_unknown_inactive_and_passwordless_look_alike(void **state)
{
    struct pn_secret cookie = {0};
    struct pn_caller caller;
    static const char *const names[] = {"alice", "nobody", "sleepy", "bob"};

    (void) state;
    password_of("alice", "secret-of-alice");
    password_of("sleepy", "secret-of-sleepy");
    for (size_t i = 0; i < PN_LEN(names); i++) {
        assert_int_equal(
            sign_in(names[i], "secret-of-sleepy", &home, &cookie, &caller),
            401);
        assert_string_equal(site.fault.code, "sign_in_refused");
        assert_int_equal(cookie.len, 0);
    }
}

static void
test_guessing_is_throttled_here_and_nobody_is_locked_out(void **state)
{
    struct pn_secret cookie = {0};
    struct pn_caller caller;
    uint64_t events = 0;

    (void) state;
    password_of("alice", "secret-of-alice");
    events = site_audit(&site);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(
            sign_in("ALICE", "wrong-wrong", &home, &cookie, &caller), 401);
    }
    assert_int_equal(site_audit(&site), events + 10);
    assert_int_equal(
        sign_in("alice", "secret-of-alice", &home, &cookie, &caller), 429);
    assert_true(site.fault.retry_after_s > 0);
    assert_int_equal(
        sign_in("alice", "secret-of-alice", &elsewhere, &cookie, &caller), 0);
}

static void
test_signing_in_again_ends_the_session_before(void **state)
{
    struct pn_secret first = {0}, second = {0};
    struct pn_caller caller = {0}, other = {0};

    (void) state;
    password_of("alice", "secret-of-alice");
    assert_int_equal(
        sign_in("alice", "secret-of-alice", &home, &first, &caller), 0);
    assert_int_equal(
        sign_in("alice", "secret-of-alice", &caller, &second, &other), 0);
    assert_string_not_equal(first.bytes, second.bytes);
    assert_int_equal(session(&first, &caller), 401);
    assert_int_equal(session(&second, &caller), 0);
}

static void
test_deactivation_and_new_password_end_sessions(void **state)
{
    struct pn_secret cookie = {0};
    struct pn_caller caller;

    (void) state;
    password_of("alice", "secret-of-alice");
    assert_int_equal(
        sign_in("alice", "secret-of-alice", &home, &cookie, &caller), 0);
    password_of("alice", "another-of-alice");
    assert_int_equal(session(&cookie, &caller), 401);
    assert_int_equal(
        sign_in("alice", "another-of-alice", &home, &cookie, &caller), 0);
    assert_int_equal(
        site_user_edit(&site, &site_local, "alice", "{\"active\":false}"), 0);
    assert_int_equal(session(&cookie, &caller), 401);
    assert_int_equal(
        site_user_edit(&site, &site_local, "alice", "{\"active\":true}"), 0);
    assert_int_equal(session(&cookie, &caller), 401);
}

static void
test_first_admin_changes_the_password_before_all_else(void **state)
{
    struct pn_secret password = {0}, cookie = {0}, other = {0};
    struct pn_caller caller, second;
    struct pn_change change = {.act = PN_ACT_PASSWORD_CHANGE};

    (void) state;
    assert_int_equal(pn_ops_first_admin(site.ops, NULL, &password),
                     PN_E_EXISTS);
    site_stop(&site);
    database_drop(&site.db);
    database_new(&site.db, site.dir, "2");
    (void) snprintf(site.index, sizeof(site.index), "%s/index2", site.dir);
    site_start(&site);
    assert_int_equal(pn_ops_first_admin(site.ops, NULL, &password), PN_OK);
    assert_int_equal(sign_in("admin", password.bytes, &home, &cookie, &caller),
                     0);
    assert_int_equal(
        sign_in("admin", password.bytes, &elsewhere, &other, &second), 0);
    assert_true(caller.must_change_password);
    assert_int_equal(site_group_create(&site, &caller, "g"), 403);
    assert_string_equal(site.fault.code, "password_change_required");

    change.old_password = "not-the-password";
    change.new_password = "chosen-by-admin";
    assert_int_equal(site_do(&site, &caller, &change), 422);
    assert_string_equal(site.fault.fields[0].pointer, "/old");
    change.old_password = password.bytes;
    change.new_password = "short";
    assert_int_equal(site_do(&site, &caller, &change), 422);
    assert_string_equal(site.fault.fields[0].pointer, "/new");
    change.new_password = "chosen-by-admin";
    assert_int_equal(site_do(&site, &caller, &change), 0);

    assert_int_equal(session(&other, &second), 401);
    assert_int_equal(session(&cookie, &caller), 0);
    assert_false(caller.must_change_password);
    assert_int_equal(site_group_create(&site, &caller, "g"), 0);
}

static void
test_api_takes_tokens_and_no_passwords(void **state)
{
    /* alice:secret-of-alice */
    static const char basic[] = "Basic YWxpY2U6c2VjcmV0LW9mLWFsaWNl";
    struct pn_caller caller;

    (void) state;
    password_of("alice", "secret-of-alice");
    site.fault = (struct pn_fault){0};
    assert_false(pn_ops_authorization(site.ops, pn_str_from(basic), &home,
                                      site.arena, &caller, &site.fault));
    assert_int_equal(site.fault.status, 401);
    assert_string_equal(site.fault.code, "password_not_allowed");
    site.fault = (struct pn_fault){0};
    assert_false(pn_ops_authorization(site.ops, PN_STR("Bearer pst_x"), &home,
                                      site.arena, &caller, &site.fault));
    assert_string_equal(site.fault.code, "token_malformed");
}

/* What waits, or goes on for long, ends with the session. */
static void
test_a_session_that_was_ended_changes_nothing_more(void **state)
{
    struct pn_secret cookie = {0};
    struct pn_caller caller = {0};
    struct pn_change sign_out = {.act = PN_ACT_SIGN_OUT};

    (void) state;
    password_of("alice", "secret-of-alice");
    assert_int_equal(
        sign_in("alice", "secret-of-alice", &home, &cookie, &caller), 0);
    assert_int_equal(
        site_token_create(&site, &caller, "{\"name\":\"a\"}", NULL, NULL), 0);
    password_of("alice", "another-of-alice");
    refused(site_token_create(&site, &caller, "{\"name\":\"b\"}", NULL, NULL),
            401, "not_signed_in");
    assert_int_equal(
        sign_in("alice", "another-of-alice", &home, &cookie, &caller), 0);
    assert_int_equal(site_do(&site, &caller, &sign_out), 0);
    refused(site_token_create(&site, &caller, "{\"name\":\"c\"}", NULL, NULL),
            401, "not_signed_in");
    assert_int_equal(site_do(&site, &caller, &sign_out), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(test_right_password_opens_a_session_until_sign_out),
        SITE_TEST(test_wrong_unknown_inactive_and_passwordless_look_alike),
        SITE_TEST(test_guessing_is_throttled_here_and_nobody_is_locked_out),
        SITE_TEST(test_signing_in_again_ends_the_session_before),
        SITE_TEST(test_deactivation_and_new_password_end_sessions),
        SITE_TEST(test_a_session_that_was_ended_changes_nothing_more),
        SITE_TEST(test_first_admin_changes_the_password_before_all_else),
        SITE_TEST(test_api_takes_tokens_and_no_passwords),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

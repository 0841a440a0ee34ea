/* SPDX-License-Identifier: Apache-2.0 */
/* What a refused caller is told. */
#include "check.h"

#include <jansson.h>

#include "core/refusal.h"

static char bytes[PN_REFUSAL_BODY_MAX];

static struct pn_decision
deny(unsigned status, enum pn_reason reason)
{
    return (struct pn_decision){.reason = reason, .status = (uint16_t) status};
}

static json_t *
body(const struct pn_refusal *refusal)
{
    struct pn_buf buf = PN_BUF(bytes);
    json_t *object;

    pn_refusal_body(refusal, &buf);
    assert_false(buf.full);
    object = json_loadb(bytes, buf.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    return object;
}

static const char *
text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

static void
test_every_reason_has_a_body_of_its_own(void **state)
{
    (void) state;
    for (int i = PN_REASON_UNDECIDED; i < PN_REASON_COUNT; i++) {
        struct pn_decision decision = deny(403, (enum pn_reason) i);
        struct pn_refusal refusal = {.decision = &decision,
                                     .request_id = PN_STR("r\"1")};
        json_t *object = body(&refusal);

        assert_string_equal(text_of(object, "type"), "about:blank");
        assert_string_equal(text_of(object, "title"), "Forbidden");
        assert_string_equal(text_of(object, "code"),
                            pn_reason_code((enum pn_reason) i));
        assert_string_equal(text_of(object, "request_id"), "r\"1");
        assert_int_equal(json_integer_value(json_object_get(object, "status")),
                         403);
        assert_true(strlen(text_of(object, "detail")) > 20);
        json_decref(object);
    }
}

static void
test_an_expired_token_is_told_its_date(void **state)
{
    struct pn_decision decision = deny(401, PN_REASON_TOKEN_EXPIRED);
    struct pn_refusal refusal = {.decision = &decision};
    json_t *object;

    (void) state;
    decision.expires_at = 1781524800;
    object = body(&refusal);
    assert_string_equal(text_of(object, "expires_at"), "2026-06-15T12:00:00Z");
    assert_null(json_object_get(object, "request_id"));
    json_decref(object);
    decision.reason = PN_REASON_TOKEN_REVOKED;
    object = body(&refusal);
    assert_null(json_object_get(object, "expires_at"));
    json_decref(object);
}

static void
test_the_address_seen_is_told(void **state)
{
    struct pn_decision decision = deny(403, PN_REASON_IP_NOT_ALLOWED);
    struct pn_refusal refusal = {.decision = &decision, .has_address = true};
    json_t *object;

    (void) state;
    assert_int_equal(pn_ip_parse(PN_STR("192.0.2.7"), &refusal.address), PN_OK);
    object = body(&refusal);
    assert_non_null(strstr(text_of(object, "detail"), "192.0.2.7"));
    json_decref(object);
    refusal.has_address = false;
    object = body(&refusal);
    assert_non_null(strstr(text_of(object, "detail"), "not be determined"));
    json_decref(object);
}

static void
test_an_ambiguous_path_and_a_wait_are_explained(void **state)
{
    struct pn_decision decision = deny(400, PN_REASON_PATH_AMBIGUOUS);
    struct pn_refusal refusal = {.decision = &decision};
    json_t *object;

    (void) state;
    decision.ambiguity = PN_TARGET_DOT_SEGMENT;
    object = body(&refusal);
    assert_non_null(strstr(text_of(object, "detail"), "a dot segment"));
    json_decref(object);
    decision = deny(429, PN_REASON_RATE_LIMITED);
    decision.retry_after_s = 42;
    object = body(&refusal);
    assert_non_null(strstr(text_of(object, "detail"), "42 s"));
    json_decref(object);
}

static void
test_a_decision_nobody_made_is_unavailable(void **state)
{
    struct pn_decision decision = {.verdict = PN_DENY,
                                   .reason = (enum pn_reason) 99};
    struct pn_refusal refusal = {.decision = &decision};
    json_t *object = body(&refusal);

    (void) state;
    assert_int_equal(json_integer_value(json_object_get(object, "status")),
                     503);
    assert_string_equal(text_of(object, "code"), "not_ready");
    json_decref(object);
}

static const char *
basic(const struct pn_refusal *refusal)
{
    static char text[PN_CHALLENGE_MAX];
    struct pn_buf buf = PN_BUF(text);

    return pn_refusal_basic(refusal, &buf) ? pn_buf_cstr(&buf) : "none";
}

static const char *
bearer(const struct pn_refusal *refusal)
{
    static char text[PN_CHALLENGE_MAX];
    struct pn_buf buf = PN_BUF(text);

    return pn_refusal_bearer(refusal, &buf) ? pn_buf_cstr(&buf) : "none";
}

static void
test_challenges_stand_on_401_only(void **state)
{
    struct pn_decision decision = deny(401, PN_REASON_CREDENTIALS_MISSING);
    struct pn_refusal refusal = {.decision = &decision, .app = PN_STR("jira")};

    (void) state;
    assert_string_equal(basic(&refusal),
                        "Basic realm=\"jira\", charset=\"UTF-8\"");
    assert_string_equal(bearer(&refusal), "Bearer realm=\"jira\"");
    decision.reason = PN_REASON_TOKEN_EXPIRED;
    assert_string_equal(bearer(&refusal),
                        "Bearer realm=\"jira\", error=\"invalid_token\", "
                        "error_description=\"token_expired\"");
    decision.status = 403;
    assert_string_equal(basic(&refusal), "none");
    assert_string_equal(bearer(&refusal), "none");
    decision.status = 401;
    decision.verdict = PN_PASS;
    assert_string_equal(basic(&refusal), "none");
}

/* A browser answers a Basic challenge to a script with its login box. */
static void
test_a_page_s_own_request_gets_no_basic_challenge(void **state)
{
    static const struct {
        enum pn_challenge challenge;
        enum pn_client client;
        bool want;
    } table[] = {
        {PN_CHALLENGE_AUTO, PN_CLIENT_SCRIPT_OR_NAVIGATION, true},
        {PN_CHALLENGE_AUTO, PN_CLIENT_IN_PAGE, false},
        {PN_CHALLENGE_ALWAYS, PN_CLIENT_SCRIPT_OR_NAVIGATION, true},
        {PN_CHALLENGE_ALWAYS, PN_CLIENT_IN_PAGE, true},
        {PN_CHALLENGE_NEVER, PN_CLIENT_SCRIPT_OR_NAVIGATION, false},
        {PN_CHALLENGE_NEVER, PN_CLIENT_IN_PAGE, false},
    };
    struct pn_decision decision = deny(401, PN_REASON_CREDENTIALS_MISSING);

    (void) state;
    for (size_t i = 0; i < PN_LEN(table); i++) {
        struct pn_refusal refusal = {.decision = &decision,
                                     .challenge = table[i].challenge,
                                     .client = table[i].client};

        assert_int_equal(strcmp(basic(&refusal), "none") != 0, table[i].want);
        assert_string_equal(bearer(&refusal), "Bearer realm=\"Postern\"");
    }
}

static void
test_a_realm_cannot_break_out_of_its_quotes(void **state)
{
    struct pn_decision decision = deny(401, PN_REASON_CREDENTIALS_MISSING);
    struct pn_refusal refusal = {.decision = &decision,
                                 .app = PN_STR("a\"\\\r\n\xc3\xa4")};

    (void) state;
    assert_string_equal(bearer(&refusal), "Bearer realm=\"a\\\"\\\\????\"");
}

static void
test_status_titles(void **state)
{
    static const unsigned statuses[] = {400, 401, 403, 429, 503, 418};

    (void) state;
    for (size_t i = 0; i < PN_LEN(statuses); i++) {
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(pn_status_title(statuses[i]),
                                    pn_status_title(statuses[j]));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_reason_has_a_body_of_its_own),
        cmocka_unit_test(test_an_expired_token_is_told_its_date),
        cmocka_unit_test(test_the_address_seen_is_told),
        cmocka_unit_test(test_an_ambiguous_path_and_a_wait_are_explained),
        cmocka_unit_test(test_a_decision_nobody_made_is_unavailable),
        cmocka_unit_test(test_challenges_stand_on_401_only),
        cmocka_unit_test(test_a_page_s_own_request_gets_no_basic_challenge),
        cmocka_unit_test(test_a_realm_cannot_break_out_of_its_quotes),
        cmocka_unit_test(test_status_titles),
    };

    return cmocka_run_group_tests_name("refusal", tests, NULL, NULL);
}

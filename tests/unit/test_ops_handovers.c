/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hand-overs: prepared by an administrator, taken once, by the owner.
 */
#include <time.h>

#include "site_test.h"

/* 0, or the status; *code gets what the link ends with. */
static unsigned
prepare(const struct pn_caller *caller, const char *json,
        struct pn_secret *code, struct pn_handover **out)
{
    struct pn_handover_wish wish;
    struct pn_change change = {
        .act = PN_ACT_HANDOVER_CREATE, .in.handover = &wish, .secret = code};
    json_t *doc = NULL;
    unsigned status;

    *code = (struct pn_secret){0};
    site.fault = (struct pn_fault){0};
    assert_int_equal(pn_json_parse(pn_str_from(json), &doc, NULL, 0), PN_OK);
    doc = pn_json_defer(site.arena, doc);
    if (pn_handover_wish_from_json(doc, site.arena, &wish, &site.fault)
        != PN_OK) {
        return site.fault.status;
    }
    status = site_do(&site, caller, &change);
    if (out != NULL && change.handover != NULL) {
        *out = change.handover;
    }
    return status;
}

static unsigned
take(const struct pn_caller *caller, const struct pn_secret *code,
     struct pn_token **token, struct pn_secret *secret)
{
    struct pn_secret own = {0};
    struct pn_change change = {.act = PN_ACT_HANDOVER_TAKE,
                               .code = code->bytes,
                               .secret = secret != NULL ? secret : &own};
    unsigned status = site_do(&site, caller, &change);

    if (token != NULL && change.token != NULL) {
        *token = change.token;
    }
    return status;
}

static unsigned
withdraw(const struct pn_caller *caller, uint64_t id)
{
    struct pn_change change = {.act = PN_ACT_HANDOVER_WITHDRAW, .id = id};

    return site_do(&site, caller, &change);
}

static const char for_alice[] =
    "{\"owner\":\"alice\",\"settings\":{\"name\":\"backup\","
    "\"access\":\"read-only\",\"expires_in_days\":30,\"apps\":[\"wiki\"]}}";

static void
test_the_owner_takes_what_was_prepared(void **state)
{
    struct pn_caller ada = site_session(&site, "ada");
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_handover none = {0}, *prepared = &none;
    struct pn_token nothing = {0}, *token = &nothing;
    struct pn_secret code, secret = {0};
    struct pn_audit_event event;

    (void) state;
    assert_int_equal(prepare(&ada, for_alice, &code, &prepared), 0);
    assert_int_equal(code.len, 64);
    event = newest_event();
    assert_string_equal(event.action, "handover.create");
    assert_string_equal(event.actor, "ada");
    assert_true(says(event.personal, "\"owner\":\"alice\""));
    assert_false(says(event.detail, code.bytes)
                 || says(event.personal, code.bytes));
    assert_int_equal(take(&alice, &code, &token, &secret), 0);
    assert_string_equal(token->owner, "alice");
    assert_string_equal(token->name, "backup");
    assert_int_equal(token->access, PN_ACCESS_READ_ONLY);
    assert_int_equal(token->apps.count, 1);
    assert_int_equal(token->expires_at - token->created_at, 30 * PN_DAY_S);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    event = newest_event();
    assert_string_equal(event.action, "handover.take");
    assert_string_equal(event.actor, "alice");
    assert_true(says(event.subject, "tok_"));
    assert_true(says(event.personal, "\"made_by\":\"ada\""));
    assert_false(says(event.detail, secret.bytes)
                 || says(event.personal, secret.bytes));
    (void) site_audit(&site);
}

static void
test_a_link_works_once(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_secret code, again = {0};

    (void) state;
    assert_int_equal(prepare(&site_local, for_alice, &code, NULL), 0);
    assert_int_equal(take(&alice, &code, NULL, NULL), 0);
    assert_int_equal(take(&alice, &code, NULL, &again), 410);
    assert_string_equal(site.fault.code, "handover_taken");
    assert_int_equal(again.len, 0);
}

static void
test_to_anybody_else_the_link_leads_nowhere(void **state)
{
    struct pn_caller ada = site_session(&site, "ada");
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_caller bob = site_session(&site, "bob"), token = {0};
    struct pn_secret code, unknown = {.bytes = "nonsense", .len = 8}, own;
    struct pn_handover seen;

    (void) state;
    assert_int_equal(prepare(&ada, for_alice, &code, NULL), 0);
    assert_int_equal(take(&bob, &code, NULL, NULL), 404);
    assert_int_equal(take(&ada, &code, NULL, NULL), 404); /* who prepared it */
    assert_int_equal(take(&site_local, &code, NULL, NULL), 403);
    assert_int_equal(take(&alice, &unknown, NULL, NULL), 404);
    (void) site_token_of(&site, "alice", &own);
    assert_int_equal(site_bearer(&site, &own, &token), 0);
    assert_int_equal(take(&token, &code, NULL, NULL), 403);
    assert_false(pn_ops_handover_by_code(site.ops, &bob, code.bytes, site.arena,
                                         &seen, &site.fault));
    assert_int_equal(site.fault.status, 404);
    assert_true(pn_ops_handover_by_code(site.ops, &alice, code.bytes,
                                        site.arena, &seen, &site.fault));
    assert_int_equal(take(&alice, &code, NULL, NULL), 0);
}

static void
test_taking_needs_a_fresh_sign_in(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_secret code;

    (void) state;
    assert_int_equal(prepare(&site_local, for_alice, &code, NULL), 0);
    alice.signed_in_at -= PN_SUDO_S + 60;
    assert_int_equal(take(&alice, &code, NULL, NULL), 403);
    assert_string_equal(site.fault.code, "sign_in_again");
    alice.signed_in_at = (int64_t) time(NULL);
    assert_int_equal(take(&alice, &code, NULL, NULL), 0);
}

/* The policy of the moment of taking; what is refused can be taken later. */
static void
test_policy_is_judged_when_it_is_taken(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_secret code;
    struct pn_handover none = {0}, *prepared = &none;

    (void) state;
    assert_int_equal(prepare(&site_local, for_alice, &code, &prepared), 0);
    assert_int_equal(
        site_policy(&site, &site_local, "{\"creation\":{\"enabled\":false}}"),
        0);
    assert_int_equal(take(&alice, &code, NULL, NULL), 403);
    assert_string_equal(site.fault.code, "creation_off");
    assert_int_equal(
        site_policy(&site, &site_local,
                    "{\"creation\":{\"enabled\":true,\"grants\":[{\"group\":"
                    "null,\"max_lifetime_days\":7}]}}"),
        0);
    assert_int_equal(take(&alice, &code, NULL, NULL), 422);
    assert_string_equal(site.fault.fields[0].pointer,
                        "/settings/expires_in_days");
    assert_int_equal(site_policy(&site, &site_local,
                                 "{\"creation\":{\"grants\":[{\"group\":null,"
                                 "\"max_lifetime_days\":90}]}}"),
                     0);
    assert_int_equal(take(&alice, &code, NULL, NULL), 0);
}

/* It is saved, since groups and policy may be meant to change. */
static void
test_who_prepares_hears_what_the_owner_could_not_take(void **state)
{
    struct pn_handover_wish wish;
    struct pn_secret code = {0};
    struct pn_change change = {
        .act = PN_ACT_HANDOVER_CREATE, .in.handover = &wish, .secret = &code};
    json_t *doc = pn_json_defer(
        site.arena, json_pack("{s:s, s:{s:s, s:i}}", "owner", "alice",
                              "settings", "name", "x", "expires_in_days", 91));

    (void) state;
    site.fault = (struct pn_fault){0};
    assert_int_equal(
        pn_handover_wish_from_json(doc, site.arena, &wish, &site.fault), PN_OK);
    assert_int_equal(site_do(&site, &site_local, &change), 0);
    assert_int_equal(change.warning_count, 1);
    assert_true(says(change.warnings[0], "90 days"));
}

static void
test_another_name_helps_when_the_name_is_taken(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_secret code, secret = {0};
    struct pn_change change = {.act = PN_ACT_HANDOVER_TAKE, .secret = &secret};

    (void) state;
    assert_int_equal(
        site_token_create(&site, &alice, "{\"name\":\"backup\"}", NULL, NULL),
        0);
    assert_int_equal(prepare(&site_local, for_alice, &code, NULL), 0);
    assert_int_equal(take(&alice, &code, NULL, NULL), 409);
    change.code = code.bytes;
    change.name = "backup two";
    assert_int_equal(site_do(&site, &alice, &change), 0);
    assert_string_equal(change.token->name, "backup two");
}

static void
test_withdrawn_links_are_dead_and_taken_ones_stay(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_caller bob = site_session(&site, "bob");
    struct pn_caller carol = site_session(&site, "carol");
    struct pn_secret code;
    struct pn_handover none = {0}, *prepared = &none;

    (void) state;
    assert_int_equal(prepare(&site_local, for_alice, &code, &prepared), 0);
    assert_int_equal(withdraw(&bob, prepared->id), 404);
    assert_int_equal(withdraw(&carol, prepared->id), 403);
    assert_int_equal(withdraw(&site_local, 12345), 404);
    assert_int_equal(withdraw(&site_local, prepared->id), 0);
    assert_int_equal(withdraw(&site_local, prepared->id), 0);
    assert_int_equal(take(&alice, &code, NULL, NULL), 410);
    assert_string_equal(site.fault.code, "handover_withdrawn");
    /* its owner may decline */
    assert_int_equal(prepare(&site_local, for_alice, &code, &prepared), 0);
    assert_int_equal(withdraw(&alice, prepared->id), 0);
    assert_int_equal(prepare(&site_local, for_alice, &code, &prepared), 0);
    assert_int_equal(take(&alice, &code, NULL, NULL), 0);
    assert_int_equal(withdraw(&site_local, prepared->id), 409);
    assert_string_equal(site.fault.code, "handover_taken");
}

/* A row of two days ago, put into the store: nobody waits for a day here. */
static void
test_an_expired_link_says_so(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_secret secret = {0};
    struct pn_store *store = NULL;
    struct pn_hash hash;
    char settings[] = "{\"name\":\"x\"}", name[] = "alice", ada[] = "ada";
    const struct pn_handover old = {
        .id = 4711,
        .owner_id = alice.user_id,
        .owner = name,
        .settings = settings,
        .made_by = ada,
        .made_at = (int64_t) time(NULL) - (int64_t) 3 * PN_DAY_S,
        .expires_at = (int64_t) time(NULL) - (int64_t) 2 * PN_DAY_S};
    struct pn_change change = {
        .act = PN_ACT_HANDOVER_TAKE, .code = "the-code", .secret = &secret};

    (void) state;
    site_stop(&site);
    assert_int_equal(pn_store_open(site.db.url, PN_STORE_WRITE, &store), PN_OK);
    pn_hash_of(PN_STR("the-code"), &hash);
    assert_int_equal(pn_store_handover_insert(store, &old, &hash), PN_OK);
    pn_store_close(store);
    site_start(&site);
    assert_int_equal(site_do(&site, &alice, &change), 410);
    assert_string_equal(site.fault.code, "handover_expired");
}

static void
test_stopping_either_side_withdraws_what_waits(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_caller gil = site_session(&site, "gil");
    struct pn_secret code;
    struct pn_change stop = {.act = PN_ACT_USER_STOP, .name = "gil"};

    (void) state;
    assert_int_equal(prepare(&gil, for_alice, &code, NULL), 0);
    assert_int_equal(site_do(&site, &site_local, &stop), 0);
    assert_int_equal(stop.stopped.handovers_withdrawn, 1);
    assert_int_equal(take(&alice, &code, NULL, NULL), 410);
    assert_int_equal(prepare(&site_local, for_alice, &code, NULL), 0);
    stop.name = "alice";
    assert_int_equal(site_do(&site, &site_local, &stop), 0);
    assert_int_equal(stop.stopped.handovers_withdrawn, 1);
}

static void
test_no_more_wait_than_the_limit(void **state)
{
    struct pn_secret code;

    (void) state;
    for (int i = 0; i < PN_HANDOVERS_WAITING_MAX; i++) {
        assert_int_equal(prepare(&site_local, for_alice, &code, NULL), 0);
    }
    assert_int_equal(prepare(&site_local, for_alice, &code, NULL), 409);
    assert_string_equal(site.fault.code, "too_many_handovers");
    assert_int_equal(code.len, 0);
}

static void
test_wrong_wishes_name_the_field(void **state)
{
    static const struct {
        const char *json, *pointer, *code;
    } wrong[] = {
        {"{}", "/owner", "required"},
        {"{\"owner\":\"alice\"}", "/settings", "required"},
        {"{\"owner\":\"alice\",\"settings\":{}}", "/settings/name", "required"},
        {"{\"owner\":\"nobody\",\"settings\":{\"name\":\"x\"}}", "/owner",
         "unknown_user"},
        {"{\"owner\":\"sleepy\",\"settings\":{\"name\":\"x\"}}", "/owner",
         "owner_inactive"},
        {"{\"owner\":\"alice\",\"settings\":{\"name\":\"x\"},\"valid_days\":"
         "31}",
         "/valid_days", "out_of_range"},
        {"{\"owner\":\"alice\",\"settings\":{\"name\":\"x\"},\"valid_days\":0}",
         "/valid_days", "out_of_range"},
        {"{\"owner\":\"alice\",\"settings\":{\"name\":\"x\",\"token\":\"y\"}}",
         "/settings/token", "unknown_field"},
        {"{\"owner\":\"alice\",\"settings\":{\"name\":\"x\",\"ip_rules\":{"
         "\"allow\":[\"10.0.0.1/8\"]}}}",
         "/settings/ip_rules/allow/0", "host_bits"},
        {"{\"owner\":\"alice\",\"settings\":{\"name\":\"x\"},\"to\":1}", "/to",
         "unknown_field"},
    };
    struct pn_secret code;

    (void) state;
    for (size_t i = 0; i < PN_LEN(wrong); i++) {
        assert_int_equal(prepare(&site_local, wrong[i].json, &code, NULL), 422);
        assert_string_equal(site.fault.fields[0].pointer, wrong[i].pointer);
        assert_string_equal(site.fault.fields[0].code, wrong[i].code);
    }
}

static void
test_people_see_those_for_them_and_administrators_all(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_caller bob = site_session(&site, "bob");
    struct pn_caller carol = site_session(&site, "carol");
    struct pn_handover_query query = {.page = {.cursor = "", .limit = 10}};
    struct pn_handover_list list = {0};
    struct pn_handover none = {0}, *prepared = &none, seen;
    struct pn_secret code;

    (void) state;
    assert_int_equal(prepare(&site_local, for_alice, &code, &prepared), 0);
    assert_true(pn_ops_handovers(site.ops, &alice, &query, site.arena, &list,
                                 &site.fault));
    assert_int_equal(list.count, 1);
    assert_true(pn_ops_handovers(site.ops, &bob, &query, site.arena, &list,
                                 &site.fault));
    assert_int_equal(list.count, 0);
    assert_true(pn_ops_handovers(site.ops, &carol, &query, site.arena, &list,
                                 &site.fault));
    assert_int_equal(list.count, 1);
    assert_true(pn_ops_handover(site.ops, &alice, prepared->id, site.arena,
                                &seen, &site.fault));
    assert_false(pn_ops_handover(site.ops, &bob, prepared->id, site.arena,
                                 &seen, &site.fault));
    assert_int_equal(site.fault.status, 404);
    query.owner = "alice";
    assert_false(pn_ops_handovers(site.ops, &bob, &query, site.arena, &list,
                                  &site.fault));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(test_the_owner_takes_what_was_prepared),
        SITE_TEST(test_a_link_works_once),
        SITE_TEST(test_to_anybody_else_the_link_leads_nowhere),
        SITE_TEST(test_taking_needs_a_fresh_sign_in),
        SITE_TEST(test_policy_is_judged_when_it_is_taken),
        SITE_TEST(test_who_prepares_hears_what_the_owner_could_not_take),
        SITE_TEST(test_another_name_helps_when_the_name_is_taken),
        SITE_TEST(test_withdrawn_links_are_dead_and_taken_ones_stay),
        SITE_TEST(test_an_expired_link_says_so),
        SITE_TEST(test_stopping_either_side_withdraws_what_waits),
        SITE_TEST(test_no_more_wait_than_the_limit),
        SITE_TEST(test_wrong_wishes_name_the_field),
        SITE_TEST(test_people_see_those_for_them_and_administrators_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

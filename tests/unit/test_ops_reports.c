/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What address rules in report mode saw, on real store and index: noted with
 * the uses, judged by the rule of today, told when the rule is to refuse.
 */
#include <time.h>

#include "daemon/ops/reports.h"
#include "site_test.h"

/* Half of wiki's clients are inside, half outside. */
#define OFFICE "\"default\":\"deny\",\"allow\":[\"10.0.0.0/9\"]"

static struct pn_use
seen(const struct pn_token *token, const char *address,
     enum pn_reporter reporters)
{
    int64_t now = (int64_t) time(NULL);
    struct pn_use use = {.token_id = token->id,
                         .outcome = PN_REASON_OK,
                         .reporters = (uint8_t) reporters,
                         .count = 2,
                         .first_at = now,
                         .at = now,
                         .app = "wiki",
                         .method = "GET",
                         .seen = {{.at = now}},
                         .seen_count = 1};

    assert_int_equal(pn_ip_parse(pn_str_from(address), &use.seen[0].ip), PN_OK);
    return use;
}

static void
write_uses(const struct pn_use *uses, size_t count)
{
    assert_int_equal(pn_ops_uses(site.ops, uses, count), PN_OK);
}

static unsigned
ask(const struct pn_caller *caller, const struct pn_report_query *query,
    struct pn_report_list *out)
{
    struct pn_report_query asked = *query;

    asked.page = (struct pn_page){"", 50};
    *out = (struct pn_report_list){0};
    site.fault = (struct pn_fault){0};
    return pn_ops_reports(site.ops, caller, &asked, site.arena, out,
                          &site.fault)
               ? 0
               : site.fault.status;
}

static struct pn_report_list
all(void)
{
    const struct pn_report_query everything = {.app = NULL};
    struct pn_report_list list;

    assert_int_equal(ask(&site_local, &everything, &list), 0);
    return list;
}

static void
wiki(const char *json)
{
    struct pn_change change = {.act = PN_ACT_APP_EDIT, .name = "wiki"};

    assert_int_equal(
        pn_json_parse(pn_str_from(json), &change.in.patch, NULL, 0), PN_OK);
    change.in.patch = pn_json_defer(site.arena, change.in.patch);
    assert_int_equal(site_do(&site, &site_local, &change), 0);
    site.fault.detail = change.warning_count > 0 ? change.warnings[0] : "";
}

static void
test_a_report_names_rule_owner_token_and_address(void **state)
{
    struct pn_token *token = site_token_of(&site, "alice", NULL);
    const struct pn_use uses[] = {
        seen(token, "192.0.2.9", PN_REPORTER_POLICY),
        seen(token, "2001:db8::1", PN_REPORTER_POLICY | PN_REPORTER_APP)};
    struct pn_report_list got;

    (void) state;
    write_uses(uses, 2);
    got = all();
    assert_int_equal(got.count, 3);
    assert_int_equal(got.item[0].seen.rule, PN_REPORTER_APP);
    assert_int_equal(got.item[2].seen.rule, PN_REPORTER_POLICY);
    assert_string_equal(got.item[2].seen.owner, "alice");
    assert_string_equal(got.item[2].seen.token, token->name);
    assert_string_equal(got.item[2].seen.app, "wiki");
    assert_int_equal(got.item[2].seen.uses, 2);
    assert_memory_equal(&got.item[2].seen.address, &uses[0].seen[0].ip, 16);
}

/* A rule that is mended meanwhile does not go on looking bad. */
static void
test_each_is_judged_by_the_rule_as_it_is_now(void **state)
{
    struct pn_token *token = site_token_of(&site, "alice", NULL);
    struct pn_use uses[] = {
        seen(token, "192.0.2.9", PN_REPORTER_POLICY),
        seen(token, "10.1.1.1", PN_REPORTER_POLICY),
        seen(token, "::", PN_REPORTER_POLICY),
        seen(token, "192.0.2.9", PN_REPORTER_APP),
        seen(token, "192.0.2.10", PN_REPORTER_POLICY),
        seen(token, "192.0.2.9", PN_REPORTER_APP),
    };
    static const enum pn_report_verdict expected[] = {
        PN_REPORT_UNKNOWN, /* an app that is not there */
        PN_REPORT_UNKNOWN, /* further addresses */
        PN_REPORT_ALLOWED, /* wiki has no rule any more */
        PN_REPORT_REFUSED, /* an unknown address fails every rule */
        PN_REPORT_ALLOWED, PN_REPORT_REFUSED};
    struct pn_report_list got;

    (void) state;
    uses[4].further = true;
    uses[5].app = "gone";
    set_policy("{\"ip_rules\":{\"mode\":\"report\"," OFFICE "}}");
    write_uses(uses, PN_LEN(uses));
    got = all();
    assert_int_equal(got.count, PN_LEN(expected));
    for (size_t i = 0; i < PN_LEN(expected); i++) {
        assert_int_equal(got.item[i].now, expected[i]);
    }
    set_policy("{\"ip_rules\":{\"mode\":\"report\",\"default\":\"deny\","
               "\"allow\":[\"192.0.2.0/24\"]}}");
    wiki("{\"ip_rules\":{\"mode\":\"report\"," OFFICE "}}");
    got = all();
    assert_int_equal(got.item[2].now, PN_REPORT_REFUSED);
    assert_int_equal(got.item[4].now, PN_REPORT_REFUSED);
    assert_int_equal(got.item[5].now, PN_REPORT_ALLOWED);
}

static void
test_auditors_and_administrators_see_them(void **state)
{
    static const struct {
        const char *who;
        unsigned status;
    } people[] = {{"alice", 403}, {"carol", 0}, {"ada", 0}};
    const struct pn_report_query everything = {.app = NULL},
                                 nobody = {.owner = "nosuch"},
                                 bobs = {.owner = "bob"};
    struct pn_token *token = site_token_of(&site, "alice", NULL);
    const struct pn_use use = seen(token, "192.0.2.9", PN_REPORTER_POLICY);
    struct pn_report_list got;

    (void) state;
    write_uses(&use, 1);
    for (size_t i = 0; i < PN_LEN(people); i++) {
        struct pn_caller caller = site_session(&site, people[i].who);

        assert_int_equal(ask(&caller, &everything, &got), people[i].status);
        assert_int_equal(got.count, people[i].status == 0);
    }
    assert_int_equal(ask(&site_local, &nobody, &got), 404);
    assert_int_equal(ask(&site_local, &bobs, &got), 0);
    assert_int_equal(got.count, 0);
}

static struct pn_preview
preview(const char *rules)
{
    struct pn_policy policy;
    json_t *doc = NULL;
    const struct pn_preview_question question = {.policy = &policy,
                                                 .page = {"", 5}};
    struct pn_preview out = {0};

    assert_int_equal(pn_json_parse(pn_str_from(rules), &doc, NULL, 0), PN_OK);
    assert_int_equal(pn_policy_from_json(pn_json_defer(site.arena, doc),
                                         site.arena, &policy, &site.fault),
                     PN_OK);
    assert_true(pn_ops_preview(site.ops, &site_local, &question, site.arena,
                               &out, &site.fault));
    return out;
}

static void
test_a_preview_says_whom_the_rule_will_refuse(void **state)
{
    struct pn_token *alices = site_token_of(&site, "alice", NULL);
    struct pn_token *other = site_token_of(&site, "alice", NULL);
    struct pn_token *bobs = site_token_of(&site, "bob", NULL);
    struct pn_token *gone = site_token_of(&site, "bob", NULL);
    struct pn_use uses[] = {
        seen(alices, "192.0.2.1", PN_REPORTER_POLICY),
        seen(alices, "192.0.2.2", PN_REPORTER_POLICY),
        seen(alices, "10.128.0.1", PN_REPORTER_POLICY),
        seen(other, "192.0.2.1", PN_REPORTER_POLICY),
        seen(bobs, "10.128.0.1", PN_REPORTER_POLICY),
        seen(bobs, "192.0.2.1", PN_REPORTER_POLICY),
        seen(gone, "192.0.2.1", PN_REPORTER_POLICY),
    };
    struct pn_preview got;

    (void) state;
    uses[5].further = true;
    got = preview("{\"ip_rules\":{" OFFICE "}}");
    assert_false(got.report_ends); /* there was no rule that reported */
    set_policy("{\"ip_rules\":{\"mode\":\"report\"," OFFICE "}}");
    write_uses(uses, PN_LEN(uses));
    assert_int_equal(
        site_token_act(&site, &site_local, PN_ACT_TOKEN_REVOKE, gone->id), 0);
    got = preview("{\"ip_rules\":{\"mode\":\"report\"," OFFICE "}}");
    assert_false(got.report_ends);
    got = preview("{\"ip_rules\":{" OFFICE "}}");
    assert_true(got.report_ends);
    assert_int_equal(got.reports.tokens, 3);
    assert_int_equal(got.reports.owners, 2);
    assert_int_equal(got.reports.requests, 10);
    assert_int_equal(got.reports.unlisted, 2);
    assert_int_equal(got.warning_count, 1);
    assert_true(says(got.warnings[0], "3 tokens of 2 owners were"));
    /* by the rule that is asked about, not by the one that saw them */
    got = preview("{\"ip_rules\":{\"default\":\"deny\",\"allow\":["
                  "\"10.0.0.0/8\"]}}");
    assert_int_equal(got.reports.tokens, 2);
    assert_int_equal(got.reports.owners, 1);
    assert_int_equal(got.reports.requests, 6);
}

static void
test_an_app_warns_when_its_rule_is_to_refuse(void **state)
{
    struct pn_token *token = site_token_of(&site, "alice", NULL);
    const struct pn_use use = seen(token, "192.0.2.9", PN_REPORTER_APP);

    (void) state;
    wiki("{\"ip_rules\":{\"mode\":\"report\"," OFFICE "}}");
    write_uses(&use, 1);
    wiki("{\"ip_rules\":{\"mode\":\"report\"," OFFICE "}}");
    assert_string_equal(site.fault.detail, "");
    wiki("{\"ip_rules\":{\"mode\":\"enforce\"," OFFICE "}}");
    assert_true(says(site.fault.detail, "1 token of 1 owner was"));
    wiki("{\"ip_rules\":{\"mode\":\"enforce\"," OFFICE
         "},\"cookies\":\"keep\"}");
    assert_string_equal(site.fault.detail, ""); /* said once */
}

static void
test_reports_of_an_app_end_with_it(void **state)
{
    struct pn_token *token = site_token_of(&site, "alice", NULL);
    struct pn_use use = seen(token, "192.0.2.9", PN_REPORTER_APP);
    struct pn_change change = {.act = PN_ACT_APP_DELETE, .name = "vault"};

    (void) state;
    use.app = "vault";
    write_uses(&use, 1);
    assert_int_equal(all().count, 1);
    assert_int_equal(site_do(&site, &site_local, &change), 0);
    assert_int_equal(all().count, 0);
}

/* The gate of this site sees 192.0.2.7. */
static void
test_an_app_that_only_reports_lets_everybody_in(void **state)
{
    struct pn_secret secret;

    (void) state;
    (void) site_token_of(&site, "alice", &secret);
    wiki("{\"ip_rules\":{\"mode\":\"report\"," OFFICE "}}");
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
    wiki("{\"ip_rules\":{\"mode\":\"enforce\"," OFFICE "}}");
    assert_int_equal(site_gate(&site, &secret), PN_REASON_IP_NOT_ALLOWED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(test_a_report_names_rule_owner_token_and_address),
        SITE_TEST(test_each_is_judged_by_the_rule_as_it_is_now),
        SITE_TEST(test_auditors_and_administrators_see_them),
        SITE_TEST(test_a_preview_says_whom_the_rule_will_refuse),
        SITE_TEST(test_an_app_warns_when_its_rule_is_to_refuse),
        SITE_TEST(test_reports_of_an_app_end_with_it),
        SITE_TEST(test_an_app_that_only_reports_lets_everybody_in),
    };

    return cmocka_run_group_tests_name("ops_reports", tests, NULL, NULL);
}

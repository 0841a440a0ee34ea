/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking what the gate would say: by the rules in force, and by drafts of
 * policy, application and token that nobody saved.
 */
#include <time.h>

#include "site_test.h"

static json_t *
parsed(const char *text)
{
    json_t *doc = NULL;

    assert_int_equal(pn_json_parse(pn_str_from(text), &doc, NULL, 0), PN_OK);
    return pn_json_defer(site.arena, doc);
}

/* Documents of a draft; NULL = none. */
struct drafted {
    const char *policy, *app, *token;
};

static struct pn_draft *
draft_of(const struct drafted *texts)
{
    struct pn_draft *draft = pn_arena_alloc(site.arena, sizeof(*draft));
    struct pn_policy *policy = pn_arena_alloc(site.arena, sizeof(*policy));
    struct pn_app *app = pn_arena_alloc(site.arena, sizeof(*app)), wiki;
    struct pn_token_wish *token = pn_arena_alloc(site.arena, sizeof(*token));
    struct pn_fault fault = {0};

    assert_true(draft != NULL && policy != NULL && app != NULL
                && token != NULL);
    if (texts->policy != NULL) {
        assert_int_equal(pn_policy_from_json(parsed(texts->policy), site.arena,
                                             policy, &fault),
                         PN_OK);
        draft->policy = policy;
    }
    if (texts->app != NULL) {
        assert_true(pn_ops_app(site.ops, &site_local, "wiki", site.arena, &wiki,
                               &fault));
        assert_int_equal(pn_app_from_json(parsed(texts->app), &wiki, site.arena,
                                          app, &fault),
                         PN_OK);
        draft->app = app;
    }
    if (texts->token != NULL) {
        assert_int_equal(pn_token_wish_from_json(parsed(texts->token),
                                                 site.arena, token, &fault),
                         PN_OK);
        draft->token = token;
    }
    return draft;
}

static unsigned
ask(const struct pn_caller *caller, const struct pn_question *question,
    struct pn_explanation *out)
{
    *out = (struct pn_explanation){.has_draft = false};
    site.fault = (struct pn_fault){0};
    return pn_ops_explain(site.ops, caller, question, site.arena, out,
                          &site.fault)
               ? 0
               : site.fault.status;
}

static struct pn_question
about(const struct pn_token *token)
{
    return (struct pn_question){.token_id = token->id,
                                .app = "wiki",
                                .method = "POST",
                                .url = "/rest/x",
                                .address = "192.0.2.7",
                                .tls = true};
}

#define EVERYONE                                                               \
    "\"creation\":{\"enabled\":true,\"grants\":[{\"group\":null,"              \
    "\"max_lifetime_days\":90}]}"
#define OFFICE "\"ip_rules\":{\"default\":\"deny\",\"allow\":[\"10.0.0.0/8\"]"
#define WATCH  OFFICE ",\"mode\":\"report\"}"

static const struct {
    struct drafted draft;
    enum pn_reason reason;
    const char *where, *pointer;
    const char *reporter; /* the first; NULL = none */
} replaced[] = {
    {{NULL, NULL, NULL}, PN_REASON_OK, "", "", NULL},
    {{"{" EVERYONE "}", NULL, NULL}, PN_REASON_OK, "", "", NULL},
    {{"{" EVERYONE "," OFFICE "}}", NULL, NULL},
     PN_REASON_IP_NOT_ALLOWED,
     "policy",
     "/ip_rules",
     NULL},
    {{"{" EVERYONE "," WATCH "}", NULL, NULL}, PN_REASON_OK, "", "", "policy"},
    {{"{}", NULL, NULL},
     PN_REASON_OWNER_NOT_PERMITTED,
     "policy",
     "/creation",
     NULL},
    {{NULL, "{" OFFICE "}}", NULL},
     PN_REASON_IP_NOT_ALLOWED,
     "app \"wiki\"",
     "/ip_rules",
     NULL},
    {{NULL, "{" WATCH "}", NULL}, PN_REASON_OK, "", "", "app \"wiki\""},
    {{"{" EVERYONE "," WATCH "}", "{" WATCH "}", NULL},
     PN_REASON_OK,
     "",
     "",
     "policy"},
    {{"{" EVERYONE "," WATCH "}", "{" OFFICE "}}", NULL},
     PN_REASON_IP_NOT_ALLOWED,
     "app \"wiki\"",
     "/ip_rules",
     NULL},
    {{NULL, "{\"groups\":[\"keepers\"]}", NULL},
     PN_REASON_APP_NOT_ALLOWED,
     "app \"wiki\"",
     "/groups",
     NULL},
    {{NULL, NULL, "{" OFFICE "}}"},
     PN_REASON_IP_NOT_ALLOWED,
     "token \"backup\"",
     "/ip_rules",
     NULL},
    {{NULL, NULL, "{\"paths\":[\"/other/**\"]}"},
     PN_REASON_PATH_NOT_ALLOWED,
     "token \"backup\"",
     "/paths",
     NULL},
    {{NULL, NULL, "{\"access\":\"read-only\"}"},
     PN_REASON_READ_ONLY_TOKEN,
     "token \"backup\"",
     "/access",
     NULL},
    {{NULL, NULL, "{\"apps\":[\"vault\"]}"},
     PN_REASON_APP_NOT_ALLOWED,
     "token \"backup\"",
     "/apps",
     NULL},
    {{NULL, NULL, "{\"not_before\":\"2100-01-01T00:00:00Z\"}"},
     PN_REASON_TOKEN_NOT_YET_VALID,
     "token \"backup\"",
     "/not_before",
     NULL},
};

static void
test_drafts_of_policy_app_and_token_take_their_place(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_token *token = NULL;
    struct pn_explanation said;
    uint64_t events;

    (void) state;
    assert_int_equal(
        site_token_create(&site, &alice, "{\"name\":\"backup\"}", &token, NULL),
        0);
    events = site_audit(&site);
    for (size_t i = 0; i < PN_LEN(replaced); i++) {
        struct pn_question question = about(token);

        question.draft = draft_of(&replaced[i].draft);
        assert_int_equal(ask(&site_local, &question, &said), 0);
        assert_true(said.has_draft);
        assert_int_equal(said.in_force.decision.reason, PN_REASON_OK);
        assert_int_equal(said.in_force.reporter_count, 0);
        assert_int_equal(said.draft.decision.reason, replaced[i].reason);
        assert_string_equal(said.draft.where, replaced[i].where);
        assert_string_equal(said.draft.pointer, replaced[i].pointer);
        assert_int_equal(said.draft.reporter_count > 0,
                         replaced[i].reporter != NULL);
        if (replaced[i].reporter != NULL) {
            assert_string_equal(said.draft.reporter[0], replaced[i].reporter);
        }
    }
    assert_int_equal(site_audit(&site), events); /* nothing happened */
}

/* Narrow in force, wide in the draft: what is asked about is replaced. */
static void
test_a_draft_may_let_in_what_is_refused(void **state)
{
    struct pn_caller alice = site_session(&site, "alice");
    struct pn_token *token = NULL;
    struct pn_explanation said;
    struct pn_question question;

    (void) state;
    assert_int_equal(site_token_create(&site, &alice,
                                       "{\"name\":\"backup\"," OFFICE
                                       "},\"access\":\"read-only\"}",
                                       &token, NULL),
                     0);
    question = about(token);
    question.draft = draft_of(&(struct drafted){
        .token = "{\"ip_rules\":null,\"access\":\"read-write\"}"});
    assert_int_equal(ask(&alice, &question, &said), 0);
    assert_int_equal(said.in_force.decision.reason, PN_REASON_IP_NOT_ALLOWED);
    assert_int_equal(said.draft.decision.reason, PN_REASON_OK);
    question.draft = NULL;
    assert_int_equal(ask(&alice, &question, &said), 0);
    assert_false(said.has_draft);
}

/* What the policy says of administrators counts for the owner, too. */
static void
test_a_draft_of_the_policy_decides_who_is_administrator(void **state)
{
    struct pn_token *token = site_token_of(&site, "bob", NULL);
    struct pn_question question = about(token);
    struct pn_explanation said;

    (void) state;
    question.draft = draft_of(&(struct drafted){
        .policy = "{\"creation\":{\"enabled\":false},\"admin_groups\":["
                  "\"keepers\"]}"});
    assert_int_equal(ask(&site_local, &question, &said), 0);
    assert_int_equal(said.draft.decision.reason, PN_REASON_OK);
    question.draft = draft_of(
        &(struct drafted){.policy = "{\"creation\":{\"enabled\":false}}"});
    assert_int_equal(ask(&site_local, &question, &said), 0);
    assert_int_equal(said.draft.decision.reason, PN_REASON_OWNER_NOT_PERMITTED);
}

static void
test_of_a_person_a_token_is_imagined(void **state)
{
    struct pn_question question = {.username = "alice",
                                   .app = "wiki",
                                   .method = "GET",
                                   .url = "/rest/x",
                                   .tls = true};
    struct pn_explanation said;

    (void) state;
    question.draft =
        draft_of(&(struct drafted){.token = "{\"expires_in_days\":3}"});
    assert_int_equal(ask(&site_local, &question, &said), 0);
    assert_int_equal(said.in_force.decision.reason, PN_REASON_OK);
    assert_int_equal(said.draft.decision.reason, PN_REASON_OK);
    question.draft = draft_of(&(struct drafted){.token = "{" OFFICE "}}"});
    assert_int_equal(ask(&site_local, &question, &said), 0);
    assert_int_equal(said.draft.decision.reason, PN_REASON_IP_NOT_ALLOWED);
    assert_string_equal(said.draft.where, "token \"draft\"");
}

static void
test_rules_of_all_are_tried_by_who_may_read_them(void **state)
{
    static const struct drafted policy = {.policy = "{" EVERYONE "}"},
                                app = {.app = "{\"cookies\":\"keep\"}"},
                                token = {.token = "{\"apps\":null}"};
    static const struct {
        const char *who;
        const struct drafted *draft;
        unsigned status;
    } cases[] = {
        {"alice", &token, 0},  {"alice", &policy, 403}, {"alice", &app, 403},
        {"carol", &policy, 0}, {"carol", &app, 0},      {"ada", &policy, 0},
        {"bob", &token, 422}, /* not his: as if there were none */
    };
    struct pn_question question = about(site_token_of(&site, "alice", NULL));
    struct pn_explanation said;

    (void) state;
    for (size_t i = 0; i < PN_LEN(cases); i++) {
        struct pn_caller caller = site_session(&site, cases[i].who);

        question.draft = draft_of(cases[i].draft);
        assert_int_equal(ask(&caller, &question, &said), cases[i].status);
    }
}

static void
test_a_wrong_draft_is_refused_by_its_place(void **state)
{
    static const struct {
        struct drafted draft;
        const char *pointer, *code;
    } cases[] = {
        {{.token = "{\"apps\":[\"nosuch\"]}"}, "/draft/token/apps", "unknown"},
        {{.token = "{\"expires_at\":\"2001-01-01T00:00:00Z\"}"},
         "/draft/token/expires_at",
         "past"},
        {{.app = "{\"name\":\"vault\"}"}, "/draft/app/name", "name_fixed"},
    };
    struct pn_question question = about(site_token_of(&site, "alice", NULL));
    struct pn_explanation said;

    (void) state;
    for (size_t i = 0; i < PN_LEN(cases); i++) {
        question.draft = draft_of(&cases[i].draft);
        refused_field(ask(&site_local, &question, &said), cases[i].pointer,
                      cases[i].code);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(test_drafts_of_policy_app_and_token_take_their_place),
        SITE_TEST(test_a_draft_may_let_in_what_is_refused),
        SITE_TEST(test_a_draft_of_the_policy_decides_who_is_administrator),
        SITE_TEST(test_of_a_person_a_token_is_imagined),
        SITE_TEST(test_rules_of_all_are_tried_by_who_may_read_them),
        SITE_TEST(test_a_wrong_draft_is_refused_by_its_place),
    };

    return cmocka_run_group_tests_name("ops_explain", tests, NULL, NULL);
}

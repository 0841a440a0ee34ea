/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions by table: every pair NAME.rules, NAME.requests of
 * tests/data/decisions.  The syntax stands in README.md there.
 */
#include <glob.h>
#include <unistd.h>

#include "base/base64.h"
#include "core/decision.h"
#include "world.h"

enum { SLOTS = 64 };

static const char *data_dir, *reference;
static bool reasons_seen[PN_REASON_COUNT];
static int requests_run;

struct run {
    struct world *world;
    struct pn_throttle *failures;
    struct pn_throttle *rates;
};

/* The Authorization header that a word of the table stands for. */
struct header {
    char text[2 * PN_CREDENTIAL_MAX];
    size_t len;
};

/* The token of that name; one no rules file declares is unknown, a final "!"
 * spoils the checksum. */
static void
token_text(const struct run *run, const char *name, struct pn_secret *out)
{
    char plain[64];
    size_t len = strlen(name);
    bool spoil = len > 0 && name[len - 1] == '!';

    snprintf(plain, sizeof(plain), "%.*s", (int) (spoil ? len - 1 : len), name);
    for (size_t i = 0; i < run->world->token_count; i++) {
        if (strcmp(run->world->tokens[i].name, plain) == 0) {
            *out = run->world->tokens[i].text;
            goto out;
        }
    }
    world_token_text(plain, run->world->policy.prefixes.item[0], out);
out:
    if (spoil) {
        char *last = &out->bytes[out->len - 1];

        *last = *last == 'A' ? 'B' : 'A';
    }
}

static void
basic_header(const char *pair, size_t len, struct header *out)
{
    struct pn_buf buf = PN_BUF(out->text);

    pn_buf_add_cstr(&buf, "Basic ");
    pn_base64_encode(pair, len, &buf);
    assert_false(buf.full);
    out->len = buf.len;
}

/* none, raw:VALUE, bearer:TOKEN, basic:USER:TOKEN, password:USER:TEXT,
 * as_user:TOKEN:TEXT */
static void
make_header(const struct run *run, const struct table_line *line, char *word,
            struct header *out)
{
    char *first = strchr(word, ':');
    char *second = first == NULL ? NULL : strchr(first + 1, ':');
    char pair[2048];
    struct pn_secret token;

    out->len = 0;
    if (strcmp(word, "none") == 0) {
        return;
    }
    if (first == NULL) {
        table_fail(line, "unknown credential \"%s\"", word);
    }
    *first++ = '\0';
    if (strcmp(word, "raw") == 0) {
        out->len = (size_t) snprintf(out->text, sizeof(out->text), "%s", first);
        return;
    }
    if (strcmp(word, "bearer") == 0) {
        token_text(run, first, &token);
        out->len = (size_t) snprintf(out->text, sizeof(out->text), "Bearer %s",
                                     token.bytes);
        return;
    }
    if (second == NULL) {
        table_fail(line, "\"%s\" wants two parts", word);
    }
    *second++ = '\0';
    if (strcmp(word, "password") == 0) {
        snprintf(pair, sizeof(pair), "%s:%s", first, second);
        basic_header(pair, table_unescape(pair), out);
        return;
    }
    if (strcmp(word, "as_user") == 0) {
        token_text(run, first, &token);
        snprintf(pair, sizeof(pair), "%s:%s", token.bytes, second);
    } else if (strcmp(word, "basic") == 0) {
        token_text(run, second, &token);
        snprintf(pair, sizeof(pair), "%s:%s", first, token.bytes);
    } else {
        table_fail(line, "unknown credential \"%s\"", word);
    }
    basic_header(pair, table_unescape(pair), out);
}

static void
find_facts(const struct run *run, const struct table_line *line,
           const struct pn_credential *credential, struct pn_facts *out)
{
    const struct world *world = run->world;
    const struct world_app *app = world_app(world, pn_str_from(line->words[0]));

    *out = (struct pn_facts){.ready = !world_is(line, "ready", "no")};
    out->policy = &world->policy;
    out->app = app == NULL ? NULL : &app->record;
    if (credential->kind != PN_CREDENTIAL_TOKEN) {
        return;
    }
    for (size_t i = 0; i < world->token_count; i++) {
        const struct world_token *token = &world->tokens[i];

        if (memcmp(&token->hash, &credential->hash, sizeof(token->hash)) != 0) {
            continue;
        }
        out->token = &token->record;
        if (token->record.rules.len > 0 && !world_is(line, "rules", "missing"))
        {
            out->rules = &token->rules;
        }
        if (token->record.owner_id <= world->owner_count) {
            out->owner = &world->owners[token->record.owner_id - 1].record;
        }
    }
}

/* words[0..3] are app, method, target, credential. */
static void
make_request(struct table_line *line, struct pn_request *out)
{
    struct pn_str address = world_text(line, "address");
    size_t target_len = strlen(line->words[2]);

    *out = (struct pn_request){
        .method = pn_str_from(line->words[1]),
        .target = {line->words[2], target_len},
        .sub_path = world_text(line, "sub"),
        .rewritten = world_is(line, "rewritten", "yes"),
        .mode = world_is(line, "mode", "optional") ? PN_MODE_OPTIONAL
                                                   : PN_MODE_REQUIRED,
        .tls = !world_is(line, "tls", "no"),
        .peer_is_local = world_is(line, "peer", "local"),
        .preflight = world_is(line, "preflight", "yes"),
        .now = world_time(line, "time", 1781524800), /* 2026-06-15T12:00Z */
    };
    if (address.len == 0) {
        address = PN_STR("192.0.2.1");
    }
    if (!pn_str_eq(address, PN_STR("unknown"))) {
        out->has_address = true;
        if (pn_ip_parse(address, &out->address) != PN_OK) {
            table_fail(line, "bad address \"%s\"", address.ptr);
        }
    }
}

static const char *const verdicts[] = {"deny", "pass", "allow"};
static const char *const wheres[] = {"none", "policy", "app", "token"};

/* What stands behind "->", in the same words. */
static void
describe(const struct pn_decision *d, const char *const *words, int count,
         char *out, size_t size)
{
    int len = snprintf(out, size, "%s", verdicts[d->verdict]);

    if (d->verdict == PN_DENY) {
        len += snprintf(out + len, size - (size_t) len, " %u", d->status);
    }
    if (d->verdict == PN_DENY || d->report) {
        len += snprintf(out + len, size - (size_t) len, " %s",
                        pn_reason_code(d->reason));
    }
    if (d->report) {
        len += snprintf(out + len, size - (size_t) len, " report");
    }
    /* Shown only where the table asks. */
    for (int i = 0; i < count; i++) {
        if (strncmp(words[i], "by:", 3) == 0) {
            len +=
                snprintf(out + len, size - (size_t) len, " by:%s",
                         d->reporters == (PN_REPORTER_POLICY | PN_REPORTER_APP)
                             ? "policy+app"
                             : wheres[d->where]);
        } else if (strncmp(words[i], "retry:", 6) == 0) {
            len += snprintf(out + len, size - (size_t) len, " retry:%u",
                            (unsigned) d->retry_after_s);
        }
    }
}

static void
check_reporters(const struct table_line *line, const struct pn_decision *d)
{
    if (d->reporters != 0 && (d->verdict != PN_ALLOW || !d->report)) {
        table_fail(line, "address rules report what is allowed");
    }
}

/* What must hold whatever the table says. */
static void
check_invariants(const struct table_line *line, const struct pn_facts *facts,
                 const struct pn_decision *d)
{
    bool known = facts->ready && facts->app != NULL && facts->token != NULL;

    if (d->verdict != PN_DENY && d->status != 0) {
        table_fail(line, "a status without a refusal");
    }
    if (d->verdict == PN_ALLOW && (!d->secret_known || facts->owner == NULL)) {
        table_fail(line, "allowed without a token or an owner");
    }
    if (d->secret_known != known || (d->token_id != 0) != known) {
        table_fail(line, "secret_known and token_id do not fit the facts");
    }
    if ((d->status == 429) != (d->retry_after_s > 0)) {
        table_fail(line, "429 and Retry-After belong together");
    }
    if (d->verdict == PN_DENY && d->report) {
        table_fail(line, "a refusal is not a report");
    }
    check_reporters(line, d);
}

static void
compare(const struct table_line *line, int arrow, const struct pn_decision *d)
{
    char want[256] = "", got[256];
    const char *const *words = (const char *const *) (line->words + arrow + 1);
    int count = line->count - arrow - 1;

    for (int i = 0; i < count; i++) {
        size_t len = strlen(want);

        (void) snprintf(want + len, sizeof(want) - len, "%s%s",
                        i == 0 ? "" : " ", words[i]);
    }
    describe(d, words, count, got, sizeof(got));
    if (strcmp(want, got) != 0) {
        table_fail(line, "want \"%s\", got \"%s\" (%s)", want, got,
                   pn_reason_code(d->reason));
    }
}

static void
run_request(struct table_line *line, void *arg)
{
    const struct run *run = arg;
    char scratch_bytes[2 * PN_CREDENTIAL_MAX];
    struct pn_buf scratch = PN_BUF(scratch_bytes);
    struct header header;
    struct pn_credential credential;
    struct pn_request request;
    struct pn_facts facts;
    struct pn_decision decision;
    struct pn_counters counters = {run->failures, run->rates,
                                   world_is(line, "look_only", "yes")};
    int times = 1, arrow = 0;

    if (strcmp(line->words[0], "reset") == 0) {
        pn_throttle_init(run->rates, SLOTS, 1, 0, 0);
        pn_throttle_init(run->failures, SLOTS, 1, run->world->failures_limit,
                         run->world->failures_window_s);
        return;
    }
    while (arrow < line->count && strcmp(line->words[arrow], "->") != 0) {
        arrow++;
    }
    if (arrow < 4 || arrow == line->count) {
        table_fail(line, "want APP METHOD TARGET CREDENTIAL … -> …");
    }
    int all = line->count;

    line->count = arrow; /* so that keys are looked for before the arrow */
    world_keys(line, 4,
               " address time tls peer mode preflight sub rewritten ready "
               "rules look_only times ");
    if (world_value(line, "times") != NULL) {
        times = atoi(world_value(line, "times"));
    }
    counters.failures = run->world->failures_limit > 0 ? run->failures : NULL;
    make_request(line, &request);
    make_header(run, line, line->words[3], &header);
    pn_credential_parse((struct pn_str){header.text, header.len},
                        &run->world->policy.prefixes, &scratch, &credential);
    find_facts(run, line, &credential, &facts);
    for (int i = 0; i < times; i++) {
        pn_decide(&request, &credential, &facts, &counters, &decision);
        check_invariants(line, &facts, &decision);
    }
    line->count = all;
    compare(line, arrow, &decision);
    reasons_seen[decision.reason] = true;
    requests_run++;
}

static void
run_pair(const char *rules_path)
{
    struct run run = {.world = world_load(rules_path)};
    struct table_line reset = {.count = 1, .words = {(char[]){"reset"}}};
    char path[1024];

    run.failures = calloc(1, pn_throttle_size(SLOTS));
    run.rates = calloc(1, pn_throttle_size(SLOTS));
    assert_non_null(run.failures);
    assert_non_null(run.rates);
    run_request(&reset, &run);
    snprintf(path, sizeof(path), "%.*s.requests",
             (int) (strlen(rules_path) - strlen(".rules")), rules_path);
    table_file(path, run_request, &run);
    free(run.failures);
    free(run.rates);
    free(run.world);
}

static void
test_every_request_gets_the_decision_its_table_names(void **state)
{
    char pattern[1024];
    glob_t found;

    (void) state;
    snprintf(pattern, sizeof(pattern), "%s/decisions/*.rules", data_dir);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        run_pair(found.gl_pathv[i]);
    }
    globfree(&found);
    assert_true(requests_run > 100);
}

static void
test_every_reason_appears_in_the_tables(void **state)
{
    (void) state;
    for (int i = PN_REASON_OK; i < PN_REASON_COUNT; i++) {
        if (!reasons_seen[i]) {
            print_error("%s does not\n", pn_reason_code((enum pn_reason) i));
            fail();
        }
    }
}

static void
test_every_reason_stands_in_the_reference(void **state)
{
    static char text[1 << 16];
    FILE *f = fopen(reference, "r");
    size_t len;

    (void) state;
    assert_non_null(f);
    len = fread(text, 1, sizeof(text) - 1, f);
    (void) fclose(f);
    text[len] = '\0';
    for (int i = PN_REASON_OK; i < PN_REASON_COUNT; i++) {
        char code[64];

        (void) snprintf(code, sizeof(code), "| `%s` |",
                        pn_reason_code((enum pn_reason) i));
        if (strstr(text, code) == NULL) {
            print_error("%s: no row for %s\n", reference, code);
            fail();
        }
    }
}

static void
test_a_decision_nobody_made_denies(void **state)
{
    struct pn_decision decision;

    (void) state;
    memset(&decision, 0, sizeof(decision));
    assert_int_equal(decision.verdict, PN_DENY);
    assert_string_equal(pn_reason_code(decision.reason), "not_ready");
}

/* A kind that no parser gives, missing policy or app: refused as not ready. */
static void
test_facts_that_cannot_be_are_refused(void **state)
{
    struct pn_request request = {.method = PN_STR("GET")};
    struct pn_policy_record policy = {.tls_required = false};
    struct pn_app_record app = {.app_id = 1};
    struct pn_counters counters = {.look_only = true};
    struct pn_credential credential = {.kind = (enum pn_credential_kind) 99};
    struct pn_facts facts = {.ready = true, .policy = &policy, .app = &app};
    struct pn_decision decision;

    (void) state;
    pn_decide(&request, &credential, &facts, &counters, &decision);
    assert_int_equal(decision.verdict, PN_DENY);
    assert_int_equal(decision.status, 503);
    facts.app = NULL;
    pn_decide(&request, &credential, &facts, &counters, &decision);
    assert_int_equal(decision.status, 503);
    facts.app = &app;
    facts.policy = NULL;
    pn_decide(&request, &credential, &facts, &counters, &decision);
    assert_int_equal(decision.status, 503);
}

static void
test_reason_codes_are_words_and_differ(void **state)
{
    (void) state;
    for (int i = PN_REASON_OK; i < PN_REASON_COUNT; i++) {
        const char *code = pn_reason_code((enum pn_reason) i);

        assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz_"),
                         strlen(code));
        for (int j = PN_REASON_OK; j < i; j++) {
            assert_string_not_equal(code, pn_reason_code((enum pn_reason) j));
        }
    }
    assert_string_equal(pn_reason_code((enum pn_reason) 999), "not_ready");
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_request_gets_the_decision_its_table_names),
        cmocka_unit_test(test_every_reason_appears_in_the_tables),
        cmocka_unit_test(test_every_reason_stands_in_the_reference),
        cmocka_unit_test(test_a_decision_nobody_made_denies),
        cmocka_unit_test(test_facts_that_cannot_be_are_refused),
        cmocka_unit_test(test_reason_codes_are_words_and_differ),
    };

    data_dir = argc > 1 ? argv[1] : "tests/data";
    reference = argc > 2 ? argv[2] : "docs/reference/decisions.md";
    return cmocka_run_group_tests_name("decision", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: a decision from a real index, row 0 when there is none, and app
 * records compiled anew exactly when they changed. */
#include "index/gate.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "index_fixture.h"

struct asked {
    struct pn_request request;
    struct pn_credential credential;
    struct pn_decision decision;
    struct pn_identity identity;
};

/* What token n may do with GET target on app, now. */
static struct asked
ask(struct pn_gate *gate, unsigned n, const char *app, const char *target)
{
    struct asked asked = {.request = {.method = PN_STR("GET"),
                                      .target = pn_str_from(target),
                                      .mode = PN_MODE_REQUIRED,
                                      .has_address = true,
                                      .tls = true,
                                      .now = 1000},
                          .credential = {.kind = PN_CREDENTIAL_TOKEN,
                                         .scheme = PN_SCHEME_BEARER}};
    struct pn_counters none = {0};

    index_token_hash(n, &asked.credential.hash);
    if (pn_gate_begin(gate, 1000) == PN_OK) {
        pn_gate_decide(gate, pn_gate_app(gate, pn_str_from(app)),
                       &asked.request, &asked.credential, &none,
                       &asked.decision, &asked.identity);
    } else {
        pn_gate_decide(gate, NULL, &asked.request, &asked.credential, &none,
                       &asked.decision, &asked.identity);
    }
    pn_gate_end(gate);
    return asked;
}

static struct pn_gate *
gate_of(const struct index_fixture *fix)
{
    struct pn_gate *gate = NULL;

    assert_int_equal(pn_gate_new(fix->dir, &gate), PN_OK);
    return gate;
}

static void
test_a_good_token_is_allowed_with_its_owner(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_gate *gate = gate_of(fix);
    struct asked asked = ask(gate, 0, "app", "/rest/x");

    assert_int_equal(asked.decision.verdict, PN_ALLOW);
    assert_int_equal(asked.decision.token_id, 1);
    assert_int_equal(asked.identity.token_id, 1);
    assert_int_equal(asked.identity.owner.owner_id, 1);
    asked = ask(gate, 0, "app", "/other");
    assert_int_equal(asked.decision.reason, PN_REASON_PATH_NOT_ALLOWED);
    asked = ask(gate, 1, "app", "/rest/x");
    assert_int_equal(asked.decision.reason, PN_REASON_TOKEN_UNKNOWN);
    assert_int_equal(asked.identity.token_id, 0);
    pn_gate_free(gate);
    pn_index_writer_free(writer);
}

static void
test_a_revocation_counts_from_its_commit(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_gate *gate = gate_of(fix);

    assert_int_equal(ask(gate, 0, "app", "/rest/x").decision.verdict, PN_ALLOW);
    index_publish_token(writer, 0, PN_TOKEN_REVOKED, 2);
    assert_int_equal(ask(gate, 0, "app", "/rest/x").decision.reason,
                     PN_REASON_TOKEN_REVOKED);
    pn_gate_free(gate);
    pn_index_writer_free(writer);
}

static void
test_without_index_app_or_policy_nothing_is_ready(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_gate *gate = gate_of(fix);
    struct pn_index_writer *writer = NULL;

    assert_int_equal(ask(gate, 0, "app", "/rest/x").decision.reason,
                     PN_REASON_NOT_READY);
    assert_non_null(strstr(pn_gate_why(gate), "current"));
    pn_gate_free(gate);

    assert_int_equal(pn_index_writer_create(&fix->options, &writer), PN_OK);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    assert_int_equal(pn_index_writer_commit(writer, 1), PN_OK);
    gate = gate_of(fix);
    assert_int_equal(ask(gate, 0, "app", "/rest/x").decision.status, 503);
    assert_non_null(strstr(pn_gate_why(gate), "policy"));
    pn_index_writer_free(writer);

    writer = index_fixture_make(fix);
    assert_int_equal(ask(gate, 0, "none", "/rest/x").decision.reason,
                     PN_REASON_NOT_READY);
    assert_int_equal(ask(gate, 0, "app", "/rest/x").decision.verdict, PN_ALLOW);
    pn_gate_free(gate);
    pn_index_writer_free(writer);
}

static void
test_a_missing_owner_or_damaged_rules_refuse(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_gate *gate = gate_of(fix);
    char bytes[PN_RECORD_TOKEN_LEN + 8];
    struct pn_buf buf = PN_BUF(bytes);
    struct pn_token_record rec = {
        .token_id = 1, .owner_id = 1, .rules = PN_STR("no rules")};
    struct pn_hash hash;

    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    index_token_hash(0, &hash);
    memcpy(rec.hash_rest, hash.bytes + PN_HASH_KEY_LEN, sizeof(rec.hash_rest));
    assert_int_equal(pn_token_record_encode(&rec, &buf), PN_OK);
    assert_int_equal(pn_index_put_token(writer, &hash, pn_buf_str(&buf)),
                     PN_OK);
    assert_int_equal(pn_index_writer_commit(writer, 2), PN_OK);
    assert_int_equal(ask(gate, 0, "app", "/rest/x").decision.reason,
                     PN_REASON_NOT_READY);

    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    index_put_token(writer, 0, 0);
    assert_int_equal(pn_index_del_owner(writer, 1), PN_OK);
    assert_int_equal(pn_index_writer_commit(writer, 3), PN_OK);
    assert_int_equal(ask(gate, 0, "app", "/rest/x").decision.verdict, PN_DENY);
    assert_int_equal(ask(gate, 0, "app", "/rest/x").identity.token_id, 0);
    pn_gate_free(gate);
    pn_index_writer_free(writer);
}

static void
test_damaged_records_refuse(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_gate *gate = gate_of(fix);
    struct pn_hash hash;

    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    index_token_hash(1, &hash);
    assert_int_equal(pn_index_put_token(writer, &hash, PN_STR("junk")), PN_OK);
    assert_int_equal(pn_index_put_app(writer, PN_STR("bad"), PN_STR("junk")),
                     PN_OK);
    assert_int_equal(pn_index_writer_commit(writer, 2), PN_OK);
    assert_int_equal(ask(gate, 1, "app", "/rest/x").decision.reason,
                     PN_REASON_NOT_READY);
    assert_int_equal(ask(gate, 0, "bad", "/rest/x").decision.reason,
                     PN_REASON_NOT_READY);
    assert_int_equal(ask(gate, 0, "app", "/rest/x").decision.verdict, PN_ALLOW);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    assert_int_equal(pn_index_put_policy(writer, PN_STR("junk")), PN_OK);
    assert_int_equal(pn_index_writer_commit(writer, 3), PN_OK);
    assert_int_equal(ask(gate, 0, "app", "/rest/x").decision.reason,
                     PN_REASON_NOT_READY);
    pn_gate_free(gate);
    pn_index_writer_free(writer);
}

/* Another app's record under a name must not stand for it. */
static void
test_apps_are_compiled_anew_when_they_changed(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_gate *gate = gate_of(fix);
    const struct pn_app_record *app, *again;
    struct pn_str bytes;
    struct pn_index *index = NULL;

    assert_int_equal(pn_gate_begin(gate, 1), PN_OK);
    app = pn_gate_app(gate, PN_STR("app"));
    assert_non_null(app);
    assert_non_null(pn_gate_policy(gate));
    pn_gate_end(gate);
    assert_null(pn_gate_app(gate, PN_STR("app")));
    assert_null(pn_gate_policy(gate));
    index_publish_token(writer, 3, 0, 2);
    assert_int_equal(pn_gate_begin(gate, 1), PN_OK);
    again = pn_gate_app(gate, PN_STR("app"));
    assert_ptr_equal(again, app);
    pn_gate_end(gate);

    assert_int_equal(pn_index_new(fix->dir, &index), PN_OK);
    assert_int_equal(pn_index_begin(index, 1), PN_OK);
    assert_int_equal(pn_index_app(index, PN_STR("app"), &bytes), PN_OK);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    assert_int_equal(pn_index_put_app(writer, PN_STR("twin"), bytes), PN_OK);
    assert_int_equal(pn_index_del_app(writer, PN_STR("app")), PN_OK);
    assert_int_equal(pn_index_writer_commit(writer, 3), PN_OK);
    pn_index_free(index);
    assert_int_equal(pn_gate_begin(gate, 1), PN_OK);
    assert_null(pn_gate_app(gate, PN_STR("app")));
    assert_null(pn_gate_app(gate, PN_STR("twin")));
    pn_gate_end(gate);
    pn_gate_free(gate);
    pn_index_writer_free(writer);
}

static void
test_a_request_allocates_nothing(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_gate *gate = gate_of(fix);
    size_t before;

    (void) ask(gate, 0, "app", "/rest/x");
    (void) ask(gate, 1, "app", "/rest/x");
    before = mallinfo2().uordblks;
    for (unsigned i = 0; i < 1000; i++) {
        (void) ask(gate, i % 2, "app", "/rest/x");
    }
    assert_int_equal(mallinfo2().uordblks, before);
    pn_gate_free(gate);
    pn_index_writer_free(writer);
}

static void
test_names_of_tokens_are_for_logs(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_gate *gate = gate_of(fix);
    struct pn_str name;

    assert_int_equal(pn_gate_begin(gate, 1), PN_OK);
    assert_int_equal(pn_gate_token_name(gate, 1, &name), PN_OK);
    assert_true(pn_str_eq(name, PN_STR("ci")));
    assert_int_equal(pn_gate_token_name(gate, 2, &name), PN_E_NOT_FOUND);
    pn_gate_end(gate);
    assert_int_equal(pn_gate_token_name(gate, 1, &name), PN_E_NOT_FOUND);
    pn_gate_free(gate);
    pn_gate_free(NULL);
    pn_index_writer_free(writer);
}

#define ON_DISK(test)                                                          \
    cmocka_unit_test_setup_teardown(test, index_fixture_setup,                 \
                                    index_fixture_done)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(test_a_good_token_is_allowed_with_its_owner),
        ON_DISK(test_a_revocation_counts_from_its_commit),
        ON_DISK(test_without_index_app_or_policy_nothing_is_ready),
        ON_DISK(test_a_missing_owner_or_damaged_rules_refuse),
        ON_DISK(test_damaged_records_refuse),
        ON_DISK(test_apps_are_compiled_anew_when_they_changed),
        ON_DISK(test_a_request_allocates_nothing),
        ON_DISK(test_names_of_tokens_are_for_logs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

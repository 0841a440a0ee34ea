/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer and a reader of an index, lived through once for every call they
 * make of libc and LMDB, with that call failing.
 *
 * Of a writer: what it answered is what readers see, whole, whatever failed
 * before or after; and the next writer goes on from there.  Of a reader: the
 * right answer or an error, never another answer; and once nothing fails, the
 * right one.
 */
#include "check.h"
#include "faults.h"
#include "index/gate.h"
#include "index/writer.h"
#include "index_fixture.h"

enum {
    TOKENS = 2,      /* that change together */
    FILL = 1200,     /* fill half of the smallest map */
    CALLS_MAX = 2000 /* in one life; more is a loop without end */
};

struct records {
    char policy[1024], app[1024], owner[256], rules[256];
    struct pn_str policy_str, app_str, owner_str, rules_str;
};

static void
make_records(struct records *out)
{
    struct pn_buf policy_buf = PN_BUF(out->policy), app_buf = PN_BUF(out->app);
    struct pn_buf owner_buf = PN_BUF(out->owner),
                  rules_buf = PN_BUF(out->rules);
    struct pn_policy_record policy = {.creation_enabled = true,
                                      .creation_everyone = true};
    struct pn_app_record app = {.app_id = 1,
                                .name = PN_STR("app"),
                                .block_status = 403,
                                .path_count = 1,
                                .user_header = PN_STR("Remote-User")};
    struct pn_owner_record owner = {
        .owner_id = 1, .flags = PN_OWNER_ACTIVE, .username = PN_STR("alice")};
    struct pn_rules_record rules = {0};
    struct pn_str path = PN_STR("/rest/**");

    policy.prefixes.item[0] = PN_STR("pst_");
    policy.prefixes.count = 1;
    assert_int_equal(pn_policy_record_encode(&policy, &policy_buf), PN_OK);
    assert_int_equal(pn_app_record_encode(&app, &path, NULL, &app_buf), PN_OK);
    assert_int_equal(pn_owner_record_encode(&owner, &owner_buf), PN_OK);
    assert_int_equal(pn_rules_record_encode(&rules, NULL, &rules_buf), PN_OK);
    out->policy_str = pn_buf_str(&policy_buf);
    out->app_str = pn_buf_str(&app_buf);
    out->owner_str = pn_buf_str(&owner_buf);
    out->rules_str = pn_buf_str(&rules_buf);
}

/* Everything there is, inside begin ... commit. */
static enum pn_err
put_all(struct pn_index_writer *writer, int64_t state)
{
    /* State n of the index: every token ends at n. */
    struct pn_token_record like = {.expires_at = state};
    struct records with;
    struct pn_hash gone;
    enum pn_err err;

    make_records(&with);
    like.rules = with.rules_str;
    index_token_hash(TOKENS, &gone);
    err = pn_index_put_policy(writer, with.policy_str);
    if (err == PN_OK) {
        err = pn_index_put_app(writer, PN_STR("app"), with.app_str);
    }
    if (err == PN_OK) {
        err = pn_index_put_owner(writer, 1, with.owner_str);
    }
    if (err == PN_OK) {
        err = pn_index_put_token_name(writer, 1, PN_STR("ci"));
    }
    for (unsigned n = 0; err == PN_OK && n < TOKENS; n++) {
        err = index_try_token(writer, n, &like);
    }
    return err == PN_OK ? pn_index_del_token(writer, &gone) : err;
}

/* What the life of a writer answered: at most one state is open. */
struct promise {
    int64_t answered; /* committed, and said so */
    int64_t tried;    /* the last one begun */
};

static enum pn_err
publish(struct pn_index_writer *writer, struct promise *promise)
{
    int64_t state = promise->tried + 1;
    enum pn_err err = pn_index_writer_begin(writer);

    if (err != PN_OK) {
        return err;
    }
    promise->tried = state;
    err = put_all(writer, state);
    if (err == PN_OK) {
        err = pn_index_writer_flush(writer);
    }
    if (err != PN_OK && err != PN_E_STATE /* not a new generation */) {
        pn_index_writer_abort(writer);
        return err;
    }
    err = pn_index_writer_commit(writer, state);
    if (err == PN_OK) {
        promise->answered = state;
    }
    return err;
}

static enum pn_err
open_or_create(const struct pn_index_options *options,
               struct pn_index_writer **out)
{
    int64_t position;
    enum pn_err err = pn_index_writer_open(options, out, &position);

    return err == PN_E_NOT_FOUND ? pn_index_writer_create(options, out) : err;
}

/* So that the map must grow before the next transaction.  Its own calls are
 * not counted: there are thousands. */
static void
fill(struct pn_index_writer *writer, struct promise *promise)
{
    faults_pause();
    if (pn_index_writer_begin(writer) == PN_OK) {
        promise->tried++;
        assert_int_equal(put_all(writer, promise->tried), PN_OK);
        for (unsigned n = TOKENS; n < FILL; n++) {
            index_put_token(writer, n, 0);
        }
        assert_int_equal(pn_index_writer_commit(writer, promise->tried), PN_OK);
        promise->answered = promise->tried;
    }
    faults_resume();
}

/* From nothing to a second generation, its map grown, and closed. */
static void
live_as_writer(const struct pn_index_options *options, struct promise *promise)
{
    struct pn_index_writer *writer = NULL;
    struct pn_index_stats stats;

    if (open_or_create(options, &writer) != PN_OK) {
        return;
    }
    if (publish(writer, promise) != PN_OK) {
        goto out;
    }
    fill(writer, promise);
    pn_index_writer_heartbeat(writer, 1);
    if (publish(writer, promise) != PN_OK
        || pn_index_writer_stats(writer, &stats) != PN_OK
        || pn_index_writer_rebuild(writer) != PN_OK
        || publish(writer, promise) != PN_OK)
    {
        goto out;
    }
    pn_index_writer_tidy(writer);
    (void) publish(writer, promise);

out:
    pn_index_writer_free(writer);
}

/* The state that readers see, or the error, negative. */
static int64_t
state_seen(const char *dir)
{
    struct pn_index *index = NULL;
    int64_t seen = -1;
    enum pn_err err;

    assert_int_equal(pn_index_new(dir, &index), PN_OK);
    err = pn_index_begin(index, 1);
    for (unsigned n = 0; err == PN_OK && n < TOKENS; n++) {
        struct pn_token_record rec;
        struct pn_hash hash;

        index_token_hash(n, &hash);
        assert_int_equal(pn_index_token(index, &hash, &rec), PN_OK);
        assert_true(n == 0 || rec.expires_at == seen); /* all or nothing */
        seen = rec.expires_at;
    }
    pn_index_end(index);
    pn_index_free(index);
    return err == PN_OK ? seen : (int64_t) err;
}

/* After a life in which a call failed: what was answered is seen, and life
 * goes on. */
static void
check_promise(const struct index_fixture *fix, struct promise promise)
{
    struct pn_index_writer *writer = NULL;
    int64_t seen = state_seen(fix->dir);

    if (promise.answered > 0) {
        assert_in_range(seen, promise.answered, promise.tried);
    } else {
        assert_true(seen == PN_E_NOT_FOUND || seen == promise.tried);
    }
    assert_int_equal(open_or_create(&fix->options, &writer), PN_OK);
    assert_int_equal(publish(writer, &promise), PN_OK);
    assert_int_equal(state_seen(fix->dir), promise.tried);
    pn_index_writer_free(writer);
}

/* The number of calls that there were to fail. */
static unsigned
fail_each_call_of_a_writer(struct index_fixture *fix, enum fault_kind kind,
                           bool sticky)
{
    for (unsigned at = 0; at < CALLS_MAX; at++) {
        struct promise promise = {0};
        bool failed;

        faults_arm(at, kind, sticky);
        live_as_writer(&fix->options, &promise);
        failed = faults_disarm();
        check_promise(fix, promise);
        index_fixture_remove(fix);
        if (!failed) {
            return at;
        }
    }
    fail_msg("the calls of a writer have no end");
    return 0;
}

static void
test_a_failing_call_breaks_no_promise_of_a_writer(void **state)
{
    struct index_fixture *fix = *state;

    fix->options.group = "root";
    fix->options.map_reserve = 1;
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        assert_true(
            fail_each_call_of_a_writer(fix, (enum fault_kind) kind, false)
            > 100);
    }
    assert_true(fail_each_call_of_a_writer(fix, FAULT_FULL, true) > 100);
}

/* What a life as a reader needs beside it. */
struct beside {
    struct index_fixture *fix;
    struct pn_index_writer *writer;
    struct promise promise;
};

static void
publish_beside(struct beside *beside)
{
    faults_pause();
    assert_int_equal(publish(beside->writer, &beside->promise), PN_OK);
    faults_resume();
}

static void
look(struct pn_index *index, const struct beside *beside, int64_t now)
{
    struct pn_token_record token;
    struct pn_owner_record owner;
    struct pn_hash hash;
    struct pn_str name;

    index_token_hash(0, &hash);
    if (pn_index_begin(index, now) != PN_OK) {
        assert_int_not_equal(pn_index_why(index)[0], '\0');
        return;
    }
    if (pn_index_token(index, &hash, &token) == PN_OK) {
        assert_int_equal(token.expires_at, beside->promise.answered);
    }
    if (pn_index_owner(index, 1, &owner) == PN_OK) {
        assert_true(pn_str_eq(owner.username, PN_STR("alice")));
    }
    if (pn_index_token_name(index, 1, &name) == PN_OK) {
        assert_true(pn_str_eq(name, PN_STR("ci")));
    }
    pn_index_end(index);
}

/* Allowed as alice, or not ready. */
static void
decide(struct pn_gate *gate, int64_t now)
{
    struct pn_request request = {.method = PN_STR("GET"),
                                 .target = PN_STR("/rest/x"),
                                 .mode = PN_MODE_REQUIRED,
                                 .has_address = true,
                                 .tls = true};
    struct pn_credential credential = {.kind = PN_CREDENTIAL_TOKEN,
                                       .scheme = PN_SCHEME_BEARER};
    const struct pn_app_record *app = NULL;
    struct pn_counters none = {0};
    struct pn_identity identity = {0};
    struct pn_decision decision;
    struct pn_str name;

    index_token_hash(0, &credential.hash);
    if (pn_gate_begin(gate, now) == PN_OK) {
        app = pn_gate_app(gate, PN_STR("app"));
    } else {
        assert_int_not_equal(pn_gate_why(gate)[0], '\0');
    }
    pn_gate_decide(gate, app, &request, &credential, &none, &decision,
                   &identity);
    if (decision.verdict == PN_ALLOW) {
        assert_true(pn_str_eq(identity.owner.username, PN_STR("alice")));
        if (pn_gate_token_name(gate, 1, &name) == PN_OK) {
            assert_true(pn_str_eq(name, PN_STR("ci")));
        }
    } else {
        assert_int_equal(decision.verdict, PN_DENY);
        assert_int_equal(decision.reason, PN_REASON_NOT_READY);
    }
    pn_gate_end(gate);
}

/* Opening, a change, another generation, another directory of that name. */
static void
live_as_reader(struct beside *beside)
{
    const char *dir = beside->fix->dir;
    struct pn_index *index = NULL;
    struct pn_gate *gate = NULL;
    int64_t now = 1;

    if (pn_index_new(dir, &index) != PN_OK) {
        return;
    }
    if (pn_gate_new(dir, &gate) == PN_OK) {
        decide(gate, now);
    }
    look(index, beside, now++);
    publish_beside(beside);
    look(index, beside, now++);
    faults_pause();
    assert_int_equal(pn_index_writer_rebuild(beside->writer), PN_OK);
    faults_resume();
    publish_beside(beside);
    look(index, beside, now++);
    if (gate != NULL) {
        decide(gate, now);
    }
    look(index, beside, now++);

    faults_pause();
    look(index, beside, now + 1);
    assert_int_equal(pn_index_begin(index, now + 2), PN_OK);
    pn_index_end(index);
    faults_resume();
    pn_gate_free(gate);
    pn_index_free(index);
}

static void
test_a_failing_call_makes_no_reader_see_what_is_not(void **state)
{
    struct index_fixture *fix = *state;

    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        bool failed = true;
        unsigned at = 0;

        while (failed) {
            struct beside beside = {.fix = fix};

            assert_true(at < CALLS_MAX);
            assert_int_equal(
                pn_index_writer_create(&fix->options, &beside.writer), PN_OK);
            assert_int_equal(publish(beside.writer, &beside.promise), PN_OK);
            faults_arm(at++, (enum fault_kind) kind, false);
            live_as_reader(&beside);
            failed = faults_disarm();
            pn_index_writer_free(beside.writer);
            index_fixture_remove(fix);
        }
        assert_true(at > 50);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_a_failing_call_breaks_no_promise_of_a_writer,
            index_fixture_setup_in_memory, index_fixture_done),
        cmocka_unit_test_setup_teardown(
            test_a_failing_call_makes_no_reader_see_what_is_not,
            index_fixture_setup_in_memory, index_fixture_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index is made anew while people make and revoke tokens: every answer is
 * in force when it is given, before, while and after readers are switched over.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "site_test.h"

enum { CLIENTS = 4, REBUILDS = 20, LIVES = 400, KEPT = 3000 };

static atomic_bool stop;
static atomic_uint lives;

static struct {
    struct pn_caller caller;
    struct pn_secret *revoked; /* those that were, KEPT at most */
    unsigned made, wrong;
} client[CLIENTS];

/* Make one, use it, revoke it, be refused. */
static bool
live_and_die(unsigned who, struct pn_arena *arena)
{
    struct pn_secret secret = {0};
    struct pn_fault fault = {0};
    char name[40];
    struct pn_token_wish wish = {.token = {.name = name},
                                 .given = PN_FIELD_NAME};
    struct pn_change change = {
        .act = PN_ACT_TOKEN_CREATE, .in.token = &wish, .secret = &secret};

    (void) snprintf(name, sizeof(name), "%u of %u", client[who].made, who);
    if (!pn_ops_change(site.ops, &client[who].caller, &change, arena, &fault)
        || site_gate(&site, &secret) != PN_REASON_OK)
    {
        return false;
    }
    change =
        (struct pn_change){.act = PN_ACT_TOKEN_REVOKE, .id = change.token->id};
    if (!pn_ops_change(site.ops, &client[who].caller, &change, arena, &fault)
        || site_gate(&site, &secret) != PN_REASON_TOKEN_REVOKED)
    {
        return false;
    }
    client[who].revoked[client[who].made % KEPT] = secret;
    return true;
}

static void *
work(void *arg)
{
    unsigned who = *(const unsigned *) arg;

    while (!stop) {
        struct pn_arena *arena = pn_arena_new(4 << 20);

        client[who].wrong += live_and_die(who, arena) ? 0 : 1;
        client[who].made++;
        lives++;
        pn_arena_free(arena);
    }
    return NULL;
}

static struct pn_index_report
report(void)
{
    struct pn_index_report got;

    assert_true(
        pn_ops_index(site.ops, &site_local, site.arena, &got, &site.fault));
    return got;
}

/* Ask for it, and wait until it has ended. */
static struct pn_index_report
rebuild(void)
{
    const struct timespec moment = {0, 5000000};
    struct pn_index_report got;

    assert_true(
        pn_ops_index_rebuild(site.ops, &site_local, site.arena, &site.fault));
    while ((got = report()).rebuild.state == PN_REBUILD_RUNNING) {
        (void) nanosleep(&moment, NULL);
    }
    return got;
}

static void
test_answers_are_in_force_while_the_index_is_made_anew(void **state)
{
    static unsigned numbers[CLIENTS];
    pthread_t thread[CLIENTS];
    struct pn_index_report before = report(), after;
    unsigned rebuilds = 0;

    (void) state;
    assert_int_equal(before.rebuild.state, PN_REBUILD_NEVER);
    set_policy("{\"creation\":{\"max_tokens_per_owner\":10000}}");
    for (unsigned i = 0; i < CLIENTS; i++) {
        char name[32], json[64];

        (void) snprintf(name, sizeof(name), "client%u", i);
        (void) snprintf(json, sizeof(json), "{\"username\":\"%s\"}", name);
        assert_int_equal(site_user_create(&site, &site_local, json), 0);
        client[i].caller = site_session(&site, name);
        client[i].revoked = calloc(KEPT, sizeof(*client[i].revoked));
        client[i].made = client[i].wrong = 0;
        numbers[i] = i;
    }
    stop = false;
    lives = 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, work, &numbers[i]),
                         0);
    }
    for (; rebuilds < REBUILDS || lives < LIVES; rebuilds++) {
        after = rebuild();
        assert_int_equal(after.rebuild.state, PN_REBUILD_DONE);
        assert_true(after.rebuild.total > 0);
    }
    stop = true;
    for (unsigned i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(client[i].wrong, 0);
        for (unsigned n = 0; n < client[i].made && n < KEPT; n++) {
            assert_int_equal(site_gate(&site, &client[i].revoked[n]),
                             PN_REASON_TOKEN_REVOKED);
        }
        free(client[i].revoked);
    }
    printf("# %u tokens lived and died in %u generations\n", lives, rebuilds);
    (void) site_compare(&site);
    assert_true(rebuild().index.generation
                >= before.index.generation + rebuilds);
}

static void
test_one_is_made_at_a_time(void **state)
{
    (void) state;
    assert_true(
        pn_ops_index_rebuild(site.ops, &site_local, site.arena, &site.fault));
    assert_false(
        pn_ops_index_rebuild(site.ops, &site_local, site.arena, &site.fault));
    refused(site.fault.status, 409, "rebuild_running");
    while (report().rebuild.state == PN_REBUILD_RUNNING) {
        const struct timespec moment = {0, 5000000};

        (void) nanosleep(&moment, NULL);
    }
    assert_int_equal(rebuild().rebuild.state, PN_REBUILD_DONE);
    assert_string_equal(newest_event().action, "index.rebuild");
}

/* Stopped in the middle: the half is nobody's, and the next start is good. */
static void
test_a_stop_in_the_middle_leaves_the_present_one(void **state)
{
    struct pn_secret secret = {0};

    (void) state;
    (void) site_token_of(&site, "alice", &secret);
    for (int i = 0; i < 5; i++) {
        assert_true(pn_ops_index_rebuild(site.ops, &site_local, site.arena,
                                         &site.fault));
        site_stop(&site);
        assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
        site_start(&site);
    }
    assert_int_equal(rebuild().rebuild.state, PN_REBUILD_DONE);
    assert_int_equal(site_gate(&site, &secret), PN_REASON_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(test_answers_are_in_force_while_the_index_is_made_anew),
        SITE_TEST(test_one_is_made_at_a_time),
        SITE_TEST(test_a_stop_in_the_middle_leaves_the_present_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Eight clients at once: everyone is answered with his own token, and store,
 * index and answers agree.  Says how many durable creates a second that were.
 */
#include <pthread.h>
#include <time.h>

#include "site_test.h"

enum { CLIENTS = 8, EACH = 400 };

static struct {
    uint64_t id[EACH];
    struct pn_secret secret[EACH];
    struct pn_caller caller; /* each has an account of his own */
    unsigned failures;
} client[CLIENTS];

static double
seconds(void)
{
    struct timespec now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static unsigned
create(unsigned who, unsigned n, struct pn_arena *arena)
{
    struct pn_fault fault = {0};
    char name[40];
    struct pn_token_wish wish = {.token = {.name = name},
                                 .given = PN_FIELD_NAME};
    struct pn_change change = {.act = PN_ACT_TOKEN_CREATE,
                               .in.token = &wish,
                               .secret = &client[who].secret[n]};

    (void) snprintf(name, sizeof(name), "%u of %u", n, who);
    if (!pn_ops_change(site.ops, &client[who].caller, &change, arena, &fault)) {
        return 1;
    }
    client[who].id[n] = change.token->id;
    return strcmp(change.token->name, name) == 0 ? 0 : 1;
}

static unsigned
revoke(unsigned who, unsigned n, struct pn_arena *arena)
{
    struct pn_fault fault = {0};
    struct pn_change change = {.act = PN_ACT_TOKEN_REVOKE,
                               .id = client[who].id[n]};

    return pn_ops_change(site.ops, &client[who].caller, &change, arena, &fault)
               ? 0
               : 1;
}

static void *
work_create(void *arg)
{
    unsigned who = *(const unsigned *) arg;

    for (unsigned n = 0; n < EACH; n++) {
        struct pn_arena *arena = pn_arena_new(4 << 20);

        client[who].failures += create(who, n, arena);
        pn_arena_free(arena);
    }
    return NULL;
}

/* Every second one, while others still make theirs. */
static void *
work_revoke(void *arg)
{
    unsigned who = *(const unsigned *) arg;

    for (unsigned n = 0; n < EACH; n += 2) {
        struct pn_arena *arena = pn_arena_new(4 << 20);

        client[who].failures += revoke(who, n, arena);
        pn_arena_free(arena);
    }
    return NULL;
}

static double
all_clients(void *(*work)(void *) )
{
    static unsigned numbers[CLIENTS];
    pthread_t thread[CLIENTS];
    double start = seconds();

    for (unsigned i = 0; i < CLIENTS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&thread[i], NULL, work, &numbers[i]),
                         0);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(client[i].failures, 0);
    }
    return seconds() - start;
}

static void
test_answers_store_and_index_agree_after_a_crowd(void **state)
{
    struct pn_health health;
    double made_s, revoked_s;

    (void) state;
    for (unsigned i = 0; i < CLIENTS; i++) {
        char name[32], json[64];

        (void) snprintf(name, sizeof(name), "client%u", i);
        (void) snprintf(json, sizeof(json), "{\"username\":\"%s\"}", name);
        assert_int_equal(site_user_create(&site, &site_local, json), 0);
        client[i].caller = site_session(&site, name);
    }
    made_s = all_clients(work_create);
    revoked_s = all_clients(work_revoke);
    pn_ops_health(site.ops, &health);
    printf("# %llu changes in %llu transactions\n",
           (unsigned long long) health.changes_total,
           (unsigned long long) health.batches_total);
    printf("# %d clients: %.0f durable creates/s, %.0f revokes/s\n", CLIENTS,
           CLIENTS * EACH / made_s, CLIENTS * EACH / (2 * revoked_s));
    for (unsigned i = 0; i < CLIENTS; i++) {
        for (unsigned n = 0; n < EACH; n++) {
            assert_int_equal(site_gate(&site, &client[i].secret[n]),
                             n % 2 == 0 ? PN_REASON_TOKEN_REVOKED
                                        : PN_REASON_OK);
        }
    }
    assert_int_equal(site_compare(&site), CLIENTS * EACH);
    assert_true(site_audit(&site) >= CLIENTS * EACH * 3 / 2);
}

static int
set_up(void **state)
{
    (void) site_set_up(state);
    set_policy("{\"creation\":{\"max_tokens_per_owner\":10000}}");
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_store_and_index_agree_after_a_crowd),
    };

    return cmocka_run_group_tests(tests, set_up, site_tear_down);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody holds the index's writer lock and never lets go; how a watchdog sees
 * it.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "site_test.h"

enum { PATIENCE_S = 20 };

static const char *holder_program;
/* Returns when the lock is held. */
static pid_t
hold_lock(void)
{
    char dir[160], line[16] = {0};
    struct pn_health health;
    int ends[2];
    pid_t pid;

    pn_ops_health(site.ops, &health);
    (void) snprintf(dir, sizeof(dir), "%s/%llu", site.index,
                    (unsigned long long) health.index.generation);
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void) dup2(ends[1], STDOUT_FILENO);
        (void) execl(holder_program, holder_program, dir, (char *) NULL);
        _exit(127);
    }
    (void) close(ends[1]);
    assert_true(read(ends[0], line, sizeof(line) - 1) > 0);
    assert_string_equal(line, "held\n");
    (void) close(ends[0]);
    return pid;
}

static unsigned
create(const char *json, struct pn_secret *secret)
{
    struct pn_caller alice = site_session(&site, "alice");

    return site_token_create(&site, &alice, json, NULL, secret);
}

static void
test_change_is_answered_in_time_and_a_new_generation_follows(void **state)
{
    struct pn_secret before, late = {0}, after = {0};
    struct pn_token *token = site_token_of(&site, "alice", &before);
    struct pn_caller alice = site_session(&site, "alice");
    int64_t start = (int64_t) time(NULL);
    unsigned status;
    int gone = 0;
    pid_t holder = hold_lock();

    (void) state;
    assert_int_equal(
        site_token_act(&site, &alice, PN_ACT_TOKEN_REVOKE, token->id), 503);
    assert_string_equal(site.fault.code, "not_in_force");
    assert_true((int64_t) time(NULL) - start <= PN_PUBLISH_DEADLINE_S + 2);
    do {
        status = create("{\"name\":\"late\"}", &late);
    } while (status == 503 && (int64_t) time(NULL) - start < PATIENCE_S);
    /* a refused one is stored all the same: the name is taken */
    assert_true(status == 0 || status == 409);
    assert_int_equal(create("{\"name\":\"after\"}", &after), 0);
    assert_int_equal(site_gate(&site, &after), PN_REASON_OK);
    assert_int_equal(site_gate(&site, &before), PN_REASON_TOKEN_REVOKED);
    (void) site_compare(&site);

    assert_int_equal(kill(holder, SIGKILL), 0);
    assert_int_equal(waitpid(holder, &gone, 0), holder);
    /* the thread that was stuck goes on now, and changes nothing */
    assert_int_equal(create("{\"name\":\"at the end\"}", &after), 0);
    assert_int_equal(site_gate(&site, &after), PN_REASON_OK);
    assert_int_equal(site_gate(&site, &before), PN_REASON_TOKEN_REVOKED);
    (void) site_compare(&site);
}

static void *
revoke_token(void *arg)
{
    const struct pn_token *token = arg;
    struct pn_caller alice = site_session(&site, "alice");

    (void) site_token_act(&site, &alice, PN_ACT_TOKEN_REVOKE, token->id);
    return NULL;
}

enum state { MOVING = 0, HUNG };

/* Asked often, as a watchdog asks. */
static bool
becomes(enum state expected, int64_t within_ms)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    const int64_t until = (int64_t) time(NULL) + PATIENCE_S;
    enum state now;

    do {
        (void) nanosleep(&pause, NULL);
        now = pn_ops_stuck(site.ops, within_ms) != NULL ? HUNG : MOVING;
    } while (now != expected && (int64_t) time(NULL) < until);
    return now == expected;
}

static void
test_threads_that_do_not_come_round_are_named(void **state)
{
    enum { CALM_ROUNDS = 40, CALM_MS = 10000, HUNG_MS = 1500 };
    const struct timespec pause = {.tv_nsec = 50000000};
    struct pn_secret secret;
    struct pn_token *token = site_token_of(&site, "alice", &secret);
    pthread_t thread;
    pid_t holder;
    int gone = 0;

    (void) state;
    for (int i = 0; i < CALM_ROUNDS; i++) {
        assert_null(pn_ops_stuck(site.ops, CALM_MS));
        (void) nanosleep(&pause, NULL);
    }
    holder = hold_lock();
    assert_int_equal(pthread_create(&thread, NULL, revoke_token, token), 0);
    /* The writer waits for the publisher; both are silent. */
    assert_true(becomes(HUNG, HUNG_MS));
    assert_int_equal(kill(holder, SIGKILL), 0);
    assert_int_equal(waitpid(holder, &gone, 0), holder);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(becomes(MOVING, CALM_MS));
    assert_int_equal(site_gate(&site, &secret), PN_REASON_TOKEN_REVOKED);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_change_is_answered_in_time_and_a_new_generation_follows),
        cmocka_unit_test(test_threads_that_do_not_come_round_are_named),
    };

    if (argc != 2) {
        return 2;
    }
    holder_program = argv[1];
    return cmocka_run_group_tests(tests, site_set_up, site_tear_down);
}

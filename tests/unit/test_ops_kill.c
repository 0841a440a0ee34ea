/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing answered is lost by kill -9: a process that makes and revokes tokens
 * is killed at a random moment, POSTERN_KILLS times (default 60), and what it
 * was told is compared with store, index and the gate's answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "site_test.h"

enum { KILLS = 60, LINE_MAX_LEN = 256, TOKENS_MAX = 1 << 16 };

enum told { MADE, ASKED, REVOKED };

static struct {
    uint64_t id;
    char secret[128];
    enum told told;
} tokens[TOKENS_MAX];
static size_t token_count;

static const char *load_program;

static size_t
find(uint64_t id)
{
    for (size_t i = token_count; i > 0; i--) {
        if (tokens[i - 1].id == id) {
            return i - 1;
        }
    }
    fail_msg("revoked what was never made");
    return 0;
}

static void
note(const char *line)
{
    char *end = NULL;
    uint64_t id = strtoull(line + 2, &end, 10);

    if (line[0] == '+') {
        assert_true(token_count < TOKENS_MAX);
        tokens[token_count].id = id;
        tokens[token_count].told = MADE;
        (void) snprintf(tokens[token_count].secret,
                        sizeof(tokens[token_count].secret), "%s", end + 1);
        token_count++;
    } else {
        tokens[find(id)].told = line[0] == '?' ? ASKED : REVOKED;
    }
}

static pid_t
start(const char *owner, int *from)
{
    int ends[2];
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void) dup2(ends[1], STDOUT_FILENO);
        (void) close(ends[0]);
        (void) close(ends[1]);
        (void) execl(load_program, load_program, site.db.url, site.index, owner,
                     "4", (char *) NULL);
        _exit(127);
    }
    (void) close(ends[1]);
    *from = ends[0];
    return pid;
}

static int64_t
now_ms(void)
{
    struct timespec now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 100000;
}

/* Read until it is killed at the chosen moment, and what it still said. */
static void
one_life(const char *owner, int64_t life_ms)
{
    char line[LINE_MAX_LEN];
    int from = -1;
    pid_t pid = start(owner, &from);
    FILE *f = fdopen(from, "r");
    int64_t kill_at = 0;
    int status = 0;
    bool killed = false;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        note(line);
        kill_at = kill_at == 0 ? now_ms() + life_ms : kill_at;
        if (!killed && now_ms() >= kill_at) {
            assert_int_equal(kill(pid, SIGKILL), 0);
            killed = true;
        }
    }
    (void) fclose(f);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
check_token(size_t i)
{
    struct pn_secret secret;
    enum pn_reason reason;

    assert_int_equal(pn_secret_set(&secret, pn_str_from(tokens[i].secret)),
                     PN_OK);
    reason = site_gate(&site, &secret);
    if (tokens[i].told == MADE) {
        assert_int_equal(reason, PN_REASON_OK);
    } else if (tokens[i].told == REVOKED) {
        assert_int_equal(reason, PN_REASON_TOKEN_REVOKED);
    } else {
        assert_true(reason == PN_REASON_OK
                    || reason == PN_REASON_TOKEN_REVOKED);
    }
}

static void
test_nothing_answered_is_lost_by_kill_9(void **state)
{
    const char *kills_text = getenv("POSTERN_KILLS");
    unsigned kills =
        kills_text != NULL ? (unsigned) strtoul(kills_text, NULL, 10) : KILLS;

    (void) state;
    for (unsigned n = 0; n < kills; n++) {
        size_t before = token_count;
        char owner[32], json[64];

        (void) snprintf(owner, sizeof(owner), "life%u", n);
        (void) snprintf(json, sizeof(json), "{\"username\":\"%s\"}", owner);
        assert_int_equal(site_user_create(&site, &site_local, json), 0);
        site_stop(&site);
        one_life(owner, rand() % 40);
        site_start(&site);
        for (size_t i = before; i < token_count; i++) {
            check_token(i);
        }
        (void) site_audit(&site);
    }
    for (size_t i = 0; i < token_count; i++) {
        check_token(i);
    }
    printf("# %u kills, %zu tokens answered, %zu in store and index\n", kills,
           token_count, site_compare(&site));
    assert_true(kills == 0 || token_count > kills);
}

static int
set_up(void **state)
{
    (void) site_set_up(state);
    set_policy("{\"creation\":{\"max_tokens_per_owner\":10000}}");
    return 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_answered_is_lost_by_kill_9),
    };

    if (argc != 2) {
        return 2;
    }
    load_program = argv[1];
    srand((unsigned) time(NULL));
    return cmocka_run_group_tests(tests, set_up, site_tear_down);
}

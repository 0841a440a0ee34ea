/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage: opsload STORE_URL INDEX_DIR USERNAME THREADS
 *
 * Makes and revokes tokens until it is killed, and tells each change on
 * standard output, in one write(2) a line:
 *
 *     + ID SECRET    made, as pn_ops_change() answered
 *     ? ID           about to be revoked
 *     - ID           revoked, as pn_ops_change() answered
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "daemon/ops/ops.h"

enum { THREADS_MAX = 16, ARENA_MAX = 4 << 20, KEPT = 8 };

static struct pn_ops *ops;
static struct pn_user user;

static void
die(const char *what, const char *why)
{
    (void) fprintf(stderr, "opsload: %s: %s\n", what, why);
    _exit(1);
}

static void
tell(const char *line)
{
    if (write(STDOUT_FILENO, line, strlen(line)) < 0) {
        _exit(0);
    }
}

static struct pn_caller
caller_now(void)
{
    return (struct pn_caller){.kind = PN_CALLER_SESSION,
                              .user_id = user.id,
                              .username = user.username,
                              .signed_in_at = (int64_t) time(NULL),
                              .request_id = "load"};
}

static uint64_t
make(unsigned thread, unsigned number, struct pn_arena *arena)
{
    struct pn_fault fault = {0};
    struct pn_secret secret = {0};
    struct pn_caller caller = caller_now();
    char name[64], line[200];
    struct pn_token_wish wish = {.token = {.name = name},
                                 .given = PN_FIELD_NAME};
    struct pn_change change = {
        .act = PN_ACT_TOKEN_CREATE, .in.token = &wish, .secret = &secret};

    (void) snprintf(name, sizeof(name), "%d-%u-%u", (int) getpid(), thread,
                    number);
    if (!pn_ops_change(ops, &caller, &change, arena, &fault)) {
        die("make", fault.detail);
    }
    (void) snprintf(line, sizeof(line), "+ %" PRIu64 " %.100s\n",
                    change.token->id, secret.bytes);
    tell(line);
    return change.token->id;
}

static void
end_token(uint64_t id, struct pn_arena *arena)
{
    struct pn_fault fault = {0};
    struct pn_caller caller = caller_now();
    struct pn_change change = {.act = PN_ACT_TOKEN_REVOKE, .id = id};
    char line[64];

    (void) snprintf(line, sizeof(line), "? %" PRIu64 "\n", id);
    tell(line);
    if (!pn_ops_change(ops, &caller, &change, arena, &fault)) {
        die("revoke", fault.detail);
    }
    line[0] = '-';
    tell(line);
}

static void *
work(void *arg)
{
    unsigned thread = *(const unsigned *) arg;
    uint64_t kept[KEPT] = {0};

    for (unsigned number = 0;; number++) {
        struct pn_arena *arena = pn_arena_new(ARENA_MAX);
        uint64_t *slot = &kept[number % KEPT];

        if (arena == NULL) {
            die("arena", "no memory");
        }
        if (*slot != 0 && number % 2 == 0) {
            end_token(*slot, arena);
        }
        *slot = make(thread, number, arena);
        pn_arena_free(arena);
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    static const struct pn_caller local = {.kind = PN_CALLER_LOCAL};
    static unsigned numbers[THREADS_MAX];
    struct pn_fault fault = {0};
    struct pn_arena *arena = pn_arena_new(ARENA_MAX);
    unsigned threads = argc == 5 ? (unsigned) strtoul(argv[4], NULL, 10) : 0;

    if (threads == 0 || threads > THREADS_MAX || arena == NULL) {
        die("usage", "opsload STORE_URL INDEX_DIR USERNAME THREADS");
    }
    const struct pn_ops_options options = {.store_url = argv[1],
                                           .index_dir = argv[2]};
    enum pn_err err = pn_ops_start(&options, &ops);

    if (err != PN_OK) {
        die("start", pn_err_text(err));
    }
    if (!pn_ops_user(ops, &local, argv[3], arena, &user, &fault)) {
        die(argv[3], fault.detail);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_t thread;

        numbers[i] = i;
        if (pthread_create(&thread, NULL, work, &numbers[i]) != 0) {
            die("thread", "cannot start");
        }
    }
    for (;;) {
        (void) pause();
    }
}

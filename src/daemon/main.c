/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posternd: where people change things.  Reads its configuration, opens store
 * and index, listens, and waits for a signal.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/secret.h"
#include "daemon/credentials.h"
#include "daemon/notify.h"
#include "daemon/offline.h"
#include "daemon/options.h"
#include "daemon/parts.h"
#include "daemon/reload.h"
#include "daemon/syslog/link.h"
#include "daemon/watchdog.h"

enum { ARENA_MAX = 1 << 20 };

/* No core dumps, no debugger of another user: secrets are in memory. */
static bool
protect(void)
{
    const struct rlimit none = {0, 0};

    (void) umask(0077);
    return setrlimit(RLIMIT_CORE, &none) == 0
           && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

/* The files that the configuration names, besides our own. */
static bool
can_forward(const struct pn_config *config, char why[PN_CONFIG_WHY_MAX])
{
    for (unsigned i = 0; i < config->syslog_count; i++) {
        char reason[PN_SYSLOG_WHY_MAX] = "out of memory";

        if (pn_syslog_link_check(&config->syslog[i], reason) != PN_OK) {
            (void) snprintf(why, PN_CONFIG_WHY_MAX, "syslog %s: %s",
                            config->syslog[i].name, reason);
            return false;
        }
    }
    return true;
}

/* Until SIGTERM or SIGINT. */
static void
wait_for_end(struct pn_parts *parts, const char *path, const sigset_t *signals)
{
    int number = 0;

    while (number != SIGTERM && number != SIGINT) {
        if (sigwait(signals, &number) == 0 && number == SIGHUP) {
            pn_reload(parts, path);
        }
    }
}

static int
run(struct pn_parts *parts, const struct pn_options *options)
{
    struct pn_watchdog *watchdog = NULL;
    sigset_t signals;
    bool good;

    (void) sigemptyset(&signals);
    (void) sigaddset(&signals, SIGTERM);
    (void) sigaddset(&signals, SIGINT);
    (void) sigaddset(&signals, SIGHUP);
    /* Before there are threads: they inherit it, and only we wait. */
    if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0
        || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
    {
        return EXIT_FAILURE;
    }
    good = pn_parts_start(parts, &options->admin)
           && pn_watchdog_start(parts, &watchdog) == PN_OK;
    if (good) {
        pn_log(PN_LOG_INFO, "ready", "version", PN_VERSION, NULL);
        pn_notify("READY=1\nSTATUS=Ready.");
        wait_for_end(parts, options->config, &signals);
        pn_notify("STOPPING=1");
        pn_log(PN_LOG_INFO, "stopping", NULL);
    }
    pn_watchdog_stop(watchdog);
    pn_parts_stop(parts);
    if (good) {
        pn_log(PN_LOG_INFO, "stopped", NULL);
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * Requests take and give back some pages each; by default malloc returns them
 * to the system every time, and the next request faults them in again.  A
 * fixed threshold also keeps Argon2's 19 MiB out of the heaps.
 */
static void
tune_malloc(void)
{
    enum { KEPT_BYTES = 512 << 10, MAPPED_BYTES = 256 << 10 };

    /* NOLINTBEGIN(concurrency-mt-unsafe): there are no threads yet */
    (void) mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    (void) mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    /* NOLINTEND(concurrency-mt-unsafe) */
}

int
main(int argc, char **argv)
{
    struct pn_options options = {.check = false};
    struct pn_parts parts = {.ops = NULL};
    char why[PN_CONFIG_WHY_MAX] = "out of memory";
    struct pn_arena *arena;
    int code;

    if (argc > 1 && argv[1][0] != '-') {
        return pn_offline_main(argc, argv);
    }
    if (!pn_options_read(argc, argv, &options, &code)) {
        return code;
    }
    tune_malloc();
    pn_first_admin_take_environment(&options.admin);
    pn_credentials_use(&options.admin);
    arena = pn_arena_new(ARENA_MAX);
    if (!protect() || arena == NULL
        || pn_config_load(options.config, arena, &parts.config, why) != PN_OK
        || !can_forward(&parts.config, why))
    {
        (void) fprintf(stderr, "posternd: %s\n", why);
        code = PN_EXIT_USAGE;
    } else if (options.check) {
        (void) printf("%s: fine\n", options.config);
        code = EXIT_SUCCESS;
    } else {
        pn_log_set_level(parts.config.log_level);
        code = run(&parts, &options);
    }
    pn_secret_done(&options.admin.given);
    pn_arena_free(arena);
    return code;
}

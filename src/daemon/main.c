/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posternd: where people change things.  Reads its configuration, opens store
 * and index, listens, and waits for a signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/str.h"
#include "daemon/api/api.h"
#include "daemon/config.h"
#include "daemon/first_admin.h"
#include "daemon/jobs/keep.h"
#include "daemon/jobs/usage.h"
#include "daemon/notify.h"
#include "daemon/offline.h"
#include "daemon/signin/password.h"

enum { EXIT_USAGE = 2, ARENA_MAX = 1 << 20, ADMIN_CONNECTIONS = 32 };

struct options {
    const char *config;
    struct pn_first_admin admin;
    bool check;
};

static const char help[] =
    "posternd: keeps tokens, users, apps and policy, and publishes them for "
    "nginx\n"
    "\n"
    "Usage: posternd [OPTION]...\n"
    "       posternd NOUN VERB [OPTION]...\n"
    "\n"
    "  --config FILE   configuration (" PN_CONFIG_FILE ")\n"
    "  --check         test the configuration and end\n"
    "  --first-admin-password-file FILE\n"
    "                  on first start, take the password of \"admin\" from\n"
    "                  FILE (or the environment: POSTERN_ADMIN_PASSWORD)\n"
    "  --first-admin-out FILE\n"
    "                  on first start, make a password and write it to FILE\n"
    "  --help, --version\n"
    "\n"
    "SIGTERM ends it cleanly, SIGHUP reads log_level again.\n"
    "\n"
    "\"posternd audit verify\" checks the audit's chain; posternd need not "
    "run.\n"
    "\n"
    "Example:\n"
    "  posternd --config /etc/postern/postern.conf --check\n";

/* --- command line -------------------------------------------------------- */

/* PN_OK = go on; otherwise *code is the exit status. */
static bool
read_options(int argc, char **argv, struct options *out, int *code)
{
    static const struct option names[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 'k'},
        {"first-admin-password-file", required_argument, NULL, 'p'},
        {"first-admin-out", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int c;

    *code = EXIT_USAGE;
    /* One thread yet. */
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) { /* NOLINT */
        switch (c) {
        case 'c':
            out->config = optarg;
            break;
        case 'k':
            out->check = true;
            break;
        case 'p':
            out->admin.password_file = optarg;
            break;
        case 'o':
            out->admin.out_file = optarg;
            break;
        case 'h':
            *code = fputs(help, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
            return false;
        case 'v':
            *code =
                puts("posternd " PN_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
            return false;
        default: /* getopt_long has said what */
            return false;
        }
    }
    if (optind < argc) {
        (void) fprintf(stderr, "posternd: unexpected argument '%s'\n",
                       argv[optind]);
        return false;
    }
    return true;
}

/* --- the parts ----------------------------------------------------------- */

struct parts {
    struct pn_config config;
    struct pn_ops *ops;
    struct pn_usage_receiver *usage;
    struct pn_keeper *keeper; /* NULL = everything is kept */
    struct pn_http_server *http, *admin;
    struct pn_api api;
};

static bool
failed(const char *what, const char *subject, enum pn_err err)
{
    pn_log(PN_LOG_ERROR, "start_failed", "what", what, "subject", subject,
           "error", pn_err_text(err), NULL);
    return false;
}

/* Give a socket to a group; nginx's workers are in it. */
static bool
set_group(const char *path, const char *group)
{
    const struct group *found;

    if (group == NULL) {
        return true;
    }
    found = getgrnam(group); /* NOLINT(concurrency-mt-unsafe): start only */
    if (found == NULL) {
        return failed("find group", group, PN_E_NOT_FOUND);
    }
    return chown(path, (uid_t) -1, found->gr_gid) == 0
           || failed("set group of", path, PN_E_PERMISSION);
}

/* A token on our own API. */
static void
own_use(void *arg, const struct pn_usage *usage)
{
    struct pn_usage_receiver *receiver = arg;

    pn_usage_take(receiver, usage);
}

static bool
start_usage(struct parts *parts)
{
    const struct pn_config *config = &parts->config;
    struct pn_usage_options options = {
        .interval_s = config->usage_interval_s,
        .ops = parts->ops,
        .sender = {0, geteuid()},
        .sender_count = 2,
    };
    enum pn_err err;

    _Static_assert(PN_CONFIG_SENDERS_MAX + 2 <= PN_USAGE_SENDERS_MAX, "room");
    for (unsigned i = 0; i < config->usage_user_count; i++) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): start only */
        const struct passwd *user = getpwnam(config->usage_user[i]);

        if (user == NULL) {
            pn_log(PN_LOG_WARNING, "no_such_user", "key", "usage_users", "user",
                   config->usage_user[i], NULL);
            continue;
        }
        options.sender[options.sender_count++] = user->pw_uid;
    }
    err =
        pn_usage_listen(config->usage_socket, config->usage_mode, &options.fd);
    if (err != PN_OK) {
        return failed("listen on", config->usage_socket, err);
    }
    if (!set_group(config->usage_socket, config->usage_group)) {
        (void) close(options.fd);
        return false;
    }
    err = pn_usage_start(&options, &parts->usage);
    if (err != PN_OK) {
        return failed("start", "usage receiver", err);
    }
    pn_ops_on_use(parts->ops, own_use, parts->usage);
    return true;
}

static bool
start_server(struct parts *parts, const char *where, unsigned mode,
             struct pn_http_options *options, struct pn_http_server **out)
{
    enum pn_err err = pn_http_listen(where, mode, &options->listen_fd);

    if (err != PN_OK) {
        return failed("listen on", where, err);
    }
    options->routes = pn_api_routes;
    options->route_count = pn_api_route_count;
    options->problem = pn_api_problem;
    options->context = &parts->api;
    err = pn_http_start(options, out);
    if (err != PN_OK) {
        return failed("serve", where, err);
    }
    pn_log(PN_LOG_INFO, "listening", "where", where, NULL);
    return true;
}

static bool
start_servers(struct parts *parts)
{
    const struct pn_config *config = &parts->config;
    const struct pn_str scheme = PN_STR("unix:");
    struct pn_http_options http = {.threads = config->http_connections};
    struct pn_http_options admin = {.threads = ADMIN_CONNECTIONS,
                                    .local = true};
    char where[128];

    (void) snprintf(where, sizeof(where), "unix:%s", config->admin_socket);
    if (!start_server(parts, where, 0600, &admin, &parts->admin)
        || !start_server(parts, config->http_listen, config->http_mode, &http,
                         &parts->http))
    {
        return false;
    }
    return !pn_str_starts(pn_str_from(config->http_listen), scheme)
           || set_group(config->http_listen + scheme.len, config->http_group);
}

static void
usage_counts(void *arg, struct pn_api_counts *out)
{
    struct parts *parts = arg;
    struct pn_usage_totals counts;

    pn_usage_totals(parts->usage, &counts);
    *out = (struct pn_api_counts){
        .usage_datagrams = counts.datagrams,
        .usage_refused = counts.refused,
        .usage_lines = counts.lines,
        .usage_lost = counts.lost,
    };
}

static bool
start_keeper(struct parts *parts)
{
    const uint32_t days = parts->config.audit_keep_days;
    enum pn_err err =
        days > 0 ? pn_keeper_start(parts->ops, days, &parts->keeper) : PN_OK;

    return err == PN_OK || failed("start", "audit keeper", err);
}

static bool
start(struct parts *parts, const struct options *options)
{
    const struct pn_config *config = &parts->config;
    const struct pn_ops_options ops = {
        .store_url = config->store,
        .index_dir = config->index_dir,
        .index_group = config->index_group,
        .stale_after_s = config->stale_after_s,
    };
    enum pn_err err = pn_password_init();

    if (err != PN_OK) {
        return failed("start", "libsodium", err);
    }
    err = pn_ops_start(&ops, &parts->ops);
    if (err != PN_OK) {
        char title[256];

        pn_store_title(config->store, title, sizeof(title));
        pn_log(PN_LOG_ERROR, "start_failed", "what", "open store and index",
               "subject", title, "error", pn_err_text(err), "why",
               pn_store_open_why(), NULL);
        return false;
    }
    if (!pn_first_admin(parts->ops, &options->admin)) {
        return false;
    }
    parts->api = (struct pn_api){
        .ops = parts->ops,
        .started_at = (int64_t) time(NULL),
        .counts = usage_counts,
        .counts_arg = parts,
    };
    return start_keeper(parts) && start_usage(parts) && start_servers(parts);
}

static void
stop(struct parts *parts)
{
    pn_http_stop(parts->http);
    pn_http_stop(parts->admin);
    pn_usage_stop(parts->usage);
    pn_keeper_stop(parts->keeper);
    pn_ops_stop(parts->ops);
}

/* --- the process --------------------------------------------------------- */

/* No core dumps, no debugger of another user: secrets are in memory. */
static bool
protect(void)
{
    const struct rlimit none = {0, 0};

    (void) umask(0077);
    return setrlimit(RLIMIT_CORE, &none) == 0
           && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

static void
reload(struct parts *parts, const char *path)
{
    struct pn_arena *arena = pn_arena_new(ARENA_MAX);
    char why[PN_CONFIG_WHY_MAX] = "out of memory";
    struct pn_config config;

    if (arena == NULL || pn_config_load(path, arena, &config, why) != PN_OK) {
        pn_log(PN_LOG_ERROR, "config_refused", "error", why, NULL);
    } else {
        parts->config.log_level = config.log_level;
        pn_log_set_level(config.log_level);
        pn_log(PN_LOG_INFO, "config_reloaded", NULL);
    }
    pn_arena_free(arena);
}

/* Until SIGTERM or SIGINT. */
static void
wait_for_end(struct parts *parts, const char *path, const sigset_t *signals)
{
    int number = 0;

    while (number != SIGTERM && number != SIGINT) {
        if (sigwait(signals, &number) == 0 && number == SIGHUP) {
            reload(parts, path);
        }
    }
}

static int
run(struct parts *parts, const struct options *options)
{
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
    good = start(parts, options);
    if (good) {
        pn_log(PN_LOG_INFO, "ready", "version", PN_VERSION, NULL);
        pn_notify("READY=1");
        wait_for_end(parts, options->config, &signals);
        pn_notify("STOPPING=1");
        pn_log(PN_LOG_INFO, "stopping", NULL);
    }
    stop(parts);
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
    struct options options = {.config = PN_CONFIG_FILE};
    struct parts parts = {.ops = NULL};
    char why[PN_CONFIG_WHY_MAX] = "out of memory";
    struct pn_arena *arena;
    int code;

    if (argc > 1 && argv[1][0] != '-') {
        return pn_offline_main(argc, argv);
    }
    if (!read_options(argc, argv, &options, &code)) {
        return code;
    }
    tune_malloc();
    pn_first_admin_take_environment(&options.admin);
    arena = pn_arena_new(ARENA_MAX);
    if (!protect() || arena == NULL
        || pn_config_load(options.config, arena, &parts.config, why) != PN_OK)
    {
        (void) fprintf(stderr, "posternd: %s\n", why);
        code = EXIT_USAGE;
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

/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and stopping what posternd is made of, in order. */
#include "daemon/parts.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/signin/password.h"

enum { ADMIN_CONNECTIONS = 32 };

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

/* True: systemd has opened it, and *fd is the caller's. */
static bool
take_passed(struct pn_parts *parts, enum pn_passed_role role, int *fd)
{
    const bool passed = parts->passed.fd[role] >= 0;

    if (passed) {
        *fd = parts->passed.fd[role];
        parts->passed.fd[role] = -1;
    }
    return passed;
}

/* A token on our own API. */
static void
own_use(void *arg, const struct pn_usage *usage)
{
    struct pn_usage_receiver *receiver = arg;

    pn_usage_take(receiver, usage);
}

/* A socket of systemd's is as its unit says; ours is as the file says. */
static bool
open_usage(struct pn_parts *parts, int *fd)
{
    const struct pn_config *config = &parts->config;
    enum pn_err err;

    if (take_passed(parts, PN_PASSED_USAGE, fd)) {
        return true;
    }
    err = pn_usage_listen(config->usage_socket, config->usage_mode, fd);
    if (err != PN_OK) {
        return failed("listen on", config->usage_socket, err);
    }
    if (!set_group(config->usage_socket, config->usage_group)) {
        (void) close(*fd);
        return false;
    }
    return true;
}

/* How often uses are written, and who is believed. */
static struct pn_usage_options
usage_options(const struct pn_config *config)
{
    struct pn_usage_options options = {
        .interval_s = config->usage_interval_s,
        .sender = {0, geteuid()},
        .sender_count = 2,
    };

    _Static_assert(PN_CONFIG_SENDERS_MAX + 2 <= PN_USAGE_SENDERS_MAX, "room");
    for (unsigned i = 0; i < config->usage_user_count; i++) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): the first thread's only */
        const struct passwd *user = getpwnam(config->usage_user[i]);

        if (user == NULL) {
            pn_log(PN_LOG_WARNING, "no_such_user", "key", "usage_users", "user",
                   config->usage_user[i], NULL);
            continue;
        }
        options.sender[options.sender_count++] = user->pw_uid;
    }
    return options;
}

static bool
start_usage(struct pn_parts *parts)
{
    struct pn_usage_options options = usage_options(&parts->config);
    enum pn_err err;

    options.ops = parts->ops;
    if (!open_usage(parts, &options.fd)) {
        return false;
    }
    err = pn_usage_start(&options, &parts->usage);
    if (err != PN_OK) {
        return failed("start", "usage receiver", err);
    }
    pn_ops_on_use(parts->ops, own_use, parts->usage);
    return true;
}

/* where it shall be, unless systemd has opened it somewhere. */
static bool
start_server(struct pn_parts *parts, enum pn_passed_role role,
             struct pn_http_options *options, struct pn_http_server **out)
{
    const bool is_admin = role == PN_PASSED_ADMIN;
    const struct pn_config *config = &parts->config;
    const struct pn_str scheme = PN_STR("unix:");
    char admin[128];
    const char *where = is_admin ? admin : config->http_listen;
    const char *group = is_admin ? NULL : config->http_group;
    bool passed = take_passed(parts, role, &options->listen_fd);
    enum pn_err err = PN_OK;

    (void) snprintf(admin, sizeof(admin), "unix:%s", config->admin_socket);
    if (!passed) {
        err = pn_http_listen(where, is_admin ? 0600 : config->http_mode,
                             &options->listen_fd);
    }
    if (err != PN_OK) {
        return failed("listen on", where, err);
    }
    if (!passed && pn_str_starts(pn_str_from(where), scheme)
        && !set_group(where + scheme.len, group))
    {
        (void) close(options->listen_fd);
        return false;
    }
    options->routes = pn_api_routes;
    options->route_count = pn_api_route_count;
    options->problem = pn_api_problem;
    options->context = &parts->api;
    err = pn_http_start(options, out);
    if (err != PN_OK) {
        return failed("serve", where, err);
    }
    pn_log(PN_LOG_INFO, "listening", "where",
           passed ? "a socket of systemd's" : where, "for",
           is_admin ? "admin" : "http", NULL);
    return true;
}

static bool
start_servers(struct pn_parts *parts)
{
    struct pn_http_options http = {.threads = parts->config.http_connections};
    struct pn_http_options admin = {.threads = ADMIN_CONNECTIONS,
                                    .local = true};

    return start_server(parts, PN_PASSED_ADMIN, &admin, &parts->admin)
           && start_server(parts, PN_PASSED_HTTP, &http, &parts->http);
}

static void
job_counts(void *arg, struct pn_api_counts *out)
{
    struct pn_parts *parts = arg;
    struct pn_usage_totals counts;

    pn_usage_totals(parts->usage, &counts);
    *out = (struct pn_api_counts){
        .usage_datagrams = counts.datagrams,
        .usage_refused = counts.refused,
        .usage_lines = counts.lines,
        .usage_lost = counts.lost,
        .receiver_count = parts->config.syslog_count,
    };
    _Static_assert((int) PN_SYSLOG_RECEIVERS_MAX <= (int) PN_API_RECEIVERS_MAX,
                   "room");
    for (unsigned i = 0; i < parts->config.syslog_count; i++) {
        struct pn_forward_status status;

        pn_forwarder_status(parts->forwarder[i], &status);
        out->receiver[i] = (struct pn_api_receiver){
            .name = status.name,
            .leads = status.leads,
            .up = status.up,
            .behind = status.behind,
            .sent = status.sent_total,
            .failures = status.failures_total,
        };
    }
}

static bool
start_jobs(struct pn_parts *parts)
{
    enum pn_err err = pn_keeper_start(parts->ops, parts->config.audit_keep_days,
                                      &parts->keeper);

    if (err != PN_OK) {
        return failed("start", "audit keeper", err);
    }
    err = pn_unused_job_start(parts->ops, &parts->unused);
    return err == PN_OK || failed("start", "job of unused tokens", err);
}

static bool
start_forwarders(struct pn_parts *parts)
{
    for (unsigned i = 0; i < parts->config.syslog_count; i++) {
        enum pn_err err = pn_forwarder_start(
            parts->ops, &parts->config.syslog[i], &parts->forwarder[i]);

        if (err != PN_OK) {
            return failed("forward to", parts->config.syslog[i].name, err);
        }
    }
    return true;
}

bool
pn_parts_start(struct pn_parts *parts, const struct pn_first_admin *admin)
{
    const struct pn_config *config = &parts->config;
    const struct pn_ops_options ops = {
        .store_url = config->store,
        .index_dir = config->index_dir,
        .index_group = config->index_group,
        .stale_after_s = config->stale_after_s,
        .compare_s = config->compare_s,
    };
    char why[PN_PASSED_WHY_MAX];
    enum pn_err err = pn_password_init();

    if (!pn_passed_take(&parts->passed, why)) {
        pn_log(PN_LOG_ERROR, "start_failed", "what", "use a passed socket",
               "subject", "LISTEN_FDS", "error", why, NULL);
        return false;
    }
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
    if (!pn_first_admin(parts->ops, admin)) {
        return false;
    }
    parts->api = (struct pn_api){
        .ops = parts->ops,
        .started_at = (int64_t) time(NULL),
        .counts = job_counts,
        .counts_arg = parts,
    };
    return start_jobs(parts) && start_usage(parts) && start_forwarders(parts)
           && start_servers(parts);
}

void
pn_parts_apply(struct pn_parts *parts, const struct pn_config *config)
{
    const struct pn_usage_options usage = usage_options(config);

    pn_log_set_level(config->log_level);
    pn_usage_configure(parts->usage, &usage);
    pn_keeper_set_days(parts->keeper, config->audit_keep_days);
}

void
pn_parts_stop(struct pn_parts *parts)
{
    pn_http_stop(parts->http);
    pn_http_stop(parts->admin);
    pn_usage_stop(parts->usage);
    pn_keeper_stop(parts->keeper);
    pn_unused_job_stop(parts->unused);
    for (unsigned i = 0; i < parts->config.syslog_count; i++) {
        pn_forwarder_stop(parts->forwarder[i]); /* after whoever makes events */
    }
    pn_ops_stop(parts->ops);
}

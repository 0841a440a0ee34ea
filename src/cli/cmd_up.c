/* SPDX-License-Identifier: Apache-2.0 */
/* postern up: the whole thing for one machine. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/files.h"
#include "cli/http.h"
#include "cli/place.h"
#include "cli/print.h"
#include "cli/up.h"
#include "cli/up_process.h"

enum { POSTERND = 0, NGINX, CHILDREN, READY_MS = 60000, STEP_MS = 50 };

static const struct pn_option options[] = {
    {"upstream", "URL", "the application: http://127.0.0.1:3000", PN_ONCE},
    {"listen", "ADDR:PORT", "where people come; 127.0.0.1:8080", PN_ONCE},
    {"portal", "ADDR:PORT", "an address of its own for Postern's pages",
     PN_ONCE},
    {"preset", "NAME", "what application it is (see below)", PN_ONCE},
    {"name", "APP", "what Postern calls the application", PN_ONCE},
    {"require", NULL, "refuse requests without a credential", PN_ONCE},
    {"data", "DIR", "where everything is kept", PN_ONCE},
    {"tls-cert", "FILE", "certificate with its chain, PEM", PN_ONCE},
    {"tls-key", "FILE", "its key, PEM", PN_ONCE},
    {"upstream-ca", "FILE", "authority of an https:// upstream", PN_ONCE},
    {"allow-insecure-listen", NULL,
     "plain HTTP where other machines can reach it", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

/* Everything that one run of "postern up" holds. */
struct run {
    struct pn_cli *cli;
    struct pn_up up;
    struct pn_child children[CHILDREN];
    struct pn_note note;
    const char *password_file; /* of the first administrator, until shown */
    int lock;
};

/* --- starting ------------------------------------------------------------ */

static void
say_who_ended(const struct run *run)
{
    for (size_t i = 0; i < CHILDREN; i++) {
        if (run->children[i].ended) {
            pn_child_say_end(&run->children[i], run->cli->arena);
            return;
        }
    }
}

/* False, having said why, when something ended or somebody wants to stop. */
static bool
still_going(struct run *run, int ms, enum pn_exit *rc)
{
    enum pn_event event = pn_children_wait(run->children, CHILDREN, ms);

    if (event == PN_EVENT_ENDED) {
        say_who_ended(run);
    }
    if (event != PN_EVENT_NOTHING) {
        *rc = event == PN_EVENT_ENDED ? PN_EXIT_ERROR : PN_EXIT_OK;
    }
    return event == PN_EVENT_NOTHING;
}

/* Until posternd answers on its administrator's socket. */
static bool
posternd_is_ready(struct run *run, enum pn_exit *rc)
{
    struct pn_ask ask = {.method = "GET",
                         .url = "http://localhost" PN_API "/readyz",
                         .socket = run->note.admin_socket,
                         .timeout_s = 2};
    struct pn_reply reply = {0};
    char why[256] = "";

    for (int waited = 0; waited < READY_MS; waited += STEP_MS) {
        if (pn_http_ask(&ask, run->cli->arena, &reply, why, sizeof(why))
                == PN_OK
            && reply.status == 200)
        {
            return true;
        }
        if (!still_going(run, STEP_MS, rc)) {
            return false;
        }
    }
    pn_say("posternd was not ready within %d seconds: %s", READY_MS / 1000,
           why[0] ? why : "it says so");
    *rc = PN_EXIT_ERROR;
    return false;
}

/* Until nginx takes connections. */
static bool
nginx_is_ready(struct run *run, enum pn_exit *rc)
{
    const struct pn_up_listen *at = &run->up.listen;

    for (int waited = 0; waited < READY_MS; waited += STEP_MS) {
        int fd = socket(at->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool up =
            fd >= 0
            && connect(fd, (const struct sockaddr *) &at->addr, at->addr_len)
                   == 0;

        if (fd >= 0) {
            (void) close(fd);
        }
        if (!still_going(run, STEP_MS, rc)) {
            return false;
        }
        if (up) {
            return true;
        }
    }
    pn_say("nginx did not answer within %d seconds", READY_MS / 1000);
    *rc = PN_EXIT_ERROR;
    return false;
}

/* The application's record, unless there is one: an administrator's changes
 * to it are kept. */
static enum pn_exit
make_app(struct run *run)
{
    struct pn_cli *cli = run->cli;
    struct pn_answer answer;
    json_t *doc;
    enum pn_exit rc = pn_connect_socket(cli, run->note.admin_socket);

    if (rc == PN_EXIT_OK) {
        rc = pn_call_find(cli, pn_path(cli, "/apps/", run->up.name, ""),
                          &answer);
    }
    if (rc != PN_EXIT_FOUND) {
        return rc;
    }
    doc = pn_preset_app(run->up.preset, cli->arena);
    if (doc == NULL
        || json_object_set_new(doc, "name", json_string(run->up.name)) != 0
        || json_object_set_new(doc, "url", json_string(run->up.url)) != 0)
    {
        return pn_cli_nomem();
    }
    return pn_call(cli, "POST", "/apps", json_incref(doc), &answer);
}

static const char *
in_data(struct run *run, const char *tail)
{
    return pn_arena_printf(run->cli->arena, "%s%s", run->up.data, tail);
}

/* An argument list of copies; NULL when out of memory. */
static char **
arguments(struct pn_arena *arena, const char *const *words, size_t count)
{
    char **argv = pn_arena_array(arena, count + 1, sizeof(*argv));

    for (size_t i = 0; argv != NULL && i < count; i++) {
        argv[i] = words[i] != NULL ? pn_arena_dup(arena, pn_str_from(words[i]))
                                   : NULL;
        if (argv[i] == NULL) {
            return NULL;
        }
    }
    return argv;
}

static bool
name_children(struct run *run)
{
    const char *error_log = in_data(run, "/nginx/error.log");
    const char *password = in_data(run, "/first-admin-password");
    const char *const posternd[] = {run->up.posternd, "--config",
                                    in_data(run, "/postern.conf"),
                                    "--first-admin-out", password};
    const char *const nginx[] = {
        run->up.nginx, "-p", in_data(run, "/nginx"),           "-e",
        error_log,     "-c", in_data(run, "/nginx/nginx.conf")};

    run->password_file = password;
    run->children[POSTERND] = (struct pn_child){
        .name = "posternd",
        .argv = arguments(run->cli->arena, posternd, PN_LEN(posternd)),
        .output = in_data(run, "/posternd.log"),
        .keep = KEEP_OUTPUT,
        .stop = SIGTERM,
    };
    run->children[NGINX] = (struct pn_child){
        .name = "nginx",
        .argv = arguments(run->cli->arena, nginx, PN_LEN(nginx)),
        .output = in_data(run, "/nginx/start.log"),
        .log = error_log,
        .stop = SIGQUIT,
    };
    for (size_t i = 0; i < CHILDREN; i++) {
        if (run->children[i].argv == NULL || run->children[i].output == NULL) {
            return false;
        }
    }
    return true;
}

/* --- what the person is told --------------------------------------------- */

/* Shown once, then gone: it must be changed at the first sign-in anyway. */
static void
say_first_password(const struct run *run)
{
    struct pn_str password;

    if (pn_file_read(run->password_file, PN_SECRET_MAX, run->cli->arena,
                     &password)
        != PN_OK)
    {
        return;
    }
    (void) fprintf(stderr,
                   "First start: sign in as 'admin' with the one-time password "
                   "%.*s\n"
                   "This is the only time that it is shown.\n\n",
                   (int) strcspn(password.ptr, "\n"), password.ptr);
    (void) unlink(run->password_file);
}

static void
say_started(const struct run *run)
{
    const struct pn_up *up = &run->up;

    (void) fprintf(stderr,
                   "\n"
                   "Postern is up.\n"
                   "\n"
                   "  application   %s   (passed on to %s)\n"
                   "  Postern       %s/postern/\n"
                   "  data          %s\n"
                   "  logs          %s/nginx/, %s\n"
                   "  stop          Ctrl-C\n"
                   "\n",
                   up->url, up->upstream, up->portal_url, up->data, up->data,
                   run->children[POSTERND].output);
    say_first_password(run);
    (void) fprintf(stderr, "%s\n", up->preset->advice);
    if (up->users == SEPARATED) {
        (void) fprintf(stderr,
                       "nginx's workers run as '%s'; posternd stays root, the "
                       "only one who reads the store.\n",
                       up->worker);
    } else {
        (void) fprintf(stderr,
                       "Started by an ordinary user: nginx's workers and "
                       "posternd are both '%s', so a fault in one reaches the "
                       "other. Start as root to separate them.\n",
                       up->worker);
    }
    if (up->tls_cert == NULL
        && !(up->listen.loopback
             && (up->portal.text == NULL || up->portal.loopback)))
    {
        (void) fprintf(stderr,
                       "WARNING: plain HTTP. Tokens sent from other machines "
                       "are refused until 'postern policy set --tls-required "
                       "off'.\n");
    }
}

/* --- running ------------------------------------------------------------- */

/* posternd has its copy, and wipes that; nginx needs none. */
static void
forget_given_password(void)
{
    static const char name[] = "POSTERN_ADMIN_PASSWORD";
    char *text = getenv(name); /* NOLINT(concurrency-mt-unsafe) */

    if (text != NULL) {
        pn_wipe(text, strlen(text));
        (void) unsetenv(name); /* NOLINT(concurrency-mt-unsafe) */
    }
}

static enum pn_exit
start_and_watch(struct run *run)
{
    enum pn_exit rc = pn_child_start(&run->children[POSTERND]);

    forget_given_password();
    if (rc != PN_EXIT_OK || !posternd_is_ready(run, &rc)) {
        return rc;
    }
    rc = make_app(run);
    if (rc == PN_EXIT_OK) {
        rc = pn_child_start(&run->children[NGINX]);
    }
    if (rc != PN_EXIT_OK || !nginx_is_ready(run, &rc)) {
        return rc;
    }
    say_started(run);
    if (pn_note_put(&run->note, run->cli->arena) != PN_OK) {
        pn_say("cannot write '%s/run.json': %s", run->up.data,
               strerrordesc_np(errno));
        return PN_EXIT_ERROR;
    }
    (void) still_going(run, -1, &rc);
    return rc;
}

static enum pn_exit
run_up(struct pn_cli *cli)
{
    struct run run = {.cli = cli, .lock = -1};
    enum pn_exit rc = pn_up_read(cli, &run.up);

    if (rc == PN_EXIT_OK) {
        rc = pn_up_lock(cli, &run.up, &run.lock);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_up_prepare(cli, &run.up);
    }
    run.note = (struct pn_note){
        .pid = getpid(),
        .data = run.up.data,
        .url = run.up.portal_url,
        .admin_socket = rc == PN_EXIT_OK ? in_data(&run, "/admin.sock") : NULL,
        .cacert = run.up.tls_cert != NULL ? run.up.tls_cert : "",
    };
    if (rc == PN_EXIT_OK
        && (run.note.admin_socket == NULL || !name_children(&run))) {
        rc = pn_cli_nomem();
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    pn_children_init();
    rc = start_and_watch(&run);
    pn_child_stop(&run.children[NGINX]);
    pn_child_stop(&run.children[POSTERND]);
    pn_note_remove(&run.note, cli->arena);
    return rc;
}

const struct pn_command pn_up_commands[] = {
    {
        .noun = "up",
        .args = "",
        .summary = "Put Postern in front of an application, all in one",
        .examples =
            "postern up --upstream http://127.0.0.1:3000\n"
            "postern up --upstream http://127.0.0.1:5232 --preset radicale "
            "--require\n"
            "postern up --upstream http://127.0.0.1:8081 --preset jira \\\n"
            "    --listen 0.0.0.0:443 --tls-cert fullchain.pem "
            "--tls-key key.pem\n",
        .details =
            "Presets: generic, jira, confluence, bitbucket, radicale, gitea, "
            "grafana, git.\n"
            "\n"
            "On the first start it prints the one-time password of the "
            "administrator\n"
            "'admin', or takes the one in POSTERN_ADMIN_PASSWORD. It stops "
            "when told to\n"
            "(Ctrl-C, SIGTERM), and with status 1 when nginx or posternd "
            "ends.\n"
            "Data is kept in /var/lib/postern-up for root, else in\n"
            "$XDG_DATA_HOME/postern-up.\n",
        .options = options,
        .needs = PN_NEEDS_NOTHING,
        .run = run_up,
    },
    {.noun = NULL},
};

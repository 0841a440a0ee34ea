/* SPDX-License-Identifier: Apache-2.0 */
/* postern doctor: is everything as it must be?  Each check says so by line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/secret.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/http.h"
#include "cli/input.h"
#include "cli/place.h"
#include "cli/print.h"

static const struct pn_option options[] = {
    {"app", "NAME", "send a token through the gate to this application",
     PN_ONCE},
    {"user", "USER", "whose token it is", PN_ONCE},
    {"token-file", "FILE", "the token; - is standard input", PN_ONCE},
    {"at", "URL", "the gate's address, if the app's own is another", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

/* What was found; one line each. */
struct findings {
    struct pn_cli *cli;
    json_t *lines;
    unsigned bad;
};

enum health { GOOD = 0, BAD };

static void
note(struct findings *f, enum health health, const char *check,
     const char *words)
{
    f->bad += health == BAD;
    (void) json_array_append_new(
        f->lines, json_pack("{s:s, s:b, s:s}", "check", check, "ok",
                            health == GOOD, "detail", words));
}

static void
check_mode(struct findings *f, const char *check, const char *path,
           mode_t forbidden)
{
    const char *words;
    struct stat st;

    if (stat(path, &st) != 0) {
        words = pn_arena_printf(f->cli->arena, "cannot see '%s': %s", path,
                                strerrordesc_np(errno));
        note(f, BAD, check, words != NULL ? words : path);
        return;
    }
    words = pn_arena_printf(f->cli->arena, "'%s' has mode %04o", path,
                            (unsigned) st.st_mode & 07777);
    note(f, (st.st_mode & forbidden) != 0 ? BAD : GOOD, check,
         words != NULL ? words : path);
}

/* The files of a "postern up" on this machine. */
static void
check_data(struct findings *f)
{
    static const struct {
        const char *check, *tail;
        mode_t forbidden;
    } paths[] = {
        {"data directory", "", 0027},
        {"store", "/store", 0077},
        {"index", "/index", 0007},
        {"administrator's socket", "/admin.sock", 0077},
    };
    struct pn_note up;

    if (pn_note_find(f->cli->arena, &up) != PN_OK) {
        return;
    }
    for (size_t i = 0; i < PN_LEN(paths); i++) {
        const char *path =
            pn_arena_printf(f->cli->arena, "%s%s", up.data, paths[i].tail);

        if (path != NULL) {
            check_mode(f, paths[i].check, path, paths[i].forbidden);
        }
    }
}

static void
check_parts(struct findings *f)
{
    struct pn_arena *arena = f->cli->arena;
    const char *posternd = pn_place_posternd(arena);
    const char *module = pn_place_module(arena);
    const char *nginx = pn_place_nginx(arena);

    note(f, GOOD, "version", PN_VERSION);
    note(f, posternd ? GOOD : BAD, "posternd",
         posternd ? posternd : "not found");
    note(f, module ? GOOD : BAD, "nginx module", module ? module : "not found");
    note(f, nginx ? GOOD : BAD, "nginx",
         nginx ? nginx : "not found; apt-get install nginx");
}

static void
check_server(struct findings *f)
{
    struct pn_answer answer;
    enum pn_exit rc = pn_call(f->cli, "GET", "/readyz", NULL, &answer);

    if (rc == PN_EXIT_OK) {
        note(f, GOOD, "posternd is ready", pn_connected_to(f->cli));
    } else {
        note(f, BAD, "posternd is ready",
             "it is not; its answer stands on standard error");
    }
}

/* --- receivers of the audit ---------------------------------------------- */

enum { METRICS_MAX = 64 << 10 };

static bool
take_piece(void *arg, struct pn_str piece)
{
    struct pn_buf *text = arg;

    pn_buf_add(text, piece);
    return !text->full;
}

/* The value of postern_syslog_…{receiver="NAME"}; 0 when there is none. */
static unsigned long long
metric_of(struct findings *f, const char *metrics, const char *what,
          struct pn_str name)
{
    const char *key = pn_arena_printf(f->cli->arena,
                                      "\npostern_syslog_%s{receiver=\"%.*s\"} ",
                                      what, (int) name.len, name.ptr);
    const char *at = key != NULL ? strstr(metrics, key) : NULL;

    return at != NULL ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void
note_receiver(struct findings *f, const char *metrics, struct pn_str name)
{
    const bool leads = metric_of(f, metrics, "leads", name) != 0;
    const bool up = metric_of(f, metrics, "up", name) != 0;
    const char *words =
        pn_arena_printf(f->cli->arena, "'%.*s' %s; %llu events behind",
                        (int) name.len, name.ptr,
                        up      ? "is connected"
                        : leads ? "is AWAY: posternd's log says why"
                                : "is another node's business",
                        metric_of(f, metrics, "behind", name));

    note(f, up || !leads ? GOOD : BAD, "receiver of the audit",
         words != NULL ? words : "");
}

/* Those that posternd forwards to; nothing when there are none. */
static void
check_receivers(struct findings *f)
{
    static const char row[] = "\npostern_syslog_up{receiver=\"";
    struct pn_buf text = {.ptr = pn_arena_alloc(f->cli->arena, METRICS_MAX),
                          .cap = METRICS_MAX};
    const char *metrics;

    if (!pn_is_local(f->cli) || text.ptr == NULL
        || pn_call_stream(f->cli, "/metrics", take_piece, &text) != PN_EXIT_OK)
    {
        return;
    }
    metrics = pn_buf_cstr(&text);
    for (const char *at = metrics != NULL ? strstr(metrics, row) : NULL;
         at != NULL; at = strstr(at, row))
    {
        at += sizeof(row) - 1;
        note_receiver(f, metrics, (struct pn_str){at, strcspn(at, "\"")});
    }
}

/* --- the application ----------------------------------------------------- */

static void
judge_answer(struct findings *f, const struct pn_reply *reply,
             const char *field, const char *username)
{
    json_t *doc = NULL;
    const char *seen, *words;
    bool json = pn_json_parse(reply->body, &doc, NULL, 0) == PN_OK;

    seen = json ? pn_json_text(doc, field) : "";
    if (reply->status < 200 || reply->status > 299) {
        const char *detail = pn_json_text(doc, "detail");

        words = pn_arena_printf(f->cli->arena, "it answered %ld%s%s",
                                reply->status, detail[0] ? ": " : "", detail);
        note(f, BAD, "application knows the person",
             words != NULL ? words : "it refused");
    } else if (seen[0] == '\0') {
        words = pn_arena_printf(f->cli->arena,
                                "it saw NOBODY: its answer has no '%s'. Tell "
                                "it to trust the identity header",
                                field);
        note(f, BAD, "application knows the person",
             words != NULL ? words : "it saw nobody");
    } else if (strcmp(seen, username) != 0) {
        words = pn_arena_printf(f->cli->arena,
                                "it saw SOMEBODY ELSE: '%s' instead of '%s'",
                                seen, username);
        note(f, BAD, "application knows the person",
             words != NULL ? words : "it saw somebody else");
    } else {
        words = pn_arena_printf(f->cli->arena, "it saw '%s'", seen);
        note(f, GOOD, "application knows the person",
             words != NULL ? words : seen);
    }
    json_decref(doc);
}

/* Sends the token where the application says who one is. */
static enum pn_exit
send_token(struct findings *f, const json_t *app)
{
    const char *username = pn_cli_value(f->cli, "user"), *question;
    const char *base = pn_cli_value(f->cli, "at");
    const char *path = pn_json_text(app, "whoami.path");
    struct pn_secret token = {0};
    struct pn_ask ask = {.method = "GET",
                         .cacert = pn_cli_value(f->cli, "cacert"),
                         .username = username,
                         .secret = &token};
    struct pn_reply reply;
    char why[256];
    enum pn_exit rc = pn_check_url(
        f->cli, base != NULL ? base : pn_json_text(app, "url"), &base);

    if (rc != PN_EXIT_OK) {
        return rc;
    }
    ask.url = pn_arena_printf(f->cli->arena, "%s%s%s", base,
                              pn_json_text(app, "context_path"), path);
    question = pn_arena_printf(f->cli->arena, "A token of %s", username);
    if (ask.url == NULL || question == NULL) {
        return pn_cli_nomem();
    }
    rc =
        pn_input_secret(f->cli, "token-file", question, PN_PROMPT_ONCE, &token);
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    if (pn_http_ask(&ask, f->cli->arena, &reply, why, sizeof(why)) != PN_OK) {
        note(f, BAD, "application answers", why);
    } else {
        judge_answer(f, &reply, pn_json_text(app, "whoami.field"), username);
    }
    pn_secret_done(&token);
    return PN_EXIT_OK;
}

static enum pn_exit
check_app(struct findings *f)
{
    const char *name = pn_cli_value(f->cli, "app");
    struct pn_answer answer;
    enum pn_exit rc;

    if (!pn_cli_has(f->cli, "user")) {
        return pn_cli_usage(f->cli, "whose token will it be? --user USER");
    }
    rc = pn_call(f->cli, "GET", pn_path(f->cli, "/apps/", name, ""), NULL,
                 &answer);
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    if (pn_json_text(answer.doc, "whoami.path")[0] == '\0') {
        note(f, BAD, "application knows the person",
             "cannot be asked: give the app a whoami, with 'postern app edit' "
             "--whoami-path and --whoami-field");
        return PN_EXIT_OK;
    }
    return send_token(f, answer.doc);
}

static const char *
cell_mark(struct pn_cli *cli, const json_t *item)
{
    (void) cli;
    return json_is_true(json_object_get(item, "ok")) ? "ok" : "BAD";
}

static enum pn_exit
run_doctor(struct pn_cli *cli)
{
    static const struct pn_column columns[] = {
        {"", NULL, cell_mark},
        {"CHECK", "check", NULL},
        {"DETAIL", "detail", NULL},
        {NULL, NULL, NULL},
    };
    struct findings f = {.cli = cli,
                         .lines = pn_json_defer(cli->arena, json_array())};
    json_t *list;
    enum pn_exit rc;

    if (f.lines == NULL) {
        return pn_cli_nomem();
    }
    if (!pn_cli_has(cli, "app")
        && (pn_cli_has(cli, "user") || pn_cli_has(cli, "token-file")
            || pn_cli_has(cli, "at")))
    {
        return pn_cli_usage(cli, "--user, --token-file and --at go with --app");
    }
    rc = pn_connect(cli, PN_WANT_ANY);
    if (rc == PN_EXIT_USAGE) {
        return rc;
    }
    check_parts(&f);
    check_data(&f);
    if (rc == PN_EXIT_OK) {
        check_server(&f);
        check_receivers(&f);
        rc = pn_cli_has(cli, "app") ? check_app(&f) : PN_EXIT_OK;
    } else {
        note(&f, BAD, "posternd is ready", "no running posternd was found");
        rc = PN_EXIT_OK;
    }
    list = pn_json_defer(cli->arena, json_pack("{s:O}", "items", f.lines));
    if (rc == PN_EXIT_OK && list != NULL) {
        pn_print_list(cli, columns, list, "nothing was checked");
        rc = f.bad > 0 ? PN_EXIT_FOUND : PN_EXIT_OK;
    }
    return rc;
}

const struct pn_command pn_doctor_commands[] = {
    {
        .noun = "doctor",
        .args = "",
        .summary = "Check that everything is as it must be",
        .examples =
            "postern doctor\n"
            "postern doctor --app jira --user alice --token-file token.txt\n",
        .details =
            "With --app it sends a token through the gate and fails loudly "
            "when the\napplication sees somebody else, or nobody.\n"
            "Exit status 3: at least one check is bad.\n",
        .options = options,
        .run = run_doctor,
    },
    {.noun = NULL},
};

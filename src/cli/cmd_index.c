/* SPDX-License-Identifier: Apache-2.0 */
/* postern index: how it is, whether it is right, and making it anew. */
#include <string.h>
#include <time.h>

#include "base/progress.h"
#include "cli/acts.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/print.h"

static const struct pn_column columns[] = {
    {"generation", "generation", NULL},
    {"changes in it", "position", NULL},
    {"of", "store_position", NULL},
    {"secrets", "secrets", NULL},
    {"owners", "owners", NULL},
    {"applications", "apps", NULL},
    {"bytes in use", "live_bytes", NULL},
    {"bytes of file", "file_bytes", NULL},
    {"made anew", "rebuild.state", NULL},
    {"because", "rebuild.error", NULL},
    {NULL, NULL, NULL},
};

static enum pn_exit
ask(struct pn_cli *cli, struct pn_answer *answer)
{
    return pn_call(cli, "GET", "/index", NULL, answer);
}

static enum pn_exit
run_show(struct pn_cli *cli)
{
    struct pn_answer answer;
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (rc == PN_EXIT_OK) {
        rc = ask(cli, &answer);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_object(cli, columns, answer.doc);
    }
    return rc;
}

/* --- check --------------------------------------------------------------- */

static const struct pn_option check_options[] = {
    PN_ACTS_OPTION,
    {"wait", "SECONDS", "how long to wait for an index that lags (10)",
     PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static enum pn_exit
run_check(struct pn_cli *cli)
{
    const char *arguments[4] = {NULL};
    size_t count = 0;

    if (pn_cli_has(cli, "wait")) {
        arguments[count++] = "--wait";
        arguments[count++] = pn_cli_value(cli, "wait");
    }
    if (pn_cli_has(cli, "json")) {
        arguments[count++] = "--json";
    }
    return pn_acts_become(cli, "index", "check", arguments);
}

/* --- rebuild ------------------------------------------------------------- */

static const struct pn_option rebuild_options[] = {
    {"offline", NULL, "posternd does not run: make it here", PN_ONCE},
    PN_ACTS_OPTION,
    {"no-wait", NULL, "end when it has begun", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static uint64_t
number_at(const json_t *doc, const char *path)
{
    return (uint64_t) json_integer_value(pn_json_at(doc, path));
}

/* Until it is no longer running; *answer is the last. */
static enum pn_exit
wait_for_end(struct pn_cli *cli, struct pn_answer *answer)
{
    const struct timespec moment = {0, 200000000};
    struct pn_progress progress = {.what = "making the index anew",
                                   .quiet = pn_cli_has(cli, "json")};
    uint64_t done = 0;
    enum pn_exit rc = PN_EXIT_OK;

    pn_progress_begin(&progress);
    while (rc == PN_EXIT_OK
           && strcmp(pn_json_text(answer->doc, "rebuild.state"), "running")
                  == 0)
    {
        done = number_at(answer->doc, "rebuild.done");
        progress.total = number_at(answer->doc, "rebuild.total");
        pn_progress_show(&progress, done);
        (void) nanosleep(&moment, NULL);
        rc = ask(cli, answer);
    }
    pn_progress_end(&progress, number_at(answer->doc, "rebuild.done"));
    return rc;
}

static enum pn_exit
rebuild_here(struct pn_cli *cli)
{
    static const char *const none[] = {NULL};

    if (pn_cli_has(cli, "no-wait")) {
        return pn_cli_usage(cli, "--no-wait asks a posternd that runs");
    }
    return pn_acts_become(cli, "index", "rebuild", none);
}

static enum pn_exit
run_rebuild(struct pn_cli *cli)
{
    struct pn_answer answer;
    enum pn_exit rc;

    if (pn_cli_has(cli, "offline")) {
        return rebuild_here(cli);
    }
    if (pn_cli_has(cli, "config")) {
        return pn_cli_usage(cli, "--config goes with --offline");
    }
    rc = pn_connect(cli, PN_WANT_ANY);
    if (rc == PN_EXIT_OK) {
        rc = pn_call(cli, "POST", "/index/rebuild", NULL, &answer);
    }
    if (rc == PN_EXIT_OK && !pn_cli_has(cli, "no-wait")) {
        rc = wait_for_end(cli, &answer);
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    if (strcmp(pn_json_text(answer.doc, "rebuild.state"), "failed") == 0) {
        pn_say("it could not be made: %s; nginx goes on with the one before",
               pn_json_text(answer.doc, "rebuild.error"));
        return PN_EXIT_ERROR;
    }
    pn_print_object(cli, columns, answer.doc);
    return PN_EXIT_OK;
}

const struct pn_command pn_index_commands[] = {
    {
        .noun = "index",
        .verb = "show",
        .args = "",
        .summary = "Show the index that nginx reads",
        .examples = "postern index show\n",
        .run = run_show,
    },
    {
        .noun = "index",
        .verb = "check",
        .args = "",
        .summary = "Compare every record of the index with the store",
        .examples = "postern index check\n"
                    "postern index check --json\n",
        .details =
            "Runs on this machine, as a user who may read store and index, "
            "beside a\nrunning posternd or without one.  Each record is made "
            "anew and compared, byte\nby byte; every page and sum is checked.\n"
            "Exit status 3: something is wrong.\n",
        .options = check_options,
        .needs = PN_NEEDS_NOTHING,
        .run = run_check,
    },
    {
        .noun = "index",
        .verb = "rebuild",
        .args = "",
        .summary = "Make the index anew from the store",
        .examples = "postern index rebuild\n"
                    "postern index rebuild --offline\n",
        .details =
            "nginx goes on deciding by the present index, and changes go on; "
            "when the new\none is whole, both go over to it.\n",
        .options = rebuild_options,
        .run = run_rebuild,
    },
    {.noun = NULL},
};

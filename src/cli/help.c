/* SPDX-License-Identifier: Apache-2.0 */
/* "postern help", "postern version", and every --help. */
#include "cli/help.h"

#include <string.h>

#include "cli/commands.h"

static void
put_options(const struct pn_option *list, const char *heading, FILE *out)
{
    if (list == NULL || list->name == NULL) {
        return;
    }
    (void) fprintf(out, "\n%s\n", heading);
    for (; list->name != NULL; list++) {
        char left[64];

        (void) snprintf(left, sizeof(left), "--%s%s%s%s", list->name,
                        list->value ? " " : "", list->value ? list->value : "",
                        list->times == PN_REPEAT ? " ..." : "");
        (void) fprintf(out, "  %-*s  %s\n", list->times == PN_REPEAT ? 28 : 26,
                       left, list->help);
    }
}

static void
put_indented(const char *text, FILE *out)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        (void) fprintf(out, len > 0 ? "  %.*s\n" : "%.*s\n", (int) len, text);
        text += len + (text[len] == '\n');
    }
}

void
pn_help_command(const struct pn_command *command, FILE *out)
{
    (void) fprintf(out, "%s\n\nExamples\n", command->summary);
    put_indented(command->examples, out);
    (void) fprintf(out, "\nUsage\n  postern %s%s%s%s%s [options]\n",
                   command->noun, command->verb ? " " : "",
                   command->verb ? command->verb : "",
                   command->args[0] ? " " : "", command->args);
    put_options(command->options, "Options", out);
    if (command->needs == PN_NEEDS_SERVER) {
        put_options(pn_global_options, "Options of every command", out);
    }
    if (command->details != NULL) {
        (void) fprintf(out, "\n%s", command->details);
    }
}

void
pn_help_noun(const char *noun, FILE *out)
{
    const struct pn_command *row = pn_command_noun(noun);

    for (; row != NULL && row->noun != NULL; row++) {
        if (strcmp(row->noun, noun) == 0) {
            char left[64];

            (void) snprintf(left, sizeof(left), "%s%s%s %s", row->noun,
                            row->verb ? " " : "", row->verb ? row->verb : "",
                            row->args);
            (void) fprintf(out, "  %-28s %s\n", left, row->summary);
        }
    }
}

void
pn_help_overview(FILE *out)
{
    (void) fprintf(out, "Personal API tokens in front of any web application.\n"
                        "\n"
                        "Examples\n"
                        "  postern up --upstream http://127.0.0.1:3000\n"
                        "  postern login --url http://127.0.0.1:8080\n"
                        "  postern token create backup --days 30 --read-only\n"
                        "  postern token list\n"
                        "\n"
                        "Commands\n");
    for (size_t i = 0; pn_commands[i] != NULL; i++) {
        const char *last = "";

        for (const struct pn_command *row = pn_commands[i]; row->noun != NULL;
             row++) {
            if (strcmp(row->noun, last) != 0) {
                pn_help_noun(row->noun, out);
            }
            last = row->noun;
        }
    }
    put_options(pn_global_options, "Options of every command", out);
    (void) fprintf(out, "\n'postern help COMMAND' says more, and "
                        "postern(1) is the manual.\n");
}

enum pn_exit
pn_help_run(struct pn_cli *cli)
{
    const struct pn_command *found;
    const char *near;

    if (cli->arg_count == 0) {
        pn_cli_has(cli, "manual") ? pn_help_manual(stdout)
                                  : pn_help_overview(stdout);
        return PN_EXIT_OK;
    }
    if (pn_cli_has(cli, "manual") && cli->arg_count == 1
        && pn_command_noun(cli->args[0]) != NULL)
    {
        pn_help_manual_noun(cli->args[0], stdout);
        return PN_EXIT_OK;
    }
    found =
        pn_command_find(cli->args[0], cli->arg_count > 1 ? cli->args[1] : NULL);
    if (found != NULL) {
        pn_help_command(found, stdout);
        return PN_EXIT_OK;
    }
    if (cli->arg_count == 1 && pn_command_noun(cli->args[0]) != NULL) {
        pn_help_noun(cli->args[0], stdout);
        return PN_EXIT_OK;
    }
    near = pn_command_noun(cli->args[0]) == NULL
               ? pn_nearest_noun(cli->args[0])
               : pn_nearest_verb(cli->args[0], cli->args[1]);
    return pn_cli_usage(
        cli, "no help on '%s'%s%s%s", cli->args[cli->arg_count - 1],
        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static enum pn_exit
run_version(struct pn_cli *cli)
{
    if (pn_cli_has(cli, "json")) {
        (void) printf("{\"version\": \"%s\"}\n", PN_VERSION);
    } else {
        (void) printf("postern %s\n", PN_VERSION);
    }
    return PN_EXIT_OK;
}

static const struct pn_option help_options[] = {
    {"manual", NULL, "print postern(1), or postern-NOUN(1), for man", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

const struct pn_command pn_help_commands[] = {
    {
        .noun = "help",
        .args = "[COMMAND]",
        .summary = "Explain Postern or one command",
        .examples = "postern help\n"
                    "postern help token create\n",
        .options = help_options,
        .max_args = 2,
        .needs = PN_NEEDS_NOTHING,
        .run = pn_help_run,
    },
    {
        .noun = "version",
        .args = "",
        .summary = "Print the version",
        .examples = "postern version\n",
        .needs = PN_NEEDS_NOTHING,
        .run = run_version,
    },
    {.noun = NULL},
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manual, written from the table of commands: postern(1), which names them
 * all, and a page for each noun.  docs/man/postern.1 is what "postern help
 * --manual" prints, and a test compares the two; the others are written when
 * Postern is installed (tools/install_manual.sh).
 */
#include <string.h>

#include "cli/commands.h"
#include "cli/help.h"

static const char intro[] =
    ".TH POSTERN 1 " PN_RELEASE_DATE " \"Postern " PN_VERSION
    "\" \"User Commands\"\n"
    ".SH NAME\n"
    "postern \\- personal API tokens in front of any web application\n"
    ".SH SYNOPSIS\n"
    ".B postern\n"
    "\\fINOUN\\fR [\\fIVERB\\fR] [\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]\n"
    ".SH DESCRIPTION\n"
    "A person makes a named, expiring token; a script sends it where it used\n"
    "to send the password; nginx with the Postern module checks it and passes\n"
    "the request on as that person.\n"
    ".B postern\n"
    "makes and revokes tokens, governs who may make them, and starts the\n"
    "whole thing for one machine.\n"
    ".PP\n"
    "Data goes to standard output, messages to standard error.  Secrets are\n"
    "asked for on the terminal without echo, or read from a file or standard\n"
    "input; they are never option values.  Nothing is asked without a\n"
    "terminal.\n"
    ".SH WHICH POSTERND\n"
    "In this order: \\fB\\-\\-url\\fR or \\fB\\-\\-socket\\fR; "
    "\\fBPOSTERN_URL\\fR;\n"
    "the session of \\fBpostern login\\fR; \\fI/run/postern/admin.sock\\fR;\n"
    "the socket of a \\fBpostern up\\fR that runs on this machine.  Through a\n"
    "socket the caller is the administrator of the machine, whom only those\n"
    "can be who may open it.  \\fB\\-\\-local\\fR skips the session.\n"
    ".SH COMMANDS\n"
    "\\fBpostern help\\fR \\fINOUN VERB\\fR explains one, and each noun has a "
    "page\n"
    "of its own, such as\n"
    ".BR postern\\-token (1).\n";

static const char outro[] =
    ".SH EXIT STATUS\n"
    ".TP\n0\nIt worked.\n"
    ".TP\n1\nIt did not; standard error says why.\n"
    ".TP\n2\nThe command line was wrong; nothing was done.\n"
    ".TP\n3\n\\fBpostern doctor\\fR found something.\n"
    ".TP\n4\nNobody is signed in, or not any more, or too long ago.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n\\fBPOSTERN_URL\\fR\nLike \\fB\\-\\-url\\fR.\n"
    ".TP\n\\fBPOSTERN_ADMIN_PASSWORD\\fR\n"
    "For \\fBpostern up\\fR: the first administrator's password, on the first\n"
    "start.\n"
    ".TP\n\\fBNO_COLOR\\fR\nNo bold headings.\n"
    ".TP\n\\fBXDG_CONFIG_HOME\\fR, \\fBXDG_DATA_HOME\\fR, "
    "\\fBXDG_RUNTIME_DIR\\fR\nWhere the files below are.\n"
    ".SH FILES\n"
    ".TP\n\\fI$XDG_CONFIG_HOME/postern/session\\fR\n"
    "The session of \\fBpostern login\\fR, mode 0600.\n"
    ".TP\n\\fI/var/lib/postern\\-up\\fR, "
    "\\fI$XDG_DATA_HOME/postern\\-up\\fR\n"
    "Data of \\fBpostern up\\fR, for root and for others.\n"
    ".TP\n\\fI$XDG_RUNTIME_DIR/postern/up.json\\fR, "
    "\\fI/run/postern/up.json\\fR\n"
    "Where the running \\fBpostern up\\fR is, for the other commands.\n"
    ".SH SEE ALSO\n"
    ".BR postern.conf (5),\n"
    ".BR ngx_http_postern_module (7),\n"
    ".BR posternd (8),\n"
    ".BR nginx (8)\n";

/* roff: a hyphen that is typed, a backslash, and a leading dot or quote. */
static void
put_text(const char *text, FILE *out)
{
    bool line_starts = true;

    for (; *text != '\0'; text++) {
        if (line_starts && (*text == '.' || *text == '\'')) {
            (void) fputs("\\&", out);
        }
        if (*text == '-') {
            (void) fputs("\\-", out);
        } else if (*text == '\\') {
            (void) fputs("\\e", out);
        } else {
            (void) fputc(*text, out);
        }
        line_starts = *text == '\n';
    }
}

static void
put_manual_options(const struct pn_option *list, FILE *out)
{
    for (; list != NULL && list->name != NULL; list++) {
        (void) fputs(".TP\n\\fB", out);
        put_text("--", out);
        put_text(list->name, out);
        (void) fputs("\\fR", out);
        if (list->value != NULL) {
            (void) fputs(" \\fI", out);
            put_text(list->value, out);
            (void) fputs("\\fR", out);
        }
        (void) fputs(list->times == PN_REPEAT ? " ...\n" : "\n", out);
        put_text(list->help, out);
        (void) fputc('\n', out);
    }
}

/* postern NOUN VERB ARGS, without a newline. */
static void
put_usage(const struct pn_command *command, FILE *out)
{
    (void) fprintf(out, "postern %s", command->noun);
    if (command->verb != NULL) {
        (void) fputc(' ', out);
        put_text(command->verb, out);
    }
    if (command->args[0] != '\0') {
        (void) fputs(" \\fI", out);
        put_text(command->args, out);
        (void) fputs("\\fR", out);
    }
}

static void
put_manual_command(const struct pn_command *command, FILE *out)
{
    (void) fputs(".SS ", out);
    put_usage(command, out);
    (void) fputc('\n', out);
    put_text(command->summary, out);
    (void) fputs(".\n.PP\n.EX\n", out);
    put_text(command->examples, out);
    (void) fputs(".EE\n", out);
    put_manual_options(command->options, out);
    if (command->details != NULL) {
        (void) fputs(".PP\n", out);
        put_text(command->details, out);
    }
}

void
pn_help_manual(FILE *out)
{
    (void) fputs(intro, out);
    for (size_t i = 0; pn_commands[i] != NULL; i++) {
        for (const struct pn_command *row = pn_commands[i]; row->noun != NULL;
             row++) {
            (void) fputs(".TP\n.B ", out);
            put_usage(row, out);
            (void) fputc('\n', out);
            put_text(row->summary, out);
            (void) fputs(".\n", out);
        }
    }
    (void) fputs(".SH OPTIONS OF EVERY COMMAND\n", out);
    put_manual_options(pn_global_options, out);
    (void) fputs(outro, out);
}

/* --- the page of a noun -------------------------------------------------- */

/* The next command of noun behind row, or the first; NULL at the end. */
static const struct pn_command *
next_of(const char *noun, const struct pn_command *row)
{
    for (row = row == NULL ? pn_command_noun(noun) : row + 1;
         row != NULL && row->noun != NULL; row++)
    {
        if (strcmp(row->noun, noun) == 0) {
            return row;
        }
    }
    return NULL;
}

/* What whatis(1) shows: the verbs, or the summary where there are none. */
static void
put_name(const char *noun, FILE *out)
{
    const struct pn_command *row = NULL;

    (void) fprintf(out, "postern\\-%s \\- ", noun);
    while ((row = next_of(noun, row)) != NULL) {
        const bool last = next_of(noun, row) == NULL;

        put_text(row->verb != NULL ? row->verb : row->summary, out);
        (void) fputs(last ? "\n" : ", ", out);
    }
}

void
pn_help_manual_noun(const char *noun, FILE *out)
{
    const struct pn_command *row = NULL;
    bool server = false;

    (void) fputs(".TH POSTERN\\-", out);
    for (const char *c = noun; *c != '\0'; c++) {
        (void) fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, out);
    }
    (void) fputs(" 1 " PN_RELEASE_DATE " \"Postern " PN_VERSION
                 "\" \"User Commands\"\n.SH NAME\n",
                 out);
    put_name(noun, out);
    (void) fputs(".SH SYNOPSIS\n", out);
    while ((row = next_of(noun, row)) != NULL) {
        (void) fputs(".B ", out);
        put_usage(row, out);
        (void) fputs("\n[\\fIOPTION\\fR]...\n", out);
        (void) fputs(next_of(noun, row) != NULL ? ".br\n" : "", out);
    }
    (void) fputs(".SH DESCRIPTION\n", out);
    while ((row = next_of(noun, row)) != NULL) {
        put_manual_command(row, out);
        server = server || row->needs == PN_NEEDS_SERVER;
    }
    if (server) {
        (void) fputs(".SH OPTIONS OF EVERY COMMAND\n", out);
        put_manual_options(pn_global_options, out);
    }
    (void) fputs(".SH SEE ALSO\n"
                 ".BR postern (1)\n"
                 "for the exit status, the environment and files.\n",
                 out);
}

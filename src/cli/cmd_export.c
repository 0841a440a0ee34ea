/* SPDX-License-Identifier: Apache-2.0 */
/* postern export: everything but secrets, as JSON lines or CSV. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/output.h"
#include "cli/rows.h"

enum { LINE_MAX_BYTES = 4 << 20, CSV_MAX = 4 << 20, LINE_ARENA = 64 << 20 };

static const struct pn_option options[] = {
    {"format", "FORMAT", "jsonl, or csv of users, groups or tokens", PN_ONCE},
    {"with-hashes", NULL, "tokens with their SHA-256, for an import elsewhere",
     PN_ONCE},
    {"output", "FILE", "a new file, mode 0600; standard output unless said",
     PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const char *const nouns[] = {"users", "groups", "tokens", "apps",
                                    "policy"};
static const char *const types[] = {"user", "group", "token", "app", "policy"};

/* --- CSV ----------------------------------------------------------------- */

/* JSON lines come in pieces; each whole one is written as cells. */
struct csv {
    struct pn_output *out;
    const struct pn_rows_column *columns;
    char *line; /* LINE_MAX_BYTES */
    size_t len;
    bool failed;
};

static bool
write_row(struct csv *csv, const json_t *doc)
{
    char *bytes = malloc(CSV_MAX);
    struct pn_buf row = {.ptr = bytes, .cap = bytes != NULL ? CSV_MAX : 0};
    bool good;

    for (const struct pn_rows_column *c = csv->columns; c->name != NULL; c++) {
        pn_buf_add_cstr(&row, c == csv->columns ? "" : ",");
        if (doc != NULL) {
            pn_rows_write_cell(&row, doc, c, ',');
        } else {
            pn_buf_add_cstr(&row, c->name);
        }
    }
    pn_buf_add_cstr(&row, "\r\n");
    good = bytes != NULL && !row.full
           && pn_output_take(csv->out, pn_buf_str(&row));
    free(bytes);
    return good;
}

static bool
write_line(struct csv *csv)
{
    json_t *doc = NULL;
    bool good =
        pn_json_parse((struct pn_str){csv->line, csv->len}, &doc, NULL, 0)
            == PN_OK
        && write_row(csv, doc);

    json_decref(doc);
    csv->len = 0;
    return good;
}

static bool
take_for_csv(void *arg, struct pn_str piece)
{
    struct csv *csv = arg;

    for (size_t i = 0; i < piece.len && !csv->failed; i++) {
        if (piece.ptr[i] == '\n') {
            csv->failed = !write_line(csv);
        } else if (csv->len < LINE_MAX_BYTES) {
            csv->line[csv->len++] = piece.ptr[i];
        } else {
            csv->failed = true;
        }
    }
    return !csv->failed;
}

static enum pn_exit
stream_csv(struct pn_cli *cli, const char *path, enum pn_rows_kind kind,
           struct pn_output *out)
{
    struct csv csv = {.out = out,
                      .columns = pn_rows_columns[kind],
                      .line = malloc(LINE_MAX_BYTES)};
    enum pn_exit rc;

    if (csv.line == NULL) {
        return pn_cli_nomem();
    }
    rc = write_row(&csv, NULL) ? pn_call_stream(cli, path, take_for_csv, &csv)
                               : PN_EXIT_ERROR;
    if (csv.failed && rc == PN_EXIT_OK) {
        rc = PN_EXIT_ERROR;
    }
    free(csv.line);
    return rc;
}

/* --- the command --------------------------------------------------------- */

/* Which of nouns, or -1 for all. */
static enum pn_exit
choose_noun(struct pn_cli *cli, int *out)
{
    *out = -1;
    if (cli->arg_count == 0) {
        return PN_EXIT_OK;
    }
    for (int i = 0; i < (int) PN_LEN(nouns); i++) {
        if (strcmp(cli->args[0], nouns[i]) == 0) {
            *out = i;
            return PN_EXIT_OK;
        }
    }
    return pn_cli_usage(cli,
                        "what is '%s'? users, groups, tokens, apps or policy",
                        cli->args[0]);
}

static enum pn_exit
choose_format(struct pn_cli *cli, int noun, bool *csv)
{
    const char *format = pn_cli_value(cli, "format");

    *csv = format != NULL && strcmp(format, "csv") == 0;
    if (format != NULL && !*csv && strcmp(format, "jsonl") != 0) {
        return pn_cli_usage(cli, "--format is jsonl or csv");
    }
    if (*csv && (noun < 0 || noun > PN_ROWS_TOKENS)) {
        return pn_cli_usage(cli, "CSV is for users, groups or tokens");
    }
    return PN_EXIT_OK;
}

static enum pn_exit
run_export(struct pn_cli *cli)
{
    struct pn_output out;
    const char *path;
    bool csv = false;
    int noun = -1;
    enum pn_exit rc = choose_noun(cli, &noun);

    if (rc == PN_EXIT_OK) {
        rc = choose_format(cli, noun, &csv);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    path = pn_arena_printf(cli->arena, "/export?hashes=%s%s%s",
                           pn_cli_has(cli, "with-hashes") ? "true" : "false",
                           noun >= 0 ? "&type=" : "",
                           noun >= 0 ? types[noun] : "");
    rc = pn_output_open(&out, pn_cli_value(cli, "output"), "exported");
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    rc = csv ? stream_csv(cli, path, (enum pn_rows_kind) noun, &out)
             : pn_call_stream(cli, path, pn_output_take, &out);
    return pn_output_close(&out, rc);
}

const struct pn_command pn_export_commands[] = {
    {
        .noun = "export",
        .args = "[users|groups|tokens|apps|policy]",
        .summary = "Write everything but secrets, one object a line",
        .examples = "postern export --output all.jsonl\n"
                    "postern export users --format csv --output people.csv\n"
                    "postern export tokens --with-hashes --output "
                    "tokens.jsonl\n",
        .details =
            "Without a word: groups, users, apps, the policy and tokens, each "
            "with its\n\"type\".  'postern import' reads it.  Neither "
            "passwords nor tokens are in it.\n"
            "--with-hashes is for the administrator of the machine: the "
            "SHA-256 of a token is\nenough to bring it to another "
            "installation, and not enough to use it.\n"
            "What a spreadsheet would take for a formula has an apostrophe in "
            "front in CSV.\n",
        .options = options,
        .max_args = 1,
        .run = run_export,
    },
    {.noun = NULL},
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern import: rows of a file, some hundred a call.  What is there already
 * is left alone, so that a run which was interrupted can simply be repeated;
 * with --resume it goes on where it was.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/progress.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/files.h"
#include "cli/print.h"
#include "cli/rows.h"

enum {
    BATCH_ROWS = 1000,
    BATCH_BYTES = 600 << 10, /* as read; the call may hold 1 MiB */
    BATCH_ARENA = 64 << 20,
    SHOWN_MAX = 20, /* rows that were refused, on standard error */
    STATE_MAX = 4096,
    TRIES = 5, /* while posternd has too much to do */
};

static const struct pn_option options[] = {
    {"format", "FORMAT", "csv, jsonl or htpasswd; else by the file's ending",
     PN_ONCE},
    {"delimiter", "C", "between the cells of CSV, if not a comma", PN_ONCE},
    {"update", NULL, "edit what is there already; else it is left alone",
     PN_ONCE},
    {"without-passwords", NULL, "of an htpasswd file, take the names only",
     PN_ONCE},
    {"preview", NULL, "say what would happen, and change nothing", PN_ONCE},
    {"errors", "FILE", "rows that were refused, to a new file", PN_ONCE},
    {"resume", "FILE", "remember in FILE how far it got, and go on from there",
     PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_column columns[] = {
    {"rows", "rows", NULL},       {"made", "made", NULL},
    {"updated", "updated", NULL}, {"there already", "existing", NULL},
    {"refused", "refused", NULL}, {"passed over", "passed", NULL},
    {"took", "took", NULL},       {NULL, NULL, NULL},
};

/* One run. */
struct import {
    struct pn_cli *cli;
    enum pn_rows_kind kind;
    const char *path;
    FILE *file, *errors;
    struct pn_rows *rows;
    struct pn_progress progress;
    struct timespec started;
    /* what came of it */
    uint64_t seen, made, updated, existing, refused;
    uint64_t skip_to; /* the line to go on from */
    char note[64];
    /* the present batch */
    struct pn_arena *arena;
    json_t *batch; /* an array */
    uint64_t line[BATCH_ROWS], next_line;
    size_t count;
    uint64_t begun_at; /* bytes read before it */
};

/* --- rows that are refused ----------------------------------------------- */

static void
refuse(struct import *in, uint64_t line, const char *pointer,
       const char *detail)
{
    if (in->refused++ < SHOWN_MAX) {
        pn_say("line %llu: %s%s%s", (unsigned long long) line, pointer,
               pointer[0] != '\0' ? ": " : "", detail);
    } else if (in->refused == SHOWN_MAX + 1) {
        pn_say("further rows were refused; %s",
               in->errors != NULL ? "all of them are in the file of --errors"
                                  : "--errors FILE keeps them all");
    }
    if (in->errors != NULL) {
        json_t *doc = json_pack("{s:I, s:s, s:s}", "line", (json_int_t) line,
                                "pointer", pointer, "detail", detail);

        if (doc != NULL && json_dumpf(doc, in->errors, JSON_COMPACT) == 0) {
            (void) fputc('\n', in->errors);
        }
        json_decref(doc);
    }
}

/* --- resuming ------------------------------------------------------------ */

/* What tells that it is the same file. */
static json_t *
state_of(const struct import *in, uint64_t next_line)
{
    struct stat st = {0};

    (void) fstat(fileno(in->file), &st);
    return json_pack("{s:I, s:I, s:I, s:I}", "next_line",
                     (json_int_t) next_line, "size", (json_int_t) st.st_size,
                     "modified", (json_int_t) st.st_mtim.tv_sec, "kind",
                     (json_int_t) in->kind);
}

static enum pn_exit
load_state(struct import *in)
{
    const char *path = pn_cli_value(in->cli, "resume");
    struct pn_str text;
    json_t *old = NULL, *now;
    bool same;

    if (path == NULL || !pn_file_there(path)) {
        return PN_EXIT_OK;
    }
    if (pn_file_read(path, STATE_MAX, in->cli->arena, &text) != PN_OK
        || pn_json_parse(text, &old, NULL, 0) != PN_OK)
    {
        pn_say("'%s' is not what --resume wrote", path);
        return PN_EXIT_ERROR;
    }
    in->skip_to =
        (uint64_t) json_integer_value(json_object_get(old, "next_line"));
    now = state_of(in, in->skip_to);
    same = now != NULL && json_equal(old, now) == 1;
    json_decref(old);
    json_decref(now);
    if (!same) {
        pn_say("'%s' belongs to another file, or '%s' was changed; remove it "
               "to begin anew",
               path, in->path);
        return PN_EXIT_ERROR;
    }
    return PN_EXIT_OK;
}

static enum pn_exit
save_state(struct import *in)
{
    const char *path = pn_cli_value(in->cli, "resume");
    json_t *doc = path != NULL ? state_of(in, in->next_line) : NULL;
    char *text = doc != NULL ? json_dumps(doc, JSON_COMPACT) : NULL;
    bool good = path == NULL || pn_cli_has(in->cli, "preview")
                || (text != NULL
                    && pn_file_write(path, 0600, pn_str_from(text)) == PN_OK);

    free(text);
    json_decref(doc);
    if (!good) {
        pn_say("cannot write '%s': %s", path, strerrordesc_np(errno));
    }
    return good ? PN_EXIT_OK : PN_EXIT_ERROR;
}

/* --- a batch ------------------------------------------------------------- */

static const char *const types[] = {
    [PN_ROWS_USERS] = "user",
    [PN_ROWS_GROUPS] = "group",
    [PN_ROWS_TOKENS] = "token",
};

static uint64_t
number_of(const json_t *doc, const char *member)
{
    return (uint64_t) json_integer_value(json_object_get(doc, member));
}

static void
take_answer(struct import *in, const json_t *doc)
{
    const json_t *refused = json_object_get(doc, "refused"), *row;
    size_t i;

    in->made += number_of(doc, "made");
    in->updated += number_of(doc, "updated");
    in->existing += number_of(doc, "existing");
    json_array_foreach(refused, i, row)
    {
        const uint64_t at = number_of(row, "row");

        refuse(in, at < in->count ? in->line[at] : 0,
               pn_json_text(row, "pointer"), pn_json_text(row, "detail"));
    }
}

/* In an arena of its own: there may be a thousand calls. */
static enum pn_exit
call_once(struct import *in, struct pn_answer *answer)
{
    struct pn_cli cli = *in->cli;
    json_t *doc = json_pack("{s:s, s:O, s:s, s:b}", "type", types[in->kind],
                            "rows", in->batch, "existing",
                            pn_cli_has(&cli, "update") ? "update" : "leave",
                            "preview", pn_cli_has(&cli, "preview"));

    cli.arena = in->arena;
    return doc != NULL ? pn_call(&cli, "POST", "/import", doc, answer)
                       : pn_cli_nomem();
}

/* posternd may have too much to do for a moment; what it did of a batch is
 * there already the next time. */
static enum pn_exit
call(struct import *in, struct pn_answer *answer)
{
    enum pn_exit rc = call_once(in, answer);

    for (int tried = 1;
         tried < TRIES && rc == PN_EXIT_ERROR && pn_call_status(in->cli) == 503;
         tried++)
    {
        const struct timespec moment = {tried, 0};

        pn_say("trying again in %d s", tried);
        (void) nanosleep(&moment, NULL);
        rc = call_once(in, answer);
    }
    return rc;
}

static enum pn_exit
begin_batch(struct import *in)
{
    pn_arena_free(in->arena);
    in->arena = pn_arena_new(BATCH_ARENA);
    in->batch =
        in->arena != NULL ? pn_json_defer(in->arena, json_array()) : NULL;
    in->count = 0;
    in->begun_at = pn_rows_bytes(in->rows);
    return in->batch != NULL ? PN_EXIT_OK : pn_cli_nomem();
}

static enum pn_exit
send_batch(struct import *in)
{
    struct pn_answer answer;
    enum pn_exit rc = in->count > 0 ? call(in, &answer) : PN_EXIT_OK;

    if (rc == PN_EXIT_OK && in->count > 0) {
        take_answer(in, answer.doc);
    }
    if (rc == PN_EXIT_OK) {
        rc = save_state(in);
    }
    (void) snprintf(in->note, sizeof(in->note), "%llu refused",
                    (unsigned long long) in->refused);
    in->progress.note = in->refused > 0 ? in->note : NULL;
    pn_progress_show(&in->progress, in->seen);
    return rc == PN_EXIT_OK ? begin_batch(in) : rc;
}

/* --- the file ------------------------------------------------------------ */

/* A row, or what is wrong with it.  PN_EXIT_FOUND at the end. */
static enum pn_exit
take_row(struct import *in)
{
    json_t *row = NULL;
    uint64_t line = 0;
    enum pn_err err = pn_rows_next(in->rows, in->arena, &row, &line);

    if (err == PN_E_NOT_FOUND) {
        return PN_EXIT_FOUND;
    }
    if (err == PN_E_IO || err == PN_E_NOMEM) {
        pn_say("cannot read '%s': %s", in->path,
               err == PN_E_IO ? strerrordesc_np(errno) : pn_err_text(err));
        return PN_EXIT_ERROR;
    }
    if (err == PN_E_RANGE) {
        pn_say("'%s': line %llu: %s", in->path, (unsigned long long) line,
               pn_rows_why(in->rows));
        return PN_EXIT_ERROR;
    }
    in->seen++;
    in->next_line = line + 1;
    if (line < in->skip_to) {
        return PN_EXIT_OK;
    }
    if (err != PN_OK) {
        refuse(in, line, "", pn_rows_why(in->rows));
        return PN_EXIT_OK;
    }
    in->line[in->count++] = line;
    return json_array_append(in->batch, row) == 0 ? PN_EXIT_OK : pn_cli_nomem();
}

static bool
is_full(const struct import *in)
{
    return in->count == BATCH_ROWS
           || pn_rows_bytes(in->rows) - in->begun_at > BATCH_BYTES;
}

static enum pn_exit
take_file(struct import *in)
{
    enum pn_exit rc = begin_batch(in);

    while (rc == PN_EXIT_OK) {
        rc = take_row(in);
        if (rc == PN_EXIT_FOUND) {
            return send_batch(in);
        }
        if (rc == PN_EXIT_OK && is_full(in)) {
            rc = send_batch(in);
        }
    }
    return rc;
}

/* --- the command --------------------------------------------------------- */

static bool
ends_with(const char *path, const char *ending)
{
    const size_t len = strlen(path), tail = strlen(ending);

    return len > tail && strcmp(path + len - tail, ending) == 0;
}

static enum pn_exit
choose_format(const struct import *in, struct pn_rows_options *out)
{
    static const struct {
        const char *word, *endings[2];
    } formats[] = {
        [PN_ROWS_CSV] = {"csv", {".csv", ".CSV"}},
        [PN_ROWS_JSONL] = {"jsonl", {".jsonl", ".ndjson"}},
        [PN_ROWS_HTPASSWD] = {"htpasswd", {"htpasswd", ".htpasswd"}},
    };
    const char *given = pn_cli_value(in->cli, "format");

    for (size_t i = 0; i < PN_LEN(formats); i++) {
        if (given != NULL ? strcmp(given, formats[i].word) == 0
                          : ends_with(in->path, formats[i].endings[0])
                                || ends_with(in->path, formats[i].endings[1]))
        {
            out->format = (enum pn_rows_format) i;
            return PN_EXIT_OK;
        }
    }
    return pn_cli_usage(in->cli,
                        "which format has '%s'? --format csv, jsonl or "
                        "htpasswd",
                        in->path);
}

static enum pn_exit
choose_options(struct import *in, struct pn_rows_options *out)
{
    const char *delimiter = pn_cli_value(in->cli, "delimiter");
    enum pn_exit rc = choose_format(in, out);

    if (rc != PN_EXIT_OK) {
        return rc;
    }
    out->kind = in->kind;
    if (delimiter != NULL) {
        if (out->format != PN_ROWS_CSV || strlen(delimiter) != 1
            || strchr("\"\r\n", delimiter[0]) != NULL)
        {
            return pn_cli_usage(in->cli, "--delimiter is one character, of "
                                         "CSV");
        }
        out->delimiter = delimiter[0];
    }
    if (out->format == PN_ROWS_HTPASSWD && in->kind != PN_ROWS_USERS) {
        return pn_cli_usage(in->cli, "an htpasswd file has users");
    }
    if (pn_cli_has(in->cli, "without-passwords")) {
        if (out->format != PN_ROWS_HTPASSWD) {
            return pn_cli_usage(in->cli, "--without-passwords is for htpasswd "
                                         "files");
        }
        out->passwords = PN_WITHOUT_PASSWORDS;
    }
    if (pn_cli_has(in->cli, "update") && in->kind == PN_ROWS_TOKENS) {
        return pn_cli_usage(in->cli, "tokens that are there already are left "
                                     "alone");
    }
    return PN_EXIT_OK;
}

static enum pn_exit
open_files(struct import *in)
{
    const char *errors = pn_cli_value(in->cli, "errors");

    if (strcmp(in->path, "-") == 0) {
        if (pn_cli_has(in->cli, "resume")) {
            return pn_cli_usage(in->cli, "--resume needs a file");
        }
        in->file = stdin;
        in->path = "standard input";
    } else {
        in->file = fopen(in->path, "rbe");
    }
    if (in->file == NULL) {
        pn_say("cannot open '%s': %s", in->path, strerrordesc_np(errno));
        return PN_EXIT_ERROR;
    }
    in->progress.total = in->file != stdin ? pn_file_lines(in->file) : 0;
    if (errors != NULL) {
        in->errors = fopen(errors, "wxe");
        if (in->errors == NULL) {
            pn_say("cannot make '%s': %s", errors, strerrordesc_np(errno));
            return PN_EXIT_ERROR;
        }
    }
    return load_state(in);
}

static enum pn_exit
print_sum(struct import *in, enum pn_exit rc)
{
    struct timespec now;
    char took[32];
    json_t *doc;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    (void) snprintf(took, sizeof(took), "%.1f s",
                    (double) (now.tv_sec - in->started.tv_sec)
                        + (double) (now.tv_nsec - in->started.tv_nsec) / 1e9);
    doc = pn_json_defer(
        in->cli->arena,
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "rows",
                  (json_int_t) in->seen, "made", (json_int_t) in->made,
                  "updated", (json_int_t) in->updated, "existing",
                  (json_int_t) in->existing, "refused",
                  (json_int_t) in->refused, "passed",
                  (json_int_t) pn_rows_passed(in->rows), "took", took));
    if (doc == NULL) {
        return pn_cli_nomem();
    }
    pn_print_object(in->cli, columns, doc);
    if (rc != PN_EXIT_OK) {
        pn_say("it is not complete; what was answered is done, and the same "
               "command goes on");
        return rc;
    }
    return in->refused > 0 ? PN_EXIT_FOUND : PN_EXIT_OK;
}

static enum pn_exit
finish(struct import *in, enum pn_exit rc)
{
    const char *state = pn_cli_value(in->cli, "resume");

    pn_progress_end(&in->progress, in->seen);
    rc = print_sum(in, rc);
    if (in->errors != NULL && fclose(in->errors) != 0) {
        pn_say("cannot write '%s': %s", pn_cli_value(in->cli, "errors"),
               strerrordesc_np(errno));
        rc = PN_EXIT_ERROR;
    }
    in->errors = NULL;
    if (state != NULL && (rc == PN_EXIT_OK || rc == PN_EXIT_FOUND)) {
        (void) remove(state);
    }
    return rc;
}

static enum pn_exit
run(struct pn_cli *cli, enum pn_rows_kind kind)
{
    static const char *const whats[] = {
        [PN_ROWS_USERS] = "importing users",
        [PN_ROWS_GROUPS] = "importing groups",
        [PN_ROWS_TOKENS] = "importing tokens",
    };
    struct import *in = calloc(1, sizeof(*in));
    struct pn_rows_options rows = {.kind = kind};
    enum pn_exit rc;

    if (in == NULL) {
        return pn_cli_nomem();
    }
    in->cli = cli;
    in->kind = kind;
    in->path = cli->args[0];
    in->progress.what = whats[kind];
    (void) clock_gettime(CLOCK_MONOTONIC, &in->started);
    rc = choose_options(in, &rows);
    if (rc == PN_EXIT_OK) {
        rc = open_files(in);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc == PN_EXIT_OK && pn_rows_new(in->file, &rows, &in->rows) != PN_OK) {
        rc = pn_cli_nomem();
    }
    if (rc == PN_EXIT_OK) {
        pn_progress_begin(&in->progress);
        rc = finish(in, take_file(in));
    }
    pn_rows_free(in->rows);
    pn_arena_free(in->arena);
    if (in->errors != NULL) {
        (void) fclose(in->errors);
    }
    if (in->file != NULL && in->file != stdin) {
        (void) fclose(in->file);
    }
    free(in);
    return rc;
}

static enum pn_exit
run_users(struct pn_cli *cli)
{
    return run(cli, PN_ROWS_USERS);
}

static enum pn_exit
run_groups(struct pn_cli *cli)
{
    return run(cli, PN_ROWS_GROUPS);
}

static enum pn_exit
run_tokens(struct pn_cli *cli)
{
    return run(cli, PN_ROWS_TOKENS);
}

#define COMMON                                                                 \
    "What is there already is left alone, so that the same command may be "    \
    "given again\nafter an interruption.  Rows that are refused stop no "      \
    "others; each is named by\nits line.\n"                                    \
    "Exit status 3: some rows were refused.\n"

const struct pn_command pn_import_commands[] = {
    {
        .noun = "import",
        .verb = "users",
        .args = "FILE",
        .summary = "Make users from CSV, JSON lines or an htpasswd file",
        .examples = "postern import users people.csv --preview\n"
                    "postern import users people.csv --resume people.state\n"
                    "postern import users /etc/apache2/htpasswd --format "
                    "htpasswd\n",
        .details =
            "Columns of CSV: username, display_name, email, groups, role, "
            "active, kind,\ncustodians, custodian_groups, password_hash; "
            "lists apart by \";\".  JSON lines are\ndocuments as 'postern "
            "export' writes them.\n" COMMON,
        .options = options,
        .min_args = 1,
        .max_args = 1,
        .run = run_users,
    },
    {
        .noun = "import",
        .verb = "groups",
        .args = "FILE",
        .summary = "Make groups from CSV or JSON lines",
        .examples = "postern import groups groups.csv\n",
        .details = "Columns of CSV: name, description.\n" COMMON,
        .options = options,
        .min_args = 1,
        .max_args = 1,
        .run = run_groups,
    },
    {
        .noun = "import",
        .verb = "tokens",
        .args = "FILE",
        .summary = "Make tokens that exist elsewhere, by their SHA-256",
        .examples = "postern import tokens tokens.jsonl\n",
        .details =
            "Columns of CSV: owner, name, sha256, last_four, prefix, "
            "description, state,\ncreated_at, not_before, expires_at "
            "(\"never\"), access, apps, paths, ip_rules\n(addresses it may "
            "come from), rate_limit (REQUESTS/SECONDS), scopes.\nFor the "
            "administrator of the machine only.  nginx recognises tokens of "
            "Postern's\nform with a prefix that this installation has or "
            "had.\n" COMMON,
        .options = options,
        .min_args = 1,
        .max_args = 1,
        .run = run_tokens,
    },
    {.noun = NULL},
};

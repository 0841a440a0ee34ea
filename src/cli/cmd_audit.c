/* SPDX-License-Identifier: Apache-2.0 */
/* postern audit: who changed what, and when; is it still what it was. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/print.h"
#include "cli/wish.h"

enum { QUERY_MAX = 8192 };

#define FILTER_OPTIONS                                                         \
    {"actor", "NAME", "only what this person did", PN_ONCE},                   \
        {"action", "ACTION", "token.create, or token for all of them",         \
         PN_ONCE},                                                             \
        {"subject", "NAME", "only what was done to this one", PN_ONCE},        \
        {"address", "IP", "only what came from this address", PN_ONCE},        \
        {"request-id", "ID", "only what this request did", PN_ONCE},           \
        {"since", "DATE", "from this day or instant on", PN_ONCE},             \
    {                                                                          \
        "until", "DATE", "up to this day, or before this instant", PN_ONCE     \
    }

static const struct pn_option list_options[] = {
    FILTER_OPTIONS,
    {"limit", "N", "at most N events; 50 unless said", PN_ONCE},
    {"oldest-first", NULL, "begin with the oldest", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option export_options[] = {
    FILTER_OPTIONS,
    {"output", "FILE", "a new file, mode 0600; standard output unless said",
     PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option verify_options[] = {
    {"checkpoint", "HASH@POSITION", "an earlier check's, kept elsewhere",
     PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option erase_options[] = {
    {"user", "NAME", "a person who has no account any more", PN_ONCE},
    {"yes", NULL, "do not ask", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_column columns[] = {
    {"POSITION", "position", NULL},
    {"WHEN", "at", NULL},
    {"WHO", "actor", NULL},
    {"WHAT", "action", NULL},
    {"SUBJECT", "subject", NULL},
    {"ADDRESS", "address", NULL},
    {NULL, NULL, NULL},
};

static const struct pn_column check_columns[] = {
    {"chain", "chain", NULL},
    {"events", "checked", NULL},
    {"from", "from", NULL},
    {"to", "to", NULL},
    {"first wrong", "first_bad", NULL},
    {"because", "because", NULL},
    {"checkpoint", "checkpoint", NULL},
    {NULL, NULL, NULL},
};

static const struct pn_column erase_columns[] = {
    {"pseudonym", "pseudonym", NULL},
    {"events", "events", NULL},
    {NULL, NULL, NULL},
};

/* --- filters ------------------------------------------------------------- */

static enum pn_exit
filter(struct pn_cli *cli, const char *order, const char **out)
{
    static const char *const texts[][2] = {{"actor", "actor"},
                                           {"action", "action"},
                                           {"subject", "subject"},
                                           {"address", "address"},
                                           {"request-id", "request_id"}};
    char *bytes = pn_arena_alloc(cli->arena, QUERY_MAX);
    struct pn_buf query = {.ptr = bytes, .cap = QUERY_MAX};
    const char *until = NULL;
    bool good = bytes != NULL && pn_wish_parameter(cli, &query, "order", order);

    if (good && pn_cli_has(cli, "until")) {
        enum pn_exit rc = pn_wish_instant(cli, "until", &until);

        if (rc != PN_EXIT_OK) {
            return rc;
        }
    }
    for (size_t i = 0; good && i < PN_LEN(texts); i++) {
        good = pn_wish_parameter(cli, &query, texts[i][1],
                                 pn_cli_value(cli, texts[i][0]));
    }
    good = good && pn_wish_parameter(cli, &query, "since", pn_wish_since(cli))
           && pn_wish_parameter(cli, &query, "until", until);
    if (bytes != NULL && query.full) {
        pn_say("the filters are too long");
        return PN_EXIT_USAGE;
    }
    const char *text = good ? pn_buf_cstr(&query) : NULL;

    if (text == NULL) {
        return pn_cli_nomem();
    }
    *out = text;
    return PN_EXIT_OK;
}

static enum pn_exit
run_list(struct pn_cli *cli)
{
    const char *order = pn_cli_has(cli, "oldest-first") ? "oldest" : "newest";
    const char *query = "";
    uint32_t limit = 50;
    json_t *list;
    enum pn_exit rc = PN_EXIT_OK;

    if (pn_cli_has(cli, "limit")) {
        rc = pn_cli_number(cli, "limit", 1, 1000000, &limit);
    }
    if (rc == PN_EXIT_OK) {
        rc = filter(cli, order, &query);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_call_list(cli, "/audit", query, limit, &list);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_list(cli, columns, list, "no events");
    }
    return rc;
}

/* --- export -------------------------------------------------------------- */

static enum pn_exit
run_export(struct pn_cli *cli)
{
    const char *path = pn_cli_value(cli, "output"), *query = "";
    struct pn_output out;
    enum pn_exit rc = filter(cli, NULL, &query);

    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_output_open(&out, path, "exported");
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    rc = pn_call_stream(cli,
                        pn_arena_printf(cli->arena, "/audit/export%s%s",
                                        query[0] != '\0' ? "?" : "", query),
                        pn_output_take, &out);
    return pn_output_close(&out, rc);
}

/* --- verify -------------------------------------------------------------- */

/* Call after call until the end; *out is the last answer with the sum. */
static enum pn_exit
check_all(struct pn_cli *cli, json_t **out)
{
    struct pn_progress progress = {.what = "checked"};
    uint64_t events = 0;
    const char *kept = pn_cli_value(cli, "checkpoint"), *cursor = NULL;
    struct pn_answer answer = {0};
    enum pn_exit rc = PN_EXIT_OK;

    pn_progress_begin(&progress);
    do {
        char bytes[512];
        struct pn_buf path = PN_BUF(bytes);

        if (!pn_wish_parameter(cli, &path, "checkpoint", kept)
            || !pn_wish_parameter(cli, &path, "cursor", cursor))
        {
            return pn_cli_usage(cli, "--checkpoint is HASH@POSITION");
        }
        rc = pn_call(cli, "GET",
                     pn_arena_printf(cli->arena, "/audit/verify%s%.*s",
                                     path.len > 0 ? "?" : "", (int) path.len,
                                     bytes),
                     NULL, &answer);
        if (rc != PN_EXIT_OK) {
            break;
        }
        events += (uint64_t) json_integer_value(
            json_object_get(answer.doc, "checked"));
        pn_progress_show(&progress, events);
        cursor = pn_json_text(answer.doc, "next_cursor");
    } while (cursor[0] != '\0');
    pn_progress_end(&progress, events);
    if (rc == PN_EXIT_OK
        && json_object_set_new(answer.doc, "checked",
                               json_integer((json_int_t) events))
               != 0)
    {
        return pn_cli_nomem();
    }
    *out = answer.doc;
    return rc;
}

/* A checkpoint older than what is kept cannot be compared. */
static void
say_too_old(struct pn_cli *cli, const json_t *doc)
{
    const char *kept = pn_cli_value(cli, "checkpoint");
    const char *at = kept != NULL ? strchr(kept, '@') : NULL;
    json_int_t from = json_integer_value(json_object_get(doc, "from"));
    uint32_t position = 0;

    if (at != NULL && pn_number(pn_str_from(at + 1), 1, UINT32_MAX, &position)
        && (json_int_t) position + 1 < from)
    {
        pn_say("the checkpoint is older than the oldest event that is kept, "
               "and was not compared");
    }
}

static enum pn_exit
run_verify(struct pn_cli *cli)
{
    json_t *doc = NULL;
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (rc == PN_EXIT_OK) {
        rc = check_all(cli, &doc);
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    bool holds = json_is_true(json_object_get(doc, "ok"));

    if (!pn_cli_has(cli, "json")
        && json_object_set_new(doc, "chain",
                               json_string(holds ? "holds" : "BROKEN"))
               != 0)
    {
        return pn_cli_nomem();
    }
    pn_print_object(cli, check_columns, doc);
    say_too_old(cli, doc);
    return holds ? PN_EXIT_OK : PN_EXIT_FOUND;
}

/* --- erase --------------------------------------------------------------- */

static enum pn_exit
run_erase(struct pn_cli *cli)
{
    const char *user = pn_cli_value(cli, "user");
    struct pn_answer answer;
    json_t *doc;
    enum pn_exit rc;

    if (user == NULL) {
        return pn_cli_usage(cli, "--user is missing");
    }
    const char *question = pn_arena_printf(
        cli->arena,
        "Erase the name and addresses of %s from the audit, for ever?", user);

    rc = question != NULL ? pn_input_confirm(cli, question) : pn_cli_nomem();
    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    doc = json_pack("{s:s}", "username", user);
    if (doc == NULL) {
        pn_say("the user name is not UTF-8");
        return PN_EXIT_USAGE;
    }
    rc = pn_call(cli, "POST", "/audit/erase", doc, &answer);
    if (rc == PN_EXIT_OK) {
        pn_print_object(cli, erase_columns, answer.doc);
    }
    return rc;
}

const struct pn_command pn_audit_commands[] = {
    {
        .noun = "audit",
        .verb = "list",
        .args = "",
        .summary = "List who changed what, and when, newest first",
        .examples = "postern audit list\n"
                    "postern audit list --actor alice --action token\n"
                    "postern audit list --since 2027-01-01 --limit 1000 "
                    "--json\n",
        .options = list_options,
        .run = run_list,
    },
    {
        .noun = "audit",
        .verb = "export",
        .args = "",
        .summary = "Write events as JSON lines, oldest first",
        .examples = "postern audit export --output audit.jsonl\n"
                    "postern audit export --since 2027-01-01 --until "
                    "2027-01-31\n",
        .details = "One JSON object a line, as many as there are.  When it "
                   "does not end with\nstatus 0, it is not complete.\n",
        .options = export_options,
        .run = run_export,
    },
    {
        .noun = "audit",
        .verb = "verify",
        .args = "",
        .summary = "Check that no event was changed, removed or moved",
        .examples = "postern audit verify\n"
                    "postern audit verify --checkpoint \"$(cat "
                    "/mnt/usb/checkpoint)\"\n",
        .details = "Keep the printed checkpoint outside of this machine: with "
                   "it the next check also\nfinds a chain that was rewritten "
                   "as a whole, or cut at its end.  Status 3: something\nis "
                   "wrong.  'posternd audit verify' does the same without a "
                   "running posternd.\n",
        .options = verify_options,
        .run = run_verify,
    },
    {
        .noun = "audit",
        .verb = "erase",
        .args = "",
        .summary = "Erase a former user's name and addresses from the audit",
        .examples = "postern audit erase --user bob --yes\n",
        .details = "A pseudonym takes their place, and what happened stays.  "
                   "The account must have been\ndeleted.  'postern audit "
                   "verify' still holds, and the audit says who erased.\n",
        .options = erase_options,
        .run = run_erase,
    },
    {.noun = NULL},
};

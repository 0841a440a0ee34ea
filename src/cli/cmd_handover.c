/* SPDX-License-Identifier: Apache-2.0 */
/* postern handover: a token that is prepared for somebody, who takes it. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/http.h"
#include "cli/input.h"
#include "cli/print.h"
#include "cli/token_run.h"
#include "cli/token_wish.h"
#include "cli/wish.h"

enum { VALID_DAYS_MAX = 30 };

static const struct pn_option create_options[] = {
    PN_RULE_OPTIONS,
    {"valid-days", "N", "the link works for N days; 7", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option list_options[] = {
    {"owner", "USER", "only those for this person", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option take_options[] = {
    {"name", "NAME", "under another name", PN_ONCE},
    PN_OUTPUT_OPTION,
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option withdraw_options[] = {
    {"yes", NULL, "do not ask", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_column list_columns[] = {
    {"ID", "id", NULL},
    {"FOR", "owner", NULL},
    {"NAME", "settings.name", NULL},
    {"STATE", "state", NULL},
    {"PREPARED BY", "made_by", NULL},
    {"UNTIL", "expires_at", NULL},
    {NULL, NULL, NULL},
};

static const struct pn_column show_columns[] = {
    {"hand-over", "id", NULL},
    {"for", "owner", NULL},
    {"state", "state", NULL},
    {"settings", "settings", NULL},
    {"prepared by", "made_by", NULL},
    {"prepared", "made_at", NULL},
    {"until", "expires_at", NULL},
    {"ended", "ended_at", NULL},
    {"ended by", "ended_by", NULL},
    {"token", "token_id", NULL},
    {NULL, NULL, NULL},
};

/* --- create -------------------------------------------------------------- */

/* The link as the owner can open it, if this machine knows where. */
static enum pn_exit
print_link(struct pn_cli *cli, const json_t *doc)
{
    const char *link = pn_json_text(doc, "link"), *cacert = NULL;
    const char *where = pn_find_url(cli, &cacert);

    if (pn_cli_has(cli, "json")) {
        pn_print_json(doc);
        return PN_EXIT_OK;
    }
    (void) printf("%s%s\n", where != NULL ? where : "", link);
    pn_say("give this link to '%s'; it works once, until %s",
           pn_json_text(doc, "owner"), pn_json_text(doc, "expires_at"));
    if (where == NULL) {
        pn_say("put the address where people reach Postern before it");
    }
    return PN_EXIT_OK;
}

static enum pn_exit
wish(struct pn_cli *cli, json_t *doc)
{
    json_t *settings = json_object_get(doc, "settings");
    uint32_t days = 0;
    enum pn_exit rc = pn_token_wish(cli, settings);

    if (rc == PN_EXIT_OK && pn_cli_has(cli, "valid-days")) {
        rc = pn_cli_number(cli, "valid-days", 1, VALID_DAYS_MAX, &days);
    }
    if (days != 0
        && json_object_set_new(doc, "valid_days",
                               json_integer((json_int_t) days))
               != 0)
    {
        rc = pn_cli_nomem();
    }
    return rc;
}

static enum pn_exit
run_create(struct pn_cli *cli)
{
    struct pn_answer answer;
    json_t *doc = json_pack("{s:s, s:{s:s}}", "owner", cli->args[0], "settings",
                            "name", cli->args[1]);
    enum pn_exit rc;

    if (doc == NULL) {
        pn_say("the name is not UTF-8");
        return PN_EXIT_USAGE;
    }
    rc = wish(cli, doc);
    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc != PN_EXIT_OK) {
        json_decref(doc);
        return rc;
    }
    rc = pn_call(cli, "POST", "/handovers", doc, &answer);
    return rc == PN_EXIT_OK ? print_link(cli, answer.doc) : rc;
}

/* --- the others ---------------------------------------------------------- */

static enum pn_exit
run_list(struct pn_cli *cli)
{
    const char *owner = pn_cli_value(cli, "owner");
    const char *query = owner != NULL ? pn_path(cli, "owner=", owner, "") : "";
    json_t *list;
    enum pn_exit rc =
        query != NULL ? pn_connect(cli, PN_WANT_ANY) : pn_cli_nomem();

    if (rc == PN_EXIT_OK) {
        rc = pn_call_list(cli, "/handovers", query, 0, &list);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_list(cli, list_columns, list, "no hand-overs");
    }
    return rc;
}

/* A link, whole or in part, or an id: what stands behind its last slash. */
static const char *
last_part(const char *given)
{
    const char *slash = strrchr(given, '/');

    return slash != NULL ? slash + 1 : given;
}

static enum pn_exit
run_show(struct pn_cli *cli)
{
    struct pn_answer answer;
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (rc == PN_EXIT_OK) {
        rc = pn_call(cli, "GET",
                     pn_path(cli, "/handovers/", last_part(cli->args[0]), ""),
                     NULL, &answer);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_object(cli, show_columns, answer.doc);
    }
    return rc;
}

static enum pn_exit
run_take(struct pn_cli *cli)
{
    struct pn_answer answer;
    json_t *doc = json_object();
    enum pn_exit rc = doc != NULL && pn_wish_text(cli, "name", doc, "name")
                          ? pn_token_check_output(cli)
                          : pn_cli_nomem();

    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_PERSON);
    }
    if (rc != PN_EXIT_OK) {
        json_decref(doc);
        return rc;
    }
    rc = pn_call(cli, "POST",
                 pn_path(cli, "/handovers/", last_part(cli->args[0]), "/take"),
                 doc, &answer);
    return rc == PN_EXIT_OK ? pn_token_hand_out(cli, answer.doc) : rc;
}

static enum pn_exit
run_withdraw(struct pn_cli *cli)
{
    struct pn_answer answer;
    const char *question =
        pn_arena_printf(cli->arena, "Withdraw %s%s? The link dies [y/N]",
                        cli->args[0], cli->arg_count > 1 ? " and others" : "");
    enum pn_exit rc =
        question != NULL ? pn_input_confirm(cli, question) : pn_cli_nomem();

    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    for (size_t i = 0; i < cli->arg_count && rc == PN_EXIT_OK; i++) {
        const char *id = last_part(cli->args[i]);

        rc = pn_call(cli, "DELETE", pn_path(cli, "/handovers/", id, ""), NULL,
                     &answer);
        if (rc == PN_EXIT_OK) {
            pn_say("hand-over '%s' is withdrawn", id);
        }
    }
    return rc;
}

const struct pn_command pn_handover_commands[] = {
    {
        .noun = "handover",
        .verb = "create",
        .args = "USER NAME",
        .summary = "Prepare a token for somebody and print its link, once",
        .examples = "postern handover create alice backup --read-only "
                    "--days 30\n"
                    "postern handover create bob ci --app jira "
                    "--valid-days 2\n",
        .details = "The token is made when its owner, signed in, takes it with "
                   "'postern handover\ntake'; nobody else sees it.  Policy "
                   "is judged then.\n",
        .options = create_options,
        .min_args = 2,
        .max_args = 2,
        .run = run_create,
    },
    {
        .noun = "handover",
        .verb = "list",
        .args = "",
        .summary = "List hand-overs; people see those for them",
        .examples = "postern handover list\n"
                    "postern handover list --owner alice\n",
        .options = list_options,
        .run = run_list,
    },
    {
        .noun = "handover",
        .verb = "show",
        .args = "LINK",
        .summary = "Show what was prepared, by link or id",
        .examples = "postern handover show hnd_01h3zq8k2m4n6\n",
        .min_args = 1,
        .max_args = 1,
        .run = run_show,
    },
    {
        .noun = "handover",
        .verb = "take",
        .args = "LINK",
        .summary = "Take the token that was prepared and print it, once",
        .examples = "postern handover take "
                    "https://example.com/postern/handovers/5a…f0\n"
                    "postern handover take 5a…f0 --output-file token.txt\n",
        .details = "Its owner must have signed in at most 15 minutes ago: "
                   "'postern login', or --as.\n",
        .options = take_options,
        .min_args = 1,
        .max_args = 1,
        .run = run_take,
    },
    {
        .noun = "handover",
        .verb = "withdraw",
        .args = "ID...",
        .summary = "Take hand-overs back that nobody has taken yet",
        .examples = "postern handover withdraw hnd_01h3zq8k2m4n6\n",
        .options = withdraw_options,
        .min_args = 1,
        .max_args = PN_CLI_ARGS_MAX,
        .run = run_withdraw,
    },
    {.noun = NULL},
};

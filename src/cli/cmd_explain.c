/* SPDX-License-Identifier: Apache-2.0 */
/* postern explain: what would happen to a request, and by which rule. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/print.h"
#include "cli/token_wish.h"
#include "cli/wish.h"

static const struct pn_option options[] = {
    {"token", "TOKEN", "the token, by name or id (not its value)", PN_ONCE},
    {"user", "USER", "the person, when no token is meant", PN_ONCE},
    {"app", "NAME", "the application", PN_ONCE},
    {"method", "METHOD", "GET unless said", PN_ONCE},
    {"address", "IP", "the client's address", PN_ONCE},
    {"at", "DATE", "the time; now unless said", PN_ONCE},
    {"plain-http", NULL, "as if without TLS", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_column columns[] = {
    {"verdict", "verdict", NULL}, {"status", "status", NULL},
    {"reason", "reason", NULL},   {"rule in", "rule.where", NULL},
    {"at", "rule.pointer", NULL}, {"because", "detail", NULL},
    {NULL, NULL, NULL},
};

static enum pn_exit
ask(struct pn_cli *cli, json_t *doc)
{
    const char *id = NULL, *at = NULL;
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (rc == PN_EXIT_OK && pn_cli_has(cli, "token")) {
        rc = pn_token_find(cli, pn_cli_value(cli, "token"), &id);
    }
    if (rc == PN_EXIT_OK && pn_cli_has(cli, "at")) {
        rc = pn_wish_instant(cli, "at", &at);
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    if ((id != NULL && json_object_set_new(doc, "token_id", json_string(id)))
        || (at != NULL && json_object_set_new(doc, "at", json_string(at)))
        || !pn_wish_text(cli, "user", doc, "username")
        || !pn_wish_text(cli, "app", doc, "app")
        || !pn_wish_text(cli, "method", doc, "method")
        || !pn_wish_text(cli, "address", doc, "address"))
    {
        return pn_cli_nomem();
    }
    return PN_EXIT_OK;
}

static enum pn_exit
run_explain(struct pn_cli *cli)
{
    struct pn_answer answer;
    json_t *doc;
    enum pn_exit rc;

    if (pn_cli_has(cli, "token") == pn_cli_has(cli, "user")) {
        return pn_cli_usage(cli, "either --token or --user");
    }
    if (!pn_cli_has(cli, "app")) {
        return pn_cli_usage(cli, "which application? --app NAME");
    }
    doc = json_pack("{s:s, s:s, s:b}", "url", cli->args[0], "method", "GET",
                    "tls", !pn_cli_has(cli, "plain-http"));
    if (doc == NULL) {
        pn_say("the URL is not UTF-8");
        return PN_EXIT_USAGE;
    }
    rc = ask(cli, doc);
    if (rc != PN_EXIT_OK) {
        json_decref(doc);
        return rc;
    }
    rc = pn_call(cli, "POST", "/explain", doc, &answer);
    if (rc == PN_EXIT_OK) {
        pn_print_object(cli, columns, answer.doc);
    }
    return rc;
}

const struct pn_command pn_explain_commands[] = {
    {
        .noun = "explain",
        .args = "URL",
        .summary = "Say what would happen to a request, and by which rule",
        .examples =
            "postern explain --token backup --app jira --address 192.0.2.7 \\\n"
            "    https://jira.example.com/rest/api/2/myself\n"
            "postern explain --user alice --app jira --method POST "
            "/rest/api/2/issue\n",
        .options = options,
        .min_args = 1,
        .max_args = 1,
        .run = run_explain,
    },
    {.noun = NULL},
};

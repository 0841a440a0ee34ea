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
    {"with-policy", "FILE", "and with this policy, which is not saved",
     PN_ONCE},
    {"with-app", "FILE", "and with these settings of the application", PN_ONCE},
    {"with-token", "FILE", "and with these settings of the token", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_column columns[] = {
    {"verdict", "verdict", NULL}, {"status", "status", NULL},
    {"reason", "reason", NULL},   {"rule in", "rule.where", NULL},
    {"at", "rule.pointer", NULL}, {"because", "detail", NULL},
    {NULL, NULL, NULL},
};

/* Side by side: by the rules in force, and with what is not saved. */
static const struct pn_column both[] = {
    {"RULES", "rules", NULL},        {"VERDICT", "verdict", NULL},
    {"STATUS", "status", NULL},      {"REASON", "reason", NULL},
    {"RULE IN", "rule.where", NULL}, {"AT", "rule.pointer", NULL},
    {"BECAUSE", "detail", NULL},     {NULL, NULL, NULL},
};

/* The documents that options name, as the member "draft". */
static enum pn_exit
add_drafts(struct pn_cli *cli, json_t *doc)
{
    static const char *const drafts[][2] = {{"with-policy", "policy"},
                                            {"with-app", "app"},
                                            {"with-token", "token"}};
    json_t *draft = NULL, *given = NULL;

    for (size_t i = 0; i < PN_LEN(drafts); i++) {
        const char *path = pn_cli_value(cli, drafts[i][0]);
        enum pn_exit rc =
            path != NULL ? pn_wish_file(cli, path, &given) : PN_EXIT_OK;

        if (rc != PN_EXIT_OK) {
            return rc;
        }
        if (path == NULL) {
            continue;
        }
        if (draft == NULL) {
            draft = json_object();
            if (json_object_set_new(doc, "draft", draft) != 0) {
                return pn_cli_nomem();
            }
        }
        if (json_object_set(draft, drafts[i][1], given) != 0) {
            return pn_cli_nomem();
        }
    }
    return PN_EXIT_OK;
}

/* Rules that note the request and let it through. */
static void
say_reporters(struct pn_cli *cli, const json_t *answer, const char *rules)
{
    const json_t *list = json_object_get(answer, "reported_by");

    for (size_t i = 0; i < json_array_size(list); i++) {
        pn_say("the address rules of %s%s would refuse it, but only report",
               pn_print_value(
                   cli, json_object_get(json_array_get(list, i), "where")),
               rules);
    }
}

static enum pn_exit
print(struct pn_cli *cli, json_t *answer)
{
    json_t *draft = json_object_get(answer, "draft"), *table;

    if (pn_cli_has(cli, "json") || !json_is_object(draft)) {
        pn_print_object(cli, columns, answer);
        say_reporters(cli, answer, "");
        return PN_EXIT_OK;
    }
    table = pn_json_defer(cli->arena, json_pack("[O, O]", answer, draft));
    if (table == NULL
        || json_object_set_new(answer, "rules", json_string("in force")) != 0
        || json_object_set_new(draft, "rules", json_string("draft")) != 0)
    {
        return pn_cli_nomem();
    }
    pn_print_table(cli, both, table);
    say_reporters(cli, answer, " in force");
    say_reporters(cli, draft, " in the draft");
    return PN_EXIT_OK;
}

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
    rc = add_drafts(cli, doc);
    if (rc == PN_EXIT_OK) {
        rc = ask(cli, doc);
    }
    if (rc != PN_EXIT_OK) {
        json_decref(doc);
        return rc;
    }
    rc = pn_call(cli, "POST", "/explain", doc, &answer);
    return rc == PN_EXIT_OK ? print(cli, answer.doc) : rc;
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
            "/rest/api/2/issue\n"
            "postern explain --token backup --app jira --with-policy "
            "policy.json /rest\n",
        .details =
            "With --with-policy, --with-app or --with-token it answers twice: "
            "by the rules in force, and as if what the files say were saved. "
            "Nothing is. The files are as 'show --json' prints them; of an "
            "application and a token, what changes is enough.\n",
        .options = options,
        .min_args = 1,
        .max_args = 1,
        .run = run_explain,
    },
    {.noun = NULL},
};

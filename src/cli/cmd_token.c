/* SPDX-License-Identifier: Apache-2.0 */
/* postern token: make, look at, change and end tokens. */

#include "base/str.h"
#include <string.h>

#include "base/secret.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/http.h"
#include "cli/input.h"
#include "cli/print.h"
#include "cli/token_run.h"
#include "cli/token_wish.h"
#include "cli/wish.h"

static const struct pn_option create_options[] = {
    PN_RULE_OPTIONS,
    {"like", "TOKEN", "with the settings of that token", PN_ONCE},
    {"owner", "USER", "for the service account whose custodian you are",
     PN_ONCE},
    PN_OUTPUT_OPTION,
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option rotate_options[] = {
    {"overlap", "HOURS", "the former token works on so long; 24", PN_ONCE},
    PN_LIFETIME_OPTIONS,
    PN_OUTPUT_OPTION,
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option edit_options[] = {
    PN_RULE_OPTIONS,
    {"name", "NAME", "another name", PN_ONCE},
    {"read-write", NULL, "for reading and writing", PN_ONCE},
    {"any-app", NULL, "for every application again", PN_ONCE},
    {"any-ip", NULL, "from every address again", PN_ONCE},
    {"any-path", NULL, "every path again", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

#define FILTER_OPTIONS                                                         \
    {"owner", "USER", "only this person's", PN_ONCE},                          \
        {"group", "NAME", "only of people in this group", PN_ONCE},            \
        {"app", "NAME", "only bound to this application", PN_ONCE},            \
        {"state", "STATE", "active, disabled, expired, revoked, suspended, …", \
         PN_ONCE},                                                             \
        {"search", "TEXT", "only names with this text in them", PN_ONCE},      \
        {"never-used", NULL, "only those never used", PN_ONCE},                \
        {"unused-days", "N", "only those not used for N days", PN_ONCE},       \
        {"expires-before", "DATE", "only those that end before then",          \
         PN_ONCE},                                                             \
        {"no-expiry", NULL, "only those that never end", PN_ONCE},             \
        {"to-be-disabled", NULL,                                               \
         "only those that are, since nobody uses them", PN_ONCE},              \
    {                                                                          \
        "no-ip-rule", NULL, "only those that work from every address", PN_ONCE \
    }

static const struct pn_option list_options[] = {
    FILTER_OPTIONS,
    {"sort", "KEY", "created, name, expires, last_used; -KEY is downwards",
     PN_ONCE},
    {"limit", "N", "at most N tokens", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option bulk_options[] = {
    FILTER_OPTIONS,
    {"until", "DATE", "shorten: the new end", PN_ONCE},
    {"reason", "TEXT", "revoke: why, for the audit", PN_ONCE},
    {"preview", NULL, "only say what would happen", PN_ONCE},
    {"yes", NULL, "do not ask", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option find_options[] = {
    {"token-file", "FILE", "read the token from FILE; - is standard input",
     PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option revoke_options[] = {
    {"reason", "TEXT", "why, for the audit", PN_ONCE},
    {"yes", NULL, "do not ask", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const char *
cell_name_of_apps(struct pn_cli *cli, const json_t *item)
{
    const json_t *apps = pn_json_at(item, "apps");

    return apps == NULL || json_is_null(apps) ? "all"
                                              : pn_print_value(cli, apps);
}

static const char *
cell_shown(struct pn_cli *cli, const json_t *item)
{
    const char *text =
        pn_arena_printf(cli->arena, "%s…%s", pn_json_text(item, "prefix"),
                        pn_json_text(item, "last_four"));

    return text != NULL ? text : "?";
}

static const char *
cell_expires(struct pn_cli *cli, const json_t *item)
{
    const json_t *at = pn_json_at(item, "expires_at");

    return at == NULL || json_is_null(at) ? "never" : pn_print_value(cli, at);
}

/* Which secret is still used matters only while there are two. */
static const char *
cell_secrets(struct pn_cli *cli, const json_t *item)
{
    const json_t *secrets = pn_json_at(item, "secrets"), *secret;
    const char *text = "", *used;
    size_t i;

    if (json_array_size(secrets) < 2) {
        return "1";
    }
    json_array_foreach(secrets, i, secret)
    {
        used = pn_json_text(secret, "last_used_at");
        text = pn_arena_printf(
            cli->arena, "%s%s…%s %s, ends %s, last used %s", text,
            i > 0 ? "; " : "", pn_json_text(secret, "last_four"),
            pn_json_text(secret, "state"), cell_expires(cli, secret),
            used[0] != '\0' ? used : "never");
        if (text == NULL) {
            return "?";
        }
    }
    return text;
}

static const char *
cell_addresses(struct pn_cli *cli, const json_t *item)
{
    const json_t *seen = pn_json_at(item, "last_used.addresses"), *one;
    const char *text = "";
    size_t i;

    json_array_foreach(seen, i, one)
    {
        text = pn_arena_printf(cli->arena, "%s%s%s", text, i > 0 ? ", " : "",
                               pn_json_text(one, "address"));
        if (text == NULL) {
            return "?";
        }
    }
    return text[0] != '\0' ? text : "-";
}

/* Worth a look: a forgotten script, or a thief. */
static const char *
cell_superseded(struct pn_cli *cli, const json_t *item)
{
    const char *at = pn_json_text(item, "superseded_use.at");
    const char *text =
        pn_arena_printf(cli->arena, "%s from %s", at,
                        pn_json_text(item, "superseded_use.address"));

    return at[0] == '\0' ? "-" : text != NULL ? text : "?";
}

/* With what will become of it: nobody uses it. */
static const char *
cell_state(struct pn_cli *cli, const json_t *item)
{
    const char *state = pn_json_text(item, "state");
    const char *at = pn_json_text(item, "disable_at");
    const char *text = state;

    if (at[0] != '\0') {
        text = pn_arena_printf(cli->arena, "%s, unused: to be disabled %.10s",
                               state, at);
    } else if (strcmp(state, "disabled") == 0
               && strcmp(pn_json_text(item, "disabled_because"), "unused") == 0)
    {
        text = "disabled, unused";
    }
    return text != NULL ? text : "?";
}

static const struct pn_column list_columns[] = {
    {"ID", "id", NULL},
    {"OWNER", "owner", NULL},
    {"NAME", "name", NULL},
    {"STATE", NULL, cell_state},
    {"ACCESS", "access", NULL},
    {"EXPIRES", NULL, cell_expires},
    {"LAST USED", "last_used.at", NULL},
    {NULL, NULL, NULL},
};

static const struct pn_column show_columns[] = {
    {"id", "id", NULL},
    {"name", "name", NULL},
    {"description", "description", NULL},
    {"owner", "owner", NULL},
    {"state", "state", NULL},
    {"suspended because", "suspended_because", NULL},
    {"disabled because", "disabled_because", NULL},
    {"unused: to be disabled", "disable_at", NULL},
    {"token", NULL, cell_shown},
    {"created", "created_at", NULL},
    {"not before", "not_before", NULL},
    {"expires", NULL, cell_expires},
    {"access", "access", NULL},
    {"applications", NULL, cell_name_of_apps},
    {"addresses", "ip_rules", NULL},
    {"paths", "paths", NULL},
    {"rate limit", "rate_limit", NULL},
    {"scopes", "scopes", NULL},
    {"secrets", NULL, cell_secrets},
    {"last used", "last_used.at", NULL},
    {"last address", "last_used.address", NULL},
    {"last application", "last_used.app", NULL},
    {"last method", "last_used.method", NULL},
    {"addresses", NULL, cell_addresses},
    {"replaced secret used", NULL, cell_superseded},
    {NULL, NULL, NULL},
};

/* --- the others ---------------------------------------------------------- */

static enum pn_exit
run_list(struct pn_cli *cli)
{
    uint32_t limit = 0;
    const char *query = NULL;
    json_t *list;
    enum pn_exit rc = pn_token_filter_query(cli, &query);

    if (rc == PN_EXIT_OK && pn_cli_has(cli, "limit")) {
        rc = pn_cli_number(cli, "limit", 1, 1000000, &limit);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_call_list(cli, "/tokens", query, limit, &list);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_list(cli, list_columns, list, "no tokens");
    }
    return rc;
}

/* By POST: an address ends in logs and histories. */
static enum pn_exit
run_find(struct pn_cli *cli)
{
    struct pn_secret pasted = {0};
    struct pn_answer answer = {0};
    json_t *doc = NULL;
    enum pn_exit rc =
        pn_input_secret(cli, "token-file", "Token", PN_PROMPT_ONCE, &pasted);

    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc == PN_EXIT_OK) {
        doc = json_pack("{s:s%}", "token", pasted.bytes, pasted.len);
        rc = doc != NULL
                 ? pn_call(cli, "POST", "/tokens/search", doc, &answer)
                 : pn_cli_usage(cli, "a token has only letters, digits and _");
    }
    pn_secret_done(&pasted);
    if (rc == PN_EXIT_OK) {
        pn_print_object(cli, show_columns, answer.doc);
        if (strcmp(pn_json_text(answer.doc, "pasted_secret.state"),
                   "superseded")
            == 0) {
            pn_say("this secret was replaced by a rotation and does not work "
                   "any more");
        }
    }
    return rc;
}

static enum pn_exit
run_show(struct pn_cli *cli)
{
    struct pn_answer answer;
    const char *id = NULL;
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (rc == PN_EXIT_OK) {
        rc = pn_token_find(cli, cli->args[0], &id);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_call(cli, "GET", pn_path(cli, "/tokens/", id, ""), NULL,
                     &answer);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_object(cli, show_columns, answer.doc);
    }
    return rc;
}

static enum pn_exit
wish_edit(struct pn_cli *cli, json_t *doc)
{
    static const struct {
        const char *option, *member;
    } freed[] = {
        {"any-app", "apps"}, {"any-ip", "ip_rules"}, {"any-path", "paths"}};
    enum pn_exit rc = pn_token_wish(cli, doc);

    if (rc != PN_EXIT_OK) {
        return rc;
    }
    if (pn_cli_has(cli, "read-only") && pn_cli_has(cli, "read-write")) {
        return pn_cli_usage(cli, "either --read-only or --read-write");
    }
    for (size_t i = 0; i < PN_LEN(freed); i++) {
        if (!pn_cli_has(cli, freed[i].option)) {
            continue;
        }
        if (json_object_get(doc, freed[i].member) != NULL) {
            return pn_cli_usage(cli, "--%s contradicts the other options",
                                freed[i].option);
        }
        if (json_object_set_new(doc, freed[i].member, json_null()) != 0) {
            return pn_cli_nomem();
        }
    }
    if (!pn_wish_text(cli, "name", doc, "name")
        || (pn_cli_has(cli, "read-write")
            && json_object_set_new(doc, "access", json_string("read-write"))
                   != 0))
    {
        return pn_cli_nomem();
    }
    return json_object_size(doc) > 0
               ? PN_EXIT_OK
               : pn_cli_usage(cli, "nothing to change was given");
}

static enum pn_exit
run_edit(struct pn_cli *cli)
{
    struct pn_answer answer;
    const char *id = NULL;
    json_t *doc = json_object();
    enum pn_exit rc = doc != NULL ? wish_edit(cli, doc) : pn_cli_nomem();

    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_token_find(cli, cli->args[0], &id);
    }
    if (rc != PN_EXIT_OK) {
        json_decref(doc);
        return rc;
    }
    rc = pn_call(cli, "PATCH", pn_path(cli, "/tokens/", id, ""), doc, &answer);
    if (rc == PN_EXIT_OK) {
        pn_print_object(cli, show_columns, answer.doc);
    }
    return rc;
}

const struct pn_command pn_token_commands[] = {
    {
        .noun = "token",
        .verb = "create",
        .args = "NAME",
        .summary = "Make a token of your own and print it, once",
        .examples = "postern token create backup --days 30 --read-only\n"
                    "postern token create ci --app jira --path '/rest/**' "
                    "--ip 10.0.0.0/8\n"
                    "postern token create report --until 2027-01-31 "
                    "--output-file token.txt\n"
                    "postern token create backup-2 --like backup\n",
        .details = "The token alone goes to standard output, so that "
                   "TOKEN=$(postern token create …) works.\n"
                   "Somebody must have signed in: 'postern login', or --as.\n",
        .options = create_options,
        .min_args = 1,
        .max_args = 1,
        .run = pn_token_create,
    },
    {
        .noun = "token",
        .verb = "rotate",
        .args = "TOKEN",
        .summary = "Give a token of your own a new secret and print it, once",
        .examples = "postern token rotate backup\n"
                    "postern token rotate backup --overlap 72 "
                    "--output-file token.txt\n",
        .details = "Id and settings stay, and so does the length of its life, "
                   "counted anew.  The former secret works on until the "
                   "overlap is over or 'postern token end-overlap' ends it; "
                   "'postern token show' says which of the two is still "
                   "used.\n",
        .options = rotate_options,
        .min_args = 1,
        .max_args = 1,
        .run = pn_token_rotate,
    },
    {
        .noun = "token",
        .verb = "end-overlap",
        .args = "TOKEN...",
        .summary = "End the former secret of rotated tokens now",
        .examples = "postern token end-overlap backup\n",
        .min_args = 1,
        .max_args = PN_CLI_ARGS_MAX,
        .run = pn_token_end_overlap,
    },
    {
        .noun = "token",
        .verb = "list",
        .args = "",
        .summary = "List your tokens; administrators see everybody's",
        .examples = "postern token list\n"
                    "postern token list --owner alice --state active --json\n"
                    "postern token list --unused-days 90 --sort last_used\n"
                    "postern token list --group contractors --no-expiry\n",
        .options = list_options,
        .run = run_list,
    },
    {
        .noun = "token",
        .verb = "find",
        .args = "",
        .summary = "Show the token that a secret belongs to",
        .examples = "postern token find --token-file found.txt\n",
        .details = "For a token that turned up somewhere.  The secret is asked "
                   "for without echo, or read from a file; it is sent in a "
                   "body and logged nowhere.  One finds only tokens that one "
                   "may see.\n",
        .options = find_options,
        .run = run_find,
    },
    {
        .noun = "token",
        .verb = "show",
        .args = "TOKEN",
        .summary = "Show one token, by name or id",
        .examples = "postern token show backup\n",
        .min_args = 1,
        .max_args = 1,
        .run = run_show,
    },
    {
        .noun = "token",
        .verb = "edit",
        .args = "TOKEN",
        .summary = "Change what a token may do",
        .examples = "postern token edit backup --read-only --days 14\n"
                    "postern token edit backup --any-ip\n",
        .options = edit_options,
        .min_args = 1,
        .max_args = 1,
        .run = run_edit,
    },
    {
        .noun = "token",
        .verb = "revoke",
        .args = "TOKEN...",
        .summary = "End tokens for good; the next request is refused",
        .examples = "postern token revoke backup --reason 'laptop lost'\n",
        .options = revoke_options,
        .min_args = 1,
        .max_args = PN_CLI_ARGS_MAX,
        .run = pn_token_revoke,
    },
    {
        .noun = "token",
        .verb = "disable",
        .args = "TOKEN...",
        .summary = "Pause tokens",
        .examples = "postern token disable backup\n",
        .min_args = 1,
        .max_args = PN_CLI_ARGS_MAX,
        .run = pn_token_disable,
    },
    {
        .noun = "token",
        .verb = "enable",
        .args = "TOKEN...",
        .summary = "Let paused tokens work again",
        .examples = "postern token enable backup\n",
        .min_args = 1,
        .max_args = PN_CLI_ARGS_MAX,
        .run = pn_token_enable,
    },
    {
        .noun = "token",
        .verb = "bulk",
        .args = "ACTION [TOKEN...]",
        .summary = "Revoke, disable, enable or shorten many tokens at once",
        .examples = "postern token bulk disable --unused-days 180 --preview\n"
                    "postern token bulk revoke --owner alice --reason left\n"
                    "postern token bulk shorten --no-expiry --until "
                    "2027-01-31\n",
        .details =
            "ACTION is revoke, disable, enable or shorten.  Tokens are named, "
            "or found by the options of 'postern token list'.  What would "
            "happen is counted and asked for first; each token is then a "
            "change of its own in the audit, and one that is refused does not "
            "stop the others.\n",
        .options = bulk_options,
        .min_args = 1,
        .max_args = PN_CLI_ARGS_MAX,
        .run = pn_token_bulk,
    },
    {.noun = NULL},
};

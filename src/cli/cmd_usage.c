/* SPDX-License-Identifier: Apache-2.0 */
/* postern usage: how often tokens were used, and why they were refused. */
#include <string.h>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/http.h"
#include "cli/print.h"
#include "cli/token_wish.h"

enum { DAYS_MAX = 400 };

static const struct pn_option options[] = {
    {"days", "N", "the last N days, today included; 30", PN_ONCE},
    {"token", "TOKEN", "only this token, by name or id", PN_ONCE},
    {"app", "NAME", "only this application", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const char *
cell_allowed(struct pn_cli *cli, const json_t *item)
{
    const json_t *ok = pn_json_at(item, "outcomes.ok");

    return ok != NULL ? pn_print_value(cli, ok) : "0";
}

static const char *
cell_refused(struct pn_cli *cli, const json_t *item)
{
    json_t *outcomes = json_object_get(item, "outcomes"), *value;
    const char *text = "", *key;

    json_object_foreach(outcomes, key, value)
    {
        if (strcmp(key, "ok") != 0 && text != NULL) {
            text = pn_arena_printf(cli->arena, "%s%s%s %lld", text,
                                   text[0] != '\0' ? ", " : "", key,
                                   (long long) json_integer_value(value));
        }
    }
    return text == NULL ? "?" : text[0] != '\0' ? text : "-";
}

static const struct pn_column columns[] = {
    {"DAY", "day", NULL},
    {"ALLOWED", NULL, cell_allowed},
    {"REFUSED", NULL, cell_refused},
    {NULL, NULL, NULL},
};

/* "/usage?days=30", for a token "/tokens/{id}/usage?days=30". */
static enum pn_exit
find_path(struct pn_cli *cli, uint32_t days, const char **out)
{
    const char *token = pn_cli_value(cli, "token"), *id = NULL;
    const char *app = pn_cli_value(cli, "app"), *escaped = "";
    enum pn_exit rc = PN_EXIT_OK;

    if (token != NULL) {
        rc = pn_token_find(cli, token, &id);
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    if (app != NULL) {
        escaped = pn_http_escape(cli->arena, app);
    }
    *out =
        escaped == NULL ? NULL
        : id != NULL
            ? pn_arena_printf(cli->arena, "/tokens/%s/usage?days=%u", id, days)
            : pn_arena_printf(cli->arena, "/usage?days=%u%s%s", days,
                              app != NULL ? "&app=" : "", escaped);
    return *out != NULL ? PN_EXIT_OK : pn_cli_nomem();
}

static enum pn_exit
run_usage(struct pn_cli *cli)
{
    struct pn_answer answer;
    const char *path = NULL;
    uint32_t days = 30;
    enum pn_exit rc = PN_EXIT_OK;

    if (pn_cli_has(cli, "token") && pn_cli_has(cli, "app")) {
        return pn_cli_usage(cli, "either --token or --app");
    }
    if (pn_cli_has(cli, "days")) {
        rc = pn_cli_number(cli, "days", 1, DAYS_MAX, &days);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc == PN_EXIT_OK) {
        rc = find_path(cli, days, &path);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_call(cli, "GET", path, NULL, &answer);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_list(cli, columns, answer.doc, "no uses in that time");
    }
    return rc;
}

const struct pn_command pn_usage_commands[] = {
    {
        .noun = "usage",
        .args = "",
        .summary = "Show how often tokens were used and refused, by day",
        .examples = "postern usage\n"
                    "postern usage --token backup --days 90\n"
                    "postern usage --app jira --json\n",
        .details = "Counts are kept for 400 days.  One's own tokens may be "
                   "asked about by anybody, the whole by auditors.\n",
        .options = options,
        .run = run_usage,
    },
    {.noun = NULL},
};

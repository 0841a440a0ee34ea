/* SPDX-License-Identifier: Apache-2.0 */
/* postern audit: who changed what, and when. */
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/print.h"

static const struct pn_option list_options[] = {
    {"limit", "N", "at most N events; 50 unless said", PN_ONCE},
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

static enum pn_exit
run_list(struct pn_cli *cli)
{
    uint32_t limit = 50;
    json_t *list;
    enum pn_exit rc = PN_EXIT_OK;

    if (pn_cli_has(cli, "limit")) {
        rc = pn_cli_number(cli, "limit", 1, 1000000, &limit);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_call_list(cli, "/audit", "", limit, &list);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_list(cli, columns, list, "no events");
    }
    return rc;
}

const struct pn_command pn_audit_commands[] = {
    {
        .noun = "audit",
        .verb = "list",
        .args = "",
        .summary = "List who changed what, and when",
        .examples = "postern audit list\n"
                    "postern audit list --limit 1000 --json\n",
        .options = list_options,
        .run = run_list,
    },
    {.noun = NULL},
};

/* SPDX-License-Identifier: Apache-2.0 */
/* postern policy history, diff, revert. */
#include "cli/policy_run.h"

#include "base/str.h"
#include "cli/connect.h"
#include "cli/http.h"

static const struct pn_column versions[] = {
    {"VERSION", "version", NULL},
    {"MADE", "made_at", NULL},
    {"BY", "made_by", NULL},
    {"ENFORCED", "enforcement.mode", NULL},
    {"TOKENS", "enforcement.tokens_changed", NULL},
    {"REVERTED TO", "reverted_to", NULL},
    {NULL, NULL, NULL},
};

static const struct pn_column differences[] = {
    {"WHERE", "pointer", NULL},
    {"BEFORE", "before", NULL},
    {"AFTER", "after", NULL},
    {NULL, NULL, NULL},
};

enum pn_exit
pn_policy_history(struct pn_cli *cli)
{
    json_t *list = NULL;
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (rc == PN_EXIT_OK) {
        rc = pn_call_list(cli, "/policy/history", "", 0, &list);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_list(cli, versions, list, "no versions");
    }
    return rc;
}

enum pn_exit
pn_policy_diff(struct pn_cli *cli)
{
    const char *against =
        cli->arg_count > 1 ? pn_http_escape(cli->arena, cli->args[0]) : NULL;
    const char *path =
        pn_path(cli, "/policy/history/", cli->args[cli->arg_count - 1], "");
    struct pn_answer answer = {0};
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (path != NULL && against != NULL) {
        path = pn_arena_printf(cli->arena, "%s?against=%s", path, against);
    }
    if (rc == PN_EXIT_OK) {
        rc = path != NULL ? pn_call(cli, "GET", path, NULL, &answer)
                          : pn_cli_nomem();
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    if (pn_cli_has(cli, "json")) {
        pn_print_json(answer.doc);
    } else {
        pn_print_table(cli, differences, pn_json_at(answer.doc, "changes"));
    }
    return PN_EXIT_OK;
}

enum pn_exit
pn_policy_revert(struct pn_cli *cli)
{
    const char *path = pn_policy_path(cli, "/policy/revert", "preview=false");
    struct pn_answer present = {0}, answer = {0};
    uint32_t version = 0;
    enum pn_exit rc;

    if (!pn_number(pn_str_from(cli->args[0]), 1, INT32_MAX, &version)) {
        return pn_cli_usage(cli, "VERSION is a number from 1");
    }
    rc = pn_connect(cli, PN_WANT_ANY);
    if (rc == PN_EXIT_OK) {
        rc = pn_call(cli, "GET", "/policy", NULL, &present);
    }
    if (rc == PN_EXIT_OK) {
        rc = path != NULL ? pn_post_if_match(
                 cli, present.etag, path,
                 json_pack("{s:I}", "version", (json_int_t) version), &answer)
                          : pn_cli_nomem();
    }
    return pn_policy_answered(cli, rc, &answer);
}

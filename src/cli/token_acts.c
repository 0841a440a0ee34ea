/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that end, pause and resume tokens. */
#include "cli/connect.h"
#include "cli/input.h"
#include "cli/token_run.h"
#include "cli/token_wish.h"

/* METHOD /tokens/{id}/verb for every token named; stops at the first failure.
 */
static enum pn_exit
act(struct pn_cli *cli, const char *method, const char *verb, const char *done)
{
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    for (size_t i = 0; i < cli->arg_count && rc == PN_EXIT_OK; i++) {
        const char *id = NULL, *reason = pn_cli_value(cli, "reason");
        struct pn_answer answer;

        rc = pn_token_find(cli, cli->args[i], &id);
        if (rc == PN_EXIT_OK) {
            json_t *body =
                reason != NULL ? json_pack("{s:s}", "reason", reason) : NULL;

            rc = pn_call(cli, method, pn_path(cli, "/tokens/", id, verb), body,
                         &answer);
        }
        if (rc == PN_EXIT_OK) {
            pn_say("token '%s' (%s) %s", cli->args[i], id, done);
        }
    }
    return rc;
}

enum pn_exit
pn_token_revoke(struct pn_cli *cli)
{
    const char *question =
        pn_arena_printf(cli->arena, "Revoke %s%s? This cannot be undone [y/N]",
                        cli->args[0], cli->arg_count > 1 ? " and others" : "");
    enum pn_exit rc =
        question != NULL ? pn_input_confirm(cli, question) : pn_cli_nomem();

    return rc == PN_EXIT_OK ? act(cli, "POST", "/revoke", "is revoked") : rc;
}

enum pn_exit
pn_token_disable(struct pn_cli *cli)
{
    return act(cli, "POST", "/disable", "is disabled");
}

enum pn_exit
pn_token_enable(struct pn_cli *cli)
{
    return act(cli, "POST", "/enable", "is enabled");
}

enum pn_exit
pn_token_end_overlap(struct pn_cli *cli)
{
    return act(cli, "DELETE", "/overlap", "has one secret");
}

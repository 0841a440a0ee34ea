/* SPDX-License-Identifier: Apache-2.0 */
/* postern: the command line.  Reads argv, finds the row of the table, runs. */
#include <signal.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/help.h"

static enum pn_exit
run(struct pn_cli *cli)
{
    if (cli->command == NULL) {
        pn_help_overview(pn_cli_has(cli, "help") ? stdout : stderr);
        return pn_cli_has(cli, "help") ? PN_EXIT_OK : PN_EXIT_USAGE;
    }
    if (pn_cli_has(cli, "help")
        && (cli->command->run != pn_help_run || cli->arg_count == 0))
    {
        pn_help_command(cli->command, stdout);
        return PN_EXIT_OK;
    }
    return cli->command->run(cli);
}

int
main(int argc, char **argv)
{
    struct pn_cli *cli = NULL;
    struct pn_arena *arena = pn_arena_new(PN_CLI_ARENA_MAX);
    enum pn_exit rc = PN_EXIT_ERROR;

    (void) signal(SIGPIPE, SIG_IGN);
    if (arena != NULL) {
        cli = pn_arena_alloc(arena, sizeof(*cli));
    }
    if (cli == NULL) {
        rc = pn_cli_nomem();
        goto out;
    }
    cli->arena = arena;
    rc = pn_cli_parse(cli, argc, argv);
    if (rc == PN_EXIT_OK) {
        rc = run(cli);
    }
    pn_connection_close(cli);

    /* A full disk behind a redirect must not look like success. */
    if (fflush(stdout) != 0 && rc == PN_EXIT_OK) {
        pn_say("cannot write standard output");
        rc = PN_EXIT_ERROR;
    }

out:
    pn_arena_free(arena);
    return (int) rc;
}

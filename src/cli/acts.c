/* SPDX-License-Identifier: Apache-2.0 */
/* From a command to the act of posternd that does it. */
#include "cli/acts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/place.h"

static const char *
find_config(struct pn_cli *cli)
{
    const char *given = pn_cli_value(cli, "config");
    struct pn_note up;

    if (given != NULL) {
        return given;
    }
    return pn_note_find(cli->arena, &up) == PN_OK
               ? pn_arena_printf(cli->arena, "%s/postern.conf", up.data)
               : PN_ACTS_CONFIG;
}

enum pn_exit
pn_acts_become(struct pn_cli *cli, const char *noun, const char *verb,
               const char *const *arguments)
{
    const char *posternd = pn_place_posternd(cli->arena);
    const char *config = find_config(cli);
    const char *argv[PN_ACTS_ARGS_MAX] = {posternd, noun, verb, "--config",
                                          config};
    size_t count = 5;

    if (posternd == NULL) {
        pn_say("posternd is not installed here");
        return PN_EXIT_ERROR;
    }
    if (config == NULL) {
        return pn_cli_nomem();
    }
    if (access(config, R_OK) != 0) {
        pn_say("cannot read posternd's configuration '%s': %s; --config FILE "
               "names another",
               config, strerrordesc_np(errno));
        return PN_EXIT_ERROR;
    }
    while (*arguments != NULL && count + 1 < PN_ACTS_ARGS_MAX) {
        argv[count++] = *arguments++;
    }
    argv[count] = NULL;
    (void) fflush(NULL);
    /* execv(3) changes no argument, its type merely cannot say so. */
    (void) execv(posternd, pn_unconst(argv));
    pn_say("cannot run '%s': %s", posternd, strerrordesc_np(errno));
    return PN_EXIT_ERROR;
}

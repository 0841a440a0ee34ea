/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What posternd does instead of serving ("posternd index check"), run on its
 * configuration: --config, else that of a running "postern up", else the
 * installed one.
 */
#ifndef PN_CLI_ACTS_H
#define PN_CLI_ACTS_H

#include "cli/cli.h"

#define PN_ACTS_CONFIG "/etc/postern/postern.conf"

/* The option that such a command has. */
#define PN_ACTS_OPTION                                                         \
    {                                                                          \
        "config", "FILE", "posternd's configuration", PN_ONCE                  \
    }

enum { PN_ACTS_ARGS_MAX = 16 };

/*
 * Become "posternd NOUN VERB --config FILE argument...", whose output and exit
 * status are this command's; arguments end with NULL.  Returns only when that
 * cannot be, after saying why.
 */
PN_MUST_USE enum pn_exit pn_acts_become(struct pn_cli *cli, const char *noun,
                                        const char *verb,
                                        const char *const *arguments);

#endif

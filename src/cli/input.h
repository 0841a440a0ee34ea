/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets from people: a prompt without echo, a file, or standard input.
 * Never from the command line or the environment.
 */
#ifndef PN_CLI_INPUT_H
#define PN_CLI_INPUT_H

#include "base/secret.h"
#include "cli/cli.h"

enum pn_prompt { PN_PROMPT_ONCE = 0, PN_PROMPT_TWICE };

/*
 * From the file that option names ("-" is standard input; a last newline does
 * not count), else by asking on the terminal: "question: ".  TWICE asks again
 * and compares.  Without option and terminal: PN_EXIT_USAGE after saying which
 * option to use.
 */
PN_MUST_USE enum pn_exit pn_input_secret(const struct pn_cli *cli,
                                         const char *option,
                                         const char *question,
                                         enum pn_prompt prompt,
                                         struct pn_secret *out);

/* Asks "question [y/N] "; without a terminal, or with --yes, PN_EXIT_OK.
 * PN_EXIT_ERROR for no. */
PN_MUST_USE enum pn_exit pn_input_confirm(const struct pn_cli *cli,
                                          const char *question);

/* A line that may be seen, such as a user name; as above. */
PN_MUST_USE enum pn_exit pn_input_line(const struct pn_cli *cli,
                                       const char *option, const char *question,
                                       const char **out);

#endif

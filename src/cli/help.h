/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Help pages, made from the table of commands: examples first.
 */
#ifndef PN_CLI_HELP_H
#define PN_CLI_HELP_H

#include <stdio.h>

#include "cli/cli.h"

void pn_help_overview(FILE *out);
void pn_help_noun(const char *noun, FILE *out);
void pn_help_command(const struct pn_command *command, FILE *out);

/* postern(1) in roff, and postern-NOUN(1) of a noun that there is. */
void pn_help_manual(FILE *out);
void pn_help_manual_noun(const char *noun, FILE *out);

/* "postern help", and "postern NOUN --help". */
PN_MUST_USE enum pn_exit pn_help_run(struct pn_cli *cli);

#endif

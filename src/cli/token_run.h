/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rows of "postern token" run, where it does not stand beside the table
 * (cmd_token.c).
 */
#ifndef PN_CLI_TOKEN_RUN_H
#define PN_CLI_TOKEN_RUN_H

#include "cli/cli.h"

/* token_make.c: they print a secret */
enum pn_exit pn_token_create(struct pn_cli *cli);
enum pn_exit pn_token_rotate(struct pn_cli *cli);

/* token_acts.c */
enum pn_exit pn_token_end_overlap(struct pn_cli *cli);
enum pn_exit pn_token_revoke(struct pn_cli *cli);
enum pn_exit pn_token_disable(struct pn_cli *cli);
enum pn_exit pn_token_enable(struct pn_cli *cli);

#endif

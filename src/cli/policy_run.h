/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rows of "postern policy" run, where it does not stand beside the table
 * (cmd_policy.c).
 */
#ifndef PN_CLI_POLICY_RUN_H
#define PN_CLI_POLICY_RUN_H

#include "cli/print.h"

/* The policy as a person reads it. */
extern const struct pn_column pn_policy_columns[];

/* path with query and what --enforce and --days ask for; NULL: no memory. */
const char *pn_policy_path(struct pn_cli *cli, const char *path,
                           const char *query);

/* policy_past.c */
enum pn_exit pn_policy_history(struct pn_cli *cli);
enum pn_exit pn_policy_diff(struct pn_cli *cli);
enum pn_exit pn_policy_revert(struct pn_cli *cli);

/* policy_reports.c */
extern const struct pn_option pn_policy_reports_options[];
enum pn_exit pn_policy_reports(struct pn_cli *cli);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rows of "postern policy" run, where it does not stand beside the table
 * (cmd_policy.c).
 */
#ifndef PN_CLI_POLICY_RUN_H
#define PN_CLI_POLICY_RUN_H

#include "cli/connect.h"
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

/* Options of "policy set" and "policy preview" for limits and defaults. */
#define PN_POLICY_LIMITS                                                       \
    {"default-days", "N", "lifetime when nobody says one", PN_ONCE},           \
        {"admin-max-days", "N|none", "longest lifetime for administrators",    \
         PN_ONCE},                                                             \
        {"max-tokens", "N", "tokens of one owner", PN_ONCE},                   \
        {"max-overlap-hours", "N", "longest overlap of a rotation", PN_ONCE},  \
        {"require-ip-rule", "on|off", "each token needs rules for addresses",  \
         PN_ONCE},                                                             \
        {"read-only", "on|off", "new tokens only read", PN_ONCE},              \
        {"path", "PATTERN|none", "tokens stay within these paths", PN_REPEAT}, \
        {"admin-group", "GROUP|none", "whose members are administrators",      \
         PN_REPEAT},                                                           \
    {                                                                          \
        "auditor-group", "GROUP|none", "whose members are auditors", PN_REPEAT \
    }

/* What they say becomes part of the document. */
PN_MUST_USE enum pn_exit pn_policy_limits(struct pn_cli *cli, json_t *policy);

/* Warnings and the policy that was answered, if rc is PN_EXIT_OK; rc. */
PN_MUST_USE enum pn_exit pn_policy_answered(struct pn_cli *cli, enum pn_exit rc,
                                            const struct pn_answer *answer);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rows of "postern token" run, where it does not stand beside the table
 * (cmd_token.c).
 */
#ifndef PN_CLI_TOKEN_RUN_H
#define PN_CLI_TOKEN_RUN_H

#include "base/json.h"
#include "cli/cli.h"

/* Rows of tables of options. */
#define PN_LIFETIME_OPTIONS                                                    \
    {"days", "N", "valid for N days", PN_ONCE},                                \
        {"until", "DATE", "valid until then (UTC)", PN_ONCE},                  \
    {                                                                          \
        "no-expiry", NULL, "valid for ever, if policy grants it", PN_ONCE      \
    }

#define PN_OUTPUT_OPTION                                                       \
    {                                                                          \
        "output-file", "FILE", "write the token to a new file, mode 0600",     \
            PN_ONCE                                                            \
    }

/* Options that say what a token may do, for create and edit alike. */
#define PN_RULE_OPTIONS                                                        \
    PN_LIFETIME_OPTIONS,                                                       \
        {"not-before", "DATE", "not valid before then", PN_ONCE},              \
        {"read-only", NULL, "for reading only", PN_ONCE},                      \
        {"app", "NAME", "only for this application", PN_REPEAT},               \
        {"ip", "CIDR", "only from these addresses", PN_REPEAT},                \
        {"ip-deny", "CIDR", "not from these addresses", PN_REPEAT},            \
        {"path", "PATTERN", "only these paths: '/rest/**'", PN_REPEAT},        \
        {"scope", "NAME", "Postern's own API: tokens:read, …", PN_REPEAT},     \
        {"rate", "N/SECONDS", "at most N requests in SECONDS", PN_ONCE},       \
    {                                                                          \
        "description", "TEXT", "what it is for", PN_ONCE                       \
    }

/* token_make.c: they print a secret */
/* PN_EXIT_ERROR, said, when --output-file is there already. */
PN_MUST_USE enum pn_exit pn_token_check_output(const struct pn_cli *cli);
/* Prints doc["token"], or writes it to --output-file. */
enum pn_exit pn_token_hand_out(struct pn_cli *cli, json_t *doc);
enum pn_exit pn_token_create(struct pn_cli *cli);
enum pn_exit pn_token_rotate(struct pn_cli *cli);

/* token_acts.c */
enum pn_exit pn_token_end_overlap(struct pn_cli *cli);
enum pn_exit pn_token_revoke(struct pn_cli *cli);
enum pn_exit pn_token_disable(struct pn_cli *cli);
enum pn_exit pn_token_enable(struct pn_cli *cli);

/* token_bulk.c */
enum pn_exit pn_token_bulk(struct pn_cli *cli);

#endif

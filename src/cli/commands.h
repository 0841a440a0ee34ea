/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands.  Help, typing aid and the manual are made from it.
 */
#ifndef PN_CLI_COMMANDS_H
#define PN_CLI_COMMANDS_H

#include "cli/cli.h"

/* One list per noun, in the order of the help page; ends with NULL. */
extern const struct pn_command *const pn_commands[];

extern const struct pn_command pn_up_commands[];
extern const struct pn_command pn_login_commands[];
extern const struct pn_command pn_token_commands[];
extern const struct pn_command pn_handover_commands[];
extern const struct pn_command pn_user_commands[];
extern const struct pn_command pn_group_commands[];
extern const struct pn_command pn_app_commands[];
extern const struct pn_command pn_policy_commands[];
extern const struct pn_command pn_explain_commands[];
extern const struct pn_command pn_audit_commands[];
extern const struct pn_command pn_usage_commands[];
extern const struct pn_command pn_import_commands[];
extern const struct pn_command pn_export_commands[];
extern const struct pn_command pn_index_commands[];
extern const struct pn_command pn_doctor_commands[];
extern const struct pn_command pn_help_commands[];

/* NULL when there is none; verb NULL for commands of one word. */
const struct pn_command *pn_command_find(const char *noun, const char *verb);

/* The list of a noun, or NULL. */
const struct pn_command *pn_command_noun(const char *noun);

/* The nearest name for a mistyped one, or NULL when nothing is near. */
const char *pn_nearest(const char *typed, const char *const *names,
                       size_t count);
const char *pn_nearest_noun(const char *typed);
const char *pn_nearest_verb(const char *noun, const char *typed);

/* "postern token create" */
const char *pn_command_title(const struct pn_command *command,
                             struct pn_arena *arena);

#endif

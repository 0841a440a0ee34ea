/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, and finding a row of it. */
#include "cli/commands.h"

#include <string.h>

const struct pn_command *const pn_commands[] = {
    pn_up_commands,
    pn_login_commands,
    pn_token_commands,
    pn_handover_commands,
    pn_user_commands,
    pn_group_commands,
    pn_app_commands,
    pn_policy_commands,
    pn_explain_commands,
    pn_audit_commands,
    pn_usage_commands,
    pn_import_commands,
    pn_export_commands,
    pn_index_commands,
    pn_doctor_commands,
    pn_help_commands,
    NULL,
};

enum { NAMES_MAX = 64, TYPO_MAX = 32 };

const struct pn_command *
pn_command_find(const char *noun, const char *verb)
{
    for (size_t i = 0; pn_commands[i] != NULL; i++) {
        const struct pn_command *row = pn_commands[i];

        for (; row->noun != NULL; row++) {
            if (strcmp(row->noun, noun) == 0
                && (row->verb == NULL
                        ? verb == NULL
                        : verb != NULL && strcmp(row->verb, verb) == 0))
            {
                return row;
            }
        }
    }
    return NULL;
}

const struct pn_command *
pn_command_noun(const char *noun)
{
    for (size_t i = 0; pn_commands[i] != NULL; i++) {
        const struct pn_command *row = pn_commands[i];

        for (; row->noun != NULL; row++) {
            if (strcmp(row->noun, noun) == 0) {
                return row;
            }
        }
    }
    return NULL;
}

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;

    return least < c ? least : c;
}

/* Edits (insert, delete, replace, swap neighbours) between two words. */
static unsigned
distance(const char *a, const char *b)
{
    unsigned row[3][TYPO_MAX + 1];
    size_t la = strlen(a), lb = strlen(b);

    if (la > TYPO_MAX || lb > TYPO_MAX) {
        return TYPO_MAX;
    }
    for (unsigned j = 0; j <= lb; j++) {
        row[0][j] = j;
    }
    for (unsigned i = 1; i <= la; i++) {
        unsigned *now = row[i % 3], *before = row[(i + 2) % 3];
        const unsigned *earlier = row[(i + 1) % 3];

        now[0] = i;
        for (unsigned j = 1; j <= lb; j++) {
            unsigned swap = before[j - 1] + (a[i - 1] != b[j - 1]);

            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]
                && earlier[j - 2] + 1 < swap)
            {
                swap = earlier[j - 2] + 1;
            }
            now[j] = min3(before[j] + 1, now[j - 1] + 1, swap);
        }
    }
    return row[la % 3][lb];
}

const char *
pn_nearest(const char *typed, const char *const *names, size_t count)
{
    const char *best = NULL;
    unsigned least = 3; /* at most two slips of the finger */

    for (size_t i = 0; i < count; i++) {
        unsigned d = distance(typed, names[i]);

        if (d < least && d < strlen(names[i])) {
            least = d;
            best = names[i];
        }
    }
    return best;
}

const char *
pn_nearest_noun(const char *typed)
{
    const char *names[NAMES_MAX];
    size_t count = 0;

    for (size_t i = 0; pn_commands[i] != NULL; i++) {
        const struct pn_command *row = pn_commands[i];

        for (; row->noun != NULL && count < NAMES_MAX; row++) {
            names[count++] = row->noun;
        }
    }
    return pn_nearest(typed, names, count);
}

const char *
pn_nearest_verb(const char *noun, const char *typed)
{
    const struct pn_command *row = pn_command_noun(noun);
    const char *names[NAMES_MAX];
    size_t count = 0;

    for (; row != NULL && row->noun != NULL && count < NAMES_MAX; row++) {
        if (row->verb != NULL && strcmp(row->noun, noun) == 0) {
            names[count++] = row->verb;
        }
    }
    return pn_nearest(typed, names, count);
}

const char *
pn_command_title(const struct pn_command *command, struct pn_arena *arena)
{
    const char *title = pn_arena_printf(arena, "postern %s%s%s", command->noun,
                                        command->verb ? " " : "",
                                        command->verb ? command->verb : "");

    return title != NULL ? title : "postern";
}

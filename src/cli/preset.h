/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of well-known applications: the app document to begin with,
 * and what the application itself must be told.
 */
#ifndef PN_CLI_PRESET_H
#define PN_CLI_PRESET_H

#include "base/arena.h"
#include "base/json.h"

struct pn_preset {
    const char *name;
    const char *app;    /* JSON, without name and url */
    const char *advice; /* lines for the person who sets it up */
};

/* NULL when there is none of that name. */
const struct pn_preset *pn_preset_find(const char *name);

/* "generic, jira, …" */
const char *pn_preset_names(struct pn_arena *arena);

/* Its document, the arena's; NULL when out of memory. */
json_t *pn_preset_app(const struct pn_preset *preset, struct pn_arena *arena);

#endif

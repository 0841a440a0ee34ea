/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings for well-known applications, so that nobody starts from nothing.
 */
#ifndef PN_DAEMON_MODEL_PRESETS_H
#define PN_DAEMON_MODEL_PRESETS_H

#include "base/arena.h"
#include "daemon/model/model.h"

/*
 * The app a preset describes, named like the preset, without id and url.
 * PN_E_NOT_FOUND for an unknown name, PN_E_NOMEM.
 */
PN_MUST_USE enum pn_err
pn_app_preset(struct pn_str name, struct pn_arena *arena, struct pn_app *out);

/* The names, ended by NULL: generic, jira, … */
const char *const *pn_app_preset_names(void);

#endif

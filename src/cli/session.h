/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session that "postern login" keeps: one, in a file of mode 0600.
 */
#ifndef PN_CLI_SESSION_H
#define PN_CLI_SESSION_H

#include "base/arena.h"
#include "base/defs.h"

struct pn_kept_session {
    const char *url;
    const char *username;
    const char *cookie; /* "name=value": a secret */
    const char *cacert; /* "" = none */
};

/* PN_E_NOT_FOUND; PN_E_PERMISSION when others may read the file. */
PN_MUST_USE enum pn_err pn_session_load(struct pn_arena *arena,
                                        struct pn_kept_session *out);
PN_MUST_USE enum pn_err pn_session_save(const struct pn_kept_session *session,
                                        struct pn_arena *arena);
void pn_session_forget(struct pn_arena *arena);

#endif

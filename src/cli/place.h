/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are on this machine: configuration, data, programs, and the
 * note that a running "postern up" leaves for the other commands.
 */
#ifndef PN_CLI_PLACE_H
#define PN_CLI_PLACE_H

#include "base/arena.h"
#include "base/defs.h"

#define PN_PLACE_ADMIN_SOCKET "/run/postern/admin.sock"

/* $XDG_CONFIG_HOME/postern/session; NULL when there is no home directory. */
const char *pn_place_session(struct pn_arena *arena);

/* Where "postern up" keeps its data unless told: /var/lib/postern-up for root,
 * else $XDG_DATA_HOME/postern-up; NULL when there is no home directory. */
const char *pn_place_data(struct pn_arena *arena);

/* The note's place: $XDG_RUNTIME_DIR/postern/up.json, for root
 * /run/postern/up.json, else NULL. */
const char *pn_place_note(struct pn_arena *arena);

/* What the note says. */
struct pn_note {
    long pid;
    const char *data; /* directory */
    const char *url;  /* where people go: "http://127.0.0.1:8080" */
    const char *admin_socket;
    const char *cacert; /* "" = none */
};

/* The note of a "postern up" that still runs: the one in pn_place_note(), else
 * run.json in pn_place_data().  PN_E_NOT_FOUND. */
PN_MUST_USE enum pn_err pn_note_find(struct pn_arena *arena,
                                     struct pn_note *out);

/* Writes, as far as possible, the note, and last data/run.json. PN_E_IO. */
PN_MUST_USE enum pn_err pn_note_put(const struct pn_note *note,
                                    struct pn_arena *arena);

/* Takes both away again, unless another process has replaced them. */
void pn_note_remove(const struct pn_note *note, struct pn_arena *arena);

/* Programs that "postern up" starts; NULL when they are not there. */
const char *pn_place_posternd(struct pn_arena *arena);
const char *pn_place_module(struct pn_arena *arena);
const char *pn_place_nginx(struct pn_arena *arena);

/* An environment variable that is set and not empty, or NULL. */
const char *pn_env(const char *name);

#endif

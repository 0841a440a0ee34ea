/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small installation in a directory of its own: real SQLite, real LMDB.
 *
 * Policy: everyone may make tokens, for at most 90 days.  Users: ada (admin),
 * gil (admin through group "admins"), carol (auditor), alice, bob, sleepy (not
 * active).  Applications: wiki, and vault, for group "keepers" (bob).
 * Failures of the set-up end the test.
 */
#ifndef PN_TESTS_WORLD_H
#define PN_TESTS_WORLD_H

#include "daemon/ops/ops.h"

struct world {
    char dir[64];
    char url[96], index[96];
    struct pn_ops *ops;
    struct pn_arena *arena; /* of everything the test is told */
    struct pn_fault fault;  /* of the last refusal */
};

void world_new(struct world *w);
void world_free(struct world *w);
void world_stop(struct world *w);
void world_start(struct world *w); /* after world_stop(): the same files */

extern const struct pn_caller world_local;

/* Signed in this moment. */
struct pn_caller world_session(struct world *w, const char *username);

/* 0, or the status of the refusal; w->fault has the rest. */
unsigned world_do(struct world *w, const struct pn_caller *caller,
                  struct pn_change *change);

/* Each with a JSON document as a client would send it. */
unsigned world_token_create(struct world *w, const struct pn_caller *caller,
                            const char *json, struct pn_token **token,
                            struct pn_secret *secret);
unsigned world_token_edit(struct world *w, const struct pn_caller *caller,
                          uint64_t id, const char *json);
unsigned world_token_act(struct world *w, const struct pn_caller *caller,
                         enum pn_act act, uint64_t id);
unsigned world_user_create(struct world *w, const struct pn_caller *caller,
                           const char *json);
unsigned world_user_edit(struct world *w, const struct pn_caller *caller,
                         const char *username, const char *json);
unsigned world_app_create(struct world *w, const struct pn_caller *caller,
                          const char *json);
unsigned world_group_create(struct world *w, const struct pn_caller *caller,
                            const char *name);
/* Members of json replace those of the present policy. */
unsigned world_policy(struct world *w, const struct pn_caller *caller,
                      const char *json);

/* A live token of this user, made now. */
struct pn_token *world_token_of(struct world *w, const char *username,
                                struct pn_secret *secret);
/* The caller behind "Bearer secret"; its status, 0 = accepted. */
unsigned world_bearer(struct world *w, const struct pn_secret *secret,
                      struct pn_caller *caller);

/* What the gate answers for this secret on wiki, by the index. */
enum pn_reason world_gate(struct world *w, const struct pn_secret *secret);

/* The audit chain is whole; how many events. */
uint64_t world_audit(struct world *w);

#endif

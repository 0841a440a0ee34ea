/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small installation in a directory of its own: real SQLite, real LMDB.
 *
 * Policy: everyone may make tokens, for at most 90 days.  Users: ada (admin),
 * gil (admin through group "admins"), carol (auditor), alice, bob, sleepy (not
 * active).  Applications: wiki, and vault, for group "keepers" (bob).
 * Failures of the set-up end the test.
 */
#ifndef PN_TESTS_SITE_H
#define PN_TESTS_SITE_H

#include "daemon/ops/audit.h"
#include "database.h"

struct site {
    char dir[64];
    struct database db;
    char index[96];
    struct pn_ops *ops;
    struct pn_arena *arena; /* of everything the test is told */
    struct pn_fault fault;  /* of the last refusal */
};

void site_new(struct site *w);
/* Whatever the test did, the index must hold what the store says. */
void site_free(struct site *w);
void site_stop(struct site *w);
void site_start(struct site *w); /* after site_stop(): the same files */

extern const struct pn_caller site_local;

/* Signed in this moment. */
struct pn_caller site_session(struct site *w, const char *username);

/* 0, or the status of the refusal; w->fault has the rest. */
unsigned site_do(struct site *w, const struct pn_caller *caller,
                 struct pn_change *change);

/* Each with a JSON document as a client would send it. */
unsigned site_token_create(struct site *w, const struct pn_caller *caller,
                           const char *json, struct pn_token **token,
                           struct pn_secret *secret);
unsigned site_token_edit(struct site *w, const struct pn_caller *caller,
                         uint64_t id, const char *json);
unsigned site_token_rotate(struct site *w, const struct pn_caller *caller,
                           uint64_t id, const char *json,
                           struct pn_token **token, struct pn_secret *secret);
unsigned site_token_act(struct site *w, const struct pn_caller *caller,
                        enum pn_act act, uint64_t id);
unsigned site_user_create(struct site *w, const struct pn_caller *caller,
                          const char *json);
unsigned site_user_edit(struct site *w, const struct pn_caller *caller,
                        const char *username, const char *json);
unsigned site_app_create(struct site *w, const struct pn_caller *caller,
                         const char *json);
unsigned site_group_create(struct site *w, const struct pn_caller *caller,
                           const char *name);
/* Members of json replace those of the present policy. */
unsigned site_policy(struct site *w, const struct pn_caller *caller,
                     const char *json);

/* A live token of this user, made now. */
struct pn_token *site_token_of(struct site *w, const char *username,
                               struct pn_secret *secret);
/* The caller behind "Bearer secret"; its status, 0 = accepted. */
unsigned site_bearer(struct site *w, const struct pn_secret *secret,
                     struct pn_caller *caller);

/* What the gate answers for this secret on wiki, by the index. */
enum pn_reason site_gate(struct site *w, const struct pn_secret *secret);

/* The index holds what the store says (publish/compare.h), and readers get each
 * token as it is; how many. */
size_t site_compare(struct site *w);

/* The audit chain is whole; how many events. */
uint64_t site_audit(struct site *w);

#endif

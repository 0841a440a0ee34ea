/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-ups and core's decision in one call, for every caller that holds an
 * index: the nginx module and forward-auth.
 *
 * The gate compiles app and policy records once per version; decisions are
 * never cached.  One gate per process; not for two threads at once.
 */
#ifndef PN_INDEX_GATE_H
#define PN_INDEX_GATE_H

#include "core/decision.h"
#include "index/index.h"

struct pn_gate;

PN_MUST_USE enum pn_err pn_gate_new(const char *index_dir,
                                    struct pn_gate **out);
void pn_gate_free(struct pn_gate *gate);

/*
 * Start of a decision; what it hands out is valid until pn_gate_end(), which is
 * called also after an error.  The error is pn_index_begin()'s, and
 * pn_gate_why() says it in words.
 */
PN_MUST_USE enum pn_err pn_gate_begin(struct pn_gate *gate, int64_t now);
void pn_gate_end(struct pn_gate *gate);
const char *pn_gate_why(const struct pn_gate *gate);

/*
 * True when pn_gate_begin() would compile nothing anew: what was learned of the
 * policy still holds.  Much cheaper, but it opens nothing: first begin.
 */
bool pn_gate_is_fresh(const struct pn_gate *gate, int64_t now);

/* NULL: no such app. */
const struct pn_app_record *pn_gate_app(struct pn_gate *gate,
                                        struct pn_str name);

/* The compiled policy; never NULL between begin and end. */
const struct pn_policy_record *pn_gate_policy(struct pn_gate *gate);

/* Another number whenever apps and policy are compiled anew, never 0: what a
 * caller derived from them is then out of date. */
uint64_t pn_gate_compilation(const struct pn_gate *gate);

/* Whom an allowed request is for.  Borrowed until pn_gate_end(). */
struct pn_identity {
    struct pn_owner_record owner;
    uint64_t token_id;
};

/*
 * Decide.  app may be NULL (row 0).  identity is written when the decision has
 * a token_id and the owner's record was read.
 */
void pn_gate_decide(struct pn_gate *gate, const struct pn_app_record *app,
                    const struct pn_request *request,
                    const struct pn_credential *credential,
                    const struct pn_counters *counters, struct pn_decision *out,
                    struct pn_identity *identity);

/* For log variables; PN_E_NOT_FOUND. */
PN_MUST_USE enum pn_err
pn_gate_token_name(struct pn_gate *gate, uint64_t token_id, struct pn_str *out);

#endif

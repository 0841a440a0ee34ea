/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a token may look like under the present policy: shared by making and
 * editing.  All answer "may go on", with the fault in the task.
 */
#ifndef PN_DAEMON_OPS_TOKEN_RULES_H
#define PN_DAEMON_OPS_TOKEN_RULES_H

#include "daemon/ops/inside.h"

enum { PN_TOKEN_CHECK_ALL = 0x3ff };

/* What the policy makes of members that were not given. */
void pn_token_defaults(const struct pn_task *task, uint32_t given,
                       struct pn_token *token);
/* The end of a secret that is made now. */
PN_MUST_USE bool pn_token_lifetime(struct pn_task *task,
                                   const struct pn_allowance *allowance,
                                   const struct pn_lifetime *wanted,
                                   struct pn_token *token);
/* The new end of an old token.  Sooner is free; later counts from the making
 * of its secret and needs the owner's allowance. */
PN_MUST_USE bool pn_token_next_lifetime(struct pn_task *task,
                                        const struct pn_allowance *allowance,
                                        struct pn_token *token);

/* The person may make secrets; making more tokens is another matter. */
PN_MUST_USE bool pn_token_may_make(struct pn_task *task,
                                   const struct pn_allowance *allowance);
/* A new secret: its text into change->secret, the rest into *out. */
PN_MUST_USE bool pn_token_new_secret(struct pn_task *task,
                                     struct pn_token_secret *out);
/* Neither revoked nor expired: only such a token can be changed. */
PN_MUST_USE bool pn_token_is_live(struct pn_task *task);

/* Check the members in fields (enum pn_token_field) against the policy, the
 * apps and the owner's role. */
PN_MUST_USE bool pn_token_check(struct pn_task *task,
                                const struct pn_token *token,
                                const struct pn_user *owner, uint32_t fields);

/* old with the members that are given, but for the lifetime. */
struct pn_token pn_token_merged(const struct pn_token *old,
                                const struct pn_token_wish *wish);

/* Of patterns that core has parsed: the first that is not within the limit's,
 * or how many there are. */
uint16_t pn_paths_outside(const struct pn_text_list *paths,
                          const struct pn_text_list *limit);

/* Fill change->token with state; note before and after for the audit. */
PN_MUST_USE bool pn_token_changed(struct pn_task *task,
                                  const struct pn_token *before,
                                  const struct pn_token *after);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model objects as the bytes that the index holds for them (core/record.h).
 *
 * The publisher writes these; explain and sign-in by token decode them again
 * and hand them to core, so that all of them decide on the same records.
 * Group and app names are resolved to ids through the store; a name that does
 * not exist resolves to nothing and never widens anything.
 * Bytes are appended to out; PN_E_TOO_LONG when it is full, else the store's
 * errors.
 */
#ifndef PN_DAEMON_PUBLISH_RECORDS_H
#define PN_DAEMON_PUBLISH_RECORDS_H

#include "base/buf.h"
#include "daemon/store/store.h"

/* rules: what pn_record_of_rules() appended. */
PN_MUST_USE enum pn_err pn_record_of_token(const struct pn_token *token,
                                           const struct pn_token_secret *secret,
                                           struct pn_str rules,
                                           struct pn_buf *out);
/* Appends nothing when the token has no rules of its own. */
PN_MUST_USE enum pn_err pn_record_of_rules(struct pn_store *store,
                                           const struct pn_token *token,
                                           struct pn_arena *arena,
                                           struct pn_buf *out);
/* policy's admin_groups count for PN_OWNER_ADMIN. */
PN_MUST_USE enum pn_err pn_record_of_owner(const struct pn_user *user,
                                           const struct pn_policy *policy,
                                           struct pn_arena *arena,
                                           struct pn_buf *out);
/* The rules as core judges them, in the arena. */
PN_MUST_USE enum pn_err pn_rules_of_ip(const struct pn_ip_policy *ip,
                                       struct pn_arena *arena,
                                       struct pn_iprules *out);
PN_MUST_USE enum pn_err pn_record_of_app(struct pn_store *store,
                                         const struct pn_app *app,
                                         struct pn_arena *arena,
                                         struct pn_buf *out);
PN_MUST_USE enum pn_err pn_record_of_policy(struct pn_store *store,
                                            const struct pn_policy *policy,
                                            struct pn_arena *arena,
                                            struct pn_buf *out);

#endif

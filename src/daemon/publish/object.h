/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One object of the store as the index has it: its present state is read and
 * handed on by key, or its absence where there is none any more.  The publisher
 * writes what it is handed, the comparison (publish/compare.h) looks whether it
 * is there; so there is one place that says what the index holds.  An error is
 * the store's or the sink's.  Not for two threads at once.
 */
#ifndef PN_DAEMON_PUBLISH_OBJECT_H
#define PN_DAEMON_PUBLISH_OBJECT_H

#include "core/record.h"
#include "daemon/store/store.h"
#include "index/key.h"

/* Takes what the index holds under this key; ptr NULL = nothing. */
typedef enum pn_err pn_publish_sink_fn(void *arg,
                                       const struct pn_index_key *key,
                                       struct pn_str record);

/* What every object of one run is judged by, and room for its record. */
struct pn_publication {
    struct pn_store *store;
    pn_publish_sink_fn *sink;
    void *sink_arg;
    struct pn_policy policy;
    int64_t now;
    char record[PN_RECORD_MAX];
    char rules[PN_RECORD_MAX]; /* of a token, which its record ends in */
};

/* arena is the object's own: what is read into it may be forgotten after. */
typedef enum pn_err pn_publish_fn(struct pn_publication *p, uint64_t id,
                                  struct pn_arena *arena);

PN_MUST_USE enum pn_err pn_publish_token(struct pn_publication *p, uint64_t id,
                                         struct pn_arena *arena);
/* Halves of a token, for whoever publishes all of them sorted: its name, and
 * the record of one secret.  One that ended long ago is left out. */
PN_MUST_USE enum pn_err pn_publish_token_name(struct pn_publication *p,
                                              uint64_t id,
                                              struct pn_arena *arena);
PN_MUST_USE enum pn_err pn_publish_secret(struct pn_publication *p,
                                          uint64_t token_id,
                                          const struct pn_token_secret *secret,
                                          struct pn_arena *arena);
/* The same of a token that was read already. */
PN_MUST_USE enum pn_err pn_publish_name_of(struct pn_publication *p,
                                           const struct pn_token *token);
PN_MUST_USE enum pn_err
pn_publish_secret_of(struct pn_publication *p, const struct pn_token *token,
                     const struct pn_token_secret *secret,
                     struct pn_arena *arena);
PN_MUST_USE enum pn_err pn_publish_owner(struct pn_publication *p, uint64_t id,
                                         struct pn_arena *arena);
PN_MUST_USE enum pn_err pn_publish_app(struct pn_publication *p, uint64_t id,
                                       struct pn_arena *arena);
/* Did the token end so long ago that the index need not know it any more?  One
 * that was there stays until the index is made anew. */
bool pn_publish_is_forgotten(const struct pn_publication *p,
                             const struct pn_token *token);
/* A name that an app had: whoever has it now, or nobody.  "" is no name. */
PN_MUST_USE enum pn_err pn_publish_app_name(struct pn_publication *p,
                                            struct pn_str name,
                                            struct pn_arena *arena);
/* There is one policy; id says nothing. */
PN_MUST_USE enum pn_err pn_publish_policy(struct pn_publication *p, uint64_t id,
                                          struct pn_arena *arena);

#endif

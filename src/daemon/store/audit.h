/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit: events in a chain of hashes (docs/formats/audit.md).
 *
 * Events are added, and that is all, but for two acts that are events
 * themselves: the oldest are removed (pn_store_audit_trim), and what names a
 * person is erased (pn_store_audit_erase).  Both leave a chain that verifies.
 */
#ifndef PN_DAEMON_STORE_AUDIT_H
#define PN_DAEMON_STORE_AUDIT_H

#include "daemon/store/store.h"

enum {
    PN_AUDIT_SCAN_MAX = 50000, /* events looked at for one page */
    PN_AUDIT_ERASE_MAX = 1000, /* events that one act of erasing touches */
    PN_AUDIT_TRIM_MAX = 10000, /* events that one act of removing takes */
    PN_AUDIT_NAMES_MAX = 32,   /* names one person had */
};

/* The caller's transaction; position, salts and hash are made here.  The head
 * of the chain is kept in memory until pn_store_commit() writes it. */
PN_MUST_USE enum pn_err pn_store_audit_add(struct pn_store *store,
                                           const struct pn_audit_event *event);

/* --- reading ------------------------------------------------------------- */

/* NULL, 0 = any.  Names are compared without regard to ASCII case. */
struct pn_audit_filter {
    const char *actor;
    const char *action; /* "token.create", or "token" for all of them */
    const char *subject;
    const char *address;
    const char *request_id;
    int64_t since, until; /* since <= at < until */
};

struct pn_audit_query {
    struct pn_audit_filter filter;
    enum { PN_AUDIT_OLDEST_FIRST = 0, PN_AUDIT_NEWEST_FIRST } order;
    struct pn_page page;
};

/* A page may hold fewer items than limit and still have a next one: after
 * PN_AUDIT_SCAN_MAX events it ends. */
PN_MUST_USE enum pn_err pn_store_audit(struct pn_store *store,
                                       const struct pn_audit_query *query,
                                       struct pn_arena *arena,
                                       struct pn_audit_list *out);

/* One event; PN_E_NOT_FOUND. */
PN_MUST_USE enum pn_err pn_store_audit_event(struct pn_store *store,
                                             uint64_t position,
                                             struct pn_arena *arena,
                                             struct pn_audit_event *out);

/* The newest event; position 0 = none yet. */
PN_MUST_USE enum pn_err pn_store_audit_head(struct pn_store *store,
                                            struct pn_audit_mark *out);

/* --- verifying ----------------------------------------------------------- */

/* One snapshot a call.  PN_OK also when something is wrong: see check->bad. */
PN_MUST_USE enum pn_err pn_store_audit_verify(struct pn_store *store,
                                              struct pn_audit_check *check);

/* --- the two acts that take away ----------------------------------------- */

/* What of the oldest events may go: up to PN_AUDIT_TRIM_MAX that are older
 * than before and not above up_to.  count 0 = nothing. */
struct pn_audit_trim {
    struct pn_audit_mark last; /* the last event that goes */
    uint64_t count;
};
PN_MUST_USE enum pn_err pn_store_audit_trim_find(struct pn_store *store,
                                                 int64_t before, uint64_t up_to,
                                                 struct pn_audit_trim *out);
/* Remove them.  The event that says so is the next one to be added. */
PN_MUST_USE enum pn_err pn_store_audit_trim(struct pn_store *store,
                                            const struct pn_audit_trim *trim);

/* Parts of an event that name somebody. */
enum {
    PN_AUDIT_WHO = 1 << 0,  /* actor and address */
    PN_AUDIT_WHOM = 1 << 1, /* subject */
    PN_AUDIT_WHAT = 1 << 2, /* the personal members of detail */
};
struct pn_audit_hit {
    uint64_t position;
    uint8_t parts;
};
struct pn_audit_person {
    char *name[PN_AUDIT_NAMES_MAX]; /* the present one first */
    size_t count;
};

/* Add the names the person had before, as far as events of renaming say. */
PN_MUST_USE enum pn_err pn_store_audit_names(struct pn_store *store,
                                             struct pn_arena *arena,
                                             struct pn_audit_person *person);
/* Events above *after that name the person, at most PN_AUDIT_ERASE_MAX of
 * them; *after moves on.  *count 0 = no more. */
PN_MUST_USE enum pn_err
pn_store_audit_find(struct pn_store *store,
                    const struct pn_audit_person *person, uint64_t *after,
                    struct pn_audit_hit hit[PN_AUDIT_ERASE_MAX], size_t *count);
/* Put the pseudonym in their place.  The event that says so, with that
 * pseudonym as its subject, is the next one to be added. */
PN_MUST_USE enum pn_err pn_store_audit_erase(struct pn_store *store,
                                             const struct pn_audit_hit *hit,
                                             size_t count,
                                             const char *pseudonym);
/* The same in what tokens and policies of former people say. */
PN_MUST_USE enum pn_err
pn_store_person_erase(struct pn_store *store,
                      const struct pn_audit_person *person,
                      const char *pseudonym);

/* After the commit: nothing of it is left in the database's files. */
PN_MUST_USE enum pn_err pn_store_settle(struct pn_store *store);

/* --- forwarding ---------------------------------------------------------- */

/* How far a receiver of events has got; PN_E_NOT_FOUND for one not known yet.
 */
PN_MUST_USE enum pn_err pn_store_audit_sink(struct pn_store *store,
                                            const char *name, uint64_t *out);
PN_MUST_USE enum pn_err pn_store_audit_sink_put(struct pn_store *store,
                                                const char *name,
                                                uint64_t position);

/*
 * Be the one of all nodes that sends to this receiver, for as long as this
 * connection lives; PN_E_BUSY: another one is.  To be asked again before each
 * step, since a connection that breaks is made anew.
 */
PN_MUST_USE enum pn_err pn_store_audit_lead(struct pn_store *store,
                                            const char *name);

#endif

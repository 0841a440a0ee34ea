/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hashes of docs/formats/audit.md, and rows as the chain sees them.
 * Nothing outside this folder includes it.
 */
#ifndef PN_DAEMON_STORE_CHAIN_H
#define PN_DAEMON_STORE_CHAIN_H

#include "daemon/store/audit.h"
#include "daemon/store/internal.h"

enum {
    PN_CHAIN_PARTS = 3, /* who, whom, what */
    PN_CHAIN_SALT_LEN = 16,
    PN_CHAIN_SALTS_LEN = PN_CHAIN_PARTS * PN_CHAIN_SALT_LEN,
    PN_CHAIN_SEALS_LEN = PN_CHAIN_PARTS * PN_HASH_LEN,
};

#define PN_ACTION_TRIM    "audit.trim"
#define PN_ACTION_ERASE   "audit.erase"
#define PN_ACTION_UPGRADE "audit.upgrade"

/* The columns in the order that pn_chain_row_read() wants them. */
#define PN_CHAIN_COLUMNS                                                       \
    "position, at, actor, actor_kind, action, subject, detail, personal,"      \
    " address, request_id, salts, seals, erased_who, erased_whom,"             \
    " erased_what, hash, old_hash"

/* One row; texts are borrowed from the statement. */
struct pn_chain_row {
    uint64_t position;
    int64_t at;
    struct pn_str actor, actor_kind, action, subject;
    struct pn_str detail, personal, address, request_id;
    struct pn_str salts, seals;      /* seals: empty while all is in clear */
    uint64_t erased[PN_CHAIN_PARTS]; /* by the event at this position; or 0 */
    struct pn_hash hash;
    bool has_old;
    struct pn_hash old_hash; /* of the first version of the chain */
};

/* PN_E_DAMAGED when a blob has another length. */
PN_MUST_USE enum pn_err pn_chain_row_read(struct pn_stmt *q,
                                          struct pn_chain_row *out);

/* The digest of one part (0 to 2) over its salt and clear text. */
PN_MUST_USE enum pn_err pn_chain_seal(const struct pn_chain_row *row,
                                      unsigned part, struct pn_hash *out);
/* The hash of a row behind another; parts that are erased count by seals. */
PN_MUST_USE enum pn_err pn_chain_hash(const struct pn_hash *before,
                                      const struct pn_chain_row *row,
                                      struct pn_hash *out);
/* The same in the first version; personal then holds the whole detail. */
PN_MUST_USE enum pn_err pn_chain_old_hash(const struct pn_hash *before,
                                          const struct pn_chain_row *row,
                                          struct pn_hash *out);

/* The end of the chain: in memory inside a transaction, else as stored. */
PN_MUST_USE enum pn_err pn_chain_end(struct pn_store *store,
                                     struct pn_audit_mark *out);
/* Write it, if the transaction moved it. */
PN_MUST_USE enum pn_err pn_chain_flush(struct pn_store *store);

/* Where the events that are kept begin. */
struct pn_chain_anchor {
    struct pn_audit_mark last; /* the last event that was removed; 0 = none */
    bool has_old;
    struct pn_hash old_hash;
    uint64_t event; /* the position of the act that says so */
};
PN_MUST_USE enum pn_err pn_chain_anchor(struct pn_store *store,
                                        struct pn_chain_anchor *out);

/* Chain rows of the first version anew; inside the migration. */
PN_MUST_USE enum pn_err pn_chain_upgrade(struct pn_db *db);

#endif

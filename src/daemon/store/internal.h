/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share; nobody else includes it. */
#ifndef PN_DAEMON_STORE_INTERNAL_H
#define PN_DAEMON_STORE_INTERNAL_H

#include "base/json.h"
#include "daemon/store/db.h"
#include "daemon/store/store.h"

struct pn_kept_policy;

/* The end of the audit's chain, as the present transaction has it. */
struct pn_chain {
    bool known, moved; /* moved: feed_head is behind until the commit */
    uint64_t position;
    struct pn_hash hash;
};

struct pn_store {
    struct pn_db *db;
    bool in_snapshot;
    struct pn_kept_policy *policy; /* the last that was parsed, or NULL */
    struct pn_chain chain, chain_at_savepoint;
};

/* policy_kept.c.  Keep a policy that was parsed into an arena of its own,
 * which then belongs to the store (on failure too). */
PN_MUST_USE enum pn_err pn_policy_keep(struct pn_store *store,
                                       struct pn_arena *arena,
                                       const struct pn_policy *policy);
bool pn_policy_is_kept(const struct pn_store *store, uint64_t version);
/* The one that is kept, as long as the borrower's arena lives. */
PN_MUST_USE enum pn_err pn_policy_lend(struct pn_store *store,
                                       struct pn_arena *arena,
                                       struct pn_policy *out);
/* After a rollback: its version may be given to another one. */
void pn_policy_forget(struct pn_store *store);

/* The present row of a statement, copied into an arena; lack of memory is noted
 * and asked for once. */
struct pn_row {
    struct pn_stmt *q;
    struct pn_arena *arena;
    bool no_memory;
};
char *pn_row_text(struct pn_row *row, int column); /* NULL only without memory
                                                    */
char *pn_row_text_or_null(struct pn_row *row, int column);
/* PN_E_DAMAGED, noted as PN_E_STORE, when it is not PN_HASH_LEN long. */
PN_MUST_USE enum pn_err pn_row_hash(struct pn_row *row, int column,
                                    struct pn_hash *out);

/* PN_OK for an UPDATE or DELETE that found its row, else PN_E_NOT_FOUND. */
PN_MUST_USE enum pn_err pn_run_on_row(struct pn_store *store,
                                      struct pn_stmt *q);

/* One number from a query whose parameters are bound. */
PN_MUST_USE enum pn_err pn_run_for_int(struct pn_stmt *q, int64_t *out);

/* Grow an arena array to hold one more than count; NULL without memory. */
void *pn_grown(struct pn_arena *arena, void *items, size_t count,
               size_t item_size);

/* Custodians of a service account; nothing for a person. */
PN_MUST_USE enum pn_err pn_custodians_load(struct pn_store *store,
                                           struct pn_arena *arena,
                                           struct pn_user *user);
PN_MUST_USE enum pn_err pn_custodians_put(struct pn_store *store,
                                          const struct pn_user *user);

/* Cursors: hexadecimal of the last item's sort key.  An empty text is the
 * first page; PN_E_SYNTAX for anything we did not write. */
PN_MUST_USE enum pn_err pn_cursor_text(const struct pn_page *page,
                                       struct pn_arena *arena,
                                       struct pn_str *out);
PN_MUST_USE enum pn_err pn_cursor_number(const struct pn_page *page,
                                         int64_t first, int64_t *out);
char *pn_cursor_of_text(const char *key, struct pn_arena *arena);
char *pn_cursor_of_number(uint64_t number, struct pn_arena *arena);

/* 1..PN_LIST_MAX, whatever was asked. */
uint16_t pn_page_limit(const struct pn_page *page);

/* How the rows of a noun become the items of a page. */
struct pn_page_noun {
    size_t size; /* of one item */
    enum pn_err (*read)(struct pn_stmt *q, struct pn_arena *arena, void *out);
    char *(*cursor)(const void *last, struct pn_arena *arena);
};
struct pn_page_items {
    void *item; /* in the arena */
    uint16_t count;
    char *next; /* cursor; "" = the last page */
};
/* The first rows of q, whose parameters are bound and whose LIMIT is one row
 * more than the page: if there is that one, then there is a next page. */
PN_MUST_USE enum pn_err pn_page_read(struct pn_stmt *q,
                                     const struct pn_page *page,
                                     const struct pn_page_noun *noun,
                                     struct pn_arena *arena,
                                     struct pn_page_items *out);
/* The same, after binding: $1 the cursor's text, $2 the LIMIT. */
PN_MUST_USE enum pn_err pn_page_by_text(struct pn_stmt *q,
                                        const struct pn_page *page,
                                        const struct pn_page_noun *noun,
                                        struct pn_arena *arena,
                                        struct pn_page_items *out);

/* ASCII letters in lower case, in the arena; NULL without memory. */
char *pn_folded(struct pn_str text, struct pn_arena *arena);

/* Version 1 of the policy is the default, which no row holds. */
enum { PN_POLICY_DEFAULT_VERSION = 1 };
/* A stored document; PN_E_DAMAGED when it is none. */
PN_MUST_USE enum pn_err pn_policy_parse(uint64_t version, struct pn_str text,
                                        struct pn_arena *arena,
                                        struct pn_policy *out);

/* Compact JSON in the arena; NULL without memory or without doc. */
char *pn_json_text(const json_t *doc, struct pn_arena *arena);

#endif

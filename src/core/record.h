/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of the index, as structs and as bytes.
 *
 * Byte-exact page: docs/formats/index.md.  Decoding borrows from the bytes,
 * allocates nothing, and never trusts them: PN_E_DAMAGED for anything that the
 * encoder would not have written (only the syntax of a token's own patterns is
 * left to the checksum; matching them is safe whatever they are).  Encoders
 * append to a capped buffer and report PN_E_TOO_LONG, or PN_E_RANGE for a value
 * that no record may hold (control bytes in a name, ids out of order, an
 * unknown choice).
 */
#ifndef PN_CORE_RECORD_H
#define PN_CORE_RECORD_H

#include "base/buf.h"
#include "base/defs.h"
#include "core/hash.h"
#include "core/iprange.h"
#include "core/pathpat.h"
#include "core/token.h"

enum {
    PN_RECORD_TOKEN_LEN = 72, /* without the token's rules */
    PN_RECORD_MAX = 60000,
    PN_GROUPS_MAX = 512, /* groups of one owner; groups named by one rule */
    PN_APPS_MAX = 256,
    PN_GRANTS_MAX = 64,
    PN_RECORD_NAME_MAX = 1024, /* bytes of an e-mail, a display or app name */
    PN_RECORD_HEADER_MAX = 64, /* bytes of an identity header's name */
};

enum pn_access { PN_ACCESS_READ_ONLY = 0, PN_ACCESS_READ_WRITE };

/* What somebody did to the token; states that follow from time or policy are
 * derived by the decision. */
enum pn_token_flag {
    PN_TOKEN_REVOKED = 1 << 0,
    PN_TOKEN_DISABLED = 1 << 1,
    PN_TOKEN_SUPERSEDED = 1 << 2, /* this secret was replaced, overlap cut */
    PN_TOKEN_MANAGES = 1 << 3,    /* has management scopes */
};

/* Instants are Unix seconds; 0 = none.  Intervals are half-open: a token is
 * expired from expires_at on. */
struct pn_token_record {
    uint8_t hash_rest[PN_HASH_LEN - PN_HASH_KEY_LEN];
    uint64_t token_id;
    uint64_t owner_id;
    int64_t not_before;
    int64_t expires_at;     /* the earlier of the token's and the policy's */
    int64_t secret_ends_at; /* end of this secret's overlap */
    enum pn_access access;
    uint8_t flags; /* enum pn_token_flag */
    /* pn_rules_record_encode()'s bytes, which follow the record; empty = the
     * token has no rules of its own. */
    struct pn_str rules;
};

PN_MUST_USE enum pn_err
pn_token_record_encode(const struct pn_token_record *rec, struct pn_buf *out);
PN_MUST_USE enum pn_err pn_token_record_decode(struct pn_str bytes,
                                               struct pn_token_record *out);

/* Ids as stored: count little-endian u64, unaligned, ascending. */
struct pn_ids {
    const uint8_t *bytes;
    uint16_t count;
};

bool pn_ids_has(struct pn_ids ids, uint64_t id);
/* True if the two ascending lists share an id. */
bool pn_ids_meet(struct pn_ids a, struct pn_ids b);

enum pn_owner_flag { PN_OWNER_ACTIVE = 1 << 0, PN_OWNER_ADMIN = 1 << 1 };

struct pn_owner_record {
    uint64_t owner_id;
    uint8_t flags; /* enum pn_owner_flag */
    struct pn_str username;
    struct pn_str email;        /* empty = none */
    struct pn_str display_name; /* empty = none */
    struct pn_ids groups;
    struct pn_str group_names; /* "a,b": the value of the groups header */
};

PN_MUST_USE enum pn_err
pn_owner_record_encode(const struct pn_owner_record *rec, struct pn_buf *out);
PN_MUST_USE enum pn_err pn_owner_record_decode(struct pn_str bytes,
                                               struct pn_owner_record *out);

/* What one token adds to policy.  Patterns are u16-length-prefixed texts. */
struct pn_rules_record {
    bool has_apps, has_ip, has_paths; /* absent = no restriction */
    struct pn_ids apps;
    struct pn_iprules ip;
    struct pn_str paths; /* path_count encoded patterns */
    uint16_t path_count;
    uint32_t rate_requests; /* 0 = no limit */
    uint32_t rate_seconds;
};

PN_MUST_USE enum pn_err
pn_rules_record_encode(const struct pn_rules_record *rec,
                       const struct pn_str *paths, struct pn_buf *out);
PN_MUST_USE enum pn_err pn_rules_record_decode(struct pn_str bytes,
                                               struct pn_rules_record *out);

enum pn_foreign { PN_FOREIGN_FORWARD = 0, PN_FOREIGN_REPORT, PN_FOREIGN_BLOCK };
enum pn_challenge {
    PN_CHALLENGE_AUTO = 0,
    PN_CHALLENGE_ALWAYS,
    PN_CHALLENGE_NEVER
};
enum pn_ip_report { PN_IP_ENFORCE = 0, PN_IP_REPORT };
enum pn_cookies { PN_COOKIES_STRIP = 0, PN_COOKIES_KEEP };
enum pn_user_value { PN_USER_VALUE_USERNAME = 0, PN_USER_VALUE_EMAIL };

/* A protected application, compiled: lists are arrays the decoder's caller
 * gave (see pn_app_record_decode). */
struct pn_app_record {
    uint64_t app_id;
    struct pn_str name;
    struct pn_str context_path; /* "" or "/jira" */
    enum pn_foreign passwords;
    enum pn_foreign foreign_bearer;
    uint16_t block_status; /* 403 or 401 for a blocked password or bearer */
    enum pn_challenge challenge;
    enum pn_cookies cookies;
    enum pn_slash_literal {
        PN_APP_SLASH_REFUSED = 0,
        PN_APP_SLASH_ALLOWED
    } encoded_slash;
    enum pn_user_value user_value;
    bool keep_authorization;
    bool has_ip, has_groups; /* absent = no restriction */
    enum pn_ip_report ip_report;
    struct pn_iprules ip;
    struct pn_ids groups;
    const struct pn_pathpat *paths;
    const struct pn_pathpat *reads;
    uint16_t path_count, read_count;
    struct pn_str user_header, groups_header, name_header, email_header;
    /* an empty header name = that header is not sent */
};

PN_MUST_USE enum pn_err pn_app_record_encode(const struct pn_app_record *rec,
                                             const struct pn_str *paths,
                                             const struct pn_str *reads,
                                             struct pn_buf *out);

/*
 * Decode and compile.  patterns has room for 2 * PN_PATHPATS_MAX; out borrows
 * from bytes and patterns, so a caller that keeps it copies the bytes first.
 */
PN_MUST_USE enum pn_err pn_app_record_decode(struct pn_str bytes,
                                             struct pn_pathpat *patterns,
                                             struct pn_app_record *out);

enum pn_on_loss { PN_ON_LOSS_SUSPEND = 0, PN_ON_LOSS_KEEP };

/* The installation's policy, as far as a request needs it. */
struct pn_policy_record {
    bool creation_enabled;
    bool creation_everyone; /* a grant for everyone exists */
    enum pn_on_loss on_loss;
    bool tls_required;
    bool read_only; /* every token counts as read-only */
    bool has_ip;
    enum pn_ip_report ip_report;
    struct pn_iprules ip;
    struct pn_ids grant_groups;
    struct pn_prefixes prefixes;
};

PN_MUST_USE enum pn_err
pn_policy_record_encode(const struct pn_policy_record *rec, struct pn_buf *out);
PN_MUST_USE enum pn_err pn_policy_record_decode(struct pn_str bytes,
                                                struct pn_policy_record *out);

#endif

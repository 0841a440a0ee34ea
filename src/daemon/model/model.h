/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The things posternd governs, as plain structs that store, ops and api share.
 *
 * Text is NUL-terminated and lives in the arena of whoever asked.  Instants
 * are Unix seconds, 0 = none.  NULL lists with count 0 mean "no restriction"
 * only where a has_ flag says so.
 */
#ifndef PN_DAEMON_MODEL_MODEL_H
#define PN_DAEMON_MODEL_MODEL_H

#include "base/defs.h"
#include "core/decision.h"
#include "core/iprange.h"
#include "core/policy.h"
#include "core/record.h"

enum {
    PN_NAME_MAX = 128, /* token, group and app names, bytes */
    PN_DESCRIPTION_MAX = 1000,
    PN_EMAIL_MAX = 254,
    PN_PASSWORD_MIN = 8,
    PN_PASSWORD_MAX = 512,
    PN_HEADER_NAME_MAX = 64,
    PN_SCOPES_MAX = 16,
    PN_OVERLAP_MAX_HOURS = 8760,
    PN_TOKEN_SECRETS_MAX = 1000, /* all that one token ever had */
    PN_CUSTODIANS_MAX = 64,      /* people, and groups, of a service account */
    PN_LIST_MAX = 200,           /* items of one page */
    PN_SEEN_MAX = 5,             /* addresses that are kept of a token */
    PN_USAGE_DAYS = 400,         /* daily counts are kept */
};

enum pn_role { PN_ROLE_USER = 0, PN_ROLE_AUDITOR, PN_ROLE_ADMIN };

struct pn_group {
    uint64_t id;
    char *name;
    char *description;
    uint32_t member_count;
};

/* A name with what it stands for; a document that is read has names only. */
struct pn_named {
    uint64_t id;
    char *name;
};
struct pn_named_list {
    struct pn_named *item;
    uint16_t count;
};

struct pn_user {
    uint64_t id;
    char *username;
    char *display_name;  /* "" = none */
    char *email;         /* "" = none */
    char *password_hash; /* NULL = no local password */
    bool must_change_password;
    enum pn_role role;
    bool active;
    char *source;            /* "local" */
    struct pn_group *groups; /* ascending by id */
    uint16_t group_count;
    int64_t created_at;
    bool service; /* nobody signs in to it; the rest is empty for a person */
    struct pn_named_list custodians, custodian_groups;
    bool has_custodian; /* derived when read: an active person keeps it */
};

/* Rules of IP addresses with their notes, as an administrator typed them. */
struct pn_ip_entry {
    struct pn_iprange range;
    char *note; /* "" = none */
};

struct pn_ip_policy {
    bool present;             /* false = null: no restriction */
    enum pn_ip_report report; /* of policy and apps */
    enum pn_ipmode mode;
    struct pn_ip_entry *allow, *deny;
    uint16_t allow_count, deny_count;
};

struct pn_text_list {
    bool present; /* false = null */
    char **item;
    uint16_t count;
};

struct pn_grant_doc {
    char *group;       /* NULL = everyone */
    uint32_t max_days; /* 0 = null: no limit */
};

struct pn_policy {
    uint64_t version; /* 1, 2, …: the ETag */
    struct {
        bool enabled;
        struct pn_grant_doc *grants;
        uint16_t grant_count;
        enum pn_on_loss on_loss;
        uint32_t admin_max_days; /* 0 = null */
        uint32_t default_days;
        uint32_t max_tokens_per_owner;
        bool require_ip_rule;
        bool read_only;
        uint32_t max_overlap_hours;
        uint32_t disable_unused_days; /* 0 = null */
        uint32_t unused_notice_days;  /* before that */
        bool service_accounts;        /* may there be any, with tokens made? */
        bool own_tokens_write;        /* may tokens make tokens? */
        struct pn_text_list paths;    /* patterns that tokens stay within */
    } creation;
    struct pn_ip_policy ip;
    bool tls_required;
    struct pn_text_list admin_groups, auditor_groups;
};

/* Which tokens a change of the policy reaches; stored. */
enum pn_enforce {
    PN_ENFORCE_NEW = 0, /* those made from now on */
    PN_ENFORCE_AFTER,   /* all, after some days */
    PN_ENFORCE_NOW,     /* all */
};

/* How a version of the policy came about.  Version 1 is the default, which
 * nobody made. */
struct pn_policy_made {
    uint64_t version;
    char *by;   /* "" for version 1 */
    int64_t at; /* 0 for version 1 */
    enum pn_enforce enforce;
    uint32_t days;           /* with PN_ENFORCE_AFTER */
    uint32_t tokens_changed; /* whose end it set or lifted */
    uint64_t reverted_to;    /* the version it repeats; 0 = none */
};

struct pn_app {
    uint64_t id;
    char *name;
    char *url;
    char *context_path; /* "" or "/jira" */
    char **paths;
    uint16_t path_count;
    char **reads;
    uint16_t read_count;
    enum pn_foreign passwords, foreign_bearer;
    uint16_t block_status; /* 403 or 401 */
    enum pn_challenge challenge;
    enum pn_cookies cookies;
    bool allow_encoded_slash;
    struct pn_ip_policy ip;
    struct pn_text_list groups;
    char *whoami_path, *whoami_field; /* NULL, NULL = null */
    struct {
        char *user_header, *groups_header, *name_header, *email_header;
        enum pn_user_value user_value;
        bool keep_authorization;
    } identity; /* header names: "" = not sent */
};

enum pn_token_state {
    PN_STATE_REVOKED = 0,
    PN_STATE_EXPIRED,
    PN_STATE_DISABLED,
    PN_STATE_SUSPENDED,
    PN_STATE_NOT_YET_VALID,
    PN_STATE_ACTIVE,
};

/* One secret of a token; a token has one, or two during an overlap. */
struct pn_token_secret {
    uint64_t id;
    struct pn_hash hash;
    char last_four[5];
    int64_t created_at;
    int64_t ends_at; /* end of overlap, 0 = current */
    int64_t last_used_at;
};

/* An address that a token was used from, and when last. */
struct pn_seen {
    struct pn_ip ip;
    int64_t at;
};

struct pn_token {
    uint64_t id;
    char *name;
    char *description;
    uint64_t owner_id;
    char *owner; /* username */
    char *prefix;
    int64_t created_at, not_before, expires_at;
    int64_t policy_expires_at; /* an enforced lower maximum; 0 = none */
    int64_t revoked_at;
    char *revoked_by, *revoked_reason; /* "" = none */
    bool disabled;
    bool disabled_unused; /* not by hand, but because nobody used it */
    int64_t disable_at;   /* it will be, for that reason; 0 = no */
    int64_t idle_from;    /* enabled again, or rotated: used as it were */
    enum pn_access access;
    struct pn_text_list apps;
    struct pn_ip_policy ip;
    struct pn_text_list paths;
    uint32_t rate_requests, rate_seconds; /* 0 = null */
    char **scopes;
    uint16_t scope_count;
    struct pn_token_secret secrets[2]; /* current first */
    uint8_t secret_count;
    struct {
        int64_t at;
        char *address, *app, *method;     /* "" = never */
        struct pn_seen seen[PN_SEEN_MAX]; /* the latest first */
        uint8_t seen_count;
    } last_used;
    struct {
        int64_t at; /* 0 = never */
        char *address;
    } superseded_use; /* of a secret that was replaced: maybe a thief's */
    enum pn_token_state state;     /* derived when read, never stored */
    const char *suspended_because; /* "owner_inactive",
                                      "owner_not_permitted", or NULL */
};

/* How often something happened on one day. */
struct pn_usage_count {
    int64_t day; /* since 1970, UTC */
    enum pn_reason outcome;
    uint64_t count;
};

struct pn_days {
    int64_t first, last; /* both count */
};

struct pn_usage_counts {
    struct pn_usage_count *item; /* ascending by day and outcome */
    size_t count;
};

enum {
    PN_HANDOVER_DAYS_DEFAULT = 7,
    PN_HANDOVER_DAYS_MAX = 30,
    PN_HANDOVERS_WAITING_MAX = 100, /* for one owner */
};

/* A token prepared for its owner, who has not taken it yet, or has. */
struct pn_handover {
    uint64_t id;
    uint64_t owner_id;
    char *owner;         /* username */
    char *settings;      /* JSON: what POST /tokens takes */
    uint64_t made_by_id; /* 0 = not a user: the machine's administrator */
    char *made_by;
    int64_t made_at, expires_at;
    enum pn_handover_ending {
        PN_HANDOVER_WAITING = 0,
        PN_HANDOVER_TAKEN,
        PN_HANDOVER_WITHDRAWN,
    } ending;
    int64_t ended_at;  /* 0 while it waits */
    char *ended_by;    /* "" */
    uint64_t token_id; /* of what was taken; 0 */
};

struct pn_session {
    uint64_t id;
    uint64_t user_id;
    struct pn_hash hash; /* of the cookie */
    int64_t created_at, last_seen_at, signed_in_at;
    char *address, *user_agent;
};

struct pn_audit_event {
    uint64_t position; /* 1, 2, … without gaps */
    int64_t at;
    char *actor;      /* username, "local:root", or "" */
    char *actor_kind; /* "session", "token", "local", "system" */
    char *action;     /* "token.create" */
    char *subject;    /* public id or name */
    char *detail;     /* JSON object: before, after; never a secret */
    char *personal;   /* the members of detail that may name people, likewise;
                         "" = none */
    char *address;
    char *request_id;
    bool erased_actor, erased_subject, erased_detail;
    struct pn_hash hash; /* of this event and the one before */
};

/* A place in the audit's chain; position 0 = none. */
struct pn_audit_mark {
    uint64_t position;
    struct pn_hash hash;
};

/* A walk along the chain, and what it found. */
struct pn_audit_check {
    /* In and out: the last event that was found good, {0} at first. */
    struct pn_audit_mark at;
    uint64_t limit;            /* events to walk; 0 = all */
    struct pn_audit_mark kept; /* a checkpoint from elsewhere; 0 = none */
    /* Out. */
    uint64_t from;             /* the first event that is kept */
    uint64_t checked;          /* events walked by this call */
    bool done;                 /* the end was reached, or something is wrong */
    uint64_t bad;              /* the first position that does not fit, or 0 */
    const char *why;           /* a word: "changed"; NULL while bad is 0 */
    struct pn_audit_mark head; /* the end of the chain */
};

/* What is wrong with one field of a document. */
struct pn_fault_field {
    char *pointer; /* JSON Pointer (RFC 6901): "/ip_rules/allow/0" */
    char *code;    /* "invalid_range" */
    char *detail;  /* a sentence that names the remedy */
};

enum { PN_FAULT_FIELDS_MAX = 32 };

/* Why something was not done.  status 0 = nothing is wrong. */
struct pn_fault {
    unsigned status;    /* HTTP */
    const char *code;   /* literal: "name_taken" */
    const char *detail; /* arena, or literal */
    uint32_t retry_after_s;
    struct pn_fault_field fields[PN_FAULT_FIELDS_MAX];
    uint8_t field_count;
};

#endif

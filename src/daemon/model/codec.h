/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents: model structs to JSON and back, in the shapes of DESIGN section 9.
 *
 * Reading validates everything that can be judged without the store, collects
 * every fault it finds (up to PN_FAULT_FIELDS_MAX) as status 422 with JSON
 * Pointers, refuses unknown fields, and writes *out only when nothing was
 * wrong.  What writing yields can be read back; read-only members (id, state,
 * created_at, …) that equal what GET returned are accepted and ignored.
 * Returned JSON belongs to the arena (pn_json_defer); NULL = out of memory.
 */
#ifndef PN_DAEMON_MODEL_CODEC_H
#define PN_DAEMON_MODEL_CODEC_H

#include "base/arena.h"
#include "base/json.h"
#include "daemon/model/model.h"

/* Add one field fault; detail is printf-formatted into the arena. */
void pn_fault_field_add(struct pn_fault *fault, struct pn_arena *arena,
                        const char *pointer, const char *code,
                        const char *format, ...) PN_PRINTF(5, 6);

/* Set a fault without fields. */
/* The document of the fields from that one on stood inside another one, at this
 * pointer. */
void pn_fault_prefix(struct pn_fault *fault, struct pn_arena *arena,
                     uint8_t from, const char *pointer);
void pn_fault_set(struct pn_fault *fault, struct pn_arena *arena,
                  unsigned status, const char *code, const char *format, ...)
    PN_PRINTF(5, 6);

json_t *pn_policy_to_json(const struct pn_policy *policy,
                          struct pn_arena *arena);
/* Absent members keep their default (docs/reference/policy.md). */
PN_MUST_USE enum pn_err pn_policy_from_json(json_t *doc, struct pn_arena *arena,
                                            struct pn_policy *out,
                                            struct pn_fault *fault);
/* The policy of a new installation: creation off, TLS required. */
void pn_policy_default(struct pn_policy *out);

/* "new", "after", "now" and back; PN_E_NOT_FOUND for another word. */
const char *pn_enforce_text(enum pn_enforce enforce);
PN_MUST_USE enum pn_err pn_enforce_parse(struct pn_str text,
                                         enum pn_enforce *out);
/* How a version came about, without the policy itself. */
json_t *pn_policy_made_to_json(const struct pn_policy_made *made,
                               struct pn_arena *arena);

/*
 * What differs between two documents: [{"pointer", "before", "after"}].  Lists
 * are taken for sets: before has the entries that went, after those that came;
 * a member that is absent counts as null.
 */
json_t *pn_json_changes(json_t *before, json_t *after, struct pn_arena *arena);

json_t *pn_app_to_json(const struct pn_app *app, struct pn_arena *arena);
/* base: NULL for a new app (defaults), else PATCH semantics (RFC 7396). */
PN_MUST_USE enum pn_err pn_app_from_json(json_t *doc, const struct pn_app *base,
                                         struct pn_arena *arena,
                                         struct pn_app *out,
                                         struct pn_fault *fault);

json_t *pn_token_to_json(const struct pn_token *token, struct pn_arena *arena);

/* What POST /tokens and PATCH /tokens/{id} carry. */
struct pn_token_wish {
    struct pn_token token;       /* name … scopes */
    struct pn_lifetime lifetime; /* expires_in_days xor expires_at */
    uint32_t given; /* bit per member present, enum pn_token_field */
};

enum pn_token_field {
    PN_FIELD_NAME = 1 << 0,
    PN_FIELD_DESCRIPTION = 1 << 1,
    PN_FIELD_LIFETIME = 1 << 2,
    PN_FIELD_NOT_BEFORE = 1 << 3,
    PN_FIELD_ACCESS = 1 << 4,
    PN_FIELD_APPS = 1 << 5,
    PN_FIELD_IP = 1 << 6,
    PN_FIELD_PATHS = 1 << 7,
    PN_FIELD_RATE = 1 << 8,
    PN_FIELD_SCOPES = 1 << 9,
};

PN_MUST_USE enum pn_err pn_token_wish_from_json(json_t *doc,
                                                struct pn_arena *arena,
                                                struct pn_token_wish *out,
                                                struct pn_fault *fault);

/* What POST /tokens/{id}/rotate carries. */
struct pn_rotation_wish {
    struct pn_lifetime lifetime; /* default: as long as the secret before */
    bool has_overlap;
    uint32_t overlap_hours;
};

PN_MUST_USE enum pn_err pn_rotation_from_json(json_t *doc,
                                              struct pn_arena *arena,
                                              struct pn_rotation_wish *out,
                                              struct pn_fault *fault);

/* What POST /handovers carries; settings is the token's part as text. */
struct pn_handover_wish {
    char *owner;
    uint32_t valid_days;
    struct pn_token_wish token;
    char *settings;
};
PN_MUST_USE enum pn_err pn_handover_wish_from_json(json_t *doc,
                                                   struct pn_arena *arena,
                                                   struct pn_handover_wish *out,
                                                   struct pn_fault *fault);
json_t *pn_handover_to_json(const struct pn_handover *handover, int64_t now,
                            struct pn_arena *arena);
/* "waiting", "taken", "withdrawn", "expired" */
const char *pn_handover_state(const struct pn_handover *handover, int64_t now);

/* A user as an administrator writes it; password NULL = not given. */
struct pn_user_wish {
    struct pn_user user; /* groups, custodians: names only */
    char *password;      /* wiped by the arena */
    uint32_t given;      /* enum pn_user_field */
};

enum pn_user_field {
    PN_FIELD_USERNAME = 1 << 0,
    PN_FIELD_DISPLAY_NAME = 1 << 1,
    PN_FIELD_EMAIL = 1 << 2,
    PN_FIELD_PASSWORD = 1 << 3,
    PN_FIELD_GROUPS = 1 << 4,
    PN_FIELD_ROLE = 1 << 5,
    PN_FIELD_ACTIVE = 1 << 6,
    PN_FIELD_KIND = 1 << 7,
    PN_FIELD_CUSTODIANS = 1 << 8,
    PN_FIELD_CUSTODIAN_GROUPS = 1 << 9,
};

json_t *pn_user_to_json(const struct pn_user *user, struct pn_arena *arena);
PN_MUST_USE enum pn_err pn_user_wish_from_json(json_t *doc,
                                               struct pn_arena *arena,
                                               struct pn_user_wish *out,
                                               struct pn_fault *fault);

json_t *pn_group_to_json(const struct pn_group *group, struct pn_arena *arena);
PN_MUST_USE enum pn_err pn_group_from_json(json_t *doc, struct pn_arena *arena,
                                           struct pn_group *out,
                                           struct pn_fault *fault);

/*
 * Rows of an import.  doc is what GET shows, so that an export can be read
 * again; members that only an import has are taken out of it.
 */
enum { PN_IMPORTED_HASH_MAX = 127 };
struct pn_user_import {
    struct pn_user_wish wish; /* without a password */
    char *password_hash;      /* as in an htpasswd file; NULL = none.  Wiped by
                                 the arena */
};
PN_MUST_USE enum pn_err pn_user_import_from_json(json_t *doc,
                                                 struct pn_arena *arena,
                                                 struct pn_user_import *out,
                                                 struct pn_fault *fault);
PN_MUST_USE enum pn_err pn_group_import_from_json(json_t *doc,
                                                  struct pn_arena *arena,
                                                  struct pn_group *out,
                                                  struct pn_fault *fault);
struct pn_token_import {
    struct pn_token_wish wish; /* its lifetime was said */
    char *owner;
    struct pn_hash hash;
    char *prefix;       /* NULL = the present one */
    char last_four[5];  /* "" = not known */
    int64_t created_at; /* 0 = now */
    bool disabled;
};
PN_MUST_USE enum pn_err pn_token_import_from_json(json_t *doc,
                                                  struct pn_arena *arena,
                                                  struct pn_token_import *out,
                                                  struct pn_fault *fault);

json_t *pn_audit_to_json(const struct pn_audit_event *event,
                         struct pn_arena *arena);

/* A checkpoint, as people keep it: 64 hexadecimal digits, "@", the position. */
enum { PN_AUDIT_MARK_LEN = 2 * PN_HASH_LEN + 1 + 19 };
PN_MUST_USE enum pn_err pn_audit_mark_parse(struct pn_str text,
                                            struct pn_audit_mark *out);
/* The report of a check; NULL = out of memory. */
json_t *pn_audit_check_to_json(const struct pn_audit_check *check,
                               struct pn_arena *arena);
void pn_audit_mark_format(const struct pn_audit_mark *mark,
                          char out[PN_AUDIT_MARK_LEN + 1]);

/* The stored form of a token's rules and back (a JSON object). */
PN_MUST_USE enum pn_err pn_token_rules_load(struct pn_str json,
                                            struct pn_arena *arena,
                                            struct pn_token *token);
char *pn_token_rules_dump(const struct pn_token *token, struct pn_arena *arena);

const char *pn_role_text(enum pn_role role);
const char *pn_token_state_text(enum pn_token_state state);

#endif

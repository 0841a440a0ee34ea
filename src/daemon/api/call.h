/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every handler needs: who asks, the body as JSON, and ways to answer.
 * Nothing outside this folder includes it.
 *
 * A handler begins with pn_call_begin(); when that is false the answer is
 * already there.  The same holds for everything here that returns bool.
 */
#ifndef PN_DAEMON_API_CALL_H
#define PN_DAEMON_API_CALL_H

#include "base/json.h"
#include "daemon/api/api.h"

/* What a handler takes. */
struct pn_call_rule {
    enum { PN_SIGNED_IN = 0, PN_ANYONE } who;
    enum {
        PN_BODY_NONE = 0,
        PN_BODY_OPTIONAL,
        PN_BODY_JSON,
        PN_BODY_FORM
    } body;
    const char *const *query; /* parameters, ended by NULL; NULL = none */
};

struct pn_call {
    const struct pn_api *api;
    const struct pn_http_request *req;
    struct pn_http_response *res;
    struct pn_arena *arena;
    struct pn_caller caller; /* anonymous for PN_ANYONE without credentials */
    struct pn_fault fault;
    json_t *body; /* an object; NULL when there is none */
};

PN_MUST_USE bool pn_call_begin(struct pn_call *call, void *context,
                               const struct pn_http_request *req,
                               struct pn_http_response *res,
                               const struct pn_call_rule *rule);

/* Answer call->fault as problem+json.  Returns false. */
bool pn_call_fail(struct pn_call *call);
bool pn_call_no_memory(struct pn_call *call);
/* Set a fault without fields and answer it. */
bool pn_call_refuse(struct pn_call *call, unsigned status, const char *code,
                    const char *detail);

/* JSON in the arena (or NULL: out of memory). */
void pn_call_answer(struct pn_call *call, unsigned status, json_t *doc);
void pn_call_no_content(struct pn_call *call);

/* 201, the document with a secret (base62) as a last member; its bytes are
 * wiped with the arena. */
void pn_call_answer_secret(struct pn_call *call, json_t *doc, const char *name,
                           const struct pn_secret *secret);

/* doc with "warnings" when the change has any: what was saved although it may
 * not be meant, such as an unknown group.  NULL passes through. */
json_t *pn_call_warned(json_t *doc, const struct pn_change *change);

/* 201 or 200 and what a change made, with its warnings. */
void pn_call_answer_change(struct pn_call *call, unsigned status, json_t *doc,
                           const struct pn_change *change);

/* A page of any noun: an array, and how one of it is written. */
struct pn_call_items {
    const void *item;
    size_t size; /* of one */
    size_t count;
    const char *next; /* cursor; "" or NULL = the last page */
    json_t *(*to_json)(const void *item, struct pn_arena *arena);
    json_t *more; /* further members of the answer, in the arena; or NULL */
};
/* 200 {"items": […], "next_cursor": …} */
void pn_call_answer_list(struct pn_call *call,
                         const struct pn_call_items *items);

/* A whole handler: the change of the noun named in the path, then 204. */
void pn_call_delete_named(void *context, const struct pn_http_request *req,
                          struct pn_http_response *res, enum pn_act act);

/* cursor and limit of the query; a fault names what is wrong. */
PN_MUST_USE bool pn_call_page(struct pn_call *call, struct pn_page *out);

/* The token id in the path; 404 when it cannot be one. */
PN_MUST_USE bool pn_call_token_id(struct pn_call *call, uint64_t *out);

/* pn_ops_change() on behalf of the caller. */
PN_MUST_USE bool pn_call_change(struct pn_call *call, struct pn_change *change);

/* The name of the session cookie on this connection. */
struct pn_str pn_call_cookie_name(const struct pn_call *call);

/* A text of the body that is a secret: copied into *out, and wiped in the
 * document.  Untrimmed: blanks may belong to a password. */
PN_MUST_USE bool pn_call_secret(struct pn_call *call, const char *key,
                                struct pn_secret *out);

/* Refuse members of the body that are not among names (ended by NULL). */
PN_MUST_USE bool pn_call_only(struct pn_call *call, const char *const *names);

/* {"reason": "lost laptop"} or no body at all. */
PN_MUST_USE bool pn_call_reason(struct pn_call *call, char **out);

/* Merge (RFC 7396) would be too much for flat documents: members of patch
 * replace those of base.  NULL when out of memory. */
json_t *pn_call_overlay(struct pn_call *call, json_t *base, json_t *patch);

extern const char *const pn_query_page[]; /* cursor, limit */
extern const char *const pn_no_names[];   /* an empty list */

pn_http_handler_fn pn_api_session_post, pn_api_session_delete;
pn_http_handler_fn pn_api_me_get, pn_api_me_password;
pn_http_handler_fn pn_api_tokens_get, pn_api_tokens_post, pn_api_tokens_search,
    pn_api_tokens_bulk;
pn_http_handler_fn pn_api_token_get, pn_api_token_patch, pn_api_token_delete;
pn_http_handler_fn pn_api_token_revoke, pn_api_token_disable,
    pn_api_token_enable;
pn_http_handler_fn pn_api_usage_get, pn_api_token_usage_get;
pn_http_handler_fn pn_api_token_rotate, pn_api_token_overlap_delete;
pn_http_handler_fn pn_api_self_get, pn_api_self_delete;
pn_http_handler_fn pn_api_policy_get, pn_api_policy_put, pn_api_policy_revert;
pn_http_handler_fn pn_api_policy_reports_get;
pn_http_handler_fn pn_api_policy_history_get, pn_api_policy_version_get;
pn_http_handler_fn pn_api_apps_get, pn_api_apps_post;
pn_http_handler_fn pn_api_app_get, pn_api_app_patch, pn_api_app_delete;
pn_http_handler_fn pn_api_users_get, pn_api_users_post;
pn_http_handler_fn pn_api_user_get, pn_api_user_patch, pn_api_user_delete,
    pn_api_user_stop;
pn_http_handler_fn pn_api_handovers_get, pn_api_handovers_post;
pn_http_handler_fn pn_api_handover_get, pn_api_handover_delete,
    pn_api_handover_take;
pn_http_handler_fn pn_api_groups_get, pn_api_groups_post;
pn_http_handler_fn pn_api_group_get, pn_api_group_patch, pn_api_group_delete;
pn_http_handler_fn pn_api_explain_post;
pn_http_handler_fn pn_api_audit_get, pn_api_audit_export_get,
    pn_api_audit_verify_get, pn_api_audit_erase_post;
pn_http_handler_fn pn_api_index_get, pn_api_index_rebuild;
pn_http_handler_fn pn_api_import_post, pn_api_export_get;
pn_http_handler_fn pn_api_introspect_post, pn_api_revoke_post;
pn_http_handler_fn pn_api_explain_post, pn_api_audit_get;
pn_http_handler_fn pn_api_healthz_get, pn_api_readyz_get, pn_api_metrics_get;
pn_http_handler_fn pn_api_openapi_get, pn_api_landing_get;

#endif

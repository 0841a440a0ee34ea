/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of routes.  docs/openapi.yaml lists the same (a test compares).
 * A literal segment stands before a variable one: the first that fits answers.
 */
#include "daemon/api/call.h"

#define API "/postern/api/v1"

const struct pn_http_route pn_api_routes[] = {
    {PN_POST, API "/session", pn_api_session_post},
    {PN_DELETE, API "/session", pn_api_session_delete},
    {PN_GET, API "/me", pn_api_me_get},
    {PN_POST, API "/me/password", pn_api_me_password},
    {PN_GET, API "/tokens", pn_api_tokens_get},
    {PN_POST, API "/tokens", pn_api_tokens_post},
    {PN_POST, API "/tokens/search", pn_api_tokens_search},
    {PN_GET, API "/tokens/self", pn_api_self_get},
    {PN_DELETE, API "/tokens/self", pn_api_self_delete},
    {PN_GET, API "/tokens/{id}", pn_api_token_get},
    {PN_PATCH, API "/tokens/{id}", pn_api_token_patch},
    {PN_DELETE, API "/tokens/{id}", pn_api_token_delete},
    {PN_POST, API "/tokens/{id}/revoke", pn_api_token_revoke},
    {PN_POST, API "/tokens/{id}/disable", pn_api_token_disable},
    {PN_POST, API "/tokens/{id}/enable", pn_api_token_enable},
    {PN_POST, API "/tokens/{id}/rotate", pn_api_token_rotate},
    {PN_DELETE, API "/tokens/{id}/overlap", pn_api_token_overlap_delete},
    {PN_GET, API "/tokens/{id}/usage", pn_api_token_usage_get},
    {PN_GET, API "/usage", pn_api_usage_get},
    {PN_GET, API "/policy", pn_api_policy_get},
    {PN_PUT, API "/policy", pn_api_policy_put},
    {PN_GET, API "/policy/history", pn_api_policy_history_get},
    {PN_GET, API "/policy/history/{version}", pn_api_policy_version_get},
    {PN_POST, API "/policy/revert", pn_api_policy_revert},
    {PN_GET, API "/apps", pn_api_apps_get},
    {PN_POST, API "/apps", pn_api_apps_post},
    {PN_GET, API "/apps/{name}", pn_api_app_get},
    {PN_PATCH, API "/apps/{name}", pn_api_app_patch},
    {PN_DELETE, API "/apps/{name}", pn_api_app_delete},
    {PN_GET, API "/users", pn_api_users_get},
    {PN_POST, API "/users", pn_api_users_post},
    {PN_GET, API "/users/{username}", pn_api_user_get},
    {PN_PATCH, API "/users/{username}", pn_api_user_patch},
    {PN_DELETE, API "/users/{username}", pn_api_user_delete},
    {PN_POST, API "/users/{username}/stop", pn_api_user_stop},
    {PN_GET, API "/handovers", pn_api_handovers_get},
    {PN_POST, API "/handovers", pn_api_handovers_post},
    {PN_GET, API "/handovers/{id}", pn_api_handover_get},
    {PN_DELETE, API "/handovers/{id}", pn_api_handover_delete},
    {PN_POST, API "/handovers/{id}/take", pn_api_handover_take},
    {PN_GET, API "/groups", pn_api_groups_get},
    {PN_POST, API "/groups", pn_api_groups_post},
    {PN_GET, API "/groups/{name}", pn_api_group_get},
    {PN_PATCH, API "/groups/{name}", pn_api_group_patch},
    {PN_DELETE, API "/groups/{name}", pn_api_group_delete},
    {PN_POST, API "/explain", pn_api_explain_post},
    {PN_GET, API "/audit", pn_api_audit_get},
    {PN_GET, API "/audit/export", pn_api_audit_export_get},
    {PN_GET, API "/audit/verify", pn_api_audit_verify_get},
    {PN_POST, API "/audit/erase", pn_api_audit_erase_post},
    {PN_GET, API "/healthz", pn_api_healthz_get},
    {PN_GET, API "/readyz", pn_api_readyz_get},
    {PN_GET, API "/metrics", pn_api_metrics_get},
    {PN_GET, API "/openapi.yaml", pn_api_openapi_get},
    {PN_GET, "/postern/", pn_api_landing_get},
};

const size_t pn_api_route_count = PN_LEN(pn_api_routes);

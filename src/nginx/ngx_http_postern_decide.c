/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision in nginx's phases.
 *
 * Made anew whenever a request enters a location: identity, cookies and
 * Authorization are those of the location it is in now.  Only the first
 * decision of a client's request raises the counters.
 */
#include "nginx/ngx_http_postern.h"

#include "base/str.h"

static ngx_http_postern_loc_conf_t *
loc_conf(ngx_http_request_t *r)
{
    return ngx_http_get_module_loc_conf(r, ngx_http_postern_module);
}

static ngx_uint_t
in_use(ngx_http_request_t *r)
{
    ngx_http_postern_srv_conf_t *scf =
        ngx_http_get_module_srv_conf(r, ngx_http_postern_module);

    return scf->used == 1;
}

/* As the client sent it, less what only we may say. */
static ngx_http_postern_ctx_t *
start(ngx_http_request_t *r)
{
    ngx_http_postern_ctx_t *ctx;
    ngx_http_postern_record_t *record;

    if (ngx_http_postern_headers_own(r) != NGX_OK) {
        return NULL;
    }
    record = ngx_http_postern_take(r);
    if (record == NULL || ngx_http_postern_scrub(r) != NGX_OK) {
        return NULL;
    }
    /* Another location may have put the token back. */
    if ((record->taken || record->early) && r->headers_in.authorization != NULL
        && ngx_http_postern_headers_drop(r, "authorization") != NGX_OK)
    {
        return NULL;
    }
    ctx = ngx_pcalloc(r->pool, sizeof(*ctx));
    if (ctx == NULL) {
        return NULL;
    }
    ctx->record = record;
    ngx_http_set_ctx(r, ctx, ngx_http_postern_module);
    return ctx;
}

static ngx_uint_t
is_method_override(const ngx_table_elt_t *header, const void *data)
{
    static const char *const names[] = {"x-http-method-override",
                                        "x-http-method", "x-method-override"};

    (void) data;
    if (header->key.len < sizeof("x-http-method") - 1) {
        return 0; /* nearly every header */
    }
    for (size_t i = 0; i < PN_LEN(names); i++) {
        if (ngx_http_postern_folds_to(header->key.data, header->key.len,
                                      names[i])) {
            return 1;
        }
    }
    return 0;
}

static ngx_int_t
put_authorization_back(ngx_http_request_t *r, ngx_str_t value)
{
    static u_char lowcase[] = "authorization";
    ngx_table_elt_t *header = ngx_http_postern_headers_push(r);

    if (header == NULL) {
        return NGX_ERROR;
    }
    ngx_str_set(&header->key, "Authorization");
    header->value = value;
    header->lowcase_key = lowcase;
    header->hash = ngx_hash_key(lowcase, sizeof(lowcase) - 1);
    r->headers_in.authorization = header;
    return NGX_OK;
}

/* A location without postern: nothing of ours goes to what stands behind it,
 * unless that is posternd, which judges sessions and tokens itself. */
static ngx_int_t
leave_alone(ngx_http_request_t *r, const ngx_http_postern_record_t *record)
{
    struct pn_str path = ngx_http_postern_from(r->uri);

    if (!pn_str_starts(path, PN_STR("/postern/"))) {
        return ngx_http_postern_cookies_drop_session(r);
    }
    /* Where the client went by itself: no application sends a token there. */
    return record->taken && r == r->main && !r->internal
                   && pn_str_starts(path, PN_STR("/postern/api/"))
               ? put_authorization_back(r, record->authorization)
               : NGX_OK;
}

/* What an allowed request takes along. */
static ngx_int_t
equip(ngx_http_request_t *r, ngx_http_postern_ctx_t *ctx,
      const struct pn_app_record *app, const struct pn_owner_record *owner)
{
    ngx_http_postern_record_t *record = ctx->record;
    ngx_int_t rc;

    if (r == r->main) {
        record->expires_at = ctx->decision.expires_at;
        record->strip_cookies |= app->cookies == PN_COOKIES_STRIP;
    }
    if (app->cookies == PN_COOKIES_STRIP) {
        rc = ngx_http_postern_cookies_drop_all(r);
    } else {
        rc = ngx_http_postern_cookies_drop_session(r);
    }
    if (rc == NGX_OK && ctx->decision.by_method) {
        rc = ngx_http_postern_headers_remove(r, is_method_override, NULL);
    }
    if (rc == NGX_OK && app->keep_authorization) {
        rc = put_authorization_back(r, record->authorization);
    }
    if (rc == NGX_OK) {
        rc = ngx_http_postern_identity_set(r, ctx, app->user_value, owner);
    }
    return rc;
}

static ngx_uint_t
is_header_of(const ngx_table_elt_t *header, const void *data)
{
    const struct pn_app_record *app = data;
    const struct pn_str *names[] = {&app->user_header, &app->groups_header,
                                    &app->name_header, &app->email_header};
    struct pn_str key = ngx_http_postern_from(header->key);

    for (size_t i = 0; i < PN_LEN(names); i++) {
        if (pn_str_eq_nocase(key, *names[i])) {
            return 1;
        }
    }
    return 0;
}

/*
 * The app of this location, or NULL for "not ready": there is none, or it names
 * an identity header that is not scrubbed everywhere.  The latter is still
 * removed here, since a request without a credential may pass.
 */
static const struct pn_app_record *
find_app(ngx_http_request_t *r, struct pn_gate *gate)
{
    ngx_str_t name = loc_conf(r)->app;
    const struct pn_app_record *app =
        pn_gate_app(gate, ngx_http_postern_from(name));

    if (app == NULL) {
        ngx_http_postern_complain(r, "the index has no app", name);
        return NULL;
    }
    if (ngx_http_postern_identity_known(r, gate, app)) {
        return app;
    }
    ngx_http_postern_complain(
        r, "postern_identity_headers lacks a header of app", name);
    (void) ngx_http_postern_headers_remove(r, is_header_of, app);
    return NULL;
}

/* Ask with an index at hand; *challenge is the app's. */
static ngx_int_t
ask_gate(ngx_http_request_t *r, ngx_http_postern_ctx_t *ctx,
         struct pn_gate *gate, struct pn_request *request,
         const struct pn_credential *credential, enum pn_challenge *challenge)
{
    ngx_http_postern_main_conf_t *mcf =
        ngx_http_get_module_main_conf(r, ngx_http_postern_module);
    const struct pn_app_record *app = find_app(r, gate);
    struct pn_counters counters = {0};
    struct pn_identity identity = {0};
    ngx_int_t rc = NGX_OK;

    counters.look_only = ctx->record->counted || r != r->main;
    ngx_http_postern_zone_counters(mcf, &counters);
    if (ctx->record->counted) {
        counters.rates = NULL; /* this request has had its share */
    }
    /* Parsing the peer's address is for the few who send plain HTTP there. */
    request->peer_is_local = pn_gate_policy(gate)->tls_required && !request->tls
                             && ngx_http_postern_peer_is_local(r);
    pn_gate_decide(gate, app, request, credential, &counters, &ctx->decision,
                   &identity);
    if (app != NULL) {
        *challenge = app->challenge;
    }
    if (app != NULL && ctx->decision.verdict == PN_ALLOW) {
        rc = equip(r, ctx, app, &identity.owner);
    }
    return rc;
}

static void
not_ready(struct pn_decision *decision)
{
    *decision = (struct pn_decision){.verdict = PN_DENY,
                                     .reason = PN_REASON_NOT_READY,
                                     .status = NGX_HTTP_SERVICE_UNAVAILABLE};
}

static ngx_int_t
decide(ngx_http_request_t *r, ngx_http_postern_ctx_t *ctx,
       enum pn_challenge *challenge)
{
    struct pn_credential credential = ctx->record->credential;
    struct pn_request request;
    struct pn_gate *gate;
    ngx_int_t rc = NGX_OK;

    ngx_http_postern_ask(r, &request);
    if (ctx->record->early && request.mode == PN_MODE_REQUIRED) {
        credential.kind = PN_CREDENTIAL_MALFORMED;
    }
    gate = ngx_http_postern_gate_begin(r);
    if (gate == NULL || ctx->record->blind) {
        /* blind: what looked like a password may be a token after all */
        struct pn_facts facts = {.ready = false};
        struct pn_counters counters = {.look_only = true};

        pn_decide(&request, &credential, &facts, &counters, &ctx->decision);
    } else {
        rc = ask_gate(r, ctx, gate, &request, &credential, challenge);
    }
    if (gate != NULL) {
        ngx_http_postern_gate_end(r);
    }
    if (rc == NGX_DECLINED) {
        ngx_http_postern_complain(r, "an owner's record does not fit app",
                                  loc_conf(r)->app);
        not_ready(&ctx->decision);
        rc = NGX_OK;
    }
    return rc;
}

ngx_int_t
ngx_http_postern_preaccess_handler(ngx_http_request_t *r)
{
    enum pn_challenge challenge = PN_CHALLENGE_AUTO;
    ngx_http_postern_ctx_t *ctx;

    if (!in_use(r)) {
        return NGX_DECLINED;
    }
    ctx = start(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (loc_conf(r)->mode == NGX_HTTP_POSTERN_OFF) {
        return leave_alone(r, ctx->record) == NGX_OK
                   ? NGX_DECLINED
                   : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (decide(r, ctx, &challenge) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (!ctx->record->counted && r == r->main) {
        ctx->record->counted = 1;
        ngx_http_postern_usage_note(r, ctx);
    }
    if (ctx->decision.verdict == PN_DENY) {
        return ngx_http_postern_refuse(r, ctx, challenge);
    }
    if (ctx->decision.verdict == PN_PASS
        && ngx_http_postern_cookies_drop_session(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    ctx->decided = 1;
    return NGX_DECLINED;
}

/* For "satisfy any": a token stands beside auth_basic and the like, but never
 * overrules a refusal, which PREACCESS has sent long before. */
ngx_int_t
ngx_http_postern_access_handler(ngx_http_request_t *r)
{
    ngx_http_postern_ctx_t *ctx =
        ngx_http_get_module_ctx(r, ngx_http_postern_module);

    return ctx != NULL && ctx->decided && ctx->decision.verdict == PN_ALLOW
               ? NGX_OK
               : NGX_DECLINED;
}

/* Fail closed, should some way into a location avoid PREACCESS. */
ngx_int_t
ngx_http_postern_precontent_handler(ngx_http_request_t *r)
{
    ngx_http_postern_ctx_t *ctx =
        ngx_http_get_module_ctx(r, ngx_http_postern_module);

    if (!in_use(r) || loc_conf(r)->mode == NGX_HTTP_POSTERN_OFF
        || (ctx != NULL && ctx->decided))
    {
        return NGX_DECLINED;
    }
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "postern: nobody decided about this request");
    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision table, one function a row or group of rows, tried in order.
 * The order is the contract: docs/reference/decisions.md.
 */
#include "core/decision.h"

#include "base/str.h"
#include "core/decision_row.h"

enum pn_row
pn_row_refuse(struct pn_decision *out, enum pn_where where, uint16_t status,
              enum pn_reason reason)
{
    out->verdict = PN_DENY;
    out->where = where;
    out->report = false; /* that is for what passed */
    out->reporters = 0;
    out->status = status;
    out->reason = reason;
    return PN_ROW_ANSWERED;
}

static enum pn_row
refuse(struct pn_decision *out, uint16_t status, enum pn_reason reason)
{
    return pn_row_refuse(out, PN_WHERE_NONE, status, reason);
}

static enum pn_row
pass(struct pn_decision *out)
{
    out->verdict = PN_PASS;
    out->reason = PN_REASON_NONE;
    return PN_ROW_ANSWERED;
}

/* Row 0. */
static enum pn_row
row_not_ready(const struct pn_case *c, struct pn_decision *out)
{
    if (c->facts->ready && c->facts->policy != NULL && c->facts->app != NULL) {
        return PN_ROW_NEXT;
    }
    if (c->credential->kind == PN_CREDENTIAL_NONE
        && c->request->mode == PN_MODE_OPTIONAL)
    {
        return pass(out);
    }
    return refuse(out, 503, PN_REASON_NOT_READY);
}

/* Rows 1 and 2. */
static enum pn_row
row_no_credential(const struct pn_case *c, struct pn_decision *out)
{
    if (c->credential->kind != PN_CREDENTIAL_NONE) {
        return PN_ROW_NEXT;
    }
    /* A browser sends no credential with a preflight, and takes any refusal
     * of it for a refusal of the request it is about to make. */
    if (c->request->mode == PN_MODE_OPTIONAL
        || (c->request->preflight
            && pn_str_eq(c->request->method, PN_STR("OPTIONS"))))
    {
        return pass(out);
    }
    return refuse(out, 401, PN_REASON_CREDENTIALS_MISSING);
}

/* Rows 4 and 4b. */
static enum pn_row
by_setting(enum pn_foreign setting, uint16_t block_status,
           enum pn_reason reason, struct pn_decision *out)
{
    switch (setting) {
    case PN_FOREIGN_FORWARD:
        return pass(out);
    case PN_FOREIGN_REPORT:
        (void) pass(out);
        out->reason = reason;
        out->report = true;
        return PN_ROW_ANSWERED;
    case PN_FOREIGN_BLOCK:
        break;
    }
    return pn_row_refuse(out, PN_WHERE_APP, block_status == 401 ? 401 : 403,
                         reason);
}

/* Rows 5 and 6: an attempt that may be somebody guessing. */
static enum pn_row
failure(const struct pn_case *c, enum pn_reason reason, struct pn_decision *out)
{
    static const struct pn_ip unknown; /* all of them count as one */
    struct pn_throttle *table = c->counters->failures;
    const struct pn_ip *ip =
        c->request->has_address ? &c->request->address : &unknown;
    bool look_only = c->counters->look_only;
    uint32_t wait_s, count;

    if (table != NULL) {
        count =
            pn_throttle_count(table, pn_throttle_ip_key(ip), table->window_s,
                              c->request->now, look_only ? 0 : 1, &wait_s);
        if (count + (look_only ? 1 : 0) > table->limit) {
            out->retry_after_s = wait_s;
            return refuse(out, 429, PN_REASON_TOO_MANY_FAILURES);
        }
    }
    return refuse(out, 401, reason);
}

/* Rows 3 to 5: what the credential is, as far as its text and the look-up
 * tell. */
static enum pn_row
row_credential(const struct pn_case *c, struct pn_decision *out)
{
    const struct pn_app_record *app = c->facts->app;

    switch (c->credential->kind) {
    case PN_CREDENTIAL_MALFORMED:
        return refuse(out, 400, PN_REASON_CREDENTIALS_MALFORMED);
    case PN_CREDENTIAL_MISPLACED:
        return refuse(out, 401, PN_REASON_TOKEN_MISPLACED);
    case PN_CREDENTIAL_PASSWORD:
        return by_setting(app->passwords, app->block_status,
                          PN_REASON_PASSWORD_NOT_ALLOWED, out);
    case PN_CREDENTIAL_FOREIGN:
        return by_setting(app->foreign_bearer, app->block_status,
                          PN_REASON_CREDENTIAL_NOT_ALLOWED, out);
    case PN_CREDENTIAL_BAD_TOKEN:
        return failure(c, PN_REASON_TOKEN_MALFORMED, out);
    case PN_CREDENTIAL_TOKEN:
        if (c->facts->token == NULL) {
            return failure(c, PN_REASON_TOKEN_UNKNOWN, out);
        }
        return PN_ROW_NEXT;
    case PN_CREDENTIAL_NONE:
        break;
    }
    return refuse(out, 503, PN_REASON_NOT_READY); /* no such kind */
}

static bool
is_named(struct pn_str user, const struct pn_owner_record *owner)
{
    return pn_str_eq_nocase(user, owner->username)
           || (owner->email.len > 0 && pn_str_eq_nocase(user, owner->email));
}

/* Row 6. */
static enum pn_row
row_username(const struct pn_case *c, struct pn_decision *out)
{
    const struct pn_owner_record *owner = c->facts->owner;

    /* Without the owner's record row 8 refuses. */
    if (c->credential->scheme != PN_SCHEME_BASIC || owner == NULL
        || is_named(c->credential->user, owner))
    {
        return PN_ROW_NEXT;
    }
    return failure(c, PN_REASON_USERNAME_MISMATCH, out);
}

static bool
has_come(int64_t instant, int64_t now)
{
    return instant != 0 && now >= instant;
}

/* Row 7. */
static enum pn_row
row_state(const struct pn_case *c, struct pn_decision *out)
{
    const struct pn_token_record *token = c->facts->token;
    int64_t now = c->request->now;

    if (token->flags & PN_TOKEN_REVOKED) {
        return refuse(out, 401, PN_REASON_TOKEN_REVOKED);
    }
    if (token->flags & PN_TOKEN_DISABLED) {
        return refuse(out, 401, PN_REASON_TOKEN_DISABLED);
    }
    if (has_come(token->expires_at, now)) {
        return refuse(out, 401, PN_REASON_TOKEN_EXPIRED);
    }
    if (now < token->not_before) {
        return refuse(out, 401, PN_REASON_TOKEN_NOT_YET_VALID);
    }
    if ((token->flags & PN_TOKEN_SUPERSEDED)
        || has_come(token->secret_ends_at, now))
    {
        return refuse(out, 401, PN_REASON_TOKEN_SUPERSEDED);
    }
    return PN_ROW_NEXT;
}

bool
pn_owner_permitted(const struct pn_policy_record *policy,
                   const struct pn_owner_record *owner)
{
    if ((owner->flags & PN_OWNER_ADMIN) || policy->on_loss == PN_ON_LOSS_KEEP) {
        return true;
    }
    return policy->creation_enabled
           && (policy->creation_everyone
               || pn_ids_meet(policy->grant_groups, owner->groups));
}

/* Row 8. */
static enum pn_row
row_owner(const struct pn_case *c, struct pn_decision *out)
{
    const struct pn_owner_record *owner = c->facts->owner;

    if (owner == NULL || !(owner->flags & PN_OWNER_ACTIVE)) {
        return refuse(out, 401, PN_REASON_OWNER_INACTIVE);
    }
    if (!pn_owner_permitted(c->facts->policy, owner)) {
        return pn_row_refuse(out, PN_WHERE_POLICY, 403,
                             PN_REASON_OWNER_NOT_PERMITTED);
    }
    return PN_ROW_NEXT;
}

/* Row 9. */
static enum pn_row
row_tls(const struct pn_case *c, struct pn_decision *out)
{
    if (!c->facts->policy->tls_required || c->request->tls
        || c->request->peer_is_local)
    {
        return PN_ROW_NEXT;
    }
    return pn_row_refuse(out, PN_WHERE_POLICY, 403, PN_REASON_TLS_REQUIRED);
}

/* An unknown address fails every rule. */
static bool
address_fits(const struct pn_case *c, const struct pn_iprules *rules)
{
    return c->request->has_address
           && pn_iprules_allow(rules, &c->request->address);
}

/* An address that a rule does not let in: refused, or only noted.  The first
 * rule that notes it is named. */
static enum pn_row
address_lost(enum pn_where where, enum pn_ip_report mode,
             enum pn_reporter reporter, struct pn_decision *out)
{
    if (mode != PN_IP_REPORT) {
        return pn_row_refuse(out, where, 403, PN_REASON_IP_NOT_ALLOWED);
    }
    out->where = out->report ? out->where : where;
    out->report = true;
    out->reporters |= (uint8_t) reporter;
    return PN_ROW_NEXT;
}

/* Row 10: all three levels must agree. */
static enum pn_row
row_address(const struct pn_case *c, struct pn_decision *out)
{
    const struct pn_policy_record *policy = c->facts->policy;
    const struct pn_app_record *app = c->facts->app;
    const struct pn_rules_record *rules = c->facts->rules;

    if (policy->has_ip && !address_fits(c, &policy->ip)
        && address_lost(PN_WHERE_POLICY, policy->ip_report, PN_REPORTER_POLICY,
                        out))
    {
        return PN_ROW_ANSWERED;
    }
    if (app->has_ip && !address_fits(c, &app->ip)
        && address_lost(PN_WHERE_APP, app->ip_report, PN_REPORTER_APP, out))
    {
        return PN_ROW_ANSWERED;
    }
    if (rules != NULL && rules->has_ip && !address_fits(c, &rules->ip)) {
        return pn_row_refuse(out, PN_WHERE_TOKEN, 403,
                             PN_REASON_IP_NOT_ALLOWED);
    }
    return PN_ROW_NEXT;
}

/* Row 11. */
static enum pn_row
row_app(const struct pn_case *c, struct pn_decision *out)
{
    const struct pn_app_record *app = c->facts->app;
    const struct pn_rules_record *rules = c->facts->rules;

    if (rules != NULL && rules->has_apps
        && !pn_ids_has(rules->apps, app->app_id)) {
        return pn_row_refuse(out, PN_WHERE_TOKEN, 403,
                             PN_REASON_APP_NOT_ALLOWED);
    }
    if (app->has_groups && !pn_ids_meet(app->groups, c->facts->owner->groups)) {
        return pn_row_refuse(out, PN_WHERE_APP, 403, PN_REASON_APP_NOT_ALLOWED);
    }
    return PN_ROW_NEXT;
}

/* Row 14. */
static enum pn_row
row_rate(const struct pn_case *c, struct pn_decision *out)
{
    const struct pn_rules_record *rules = c->facts->rules;
    bool look_only = c->counters->look_only;
    uint32_t count, wait_s;

    if (c->counters->rates == NULL || rules == NULL
        || rules->rate_requests == 0) {
        return PN_ROW_NEXT;
    }
    count = pn_throttle_count(c->counters->rates, c->facts->token->token_id,
                              rules->rate_seconds, c->request->now,
                              look_only ? 0 : 1, &wait_s);
    if (count + (look_only ? 1 : 0) <= rules->rate_requests) {
        return PN_ROW_NEXT;
    }
    out->retry_after_s = wait_s;
    return pn_row_refuse(out, PN_WHERE_TOKEN, 429, PN_REASON_RATE_LIMITED);
}

/* Rows 9 to 15: a good token of a good owner; is it good for this? */
static enum pn_row
row_use(const struct pn_case *c, struct pn_decision *out)
{
    if (c->facts->token->rules.len != 0 && c->facts->rules == NULL) {
        return refuse(out, 503, PN_REASON_NOT_READY); /* unreadable */
    }
    if (row_tls(c, out) || row_address(c, out) || row_app(c, out)
        || pn_row_path(c, out) || row_rate(c, out))
    {
        return PN_ROW_ANSWERED;
    }
    out->verdict = PN_ALLOW;
    out->reason = PN_REASON_OK;
    return PN_ROW_ANSWERED;
}

/* Who holds a token that exists may be named in logs, refused or not. */
static void
note_token(const struct pn_token_record *token, struct pn_decision *out)
{
    out->token_id = token->token_id;
    out->owner_id = token->owner_id;
    out->expires_at = token->expires_at;
    out->secret_known = true;
}

void
pn_decide(const struct pn_request *request,
          const struct pn_credential *credential, const struct pn_facts *facts,
          const struct pn_counters *counters, struct pn_decision *out)
{
    struct pn_decision decision = {.verdict = PN_DENY};
    struct pn_case c = {
        .request = request,
        .credential = credential,
        .facts = facts,
        .counters = counters,
    };

    if (!row_not_ready(&c, &decision) && !row_no_credential(&c, &decision)
        && !row_credential(&c, &decision))
    {
        note_token(facts->token, &decision);
        /* The last of these always answers. */
        (void) (row_username(&c, &decision) || row_state(&c, &decision)
                || row_owner(&c, &decision) || row_use(&c, &decision));
    }
    *out = decision;
}

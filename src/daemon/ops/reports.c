/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What address rules in report mode saw.  Rows tell of the rule as it was; each
 * is judged anew by the rule as it is or would be, so that a rule which was
 * mended meanwhile does not go on looking bad.
 */
#include "daemon/ops/reports.h"

#include <string.h>

#include "base/str.h"
#include "daemon/ops/inside.h"
#include "daemon/publish/records.h"

/* An address rule, compiled; absent = every address is fine. */
struct rule {
    bool known, present;
    struct pn_iprules ip;
};

static enum pn_err
compile(const struct pn_ip_policy *ip, struct pn_arena *arena, struct rule *out)
{
    struct rule rule = {.known = true, .present = ip->present};
    enum pn_err err = ip->present ? pn_rules_of_ip(ip, arena, &rule.ip) : PN_OK;
    if (err == PN_OK) {
        *out = rule;
    }
    return err;
}

/* An unknown address fails every rule, as at the gate. */
static bool
refuses(const struct rule *rule, const struct pn_address_report *seen)
{
    return rule->present
           && !(seen->has_address
                && pn_iprules_allow(&rule->ip, &seen->address));
}

/* --- the list ------------------------------------------------------------ */

/* The rules that the rows of a page name; apps come and go in any order. */
struct rules_now {
    struct pn_store *store;
    struct pn_arena *arena;
    struct rule policy, app;
    const char *app_name; /* that app is of */
};

static enum pn_err
load_app(struct rules_now *now, const char *name)
{
    struct pn_app app;
    if (now->app_name != NULL && strcmp(now->app_name, name) == 0) {
        return PN_OK;
    }
    now->app = (struct rule){0};
    now->app_name = name;
    enum pn_err err =
        pn_store_app_by_name(now->store, pn_str_from(name), now->arena, &app);
    if (err == PN_E_NOT_FOUND) {
        return PN_OK;
    }
    return err == PN_OK ? compile(&app.ip, now->arena, &now->app) : err;
}

static enum pn_err
judge(struct rules_now *now, struct pn_report *report)
{
    const struct pn_address_report *seen = &report->seen;
    const struct rule *rule = &now->policy;
    if (seen->rule == PN_REPORTER_APP) {
        enum pn_err err = load_app(now, seen->app);
        if (err != PN_OK) {
            return err;
        }
        rule = &now->app;
    }
    if (rule->known && !seen->further) {
        report->now =
            refuses(rule, seen) ? PN_REPORT_REFUSED : PN_REPORT_ALLOWED;
    }
    return PN_OK;
}

static enum pn_err
judge_all(struct pn_store *store, const struct pn_address_report_list *rows,
          struct pn_arena *arena, struct pn_report_list *out)
{
    struct rules_now now = {.store = store, .arena = arena};
    struct pn_policy policy;
    struct pn_report_list list = {
        .item = pn_arena_array(arena, rows->count + 1U, sizeof(*list.item)),
        .count = rows->count,
        .next = rows->next,
        .beyond = rows->beyond};
    if (list.item == NULL) {
        return PN_E_NOMEM;
    }
    enum pn_err err = pn_store_policy(store, arena, &policy);
    if (err == PN_OK) {
        err = compile(&policy.ip, arena, &now.policy);
    }
    for (uint16_t i = 0; err == PN_OK && i < rows->count; i++) {
        list.item[i].seen = rows->item[i];
        err = judge(&now, &list.item[i]);
    }
    if (err == PN_OK) {
        *out = list;
    }
    return err;
}

bool
pn_ops_reports(struct pn_ops *ops, const struct pn_caller *caller,
               const struct pn_report_query *query, struct pn_arena *arena,
               struct pn_report_list *out, struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    struct pn_address_report_list rows;
    struct pn_address_report_filter filter = {.rule = query->rule,
                                              .app = query->app,
                                              .token_id = query->token_id,
                                              .since = query->since};
    if (!pn_read_begin(ops, caller, PN_READ_USAGE, arena, fault, &store)) {
        return false;
    }
    enum pn_err err =
        pn_list_owner(store, caller, query->owner, arena, &filter.owner_id);
    if (err == PN_OK) {
        err = pn_store_address_reports(store, &filter, &query->page, arena,
                                       &rows);
    }
    if (err == PN_OK) {
        err = judge_all(store, &rows, arena, out);
    }
    return pn_read_end(ops, store, err, arena, fault);
}

/* --- what it comes to ---------------------------------------------------- */

struct sum {
    struct rule rule;
    struct pn_report_figures figures;
    uint64_t token_id, owner_id; /* counted last */
};

static enum pn_err
add(void *arg, const struct pn_address_report *seen)
{
    struct sum *sum = arg;
    if (seen->further) {
        sum->figures.unlisted += seen->uses;
        return PN_OK;
    }
    if (!refuses(&sum->rule, seen)) {
        return PN_OK;
    }
    sum->figures.requests += seen->uses;
    sum->figures.tokens += seen->token_id != sum->token_id;
    sum->figures.owners += seen->owner_id != sum->owner_id;
    sum->token_id = seen->token_id;
    sum->owner_id = seen->owner_id;
    return PN_OK;
}

enum pn_err
pn_report_figures_of(struct pn_store *store, const struct pn_ip_policy *ip,
                     const char *app, struct pn_arena *arena,
                     struct pn_report_figures *out)
{
    struct sum sum = {.token_id = 0};
    enum pn_err err = compile(ip, arena, &sum.rule);
    if (err == PN_OK) {
        err = pn_store_each_address_report(store, app, add, &sum);
    }
    if (err == PN_OK) {
        *out = sum.figures;
    }
    return err;
}

bool
pn_report_ends(const struct pn_ip_policy *before,
               const struct pn_ip_policy *after)
{
    return before->present && before->report == PN_IP_REPORT && after->present
           && after->report == PN_IP_ENFORCE;
}

bool
pn_warn_of_reports(struct pn_task *task, const struct pn_ip_policy *before,
                   const struct pn_ip_policy *after, const char *app)
{
    struct pn_report_figures figures;
    if (!pn_report_ends(before, after)) {
        return true;
    }
    enum pn_err err =
        pn_report_figures_of(task->store, after, app, task->arena, &figures);
    if (err != PN_OK) {
        return pn_task_store_error(task, err);
    }
    return figures.tokens == 0
           || pn_task_warn(task,
                           "ip_rules: %llu %s of %llu %s used in the last %d"
                           " days from addresses that are refused",
                           (unsigned long long) figures.tokens,
                           figures.tokens == 1 ? "token" : "tokens",
                           (unsigned long long) figures.owners,
                           figures.owners == 1 ? "owner was" : "owners were",
                           PN_REPORT_DAYS);
}

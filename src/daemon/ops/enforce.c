/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting a policy in force on the tokens that are there, inside the change's
 * own transaction.  One row of the feed names them all: the version that set
 * their ends.
 */
#include "daemon/ops/effect.h"
#include "daemon/ops/inside.h"

struct enforcing {
    struct pn_task *task;
    struct pn_measure measure;
    struct pn_enforcement how;
    uint32_t changed;
};

static enum pn_err
/* NOLINTNEXTLINE(readability-non-const-parameter): pn_facts_fn */
enforce_on(void *arg, const struct pn_token_facts *token, bool *enough)
{
    struct enforcing *e = arg;
    enum pn_because because;
    int64_t end = pn_measure_end(&e->measure, token, &e->how, &because);
    (void) enough;
    if (end == token->policy_expires_at) {
        return PN_OK;
    }
    e->changed++;
    return pn_store_token_policy_end(e->task->store, token->id, end,
                                     e->measure.policy->version);
}

enum pn_err
pn_policy_enforce(struct pn_task *task, const struct pn_policy *policy,
                  uint32_t *changed)
{
    struct enforcing e = {.task = task,
                          .how = {.when = task->change->enforce,
                                  .days = task->change->enforce_days,
                                  .now = task->now}};
    struct pn_facts_query query = {.now = task->now};
    enum pn_err err =
        pn_measure_of(task->store, policy, task->arena, &e.measure);
    query.which =
        e.how.when == PN_ENFORCE_NEW ? PN_FACTS_ENDED_BY_POLICY : PN_FACTS_ALL;
    query.with =
        pn_measure_needs_rules(&e.measure) ? PN_FACTS_RULES : PN_FACTS_PLAIN;
    if (err == PN_OK) {
        err = pn_store_each_token_facts(task->store, &query, enforce_on, &e);
    }
    if (err == PN_OK && e.changed > 0) {
        err = pn_store_change_add(task->store, PN_CHANGE_ENDS, policy->version,
                                  NULL);
        task->feeds = true;
    }
    if (err == PN_OK) {
        *changed = e.changed;
    }
    return err;
}

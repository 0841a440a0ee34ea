/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy as it was parsed last, kept by the connection.
 *
 * Every change and every request reads the policy, which hardly ever differs
 * from the time before: its version says so, and nothing has to be parsed
 * again.  What was lent stays valid until the borrower's arena ends, wherever
 * that happens and whatever the connection keeps by then: hence the count.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "daemon/store/internal.h"

struct pn_kept_policy {
    atomic_uint holders; /* the connection, and each arena it was lent to */
    struct pn_arena *arena;
    struct pn_policy policy; /* lives in arena */
};

static void
let_go(void *arg)
{
    struct pn_kept_policy *kept = arg;

    if (atomic_fetch_sub(&kept->holders, 1) == 1) {
        pn_arena_free(kept->arena);
        free(kept);
    }
}

void
pn_policy_forget(struct pn_store *store)
{
    if (store->policy != NULL) {
        let_go(store->policy);
        store->policy = NULL;
    }
}

enum pn_err
pn_policy_keep(struct pn_store *store, struct pn_arena *arena,
               const struct pn_policy *policy)
{
    struct pn_kept_policy *kept = malloc(sizeof(*kept));

    if (kept == NULL) {
        pn_arena_free(arena);
        return PN_E_NOMEM;
    }
    atomic_init(&kept->holders, 1);
    kept->arena = arena;
    kept->policy = *policy;
    pn_policy_forget(store);
    store->policy = kept;
    return PN_OK;
}

bool
pn_policy_is_kept(const struct pn_store *store, uint64_t version)
{
    return store->policy != NULL && store->policy->policy.version == version;
}

enum pn_err
pn_policy_lend(struct pn_store *store, struct pn_arena *arena,
               struct pn_policy *out)
{
    struct pn_kept_policy *kept = store->policy;
    enum pn_err err = pn_arena_defer(arena, let_go, kept);

    if (err == PN_OK) {
        atomic_fetch_add(&kept->holders, 1);
        *out = kept->policy;
    }
    return err;
}

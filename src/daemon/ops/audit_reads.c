/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and verifying the audit, on read connections. */
#include "daemon/ops/inside.h"

bool
pn_ops_audit(struct pn_ops *ops, const struct pn_caller *caller,
             const struct pn_audit_query *query, struct pn_arena *arena,
             struct pn_audit_list *out, struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    if (!pn_may_read(caller, PN_READ_AUDIT, arena, fault)) {
        return false;
    }
    enum pn_err err = pn_reader_take(ops, &store);
    if (err == PN_OK) {
        err = pn_store_audit(store, query, arena, out);
        pn_reader_give(ops, store);
    }
    return err == PN_OK ? true : pn_fault_store(fault, arena, err);
}

bool
pn_ops_audit_verify(struct pn_ops *ops, const struct pn_caller *caller,
                    struct pn_audit_check *check, struct pn_arena *arena,
                    struct pn_fault *fault)
{
    struct pn_store *store = NULL;
    if (!pn_may_read(caller, PN_READ_AUDIT, arena, fault)) {
        return false;
    }
    enum pn_err err = pn_reader_take(ops, &store);
    if (err == PN_OK) {
        err = pn_store_audit_verify(store, check);
        pn_reader_give(ops, store);
    }
    return err == PN_OK ? true : pn_fault_store(fault, arena, err);
}

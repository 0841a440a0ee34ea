/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rows of the decision table share; for core/decision*.c only.
 *
 * A row returns PN_ROW_ANSWERED when it filled the decision, PN_ROW_NEXT
 * otherwise.
 */
#ifndef PN_CORE_DECISION_ROW_H
#define PN_CORE_DECISION_ROW_H

#include "core/decision.h"

enum pn_row { PN_ROW_NEXT = 0, PN_ROW_ANSWERED };

/* The question. */
struct pn_case {
    const struct pn_request *request;
    const struct pn_credential *credential;
    const struct pn_facts *facts;
    const struct pn_counters *counters;
};

enum pn_row pn_row_refuse(struct pn_decision *out, enum pn_where where,
                          uint16_t status, enum pn_reason reason);

/* Rows 12 and 13: path and read-only. */
enum pn_row pn_row_path(const struct pn_case *c, struct pn_decision *out);

#endif

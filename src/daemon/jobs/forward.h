/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forwards the audit to one syslog receiver: in order, each event at least
 * once, in a thread of its own that nothing else waits for.
 *
 * Syslog has no answers.  What was sent counts as received when the other
 * system has acknowledged it and the connection has held for some seconds
 * after; the store keeps that position.  Whatever breaks, sending goes on
 * behind it, so that the last seconds may come twice and nothing is left out.
 * Of several nodes with one store, one sends.
 */
#ifndef PN_DAEMON_JOBS_FORWARD_H
#define PN_DAEMON_JOBS_FORWARD_H

#include "daemon/ops/audit.h"
#include "daemon/syslog/receiver.h"

struct pn_forwarder;

struct pn_forward_status {
    const char *name;
    bool leads;          /* this node sends, and no other */
    bool up;             /* connected */
    uint64_t behind;     /* events that wait */
    uint64_t sent_total; /* messages, those that came twice, too */
    uint64_t failures_total;
};

/* ops and receiver outlive it. */
PN_MUST_USE enum pn_err
pn_forwarder_start(struct pn_ops *ops,
                   const struct pn_syslog_receiver *receiver,
                   struct pn_forwarder **out);
/* Sends no more, and waits some seconds for what is on its way; NULL is fine.
 */
void pn_forwarder_stop(struct pn_forwarder *forwarder);
void pn_forwarder_status(struct pn_forwarder *forwarder,
                         struct pn_forward_status *out);

#endif

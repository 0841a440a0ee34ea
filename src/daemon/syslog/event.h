/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Audit events as syslog messages (docs/formats/audit.md): JSON as GET /audit
 * has it, in ASCII, and the members by which receivers sort as structured data.
 *
 * A message never exceeds the receiver's limit: what does not fit is left out,
 * and a member "cut" names it and its length.  No I/O; any thread.
 */
#ifndef PN_DAEMON_SYSLOG_EVENT_H
#define PN_DAEMON_SYSLOG_EVENT_H

#include "base/arena.h"
#include "daemon/model/codec.h"
#include "daemon/syslog/message.h"
#include "daemon/syslog/receiver.h"

/* *out is in the arena, at most receiver->max_bytes long.  PN_E_NOMEM. */
PN_MUST_USE enum pn_err
pn_syslog_event(const struct pn_audit_event *event,
                const struct pn_syslog_receiver *receiver,
                const struct pn_syslog_origin *origin, struct pn_arena *arena,
                struct pn_str *out);

/* Something about the sending itself that the receiver must know. */
struct pn_syslog_note {
    const char *id;    /* "syslog.gap", … */
    uint64_t from, to; /* positions of events, both included */
    const char *because;
};
PN_MUST_USE enum pn_err
pn_syslog_note(const struct pn_syslog_note *note, int64_t at,
               const struct pn_syslog_receiver *receiver,
               const struct pn_syslog_origin *origin, struct pn_arena *arena,
               struct pn_str *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiving end of what nginx workers report: who used which token.
 *
 * Two threads: one empties the socket at once, whatever the database does, the
 * other writes what was used, added up, in batches.  Datagrams are
 * untrusted: the kernel says who sent one, and a decoder refuses the rest.
 */
#ifndef PN_DAEMON_JOBS_USAGE_H
#define PN_DAEMON_JOBS_USAGE_H

#include <sys/types.h>

#include "base/defs.h"
#include "daemon/ops/ops.h"

enum {
    PN_USAGE_TOKENS_MAX = 16384, /* kept between two writes; more are lost */
    PN_USAGE_LINES_MAX = 50,     /* log lines a second; more are counted */
    PN_USAGE_SENDERS_MAX = 16,
};

struct pn_usage_options {
    int fd;              /* pn_usage_listen(); the receiver's from here on */
    uint32_t interval_s; /* between two writes */
    uid_t sender[PN_USAGE_SENDERS_MAX]; /* who is believed */
    unsigned sender_count;
    struct pn_ops *ops; /* outlives the receiver */
};

struct pn_usage_totals {
    uint64_t datagrams, refused, lines, lost;
};

struct pn_usage_receiver;

/* A datagram socket at path with that mode.  PN_E_IO, PN_E_TOO_LONG,
 * PN_E_EXISTS (something else is there). */
PN_MUST_USE enum pn_err pn_usage_listen(const char *path, unsigned mode,
                                        int *fd);

PN_MUST_USE enum pn_err pn_usage_start(const struct pn_usage_options *options,
                                       struct pn_usage_receiver **out);
/* Writes what is left; NULL is fine. */
void pn_usage_stop(struct pn_usage_receiver *receiver);
/* From the next datagram on: who is believed; between two writes: how long. */
void pn_usage_configure(struct pn_usage_receiver *receiver,
                        const struct pn_usage_options *options);
void pn_usage_totals(struct pn_usage_receiver *receiver,
                     struct pn_usage_totals *out);
/* A use that posternd itself has seen. */
void pn_usage_take(struct pn_usage_receiver *receiver,
                   const struct pn_usage *line);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of TLS over a socket that does not block.  The receiver's
 * certificate and name are verified, always.  tls.c is the only file that sees
 * openssl/ssl.h.  One connection is not for two threads at once.
 */
#ifndef PN_DAEMON_SYSLOG_TLS_H
#define PN_DAEMON_SYSLOG_TLS_H

#include <sys/types.h>

#include "daemon/syslog/receiver.h"

enum { PN_TLS_WHY_MAX = 256 };

struct pn_tls;

/* What a call came to. */
enum pn_tls_step {
    PN_TLS_DONE = 0,
    PN_TLS_WANT_READ, /* again, when the socket can be read */
    PN_TLS_WANT_WRITE,
    PN_TLS_CLOSED, /* the other side ended in order */
    PN_TLS_FAILED, /* pn_tls_why() */
};

/*
 * Reads the receiver's ca, certificate and key; fd stays the caller's and may
 * be -1 to find out whether they are usable.  PN_E_IO with why, PN_E_NOMEM.
 */
PN_MUST_USE enum pn_err pn_tls_new(const struct pn_syslog_receiver *receiver,
                                   int fd, char why[PN_TLS_WHY_MAX],
                                   struct pn_tls **out);
void pn_tls_free(struct pn_tls *tls); /* NULL is fine */

PN_MUST_USE enum pn_tls_step pn_tls_handshake(struct pn_tls *tls);
/* *done may be less than len. */
PN_MUST_USE enum pn_tls_step pn_tls_write(struct pn_tls *tls, const void *bytes,
                                          size_t len, size_t *done);
/* Reads and forgets what the other side says; DONE = it said something. */
PN_MUST_USE enum pn_tls_step pn_tls_listen(struct pn_tls *tls);
/* Says that nothing more comes. */
PN_MUST_USE enum pn_tls_step pn_tls_say_end(struct pn_tls *tls);

const char *pn_tls_why(const struct pn_tls *tls);

#endif

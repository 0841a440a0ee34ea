/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where syslog messages go: "unix:/dev/log", "udp://HOST", "tcp://HOST" or
 * "tls://HOST", each HOST with an optional ":PORT".  No I/O; any thread.
 */
#ifndef PN_DAEMON_SYSLOG_PLACE_H
#define PN_DAEMON_SYSLOG_PLACE_H

#include "base/defs.h"

enum pn_syslog_kind {
    PN_SYSLOG_LOCAL = 0, /* a datagram socket of this machine */
    PN_SYSLOG_UDP,       /* RFC 5426 */
    PN_SYSLOG_TCP,       /* RFC 6587, octet counting */
    PN_SYSLOG_TLS,       /* RFC 5425 */
};

enum {
    PN_SYSLOG_HOST_MAX = 253, /* of a name (RFC 1035) and of a path */
    PN_SYSLOG_PATH_MAX = 107,
};

struct pn_syslog_place {
    enum pn_syslog_kind kind;
    char host[PN_SYSLOG_HOST_MAX + 1]; /* without brackets; LOCAL: the path */
    char port[6];                      /* "" for LOCAL */
};

/*
 * Without a port: 514 for udp, 601 for tcp, 6514 for tls (the numbers that IANA
 * has for them).  An IPv6 address stands in brackets.  PN_E_SYNTAX.
 */
PN_MUST_USE enum pn_err pn_syslog_place_parse(struct pn_str text,
                                              struct pn_syslog_place *out);

#endif

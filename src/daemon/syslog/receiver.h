/* SPDX-License-Identifier: Apache-2.0 */
/* One receiver of audit events, as posternd's configuration describes it. */
#ifndef PN_DAEMON_SYSLOG_RECEIVER_H
#define PN_DAEMON_SYSLOG_RECEIVER_H

#include "daemon/syslog/place.h"

enum {
    PN_SYSLOG_RECEIVERS_MAX = 4,
    PN_SYSLOG_NAME_MAX = 32,      /* of a receiver; also in the store */
    PN_SYSLOG_MESSAGE_MIN = 2048, /* any receiver should take that (RFC 5424) */
    PN_SYSLOG_MESSAGE_MAX = 65000,
    PN_SYSLOG_FACILITY_MAX = 23,
};

/* Texts are the configuration's; NULL = not given. */
struct pn_syslog_receiver {
    const char *name;
    struct pn_syslog_place place;
    uint8_t facility;    /* its number (RFC 5424, table 1) */
    uint32_t max_bytes;  /* of a message, without its length in front */
    uint32_t enterprise; /* number behind "postern@"; 0 = no structured data */
    enum {
        PN_SYSLOG_ALL = 0,
        PN_SYSLOG_NEW
    } begin; /* for a receiver that the store does not know yet */
    /* TLS */
    const char *ca;          /* authorities; NULL = the system's */
    const char *certificate; /* our own, with its key */
    const char *key;
    const char *tls_name; /* in the receiver's certificate; NULL = the host */
};

/* The number of a facility by its name ("auth", "local0"); -1 = none. */
int pn_syslog_facility(struct pn_str name);

#endif

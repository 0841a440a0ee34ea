/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message as its bytes: RFC 5424 for receivers elsewhere, and the older
 * form of syslog(3) for the socket of this machine.  No I/O; any thread.
 */
#ifndef PN_DAEMON_SYSLOG_MESSAGE_H
#define PN_DAEMON_SYSLOG_MESSAGE_H

#include "base/buf.h"

enum { PN_SYSLOG_PARAMS_MAX = 8 };

enum pn_syslog_severity {
    PN_SYSLOG_WARNING = 4,
    PN_SYSLOG_NOTICE = 5,
    PN_SYSLOG_INFO = 6,
};

/* One parameter of structured data; the name is a literal. */
struct pn_syslog_param {
    const char *name;
    struct pn_str value; /* any bytes */
};

/* Who sends, and as what. */
struct pn_syslog_origin {
    const char *host; /* "" = not known */
    long pid;
    uint8_t facility;    /* 0 to 23 */
    uint32_t enterprise; /* of the structured data; 0 = none of ours */
};

struct pn_syslog_message {
    const struct pn_syslog_origin *origin;
    enum pn_syslog_severity severity;
    int64_t at; /* Unix seconds */
    const char *id;
    struct pn_syslog_param param[PN_SYSLOG_PARAMS_MAX];
    uint8_t param_count;
    struct pn_str text; /* printable ASCII */
};

/*
 * RFC 5424 section 6.  Host and id lose what is not printable ASCII and what
 * is too long.  In values of parameters '"', '\' and ']' are escaped (section
 * 6.3.3); control characters and what is not UTF-8 become '?', since they would
 * break lines at receivers.
 */
void pn_syslog_rfc5424(const struct pn_syslog_message *message,
                       struct pn_buf *out);

/* "<86>Nov 25 19:30:00 posternd[1]: text", as syslog(3) writes it. */
void pn_syslog_local(const struct pn_syslog_message *message,
                     struct pn_buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Names of syslog's facilities. */
#include "daemon/syslog/receiver.h"

#include "base/str.h"

int
pn_syslog_facility(struct pn_str name)
{
    /* Those that a daemon may choose (RFC 5424, table 1). */
    static const struct {
        const char *name;
        int number;
    } rows[] = {
        {"user", 1},    {"daemon", 3},  {"auth", 4},    {"authpriv", 10},
        {"audit", 13},  {"local0", 16}, {"local1", 17}, {"local2", 18},
        {"local3", 19}, {"local4", 20}, {"local5", 21}, {"local6", 22},
        {"local7", 23},
    };

    for (size_t i = 0; i < PN_LEN(rows); i++) {
        if (pn_str_eq(name, pn_str_from(rows[i].name))) {
            return rows[i].number;
        }
    }
    return -1;
}

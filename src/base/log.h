/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines of posternd and the command line: "level event=name key=value…"
 * on standard error, one write(2) a line, with journald's "<N>" prefix when
 * JOURNAL_STREAM is set.  Values with blanks or quotes are quoted; control
 * bytes are escaped, so no input can forge a line.
 *
 * base and core never call this; nginx logs through nginx.  Any thread.
 * Every event= name stands in docs/reference/log-events.md.
 */
#ifndef PN_BASE_LOG_H
#define PN_BASE_LOG_H

#include "base/defs.h"

enum pn_log_level {
    PN_LOG_ERROR = 0,
    PN_LOG_WARNING,
    PN_LOG_INFO,
    PN_LOG_DEBUG
};

void pn_log_set_level(enum pn_log_level level);

/*
 * event is a literal.  Then pairs (const char *key, const char *value), ended
 * by NULL: pn_log(PN_LOG_INFO, "listening", "address", addr, NULL).
 */
void pn_log(enum pn_log_level level, const char *event, ...)
    __attribute__((sentinel));

#endif

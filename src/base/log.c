/* SPDX-License-Identifier: Apache-2.0 */
/* One line an event, one write(2) a line. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"

enum { LINE_MAX_BYTES = 2048 };

static _Atomic int max_level = PN_LOG_INFO;

static const struct {
    const char *text;
    const char *journal; /* sd-daemon(3) priority */
} levels[] = {
    [PN_LOG_ERROR] = {"error", "<3>"},
    [PN_LOG_WARNING] = {"warning", "<4>"},
    [PN_LOG_INFO] = {"info", "<6>"},
    [PN_LOG_DEBUG] = {"debug", "<7>"},
};

void
pn_log_set_level(enum pn_log_level level)
{
    atomic_store(&max_level, (int) level);
}

static bool
needs_quotes(struct pn_str value)
{
    if (value.len == 0) {
        return true;
    }
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = (uint8_t) value.ptr[i];

        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '=') {
            return true;
        }
    }
    return false;
}

static void
add_value(struct pn_buf *line, struct pn_str value)
{
    if (needs_quotes(value)) {
        pn_buf_add_json(line, value);
    } else {
        pn_buf_add(line, value);
    }
}

static void
write_line(struct pn_str line)
{
    while (line.len > 0) {
        ssize_t n = write(STDERR_FILENO, line.ptr, line.len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return; /* nobody is left to tell */
        }
        line.ptr += n;
        line.len -= (size_t) n;
    }
}

void
pn_log(enum pn_log_level level, const char *event, ...)
{
    char bytes[LINE_MAX_BYTES + 1]; /* always room for the newline */
    struct pn_buf line = {.ptr = bytes, .cap = LINE_MAX_BYTES};
    const char *key;
    va_list ap;

    if ((int) level > atomic_load(&max_level)) {
        return;
    }
    /* Set by systemd before main; nobody changes the environment later. */
    if (getenv("JOURNAL_STREAM") != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        pn_buf_add_cstr(&line, levels[level].journal);
    }
    pn_buf_addf(&line, "%s event=%s", levels[level].text, event);
    va_start(ap, event);
    while ((key = va_arg(ap, const char *)) != NULL) {
        const char *value = va_arg(ap, const char *);

        pn_buf_addf(&line, " %s=", key);
        add_value(&line, pn_str_from(value == NULL ? "" : value));
    }
    va_end(ap);
    bytes[line.len++] = '\n';
    write_line(pn_buf_str(&line));
}

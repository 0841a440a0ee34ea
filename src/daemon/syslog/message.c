/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of syslog: their heads and structured data. */
#include "daemon/syslog/message.h"

#include <time.h>

#include "base/datetime.h"
#include "base/str.h"

enum { HOST_MAX = 255, ID_MAX = 32 };

#define APP_NAME "posternd"

static void
add_priority(const struct pn_syslog_message *message, struct pn_buf *out)
{
    pn_buf_addf(out, "<%u>",
                message->origin->facility * 8U + (unsigned) message->severity);
}

/* A field of the head: printable ASCII without blanks; "-" when there is
 * nothing. */
static void
add_field(const char *text, size_t max, struct pn_buf *out)
{
    size_t added = 0;

    for (; *text != '\0' && added < max; text++) {
        if (*text > ' ' && *text <= '~') {
            pn_buf_add_char(out, *text);
            added++;
        }
    }
    if (added == 0) {
        pn_buf_add_char(out, '-');
    }
}

/* --- structured data ----------------------------------------------------- */

/* C1 control characters are two bytes in UTF-8: 0xc2, 0x80 to 0x9f. */
static bool
is_c1(struct pn_str text, size_t i)
{
    return (uint8_t) text.ptr[i] == 0xc2 && i + 1 < text.len
           && (uint8_t) text.ptr[i + 1] < 0xa0;
}

static void
add_value(struct pn_str value, struct pn_buf *out)
{
    const bool utf8 = pn_str_is_utf8(value);

    for (size_t i = 0; i < value.len; i++) {
        const uint8_t c = (uint8_t) value.ptr[i];

        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8)) {
            pn_buf_add_char(out, '?');
        } else if (is_c1(value, i)) {
            pn_buf_add_char(out, '?');
            i++;
        } else {
            if (c == '"' || c == '\\' || c == ']') {
                pn_buf_add_char(out, '\\');
            }
            pn_buf_add_char(out, (char) c);
        }
    }
}

static void
add_data(const struct pn_syslog_message *message, struct pn_buf *out)
{
    pn_buf_add_cstr(out, "[origin software=\"postern\" swVersion=\"" PN_VERSION
                         "\"]");
    if (message->origin->enterprise == 0 || message->param_count == 0) {
        return;
    }
    pn_buf_addf(out, "[postern@%lu",
                (unsigned long) message->origin->enterprise);
    for (uint8_t i = 0; i < message->param_count; i++) {
        pn_buf_addf(out, " %s=\"", message->param[i].name);
        add_value(message->param[i].value, out);
        pn_buf_add_char(out, '"');
    }
    pn_buf_add_char(out, ']');
}

/* --- the two forms ------------------------------------------------------- */

void
pn_syslog_rfc5424(const struct pn_syslog_message *message, struct pn_buf *out)
{
    char at[PN_DATETIME_LEN + 1];

    if (pn_datetime_format(message->at, at) != PN_OK) {
        at[0] = '-'; /* "not known" */
        at[1] = '\0';
    }
    add_priority(message, out);
    pn_buf_addf(out, "1 %s ", at);
    add_field(message->origin->host, HOST_MAX, out);
    pn_buf_addf(out, " " APP_NAME " %ld ", message->origin->pid);
    add_field(message->id, ID_MAX, out);
    pn_buf_add_char(out, ' ');
    add_data(message, out);
    pn_buf_add_char(out, ' ');
    pn_buf_add(out, message->text);
}

void
pn_syslog_local(const struct pn_syslog_message *message, struct pn_buf *out)
{
    const time_t at = (time_t) message->at;
    char text[32] = "";
    struct tm local;

    /* In local time: receivers read it so. */
    if (localtime_r(&at, &local) == NULL
        || strftime(text, sizeof(text), "%b %e %H:%M:%S", &local) == 0)
    {
        text[0] = '\0';
    }
    add_priority(message, out);
    pn_buf_addf(out, "%s%s" APP_NAME "[%ld]: ", text,
                text[0] != '\0' ? " " : "", message->origin->pid);
    pn_buf_add(out, message->text);
}

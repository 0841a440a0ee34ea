/* SPDX-License-Identifier: Apache-2.0 */
/* A line on standard error that says how far work has got. */
#include "base/progress.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

enum {
    BAR_LEN = 20,
    TERMINAL_MS = 100,
    LOG_MS = 5000,
    SETTLED_MS = 1000, /* before that a rate means nothing */
};

/* 41,200 */
static void
add_number(struct pn_buf *out, uint64_t number)
{
    char digits[24];
    struct pn_buf text = PN_BUF(digits);

    pn_buf_add_u64(&text, number);
    for (size_t i = 0; i < text.len; i++) {
        if (i > 0 && (text.len - i) % 3 == 0) {
            pn_buf_add_char(out, ',');
        }
        pn_buf_add_char(out, digits[i]);
    }
}

static void
add_bar(struct pn_buf *out, uint64_t done, uint64_t total)
{
    const unsigned filled =
        done >= total ? BAR_LEN
                      : (unsigned) ((double) done / (double) total * BAR_LEN);

    pn_buf_add_cstr(out, "  [");
    for (unsigned i = 0; i < BAR_LEN; i++) {
        pn_buf_add_char(out, i < filled ? '=' : i == filled ? '>' : ' ');
    }
    pn_buf_add_cstr(out, "]");
}

void
pn_progress_line(const struct pn_progress *progress, uint64_t done,
                 int64_t elapsed_ms, struct pn_buf *out)
{
    const uint64_t total = progress->total;

    pn_buf_add_cstr(out, progress->what);
    if (total > 0) {
        add_bar(out, done, total);
    }
    pn_buf_add_cstr(out, "  ");
    add_number(out, done);
    if (total > 0) {
        pn_buf_add_char(out, '/');
        add_number(out, total);
    }
    if (elapsed_ms >= SETTLED_MS && done > 0) {
        const double rate = (double) done * 1000 / (double) elapsed_ms;

        pn_buf_add_cstr(out, "  ");
        add_number(out, (uint64_t) rate);
        pn_buf_add_cstr(out, "/s");
        if (done < total) {
            pn_buf_addf(out, "  %" PRIu64 " s left",
                        (uint64_t) ((double) (total - done) / rate) + 1);
        }
    }
    if (progress->note != NULL) {
        pn_buf_addf(out, "  (%s)", progress->note);
    }
}

static void
write_line(struct pn_progress *progress, uint64_t done, int64_t now)
{
    char bytes[PN_PROGRESS_LINE_MAX + 8];
    struct pn_buf line = {.ptr = bytes, .cap = PN_PROGRESS_LINE_MAX};
    struct pn_str text;

    if (progress->terminal) {
        pn_buf_add_cstr(&line, "\r");
    }
    pn_progress_line(progress, done, now - progress->started_ms, &line);
    /* erases what a longer line before it left there */
    text = progress->terminal ? PN_STR("\033[K") : PN_STR("\n");
    memcpy(bytes + line.len, text.ptr, text.len);
    line.len += text.len;
    (void) !write(STDERR_FILENO, bytes, line.len);
    progress->shown = true;
    progress->shown_ms = now;
}

void
pn_progress_begin(struct pn_progress *progress)
{
    progress->terminal = isatty(STDERR_FILENO) != 0;
    progress->shown = false;
    progress->started_ms = progress->shown_ms = pn_clock_ms();
}

void
pn_progress_show(struct pn_progress *progress, uint64_t done)
{
    const int64_t now = progress->quiet ? 0 : pn_clock_ms();

    if (!progress->quiet
        && now - progress->shown_ms
               >= (progress->terminal ? TERMINAL_MS : LOG_MS))
    {
        write_line(progress, done, now);
    }
}

void
pn_progress_end(struct pn_progress *progress, uint64_t done)
{
    if (progress->shown) {
        write_line(progress, done, pn_clock_ms());
        if (progress->terminal) {
            (void) !write(STDERR_FILENO, "\n", 1);
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far long work has got, on standard error:
 *
 *     importing users  [======>    ]  41,200/100,000  3,200/s  18 s left
 *
 * On a terminal one line, written over at most ten times a second; elsewhere a
 * line every five seconds; nothing for work that ends before that.  One thread.
 */
#ifndef PN_BASE_PROGRESS_H
#define PN_BASE_PROGRESS_H

#include "base/buf.h"

struct pn_progress {
    const char *what;
    uint64_t total;   /* 0 = unknown */
    const char *note; /* stands behind the numbers; NULL = nothing */
    bool quiet;       /* say nothing */
    /* its own */
    bool terminal, shown;
    int64_t started_ms, shown_ms;
};

/* what and total were set. */
void pn_progress_begin(struct pn_progress *progress);
void pn_progress_show(struct pn_progress *progress, uint64_t done);
/* The last line stays. */
void pn_progress_end(struct pn_progress *progress, uint64_t done);

/* The line itself. */
enum { PN_PROGRESS_LINE_MAX = 200 };
void pn_progress_line(const struct pn_progress *progress, uint64_t done,
                      int64_t elapsed_ms, struct pn_buf *out);

#endif

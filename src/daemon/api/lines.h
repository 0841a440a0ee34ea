/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer of JSON lines (application/jsonl) of any length: pages are read,
 * and lines made of them, while it is sent, so that it needs little memory.  A
 * page that cannot be read cuts the connection: nobody shall take a part for
 * the whole.
 */
#ifndef PN_DAEMON_API_LINES_H
#define PN_DAEMON_API_LINES_H

#include "daemon/api/call.h"

enum { PN_LINES_CURSOR_MAX = 2048 };

/* What read() has found. */
struct pn_lines_page {
    const void *item; /* in the arena */
    size_t size;      /* of one */
    size_t count;
    bool more; /* there is another page */
};

/* Where lines come from.  A struct of the caller's begins with this one; it is
 * calloc()ed and becomes the answer's. */
struct pn_lines_source {
    struct pn_ops *ops;
    struct pn_caller caller;          /* texts are the request's */
    char cursor[PN_LINES_CURSOR_MAX]; /* read()'s own; "" at first */
    bool (*read)(struct pn_lines_source *source, struct pn_arena *arena,
                 struct pn_lines_page *out, struct pn_fault *fault);
    /* One line, in the arena; NULL = out of memory. */
    json_t *(*line)(struct pn_lines_source *source, const void *item,
                    struct pn_arena *arena);
};

/* Keep a list's next_cursor; page->more says whether there is one.  False: it
 * is too long. */
PN_MUST_USE bool pn_lines_go_on(struct pn_lines_source *source,
                                const char *next, struct pn_lines_page *page);

/* Answers with the first page read, or why it cannot be.  source NULL: out of
 * memory. */
void pn_call_answer_lines(struct pn_call *call, struct pn_lines_source *source);

#endif

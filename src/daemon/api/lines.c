/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines, a page at a time. */
#include "daemon/api/lines.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_ARENA = 32 << 20 };

/* One answer on its way. */
struct lines {
    struct pn_lines_source *source;
    struct pn_arena *arena; /* the present page's; NULL = none yet */
    struct pn_lines_page page;
    size_t next_item;
    char *line; /* what is left of the present one */
    size_t len;
};

bool
pn_lines_go_on(struct pn_lines_source *source, const char *next,
               struct pn_lines_page *page)
{
    const size_t len = strlen(next);

    if (len >= sizeof(source->cursor)) {
        return false;
    }
    memcpy(source->cursor, next, len + 1);
    page->more = len > 0;
    return true;
}

static bool
next_page(struct lines *lines, struct pn_fault *fault)
{
    pn_arena_free(lines->arena);
    lines->arena = pn_arena_new(PAGE_ARENA);
    if (lines->arena == NULL) {
        return false;
    }
    lines->page = (struct pn_lines_page){.item = NULL};
    lines->next_item = 0;
    return lines->source->read(lines->source, lines->arena, &lines->page,
                               fault);
}

static bool
next_line(struct lines *lines)
{
    const void *item =
        (const char *) lines->page.item + lines->next_item++ * lines->page.size;
    json_t *doc = lines->source->line(lines->source, item, lines->arena);
    size_t len = doc != NULL ? json_dumpb(doc, NULL, 0, JSON_COMPACT) : 0;

    lines->line = len > 0 ? pn_arena_alloc(lines->arena, len + 1) : NULL;
    if (lines->line == NULL) {
        return false;
    }
    (void) json_dumpb(doc, lines->line, len, JSON_COMPACT);
    lines->line[len] = '\n';
    lines->len = len + 1;
    return true;
}

/* A line to send; false at the end (*broken: before it). */
static bool
have_line(struct lines *lines, bool *broken)
{
    struct pn_fault fault = {0};

    while (lines->len == 0 && !*broken) {
        if (lines->next_item < lines->page.count) {
            *broken = !next_line(lines);
        } else if (!lines->page.more) {
            return false;
        } else {
            *broken = !next_page(lines, &fault);
        }
    }
    return !*broken;
}

static ssize_t
lines_read(void *arg, char *out, size_t cap)
{
    struct lines *lines = arg;
    bool broken = false;
    size_t filled = 0;

    while (filled < cap && have_line(lines, &broken)) {
        size_t n = lines->len < cap - filled ? lines->len : cap - filled;

        memcpy(out + filled, lines->line, n);
        filled += n;
        lines->line += n;
        lines->len -= n;
    }
    return broken ? -1 : (ssize_t) filled;
}

static void
lines_done(void *arg)
{
    struct lines *lines = arg;

    pn_arena_free(lines->arena);
    free(lines->source);
    free(lines);
}

void
pn_call_answer_lines(struct pn_call *call, struct pn_lines_source *source)
{
    struct lines *lines = calloc(1, sizeof(*lines));

    if (lines == NULL || source == NULL) {
        free(lines);
        free(source);
        (void) pn_call_no_memory(call);
        return;
    }
    source->ops = call->api->ops;
    source->caller = call->caller;
    lines->source = source;
    if (!next_page(lines, &call->fault)) {
        (void) pn_call_fail(call); /* the reason lies in the page */
        lines_done(lines);
        return;
    }
    call->res->status = 200;
    call->res->content_type = "application/jsonl";
    call->res->stream = (struct pn_http_stream){lines_read, lines_done, lines};
}

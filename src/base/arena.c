/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arenas: blocks of memory that are freed together.
 *
 *   arena -> newest block -> older block -> …   each: header, then bytes
 *
 * A request larger than a block gets a block of its own.  Under
 * AddressSanitizer every request does, so that an overrun is seen.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 16 * 1024 };

struct block {
    struct block *older;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

struct deferred {
    struct deferred *older;
    void (*call)(void *);
    void *arg;
};

struct pn_arena {
    struct block *newest;
    struct deferred *deferred;
    size_t given, max;
};

struct pn_arena *
pn_arena_new(size_t max_bytes)
{
    struct pn_arena *arena = calloc(1, sizeof(*arena));

    if (arena != NULL) {
        arena->max = max_bytes;
    }
    return arena;
}

void
pn_arena_free(struct pn_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    for (struct deferred *d = arena->deferred; d != NULL; d = d->older) {
        d->call(d->arg);
    }
    while (arena->newest != NULL) {
        struct block *older = arena->newest->older;

        free(arena->newest);
        arena->newest = older;
    }
    free(arena);
}

static size_t
block_size_for(size_t size)
{
#if defined(__SANITIZE_ADDRESS__)
    return size;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return size;
#endif
#endif
    return size > BLOCK_BYTES ? size : BLOCK_BYTES;
}

/* Zeroed: calloc, and nothing is handed out twice. */
static struct block *
block_add(struct pn_arena *arena, size_t size)
{
    size_t bytes = block_size_for(size);
    struct block *block = calloc(1, sizeof(*block) + bytes);

    if (block == NULL) {
        return NULL;
    }
    block->size = bytes;
    block->older = arena->newest;
    arena->newest = block;
    return block;
}

void *
pn_arena_alloc(struct pn_arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    struct block *block = arena->newest;
    size_t rounded = (size + align - 1) / align * align;
    void *mem;

    if (rounded < size || rounded > arena->max - arena->given) {
        return NULL;
    }
    if (block == NULL || rounded > block->size - block->used) {
        block = block_add(arena, rounded == 0 ? align : rounded);
        if (block == NULL) {
            return NULL;
        }
    }
    mem = block->bytes + block->used;
    block->used += rounded;
    arena->given += rounded;
    return mem;
}

void *
pn_arena_array(struct pn_arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    return pn_arena_alloc(arena, bytes);
}

char *
pn_arena_dup(struct pn_arena *arena, struct pn_str text)
{
    char *copy = pn_arena_alloc(arena, text.len + 1);

    if (copy != NULL && text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    return copy;
}

char *
pn_arena_printf(struct pn_arena *arena, const char *format, ...)
{
    char *text = NULL;
    va_list ap, again;
    int n;

    va_start(ap, format);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n >= 0) {
        text = pn_arena_alloc(arena, (size_t) n + 1);
    }
    if (text != NULL && vsnprintf(text, (size_t) n + 1, format, again) != n) {
        text = NULL;
    }
    va_end(again);
    return text;
}

enum pn_err
pn_arena_defer(struct pn_arena *arena, void (*call)(void *), void *arg)
{
    struct deferred *d = pn_arena_alloc(arena, sizeof(*d));

    if (d == NULL) {
        return PN_E_NOMEM;
    }
    *d = (struct deferred){.older = arena->deferred, .call = call, .arg = arg};
    arena->deferred = d;
    return PN_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that ends together: one arena per HTTP request, per change, per
 * list.  Nothing is freed one by one.
 *
 * An arena has a cap; past it, and when malloc fails, allocation returns NULL.
 * Not for two threads at once.  Built with AddressSanitizer every allocation
 * is a malloc of its own, so that overruns are seen.
 */
#ifndef PN_BASE_ARENA_H
#define PN_BASE_ARENA_H

#include "base/defs.h"

struct pn_arena;

/* NULL when out of memory.  max_bytes bounds everything handed out. */
struct pn_arena *pn_arena_new(size_t max_bytes);
void pn_arena_free(struct pn_arena *arena); /* NULL is fine */

/* Zeroed, aligned for any type; NULL when the cap or memory ran out. */
PN_MUST_USE void *pn_arena_alloc(struct pn_arena *arena, size_t size);

/* As above for an array; the multiplication is checked. */
PN_MUST_USE void *pn_arena_array(struct pn_arena *arena, size_t count,
                                 size_t size);

/* NUL-terminated copies; NULL when out of memory. */
PN_MUST_USE char *pn_arena_dup(struct pn_arena *arena, struct pn_str text);
PN_MUST_USE char *pn_arena_printf(struct pn_arena *arena, const char *format,
                                  ...) PN_PRINTF(2, 3);

/* Called in reverse order when the arena ends (for handles, JSON, wiping). */
PN_MUST_USE enum pn_err pn_arena_defer(struct pn_arena *arena,
                                       void (*call)(void *), void *arg);

#endif

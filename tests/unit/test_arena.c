/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: what is handed out, the cap, and what happens at the end. */
#include "base/arena.h"

#include <stdalign.h>

#include "check.h"

static void
test_memory_is_zeroed_aligned_and_apart(void **state)
{
    struct pn_arena *arena = pn_arena_new(1 << 20);
    uint8_t *seen[200];

    (void) state;
    assert_non_null(arena);
    for (size_t i = 0; i < PN_LEN(seen); i++) {
        const size_t size = i * 3 + 1;

        seen[i] = pn_arena_alloc(arena, size);
        assert_non_null(seen[i]);
        assert_int_equal((uintptr_t) seen[i] % alignof(max_align_t), 0);
        for (size_t b = 0; b < size; b++) {
            assert_int_equal(seen[i][b], 0);
        }
        memset(seen[i], (int) i, size);
    }
    for (size_t i = 0; i < PN_LEN(seen); i++) {
        for (size_t b = 0; b < i * 3 + 1; b++) {
            assert_int_equal(seen[i][b], (uint8_t) i);
        }
    }
    pn_arena_free(arena);
}

static void
test_a_request_larger_than_a_block_is_served(void **state)
{
    struct pn_arena *arena = pn_arena_new(1 << 20);
    uint8_t *large;

    (void) state;
    assert_non_null(arena);
    large = pn_arena_alloc(arena, 300000);
    assert_non_null(large);
    memset(large, 0xa5, 300000);
    assert_non_null(pn_arena_alloc(arena, 1));
    assert_int_equal(large[299999], 0xa5);
    pn_arena_free(arena);
}

static void
test_the_cap_holds_and_what_was_given_stays(void **state)
{
    struct pn_arena *arena = pn_arena_new(64);
    char *kept;

    (void) state;
    assert_non_null(arena);
    kept = pn_arena_dup(arena, PN_STR("kept"));
    assert_string_equal(kept, "kept");
    assert_null(pn_arena_alloc(arena, 64));
    assert_non_null(pn_arena_alloc(arena, 48));
    assert_null(pn_arena_alloc(arena, 1));
    assert_null(pn_arena_printf(arena, "%d", 1));
    assert_int_equal(pn_arena_defer(arena, free, NULL), PN_E_NOMEM);
    assert_string_equal(kept, "kept");
    pn_arena_free(arena);
}

static void
test_sizes_that_overflow_are_refused(void **state)
{
    struct pn_arena *arena = pn_arena_new(SIZE_MAX);

    (void) state;
    assert_non_null(arena);
    assert_null(pn_arena_alloc(arena, SIZE_MAX));
    assert_null(pn_arena_array(arena, SIZE_MAX / 2, 3));
    assert_null(pn_arena_array(arena, 2, SIZE_MAX / 2 + 1));
    assert_non_null(pn_arena_array(arena, 10, 10));
    pn_arena_free(arena);
}

static void
test_copies_end_in_nul(void **state)
{
    struct pn_arena *arena = pn_arena_new(4096);
    char *empty, *part;

    (void) state;
    assert_non_null(arena);
    part = pn_arena_dup(arena, (struct pn_str){"abcdef", 3});
    empty = pn_arena_dup(arena, (struct pn_str){NULL, 0});
    assert_string_equal(part, "abc");
    assert_string_equal(empty, "");
    assert_string_equal(pn_arena_printf(arena, "%s-%d", "x", 7), "x-7");
    pn_arena_free(arena);
}

static char order[8];

static void
note(void *arg)
{
    const char *name = arg;

    order[strlen(order)] = *name;
}

static void
test_deferred_calls_run_in_reverse_order(void **state)
{
    struct pn_arena *arena = pn_arena_new(4096);
    static char names[] = "abc";

    (void) state;
    assert_non_null(arena);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pn_arena_defer(arena, note, names + i), PN_OK);
    }
    assert_string_equal(order, "");
    pn_arena_free(arena);
    assert_string_equal(order, "cba");
    pn_arena_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(test_a_request_larger_than_a_block_is_served),
        cmocka_unit_test(test_the_cap_holds_and_what_was_given_stays),
        cmocka_unit_test(test_sizes_that_overflow_are_refused),
        cmocka_unit_test(test_copies_end_in_nul),
        cmocka_unit_test(test_deferred_calls_run_in_reverse_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

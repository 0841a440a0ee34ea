/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was found before is found again, and nothing else: not after a commit,
 * in another generation, or when the map has moved.
 */
#include "check.h"

#include "index/env.h"
#include "index/finds.h"
#include "index/index.h"
#include "index_fixture.h"

static struct pn_index_key
key_of(unsigned n)
{
    struct pn_index_key key;
    struct pn_hash hash;

    if (n % 2 == 0) {
        pn_index_key_id(PN_INDEX_KIND_OWNER, n, &key);
    } else {
        index_token_hash(n, &hash);
        pn_index_key_token(&hash, &key);
    }
    return key;
}

/* More keys than slots: each is its own value or nothing. */
static void
test_a_find_is_of_that_very_key(void **state)
{
    static struct pn_index_finds finds;
    static char values[5 * PN_INDEX_FINDS];
    unsigned remembered = 0;

    (void) state;
    pn_index_finds_forget(&finds);
    for (unsigned n = 0; n < PN_LEN(values); n++) {
        struct pn_index_key key = key_of(n);

        pn_index_finds_put(&finds, &key, (struct pn_str){values + n, n});
    }
    for (unsigned n = 0; n < PN_LEN(values); n++) {
        struct pn_index_key key = key_of(n);
        struct pn_str found;

        if (pn_index_finds_get(&finds, &key, &found)) {
            assert_ptr_equal(found.ptr, values + n);
            assert_int_equal(found.len, n);
            remembered++;
        }
    }
    assert_true(remembered > PN_INDEX_FINDS / 2);
    assert_true(remembered <= PN_INDEX_FINDS);
    pn_index_finds_forget(&finds);
    for (unsigned n = 0; n < PN_LEN(values); n++) {
        struct pn_index_key key = key_of(n);
        struct pn_str found;

        assert_false(pn_index_finds_get(&finds, &key, &found));
    }
}

static void
test_keys_of_another_length_are_not_remembered(void **state)
{
    static struct pn_index_finds finds;
    const struct pn_str app = PN_STR("an application's name");
    struct pn_index_key keys[2];
    struct pn_str found;

    (void) state;
    pn_index_finds_forget(&finds);
    pn_index_key_one(PN_INDEX_KIND_POLICY, &keys[0]);
    assert_int_equal(pn_index_key_app(app, &keys[1]), PN_OK);
    for (size_t i = 0; i < PN_LEN(keys); i++) {
        pn_index_finds_put(&finds, &keys[i], app);
        assert_false(pn_index_finds_get(&finds, &keys[i], &found));
    }
}

static struct pn_index *
reader(const struct index_fixture *fix)
{
    struct pn_index *index = NULL;

    assert_int_equal(pn_index_new(fix->dir, &index), PN_OK);
    return index;
}

/* Twice each: the second look is at what the first one found. */
static void
look_twice(struct pn_index *index, int expected)
{
    assert_int_equal(index_look(index, 0, 1), expected);
    assert_int_equal(index_look(index, 0, 1), expected);
}

static void
test_every_commit_is_seen(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_index *index = reader(fix);

    for (int64_t i = 0; i < 50; i++) {
        uint8_t flags = i % 2 == 0 ? PN_TOKEN_REVOKED : 0;

        index_publish_token(writer, 0, flags, 2 + i);
        look_twice(index, flags);
    }
    pn_index_free(index);
    pn_index_writer_free(writer);
}

/* Both have the same number of their transactions behind them. */
static void
test_another_generation_is_another_file(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_index *index = reader(fix);

    look_twice(index, 0);
    assert_int_equal(pn_index_writer_rebuild(writer), PN_OK);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    index_put_basics(writer);
    index_put_token(writer, 0, PN_TOKEN_REVOKED);
    assert_int_equal(pn_index_writer_commit(writer, 1), PN_OK);
    look_twice(index, PN_TOKEN_REVOKED);
    pn_index_free(index);
    pn_index_writer_free(writer);
}

/* The old place is no longer mapped. */
static void
test_a_map_that_moved_is_read_anew(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_writer *writer = index_fixture_make(fix);
    struct pn_index *index = reader(fix);
    struct pn_index_env *env = NULL;

    assert_int_equal(pn_index_env_open(fix->dir, 1, PN_INDEX_WRITE_EXISTING, 0,
                                       (gid_t) -1, &env),
                     PN_OK);
    for (int i = 0; i < 3; i++) {
        look_twice(index, 0);
        assert_int_equal(pn_index_env_grow(env), PN_OK);
    }
    look_twice(index, 0);
    pn_index_env_done(env);
    pn_index_free(index);
    pn_index_writer_free(writer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_find_is_of_that_very_key),
        cmocka_unit_test(test_keys_of_another_length_are_not_remembered),
        cmocka_unit_test_setup_teardown(
            test_every_commit_is_seen, index_fixture_setup, index_fixture_done),
        cmocka_unit_test_setup_teardown(test_another_generation_is_another_file,
                                        index_fixture_setup,
                                        index_fixture_done),
        cmocka_unit_test_setup_teardown(test_a_map_that_moved_is_read_anew,
                                        index_fixture_setup,
                                        index_fixture_done),
    };

    return cmocka_run_group_tests_name("index_finds", tests, NULL, NULL);
}

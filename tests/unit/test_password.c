/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local passwords, with the real libsodium.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/str.h"
#include "daemon/signin/password.h"

static void
secret_set(struct pn_secret *secret, const char *text)
{
    assert_int_equal(pn_secret_set(secret, pn_str_from(text)), PN_OK);
}

static double
seconds(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void
test_password_is_recognised_and_another_is_not(void **state)
{
    (void) state;
    struct pn_secret right, wrong;
    char hash[PN_PASSWORD_HASH_MAX];
    secret_set(&right, "correct horse battery");
    secret_set(&wrong, "correct horse batterz");
    assert_int_equal(pn_password_hash(&right, hash), PN_OK);
    assert_int_equal(pn_password_verify(&right, hash), PN_OK);
    assert_int_equal(pn_password_verify(&wrong, hash), PN_E_PERMISSION);
}

static void
test_hash_is_argon2id_with_19_mib_and_2_passes(void **state)
{
    (void) state;
    struct pn_secret password;
    char hash[PN_PASSWORD_HASH_MAX];
    secret_set(&password, "x");
    assert_int_equal(pn_password_hash(&password, hash), PN_OK);
    static const char head[] = "$argon2id$v=19$m=19456,t=2,p=1$";
    assert_int_equal(strncmp(hash, head, sizeof(head) - 1), 0);
}

static void
test_whole_password_counts_to_its_last_byte(void **state)
{
    (void) state;
    struct pn_secret a = {.len = 512}, b;
    memset(a.bytes, 'a', a.len);
    b = a;
    b.bytes[511] = 'b';
    char hash[PN_PASSWORD_HASH_MAX];
    assert_int_equal(pn_password_hash(&a, hash), PN_OK);
    assert_int_equal(pn_password_verify(&b, hash), PN_E_PERMISSION);
}

static void
test_unknown_user_costs_the_same_work_and_is_refused(void **state)
{
    (void) state;
    struct pn_secret password;
    char hash[PN_PASSWORD_HASH_MAX];
    secret_set(&password, "correct horse battery");
    assert_int_equal(pn_password_hash(&password, hash), PN_OK);
    double known = 1e9, unknown = 1e9;
    /* the smallest of several: what the work itself costs */
    for (int i = 0; i < 5; i++) {
        double start = seconds();
        assert_int_equal(pn_password_verify(&password, hash), PN_OK);
        double middle = seconds();
        assert_int_equal(pn_password_verify(&password, NULL), PN_E_PERMISSION);
        double end = seconds();
        known = middle - start < known ? middle - start : known;
        unknown = end - middle < unknown ? end - middle : unknown;
    }
    assert_true(unknown > known * 0.5 && unknown < known * 2.0);
}

static void
test_damaged_hash_matches_nothing(void **state)
{
    (void) state;
    struct pn_secret password;
    secret_set(&password, "x");
    assert_int_equal(pn_password_verify(&password, ""), PN_E_PERMISSION);
    assert_int_equal(pn_password_verify(&password, "$argon2id$v=19$m=1"),
                     PN_E_PERMISSION);
}

enum { CROWD = 64 };
static _Atomic unsigned busy, done;

static void *
one_of_many(void *arg)
{
    char hash[PN_PASSWORD_HASH_MAX];
    enum pn_err err = pn_password_hash(arg, hash);
    if (err == PN_E_BUSY) {
        atomic_fetch_add(&busy, 1);
    } else if (err == PN_OK) {
        atomic_fetch_add(&done, 1);
    }
    return NULL;
}

static void
test_flood_is_told_busy_instead_of_taking_memory(void **state)
{
    (void) state;
    struct pn_secret password;
    secret_set(&password, "x");
    pthread_t threads[CROWD];
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, one_of_many, &password), 0);
    }
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(busy + done, CROWD);
    assert_true(done >= PN_PASSWORD_RUNNING + PN_PASSWORD_WAITING);
    assert_true(busy > 0);
}

static void
test_generated_passwords_are_long_and_differ(void **state)
{
    (void) state;
    struct pn_secret a = {0}, b = {0};
    pn_password_generate(&a);
    pn_password_generate(&b);
    assert_int_equal(a.len, 20);
    assert_int_equal(strlen(a.bytes), 20);
    assert_string_not_equal(a.bytes, b.bytes);
    assert_null(strpbrk(a.bytes, "01oil"));
}

int
main(void)
{
    if (pn_password_init() != PN_OK) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_password_is_recognised_and_another_is_not),
        cmocka_unit_test(test_hash_is_argon2id_with_19_mib_and_2_passes),
        cmocka_unit_test(test_whole_password_counts_to_its_last_byte),
        cmocka_unit_test(test_unknown_user_costs_the_same_work_and_is_refused),
        cmocka_unit_test(test_damaged_hash_matches_nothing),
        cmocka_unit_test(test_flood_is_told_busy_instead_of_taking_memory),
        cmocka_unit_test(test_generated_passwords_are_long_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

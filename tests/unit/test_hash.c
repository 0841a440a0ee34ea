/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 and CRC-32 against their published vectors. */
#include "check.h"

#include "core/crc.h"
#include "core/hash.h"
#include "core/sum.h"

static void
assert_hash(const char *text, const char *hex)
{
    struct pn_hash hash;
    char got[2 * PN_HASH_LEN + 1];

    pn_hash_of(pn_str_from(text), &hash);
    for (size_t i = 0; i < PN_HASH_LEN; i++) {
        (void) snprintf(got + 2 * i, 3, "%02x", hash.bytes[i]);
    }
    assert_string_equal(got, hex);
}

static void
test_hash_is_sha_256(void **state)
{
    (void) state; /* FIPS 180-4, examples */
    assert_hash("", "e3b0c44298fc1c149afbf4c8996fb924"
                    "27ae41e4649b934ca495991b7852b855");
    assert_hash("abc", "ba7816bf8f01cfea414140de5dae2223"
                       "b00361a396177a9cb410ff61f20015ad");
    assert_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039"
                "a33ce45964ff2167f6ecedd419db06c1");
}

static void
test_crc_is_that_of_zlib_and_png(void **state)
{
    (void) state;
    assert_int_equal(pn_crc32("123456789", 9), 0xcbf43926);
    assert_int_equal(pn_crc32("", 0), 0);
}

/* Against the vectors of docs/formats/index.md. */
static void
test_sum_is_the_documented_one(void **state)
{
    static const char zeros[64];

    (void) state;
    assert_true(pn_sum("", 0) == UINT64_C(0x0357bbd6ebbb7dd3));
    assert_true(pn_sum("1", 1) == UINT64_C(0x471f2de6d11ea4ea));
    assert_true(pn_sum("12345678", 8) == UINT64_C(0xce27fa245bdf9432));
    assert_true(pn_sum("123456789", 9) == UINT64_C(0x284c1893c956f227));
    assert_true(pn_sum(zeros, 64) == UINT64_C(0x066ff5770b469ab7));
}

/* Eight bytes that changed together, a whole group, at every place. */
static void
test_damage_within_eight_bytes_never_keeps_the_sum(void **state)
{
    uint64_t words[9] = {1, 2, 3, UINT64_MAX, 0, 0, 7, 1 << 20, 9};
    uint64_t sum = pn_sum(words, sizeof(words));

    (void) state;
    for (size_t i = 0; i < PN_LEN(words); i++) {
        for (uint64_t change = 1; change != 0; change <<= 1) {
            words[i] ^= change;
            assert_true(pn_sum(words, sizeof(words)) != sum);
            words[i] ^= change;
            words[i] += change * 0x9e3779b9U | 1;
            assert_true(pn_sum(words, sizeof(words)) != sum);
            words[i] -= change * 0x9e3779b9U | 1;
        }
    }
    assert_true(pn_sum(words, sizeof(words)) == sum);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_is_sha_256),
        cmocka_unit_test(test_crc_is_that_of_zlib_and_png),
        cmocka_unit_test(test_sum_is_the_documented_one),
        cmocka_unit_test(test_damage_within_eight_bytes_never_keeps_the_sum),
    };

    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
